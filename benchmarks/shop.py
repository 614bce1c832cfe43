"""The shop of the benchmark: a policy with rules, a key for the shop and one for its finance, and orders to return."""

from __future__ import annotations

import io
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from rma.domain.policy import body
from rma.resources import folder
from rma.services import keys, order_import, policies, stores
from rma.services.caller import SCOPES, Caller
from rma.services.context import Services
from rma.services.keys import NewKey
from rma.services.stores import NewStore, ReturnAddress

CURRENCY = "TRY"
DELIVERED_DAYS_AGO = 20
"""Past the law's fourteen days and within the shop's thirty, so that the shop's own rules decide."""
RULES = [
    {"rule": "line_value_above", "params": {"amount": "5000.00", "currency": CURRENCY}, "then": "ask"},
    {"rule": "returns_in_period", "params": {"days": 90, "more_than": 5}, "then": "ask"},
]


class Shop(msgspec.Struct, frozen=True):
    """What a client needs to return this shop's orders: its key, the key of its finance, and the prefix of numbers."""

    store_id: str
    key: str
    finance: str


def open_shop(services: Services) -> tuple[Shop, Caller]:
    """A Turkish store with the standard policy and two more rules, and its keys."""
    new = NewStore(
        slug="bench",
        name="Bench",
        country="TR",
        timezone="Europe/Istanbul",
        currency=CURRENCY,
        locale="tr",
        return_addresses=[
            ReturnAddress(id="a", name="Depo", line1="Liman 1", city="İstanbul", postcode="34000", country="TR")
        ],
    )
    with services.database.write() as work:
        store_id = stores.create(work, new).id
        shop, finance = (
            keys.mint(work, NewKey(name=name, scopes=list(SCOPES), person=person), store_id=store_id, actor="system")
            for name, person in (("shop", "shop@example.com"), ("finance", "finance@example.com"))
        )
    caller = Caller(
        store_id=store_id, store_slug="bench", currency=CURRENCY, country="TR", timezone="Europe/Istanbul", locale="tr"
    )
    _publish(services, caller)
    return Shop(store_id, shop.key, finance.key), caller


def _publish(services: Services, caller: Caller) -> None:
    raw = (folder("workflows") / "policies" / "standard.toml").read_bytes()
    document = body("standard.toml", raw)
    document["rules"] = [*document["rules"], *RULES]
    with services.database.write() as work:
        version = policies.draft(work, caller, document).version
        policies.publish(work, services, caller, version, wish=policies.PublishPolicy())


def add_orders(services: Services, caller: Caller, count: int, *, prefix: str) -> list[str]:
    """Import this many orders; their numbers."""
    content = b"\n".join(_orders(count, prefix))
    report = order_import.load(services, caller, io.BytesIO(content), media_type="application/x-ndjson")
    assert report.imported == count, report
    return [_number(prefix, index) for index in range(count)]


def _number(prefix: str, index: int) -> str:
    return f"{prefix}{index:06d}"


def _orders(count: int, prefix: str) -> Iterator[bytes]:
    """Two lines, one discounted, a promotion on the whole, shipping, one payment, one delivery; a customer each."""
    delivered = datetime.now(UTC) - timedelta(days=DELIVERED_DAYS_AGO)
    ordered = (delivered - timedelta(days=3)).isoformat()
    for index in range(count):
        number = _number(prefix, index)
        yield msgspec.json.encode(_order(number, ordered=ordered, delivered=delivered.isoformat()))


def _order(number: str, *, ordered: str, delivered: str) -> dict[str, Any]:
    lines = [
        {"id": "1", "sku": "TS-1", "name": "Kırmızı tişört", "quantity": 2, "unit_price": _money("100.00")}
        | {"discount": _money("10.00"), "tax_rate": "20", "category": "apparel"},
        {"id": "2", "sku": "PN-1", "name": "Keten pantolon", "quantity": 1, "unit_price": _money("100.00")}
        | {"tax_rate": "20", "category": "apparel"},
    ]
    person = {"name": f"Ayşe {number}", "email": f"musteri-{number}@example.com"}
    return {
        "number": number,
        "ordered_at": ordered,
        "currency": CURRENCY,
        "prices_include_tax": True,
        "total": _money("300.90"),
        "customer": {"reference": f"c-{number}", "locale": "tr", **person},
        "ship_to": {"name": person["name"], "line1": "Moda Cad. 1", "city": "İstanbul", "country": "TR"},
        "lines": lines,
        "promotions": [{"code": "KIS19", "amount": _money("19.00")}],
        "shipping": {"amount": _money("29.90"), "tax_rate": "20"},
        "payments": [
            {"id": "p1", "tender": "card", "reference": f"pi_{number}", "captured": _money("300.90")}
            | {"provider": "offline"}
        ],
        "deliveries": [{"id": "d1", "delivered_at": delivered}],
        "withdrawal_information_given_at": ordered,
    }


def _money(amount: str) -> dict[str, str]:
    return {"amount": amount, "currency": CURRENCY}
