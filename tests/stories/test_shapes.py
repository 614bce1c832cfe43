"""What the program answers along one story, held against the shapes of the OpenAPI document."""

from __future__ import annotations

from typing import Any

import msgspec

from rma.api import shapes
from rma.services.returns import FeedbackGiven
from rma.services.unannounced import UnexpectedView
from tests.support.shop import Shop, want


def same(answer: Any, shape: type[msgspec.Struct]) -> None:
    """The answer reads as this shape and has no field besides; fields that only some callers see may be missing."""
    plain = msgspec.to_builtins(msgspec.convert(answer, shape))
    assert list(_paths(plain)) == list(_paths(answer))


def _paths(value: Any, at: str = "") -> list[str]:
    if isinstance(value, dict):
        return sorted(path for name, part in value.items() for path in _paths(part, f"{at}.{name}"))
    if isinstance(value, (list, tuple)):
        return [path for part in value for path in _paths(part, f"{at}[]")] or [at]
    return [at]


def test_answers_have_the_shapes_of_the_document(shop: Shop) -> None:
    """From the quote to the replacement, and the clock, everything answers what the document says."""
    shop.product("TS-BIG", "100.00")
    shop.order("1001", shop.line("1", quantity=2), shop.line("2"))
    lines = [want("1", 2), want("2", outcome="exchange", replacement={"sku": "TS-BIG", "quantity": 1})]
    asked = {"order_number": "1001", "kind": "withdrawal", "lines": lines, "method": "drop_off_code"}
    same(shop.integrator.post("/returns/quote", asked), shapes.Quote)
    filed = shop.file("1001", *lines)
    same(filed, shapes.Filed)
    shop.support.post(
        f"/returns/{filed['id']}/lines/{filed['lines'][0]['id']}/offer", {"price_reduction": {"percent": "5"}}
    )
    same(shop.send(filed), shapes.Parcel)
    receipt = shop.receive(filed, unexpected=[{"description": "a mug"}])
    same(receipt, shapes.Receipt)
    same(shop.inspect(filed), shapes.Inspected)
    shop.settle()
    for view in (shop.show(filed), shop.customer(filed).get(f"/returns/{filed['id']}")):
        same(view, shapes.Return)
    same(shop.warehouse.get(f"/returns/{filed['id']}"), shapes.Return)
    [refund] = shop.refunds(filed)
    same(shop.approve(refund), shapes.Refund)
    [row] = shop.support.items("/returns")
    same(row, shapes.Row)
    [replacement] = shop.show(filed)["replacements"]
    same(shop.warehouse.post(f"/replacements/{replacement['id']}/actions/ship"), shapes.Replacement)
    same(shop.integrator.get("/test-clock"), shapes.Clock)
    same(shop.advance("P1D"), shapes.Clock)


def test_what_is_on_the_shelf_has_its_shape_and_version(shop: Shop) -> None:
    """Unknown parcels and strange things answer their shape, their version as ETag, and 412 to a stale reader."""
    shop.order("1001", shop.line("1", quantity=2))
    filed = shop.file("1001", want("1", 2))
    line = filed["lines"][0]["id"]
    boxed = {"sku": "X", "quantity": 1}
    first, second = shop.receive(filed, {"1": 1}, unexpected=[boxed, boxed])["unexpected"]
    parcels = [shop.warehouse.post("/receipts/unknown", {"shelf": "A1", "skus": ["X"]}) for _ in range(2)]
    same(parcels[0], UnexpectedView)
    assert shop.warehouse.items("/receipts/unknown") == parcels
    asked = [
        (f"/receipts/unknown/{parcels[0]['id']}/match", {"return_id": filed["id"]}),
        (f"/unexpected/{first['id']}/match", {"return_id": filed["id"], "line_id": line}),
        (f"/unexpected/{second['id']}/dispose", {"disposition": "donate"}),
    ]
    for path, body in asked:
        stale = shop.warehouse.send("POST", path, body, headers={"If-Match": '"2"'})
        done = shop.warehouse.send("POST", path, body, headers={"If-Match": '"1"'})
        assert (stale.status_code, done.status_code, done.headers["etag"]) == (412, 200, '"2"'), done.text
        same(done.json(), UnexpectedView)


def test_every_change_answers_the_version_that_is_changed_next(shop: Shop) -> None:
    """Receipts, payments, feedback and voided parcels answer an ETag, and their shape."""
    shop.product("TS-BIG", "120.00")
    shop.order("1001", shop.line("1"), shop.line("2"))
    exchange = {"sku": "TS-BIG", "quantity": 1}
    filed = shop.file("1001", want("1"), want("2", outcome="exchange", replacement=exchange))
    at = f"/returns/{filed['id']}"
    paid = {"reference": "p1", "amount": shop.money("20.00"), "tender": "card"}
    answer = shop.integrator.send("POST", f"{at}/payments", paid)
    same(answer.json(), shapes.Paid)
    assert answer.headers["etag"] == shop.support.send("GET", at).headers["etag"]
    parcel = shop.integrator.post(f"{at}/parcels", {"method": "drop_off_code"})
    voided = shop.integrator.send("DELETE", f"{at}/parcels/{parcel['id']}")
    assert voided.headers["etag"] == f'"{voided.json()["version"]}"'
    came = shop.receive(filed)
    undone = shop.warehouse.send("DELETE", f"/receipts/{came['scan_id']}")
    same(undone.json(), shapes.Counted)
    assert undone.headers["etag"] == shop.support.send("GET", at).headers["etag"]
    shop.receive(filed)
    shop.inspect(filed)
    shop.settle()
    shop.approve(shop.refunds(filed)[0])
    [replacement] = shop.show(filed)["replacements"]
    for trigger in ("ship", "deliver"):
        shop.warehouse.post(f"/replacements/{replacement['id']}/actions/{trigger}")
    shop.settle()
    given = shop.customer(filed).send("POST", f"{at}/feedback", {"score": 5})
    same(given.json(), FeedbackGiven)
    assert given.headers["etag"] == shop.support.send("GET", at).headers["etag"]
