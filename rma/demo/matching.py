"""Which sale does a credit note belong to? The file does not say, so the shop's habit is assumed.

The rule: the most recent earlier invoice to the same customer that still has enough units of the sku; when no single
invoice has enough, units are taken from several, most recent first. A unit is credited once. Units for which no
earlier sale is known are counted and explained, never guessed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal

import msgspec

from rma.demo.retail import Credit, CreditLine, Sale

WHY: Mapping[str, str] = {
    "no_customer": "the credit note names no customer",
    "no_earlier_sale": "no earlier sale of it to this customer in the data: sold before the data begins",
    "more_than_sold": "more units credited than are left on this customer's earlier invoices",
    "postage": "postage given back without goods",
    "discount": "a discount given afterwards, no goods",
    "not_goods": "a manual amount, adjustment or charge, no goods",
}


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """Units of one order line that a credit note takes back; ``price`` is what the retailer credited for a unit."""

    order_number: str
    line_id: str
    sku: str
    quantity: int
    price: Decimal


class Match(msgspec.Struct, frozen=True, kw_only=True):
    """The part of one credit note that belongs to one invoice: what becomes one return."""

    credit: str
    at: datetime
    order_number: str
    parts: tuple[Part, ...]


class Unmatched(msgspec.Struct, frozen=True, kw_only=True):
    """Units of a credit note that belong to no known sale, and the code of why (:data:`WHY`)."""

    credit: str
    sku: str
    quantity: int
    code: str


class Matching(msgspec.Struct, frozen=True, kw_only=True):
    """Everything: credited units = units in ``matches`` + units in ``unmatched``."""

    matches: tuple[Match, ...]
    unmatched: tuple[Unmatched, ...]


class _Lot:
    """What is left of one order line."""

    __slots__ = ("at", "left", "line_id", "number")

    def __init__(self, *, number: str, line_id: str, at: datetime, left: int) -> None:
        self.number = number
        self.line_id = line_id
        self.at = at
        self.left = left


_Lots = dict[tuple[str, str], list[_Lot]]


def match(sales: Iterable[Sale], credit_notes: Iterable[Credit]) -> Matching:
    """Match credit notes, earliest first, to earlier sales by the rule above. Pure; input order does not matter."""
    lots = _lots(sales)
    matches: list[Match] = []
    unmatched: list[Unmatched] = []
    for note in sorted(credit_notes, key=lambda note: (note.at, note.number)):
        parts: list[Part] = []
        for line in note.lines:
            found, rest, code = _line(lots, note, line)
            parts.extend(found)
            if rest:
                unmatched.append(Unmatched(credit=note.number, sku=line.sku, quantity=rest, code=code))
        matches.extend(_per_order(note, parts))
    return Matching(matches=tuple(matches), unmatched=tuple(unmatched))


def _lots(sales: Iterable[Sale]) -> _Lots:
    lots: _Lots = {}
    for sale in sorted(sales, key=lambda sale: (sale.at, sale.number)):
        for line in sale.lines:
            lot = _Lot(number=sale.number, line_id=line.id, at=sale.at, left=line.quantity)
            lots.setdefault((sale.customer, line.sku), []).append(lot)
    return lots


def _line(lots: _Lots, note: Credit, line: CreditLine) -> tuple[list[Part], int, str]:
    """The parts found for one credited line, the units left over, and why they are left over."""
    if line.kind != "goods":
        return [], line.quantity, line.kind
    if not note.customer:
        return [], line.quantity, "no_customer"
    earlier = [lot for lot in reversed(lots.get((note.customer, line.sku), [])) if lot.at < note.at]
    if not earlier:
        return [], line.quantity, "no_earlier_sale"
    parts, rest = _take(_one_invoice_first(earlier, line.quantity), line)
    return parts, rest, "more_than_sold"


def _one_invoice_first(earlier: Sequence[_Lot], wanted: int) -> list[_Lot]:
    """Lots of the most recent invoice that has enough on its own, or all of them, most recent first."""
    for number in dict.fromkeys(lot.number for lot in earlier):
        same = [lot for lot in earlier if lot.number == number]
        if sum(lot.left for lot in same) >= wanted:
            return same
    return list(earlier)


def _take(lots: Iterable[_Lot], line: CreditLine) -> tuple[list[Part], int]:
    parts: list[Part] = []
    rest = line.quantity
    for lot in lots:
        taken = min(rest, lot.left)
        if taken:
            lot.left -= taken
            rest -= taken
            parts.append(
                Part(order_number=lot.number, line_id=lot.line_id, sku=line.sku, quantity=taken, price=line.price)
            )
    return parts, rest


def _per_order(note: Credit, parts: Iterable[Part]) -> list[Match]:
    """One match an invoice; parts of one order line are added up (their credited price is then the average)."""
    orders: dict[str, dict[str, Part]] = {}
    for part in parts:
        lines = orders.setdefault(part.order_number, {})
        known = lines.get(part.line_id)
        lines[part.line_id] = _add(known, part) if known else part
    return [
        Match(credit=note.number, at=note.at, order_number=number, parts=tuple(lines.values()))
        for number, lines in orders.items()
    ]


def _add(one: Part, two: Part) -> Part:
    quantity = one.quantity + two.quantity
    price = (one.price * one.quantity + two.price * two.quantity) / quantity
    return msgspec.structs.replace(one, quantity=quantity, price=price)
