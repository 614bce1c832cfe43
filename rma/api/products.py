"""Products over HTTP: what exchanges, bins and pictures need."""

from __future__ import annotations

from typing import IO

from rma.api.http import Call, created, ok
from rma.api.routing import Routes
from rma.errors import UnsupportedMedia
from rma.services import products
from rma.services.idempotency import Answer
from rma.services.import_files import Report
from rma.services.paging import Page
from rma.services.products import Filters, ProductIn, ProductView

routes = Routes(tag="Products")
_UTF_8 = ("utf-8", "utf8", "us-ascii")


@routes.put("/products/{sku}", answers=ProductView, also=201)
def put(call: Call, data: ProductIn) -> Answer:
    """Take a product, new (201) or known (200).

    The body replaces what was known, but for `stock`: left out, it stays; `null` is without limit. `price` is that of
    one unit, in the store's currency.
    """
    shown, new = products.put(call.services, call.caller, call.path["sku"], data, expected=call.if_match)
    return (created if new else ok)(shown, version=shown.version)


@routes.get("/products/{sku}", answers=ProductView)
def show(call: Call) -> Answer:
    """One product."""
    return call.read(lambda work: _answer(products.show(work, call.caller, call.path["sku"])))


@routes.get("/products", answers=Page[ProductView], query=Filters)
def listing(call: Call) -> Answer:
    """Products, oldest first; `variant_of` finds the variants of a sku."""
    filters = call.query(Filters)
    return call.pages(lambda work, ask: products.listing(work, call.caller, filters, ask))


@routes.post("/products/import", answers=Report, body="stream")
def load(call: Call) -> Answer:
    """Take many products: NDJSON (`application/x-ndjson`, the body of PUT with its `sku` a line) or CSV (`text/csv`).

    The columns of CSV: `sku, name, category, price, currency, tax_rate` and, if you like, `gtin, variant_of,
    attributes` (`size=M|colour=red`), `image_url, bin, stock`. A bad line is reported with its number and stops no
    other.
    """
    file = stream(call)
    return call.in_parts(lambda: ok(products.load(call.services, call.caller, file, media_type=call.media_type)))


def _answer(shown: ProductView) -> Answer:
    return ok(shown, version=shown.version)


def stream(call: Call) -> IO[bytes]:
    """The body of an import. ``UnsupportedMedia`` if its sender calls it anything but UTF-8."""
    if call.file is None:
        raise RuntimeError("this route streams its body")
    for parameter in (call.header("content-type") or "").lower().split(";")[1:]:
        name, _, charset = parameter.partition("=")
        if name.strip() == "charset" and charset.strip(' "') not in _UTF_8:
            raise UnsupportedMedia("A file is read as UTF-8; save it so and say charset=utf-8 or nothing.")
    return call.file
