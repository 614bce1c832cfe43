"""Many orders from one file: NDJSON, a snapshot a line, or CSV, a row a line (``rma.domain.snapshot_csv``)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from typing import IO

from rma.db.session import now
from rma.domain import snapshot_csv
from rma.domain.order import Order
from rma.domain.snapshot import read_order
from rma.errors import FieldError, Invalid, RmaError, TooLarge
from rma.services import import_files, orders
from rma.services.caller import Caller
from rma.services.case import now_of
from rma.services.context import Services
from rma.services.import_files import Entry, Import, Report, Row

MAX_ROWS = 20_000
"""So many rows one order may have in a CSV file."""


def load(
    services: Services,
    caller: Caller,
    file: IO[bytes],
    *,
    media_type: str,
    tick: Callable[[int], None] | None = None,
) -> Report:
    """Take every order of a file, in transactions of its own: not to be called inside one.

    What is wrong with one order is reported with its line and stops no other. Harmless to repeat. Raises
    ``UnsupportedMedia``, ``Invalid`` for the header of a CSV file, ``Unavailable`` when the database is away. ``tick``
    is told how many orders were handled since.
    """
    entries = _csv(file) if import_files.is_csv(media_type) else import_files.ndjson(file)
    with services.database.read() as work:
        offset = now_of(work, caller.store_id) - work.real_now

    def read(entry: Entry) -> Order:
        return _read(entry, offset)

    def store(batch: Sequence[Order]) -> Sequence[orders.Outcome | RmaError]:
        return services.database.retrying(
            lambda work: orders.upsert(work, services, caller, batch, now=work.real_now + offset)
        )

    return Import(read=read, key=lambda order: order.number, store=store, tick=tick).run(entries)


def _read(entry: Entry, offset: timedelta) -> Order:
    if entry.fault is not None:
        raise entry.fault
    order = read_order(None, entry.source, now=now() + offset)
    orders.check_number(order.number)
    return order


def _csv(file: IO[bytes]) -> Iterator[Entry]:
    """The orders of a CSV file."""
    grouped = _Grouped()
    for row in import_files.rows(file, snapshot_csv.COLUMNS, snapshot_csv.REQUIRED):
        yield from grouped.take(row)
    yield from grouped.end()


class _Grouped:
    """Rows gathered into orders. A row that cannot be read spoils the order it stands in, and no other.

    Where even its number is lost, it may belong to the order before it or to the one after it: both are refused, for an
    order that lacks a line would be worse.
    """

    def __init__(self) -> None:
        self._rows: list[Row] = []
        self._number = ""
        self._fault: RmaError | None = None
        self._line = 0
        self._doubt: Row | None = None
        self._done: set[str] = set()

    def take(self, row: Row) -> Iterator[Entry]:
        """The orders that this row completes."""
        number = row.cells.get("number", "")
        if not number:
            yield from self._unknown(row)
            return
        if number != self._number:
            yield from self.end()
            self._begin(number, row)
        if row.fault is not None:
            self._spoil(row, row.fault)
        elif len(self._rows) >= MAX_ROWS:
            self._spoil(row, TooLarge(f"An order has at most {MAX_ROWS} rows."))
        else:
            self._rows.append(row)
        self._doubt = None

    def end(self) -> Iterator[Entry]:
        """The order that is open."""
        if self._number:
            self._done.add(self._number)
            yield self._entry()
        self._rows, self._number, self._fault = [], "", None

    def _unknown(self, row: Row) -> Iterator[Entry]:
        fault = row.fault or Invalid.field("number", "missing", "this row does not say which order it belongs to")
        self._doubt = row
        if self._number:
            self._spoil(row, fault)
        else:
            yield Entry(row.line, fault=fault)

    def _begin(self, number: str, row: Row) -> None:
        self._number, self._line = number, row.line
        if self._doubt is not None:
            message = f"line {self._doubt.line} cannot be read and may belong to this order"
            self._spoil(row, Invalid.field("number", "doubtful", message))
        if number in self._done:
            message = "rows of one order stand together; those before were taken without these"
            self._spoil(row, Invalid.field("number", "not_together", message))

    def _spoil(self, row: Row, fault: RmaError) -> None:
        if self._fault is None:
            self._fault, self._line = fault, row.line
        self._rows = []

    def _entry(self) -> Entry:
        if self._fault is not None:
            return Entry(self._line, fault=self._fault, number=self._number)
        source, places, faults = snapshot_csv.snapshot([row.cells for row in self._rows])
        fault = Invalid("The rows contradict each other.", errors=_known(faults)) if faults else None
        lines = tuple(self._rows[place].line for place in places)
        return Entry(self._line, source, fault, self._number, lines)


def _known(faults: list[FieldError]) -> tuple[FieldError, ...]:
    return tuple(dict.fromkeys(faults))
