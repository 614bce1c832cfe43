"""For any order and any way to return it: refunds in parts are the refund at once, and no cap is ever passed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from rma.domain.asks import Deduction, Extra, Part, Reduction, Settlement, Swap
from rma.domain.components import signed
from rma.domain.money import format_amount, spread
from rma.domain.pricing import Value
from rma.domain.settlement import fewer_pieces
from rma.domain.tenders import CREDIT
from rma.domain.units import Ranges, subtract, union, whole
from rma.errors import Refused
from tests.support.till import Till, by_tender, line, of_kind, payment, promotion, snapshot

RATES = [None, "0", "1", "8.875", "10", "20"]
CURRENCIES = ["TRY", "JPY", "KWD"]
untimed = settings(deadline=None)


@st.composite
def orders(draw: st.DrawFn, *, exact: bool = True) -> dict[str, Any]:
    """Orders of few or many units: discounts, promotions, shipping, tax inside or added, several tenders."""
    currency = draw(st.sampled_from(CURRENCIES))

    def money(most: int) -> str:
        return format_amount(draw(st.integers(0, most)), currency)

    lines = [
        line(money(50_000), draw(st.integers(1, 12)), discount=money(2_000), tax_rate=draw(st.sampled_from(RATES)))
        for _ in range(draw(st.integers(1, 4)))
    ]
    minimum = draw(st.one_of(st.none(), st.just({"minimum_quantity": 3}), st.just({"minimum": money(90_000)})))
    body = snapshot(
        *lines,
        currency=currency,
        inclusive=draw(st.booleans()),
        promotions=[promotion(money(30_000), terms=minimum)] if draw(st.booleans()) else [],
        shipping={"amount": money(5_000), "tax_rate": draw(st.sampled_from(RATES)), "cheapest_standard": money(3_000)},
        fees=[
            {"kind": "cod", "amount": money(500), "tax_rate": "20"},
            {"kind": "gift_wrap", "amount": money(900), "tax_rate": "20", "line": "1"},
        ],
        points_earned=draw(st.integers(0, 500)),
    )
    total = Till(body).priced.total if exact else draw(st.integers(0, 600_000))
    shares = spread(total, [draw(st.integers(0, 5)) for _ in range(3)])
    tenders = zip(("card", "gift_card", "points"), shares, strict=True)
    payments = [payment(format_amount(share, currency), tender=tender) for tender, share in tenders]
    body["payments"] = snapshot(payments=payments, currency=currency)["payments"]
    return body


def _steps(draw: st.DataObject, till: Till) -> list[dict[str, Ranges]]:
    """Every unit of the order in random returns."""
    units = [(one.id, unit) for one in till.order.lines for unit in range(1, one.quantity + 1)]
    mixed = draw.draw(st.permutations(units))
    steps: list[dict[str, Ranges]] = []
    while mixed:
        size = draw.draw(st.integers(1, len(mixed)))
        step: dict[str, Ranges] = {}
        for line_id, unit in mixed[:size]:
            step[line_id] = union(step.get(line_id, ()), ((unit, unit),))
        steps.append(step)
        mixed = mixed[size:]
    return steps


def _by_right(draw: st.DataObject, till: Till) -> tuple[str, ...]:
    """The lines that come back by law; the others do of free will."""
    return tuple(one.id for one in till.order.lines if draw.draw(st.booleans()))


def _of(step: dict[str, Ranges], by_right: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(line_id for line_id in step if line_id in by_right)


def _sum(settlements: Sequence[Settlement]) -> Value:
    total = Value(0, 0, 0)
    for settlement in settlements:
        for component in settlement.components:
            total += signed(component)
    return total


def _within_caps(till: Till, settlement: Settlement) -> None:
    assert settlement.total == sum(transfer.amount for transfer in settlement.transfers) >= 0
    assert all(transfer.amount > 0 for transfer in settlement.transfers)
    assert all(min(one.net, one.tax, one.gross) >= 0 for one in settlement.components)
    assert all(one.net + one.tax == one.gross for one in settlement.components)
    for state in till.states():
        assert state.committed <= state.captured - state.refunded_outside


@untimed
@given(orders())
def test_unit_values_add_up_to_their_line(body: dict[str, Any]) -> None:
    """The values of a line's units add up to the line in net, tax and gross, and none is negative."""
    for value in Till(body).priced.lines.values():
        units = [value.unit(unit) for unit in range(1, value.quantity + 1)]
        total = Value(0, 0, 0)
        for unit in units:
            total += unit
        assert total == Value(value.net, value.tax, value.gross)
        assert all(min(unit.net, unit.tax, unit.gross) >= 0 for unit in units)
        assert max(unit.gross for unit in units) - min(unit.gross for unit in units) <= 2


@untimed
@given(orders(), st.data(), st.sampled_from(["with_last", "pro_rata", "marginal"]))
def test_in_any_order_and_split_is_all_at_once(body: dict[str, Any], data: st.DataObject, shipping: Any) -> None:
    """Partial refunds in any order and split, by right or of free will, give what one refund of everything gives."""
    till = Till(body)
    by_right, steps = _by_right(data, till), _steps(data, till)
    terms: dict[str, Any] = {"shipping": shipping, "promotions": data.draw(st.sampled_from(["pro_rata", "reprice"]))}
    whole_order = Till(body).everything(statutory=by_right, **terms)
    refunds = [
        till.give(step, statutory=_of(step, by_right), completes_order=index == len(steps) - 1, **terms)
        for index, step in enumerate(steps)
    ]
    assert _sum(refunds) == _sum([whole_order])
    assert sum(one.points for one in refunds) == whole_order.points
    for settlement in refunds:
        _within_caps(till, settlement)


@untimed
@given(orders(), st.data())
def test_the_tax_of_everything_is_the_tax_of_the_invoice(body: dict[str, Any], data: st.DataObject) -> None:
    """Refunds by hand of any amounts, price reductions, then the rest: together the invoice, tax included."""
    till, refunds = Till(body), []
    for one in till.order.lines:
        units = whole(one.quantity)
        worth = till.priced.lines[one.id].gross
        amount = data.draw(st.integers(0, worth))
        if amount:
            refunds.append(till.hand(Part(kind="goods", order_line_id=one.id, amount=amount)))
        share = Reduction(order_line_id=one.id, units=units, percent=str(data.draw(st.integers(0, 100))))
        refunds.append(till.give(reductions=(share,)))
    refunds.append(till.everything())
    priced = till.priced
    charges = [*priced.fees, *([priced.shipping] if priced.shipping else [])]
    tax = sum(value.tax for value in (*priced.lines.values(), *charges))
    assert _sum(refunds) == Value(priced.total - tax, tax, priced.total)
    for settlement in refunds:
        _within_caps(till, settlement)


@untimed
@given(orders(exact=False), st.data(), st.sampled_from(["proportional", "reverse", "gift_first", ("points", "card")]))
def test_no_tender_gives_more_than_it_took(body: dict[str, Any], data: st.DataObject, mode: Any) -> None:
    """No tender gives more than it took, and what is cut is flagged; of lines chosen as credit the money is credit."""
    till = Till(body)
    wished = _by_right(data, till)
    for step in _steps(data, till):
        loss = Deduction(
            cause="value_loss", order_line_id=next(iter(step)), percent=str(data.draw(st.integers(0, 100)))
        )
        credit = {line_id: units for line_id, units in step.items() if line_id in wished}
        settlement = till.give(step, tenders=mode, deductions=(loss,), statutory=tuple(step), credit=credit)
        _within_caps(till, settlement)
        chosen = [signed(one).gross for one in settlement.components if one.order_line_id in credit]
        assert by_tender(settlement).get(CREDIT, 0) == sum(chosen)
        assert settlement.owed == settlement.total + settlement.short
        assert bool(settlement.short) == any(flag in settlement.flags for flag in ("short", "not_captured"))


@untimed
@given(orders(exact=False), st.data())
def test_by_hand_is_refused_or_exact(body: dict[str, Any], data: st.DataObject) -> None:
    """A refund by hand gives exactly what was asked, or is refused and gives nothing."""
    till = Till(body)
    for _ in range(4):
        one = data.draw(st.sampled_from(till.order.lines))
        amount = data.draw(st.integers(1, 100_000))
        before = dict(till.committed)
        try:
            settlement = till.hand(Part(kind="goods", order_line_id=one.id, amount=amount))
        except Refused:
            assert till.committed == before
        else:
            assert settlement.total == amount
            _within_caps(till, settlement)


@untimed
@given(orders(), st.data())
def test_repricing_gives_everything_in_the_end(body: dict[str, Any], data: st.DataObject) -> None:
    """Repriced, what comes by right and what of free will give the same in any order or at once; in the end all."""
    first, second, at_once = Till(body), Till(body), Till(body)
    by_right = _by_right(data, first)
    step = _steps(data, first)[0]
    rights = {line_id: units for line_id, units in step.items() if line_id in by_right}
    wishes = {line_id: units for line_id, units in step.items() if line_id not in by_right}
    terms: dict[str, Any] = {"promotions": "reprice", "shipping": "none", "statutory": by_right}
    paid = at_once.give(step, **terms)
    for till, steps in ((first, (rights, wishes)), (second, (wishes, rights))):
        parts = [till.give(one, **terms) for one in steps]
        assert _sum(parts) == _sum([paid])
        kept = {one.id: subtract(whole(one.quantity), step.get(one.id, ())) for one in till.order.lines}
        parts.append(till.give(kept, **terms))
        _within_caps(till, parts[-1])
        assert sum(one.total - of_kind(one, "paid_fee") for one in parts) == till.priced.goods


@untimed
@given(orders(), st.data())
def test_an_exchange_moves_value_and_loses_none(body: dict[str, Any], data: st.DataObject) -> None:
    """What an exchange counts towards the replacement, pays out and asks for always balances."""
    till = Till(body)
    one = till.order.lines[0]
    units = whole(data.draw(st.integers(1, one.quantity)))
    new, costs = data.draw(st.integers(0, 500_000)), data.draw(st.integers(0, 2_000))
    worth = till.priced.lines[one.id].values(units).gross
    settlement = till.give(swaps=(Swap(order_line_id=one.id, units=units, price=new, return_cost=costs),))
    _within_caps(till, settlement)
    assert worth + settlement.due_from_customer == new + costs + settlement.total
    assert min(settlement.due_from_customer, settlement.total) == 0
    rest = till.give({one.id: subtract(whole(one.quantity), units)}, shipping="none")
    assert rest.total == till.priced.lines[one.id].gross - worth


@untimed
@given(orders(exact=False), st.data(), st.integers(1, 9), st.integers(0, 90_000))
def test_an_exchange_balances_however_its_units_are_judged(
    body: dict[str, Any], data: st.DataObject, pieces: int, each: int
) -> None:
    """Fewer pieces cost what the accepted units cover and what is due, however many of them were judged at a time."""
    till = Till(body)
    one = till.order.lines[0]
    accepted = data.draw(st.integers(1, one.quantity))
    fewer = fewer_pieces(pieces, units=one.quantity, accepted=accepted)
    assert one.quantity * (fewer - 1) < pieces * accepted <= one.quantity * fewer
    price = uncovered = fewer * each
    given = judged = 0
    while judged < accepted:
        last = data.draw(st.integers(judged + 1, accepted))
        swap = Swap(order_line_id=one.id, units=((judged + 1, last),), price=uncovered)
        settlement = till.give(swaps=(swap,), shipping="none")
        [uncovered] = settlement.dues
        given, judged = given + settlement.total + settlement.short, last
    worth = till.priced.lines[one.id].values(((1, accepted),)).gross
    assert worth + uncovered == price + given
    assert min(uncovered, given) == 0


@untimed
@given(orders(exact=False), st.data(), st.integers(1, 50_000), st.integers(1, 50_000))
def test_interest_and_freight_lie_outside_every_cap(
    body: dict[str, Any], data: st.DataObject, interest: int, freight: int
) -> None:
    """Money outside the cap is paid in full beside it, and what the tenders give back is the same without it."""
    with_extras, without = Till(body), Till(body)
    extras = (Extra(kind="interest", amount=interest), Extra(kind="return_freight", amount=freight))
    for step in _steps(data, with_extras):
        more = with_extras.give(step, statutory=tuple(step), extras=extras)
        less = without.give(step, statutory=tuple(step))
        assert more.total - less.total == interest + freight
        assert [one for one in more.transfers if one.payment_id or one.on_behalf_of] == list(less.transfers)
        assert with_extras.committed == without.committed
        _within_caps(with_extras, more)
