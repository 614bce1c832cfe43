"""Sending money, once. The attempt is committed before the provider is called; a run that finds it begun only asks.

What the provider says becomes the transfer's state; ``unknown`` is left by asking it again, never by sending again,
unless the provider proves that nothing was done.
"""

from __future__ import annotations

import secrets
from datetime import datetime
from typing import Any

import msgspec
import sqlalchemy as sa

from rma.db import tables
from rma.db.named import Query
from rma.db.session import Work
from rma.domain.facts import TRANSFER_MOVES
from rma.domain.ports import PaymentAnswer, PaymentProvider, Payout, RefundOrder, RefundQuery
from rma.services import effects, late_answers, logs, refunds
from rma.services.catalog import StoreInfo
from rma.services.context import Services
from rma.services.transition import Door, Subject

_transfers = tables.table(tables.Transfer)
_refunds = tables.table(tables.Refund)
_orders = tables.table(tables.Order)
CREDIT = "store_credit"
_WANTED = Query(
    sa.select(
        *(_refunds.c[name] for name in ("id", "store_id", "return_id", "order_id", "order_number", "currency")),
        _refunds.c.payout,
        _transfers.c.id.label("transfer_id"),
        _orders.c.doc.label("order_doc"),
    )
    .select_from(
        _transfers.join(_refunds, _refunds.c.id == _transfers.c.refund_id).join(
            _orders, _orders.c.id == _transfers.c.order_id
        )
    )
    .where(_transfers.c.id == sa.bindparam("key"))
)
"""What never changes about a transfer and its refund, and where the money goes."""


class Sending(msgspec.Struct, frozen=True):
    """Everything the call needs, read in the transaction that begins the attempt."""

    key: str
    store: StoreInfo
    wanted: Any
    """What never changes, see ``_WANTED``."""
    row: dict[str, Any]
    payment_reference: str
    payout: dict[str, str] | None
    first: bool
    seen: datetime
    leaving: effects.Leaving


def send_refund(services: Services, key: str) -> None:
    """Carry out one attempt of one transfer, or find out what became of it."""
    sending = services.effects.write(lambda work: _begin(work, services, key))
    if sending is None:
        return
    answer = _call(services, sending) if sending.first else _ask(services, sending)
    services.effects.write(lambda work: _record(work, services, sending, answer))


def provider_of(services: Services, store: StoreInfo, row: dict[str, Any]) -> PaymentProvider | None:
    """Who moves this money. A test-mode store's unknown providers are played by the offline one."""
    found = services.ports.payments.get(row["provider"] or "")
    if found is None and store.test_mode:
        return services.ports.payments.get("offline")
    return found


def _begin(work: Work, services: Services, key: str) -> Sending | None:
    """Lock return and attempt, in this order, and commit ``begun`` before anybody is called."""
    wanted = _WANTED.first(work, key=key.partition(":")[0])
    if wanted is None:
        effects.finish(work, key, answer={"code": "gone"}, final=True)
        return None
    door, refund, transfer = _open(work, services, key, wanted)
    attempt, first = effects.begin(work, key)
    if attempt is None:
        return None
    if first:
        if transfer["state"] != "pending" or transfer["attempt"] != _number(key):
            effects.finish(work, key, answer={"code": "not_wanted"}, final=True)
            return None
        door.set_transfer(transfer, state="sending")
        refund.dirty = True
        door.close()
    return Sending(
        key=key,
        store=door.store,
        wanted=wanted,
        row=dict(transfer),
        payment_reference=_reference(wanted.order_doc, transfer),
        payout=msgspec.json.decode(wanted.payout) if wanted.payout else None,
        first=first,
        seen=attempt.seen,
        leaving=effects.leaving(),
    )


def _open(work: Work, services: Services, key: str, wanted: Any) -> tuple[Door, Subject, dict[str, Any]]:
    """The door on the refund, the refund and the transfer; the attempt is locked after the return, and read ahead."""
    door, refund = refunds.open_door(
        work,
        services,
        wanted.store_id,
        wanted.id,
        actor="system",
        alone=wanted.return_id is not None,
        more=effects.reads(key),
    )
    return door, refund, refunds.transfer_of(door, refund, wanted.transfer_id)


def _number(key: str) -> int:
    return int(key.split(":")[1])


def _payment(doc: str, transfer: dict[str, Any]) -> dict[str, Any]:
    """The payment of the order that the money is for; empty where it is for none."""
    mine = transfer["payment_id"] or transfer["on_behalf_of"]
    payments: list[dict[str, Any]] = msgspec.json.decode(doc).get("payments", [])
    return next((payment for payment in payments if payment["id"] == mine), {})


def _reference(doc: str, transfer: dict[str, Any]) -> str:
    payment = _payment(doc, transfer)
    return str(payment.get("reference") or payment.get("id") or transfer["id"])


def _call(services: Services, sending: Sending) -> PaymentAnswer:
    row = sending.row
    if row["tender"] == CREDIT:
        return PaymentAnswer(state="succeeded", reference=f"SC-{secrets.token_hex(8).upper()}")
    if gone := _gone_before(services, sending):
        return gone
    provider = provider_of(services, sending.store, row)
    if provider is None:
        return PaymentAnswer(
            state="unknown", code="no_provider", message="No provider moves this tender; pay it by hand."
        )
    payout = Payout(**sending.payout) if sending.payout and row["tender"] == "bank_transfer" else None
    order = RefundOrder(
        key=sending.key,
        payment_reference=sending.payment_reference,
        amount=row["amount"],
        currency=sending.wanted.currency,
        description=row["refund_id"],
        payout=payout,
    )
    if sending.leaving.is_late(provider.final_after):
        return PaymentAnswer(
            state="unknown", code="too_late", message="This process stood still; somebody may have asked."
        )
    return provider.refund(order)


def _gone_before(services: Services, sending: Sending) -> PaymentAnswer | None:
    """What is sent anew was called failed before; whoever said so is asked once more before money goes."""
    if sending.row["attempt"] == 1:
        return None
    home = {"provider": _payment(sending.wanted.order_doc, sending.row).get("provider") or sending.row["provider"]}
    return late_answers.earlier(provider_of(services, sending.store, home), sending.row, sending.payment_reference)


def _ask(services: Services, sending: Sending) -> PaymentAnswer:
    provider = provider_of(services, sending.store, sending.row)
    if sending.row["tender"] == CREDIT:
        return _call(services, sending)
    if provider is None or not provider.can_lookup:
        return PaymentAnswer(state="unknown", code="cannot_ask", message="This provider cannot be asked.")
    asked = effects.leaving()
    found = provider.lookup(RefundQuery(key=sending.key, payment_reference=sending.payment_reference))
    if found is not None:
        return found
    proof: dict[str, Any] = {"after": provider.final_after, "seen": sending.seen, "asked": asked}
    if not services.effects.write(lambda work: effects.may_send_again(work, sending.key, **proof)):
        return PaymentAnswer(state="unknown", code=effects.NOT_YET_KNOWN, message="The provider does not know it yet.")
    return _call(services, msgspec.structs.replace(sending, leaving=asked))


def _record(work: Work, services: Services, sending: Sending, answer: PaymentAnswer) -> None:
    """Write what the provider said. A word that comes late or twice changes nothing that is final."""
    row = sending.row
    door, refund, transfer = _open(work, services, sending.key, sending.wanted)
    if not effects.is_open(work, sending.key) or transfer["attempt"] != row["attempt"]:
        late_answers.take(door, refund, transfer, row["attempt"], answer)
        return
    late_answers.note(door, refund, transfer, answer)
    state = "sending" if answer.state == "pending" else answer.state
    if state in TRANSFER_MOVES[transfer["state"]]:
        door.set_transfer(transfer, state=state)
    reference = answer.reference or transfer["provider_reference"]
    door.set_transfer(transfer, provider_reference=reference, error=_error(answer))
    refund.dirty = True
    if row["tender"] == CREDIT and state == "succeeded":
        told = {"refund": refund.id, "code": answer.reference, "principal": row["amount"]}
        door.say("credit.issued", {**told, "bonus": _bonus(refund.row["doc"], row["id"])})
    door.close()
    final = answer.state in ("succeeded", "failed") or answer.code in ("no_provider", "cannot_ask")
    effects.finish(
        work,
        sending.key,
        answer=msgspec.to_builtins(answer),
        final=final,
        error=_error(answer),
    )


def _bonus(doc: dict[str, Any], transfer_id: str) -> int:
    """What comes on top of one credit; a refund that is older knows only that of all of them."""
    bonus: int = doc["bonuses"].get(transfer_id, 0) if "bonuses" in doc else doc.get("bonus", 0)
    return bonus


def _error(answer: PaymentAnswer) -> str | None:
    if answer.state == "succeeded":
        return None
    return logs.word(answer.code) or answer.state
