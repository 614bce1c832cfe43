"""The program as processes on one database, and clients of it that ask at the same moment."""

from __future__ import annotations

import http.client
import itertools
import json
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from http import HTTPStatus
from typing import NamedTuple

import sqlalchemy as sa

from rma.db.session import Database
from rma.services import keys, links, seal, verify
from rma.services.caller import SCOPES
from rma.services.keys import NewKey
from tests.support import floor as floors
from tests.support import invariants, racing
from tests.support.crew import Crew, free_port, until
from tests.support.floor import Floor
from tests.support.program import broke
from tests.support.rewind import deadlocks
from tests.support.snapshots import Json

HOST = "127.0.0.1"
PEOPLE = ("anna", "bert", "carl")


class Asking(NamedTuple):
    """A request: who asks, and for what. ``who`` is the whole Authorization, ``key`` the Idempotency-Key."""

    who: str
    method: str
    path: str
    body: Json
    key: str


class Said(NamedTuple):
    """An answer."""

    status: int
    text: bytes

    @property
    def short(self) -> str:
        """The status, and of a refusal its codes: ``422 quantity_left``."""
        body = json.loads(self.text) if self.status >= HTTPStatus.BAD_REQUEST else {}
        faults = body.get("errors") or body.get("reasons") or ([{"code": body["code"]}] if "code" in body else [])
        return " ".join([str(self.status), *(one["code"] for one in faults)])


class At:
    """An order that requests are about, and who makes them: ``PEOPLE`` with keys by their names, customers by links."""

    def __init__(self, floor: Floor, number: str, people: Mapping[str, str]) -> None:
        self.floor, self.number = floor, number
        self._people, self._keys = people, itertools.count(1)

    def ask(self, method: str, path: str, body: Json, *, by: str = "anna", key: str = "") -> Asking:
        """A request of somebody, or of a customer with a whole Authorization."""
        return Asking(self._people.get(by, by), method, path, body, f"{self.number}-{key or next(self._keys)}")

    def link(self, return_id: str) -> str:
        """The Authorization of the customer of a return."""
        with self.floor.services.database.write() as work:
            return f"Link {links.mint(work, self.floor.store_id, return_id)}"


class Town:
    """Processes of the program: on PostgreSQL two that serve and work, on SQLite one that serves and one that works.

    ``floor`` is a store of theirs, on the same database and folder; what is enqueued through it is done over there.
    """

    def __init__(self, crew: Crew, url: str) -> None:
        self._url, self._services = url, floors.services_on(url, crew.folder)
        self.floor, self._numbers = Floor(self._services), itertools.count(1)
        self._people = {person: self._key(person) for person in PEOPLE}
        alone = url.startswith("sqlite")
        self.kind = "sqlite" if alone else "postgresql"
        self.ports = [free_port() for _ in range(1 if alone else 2)]
        self.processes = [
            crew.start(
                "serve", "--port", str(port), "--slot", str(slot), *(["--no-worker"] if alone else []), database_url=url
            )
            for slot, port in enumerate(self.ports)
        ]
        if alone:
            self.processes.append(crew.start("worker", "--slot", "1", database_url=url))
        for port in self.ports:
            until(partial(_ready, port))

    def at(self) -> At:
        """The number of an order that is not there yet, and people who may ask for anything about it."""
        return At(self.floor, f"order-{next(self._numbers)}", self._people)

    def _key(self, person: str) -> str:
        new = NewKey(name=person, scopes=list(SCOPES), person=f"{person}@example.com")
        with self._services.database.write() as work:
            return f"Bearer {keys.mint(work, new, store_id=self.floor.store_id, actor='system').key}"

    def at_once(
        self, asked: list[Asking], *, after: Callable[[], object] = int, held: Sequence[str] = ()
    ) -> list[Said]:
        """Ask for all of these at the same moment, ``after`` this, each of another process where there are several.

        ``held``: on PostgreSQL nobody gets the orders of these numbers, nor their returns, before everybody has come so
        far that they want them or are done.
        """
        gate = threading.Barrier(len(asked) + 1)
        with ThreadPoolExecutor(len(asked)) as pool, self._holding(held) as stopped:
            going = [pool.submit(self._ask, one, n, gate) for n, one in enumerate(asked)]
            after()
            gate.wait(60)
            stopped(going)
        return [one.result() for one in going]

    @contextmanager
    def _holding(self, numbers: Sequence[str]) -> Iterator[Callable[[list[Future[Said]]], object]]:
        """Hold orders and their returns for the block, which may wait until all are stopped by that or done."""
        database = self._services.database
        if not numbers or database.is_sqlite:
            yield lambda _: None
            return
        with database.engine.connect() as conn:
            for table, column in (("orders", "number"), ("returns", "order_number")):
                row = sa.table(table, sa.column("id"), sa.column(column))
                wanted = sa.select(row.c.id).where(row.c[column].in_(numbers)).order_by(row.c.id)
                conn.execute(wanted.with_for_update(key_share=True)).all()
            yield partial(racing.until_stopped, database)
            conn.rollback()

    def one_by_one(self, asked: list[Asking]) -> list[Said]:
        """Ask for one after the other."""
        return [self._ask(one, n, threading.Barrier(1)) for n, one in enumerate(asked)]

    def _ask(self, asked: Asking, n: int, gate: threading.Barrier) -> Said:
        """Connect and say everything but the last byte, wait for the others, and say that too."""
        body = json.dumps(asked.body).encode()
        wire = http.client.HTTPConnection(HOST, self.ports[n % len(self.ports)], timeout=60)
        try:
            wire.putrequest(asked.method, f"/api/v1{asked.path}")
            wire.putheader("Authorization", asked.who)
            wire.putheader("Idempotency-Key", asked.key)
            wire.putheader("Content-Type", "application/json")
            wire.putheader("Content-Length", str(len(body)))
            wire.endheaders(body[:-1])
            gate.wait(60)
            wire.send(body[-1:])
            answer = wire.getresponse()
            return Said(answer.status, answer.read())
        finally:
            wire.close()

    def calm(self) -> None:
        """Wait until nothing is left to be done behind the requests."""
        until(lambda: not self.floor.open_acts())

    def close(self) -> None:
        """End the processes in peace: none has complained, all adds up, seals prove it, and no deadlock was broken."""
        for process in self.processes:
            assert process.stop() == 0, process.said
            assert not broke(process.said), process.said
        invariants.check(self.floor)
        seal.seal_all(self._services.database)
        report = verify.verify(self._services.database)
        assert (report.faulty, report.unsealed) == (0, 0)
        self._services.effects.stop(wait=1)
        self._services.close()
        assert deadlocks(Database(self._url)) == 0


def _ready(port: int) -> bool:
    wire = http.client.HTTPConnection(HOST, port, timeout=60)
    try:
        wire.request("GET", "/health/ready")
        return wire.getresponse().status == HTTPStatus.OK
    except OSError:
        return False
    finally:
        wire.close()
