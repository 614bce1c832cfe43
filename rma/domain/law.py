"""The dated floor of the law: what a store's rules can never take away, and the dates that follow from it.

A floor is data (``law_floors`` holds the shipped ones). Rights follow the floor in force on the day of the order,
procedures (send-back, refund clock) the one in force on the day of the event. Every result names its article.
"""

from __future__ import annotations

from datetime import date
from typing import Literal

import msgspec

from rma.domain.calendar import add_days, add_months
from rma.domain.claims import LIABILITY, Kind

Side = Literal["consumer", "seller"]
Jurisdiction = Literal["TR", "EU", "UK", "US", "none"]
Payer = Literal["store", "customer"]
StartsWhen = Literal["notice", "handed_over", "arrived", "agreed", "goods_back_or_proof", "none"]
Case = Literal["not_delivered", "service", "named", "other", "none_named", "collected", "liability", "default"]


class Deadline(msgspec.Struct, frozen=True, kw_only=True):
    """A day by which someone must act: as counted (``raw``), as a court would roll it, and as the mildest reading.

    ``starts`` is the day of the event, which is not counted. ``estimated`` says that the event's day is a guess.
    """

    name: str
    starts: date
    raw: date
    strict: date
    lenient: date
    article: str
    side: Side
    estimated: bool = False

    @property
    def binding(self) -> date:
        """The day that holds: the latest reading for the consumer, the earliest for the seller (law.md section 1)."""
        if self.side == "seller":
            return self.raw
        return max(self.raw, self.strict, self.lenient)


class Exemption(msgspec.Struct, frozen=True, kw_only=True):
    """Goods or services without a withdrawal right: a line with the attribute, once all of ``needs`` are true.

    ``needs`` are names of a condition (``opened``, ``installed``) or of another attribute of the line.
    """

    attribute: str
    article: str
    needs: tuple[str, ...] = ()


class Withdrawal(msgspec.Struct, frozen=True, kw_only=True):
    """The right to withdraw without a reason. ``contract_start`` are kinds of line that count from the contract day."""

    days: int
    article: str
    contract_start: frozenset[str] = frozenset({"service", "digital"})
    exemptions: tuple[Exemption, ...] = ()


class Span(msgspec.Struct, frozen=True, kw_only=True):
    """So many days, or months, after an event, by an article."""

    article: str
    days: int = 0
    months: int = 0


class RefundClock(msgspec.Struct, frozen=True, kw_only=True):
    """In which case the refund clock starts when, and for how many days it runs.

    ``days_from_notice``: never due before so many days after the notice (CRD art. 13: the later of the two).
    """

    when: Case
    starts_when: StartsWhen
    days: int
    article: str
    days_from_notice: int | None = None


class WayBack(msgspec.Struct, frozen=True, kw_only=True):
    """Who pays the way back of a withdrawal by law: with a carrier that the store offers, and with another one.

    None: the law leaves it to the contract.
    """

    offered: Payer | None
    other: Payer | None
    article: str


class LawFloor(msgspec.Struct, frozen=True, kw_only=True):
    """One jurisdiction's floor from ``valid_from`` on. A part that is None does not exist there."""

    jurisdiction: Jurisdiction
    valid_from: date
    timezone: str | None = None
    withdrawal: Withdrawal | None = None
    send_back: Span | None = None
    delivery: Span | None = None
    liability: Span | None = None
    refunds: tuple[RefundClock, ...] = ()
    way_back: WayBack | None = None

    @property
    def version(self) -> str:
        """The floor's name for the record: ``TR@2026-01-01``."""
        return f"{self.jurisdiction}@{self.valid_from.isoformat()}"


class RefundFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What is known about a return when its refund date is asked for. Days are local.

    ``carrier``: whether the goods came with the carrier the store named, with another, or none was named.
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


class RefundDue(msgspec.Struct, frozen=True, kw_only=True):
    """The day by which the money must be back; None while its clock has not started. ``none``: no statutory clock."""

    by: date | None
    starts_when: StartsWhen
    article: str | None


def withdrawal_end(law: LawFloor, start: date, *, estimated: bool = False) -> Deadline | None:
    """The last day to declare a withdrawal, counted from the day of the last delivery (or of the contract)."""
    if law.withdrawal is None:
        return None
    span = Span(days=law.withdrawal.days, article=law.withdrawal.article)
    return _after("withdrawal_end", start, span, side="consumer", estimated=estimated)


def liability_end(law: LawFloor, delivered: date, *, estimated: bool = False) -> Deadline | None:
    """The last day on which the seller answers for goods that were delivered on that day."""
    if law.liability is None:
        return None
    return _after("liability_end", delivered, law.liability, side="consumer", estimated=estimated)


def send_back_end(law: LawFloor, *, notice: date, seller_collects: bool = False) -> Deadline | None:
    """The last day to hand the goods over after the notice; None when the seller collects or no law says so."""
    if law.send_back is None or seller_collects:
        return None
    return _after("send_back", notice, law.send_back, side="consumer")


def delivery_due(law: LawFloor, *, ordered: date, promised: date | None) -> Deadline | None:
    """The day by which the seller must deliver: as promised, at the latest after the law's days from the order."""
    if law.delivery is None:
        return None
    due = _after("delivery_due", ordered, law.delivery, side="seller")
    if promised is None or promised >= due.raw:
        return due
    return msgspec.structs.replace(due, raw=promised, strict=promised, lenient=promised)


def refund_due(law: LawFloor, facts: RefundFacts) -> RefundDue:
    """When the money must be back, once the clock of this case has started."""
    clock = _clock(law, facts)
    if clock is None:
        return RefundDue(by=None, starts_when="none", article=None)
    start = _started(clock.starts_when, facts)
    if start is None:
        return RefundDue(by=None, starts_when=clock.starts_when, article=clock.article)
    by = add_days(start, clock.days)
    if clock.days_from_notice is not None:
        by = max(by, add_days(facts.notice, clock.days_from_notice))
    return RefundDue(by=by, starts_when=clock.starts_when, article=clock.article)


def exemption(law: LawFloor, *, attributes: frozenset[str], condition: frozenset[str]) -> Exemption | None:
    """The exemption that takes the withdrawal right from a line with these attributes in this condition, or None."""
    if law.withdrawal is None or not attributes:
        return None
    known = attributes | condition
    for one in law.withdrawal.exemptions:
        if one.attribute in attributes and known.issuperset(one.needs):
            return one
    return None


def pays_way_back(law: LawFloor, *, method: str, carrier_named: bool) -> Payer | None:
    """Who pays the way back of a withdrawal by law; None leaves it to the store's policy.

    A carrier of the customer's own choice costs the customer only when the store named one (MSY art. 12/5).
    """
    if law.way_back is None:
        return None
    if method == "own_carrier" and carrier_named:
        return law.way_back.other
    return law.way_back.offered


def _after(name: str, start: date, span: Span, *, side: Side, estimated: bool = False) -> Deadline:
    raw = add_days(add_months(start, span.months) if span.months else start, span.days)
    return Deadline(
        name=name,
        starts=start,
        raw=raw,
        strict=raw,
        lenient=raw,
        article=span.article,
        side=side,
        estimated=estimated,
    )


def _case(facts: RefundFacts) -> Case:
    if facts.kind in LIABILITY:
        return "liability"
    if facts.service:
        return "service"
    if not facts.delivered:
        return "not_delivered"
    if facts.seller_collects:
        return "collected"
    return facts.carrier


def _clock(law: LawFloor, facts: RefundFacts) -> RefundClock | None:
    case = _case(facts)
    by_case = {clock.when: clock for clock in law.refunds}
    if case == "collected" and case not in by_case:
        case = "named"
    return by_case.get(case) or by_case.get("default")


def _started(starts_when: StartsWhen, facts: RefundFacts) -> date | None:
    if starts_when == "notice":
        return facts.notice
    if starts_when == "handed_over":
        return facts.handed_over or facts.arrived
    if starts_when == "arrived":
        return facts.arrived
    if starts_when == "agreed":
        return facts.agreed
    return min((day for day in (facts.goods_back or facts.arrived, facts.proof_of_sending) if day), default=None)
