"""Replacements: stock reserved at filing, ordered when the goods are accepted, delivered as a line of their own."""

from __future__ import annotations

from typing import Any

import msgspec
import sqlalchemy as sa

from rma.db import tables
from rma.db.session import Work
from rma.domain import pricing, units
from rma.domain.merging import add_delivery
from rma.domain.money import parse_money
from rma.domain.order import Delivered, Delivery, with_line
from rma.domain.pricing import replacement_line
from rma.errors import Invalid, Refused
from rma.services import cases_view, differences, doors, securing, settling, sight
from rma.services.caller import Caller
from rma.services.case import Line
from rma.services.context import Services
from rma.services.inputs import Code, Instant, Prose, Word, happened
from rma.services.line_effects import ranges, settle_number, the_case, the_root
from rma.services.refunds import propose_differences, propose_refund, undo_exchange
from rma.services.transition import Door, Subject, effect

_products = tables.table(tables.Product)
_orders = tables.table(tables.Order)
_payments = tables.table(tables.Payment)


class ReplacementAct(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What happened to a replacement, and when."""

    at: Instant | None = None
    carrier: Code | None = None
    tracking: Code | None = None
    reason: Prose | None = None
    sku: Word | None = None


class PaymentIn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the customer paid for the difference of an exchange; ``provider`` is who could pay it back."""

    reference: Code
    amount: dict[str, str]
    tender: Code
    provider: Code | None = None


def act(
    work: Work,
    services: Services,
    caller: Caller,
    replacement_id: str,
    trigger: str,
    data: ReplacementAct,
    *,
    locale: str,
) -> dict[str, Any]:
    """``order``, ``ship``, ``deliver``, ``out_of_stock`` or ``release``, by the store's own system or people."""
    door, subject = doors.open_child(work, services, caller, "replacement", replacement_id, order=True)
    if faults := happened("at", data.at, door.now):
        raise Invalid(faults[0].message, errors=faults)
    at = data.at or door.now
    news = {"carrier": data.carrier, "tracking": data.tracking, f"{trigger}_at": msgspec.to_builtins(at)}
    subject.set(doc={**subject.row["doc"], **{k: v for k, v in news.items() if v is not None}})
    fields = {"sku": data.sku, "reason": data.reason or trigger, "at": at}
    doors.act(door, subject, trigger, caller, data={"happened_at": at}, fields=fields, language=locale)
    if trigger == "change_variant":
        order_replacements(door, subject, {})
        propose_differences(door)
    door.close()
    return sight.of_replacement(cases_view.replacement(subject, the_case(door).row["currency"]), caller)


def pay(
    work: Work, services: Services, caller: Caller, return_id: str, data: PaymentIn, *, locale: str
) -> dict[str, Any]:
    """Take what the customer paid; a reference counts once. What is fully paid for is ordered."""
    door = doors.open_case(work, services, caller, return_id, order=True)
    case = the_case(door)
    amount = parse_money(data.amount, case.row["currency"], path="amount")
    if amount <= 0:
        raise Invalid.field("amount", "not_positive", "A payment is more than nothing.")
    known = work.conn.execute(
        sa.select(_payments.c.id).where(_payments.c.return_id == case.id, _payments.c.reference == data.reference)
    ).first()
    if known is None:
        payment_id = work.new_id("pay")
        paid = {"id": payment_id, "tender": data.tender, "reference": data.reference, "provider": data.provider}
        _spread(door, caller, amount, paid)
        work.session.add(
            tables.Payment(
                id=payment_id,
                store_id=door.store.id,
                return_id=case.id,
                reference=data.reference,
                tender=data.tender,
                amount=amount,
                currency=case.row["currency"],
                created_at=door.now,
            )
        )
        door.say("payment.received", {"reference": data.reference, "amount": amount, "tender": data.tender})
        door.close()
    del locale
    return {
        "return_id": case.id,
        "reference": data.reference,
        "replacements": [cases_view.replacement(s, case.row["currency"]) for s in door.children("replacement")],
        "version": case.row["version"],
    }


def _spread(door: Door, caller: Caller, amount: int, paid: dict[str, Any]) -> None:
    for subject in door.children("replacement"):
        due = subject.row["due_from_customer"] - subject.row["doc"].get("paid", 0)
        if subject.state in differences.ENDED or due <= 0 or amount <= 0:
            continue
        share = min(due, amount)
        amount -= share
        differences.keep(subject, paid, share)
        if share == due and subject.state == "awaiting_payment":
            doors.act(door, subject, "pay", caller)
    if amount:
        raise Refused("That is more than the customer owes.", code="above_due")


# -- effects ----------------------------------------------------------------------------------------------------------


@effect("reserve_replacements")
def reserve_replacements(door: Door, _subject: Subject, _fields: dict[str, Any]) -> None:
    """Open a replacement, with its stock, for each exchange line that has none alive.

    Refused where the one that is alive cannot be had any more: the customer has to choose first.
    """
    alive = {s.row["return_line_id"]: s for s in door.children("replacement") if s.state not in differences.ENDED}
    for line in the_case(door).lines:
        doc = line.doc
        if line.id in alive and alive[line.id].state == "out_of_stock":
            raise settling.out_of_stock(door.work, door.store, alive[line.id].row["sku"])
        if (
            line.outcome != "exchange"
            or line.id in alive
            or "exchange_sku" not in doc
            or doc.get("decision") == "refused"
        ):
            continue
        if door.children("replacement") and any(
            s.row["return_line_id"] == line.id and s.state == "delivered" for s in door.children("replacement")
        ):
            continue
        product = doc.get("exchange_product")
        securing.take_stock(door, product, doc["exchange_quantity"])
        row = {
            "id": door.work.new_id("rep"),
            "store_id": door.store.id,
            "return_id": the_case(door).id,
            "return_line_id": line.id,
            "sku": doc["exchange_sku"],
            "quantity": doc["exchange_quantity"],
            "unit_value": doc["exchange_price"],
            "due_from_customer": doc.get("exchange_due", 0),
            "doc": {"product": product, "held": doc["exchange_quantity"] if product else 0, "in_stock": True},
        }
        door.open_child("replacement", row, {"sku": row["sku"], "quantity": row["quantity"], "line": line.id})


@effect("release_stock")
def release_stock(door: Door, subject: Subject, _fields: dict[str, Any]) -> None:
    """Give the reserved stock back."""
    doc = subject.row["doc"]
    if doc.get("held"):
        door.work.conn.execute(
            sa.update(_products)
            .where(_products.c.id == doc["product"])
            .values(reserved=_products.c.reserved - doc["held"])
        )
        subject.set(doc={**doc, "held": 0})


@effect("reserve_stock")
def reserve_stock(door: Door, subject: Subject, fields: dict[str, Any]) -> None:
    """Reserve the units of the variant that was chosen, at its own price."""
    sku = fields.get("sku") or subject.row["sku"]
    product = door.work.conn.execute(
        sa.select(_products).where(_products.c.store_id == door.store.id, _products.c.sku == sku)
    ).first()
    if product is None:
        raise Invalid.field("sku", "unknown_product", f"{sku} is not in the catalogue.")
    securing.take_stock(door, product.id, subject.row["quantity"])
    doc = {**subject.row["doc"], "product": product.id, "held": subject.row["quantity"], "in_stock": True}
    subject.set(doc=doc)
    if sku != subject.row["sku"]:
        _price_anew(door, subject, product)


def _price_anew(door: Door, subject: Subject, product: Any) -> None:
    """The variant costs what it costs: the difference is due, or goes back, with what the units were counted for."""
    line, row = _line_of(door, subject), subject.row
    old = (line.order_line_id, ranges(line, "accepted_units") if row["doc"].get("goods_secured") else line.units)
    price = settling.price_of(door.store, door.order, product, old, sku=product.sku, quantity=row["quantity"])
    if price is None:
        raise Invalid.field("sku", "unknown_product", f"{product.sku} has no price in the currency of the order.")
    if row["doc"].get("goods_secured"):
        undo_exchange(door, line)
        securing.choose_anew(door, subject, line, product)
        due = price
    else:
        due = settling.due_for(door, line, price)
    subject.set(sku=product.sku, unit_value=price, due_from_customer=due)


def _line_of(door: Door, subject: Subject) -> Line:
    return next(line for line in the_case(door).lines if line.id == subject.row["return_line_id"])


@effect("order_replacements")
def order_replacements(door: Door, _subject: Subject, _fields: dict[str, Any]) -> None:
    """Order what is secured: its goods were accepted, or what was missing of its price is covered now.

    Where fewer were accepted, fewer go out; where none is left to be accepted, nobody waits for it any more.
    """
    ready, unpaid = [], []
    for subject in door.children("replacement"):
        line = _line_of(door, subject)
        unpaid += [subject] if subject.state == "awaiting_payment" else []
        if subject.state != "reserved" or not _is_judged(line):
            continue
        if line.accepted:
            securing.secure(door, subject, line)
            ready.append(subject)
        elif line.rejected + line.missing >= line.requested:
            door.fire(subject, "release", role="system")
    if ready or unpaid:
        propose_refund(door, the_root(door), {})
    for subject in ready:
        door.fire(subject, "order", role="system")
    for subject in unpaid:
        if subject.row["due_from_customer"] <= subject.row["doc"].get("paid", 0):
            door.fire(subject, "pay", role="system")


def _is_judged(line: Line) -> bool:
    """Nothing of the line is awaited any more, and what came was looked at."""
    here = line.accepted - line.doc.get("waived", 0) + line.rejected
    return bool(line.received + line.missing >= line.expected and here >= line.received)


@effect("release_replacements")
def release_replacements(door: Door, _subject: Subject, _fields: dict[str, Any]) -> None:
    """Nobody waits for these any more."""
    for subject in door.children("replacement"):
        if subject.state in ("reserved", "awaiting_payment", "ordered", "out_of_stock"):
            door.fire(subject, "release", role="system")


@effect("claim_guarantee")
def claim_guarantee(door: Door, _subject: Subject, _fields: dict[str, Any]) -> None:
    """Goods of an advance exchange did not come: finance sees the case."""
    case = the_case(door)
    if case.fact("advance"):
        case.facts(guarantee_claimed=True)
        door.say("return.held", {"reason": "guarantee"})


@effect("add_replacement_line")
def add_replacement_line(door: Door, subject: Subject, fields: dict[str, Any]) -> None:
    """The delivered goods become a returnable line of the order, with their own value and delivery date."""
    view = door.own_order()
    old = _line_of(door, subject)
    value = view.priced.lines[old.order_line_id]
    if subject.row["doc"].get("product"):
        _ship_stock(door, subject)
    line = replacement_line(
        view.order,
        value,
        line_id=subject.id,
        sku=subject.row["sku"],
        quantity=subject.row["quantity"],
        name=_name(door, subject) or old.doc.get("name", ""),
        value=subject.row["unit_value"],
    )
    delivered = Delivery(
        id=subject.id,
        shipped_at=None,
        delivered_at=fields.get("at") or door.now,
        received_by="consumer",
        carrier=subject.row["doc"].get("carrier"),
        carrier_chosen_by="seller",
        tracking=subject.row["doc"].get("tracking"),
        lines=(Delivered(id=line.id, quantity=line.quantity, piece=None),),
    )
    order = add_delivery(with_line(differences.into_order(door, subject), line), delivered)
    differences.store(door, order, pricing.price(order, frozen=view.priced))


def _ship_stock(door: Door, subject: Subject) -> None:
    held = subject.row["doc"].get("held", 0)
    door.work.conn.execute(
        sa.update(_products)
        .where(_products.c.id == subject.row["doc"]["product"])
        .values(reserved=_products.c.reserved - held, stock=_products.c.stock - subject.row["quantity"])
    )
    subject.set(doc={**subject.row["doc"], "held": 0})


def _name(door: Door, subject: Subject) -> str | None:
    query = sa.select(_products.c.name).where(_products.c.id == subject.row["doc"].get("product"))
    name: str | None = door.work.conn.execute(query).scalar()
    return name


@effect("book_exchange")
def book_exchange(door: Door, subject: Subject, _fields: dict[str, Any]) -> None:
    """The units that were replaced have found their end."""
    line = _line_of(door, subject)
    accepted = units.intersect(line.reserved, ranges(line, "accepted_units"))
    line.set(consumed=units.union(line.consumed, accepted), reserved=units.subtract(line.reserved, accepted))
    settle_number(line, units.count(accepted))


@effect("offer_refund")
def offer_refund(door: Door, subject: Subject, fields: dict[str, Any]) -> None:
    """What cannot be replaced is paid back, less what already went back, with what was paid for the difference.

    Where the customer is choosing anew (``changing``), the units are left to that choice.
    """
    case = the_case(door)
    line = _line_of(door, subject)
    if subject.row["doc"].get("payments"):
        differences.store(door, differences.into_order(door, subject), door.order.priced)
    open_again = undo_exchange(door, line)
    line.set(outcome="refund", doc={k: v for k, v in line.doc.items() if not k.startswith("exchange_")})
    if (open_again or case.state in ("settling", "inspecting")) and not fields.get("changing"):
        propose_refund(door, subject, fields)
    else:
        propose_differences(door)
