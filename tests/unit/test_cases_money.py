"""The money rows of the worked law and money cases, each by its id."""

from __future__ import annotations

import pytest

from rma.domain.asks import Deduction, Part, Swap
from rma.domain.money import exponent, spread, tax_inside
from rma.domain.pricing import price
from rma.domain.snapshot import read_order
from rma.errors import Refused
from tests.support.cases import SHARED, SHIPPED, cases, expected, given
from tests.support.till import Till, by_tender, line, minor, minors, of_kind, payment, promotion, snapshot, tax_of

ONE = {"1": ((1, 1),)}
TWO = {"2": ((1, 1),)}
TERMS_OF_THREE = {"minimum_quantity": 3}


def _one_by_one(till: Till, quantity: int) -> list[int]:
    return [till.give({"1": ((unit, unit),)}).total for unit in range(1, quantity + 1)]


def test_the_shipped_cases_are_the_shared_ones() -> None:
    """The copy of the worked cases in this project is the shared one, byte for byte, where both exist."""
    for shipped in SHIPPED.glob("*.csv"):
        shared = SHARED / shipped.name
        assert not shared.exists() or shared.read_bytes() == shipped.read_bytes()


def _check_spread(case_id: str, currency: str) -> None:
    facts, wanted = given(case_id), expected(case_id)
    lines = [line(text) for text in facts["lines"].split(",")]
    off = promotion(facts.get("order_discount") or facts["discount"])
    priced = price(read_order("1", snapshot(*lines, currency=currency, promotions=[off])))
    values = list(priced.lines.values())
    key = "discounts" if "discounts" in wanted else "discount"
    assert [value.before - value.gross for value in values] == minors(wanted[key], currency)
    if "nets" in wanted or "net" in wanted:
        assert [value.gross for value in values] == minors(wanted.get("nets") or wanted["net"], currency)
    if "sum" in wanted:
        assert priced.total == minor(wanted["sum"], currency)


def test_m01_an_order_discount_is_spread_by_largest_remainder() -> None:
    """An order discount is spread over lines by largest remainder and the lines add up."""
    _check_spread("M01", "TRY")


def test_m04_three_decimals() -> None:
    """A currency with three decimals is spread in its own minor units."""
    _check_spread("M04", "KWD")


def test_m05_a_free_line_carries_no_discount() -> None:
    """A free line carries nothing of a discount."""
    _check_spread("M05", "TRY")


def test_m06_a_discount_is_clamped_at_the_line() -> None:
    """A discount larger than the line takes the line's value and no more."""
    _check_spread("M06", "TRY")


def test_m07_units_by_largest_remainder() -> None:
    """Units returned one at a time get the line's value, odd minor units first."""
    till = Till(snapshot(line("20.00"), currency="TRY"))
    assert till.everything().total == 2000
    till = Till(snapshot(line("10.00", 3, discount="10.00")))
    assert _one_by_one(till, 3) == minors(cases()["M07"].expected)


def _tax_of_whole_line(gross: str, rate: str) -> tuple[int, int]:
    settlement = Till(snapshot(line(gross, tax_rate=rate))).everything()
    return settlement.components[0].net, settlement.components[0].tax


def test_m09_tax_inside_a_price_of_20_percent() -> None:
    """A refund of a tax-inclusive price splits into base and tax at the rate of the sale."""
    wanted = expected("M09")
    assert _tax_of_whole_line(given("M09")["refund gross"], "20") == (
        minor(wanted["base"]),
        minor(wanted["kdv"]),
    )


def test_m11_tax_inside_a_price_of_1_percent() -> None:
    """The same at one percent."""
    wanted = expected("M11")
    assert _tax_of_whole_line(given("M11")["refund gross"], "1") == (minor(wanted["base"]), minor(wanted["kdv"]))


def test_m12_the_rate_of_the_sale() -> None:
    """The rate of the sale counts, whatever the rate is today."""
    wanted = expected("M12")
    assert _tax_of_whole_line("118.00", "18") == (minor(wanted["base"]), minor(wanted["kdv"]))


def test_m13_cumulative_tax() -> None:
    """Tax inside prices is refunded by the cumulative method, so the parts add up to the invoice's tax."""
    till = Till(snapshot(line("33.34", 3, discount="0.02", tax_rate="20")))
    refunds = [till.give({"1": ((unit, unit),)}) for unit in (1, 2, 3)]
    wanted = expected("M13")
    assert [one.total for one in refunds] == [3334, 3333, 3333]
    assert [one.components[0].tax for one in refunds] == minors(wanted["kdv"])
    assert tax_of(refunds) == minor(wanted["sum"])


def test_m14_tax_on_top_is_allocated() -> None:
    """Tax on top of prices is the tax that was charged, spread over the units, never the rate on a new base."""
    wanted = expected("M14")
    for body in (line("19.99", 3, tax_rate="8.875"), line("19.99", 3, tax="5.32")):
        till = Till(snapshot(body, inclusive=False, currency="USD"))
        refunds = [till.give({"1": ((unit, unit),)}) for unit in (1, 2, 3)]
        assert [one.components[0].tax for one in refunds] == minors(wanted["tax"])
        assert [one.total for one in refunds] == minors(wanted["refunds"])
        assert sum(one.total for one in refunds) == minor(wanted["sum"])


def test_m15_half_up() -> None:
    """A half rounds up, not to the even neighbour."""
    assert tax_inside(minor("0.75"), "20") == minor(expected("M15")["half_up"])


def test_m16_a_broken_promotion_pays_what_was_paid() -> None:
    """One of three for the price of two is worth what was paid for it."""
    till = Till(snapshot(line("100.00", 3), promotions=[promotion("100.00", "1")]))
    assert till.give(ONE, statutory=("1",)).total == minor(expected("M16")["pro_rata"])


def test_m17_a_promotion_returned_one_by_one() -> None:
    """All three returned one by one give what was paid."""
    till = Till(snapshot(line("100.00", 3), promotions=[promotion("100.00", "1")]))
    wanted = cases()["M17"].expected.partition(";")[0]
    assert _one_by_one(till, 3) == minors(wanted)
    assert sum(minors(wanted)) == minor(expected("M17")["sum"])


def test_m18_reprice_of_a_voluntary_return() -> None:
    """With a clear term a voluntary return is repriced; later returns still bring everything back in the end."""
    off = promotion("100.00", "1", terms=TERMS_OF_THREE)
    till = Till(snapshot(line("100.00", 3), promotions=[off]))
    assert till.give(ONE, promotions="reprice").total == minor(expected("M18")["refund"])
    rest = [till.give({"1": ((unit, unit),)}, promotions="reprice").total for unit in (2, 3)]
    assert rest == [10000, 10000]


def test_m18_in_any_order_of_free_will_and_by_right() -> None:
    """What a voluntary return held back, one by right gives back; and the delivery goes with the last of either."""
    off = promotion("30.00", terms={"minimum": "120.00"})
    for orders in ((ONE, TWO), (TWO, ONE), ({**ONE, **TWO},)):
        till = Till(snapshot(line("100.00"), line("50.00"), promotions=[off], shipping={"amount": "30.00"}))
        paid = [
            till.give(units, promotions="reprice", statutory=("1",), completes_order=units is orders[-1]).total
            for units in orders
        ]
        assert sum(paid) == 15000


def test_m18_never_on_a_statutory_withdrawal() -> None:
    """A right is never repriced, nor is a promotion without a term that can be checked."""
    for terms, statutory in ((TERMS_OF_THREE, ("1",)), (None, ()), ("3 al 2 öde", ())):
        till = Till(snapshot(line("100.00", 3), promotions=[promotion("100.00", "1", terms=terms)]))
        assert till.give(ONE, promotions="reprice", statutory=statutory).total == 6667


def test_m19_cheapest_free_is_spread_over_all() -> None:
    """The value of the free item is spread over all items of the promotion."""
    lines = [line(text) for text in ("139.90", "139.90", "59.90")]
    till = Till(snapshot(*lines, promotions=[promotion("59.90")]))
    wanted = expected("M19")
    shares = [value.before - value.gross for value in till.priced.lines.values()]
    assert shares == minors(wanted["allocated free value"])
    assert till.give({"3": ((1, 1),)}).total == minor(wanted["refund"])


def _coupon() -> Till:
    off = promotion("100.00", terms={"minimum": "500.00"})
    return Till(snapshot(line("300.00"), line("250.00"), promotions=[off], payments=[payment("450.00")]))


def test_m21_reprice_of_a_coupon() -> None:
    """With a clear term, what is kept below a coupon's minimum is counted at its own price."""
    assert _coupon().give(TWO, promotions="reprice").total == minor(expected("M21")["refund"])


def test_m22_never_more_than_paid() -> None:
    """Returning everything gives what was paid, at once or in two steps, repriced or not."""
    assert _coupon().everything().total == minor(expected("M22")["refund"])
    till = _coupon()
    assert [till.give(units, promotions="reprice").total for units in (TWO, ONE)] == [15000, 30000]


def test_m23_each_tender_to_itself() -> None:
    """Card and points each get back what they paid."""
    till = Till(snapshot(line("100.00"), payments=[payment("80.00"), payment("20.00", tender="points")]))
    assert by_tender(till.everything()) == {"card": minor(expected("M23")["card"]), "points": 2000}


def test_m26_proportional_tenders() -> None:
    """Two proportional refunds give every tender exactly what it took."""
    till = Till(snapshot(line("50.00", 2), payments=[payment("70.00"), payment("30.00", tender="gift_card")]))
    wanted = expected("M26")
    for unit in (1, 2):
        parts = by_tender(till.give({"1": ((unit, unit),)}))
        assert parts == {"card": minor(wanted["card"]), "gift_card": minor(wanted["gift"])}
    assert till.committed == {"card": 7000, "gift_card": 3000}


def test_m29_uncaptured_money_is_released() -> None:
    """What was authorised and never captured is released, not refunded."""
    till = Till(snapshot(line("200.00"), line("100.00"), payments=[payment("200.00", authorised="300.00")]))
    settlement = till.give(TWO, release=True)
    wanted = expected("M29")
    assert settlement.total == minor(wanted["refund"])
    assert [void.amount for void in settlement.voids] == [minor(wanted["void"])]


def test_m30_the_second_of_two_refunds_is_refused() -> None:
    """Of two refunds that together exceed what was captured the second is refused."""
    till = Till(snapshot(line("200.00"), payments=[payment("100.00")]))
    part = Part(kind="goods", order_line_id="1", amount=minor("60.00"))
    till.hand(part)
    with pytest.raises(Refused) as refusal:
        till.hand(part)
    assert refusal.value.code == "above_captured"
    assert (
        refusal.value.detail.replace("\u00a0", " ")
        == "TRY 60.00 was asked for; TRY 40.00 is left of what was captured."
    )
    assert till.committed == {"card": 6000}


def test_m32_a_bonus_is_never_money() -> None:
    """A store credit keeps principal and bonus apart; only the principal was money."""
    till = Till(snapshot(line("100.00")))
    (transfer,) = till.everything(redirect={"*": "store_credit"}, bonus_percent="10").transfers
    assert (transfer.amount, transfer.bonus) == (minor(expected("M32")["money"]), 1000)
    assert (transfer.tender, transfer.on_behalf_of) == ("store_credit", "card")


def test_m34_shipping_with_the_last_return() -> None:
    """Shipping goes back with the return that completes the order."""
    till = Till(snapshot(line("10.00"), line("20.00"), shipping={"amount": given("M34")["shipping 29.90"].split()[-1]}))
    first = till.give(ONE, statutory=("1",))
    second = till.give(TWO, statutory=("2",), completes_order=True)
    assert [of_kind(one, "shipping") for one in (first, second)] == [minor("0.00"), minor("29.90")]


def test_m37_no_fee_on_a_right() -> None:
    """A restocking fee on a statutory withdrawal is not taken, and flagged."""
    till = Till(snapshot(line("100.00")))
    settlement = till.everything(deductions=(Deduction(cause="fee", percent="10", order_line_id="1"),))
    assert of_kind(settlement, "deduction") == minor(expected("M37")["fee"])
    assert (settlement.total, settlement.flags) == (10000, ("fee_not_allowed",))


def test_m39_the_currency_charged() -> None:
    """The refund is the amount charged in the currency charged; no exchange rate exists."""
    till = Till(snapshot(line("100.00"), currency="EUR"))
    assert till.everything().total == minor(expected("M39")["refund"].removesuffix(" EUR"))


def test_m40_decimals_of_iso_4217() -> None:
    """The Iraqi dinar has the three decimals of ISO 4217."""
    assert exponent("IQD") == int(cases()["M40"].expected[0])


def test_m42_a_dearer_replacement() -> None:
    """The customer pays the difference to a dearer replacement."""
    settlement = Till(snapshot(line("300.00"))).give(swaps=(Swap(order_line_id="1", units=((1, 1),), price=35000),))
    assert (settlement.due_from_customer, settlement.total) == (minor(expected("M42")["charge"]), 0)


def test_m43_a_cheaper_replacement() -> None:
    """The difference to a cheaper replacement is refunded."""
    settlement = Till(snapshot(line("300.00"))).give(swaps=(Swap(order_line_id="1", units=((1, 1),), price=25000),))
    assert (settlement.due_from_customer, settlement.total) == (0, minor(expected("M43")["refund"]))


def test_m44_the_price_actually_paid_counts() -> None:
    """In an exchange the old item is worth what was paid for it after the coupon."""
    till = Till(snapshot(line("270.00"), promotions=[promotion("24.55")]))
    settlement = till.give(swaps=(Swap(order_line_id="1", units=((1, 1),), price=25000),))
    assert settlement.due_from_customer == minor(expected("M44")["charge"])


def test_m47_instalments_at_once() -> None:
    """A sale in instalments is refunded whole and at once."""
    settlement = Till(snapshot(line("1200.00"), payments=[payment("1200.00")])).everything()
    assert [transfer.amount for transfer in settlement.transfers] == [minor("1200.00")]


def test_spreading_needs_no_value() -> None:
    """Weights of zero count as equal, and nothing is spread over nothing."""
    assert spread(5, [0, 0]) == [3, 2]
    assert spread(5, []) == []
