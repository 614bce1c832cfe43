"""What an operator wants to know of the whole installation, in a handful of statements: what waits, and since when."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime
from typing import Any

import msgspec
import sqlalchemy as sa

from rma.db import tables
from rma.db.session import Database, Work
from rma.services import deadlines, effects, owed, seal
from rma.services.kept import Kept
from rma.services.notify import TO_SEND

KEEP_SECONDS = 5.0
"""How long an answer is given again: however often somebody asks, the database is asked no more often than this."""
_attempts = tables.table(tables.Attempt)
_messages = tables.table(tables.Message)
_deadlines = tables.table(tables.Deadline)
_seals = tables.table(tables.Seal)
_cursors = tables.table(tables.Cursor)


class Waiting(msgspec.Struct, frozen=True):
    """So many of one kind in one state, the oldest for so many seconds."""

    kind: str
    state: str
    count: int
    oldest: float


class Numbers(msgspec.Struct, frozen=True, kw_only=True):
    """The state of all stores together. Ages are in seconds, lags in events."""

    effects: list[Waiting]
    overdue: int
    overdue_oldest: float
    seal_lag: int
    seal_lag_oldest: float
    subscribers: dict[str, int]
    refunds_overdue: dict[str, int]
    """Unpaid refunds past the law's day (``law``), or past the promised one where the law has none (``promise``)."""


class Counter:
    """Reads the numbers, at most every ``KEEP_SECONDS``."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._kept: Kept[Numbers] = Kept(KEEP_SECONDS, clock=clock)
        self._lag = seal.Lag()

    def read(self, database: Database) -> Numbers:
        """The numbers. Raises ``Unavailable`` while the database is away."""
        return self._kept.get(lambda: self._count(database))

    def _count(self, database: Database) -> Numbers:
        lag = self._lag.read(database)
        with database.read() as work:
            return _read(work, *lag)


def _read(work: Work, unsealed: int, oldest: datetime | None) -> Numbers:
    count = sa.func.count()
    acts = sa.select(_attempts.c.effect, _attempts.c.state, count, sa.func.min(_attempts.c.created_at))
    acts = acts.where(_attempts.c.state.in_(effects.OPEN)).group_by(_attempts.c.effect, _attempts.c.state)
    mails = sa.select(sa.literal("message"), _messages.c.state, count, sa.func.min(_messages.c.created_at))
    mails = mails.where(_messages.c.state.in_((TO_SEND, "failed"))).group_by(_messages.c.state)
    waiting = [_waiting(work, row) for query in (acts, mails) for row in work.conn.execute(query)]
    late = sa.select(count, sa.func.min(_deadlines.c.next_at), sa.func.min(_deadlines.c.due_at))
    overdue, *since = work.conn.execute(late.where(deadlines.overdue(work.real_now))).one()
    return Numbers(
        effects=waiting,
        overdue=overdue,
        overdue_oldest=_age(work, min(filter(None, since), default=None)),
        seal_lag=unsealed,
        seal_lag_oldest=_age(work, oldest),
        subscribers=_subscribers(work),
        refunds_overdue=owed.overdue(work),
    )


def _subscribers(work: Work) -> dict[str, int]:
    """Sealed events that each subscriber has not read yet."""
    last = sa.select(sa.func.max(_seals.c.number)).where(_seals.c.store_id == _cursors.c.store_id).scalar_subquery()
    behind = sa.func.sum(sa.func.coalesce(last, 0) - _cursors.c.number)
    found = work.conn.execute(sa.select(_cursors.c.subscriber, behind).group_by(_cursors.c.subscriber))
    return {name: int(lag) for name, lag in found}


def _waiting(work: Work, row: Any) -> Waiting:
    return Waiting(row[0], row[1], row[2], _age(work, row[3]))


def _age(work: Work, since: datetime | None) -> float:
    return 0.0 if since is None else max(0.0, (work.real_now - since).total_seconds())
