"""Reading events back: a store's sealed feed, one return's history, and the personal values that belong into them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any

import msgspec
import sqlalchemy as sa

from rma.db import hot, tables
from rma.db.session import Work
from rma.domain import events
from rma.services.paging import Ask, Page, cut

_events = tables.table(tables.Event)
_seals = tables.table(tables.Seal)
_personal = tables.table(tables.Personal)
_SEALED = _seals.c.number.label("sequence")
_COLUMNS = (_SEALED, _events.c.body, _events.c.return_id, _events.c.hash)
_ONE = hot.Hot(
    sa.select(*_COLUMNS)
    .select_from(_events.outerjoin(_seals, _seals.c.event_seq == _events.c.seq))
    .where(_events.c.store_id == sa.bindparam("store"), _events.c.id == sa.bindparam("key"))
)
_AT_ONCE = 500


class FeedEvent(msgspec.Struct, frozen=True, kw_only=True):
    """One event.

    ``sequence`` is its place in the store's sealed feed, None while it has none; ``n`` its place in its own stream (a
    return, an order, the store), whose chain ``hash`` belongs to. ``actor`` is a key, a link or the system.
    """

    sequence: int | None
    id: str
    type: str
    at: datetime
    actor: str
    stream: str
    n: int
    return_id: str | None
    data: dict[str, Any]
    hash: str


class _Body(msgspec.Struct, frozen=True):
    id: str
    stream: str
    n: int
    type: str
    at: datetime
    actor: str
    data: dict[str, Any]


_decode = msgspec.json.Decoder(_Body).decode


def of_store(work: Work, store_id: str, *, after: int, limit: int) -> list[FeedEvent]:
    """The store's sealed events with a sequence above ``after``, in order; personal values are references."""
    rows = work.conn.execute(
        sa.select(*_COLUMNS)
        .select_from(_seals.join(_events, _events.c.seq == _seals.c.event_seq))
        .where(_seals.c.store_id == store_id, _seals.c.number > after)
        .order_by(_seals.c.number)
        .limit(limit)
    )
    return [_event(row) for row in rows]


def page_of_store(work: Work, store_id: str, ask: Ask, *, after: int = 0) -> Page[FeedEvent]:
    """A page of the feed for people and programs: personal values stand in it unless they were erased.

    The page's cursor, where there is one, is the last sequence in it and goes before ``after``.
    """
    start = after if ask.after is None else _place(ask)
    found = told(work, of_store(work, store_id, after=start, limit=ask.limit + 1))
    return cut(found, ask, key=lambda event: str(event.sequence))


def page_of_return(work: Work, return_id: str, ask: Ask) -> Page[FeedEvent]:
    """A page of one return's history, oldest first, with its personal values. The caller has checked whose it is."""
    return _page(work, _events.c.return_id == return_id, ask)


def page_of_stream(work: Work, stream: str, ask: Ask) -> Page[FeedEvent]:
    """The same of any stream: an order's, a withdrawal's, a privacy request's."""
    return _page(work, _events.c.stream == stream, ask)


def _page(work: Work, condition: sa.ColumnElement[bool], ask: Ask) -> Page[FeedEvent]:
    rows = work.conn.execute(
        sa.select(*_COLUMNS)
        .select_from(_events.outerjoin(_seals, _seals.c.event_seq == _events.c.seq))
        .where(condition, _events.c.n > _place(ask))
        .order_by(_events.c.n)
        .limit(ask.limit + 1)
    )
    return cut(told(work, [_event(row) for row in rows]), ask, key=lambda event: str(event.n))


def one(work: Work, store_id: str, event_id: str) -> FeedEvent | None:
    """One event of the store with its personal values, sealed or not."""
    cells = _ONE.one(work, {"store": store_id, "key": event_id})
    return None if cells is None else told(work, [_read(*cells)])[0]


def read_of(store_id: str, event_id: str) -> hot.Read:
    """What ``one`` asks for, for who reads it ahead with more."""
    return (_ONE, {"store": store_id, "key": event_id})


def told(work: Work, found: Sequence[FeedEvent]) -> list[FeedEvent]:
    """The events with each personal reference replaced by its value, or by ``"erased"``: one statement for all."""
    wanted = sorted({key for event in found for key in _references(event.data)})
    if not wanted:
        return list(found)
    known: dict[str, str | None] = {}
    for start in range(0, len(wanted), _AT_ONCE):
        keys = wanted[start : start + _AT_ONCE]
        rows = work.conn.execute(sa.select(_personal.c.id, _personal.c.value).where(_personal.c.id.in_(keys)))
        known |= {row[0]: row[1] for row in rows}
    return [msgspec.structs.replace(event, data=events.put_back(event.data, known)) for event in found]


def _place(ask: Ask) -> int:
    """The number that the page begins behind; 0 from the start."""
    return int(ask.after or 0)


def _event(row: Any) -> FeedEvent:
    return _read(row.sequence, row.body, row.return_id, row.hash)


def _read(sequence: int | None, text: str, return_id: str | None, hashed: str) -> FeedEvent:
    body = _decode(text)
    return FeedEvent(sequence=sequence, return_id=return_id, hash=hashed, **msgspec.structs.asdict(body))


def _references(value: Any) -> Iterator[str]:
    """The ids of the personal values that this points at."""
    inner: Iterable[Any] = ()
    if isinstance(value, dict):
        if value.keys() == {"personal", "sha256"}:
            yield value["personal"]
            return
        inner = value.values()
    elif isinstance(value, list):
        inner = value
    for part in inner:
        yield from _references(part)
