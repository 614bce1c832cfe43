"""The program served once for each kind of database; each story opens a shop of its own in it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.support.databases import Databases, Kind
from tests.support.served import Served
from tests.support.shop import Shop


@pytest.fixture(scope="session")
def programs(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[Kind], Served]]:
    """The running program on each kind of database, started when the first story asks for it."""
    running: dict[Kind, Served] = {}

    def program(kind: Kind) -> Served:
        if kind not in running:
            running[kind] = Served(databases.fresh(kind), tmp_path_factory.mktemp(f"program-{kind}"))
        return running[kind]

    yield program
    for one in running.values():
        one.stop()


@pytest.fixture
def program(programs: Callable[[Kind], Served], database_kind: Kind) -> Iterator[Served]:
    """The running program; a story in which it wrote a trace or an error to its log fails."""
    one = programs(database_kind)
    one.complaints()
    yield one
    assert one.complaints() == ""


@pytest.fixture
def open_shop(program: Served) -> Callable[..., Shop]:
    """Open a shop with a policy or a place of its own."""

    def opened(**how: Any) -> Shop:
        return Shop(program, **how)

    return opened


@pytest.fixture
def shop(program: Served) -> Shop:
    """A Turkish shop with the standard policy."""
    return Shop(program)
