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
from tests.support.floor import Act, Floor, plain

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
Ended = tuple[str, Any]
"""``ok`` and the answer, or the code of a refusal and the refusal."""


def tried(floor: Floor, act: Doing) -> Ended:
    """Do it; how it ended and what was said."""
    if not isinstance(act, Alone):
        return floor.do(act)
    try:
        return "ok", act.run()
    except RmaError as refusal:
        return refusal.code, refusal


def done(floor: Floor, act: Doing) -> str:
    """Do it; how it ended."""
    return tried(floor, act)[0]


def overlapped(floor: Floor, first: Doing, second: Doing) -> tuple[str, str]:
    """Do the second act while the first one has done everything but commit; how both ended."""
    one, other = met([(floor, first), (floor, second)])
    return one[0], other[0]


def met(doings: Sequence[tuple[Floor, Doing]]) -> list[Ended]:
    """Do all acts, the others while the first one has done everything but commit; how they ended, in order.

    One that makes transactions of its own is never the first, unless there are only such.
    """
    (floor, first), *others = doings
    with ThreadPoolExecutor(len(others)) as pool:
        started: list[Future[Ended]] = []

        def begin_others() -> None:
            started.extend([pool.submit(tried, where, act) for where, act in others])
            until_stopped(floor.services.database, started)

        ended = _hold(floor, first, begin_others)
        if not started:
            begin_others()
        return [ended, *(one.result() for one in started)]


def _hold(floor: Floor, act: Doing, meanwhile: Callable[[], None]) -> Ended:
    """Do the act; ``meanwhile`` runs once, when nothing but the commit is left."""
    if isinstance(act, Alone):
        meanwhile()
        return tried(floor, act)
    for wide in (False, True):
        try:
            with floor.services.database.write(wide=wide) as work:
                answer = act(work)
                work.flush()
                meanwhile()
        except WidenError:
            continue
        except RmaError as refusal:
            return refusal.code, refusal
        return "ok", plain(answer)
    raise AssertionError("it asks for wider locks although it has them")


def until_stopped(database: Database, others: Sequence[Future[Any]]) -> None:
    """Wait until each of the others waits for a lock or has ended. On SQLite they wait at the one writer's door."""
    end = time.monotonic() + LONGEST
    if database.is_sqlite:
        time.sleep(0.01)
        return
    while time.monotonic() < end:
        going = sum(not other.done() for other in others)
        if not going:
            return
        if stopped(database) >= going:
            return
        time.sleep(0.002)


def stopped(database: Database) -> int:
    """How many wait for a lock of PostgreSQL."""
    with database.engine.connect() as conn:
        return int(conn.execute(_BLOCKED).scalar_one())


def jitter(send: Callable[..., Any], pauses: Sequence[float]) -> Callable[..., Any]:
    """The same statements with a short pause before some of them, so that threads meet in the middle of their acts."""
    turns = iter(range(10**9))

    def paused(self: Any, batch: Any) -> Any:
        time.sleep(pauses[next(turns) % len(pauses)])
        return send(self, batch)

    return paused
