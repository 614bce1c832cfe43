"""``rma orders``: take many orders from a file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from rma.cli import out, places

if TYPE_CHECKING:
    from rma.services.import_files import Report

app = typer.Typer(help="Orders: take them from files.", no_args_is_help=True)
_SHOWN = 20


@app.callback()
def _orders() -> None:
    """Orders: take them from files."""


@app.command("import")
def load(file: places.InFile, *, store: places.StoreSlug, json: out.Json = False) -> None:
    """Import orders from FILE: CSV if its name ends so, else NDJSON, a snapshot a line.

    A bad line is reported with its number and stops no other; then the exit code is 1. Importing again does no harm.
    """
    from rma.services import order_import

    media_type = "text/csv" if file.suffix.lower() == ".csv" else "application/x-ndjson"
    with places.services() as services, file.open("rb") as content, out.progress("Orders") as tick:
        caller = places.caller_of(services.database, store)
        size, handled = file.stat().st_size, 0

        def count(orders: int) -> None:
            nonlocal handled
            handled += orders
            tick(handled, _expected(handled, content.tell(), size))

        report = order_import.load(services, caller, content, media_type=media_type, tick=count)
    if json:
        out.data(report)
    else:
        _tell(file, report)
    raise typer.Exit(1 if report.failed else 0)


def _expected(handled: int, read: int, size: int) -> int:
    """How many orders the file will have held, by the share of its bytes that were read."""
    return max(handled, handled * size // read) if read else handled


def _tell(file: Path, report: Report) -> None:
    out.line(
        f"{report.imported} new, {report.updated} changed, {report.unchanged} as they were, {report.failed} not taken"
    )
    for fault in report.errors[:_SHOWN]:
        out.note(f"{file}:{fault.line}: {fault.path}: {fault.message}")
    if report.failed > _SHOWN:
        out.note(f"... and {report.failed - _SHOWN} more; --json lists them")
    for line in report.conflicts[:_SHOWN]:
        kept = ", ".join(conflict.path for conflict in line.conflicts)
        out.note(f"{file}:{line.line}: order {line.number} keeps its frozen {kept}")
