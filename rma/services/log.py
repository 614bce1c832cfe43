"""Writing the append-only log. Every event of the program passes through ``append``."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from rma.db import hot, tables
from rma.db.session import Work
from rma.domain import events
from rma.domain.events import Draft, Kept
from rma.services import bell

_events = tables.table(tables.Event)
_INSERT = hot.insert(_events, [c.name for c in _events.columns if c.name != "seq"])
_PERSONAL = hot.insert(tables.table(tables.Personal))
_HEADS = {
    "stores": tables.table(tables.Store),
    "orders": tables.table(tables.Order),
    "returns": tables.table(tables.Return),
    "withdrawals": tables.table(tables.Withdrawal),
    "privacy_requests": tables.table(tables.PrivacyRequest),
}


def append(
    work: Work,
    drafts: Sequence[Draft],
    *,
    store_id: str,
    stream: str,
    actor: str,
    head: str,
    n: int,
    return_id: str | None = None,
) -> tuple[str, int]:
    """Write these events at the end of a stream whose row the caller has locked; the new head and count."""
    rows, head, n = prepare(
        work, drafts, store_id=store_id, stream=stream, actor=actor, head=head, n=n, return_id=return_id
    )
    write(work, rows)
    return head, n


def prepare(
    work: Work,
    drafts: Sequence[Draft],
    *,
    store_id: str,
    stream: str,
    actor: str,
    head: str,
    n: int,
    return_id: str | None = None,
) -> tuple[list[dict[str, Any]], str, int]:
    """The rows of these events, the new head and count: for who writes many streams at once, with ``write``."""
    rows: list[dict[str, Any]] = []
    for draft in drafts:
        n += 1
        event_id = work.new_id("evt")
        try:
            body = events.body(draft, event_id=event_id, stream=stream, n=n, actor=actor)
        except TypeError:
            plain = _without_personal(work, draft, store_id=store_id, stream=stream)
            body = events.body(plain, event_id=event_id, stream=stream, n=n, actor=actor)
        head = events.link(head, body)
        rows.append(
            {
                "id": event_id,
                "store_id": store_id,
                "stream": stream,
                "n": n,
                "return_id": return_id,
                "type": draft.type,
                "at": draft.at,
                "body": body,
                "hash": head,
            }
        )
    return rows, head, n


def write(work: Work, rows: Sequence[dict[str, Any]]) -> None:
    """Insert prepared events, of one stream or of many, in this order; ring the bell once they are committed."""
    _INSERT.run_many(work, rows)
    work.after_commit.append(bell.ring)


def append_to(work: Work, owner: str, owner_id: str, drafts: Sequence[Draft], *, store_id: str, actor: str) -> None:
    """Write events of a store, an order, a return, a withdrawal or a privacy request: locks its row and moves its head.

    ``owner`` is the name of its table. For what happens beside the machines, such as messages: their states change
    through the door alone.
    """
    work.flush()
    table = _HEADS[owner]
    row = work.conn.execute(
        sa.select(table.c.head, table.c.events_n).where(table.c.id == owner_id).with_for_update(key_share=True)
    ).one()
    return_id = owner_id if owner == "returns" else None
    head, n = append(
        work,
        drafts,
        store_id=store_id,
        stream=owner_id,
        actor=actor,
        head=row.head,
        n=row.events_n,
        return_id=return_id,
    )
    work.conn.execute(sa.update(table).where(table.c.id == owner_id).values(head=head, events_n=n))


def _without_personal(work: Work, draft: Draft, *, store_id: str, stream: str) -> Draft:
    kept: list[Kept] = []

    def next_kept(value: str) -> Kept:
        return Kept(id=work.new_id("per"), salt=secrets.token_hex(16), value=value)

    data = events.take_out(draft.data, kept, next_kept)
    _PERSONAL.run_many(
        work, [{"id": k.id, "store_id": store_id, "stream": stream, "salt": k.salt, "value": k.value} for k in kept]
    )
    return Draft(type=draft.type, data=data, at=draft.at)
