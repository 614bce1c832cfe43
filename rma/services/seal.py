"""One gapless order of a store's events: numbered, chained, and read by every subscriber.

Database ids will not do: on PostgreSQL they commit out of order. So the sealer looks for events that have no number yet,
in a window reaching back far longer than any transaction may live, and one sealer at a time numbers them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import sqlalchemy as sa

from rma.db import hot, tables
from rma.db.session import Database, Work, now

BATCH = 500
WINDOW = timedelta(minutes=30)
_events = tables.table(tables.Event)
_seals = tables.table(tables.Seal)
_stores = tables.table(tables.Store)
_INSERT = hot.insert(_seals)


def seal_hash(previous: str, number: int, event_hash: str) -> str:
    """The seal's own chain: ``sha256(previous ‖ number ‖ event hash)`` as 64 hex digits."""
    return hashlib.sha256(f"{previous}{number}{event_hash}".encode()).hexdigest()


def seal_all(database: Database) -> int:
    """Seal what every store has left unsealed; how many events that were."""
    with database.read() as work:
        floor = _floor(work)
        pending = _unsealed(sa.select(_events.c.store_id).distinct(), floor)
        store_ids = list(work.conn.execute(pending).scalars())
    return sum(seal_store(database, store_id) for store_id in store_ids)


def seal_store(database: Database, store_id: str) -> int:
    """Seal all unsealed events of one store, in batches; how many. Waits for another sealer of the same store."""
    sealed = 0
    while True:
        count = database.retrying(lambda work: _seal_batch(work, store_id))
        sealed += count
        if count < BATCH:
            return sealed


def _seal_batch(work: Work, store_id: str) -> int:
    _lock(work, store_id)
    last = work.conn.execute(
        sa.select(_seals.c.number, _seals.c.hash)
        .where(_seals.c.store_id == store_id)
        .order_by(_seals.c.number.desc())
        .limit(1)
    ).first()
    number, head = (last.number, last.hash) if last else (0, "")
    found = work.conn.execute(
        _unsealed(sa.select(_events.c.seq, _events.c.hash), _floor(work))
        .where(_events.c.store_id == store_id)
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


def _unsealed(select: sa.Select[Any], floor: int) -> sa.Select[Any]:
    joined = _events.outerjoin(_seals, _seals.c.event_seq == _events.c.seq)
    return select.select_from(joined).where(_seals.c.event_seq.is_(None), _events.c.seq > floor)


def _floor(work: Work) -> int:
    """A ``seq`` below which everything is sealed: no transaction lives as long as the window."""
    settled = sa.select(sa.func.max(_seals.c.event_seq)).where(_seals.c.sealed_at < work.real_now - WINDOW)
    return int(work.conn.execute(settled).scalar() or 0)


def _lock(work: Work, store_id: str) -> None:
    """One sealer a store. SQLite has one writer anyway."""
    if work.dialect.name == "postgresql":
        work.conn.execute(sa.select(sa.func.pg_advisory_xact_lock(sa.func.hashtextextended(f"seal:{store_id}", 0))))


def feed(work: Work, store_id: str, *, after: int, limit: int) -> Iterator[dict[str, Any]]:
    """The store's sealed events with a number above ``after``, in order, as their stored bodies and numbers."""
    rows = work.conn.execute(
        sa.select(_seals.c.number, _events.c.body, _events.c.return_id, _events.c.hash)
        .join(_events, _events.c.seq == _seals.c.event_seq)
        .where(_seals.c.store_id == store_id, _seals.c.number > after)
        .order_by(_seals.c.number)
        .limit(limit)
    )
    for row in rows:
        yield {"sequence": row.number, "return_id": row.return_id, "hash": row.hash, "body": row.body}
