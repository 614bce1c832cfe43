"""Which tender gets how much back: each to itself, never more than it took (law.md MON-7, MON-8)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import accumulate
from typing import Literal

import msgspec

from rma.domain.money import share, spread
from rma.domain.order import Order, Payment
from rma.errors import Reason, Refused

Mode = Literal["proportional", "reverse", "gift_first"] | tuple[str, ...]
"""Proportional to what is left of each; last payment first; gifts first; or tenders in a given order."""

GIFTS = frozenset({"gift_card", "gift", "voucher", "store_credit", "points", "wallet"})
CASH = frozenset({"cash", "cash_on_delivery", "cod"})
"""Tenders that cannot be paid back to themselves: the money goes to a bank account the customer names."""

CREDIT = "store_credit"
TRANSFER = "bank_transfer"


class TenderState(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A payment and what already left it.

    ``committed``: every engine transfer on its allowance; a failed one too: it is owed and will be sent again.
    ``sent``: what of that went, or may have gone, to this very payment. ``refunded_outside`` holds none of it.
    """

    payment_id: str
    tender: str
    captured: int
    refunded_outside: int = 0
    committed: int = 0
    sent: int = 0
    authorised: int | None = None
    voided: int = 0

    @property
    def left(self) -> int:
        """What may still be refunded to it."""
        return max(0, self.captured - self.refunded_outside - self.committed)

    @property
    def is_doubtful(self) -> bool:
        """Whether money went back on it from here and elsewhere: a snapshot may have told of ours as of theirs."""
        return bool(self.refunded_outside and self.sent)

    @property
    def uncaptured(self) -> int:
        """What is authorised and neither captured nor released."""
        return max(0, (self.authorised or 0) - self.captured - self.voided)


class Transfer(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Money to one tender. ``on_behalf_of`` is the payment whose allowance a redirected one uses.

    ``bonus`` comes on top of a store credit; it is never paid out as money (law.md MON-9).
    """

    tender: str
    amount: int
    payment_id: str | None = None
    on_behalf_of: str | None = None
    bonus: int = 0


class Void(msgspec.Struct, frozen=True):
    """An authorised amount that was never captured: it is released, not refunded."""

    payment_id: str
    amount: int


def tender_states(
    order: Order,
    committed: Mapping[str, int],
    *,
    sent: Mapping[str, int] | None = None,
    voided: Mapping[str, int] | None = None,
) -> tuple[TenderState, ...]:
    """The payments of an order with what the engine has committed (payment id to minor units) or released of each.

    ``sent`` as in ``TenderState``; without it the snapshot's word is taken for what was ours.
    """
    return tuple(
        TenderState(
            payment_id=one.id,
            tender=one.tender,
            captured=one.captured,
            refunded_outside=one.refunded - _ours(one, sent),
            committed=committed.get(one.id, 0),
            sent=(sent or {}).get(one.id, 0),
            authorised=one.authorised,
            voided=(voided or {}).get(one.id, 0),
        )
        for one in order.payments
    )


def _ours(payment: Payment, sent: Mapping[str, int] | None) -> int:
    """What of a payment's ``refunded`` is ours: never more than we sent, for a transfer may have failed since."""
    here = payment.refunded_here
    return here if sent is None else min(here, sent.get(payment.id, 0))


def included(told: int, *, outside: int, succeeded: Sequence[int], maybe: Sequence[int]) -> int:
    """How much of what a provider says was paid back in all is money of this engine.

    ``outside``: what was known to have gone back elsewhere before. ``succeeded`` are the engine's transfers to that
    payment, oldest first, and ``maybe`` those that may have gone as well. One that tells of no more elsewhere, with
    all of ours or from before the latest of them, is believed so. Else it is taken as of now; and one that cannot be,
    for it tells of less than we have sent, as telling of nothing of ours: too little is left rather than too much.
    """
    sums = [0, *accumulate((*succeeded, *maybe))]
    alike = [one for one in sums if told - one == outside]
    certain = sum(succeeded)
    return alike[-1] if alike else certain if told >= certain else 0


def allocate(amount: int, tenders: Sequence[TenderState], mode: Mode) -> list[tuple[TenderState, int]]:
    """How an amount (at most what is left of all) is divided; tenders that get nothing are left out."""
    if mode == "proportional":
        left = [one.left for one in tenders]
        parts = spread(amount, left, caps=left)
        return [(one, part) for one, part in zip(tenders, parts, strict=True) if part]
    result = []
    for one in _in_order(tenders, mode):
        part = min(amount, one.left)
        amount -= part
        if part:
            result.append((one, part))
    return result


def transfers_for(
    parts: Sequence[tuple[TenderState, int]], redirect: Mapping[str, str], *, credit: int = 0, bonus_percent: str = "0"
) -> tuple[Transfer, ...]:
    """The transfers of a division; ``redirect``: payment id (or ``*``) to tender. Cash goes by bank transfer.

    ``credit`` of the whole goes as store credit, by its share from each of the payments.
    """
    amounts = [amount for _, amount in parts]
    chosen_of = spread(credit, amounts, caps=amounts) if credit else [0] * len(parts)
    result: list[Transfer] = []
    for (one, amount), chosen in zip(parts, chosen_of, strict=True):
        other = redirect.get(one.payment_id, redirect.get("*", TRANSFER if one.tender in CASH else one.tender))
        if other == CREDIT:
            by_choice = one.payment_id in redirect or "*" in redirect
            result.append(_credit(one, amount, share(amount if by_choice else chosen, bonus_percent)))
            continue
        if amount > chosen:
            result.append(_money(one, amount - chosen, other))
        if chosen:
            result.append(_credit(one, chosen, share(chosen, bonus_percent)))
    return tuple(result)


def _credit(one: TenderState, amount: int, bonus: int) -> Transfer:
    if one.tender == CREDIT:
        return Transfer(tender=CREDIT, payment_id=one.payment_id, amount=amount, bonus=bonus)
    return Transfer(tender=CREDIT, on_behalf_of=one.payment_id, amount=amount, bonus=bonus)


def _money(one: TenderState, amount: int, tender: str) -> Transfer:
    if tender == one.tender:
        return Transfer(tender=tender, payment_id=one.payment_id, amount=amount)
    return Transfer(tender=tender, on_behalf_of=one.payment_id, amount=amount)


def releases(amount: int, tenders: Sequence[TenderState]) -> tuple[Void, ...]:
    """Authorised and uncaptured money up to an amount, in the order of payments (law.md MON-8)."""
    result = []
    for one in tenders:
        part = min(amount, one.uncaptured)
        amount -= part
        if part:
            result.append(Void(one.payment_id, part))
    return tuple(result)


def check_transfers(transfers: Iterable[Transfer], tenders: Sequence[TenderState]) -> None:
    """``Refused`` (``above_captured``) when the transfers take more from a payment than is left of it.

    Called at approval under the order's lock, with states that do not hold these transfers yet.
    """
    asked: dict[str, int] = {}
    for transfer in transfers:
        payment = transfer.payment_id or transfer.on_behalf_of
        if payment:
            asked[payment] = asked.get(payment, 0) + transfer.amount
    left = {one.payment_id: one.left for one in tenders}
    over = [payment for payment, amount in asked.items() if amount > left.get(payment, 0)]
    if over:
        told = f"payment {', '.join(over)}: more than is left of what was captured"
        raise Refused(told, reasons=[Reason("captured", "above_captured", told)], code="above_captured")


def _in_order(tenders: Sequence[TenderState], mode: Mode) -> list[TenderState]:
    if mode == "reverse":
        return list(reversed(tenders))
    if mode == "gift_first":
        return sorted(tenders, key=lambda one: one.tender not in GIFTS)
    places = {tender: index for index, tender in enumerate(mode)}
    return sorted(tenders, key=lambda one: places.get(one.tender, len(places)))
