"""The subscriber that tells people: each event that is worth a message becomes a row that waits to be sent.

A row is unique by its event and kind, so reading an event twice makes nothing twice. It holds a Message-ID from the
start and no words: those are written when it is sent, from the facts of that moment.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from datetime import timedelta
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

import sqlalchemy as sa

from rma.db import hot, tables
from rma.db.session import Work
from rma.domain.messages import kind_of
from rma.domain.occasions import Notice, notices
from rma.services.catalog import StoreInfo
from rma.services.context import Services
from rma.services.feed import FeedEvent

TO_SEND = "to_send"
FINANCE = frozenset({"refunds:approve", "refunds:propose"})
_messages = tables.table(tables.Message)
_returns = tables.table(tables.Return)
_keys = tables.table(tables.Key)
_INSERT = hot.insert(_messages)


def take(work: Work, services: Services, store: StoreInfo, found: Sequence[FeedEvent]) -> None:
    """Write a waiting message for each notice of these events that has none yet."""
    due = list(_due(work, store.id, found))
    if not due:
        return
    finance = _finance(work, store.id) if any(kind_of(notice.kind).audience == "finance" for _, notice in due) else []
    rows = [row for event, notice in due for row in _rows(work, services, store, event, notice, finance)]
    known = _known(work, store.id, rows)
    _INSERT.run_many(work, [row for row in rows if row["dedupe"] not in known])


def new_row(work: Work, services: Services, store: StoreInfo, **values: Any) -> dict[str, Any]:
    """A message row with an id and a Message-ID of its own; ``values`` go over the defaults."""
    row_id = work.new_id("msg")
    row = {
        "id": row_id,
        "store_id": store.id,
        "return_id": None,
        "direction": "out",
        "message_class": "service",
        "locale": store.locale,
        "state": TO_SEND,
        "dedupe": row_id,
        "message_id": f"{row_id}@{domain(services)}",
        "recipient": None,
        "subject": None,
        "text": None,
        "html": None,
        "attempts": 0,
        "error": None,
        "next_at": work.real_now,
        "sent_at": None,
    }
    return row | values


def insert(work: Work, row: dict[str, Any]) -> None:
    """Write one message row."""
    _INSERT.run(work, row)


def domain(services: Services) -> str:
    """The domain of Message-IDs and of the sender: that of our public address, if it has a name."""
    host = urlsplit(services.settings.url).hostname or ""
    try:
        ip_address(host)
    except ValueError:
        return host if "." in host else "rma.localhost"
    return "rma.localhost"


def _due(work: Work, store_id: str, found: Sequence[FeedEvent]) -> Iterator[tuple[FeedEvent, Notice]]:
    """Events with their notices. How goods come back is not said by a filing's event: it is read with the return."""
    methods = _methods(work, store_id, [event.return_id for event in found if event.type == "return.requested"])
    told: set[tuple[str, str, object]] = set()
    for event in found:
        data = {"method": methods.get(event.return_id or ""), **event.data}
        for notice in notices(event.type, data):
            same = (event.stream, notice.kind, event.at)
            if not (notice.once and same in told):
                told.add(same)
                yield event, notice


def _methods(work: Work, store_id: str, ids: Sequence[str | None]) -> dict[str, str | None]:
    if not ids:
        return {}
    query = sa.select(_returns.c.id, _returns.c.method).where(_returns.c.store_id == store_id, _returns.c.id.in_(ids))
    found = work.conn.execute(query)
    return {row[0]: row[1] for row in found}


def _rows(
    work: Work, services: Services, store: StoreInfo, event: FeedEvent, notice: Notice, finance: Sequence[str]
) -> Iterator[dict[str, Any]]:
    kind = kind_of(notice.kind)
    cause = f"{event.stream}@{event.at:%Y%m%dT%H%M%S.%f}" if notice.once else event.id
    people: Sequence[str | None] = finance if kind.audience == "finance" else (None,)
    for person in people:
        whom = "" if person is None else f":{hashlib.sha256(person.encode()).hexdigest()[:12]}"
        yield new_row(
            work,
            services,
            store,
            return_id=event.return_id,
            kind=kind.name,
            message_class=kind.message_class,
            dedupe=f"{cause}:{kind.name}{whom}",
            recipient=person,
            next_at=work.real_now + timedelta(seconds=notice.patience),
            created_at=event.at,
        )


def _finance(work: Work, store_id: str) -> list[str]:
    """The people who can do something about a refund."""
    rows = work.conn.execute(
        sa.select(_keys.c.person, _keys.c.scopes).where(
            _keys.c.store_id == store_id,
            _keys.c.person.is_not(None),
            _keys.c.revoked_at.is_(None),
            sa.or_(_keys.c.expires_at.is_(None), _keys.c.expires_at > work.real_now),
        )
    )
    return sorted({row.person for row in rows if not FINANCE.isdisjoint(row.scopes)})


def _known(work: Work, store_id: str, rows: Sequence[dict[str, Any]]) -> set[str]:
    wanted = [row["dedupe"] for row in rows]
    found = work.conn.execute(
        sa.select(_messages.c.dedupe).where(_messages.c.store_id == store_id, _messages.c.dedupe.in_(wanted))
    )
    return set(found.scalars())
