"""What the shop's rules, the law and the order of things let through, and what they say when they do not."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from tests.support.shop import OpenShop, Shop, asked, codes, want

TEXT = {"tr": "Ekibimiz inceleyecek.", "en": "Our team will look at it.", "de": "Unser Team sieht es sich an."}


def test_e2_staff_may_override_the_window_and_the_history_says_who_and_why(shop: Shop) -> None:
    """E2: 20 days after delivery the customer is refused with the last day; staff override, and it is recorded."""
    shop.order("1001", shop.line("1", tags=["final-sale"]))
    shop.advance("P16D")
    late = shop.file("1001")
    assert (late["state"], late["lines"][0]["last_day"]) == ("declined", "2026-03-12")
    let = shop.file("1001", by=shop.support, override={"reason": "Sadık müşteri"})
    assert (let["state"], let["lines"][0]["basis"]) == ("awaiting_parcel", "goodwill")
    told = shop.support.items(f"/returns/{let['id']}/events")[0]["data"]["override"]
    assert told["by"].startswith("key:")
    assert told["reason"] == "Sadık müşteri"
    body = asked("1001", override={"reason": "ben"})
    assert shop.integrator.send("POST", "/returns", body).status_code == 403


def test_e5_thirty_three_days_are_not_two(open_shop: OpenShop) -> None:
    """E5: delivered on 1 January and filed on 3 February is refused, whatever the days of the month say."""
    shop = open_shop(today="2026-02-03T12:00:00+03:00", policy={"windows": {"voluntary_days": 14}})
    delivered = [{"id": "d1", "delivered_at": "2026-01-01T12:00:00+03:00", "lines": [{"id": "1", "quantity": 1}]}]
    at = "2025-12-28T12:00:00+03:00"
    shop.order(
        "1001", deliveries=delivered, ordered_at=at, withdrawal_information_given_at=at, payment={"captured_at": at}
    )
    filed = shop.file("1001")
    assert (filed["state"], filed["lines"][0]["last_day"]) == ("declined", "2026-01-15")


def test_e10_of_three_two_delivered_and_one_returned_one_is_left(shop: Shop) -> None:
    """E10 (returns): ordered 3, delivered 2, 1 already in a return: 1 can be returned, 2 cannot."""
    part = [{"id": "d1", "delivered_at": "2026-02-26T14:00:00+03:00", "lines": [{"id": "1", "quantity": 2}]}]
    shop.order("1001", shop.line("1", quantity=3), deliveries=part)
    shop.file("1001", want("1", kind="voluntary"))
    two = shop.integrator.refused("/returns", asked("1001", want("1", 2, kind="damaged")), status=422)
    assert two["errors"][0]["path"] == "lines[0].quantity"
    options = {o["kind"]: o for o in shop.integrator.get("/orders/1001")["lines"][0]["options"]}
    assert options["damaged"]["quantity"] == 1
    assert shop.file("1001", want("1", kind="voluntary"))["state"] == "awaiting_parcel"


def test_e17_before_delivery_withdrawal_is_open_and_goods_cannot_come_back(shop: Shop) -> None:
    """E17 (returns): nothing is delivered: a withdrawal is accepted without goods, a return of goods is refused."""
    shop.order("1001", deliveries=[], ordered_at="2026-03-01T10:00:00+03:00")
    for kind in ("voluntary", "damaged"):
        quoted = shop.integrator.post("/returns/quote", asked("1001", want("1", kind=kind)))
        assert codes(quoted["lines"][0]) == ["not_delivered_yet"]
    filed = shop.file("1001", method=None)
    assert (filed["state"], filed["lines"][0]["expected"]) == ("settling", 0)
    [refund] = filed["refunds"]
    shop.approve(refund)
    assert shop.show(filed)["state"] == "awaiting_feedback"


def test_e20_filed_on_the_last_day_and_processed_later_is_in_time(open_shop: OpenShop) -> None:
    """E20 (returns): filed on the last day and looked at two days later is still eligible: the notice counts."""
    shop = open_shop(policy={"returns": {"auto_approve": False}}, today="2026-03-12T23:30:00+03:00")
    shop.order("1001")
    filed = shop.file("1001")
    assert (filed["state"], filed["lines"][0]["decision"]) == ("in_review", "needs_review")
    shop.advance("P2D")
    assert shop.support.post(f"/returns/{filed['id']}/actions/approve")["state"] == "awaiting_parcel"


def test_e21_what_is_dated_in_the_future_is_refused(shop: Shop) -> None:
    """E21: a carrier's event, a noticed defect, a delivery and an order of tomorrow are refused by their path."""
    shop.order("1001")
    filed = shop.file("1001")
    parcel = shop.integrator.post(f"/returns/{filed['id']}/parcels", {"direction": "inbound", "method": "own_carrier"})
    tomorrow = "2026-03-03T09:30:00+03:00"
    news = {"status": "handed_over", "at": tomorrow, "source_id": "x"}
    assert shop.integrator.refused(f"/parcels/{parcel['id']}/events", news, status=422)["errors"][0]["path"] == "at"
    seen = asked("1001", want("1", kind="defective", noticed_at=tomorrow))
    problem = shop.integrator.refused("/returns/quote", seen, status=422)
    assert problem["errors"][0]["path"] == "lines[0].noticed_at"
    later = {"id": "d2", "delivered_at": tomorrow, "lines": [{"id": "1", "quantity": 1}]}
    problem = shop.integrator.refused("/orders/1001/deliveries", later, status=422)
    assert "delivered_at" in problem["errors"][0]["path"]
    assert "parcel.handed_over" not in shop.events(filed)


def test_s6_one_rule_asks_a_person_and_another_refuses(open_shop: OpenShop) -> None:
    """S6: a rule that asks puts the case in review with its reason, a rule that refuses declines it with its own."""
    asks = {"rule": "line_value_above", "params": {"amount": "500.00", "currency": "TRY"}, "then": "ask", "text": TEXT}
    no = {"tr": "İadesi yok.", "en": "No way back.", "de": "Kein Zurück."}
    refuses = {"rule": "exclude", "params": {"tags": ["final-sale"]}, "then": "refuse", "text": no}
    shop = open_shop(policy={"rules": [asks, {**refuses, "applies_to": ["voluntary"]}]})
    shop.order("1001", shop.line("1", price="600.00"), shop.line("2", tags=["final-sale"]))
    review = shop.file("1001", want("1"))
    assert (review["state"], review["waits_for"]) == ("in_review", "support")
    assert review["lines"][0]["reasons"][0]["text"] == TEXT["en"]
    shop.advance("P11D")
    declined = shop.file("1001", want("2", kind="voluntary"))
    assert declined["state"] == "declined"
    assert shop.customer(declined).get(f"/returns/{declined['id']}")["lines"][0]["reasons"][0]["text"] == no["tr"]
    approved = shop.support.post(f"/returns/{review['id']}/actions/approve")
    assert approved["state"] == "awaiting_parcel"


def test_s14_what_is_not_possible_now_says_why_and_what_is(open_shop: OpenShop) -> None:
    """S14: approving twice, receiving too much and cancelling after receipt are refused with reasons and choices."""
    shop = open_shop(policy={"returns": {"auto_approve": False}})
    shop.order("1001", shop.line("1", quantity=2))
    filed = shop.file("1001")
    act = f"/returns/{filed['id']}/actions"
    shop.support.post(f"{act}/approve")
    twice = shop.support.refused(f"{act}/approve")
    assert twice["reasons"]
    assert "approve" not in twice["allowed"]
    assert twice["allowed"]
    line = filed["lines"][0]["id"]
    much = {"scan": filed["rma_number"], "lines": [{"line_id": line, "quantity": 2}], "scan_id": "much"}
    problem = shop.warehouse.refused("/receipts", much)
    assert (codes(problem), problem["allowed"]) == (["more_than_requested"], ["unexpected"])
    shop.receive(filed)
    problem = shop.customer(filed).refused(f"{act}/cancel")
    assert codes(problem) == ["nothing_received"]
    assert "dispute" in problem["allowed"]
    assert shop.show(filed)["state"] == "inspecting"


def test_s14_goods_of_an_unapproved_return_are_held(open_shop: OpenShop) -> None:
    """S14: goods that come before the approval are recorded as held, and nothing is decided or paid for them."""
    shop = open_shop(policy={"returns": {"auto_approve": False}})
    shop.order("1001")
    filed = shop.file("1001")
    assert shop.receive(filed)["state"] == "in_review"
    assert "return.held" in shop.events(filed)
    judged = [{"line_id": filed["lines"][0]["id"], "quantity": 1, "grade": "A"}]
    judged[0] |= {"disposition": "restock", "verdict": "accept"}
    problem = shop.warehouse.refused(f"/returns/{filed['id']}/inspections", {"lines": judged})
    assert problem["reasons"]
    assert problem["allowed"]
    assert shop.support.post(f"/returns/{filed['id']}/actions/approve")["state"] == "settling"


def test_s18_what_cannot_be_is_refused(shop: Shop) -> None:
    """S18: too many units, an unknown outcome, money above what was paid and cancelling a settled return."""
    shop.order("1001")
    problem = shop.integrator.refused("/returns", asked("1001", want("1", 2)), status=422)
    assert problem["errors"][0]["path"] == "lines[0].quantity"
    problem = shop.integrator.refused("/returns", asked("1001", want("1", outcome="swap")), status=422)
    assert problem["errors"][0]["path"] == "lines[0].outcome"
    part = {"kind": "goods", "order_line_id": "1", "amount": shop.money("100.01")}
    above = {"components": [part], "reason": "too much"}
    assert shop.support.send("POST", "/orders/1001/refunds", above).status_code in (409, 422)
    assert shop.finance.items("/refunds") == []
    filed = shop.file("1001")
    shop.receive(filed)
    shop.inspect(filed)
    shop.approve(shop.refunds(filed)[0])
    problem = shop.customer(filed).refused(f"/returns/{filed['id']}/actions/cancel")
    assert problem["reasons"]
    assert "appeal" in problem["allowed"]


def test_a38_a_policy_below_the_law_is_not_published(shop: Shop) -> None:
    """A38: a window of seven days is below the law's fourteen: it is drafted, and refused with the article."""
    body = shop.owner.get("/policies/current")["policy"]
    body["windows"] = {**body["windows"], "withdrawal_days": 7}
    version = shop.owner.post("/policies", body)["version"]
    problem = shop.owner.refused(f"/policies/{version}/publish", {}, status=422)
    assert "withdrawal_days" in str(problem["errors"])
    assert "MSY m.9/1" in problem["detail"]
    assert shop.owner.get("/policies/current")["version"] != version


def test_s33_two_requests_for_the_last_unit(shop: Shop) -> None:
    """S33: of eight requests at once for the last unit exactly one succeeds; the others say that nothing is left."""
    shop.order("1001")
    client = shop.integrator
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: client.send("POST", "/returns", asked("1001")), range(8)))
    assert sorted(answer.status_code for answer in answers) == [201] + [422] * 7
    assert len(shop.support.items("/returns")) == 1
    refused = next(answer for answer in answers if answer.status_code != 201).json()
    assert refused["errors"][0]["path"] == "lines[0].quantity"


def test_s37_one_bad_line_among_good_ones_refuses_all(shop: Shop) -> None:
    """S37: an unknown and an excess line among valid ones refuse the request with an error each; nothing is written."""
    shop.order("1001", shop.line("1"), shop.line("2"))
    body = asked("1001", want("1"), want("9"), want("2", 2))
    problem = shop.integrator.refused("/returns", body, status=422)
    assert [error["path"] for error in problem["errors"]] == ["lines[1].order_line_id", "lines[2].quantity"]
    assert shop.support.items("/returns") == []
    assert shop.file("1001", want("1"), want("2"))["state"] == "awaiting_parcel"


def test_r21_a_free_order_has_no_refund(shop: Shop) -> None:
    """R21: a free order offers no refund; the return ends without one and an attempt by hand is refused."""
    shop.order("1001", shop.line("1", price="0.00"), payments=[])
    filed = shop.file("1001")
    assert filed["refund"]["total"]["amount"] == "0.00"
    shop.receive(filed)
    shop.inspect(filed)
    ended = shop.show(filed)
    assert (ended["refunds"], ended["state"], ended["lines"][0]["settled"]) == ([], "awaiting_feedback", 1)
    part = {"kind": "goods", "order_line_id": "1", "amount": shop.money("1.00")}
    by_hand = {"components": [part], "reason": "free"}
    assert shop.support.send("POST", "/orders/1001/refunds", by_hand).status_code in (409, 422)
