"""Products over HTTP."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
import sqlalchemy as sa

from rma.db import tables
from rma.services.products import ProductView
from tests.support.snapshots import money, ndjson

if TYPE_CHECKING:
    from tests.api.conftest import Api, Headers

_products = tables.table(tables.Product)


def _product(**more: Any) -> dict[str, Any]:
    return {"name": "Kırmızı tişört L", "category": "apparel", "price": money("100.00"), "tax_rate": "20"} | more


@pytest.fixture
def keys(api: Api) -> Headers:
    """A key that reads and writes the catalogue."""
    return api.key("orders:read", "orders:write")


def _put(api: Api, keys: Headers, sku: str = "TS-L", **more: Any) -> Any:
    return api.client.put(f"/api/v1/products/{sku}", json=_product(**more), headers=keys)


def test_a_product_is_taken_and_shown(api: Api, keys: Headers) -> None:
    """A new product is 201 with everything that was sent, by the documented schema, and is found again."""
    sent: dict[str, Any] = {
        "gtin": "4006381333931",
        "variant_of": "TS",
        "attributes": {"size": "L", "stretch": True, "grams": 180},
    }
    sent |= {"image_url": "https://shop.example/ts.jpg", "bin": "A-01-3", "stock": 5}
    made = _put(api, keys, **sent)
    assert (made.status_code, made.headers["etag"]) == (201, '"1"'), made.text
    shown = made.json()
    assert sent.items() <= shown.items()
    assert (shown["price"], shown["reserved"], shown["available"]) == (money("100.00"), 0, 5)
    assert api.get("/products/TS-L", keys).json() == shown
    msgspec.convert(shown, ProductView)


def test_the_row_holds_what_exchanges_read(api: Api, keys: Headers) -> None:
    """Settling reads the price in minor units and its currency from the row."""
    _put(api, keys)
    with api.services.database.read() as work:
        doc = work.conn.execute(sa.select(_products.c.doc)).scalar_one()
    assert (doc["price_minor"], doc["currency"], doc["tax_rate"], doc["category"]) == (10000, "TRY", "20", "apparel")


def test_the_same_again_changes_nothing_and_stock_stays(api: Api, keys: Headers) -> None:
    """A repetition keeps the version; a snapshot without stock keeps it, null takes the limit away."""
    _put(api, keys, stock=5)
    again = _put(api, keys)
    assert (again.status_code, again.headers["etag"], again.json()["stock"]) == (200, '"1"', 5)
    unlimited = _put(api, keys, stock=None).json()
    assert (unlimited["stock"], unlimited["available"], unlimited["version"]) == (None, None, 2)
    assert _put(api, keys, bin="B").json()["bin"] == "B"
    assert _put(api, keys).json()["bin"] is None


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"price": money("100.00", "EUR")}, "price.currency"),
        ({"price": money("100.0")}, "price.amount"),
        ({"price": money("-1.00")}, "price.amount"),
        ({"price": 100}, "price"),
        ({"tax_rate": "200"}, "tax_rate"),
        ({"tax_rate": "a lot"}, "tax_rate"),
        ({"gtin": "4006381333932"}, "gtin"),
        ({"gtin": "12"}, "gtin"),
        ({"variant_of": "TS-L"}, "variant_of"),
        ({"stock": -1}, "stock"),
        ({"image_url": "javascript:alert(1)"}, "image_url"),
        ({"name": ""}, "name"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_a_wrong_field_is_named(api: Api, keys: Headers, change: dict[str, Any], path: str) -> None:
    """Each fault of a product is 422 with its path, and nothing is written."""
    answer = _put(api, keys, **change)
    assert answer.status_code == 422, answer.text
    assert path in [error["path"] for error in answer.json()["errors"]]
    assert api.get("/products/TS-L", keys).status_code == 404


def test_variants_are_found_in_pages(api: Api, keys: Headers) -> None:
    """variant_of finds the variants of a sku and no others."""
    for size in ("S", "M", "L"):
        _put(api, keys, f"TS-{size}", variant_of="TS")
    _put(api, keys, "CAP")
    first = api.get("/products", keys, params={"variant_of": "TS", "limit": 2}).json()
    rest = api.get("/products", keys, params={"variant_of": "TS", "cursor": first["next_cursor"]}).json()
    assert [one["sku"] for one in first["items"] + rest["items"]] == ["TS-S", "TS-M", "TS-L"]
    assert len(api.get("/products", keys).json()["items"]) == 4


def test_another_store_has_another_catalogue(api: Api, keys: Headers) -> None:
    """A product of one store is not there for another, which may have the same sku."""
    _put(api, keys)
    other = api.key("orders:read", "orders:write", store_id=api.other_id)
    assert api.get("/products/TS-L", other).status_code == 404
    assert _put(api, other).status_code == 201


def test_the_warehouse_sees_no_price(api: Api, keys: Headers) -> None:
    """A key of the warehouse finds bin and picture, but no money; one that receives only finds nothing."""
    _put(api, keys, bin="A-1")
    shown = api.get("/products/TS-L", api.key("returns:read", "receiving:write")).json()
    assert (shown["bin"], shown["price"]) == ("A-1", None)
    assert api.get("/products/TS-L", api.key("receiving:write")).status_code == 403


def test_a_stale_change_is_refused(api: Api, keys: Headers) -> None:
    """If-Match takes a product at that version only."""
    match = keys | {"If-Match": '"1"'}
    assert _put(api, match).status_code == 412
    _put(api, keys)
    assert _put(api, match, stock=1).status_code == 200
    assert _put(api, match, stock=2).status_code == 412


def test_a_file_of_products_is_taken(api: Api, keys: Headers) -> None:
    """NDJSON and CSV are taken line by line; a bad line is reported with its number and path."""
    lines = ndjson(_product(sku="A"), _product(), _product(sku="B", stock=-1), _product(sku="C"))
    typed = keys | {"Content-Type": "application/x-ndjson"}
    report = api.post("/products/import", headers=typed, content=lines).json()
    assert (report["imported"], report["failed"]) == (2, 2)
    assert [(one["line"], one["path"]) for one in report["errors"]] == [(2, "sku"), (3, "stock")]
    csv = (
        "sku,name,category,price,currency,tax_rate,attributes,stock\n"
        'A,"Tişört, A",apparel,5.00,TRY,20,size=M|colour=kırmızı,7\n'
        "B,B,apparel,5.00,EUR,20,,\n"
    )
    typed = keys | {"Content-Type": "text/csv"}
    report = api.post("/products/import", headers=typed, content=csv.encode()).json()
    assert (report["updated"], report["errors"][0]["line"], report["errors"][0]["path"]) == (1, 3, "price.currency")
    shown = api.get("/products/A", keys).json()
    assert (shown["name"], shown["stock"]) == ("Tişört, A", 7)
    assert shown["attributes"] == {"size": "M", "colour": "kırmızı"}


def test_the_same_new_product_at_once_is_one_product(api: Api, keys: Headers) -> None:
    """Threads that put one new product at the same time make one row, and each change is kept."""
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda stock: _put(api, keys, stock=stock).status_code, range(6)))
    assert sorted(answers) == [200] * 5 + [201]
    assert api.get("/products/TS-L", keys).json()["version"] == 6
