"""When acts without an end are looked at again: those whose outside did not tell it, that broke, or that got lost.

The waits grow with the time since the last call. Neither a clock that is wrong nor a process that starts again and
again fills the engine's queue: what a process handed over waits on its own clock too, and nothing is queued twice.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from rma.db import tables
from rma.db.session import Work, now
from rma.services import effects
from rma.services.context import Services

SOONEST = 1.0
"""Seconds at least between two questions about one attempt; a quarter of its age later on, up to a setting."""
DECIDE = 60.0
"""Seconds at most until somebody asks again of what was ``NOT_YET_KNOWN``, however old the attempt is."""
RUNNING, QUEUED = 20.0, 600.0  # seconds that a run, or a place in the engine's queue, may take before one looks again
BATCH = 1_000
"""Attempts that one transaction hands over at most; the rest is due at the next look."""
SKEW = 5.0  # what was written further ahead than this was written by a clock that is wrong
_attempts = tables.table(tables.Attempt)
_COLUMNS = tuple(_attempts.c[name] for name in ("id", "state", "error", "tries", "sent_at", "created_at", "updated_at"))
_OPEN = sa.select(*_COLUMNS).where(_attempts.c.state.in_(effects.OPEN))
_SEEN = sa.select(_attempts.c.id, _attempts.c.state, _attempts.c.tries, _attempts.c.updated_at)


def ask_again(services: Services) -> int:
    """Hand attempts without a final answer, whose time has come, to the engine once more; how many, ``BATCH`` at most.

    Another process may be at the same. What it has locked, or has changed since we looked, is left to it.
    """

    def act(work: Work) -> int:
        return len(hand_over(work, services, due(work, services)[:BATCH]))

    return services.database.retrying(act)


def hand_over(work: Work, services: Services, seen: Sequence[Any]) -> list[str]:
    """Hand these attempts, as they were seen without a lock, to the engine once more; the keys of those that were.

    Left out is what somebody has locked or has changed since: it is being looked at.
    """
    ours = _taken(work, seen)
    for key in ours:
        services.effects.again(work, key)
        effects.touch(work, key)
    return ours


def ask_about(work: Work, services: Services, key: str) -> None:
    """The same for one attempt, in the transaction of who wants it, if it has no final answer yet."""
    hand_over(work, services, work.conn.execute(_OPEN.where(_attempts.c.id == key)).all())


def _taken(work: Work, found: Sequence[Any]) -> list[str]:
    """Lock those of these attempts that nobody has locked or changed; their keys. It waits for nobody."""
    if not found:
        return []
    seen = {row.id: row for row in found}
    free = _SEEN.where(_attempts.c.id.in_([*seen])).with_for_update(key_share=True, skip_locked=True)
    return [row.id for row in work.conn.execute(free) if _changes(row) == _changes(seen[row.id])]


def _changes(row: Any) -> tuple[Any, ...]:
    """What differs once anybody did something about an attempt; ``tries`` also where two clocks say the same."""
    return row.state, row.tries, row.updated_at


def due(work: Work, services: Services) -> list[Any]:
    """Attempts without a final answer whose time to be looked at has come, as they are seen without a lock.

    One that is running is left alone for a while; one that waits for a run too long, and is not queued, got lost.
    """
    rows = work.conn.execute(_OPEN).all()
    at, since, longest = now(), time.monotonic(), services.settings.ask_again_seconds
    handed = {row.id: services.effects.handed[row.id] for row in rows if row.id in services.effects.handed}
    found = [row for row in rows if _is_due(row, at, since - handed.get(row.id, -longest), longest)]
    queued = effects.queued(work) if found else set()
    services.effects.handed = handed | dict.fromkeys(queued.intersection(row.id for row in found), since)
    return [row for row in found if row.id not in queued]


def _is_due(row: Any, at: datetime, since: float, longest: float) -> bool:
    """``since``: for how long this process has not handed it over, by a clock that nobody sets."""
    wait = _wait(row, at, longest)
    rests = -SKEW <= (at - row.updated_at).total_seconds() < wait
    return since >= min(wait, longest) and not rests


def _wait(row: Any, at: datetime, longest: float) -> float:
    age = (at - (row.sent_at or row.created_at)).total_seconds()
    pause = RUNNING if age < -SKEW else max(age / 4, SOONEST)
    if row.error == effects.NOT_YET_KNOWN:  # who hears so twice can send again, and one that is new has not heard
        pause = min(pause, DECIDE)
    least = {"begun": RUNNING, "enqueued": QUEUED if row.error is None else 0.0}
    return max(min(pause, longest), least.get(row.state, 0.0))
