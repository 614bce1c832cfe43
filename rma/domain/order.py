"""An order as the store sent it: the snapshot every decision and every refund is computed from.

Amounts are minor units of the order's one currency. Everything that says who somebody is stands in ``Order.person``, so
that it can be stored apart and erased; the facts that rules need (country, groups, business) stand outside it.
"""

from __future__ import annotations

import datetime as dt
from typing import Any

import msgspec

from rma.domain.money import wire
from rma.domain.service_period import ServicePeriod

_ATTRIBUTES = """
    market_price custom_made perishable hygiene_opened mixed media_opened periodical dated_service instant_digital
    service_started registrable_vehicle_or_drone live_auction installed_by_service second_hand warranty_listed
    digital_consent digital_acknowledged opened_exempt regular_delivery repaired
    alcohol_en_primeur urgent_repair service_performed service_consent service_acknowledged
"""
ATTRIBUTES = frozenset(_ATTRIBUTES.split())
"""The exception names of the law and what else a line may say of itself; any other name is refused.

``regular_delivery``: the line comes in parts over a set time, and its period starts with the first. ``repaired``: it
was repaired once under the seller's liability. ``service_started``: begun within the period at the consumer's wish,
``service_performed``: done whole; ``service_consent`` and ``service_acknowledged`` record that the consumer wished it
so and knew that the right ends with it. ``alcohol_en_primeur``: the price was agreed at once, delivery is due only
after thirty days, and the value hangs on the market.
"""


class Consent(msgspec.Struct, frozen=True):
    """A recorded yes or no to a class of messages: when and where it was given."""

    given: bool
    at: dt.datetime
    source: str


class Address(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Where the goods went; ``country`` is ISO 3166 alpha-2."""

    country: str
    name: str | None = None
    line1: str | None = None
    line2: str | None = None
    city: str | None = None
    region: str | None = None
    postcode: str | None = None
    phone: str | None = None


class Person(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """All personal data of an order."""

    reference: str | None = None
    email: str | None = None
    name: str | None = None
    phone: str | None = None
    consents: dict[str, Consent] = {}
    ship_to: Address | None = None


class Line(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """One line: ``unit_price`` as sent, ``listed`` is unit price × quantity, ``total`` is that less its own discount.

    ``tax``, where given, is the tax that was charged and beats ``tax_rate`` (percent). ``origin`` is ``replacement``
    for goods that came in an exchange. ``service``: the days over which a service is given.
    """

    id: str
    sku: str
    quantity: int
    unit_price: str
    listed: int
    total: int
    name: str = ""
    tax_rate: str | None = None
    tax: int | None = None
    category: str | None = None
    tags: tuple[str, ...] = ()
    kind: str = "goods"
    attributes: dict[str, bool] = {}
    origin: str = "order"
    service: ServicePeriod | None = None

    @property
    def is_service(self) -> bool:
        """Whether nothing is delivered for it that could be sent back."""
        return self.kind in ("service", "digital")


class Terms(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a promotion asks for, told before the contract: least value (minor units) or number of its goods."""

    text: str | None = None
    minimum: int | None = None
    minimum_quantity: int | None = None


class Promotion(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """A discount over several lines; no lines means all of them."""

    code: str
    amount: int
    lines: tuple[str, ...] = ()
    terms: Terms | None = None


class Shipping(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Outbound delivery; ``cheapest_standard`` is what the cheapest standard way would have cost."""

    amount: int
    discount: int = 0
    tax_rate: str | None = None
    tax: int | None = None
    cheapest_standard: int | None = None


class Fee(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Another thing that was paid: cash on delivery, gift wrap. ``line``: it belongs to the units of that line."""

    kind: str
    amount: int
    tax_rate: str | None = None
    tax: int | None = None
    line: str | None = None


class Payment(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """What one tender took. ``refunded`` is the provider's total of what was paid back on it, our own money included.

    ``refunded_here`` is how much of that was this engine's, worked out when the snapshot came (``tenders.included``).
    """

    id: str
    tender: str
    captured: int
    provider: str | None = None
    reference: str | None = None
    authorised: int | None = None
    captured_at: dt.datetime | None = None
    refunded: int = 0
    refunded_here: int = 0


class Delivered(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """Units of a line in one delivery, or one ``piece`` of goods that come in several."""

    id: str
    quantity: int
    piece: int | str | None = None


class Delivery(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """One delivery; no lines means the whole order. No ``delivered_at`` means it is still on its way."""

    id: str
    shipped_at: dt.datetime | None = None
    delivered_at: dt.datetime | None = None
    received_by: str | None = None
    carrier: str | None = None
    carrier_chosen_by: str | None = None
    tracking: str | None = None
    lines: tuple[Delivered, ...] = ()


class Order(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The snapshot. ``total`` is the store's own figure; a sum that differs is flagged by pricing, never refused.

    ``never_informed``: the store did not tell the consumer of the right to withdraw; without it, and without an instant
    at which it did, nothing speaks against it.
    """

    number: str
    ordered_at: dt.datetime
    currency: str
    prices_include_tax: bool
    lines: tuple[Line, ...]
    total: int | None = None
    promised_by: dt.date | None = None
    person: Person | None = None
    country: str | None = None
    is_business: bool = False
    groups: tuple[str, ...] = ()
    locale: str | None = None
    promotions: tuple[Promotion, ...] = ()
    shipping: Shipping | None = None
    fees: tuple[Fee, ...] = ()
    points_earned: int = 0
    payments: tuple[Payment, ...] = ()
    deliveries: tuple[Delivery, ...] = ()
    withdrawal_information_given_at: dt.datetime | None = None
    never_informed: bool = False

    def line(self, line_id: str) -> Line | None:
        """The line of that id, or None."""
        for line in self.lines:
            if line.id == line_id:
                return line
        return None


def with_line(order: Order, line: Line) -> Order:
    """The order with one more line. ``ValueError`` when the id is taken."""
    if order.line(line.id) is not None:
        message = f"line {line.id} is there already"
        raise ValueError(message)
    return msgspec.structs.replace(order, lines=(*order.lines, line))


def write_order(order: Order) -> dict[str, Any]:
    """The order in the form of the HTTP contract."""
    return {
        "number": order.number,
        "ordered_at": order.ordered_at,
        "currency": order.currency,
        "prices_include_tax": order.prices_include_tax,
        "total": _optional(order.total, order.currency),
        "promised_by": order.promised_by,
        "customer": _write_customer(order),
        "ship_to": _write_address(order),
        "lines": [write_line(line, order.currency) for line in order.lines],
        "promotions": [_write_promotion(promotion, order.currency) for promotion in order.promotions],
        "shipping": _write_shipping(order.shipping, order.currency),
        "fees": [_write_fee(fee, order.currency) for fee in order.fees],
        "points_earned": order.points_earned,
        "payments": [write_payment(payment, order.currency) for payment in order.payments],
        "deliveries": [write_delivery(delivery) for delivery in order.deliveries],
        "withdrawal_information_given_at": order.withdrawal_information_given_at,
        "never_informed": order.never_informed,
    }


def write_line(line: Line, currency: str) -> dict[str, Any]:
    """A line in the form of the HTTP contract; the unit price as it was sent."""
    return {
        "id": line.id,
        "sku": line.sku,
        "name": line.name,
        "quantity": line.quantity,
        "unit_price": {"amount": line.unit_price, "currency": currency},
        "discount": wire(line.listed - line.total, currency),
        "tax_rate": line.tax_rate,
        "tax": _optional(line.tax, currency),
        "category": line.category,
        "tags": list(line.tags),
        "kind": line.kind,
        "attributes": line.attributes,
        "origin": line.origin,
        "service": None if line.service is None else msgspec.to_builtins(line.service),
    }


def write_payment(payment: Payment, currency: str) -> dict[str, Any]:
    """A payment in the form of the HTTP contract."""
    return {
        "id": payment.id,
        "tender": payment.tender,
        "provider": payment.provider,
        "reference": payment.reference,
        "authorised": _optional(payment.authorised, currency),
        "captured": wire(payment.captured, currency),
        "captured_at": payment.captured_at,
        "refunded": wire(payment.refunded, currency),
    }


def write_delivery(delivery: Delivery) -> dict[str, Any]:
    """A delivery in the form of the HTTP contract."""
    lines = [{"id": line.id, "quantity": line.quantity, "piece": line.piece} for line in delivery.lines]
    return {name: getattr(delivery, name) for name in Delivery.__struct_fields__} | {"lines": lines}


def _optional(amount: int | None, currency: str) -> dict[str, str] | None:
    return None if amount is None else wire(amount, currency)


def _write_customer(order: Order) -> dict[str, Any]:
    """The customer; the personal fields are null once they are erased."""
    person = order.person or Person()
    personal = {name: getattr(person, name) for name in ("reference", "email", "name", "phone")}
    facts = {"is_business": order.is_business, "groups": list(order.groups), "locale": order.locale}
    consents = {name: msgspec.structs.asdict(consent) for name, consent in person.consents.items()}
    return personal | facts | {"consents": consents}


def _write_address(order: Order) -> dict[str, Any] | None:
    if order.person is not None and order.person.ship_to is not None:
        return msgspec.structs.asdict(order.person.ship_to)
    return {"country": order.country} if order.country else None


def _write_promotion(promotion: Promotion, currency: str) -> dict[str, Any]:
    terms = promotion.terms
    written = terms and {
        "text": terms.text,
        "minimum": _optional(terms.minimum, currency),
        "minimum_quantity": terms.minimum_quantity,
    }
    amount = wire(promotion.amount, currency)
    return {"code": promotion.code, "amount": amount, "lines": list(promotion.lines) or None, "terms": written}


def _write_shipping(shipping: Shipping | None, currency: str) -> dict[str, Any] | None:
    if shipping is None:
        return None
    return {
        "amount": wire(shipping.amount, currency),
        "discount": wire(shipping.discount, currency),
        "tax_rate": shipping.tax_rate,
        "tax": _optional(shipping.tax, currency),
        "cheapest_standard": _optional(shipping.cheapest_standard, currency),
    }


def _write_fee(fee: Fee, currency: str) -> dict[str, Any]:
    tax = _optional(fee.tax, currency)
    amount = wire(fee.amount, currency)
    return {"kind": fee.kind, "amount": amount, "tax_rate": fee.tax_rate, "tax": tax, "line": fee.line}
