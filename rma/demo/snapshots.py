"""From an invoice to the order snapshot of the HTTP contract: postage is shipping, discounts are promotions.

The file has no delivery date, so the usual transit time is taken, and it names nobody, so names, e-mail and postal
addresses are placeholders.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, time, timedelta
from decimal import ROUND_HALF_UP, Decimal

from rma.demo import dates
from rma.demo.plan import Json, money
from rma.demo.retail import Sale

ZONE = "Europe/London"
CURRENCY = "GBP"
TAX_RATE = "20"
_NEAR = {
    "United Kingdom": "GB", "EIRE": "IE", "Germany": "DE", "France": "FR", "Netherlands": "NL", "Spain": "ES",
    "Belgium": "BE", "Portugal": "PT", "Sweden": "SE", "Austria": "AT", "Denmark": "DK", "Finland": "FI",
    "Switzerland": "CH", "Italy": "IT", "Poland": "PL", "Norway": "NO", "Greece": "GR", "Cyprus": "CY", "Malta": "MT",
    "Channel Islands": "JE",
}  # fmt: skip
_FAR = {"United Arab Emirates": "AE", "USA": "US", "RSA": "ZA", "Australia": "AU", "Japan": "JP", "Bahrain": "BH",
        "Nigeria": "NG"}  # fmt: skip
_AT_THE_DOOR = time(14, 0)


def country_code(name: str) -> str:
    """ISO 3166-1 alpha-2 of a country as the file writes it; the shop's own for one it does not know."""
    return _NEAR.get(name) or _FAR.get(name) or "GB"


def transit_days(country: str) -> int:
    """The usual calendar days from invoice to door: 3 at home, 5 in Europe, 9 elsewhere (the demo's assumption)."""
    code = country_code(country)
    if code == "GB":
        return 3
    return 9 if country in _FAR else 5


def delivered_at(sale: Sale, weeks: int) -> datetime:
    """When the parcel is at the door, by the usual transit time, dates moved by ``weeks``."""
    day = dates.shift(sale.at, weeks).date() + timedelta(days=transit_days(sale.country))
    return dates.local(day, _AT_THE_DOOR, ZONE)


def ordered_at(sale: Sale, weeks: int) -> datetime:
    """When it was ordered, dates moved by ``weeks``."""
    return dates.in_zone(dates.shift(sale.at, weeks), ZONE)


def total(sale: Sale) -> Decimal:
    """What was paid: line totals rounded half up to pence, plus postage, less the discount."""
    goods = sum((_pence(line.price * line.quantity) for line in sale.lines), Decimal(0))
    return goods + _pence(sale.postage) - _pence(sale.discount)


def snapshot(sale: Sale, *, weeks: int, delivered: Mapping[str, int] | None) -> Json:
    """The order as the shop would send it. ``delivered`` is units a line, or None while the parcel is on its way."""
    ordered = ordered_at(sale, weeks).isoformat()
    body: Json = {
        "number": sale.number,
        "ordered_at": ordered,
        "currency": CURRENCY,
        "prices_include_tax": True,
        "total": money(str(total(sale)), CURRENCY),
        "customer": _customer(sale),
        "ship_to": _address(sale),
        "lines": [
            {
                "id": line.id, "sku": line.sku, "name": line.name, "quantity": line.quantity,
                "unit_price": money(_price(line.price), CURRENCY), "tax_rate": TAX_RATE, "category": "giftware",
                "kind": "goods",
            }
            for line in sale.lines
        ],
        "payments": [_payment(sale, ordered)],
        "withdrawal_information_given_at": ordered,
    }  # fmt: skip
    if sale.postage:
        body["shipping"] = {"amount": money(str(_pence(sale.postage)), CURRENCY), "tax_rate": TAX_RATE}
    if sale.discount:
        body["promotions"] = [{"code": "D", "amount": money(str(_pence(sale.discount)), CURRENCY)}]
    if delivered is not None:
        body["deliveries"] = [_delivery(sale, delivered, delivered_at(sale, weeks))]
    return body


def products(sales: Iterable[Sale]) -> tuple[Json, ...]:
    """The catalogue: each sku once, with the name and price of its latest sale and plenty in stock."""
    latest = {line.sku: line for sale in sales for line in sale.lines}
    return tuple(
        {
            "sku": line.sku, "name": line.name, "category": "giftware", "tax_rate": TAX_RATE,
            "price": money(str(_pence(line.price)), CURRENCY), "stock": 100_000,
        }
        for line in latest.values()
    )  # fmt: skip


def _customer(sale: Sale) -> Json:
    return {
        "reference": sale.customer,
        "email": f"customer-{sale.customer}@example.com",
        "name": f"Customer {sale.customer}",
        "is_business": False,
        "locale": "en",
    }


def _address(sale: Sale) -> Json:
    place = "London" if country_code(sale.country) == "GB" else sale.country
    return {
        "name": f"Customer {sale.customer}",
        "line1": f"{sale.customer} Placeholder Street",
        "city": place,
        "postcode": sale.customer,
        "country": country_code(sale.country),
    }


def _payment(sale: Sale, ordered: str) -> Json:
    return {
        "id": "pay-1",
        "tender": "card",
        "provider": "offline",
        "reference": f"invoice-{sale.number}",
        "captured": money(str(total(sale)), CURRENCY),
        "captured_at": ordered,
    }


def _delivery(sale: Sale, delivered: Mapping[str, int], at: datetime) -> Json:
    return {
        "id": "d1",
        "delivered_at": at.isoformat(),
        "received_by": "consumer",
        "carrier": "royal-mail" if country_code(sale.country) == "GB" else "dhl",
        "carrier_chosen_by": "seller",
        "tracking": f"RM{sale.number}",
        "lines": [
            {"id": line.id, "quantity": delivered[line.id]} for line in sale.lines if delivered.get(line.id, 0) > 0
        ],
    }


def _pence(amount: Decimal) -> Decimal:
    return amount.quantize(Decimal("0.01"), ROUND_HALF_UP)


def _price(amount: Decimal) -> str:
    """At least two places; more where the file has more (0.001 is a price there)."""
    return str(amount.quantize(Decimal("0.01"))) if amount == amount.quantize(Decimal("0.01")) else str(amount)
