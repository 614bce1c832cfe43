"""Recompute the history and name what does not hold: chains of events, their rows, seals, and heads kept elsewhere.

Everything is read in one steady view of the database, in batches, while others go on writing. Events that are not
sealed yet are checked by their own chain alone: that a whole stream of them is missing cannot be seen.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import groupby
from typing import Any

import msgspec
import sqlalchemy as sa

from rma.db import hot, tables
from rma.db.session import Database, Work
from rma.errors import NotFound
from rma.services.fault_order import Faults
from rma.services.history import Chains, Fault
from rma.services.seal import seal_hash
from rma.services.seal_heads import Head

BATCH = 5_000
Progress = Callable[[int, int], None]

_events = tables.table(tables.Event)
_seals = tables.table(tables.Seal)
_stores = tables.table(tables.Store)
_cursors = tables.table(tables.Cursor)
_withdrawals = tables.table(tables.Withdrawal)
_AGGREGATES = (tables.Order, tables.Return, tables.Withdrawal, tables.PrivacyRequest)
_OWNERS = (_stores, *(tables.table(one) for one in _AGGREGATES))
_CHECKED = ("seq", "id", "store_id", "stream", "n", "return_id", "type", "at", "body", "hash")
_EVENTS = hot.Hot(
    sa.select(*(_events.c[name] for name in _CHECKED))
    .where(_events.c.seq > sa.bindparam("after"))
    .order_by(_events.c.seq)
    .limit(sa.literal_column(str(BATCH)))
)
_SEALS = hot.Hot(
    sa.select(_seals.c.number, _seals.c.hash, _events.c.hash, _events.c.store_id, _events.c.stream, _events.c.n)
    .select_from(_seals.outerjoin(_events, _events.c.seq == _seals.c.event_seq))
    .where(_seals.c.store_id == sa.bindparam("store"), _seals.c.number > sa.bindparam("after"))
    .order_by(_seals.c.number)
    .limit(sa.literal_column(str(BATCH)))
)


class Report(msgspec.Struct, kw_only=True):
    """What was looked at and what does not hold, each store's first bad place first; ``faults`` lists 100 at most.

    ``unsealed`` events have no place in the store's order yet; ``heads`` that were kept elsewhere were compared.
    """

    stores: int = 0
    streams: int = 0
    events: int = 0
    sealed: int = 0
    unsealed: int = 0
    heads: int = 0
    faulty: int = 0
    faults: list[Fault] = []


def verify(
    database: Database,
    *,
    store: str | None = None,
    heads: Sequence[Head] = (),
    each: bool = False,
    progress: Progress | None = None,
) -> Report:
    """Verify every store, or the one with this slug. ``NotFound`` for a slug that nobody has.

    ``heads`` were read with ``seal_heads.read``; ``each``: a store without one of them is a fault, because nothing then
    tells where it ended. ``progress`` is told how many rows were checked, and of how many.
    """
    with database.read() as work:
        _hold_still(work)
        slugs = _slugs(work, store)
        walk = _Walk(work, slugs, alone=store is not None, progress=progress or _silent)
        known = [head for head in heads if store is None or head.store in slugs]
        walk.seals(known, each=each)
        walk.events()
        walk.rows()
        return walk.ended()


def _silent(_done: int, _total: int) -> None:
    """No progress."""


def _hold_still(work: Work) -> None:
    """One view for all that follows; on SQLite a read transaction is that already."""
    if work.dialect.name == "postgresql":
        work.conn.execute(sa.text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"))


def _slugs(work: Work, slug: str | None) -> dict[str, str]:
    query = sa.select(_stores.c.id, _stores.c.slug).order_by(_stores.c.slug)
    found = {row.id: row.slug for row in work.conn.execute(query) if slug in (None, row.slug)}
    if slug is not None and not found:
        raise NotFound(f"There is no store {slug!r}.")
    return found


class _Walk:
    """One pass over the whole history, or over one store's."""

    def __init__(self, work: Work, slugs: dict[str, str], *, alone: bool, progress: Progress) -> None:
        self.work = work
        self.slugs = slugs
        self.alone = alone
        self.report = Report(stores=len(slugs))
        self._progress = progress
        self._faults = Faults(work, slugs)
        self._chains = Chains(slugs, self._faults.add)
        self._done = 0
        self._total = self._count(_events) + self._count(_seals)

    def _count(self, table: sa.Table) -> int:
        query = sa.select(sa.func.count()).select_from(table)
        if self.alone and table is _seals:  # events lie in one order for all stores and are all passed by
            query = query.where(table.c.store_id.in_(list(self.slugs)))
        return int(self.work.conn.execute(query).scalar_one())

    def _tick(self, rows: int) -> None:
        self._done += rows
        self._progress(self._done, self._total)

    def events(self) -> None:
        """Every chain, in the order in which its events were written."""
        after = 0
        while rows := _EVENTS.rows(self.work, {"after": after}):
            after = rows[-1][0]
            mine = [row for row in rows if not self.alone or row[2] in self.slugs]
            self._chains.take(self.work, mine)
            self.report.events += len(mine)
            self._tick(len(rows))
        self.report.streams = len(self._chains.ends)

    def rows(self) -> None:
        """Every row that has a chain: its head, its count and its state are where its events end."""
        for owner in _OWNERS:
            for row in self._owners(owner):
                self._chains.compare(row)
        self._chains.orphans()

    def _owners(self, table: sa.Table) -> Iterator[Any]:
        store = table.c.id if table is _stores else table.c.store_id
        state = table.c.state if "state" in table.c else sa.null()
        query = sa.select(table.c.id, store.label("store_id"), table.c.head, table.c.events_n, state.label("state"))
        if table is _withdrawals:  # of what was never declared, or a second time, nothing is told
            query = query.where(table.c.declared_at.is_not(None))
        if self.alone:
            query = query.where(store.in_(list(self.slugs)))
        after = ""
        while rows := self.work.conn.execute(query.where(table.c.id > after).order_by(table.c.id).limit(BATCH)).all():
            after = rows[-1].id
            yield from rows

    def seals(self, heads: Sequence[Head], *, each: bool) -> None:
        """Each store's one order of events, how far it was read, and what was kept of it elsewhere."""
        self.report.heads = len(heads)
        by_store = {key: list(group) for key, group in groupby(sorted(heads, key=_by_store), key=_by_store)}
        read = self._read()
        for store_id, slug in self.slugs.items():
            seal = _Seal(slug, by_store.pop(store_id, []), self._faults)
            self.report.sealed += self._seal(store_id, seal)
            seal.end(read.get(store_id, ()), each=each)
        for store_id, kept in by_store.items():
            message = f"the store of {len(kept)} kept heads is not in this database"
            self._faults.add(Fault(code="store_missing", store=store_id, message=message))

    def _seal(self, store_id: str, seal: _Seal) -> int:
        after = 0
        while rows := _SEALS.rows(self.work, {"store": store_id, "after": after}):
            after = rows[-1][0]
            for row in rows:
                seal.take(store_id, row)
            self._tick(len(rows))
        return seal.counted

    def ended(self) -> Report:
        """What was found, once everything was walked."""
        self.report.unsealed = max(0, self.report.events - self.report.sealed)
        self.report.faulty, self.report.faults = self._faults.count, self._faults.first()
        return self.report

    def _read(self) -> dict[str, list[tuple[str, int]]]:
        """How far each subscriber has read each store's seal."""
        found: dict[str, list[tuple[str, int]]] = {}
        for row in self.work.conn.execute(sa.select(_cursors).order_by(_cursors.c.store_id, _cursors.c.subscriber)):
            found.setdefault(row.store_id, []).append((row.subscriber, row.number))
        return found


def _by_store(head: Head) -> str:
    return head.store


class _Seal:
    """The seal of one store while it is walked. After the first break nothing more is said of the chain."""

    def __init__(self, slug: str, heads: Sequence[Head], faults: Faults) -> None:
        self._slug = slug
        self._faults = faults
        self._kept: dict[int, set[str]] = {}
        for head in heads:
            self._kept.setdefault(head.number, set()).add(head.hash)
        self._compared = bool(heads)
        self._last, self._head, self._whole = 0, "", True
        self.counted = 0

    def take(self, store_id: str, row: tuple[Any, ...]) -> None:
        """The next seal with the event it stands for."""
        number, stored, event_hash, event_store, stream, n = row
        self.counted += 1
        if event_hash is None:
            self._faults.gone(self._slug, number)
        if self._whole:
            self._check(number, stored, event_hash, (event_store in (None, store_id), stream, n))
        self._last, self._head = number, stored
        if self._kept.pop(number, {stored}) != {stored}:
            self._say("head_differs", number, "this is not the seal that was kept: the history was recomputed")

    def _check(self, number: int, stored: str, event_hash: str | None, event: tuple[bool, str, int]) -> None:
        own, stream, n = event
        if number != self._last + 1:
            self._break("seal_missing", self._last + 1, f"the seal goes on at {number}")
        elif event_hash is None:
            self._break("event_missing", number, "the sealed event is gone")
        elif not own:
            self._break("foreign", number, "the sealed event is of another store", stream=stream, n=n)
        elif seal_hash(self._head, number, event_hash) != stored:
            message = "the seal does not fit the event: one of them was changed, or their order"
            self._break("seal_changed", number, message, stream=stream, n=n)

    def end(self, read: Sequence[tuple[str, int]], *, each: bool) -> None:
        """After the last seal: what was kept of it beyond, or was read beyond, is gone. ``each`` as in ``verify``."""
        beyond = [(number, "was kept") for number in self._kept]
        beyond += [(number, f"was read by {name}") for name, number in read]
        furthest, how = max(beyond, default=(0, ""))
        if furthest > self._last:
            message = f"a seal {furthest} {how}, this database ends at {self._last}: cut, or an old copy put back"
            self._say("cut", self._last + 1, message)
        if each and not self._compared:
            self._faults.add(Fault(code="no_head", store=self._slug, message="no kept head of this store was given"))

    def _break(self, code: str, number: int, message: str, *, stream: str | None = None, n: int | None = None) -> None:
        self._whole = False
        self._say(code, number, message, stream=stream, n=n)

    def _say(self, code: str, number: int, message: str, *, stream: str | None = None, n: int | None = None) -> None:
        self._faults.add(Fault(code=code, store=self._slug, stream=stream, n=n, sequence=number, message=message))
