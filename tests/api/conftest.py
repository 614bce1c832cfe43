"""The application in this process, on each kind of database, with stores and keys to call it with."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from copy import copy
from dataclasses import fields
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any

import httpx
import pytest
from litestar import Litestar
from litestar.testing import TestClient

from rma.api.routing import Routes
from rma.app import ROUTES, create_app, create_services
from rma.db import tables
from rma.db.session import Database
from rma.domain import ids
from rma.services import keys, stores
from rma.services.context import Services
from rma.services.keys import NewKey
from rma.services.stores import NewStore
from rma.settings import Settings

Headers = dict[str, str]
_numbers = itertools.count(1)


class Api:
    """The running application and a store ``shop``; another store is ``other``, for those who ask for it."""

    def __init__(self, client: TestClient[Litestar], services: Services) -> None:
        self.client = client
        self.services = services
        self.store_id = self.store("shop")

    @cached_property
    def other_id(self) -> str:
        """The other store, made when it is asked for."""
        return self.store("other")

    def store(self, slug: str) -> str:
        """Make a Turkish store."""
        new = NewStore(
            slug=slug, name=slug, country="TR", timezone="Europe/Istanbul", currency="TRY", locale="tr", test_mode=True
        )
        with self.services.database.write() as work:
            return stores.create(work, new).id

    def key(self, *scopes: str, person: str | None = None, store_id: str | None = None, **more: Any) -> Headers:
        """The headers of a fresh key of ``shop``."""
        new = NewKey(name="test", scopes=list(scopes), person=person, **more)
        with self.services.database.write() as work:
            minted = keys.mint(work, new, store_id=store_id or self.store_id, actor="system")
        return {"Authorization": f"Bearer {minted.key}"}

    def a_return(self) -> str:
        """A row of ``returns`` that a link can point at; it has no story."""
        now = datetime.now(UTC)
        with self.services.database.write() as work:
            order_id = work.new_id("ord")
            order = tables.Order(
                id=order_id,
                store_id=self.store_id,
                number=order_id,
                currency="TRY",
                ordered_at=now,
                doc="{}",
                person="{}",
                created_at=now,
                updated_at=now,
            )
            work.session.add(order)
            work.flush()
            row = tables.Return(
                id=work.new_id("ret"),
                store_id=self.store_id,
                order_id=order_id,
                order_number=order_id,
                rma_number=f"TEST-{next(_numbers)}",
                kind="voluntary",
                state="in_review",
                waits_for="support",
                workflow="return",
                workflow_version=1,
                policy_version=1,
                law="none",
                currency="TRY",
                facts={},
                quote="{}",
                created_at=now,
                updated_at=now,
            )
            work.session.add(row)
            return row.id

    def link(self, return_id: str, expires_at: datetime) -> Headers:
        """The headers of a customer's link to a return that exists."""
        token = f"token-{next(_numbers)}"
        with self.services.database.write() as work:
            work.session.add(
                tables.Link(
                    hash=ids.secret_hash(token),
                    store_id=self.store_id,
                    return_id=return_id,
                    expires_at=expires_at,
                    created_at=datetime.now(UTC),
                )
            )
        return {"Authorization": f"Link {token}"}

    def get(self, path: str, headers: Headers | None = None, **more: Any) -> httpx.Response:
        """GET below ``/api/v1``."""
        return self.client.get(f"/api/v1{path}", headers=headers, **more)

    def post(self, path: str, json: Any = None, headers: Headers | None = None, **more: Any) -> httpx.Response:
        """POST below ``/api/v1`` with an Idempotency-Key of its own unless the headers hold one."""
        sent = {"Idempotency-Key": f"k-{next(_numbers)}"} | (headers or {})
        return self.client.post(f"/api/v1{path}", json=json, headers=sent, **more)


class Applications:
    """One application for all tests that serve the same routes with the same settings; each test brings its services.

    An application keeps nothing but counts: whatever it works with is asked of its services anew by each request.
    """

    def __init__(self) -> None:
        self._stack = ExitStack()
        self._made: dict[str, tuple[TestClient[Litestar], Services]] = {}

    def around(self, services: Services, routes: Sequence[Routes]) -> tuple[TestClient[Litestar], Services]:
        """A client of an application that works with these services from now on."""
        key = f"{[id(group) for group in routes]} {services.settings.model_dump(exclude={'data_dir'})}"
        if key not in self._made:
            lent = copy(services)
            app = create_app(services.settings, services=lent, routes=routes)
            client = self._stack.enter_context(TestClient(app, raise_server_exceptions=False))
            self._made[key] = (client, lent)
        client, lent = self._made[key]
        for field in fields(Services):
            setattr(lent, field.name, getattr(services, field.name))
        client.cookies.clear()
        return client, lent

    def close(self) -> None:
        """End them."""
        self._stack.close()


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Settings with a data folder of its own and no log on the screen."""
    return Settings(data_dir=tmp_path, access_log=False)


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    """The migrated database, on SQLite and then on PostgreSQL."""
    opened = Database(database_url)
    yield opened
    opened.close()


@pytest.fixture
def served() -> Sequence[Routes]:
    """What is served; a module with stand-ins of its own overrides it."""
    return ROUTES


@pytest.fixture
def alone() -> bool:
    """Whether a test needs an application that nobody used before it; a module that reads its numbers overrides it."""
    return False


@pytest.fixture(scope="session")
def applications() -> Iterator[Applications]:
    """The applications that tests share: making one takes longer than most tests."""
    made = Applications()
    yield made
    made.close()


@pytest.fixture
def api(
    settings: Settings, database: Database, served: Sequence[Routes], applications: Applications, *, alone: bool
) -> Iterator[Api]:
    """The application and the ways to call it."""
    services = create_services(settings, database=database)
    if alone:
        app = create_app(settings, services=services, routes=served)
        with TestClient(app, raise_server_exceptions=False) as client:
            yield Api(client, services)
    else:
        yield Api(*applications.around(services, served))
