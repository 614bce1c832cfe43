"""Proposals as they would be made today: caps, shipping and payments may have changed since they were shown."""

from __future__ import annotations

import msgspec
import sqlalchemy as sa

from rma.db import tables
from rma.db.named import Query
from rma.db.session import Work
from rma.domain.asks import Ask, Settlement
from rma.domain.settlement import settle
from rma.services import books, differences, interest, refunds, replacements, settling
from rma.services.context import Services
from rma.services.transition import Door, Subject

_refunds = tables.table(tables.Refund)
_PROPOSED = Query(
    sa.select(_refunds.c.id)
    .where(_refunds.c.order_id == sa.bindparam("order"), _refunds.c.state == sa.literal_column("'proposed'"))
    .order_by(_refunds.c.id)
)


def today(door: Door, refund: Subject, found: books.Books) -> tuple[Settlement, Ask] | None:
    """What the proposal would be if it were made now; None for what a person stated, or has redirected."""
    raw = refund.row["doc"].get("ask")
    if raw is None or refund.row["doc"].get("redirected"):
        return None
    again = settling.again(door.order, door.policy, found, msgspec.convert(raw, Ask))
    settlement = settle(door.order.priced, past=found.past, tenders=found.tenders, ask=again)
    return interest.added(door, settlement, again, found, by=refund.row["due_legal"])


def same(door: Door, refund: Subject, now: Settlement, ask: Ask) -> bool:
    """Whether the proposal shows this: the same total, over the same tenders, with as much still owed.

    And whether as much is due for the replacements that its units count towards.
    """
    shown = [(t["tender"], t["payment_id"], t["on_behalf_of"], t["amount"]) for t in door.transfers(refund)]
    found = [(t.tender, t.payment_id, t.on_behalf_of, t.amount) for t in now.transfers]
    as_much = (now.total, now.short) == (refund.row["total"], refund.row["doc"].get("short", 0))
    return as_much and shown == found and differences.is_counted(door, ask, now)


def renew(door: Door, refund: Subject) -> None:
    """Let a proposal show what is right now, if that is something else; one that is worth nothing is withdrawn."""
    if refund.state != "proposed":
        return
    now = today(door, refund, books.read(door.work, door.order, but=refund.id))
    if now is None or same(door, refund, *now):
        return
    if now[0].is_for_finance:
        refunds.renew(door, refund, *now)
        if door.root is not None:
            replacements.order_replacements(door, door.root, {})
            refunds.propose_differences(door)
    elif door.root is not None:
        refunds.withdraw_refunds(door, door.root, {})
        refunds.propose_refund(door, door.root, {})


def renew_all(work: Work, services: Services, *, store_id: str, order_id: str, actor: str) -> None:
    """The same for every proposal of an order whose payments have changed; the order is locked."""
    for (refund_id,) in _PROPOSED.all(work, order=order_id):
        door, refund = refunds.open_door(work, services, store_id, refund_id, actor=actor)
        renew(door, refund)
        door.close()
