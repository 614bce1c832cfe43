"""What the customer's link, receiving keys and stale readers get to see and to change."""

from __future__ import annotations

import json

import pytest

from tests.support.shop import Client, Shop, want

SHIRT = {"sku": "TS-BIG", "quantity": 1}


def test_a_customer_sees_their_money_but_not_the_shops_people(shop: Shop) -> None:
    """The link's return tells what is paid back over which tender, and names nobody who proposed, offered, approved."""
    shop.order("1001")
    filed = shop.file("1001")
    offer = f"/returns/{filed['id']}/lines/{filed['lines'][0]['id']}/offer"
    made = shop.support.post(offer, {"price_reduction": {"amount": shop.money("10.00")}})["lines"][0]["offer"]
    assert made["amount"] == shop.money("10.00")
    shop.customer(filed).post(f"{offer}/reject")
    shop.receive(filed)
    shop.inspect(filed)
    shop.approve(shop.refunds(filed)[0])
    seen = shop.customer(filed).get(f"/returns/{filed['id']}")
    [refund], [line] = seen["refunds"], seen["lines"]
    assert (refund["total"], refund["state"]) == (shop.money("100.00"), "succeeded")
    assert (line["offer"]["amount"], line["offer"]["answer"]) == (shop.money("10.00"), "reject")
    assert "key:" not in json.dumps(seen)
    assert f"@{shop.slug}.example" not in json.dumps(seen)


def test_a_receiving_key_sees_no_money(shop: Shop) -> None:
    """Neither the return, nor what it says about exchange goods, shows an amount or an address to the warehouse."""
    shop.product("TS-BIG", "120.00")
    shop.order("1001")
    filed = shop.file("1001", want("1", outcome="exchange", replacement=SHIRT))
    shop.integrator.post(
        f"/returns/{filed['id']}/payments", {"reference": "p1", "amount": shop.money("20.00"), "tender": "card"}
    )
    seen = [shop.warehouse.get(f"/returns/{filed['id']}"), shop.receive(filed), shop.inspect(filed)]
    shop.settle()
    [replacement] = seen[0]["replacements"]
    sent = shop.warehouse.post(f"/replacements/{replacement['id']}/actions/ship", {"tracking": "T-1"})
    assert (sent["state"], sent["tracking"]) == ("shipped", "T-1")
    for view in (*seen, sent):
        assert "TRY" not in json.dumps(view)
        assert "ayse@" not in json.dumps(view)


def stale(client: Client, path: str, body: object = None, *, method: str = "POST") -> int:
    """The status with the ``ETag`` of a version that nobody has."""
    return client.send(method, path, body, headers={"If-Match": '"99"'}).status_code


def test_a_change_to_what_was_read_before_is_412(shop: Shop) -> None:
    """Every change to a return, a parcel or a refund that names another version than the one there writes nothing."""
    shop.order("1001", shop.line("1", quantity=2))
    filed = shop.file("1001", want("1", 2))
    at, line = f"/returns/{filed['id']}", filed["lines"][0]["id"]
    reduction = {"price_reduction": {"percent": "10"}}
    assert stale(shop.integrator, f"{at}/parcels", {"method": "drop_off_code"}) == 412
    assert stale(shop.support, f"{at}/lines/{line}/offer", reduction) == 412
    assert stale(shop.support, f"{at}/lines/{line}/outcome", {"outcome": "store_credit"}) == 412
    assert stale(shop.customer(filed), f"{at}/actions/cancel") == 412
    parcel = shop.integrator.post(f"{at}/parcels", {"method": "drop_off_code"})
    news = {"status": "handed_over", "at": shop.integrator.get("/test-clock")["now"], "source_id": "e1"}
    assert stale(shop.integrator, f"/parcels/{parcel['id']}/events", news) == 412
    assert stale(shop.integrator, f"{at}/parcels/{parcel['id']}", method="DELETE") == 412
    shop.receive(filed)
    judged = {"line_id": line, "quantity": 1, "grade": "A", "disposition": "restock", "verdict": "accept"}
    assert stale(shop.warehouse, f"{at}/inspections", {"lines": [judged]}) == 412
    shop.inspect(filed)
    [refund] = shop.refunds(filed)
    path, total = f"/refunds/{refund['id']}", {"expected_total": refund["total"]}
    assert stale(shop.finance, f"{path}/approve", total) == 412
    assert stale(shop.finance, f"{path}/refuse", {"reason": "no"}) == 412
    fresh = shop.finance.send("GET", path).headers["etag"]
    approved = shop.finance.send("POST", f"{path}/approve", total, headers={"If-Match": fresh})
    assert approved.status_code == 200


@pytest.mark.parametrize("typed", ["ayse@example.com", "AYSE@Example.com "])
def test_returns_are_found_by_an_address_in_any_spelling(shop: Shop, typed: str) -> None:
    """The e-mail that a customer gave finds the return, whoever wrote which letters as capitals."""
    shop.order("1001")
    filed = shop.file("1001", contact={"email": "Ayse@Example.COM"})
    assert [found["id"] for found in shop.support.items("/returns", email=typed)] == [filed["id"]]
    assert [found["id"] for found in shop.support.items("/returns", q=typed)] == [filed["id"]]


def test_money_without_goods_is_stated_as_a_component_shows_it(shop: Shop) -> None:
    """A component is proposed by its ``gross``, as a refund shows it, or by ``amount``; both at once are 422."""
    shop.order("1001", shipping="29.90")
    part = {"kind": "shipping", "gross": shop.money("12.00")}
    asked = {"components": [part], "reason": "late"}
    refund = shop.support.post("/orders/1001/refunds", asked)
    assert [(one["kind"], one["gross"]) for one in refund["components"]] == [("shipping", shop.money("12.00"))]
    asked["components"] = [part | {"amount": shop.money("12.00")}]
    problem = shop.support.refused("/orders/1001/refunds", asked, status=422)
    assert [error["path"] for error in problem["errors"]] == ["components[0].amount"]


def test_evidence_answers_the_id_that_an_inspection_names(shop: Shop) -> None:
    """What an upload answers as ``id`` is the file's id."""
    shop.order("1001")
    filed = shop.file("1001")
    form = {"files": {"file": ("slip.pdf", b"%PDF-1.4\n%%EOF", "application/pdf")}, "data": {"kind": "other"}}
    added = shop.support.post(f"/returns/{filed['id']}/evidence", **form)
    assert added["id"] == added["evidence"]["id"]
    assert [one["id"] for one in shop.support.items(f"/returns/{filed['id']}/evidence")] == [added["id"]]
