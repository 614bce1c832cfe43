"""The forms of an order snapshot on the wire: field names, types and sizes of the HTTP contract, nothing else."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from rma.domain.order import ATTRIBUTES
from rma.domain.service_period import ServicePeriod

Name = Annotated[str, Meta(min_length=1, max_length=128)]
"""An id, a number or a code: as long as a column of the database takes."""
Text = Annotated[str, Meta(max_length=1000)]
Code = Annotated[str, Meta(pattern=r"^[a-z][a-z0-9_]{0,39}$(?!\n)")]
Country = Annotated[str, Meta(pattern=r"^[A-Z]{2}$(?!\n)")]
Quantity = Annotated[int, Meta(ge=1, le=1_000_000)]
Attributes = Annotated[dict[str, bool], Meta(extra_json_schema={"propertyNames": {"enum": sorted(ATTRIBUTES)}})]
"""What a line says of itself, by the names of the vocabulary; a name that is not there is refused by its path."""
Instant = Annotated[dt.datetime, Meta(tz=True)]
Shown = Annotated[Any, Meta(extra_json_schema={"readOnly": True})]
"""What only answers tell. Whoever reads an order, changes a field and sends it back sends it too: it is left aside."""


class Form(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of the forms below: unknown fields are faults."""


class MoneyForm(Form, frozen=True):
    """An amount as sent: a decimal text and its currency."""

    amount: Annotated[str, Meta(max_length=40)]
    currency: Annotated[str, Meta(max_length=3)]


class ConsentForm(Form, frozen=True):
    """A recorded consent as sent."""

    given: bool
    at: Instant
    source: Text


class CustomerForm(Form, frozen=True):
    """The customer as sent."""

    reference: Name | None = None
    email: Annotated[str, Meta(pattern=r"^[^@\s]+@[^@\s]+$(?!\n)", max_length=254)] | None = None
    name: Text | None = None
    phone: Name | None = None
    is_business: bool = False
    groups: Annotated[tuple[Name, ...], Meta(max_length=100)] = ()
    locale: Annotated[str, Meta(pattern=r"^[a-z]{2,3}([-_][A-Za-z0-9]{2,8})*$(?!\n)")] | None = None
    consents: Annotated[dict[Code, ConsentForm], Meta(max_length=50)] = {}


class AddressForm(Form, frozen=True):
    """An address as sent."""

    country: Country
    name: Text | None = None
    line1: Text | None = None
    line2: Text | None = None
    city: Text | None = None
    region: Text | None = None
    postcode: Text | None = None
    phone: Text | None = None


class LineForm(Form, frozen=True):
    """A line as sent."""

    id: Name
    sku: Name
    quantity: Quantity
    unit_price: MoneyForm
    name: Text = ""
    discount: MoneyForm | None = None
    tax_rate: str | None = None
    tax: MoneyForm | None = None
    category: Name | None = None
    tags: Annotated[tuple[Name, ...], Meta(max_length=100)] = ()
    kind: Literal["goods", "service", "digital", "goods_and_service"] = "goods"
    attributes: Attributes = {}
    service: ServicePeriod | None = None
    origin: Shown = None
    in_returns: Shown = None
    options: Shown = None


class TermsForm(Form, frozen=True):
    """What a promotion asks for, as sent."""

    text: Text | None = None
    minimum: MoneyForm | None = None
    minimum_quantity: Quantity | None = None


class PromotionForm(Form, frozen=True):
    """A promotion as sent."""

    code: Name
    amount: MoneyForm
    lines: tuple[Name, ...] | None = None
    terms: TermsForm | Text | None = None


class ShippingForm(Form, frozen=True):
    """Outbound shipping as sent."""

    amount: MoneyForm
    discount: MoneyForm | None = None
    tax_rate: str | None = None
    tax: MoneyForm | None = None
    cheapest_standard: MoneyForm | None = None


class FeeForm(Form, frozen=True):
    """A fee as sent."""

    kind: Code
    amount: MoneyForm
    tax_rate: str | None = None
    tax: MoneyForm | None = None
    line: Name | None = None


_REFUNDED = (
    "The provider's total of what was paid back on this payment so far: what this program sent is part of it, and what"
    " was paid back elsewhere. A total without the program's own money is taken as money that went back elsewhere."
)


class PaymentForm(Form, frozen=True):
    """A payment as sent."""

    id: Name
    tender: Code
    captured: MoneyForm
    provider: Name | None = None
    reference: Name | None = None
    authorised: MoneyForm | None = None
    captured_at: Instant | None = None
    refunded: Annotated[MoneyForm | None, Meta(description=_REFUNDED)] = None


class DeliveredForm(Form, frozen=True):
    """Units of a line in a delivery as sent."""

    id: Name
    quantity: Quantity
    piece: int | Name | None = None


class DeliveryForm(Form, frozen=True):
    """A delivery as sent."""

    id: Annotated[str, Meta(min_length=1, max_length=128, pattern=r"^[^@]+$(?!\n)")]
    """No e-mail: it is told of in a hashed event."""
    shipped_at: Instant | None = None
    delivered_at: Instant | None = None
    received_by: Code | None = None
    carrier: Name | None = None
    carrier_chosen_by: Literal["seller", "consumer"] | None = None
    tracking: Name | None = None
    lines: Annotated[tuple[DeliveredForm, ...], Meta(max_length=10_000)] = ()


class OrderForm(Form, frozen=True):
    """The whole snapshot as sent."""

    ordered_at: Instant
    currency: str
    prices_include_tax: bool
    lines: Annotated[tuple[LineForm, ...], Meta(min_length=1, max_length=10_000)]
    number: Name | None = None
    total: MoneyForm | None = None
    promised_by: dt.date | None = None
    customer: CustomerForm | None = None
    ship_to: AddressForm | None = None
    promotions: Annotated[tuple[PromotionForm, ...], Meta(max_length=1000)] = ()
    shipping: ShippingForm | None = None
    fees: Annotated[tuple[FeeForm, ...], Meta(max_length=100)] = ()
    points_earned: Annotated[int, Meta(ge=0, le=10**12)] = 0
    payments: Annotated[tuple[PaymentForm, ...], Meta(max_length=100)] = ()
    deliveries: Annotated[tuple[DeliveryForm, ...], Meta(max_length=1000)] = ()
    withdrawal_information_given_at: Instant | None = None
    never_informed: bool = False
    id: Shown = None
    flags: Shown = None
    frozen: Shown = None
    erased: Shown = None
    policy_version: Shown = None
    law: Shown = None
    version: Shown = None
    created_at: Shown = None
    updated_at: Shown = None
    conflicts: Shown = None
