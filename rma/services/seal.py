"""One gapless order of a store's events: numbered, chained, and read by every subscriber.

Database ids will not do: on PostgreSQL they commit out of order. So one sealer at a time numbers what has no number
yet, and it never leaves behind what may still appear: a ``seq`` counts as passed only once every transaction that could
hold a lower one has ended, however long that takes.
"""

from __future__ import annotations

import hashlib
import threading
import weakref
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from rma.db import hot, tables
from rma.db.session import Database, Work, now

BATCH = 500
_events = tables.table(tables.Event)
_seals = tables.table(tables.Seal)
_INSERT = hot.insert(_seals)


class _Floor:
    """What this process knows: every event with a ``seq`` up to ``value`` is sealed, or never became one.

    ``mark`` is a higher ``seq`` of which everything lower can be seen once each transaction older than ``mark_xid`` has
    ended. A new process knows nothing and looks at the whole log once.
    """

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.value = 0
        self.mark: int | None = None
        self.mark_xid = 0

    def look(self, database: Database) -> _Seen:
        """Look at what is unsealed, and pass over what need not be looked at again; a new process looks twice."""
        for _ in range(2 if self.value == 0 and self.mark is None else 1):
            with database.read() as work:
                seen = _Seen(work, self.value)
            lowest = min(seen.first.values(), default=seen.top + 1)
            self._raise(min(self._complete(seen), lowest - 1), seen)
        return seen

    def sealed(self, seen: _Seen) -> None:
        """Everything that was unsealed then has been sealed since."""
        self._raise(self._complete(seen), seen)

    def _complete(self, seen: _Seen) -> int:
        """Up to which ``seq`` the look saw everything that there will ever be."""
        if not seen.concurrent:
            return seen.top
        return self.mark if self.mark is not None and seen.oldest >= self.mark_xid else self.value

    def _raise(self, value: int, seen: _Seen) -> None:
        """Raise the value, and set the next mark once this one is reached."""
        self.value = max(self.value, value)
        if self.mark is not None and self.value >= self.mark:
            self.mark = None
        if seen.concurrent and self.mark is None and seen.top > self.value:
            self.mark, self.mark_xid = seen.top, seen.xid


_floors: weakref.WeakKeyDictionary[Database, _Floor] = weakref.WeakKeyDictionary()
_guard = threading.Lock()


class _Seen:
    """One look at the log: the lowest unsealed ``seq`` of each store, the highest ``seq`` of all, and who still writes.

    The order of the four questions matters. A writer locks its stream's row before it inserts events, so it has a
    transaction number below ``xid`` if it already holds a ``seq`` up to ``top``.
    """

    def __init__(self, work: Work, floor: int) -> None:
        self.concurrent = work.dialect.name == "postgresql"
        self.oldest = _number(work, sa.func.pg_snapshot_xmin(sa.func.pg_current_snapshot())) if self.concurrent else 0
        self.first = _unsealed(work, floor)
        self.top = int(work.conn.execute(sa.select(sa.func.max(_events.c.seq))).scalar() or 0)
        marks = self.concurrent and self.top > floor
        self.xid = _number(work, sa.func.pg_current_xact_id()) if marks else 0


class Lag:
    """How far the seal is behind, for who asks again and again: each look passes over what an earlier one saw sealed.

    The first look of a process goes through the whole log once.
    """

    def __init__(self) -> None:
        self._floor = _Floor()

    def read(self, database: Database) -> tuple[int, datetime | None]:
        """How many events have no number, wherever they stand in the log, and since when the oldest of them waits."""
        with self._floor.lock:
            self._floor.look(database)
            asked: list[Any] = [sa.func.min(_events.c.at), sa.func.count()]
            joined = _events.outerjoin(_seals, _seals.c.event_seq == _events.c.seq)
            unsealed = sa.and_(_seals.c.event_seq.is_(None), _events.c.seq > self._floor.value)
            with database.read() as work:
                oldest, count = work.conn.execute(sa.select(*asked).select_from(joined).where(unsealed)).one()
        return count, oldest


def seal_hash(previous: str, number: int, event_hash: str) -> str:
    """The seal's own chain: ``sha256(previous ‖ number ‖ event hash)`` as 64 hex digits."""
    return hashlib.sha256(f"{previous}{number}{event_hash}".encode()).hexdigest()


def seal_all(database: Database) -> int:
    """Seal what every store has left unsealed; how many events that were."""
    floor = _floor(database)
    with floor.lock:
        seen = floor.look(database)
        count = sum(_seal(database, store_id, floor.value) for store_id in seen.first)
        floor.sealed(seen)
    return count


def seal_store(database: Database, store_id: str) -> int:
    """Seal all unsealed events of one store; how many. Waits for another sealer of the same store."""
    floor = _floor(database)
    with floor.lock:
        seen = floor.look(database)
        return _seal(database, store_id, floor.value) if store_id in seen.first else 0


def _floor(database: Database) -> _Floor:
    with _guard:
        return _floors.setdefault(database, _Floor())


def _number(work: Work, expression: Any) -> int:
    return int(work.conn.execute(sa.select(sa.cast(expression, sa.Text))).scalar_one())


def _without_number(select: sa.Select[Any]) -> sa.Select[Any]:
    joined = _events.outerjoin(_seals, _seals.c.event_seq == _events.c.seq)
    return select.select_from(joined).where(_seals.c.event_seq.is_(None))


def _unsealed(work: Work, floor: int) -> dict[str, int]:
    """The lowest unsealed ``seq`` above the floor of each store that has one."""
    query = _without_number(sa.select(_events.c.store_id, sa.func.min(_events.c.seq))).where(_events.c.seq > floor)
    return {row[0]: row[1] for row in work.conn.execute(query.group_by(_events.c.store_id))}


def _seal(database: Database, store_id: str, floor: int) -> int:
    """Seal a store's events above the floor, a batch a transaction."""
    sealed = 0
    while True:
        count = database.retrying(lambda work: _seal_batch(work, store_id, floor))
        sealed += count
        if count < BATCH:
            return sealed


def _seal_batch(work: Work, store_id: str, floor: int) -> int:
    """Number the lowest that have no number, of all that can be seen now: a stream's events keep their order."""
    lock(work, f"seal:{store_id}")
    last = work.conn.execute(
        sa.select(_seals.c.number, _seals.c.hash)
        .where(_seals.c.store_id == store_id)
        .order_by(_seals.c.number.desc())
        .limit(1)
    ).first()
    number, head = (last.number, last.hash) if last else (0, "")
    found = work.conn.execute(
        _without_number(sa.select(_events.c.seq, _events.c.hash))
        .where(_events.c.store_id == store_id, _events.c.seq > floor)
        .order_by(_events.c.seq)
        .limit(BATCH)
    ).all()
    at = now()
    rows: list[dict[str, Any]] = []
    for event in found:
        number += 1
        head = seal_hash(head, number, event.hash)
        rows.append({"store_id": store_id, "number": number, "event_seq": event.seq, "hash": head, "sealed_at": at})
    _INSERT.run_many(work, rows)
    return len(rows)


def lock(work: Work, name: str) -> None:
    """Hold this name until the transaction ends, waiting for who holds it. SQLite has one writer anyway."""
    if work.dialect.name == "postgresql":
        work.conn.execute(sa.select(sa.func.pg_advisory_xact_lock(sa.func.hashtextextended(name, 0))))
