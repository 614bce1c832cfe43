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
from functools import partial
from typing import Any

import sqlalchemy as sa

from rma.db import hot, tables
from rma.db.session import Database, Work, now
from rma.services.apart import Apart

BATCH = 500
_events = tables.table(tables.Event)
_seals = tables.table(tables.Seal)
_INSERT = hot.insert(_seals)
_NAMED = sa.func.hashtextextended(sa.bindparam("name", type_=sa.Text), 0)
_LOCK = hot.Hot(sa.select(sa.func.pg_advisory_xact_lock(_NAMED)))
_PLAN = hot.Hot(sa.text("SET LOCAL plan_cache_mode = force_custom_plan"))
"""What is asked above a floor is planned for that floor: a plan for any floor reads a third of the log."""
_OLDEST = hot.Hot(sa.select(sa.cast(sa.func.pg_snapshot_xmin(sa.func.pg_current_snapshot()), sa.Text)))
_MINE = hot.Hot(sa.select(sa.cast(sa.func.pg_current_xact_id(), sa.Text)))
_TOP = hot.Hot(sa.select(sa.func.max(_events.c.seq)))
_UNSEALED = _events.outerjoin(_seals, _seals.c.event_seq == _events.c.seq)
_ABOVE = (_seals.c.event_seq.is_(None), _events.c.seq > sa.bindparam("floor"))
_FIRST = hot.Hot(
    sa.select(_events.c.store_id, sa.func.min(_events.c.seq))
    .select_from(_UNSEALED)
    .where(*_ABOVE)
    .group_by(_events.c.store_id)
)
_NEXT = hot.Hot(
    sa.select(_events.c.seq, _events.c.hash)
    .select_from(_UNSEALED)
    .where(_events.c.store_id == sa.bindparam("store"), *_ABOVE)
    .order_by(_events.c.seq)
    .limit(sa.literal_column(str(BATCH)))
)
_LAST = hot.Hot(
    sa.select(_seals.c.number, _seals.c.hash)
    .where(_seals.c.store_id == sa.bindparam("store"))
    .order_by(_seals.c.number.desc())
    .limit(sa.literal_column("1"))
)


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
        self.apart = Apart("seal")

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
        asked = {"floor": floor}
        first: list[hot.Read] = [(_PLAN, {}), (_OLDEST, {})] if self.concurrent else []
        hot.ahead(work, *first, (_FIRST, asked), (_TOP, {}))
        self.oldest = _number(_OLDEST, work) if self.concurrent else 0
        self.first = dict(_FIRST.rows(work, asked))
        self.top = _number(_TOP, work)
        marks = self.concurrent and self.top > floor
        self.xid = _number(_MINE, work) if marks else 0


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
    """Seal what every store has left unsealed; how many events that were. A store that fails holds up no other one."""
    floor = _floor(database)
    with floor.lock:
        seen = floor.look(database)
        done = [floor.apart.run(partial(_seal, database, one, floor.value), one) for one in seen.first]
        if None not in done:
            floor.sealed(seen)
    return sum(count or 0 for count in done)


def seal_store(database: Database, store_id: str) -> int:
    """Seal all unsealed events of one store; how many. Waits for another sealer of the same store."""
    floor = _floor(database)
    with floor.lock:
        seen = floor.look(database)
        return _seal(database, store_id, floor.value) if store_id in seen.first else 0


def _floor(database: Database) -> _Floor:
    with _guard:
        return _floors.setdefault(database, _Floor())


def _number(asked: hot.Hot, work: Work) -> int:
    found = asked.one(work, {})
    return int(found[0] or 0) if found else 0


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
    asked = {"store": store_id, "floor": floor}
    planned: list[hot.Read] = [(_PLAN, {})] if work.dialect.name == "postgresql" else []
    hot.ahead(work, *planned, (_LAST, asked), (_NEXT, asked))
    number, head = _LAST.one(work, asked) or (0, "")
    found = _NEXT.rows(work, asked)
    at = now()
    rows: list[dict[str, Any]] = []
    for seq, hashed in found:
        number += 1
        head = seal_hash(head, number, hashed)
        rows.append({"store_id": store_id, "number": number, "event_seq": seq, "hash": head, "sealed_at": at})
    _INSERT.run_many(work, rows)
    return len(rows)


def lock(work: Work, name: str) -> None:
    """Hold this name until the transaction ends, waiting for who holds it. SQLite has one writer anyway."""
    if work.dialect.name == "postgresql":
        _LOCK.rows(work, {"name": name})
