"""Two acts at once, for real: one holds its transaction open until the other is stopped by its locks or has ended."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar

import sqlalchemy as sa

from rma.db.session import Database, WidenError
from rma.errors import RmaError
from tests.support.floor import Act, Floor

T = TypeVar("T")
LONGEST = 5.0
_BLOCKED = sa.text(
    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
)


def together(*acts: Callable[[], T]) -> list[T]:
    """Run these in threads that start at the same moment; what they answer, in order."""
    gate = threading.Barrier(len(acts))

    def start(act: Callable[[], T]) -> T:
        gate.wait()
        return act()

    with ThreadPoolExecutor(len(acts)) as pool:
        return [future.result() for future in [pool.submit(start, act) for act in acts]]


def at_once(floor: Floor, *acts: Act) -> list[str]:
    """Do these acts at once; how each of them ended."""
    return [code for code, _ in together(*[lambda act=act: floor.do(act) for act in acts])]


class Alone:
    """Something that makes transactions of its own."""

    def __init__(self, run: Callable[[], Any]) -> None:
        self.run = run


Doing = Act | Alone


def done(floor: Floor, act: Doing) -> str:
    """Do it; how it ended."""
    if isinstance(act, Alone):
        act.run()
        return "ok"
    return floor.do(act)[0]


def overlapped(floor: Floor, first: Doing, second: Doing) -> tuple[str, str]:
    """Do the second act while the first one has done everything but commit; how both ended."""
    with ThreadPoolExecutor(1) as pool:
        started: list[Future[str]] = []

        def begin_second() -> None:
            started.append(pool.submit(done, floor, second))
            _until_stopped(floor.services.database, started[0])

        code = _hold(floor, first, begin_second)
        if not started:
            begin_second()
        return code, started[0].result()


def _hold(floor: Floor, act: Doing, meanwhile: Callable[[], None]) -> str:
    """Do the act; ``meanwhile`` runs once, when nothing but the commit is left."""
    if isinstance(act, Alone):
        meanwhile()
        return done(floor, act)
    for wide in (False, True):
        try:
            with floor.services.database.write(wide=wide) as work:
                act(work)
                work.flush()
                meanwhile()
        except WidenError:
            continue
        except RmaError as refusal:
            return refusal.code
        return "ok"
    raise AssertionError("it asks for wider locks although it has them")


def _until_stopped(database: Database, other: Future[str]) -> None:
    """Wait until the other one waits for a lock or has ended. On SQLite it waits in front of the one writer's door."""
    end = time.monotonic() + LONGEST
    if database.is_sqlite:
        time.sleep(0.01)
        return
    while not other.done() and time.monotonic() < end:
        with database.engine.connect() as conn:
            if conn.execute(_BLOCKED).scalar_one():
                return
        time.sleep(0.002)


def jitter(send: Callable[..., Any], pauses: Sequence[float]) -> Callable[..., Any]:
    """The same statements with a short pause before some of them, so that threads meet in the middle of their acts."""
    turns = iter(range(10**9))

    def paused(self: Any, batch: Any) -> Any:
        time.sleep(pauses[next(turns) % len(pauses)])
        return send(self, batch)

    return paused
