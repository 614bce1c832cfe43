"""Files of many things, read line by line and stored in batches: what is wrong with one line stops none of the others.

Nothing is read whole: a line has a greatest length, a batch is one transaction. Faults of a line are found before the
transaction begins; should the database itself not take a batch, its lines are stored one by one, so that only the one
that cannot be stored is reported.
"""

from __future__ import annotations

import csv
import logging
from collections import Counter
from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from typing import IO, Any, Generic, TypeVar

import msgspec

from rma.domain.merging import Conflict
from rma.errors import FieldError, Invalid, RmaError, TooLarge, Unavailable, Unreadable, UnsupportedMedia
from rma.services.orders import Outcome

T = TypeVar("T")
BATCH = 200
MAX_LINE = 1_000_000
MAX_REPORTED = 5_000
MAX_COLUMNS = 500
NDJSON = ("application/x-ndjson", "application/ndjson", "application/jsonl", "application/x-jsonlines")
CSV = ("text/csv",)
_BOM = b"\xef\xbb\xbf"
_UTF_16 = (b"\xff\xfe", b"\xfe\xff")
_SAVE_AS = "Save the file as UTF-8"
_SURE = 100_000
"""Characters of a broken row in which whole cells are looked for: fewer than the reader takes as one."""
_log = logging.getLogger(__name__)


class Entry(msgspec.Struct, frozen=True):
    """One thing of a file: the line it begins on and its content, or why it cannot be read.

    ``parts`` are the lines of its own lines, where the file gives each a line.
    """

    line: int
    source: bytes | dict[str, Any] = b""
    fault: RmaError | None = None
    number: str | None = None
    parts: tuple[int, ...] = ()


class LineFault(msgspec.Struct, frozen=True, kw_only=True):
    """A bad line: its number in the file, what it is about, its first fault, and every fault with its path."""

    line: int
    number: str | None
    path: str
    code: str
    message: str
    errors: Sequence[FieldError] = ()


class LineConflicts(msgspec.Struct, frozen=True, kw_only=True):
    """A line that was taken, but for values that stay as they are frozen."""

    line: int
    number: str
    conflicts: tuple[Conflict, ...]


class Report(msgspec.Struct, kw_only=True):
    """What became of a file. The first 5,000 bad lines are listed, ``failed`` counts them all."""

    imported: int = 0
    updated: int = 0
    unchanged: int = 0
    failed: int = 0
    errors: list[LineFault] = []
    conflicts: list[LineConflicts] = []


class Row(msgspec.Struct, frozen=True):
    """One row of a CSV file: its line and its cells by column, or why it cannot be read."""

    line: int
    cells: Mapping[str, str]
    fault: RmaError | None = None


class Import(Generic[T]):
    """One import: ``read`` makes a thing of an entry, ``key`` names it, ``store`` writes a batch of different ones.

    ``tick`` is told after each batch how many entries were handled since.
    """

    def __init__(
        self,
        *,
        read: Callable[[Entry], T],
        key: Callable[[T], str],
        store: Callable[[Sequence[T]], Sequence[Outcome | RmaError]],
        tick: Callable[[int], None] | None = None,
    ) -> None:
        self._read, self._key, self._store, self._tick = read, key, store, tick
        self._batch: dict[str, tuple[Entry, T]] = {}
        self._handled = 0
        self.report = Report()

    def run(self, entries: Iterator[Entry]) -> Report:
        """Take them all. Raises only ``Unavailable``: with the database back, the same file does the rest."""
        for entry in entries:
            self._handled += 1
            try:
                thing = self._read(entry)
            except RmaError as fault:
                self._fault(entry, fault)
                continue
            if self._key(thing) in self._batch:
                self._flush()
            self._batch[self._key(thing)] = (entry, thing)
            if len(self._batch) >= BATCH:
                self._flush()
        self._flush()
        return self.report

    def _flush(self) -> None:
        batch = list(self._batch.items())
        self._batch.clear()
        if batch:
            self._write([(key, *value) for key, value in batch])
        if self._tick is not None:
            self._tick(self._handled)
        self._handled = 0

    def _write(self, batch: list[tuple[str, Entry, T]]) -> None:
        try:
            outcomes = self._store([thing for _, _, thing in batch])
        except Unavailable:
            raise
        except Exception as problem:  # noqa: BLE001 - a bad line never stops the rest
            if len(batch) > 1:
                for one in batch:
                    self._write([one])
                return
            _log.exception("a line of an import cannot be stored")
            refused = problem if isinstance(problem, RmaError) else Invalid("This cannot be stored.", code="not_stored")
            outcomes = [refused]
        for (key, entry, _), outcome in zip(batch, outcomes, strict=True):
            self._count(key, entry, outcome)

    def _count(self, key: str, entry: Entry, outcome: Outcome | RmaError) -> None:
        report = self.report
        if isinstance(outcome, RmaError):
            self._fault(entry, outcome, number=key)
            return
        report.imported += outcome.result == "new"
        report.updated += outcome.result == "changed"
        report.unchanged += outcome.result == "unchanged"
        if outcome.conflicts and len(report.conflicts) < MAX_REPORTED:
            report.conflicts.append(LineConflicts(line=entry.line, number=key, conflicts=outcome.conflicts))

    def _fault(self, entry: Entry, fault: RmaError, *, number: str | None = None) -> None:
        self.report.failed += 1
        if len(self.report.errors) >= MAX_REPORTED:
            return
        errors = tuple(getattr(fault, "errors", ()))
        path, code, message = ("", fault.code, fault.detail)
        if errors:
            path, code, message = errors[0].path, errors[0].code, errors[0].message
        line = _line_of(entry, path)
        told = LineFault(
            line=line, number=number or entry.number, path=path, code=code, message=message, errors=errors[:100]
        )
        self.report.errors.append(told)


def is_csv(media_type: str) -> bool:
    """Whether a file of this type is CSV; ``UnsupportedMedia`` when it is neither CSV nor NDJSON."""
    if media_type in CSV:
        return True
    if media_type in NDJSON:
        return False
    raise UnsupportedMedia(f"Send {NDJSON[0]} or {CSV[0]}, not {media_type or 'nothing'}.")


def ndjson(file: IO[bytes]) -> Iterator[Entry]:
    """Each line of a file as JSON text; empty lines are passed over. A file in another encoding is ``Invalid``."""
    first = True
    for number, raw, fault in _lines(file):
        if fault is None and not raw.strip():
            continue
        if first and fault is None:
            _check_encoding(raw)
        first = False
        yield Entry(number, raw, fault or (None if _is_utf8(raw) else _not_utf8()))


def rows(file: IO[bytes], columns: Container[str], required: Sequence[str]) -> Iterator[Row]:
    """Each row of a CSV file. The first line names columns; cells are separated by comma, or by semicolon as there.

    A cell holds no line break, so a broken quote spoils its own row only. A header that cannot be right, or is in
    another encoding than UTF-8, is ``Invalid``.
    """
    lines = _lines(file)
    header: list[str] = []
    separator = ","
    for number, raw, fault in lines:
        if fault is None and not raw.strip():
            continue
        text = raw.decode("utf-8", errors="surrogateescape")
        if not header:
            if fault is not None:
                raise fault
            _check_encoding(raw)
            separator = ";" if ";" in text and "," not in text else ","
            header = _header(text, separator, columns, required)
            continue
        row = _row(number, text, header, separator)
        yield row if fault is None else Row(number, row.cells, fault)


def _lines(file: IO[bytes]) -> Iterator[tuple[int, bytes, TooLarge | None]]:
    """Lines with their numbers; of one that is too long only a fault is left."""
    number = 0
    while raw := file.readline(MAX_LINE + 1):
        number += 1
        fault = None
        if len(raw) > MAX_LINE and not raw.endswith(b"\n"):
            fault = TooLarge(f"A line has at most {MAX_LINE} bytes.")
            while (rest := file.readline(MAX_LINE)) and not rest.endswith(b"\n"):
                pass
        yield number, raw.removeprefix(_BOM) if number == 1 else raw, fault


def _check_encoding(raw: bytes) -> None:
    """What the first line is written in: ``Invalid`` ``not_utf8``, with what it seems to be."""
    if raw.startswith(_UTF_16) or b"\0" in raw:
        raise Invalid(f"The file is not UTF-8 but UTF-16. {_SAVE_AS}.", code="not_utf8")
    if not _is_utf8(raw):
        seems = "it may be Windows-1254 or ISO-8859-9"
        raise Invalid(f"The first line of the file is not UTF-8; {seems}. {_SAVE_AS}.", code="not_utf8")


def _is_utf8(raw: bytes) -> bool:
    try:
        raw.decode()
    except UnicodeDecodeError:
        return False
    return True


def _not_utf8() -> Unreadable:
    return Unreadable(f"This row is not UTF-8. {_SAVE_AS}.")


def _header(text: str, separator: str, columns: Container[str], required: Sequence[str]) -> list[str]:
    try:
        names = [name.strip().lower() for name in next(csv.reader([text], delimiter=separator, strict=True), [])]
    except csv.Error as fault:
        raise Unreadable(f"The first line of the file cannot be read: {fault}") from None
    if len(names) > MAX_COLUMNS:
        detail = f"The first line of the file names {len(names)} columns; there are {MAX_COLUMNS} at most."
        raise Invalid(detail, code="too_many_columns")
    faults = [FieldError(name[:80], "unknown", "there is no such column") for name in names if name not in columns]
    seen = Counter(names)
    faults += [FieldError(name[:80], "twice", "this column stands twice") for name in seen if seen[name] > 1]
    faults += [FieldError(name, "missing", "this column is required") for name in required if name not in seen]
    if faults:
        raise Invalid("The columns of the file cannot be right.", errors=faults)
    return names


def _row(number: int, text: str, header: list[str], separator: str) -> Row:
    """The row; of one that cannot be read, the leading cells that are certain."""
    fault = None
    try:
        cells = next(csv.reader([text], delimiter=separator, strict=True), [])
    except csv.Error as problem:
        fault = Unreadable(f"This row is not valid CSV: {problem}")
        cells = next(csv.reader([text[:_SURE].partition("\r")[0]], delimiter=separator), [])
    if fault is None and len(cells) != len(header):
        fault = Unreadable(f"This row has {len(cells)} cells, the first line names {len(header)} columns.")
    if fault is None and not _is_text(text):
        fault = _not_utf8()
    certain = cells if fault is None else _certain(cells, text, separator)
    return Row(number, {name: cell.strip() for name, cell in zip(header, certain, strict=False)}, fault)


def _certain(cells: list[str], text: str, separator: str) -> list[str]:
    """The cells up to the first that does not stand in the text as it was read."""
    place, found = 0, []
    for cell in cells:
        written = next((w for w in (f"{cell}{separator}", f'"{cell}"{separator}') if text.startswith(w, place)), None)
        if written is None or not _is_text(cell):
            break
        found.append(cell)
        place += len(written)
    return found


def _is_text(cell: str) -> bool:
    try:
        cell.encode()
    except UnicodeEncodeError:
        return False
    return True


def _line_of(entry: Entry, path: str) -> int:
    """The line that a fault stands on: that of the order's line, where each has its own."""
    if entry.parts and path.startswith("lines["):
        index = path[len("lines[") :].partition("]")[0]
        if index.isdigit() and int(index) < len(entry.parts):
            return entry.parts[int(index)]
    return entry.line
