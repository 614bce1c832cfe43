"""The rows on delivery costs, value loss and interest of the worked cases, each by its id."""

from __future__ import annotations

from rma.domain.asks import Deduction, Extra
from rma.domain.settlement import interest, service_used
from tests.support.cases import expected, given
from tests.support.till import Till, line, minor, of_kind, snapshot

ONE = {"1": ((1, 1),)}
TWO = {"2": ((1, 1),)}


def test_e03_the_cheapest_common_delivery() -> None:
    """Of the delivery only what the cheapest common way costs goes back, where the law says so."""
    shipping = {"amount": "80.00", "cheapest_standard": "30.00"}
    till = Till(snapshot(line(given("E03")["goods"]), shipping=shipping, currency="GBP"))
    assert till.everything(shipping_basis="cheapest_standard").total == minor(expected("E03")["refund"])


def test_e04_a_free_standard_delivery() -> None:
    """Where standard delivery was free, what was paid for express is a supplement and stays paid."""
    shipping = {"amount": "30.00", "cheapest_standard": "0.00"}
    till = Till(snapshot(line(given("E04")["goods"]), shipping=shipping, currency="EUR"))
    assert till.everything(shipping_basis="cheapest_standard").total == minor(expected("E04")["refund"])


def test_e05_the_store_bears_the_way_back() -> None:
    """A label that the store bears takes nothing from the refund."""
    till = Till(snapshot(line("100.00")))
    settlement = till.everything()
    assert of_kind(settlement, "deduction") == minor(expected("E05")["consumer_pays"])


def test_e08_the_consumer_bears_another_carrier() -> None:
    """Freight that the consumer bears is not paid back; freight that the store owes is, outside the cap."""
    freight = minor(given("E08")["freight"])
    borne = Till(snapshot(line("100.00"))).everything()
    owed = Till(snapshot(line("100.00"))).everything(extras=(Extra(kind="return_freight", amount=freight),))
    assert owed.total - borne.total == minor(expected("E08")["consumer_pays"])


def test_e10_the_prepaid_label_is_deducted() -> None:
    """A consumer who was told of the return cost pays the label that the trader prepaid."""
    till = Till(snapshot(line(given("E10")["goods"]), shipping={"amount": "4.90"}, currency="EUR"))
    label = Deduction(cause="return_cost", amount=minor(given("E10")["label"]))
    assert till.everything(deductions=(label,)).total == minor(expected("E10")["refund"])


def test_e14_value_loss_up_to_the_price() -> None:
    """A loss of value takes at most the price of the goods; the delivery still goes back."""
    facts = given("E14")
    till = Till(snapshot(line(facts["goods"]), shipping={"amount": facts["delivery"]}, currency="GBP"))
    loss = Deduction(cause="value_loss", order_line_id="1", amount=minor(facts["value_loss"]))
    assert till.everything(deductions=(loss,)).total == minor(expected("E14")["refund"])


def test_e15_no_deduction_of_its_own() -> None:
    """Nothing is deducted unless somebody says so: normal trial costs nothing."""
    settlement = Till(snapshot(line("100.00"))).everything()
    assert of_kind(settlement, "deduction") == minor(expected("E15")["deduction"])


def test_e16_a_service_pro_rata() -> None:
    """A service that had begun is paid for the days it was given."""
    till = Till(snapshot(line("90.00", kind="service"), currency="EUR"))
    owes = service_used(9000, days=5, of=30)
    used = Deduction(cause="service_used", order_line_id="1", amount=owes)
    assert owes == minor(expected("E16")["consumer_owes"])
    assert till.everything(deductions=(used,)).total == minor(expected("E16")["refund"])


def test_e17_a_flat_delivery_stays_for_the_kept_item() -> None:
    """A partial withdrawal gives no flat delivery back."""
    till = Till(snapshot(line("10.00"), line("20.00"), shipping={"amount": "4.90"}, currency="EUR"))
    assert of_kind(till.give(ONE, statutory=("1",)), "shipping") == minor(expected("E17")["delivery_refund"])


def test_e19_no_delivery_is_charged_after_the_fact() -> None:
    """Free delivery stays free when part of the order comes back."""
    till = Till(snapshot(line("40.00"), line("50.00"), shipping={"amount": "0.00"}, currency="EUR"))
    settlement = till.give(ONE, statutory=("1",))
    assert (settlement.total, settlement.due_from_customer) == (minor(expected("E19")["refund"]), 0)


def test_e20_delivery_with_the_item_that_completes() -> None:
    """Delivery goes back with the withdrawal that completes the order."""
    till = Till(snapshot(line("10.00"), line("20.00"), shipping={"amount": "29.90"}))
    first = till.give(ONE, statutory=("1",))
    second = till.give(TWO, statutory=("2",), completes_order=True)
    assert of_kind(first, "shipping") == minor(expected("E20")["delivery_refund on item1"])
    assert of_kind(second, "shipping") == minor(expected("E20")["on item2"])


def test_d13_statutory_interest() -> None:
    """A termination brings statutory interest from payment to refund, outside the cap of what was captured."""
    wanted = expected("D13")
    late = interest(minor("1000.00"), rate="24", days=40)
    assert late == minor(wanted["interest"])
    till = Till(snapshot(line("1000.00")))
    settlement = till.everything(extras=(Extra(kind="interest", amount=late),))
    assert settlement.total == minor(wanted["total"])
    assert [transfer.tender for transfer in settlement.transfers] == ["card", "bank_transfer"]
