"""The UK store: the real invoices, and the real credit notes as returns.

Real are: who (a number), what, how many, when, for how much, and that it was credited. A credit note does not say why,
in what state the goods came, or how it felt: that part is made up, by a rule that hangs on the credit note's number.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal

from rma.demo import chance, dates, snapshots
from rma.demo.matching import WHY, Match, Matching, Part, match
from rma.demo.plan import Filing, FilingLine, Manner, Snapshot, StorePlan, StoreSpec
from rma.demo.retail import DROPPED, Cleaned, Row, Sale, clean

SLUG = "gifts-uk"
_KINDS = (
    (70, ("voluntary", ("changed_mind", "too_many", "not_as_expected", "unwanted_gift"))),
    (13, ("damaged", ("damaged",))),
    (10, ("defective", ("defective",))),
    (7, ("wrong_item", ("wrong_item",))),
)
_BEFORE_DELIVERY = Manner(kind="withdrawal", reason="changed_mind", note="I would like to cancel this, please.")
_POLICY = {"refunds": {"auto_approve_below": "25.00", "second_person_above": "250.00"}}
_OUTCOMES = ((74, "refund"), (14, "exchange"), (12, "store_credit"))
_METHODS = ((60, "drop_off_code"), (30, "printed_label"), (10, "own_carrier"))
_GOOD = (
    (70, Manner(grade="A", disposition="restock")),
    (20, Manner(grade="B", disposition="restock_b")),
    (7, Manner(grade="C", disposition="restock_b", verdict="part", deduction="20", finding="box torn, scratched")),
    (3, Manner(grade="C", disposition="send_back", verdict="reject", finding="used: wax has been burnt")),
)
_FAULTY = (
    (50, Manner(grade="C", disposition="refurbish")),
    (35, Manner(grade="C", disposition="recycle")),
    (15, Manner(grade="B", disposition="return_to_vendor")),
)
_VOICES = (
    (30, (5, "Quick and easy, thank you.")),
    (22, (4, "All fine, the money came fast.")),
    (10, (3, "I would have liked a mail when the parcel arrived.")),
    (6, (2, "The picture shows another colour.")),
    (4, (1, "Broken again. Please wrap it better.")),
    (28, (None, None)),
)


def plan(rows: Iterable[Row], *, today: date) -> StorePlan:
    """The UK store's story with every date moved so that the last document is of last week; needs a sale."""
    cleaned = clean(rows)
    matching = match(cleaned.sales, cleaned.credits)
    weeks = dates.weeks_to_last_week(dates.last_day(_instants(cleaned)), today)
    first = dates.shift(min(sale.at for sale in cleaned.sales), weeks).date()
    sales = {sale.number: sale for sale in cleaned.sales}
    early = [found for found in matching.matches if _is_early(found, sales, weeks)]
    orders = _orders(cleaned.sales, weeks=weeks, early=_before_delivery(early))
    return StorePlan(
        spec=_spec(first),
        products=snapshots.products(cleaned.sales),
        orders=tuple(sorted(orders, key=lambda order: order.at)),
        filings=tuple(_filing(found, weeks, early=found in early) for found in matching.matches),
        about=_about(cleaned, matching, weeks),
        left_out=tuple((DROPPED[code], count) for code, count in cleaned.dropped.items() if count),
        unmatched=_explained(matching),
    )


def _instants(cleaned: Cleaned) -> list[datetime]:
    return [*(sale.at for sale in cleaned.sales), *(note.at for note in cleaned.credits)]


def _spec(first: date) -> StoreSpec:
    home = {
        "id": "main", "name": "Gifts UK returns", "line1": "1 Example Way", "city": "London", "postcode": "EC1A 1BB",
        "country": "GB", "default": True,
    }  # fmt: skip
    return StoreSpec(
        slug=SLUG,
        name="Gifts UK",
        country="GB",
        timezone=snapshots.ZONE,
        currency=snapshots.CURRENCY,
        locale="en",
        domain="gifts-uk.example",
        return_addresses=(home,),
        clock_start=dates.evening(first - timedelta(days=1), snapshots.ZONE),
        policy=_POLICY,
    )


def _is_early(found: Match, sales: Mapping[str, Sale], weeks: int) -> bool:
    """Whether it was credited before the day the parcel is at the door: a cancellation, nothing came back."""
    at = dates.in_zone(dates.shift(found.at, weeks), snapshots.ZONE)
    door = snapshots.delivered_at(sales[found.order_number], weeks)
    return dates.slot(at, snapshots.ZONE) < dates.slot(door, snapshots.ZONE)


def _before_delivery(matches: Iterable[Match]) -> Mapping[str, Mapping[str, int]]:
    """Units a line of each order that were cancelled on the way."""
    early: dict[str, Counter[str]] = {}
    for found in matches:
        units = early.setdefault(found.order_number, Counter())
        units.update({part.line_id: part.quantity for part in found.parts})
    return early


def _orders(sales: Iterable[Sale], *, weeks: int, early: Mapping[str, Mapping[str, int]]) -> Iterable[Snapshot]:
    """Each order once, when it is delivered; one that is credited before that also when it is ordered."""
    for sale in sales:
        credited = early.get(sale.number)
        if credited is not None:
            body = snapshots.snapshot(sale, weeks=weeks, delivered=None)
            yield Snapshot(at=snapshots.ordered_at(sale, weeks), body=body)
        units = {line.id: line.quantity - (credited or {}).get(line.id, 0) for line in sale.lines}
        if any(units.values()):
            body = snapshots.snapshot(sale, weeks=weeks, delivered=units)
            yield Snapshot(at=snapshots.delivered_at(sale, weeks), body=body)


def _filing(found: Match, weeks: int, *, early: bool) -> Filing:
    manner = _BEFORE_DELIVERY if early else _manner(found.credit, found.order_number)
    return Filing(
        source=found.credit,
        at=dates.in_zone(dates.shift(found.at, weeks), snapshots.ZONE),
        order_number=found.order_number,
        lines=tuple(
            FilingLine(
                order_line_id=part.line_id,
                quantity=part.quantity,
                replacement=part.sku if manner.outcome == "exchange" else None,
                credited=_pence(part),
            )
            for part in found.parts
        ),
        manner=manner,
    )


def _pence(part: Part) -> int:
    """What the retailer credited for these units, half a penny up."""
    return int((part.price * part.quantity * 100).quantize(Decimal(1), ROUND_HALF_UP))


def _manner(*about: str) -> Manner:
    kind, reasons = chance.weighted(_KINDS, "kind", *about)
    found = chance.weighted(_GOOD if kind == "voluntary" else _FAULTY, "found", *about)
    score, comment = chance.weighted(_VOICES, "voice", *about)
    return Manner(
        kind=kind,
        reason=chance.pick(reasons, "reason", *about),
        outcome=chance.weighted(_OUTCOMES, "outcome", *about),
        method=chance.weighted(_METHODS, "method", *about),
        grade=found.grade,
        disposition=found.disposition,
        verdict=found.verdict,
        deduction=found.deduction,
        finding=found.finding,
        score=score,
        comment=comment,
    )


def _about(cleaned: Cleaned, matching: Matching, weeks: int) -> tuple[str, ...]:
    units = sum(part.quantity for found in matching.matches for part in found.parts)
    credited = sum(part.price * part.quantity for found in matching.matches for part in found.parts)
    return (
        f"{cleaned.rows:,} rows: {len(cleaned.sales):,} invoices with goods, {len(cleaned.credits):,} credit notes",
        f"dates moved by {weeks} whole weeks, intervals kept",
        f"{len(matching.matches):,} returns of {units:,} units, for which the retailer credited £{credited:,.2f}",
    )


def _explained(matching: Matching) -> tuple[tuple[str, int], ...]:
    """How many credited lines belong to no sale, for each reason, most first."""
    counts = Counter(unmatched.code for unmatched in matching.unmatched)
    return tuple((WHY[code], count) for code, count in counts.most_common())
