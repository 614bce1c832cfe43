"""What follows once a refund is paid: its units end, points are told of, and late days cost interest."""

from __future__ import annotations

from typing import Any

import msgspec

from rma.domain import units
from rma.domain.components import Component
from rma.services import books, interest, refunds
from rma.services.case import Case, Line
from rma.services.line_effects import settle_number
from rma.services.transition import Door, Subject, effect


@effect("book_refund")
def book_refund(door: Door, refund: Subject, _fields: dict[str, Any]) -> None:
    """The units whose money went back have found their end, consumed; reduced in price they stay the customer's.

    Reduced to nothing they were kept with all of their money back, and nothing more can come of them.
    """
    if door.case is None:
        return
    reduced: dict[str, units.Ranges] = {}
    for raw in refund.row["components"]:
        component = msgspec.convert(raw, Component)
        line_id = component.order_line_id or ""
        if component.kind == "goods" and line_id:
            _book(door.case, line_id, component.units)
        elif component.kind == "price_reduction" and line_id:
            reduced[line_id] = units.union(reduced.get(line_id, ()), component.units)
    for line in door.case.lines:
        mine = units.intersect(line.reserved, reduced.get(line.order_line_id, ()))
        if line.outcome == "price_reduction" and mine:
            settle_number(line, units.count(mine))
            gone = _worth_nothing(door, line, mine)
            line.set(consumed=units.union(line.consumed, gone), reserved=units.subtract(line.reserved, gone))
    if refund.row["doc"].get("points"):
        door.say("refund.points_due", {"id": refund.id, "points": refund.row["doc"]["points"]})
    later = interest.since_approval(door, refund)
    if later is not None:
        refunds.propose(door, later, None, by_hand=False, interest_of=refund.id)


def _worth_nothing(door: Door, line: Line, mine: units.Ranges) -> units.Ranges:
    runs = books.read(door.work, door.order).left(door.order.priced, line.order_line_id, mine)
    return units.subtract(mine, units.union(*(((run.low, run.high),) for run in runs if run.worth)))


def _book(case: Case, order_line_id: str, paid: units.Ranges) -> None:
    for line in case.lines:
        mine = units.intersect(units.union(line.reserved, line.consumed), paid)
        if line.order_line_id == order_line_id and mine:
            fresh = units.count(units.subtract(mine, line.consumed))
            line.set(consumed=units.union(line.consumed, mine), reserved=units.subtract(line.reserved, mine))
            settle_number(line, fresh)
