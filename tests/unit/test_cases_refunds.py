"""The money rows of the cases that other systems get wrong, each by its id."""

from __future__ import annotations

import pytest

from rma.domain.asks import Ask, Deduction, Part, Reduction, Settlement, Swap
from rma.domain.pricing import price
from rma.domain.settlement import settle
from rma.domain.snapshot import read_order
from rma.domain.units import Ranges
from rma.errors import Invalid, Refused
from tests.support.till import Till, by_tender, line, of_kind, payment, promotion, snapshot, tax_of

ONE: dict[str, Ranges] = {"1": ((1, 1),)}


def _goods(amount: int, unit: int = 1) -> Part:
    return Part(kind="goods", order_line_id="1", units=((unit, unit),), amount=amount)


def _with_added_tax() -> Till:
    """Two units of 10.00 with 23 % on top, shipping 20.00."""
    return Till(snapshot(line("10.00", 2, tax_rate="23"), inclusive=False, shipping={"amount": "20.00"}))


def test_r1_one_of_three() -> None:
    """One of three units of 100.00 is worth 100.00."""
    assert Till(snapshot(line("100.00", 3))).give(ONE).total == 10000


def test_r2_an_order_discount() -> None:
    """A discount of 10.00 over three units leaves 96.67, 96.67 and 96.66."""
    till = Till(snapshot(line("100.00", 3), promotions=[promotion("10.00")]))
    assert [till.give({"1": ((unit, unit),)}).total for unit in (1, 2, 3)] == [9667, 9667, 9666]


def test_r5_a_free_line() -> None:
    """A line of 0.00 is refunded 0.00."""
    settlement = Till(snapshot(line("0.00", 2, tax_rate="20"))).everything()
    assert (settlement.total, [one.gross for one in settlement.components]) == (0, [0])


def test_r9_refunded_outside() -> None:
    """What was refunded outside the engine is not refunded again, and finance is told that it is short."""
    till = Till(snapshot(line("10.00"), payments=[payment("10.00", refunded="1.00")]))
    settlement = till.everything()
    assert (settlement.total, settlement.short, settlement.owed, settlement.flags) == (900, 100, 1000, ("short",))


def test_r10_shipping_stays_paid() -> None:
    """A voluntary return of the item leaves the shipping paid and nothing outstanding."""
    till = Till(snapshot(line("10.00"), shipping={"amount": "100.00"}, payments=[payment("110.00")]))
    settlement = till.give(ONE, completes_order=True, shipping="with_last")
    assert (settlement.total, settlement.due_from_customer, till.states()[0].left) == (1000, 0, 10000)


def test_r11_two_tenders() -> None:
    """Two tenders share a refund; a listed order fills the first one first; none gets more than it took."""
    tenders = [payment("5.00"), payment("5.00", tender="bank_transfer")]
    till = Till(snapshot(line("10.00"), payments=tenders))
    assert by_tender(till.everything()) == {"card": 500, "bank_transfer": 500}
    till = Till(snapshot(line("4.00"), line("6.00"), payments=tenders))
    assert by_tender(till.give(ONE, tenders=("bank_transfer",))) == {"bank_transfer": 400}
    assert by_tender(till.give({"2": ((1, 1),)}, tenders=("bank_transfer",))) == {"bank_transfer": 100, "card": 500}


def test_r14_by_hand_then_the_unit() -> None:
    """5.00 of a unit by hand, then the unit: together what was paid for it."""
    till = _with_added_tax()
    assert till.hand(_goods(500)).total + till.give(ONE).total == 1230


def test_r15_by_hand_then_everything() -> None:
    """5.00 of a unit by hand, then everything: together all that was paid, and the invoice's tax."""
    till = _with_added_tax()
    refunds = [till.hand(_goods(500)), till.everything()]
    assert (sum(one.total for one in refunds), tax_of(refunds)) == (4460, 460)


def test_r16_more_than_a_unit_or_less_than_nothing() -> None:
    """More than is left of a unit and negative amounts are refused; what was refunded stays."""
    till = _with_added_tax()
    till.hand(_goods(500))
    with pytest.raises(Refused) as refusal:
        till.hand(_goods(1000))
    assert refusal.value.code == "above_remaining"
    with pytest.raises(Invalid) as fault:
        till.hand(_goods(-800))
    assert fault.value.errors[0].path == "components[0].amount"
    assert sum(till.committed.values()) == 500


def _discounted(off_shipping: str, off_item: str) -> Settlement:
    body = snapshot(
        line("10.00", tax_rate="23", discount=off_item),
        inclusive=False,
        shipping={"amount": "20.00", "discount": off_shipping},
    )
    return Till(body).everything()


def test_r17_a_promotion_on_shipping() -> None:
    """Promotions on shipping and item reduce what is refundable; at 100 % nothing is."""
    half = _discounted("10.00", "5.00")
    assert (of_kind(half, "shipping"), of_kind(half, "goods"), half.total) == (1000, 615, 1615)
    free = _discounted("20.00", "10.00")
    assert (free.total, free.flags) == (0, ("nothing_to_refund",))


def test_r18_more_shipping_than_is_left() -> None:
    """Shipping is refunded at most once."""
    till = _with_added_tax()
    till.hand(Part(kind="shipping", amount=500))
    with pytest.raises(Refused) as refusal:
        till.hand(Part(kind="shipping", amount=1800))
    assert refusal.value.code == "above_remaining"
    assert till.hand(Part(kind="shipping")).total == 1500


def test_r19_three_rates() -> None:
    """A full return gives the tax of every line and of the shipping at its own rate."""
    lines = [line("11.00", tax_rate="10"), line("24.00", tax_rate="20")]
    settlement = Till(snapshot(*lines, shipping={"amount": "11.50", "tax_rate": "15"})).everything()
    assert [one.tax for one in settlement.components] == [100, 400, 150]
    assert (sum(one.net for one in settlement.components), settlement.total) == (4000, 4650)


def test_r21_a_free_order() -> None:
    """A free order has nothing to refund, and an attempt is refused."""
    till = Till(snapshot(line("0.00"), payments=[]))
    assert till.everything().flags == ("nothing_to_refund",)
    with pytest.raises(Refused) as refusal:
        till.hand(Part(kind="goods", order_line_id="1"))
    assert refusal.value.code == "nothing_to_refund"


def test_r22_a_discount_per_unit() -> None:
    """10.00 with 1.00 off is refunded as 9.00."""
    assert Till(snapshot(line("10.00", discount="1.00"))).everything().total == 900


def test_r26_ten_percent_off() -> None:
    """Two of three units at 10 % off are worth 180.00."""
    till = Till(snapshot(line("100.00", 3), promotions=[promotion("30.00")], payments=[payment("270.00")]))
    assert till.give({"1": ((1, 2),)}).total == 18000


def test_r29_the_tax_of_the_returned_item_only() -> None:
    """Only the tax of the returned item is refunded."""
    till = Till(snapshot(line("100.00", tax="10.00"), line("110.00", tax="11.00"), inclusive=False))
    assert tax_of([till.give({"2": ((1, 1),)})]) == 1100


def test_r30_the_tax_on_shipping_stays() -> None:
    """When the shipping is kept, so is its tax."""
    till = Till(snapshot(line("120.00", tax_rate="20"), shipping={"amount": "12.00", "tax_rate": "20"}))
    assert tax_of([till.give(ONE, statutory=("1",))]) == 2000


def test_r32_an_import_with_more_places() -> None:
    """An import with more places rounds to minor units, and no more than was paid is refunded."""
    body = snapshot(line("0.884956", tax="0.12"), inclusive=False, payments=[payment("1.00")])
    settlement = Till(body).everything()
    assert (settlement.components[0].net, settlement.components[0].tax, settlement.total) == (88, 12, 100)
    dearer = snapshot(line("0.886", tax="0.12"), inclusive=False, payments=[payment("1.00")])
    assert Till(dearer).everything().total == 100


def test_r35_equal_lines() -> None:
    """A discount of 10.00 over three equal lines is 3.34, 3.33 and 3.33."""
    priced = price(read_order("1", snapshot(*[line("100.00")] * 3, promotions=[promotion("10.00")])))
    assert [value.before - value.gross for value in priced.lines.values()] == [334, 333, 333]
    assert priced.total == 29000


def test_r38_yen() -> None:
    """A currency without decimals is neither multiplied nor divided by a hundred."""
    till = Till(snapshot(line("9899"), currency="JPY"))
    assert till.hand(_goods(5800)).total == 5800


def test_r39_net_tax_and_gross() -> None:
    """A line of 220.00 with 10 % is 200.00 and 20.00; a free line is nothing of each."""
    till = Till(snapshot(line("220.00", tax_rate="10"), line("0.00", tax_rate="10")))
    amounts = [(one.net, one.tax, one.gross) for one in till.everything().components]
    assert amounts == [(20000, 2000, 22000), (0, 0, 0)]


def test_r40_what_remains_paid() -> None:
    """A voluntary return of the only line leaves the shipping with the store."""
    till = Till(snapshot(line("248.00"), shipping={"amount": "9.90"}, payments=[payment("257.90")]))
    settlement = till.give(ONE, completes_order=True, shipping="with_last")
    assert (settlement.total, till.states()[0].left, settlement.short) == (24800, 990, 0)


@pytest.mark.parametrize(("quantity", "percent", "fee"), [(5, "80", 120000), (2, "25", 15000)])
def test_r41_fees_in_percent(quantity: int, percent: str, fee: int) -> None:
    """A fee in percent is taken from the units that come back."""
    till = Till(snapshot(line("300.00", quantity)))
    settlement = till.give(
        {"1": ((1, quantity),)}, deductions=(Deduction(cause="fee", percent=percent, order_line_id="1"),)
    )
    assert of_kind(settlement, "deduction") == fee


def test_r41_a_fixed_fee_once() -> None:
    """A fixed fee is taken once per return."""
    till = Till(snapshot(line("300.00", 2), line("5.00")))
    fee = Deduction(cause="fee", amount=550)
    settlement = till.give({"1": ((1, 2),), "2": ((1, 1),)}, deductions=(fee,))
    assert (of_kind(settlement, "deduction"), settlement.total) == (550, 59950)


def test_r41_more_than_everything() -> None:
    """A fee above 100 % is refused."""
    till = Till(snapshot(line("300.00")))
    with pytest.raises(Invalid):
        till.give(ONE, deductions=(Deduction(cause="fee", percent="105", order_line_id="1"),))


def test_r46_one_of_three_announced() -> None:
    """Only the unit that came is refunded, with the tax on it."""
    till = Till(snapshot(line("10.00", 3, tax_rate="20")))
    settlement = till.give(ONE)
    assert (settlement.total, tax_of([settlement])) == (1000, 167)


def _exchange(price_of_new: int, **more: int) -> Swap:
    return Swap(order_line_id="1", units=((1, 1),), price=price_of_new, **more)


def test_s19_an_exchange_with_costs() -> None:
    """The customer owes the difference, the outbound shipping and the way back."""
    till = Till(snapshot(line("20.00"), line("250.00"), payments=[payment("270.00")]))
    settlement = till.give(swaps=(_exchange(5000, shipping=500, return_cost=750),))
    assert (settlement.due_from_customer, settlement.total, settlement.transfers) == (4250, 0, ())


def test_s21_a_cheaper_replacement() -> None:
    """The difference goes back to the original tender, or to store credit on express choice."""
    body = snapshot(line("20.00"), payments=[payment("20.00")])
    assert by_tender(Till(body).give(swaps=(_exchange(1500),))) == {"card": 500}
    chosen = Till(body).give(swaps=(_exchange(1500),), redirect={"*": "store_credit"})
    assert by_tender(chosen) == {"store_credit": 500}


def test_s18_above_what_was_paid() -> None:
    """A refund above what was paid is refused."""
    till = Till(snapshot(line("10.00"), payments=[payment("10.00")]))
    with pytest.raises(Refused):
        till.hand(_goods(1001))


def test_s35_a_second_return() -> None:
    """A price reduction leaves the rest for a later return of the same unit."""
    till = Till(snapshot(line("10.00", tax_rate="20")))
    kept = Reduction(order_line_id="1", units=((1, 1),), percent="15")
    refunds = [till.give(reductions=(kept,)), till.give(ONE)]
    assert ([one.total for one in refunds], tax_of(refunds)) == ([150, 850], 167)


def test_the_same_facts_give_the_same_amount() -> None:
    """Settling twice from the same facts gives the same settlement."""
    till = Till(snapshot(line("9.99", 7, tax_rate="20"), promotions=[promotion("3.33")]))
    asked = Ask(units={"1": ((2, 5),)})
    first, second = (settle(till.priced, past=(), tenders=till.states(), ask=asked) for _ in range(2))
    assert first == second
