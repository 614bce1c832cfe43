"""Every line of a refund: points, delivery by tariff, wrongly charged shipping, fees, tenders, currencies, refusals."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.shop import ORDERED, OpenShop, Shop, want
from tests.support.snapshots import Json


def accepted(shop: Shop, number: str, *lines: Json) -> Json:
    """The one refund of a return whose goods came and are good."""
    filed = shop.file(number, *lines)
    shop.receive(filed)
    shop.inspect(filed)
    [refund] = shop.refunds(filed)
    return refund


def by_hand(shop: Shop, number: str, *parts: Json, reason: str = "Kargo yanlış alındı") -> Json:
    """Money without goods, proposed by support."""
    answer: Json = shop.support.post(f"/orders/{number}/refunds", {"components": list(parts), "reason": reason})
    return answer


def kinds(refund: Json) -> list[tuple[str, str]]:
    """What each line of the computation is for, and how much it is."""
    return [(part["kind"], part["gross"]["amount"]) for part in refund["components"]]


def test_earned_points_are_told_of_and_spent_ones_go_back_as_points(shop: Shop) -> None:
    """MON-14: floor(share) of the earned points is for the shop to take back, in the end all; paid points return."""
    both = {"provider": "offline", "captured_at": ORDERED}
    payments = [
        {"id": "card", "tender": "card", "reference": "pi_1", "captured": shop.money("240.00")} | both,
        {"id": "points", "tender": "points", "reference": "p_1", "captured": shop.money("60.00")} | both,
    ]
    shop.order("1001", shop.line("1", quantity=3), payments=payments, points_earned=100)
    quoted = shop.integrator.post("/returns/quote", {"order_number": "1001", "lines": [want("1")]})
    assert quoted["refund"]["points"] == 33
    first = accepted(shop, "1001", want("1"))
    shop.approve(first)
    second = accepted(shop, "1001", want("1", 2))
    shop.approve(second)
    assert [(one["points"], one["total"]["amount"]) for one in (first, second)] == [(33, "100.00"), (67, "200.00")]
    back = [(t["tender"], t["amount"]["amount"]) for one in (first, second) for t in one["transfers"]]
    assert back == [("card", "80.00"), ("points", "20.00"), ("card", "160.00"), ("points", "40.00")]
    events = [e for one in (first, second) for e in shop.support.items(f"/returns/{one['return_id']}/events")]
    told = [{"id": e["data"]["id"], "points": e["data"]["points"]} for e in events if e["type"] == "refund.points_due"]
    assert told == [{"id": first["id"], "points": 33}, {"id": second["id"], "points": 67}]


def test_gift_wrap_goes_back_with_its_item_and_instalments_in_one_go(shop: Shop) -> None:
    """MON-15: the wrap of one of two shirts comes back with it, on the card of six instalments at once."""
    wrap = {"kind": "gift_wrap", "amount": shop.money("15.01"), "tax_rate": "20", "line": "1"}
    paid = {"tender": "card_instalments", "captured": shop.money("315.01")}
    bought = shop.line("1", quantity=2), shop.line("2")
    shop.order("1001", *bought, fees=[wrap], payment=paid, total=shop.money("315.01"))
    first = accepted(shop, "1001", want("1"))
    assert kinds(first) == [("goods", "100.00"), ("paid_fee", "7.51")]
    assert [t["amount"]["amount"] for t in first["transfers"]] == ["107.51"]
    shop.approve(first)
    second = accepted(shop, "1001", want("1"), want("2"))
    assert kinds(second) == [("goods", "100.00"), ("goods", "100.00"), ("paid_fee", "7.50")]
    assert shop.integrator.get("/orders/1001")["fees"] == [wrap | {"tax": None}]


def test_delivery_goes_back_by_the_tariff_for_what_stays(open_shop: OpenShop) -> None:
    """Marginal: of 49.90 what the rest would have cost stays paid; a policy without a tariff is refused by its path."""
    tariff = [{"from_value": "0.00", "price": "19.90"}, {"from_value": "150.00", "price": "49.90"}]
    shop = open_shop(policy={"refunds": {"shipping": "marginal", "shipping_tariff": tariff}})
    shop.order("1001", shop.line("1", quantity=3), shipping="49.90")
    first = accepted(shop, "1001", want("1"))
    assert kinds(first) == [("goods", "100.00")]
    shop.approve(first)
    second = accepted(shop, "1001", want("1"))
    assert kinds(second) == [("goods", "100.00"), ("shipping", "30.00")]
    shop.approve(second)
    third = accepted(shop, "1001", want("1"))
    assert kinds(third) == [("goods", "100.00"), ("shipping", "19.90")]
    body = shop.owner.get("/policies/current")["policy"]
    body["refunds"].pop("shipping_tariff")
    wrong = shop.owner.refused("/policies", body, status=422)
    assert [(fault["path"], fault["code"]) for fault in wrong["errors"]] == [("refunds.shipping_tariff", "missing")]


def test_wrongly_charged_shipping_goes_back_on_its_own_and_only_once(shop: Shop) -> None:
    """A part of the delivery charge goes back for a reason; the full return later brings the rest and no more."""
    shop.order("1001", shipping="29.90")
    part = by_hand(shop, "1001", {"kind": "shipping", "amount": shop.money("10.00")})
    assert (kinds(part), part["components"][0]["why"]) == ([("shipping", "10.00")], "Kargo yanlış alındı")
    shop.approve(part)
    above = {"components": [{"kind": "shipping", "amount": shop.money("20.00")}], "reason": "Daha fazla"}
    assert shop.support.refused("/orders/1001/refunds", above)["code"] == "above_remaining"
    whole = accepted(shop, "1001")
    assert kinds(whole) == [("goods", "100.00"), ("shipping", "19.90")]
    taxes = [float(p["tax"]["amount"]) for p in (*part["components"], *whole["components"])]
    assert round(sum(taxes), 2) == round(129.90 / 6, 2)
    shop.approve(whole)
    rest = shop.support.refused("/orders/1001/refunds", {"components": [{"kind": "shipping"}], "reason": "Yine"})
    assert rest["code"] == "nothing_to_refund"


def test_what_cannot_be_refunded_is_refused_with_its_reason(shop: Shop) -> None:
    """Above what is left (in words of the reader), negative, another currency, an unknown line, nothing captured."""
    shop.order("1001")
    held = {"authorised": shop.money("100.00"), "captured": shop.money("0.00"), "captured_at": None}
    shop.order("1002", payment=held)

    def asked(number: str, status: int, **part: Any) -> Any:
        body = {"components": [{"kind": "goods", "order_line_id": "1"} | part], "reason": "Deneme"}
        return shop.support.refused(f"/orders/{number}/refunds", body, status=status, headers={"Accept-Language": "tr"})

    above = asked("1001", 409, amount=shop.money("100.01"))
    assert (above["code"], above["reasons"][0]["text"]) == ("above_remaining", above["detail"])
    assert above["detail"] == "₺100,01 istendi; bu kalemden geriye ₺100,00 kaldı."
    assert asked("1002", 409)["code"] == "not_captured"
    wrong: dict[tuple[str, str], Json] = {
        ("components[0].amount", "not_positive"): {"amount": shop.money("0.00")},
        ("components[0].amount.amount", "negative"): {"amount": shop.money("-1.00")},
        ("components[0].amount.currency", "currency"): {"amount": {"amount": "1.00", "currency": "EUR"}},
        ("components[0].amount.amount", "decimals"): {"amount": shop.money("1.005")},
        ("components[0].order_line_id", "unknown_line"): {"order_line_id": "9"},
    }
    found = {}
    for key, part in wrong.items():
        [fault] = asked("1001", 422, **part)["errors"]
        found[key] = (fault["path"], fault["code"])
    assert found == {key: key for key in wrong}


def test_goodwill_waits_for_an_account_without_a_return(shop: Shop) -> None:
    """Money outside the cap goes by transfer: the proposal takes an account at once, or the refund waits for one."""
    shop.order("1001")
    refund = by_hand(shop, "1001", {"kind": "goodwill", "amount": shop.money("25.00")}, reason="Gecikme için")
    shop.approve(refund)
    assert shop.refund(refund)["state"] == "awaiting_payout"
    account = {"iban": "TR330006100519786457841326", "holder": "Ayşe Yılmaz"}
    shop.support.post(f"/refunds/{refund['id']}/payout", account)
    shop.settle()
    assert shop.refund(refund)["state"] == "succeeded"
    body = {"components": [{"kind": "goodwill", "amount": shop.money("5.00")}], "reason": "Özür", "payout": account}
    second = shop.support.post("/orders/1001/refunds", body)
    shop.approve(second)
    assert shop.refund(second)["state"] == "succeeded"
    paper = {"kind": "credit_note", "number": "GIB2026000000017", "date": "2026-03-02"}
    written = shop.finance.send("PATCH", f"/refunds/{second['id']}", {"tax_document": paper})
    assert (written.status_code, shop.refund(second)["tax_document"]) == (200, paper)


@pytest.mark.parametrize(
    ("currency", "price", "off", "fee", "paid", "totals"),
    [
        ("JPY", "400", "200", "100", "1100", ["334", "766"]),
        ("KWD", "4.000", "2.000", "1.500", "11.500", ["3.334", "8.166"]),
    ],
)
def test_currencies_keep_their_own_places(
    open_shop: OpenShop, currency: str, price: str, off: str, fee: str, paid: str, totals: list[str]
) -> None:
    """Yen have no decimals and dinars three: units and delivery go back to the last of them, and no other is taken."""
    shop = open_shop(currency=currency)
    line = shop.line("1", quantity=3, price=price, discount=shop.money(off))
    whole = shop.money(paid)
    shop.order("1001", line, shipping=fee, payment={"captured": whole}, total=whole)
    found = [accepted(shop, "1001", want("1", quantity)) for quantity in (1, 2)]
    assert [one["total"]["amount"] for one in found] == totals
    places = {"components": [{"kind": "goodwill", "amount": shop.money("1.0001")}], "reason": "Özür"}
    [fault] = shop.support.refused("/orders/1001/refunds", places, status=422)["errors"]
    assert fault["code"] == "decimals"
