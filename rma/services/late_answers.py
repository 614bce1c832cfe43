"""What a provider says of an attempt that had ended: money that went although it was called failed, or the other way.

Such a word is taken where it can still be: money that has gone is paid, and is not sent anew. Finance is told of every
contradiction: the refund bears a flag, its history an event, and a mail goes to the people of finance.
"""

from __future__ import annotations

import logging
from typing import Any

import msgspec

from rma.domain.facts import TRANSFER_MOVES
from rma.domain.ports import PaymentAnswer, PaymentProvider, RefundQuery
from rma.services import effects
from rma.services.transition import Door, Subject

CONTRADICTS = "provider_contradicts"
"""Flag of a refund: the provider has said both that a transfer failed and that it succeeded."""
TWICE = "paid_twice"
"""Flag of a refund: money that was sent anew, or is just being sent, had gone before; or the provider holds copies."""
EARLIER = "earlier_attempt"
"""Code of an answer that is about an attempt before: it was called failed, and it is the one that pays."""
_ENDS = ("succeeded", "failed")
_log = logging.getLogger(__name__)


def take(door: Door, refund: Subject, transfer: dict[str, Any], attempt: int, answer: PaymentAnswer) -> None:
    """Take a word about an attempt that has ended, or was followed by another one.

    ``attempt`` is the one that it is about; only a failed one is followed by another. A word that says what stands
    already, or no end, changes nothing.
    """
    _log.warning("a late answer", extra={"state": answer.state})
    followed = transfer["attempt"] != attempt
    stands = "failed" if followed else transfer["state"]
    if answer.state not in _ENDS or answer.state == stands:
        return
    before = transfer["state"]
    twice = followed and before in ("sending", "unknown", "succeeded")
    if not twice and answer.state in TRANSFER_MOVES[before]:
        _pays(door, transfer, answer)
    if stands in _ENDS:
        told = {"attempt": attempt, "said": stands, "says": answer.state}
        _tell(door, refund, transfer, TWICE if twice else CONTRADICTS, told)
    refund.dirty = True
    door.close()


def note(door: Door, refund: Subject, transfer: dict[str, Any], answer: PaymentAnswer) -> None:
    """What an answer that is taken as ever says beside its state: that another attempt pays, that there are copies."""
    if answer.code == EARLIER and answer.state == "succeeded":
        _pays(door, transfer, answer)
        _tell(door, refund, transfer, CONTRADICTS, {"said": "failed", "says": answer.state})
    if answer.copies > 1:
        _tell(door, refund, transfer, TWICE, {"copies": answer.copies})


def earlier(provider: PaymentProvider | None, transfer: dict[str, Any], payment_reference: str) -> PaymentAnswer | None:
    """What pays instead of sending anew: an earlier attempt that was called failed, and has gone or is still going.

    ``provider`` is that of the payment. None where nothing of the kind is known; an outside that gives no answer now is
    asked again before anything is sent.
    """
    if provider is None or not provider.can_lookup:
        return None
    for attempt in range(1, transfer["attempt"]):
        key = effects.attempt_id(transfer["id"], attempt, "send_refund")
        found = provider.lookup(RefundQuery(key=key, payment_reference=payment_reference))
        if found is not None and found.state != "failed":
            return msgspec.structs.replace(found, code=EARLIER)
    return None


def _pays(door: Door, transfer: dict[str, Any], answer: PaymentAnswer) -> None:
    """The transfer has this end; money that had gone by its own payment went there, wherever it was to go instead."""
    payment = next((one for one in door.order.order.payments if one.id == transfer["on_behalf_of"]), None)
    if payment is not None:
        home = {"tender": payment.tender, "provider": payment.provider, "payment_id": payment.id}
        door.set_transfer(transfer, **home, on_behalf_of=None)
    reference = answer.reference or transfer["provider_reference"]
    error = None if answer.state == "succeeded" else transfer["error"]
    door.set_transfer(transfer, state=answer.state, provider_reference=reference, error=error)


def _tell(door: Door, refund: Subject, transfer: dict[str, Any], flag: str, data: dict[str, Any]) -> None:
    """Finance sees it: a flag that stays, an event, and with it a mail."""
    flags = refund.row["doc"].get("flags", [])
    doc = {**refund.row["doc"], "flags": [*dict.fromkeys([*flags, flag])]}
    refund.set(doc=doc, doubted_at=door.work.real_now)
    door.say("refund.unknown", {"id": refund.id, "transfer": transfer["id"], "flag": flag, **data})
