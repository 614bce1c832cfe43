"""What a replacement costs is what the accepted units are worth and what was paid for it: nothing is lost."""

from __future__ import annotations

from typing import NamedTuple

from tests.support.shop import BUSINESS, OpenShop, Shop, codes, want
from tests.support.snapshots import Json


class Swap(NamedTuple):
    """So many units of 100.00 against ``sku``; what was paid before; what became of the units; what must come of it."""

    units: int
    sku: str
    quantity: int
    paid: str
    fates: tuple[int, int, int]
    pieces: int
    price: str
    due: str
    back: str


SWAPS = (
    # Accepted, rejected and missing: the pieces go with the units, and what was paid too much comes back.
    Swap(2, "LONG", 2, "40.00", (1, 1, 0), 1, "120.00", "20.00", "20.00"),
    Swap(2, "LONG", 2, "40.00", (1, 0, 1), 1, "120.00", "20.00", "20.00"),
    Swap(2, "LONG", 2, "40.00", (2, 0, 0), 2, "240.00", "40.00", "0.00"),
    # A piece that stands for more units than were accepted is whole or nothing: the rest of its price is due.
    Swap(3, "FUR", 1, "0.00", (1, 2, 0), 1, "300.00", "200.00", "0.00"),
    Swap(3, "COAT", 2, "0.00", (2, 0, 1), 2, "300.00", "100.00", "0.00"),
    Swap(3, "COAT", 2, "0.00", (1, 1, 1), 1, "150.00", "50.00", "0.00"),
    # Cheaper: what is left of the units that were accepted goes back, of no others.
    Swap(3, "SOCK", 3, "0.00", (2, 1, 0), 2, "80.00", "0.00", "120.00"),
    Swap(2, "SHIRT", 2, "0.00", (1, 1, 0), 1, "100.00", "0.00", "0.00"),
)


def stocked(shop: Shop) -> None:
    """Ten of everything."""
    for sku, price in (
        ("SHIRT", "100.00"),
        ("LONG", "120.00"),
        ("COAT", "150.00"),
        ("FUR", "300.00"),
        ("SOCK", "40.00"),
    ):
        shop.product(sku, price, stock=10)


def exchange(sku: str, units: int = 1, quantity: int | None = None) -> Json:
    """So many units against so many pieces of a sku."""
    return want("1", units, "exchange", reason="too_small", replacement={"sku": sku, "quantity": quantity or units})


def pay(shop: Shop, filed: Json, amount: str) -> None:
    """The customer pays this towards the difference."""
    body = {"reference": f"p{amount}", "amount": shop.money(amount), "tender": "card", "provider": "offline"}
    shop.support.post(f"/returns/{filed['id']}/payments", body)


def come(shop: Shop, filed: Json, accepted: int, rejected: int = 0, missing: int = 0) -> None:
    """So many units come and are good, or are not, or never come."""
    [line] = filed["lines"]
    absent = [{"line_id": line["id"], "quantity": missing}] if missing else []
    shop.receive(filed, {"1": accepted + rejected}, missing=absent)
    if rejected:
        shop.inspect(filed, {"1": rejected}, verdict="reject", disposition="destroy", reason="worn", grade="C")
    if accepted:
        shop.inspect(filed, {"1": accepted})
    shop.settle()


def only(shop: Shop, filed: Json) -> Json:
    """The replacement of a return that was not released."""
    [found] = [one for one in shop.show(filed)["replacements"] if one["state"] != "released"]
    return dict(found)


def told(one: Json) -> tuple[str, str, str]:
    """What a replacement costs, what the customer owes of that and what they paid."""
    return one["price"]["amount"], one["due_from_customer"]["amount"], one["paid"]["amount"]


def given_back(shop: Shop, filed: Json) -> list[str]:
    """The refunds of a return that stand, approved and paid."""
    for refund in shop.refunds(filed):
        if refund["state"] == "proposed":
            shop.approve(refund)
    shop.settle()
    found = [refund for refund in shop.refunds(filed) if refund["state"] != "refused"]
    assert {refund["state"] for refund in found} <= {"succeeded"}
    return [refund["total"]["amount"] for refund in found]


def deliver(shop: Shop, one: Json) -> None:
    """The replacement reaches the customer."""
    shop.integrator.post(f"/replacements/{one['id']}/actions/deliver")


def stock(shop: Shop, sku: str) -> tuple[int, int]:
    """What is there of a sku, and how much of that is promised."""
    found = shop.integrator.get(f"/products/{sku}")
    return found["stock"], found["reserved"]


def test_what_is_shipped_is_paid_by_what_was_accepted_and_paid(shop: Shop) -> None:
    """Whatever is rejected or missing, price and stock follow the pieces that go, and what was overpaid comes back."""
    stocked(shop)
    for number, swap in enumerate(SWAPS, 1001):
        case = f"{swap}"
        shop.order(str(number), shop.line("1", quantity=swap.units), customer=BUSINESS)
        filed = shop.file(str(number), exchange(swap.sku, swap.units, swap.quantity))
        if swap.paid != "0.00":
            pay(shop, filed, swap.paid)
        there, _ = stock(shop, swap.sku)
        come(shop, filed, *swap.fates)
        if (one := only(shop, filed))["state"] == "awaiting_payment":
            assert shop.show(filed)["balance"]["due_from_customer"]["amount"] == swap.due, case
            pay(shop, filed, swap.due)
            one = only(shop, filed)
        assert (one["state"], one["quantity"]) == ("ordered", swap.pieces), case
        assert told(one) == (swap.price, swap.due, swap.due), case
        assert given_back(shop, filed) == [swap.back] * (swap.back != "0.00"), case
        deliver(shop, one)
        assert stock(shop, swap.sku) == (there - swap.pieces, 0), case
        ended = shop.show(filed)
        assert (ended["state"], ended["lines"][0]["settled"]) == ("awaiting_feedback", swap.fates[0]), case
        again = shop.file(str(number), want(one["id"], swap.pieces))
        assert again["refund"]["total"]["amount"] == swap.price, case


def variant(shop: Shop, one: Json, sku: str) -> Json:
    """Another variant is chosen for a replacement."""
    found: Json = shop.support.post(f"/replacements/{one['id']}/actions/change_variant", {"sku": sku})
    return found


def test_another_variant_is_taken_at_its_own_price(shop: Shop) -> None:
    """A dearer variant is due, a cheaper one gives back, before the goods were accepted and after."""
    stocked(shop)
    for number, sku, due, back in ((1001, "FUR", "200.00", []), (1002, "SOCK", "0.00", ["60.00"])):
        shop.order(str(number))
        filed = shop.file(str(number), exchange("SHIRT"))
        assert variant(shop, only(shop, filed), sku)["due_from_customer"]["amount"] == due
        come(shop, filed, 1)
        if due != "0.00":
            pay(shop, filed, due)
        assert (only(shop, filed)["state"], given_back(shop, filed)) == ("ordered", back)
    # Chosen again after the goods were accepted and the difference was given back, or paid.
    shop.order("1003")
    filed = shop.file("1003", exchange("SOCK"))
    come(shop, filed, 1)
    assert given_back(shop, filed) == ["60.00"]
    one = only(shop, filed)
    shop.support.post(f"/replacements/{one['id']}/actions/out_of_stock")
    dear = variant(shop, one, "COAT")
    assert (dear["state"], *told(dear)) == ("awaiting_payment", "150.00", "110.00", "0.00")
    pay(shop, filed, "110.00")
    shop.support.post(f"/replacements/{one['id']}/actions/out_of_stock")
    cheap = variant(shop, one, "LONG")
    assert (cheap["state"], *told(cheap)) == ("ordered", "120.00", "80.00", "80.00")
    assert given_back(shop, filed) == ["60.00", "30.00"]
    assert (stock(shop, "COAT"), stock(shop, "LONG")) == ((10, 0), (10, 1))
    deliver(shop, one)
    assert shop.show(filed)["state"] == "awaiting_feedback"
    again = shop.file("1003", want(one["id"]))
    assert again["refund"]["total"]["amount"] == "120.00"
    shop.receive(again)
    shop.inspect(again)
    assert given_back(shop, again) == ["120.00"]


def test_a_replacement_waits_until_every_unit_is_judged(shop: Shop) -> None:
    """Units that are judged one after another replace all that were accepted; one that never comes holds none up."""
    stocked(shop)
    shop.order("1001", shop.line("1", quantity=3))
    filed = shop.file("1001", exchange("LONG", 3))
    pay(shop, filed, "60.00")
    shop.receive(filed, {"1": 2})
    shop.inspect(filed, {"1": 1})
    assert (only(shop, filed)["state"], shop.refunds(filed)) == ("reserved", [])
    shop.inspect(filed, {"1": 1})
    assert only(shop, filed)["state"] == "reserved"
    shop.advance("P40D")
    one = only(shop, filed)
    assert (one["state"], one["quantity"], *told(one)) == ("ordered", 2, "240.00", "40.00", "40.00")
    assert (given_back(shop, filed), stock(shop, "LONG")) == (["20.00"], (10, 2))


def test_what_was_paid_for_nothing_goes_back_at_once(shop: Shop) -> None:
    """Where no unit is accepted the replacement is released, and all that was paid for it goes back."""
    stocked(shop)
    shop.order("1001", shop.line("1", quantity=2), customer=BUSINESS)
    filed = shop.file("1001", exchange("LONG", 2))
    pay(shop, filed, "15.00")
    pay(shop, filed, "25.00")
    come(shop, filed, 0, rejected=1, missing=1)
    assert [one["state"] for one in shop.show(filed)["replacements"]] == ["released"]
    assert (given_back(shop, filed), stock(shop, "LONG")) == (["40.00"], (10, 0))
    assert shop.show(filed)["state"] == "awaiting_feedback"


def test_a_deduction_and_its_end_change_what_is_due(shop: Shop) -> None:
    """What is deducted from a unit is due for its replacement, and no more once the judgement was changed."""
    stocked(shop)
    shop.order("1001", shop.line("1", quantity=2), customer=BUSINESS)
    filed = shop.file("1001", exchange("SHIRT", 2))
    shop.receive(filed)
    shop.inspect(filed, {"1": 1}, verdict="part", deduction={"percent": "30", "reason": "worn"}, grade="C")
    shop.inspect(filed, {"1": 1})
    assert (only(shop, filed)["state"], *told(only(shop, filed))) == ("awaiting_payment", "200.00", "30.00", "0.00")
    pay(shop, filed, "10.00")
    shop.support.post(f"/returns/{filed['id']}/actions/dispute", {"reason": "it was so"})
    shop.inspect(filed, {"1": 1})
    shop.support.post(f"/returns/{filed['id']}/actions/approve")
    one = only(shop, filed)
    assert (one["state"], *told(one)) == ("ordered", "200.00", "0.00", "0.00")
    assert given_back(shop, filed) == ["10.00"]


def test_units_that_count_after_all_pay_for_what_is_due(shop: Shop) -> None:
    """A unit accepted in the end covers what the customer owed; what it is worth beyond that goes back as money."""
    stocked(shop)
    shop.order("1001", shop.line("1", quantity=3), customer=BUSINESS)
    filed = shop.file("1001", exchange("COAT", 3, 2))
    come(shop, filed, 1, rejected=2)
    assert (only(shop, filed)["state"], *told(only(shop, filed))) == ("awaiting_payment", "150.00", "50.00", "0.00")
    pay(shop, filed, "20.00")
    shop.support.post(f"/returns/{filed['id']}/actions/dispute", {"reason": "they were clean"})
    shop.inspect(filed, {"1": 2})
    shop.support.post(f"/returns/{filed['id']}/actions/approve")
    one = only(shop, filed)
    assert (one["state"], one["quantity"], *told(one)) == ("ordered", 1, "150.00", "0.00", "0.00")
    assert sorted(given_back(shop, filed)) == ["150.00", "20.00"]


def test_who_does_not_want_to_pay_what_became_due_takes_money(shop: Shop) -> None:
    """A replacement that costs more than was thought may be given up for the money of the units that were accepted."""
    stocked(shop)
    shop.order("1001", shop.line("1", quantity=3), customer=BUSINESS)
    filed = shop.file("1001", exchange("FUR", 3, 1))
    come(shop, filed, 1, rejected=2)
    assert (only(shop, filed)["state"], *told(only(shop, filed))) == ("awaiting_payment", "300.00", "200.00", "0.00")
    line = filed["lines"][0]["id"]
    shop.customer(filed).post(f"/returns/{filed['id']}/lines/{line}/outcome", {"outcome": "refund"})
    assert (given_back(shop, filed), stock(shop, "FUR")) == (["100.00"], (10, 0))
    assert shop.show(filed)["state"] == "awaiting_feedback"


def test_what_is_not_here_after_all_is_not_exchanged(shop: Shop) -> None:
    """With its receipt taken back a replacement waits for the goods again, paid or not; one that is ordered stands."""
    stocked(shop)
    shop.order("1001", shop.line("1", quantity=2), customer=BUSINESS)
    filed = shop.file("1001", exchange("LONG", 2))
    shop.receive(filed, {"1": 2}, scan_id="wrong")
    shop.inspect(filed, {"1": 1}, verdict="reject", disposition="destroy", reason="worn", grade="C")
    shop.inspect(filed, {"1": 1})
    assert (only(shop, filed)["state"], *told(only(shop, filed))) == ("awaiting_payment", "120.00", "20.00", "0.00")
    shop.warehouse.delete("/receipts/wrong")
    one = only(shop, filed)
    assert (one["state"], one["quantity"], *told(one)) == ("reserved", 2, "240.00", "40.00", "0.00")
    assert (shop.show(filed)["state"], stock(shop, "LONG")) == ("awaiting_parcel", (10, 2))
    pay(shop, filed, "40.00")
    for trigger in ("order", "ship", "deliver"):
        shop.integrator.refused(f"/replacements/{one['id']}/actions/{trigger}")
    shop.receive(filed, {"1": 1}, scan_id="first")
    shop.receive(filed, {"1": 1}, scan_id="second")
    shop.inspect(filed)
    assert (only(shop, filed)["state"], *told(only(shop, filed))) == ("ordered", "240.00", "40.00", "40.00")
    problem = shop.warehouse.refused("/receipts/second", method="DELETE")
    assert (codes(problem), problem["allowed"]) == (["replacement_ordered"], ["release"])
    shop.integrator.post(f"/replacements/{one['id']}/actions/release")
    shop.warehouse.delete("/receipts/second")
    assert given_back(shop, filed) == ["40.00", "100.00"]
    assert (shop.show(filed)["lines"][0]["accepted"], stock(shop, "LONG")) == (1, (10, 0))


def test_a_proposal_that_counted_units_towards_a_replacement_goes_with_it(shop: Shop) -> None:
    """Released, or of another variant, before its difference was approved: the units are worth all that was paid."""
    stocked(shop)
    for number, sku, due, back in ((1001, None, "0.00", ["100.00"]), (1002, "COAT", "50.00", [])):
        shop.order(str(number))
        filed = shop.file(str(number), exchange("SOCK"))
        come(shop, filed, 1)
        assert [refund["total"]["amount"] for refund in shop.refunds(filed)] == ["60.00"]
        one = only(shop, filed)
        shop.support.post(f"/replacements/{one['id']}/actions/out_of_stock")
        if sku is None:
            shop.support.post(f"/replacements/{one['id']}/actions/release")
        else:
            assert variant(shop, one, sku)["due_from_customer"]["amount"] == due
        assert given_back(shop, filed) == back, number


def test_what_is_due_is_counted_again_with_what_is_approved(shop: Shop) -> None:
    """A price reduction that finance refuses, as money too, leaves the unit whole: it covers more."""
    stocked(shop)
    shop.order("1001", shop.line("1"), shop.line("2", price="50.00"))
    part = {"kind": "price_reduction", "order_line_id": "1", "amount": shop.money("80.00")}
    reduction = shop.support.post("/orders/1001/refunds", {"components": [part], "reason": "scratched"})
    filed = shop.file("1001", exchange("FUR"), want("2"))
    shop.receive(filed)
    shop.inspect(filed)
    one, [refund] = only(shop, filed), shop.refunds(filed)
    assert (one["state"], *told(one), refund["total"]["amount"]) == (
        "awaiting_payment", "300.00", "280.00", "0.00", "50.00",
    )  # fmt: skip
    pay(shop, filed, "210.00")
    shop.finance.post(f"/refunds/{reduction['id']}/refuse", {"reason": "no"})
    [freed] = [one for one in shop.finance.items("/refunds", state="proposed") if one["return_id"] is None]
    shop.finance.post(f"/refunds/{freed['id']}/refuse", {"reason": "for the replacement"})
    problem = shop.finance.refused(f"/refunds/{refund['id']}/approve", {"expected_total": refund["total"]})
    one = only(shop, filed)
    assert (problem["code"], one["state"], *told(one)) == ("total_changed", "ordered", "300.00", "200.00", "200.00")
    assert given_back(shop, filed) == ["50.00", "10.00"]


def release(shop: Shop, filed: Json) -> None:
    """What should come instead is not to be had: the units are owed."""
    shop.support.post(f"/replacements/{only(shop, filed)['id']}/actions/release")
    shop.settle()


def proposals(shop: Shop, filed: Json) -> list[Json]:
    """What waits for finance."""
    return [refund for refund in shop.refunds(filed) if refund["state"] == "proposed"]


def test_a_refund_that_failed_keeps_its_share_when_the_exchange_ends(open_shop: OpenShop) -> None:
    """Of 70.00 that were captured no more goes out: what failed is still owed, in the act that undoes it as well."""
    shop = open_shop(policy={"refunds": {"auto_approve_below": "1000.00"}})
    stocked(shop)
    paid = {"captured": shop.money("70.00"), "reference": "pi_1#fail:insufficient_funds,succeed"}
    shop.order("1001", payment=paid)
    filed = shop.file("1001", exchange("SOCK"))
    come(shop, filed, 1)
    [failed] = shop.refunds(filed)
    assert (failed["state"], failed["total"]["amount"]) == ("failed", "60.00")
    release(shop, filed)
    [rest] = proposals(shop, filed)
    assert (rest["total"]["amount"], rest["short"]["amount"]) == ("10.00", "30.00")


def test_what_could_not_be_paid_of_an_exchange_hides_nothing_once_it_ends(shop: Shop) -> None:
    """Two units of 100.00 for one piece, paid in part: released, all 200.00 go back as soon as they are captured."""
    stocked(shop)
    bought = shop.line("1", quantity=2)
    shop.order("1001", bought, payment={"captured": shop.money("70.00")})
    filed = shop.file("1001", exchange("SHIRT", 2, 1))
    come(shop, filed, 2)
    shop.approve(shop.refunds(filed)[0])
    release(shop, filed)
    assert [refund["total"]["amount"] for refund in proposals(shop, filed)] == ["0.00", "0.00"]
    shop.order("1001", bought)
    for refund in proposals(shop, filed):
        shop.approve(refund)
    assert given_back(shop, filed) == ["70.00", "30.00", "100.00"]
    why = [part["why"] for part in shop.refunds(filed)[1]["components"]]
    assert why == ["What an earlier refund owed and could not pay"]


def test_a_difference_goes_back_though_another_refund_has_taken_of_its_payment(shop: Shop) -> None:
    """Finance refused it, money by hand went out over all payments: it comes from what those have left."""
    stocked(shop)
    shop.order("1001")
    filed = shop.file("1001", exchange("COAT"))
    pay(shop, filed, "50.00")
    come(shop, filed, 1)
    release(shop, filed)
    goods, difference = sorted(proposals(shop, filed), key=lambda one: one["total"]["amount"])
    assert (goods["total"]["amount"], difference["total"]["amount"]) == ("100.00", "50.00")
    shop.finance.post(f"/refunds/{difference['id']}/refuse", {"reason": "whose is it?"})
    part = {"kind": "price_reduction", "order_line_id": "1", "gross": shop.money("30.00")}
    shop.approve(shop.support.post("/orders/1001/refunds", {"components": [part], "reason": "worn"}))
    shop.support.post(f"/returns/{filed['id']}/actions/approve")
    for refund in proposals(shop, filed):
        shop.approve(refund)
    assert sorted(given_back(shop, filed)) == ["50.00", "70.00"]


def test_what_was_ordered_stands_until_the_store_releases_it(shop: Shop) -> None:
    """No other choice for units whose replacement is ordered, shipped or here; released first, they are paid back."""
    stocked(shop)
    for number, stops in ((1001, ("ship", "deliver")), (1002, ())):
        shop.order(str(number))
        filed = shop.file(str(number), exchange("SHIRT"))
        come(shop, filed, 1)
        one, path = only(shop, filed), f"/returns/{filed['id']}/lines/{filed['lines'][0]['id']}/outcome"
        for trigger in ("", *stops):
            if trigger:
                shop.integrator.post(f"/replacements/{one['id']}/actions/{trigger}")
            problem = shop.customer(filed).refused(path, {"outcome": "refund"})
            assert (codes(problem), "sipariş edildi" in problem["detail"]) == (["replacement_ordered"], True)
            choice = {"outcome": "exchange", "replacement": {"sku": "SOCK"}}
            assert codes(shop.support.refused(path, choice)) == ["replacement_ordered"]
    assert (stock(shop, "SHIRT"), stock(shop, "SOCK")) == ((9, 1), (10, 0))
    shop.support.post(f"/replacements/{one['id']}/actions/release")
    assert (given_back(shop, filed), stock(shop, "SHIRT")) == (["100.00"], (9, 0))
