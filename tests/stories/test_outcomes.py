"""What becomes of a line besides money for goods that came back: kept, cheaper, never delivered, as credit."""

from __future__ import annotations

from tests.support.shop import OpenShop, Shop, asked, codes, want
from tests.support.snapshots import Json


def offered(shop: Shop, filed: Json, reduction: Json) -> str:
    """Offer to keep line 1 for less; the path for the customer's answer."""
    path = f"/returns/{filed['id']}/lines/{filed['lines'][0]['id']}/offer"
    shop.support.post(path, {"price_reduction": reduction})
    return path


def test_an_offered_price_reduction_is_accepted(shop: Shop) -> None:
    """The customer keeps two shirts for 30 % less: nothing comes back, 60.00 is paid, and what is left can return."""
    shop.order("1001", shop.line("1", quantity=2), shop.line("2", price="50.00"))
    filed = shop.file("1001", want("1", 2), want("2"))
    path = offered(shop, filed, {"percent": "30"})
    customer = shop.customer(filed)
    shown = customer.get(f"/returns/{filed['id']}")["lines"][0]["offer"]
    assert (shown["percent"], shown["answer"]) == ("30", None)
    taken = customer.post(f"{path}/accept")
    assert (taken["state"], taken["lines"][0]["outcome"]) == ("awaiting_parcel", "price_reduction")
    assert (taken["lines"][0]["expected"], taken["lines"][0]["accepted"]) == (0, 2)
    shop.receive(filed, {"2": 1})
    shop.inspect(filed, {"2": 1})
    [refund] = shop.refunds(filed)
    parts = sorted((part["kind"], part["gross"]["amount"]) for part in refund["components"])
    assert parts == [("goods", "50.00"), ("price_reduction", "60.00")]
    shop.approve(refund)
    ended = shop.show(filed)
    assert (ended["state"], [line["settled"] for line in ended["lines"]]) == ("awaiting_feedback", [2, 1])
    again = shop.file("1001", want("1", 2))
    assert again["refund"]["total"]["amount"] == "140.00"


def test_an_accepted_offer_stands_at_once(shop: Shop) -> None:
    """No photo and no person is waited for any more, another one approves it, and all of the price ends the unit."""
    shop.order("1001", shop.line("1", quantity=2), shop.line("2"))
    filed = shop.file("1001", want("1", kind="damaged", reason="damaged"))
    assert filed["state"] == "awaiting_evidence"
    path = offered(shop, filed, {"amount": shop.money("40.00")})
    assert shop.customer(filed).post(f"{path}/accept")["state"] == "settling"
    [refund] = shop.refunds(filed)
    assert refund["total"]["amount"] == "40.00"
    shop.approve(refund)
    assert shop.show(filed)["state"] == "awaiting_feedback"
    whole = shop.file("1001", want("1", kind="damaged", reason="damaged"))
    shop.support.post(f"/returns/{whole['id']}/actions/decline", {"reason": "Fotoğraf yok"})
    shop.customer(whole).post(f"/returns/{whole['id']}/actions/appeal", {"reason": "Var"})
    path = offered(shop, whole, {"percent": "60"})
    assert shop.customer(whole).post(f"{path}/accept")["state"] == "settling"
    shop.approve(shop.refunds(whole)[0])
    [left] = shop.integrator.post("/returns/quote", asked("1001"))["lines"]
    assert left["decision"] == "accepted", "one of two units is the customer's for nothing, the other may come back"
    mixed = shop.file("1001", want("1", kind="damaged", reason="damaged"), want("2"))
    assert (mixed["state"], mixed["refund"]["total"]["amount"]) == ("awaiting_evidence", "200.00")
    path = offered(shop, mixed, {"percent": "10"})
    goes_on = shop.customer(mixed).post(f"{path}/accept")
    assert (goes_on["state"], [line["expected"] for line in goes_on["lines"]]) == ("awaiting_parcel", [0, 1])


def test_an_offer_is_more_than_nothing_and_at_most_the_worth_of_the_units(shop: Shop) -> None:
    """What is offered is checked against what is left of the units' price; a wrong one names its field."""
    shop.order("1001", shop.line("1", quantity=2))
    filed = shop.file("1001", want("1", 2))
    path = f"/returns/{filed['id']}/lines/{filed['lines'][0]['id']}/offer"
    for reduction, wrong in (
        ({"amount": shop.money("200.01")}, "price_reduction.amount.amount"),
        ({"amount": shop.money("0.00")}, "price_reduction.amount.amount"),
        ({"percent": "0"}, "price_reduction.percent"),
    ):
        problem = shop.support.refused(path, {"price_reduction": reduction}, status=422)
        assert [error["path"] for error in problem["errors"]] == [wrong]
    assert shop.show(filed)["lines"][0]["offer"] is None
    offered(shop, filed, {"amount": shop.money("200.00")})
    [refund] = shop.customer(filed).post(f"{path}/accept")["refunds"]
    shop.approve(refund)
    assert shop.show(filed)["state"] == "awaiting_feedback"
    problem = shop.integrator.refused("/returns", asked("1001"), status=422)
    assert problem["errors"][0]["path"] == "lines[0].quantity"


def test_an_offer_lives_while_the_goods_are_with_the_customer(shop: Shop) -> None:
    """On their way, received, or of a return that has ended, goods are not kept for less: no offer, no answer."""
    shop.order("1001", shop.line("1", quantity=4))

    def end(filed: Json, last: str) -> None:
        if last == "sent":
            shop.send(filed)
        elif last == "received":
            shop.receive(filed)
        else:
            shop.customer(filed).post(f"/returns/{filed['id']}/actions/cancel")

    for last in ("sent", "received", "cancelled"):
        filed = shop.file("1001")
        path = offered(shop, filed, {"percent": "10"})
        assert 'name="line"' in shop.browser.get(filed["link"]["url"]).text
        end(filed, last)
        assert 'name="line"' not in shop.browser.get(filed["link"]["url"]).text
        assert shop.customer(filed).refused(f"{path}/accept")["code"] == "not_with_customer"
        again = shop.support.refused(path, {"price_reduction": {"percent": "5"}})
        assert (again["code"], shop.show(filed)["lines"][0]["outcome"]) == ("not_with_customer", "refund")


def test_a_price_reduction_whose_goods_come_is_chosen_anew(shop: Shop) -> None:
    """One of two that were to be kept for less comes: money is chosen, paid for it at once, and for the other later."""
    shop.order("1001", shop.line("1", quantity=2))
    filed = shop.file("1001", want("1", 2, "price_reduction"), kind="damaged")
    shop.receive(filed, {"1": 1})
    shop.support.post(f"/returns/{filed['id']}/actions/approve")
    shop.inspect(filed, {"1": 1})
    path = f"/returns/{filed['id']}/lines/{filed['lines'][0]['id']}"
    assert shop.support.refused(f"{path}/offer", {"price_reduction": {"percent": "5"}})["code"] == "not_with_customer"
    changed = shop.customer(filed).post(f"{path}/outcome", {"outcome": "refund"})
    [line] = changed["lines"]
    assert (line["expected"], line["accepted"], line["received"]) == (2, 1, 1)
    assert [one["total"]["amount"] for one in shop.refunds(filed)] == ["100.00"]
    shop.receive(filed, {"1": 1})
    shop.inspect(filed, {"1": 1})
    for one in shop.refunds(filed):
        shop.approve(one)
    assert [one["total"]["amount"] for one in shop.refunds(filed)] == ["100.00", "100.00"]
    assert shop.show(filed)["state"] == "awaiting_feedback"


def test_an_offered_price_reduction_is_rejected(shop: Shop) -> None:
    """The customer says no: the goods are awaited as before, and an answered offer cannot be answered again."""
    shop.order("1001")
    filed = shop.file("1001")
    path = offered(shop, filed, {"amount": shop.money("10.00")})
    customer = shop.customer(filed)
    declined = customer.post(f"{path}/reject")
    assert (declined["state"], declined["lines"][0]["outcome"]) == ("awaiting_parcel", "refund")
    assert customer.refused(f"{path}/accept")["code"] == "no_offer"
    shop.receive(filed)
    shop.inspect(filed)
    assert shop.refunds(filed)[0]["total"]["amount"] == "100.00"


def test_a_cheap_item_is_kept_and_paid_back(open_shop: OpenShop) -> None:
    """Below the store's limit the goods stay with the customer: no parcel, straight to settling, all of it paid."""
    shop = open_shop(policy={"returns": {"keep_item_below": "75.00"}})
    shop.order("1001", shop.line("1", price="50.00"), shop.line("2"))
    filed = shop.file("1001")
    assert (filed["state"], filed["lines"][0]["outcome"]) == ("settling", "keep")
    [refund] = shop.refunds(filed)
    assert refund["total"]["amount"] == "50.00"
    shop.approve(refund)
    ended = shop.show(filed)
    assert (ended["state"], ended["parcels"], ended["lines"][0]["settled"]) == ("awaiting_feedback", [], 1)
    problem = shop.integrator.refused("/returns", {"order_number": "1001", "lines": [want("1")]}, status=422)
    assert problem["errors"][0]["path"] == "lines[0].quantity"


def test_what_was_never_delivered_is_paid_without_goods(shop: Shop) -> None:
    """An order that did not come in time goes straight to settling with shipping and interest; nothing is awaited."""
    shop.order("1001", shipping="29.90", deliveries=[], promised_by="2026-02-25")
    filed = shop.file("1001", want("1"), kind="not_delivered", method=None)
    assert (filed["state"], filed["lines"][0]["expected"]) == ("settling", 0)
    [refund] = shop.refunds(filed)
    assert refund["total"]["amount"] == "130.75"
    assert {part["kind"] for part in refund["components"]} == {"goods", "shipping", "interest"}
    shop.approve(refund)
    account = {"iban": "TR330006100519786457841326", "holder": "Ayşe Yılmaz"}
    shop.customer(filed).post(f"/returns/{filed['id']}/payout", account)
    shop.settle()
    assert shop.show(filed)["state"] == "awaiting_feedback"


def test_store_credit_brings_a_bonus_on_top(open_shop: OpenShop) -> None:
    """Credit instead of money: ten percent on top, on the allowance of the card, told as an event."""
    shop = open_shop(policy={"refunds": {"credit_bonus_percent": "10"}})
    shop.order("1001", shipping="29.90")
    filed = shop.file("1001", want("1", outcome="store_credit"))
    [quoted] = filed["refund"]["transfers"]
    assert (quoted["tender"], quoted["amount"]["amount"], quoted["bonus"]["amount"]) == (
        "store_credit",
        "129.90",
        "12.99",
    )
    shop.receive(filed)
    shop.inspect(filed)
    [refund] = shop.refunds(filed)
    shop.approve(refund)
    [transfer] = shop.refund(refund)["transfers"]
    assert (transfer["tender"], transfer["on_behalf_of"], transfer["state"]) == ("store_credit", "pay-1", "succeeded")
    [issued] = [
        event for event in shop.support.items(f"/returns/{filed['id']}/events") if event["type"] == "credit.issued"
    ]
    assert (issued["data"]["principal"], issued["data"]["bonus"]) == (12990, 1299)


def test_credit_for_one_line_and_money_for_another(open_shop: OpenShop) -> None:
    """Who wants credit for one line and money for another has both: the bonus on the one, the rest to the card."""
    shop = open_shop(policy={"refunds": {"credit_bonus_percent": "10"}})
    shop.order("1001", shop.line("1"), shop.line("2", price="50.00"), shipping="29.90")
    filed = shop.file("1001", want("1", outcome="store_credit"), want("2"))
    shop.receive(filed)
    shop.inspect(filed)
    [refund] = shop.refunds(filed)
    shop.approve(refund)
    paid = [(t["tender"], t["amount"]["amount"], t["state"]) for t in shop.refund(refund)["transfers"]]
    assert paid == [("card", "79.90", "succeeded"), ("store_credit", "100.00", "succeeded")]
    events = shop.support.items(f"/returns/{filed['id']}/events")
    [issued] = [event["data"] for event in events if event["type"] == "credit.issued"]
    assert (issued["principal"], issued["bonus"]) == (10000, 1000)


def test_shipping_that_was_wrongly_charged_is_paid_back_without_goods(shop: Shop) -> None:
    """Money without goods is proposed with a reason, approved by another person, and paid once."""
    shop.order("1001", shipping="29.90")
    ask = {"components": [{"kind": "shipping"}], "reason": "Kargo ücreti yanlışlıkla alındı"}
    refund = shop.support.post("/orders/1001/refunds", ask)
    assert (refund["state"], refund["return_id"], refund["total"]["amount"]) == ("proposed", None, "29.90")
    assert refund["components"][0]["why"] == "Kargo ücreti yanlışlıkla alındı"
    shop.approve(refund)
    assert shop.refund(refund)["state"] == "succeeded"
    assert shop.support.refused("/orders/1001/refunds", ask)["code"] == "nothing_to_refund"
    filed = shop.file("1001")
    shop.receive(filed)
    shop.inspect(filed)
    assert shop.refunds(filed)[0]["total"]["amount"] == "100.00"


def test_money_without_goods_is_approved_by_somebody_else(shop: Shop) -> None:
    """The person who proposed the money is the one who cannot approve it."""
    wish = {"name": "both", "scopes": ["refunds:read", "refunds:propose", "refunds:approve"], "person": "a@b.example"}
    both = shop.client(shop.admin.post(f"/stores/{shop.slug}/keys", wish)["key"])
    shop.order("1001", shipping="29.90")
    refund = both.post("/orders/1001/refunds", {"components": [{"kind": "shipping"}], "reason": "Hata"})
    problem = both.refused(f"/refunds/{refund['id']}/approve", {"expected_total": refund["total"]})
    assert codes(problem) == ["approver_independent"]
    assert codes(both.refused(f"/refunds/{refund['id']}/approve", {"expected_total": shop.money("1.00")}))[0] == (
        "total_as_shown"
    )


def test_an_unexpected_thing_is_matched_later_or_disposed_of(shop: Shop) -> None:
    """Two strangers in a parcel: one turns out to be the second shirt under a wrong tag, the other one is donated."""
    shop.order("1001", shop.line("1", quantity=2))
    filed = shop.file("1001", want("1", 2))
    found = shop.receive(filed, {"1": 1}, unexpected=[{"sku": "YANLIS-ETIKET"}, {"description": "Bir kupa"}])
    shop.inspect(filed, {"1": 1})
    shirt, mug = (thing["id"] for thing in found["unexpected"])
    target = {"return_id": filed["id"], "line_id": filed["lines"][0]["id"]}
    assert shop.warehouse.post(f"/unexpected/{shirt}/match", target)["state"] == "matched"
    assert shop.show(filed)["state"] == "inspecting"
    assert shop.warehouse.post(f"/unexpected/{mug}/dispose", {"disposition": "donate"})["state"] == "disposed"
    assert shop.warehouse.refused(f"/unexpected/{mug}/dispose", {"disposition": "donate"})["code"] == "already_disposed"
    shop.inspect(filed, {"1": 1})
    for refund in shop.refunds(filed):
        shop.approve(refund)
    ended = shop.show(filed)
    assert (ended["state"], ended["lines"][0]["settled"]) == ("awaiting_feedback", 2)
