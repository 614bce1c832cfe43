"""What a policy page is written from where two laws protect its reader: of each part that which counts."""

from __future__ import annotations

from datetime import date

from msgspec import structs

from rma.domain.law import LawProfile, Refund, Withdrawal
from rma.domain.law_choice import whose
from rma.domain.law_dates import delivery_due, liability_end, send_back_end, withdrawal_end
from rma.domain.law_rights import exceptions, pays_way_back
from rma.domain.terms import Policy


def what_counts(policy: Policy, law: LawProfile, *, received: date) -> LawProfile:
    """One profile to read the page off, for an item received on that day: each part of the law that gives more in it.

    Only words and articles are read off it. What the page says of days and ways is decided by the laws themselves.
    """
    right = whose("withdrawal_end", law, lambda one: withdrawal_end(one, received))
    defect = whose("liability_end", law, lambda one: liability_end(one, received))
    return structs.replace(
        right,
        together=(),
        country=law.country,
        withdrawal=_right(law, right.withdrawal),
        send_back=whose("send_back", law, lambda one: send_back_end(one, notice=received)).send_back,
        way_back=whose("way_back", law, lambda one: _payer(policy, one)).way_back,
        refund=_refund(law),
        defect=defect.defect,
        delivery=whose("delivery_due", law, lambda one: delivery_due(one, ordered=received)).delivery,
    )


def second_hand(policy: Policy, law: LawProfile, *, received: date) -> tuple[int, str] | None:
    """For how many months the store answers for second-hand goods, by which article; None where it is no less."""
    agreed = policy.windows.second_hand_months
    if agreed is None:
        return None
    counts = whose(
        "liability_end", law, lambda one: liability_end(one, received, second_hand=True, agreed_months=agreed)
    )
    if counts.defect is None:
        return None
    months = counts.defect.liability.for_used(agreed)
    return (months, counts.defect.liability.article) if months < counts.defect.liability.months else None


def _right(law: LawProfile, right: Withdrawal | None) -> Withdrawal | None:
    return structs.replace(right, exceptions=exceptions(law)) if right is not None else None


def _payer(policy: Policy, law: LawProfile) -> str | None:
    terms = policy.terms(None, "withdrawal")
    return pays_way_back(law, method=terms.methods[0], carrier_named=policy.carrier_named(terms))


def _refund(law: LawProfile) -> Refund | None:
    """The rule that gives back the most of the delivery charge."""
    found = [one.refund for one in law.applicable if one.refund is not None]
    return max(found, key=lambda one: ("none", "cheapest_standard", "full").index(one.outbound_delivery), default=None)
