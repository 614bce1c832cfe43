"""Repricing of broken promotions: only for voluntary returns and only with a clear term (law.md MON-5; M18, M21).

What stays with the customer is counted without a promotion whose condition it no longer meets; the difference is held
back from this refund, and given back by later returns, so that returning all one by one gives what was paid.
"""

from __future__ import annotations

from collections.abc import Mapping

from rma.domain.components import Component
from rma.domain.money import half_up, spread
from rma.domain.pricing import PromotionShare
from rma.domain.sheet import Sheet, line_target
from rma.domain.stretches import evenly, within, worth
from rma.domain.units import Ranges, count, subtract, union, whole


def reprice(sheet: Sheet, units: Mapping[str, Ranges]) -> None:
    """Adjusts the sheet for the voluntary units that are asked now, promotion by promotion."""
    for promotion in sheet.priced.promotions:
        terms = promotion.terms
        if terms is None or (terms.minimum is None and terms.minimum_quantity is None):
            continue
        if not any(line_id in units for line_id in promotion.shares):
            continue
        kept = _kept(sheet, promotion)
        change = _lost(sheet, promotion, kept) - _held_back(sheet, promotion)
        if change > 0:
            _hold_back(sheet, promotion, units, change)
        elif change < 0:
            _give_back(sheet, promotion, -change)


def _ref(promotion: PromotionShare) -> str:
    return f"promotion:{promotion.code}"


def _kept(sheet: Sheet, promotion: PromotionShare) -> dict[str, Ranges]:
    """The units of the promotion that stay with the customer after this settlement."""
    gone: dict[str, Ranges] = {}
    for one in (*sheet.past, *sheet.now):
        if one.kind == "goods" and one.order_line_id in promotion.shares and one.end is None and not one.ref:
            gone[one.order_line_id] = union(gone.get(one.order_line_id, ()), one.units)
    lines = sheet.priced.lines
    return {line_id: subtract(whole(lines[line_id].quantity), gone.get(line_id, ())) for line_id in promotion.shares}


def _lost(sheet: Sheet, promotion: PromotionShare, kept: Mapping[str, Ranges]) -> int:
    """The discount on what is kept when the promotion's condition is broken, gross; nothing when all came back."""
    listed = {line_id: _listed(sheet, line_id, units) for line_id, units in kept.items()}
    pieces = sum(count(units) for units in kept.values())
    terms = promotion.terms
    if terms is None or not pieces:
        return 0
    holds = sum(listed.values()) >= (terms.minimum or 0) and pieces >= (terms.minimum_quantity or 0)
    return 0 if holds else sum(_discount(sheet, promotion, line_id, kept[line_id], listed[line_id]) for line_id in kept)


def _listed(sheet: Sheet, line_id: str, units: Ranges) -> int:
    """What the units cost before promotions, in the basis prices were given in."""
    line = sheet.priced.lines[line_id]
    each, odd = divmod(line.before, line.quantity)
    return sum(each * (high - low + 1) + min(high, odd) - min(low - 1, odd) for low, high in units)


def _discount(sheet: Sheet, promotion: PromotionShare, line_id: str, units: Ranges, listed: int) -> int:
    """The promotion's part of the discount on those units, gross."""
    line = sheet.priced.lines[line_id]
    value = line.values(units)
    every = sum(one.shares.get(line_id, 0) for one in sheet.priced.promotions)
    lost = half_up((listed - (value.gross if line.inclusive else value.net)) * promotion.shares[line_id], every)
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
