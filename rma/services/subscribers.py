"""Who reads the sealed feed: named subscribers, each with a cursor of its own in each store.

A subscriber reads every event once, in order, in batches: what it writes and how far it has read are one transaction,
under a lock that one process holds at a time. If it fails, nothing moves: the batch is read again event by event, and
the one that cannot be taken is tried until it can; it is never skipped. Other stores and subscribers go on meanwhile.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import sqlalchemy as sa

from rma.db import hot, tables
from rma.db.session import Work
from rma.errors import Unavailable
from rma.services import feed, notify
from rma.services.apart import Apart
from rma.services.catalog import StoreInfo
from rma.services.context import Services
from rma.services.feed import FeedEvent
from rma.services.seal import lock

Take = Callable[[Work, Services, StoreInfo, Sequence[FeedEvent]], None]
"""What a subscriber does with some events, inside the transaction that moves its cursor. Personal values are still
references (``feed.told`` puts them back). It may be asked again about events whose transaction was rolled back."""

SUBSCRIBERS: dict[str, Take] = {"notify": notify.take}
"""Every subscriber by the name that its cursors bear for ever. A new one starts at the first event of each store."""

BATCH = 200
_cursors = tables.table(tables.Cursor)
_seals = tables.table(tables.Seal)
_stores = tables.table(tables.Store)
_MINE = (_cursors.c.store_id == sa.bindparam("store"), _cursors.c.subscriber == sa.bindparam("name"))
_AT = hot.Hot(sa.select(_cursors.c.number).where(*_MINE))
_MOVE = hot.Hot(sa.update(_cursors).where(*_MINE).values(number=sa.bindparam("number")))


class Subscribers:
    """Runs subscribers in one process and remembers who fails there. Any number of processes may do so at once."""

    def __init__(self, services: Services, takes: Mapping[str, Take] | None = None) -> None:
        self._services = services
        self._takes = dict(SUBSCRIBERS if takes is None else takes)
        self._apart = Apart("subscribers")

    @property
    def failing(self) -> tuple[tuple[str, ...], ...]:
        """The stores and subscribers that do not get on: ``(store id, name)``."""
        return self._apart.failing

    def run(self, store_id: str | None = None) -> int:
        """Let every subscriber read what is sealed, of one store or of all; how many events were taken."""
        return sum(self._run_one(store, name) for name in self._takes for store in self._behind(name, store_id))

    def _behind(self, name: str, store_id: str | None) -> list[str]:
        """The stores whose feed is longer than this subscriber has read."""
        last = sa.select(sa.func.max(_seals.c.number)).where(_seals.c.store_id == _stores.c.id).scalar_subquery()
        mine = sa.and_(_cursors.c.store_id == _stores.c.id, _cursors.c.subscriber == name)
        query = sa.select(_stores.c.id).select_from(_stores.outerjoin(_cursors, mine))
        query = query.where(last > sa.func.coalesce(_cursors.c.number, 0))
        if store_id is not None:
            query = query.where(_stores.c.id == store_id)
        with self._services.database.read() as work:
            return list(work.conn.execute(query.order_by(_stores.c.id)).scalars())

    def _run_one(self, store_id: str, name: str) -> int:
        if self._apart.waits(store_id, name):
            return 0
        taken, limit = 0, 1 if self._apart.fails(store_id, name) else BATCH
        while True:
            try:
                count = advance(self._services, store_id, name, self._takes[name], limit=limit)
            except Exception as error:  # noqa: BLE001 - one subscriber never stops the others, and it is logged
                if limit == 1:
                    self._apart.failed(error, store_id, name)
                    return taken
                limit = 1
                continue
            self._apart.worked(store_id, name)
            taken += count
            if count < limit:
                return taken
            limit = BATCH


def run_all(services: Services, store_id: str | None = None) -> int:
    """Let every subscriber read all that is sealed now, of one store or of all; how many events were taken."""
    return Subscribers(services).run(store_id)


def advance(services: Services, store_id: str, name: str, take: Take, *, limit: int = BATCH) -> int:
    """One batch of one subscriber in one transaction: read, take, move the cursor; how many events it held.

    Waits for another process that is at it. Raises what ``take`` raises, with nothing moved; ``Unavailable``
    (``feed_gap``) if the feed lacks a number, which only a damaged database does.
    """

    def act(work: Work) -> int:
        lock(work, f"cursor:{store_id}:{name}")
        at = _position(work, store_id, name)
        found = feed.of_store(work, store_id, after=at, limit=limit)
        if not found:
            return 0
        if [event.sequence for event in found] != list(range(at + 1, at + 1 + len(found))):
            raise Unavailable(f"The feed of store {store_id} lacks a number after {at}.", code="feed_gap")
        take(work, services, services.catalog.store(work, store_id), found)
        work.flush()
        _MOVE.run(work, {"store": store_id, "name": name, "number": at + len(found)})
        return len(found)

    return services.database.retrying(act)


def position(work: Work, store_id: str, name: str) -> int:
    """The sequence of the last event that this subscriber has taken; 0 before the first."""
    found = _AT.one(work, {"store": store_id, "name": name})
    return int(found[0]) if found else 0


def _position(work: Work, store_id: str, name: str) -> int:
    """The same under the lock; the cursor is there afterwards."""
    found = _AT.one(work, {"store": store_id, "name": name})
    if found is None:
        work.conn.execute(sa.insert(_cursors).values(store_id=store_id, subscriber=name, number=0))
        return 0
    return int(found[0])
