"""Orders as CSV: one row a line, the rows of one order together. From rows to the snapshot of the HTTP contract.

What is said of the whole order (``customer_email``) stands on its first row; later rows leave it empty or repeat it. A
promotion, a payment, a fee and a delivery are named by an id on the rows they belong to: a promotion covers the lines
that name its code, a delivery holds the lines that name its id. A row without any cell of a line adds none, so a second
payment can have a row of its own. Amounts are decimal texts with a point; lists are separated by ``|``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from rma.errors import FieldError

Cells = Mapping[str, str]

_TABLE = """
number                          order     number
ordered_at                      order     ordered_at
currency                        order     currency
prices_include_tax              order     prices_include_tax    flag
total                           order     total                 money
promised_by                     order     promised_by
points_earned                   order     points_earned         whole
withdrawal_information_given_at order     withdrawal_information_given_at
never_informed                  order     never_informed        flag
customer_reference              customer  reference
customer_email                  customer  email
customer_name                   customer  name
customer_phone                  customer  phone
is_business                     customer  is_business           flag
groups                          customer  groups                list
locale                          customer  locale
ship_to_name                    ship_to   name
ship_to_line1                   ship_to   line1
ship_to_line2                   ship_to   line2
ship_to_city                    ship_to   city
ship_to_region                  ship_to   region
ship_to_postcode                ship_to   postcode
ship_to_country                 ship_to   country
shipping                        shipping  amount                money
shipping_discount               shipping  discount              money
shipping_tax_rate               shipping  tax_rate
shipping_cheapest_standard      shipping  cheapest_standard     money
line_id                         line      id
sku                             line      sku
name                            line      name
quantity                        line      quantity              whole
unit_price                      line      unit_price            money
discount                        line      discount              money
tax_rate                        line      tax_rate
tax                             line      tax                   money
category                        line      category
tags                            line      tags                  list
kind                            line      kind
attributes                      line      attributes            names
promotion_code                  promotion code
promotion_amount                promotion amount                money
fee_kind                        fee       kind
fee_amount                      fee       amount                money
fee_tax_rate                    fee       tax_rate
payment_id                      payment   id
tender                          payment   tender
payment_provider                payment   provider
payment_reference               payment   reference
captured                        payment   captured              money
captured_at                     payment   captured_at
refunded                        payment   refunded              money
delivery_id                     delivery  id
shipped_at                      delivery  shipped_at
delivered_at                    delivery  delivered_at
carrier                         delivery  carrier
tracking                        delivery  tracking
delivered_quantity              delivered quantity              whole
"""


class Column(msgspec.Struct, frozen=True):
    """Where a cell goes: part of the snapshot, field, and how its text is read."""

    part: str
    field: str
    kind: str = "text"


COLUMNS: dict[str, Column] = {words[0]: Column(*words[1:]) for words in map(str.split, _TABLE.strip().splitlines())}
"""Every column of the file by its name."""
REQUIRED = ("number", "ordered_at", "currency", "prices_include_tax", "sku", "quantity", "unit_price")
"""Columns that a file of orders must have."""

_WHOLE_ORDER = ("order", "customer", "ship_to", "shipping")
_NAMED = {"promotion": "code", "fee": "kind", "payment": "id", "delivery": "id"}
_LIST = {"promotion": "promotions", "fee": "fees", "payment": "payments", "delivery": "deliveries"}
_FIRST = "1"  # the id of a payment or a delivery that the file does not name
_FLAGS = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}


def snapshot(rows: Sequence[Cells]) -> tuple[dict[str, Any], tuple[int, ...], list[FieldError]]:
    """The snapshot of an order's rows, which row each of its lines came from, and where rows contradict each other.

    What the values themselves may be is checked when the snapshot is read (``read_order``).
    """
    currency = next((cells["currency"] for cells in rows if cells.get("currency")), "")
    faults: list[FieldError] = []
    found: dict[str, Any] = {}
    for part in _WHOLE_ORDER:
        fields: dict[str, Any] = {}
        for cells in rows:
            _put(fields, _part(cells, part, currency), faults, part)
        if part == "order":
            found |= fields
        elif fields:
            found[part] = fields
    lines, sources = _lines(rows, currency)
    found["lines"] = lines
    for part, path in _LIST.items():
        things = _things(rows, part, currency, faults)
        if things:
            found[path] = list(things.values())
    _join(found, rows)
    return found, sources, faults


def _part(cells: Cells, part: str, currency: str) -> dict[str, Any]:
    """The filled cells of one part of a row."""
    return {
        column.field: _value(cells[name], column.kind, currency)
        for name, column in COLUMNS.items()
        if column.part == part and cells.get(name)
    }


def _value(text: str, kind: str, currency: str) -> Any:  # noqa: ANN401 - what JSON would hold here
    """The cell as JSON would have it; a text that cannot be read so stays, and is named when the snapshot is read."""
    if kind == "money":
        return {"amount": text, "currency": currency}
    if kind == "whole":
        return int(text) if text.isascii() and text.isdigit() and len(text) <= 18 else text  # noqa: PLR2004 - 64 bits
    if kind == "flag":
        return _FLAGS.get(text.lower(), text)
    if kind in ("list", "names"):
        names = [name.strip() for name in text.split("|") if name.strip()]
        return names if kind == "list" else dict.fromkeys(names, True)
    return text


def _put(known: dict[str, Any], more: dict[str, Any], faults: list[FieldError], path: str) -> None:
    """Add fields; a later row may repeat one, not change it."""
    for name, value in more.items():
        if known.setdefault(name, value) != value:
            where = name if path == "order" else f"{path}.{name}"
            faults.append(FieldError(where, "differs", "the rows of the order say different things here"))


def _lines(rows: Sequence[Cells], currency: str) -> tuple[list[dict[str, Any]], tuple[int, ...]]:
    """The lines with the places of their rows. A line without an id has its place among the lines, from 1."""
    lines: list[dict[str, Any]] = []
    sources: list[int] = []
    for place, cells in enumerate(rows):
        line = _part(cells, "line", currency)
        if line:
            lines.append({"id": str(len(lines) + 1)} | line)
            sources.append(place)
    return lines, tuple(sources)


def _things(rows: Sequence[Cells], part: str, currency: str, faults: list[FieldError]) -> dict[str, dict[str, Any]]:
    """Promotions, fees, payments or deliveries by what names them."""
    key = _NAMED[part]
    found: dict[str, dict[str, Any]] = {}
    for cells in rows:
        fields = _part(cells, part, currency)
        if fields:
            named = fields if key in fields or key != "id" else {key: _FIRST} | fields
            _put(found.setdefault(str(named.get(key, "")), {}), named, faults, _LIST[part])
    return found


def _join(found: dict[str, Any], rows: Sequence[Cells]) -> None:
    """Say which lines a promotion covers and a delivery holds."""
    promotions = {one.get("code"): one for one in found.get("promotions", ())}
    deliveries = {one["id"]: one for one in found.get("deliveries", ())}
    lines = iter(found["lines"])
    for cells in rows:
        if not _part(cells, "line", ""):
            continue
        line = next(lines)
        if promotion := promotions.get(cells.get("promotion_code")):
            promotion.setdefault("lines", []).append(line["id"])
        if _part(cells, "delivery", "") or cells.get("delivered_quantity"):
            delivery = deliveries.get(cells.get("delivery_id") or _FIRST)
            quantity = _part(cells, "delivered", "").get("quantity", line.get("quantity"))
            if delivery is not None:
                held = delivery.setdefault("lines", [])
                held += [{"id": line["id"], "quantity": quantity}] if quantity != 0 else []
    if deliveries:
        found["deliveries"] = [one for one in deliveries.values() if one.get("lines") != []]
