"""Products: what exchanges, bins and pictures need to know of a sku.

``stock`` is what is on hand, replacements that are reserved included; None is without limit. A snapshot replaces
everything but the stock, which stays as it is when the snapshot says nothing of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import IO, Annotated, Any, Literal

import msgspec
import sqlalchemy as sa
from msgspec import UNSET, Meta, UnsetType

from rma.db import tables
from rma.db.session import Work
from rma.domain import strict
from rma.domain.money import fault_of, parse_money, rate, wire
from rma.domain.snapshot_forms import MoneyForm, Name, Text
from rma.errors import FieldError, Invalid, NotFound, RmaError, Stale
from rma.services import import_files
from rma.services.caller import Caller
from rma.services.case import now_of
from rma.services.context import Services
from rma.services.import_files import Entry, Import, Report
from rma.services.orders import Outcome
from rma.services.paging import Ask, Page, cut

Stock = Annotated[int, Meta(ge=0, le=1_000_000_000)]
_GTIN_LENGTHS = (8, 12, 13, 14)
_DIGITS = 18  # so many fit 64 bits
LONGEST_SKU = 128
_products = tables.table(tables.Product)


class ProductIn(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A product as sent. ``price`` is that of one unit in the store's currency; ``tax_rate`` is a percentage."""

    name: Annotated[str, Meta(min_length=1, max_length=1000)]
    category: Name
    price: MoneyForm
    tax_rate: Annotated[str, Meta(max_length=20)]
    gtin: Annotated[str, Meta(max_length=14)] | None = None
    variant_of: Name | None = None
    attributes: Annotated[dict[Name, Text | int | bool], Meta(max_length=100)] = {}
    image_url: Annotated[str, Meta(pattern=r"^https?://[^\s]+$(?!\n)", max_length=2000)] | None = None
    bin: Annotated[str, Meta(max_length=64)] | None = None
    stock: Stock | UnsetType | None = UNSET


class ProductLine(ProductIn, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A product in a file: with its sku."""

    sku: Name


COLUMNS = {*ProductLine.__struct_fields__, "currency"}
"""The columns of a CSV file of products. ``attributes`` are ``size=M|colour=red``; an empty ``stock`` says nothing."""
REQUIRED = ("sku", "name", "category", "price", "currency", "tax_rate")


class ProductView(msgspec.Struct, frozen=True, kw_only=True):
    """A product as the API shows it. ``available`` is stock less what replacements hold; None is without limit."""

    sku: str
    name: str
    category: str | None
    price: MoneyForm | None
    tax_rate: str | None
    gtin: str | None
    variant_of: str | None
    attributes: dict[str, str | int | bool]
    image_url: str | None
    bin: str | None
    stock: int | None
    reserved: int
    available: int | None
    version: int
    updated_at: datetime


class Filters(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which products: the variants of a sku, or the one of a number."""

    variant_of: str | None = None
    sku: str | None = None
    gtin: str | None = None


def names(work: Work, store_id: str, skus: Sequence[str]) -> dict[str, str | None]:
    """What these products are called; None for one that the store does not know."""
    query = sa.select(_products.c.sku, _products.c.name).where(_products.c.store_id == store_id)
    found = {row.sku: row.name for row in work.conn.execute(query.where(_products.c.sku.in_(skus)))} if skus else {}
    return {sku: found.get(sku) for sku in skus}


def put(
    services: Services, caller: Caller, sku: str, sent: ProductIn, *, expected: int | None = None
) -> tuple[ProductView, bool]:
    """Take a product; whether it is new. ``Invalid`` names every wrong field, ``Stale`` when not at ``expected``."""
    line = ProductLine(sku=sku, **{name: getattr(sent, name) for name in ProductIn.__struct_fields__})
    _check(line, caller.currency)

    def act(work: Work) -> tuple[ProductView, bool]:
        (outcome,) = upsert(work, caller, [line], expected=expected)
        if isinstance(outcome, RmaError):
            raise outcome
        return show(work, caller, sku), outcome.result == "new"

    return services.database.retrying(act)


def load(
    services: Services,
    caller: Caller,
    file: IO[bytes],
    *,
    media_type: str,
    tick: Callable[[int], None] | None = None,
) -> Report:
    """Take every product of a file (NDJSON, one a line, or CSV), in transactions of its own. Harmless to repeat.

    Raises ``UnsupportedMedia``, ``Invalid`` for the header of a CSV file, ``Unavailable`` when the database is away.
    """
    entries = _csv(file) if import_files.is_csv(media_type) else import_files.ndjson(file)

    def read(entry: Entry) -> ProductLine:
        return _read(entry, caller.currency)

    def store(batch: Sequence[ProductLine]) -> Sequence[Outcome | RmaError]:
        return services.database.retrying(lambda work: upsert(work, caller, batch))

    return Import(read=read, key=lambda line: line.sku, store=store, tick=tick).run(entries)


def upsert(
    work: Work, caller: Caller, lines: Sequence[ProductLine], *, expected: int | None = None
) -> list[Outcome | RmaError]:
    """Take these products, each sku once, checked before. A duplicate key means: run it again (``retrying``)."""
    now = now_of(work, caller.store_id)
    wanted = sa.select(tables.Product).where(
        _products.c.store_id == caller.store_id, _products.c.sku.in_([line.sku for line in lines])
    )
    known = {
        row.sku: row for row in work.session.scalars(wanted.order_by(_products.c.sku).with_for_update(key_share=True))
    }
    outcomes: list[Outcome | RmaError] = []
    for line in lines:
        row = known.get(line.sku)
        if expected is not None and expected != (row.version if row else None):
            raise Stale(f"The product is at version {row.version} by now." if row else "The product is not there yet.")
        outcomes.append(_insert(work, caller, line, now) if row is None else _change(row, line, now))
    work.flush()
    return outcomes


def show(work: Work, caller: Caller, sku: str) -> ProductView:
    """One product. ``NotFound`` also for another store's."""
    wanted = sa.select(tables.Product).where(_products.c.store_id == caller.store_id, _products.c.sku == sku)
    row = work.session.scalars(wanted).first() if sku.isprintable() else None
    if row is None:
        raise NotFound("There is no such product.")
    return view(row, caller)


def listing(work: Work, caller: Caller, filters: Filters, ask: Ask) -> Page[ProductView]:
    """Products in the order in which they came in."""
    wanted = sa.select(tables.Product).where(
        _products.c.store_id == caller.store_id, _products.c.id > (ask.after or "")
    )
    for name, value in msgspec.structs.asdict(filters).items():
        if value is not None:
            wanted = wanted.where(_products.c[name] == value)
    rows = work.session.scalars(wanted.order_by(_products.c.id).limit(ask.limit + 1)).all()
    return cut(rows, ask, key=lambda row: row.id).map(lambda row: view(row, caller))


def view(row: tables.Product, caller: Caller) -> ProductView:
    """The product as this caller may see it: a key of the warehouse that reads no orders sees no price."""
    doc = row.doc
    money = caller.may("orders:read") or not caller.may("receiving:write")
    return ProductView(
        sku=row.sku,
        name=row.name,
        category=doc["category"],
        price=MoneyForm(**wire(doc["price_minor"], doc["currency"])) if money else None,
        tax_rate=doc["tax_rate"],
        gtin=row.gtin,
        variant_of=row.variant_of,
        attributes=doc["attributes"],
        image_url=doc["image_url"],
        bin=doc["bin"],
        stock=row.stock,
        reserved=row.reserved,
        available=None if row.stock is None else max(0, row.stock - row.reserved),
        version=row.version,
        updated_at=row.updated_at,
    )


def _insert(work: Work, caller: Caller, line: ProductLine, now: datetime) -> Outcome:
    stock = None if line.stock is UNSET else line.stock
    values = {**_values(line), "stock": stock, "updated_at": now}
    work.session.add(tables.Product(id=work.new_id("prd"), store_id=caller.store_id, sku=line.sku, **values))
    return Outcome(number=line.sku, result="new", version=1)


def _change(row: tables.Product, line: ProductLine, now: datetime) -> Outcome:
    values = _values(line) | ({} if line.stock is UNSET else {"stock": line.stock})
    result: Literal["changed", "unchanged"] = "unchanged"
    if any(getattr(row, name) != value for name, value in values.items()):
        result = "changed"
        for name, value in values.items():
            setattr(row, name, value)
        row.version += 1
        row.updated_at = now
    return Outcome(number=line.sku, result=result, version=row.version)


def _values(line: ProductLine) -> dict[str, Any]:
    """The columns of a product but for its stock."""
    doc = {
        "price_minor": parse_money(msgspec.structs.asdict(line.price), line.price.currency, path="price"),
        "currency": line.price.currency,
        "tax_rate": line.tax_rate,
        "category": line.category,
        "attributes": line.attributes,
        "image_url": line.image_url,
        "bin": line.bin,
    }
    return {"gtin": line.gtin, "variant_of": line.variant_of, "name": line.name, "doc": doc}


def _check(line: ProductLine, currency: str) -> None:
    faults = list(_faults(line, currency))
    if faults:
        raise Invalid(f"{faults[0].path}: {faults[0].message}", errors=faults)


def _faults(line: ProductLine, currency: str) -> Iterator[FieldError]:
    """What types cannot see."""
    if not 0 < len(line.sku) <= LONGEST_SKU or not line.sku.isprintable():
        yield FieldError("sku", "sku", "a sku has 1 to 128 printable characters")
    if line.price.currency != currency:
        yield FieldError("price.currency", "currency", f"the store sells in {currency}")
    elif fault := fault_of(line.price.amount, currency):
        yield FieldError("price.amount", *fault)
    yield from _rate_faults(line.tax_rate)
    if line.gtin is not None and not _is_gtin(line.gtin):
        yield FieldError("gtin", "gtin", "a GTIN has 8, 12, 13 or 14 digits, the last of them a check digit")
    if line.variant_of == line.sku:
        yield FieldError("variant_of", "itself", "a product is no variant of itself")


def _rate_faults(text: str) -> Iterator[FieldError]:
    try:
        numerator, denominator = rate(text)
    except ValueError as fault:
        yield FieldError("tax_rate", "percent", str(fault))
        return
    if numerator > denominator:
        yield FieldError("tax_rate", "percent", "a tax rate above 100 is not possible")


def _is_gtin(text: str) -> bool:
    """Digits of a known length whose weighted sum ends in 0 (GS1 General Specifications, 7.9)."""
    if len(text) not in _GTIN_LENGTHS or not (text.isascii() and text.isdigit()):
        return False
    return sum(int(digit) * (3 if place % 2 else 1) for place, digit in enumerate(reversed(text))) % 10 == 0


def _read(entry: Entry, currency: str) -> ProductLine:
    if entry.fault is not None:
        raise entry.fault
    source = entry.source
    line = strict.decode(source, ProductLine) if isinstance(source, bytes) else strict.convert(source, ProductLine)
    _check(line, currency)
    return line


def _csv(file: IO[bytes]) -> Iterator[Entry]:
    for row in import_files.rows(file, COLUMNS, REQUIRED):
        yield Entry(row.line, _source(row.cells), row.fault, row.cells.get("sku") or None)


def _source(cells: Mapping[str, str]) -> dict[str, Any]:
    """The row as JSON would have it."""
    found: dict[str, Any] = {name: cell for name, cell in cells.items() if cell}
    currency = found.pop("currency", "")
    if "price" in found:
        found["price"] = {"amount": found["price"], "currency": currency}
    if "stock" in found:
        stock = found["stock"]
        found["stock"] = int(stock) if stock.isascii() and stock.isdigit() and len(stock) <= _DIGITS else stock
    if "attributes" in found:
        pairs = (pair.partition("=") for pair in found["attributes"].split("|") if pair.strip())
        found["attributes"] = {name.strip(): value.strip() for name, _, value in pairs}
    return found
