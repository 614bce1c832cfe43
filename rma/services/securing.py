"""Replacements and the goods that they are for: secured once those are accepted, and no more where they are not here.

What is secured goes out. So once it is ordered, the receipt of its goods stands, as it does once money was paid.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from rma.db import tables
from rma.domain import engine, settlement
from rma.errors import Reason, Refused
from rma.services import differences, gather, settling
from rma.services.case import Line
from rma.services.line_effects import ranges
from rma.services.transition import Door, Subject

_products = tables.table(tables.Product)
_WHOLE = ("quantity", "unit_value", "due_from_customer")
"""What the exchange was before fewer units than that were accepted for it."""
_GONE = frozenset({"ordered", "shipped", "delivered"})


def take_stock(door: Door, product: str | None, quantity: int) -> None:
    """Reserve so many pieces of a product, where it is known. ``Refused`` ``out_of_stock``."""
    if product is None:
        return
    free = sa.or_(_products.c.stock.is_(None), _products.c.stock - _products.c.reserved >= quantity)
    taken = door.work.conn.execute(
        sa.update(_products).where(_products.c.id == product, free).values(reserved=_products.c.reserved + quantity)
    )
    if taken.rowcount == 0:
        sku = door.work.conn.execute(sa.select(_products.c.sku).where(_products.c.id == product)).scalar_one()
        raise settling.out_of_stock(door.work, door.store, sku)


def secure(door: Door, subject: Subject, line: Line) -> None:
    """Only accepted units are replaced, by whole pieces; stock and price are of those."""
    row, doc = subject.row, subject.row["doc"]
    if doc.get("goods_secured"):
        return
    doc = {**doc, "goods_secured": True, "whole": {name: row[name] for name in _WHOLE}}
    pieces, price = row["quantity"], row["unit_value"]
    if line.accepted < line.requested:
        whole = door.order.priced.lines[line.order_line_id]
        pieces = settlement.fewer_pieces(row["quantity"], units=line.requested, accepted=line.accepted)
        if row["sku"] == line.sku and row["quantity"] == line.requested and price == whole.values(line.units).gross:
            price = whole.values(ranges(line, "accepted_units")).gross
        else:
            price = price * pieces // row["quantity"]
    if back := doc.get("held", 0) - pieces if doc.get("held") else 0:
        door.work.conn.execute(
            sa.update(_products).where(_products.c.id == doc["product"]).values(reserved=_products.c.reserved - back)
        )
        doc["held"] = pieces
    subject.set(quantity=pieces, unit_value=price, doc=doc)


def choose_anew(door: Door, subject: Subject, line: Line, product: Any) -> None:
    """Another variant of what is secured: what the whole exchange would cost now is remembered with it."""
    doc = subject.row["doc"]
    quantity = doc.get("whole", subject.row)["quantity"]
    old = (line.order_line_id, line.units)
    price = settling.price_of(door.store, door.order, product, old, sku=product.sku, quantity=quantity) or 0
    whole = {"quantity": quantity, "unit_value": price, "due_from_customer": settling.due_for(door, line, price)}
    subject.set(doc={**doc, "whole": whole})


def loosen(door: Door, line: Line) -> None:
    """Units of a line are not here after all: its replacement waits for the goods again, whole as it was chosen.

    ``Refused`` ``replacement_ordered`` for one that is on its way: whoever can stop it releases it first.
    """
    subject = differences.replacement_of(door, line)
    if subject is None or not subject.row["doc"].get("goods_secured"):
        return
    if subject.state in _GONE:
        raise _ordered(subject)
    doc = subject.row["doc"]
    whole, held = doc.get("whole", {}), doc.get("held", 0)
    if held and whole and whole["quantity"] > held:
        take_stock(door, doc["product"], whole["quantity"] - held)
        held = whole["quantity"]
    subject.set(**whole, doc={**doc, "goods_secured": False, "held": held})
    if subject.state == "awaiting_payment":
        _wait(door, subject)


def _wait(door: Door, subject: Subject) -> None:
    """Nothing is to be paid before the goods are here; a machine that knows no way back asks for a release instead."""
    facts = gather.facts(door, subject)
    if not engine.able(subject.definition, subject.state, "await_goods", roles=["system"], facts=facts):
        raise _ordered(subject)
    door.fire(subject, "await_goods", role="system")


def _ordered(subject: Subject) -> Refused:
    text = f"What these units are exchanged for ({subject.row['sku']}) is {subject.state.replace('_', ' ')}: "
    text += "nobody can have it without them." if subject.state == "delivered" else "release it first."
    reason = Reason(rule="goods_secured", code="replacement_ordered", text=text)
    allowed = [] if subject.state == "delivered" else ["release"]
    return Refused(text, code="replacement_ordered", reasons=[reason], allowed=allowed)
