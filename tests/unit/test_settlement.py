"""Shipping modes, charges, tenders, exchanges and the words of a settlement."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from rma.domain.asks import Deduction, Extra, Part, Reduction, Settlement, Swap
from rma.domain.components import WHY, Component, explain, write_component
from rma.domain.pricing import Value
from rma.domain.settlement import left
from rma.domain.tenders import TenderState, Transfer, check_transfers, included
from rma.domain.units import Ranges
from rma.errors import Invalid, Refused
from tests.support.till import Till, by_tender, line, of_kind, payment, promotion, snapshot

ONE: dict[str, Ranges] = {"1": ((1, 1),)}
TWO: dict[str, Ranges] = {"2": ((1, 1),)}


def _shipped(**more: Any) -> Till:
    return Till(snapshot(line("10.00"), line("20.00"), shipping={"amount": "10.00", "tax_rate": "20"}, **more))


def test_pro_rata_shipping() -> None:
    """Pro-rata shipping goes back by the value of what comes back, and whole in the end."""
    till = _shipped()
    parts = [of_kind(till.give(units, shipping="pro_rata"), "shipping") for units in (TWO, ONE)]
    assert parts == [667, 333]


def test_marginal_shipping() -> None:
    """Marginal shipping gives back what the kept goods would not have cost, and never twice."""
    till = _shipped()
    first = till.give(ONE, shipping="marginal", shipping_for_kept=700)
    last = till.give(TWO, shipping="marginal", statutory=("2",), completes_order=True)
    assert [of_kind(one, "shipping") for one in (first, last)] == [300, 700]
    assert of_kind(_shipped().give(ONE, shipping="marginal"), "shipping") == 0


def test_charges_go_back_with_a_whole_withdrawal() -> None:
    """Cash-on-delivery and gift-wrap fees go back with a withdrawal of the whole order, each as its own component."""
    fees = [{"kind": "cod", "amount": "5.00", "tax_rate": "20"}, {"kind": "gift_wrap", "amount": "2.00"}]
    settlement = _shipped(fees=fees).everything()
    found = [(one.ref, one.gross, one.tax) for one in settlement.components if one.kind == "paid_fee"]
    assert found == [("fees[0]", 500, 83), ("fees[1]", 200, 0)]


def test_a_charge_given_back_on_its_own() -> None:
    """Shipping or a fee wrongly charged is given back on its own, once."""
    till = _shipped(fees=[{"kind": "cod", "amount": "5.00"}])
    parts = (Part(kind="shipping"), Part(kind="paid_fee", ref="fees[0]", amount=200))
    assert till.hand(*parts).total == 1200
    assert of_kind(till.everything(), "shipping") == 0


@pytest.mark.parametrize(
    ("part", "path"),
    [
        (Part(kind="goods", order_line_id="9"), "components[0].order_line_id"),
        (Part(kind="goods", order_line_id="1", units=((1, 2),)), "components[0].units"),
        (Part(kind="paid_fee", ref="fees[3]"), "components[0].ref"),
        (Part(kind="goodwill"), "components[0].amount"),
        (Part(kind="goods", order_line_id="1", amount=0), "components[0].amount"),
    ],
)
def test_what_does_not_exist_is_named(part: Part, path: str) -> None:
    """A refund by hand of something the order has not is invalid at its path."""
    with pytest.raises(Invalid) as fault:
        _shipped().hand(part)
    assert fault.value.errors[0].path == path


def test_shipping_that_was_never_charged() -> None:
    """An order without shipping has none to refund."""
    with pytest.raises(Invalid):
        Till(snapshot(line("10.00"))).hand(Part(kind="shipping"))


def test_nothing_captured_is_refused_by_hand_and_flagged_in_a_return() -> None:
    """Money that was never captured is not refunded: by hand it is refused, in a return flagged; all of what was is."""
    body = snapshot(line("10.00"), payments=[payment("0.00", authorised="10.00")])
    with pytest.raises(Refused) as refusal:
        Till(body).hand(Part(kind="goods", order_line_id="1"))
    assert refusal.value.code == "not_captured"
    settlement = Till(body).everything()
    assert (settlement.total, settlement.flags) == (0, ("not_captured", "nothing_to_refund"))
    paid = Till(snapshot(line("10.00"), payments=[payment("10.00")]))
    assert paid.hand(Part(kind="goods", order_line_id="1")).total == 1000
    held = TenderState(payment_id="p", tender="card", captured=200, authorised=1000, voided=300)
    assert held.uncaptured == 500


def test_a_unit_that_is_worth_nothing_comes_back_all_the_same() -> None:
    """Of three units that cost one cent together the first has it: the others are in the refund with nothing."""
    till = Till(snapshot(line("0.01", 3), promotions=[promotion("0.02", "1")]))
    free = till.give({"1": ((2, 2),)})
    assert (free.total, [one.units for one in free.components]) == (0, [((2, 2),)])
    assert till.give({"1": ((1, 1), (3, 3))}).total == 1


def test_tender_modes() -> None:
    """Reverse takes the last payment first, gift first the gifts, a list its own order."""
    tenders = [payment("50.00"), payment("30.00", tender="gift_card"), payment("20.00", tender="wallet")]
    body = snapshot(line("40.00"), line("60.00"), payments=tenders)
    asked: list[tuple[Any, dict[str, int]]] = [
        ("reverse", {"wallet": 2000, "gift_card": 2000}),
        ("gift_first", {"gift_card": 3000, "wallet": 1000}),
        (("card", "wallet"), {"card": 4000}),
        ("proportional", {"card": 2000, "gift_card": 1200, "wallet": 800}),
    ]
    for mode, parts in asked:
        assert by_tender(Till(body).give(ONE, tenders=mode)) == parts


def test_cash_goes_to_an_account() -> None:
    """Cash on delivery goes back by bank transfer on behalf of its payment, and an account is asked for."""
    till = Till(snapshot(line("10.00"), payments=[payment("10.00", tender="cash_on_delivery")]))
    settlement = till.everything()
    assert settlement.transfers == (Transfer(tender="bank_transfer", amount=1000, on_behalf_of="cash_on_delivery"),)
    assert settlement.flags == ("needs_payout",)
    assert till.states()[0].left == 0


def test_a_redirected_tender_uses_its_own_allowance() -> None:
    """A redirected refund counts against the payment it replaces."""
    till = Till(snapshot(line("10.00", 2), payments=[payment("12.00"), payment("8.00", tender="gift_card")]))
    settlement = till.give(ONE, redirect={"card": "bank_transfer"})
    assert by_tender(settlement) == {"bank_transfer": 600, "gift_card": 400}
    assert till.committed == {"card": 600, "gift_card": 400}


def test_approval_checks_what_each_payment_has_left() -> None:
    """Transfers beyond what a payment has left are refused at approval, redirected ones too."""
    states = (TenderState(payment_id="p", tender="card", captured=1000, committed=400),)
    check_transfers([Transfer(tender="card", payment_id="p", amount=600)], states)
    for other in (Transfer(tender="card", payment_id="p", amount=1), Transfer(tender="x", on_behalf_of="p", amount=1)):
        with pytest.raises(Refused) as refusal:
            check_transfers([Transfer(tender="card", payment_id="p", amount=600), other], states)
        assert refusal.value.code == "above_captured"


def test_what_went_into_an_exchange_is_gone() -> None:
    """The value of exchanged units has moved to the replacement; nothing of it can be refunded again."""
    till = Till(snapshot(line("300.00")))
    till.give(swaps=(Swap(order_line_id="1", units=((1, 1),), price=25000),))
    assert left(till.priced, till.past, "1", ((1, 1),)) == Value(0, 0, 0)
    with pytest.raises(Refused):
        till.hand(Part(kind="goods", order_line_id="1", amount=1))


def test_a_deduction_that_is_lifted_is_owed() -> None:
    """What a deduction held back is still there when the case is reopened: owed is entitled less already paid."""
    till = Till(snapshot(line("100.00", tax_rate="20")))
    loss = Deduction(cause="value_loss", percent="30", order_line_id="1", why="Ekran çizik")
    assert till.give(ONE, deductions=(loss,)).total == 7000
    again = till.give(ONE)
    assert (again.total, again.components[0].tax) == (3000, 500)
    assert till.give(ONE).total == 0


def test_a_refund_and_an_exchange_in_one() -> None:
    """One line refunded and another exchanged: what is owed each way is not set off."""
    till = Till(snapshot(line("10.00"), line("20.00")))
    settlement = till.give(ONE, swaps=(Swap(order_line_id="2", units=((1, 1),), price=5000),))
    assert (settlement.total, settlement.due_from_customer) == (1000, 3000)


def test_points_are_taken_back_by_share() -> None:
    """Earned points are taken back by the floor of their share, all of them in the end; exchanges keep them."""
    body = snapshot(line("10.00", 3), points_earned=10)
    till = Till(body)
    assert [till.give({"1": ((unit, unit),)}).points for unit in (1, 2, 3)] == [3, 3, 4]
    assert Till(body).give(swaps=(Swap(order_line_id="1", units=((1, 1),), price=1000),)).points == 0


def test_a_price_reduction_takes_the_same_of_every_unit() -> None:
    """A price reduction is spread over its units and leaves the rest of each."""
    till = Till(snapshot(line("33.33", 3, tax_rate="20")))
    cut = Reduction(order_line_id="1", units=((1, 3),), amount=1000)
    assert till.give(reductions=(cut,)).total == 1000
    rest = [left(till.priced, till.past, "1", ((unit, unit),)).gross for unit in (1, 2, 3)]
    assert rest == [2999, 3000, 3000]


def test_goodwill_goes_outside_the_cap() -> None:
    """Goodwill and freight need no captured money and go to their own transfer."""
    till = Till(snapshot(line("10.00"), payments=[payment("10.00")]))
    extras = (Extra(kind="goodwill", amount=500), Extra(kind="return_freight", amount=250))
    settlement = till.everything(extras=extras, extra_tender="store_credit")
    assert by_tender(settlement) == {"card": 1000, "store_credit": 750}
    assert settlement.flags == ()


def test_negative_asks_are_refused() -> None:
    """Neither a deduction nor an extra can be negative."""
    till = Till(snapshot(line("10.00")))
    with pytest.raises(Invalid):
        till.give(ONE, deductions=(Deduction(cause="value_loss", amount=-1, order_line_id="1"),))
    with pytest.raises(Invalid):
        till.give(ONE, extras=(Extra(kind="goodwill", amount=-1),))


def test_a_line_of_thousands_with_a_deduction() -> None:
    """Thousands of units with a deduction are a handful of components that add up."""
    till = Till(snapshot(line("0.07", 19152, discount="0.05", tax_rate="20")))
    loss = Deduction(cause="value_loss", percent="7", order_line_id="1")
    settlement = till.everything(deductions=(loss,))
    assert len(settlement.components) < 8
    assert settlement.total == 134059 - 9384


def test_every_reason_has_three_languages() -> None:
    """Every kind and every cause is explained in Turkish, English and German; own words stay as they are."""
    assert all(set(texts) == {"tr", "en", "de"} for texts in WHY.values())
    component = Component(kind="goods", net=1, tax=0, gross=1, why="goods")
    assert explain(component, "tr") == "İade edilen ürünler için ödenen tutar"
    own = msgspec.structs.replace(component, why="Kutu eksik")
    assert explain(own, "de") == "Kutu eksik"
    erased = msgspec.structs.replace(component, kind="deduction", cause="fee", why="")
    assert explain(erased, "de") == "Rücksendegebühr", "what an amount is for is told also without its typed reason"


def test_the_wire_form_of_components() -> None:
    """A component is written with its money, its units and, when only a part of each is meant, that part."""
    till = Till(snapshot(line("10.00", 3), promotions=[promotion("1.00")]))
    settlement = till.hand(Part(kind="goods", order_line_id="1", units=((1, 1),), amount=500))
    written = write_component(settlement.components[0], "TRY")
    assert written["part"] == {
        "from": {"amount": "0.00", "currency": "TRY"},
        "to": {"amount": "5.00", "currency": "TRY"},
    }
    assert (written["units"], written["gross"]) == ([[1, 1]], {"amount": "5.00", "currency": "TRY"})
    whole = till.give({"1": ((2, 3),)}).components[0]
    assert write_component(whole, "TRY")["part"] is None


def test_a_settlement_survives_being_stored() -> None:
    """A settlement is the same after a round through JSON."""
    settlement = _shipped().everything()
    assert msgspec.json.decode(msgspec.json.encode(settlement), type=Settlement) == settlement


@pytest.mark.parametrize(
    ("told", "outside", "succeeded", "maybe", "ours"),
    [
        (200, 0, [200], [], 200),  # as of now
        (0, 0, [200], [], 0),  # from before our own
        (100, 0, [100, 100], [], 100),  # from between the two
        (250, 50, [200], [], 200),  # with what was known to be elsewhere
        (250, 0, [200], [], 200),  # with what is new elsewhere
        (50, 0, [200], [], 0),  # less than we have sent: nothing of it is believed to be ours
        (300, 0, [100], [200], 300),  # one under way has gone
        (100, 0, [100], [200], 100),  # or has not
        (350, 0, [100], [200], 100),  # nobody knows: what is certain
        (200, 200, [200], [], 0),  # the old total again
    ],
)
def test_what_of_a_providers_total_is_ours(
    told: int, outside: int, succeeded: list[int], maybe: list[int], ours: int
) -> None:
    """Our own money in a provider's total is what explains it best; in doubt too little is left, not too much."""
    assert included(told, outside=outside, succeeded=succeeded, maybe=maybe) == ours
