"""By when the law wants a refund paid, by what its case knows: shown, watched, and told once when it is missed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import TYPE_CHECKING, Any

from msgspec import structs

from rma.domain import calendar, units
from rma.domain.law_refund import NO_CLOCK, RefundDue, RefundFacts, refund_due_of_all
from rma.services import deadlines

if TYPE_CHECKING:
    from rma.domain.components import Component
    from rma.services.case import Case, Line
    from rma.services.transition import Door

DEADLINE = "refund"
"""The deadline of a return that ends with the last day by law, from the hand-over to the last of its money."""
MONEY = frozenset({"refund", "store_credit", "keep", "price_reduction"})
"""The outcomes that money follows from."""
_PAID = frozenset({"succeeded", "refused"})
_OVER = frozenset({"declined", "cancelled", "expired", "settled", "awaiting_feedback", "closed"})


def legal(door: Door, paying: Sequence[Component] = ()) -> RefundDue:
    """When the law wants the money back, by what the case knows today: of the lines that are paid with ``paying``.

    Without it, or where that is money of no line, of every line whose money is still to come. Each line has its clock;
    the earliest day counts. More goods that came only after that day were not there to be paid for: they start a clock
    of their own.
    """
    case = door.case
    if case is None or not case.row["statutory"]:
        return NO_CLOCK
    lines = [line for line in case.lines if line.basis == "statutory" and _concerns(line, paying)]
    facts = case.row["facts"]
    found = _legal(door, case, lines, facts)
    later = facts.get("came_later_on")
    if found.by is None or later is None or later <= found.by.isoformat():
        return found
    sent = [p.row["handed_over_at"] for p in door.children("parcel") if p.row["direction"] == "inbound"]
    known = [calendar.local_date(at, deadlines.time_zone(door)).isoformat() for at in sent if at]
    anew = {"arrived_on": later, "handed_over_on": max(known, default=later), "proof_of_sending_on": None}
    return _legal(door, case, lines, {**facts, **anew})


def _concerns(line: Line, paying: Sequence[Component]) -> bool:
    of_lines = [one for one in paying if one.order_line_id]
    return paid_with(line, of_lines) if of_lines else _awaits_money(line)


def paid_with(line: Line, paying: Iterable[Component]) -> bool:
    """Whether any of these components is money for units of this line."""
    return any(one.order_line_id == line.order_line_id and units.intersect(line.units, one.units) for one in paying)


def _awaits_money(line: Line) -> bool:
    return (
        line.outcome in MONEY
        and line.doc.get("decision") != "refused"
        and line.settled < line.requested - line.rejected - line.missing
    )


def _legal(door: Door, case: Case, lines: Iterable[Line], facts: Mapping[str, Any]) -> RefundDue:
    proof = min(filter(None, (facts.get("handed_over_on"), facts.get("proof_of_sending_on"))), default=None)
    common = RefundFacts(
        notice=calendar.local_date(case.noticed_at, deadlines.time_zone(door)),
        carrier=facts.get("carrier_is", "none_named"),
        handed_over=_day(facts.get("handed_over_on")),
        arrived=_day(facts.get("arrived_on")),
        proof_of_sending=_day(proof),
        goods_back=_day(facts.get("arrived_on")),
        seller_collects=case.row["method"] == "pick_up",
    )
    known = [
        structs.replace(
            common,
            kind=line.kind,
            delivered=not line.doc.get("undelivered"),
            service=bool(line.doc.get("service")),
            agreed=_day(line.doc.get("agreed_on") or facts.get("agreed_on")),
        )
        for line in lines
    ]
    return refund_due_of_all(deadlines.law_of(door), known)


def follow(door: Door) -> None:
    """Keep with the case by when the law wants its money paid: the deadlines that name the law's day read it there."""
    case = door.case
    if case is None or not (case.new or case.changed or any(line.dirty for line in case.lines)):
        return
    due = legal(door).by
    text = due.isoformat() if due else None
    if text != case.fact("refund_due"):
        case.facts(refund_due=text)
        door.law_day_moved = True


def promised(door: Door, since: date, days: int, legal_day: date | None) -> date:
    """The day that is promised: the store's days after ``since``, never after the law's day nor before today."""
    today = calendar.local_date(door.now, deadlines.time_zone(door))
    return max(today, min(filter(None, (calendar.add_days(since, days), legal_day))))


def shown(door: Door, case: Case) -> dict[str, Any] | None:
    """By when the money of a return comes: what is promised, the latest day by law, its article; None for no money."""
    refunds = [refund.row for refund in door.children("refund") if refund.state not in _PAID]
    today = calendar.local_date(door.now, deadlines.time_zone(door))
    if refunds:
        first = min(refunds, key=lambda row: (row["due_legal"] or date.max, row["due_promise"] or date.max))
        found = {name: first[name] for name in ("due_legal", "due_promise", "article")}
        starts_when = first["doc"].get("starts_when")
    elif case.state in _OVER or not is_owed(door, case):
        return None
    else:
        due = legal(door)
        found = {"due_legal": due.by, "due_promise": _expected(door, case, due.by), "article": due.article}
        starts_when = due.starts_when if due.article else "goods_accepted"
    return {
        "promise": found["due_promise"],
        "legal": found["due_legal"],
        "article": found["article"],
        "starts_when": starts_when,
        "overdue": found["due_legal"] is not None and found["due_legal"] < today,
    }


def _expected(door: Door, case: Case, legal_day: date | None) -> date | None:
    """What is promised for goods that are here and not judged yet: the store's days to look and to pay."""
    arrived = _day(case.fact("arrived_on"))
    if arrived is None:
        return None
    policy = door.policy
    return promised(door, arrived, policy.windows.review_days + policy.refunds.promise_days, legal_day)


def is_owed(door: Door, case: Case) -> bool:
    """Whether money of this return is still to come: a refund that is not paid, or units that are in none yet."""
    if any(refund.state not in _PAID for refund in door.children("refund")):
        return True
    return any(_awaits_money(line) for line in case.lines)


def warned(door: Door, name: str) -> bool:
    """Whether a deadline that warns has anything to warn of: money that is paid is no news."""
    return name != DEADLINE or door.case is None or is_owed(door, door.case)


def missed(door: Door, name: str) -> bool:
    """The same for one that has passed; that of the law's day tells, once, that money is overdue."""
    case = door.case
    if name != DEADLINE or case is None:
        return True
    due = legal(door)
    day = due.by.isoformat() if due.by else ""
    if not is_owed(door, case) or case.fact("overdue") == day:
        return False
    case.facts(overdue=day)
    waiting = [refund.id for refund in door.children("refund") if refund.state not in _PAID]
    door.say("refund.overdue", {"legal": due.by, "article": due.article, "refunds": waiting})
    return True


def _day(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None
