"""Damaged on arrival: photos of the customer and of the warehouse, what they open, and what is never a condition."""

from __future__ import annotations

import io
import zipfile
from typing import Any

from tests.support.desk import photo
from tests.support.shop import Client, OpenShop, Shop, want
from tests.support.snapshots import Json


def damaged(shop: Shop, number: str = "1001", **more: Any) -> Json:
    """A return of a shirt that arrived damaged."""
    shop.order(number, shop.line("1", quantity=2))
    return shop.file(number, want("1", kind="damaged", reason="damaged", damage="visible", **more))


def show_photo(who: Client, filed: Json, **form: str) -> Json:
    """Send a photo of the damage."""
    file = {"file": ("hasar.jpg", photo(), "image/jpeg")}
    answer: Json = who.post(f"/returns/{filed['id']}/evidence", data={"kind": "photo", **form}, files=file)
    return answer


def test_damage_shown_by_photos_is_paid_back(shop: Shop) -> None:
    """A damage waits for a photo; with it the case goes on, the warehouse adds its own, and the money goes back."""
    filed = damaged(shop, note="Kutu ezik geldi")
    assert (filed["state"], filed["waits_for"]) == ("awaiting_evidence", "customer")
    assert filed["lines"][0]["evidence"]["kinds"] == ["photo"]
    customer = shop.customer(filed)
    added = show_photo(customer, filed, line=filed["lines"][0]["id"], note="Sağ üst köşe")
    assert (added["state"], added["evidence"]["by"]) == ("awaiting_parcel", "customer")
    report = customer.send("GET", f"/returns/{filed['id']}/damage-report.pdf")
    assert report.content.startswith(b"%PDF")
    shop.send(filed)
    shop.receive(filed)
    judged = {"line_id": filed["lines"][0]["id"], "quantity": 1, "grade": "D", "disposition": "return_to_vendor"}
    judged |= {"verdict": "accept"}
    blind = shop.warehouse.refused(f"/returns/{filed['id']}/inspections", {"lines": [judged]}, status=422)
    assert blind["errors"][0]["path"] == "lines[0].evidence_ids"
    own = show_photo(shop.warehouse, filed, note="Depoda çekildi")["evidence"]["id"]
    shop.inspect(filed, grade="D", disposition="return_to_vendor", evidence_ids=[own])
    [refund] = shop.refunds(filed)
    assert refund["total"]["amount"] == "100.00"
    shop.approve(refund)
    assert shop.show(filed)["state"] == "awaiting_feedback"
    pack = shop.support.send("GET", f"/returns/{filed['id']}/evidence-pack.zip")
    names = zipfile.ZipFile(io.BytesIO(pack.content)).namelist()
    assert {"manifest.json", "summary.pdf"} <= set(names)
    assert any(name.endswith(".jpg") for name in names)
    assert {"return.evidence_requested", "return.evidence_added"} <= set(shop.events(filed))


def test_a_right_by_law_does_not_hang_on_a_photo(shop: Shop) -> None:
    """Nobody sends a photo: the customer is reminded, then a person looks, who may go on without it."""
    filed = damaged(shop)
    shop.advance("P4D")
    assert "deadline.warned" in shop.events(filed)
    shop.advance("P4D")
    assert shop.show(filed)["state"] == "in_review"
    assert shop.support.post(f"/returns/{filed['id']}/actions/approve")["state"] == "awaiting_parcel"


def test_a_price_reduction_waits_for_its_amount_however_it_was_chosen(shop: Shop) -> None:
    """Filed so or changed to it, the goods stay and the case waits until an amount is offered, taken and paid."""
    for number, outcome in (("1001", "price_reduction"), ("1002", "refund")):
        filed = damaged(shop, number, outcome=outcome)
        at = f"/returns/{filed['id']}/lines/{filed['lines'][0]['id']}"
        customer = shop.customer(filed)
        show_photo(customer, filed)
        if outcome == "refund":
            assert shop.show(filed)["state"] == "awaiting_parcel"
            customer.post(f"{at}/outcome", {"outcome": "price_reduction"})
        waits = shop.show(filed)
        line = waits["lines"][0]
        assert (waits["state"], waits["refunds"]) == ("settling", [])
        assert (line["expected"], line["accepted"], line["goods_come_back"]) == (0, 1, False)
        assert [way["method"] for way in line["methods"]] == ["none"]
        shop.support.post(f"{at}/offer", {"price_reduction": {"percent": "30"}})
        [refund] = customer.post(f"{at}/offer/accept")["refunds"]
        assert refund["total"]["amount"] == "30.00"
        shop.approve(refund)
        assert shop.show(filed)["state"] == "awaiting_feedback"


def test_money_back_in_place_of_a_price_reduction_wants_the_goods(shop: Shop) -> None:
    """Filed to be kept for less and changed to a refund, the goods are awaited, by the ways that such goods have."""
    filed = damaged(shop, outcome="price_reduction")
    customer = shop.customer(filed)
    changed = customer.post(f"/returns/{filed['id']}/lines/{filed['lines'][0]['id']}/outcome", {"outcome": "refund"})
    assert (changed["lines"][0]["expected"], changed["lines"][0]["goods_come_back"]) == (1, True)
    show_photo(customer, filed)
    assert shop.show(filed)["state"] == "awaiting_parcel"
    shop.send(filed)
    shop.receive(filed)
    assert shop.refunds(filed) == []


def test_who_waits_for_the_amount_of_a_reduction_may_choose_anew(shop: Shop) -> None:
    """Until an amount is agreed (api.md; Law 6502 art. 11/1): the goods are awaited with their whole time and paid."""
    filed = damaged(shop, outcome="price_reduction")
    customer, line = shop.customer(filed), filed["lines"][0]["id"]
    at = f"/returns/{filed['id']}/lines/{line}"
    show_photo(customer, filed)
    shop.support.post(f"{at}/offer", {"price_reduction": {"percent": "5"}})
    customer.post(f"{at}/offer/reject")
    shop.advance("P30D")
    same = customer.post(f"{at}/outcome", {"outcome": "price_reduction"})
    assert (same["state"], same["lines"][0]["accepted"]) == ("settling", 1)
    changed = customer.post(f"{at}/outcome", {"outcome": "refund"})
    told = changed["lines"][0]
    assert (changed["state"], changed["waits_for"]) == ("awaiting_parcel", "customer")
    assert (told["expected"], told["accepted"], told["goods_come_back"]) == (1, 0, True)
    shop.advance("P8D")
    assert shop.show(filed)["state"] == "awaiting_parcel", "the time to send begins with the choice"
    shop.send(filed)
    shop.receive(filed)
    shop.inspect(filed)
    [refund] = shop.refunds(filed)
    assert refund["total"]["amount"] == "100.00"
    shop.approve(refund)
    assert shop.show(filed)["state"] == "awaiting_feedback"


def test_an_agreed_reduction_binds_and_an_open_one_is_chosen_anew_beside_other_goods(open_shop: OpenShop) -> None:
    """Who took the amount is bound by it; a line that waits for one may change beside others, or be kept and paid."""
    shop = open_shop(policy={"returns": {"keep_item_below": "40.00"}})
    filed = damaged(shop, outcome="price_reduction")
    at = f"/returns/{filed['id']}/lines/{filed['lines'][0]['id']}"
    customer = shop.customer(filed)
    show_photo(customer, filed)
    shop.support.post(f"{at}/offer", {"price_reduction": {"percent": "30"}})
    customer.post(f"{at}/offer/accept")
    assert customer.refused(f"{at}/outcome", {"outcome": "refund"})["code"] == "reduction_agreed"
    order = shop.order("1002", shop.line("1", quantity=2), shop.line("2", price="50.00"))
    mixed = shop.file(
        order["number"], want("1", kind="damaged", reason="damaged", outcome="price_reduction"), want("2")
    )
    show_photo(shop.customer(mixed), mixed)
    assert [line["accepted"] for line in shop.show(mixed)["lines"]] == [1, 0]
    both = shop.customer(mixed).post(
        f"/returns/{mixed['id']}/lines/{mixed['lines'][0]['id']}/outcome", {"outcome": "refund"}
    )
    assert [line["expected"] for line in both["lines"]] == [1, 1]
    shop.receive(mixed, {"1": 1, "2": 1})
    shop.inspect(mixed, {"1": 1, "2": 1})
    assert sum(float(one["total"]["amount"]) for one in shop.refunds(mixed)) == 150.0
    shop.order("1003", shop.line("1", price="30.00"))
    cheap = shop.file("1003", want("1", kind="damaged", reason="damaged", outcome="price_reduction"))
    show_photo(shop.customer(cheap), cheap)
    kept = shop.customer(cheap).post(
        f"/returns/{cheap['id']}/lines/{cheap['lines'][0]['id']}/outcome", {"outcome": "refund"}
    )
    assert (kept["state"], kept["lines"][0]["expected"], kept["lines"][0]["accepted"]) == ("settling", 0, 1)
    assert [refund["total"]["amount"] for refund in kept["refunds"]] == ["30.00"]


def test_a_damaged_thing_may_be_kept_for_less(shop: Shop) -> None:
    """The store offers a price reduction, the customer takes it: the goods stay and the reduction is paid."""
    filed = damaged(shop, outcome="refund")
    show_photo(shop.customer(filed), filed)
    line = filed["lines"][0]["id"]
    at = f"/returns/{filed['id']}/lines/{line}/offer"
    shop.support.post(at, {"price_reduction": {"percent": "30"}})
    taken = shop.customer(filed).post(f"{at}/accept")
    assert taken["lines"][0]["outcome"] == "price_reduction"
    assert taken["lines"][0]["expected"] == 0
    [refund] = taken["refunds"]
    assert (refund["total"]["amount"], refund["components"][0]["kind"]) == ("30.00", "price_reduction")
    shop.approve(refund)
    ended = shop.show(filed)
    assert ended["state"] == "awaiting_feedback"
    left = shop.integrator.post("/returns/quote", {"order_number": "1001", "lines": [want("1", 2)]})
    assert left["refund"]["total"]["amount"] == "170.00"
