"""What each kind of message says: read from the rows at the moment it is sent, never from what an event said earlier.

A message whose occasion has passed by then (a reminder for a parcel that is on its way) has nothing to say any more.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date
from typing import Any

import msgspec
import sqlalchemy as sa

from rma.db import tables
from rma.db.named import Query
from rma.domain import calendar
from rma.domain.messages import Item
from rma.domain.money import Money, parse_money
from rma.domain.offers import EvidenceWanted
from rma.domain.stuck import why
from rma.domain.tenders import TRANSFER
from rma.domain.texts import say, text
from rma.domain.verdict import Why
from rma.services.labels import carrier_name
from rma.services.message_scene import Scene, name_of

Facts = dict[str, Any]
Teller = Callable[[Scene], Facts | None]
_refunds = tables.table(tables.Refund)
_transfers = tables.table(tables.Transfer)
_parcels = tables.table(tables.Parcel)
_products = tables.table(tables.Product)
_inspections = tables.table(tables.Inspection)

_PAID = Query(
    sa.select(sa.func.coalesce(sa.func.sum(_transfers.c.amount), 0).label("paid"))
    .select_from(_transfers.join(_refunds, _refunds.c.id == _transfers.c.refund_id))
    .where(
        _refunds.c.store_id == sa.bindparam("store"),
        sa.or_(_refunds.c.id == sa.bindparam("refund"), _refunds.c.return_id == sa.bindparam("case")),
        _transfers.c.state == sa.literal_column("'succeeded'"),
    )
)
_REFUNDS = Query(
    sa.select(_refunds.c.doc).where(
        _refunds.c.return_id == sa.bindparam("case"), _refunds.c.state == sa.literal_column("'proposed'")
    )
)
_STATES = Query(
    sa.select(_refunds.c.state).where(
        _refunds.c.return_id == sa.bindparam("case"), _refunds.c.state != sa.literal_column("'refused'")
    )
)
_TENDERS = Query(sa.select(_transfers.c.tender).where(_transfers.c.refund_id == sa.bindparam("refund")).distinct())

_NO_EVIDENCE = text(
    tr="İstediğimiz fotoğraf ya da belgeler süresi içinde bize ulaşmadı.",
    en="The photos or documents that we asked for did not reach us in time.",
    de="Die erbetenen Fotos oder Unterlagen haben uns nicht rechtzeitig erreicht.",
)
_NOT_MET = text(
    tr="Talebiniz iade koşullarımıza uymuyor.",
    en="Your request does not meet the terms for returns.",
    de="Ihre Anfrage erfüllt die Bedingungen für Rücksendungen nicht.",
)


class _QuotedLine(msgspec.Struct, frozen=True):
    """The part of a stored decision that messages tell."""

    decision: str = ""
    reasons: tuple[Why, ...] = ()
    evidence: EvidenceWanted | None = None


class _Quoted(msgspec.Struct, frozen=True):
    lines: tuple[_QuotedLine, ...] = ()


_read_quote = msgspec.json.Decoder(_Quoted).decode


# -- the case ---------------------------------------------------------------------------------------------------------


def _plain(_scene: Scene) -> Facts:
    return {}


def _requested(scene: Scene) -> Facts:
    return {"lines": scene.items(), "due": scene.due("ship_back"), "method": scene.case.method or ""}


def _in_review(scene: Scene) -> Facts | None:
    if scene.case.state != "in_review":
        return None
    return {"lines": scene.items(), "due": scene.due("review")}


def _evidence(scene: Scene) -> Facts | None:
    due = scene.due("evidence")
    if due is None:
        return None
    wanted = [line.evidence for line in _quoted(scene).lines if line.evidence is not None]
    kinds = dict.fromkeys(kind for one in wanted for kind in one.kinds)
    return {"due": due, "wanted": tuple(kinds), "text": _said(scene)}


def _declined(scene: Scene) -> Facts:
    if (said := _said(scene)) and scene.data.get("trigger") == "decline":
        return {"lines": scene.items(), "reasons": (said,)}
    if scene.data.get("trigger") == "lapse_evidence":
        return {"lines": scene.items(), "reasons": (say(_NO_EVIDENCE, scene.language),)}
    refused = [why for line in _quoted(scene).lines if line.decision == "refused" for why in line.reasons]
    told = dict.fromkeys(why.reason(scene.language).text for why in refused)
    return {"lines": scene.items(), "reasons": tuple(told) or (say(_NOT_MET, scene.language),)}


def _send_back(scene: Scene) -> Facts | None:
    if scene.case.state != "awaiting_parcel":
        return None
    parcel = _ready_parcel(scene)
    if scene.data.get("deadline") == "label":
        due = parcel.expires_on if parcel is not None else None
    else:
        due = scene.due("ship_back")
    return None if due is None else {"due": due, "lines": scene.items("expected"), **_code(parcel)}


def _ready_parcel(scene: Scene) -> Any | None:
    return scene.work.conn.execute(
        sa.select(_parcels)
        .where(
            _parcels.c.return_id == scene.case.id, _parcels.c.direction == "inbound", _parcels.c.state == "label_ready"
        )
        .order_by(_parcels.c.id.desc())
        .limit(1)
    ).first()


def _code(parcel: Any | None) -> Facts:
    if parcel is None:
        return {}
    return {"carrier": carrier_name(parcel.carrier), "code": parcel.code or "", "tracking": parcel.tracking or ""}


def _received(scene: Scene) -> Facts | None:
    lines, missing = scene.items("received"), scene.items("missing")
    return {"lines": lines, "missing": missing} if lines else None


def _not_accepted(scene: Scene) -> Facts | None:
    judged = scene.work.conn.execute(
        sa.select(_inspections).where(
            _inspections.c.return_id == scene.case.id,
            _inspections.c.created_at == scene.row.created_at,
            _inspections.c.verdict != "accept",
        )
    ).all()
    names = {line.id: name_of(line) for line in scene.lines}
    if not judged:
        return None
    reasons = [one.doc.get("reason") or (one.doc.get("deduction") or {}).get("reason") for one in judged]
    return {
        "lines": tuple(Item(name=names.get(one.line_id, ""), quantity=one.quantity) for one in judged),
        "reasons": tuple(dict.fromkeys(reason for reason in reasons if reason)) or (say(_NOT_MET, scene.language),),
        "amount": _deducted(scene, judged),
    }


def _deducted(scene: Scene, judged: Sequence[Any]) -> Money | None:
    """What was held back in all; None unless every deduction is an amount."""
    found = [one.doc.get("deduction") for one in judged if one.verdict == "part"]
    amounts = [one["amount"] for one in found if one and one.get("amount")]
    currency = scene.case.currency
    if not amounts or len(amounts) < len(found):
        return None
    return Money(sum(parse_money(amount, currency, path="amount") for amount in amounts), currency)


def _settled(scene: Scene) -> Facts:
    """What was paid in all; while finance looks at a difference nothing is called complete (case R9).

    What one refund could not pay stands in the one that was proposed for the rest.
    """
    paid, currency = _paid(scene, return_id=scene.case.id), scene.case.currency
    short = sum(row.doc.get("short") or 0 for row in _REFUNDS.all(scene.work, case=scene.case.id))
    return {"amount": Money(paid, currency) if paid else None, "outstanding": Money(short, currency) if short else None}


def _feedback(scene: Scene) -> Facts | None:
    if scene.case.state != "awaiting_feedback":
        return None
    return {"due": scene.due("feedback"), "unsubscribe_url": f"{scene.link}/unsubscribe"}


def _written(scene: Scene) -> Facts:
    return {"text": scene.row.text or ""}


def _said(scene: Scene) -> str:
    """What the person who acted wrote to the customer; nothing once it is erased."""
    said = scene.data.get("reason")
    return said if isinstance(said, str) and said != "erased" else ""


def _quoted(scene: Scene) -> _Quoted:
    return _read_quote(scene.case.quote)


# -- children ---------------------------------------------------------------------------------------------------------


def _label(scene: Scene) -> Facts | None:
    parcel = scene.child(tables.Parcel)
    if parcel is None or parcel.direction != "inbound" or parcel.state != "label_ready":
        return None
    due = parcel.expires_on or scene.due("ship_back")
    return None if due is None else {"method": parcel.method, "due": due, **_code(parcel)}


def _sent_back(scene: Scene) -> Facts | None:
    parcel = scene.child(tables.Parcel)
    if parcel is None or parcel.direction != "outbound":
        return None
    names = {line.id: name_of(line) for line in scene.lines}
    sent = tuple(Item(name=names.get(one["line_id"], ""), quantity=one["quantity"]) for one in parcel.lines)
    return {"lines": sent or scene.items("rejected") or scene.items(), **_code(parcel)}


def _refund(scene: Scene) -> Facts | None:
    """Any message about one refund; what is still outstanding is told once a part was paid."""
    refund = scene.child(tables.Refund)
    if refund is None or (scene.row.kind == "refund_sent" and refund.state != "sending"):
        return None
    amount = refund.total
    if scene.row.kind == "refund_succeeded":
        amount = _paid(scene, refund_id=refund.id)
    if amount <= 0:
        return None
    left = refund.total - amount
    days = [day for day in (refund.due_promise, refund.due_legal) if day is not None]
    return {
        "amount": Money(amount, refund.currency),
        "outstanding": Money(left, refund.currency) if left else None,
        "tender": _tender(scene, refund.id),
        "due": min(days, default=calendar.local_date(refund.created_at, scene.timezone)),
    }


def _stuck(scene: Scene) -> Facts | None:
    refund = scene.child(tables.Refund)
    if refund is not None and (flag := scene.data.get("flag")):
        amount = scene.work.conn.execute(
            sa.select(_transfers.c.amount).where(_transfers.c.id == scene.data["transfer"])
        ).scalar_one()
        reasons = (why(flag, scene.language),)
        return {"amount": Money(amount, refund.currency), "reasons": reasons, "due": refund.due_legal}
    if refund is None or refund.state not in {"failed", "unknown", "partly_succeeded"}:
        return None
    stuck = sa.select(_transfers.c.error, _transfers.c.state).where(
        _transfers.c.refund_id == refund.id, _transfers.c.state != "succeeded"
    )
    codes = [row.error or row.state for row in scene.work.conn.execute(stuck)] or [refund.state]
    amount = Money(refund.total - _paid(scene, refund_id=refund.id), refund.currency)
    return {
        "amount": amount,
        "reasons": tuple(dict.fromkeys(why(code, scene.language) for code in codes)),
        "due": refund.due_legal,
    }


def _payout(scene: Scene) -> Facts | None:
    """What waits for the customer's account; nothing once it is known."""
    refund = scene.child(tables.Refund)
    if refund is None or refund.payout is not None or refund.state in {"refused", "succeeded"}:
        return None
    waiting = sa.select(sa.func.sum(_transfers.c.amount)).where(
        _transfers.c.refund_id == refund.id,
        _transfers.c.tender == TRANSFER,
        _transfers.c.payment_id.is_(None),
        _transfers.c.state == "pending",
    )
    amount = scene.work.conn.execute(waiting).scalar()
    return {"amount": Money(int(amount), refund.currency)} if amount else None


def _due(scene: Scene) -> Facts | None:
    """The last day by law; nothing once all is paid."""
    told = scene.data.get("legal") or scene.due("refund")
    states = [] if scene.case is None else _STATES.all(scene.work, case=scene.case.id)
    if told is None or (states and all(row.state == "succeeded" for row in states)):
        return None
    return {"due": date.fromisoformat(told) if isinstance(told, str) else told}


def _paid(scene: Scene, *, refund_id: str = "", return_id: str = "") -> int:
    """What has reached the customer of one refund, or of all of a return."""
    row = _PAID.first(scene.work, store=scene.store.id, refund=refund_id, case=return_id)
    return int(row.paid) if row is not None else 0


def _tender(scene: Scene, refund_id: str) -> str:
    """The tender, where there is only one."""
    found = _TENDERS.all(scene.work, refund=refund_id)
    return str(found[0].tender) if len(found) == 1 else ""


def _exchange(*states: str) -> Teller:
    """A message about a replacement, as long as it is in one of these states."""

    def tell(scene: Scene) -> Facts | None:
        found = scene.child(tables.Replacement)
        if found is None or found.state not in states or scene.case.state in {"cancelled", "declined"}:
            return None
        owed = found.due_from_customer - found.doc.get("paid", 0)
        facts = {"lines": (Item(name=_goods(scene, found), quantity=found.quantity),)}
        if scene.row.kind == "exchange_payment_due":
            due = scene.due("payment", found.id)
            return (
                None if due is None or owed <= 0 else facts | {"amount": Money(owed, scene.case.currency), "due": due}
            )
        tracking = {"carrier": carrier_name(found.doc.get("carrier")), "tracking": found.doc.get("tracking") or ""}
        return facts | (tracking if scene.row.kind == "exchange_shipped" else {})

    return tell


def _goods(scene: Scene, found: Any) -> str:
    query = sa.select(_products.c.name).where(_products.c.store_id == scene.store.id, _products.c.sku == found.sku)
    return str(scene.work.conn.execute(query).scalar() or found.sku)


TELLERS: dict[str, Teller] = {
    "return_requested": _requested,
    "return_in_review": _in_review,
    "evidence_requested": _evidence,
    "evidence_reminder": _evidence,
    "return_approved": _requested,
    "return_declined": _declined,
    "label_ready": _label,
    "send_back_reminder": _send_back,
    "parcel_received": _received,
    "line_not_accepted": _not_accepted,
    "refund_approved": _refund,
    "refund_sent": _refund,
    "refund_succeeded": _refund,
    "refund_stuck": _stuck,
    "payout_needed": _payout,
    "refund_due_soon": _due,
    "refund_overdue": _due,
    "exchange_payment_due": _exchange("awaiting_payment"),
    "exchange_ordered": _exchange("ordered", "shipped", "delivered"),
    "exchange_shipped": _exchange("shipped", "delivered"),
    "exchange_out_of_stock": _exchange("out_of_stock"),
    "exchange_released": _exchange("released"),
    "sent_back": _sent_back,
    "return_expired": _plain,
    "return_cancelled": _plain,
    "return_reopened": _plain,
    "return_settled": _settled,
    "store_message": _written,
    "feedback_request": _feedback,
}
"""How each kind finds its facts; None: there is nothing to say any more."""
