"""The account for money that cannot go back the way it came: what is sent, checked and shown of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from rma.domain import iban
from rma.domain.tenders import TRANSFER
from rma.domain.texts import is_blank
from rma.errors import FieldError, Invalid
from rma.services.inputs import Word

if TYPE_CHECKING:
    from rma.services.case import Case
    from rma.services.transition import Door


class PayoutIn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where money goes that cannot go back the way it came."""

    iban: Word
    holder: Word


def faults(payout: PayoutIn | None, within: str = "payout.") -> list[FieldError]:
    """What is wrong with an account that somebody sent."""
    if payout is None:
        return []
    found = iban.faults(f"{within}iban", payout.iban)
    if is_blank(payout.holder):
        found.append(FieldError(f"{within}holder", "required", "Say whose account it is."))
    return found


def kept(payout: PayoutIn | None, within: str = "payout.") -> dict[str, str] | None:
    """The account as it is kept. ``Invalid`` names what is wrong with it."""
    if payout is None:
        return None
    if errors := faults(payout, within):
        raise Invalid(errors[0].message, errors=errors)
    return {"iban": iban.written(payout.iban), "holder": payout.holder.strip()}


def shown(door: Door, case: Case) -> dict[str, bool]:
    """Whether money of the return needs an account, and whether one was given; never the account itself."""
    owed = [refund for refund in door.children("refund") if refund.state != "refused"]
    needed = any(_of_account(row) for refund in owed for row in door.transfers(refund))
    return {"needed": needed or bool(case.fact("needs_payout")), "given": bool(contact(case).get("payout"))}


def _of_account(row: dict[str, Any]) -> bool:
    return row["tender"] == TRANSFER and row["payment_id"] is None


def contact(case: Case) -> dict[str, Any]:
    """How the customer of a return is reached and paid."""
    found: dict[str, Any] = msgspec.json.decode(case.row["contact"] or "{}")
    return found
