"""What is owed for exactly these units, why, and to which tender (law.md section 6; api.md "Refunds").

Everything is computed from frozen unit values, the components of earlier refunds and what each tender took: the same
facts always give the same amount. ``settle`` proposes the money of a return and never exceeds a cap (what does not fit
is flagged for finance); ``by_hand`` is strict and refuses instead.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

from msgspec import structs

from rma.domain.amounts import told_money
from rma.domain.asks import Ask, Deduction, Extra, Part, Reduction, Settlement, Swap
from rma.domain.components import REST, Component
from rma.domain.money import half_up, percent, share
from rma.domain.pricing import LineValue, Priced, Value
from rma.domain.promotions import reprice
from rma.domain.sheet import Sheet, Target, line_target
from rma.domain.stretches import ONE, evenly, within, worth
from rma.domain.tenders import (
    CREDIT,
    TRANSFER,
    Mode,
    TenderState,
    Transfer,
    Void,
    allocate,
    releases,
    transfers_for,
)
from rma.domain.texts import Text, filled, say, text
from rma.domain.units import Ranges, union
from rma.errors import Invalid, Reason, Refused

_NOTHING = text(
    tr="Bunun için ödeme yapılmamış ya da geriye bir şey kalmamış.",
    en="Nothing of this was paid or is left.",
    de="Davon wurde nichts bezahlt, oder es ist nichts mehr übrig.",
)
_NOT_CAPTURED = text(
    tr="Hiçbir ödeme tahsil edilmemiş; bunun yerine provizyonu kaldırın.",
    en="Nothing was captured: release the authorisation instead.",
    de="Es wurde nichts eingezogen; heben Sie stattdessen die Reservierung auf.",
)
_ABOVE_CAPTURED = text(
    tr="{asked} istendi; tahsil edilenden geriye {left} kaldı.",
    en="{asked} was asked for; {left} is left of what was captured.",
    de="{asked} wurden verlangt; vom eingezogenen Betrag sind noch {left} übrig.",
)
_ABOVE_REMAINING = text(
    tr="{asked} istendi; bu kalemden geriye {left} kaldı.",
    en="{asked} was asked for; {left} is left of this position.",
    de="{asked} wurden verlangt; von dieser Position sind noch {left} übrig.",
)


def settle(priced: Priced, *, past: Sequence[Component], tenders: Sequence[TenderState], ask: Ask) -> Settlement:
    """The refund of what is asked, after the refunds of ``past`` (all that were not refused, oldest first)."""
    sheet = Sheet(priced, past)
    units = _asked(ask)
    for line_id, ranges in units.items():
        sheet.give_units(line_id, ranges, by_right=line_id in ask.statutory)
    for one in ask.rest:
        _give_rest(sheet, one)
    for reduction in ask.reductions:
        _reduce(sheet, reduction)
    if ask.promotions == "reprice":
        reprice(sheet, {line_id: ranges for line_id, ranges in units.items() if line_id not in ask.statutory})
    flags = [flag for one in ask.deductions if one.order_line_id for flag in _deduct(sheet, one, ask, units)]
    dues = tuple(_swap(sheet, swap) for swap in ask.swaps)
    _charges(sheet, ask, units or ask.charges)
    flags += [flag for one in ask.deductions if not one.order_line_id for flag in _deduct(sheet, one, ask, units)]
    voids = _release(sheet, tenders) if ask.release else ()
    return _close(sheet, tenders, ask, dues=dues, voids=voids, flags=flags)


def by_hand(
    priced: Priced,
    *,
    past: Sequence[Component],
    tenders: Sequence[TenderState],
    parts: Sequence[Part],
    mode: Mode = "proportional",
    redirect: Mapping[str, str] | None = None,
    extra_tender: str = TRANSFER,
    language: str = "en",
) -> Settlement:
    """A refund that a person states (``POST /orders/{number}/refunds``); a refusal is told in this language.

    ``Invalid`` for an amount of zero or less or an unknown line; ``Refused`` with ``above_remaining`` (more than is
    left), ``nothing_to_refund``, ``not_captured`` or ``above_captured``. Nothing is ever cut silently.
    """
    sheet = Sheet(priced, past)
    extras = [_hand_part(sheet, part, f"components[{index}]", language) for index, part in enumerate(parts)]
    ask = Ask(
        tenders=mode,
        redirect=dict(redirect or {}),
        extra_tender=extra_tender,
        extras=tuple(extra for extra in extras if extra),
    )
    capped, left = sheet.total(), sum(one.left for one in tenders)
    if capped + sum(extra.amount for extra in ask.extras) <= 0:
        raise _declined("paid", "nothing_to_refund", say(_NOTHING, language))
    if capped > left:
        if not any(one.captured for one in tenders):
            raise _declined("captured", "not_captured", say(_NOT_CAPTURED, language))
        raise _declined("captured", "above_captured", _over(_ABOVE_CAPTURED, capped, left, priced.currency, language))
    return _close(sheet, tenders, ask, dues=(), voids=(), flags=[])


def fewer_pieces(pieces: int, *, units: int, accepted: int) -> int:
    """How many pieces replace the accepted ones of so many units: all that they have a share in, none is cut.

    What those pieces cost and the units do not cover is owed by the customer.
    """
    return -(-pieces * accepted // units)


def left(priced: Priced, past: Sequence[Component], line_id: str, units: Ranges) -> Value:
    """What those units of a line are still worth after earlier refunds."""
    sheet = Sheet(priced, past)
    return sheet.value_of(line_target(line_id), sheet.free(line_target(line_id), units))


def interest(principal: int, *, rate: str, days: int, year: int = 365) -> int:
    """Simple interest on a late refund, half up: ``rate`` percent a year for ``days`` (law.md 2.4; case D13)."""
    numerator, denominator = percent(rate, path="rate", most=1000)
    return half_up(principal * numerator * max(0, days), denominator * year)


def service_used(total: int, *, days: int, of: int) -> int:
    """What a service of ``of`` days costs for the ``days`` it was given, half up (CRD 14(3); case E16)."""
    return half_up(total * min(days, of), of)


def _asked(ask: Ask) -> dict[str, Ranges]:
    """All units whose money is decided now, those of exchanges among them."""
    units = dict(ask.units)
    for swap in ask.swaps:
        units[swap.order_line_id] = union(units.get(swap.order_line_id, ()), swap.units)
    return units


def _part_of(amount: int | None, percentage: str | None, price: int) -> int:
    """A stated amount, or a percentage of a price; ``Invalid`` when it is negative or above 100."""
    if percentage is not None:
        percent(percentage, path="percent")
        return share(price, percentage)
    if amount is None or amount < 0:
        raise Invalid.field("amount", "negative", "an amount of zero or more, or a percentage, is needed")
    return amount


def _give_rest(sheet: Sheet, owed: Component) -> None:
    """Pays what is left of a stretch that was owed before."""
    target = _target(owed)
    runs = within(sheet.free(target, owed.units or ONE), owed.start, owed.end)
    sheet.add(owed.kind, target, runs, why=REST, by_right=owed.by_right)


def unpaid(components: Sequence[Component]) -> tuple[Component, ...]:
    """What a refund owed and the caps cut off: the stretches, each as what it was to be paid for."""
    found = []
    for one in components:
        if one.cause == "short":
            of = next(c for c in components if c.kind != "deduction" and _target(c) == _target(one))
            found.append(structs.replace(of, net=0, tax=0, gross=0, units=one.units, start=one.start, end=one.end))
    return tuple(found)


def _target(component: Component) -> Target:
    return component.order_line_id, None if component.order_line_id else component.ref


def _reduce(sheet: Sheet, reduction: Reduction) -> None:
    target = line_target(reduction.order_line_id)
    runs = sheet.free(target, reduction.units)
    price = sheet.line(target).values(reduction.units).gross
    amount = _part_of(reduction.amount, reduction.percent, price)
    sheet.add("price_reduction", target, evenly(runs, amount), why=reduction.why)


def _deduct(sheet: Sheet, deduction: Deduction, ask: Ask, units: Mapping[str, Ranges]) -> list[str]:
    """Takes the deduction; a fee on goods that come back by right is not taken but flagged (law.md MON-11)."""
    line_id = deduction.order_line_id
    lines = [line_id] if line_id else list(units)
    if deduction.cause == "fee" and lines and all(one in ask.statutory for one in lines):
        return ["fee_not_allowed"]
    why = deduction.why or deduction.cause
    if line_id is None:
        amount = _part_of(deduction.amount, deduction.percent, sheet.total())
        sheet.add_loose("deduction", min(amount, sheet.total()), why=why, cause=deduction.cause)
        return []
    target = line_target(line_id)
    runs = sheet.paid(target, deduction.units or units.get(line_id, ()))
    amount = _part_of(deduction.amount, deduction.percent, worth(runs))
    sheet.add("deduction", target, evenly(runs, amount, from_end=True), why=why, cause=deduction.cause)
    return []


def _swap(sheet: Sheet, swap: Swap) -> int:
    """Counts the units' value towards the replacement; answers what the customer still owes (law.md MON-13)."""
    target = line_target(swap.order_line_id)
    runs = sheet.paid(target, swap.units)
    cost = swap.price + swap.shipping + swap.return_cost
    applied = min(worth(runs), cost)
    sheet.add("deduction", target, evenly(runs, applied, from_end=True), why="exchange", cause="exchange")
    return cost - applied


def _charges(sheet: Sheet, ask: Ask, units: Mapping[str, Ranges]) -> None:
    """Outbound shipping and paid fees, as the store's mode says (law.md MON-10, MON-15)."""
    priced = sheet.priced
    if priced.shipping is not None:
        cap = priced.shipping.gross
        if ask.shipping_basis == "cheapest_standard" and priced.cheapest_standard is not None:
            cap = min(cap, priced.cheapest_standard)
        _charge(sheet, "shipping", (None, "shipping"), _stretches(sheet, "shipping", cap, ask=ask, units=units))
    for fee in priced.fees:
        if fee.of is None:
            stretches = _stretches(sheet, "paid_fee", fee.gross, ask=ask, units=units)
        else:
            stretches = _with_units(priced, fee, units if fee.of in ask.statutory else {})
        _charge(sheet, "paid_fee", (None, fee.id), stretches)


def _charge(
    sheet: Sheet, kind: Literal["shipping", "paid_fee"], target: Target, stretches: list[tuple[int, int]]
) -> None:
    runs = sheet.free(target, ONE)
    for start, end in stretches:
        sheet.add(kind, target, within(runs, start, end), why=kind)


def _stretches(sheet: Sheet, kind: str, cap: int, *, ask: Ask, units: Mapping[str, Ranges]) -> list[tuple[int, int]]:
    """Which stretches of the charge go back now."""
    by_right = sheet.by_right() or any(line_id in ask.statutory for line_id in units)
    if ask.shipping == "none" or not units:
        return []
    if ask.shipping == "pro_rata":
        return [(0, cap)] if ask.completes_order else _shares(sheet.priced, cap, units)
    if ask.completes_order and by_right:
        return [(0, cap)]
    if ask.shipping == "marginal" and kind == "shipping" and ask.shipping_for_kept is not None:
        return [(0, max(0, cap - ask.shipping_for_kept))]
    return []


def _with_units(priced: Priced, fee: LineValue, units: Mapping[str, Ranges]) -> list[tuple[int, int]]:
    """The stretches of a fee (gift wrap) that belong to these units of its line."""
    quantity = priced.lines[fee.of or ""].quantity
    runs = units.get(fee.of or "", ())
    found = [(half_up(fee.gross * (low - 1), quantity), half_up(fee.gross * high, quantity)) for low, high in runs]
    return [(start, end) for start, end in found if start < end]


def _shares(priced: Priced, cap: int, units: Mapping[str, Ranges]) -> list[tuple[int, int]]:
    """The stretch of a charge that belongs to each range of units, by their place in the order's value."""
    result, base = [], 0
    for line in priced.lines.values():
        for low, high in units.get(line.id, ()):
            start, end = base + line.gross_to(low - 1), base + line.gross_to(high)
            result.append((_place(cap, start, priced.goods), _place(cap, end, priced.goods)))
        base += line.gross
    return [(start, end) for start, end in result if start < end]


def _place(cap: int, position: int, goods: int) -> int:
    return half_up(cap * min(position, goods), goods) if goods else 0


def _release(sheet: Sheet, tenders: Sequence[TenderState]) -> tuple[Void, ...]:
    """Releases uncaptured money first; the goods it was for are not refunded (case M29)."""
    voids = releases(sheet.total(), tenders)
    sheet.take_last(sum(void.amount for void in voids), cause="released")
    return voids


def _close(
    sheet: Sheet,
    tenders: Sequence[TenderState],
    ask: Ask,
    *,
    dues: tuple[int, ...],
    voids: tuple[Void, ...],
    flags: list[str],
) -> Settlement:
    """Cuts to what is left of the tenders, divides it, and adds what goes outside the cap."""
    capped, room = sheet.total(), sum(one.left for one in tenders)
    short = max(0, capped - room)
    sheet.take_last(short, cause="short")
    parts = allocate(capped - short, tenders, ask.tenders)
    chosen = min(max(0, sheet.total_of(ask.credit)), capped - short) if ask.credit else 0
    transfers = transfers_for(parts, ask.redirect, credit=chosen, bonus_percent=ask.bonus_percent)
    for extra in ask.extras:
        amount = _part_of(extra.amount, None, 0)
        sheet.add_loose(extra.kind, amount, why=extra.why or extra.kind, accrual=extra.accrual)
    outside = sheet.total() - (capped - short)
    if outside:
        transfers = (*transfers, Transfer(tender=ask.extra_tender, amount=outside))
    total = sheet.total()
    flags += _flags(short, total, transfers, tenders)
    return Settlement(
        components=tuple(sheet.now),
        total=total,
        owed=total + short,
        transfers=transfers,
        voids=voids,
        short=short,
        dues=dues,
        points=sheet.points(),
        flags=tuple(dict.fromkeys(flags)),
    )


def _flags(short: int, total: int, transfers: Sequence[Transfer], tenders: Sequence[TenderState]) -> list[str]:
    found = []
    if short:
        found.append("short" if any(one.captured for one in tenders) else "not_captured")
    if not total:
        found.append("nothing_to_refund")
    if any(one.is_doubtful for one in tenders):
        found.append("refunded_elsewhere")
    if any(one.payment_id is None and one.tender != CREDIT for one in transfers):
        found.append("needs_payout")
    return found


def _declined(rule: str, code: str, told: str) -> Refused:
    return Refused(told, reasons=[Reason(rule, code, told)], code=code)


def _over(words: Text, asked: int, left: int, currency: str, language: str) -> str:
    return say(filled(words, asked=told_money(asked, currency), left=told_money(left, currency)), language)


def _hand_part(sheet: Sheet, part: Part, path: str, language: str) -> Extra | None:
    """Adds one line of a hand-made refund; money outside the cap is answered instead."""
    if part.amount is not None and part.amount <= 0:
        raise Invalid.field(f"{path}.amount", "not_positive", "an amount above zero is needed")
    if part.kind in ("return_freight", "interest", "goodwill"):
        if part.amount is None:
            raise Invalid.field(f"{path}.amount", "missing", "an amount is needed")
        if part.order_line_id is not None:
            _hand_target(sheet.priced, part, path)
        return Extra(kind=part.kind, amount=part.amount, why=part.why)
    target, units = _hand_target(sheet.priced, part, path)
    runs = sheet.free(target, units)
    if part.amount is not None and part.amount > worth(runs):
        told = _over(_ABOVE_REMAINING, part.amount, worth(runs), sheet.priced.currency, language)
        raise _declined("paid", "above_remaining", told)
    chosen = runs if part.amount is None else evenly(runs, part.amount)
    sheet.add(part.kind, target, chosen, why=part.why or part.kind)
    return None


def _hand_target(priced: Priced, part: Part, path: str) -> tuple[Target, Ranges]:
    """What the part is about; ``Invalid`` when the order has no such line, unit, shipping or fee."""
    if part.kind == "shipping":
        _need(priced.shipping is not None, f"{path}.kind", "the order has no shipping")
        return (None, "shipping"), ONE
    if part.kind == "paid_fee":
        _need(any(fee.id == part.ref for fee in priced.fees), f"{path}.ref", "the order has no such fee")
        return (None, part.ref), ONE
    line: LineValue | None = priced.lines.get(part.order_line_id or "")
    if line is None:
        raise Invalid.field(f"{path}.order_line_id", "unknown_line", "the order has no such line")
    units = part.units or ((1, line.quantity),)
    _need(units[0][0] >= 1 and units[-1][1] <= line.quantity, f"{path}.units", "the line has no such units")
    return line_target(line.id), units


def _need(condition: bool, path: str, message: str) -> None:  # noqa: FBT001 - reads as a sentence
    if not condition:
        raise Invalid.field(path, "unknown", message)
