"""What waits on the lines of a case for the next proposal: deductions, price reductions, units that are judged anew."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from rma.domain import units
from rma.domain.asks import Deduction, Reduction
from rma.domain.components import Component
from rma.services.case import Case
from rma.services.line_effects import ranges, remember


def deductions(case: Case) -> tuple[Deduction, ...]:
    """Deductions of inspections that are in no proposal yet; taking them marks them as used."""
    found: list[Deduction] = []
    for line in case.lines:
        waiting = [d for d in line.doc.get("deductions", []) if not d.get("used")]
        found += [_deduction(line.order_line_id, item) for item in waiting]
        if waiting:
            remember(line, deductions=[{**d, "used": True} for d in line.doc["deductions"]])
    return tuple(found)


def _deduction(order_line_id: str, item: dict[str, Any]) -> Deduction:
    return Deduction(
        cause=item["cause"],
        amount=item.get("amount"),
        percent=item.get("percent"),
        order_line_id=order_line_id,
        units=units.parse(item["units"], path="units"),
        why=item["why"],
    )


def reductions(case: Case) -> tuple[Reduction, ...]:
    """Price reductions that the customer accepted and that are in no proposal yet."""
    found: list[Reduction] = []
    for line in case.lines:
        offer = line.doc.get("offer") or {}
        accepted = ranges(line, "accepted_units")
        if line.outcome != "price_reduction" or offer.get("answer") != "accept" or offer.get("used") or not accepted:
            continue
        found.append(
            Reduction(
                order_line_id=line.order_line_id,
                units=accepted,
                amount=offer.get("amount"),
                percent=offer.get("percent"),
                why="price_reduction",
            )
        )
        remember(line, offer={**offer, "used": True})
    return tuple(found)


def take_anew(case: Case) -> None:
    """Units that were judged anew are in a proposal now: what they are still worth is decided."""
    for line in case.lines:
        if line.doc.get("anew_units"):
            line.set(doc={**line.doc, "anew_units": [], "anew_proposed": line.doc["anew_units"]})


def open_again(case: Case, refund: Mapping[str, Any]) -> None:
    """Deductions, reductions and the fee of a proposal that is gone may enter the next one."""
    for line in case.lines:
        goods, reduced = (_units_of(refund, line.order_line_id, kind) for kind in ("goods", "price_reduction"))
        mine = units.intersect(goods, ranges(line, "accepted_units"))
        if mine:
            remember(line, deductions=[_free_again(d, goods) for d in line.doc.get("deductions", [])])
            again = units.intersect(mine, ranges(line, "anew_proposed"))
            remember(line, anew_units=units.union(ranges(line, "anew_units"), again))
        if line.doc.get("offer") and units.intersect(reduced, ranges(line, "accepted_units")):
            remember(line, offer={**line.doc["offer"], "used": False})
    if any(c["kind"] == "deduction" and c.get("why") == "return_fee" for c in refund["components"]):
        case.facts(fee_charged=False)


def _units_of(refund: Mapping[str, Any], order_line_id: str, kind: str) -> units.Ranges:
    found = (msgspec.convert(c, Component) for c in refund["components"])
    return units.union(*(c.units for c in found if c.kind == kind and c.order_line_id == order_line_id))


def _free_again(deduction: dict[str, Any], gone: units.Ranges) -> dict[str, Any]:
    meant = units.intersect(units.parse(deduction["units"], path="units"), gone)
    return {**deduction, "used": False} if meant else deduction
