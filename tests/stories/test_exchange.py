"""Exchanges: even, dearer with a payment, cheaper with money back, out of stock, and of a replacement."""

from __future__ import annotations

import pytest

from tests.support.shop import OpenShop, Shop, asked, codes, want
from tests.support.snapshots import Json


def exchange(sku: str, line_id: str = "1", quantity: int = 1, **more: object) -> Json:
    """A line that shall come back as another sku."""
    return want(line_id, quantity, "exchange", reason="too_small", replacement={"sku": sku, **more})


def stocked(shop: Shop) -> None:
    """A family of shirts and a dearer and a cheaper thing."""
    shop.product("TS-1", "100.00", stock=5)
    shop.product("TS-L", "100.00", variant_of="TS-1", stock=1)
    shop.product("TS-XL", "100.00", variant_of="TS-1", stock=3)
    shop.product("COAT", "150.00", stock=3)
    shop.product("SOCK", "60.00", stock=3)


def bring_back(shop: Shop, filed: Json) -> None:
    """The old goods come and are good."""
    shop.send(filed)
    shop.receive(filed)
    shop.inspect(filed)
    shop.settle()


def stock(shop: Shop, sku: str) -> Json:
    """What the catalogue says of a sku."""
    found: Json = shop.integrator.get(f"/products/{sku}")
    return found


def only(shop: Shop, filed: Json) -> Json:
    """The one replacement of a return."""
    [found] = shop.show(filed)["replacements"]
    return dict(found)


def test_even_exchange_costs_nothing_and_moves_no_money(shop: Shop) -> None:
    """An even exchange is reserved at filing, ordered once the old goods are accepted, and ends without money."""
    stocked(shop)
    shop.order("1001")
    filed = shop.file("1001", exchange("TS-L"))
    assert filed["balance"]["due_from_customer"]["amount"] == "0.00"
    assert filed["balance"]["due_to_customer"]["amount"] == "0.00"
    assert only(shop, filed)["state"] == "reserved"
    bring_back(shop, filed)
    replacement = only(shop, filed)
    assert replacement["state"] == "ordered"
    acts = f"/replacements/{replacement['id']}/actions"
    assert shop.integrator.post(f"{acts}/ship", {"carrier": "yurtici", "tracking": "777"})["state"] == "shipped"
    assert shop.integrator.post(f"{acts}/deliver")["state"] == "delivered"
    ended = shop.show(filed)
    assert (ended["state"], ended["refunds"]) == ("awaiting_feedback", [])
    assert ended["lines"][0]["settled"] == 1
    assert (stock(shop, "TS-L")["stock"], stock(shop, "TS-1")["stock"]) == (0, 6)


def test_a_dearer_replacement_waits_for_the_difference(shop: Shop) -> None:
    """For a dearer thing the customer owes the difference; it is ordered when that is paid, once, and not above."""
    stocked(shop)
    shop.order("1001")
    filed = shop.file("1001", exchange("COAT"))
    assert filed["balance"]["due_from_customer"]["amount"] == "50.00"
    bring_back(shop, filed)
    assert only(shop, filed)["state"] == "awaiting_payment"
    assert shop.refunds(filed) == []
    pay = f"/returns/{filed['id']}/payments"
    part = {"reference": "pos-1", "amount": shop.money("20.00"), "tender": "card"}
    shop.support.post(pay, part)
    shop.support.post(pay, part)
    assert only(shop, filed)["paid"]["amount"] == "20.00"
    rest = {"reference": "pos-2", "amount": shop.money("30.01"), "tender": "card"}
    assert shop.support.refused(pay, rest)["code"] == "above_due"
    shop.support.post(pay, rest | {"amount": shop.money("30.00")})
    replacement = only(shop, filed)
    assert replacement["state"] == "ordered"
    shop.integrator.post(f"/replacements/{replacement['id']}/actions/deliver")
    assert shop.show(filed)["state"] == "awaiting_feedback"


def test_a_difference_that_is_not_paid_turns_into_a_refund(shop: Shop) -> None:
    """Where the difference is not paid in time, the replacement is released and the goods are paid back."""
    stocked(shop)
    shop.order("1001")
    filed = shop.file("1001", exchange("COAT"))
    bring_back(shop, filed)
    shop.advance("P9D")
    assert only(shop, filed)["state"] == "released"
    assert stock(shop, "COAT")["stock"] == 3
    [refund] = shop.refunds(filed)
    assert refund["total"]["amount"] == "100.00"
    shop.approve(refund)
    assert shop.show(filed)["state"] == "awaiting_feedback"


def test_a_cheaper_replacement_gives_the_difference_back(shop: Shop) -> None:
    """For a cheaper thing the difference goes back to the tender that paid, after the goods were accepted."""
    stocked(shop)
    shop.order("1001")
    filed = shop.file("1001", exchange("SOCK"))
    assert filed["balance"]["due_to_customer"]["amount"] == "40.00"
    bring_back(shop, filed)
    [refund] = shop.refunds(filed)
    assert (refund["total"]["amount"], refund["transfers"][0]["tender"]) == ("40.00", "card")
    shop.approve(refund)
    assert shop.refund(refund)["state"] == "succeeded"
    shop.integrator.post(f"/replacements/{only(shop, filed)['id']}/actions/deliver")
    ended = shop.show(filed)
    assert (ended["state"], ended["lines"][0]["settled"]) == ("awaiting_feedback", 1)


def test_who_names_the_price_of_a_replacement_approves_none_of_it(shop: Shop) -> None:
    """A price of one's own is an override: with the filing or later, and also by a program whose key one made."""
    scopes = ["admin", "returns:write", "returns:override", "refunds:read", "refunds:approve"]
    at = f"/stores/{shop.slug}/keys"
    wish = {"name": "both", "scopes": scopes, "person": "memur@example.com"}
    clerk = shop.client(shop.admin.post(at, wish)["key"])
    robot = shop.client(clerk.post(at, {"name": "robot", "scopes": ["returns:write", "returns:override"]})["key"])
    price = shop.money("10.00")
    for number, early in (("1001", True), ("1002", False)):
        shop.order(number)
        filed = shop.file(
            number, exchange("GIFT", unit_price=price) if early else want("1"), by=robot if early else None
        )
        if not early:
            line = filed["lines"][0]["id"]
            changed = {"outcome": "exchange", "replacement": {"sku": "GIFT", "unit_price": price}}
            clerk.post(f"/returns/{filed['id']}/lines/{line}/outcome", changed)
        bring_back(shop, filed)
        [refund] = shop.refunds(filed)
        total = {"expected_total": refund["total"]}
        assert total == {"expected_total": shop.money("90.00")}
        assert codes(clerk.refused(f"/refunds/{refund['id']}/approve", total)) == ["approver_independent"]
        assert shop.approve(refund)["state"] == "sending"


def test_a_replacement_can_be_exchanged_again(shop: Shop) -> None:
    """A delivered replacement is a line of its own: it can be exchanged a second time and then paid back."""
    stocked(shop)
    shop.order("1001")
    first = shop.file("1001", exchange("COAT"))
    bring_back(shop, first)
    shop.support.post(
        f"/returns/{first['id']}/payments", {"reference": "p", "amount": shop.money("50.00"), "tender": "card"}
    )
    coat = only(shop, first)["id"]
    shop.integrator.post(f"/replacements/{coat}/actions/deliver")
    order = shop.integrator.get("/orders/1001")
    [line] = [line for line in order["lines"] if line["id"] == coat]
    assert (line["origin"], line["quantity"]) == ("replacement", 1)
    second = shop.file("1001", exchange("COAT", coat))
    bring_back(shop, second)
    again = only(shop, second)["id"]
    shop.integrator.post(f"/replacements/{again}/actions/deliver")
    assert shop.show(second)["state"] == "awaiting_feedback"
    third = shop.file("1001", want(again))
    assert third["refund"]["total"]["amount"] == "150.00"
    shop.receive(third)
    shop.inspect(third)
    [refund] = shop.refunds(third)
    assert [t["amount"]["amount"] for t in refund["transfers"]] == ["100.00", "50.00"]
    shop.approve(refund)
    assert shop.refund(refund)["state"] == "succeeded"
    gone = shop.integrator.refused("/returns", asked("1001", want(coat)), status=422)
    assert gone["errors"][0]["path"] == "lines[0].quantity"


def test_s10_a_variant_that_is_out_of_stock_is_refused_with_alternatives(shop: Shop) -> None:
    """S10: what is out of stock is refused with other variants, refund and credit; nothing is written."""
    stocked(shop)
    shop.order("1001", shop.line("1", quantity=3))
    held = shop.file("1001", exchange("TS-L"))
    problem = shop.integrator.refused("/returns", asked("1001", exchange("TS-L")))
    assert (problem["code"], codes(problem)) == ("out_of_stock", ["out_of_stock"])
    assert set(problem["allowed"]) == {"variant:TS-1", "variant:TS-XL", "refund", "store_credit"}
    assert [found["id"] for found in shop.support.items("/returns")] == [held["id"]]
    assert shop.file("1001", exchange("TS-XL"))["state"] == "awaiting_parcel"


def test_s10_a_variant_that_runs_out_before_approval_leaves_the_case_in_review(open_shop: OpenShop) -> None:
    """S10: a variant that is gone when a person approves is refused with alternatives, and the case stays in review."""
    shop = open_shop(policy={"returns": {"auto_approve": False}})
    stocked(shop)
    shop.order("1001")
    filed = shop.file("1001", exchange("TS-L"))
    assert filed["state"] == "in_review"
    [reserved] = shop.show(filed)["replacements"]
    assert reserved["state"] == "reserved"
    shop.support.post(f"/replacements/{reserved['id']}/actions/out_of_stock")
    problem = shop.support.refused(f"/returns/{filed['id']}/actions/approve")
    assert "out_of_stock" in codes(problem)
    assert {"refund", "store_credit", "variant:TS-XL"} <= set(problem["allowed"])
    assert shop.show(filed)["state"] == "in_review"
    changed = {"outcome": "exchange", "replacement": {"sku": "TS-XL"}}
    line = filed["lines"][0]["id"]
    shop.customer(filed).post(f"/returns/{filed['id']}/lines/{line}/outcome", changed)
    assert shop.support.post(f"/returns/{filed['id']}/actions/approve")["state"] == "awaiting_parcel"


@pytest.mark.parametrize("choice", ["refund", "store_credit"])
def test_s10_what_cannot_be_delivered_becomes_what_the_customer_chooses(shop: Shop, choice: str) -> None:
    """S10: a replacement that the stock does not have after all becomes a refund or a credit, by choice."""
    shop.product("TS-1", "100.00", stock=5)
    shop.product("TS-L#out-of-stock", "100.00", variant_of="TS-1", stock=5)
    shop.order("1001")
    filed = shop.file("1001", exchange("TS-L#out-of-stock"))
    bring_back(shop, filed)
    replacement = only(shop, filed)
    assert replacement["state"] == "out_of_stock"
    line = filed["lines"][0]["id"]
    shop.customer(filed).post(f"/returns/{filed['id']}/lines/{line}/outcome", {"outcome": choice})
    [refund] = shop.refunds(filed)
    tender = "store_credit" if choice == "store_credit" else "card"
    assert (refund["total"]["amount"], refund["transfers"][0]["tender"]) == ("100.00", tender)
    assert only(shop, filed)["state"] == "released"


def test_a_paid_difference_goes_back_when_the_replacement_cannot_be_had(shop: Shop) -> None:
    """Goods are out of stock after the difference was paid: value and difference go back, each the way it came."""
    stocked(shop)
    shop.product("COAT#out-of-stock", "150.00", stock=3)
    shop.order("1001", shop.line("1"), shop.line("2", price="40.00"))
    filed = shop.file("1001", exchange("COAT#out-of-stock"))
    bring_back(shop, filed)
    paid = {"reference": "pos-1", "amount": shop.money("50.00"), "tender": "card", "provider": "offline"}
    shop.support.post(f"/returns/{filed['id']}/payments", paid)
    shop.settle()
    assert only(shop, filed)["state"] == "out_of_stock"
    shop.support.post(f"/replacements/{only(shop, filed)['id']}/actions/release")
    refunds = {refund["components"][0]["kind"]: refund for refund in shop.refunds(filed)}
    assert {kind: refund["total"]["amount"] for kind, refund in refunds.items()} == {
        "goods": "100.00",
        "paid_fee": "50.00",
    }
    for refund in refunds.values():
        shop.approve(refund)
    assert {refund["state"] for refund in shop.refunds(filed)} == {"succeeded"}
    assert shop.show(filed)["state"] == "awaiting_feedback"
    rest = shop.file("1001", want("2"))
    shop.receive(rest)
    shop.inspect(rest)
    [last] = shop.refunds(rest)
    assert [t["amount"]["amount"] for t in last["transfers"]] == ["40.00"]


def test_an_exchange_with_money_back_that_fails_pays_the_rest(shop: Shop) -> None:
    """The difference of a cheaper thing went back, then it cannot be had: what was counted for it is paid back too."""
    stocked(shop)
    shop.product("SOCK#out-of-stock", "60.00", stock=3)
    shop.order("1001")
    filed = shop.file("1001", exchange("SOCK#out-of-stock"))
    bring_back(shop, filed)
    assert only(shop, filed)["state"] == "out_of_stock"
    [first] = shop.refunds(filed)
    shop.approve(first)
    line = filed["lines"][0]["id"]
    shop.customer(filed).post(f"/returns/{filed['id']}/lines/{line}/outcome", {"outcome": "refund"})
    second = shop.refunds(filed)[1]
    assert (first["total"]["amount"], second["total"]["amount"]) == ("40.00", "60.00")
    shop.approve(second)
    ended = shop.show(filed)
    assert (ended["state"], ended["lines"][0]["settled"]) == ("awaiting_feedback", 1)


def test_another_variant_instead_of_one_that_cannot_be_had(shop: Shop) -> None:
    """After the goods were accepted the customer takes another variant: it is reserved, ordered, and no money moves."""
    stocked(shop)
    shop.product("TS-L#out-of-stock", "100.00", variant_of="TS-1", stock=5)
    shop.order("1001")
    filed = shop.file("1001", exchange("TS-L#out-of-stock"))
    bring_back(shop, filed)
    line = filed["lines"][0]["id"]
    other = {"outcome": "exchange", "replacement": {"sku": "TS-XL"}}
    changed = shop.customer(filed).post(f"/returns/{filed['id']}/lines/{line}/outcome", other)
    assert [found["state"] for found in changed["replacements"]] == ["released", "ordered"]
    assert shop.refunds(filed) == []
    problem = shop.customer(filed).refused(f"/returns/{filed['id']}/lines/{line}/outcome", {"outcome": "refund"})
    assert problem["code"] == "inspected"
    shop.integrator.post(f"/replacements/{changed['replacements'][1]['id']}/actions/deliver")
    assert shop.show(filed)["state"] == "awaiting_feedback"


def test_shipping_goes_back_when_goods_and_replacements_have_all_come_back(shop: Shop) -> None:
    """After an even exchange shipping goes back with the last thing; the replacement counts as a part of the order."""
    stocked(shop)
    shop.order("1001", shop.line("1"), shop.line("2", price="40.00"), shipping="29.90")
    filed = shop.file("1001", exchange("TS-L"))
    bring_back(shop, filed)
    new = only(shop, filed)["id"]
    shop.integrator.post(f"/replacements/{new}/actions/deliver")
    part = shop.file("1001", want("2"))
    assert part["refund"]["total"]["amount"] == "40.00"
    shop.receive(part)
    shop.inspect(part)
    whole = shop.integrator.post("/returns/quote", asked("1001", want(new)))
    assert whole["refund"]["total"]["amount"] == "129.90"
