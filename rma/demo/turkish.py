"""The Turkish store: invented orders of invented people, the same on every run, in the weeks before last Sunday.

Some of the orders come back, one for each thing that can happen to a return; the rest is the quiet everyday.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, time, timedelta
from decimal import ROUND_HALF_UP, Decimal

import msgspec

from rma.demo import chance, dates
from rma.demo.plan import Filing, FilingLine, Json, Manner, Snapshot, StorePlan, StoreSpec, money
from rma.demo.turkish_goods import CITIES, GOODS, PEOPLE, Goods, Person
from rma.demo.turkish_returns import RETURNS, Scene

SLUG = "carsi-tr"
ZONE = "Europe/Istanbul"
CURRENCY = "TRY"
QUIET_ORDERS = 24
_SPAN_DAYS = 56
_SHIPPING = Decimal("79.90")
_FREE_FROM = Decimal("1500.00")
_POLICY = {"refunds": {"auto_approve_below": "500.00", "second_person_above": "10000.00"}}
_CARRIERS = ("yurtici", "aras")
_BY_SKU = {goods.sku: goods for goods in GOODS}


class _Basket(msgspec.Struct, frozen=True, kw_only=True):
    """What one person bought when; ``lines`` is (sku, quantity)."""

    number: str
    person: Person
    ordered_at: datetime
    delivered_at: datetime
    lines: tuple[tuple[str, int], ...]
    coupon: Decimal | None = None
    gift_card: Decimal | None = None
    bank: str = ""


def plan(*, today: date) -> StorePlan:
    """The Turkish store's story, ending with the last Sunday before the week of ``today``."""
    last = today - timedelta(days=today.weekday() + 1)
    told = [_told(index, scene, last) for index, scene in enumerate(RETURNS)]
    baskets = [*told, *(_quiet(index, last) for index in range(QUIET_ORDERS))]
    orders = sorted((_snapshot(basket) for basket in baskets), key=lambda order: order.at)
    filings = [_filing(scene, basket) for scene, basket in zip(RETURNS, told, strict=True)]
    first = min(basket.ordered_at for basket in baskets).date()
    return StorePlan(
        spec=_spec(first),
        products=tuple(_product(goods) for goods in GOODS),
        orders=tuple(orders),
        filings=tuple(sorted(filings, key=lambda filing: filing.at)),
        about=(
            f"{len(orders)} invented orders of {len({basket.person.name for basket in baskets})} invented people",
            f"{len(filings)} returns, one for each thing that can happen to a return",
        ),
    )


def _spec(first: date) -> StoreSpec:
    home = {
        "id": "depo", "name": "Çarşı İade Deposu", "line1": "Örnek Mahallesi, Deneme Sokak No: 1",
        "city": "İstanbul", "postcode": "34000", "country": "TR", "default": True,
    }  # fmt: skip
    return StoreSpec(
        slug=SLUG,
        name="Çarşı",
        country="TR",
        timezone=ZONE,
        currency=CURRENCY,
        locale="tr",
        domain="carsi.example",
        return_addresses=(home,),
        clock_start=dates.evening(first - timedelta(days=1), ZONE),
        policy=_POLICY,
    )


def _told(index: int, scene: Scene, last: date) -> _Basket:
    number = str(1001 + index)
    return _basket(number, day=last - timedelta(days=scene.ordered_before), lines=scene.bought, who=index, scene=scene)


def _quiet(index: int, last: date) -> _Basket:
    number = str(2001 + index)
    skus = {chance.pick(GOODS, number, str(line)).sku for line in range(1 + chance.percent(number) % 3)}
    return _basket(
        number,
        day=last - timedelta(days=_SPAN_DAYS * index // QUIET_ORDERS),
        lines=tuple((sku, 1 + chance.percent(number, sku) // 70) for sku in sorted(skus)),
        who=len(RETURNS) + index,
    )


def _basket(
    number: str,
    *,
    day: date,
    lines: tuple[tuple[str, int], ...],
    who: int,
    scene: Scene | None = None,
) -> _Basket:
    ordered = dates.local(day, time(9 + chance.percent(number, "hour") % 8, chance.percent(number) % 60), ZONE)
    transit = timedelta(days=2 + chance.percent(number, "transit") % 2)
    return _Basket(
        number=number,
        person=PEOPLE[who % len(PEOPLE)],
        ordered_at=ordered,
        delivered_at=dates.local(day + transit, time(11 + chance.percent(number) % 6, 20), ZONE),
        lines=lines,
        coupon=scene.coupon if scene else None,
        gift_card=scene.gift_card if scene else None,
        bank=scene.bank if scene else "",
    )


def _product(goods: Goods) -> Json:
    body: Json = {
        "sku": goods.sku, "name": goods.name, "category": goods.category, "price": money(goods.price, CURRENCY),
        "tax_rate": goods.tax_rate, "stock": 500,
    }  # fmt: skip
    if goods.variant_of:
        body["variant_of"] = goods.variant_of
    return body


def _goods_total(lines: Iterable[tuple[str, int]]) -> Decimal:
    return sum((Decimal(_BY_SKU[sku].price) * quantity for sku, quantity in lines), Decimal(0))


def _snapshot(basket: _Basket) -> Snapshot:
    ordered = basket.ordered_at.isoformat()
    goods = _goods_total(basket.lines)
    shipping = Decimal(0) if goods >= _FREE_FROM else _SHIPPING
    paid = goods + shipping - (basket.coupon or Decimal(0))
    body: Json = {
        "number": basket.number,
        "ordered_at": ordered,
        "currency": CURRENCY,
        "prices_include_tax": True,
        "total": _money(paid),
        "customer": _customer(basket.person, ordered),
        "ship_to": _address(basket.person),
        "lines": [_line(str(index), sku, quantity) for index, (sku, quantity) in enumerate(basket.lines, start=1)],
        "shipping": {"amount": _money(shipping), "tax_rate": "20", "cheapest_standard": _money(shipping)},
        "payments": _payments(basket, paid, ordered),
        "deliveries": [_delivery(basket)],
        "withdrawal_information_given_at": ordered,
    }
    if basket.coupon:
        body["promotions"] = [{"code": "HOŞGELDİN", "amount": _money(basket.coupon)}]
    return Snapshot(at=basket.delivered_at, body=body)


def _line(line_id: str, sku: str, quantity: int) -> Json:
    goods = _BY_SKU[sku]
    return {
        "id": line_id, "sku": sku, "name": goods.name, "quantity": quantity, "unit_price": money(goods.price, CURRENCY),
        "tax_rate": goods.tax_rate, "category": goods.category, "tags": list(goods.tags), "kind": "goods",
    }  # fmt: skip


def _customer(person: Person, at: str) -> Json:
    return {
        "reference": person.reference,
        "email": f"{person.reference}@example.com",
        "name": person.name,
        "is_business": False,
        "locale": "tr",
        "consents": {"email_marketing": {"given": person.mail_ok, "at": at, "source": "checkout"}},
    }


def _address(person: Person) -> Json:
    city, postcode, district = CITIES[person.city]
    return {
        "name": person.name,
        "line1": f"{district} Mahallesi, {person.street} Sokak No: {person.door}",
        "city": city,
        "postcode": postcode,
        "country": "TR",
    }


def _payments(basket: _Basket, paid: Decimal, ordered: str) -> list[Json]:
    gift = min(basket.gift_card or Decimal(0), paid)
    tenders = (("card", paid - gift), ("gift_card", gift))
    told = f"#{basket.bank}" if basket.bank else ""
    return [
        {
            "id": f"pay-{index}", "tender": tender, "provider": "offline", "captured": _money(amount),
            "reference": f"{basket.number}-{tender}{told}", "captured_at": ordered,
        }
        for index, (tender, amount) in enumerate(tenders, start=1)
        if amount
    ]  # fmt: skip


def _delivery(basket: _Basket) -> Json:
    return {
        "id": "d1",
        "delivered_at": basket.delivered_at.isoformat(),
        "received_by": "consumer",
        "carrier": chance.pick(_CARRIERS, basket.number, "carrier"),
        "carrier_chosen_by": "seller",
        "tracking": f"TR{basket.number}",
        "lines": [
            {"id": str(index), "quantity": quantity} for index, (_, quantity) in enumerate(basket.lines, start=1)
        ],
    }


def _filing(scene: Scene, basket: _Basket) -> Filing:
    at = dates.local(basket.delivered_at.date() + timedelta(days=scene.days_after), time(16, 5), ZONE)
    return Filing(
        source=scene.title,
        at=at,
        order_number=basket.number,
        lines=tuple(
            FilingLine(order_line_id=line_id, quantity=quantity, replacement=scene.wanted)
            for line_id, quantity in scene.back
        ),
        manner=scene.manner or Manner(),
    )


def _money(amount: Decimal) -> Json:
    return money(str(amount.quantize(Decimal("0.01"), ROUND_HALF_UP)), CURRENCY)
