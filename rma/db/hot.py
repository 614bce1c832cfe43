"""Core statements compiled once per dialect and sent on the transaction's own driver connection (``rma.db.wire``).

The hot writes (file a return, apply a transition) go through here; everything else uses SQLAlchemy as usual. What
SQLAlchemy knows about types (instants, JSON) stays in effect: its processors are looked up once.

Reads answer at once and several can share a round trip (``ahead``). Writes are held back and go out in their order
with the next read, before whatever SQLAlchemy runs on the same transaction, or with its commit.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, date, datetime
from operator import itemgetter, methodcaller
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg

from rma.db.columns import Instant, Json, canonical, instant_text
from rma.db.session import Asked, Work
from rma.db.wire import Sent

Processor = Callable[[Any], Any]
TOGETHER = 8
"""How many rows one insert writes at most: each number of rows is a statement that is prepared on each connection."""
_IN_UTC = methodcaller("astimezone", UTC)
_numbers = itertools.count(1)


class _Plan(NamedTuple):
    sql: str
    name: bytes
    take: Callable[[dict[str, Any]], tuple[Any, ...]]
    encode: tuple[Processor | None, ...]
    formats: tuple[int, ...]
    constants: dict[str, Any]
    results: tuple[tuple[int, Processor], ...]

    def sent(self, params: dict[str, Any], duplicate: type[Exception] | None = None) -> Sent:
        """The statement with these values as the driver takes them."""
        return Sent(self.sql, self.name, self.values(params), self.formats, duplicate)

    def asked(self, params: dict[str, Any]) -> Asked:
        """What is asked: an answer that was read ahead is known by it."""
        return self.name, self.take({**self.constants, **params} if self.constants else params)

    def values(self, params: dict[str, Any]) -> list[Any]:
        """These values in the statement's order, as the driver takes them."""
        taken = self.take({**self.constants, **params} if self.constants else params)
        return [v if v is None or write is None else write(v) for v, write in zip(taken, self.encode, strict=True)]

    def converted(self, rows: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
        """Rows with the column types applied."""
        return [_convert(self.results, row) for row in rows] if self.results else rows


class Hot:
    """One statement. Parameters are passed by the statement's own bind names."""

    __slots__ = ("_plans", "_statement")

    def __init__(self, statement: Any) -> None:
        self._statement = statement
        self._plans: dict[str, _Plan] = {}

    def plan(self, work: Work) -> _Plan:
        """The statement as it is sent to this work's database."""
        plan = self._plans.get(work.dialect.name)
        if plan is None:
            plan = self._plans[work.dialect.name] = _compile(self._statement, work.dialect)
        return plan

    def run(self, work: Work, params: dict[str, Any], *, duplicate: type[Exception] | None = None) -> None:
        """Write by the end of the transaction, after what was written before and before what is read after.

        ``duplicate`` is raised, then, where a row with the same key exists; else the driver's own error.
        """
        work.hold([self.plan(work).sent(params, duplicate)])

    def run_many(self, work: Work, rows: Sequence[dict[str, Any]]) -> None:
        """As ``run``, for each of these rows in their order."""
        if rows:
            plan = self.plan(work)
            work.hold([plan.sent(row) for row in rows])

    def rows(self, work: Work, params: dict[str, Any]) -> list[tuple[Any, ...]]:
        """Execute and fetch all rows, with the column types applied."""
        plan = self.plan(work)
        known = work.known(plan.asked(params))
        return plan.converted((work.send([plan.sent(params)])[0] if known is None else known).rows)

    def one(self, work: Work, params: dict[str, Any]) -> tuple[Any, ...] | None:
        """The first row, or None."""
        found = self.rows(work, params)
        return found[0] if found else None


class Insert(Hot):
    """Inserts rows of these columns. Many of them share a statement, up to ``TOGETHER``, in the order given."""

    __slots__ = ("_columns", "_many", "_table")

    def __init__(self, table: sa.Table, columns: Sequence[str]) -> None:
        super().__init__(sa.insert(table).values({name: sa.bindparam(name) for name in columns}).inline())
        self._table, self._columns = table, columns
        self._many: dict[int, Hot] = {1: self}

    def run_many(self, work: Work, rows: Sequence[dict[str, Any]]) -> None:
        """As ``run``, for each of these rows in their order."""
        work.hold([self._together(work, rows[n : n + TOGETHER]) for n in range(0, len(rows), TOGETHER)])

    def _together(self, work: Work, rows: Sequence[dict[str, Any]]) -> Sent:
        one = self.plan(work)
        if len(rows) == 1:
            return one.sent(rows[0])
        same = self._many.get(len(rows))
        if same is None:
            kinds = {name: self._table.c[name].type for name in self._columns}
            places = range(len(rows))
            values = [{name: sa.bindparam(f"{name}_{n}", type_=kind) for name, kind in kinds.items()} for n in places]
            same = self._many[len(rows)] = Hot(sa.insert(self._table).values(values))
        plan = same.plan(work)
        return Sent(plan.sql, plan.name, [value for row in rows for value in one.values(row)], plan.formats)


Read = tuple[Hot, dict[str, Any]]


def ahead(work: Work, *reads: Read) -> None:
    """Execute these in their order and in one round trip, for who asks the same before anything else is written.

    They are statements like any other: what one of them locks is locked before the next one reads.
    """
    new: dict[Asked, Sent] = {}
    for hot, params in reads:
        plan = hot.plan(work)
        asked = plan.asked(params)
        if asked not in new and not work.knows(asked):
            new[asked] = plan.sent(params)
    if new:
        work.read_ahead(new)


def insert(table: sa.Table, columns: Iterable[str] | None = None) -> Insert:
    """An insert of the named columns (all of them unless told), bound by column name."""
    return Insert(table, list(columns) if columns is not None else [c.name for c in table.columns])


def found_by_id(column: sa.Column[Any], value: Any) -> sa.ColumnElement[bool]:
    """``column = value`` beside an id that finds the row alone: no index that begins with the column is tried for it.

    PostgreSQL keeps the plan of a prepared statement. One that was made while a table was all but empty, where every
    index costs the same, would read all rows of a store for one of them until the table is analysed again.
    """
    return column.is_not_distinct_from(value)


def _compile(statement: Any, dialect: sa.Dialect) -> _Plan:
    on_postgres = dialect.name == "postgresql"
    compiled = statement.compile(dialect=_NUMBERED if on_postgres else dialect)
    names = tuple(compiled.positiontup)
    types = [_plain(compiled.binds[name].type) for name in names]
    results = []
    for index, column in enumerate(getattr(statement, "exported_columns", ()) if statement.is_select else ()):
        processor = _from_driver(column.type, dialect)
        if processor is not None:
            results.append((index, processor))
    return _Plan(
        sql=str(compiled),
        name=b"rma_%d" % next(_numbers),
        take=_taker(names),
        encode=tuple(_to_wire(type_) if on_postgres else _to_sqlite(type_, dialect) for type_ in types),
        formats=tuple(_BINARY if isinstance(type_, sa.String | Json) else _TEXT for type_ in types),
        constants={name: value for name, value in compiled.params.items() if value is not None},
        results=tuple(results),
    )


_NUMBERED = PGDialect_psycopg(paramstyle="numeric_dollar")  # type: ignore[no-untyped-call]
"""PostgreSQL's own spelling of parameters: ``$1``."""
_TEXT, _BINARY = 0, 1  # a text's binary format is itself with its length, so that one with a NUL is refused, not cut


def _plain(type_: Any) -> Any:
    """The type below a wrapper that is none of ours, such as SQLModel's text."""
    wrapped = isinstance(type_, sa.types.TypeDecorator) and not isinstance(type_, Json | Instant)
    return type_.impl_instance if wrapped else type_


def _taker(names: tuple[str, ...]) -> Callable[[dict[str, Any]], tuple[Any, ...]]:
    if len(names) > 1:
        return itemgetter(*names)
    if not names:
        return lambda _params: ()
    (only,) = names
    return lambda params: (params[only],)


def _from_driver(type_: Any, dialect: sa.Dialect) -> Processor | None:
    """From what the driver answers to a value of this column; None where it answers the value itself."""
    if isinstance(type_, sa.Float):
        return None  # both drivers answer floats; SQLAlchemy would ask for the driver's type code
    if isinstance(type_, Json):
        return type_.decode
    if isinstance(type_, Instant):
        return datetime.fromisoformat if dialect.name == "sqlite" else _IN_UTC
    processor: Processor | None = type_.dialect_impl(dialect).result_processor(dialect, None)
    return processor


def _to_sqlite(type_: Any, dialect: sa.Dialect) -> Processor | None:
    if isinstance(type_, Json):
        return lambda value: canonical(value).decode()
    if isinstance(type_, Instant):
        return instant_text
    processor: Processor | None = type_.dialect_impl(dialect).bind_processor(dialect)
    return processor


def _to_wire(type_: Any) -> Processor:
    """From a value of this column to the format in which PostgreSQL reads it."""
    if isinstance(type_, Json):
        return canonical
    return next((write for kind, write in _WRITERS if isinstance(type_, kind)), _written)


def _written(value: Any) -> bytes:
    """The text format of a value whose column is not known, by the value's own type."""
    kind = next((kind for python, kind in _KINDS if isinstance(value, python)), None)
    if kind is None:
        raise TypeError(f"no text format for a {type(value).__name__}")
    return _to_wire(kind())(value)  # type: ignore[no-any-return]


@functools.lru_cache(256)  # one act writes its own instant a dozen times
def _instant(value: datetime) -> bytes:
    if value.tzinfo is None:
        raise ValueError("an instant needs a time zone")
    return value.isoformat().encode()


_WRITERS: tuple[tuple[type[sa.types.TypeEngine[Any]], Processor], ...] = (
    (sa.String, str.encode),
    (sa.Boolean, {True: b"t", False: b"f"}.__getitem__),
    (sa.Integer, b"%d".__mod__),
    (Instant, _instant),
    (sa.Date, lambda value: value.isoformat().encode()),
    (sa.Float, lambda value: repr(value).encode()),
)
_KINDS: tuple[tuple[type, type[sa.types.TypeEngine[Any]]], ...] = (
    (str, sa.String),
    (bool, sa.Boolean),
    (int, sa.Integer),
    (datetime, Instant),
    (date, sa.Date),
    (float, sa.Float),
)


def _convert(results: tuple[tuple[int, Processor], ...], row: tuple[Any, ...]) -> tuple[Any, ...]:
    cells = list(row)
    for index, process in results:
        if cells[index] is not None:
            cells[index] = process(cells[index])
    return tuple(cells)
