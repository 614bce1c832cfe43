"""How the shipped excerpt was cut from the full file, so that anybody can cut it again.

``python -m rma.demo.excerpt FULL.csv.gz EXCERPT.csv.gz``. The rule looks at nothing but the rows: every document of the
customers with an even number who have at most :data:`DOCUMENTS` documents and a credit note that belongs to an earlier
invoice (so that each of these customers is whole), and every 40th of the documents that are a credit note, name no
customer or hold no goods.
"""

from __future__ import annotations

import csv
import gzip
import io
import sys
from collections.abc import Iterable, Mapping
from importlib.resources import files
from pathlib import Path

from rma.demo.matching import match
from rma.demo.retail import COLUMNS, Row, clean, kind_of, read_rows

DOCUMENTS = 7
EVERY = 40
NAME = "online-retail-excerpt.csv.gz"


def shipped() -> Path:
    """Where the shipped excerpt lies."""
    return Path(str(files("rma.demo") / "data" / NAME))


def find_data(beside: Path) -> Path | None:
    """The full file in ``shared/data/online-retail`` next to the checkout ``beside``, or None."""
    folder = beside.resolve().parent / "shared" / "data" / "online-retail"
    return next(iter(sorted(folder.glob("*.csv.gz"))), None)


def resolve(given: Path | None) -> Path:
    """The file to read: a file, the first ``.csv.gz`` or ``.csv`` of a folder, or the shipped excerpt for None.

    FileNotFoundError when a folder holds no such file.
    """
    if given is None:
        return shipped()
    if not given.is_dir():
        return given
    found = sorted(given.glob("*.csv.gz")) or sorted(given.glob("*.csv"))
    if not found:
        msg = f"no .csv.gz or .csv file in {given}"
        raise FileNotFoundError(msg)
    return found[0]


def cut(rows: Iterable[Row]) -> tuple[Row, ...]:
    """The rows of the excerpt, unchanged and in the order of the file. Pure."""
    every = tuple(rows)
    documents: dict[str, list[Row]] = {}
    for row in every:
        documents.setdefault(row.invoice, []).append(row)
    kept = _whole_customers(every, documents) | _oddities(documents)
    return tuple(row for row in every if row.invoice in kept)


def _whole_customers(rows: Iterable[Row], documents: Mapping[str, list[Row]]) -> set[str]:
    cleaned = clean(rows)
    matched = {found.order_number for found in match(cleaned.sales, cleaned.credits).matches}
    returning = {sale.customer for sale in cleaned.sales if sale.number in matched and int(sale.customer) % 2 == 0}
    owned: dict[str, set[str]] = {}
    for number, found in documents.items():
        owned.setdefault(found[0].customer, set()).add(number)
    chosen = [owned[customer] for customer in sorted(returning) if len(owned[customer]) <= DOCUMENTS]
    return {number for numbers in chosen for number in numbers}


def _oddities(documents: Mapping[str, list[Row]]) -> set[str]:
    odd = [
        number
        for number, rows in documents.items()
        if number.startswith("C") or not rows[0].customer or not any(kind_of(row.sku) == "goods" for row in rows)
    ]
    return set(odd[::EVERY])


def write(rows: Iterable[Row], path: Path) -> None:
    """Write rows as ``.csv.gz`` with the columns of the file; the same rows give the same bytes."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for row in rows:
        at = row.at.isoformat(sep=" ")
        writer.writerow(
            (row.invoice, row.sku, row.name, row.quantity, at, row.price, row.customer, row.country),
        )
    path.write_bytes(gzip.compress(text.getvalue().encode(), compresslevel=9, mtime=0))


def main(full: str, excerpt: str) -> None:
    """Cut ``full`` to ``excerpt``."""
    write(cut(read_rows(Path(full))), Path(excerpt))


if __name__ == "__main__":
    main(*sys.argv[1:])
