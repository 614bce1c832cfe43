"""Order snapshots as a shop sends them, one change at a time."""

from __future__ import annotations

import json
from typing import Any

Json = dict[str, Any]


def money(amount: str, currency: str = "TRY") -> Json:
    """An amount on the wire."""
    return {"amount": amount, "currency": currency}


def line(line_id: str = "1", **more: Any) -> Json:
    """A line of three shirts for 100.00 each."""
    return {
        "id": line_id,
        "sku": "TS-RED-M",
        "name": "Kırmızı tişört M",
        "quantity": 3,
        "unit_price": money("100.00"),
        "tax_rate": "20",
        "category": "apparel",
    } | more


def snapshot(**more: Any) -> Json:
    """An order of three shirts with 10.00 off and 29.90 shipping, paid by card and delivered."""
    return {
        "ordered_at": "2026-03-01T10:00:00+03:00",
        "currency": "TRY",
        "prices_include_tax": True,
        "total": money("319.90"),
        "customer": {"reference": "c-17", "email": "Ayse@Example.com", "name": "Ayşe Yılmaz", "locale": "tr"},
        "ship_to": {"name": "Ayşe Yılmaz", "line1": "Moda Cad. 1", "city": "İstanbul", "country": "TR"},
        "lines": [line()],
        "promotions": [{"code": "KIS10", "amount": money("10.00"), "lines": ["1"]}],
        "shipping": {"amount": money("29.90"), "tax_rate": "20"},
        "payments": [{"id": "pay-1", "tender": "card", "provider": "offline", "captured": money("319.90")}],
        "deliveries": [
            {"id": "d1", "delivered_at": "2026-03-05T14:00:00+03:00", "lines": [{"id": "1", "quantity": 3}]},
        ],
    } | more


def ndjson(*things: Json | str) -> bytes:
    """Things a line each; texts as they are."""
    return "\n".join(thing if isinstance(thing, str) else json.dumps(thing) for thing in things).encode()
