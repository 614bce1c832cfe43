"""Repricing of broken promotions: only for voluntary returns and only with a clear term (law.md MON-5; M18, M21).

What stays with the customer is counted without a promotion whose condition it no longer meets; the difference is held
back from this refund, and given back by later returns of either kind, so that returning all one by one gives what was
paid. A promotion that a return by right has broken is never repriced.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from rma.domain.components import Component
from rma.domain.money import half_up, spread
from rma.domain.pricing import PromotionShare
from rma.domain.sheet import Sheet, line_target
from rma.domain.stretches import evenly, within, worth
from rma.domain.units import Ranges, count, subtract, union, whole


def reprice(sheet: Sheet, units: Mapping[str, Ranges]) -> None:
    """Adjusts the sheet promotion by promotion: money is held back from the voluntary ``units`` that are asked now.

    What was held back before is given back with any return, also one by right, once less of it is lost.
    """
    for promotion in sheet.priced.promotions:
        terms = promotion.terms
        if terms is None or (terms.minimum is None and terms.minimum_quantity is None):
            continue
        change = _lost(sheet, promotion) - _held_back(sheet, promotion)
        if change > 0:
            _hold_back(sheet, promotion, units, change)
        elif change < 0:
            _give_back(sheet, promotion, -change)


def _ref(promotion: PromotionShare) -> str:
    return f"promotion:{promotion.code}"


def _kept(sheet: Sheet, promotion: PromotionShare, *, without: Callable[[Component], bool]) -> dict[str, Ranges]:
    """The units of the promotion that have not gone back in such a component, this settlement among them."""
    gone: dict[str, Ranges] = {}
    for one in (*sheet.past, *sheet.now):
        whole_units = one.kind == "goods" and one.end is None and not one.ref
        if whole_units and one.order_line_id in promotion.shares and without(one):
            gone[one.order_line_id] = union(gone.get(one.order_line_id, ()), one.units)
    lines = sheet.priced.lines
    return {line_id: subtract(whole(lines[line_id].quantity), gone.get(line_id, ())) for line_id in promotion.shares}


def _lost(sheet: Sheet, promotion: PromotionShare) -> int:
    """The discount on what stays with the customer, gross, once voluntary returns have broken the condition.

    What came back by right counts for the condition as if it had stayed: a right costs no promotion.
    """
    kept = _kept(sheet, promotion, without=lambda _: True)
    if not any(kept.values()) or _holds(sheet, promotion):
        return 0
    return sum(_discount(sheet, promotion, line_id, units) for line_id, units in kept.items())


def _holds(sheet: Sheet, promotion: PromotionShare) -> bool:
    """Whether the promotion's condition is met but for what was returned of free will."""
    counting = _kept(sheet, promotion, without=lambda one: not one.by_right)
    listed = sum(_listed(sheet, line_id, units) for line_id, units in counting.items())
    pieces = sum(count(units) for units in counting.values())
    terms = promotion.terms
    return terms is None or (listed >= (terms.minimum or 0) and pieces >= (terms.minimum_quantity or 0))


def _listed(sheet: Sheet, line_id: str, units: Ranges) -> int:
    """What the units cost before promotions, in the basis prices were given in."""
    line = sheet.priced.lines[line_id]
    each, odd = divmod(line.before, line.quantity)
    return sum(each * (high - low + 1) + min(high, odd) - min(low - 1, odd) for low, high in units)


def _discount(sheet: Sheet, promotion: PromotionShare, line_id: str, units: Ranges) -> int:
    """The promotion's part of the discount on those units, gross."""
    line = sheet.priced.lines[line_id]
    value = line.values(units)
    every = sum(one.shares.get(line_id, 0) for one in sheet.priced.promotions)
    off = _listed(sheet, line_id, units) - (value.gross if line.inclusive else value.net)
    lost = half_up(off * promotion.shares[line_id], every)
    return lost if line.inclusive or not value.net else half_up(lost * value.gross, value.net)


def _held_back(sheet: Sheet, promotion: PromotionShare) -> int:
    ours = [one for one in sheet.past if one.ref == _ref(promotion)]
    return sum(one.gross if one.kind == "deduction" else -one.gross for one in ours)


def _hold_back(sheet: Sheet, promotion: PromotionShare, units: Mapping[str, Ranges], amount: int) -> None:
    """Takes the amount from what this settlement pays for the promotion's units, at most all of it."""
    runs = {line_id: sheet.paid(line_target(line_id), units.get(line_id, ())) for line_id in promotion.shares}
    caps = [worth(found) for found in runs.values()]
    for line_id, part in zip(runs, spread(amount, caps, caps=caps), strict=True):
        taken = evenly(runs[line_id], part, from_end=True)
        sheet.add("deduction", line_target(line_id), taken, why="promotion", cause="promotion", ref=_ref(promotion))


def _give_back(sheet: Sheet, promotion: PromotionShare, amount: int) -> None:
    """Pays what earlier returns held back for this promotion, the latest first."""
    held: list[Component] = [one for one in sheet.past if one.ref == _ref(promotion) and one.kind == "deduction"]
    for one in reversed(held):
        target = line_target(one.order_line_id or "")
        runs = within(sheet.free(target, one.units), one.start, one.end)
        given = evenly(runs, amount)
        sheet.add("goods", target, given, why="goods", ref=_ref(promotion))
        amount -= worth(given)
