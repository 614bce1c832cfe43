"""Strict reading of an order snapshot (``PUT /orders/{number}``): every wrong field is named, nothing unknown passes.

Only here may an amount carry more decimal places than its currency has (some shops send unit prices so); it is rounded
half up at the line total, never per unit.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec

from rma.domain import strict
from rma.domain.money import decimal_parts, exponent, fault_of, half_up, is_currency, rate, rounded
from rma.domain.order import (
    ATTRIBUTES,
    Address,
    Consent,
    Delivered,
    Delivery,
    Fee,
    Line,
    Order,
    Payment,
    Person,
    Promotion,
    Shipping,
    Terms,
)
from rma.domain.places import is_country, iso
from rma.domain.service_period import period_faults
from rma.domain.snapshot_forms import (
    CustomerForm,
    DeliveredForm,
    DeliveryForm,
    FeeForm,
    Form,
    LineForm,
    MoneyForm,
    OrderForm,
    PaymentForm,
    PromotionForm,
    ShippingForm,
    TermsForm,
)
from rma.errors import FieldError, Invalid

LARGEST_LINE = 10**14
"""No line may be worth this many minor units: many lines still add up to a 64-bit number."""
EARLIEST_YEAR, LATEST_YEAR = 1970, 2999
"""Days outside these years are slips of a pen, and would not survive the counting of periods."""


def read_order(number: str | None, source: bytes | Mapping[str, Any], *, now: dt.datetime | None = None) -> Order:
    """The order of a snapshot. ``number`` is the address's; None takes the body's own (import).

    ``Unreadable`` for broken JSON, else ``Invalid`` with the path of every fault. With ``now``, an instant after it is
    a fault too. Whether more was delivered than ordered is told here along with other faults; on its own that hangs on
    what we hold of the order, see ``check_delivered``.
    """
    sent = strict.decode(source, OrderForm) if isinstance(source, bytes) else strict.convert(source, OrderForm)
    faults = [*_number_faults(number, sent), *_value_faults(sent), *_time_faults(_instants(sent), now)]
    faults += _promise_faults(sent.promised_by)
    if faults:
        _raise([*faults, *_delivered_faults(sent.deliveries, {line.id: line.quantity for line in sent.lines})])
    return _order(number or sent.number or "", sent)


def check_delivered(snapshot: Order, held: Order) -> None:
    """``Invalid`` where a delivery of the snapshot has more units of a line than ``held``, the merged order, has."""
    _raise(list(_delivered_faults(snapshot.deliveries, {line.id: line.quantity for line in held.lines})))


def read_delivery(source: bytes | Mapping[str, Any], *, order: Order, now: dt.datetime | None = None) -> Delivery:
    """One delivery of an order we hold (``POST /orders/{number}/deliveries``). Faults are ``Invalid`` with paths."""
    sent = strict.decode(source, DeliveryForm) if isinstance(source, bytes) else strict.convert(source, DeliveryForm)
    quantities = {line.id: line.quantity for line in order.lines}
    faults = [*_delivery_faults(sent, quantities, ""), *_too_many_faults(sent, quantities, "")]
    faults += _time_faults(_delivery_instants(sent, ""), now)
    _raise(faults)
    return _delivery(sent)


def _raise(faults: list[FieldError]) -> None:
    if faults:
        raise Invalid(f"{faults[0].path}: {faults[0].message}", errors=faults)


def _number_faults(number: str | None, sent: OrderForm) -> Iterator[FieldError]:
    if number is None and sent.number is None:
        yield FieldError("number", "missing", "this field is required")
    if number is not None and sent.number not in (None, number):
        yield FieldError("number", "mismatch", f"the address says {number!r}")


def _value_faults(sent: OrderForm) -> Iterator[FieldError]:
    """What types cannot see: currency, decimals, rates, names that must exist, ids that must differ."""
    if not is_currency(sent.currency):
        yield FieldError("currency", "currency", f"{sent.currency[:10]!r} is not a currency of ISO 4217")
        return
    if sent.ship_to is not None and not is_country(iso(sent.ship_to.country)):
        yield FieldError("ship_to.country", "country", f"{sent.ship_to.country!r} is not a country of ISO 3166-1")
    quantities = {line.id: line.quantity for line in sent.lines}
    yield from _money_faults(sent, sent.currency, "")
    yield from _unique("lines", [line.id for line in sent.lines])
    yield from _unique("payments", [payment.id for payment in sent.payments])
    yield from _unique("deliveries", [delivery.id for delivery in sent.deliveries])
    yield from _unique("promotions", [promotion.code for promotion in sent.promotions], key="code")
    for index, line in enumerate(sent.lines):
        yield from _line_faults(line, sent, f"lines[{index}]")
    for index, promotion in enumerate(sent.promotions):
        yield from _known(promotion.lines or (), quantities, f"promotions[{index}].lines")
    if sent.never_informed and sent.withdrawal_information_given_at is not None:
        message = "the consumer was informed at an instant, or never"
        yield FieldError("never_informed", "contradiction", message)
    for index, fee in enumerate(sent.fees):
        if fee.line is not None and fee.line not in quantities:
            yield FieldError(f"fees[{index}].line", "unknown_line", f"the order has no line {fee.line!r}")
    yield from _charge_faults(sent)
    for index, payment in enumerate(sent.payments):
        yield from _payment_faults(payment, sent.currency, f"payments[{index}]")
    for index, delivery in enumerate(sent.deliveries):
        yield from _delivery_faults(delivery, quantities, f"deliveries[{index}].")


def _money_faults(value: Form, currency: str, prefix: str) -> Iterator[FieldError]:
    """Every amount and every tax rate anywhere in the snapshot."""
    for name in value.__struct_fields__:
        part, path = getattr(value, name), prefix + name
        if isinstance(part, MoneyForm):
            yield from _amount_faults(part, currency, path)
        elif isinstance(part, Form):
            yield from _money_faults(part, currency, path + ".")
        elif isinstance(part, tuple):
            for index, item in enumerate(part):
                if isinstance(item, Form):
                    yield from _money_faults(item, currency, f"{path}[{index}].")
        elif name == "tax_rate" and part is not None:
            yield from _rate_faults(part, path)


def _amount_faults(money: MoneyForm, currency: str, path: str) -> Iterator[FieldError]:
    if money.currency != currency:
        yield FieldError(f"{path}.currency", "currency", f"the order is in {currency}")
    fault = fault_of(money.amount, currency, loose=True)
    if fault:
        yield FieldError(f"{path}.amount", *fault)


def _rate_faults(text: str, path: str) -> Iterator[FieldError]:
    try:
        numerator, denominator = rate(text)
    except ValueError as fault:
        yield FieldError(path, "percent", str(fault))
        return
    if numerator > denominator:
        yield FieldError(path, "percent", "a tax rate above 100 is not possible")


def _unique(path: str, ids: list[str], *, key: str = "id") -> Iterator[FieldError]:
    seen: set[str] = set()
    for index, one in enumerate(ids):
        if one in seen:
            yield FieldError(f"{path}[{index}].{key}", "duplicate", f"{one!r} is there already")
        seen.add(one)


def _known(ids: tuple[str, ...], quantities: Mapping[str, int], path: str) -> Iterator[FieldError]:
    for index, one in enumerate(ids):
        if one not in quantities:
            yield FieldError(f"{path}[{index}]", "unknown_line", f"the order has no line {one!r}")


def _line_faults(line: LineForm, sent: OrderForm, path: str) -> Iterator[FieldError]:
    for name in line.attributes:
        if name not in ATTRIBUTES:
            yield FieldError(f"{path}.attributes.{name[:80]}", "unknown", "there is no such attribute")
    yield from period_faults(line.service, kind=line.kind, path=f"{path}.service")
    if _clean(line.unit_price, sent.currency) and _clean(line.discount, sent.currency):
        listed, total = _line_amounts(line, sent.currency)
        if listed >= LARGEST_LINE:
            yield FieldError(f"{path}.unit_price.amount", "too_large", "the line is worth too much")
        tax = line.tax
        if (
            tax
            and sent.prices_include_tax
            and _clean(tax, sent.currency)
            and rounded(tax.amount, sent.currency) > total
        ):
            yield FieldError(f"{path}.tax.amount", "tax", "the tax inside a line cannot be more than the line")


def _clean(money: MoneyForm | None, currency: str) -> bool:
    return money is None or not any(_amount_faults(money, currency, ""))


def _payment_faults(payment: PaymentForm, currency: str, path: str) -> Iterator[FieldError]:
    if not (_clean(payment.captured, currency) and _clean(payment.refunded, currency)):
        return
    if payment.refunded and rounded(payment.refunded.amount, currency) > rounded(payment.captured.amount, currency):
        yield FieldError(f"{path}.refunded.amount", "above_captured", "more was refunded than was captured")


def _charge_faults(sent: OrderForm) -> Iterator[FieldError]:
    """The tax inside shipping or a fee cannot be more than the charge."""
    currency = sent.currency
    charges = [(f"fees[{index}]", fee.amount, fee.tax) for index, fee in enumerate(sent.fees)]
    if sent.shipping:
        charges.append(("shipping", sent.shipping.amount, sent.shipping.tax))
    for path, amount, tax in charges:
        clean = _clean(amount, currency) and _clean(tax, currency)
        if (
            tax
            and sent.prices_include_tax
            and clean
            and rounded(tax.amount, currency) > rounded(amount.amount, currency)
        ):
            yield FieldError(f"{path}.tax.amount", "tax", "the tax inside a charge cannot be more than the charge")


def _delivery_faults(delivery: DeliveryForm, quantities: Mapping[str, int], prefix: str) -> Iterator[FieldError]:
    yield from _known(tuple(line.id for line in delivery.lines), quantities, f"{prefix}lines")


def _delivered_faults(
    deliveries: Sequence[DeliveryForm | Delivery], quantities: Mapping[str, int]
) -> Iterator[FieldError]:
    for index, delivery in enumerate(deliveries):
        yield from _too_many_faults(delivery, quantities, f"deliveries[{index}].")


def _too_many_faults(
    delivery: DeliveryForm | Delivery, quantities: Mapping[str, int], prefix: str
) -> Iterator[FieldError]:
    lines: Sequence[DeliveredForm | Delivered] = delivery.lines
    for index, line in enumerate(lines):
        if line.quantity > quantities.get(line.id, line.quantity):
            message = f"only {quantities[line.id]} were ordered"
            yield FieldError(f"{prefix}lines[{index}].quantity", "quantity", message)


def _time_faults(instants: Iterator[tuple[str, dt.datetime | None]], now: dt.datetime | None) -> Iterator[FieldError]:
    """Instants that no order can have: long before there were any, or after ``now``."""
    for path, at in instants:
        if at is None:
            continue
        if at.year < EARLIEST_YEAR:
            yield FieldError(path, "too_early", f"this instant is before {EARLIEST_YEAR}")
        elif now is not None and at > now:
            yield FieldError(path, "future", "this instant is in the future")


def _promise_faults(day: dt.date | None) -> Iterator[FieldError]:
    if day is not None and not EARLIEST_YEAR <= day.year <= LATEST_YEAR:
        yield FieldError("promised_by", "day", f"this day is not between {EARLIEST_YEAR} and {LATEST_YEAR}")


def _instants(sent: OrderForm) -> Iterator[tuple[str, dt.datetime | None]]:
    """Every instant of a snapshot with its path."""
    yield "ordered_at", sent.ordered_at
    yield "withdrawal_information_given_at", sent.withdrawal_information_given_at
    for name, consent in (sent.customer.consents if sent.customer else {}).items():
        yield f"customer.consents.{name}.at", consent.at
    for index, payment in enumerate(sent.payments):
        yield f"payments[{index}].captured_at", payment.captured_at
    for index, delivery in enumerate(sent.deliveries):
        yield from _delivery_instants(delivery, f"deliveries[{index}].")


def _delivery_instants(delivery: DeliveryForm, prefix: str) -> Iterator[tuple[str, dt.datetime | None]]:
    yield f"{prefix}shipped_at", delivery.shipped_at
    yield f"{prefix}delivered_at", delivery.delivered_at


def _order(number: str, sent: OrderForm) -> Order:
    currency, customer = sent.currency, sent.customer or CustomerForm()
    return Order(
        number=number,
        ordered_at=sent.ordered_at,
        currency=currency,
        prices_include_tax=sent.prices_include_tax,
        lines=tuple(_line(line, currency) for line in sent.lines),
        total=_optional(sent.total, currency),
        promised_by=sent.promised_by,
        person=_person(sent),
        country=sent.ship_to.country if sent.ship_to else None,
        is_business=customer.is_business,
        groups=customer.groups,
        locale=customer.locale,
        promotions=tuple(_promotion(promotion, currency) for promotion in sent.promotions),
        shipping=_shipping(sent.shipping, currency),
        fees=tuple(_fee(fee, currency) for fee in sent.fees),
        points_earned=sent.points_earned,
        payments=tuple(_payment(payment, currency) for payment in sent.payments),
        deliveries=tuple(_delivery(delivery) for delivery in sent.deliveries),
        withdrawal_information_given_at=sent.withdrawal_information_given_at,
        never_informed=sent.never_informed,
    )


def _optional(money: MoneyForm | None, currency: str) -> int | None:
    return None if money is None else rounded(money.amount, currency)


def _amount(money: MoneyForm | None, currency: str) -> int:
    return 0 if money is None else rounded(money.amount, currency)


def _line_amounts(line: LineForm, currency: str) -> tuple[int, int]:
    """Unit price × quantity, and that less the discount, each rounded half up once; never below zero (M06)."""
    price, price_places = decimal_parts(line.unit_price.amount) or (0, 0)
    off, off_places = (decimal_parts(line.discount.amount) if line.discount else None) or (0, 0)
    unit, places = 10 ** exponent(currency), max(price_places, off_places)
    exact = price * line.quantity * 10 ** (places - price_places)
    net = max(0, exact - off * 10 ** (places - off_places))
    return half_up(exact * unit, 10**places), half_up(net * unit, 10**places)


def _line(line: LineForm, currency: str) -> Line:
    listed, total = _line_amounts(line, currency)
    return Line(
        id=line.id,
        sku=line.sku,
        name=line.name,
        quantity=line.quantity,
        unit_price=line.unit_price.amount,
        listed=listed,
        total=total,
        tax_rate=line.tax_rate,
        tax=_optional(line.tax, currency),
        category=line.category,
        tags=line.tags,
        kind=line.kind,
        attributes=line.attributes,
        service=line.service,
    )


def _person(sent: OrderForm) -> Person:
    customer = sent.customer or CustomerForm()
    return Person(
        reference=customer.reference,
        email=customer.email,
        name=customer.name,
        phone=customer.phone,
        consents={name: Consent(one.given, one.at, one.source) for name, one in customer.consents.items()},
        ship_to=Address(**msgspec.structs.asdict(sent.ship_to)) if sent.ship_to else None,
    )


def _promotion(sent: PromotionForm, currency: str) -> Promotion:
    terms = TermsForm(text=sent.terms) if isinstance(sent.terms, str) else sent.terms
    kept = None
    if terms is not None:
        least = _optional(terms.minimum, currency)
        kept = Terms(text=terms.text, minimum=least, minimum_quantity=terms.minimum_quantity)
    return Promotion(code=sent.code, amount=_amount(sent.amount, currency), lines=sent.lines or (), terms=kept)


def _shipping(sent: ShippingForm | None, currency: str) -> Shipping | None:
    if sent is None:
        return None
    return Shipping(
        amount=_amount(sent.amount, currency),
        discount=_amount(sent.discount, currency),
        tax_rate=sent.tax_rate,
        tax=_optional(sent.tax, currency),
        cheapest_standard=_optional(sent.cheapest_standard, currency),
    )


def _fee(sent: FeeForm, currency: str) -> Fee:
    tax = _optional(sent.tax, currency)
    amount = _amount(sent.amount, currency)
    return Fee(kind=sent.kind, amount=amount, tax_rate=sent.tax_rate, tax=tax, line=sent.line)


def _payment(sent: PaymentForm, currency: str) -> Payment:
    return Payment(
        id=sent.id,
        tender=sent.tender,
        provider=sent.provider,
        reference=sent.reference,
        authorised=_optional(sent.authorised, currency),
        captured=_amount(sent.captured, currency),
        captured_at=sent.captured_at,
        refunded=_amount(sent.refunded, currency),
    )


def _delivery(sent: DeliveryForm) -> Delivery:
    lines = tuple(Delivered(id=line.id, quantity=line.quantity, piece=line.piece) for line in sent.lines)
    kept = {name: getattr(sent, name) for name in DeliveryForm.__struct_fields__ if name != "lines"}
    return Delivery(lines=lines, **kept)
