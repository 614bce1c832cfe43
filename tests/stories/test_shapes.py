"""What the program answers along one story, held against the shapes of the OpenAPI document."""

from __future__ import annotations

from typing import Any

import msgspec

from rma.api import shapes
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
    same(shop.send(filed), shapes.Parcel)
    receipt = shop.receive(filed, unexpected=[{"description": "a mug"}])
    same(receipt, shapes.Receipt)
    same(shop.inspect(filed), shapes.Inspected)
    shop.support.post(
        f"/returns/{filed['id']}/lines/{filed['lines'][0]['id']}/offer", {"price_reduction": {"percent": "5"}}
    )
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
