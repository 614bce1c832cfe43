"""The real invoices: reading and cleaning "Online Retail II" (Daqing Chen, 2019, UCI, CC BY 4.0).

The file is what a real shop has, so it holds much that is no sale of goods to a known customer. Nothing is repaired
in silence: every row that is left out is counted under a code, see :data:`DROPPED`.
"""

from __future__ import annotations

import csv
import gzip
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path

import msgspec

from rma.errors import Invalid, Unreadable

COLUMNS = ("invoice", "sku", "description", "quantity", "invoiced_at", "unit_price_gbp", "customer", "country")
DROPPED: Mapping[str, str] = {
    "no_customer": "sold to nobody we know: a return must belong to a customer",
    "price_zero": "price 0: samples, corrections and goods found in the warehouse",
    "write_off": "negative quantity on an invoice that is no credit note: stock written off",
    "not_goods": "manual lines, adjustments, bank charges, marketplace fees, gift vouchers, tests",
    "without_goods": "an invoice that holds no goods once the rest is left out",
    "credit_positive": "positive quantity on a credit note: taken back nothing",
}
_GOODS = re.compile(r"^(\d{5}|DCGS)", re.ASCII)
_POSTAGE = frozenset({"POST", "DOT", "C2"})


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One row of the file as it stands; ``at`` is local time in Europe/London without a zone."""

    invoice: str
    sku: str
    name: str
    quantity: int
    at: datetime
    price: Decimal
    customer: str
    country: str


class SaleLine(msgspec.Struct, frozen=True, kw_only=True):
    """Goods on one invoice: rows of one sku at one price are one line. ``id`` is unique within the sale."""

    id: str
    sku: str
    name: str
    quantity: int
    price: Decimal


class Sale(msgspec.Struct, frozen=True, kw_only=True):
    """An invoice to a known customer with at least one line of goods; postage and discount are amounts in GBP."""

    number: str
    at: datetime
    customer: str
    country: str
    lines: tuple[SaleLine, ...]
    postage: Decimal
    discount: Decimal


class CreditLine(msgspec.Struct, frozen=True, kw_only=True):
    """One row of a credit note. ``quantity`` is positive: units taken back, or units of a charge given back."""

    sku: str
    name: str
    quantity: int
    price: Decimal
    kind: str


class Credit(msgspec.Struct, frozen=True, kw_only=True):
    """A credit note; ``customer`` may be empty."""

    number: str
    at: datetime
    customer: str
    lines: tuple[CreditLine, ...]


class Cleaned(msgspec.Struct, frozen=True, kw_only=True):
    """Sales and credit notes in the order of time, and how many rows were left out under each code."""

    rows: int
    sales: tuple[Sale, ...]
    credits: tuple[Credit, ...]
    dropped: Mapping[str, int]


def read_rows(path: Path) -> tuple[Row, ...]:
    """Read one ``.csv`` or ``.csv.gz``. Unreadable when it is neither, Invalid when a row cannot be right."""
    opener = gzip.open if path.suffix == ".gz" else open
    try:
        with opener(path, "rt", encoding="utf-8", newline="") as lines:
            return tuple(parse_rows(lines))
    except (OSError, EOFError, UnicodeDecodeError) as error:
        msg = f"{path.name} cannot be read: {error}"
        raise Unreadable(msg) from error


def parse_rows(lines: Iterable[str]) -> Iterator[Row]:
    """Rows of the file's text, header first. Invalid names the row (counted from 1, after the header)."""
    reader = csv.DictReader(lines)
    if tuple(reader.fieldnames or ()) != COLUMNS:
        raise Invalid.field("header", "columns", f"the columns must be {', '.join(COLUMNS)}")
    for index, cells in enumerate(reader, start=1):
        yield _row(index, cells)


def _row(index: int, cells: Mapping[str, str]) -> Row:
    try:
        return Row(
            invoice=cells["invoice"].strip(),
            sku=cells["sku"].strip(),
            name=" ".join(cells["description"].split()),
            quantity=int(cells["quantity"]),
            at=datetime.fromisoformat(cells["invoiced_at"]),
            price=Decimal(cells["unit_price_gbp"]),
            customer=cells["customer"].strip(),
            country=cells["country"].strip(),
        )
    except (ValueError, InvalidOperation, AttributeError) as error:
        raise Invalid.field(f"rows[{index}]", "row", f"row {index} cannot be right: {error}") from error


def kind_of(sku: str) -> str:
    """What a stock code stands for: ``goods``, ``postage``, ``discount`` or ``not_goods``."""
    if _GOODS.match(sku):
        return "goods"
    if sku in _POSTAGE:
        return "postage"
    return "discount" if sku == "D" else "not_goods"


def clean(rows: Iterable[Row]) -> Cleaned:
    """Group rows to sales and credit notes; count what is left out. Pure: the same rows give the same answer."""
    documents: dict[str, list[Row]] = {}
    total = 0
    for row in rows:
        documents.setdefault(row.invoice, []).append(row)
        total += 1
    dropped: Counter[str] = Counter()
    credit_notes = [_credit(found, dropped) for number, found in documents.items() if number.startswith("C")]
    sales = [_sale(found, dropped) for number, found in documents.items() if not number.startswith("C")]
    return Cleaned(
        rows=total,
        sales=tuple(sorted((sale for sale in sales if sale), key=lambda sale: (sale.at, sale.number))),
        credits=tuple(sorted((note for note in credit_notes if note.lines), key=lambda note: (note.at, note.number))),
        dropped=dict(sorted(dropped.items())),
    )


def _fault(row: Row) -> str | None:
    """The code under which a row of an invoice is left out, or None."""
    if row.quantity <= 0 and kind_of(row.sku) != "discount":
        return "write_off"
    if row.price <= 0:
        return "price_zero"
    if not row.customer:
        return "no_customer"
    return "not_goods" if kind_of(row.sku) == "not_goods" else None


def _sale(rows: list[Row], dropped: Counter[str]) -> Sale | None:
    kept: list[Row] = []
    for row in rows:
        fault = _fault(row)
        if fault is None:
            kept.append(row)
        else:
            dropped[fault] += 1
    goods = [row for row in kept if kind_of(row.sku) == "goods"]
    if not goods:
        dropped["without_goods"] += len(kept)
        return None
    lines = _lines(goods)
    value = sum((line.price * line.quantity for line in lines), Decimal(0))
    return Sale(
        number=rows[0].invoice,
        at=min(row.at for row in kept),
        customer=goods[0].customer,
        country=goods[0].country,
        lines=lines,
        postage=_amount(kept, "postage"),
        discount=min(_amount(kept, "discount"), value),
    )


def _lines(goods: list[Row]) -> tuple[SaleLine, ...]:
    merged: dict[tuple[str, Decimal], Row] = {}
    for row in goods:
        key = (row.sku, row.price)
        known = merged.get(key)
        merged[key] = msgspec.structs.replace(known, quantity=known.quantity + row.quantity) if known else row
    return tuple(
        SaleLine(id=str(index), sku=row.sku, name=row.name or row.sku, quantity=row.quantity, price=row.price)
        for index, row in enumerate(merged.values(), start=1)
    )


def _amount(rows: Iterable[Row], kind: str) -> Decimal:
    return sum((abs(row.price * row.quantity) for row in rows if kind_of(row.sku) == kind), Decimal(0))


def _credit(rows: list[Row], dropped: Counter[str]) -> Credit:
    lines: list[CreditLine] = []
    for row in rows:
        if row.quantity >= 0:
            dropped["credit_positive"] += 1
        elif row.price <= 0:
            dropped["price_zero"] += 1
        else:
            lines.append(_credit_line(row))
    return Credit(number=rows[0].invoice, at=rows[0].at, customer=rows[0].customer, lines=tuple(lines))


def _credit_line(row: Row) -> CreditLine:
    return CreditLine(
        sku=row.sku, name=row.name or row.sku, quantity=-row.quantity, price=row.price, kind=kind_of(row.sku)
    )
