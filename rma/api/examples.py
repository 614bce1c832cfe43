"""Bodies that work, for the OpenAPI document: a test reads each with the struct of its route."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def _money(amount: str) -> dict[str, str]:
    return {"amount": amount, "currency": "TRY"}


_AT = "2026-11-01T10:00:00+03:00"
_TOTAL = _money("319.90")
_ADDRESS = {"line1": "Moda Cad. 1", "city": "İstanbul", "postcode": "34710", "country": "TR"}
_DEPOT = {"id": "depo", "name": "Depo", "line1": "Sanayi Cad. 1", "city": "İstanbul", "postcode": "34000"}
_LINE = {"id": "1", "sku": "TS-RED-M", "name": "Kırmızı tişört M", "quantity": 3, "unit_price": _money("100.00")}
_PAID = {"id": "pay-1", "tender": "card", "provider": "stripe", "reference": "pi_123"}
_DELIVERY = {"id": "d1", "delivered_at": "2026-11-05T14:00:00+03:00", "carrier": "yurtici", "tracking": "123"}
_ORDER = {
    "ordered_at": _AT,
    "currency": "TRY",
    "prices_include_tax": True,
    "total": _TOTAL,
    "customer": {"reference": "c-17", "email": "ayse@example.com", "name": "Ayşe Yılmaz", "locale": "tr"},
    "ship_to": {"name": "Ayşe Yılmaz", **_ADDRESS},
    "lines": [{**_LINE, "discount": _money("0.00"), "tax_rate": "20", "category": "apparel"}],
    "promotions": [{"code": "KASIM10", "amount": _money("10.00"), "lines": ["1"]}],
    "shipping": {"amount": _money("29.90"), "tax_rate": "20"},
    "payments": [{**_PAID, "captured": _TOTAL, "captured_at": _AT}],
    "deliveries": [{**_DELIVERY, "lines": [{"id": "1", "quantity": 3}]}],
    "withdrawal_information_given_at": _AT,
}
_WANTED = {"order_line_id": "1", "quantity": 1, "reason": "too_small", "outcome": "refund"}
_RETURN = {"order_number": "1001", "kind": "withdrawal", "lines": [_WANTED], "method": "drop_off_code"}
_ACCOUNT = {"iban": "TR330006100519786457841326", "holder": "Ayşe Yılmaz"}
_PERSON = {"email": "ayse@example.com"}
_JUDGED = {"line_id": "rln_…", "quantity": 1, "grade": "A", "disposition": "restock", "verdict": "accept"}
_SCANNED = {"scan": "K9B8-D29A-J9", "lines": [{"line_id": "rln_…", "quantity": 1}], "finished": True, "scan_id": "s-1"}

BODIES: Mapping[str, Any] = {
    "POST /stores": {
        "slug": "moda-evi",
        "name": "Moda Evi",
        "country": "TR",
        "timezone": "Europe/Istanbul",
        "currency": "TRY",
        "locale": "tr",
        "test_mode": True,
        "return_addresses": [{**_DEPOT, "country": "TR", "default": True}],
    },
    "PATCH /stores/{slug}": {"name": "Moda Evi"},
    "POST /stores/{slug}/keys": {"name": "finance", "scopes": ["refunds:approve"], "person": "ayla@example.com"},
    "PUT /products/{sku}": {
        "name": "Kırmızı tişört L",
        "category": "apparel",
        "price": _money("100.00"),
        "tax_rate": "20",
        "variant_of": "TS-RED",
        "stock": 12,
    },
    "PUT /orders/{number}": _ORDER,
    "POST /orders/{number}/deliveries": {**_DELIVERY, "lines": [{"id": "1", "quantity": 3}]},
    "POST /orders/{number}/refunds": {"components": [{"kind": "goodwill", "gross": _money("5.00")}], "reason": "late"},
    "POST /returns/quote": _RETURN,
    "POST /returns": _RETURN,
    "POST /returns/{id}/actions/{trigger}": {"reason": "The size was wrong"},
    "POST /returns/{id}/lines/{line_id}/outcome": {"outcome": "exchange", "replacement": {"sku": "TS-RED-L"}},
    "POST /returns/{id}/lines/{line_id}/offer": {"price_reduction": {"percent": "30"}},
    "POST /returns/{id}/parcels": {"direction": "inbound", "method": "drop_off_code"},
    "POST /returns/{id}/payments": {"reference": "pi_124", "amount": _money("20.00"), "tender": "card"},
    "POST /returns/{id}/inspections": {"lines": [_JUDGED]},
    "POST /returns/{id}/messages": {"text": "When may I expect the money?"},
    "POST /returns/{id}/feedback": {"score": 5, "comment": "Quick", "lines": [{"order_line_id": "1", "score": 4}]},
    "POST /parcels/{id}/events": {"status": "handed_over", "at": _AT, "source_id": "yk-1"},
    "POST /replacements/{id}/actions/{trigger}": {"at": _AT, "carrier": "yurtici", "tracking": "124"},
    "POST /receipts": _SCANNED,
    "POST /receipts/unknown": {"shelf": "A1", "description": "A box without a label"},
    "POST /receipts/unknown/{id}/match": {"return_id": "ret_…"},
    "POST /unexpected/{id}/match": {"return_id": "ret_…", "line_id": "rln_…"},
    "POST /unexpected/{id}/dispose": {"disposition": "donate"},
    "POST /refunds/{id}/approve": {"expected_total": _money("96.67")},
    "POST /refunds/approve": {"items": [{"id": "ref_…", "expected_total": _money("96.67")}]},
    "POST /returns/{id}/payout": _ACCOUNT,
    "POST /refunds/{id}/payout": _ACCOUNT,
    "POST /refunds/{id}/refuse": {"reason": "Paid back by hand"},
    "POST /refunds/{id}/retry": {"transfer_id": "tra_…"},
    "POST /refunds/{id}/resolve": {"transfer_id": "tra_…", "outcome": "succeeded", "proof": "Statement of 20 November"},
    "PATCH /refunds/{id}": {"tax_document": {"kind": "credit_note", "number": "A-17", "date": "2026-11-20"}},
    "POST /stores/{slug}/withdrawals": {
        "name": "Ayşe Yılmaz",
        "order_number": "1001",
        "electronic_address": "ayse@example.com",
        "lines": [{"line": "1", "quantity": 1}],
    },
    "POST /withdrawals/{id}/match": {"order_number": "1001"},
    "POST /policies": {"name": "Standard", "locale": "tr", "windows": {"withdrawal_days": 14, "voluntary_days": 30}},
    "POST /policies/{version}/publish": {},
    "POST /policies/{version}/restore": {},
    "POST /policies/{version}/lint": {"countries": ["TR", "DE"]},
    "POST /policies/{version}/replay": {"last": 1000},
    "POST /law/deadlines": {"jurisdiction": "TR", "deadline": "withdrawal_end", "facts": {"delivered": "2026-11-05"}},
    "POST /privacy/export": _PERSON,
    "POST /privacy/export.zip": _PERSON,
    "POST /privacy/erasures/preview": _PERSON,
    "POST /privacy/erasures": _PERSON,
    "POST /privacy/runs": {"dry_run": True},
    "POST /test-clock": {"advance": "P15D", "wait": 10},
}
"""``METHOD /path`` of a route to a body that it takes."""
