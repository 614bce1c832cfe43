"""The store's own times under the law: those that shorten a right, and those that leave no time to pay back."""

from __future__ import annotations

from collections.abc import Iterator

from rma.domain.findings import Finding, found
from rma.domain.law import LawProfile, RefundClock
from rma.domain.terms import Policy

_NOT_BY_CHOICE = frozenset({"liability", "delay", "impossible", "not_delivered"})


def refund_findings(policy: Policy, law: LawProfile) -> Iterator[Finding]:
    """Times that pass the law's last day for the money of a withdrawal, alone or together.

    ``review_days`` is for whoever decides, for the parcel at the door and for the inspection: each step alone.
    """
    clock = _first(law)
    if clock is None:
        return
    most = _days(clock)
    review, promised = policy.windows.review_days, policy.refunds.promise_days
    if promised > most:
        path = "refunds.promise_days"
        yield found("unlawful", "later_refund", path, law=law, article=clock.article, days=promised, most=most)
    if review > most:
        path = "windows.review_days"
        yield found("unlawful", "late_review", path, law=law, article=clock.article, days=review, most=most)
    elif promised <= most < review + promised:
        both, path = review + promised, "windows.review_days"
        yield found("conflict", "late_together", path, law=law, article=clock.article, days=both, most=most)


def _first(law: LawProfile) -> RefundClock | None:
    """The clock of a withdrawal that leaves the store the fewest days; None where no law says one."""
    if law.refund is None or law.withdrawal is None:
        return None
    timed = [one for one in law.refund.clocks if one.when not in _NOT_BY_CHOICE and _days(one)]
    return min(timed, key=_days, default=None)


def _days(clock: RefundClock) -> int:
    return max(clock.days, clock.days_from_notice or 0)


def liability_findings(policy: Policy, law: LawProfile) -> Iterator[Finding]:
    """Liability for second-hand goods: no shorter than the law lets be agreed (Law 6502 art. 12, SGD art. 10(6))."""
    agreed, rule = policy.windows.second_hand_months, law.defect.liability if law.defect else None
    if agreed is None or rule is None or agreed >= rule.months:
        return
    path = "windows.second_hand_months"
    if rule.second_hand_months is None:
        yield found("conflict", "second_hand_set_aside", path, law=law, article=rule.article, months=rule.months)
    elif agreed < rule.second_hand_months:
        least = rule.second_hand_months
        yield found("unlawful", "shorter_liability", path, law=law, article=rule.article, months=agreed, least=least)
