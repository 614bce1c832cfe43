"""Databases for tests: SQLite files and PostgreSQL databases, each copied from one that was migrated once."""

from __future__ import annotations

import itertools
import sqlite3
from collections.abc import Callable
from contextlib import ExitStack, closing
from functools import cached_property
from pathlib import Path
from typing import Literal

from tests.support import postgres

Kind = Literal["sqlite", "postgresql"]
KINDS: tuple[Kind, ...] = ("sqlite", "postgresql")


class Databases:
    """Makes databases below ``home``; the PostgreSQL server starts with the first one that needs it.

    ``migrate`` brings the database behind an address to the newest revision. Close it to stop the server.
    """

    def __init__(self, home: Path, *, migrate: Callable[[str], None]) -> None:
        self._home = home
        self._migrate = migrate
        self._stack = ExitStack()
        self._numbers = itertools.count(1)
        self._templates: dict[Kind, str] = {}

    @cached_property
    def server(self) -> postgres.Server:
        """The one PostgreSQL server of the run."""
        return self._stack.enter_context(postgres.running())

    def empty(self, kind: Kind) -> str:
        """The address of a database with nothing in it."""
        name = f"test_{next(self._numbers)}"
        if kind == "postgresql":
            return self.server.create(name)
        return f"sqlite:///{self._home / name}.sqlite3"

    def fresh(self, kind: Kind) -> str:
        """The address of a database at the newest revision, with no rows."""
        template = self._template(kind)
        name = f"test_{next(self._numbers)}"
        if kind == "postgresql":
            return self.server.create(name, template=template)
        return self._copied(template, name)

    def copy(self, url: str) -> str:
        """The address of a copy as it is now, as a backup restored; nobody may be connected to the original."""
        name = f"test_{next(self._numbers)}"
        if not url.startswith("sqlite"):
            return self.server.create(name, template=_name(url))
        return self._copied(_name(url), name)

    def _copied(self, path: str, name: str) -> str:
        target = self._home / f"{name}.sqlite3"
        with closing(sqlite3.connect(path)) as source, closing(sqlite3.connect(target)) as copy:
            source.backup(copy)
        return f"sqlite:///{target}"

    def drop(self, url: str) -> None:
        """Removes a database that was made here, even under open connections."""
        if url.startswith("sqlite"):
            for ending in ("", "-wal", "-shm"):
                Path(_name(url) + ending).unlink(missing_ok=True)
        else:
            self.server.drop(_name(url))

    def close(self) -> None:
        """Stops the server, if one was started."""
        self._stack.close()

    def _template(self, kind: Kind) -> str:
        if kind not in self._templates:
            url = self.empty(kind)
            self._migrate(url)
            self._templates[kind] = _name(url)
        return self._templates[kind]


def _name(url: str) -> str:
    """The path of a SQLite file, the name of a PostgreSQL database."""
    return url.removeprefix("sqlite:///").rpartition("@/")[2].partition("?")[0]
