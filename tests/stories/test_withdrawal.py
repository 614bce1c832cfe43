"""Withdrawals: in time, too late, and what the customer is told on the way."""

from __future__ import annotations

from typing import Any

from tests.support.shop import Shop, asked, codes, want
from tests.support.snapshots import Json


def test_withdrawal_in_time_is_paid_back_and_ends_with_feedback(shop: Shop) -> None:
    """A withdrawal inside the window goes from filing over label, receipt and refund to feedback and is closed."""
    shop.order("1001", shop.line("1", quantity=2), shop.line("2", price="50.00"), shipping="29.90")
    filed = shop.file("1001", want("1"))
    assert (filed["state"], filed["lines"][0]["last_day"]) == ("awaiting_parcel", "2026-03-12")
    customer = shop.customer(filed)
    parcel = customer.post(f"/returns/{filed['id']}/parcels", {"direction": "inbound", "method": "drop_off_code"})
    shop.settle()
    ready = customer.get(f"/returns/{filed['id']}")["parcels"][0]
    assert ready["state"] == "label_ready"
    label = customer.send("GET", f"/returns/{filed['id']}/parcels/{parcel['id']}/label.pdf")
    assert label.content.startswith(b"%PDF")
    shop.tell(parcel, "handed_over")
    assert shop.show(filed)["state"] == "in_transit"
    shop.tell(parcel, "delivered")
    assert shop.show(filed)["state"] == "arrived"
    assert shop.receive(filed)["state"] == "inspecting"
    judged = shop.inspect(filed)
    assert judged["state"] == "settling"
    [refund] = shop.refunds(filed)
    assert (refund["state"], refund["total"]["amount"]) == ("proposed", "100.00")
    shop.approve(refund)
    paid = shop.refund(refund)
    assert paid["state"] == "succeeded"
    assert paid["transfers"][0]["provider_reference"]
    settled = shop.show(filed)
    assert settled["state"] == "awaiting_feedback"
    assert settled["lines"][0]["settled"] == 1
    thanks = customer.post(f"/returns/{filed['id']}/feedback", {"score": 5, "comment": "Çok hızlı, teşekkürler!"})
    assert thanks["state"] == "closed"
    assert customer.refused(f"/returns/{filed['id']}/feedback", {"score": 1})["code"]
    told = [one for one in shop.events(filed) if not one.startswith("message.")]  # mails leave when they do
    assert told[0] == "return.requested"
    assert told[-1] in ("return.closed", "feedback.received")
    assert [name for name in told if name.startswith("refund.")] == [
        "refund.proposed",
        "refund.approved",
        "refund.sending",
        "refund.succeeded",
    ]


def test_one_day_late_is_refused_with_the_last_day(shop: Shop) -> None:
    """On the last day a withdrawal is accepted; one day later it is refused and the last day is named."""
    shop.order("1001", shop.line("1", quantity=2, tags=["final-sale"]))
    shop.advance("P10D")
    in_time = shop.file("1001")
    assert in_time["state"] == "awaiting_parcel"
    shop.advance("P1D")
    late = shop.file("1001")
    [line] = late["lines"]
    assert (late["state"], line["decision"], line["last_day"]) == ("declined", "refused", "2026-03-12")
    assert "12 March 2026" in line["reasons"][0]["text"]
    assert codes(line)
    assert "12 Mart 2026" in shop.customer(late).get(f"/returns/{late['id']}")["lines"][0]["reasons"][0]["text"]
    assert shop.show(late)["refunds"] == []


def declare(shop: Shop, number: str, **typed: Any) -> Json:
    """Declare a withdrawal in two steps, without a key; the receipt."""
    wish = {"name": "Ayşe Yılmaz", "order_number": number, "electronic_address": "ayse@example.com"} | typed
    at = f"/stores/{shop.slug}/withdrawals"
    token = shop.stranger.post(at, wish)["token"]
    receipt: Json = shop.stranger.post(f"{at}/{token}/confirm")
    return receipt


def test_s30_a_withdrawal_declared_twice_without_a_reason_or_for_an_unknown_order(shop: Shop) -> None:
    """S30: twice is one record and one receipt by mail; no reason is needed; an unknown order is answered the same."""
    shop.order("1001", shop.line("1", quantity=2))
    known = declare(shop, "1001")
    again = declare(shop, "1001")
    assert set(known) == set(again)
    unknown = declare(shop, "9999")
    assert set(unknown) == set(known)
    shop.advance("PT1M")
    records = shop.support.items("/withdrawals")
    assert sorted(record["order_number"] for record in records) == ["1001", "9999"]
    assert [record["state"] for record in records if record["order_number"] == "9999"] == ["unmatched"]
    told = shop.outbox("withdrawal_acknowledged")
    assert len([message for message in told if "1001" in message["text"]]) == 1
    [case] = shop.support.items("/returns")
    assert (case["order_number"], case["kind"]) == ("1001", "withdrawal")
    other = declare(shop, "1001", lines=[{"line": "1", "quantity": 1}])
    assert set(other) == set(known)
    assert len(shop.support.items("/withdrawals")) == 3


def test_a_whole_order_of_which_a_part_has_come_is_withdrawn_whole(shop: Shop) -> None:
    """One of three has come: without lines all are withdrawn, what is here comes back, the rest is not awaited."""
    came = {"id": "d1", "delivered_at": "2026-02-26T14:00:00+03:00", "lines": [{"id": "1", "quantity": 1}]}
    sent = {"id": "d2", "shipped_at": "2026-03-01T14:00:00+03:00", "lines": [{"id": "1", "quantity": 2}]}
    for number in ("1001", "1002"):
        shop.order(number, shop.line("1", quantity=3), deliveries=[came, sent])
    declare(shop, "1001")
    [kept] = shop.support.items("/withdrawals")
    filed = shop.support.get(f"/returns/{kept['return_id']}")
    whole = [(1, 1), (2, 0)]
    assert [(line["requested"], line["expected"]) for line in filed["lines"]] == whole
    [option] = [
        one for one in shop.integrator.get("/orders/1002")["lines"][0]["options"] if one["kind"] == "withdrawal"
    ]
    assert option["quantity"] == 3
    quoted = shop.integrator.post("/returns/quote", asked("1002", want("1", 3)))
    assert [line["quantity"] for line in quoted["lines"]] == [1, 2]
    more = shop.integrator.refused("/returns", asked("1002", want("1", 4)), status=422)
    assert [(one["path"], one["message"]) for one in more["errors"]] == [
        ("lines[0].quantity", "At most 3 of this item can be returned.")
    ]
    desk = shop.file("1002", want("1", 3), method=None)
    assert [(line["requested"], line["expected"]) for line in desk["lines"]] == whole


def test_the_law_counts_from_the_goods_where_no_carrier_spoke(shop: Shop) -> None:
    """Goods that are handed in without a carrier's word start the legal clock of the refund when they are received."""
    shop.order("1001", shop.line("1", quantity=2))
    filed = shop.file("1001", want("1", 2), method="in_store")
    shop.advance("P3D")
    shop.receive(filed, scan_id="counter")
    shop.inspect(filed)
    [refund] = shop.refunds(filed)
    assert refund["due"]["legal"] == "2026-03-19"
    assert refund["due"]["article"]
    shop.warehouse.delete("/receipts/counter")
    shop.advance("P1D")
    shop.receive(filed)
    shop.inspect(filed)
    assert shop.refunds(filed)[-1]["due"]["legal"] == "2026-03-20"
