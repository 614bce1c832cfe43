"""The runs themselves: databases, shops, servers and clients, limit and program in turns."""

from __future__ import annotations

import itertools
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import msgspec
import sqlalchemy as sa

from benchmarks import counting, limits, shop
from benchmarks.lifecycle import STEPS, Drive, drive
from benchmarks.servers import Process, serving, tree_cpu_seconds
from rma.app import create_services
from rma.db import tables
from rma.db.migrate import upgrade
from rma.db.session import Database
from rma.services.context import Services
from rma.services.notify import TO_SEND
from rma.settings import Settings
from tests.support import postgres

ORDERS_A_SECOND = 250
"""More than any run uses up; a run that ran out would end early, and say so."""
EFFECTS_SECONDS = 120.0
WARM_UP = 60
_transfers = tables.table(tables.Transfer)
_messages = tables.table(tables.Message)
_seals = tables.table(tables.Seal)
_events = tables.table(tables.Event)
_cursors = tables.table(tables.Cursor)
_LOOK = 0.5


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """What to measure and how long."""

    databases: tuple[str, ...]
    clients: tuple[int, ...]
    runs: int
    seconds: float
    effects: bool
    processes: int
    """How many processes serve on PostgreSQL; SQLite has one."""


class Figures(msgspec.Struct, frozen=True, kw_only=True):
    """One run of the program: what the clients saw and what it cost in processor time, in milliseconds a life."""

    drive: Drive
    server_cpu_ms: float
    database_cpu_ms: float | None
    resident_mib: float
    limit: float

    @property
    def share(self) -> float:
        """How many times as fast the limit of the same run is."""
        return self.limit / self.drive.cycles_per_second


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """The runs of one database, number of processes and clients, and place of the work behind the requests."""

    database: str
    processes: int
    clients: int
    worker: str
    runs: list[Figures]

    def median(self, pick: Callable[[Figures], float]) -> float:
        """The median of one figure over the runs."""
        return statistics.median(map(pick, self.runs))


class Counts(msgspec.Struct, frozen=True):
    """The statements and round trips of each of the seven requests on one database."""

    database: str
    requests: dict[str, counting.Counted]


class Measured(msgspec.Struct, frozen=True):
    """Everything of one call."""

    results: list[Result]
    counted: list[Counts]


class Place:
    """One kind of database with a shop in it, and its limit beside it."""

    def __init__(self, kind: str, url: str, folder: Path, server: postgres.Server | None) -> None:
        self.kind, self.url, self.folder, self.server = kind, url, folder, server
        self._names = (f"B{number:03d}-" for number in itertools.count(1))
        database = Database(url)
        self.services: Services = create_services(Settings(data_dir=folder), database=database)
        upgrade(database)
        self.services.effects.prepare()
        self.shop, self.caller = shop.open_shop(self.services)

    def processes(self, options: Options) -> int:
        """How many processes serve on this database."""
        return 1 if self.server is None else options.processes

    def limit(self, clients: int, seconds: float) -> float:
        """Lives a second of the least SQL."""
        if self.server is not None:
            return limits.postgresql(self.server, clients=clients, seconds=seconds)
        return limits.sqlite(self.folder, clients=clients, seconds=seconds)

    def orders(self, count: int) -> Iterator[str]:
        """New orders to return."""
        return iter(shop.add_orders(self.services, self.caller, count, prefix=next(self._names)))

    def analyse(self) -> None:
        """Let PostgreSQL count its rows, as it does by itself in a database's first minute: plans follow from that."""
        if self.server is not None:
            with self.server.connect("bench") as connection:
                connection.execute("ANALYZE")

    def settle(self, seconds: float) -> None:
        """Wait, at most so long, until every act is done, every event sealed and read, and every mail that is due sent.

        What was not done, or paid nothing back, makes a run void.
        """
        end = time.monotonic() + seconds
        left = self.services.effects.wait(self.shop.store_id, seconds)
        assert left == 0, f"{left} acts were not done in {seconds} s"
        while not self._is_quiet():
            assert time.monotonic() < end, f"events were not sealed and read, or mails not sent, in {seconds} s"
            time.sleep(_LOOK)
        with self.services.database.read() as work:
            lost = _transfers.c.state.in_(["unknown", "failed"])
            unpaid = work.conn.execute(sa.select(sa.func.count()).where(lost)).scalar()
        assert unpaid == 0, f"{unpaid} refunds did not reach the customer"

    def _is_quiet(self) -> bool:
        with self.services.database.read() as work:
            due = sa.select(sa.func.count()).where(_messages.c.state == TO_SEND, _messages.c.next_at <= work.real_now)
            ends = sa.select(sa.func.max(_seals.c.number), sa.func.min(_cursors.c.number))
            mails = work.conn.execute(due).scalar()
            sealed, read = work.conn.execute(ends.select_from(_seals).outerjoin(_cursors, sa.true())).one()
            events = work.conn.execute(sa.select(sa.func.count()).select_from(_events)).scalar()
        return not mails and events == sealed == read

    def close(self) -> None:
        """Let go of the database."""
        self.services.effects.stop(wait=1)
        self.services.close()

    @property
    def database_cpu(self) -> float | None:
        """Processor seconds of the database's own processes; None where it lives inside the program."""
        if self.server is None:
            return None
        return tree_cpu_seconds(int((self.server.socket / "postmaster.pid").read_text().split()[0]))


@contextmanager
def open_place(kind: str) -> Iterator[Place]:
    """A new database of this kind with a shop in it, gone at the end."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="rma-bench-")))
        server = stack.enter_context(postgres.running(settings=())) if kind == "postgresql" else None
        if server is not None:
            server.create("limit")
        url = server.create("bench") if server is not None else f"sqlite:///{folder / 'bench.sqlite3'}"
        place = Place(kind, url, folder, server)
        stack.callback(place.close)
        yield place


def everything(options: Options) -> Measured:
    """Measure what is asked for, telling the screen what is under way."""
    results: list[Result] = []
    counted: list[Counts] = []
    for kind in options.databases:
        with open_place(kind) as place:
            counted.append(Counts(kind, count_statements(place)))
            results += _elsewhere(place, options)
            if options.effects:
                results.append(_inside(place, options))
    return Measured(results, counted)


def count_statements(place: Place) -> dict[str, counting.Counted]:
    """One life on a server that counts, after one that fills its caches."""
    target = place.folder / "statements"
    with serving(place.url, place.folder, worker=False, told=("statements", target)) as process:
        for name in ("cold", "warm"):
            target.unlink(missing_ok=True)
            drive(process.port, place.shop, place.orders(1), clients=1, seconds=60, name=f"count-{name}")
    found = [counted for counted in counting.read(target) if counted.request.startswith("POST")]
    return dict(zip(STEPS, found, strict=True))


def _elsewhere(place: Place, options: Options) -> list[Result]:
    """The work behind the requests is left undone: what a server costs whose worker runs on another machine."""
    runs: dict[int, list[Figures]] = {clients: [] for clients in options.clients}
    processes = place.processes(options)
    with serving(place.url, place.folder, worker=False, processes=processes) as process:
        drive(process.port, place.shop, place.orders(WARM_UP), clients=8, seconds=60, name=f"warm-{process.port}")
        place.analyse()
        for turn in range(options.runs):
            for clients in options.clients:
                limit = place.limit(clients, options.seconds)
                name = f"{process.port}-{turn}-{clients}"
                runs[clients].append(_run(place, process, options, clients=clients, name=name, limit=limit))
                _say(place, clients, "elsewhere", runs[clients][-1])
    return [
        Result(database=place.kind, processes=processes, clients=clients, worker="elsewhere", runs=found)
        for clients, found in runs.items()
    ]


def _inside(place: Place, options: Options) -> Result:
    """With labels, mails, seals and refunds in the same process; the run's cost holds all of them to the end."""
    runs = []
    clients, processes = options.clients[-1], place.processes(options)
    _forget_acts(place)
    with serving(place.url, place.folder, worker=True, processes=processes) as process:
        drive(process.port, place.shop, place.orders(WARM_UP), clients=8, seconds=60, name=f"warm-{process.port}")
        place.analyse()
        place.settle(EFFECTS_SECONDS)
        for turn in range(options.runs):
            limit = place.limit(clients, options.seconds)
            name = f"{process.port}-{turn}-inside"
            runs.append(_run(place, process, options, clients=clients, name=name, limit=limit, finish=True))
            _say(place, clients, "inside", runs[-1])
    return Result(database=place.kind, processes=processes, clients=clients, worker="inside", runs=runs)


def _forget_acts(place: Place) -> None:
    """What the runs before left waiting for a worker is not this run's work."""
    with place.services.database.write() as work:
        work.conn.exec_driver_sql("UPDATE attempts SET state = 'done'")
        schema = "dbos." if place.server is not None else ""
        work.conn.exec_driver_sql(f"DELETE FROM {schema}workflow_status")


def _run(
    place: Place,
    process: Process,
    options: Options,
    *,
    clients: int,
    name: str,
    limit: float,
    finish: bool = False,
) -> Figures:
    orders = place.orders(round(ORDERS_A_SECOND * options.seconds))
    server_before, database_before = process.cpu_seconds, place.database_cpu
    found = drive(process.port, place.shop, orders, clients=clients, seconds=options.seconds, name=name)
    assert next(orders, None) is not None, "the orders ran out: raise ORDERS_A_SECOND"
    if finish:
        place.settle(EFFECTS_SECONDS)
    database_after = place.database_cpu
    database = None
    if database_before is not None and database_after is not None:
        database = round((database_after - database_before) / found.cycles * 1000, 2)
    return Figures(
        drive=found,
        server_cpu_ms=round((process.cpu_seconds - server_before) / found.cycles * 1000, 2),
        database_cpu_ms=database,
        resident_mib=round(process.resident_mib, 1),
        limit=limit,
    )


def _say(place: Place, clients: int, worker: str, found: Figures) -> None:
    text = f"{place.kind}, {clients} clients, worker {worker}: {found.drive.cycles_per_second:.1f} of {found.limit:.0f}"
    print(f"{text} lives/s (1/{found.share:.1f}), {found.server_cpu_ms:.1f} ms a life", file=sys.stderr, flush=True)
