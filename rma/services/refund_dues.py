"""By when the law wants a refund paid, by what its case knows today."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

from rma.domain import calendar
from rma.domain.law_refund import NO_CLOCK, RefundDue, RefundFacts, refund_due_across
from rma.services import deadlines

if TYPE_CHECKING:
    from rma.services.transition import Door


def legal(door: Door) -> RefundDue:
    """When the law wants the money back, by what the case knows today."""
    case = door.case
    timezone = deadlines.time_zone(door)
    if case is None or not case.row["statutory"]:
        return NO_CLOCK
    facts = case.row["facts"]
    return refund_due_across(
        deadlines.law_of(door),
        RefundFacts(
            notice=calendar.local_date(case.noticed_at, timezone),
            kind=next((line.kind for line in case.lines if line.basis == "statutory"), case.row["kind"]),
            delivered=not all(line.doc.get("undelivered") for line in case.lines),
            carrier=facts.get("carrier_is", "none_named"),
            handed_over=_day(facts.get("handed_over_on")),
            arrived=_day(facts.get("arrived_on")),
            proof_of_sending=_day(facts.get("handed_over_on")),
            goods_back=_day(facts.get("arrived_on")),
            seller_collects=case.row["method"] == "pick_up",
        ),
    )


def _day(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None
