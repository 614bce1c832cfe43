"""What every unit of an order is worth: discounts spread over lines, lines over units, tax bound to its position.

The values are frozen when the first return is filed; a refund is the sum of frozen values and never asks today's price.
A line is held as totals with formulas, so one of 19,152 units costs no more than one of two (law.md MON-1 to MON-6).
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from rma.domain.money import format_amount, half_up, spread, tax_inside, tax_on
from rma.domain.order import Line, Order, Terms
from rma.domain.units import Ranges


class Value(msgspec.Struct, frozen=True, gc=False):
    """An amount with the tax it holds: ``gross = net + tax``, minor units."""

    net: int
    tax: int
    gross: int

    def __add__(self, other: Value) -> Value:
        return Value(self.net + other.net, self.tax + other.tax, self.gross + other.gross)

    def __neg__(self) -> Value:
        return Value(-self.net, -self.tax, -self.gross)


NOTHING = Value(0, 0, 0)


class LineValue(msgspec.Struct, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """The frozen value of one line (or of shipping, or of a fee, as one unit).

    ``inclusive``: prices hold their tax, and the tax of a stretch of gross is ``T(end) − T(start)`` with ``T`` rounded
    half up (M13). Else the tax that was charged is spread over the units by largest remainder (M14). ``rate`` is set
    when the tax was computed from it; ``of`` is the line that a fee belongs to; ``before`` is the value before
    promotions, in the basis prices were given in.
    """

    id: str
    quantity: int
    net: int
    tax: int
    inclusive: bool
    rate: str | None = None
    before: int = 0
    of: str | None = None

    @property
    def gross(self) -> int:
        """What was paid for the whole line."""
        return self.net + self.tax

    def gross_to(self, unit: int) -> int:
        """What units 1 to ``unit`` cost together; 0 for unit 0."""
        if unit == 0:
            return 0
        if unit == self.quantity:
            return self.net + self.tax
        if self.inclusive:
            return _even(self.net + self.tax, self.quantity, unit)
        return _even(self.net, self.quantity, unit) + _even(self.tax, self.quantity, unit)

    def tax_to(self, unit: int) -> int:
        """The tax that units 1 to ``unit`` hold together."""
        return self._tax_at(self.gross_to(unit)) if self.inclusive else _even(self.tax, self.quantity, unit)

    def unit(self, unit: int) -> Value:
        """The value of one unit."""
        return self.values(((unit, unit),))

    def values(self, ranges: Ranges) -> Value:
        """The value of whole units together."""
        gross = tax = 0
        for low, high in ranges:
            before, upto = self.gross_to(low - 1), self.gross_to(high)
            gross += upto - before
            if self.inclusive:
                tax += self._tax_at(upto) - self._tax_at(before)
            else:
                tax += _even(self.tax, self.quantity, high) - _even(self.tax, self.quantity, low - 1)
        return Value(gross - tax, tax, gross)

    def stretch(self, ranges: Ranges, start: int, end: int | None) -> Value:
        """The value of the gross from ``start`` to ``end`` inside each of the units (None: to the unit's end)."""
        if start == 0 and end is None:
            return self.values(ranges)
        result = NOTHING
        for low, high in ranges:
            for unit in range(low, high + 1):
                result += self._inside(unit, start, end)
        return result

    def runs(self, low: int, high: int) -> list[tuple[int, int]]:
        """The units from ``low`` to ``high``, cut where the gross of a unit changes: at most three runs."""
        parts = (self.net + self.tax,) if self.inclusive else (self.net, self.tax)
        edges = sorted({low - 1, high, *(e for e in (part % self.quantity for part in parts) if low <= e < high)})
        return [(edges[i] + 1, edges[i + 1]) for i in range(len(edges) - 1)]

    def _tax_at(self, gross: int) -> int:
        """The tax of the first ``gross`` minor units of a tax-inclusive line."""
        if self.rate is not None:
            return tax_inside(gross, self.rate)
        return half_up(self.tax * gross, self.gross) if self.gross else 0

    def _inside(self, unit: int, start: int, end: int | None) -> Value:
        base, top = self.gross_to(unit - 1), self.gross_to(unit)
        stop = top - base if end is None else end
        if self.inclusive:
            tax = self._tax_at(base + stop) - self._tax_at(base + start)
        else:
            of_unit = self.tax_to(unit) - self.tax_to(unit - 1)
            tax = half_up(of_unit * stop, top - base) - half_up(of_unit * start, top - base) if top > base else 0
        return Value(stop - start - tax, tax, stop - start)


class PromotionShare(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """How one promotion was spread: line id to amount, and what it asked for."""

    code: str
    shares: dict[str, int]
    terms: Terms | None = None


class Priced(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The frozen values of an order. ``goods`` is what the lines cost at that time; lines added later come after them.

    ``total`` is what everything adds up to; ``cheapest_standard`` is gross, never above what shipping cost.
    ``flags``: ``total_mismatch`` (the store's own total differs), ``discount_clamped`` (a discount was larger than
    what it could reduce).
    """

    currency: str
    lines: dict[str, LineValue]
    goods: int
    total: int
    shipping: LineValue | None = None
    cheapest_standard: int | None = None
    fees: tuple[LineValue, ...] = ()
    promotions: tuple[PromotionShare, ...] = ()
    points_earned: int = 0
    flags: tuple[str, ...] = ()


def price(order: Order, *, frozen: Priced | None = None) -> Priced:
    """The value of every line, of shipping and of fees. Values of ``frozen`` stay, only new lines are added."""
    new = [line for line in order.lines if frozen is None or line.id not in frozen.lines]
    if frozen is not None and not new:
        return frozen
    rest, promotions, clamped = _promote(new, order, everywhere=frozen is None)
    lines = {line.id: _line_value(line, rest[line.id], inclusive=order.prices_include_tax) for line in new}
    if frozen is not None:
        added = sum(line.gross for line in lines.values())
        return msgspec.structs.replace(
            frozen,
            lines=frozen.lines | lines,
            promotions=frozen.promotions + promotions,
            total=frozen.total + added,
        )
    shipping, fees = _shipping_value(order), _fee_values(order)
    goods = sum(line.gross for line in lines.values())
    total = goods + sum(one.gross for one in (*((shipping,) if shipping else ()), *fees))
    mismatch = order.total is not None and order.total != total
    flags = (("total_mismatch",) if mismatch else ()) + (("discount_clamped",) if clamped else ())
    return Priced(
        currency=order.currency,
        lines=lines,
        goods=goods,
        total=total,
        shipping=shipping,
        cheapest_standard=_cheapest(order, shipping),
        fees=fees,
        promotions=promotions,
        points_earned=order.points_earned,
        flags=flags,
    )


def replacement_line(
    order: Order, old: LineValue, *, line_id: str, sku: str, name: str, quantity: int, value: int
) -> Line:
    """The returnable line that a delivered replacement becomes (workflow.md).

    ``value`` is its gross: what the old units were worth plus the difference that was paid. It keeps the kind, the
    attributes and the share of tax of the line it replaces.
    """
    like = next(line for line in order.lines if line.id == old.id)
    tax = tax_inside(value, old.rate) if old.rate else half_up(value * old.tax, old.gross) if old.gross else 0
    total = value if order.prices_include_tax else value - tax
    return Line(
        id=line_id,
        sku=sku,
        name=name,
        quantity=quantity,
        unit_price=format_amount(total // quantity, order.currency),
        listed=total,
        total=total,
        tax_rate=like.tax_rate,
        tax=tax,
        category=like.category,
        kind=like.kind,
        attributes=like.attributes,
        origin="replacement",
    )


def _even(total: int, quantity: int, unit: int) -> int:
    """The first ``unit`` shares of a total that is spread over equal units, odd minor units to the first ones."""
    each, odd = divmod(total, quantity)
    return each * unit + min(unit, odd)


def _promote(
    lines: list[Line], order: Order, *, everywhere: bool
) -> tuple[Mapping[str, int], tuple[PromotionShare, ...], bool]:
    """What is left of each line after all promotions in order; how each was spread; whether one was too large."""
    rest = {line.id: line.total for line in lines}
    shares, clamped = [], False
    for promotion in order.promotions:
        ids = [line.id for line in lines if not promotion.lines or line.id in promotion.lines]
        if not everywhere and not (promotion.lines and set(promotion.lines) <= set(ids)):
            continue
        room = [rest[line_id] for line_id in ids]
        parts = spread(promotion.amount, room, caps=room)
        clamped = clamped or sum(parts) < promotion.amount
        rest.update((line_id, rest[line_id] - part) for line_id, part in zip(ids, parts, strict=True))
        taken = {line_id: part for line_id, part in zip(ids, parts, strict=True) if part}
        shares.append(PromotionShare(code=promotion.code, shares=taken, terms=promotion.terms))
    return rest, tuple(shares), clamped


def _line_value(line: Line, amount: int, *, inclusive: bool) -> LineValue:
    return _value(
        line.id,
        amount,
        quantity=line.quantity,
        rate=line.tax_rate,
        tax=line.tax,
        inclusive=inclusive,
        before=line.total,
    )


def _value(
    name: str, amount: int, *, rate: str | None, tax: int | None, inclusive: bool, quantity: int = 1, before: int = 0
) -> LineValue:
    """An amount in the basis prices were given in, with the tax that was charged or, failing that, by its rate."""
    used = None if tax is not None else rate
    if tax is None:
        tax = 0 if rate is None else tax_inside(amount, rate) if inclusive else tax_on(amount, rate)
    elif inclusive:
        tax = min(tax, amount)
    net = amount - tax if inclusive else amount
    return LineValue(id=name, quantity=quantity, net=net, tax=tax, inclusive=inclusive, rate=used, before=before)


def _shipping_value(order: Order) -> LineValue | None:
    sent = order.shipping
    if sent is None:
        return None
    amount = max(0, sent.amount - sent.discount)
    return _value(
        "shipping", amount, rate=sent.tax_rate, tax=sent.tax, inclusive=order.prices_include_tax, before=sent.amount
    )


def _cheapest(order: Order, shipping: LineValue | None) -> int | None:
    """What of the shipping paid the cheapest standard way would have cost, gross."""
    if shipping is None or order.shipping is None or order.shipping.cheapest_standard is None:
        return None
    paid = shipping.gross if shipping.inclusive else shipping.net
    return half_up(min(order.shipping.cheapest_standard, paid) * shipping.gross, paid) if paid else 0


def _fee_values(order: Order) -> tuple[LineValue, ...]:
    inclusive = order.prices_include_tax
    values = (
        _value(f"fees[{index}]", fee.amount, rate=fee.tax_rate, tax=fee.tax, inclusive=inclusive, before=fee.amount)
        for index, fee in enumerate(order.fees)
    )
    return tuple(msgspec.structs.replace(value, of=fee.line) for value, fee in zip(values, order.fees, strict=True))
