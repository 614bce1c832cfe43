"""When the money of a return must be back by law: which clock runs, since when, and to which day."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import Literal

import msgspec
from msgspec import structs

from rma.domain.calendar import add_days, roll, roll_back
from rma.domain.claims import DELAY, KINDS, LIABILITY, Kind
from rma.domain.law import Case, InterestFrom, LawProfile, RefundClock, StartsWhen
from rma.domain.law_choice import best
from rma.domain.law_dates import LawOn, counted
from rma.domain.law_terms import Confidence


class RefundFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What is known about a return when its refund date is asked for. Days are local.

    ``carrier``: whether the goods came with the carrier the store named, with another, or none was named. ``agreed`` is
    the day on which the seller agreed that money is owed for a defect, ``impossible_told`` on which it said that it
    cannot deliver.
    """

    notice: date
    kind: Kind = "withdrawal"
    delivered: bool = True
    service: bool = False
    carrier: Literal["named", "other", "none_named"] = "none_named"
    handed_over: date | None = None
    arrived: date | None = None
    proof_of_sending: date | None = None
    goods_back: date | None = None
    seller_collects: bool = False
    agreed: date | None = None
    impossible_told: date | None = None


class RefundDue(msgspec.Struct, frozen=True, kw_only=True):
    """The day by which the money must be back; None while its clock has not started. ``none``: no statutory clock.

    ``by`` is the earliest reading, ``strict`` the latest that a court would allow, ``pay_on`` the last bank day not
    after ``by``. ``withhold_until`` is the day until which the seller may keep the money, where the law lets it.
    """

    by: date | None
    starts_when: StartsWhen
    article: str | None
    starts: date | None = None
    strict: date | None = None
    pay_on: date | None = None
    withhold_until: date | None = None
    confidence: Confidence | None = None
    interest: InterestFrom = "none"


NO_CLOCK = RefundDue(by=None, starts_when="none", article=None)
"""No law says when this money is due."""
_NEAREST: dict[Case, Case] = {"impossible": "not_delivered", "delay": "not_delivered", "collected": "named"}


def refund_due(law: LawProfile, facts: RefundFacts) -> RefundDue:
    """When the money must be back by the law of one day, once the clock of this case has started.

    Of two laws that apply the one that pays first counts, with the interest of the one that gives more.
    """
    if not law.together:
        return _refund_due(law, facts)
    found = [_refund_due(one, facts) for one in law.together]
    return structs.replace(best("refund_due", found), interest=best("interest", [one.interest for one in found]))


def _refund_due(law: LawProfile, facts: RefundFacts) -> RefundDue:
    clock = _clock(law, facts)
    if clock is None:
        return NO_CLOCK
    start = _started(clock.starts_when, facts)
    if start is None:
        return RefundDue(by=None, starts_when=clock.starts_when, article=clock.article, confidence=clock.confidence)
    by = counted(clock, start, law.counting)
    if clock.days_from_notice is not None:
        by = max(by, add_days(facts.notice, clock.days_from_notice))
    return RefundDue(
        by=by,
        starts_when=clock.starts_when,
        article=clock.article,
        starts=start,
        strict=by if clock.roll == "none" else roll(by, law.counting.rolled),
        pay_on=max(start, roll_back(by, law.counting.bank)),
        withhold_until=start if clock.starts_when == "goods_back_or_proof" else None,
        confidence=clock.confidence,
        interest=_interest(law, clock),
    )


def _interest(law: LawProfile, clock: RefundClock) -> InterestFrom:
    """From when interest runs in this case: as the clock says, else from the last day where the law knows interest."""
    if clock.interest_from is not None:
        return clock.interest_from
    return "due" if law.refund is not None and law.refund.statutory_interest else "none"


def refund_due_across(law_on: LawOn, facts: RefundFacts) -> RefundDue:
    """The same where the law may have changed between the events of the case.

    Each text that was in force on the day of an event applies; the one that pays first holds (the better one for the
    consumer).
    """
    texts = {text.reference: text for text in map(law_on, _events(facts))}
    found = [refund_due(text, facts) for text in texts.values()]
    return best("refund_due", [one for one in found if one.by is not None] or found[-1:])


def refund_due_of_all(law_on: LawOn, facts: Iterable[RefundFacts]) -> RefundDue:
    """The same of money for several things: the earliest day that binds, whatever their order; none for nothing."""
    in_order = sorted(set(facts), key=lambda one: (KINDS.index(one.kind), one.service, not one.delivered))
    found = [refund_due_across(law_on, one) for one in in_order]
    return best("refund_due", found) if found else NO_CLOCK


def _events(facts: RefundFacts) -> list[date]:
    days = (facts.notice, facts.impossible_told, facts.agreed, facts.handed_over, facts.arrived, facts.goods_back)
    return sorted(day for day in days if day is not None and day >= facts.notice) or [facts.notice]


def _case(facts: RefundFacts) -> Case:
    if facts.impossible_told is not None:
        return "impossible"
    if facts.kind in LIABILITY:
        return "liability"
    if facts.kind in DELAY:
        return "delay"
    if facts.service:
        return "service"
    if not facts.delivered:
        return "not_delivered"
    if facts.seller_collects:
        return "collected"
    return facts.carrier


def _clock(law: LawProfile, facts: RefundFacts) -> RefundClock | None:
    if law.refund is None:
        return None
    case = _case(facts)
    by_case = {clock.when: clock for clock in law.refund.clocks}
    return by_case.get(case) or by_case.get(_NEAREST.get(case, "default")) or by_case.get("default")


def _started(starts_when: StartsWhen, facts: RefundFacts) -> date | None:
    if starts_when == "notice":
        return facts.notice
    if starts_when == "told":
        return facts.impossible_told
    if starts_when == "handed_over":
        return facts.handed_over or facts.arrived
    if starts_when == "arrived":
        return facts.arrived
    if starts_when == "agreed":
        return facts.agreed
    return min((day for day in (facts.goods_back or facts.arrived, facts.proof_of_sending) if day), default=None)
