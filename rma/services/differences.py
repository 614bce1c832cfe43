"""What a customer paid for the difference of an exchange: kept with the replacement until it is delivered or released.

Delivered, it becomes a payment of the order, so that the replacement can be paid back in full later. Released, it goes
back the way it came.
"""

from __future__ import annotations

from typing import Any

import msgspec
import sqlalchemy as sa

from rma.db import tables
from rma.domain.asks import Settlement
from rma.domain.components import Component
from rma.domain.merging import by_id
from rma.domain.order import Order, Payment
from rma.domain.pricing import Priced
from rma.domain.tenders import TenderState, transfers_for
from rma.services.transition import Door, Subject

WHY = "difference"
_orders = tables.table(tables.Order)


def keep(subject: Subject, paid: dict[str, Any], amount: int) -> None:
    """Remember with a replacement what was paid for it; ``paid`` has the payment's id, tender, reference, provider."""
    doc = subject.row["doc"]
    payments = [*doc.get("payments", []), {**paid, "amount": amount}]
    subject.set(doc={**doc, "paid": doc.get("paid", 0) + amount, "payments": payments})


def into_order(door: Door, subject: Subject) -> Order:
    """The order with the replacement's payments among its own; not stored yet."""
    order = door.own_order().order
    known = {payment.id: payment for payment in order.payments}
    for paid in subject.row["doc"].get("payments", []):
        before = known.get(paid["id"])
        known[paid["id"]] = Payment(
            id=paid["id"],
            tender=paid["tender"],
            provider=paid["provider"],
            reference=paid["reference"],
            captured=paid["amount"] + (before.captured if before else 0),
            captured_at=door.now,
        )
    return msgspec.structs.replace(order, payments=by_id(order.payments, known.values()))


def store(door: Door, order: Order, priced: Priced) -> None:
    """Write the order that a replacement has changed."""
    view = door.own_order()
    text, frozen = msgspec.json.encode(order).decode(), msgspec.json.encode(priced).decode()
    door.work.conn.execute(
        sa.update(_orders)
        .where(_orders.c.id == view.row["id"])
        .values(doc=text, frozen=frozen, version=_orders.c.version + 1)
    )
    view.order, view.priced = order, priced
    view.row.update(doc=text, frozen=frozen, version=view.row["version"] + 1)


def owed_back(door: Door) -> list[Settlement]:
    """What was paid for replacements that will not come and is in no refund that stands."""
    released = [s for s in door.children("replacement") if s.state == "released" and s.row["doc"].get("payments")]
    return [_owed(subject) for subject in released if not _decided(door, subject)]


def _decided(door: Door, subject: Subject) -> bool:
    return any(
        component.get("ref") == subject.id
        for refund in door.children("refund")
        if refund.state != "refused"
        for component in refund.row["components"]
    )


def _owed(subject: Subject) -> Settlement:
    payments = subject.row["doc"]["payments"]
    total = sum(paid["amount"] for paid in payments)
    parts = [
        (TenderState(payment_id=paid["id"], tender=paid["tender"], captured=paid["amount"]), paid["amount"])
        for paid in payments
    ]
    component = Component(kind="paid_fee", net=total, tax=0, gross=total, why=WHY, ref=subject.id)
    transfers = transfers_for(parts, {})
    flags = ("needs_payout",) if any(transfer.payment_id is None for transfer in transfers) else ()
    return Settlement(components=(component,), total=total, owed=total, transfers=transfers, flags=flags)
