"""Core statements compiled once per dialect and run on the transaction's own driver connection.

The two hot writes (file a return, apply a transition) go through here; everything else uses SQLAlchemy as usual.
What SQLAlchemy knows about types (instants, JSON) stays in effect: its processors are looked up once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

import sqlalchemy as sa

from rma.db.session import Work

Processor = Callable[[Any], Any]


class _Plan(NamedTuple):
    sql: str
    names: tuple[str, ...]
    binds: tuple[tuple[str, Processor], ...]
    constants: dict[str, Any]
    results: tuple[tuple[int, Processor], ...]
    positional: bool


def send(work: Work, sql: str, values: Any, *, rows: int = 1) -> Any:
    """Every compiled statement of the program leaves here; the cursor that holds its answer.

    With ``rows`` above one, ``values`` is a list of that many sets and the statement runs for each of them.
    """
    if rows == 1:
        return work.raw.execute(sql, values)
    cursor = work.raw.cursor()
    cursor.executemany(sql, values)
    return cursor


class Hot:
    """One statement. Parameters are passed by the statement's own bind names."""

    __slots__ = ("_plans", "_statement")

    def __init__(self, statement: Any) -> None:
        self._statement = statement
        self._plans: dict[str, _Plan] = {}

    def _plan(self, work: Work) -> _Plan:
        plan = self._plans.get(work.dialect.name)
        if plan is None:
            plan = self._plans[work.dialect.name] = _compile(self._statement, work.dialect)
        return plan

    def run(self, work: Work, params: dict[str, Any]) -> int:
        """Execute once; the number of rows it touched."""
        plan = self._plan(work)
        return int(send(work, plan.sql, _bind(plan, params)).rowcount)

    def run_many(self, work: Work, rows: Sequence[dict[str, Any]]) -> None:
        """Execute for each of these rows in one round trip."""
        if len(rows) == 1:
            self.run(work, rows[0])
        elif rows:
            plan = self._plan(work)
            send(work, plan.sql, [_bind(plan, row) for row in rows], rows=len(rows))

    def rows(self, work: Work, params: dict[str, Any]) -> list[tuple[Any, ...]]:
        """Execute and fetch all rows, with the column types applied."""
        plan = self._plan(work)
        found = send(work, plan.sql, _bind(plan, params)).fetchall()
        if not plan.results:
            return list(found)
        return [_convert(plan.results, row) for row in found]

    def one(self, work: Work, params: dict[str, Any]) -> tuple[Any, ...] | None:
        """The first row, or None."""
        found = self.rows(work, params)
        return found[0] if found else None


def insert(table: sa.Table, columns: Iterable[str] | None = None) -> Hot:
    """An insert of the named columns (all of them unless told), bound by column name."""
    names = list(columns) if columns is not None else [c.name for c in table.columns]
    return Hot(sa.insert(table).values({name: sa.bindparam(name) for name in names}))


def _compile(statement: Any, dialect: sa.Dialect) -> _Plan:
    compiled = statement.compile(dialect=dialect)
    positional = bool(compiled.positional)
    names = tuple(compiled.positiontup) if positional else tuple(compiled.binds)
    processors = compiled._bind_processors  # noqa: SLF001 - no public way to reuse a compiled statement
    results = []
    for index, column in enumerate(getattr(statement, "exported_columns", ()) if statement.is_select else ()):
        if isinstance(column.type, sa.Float):
            continue  # both drivers answer floats; SQLAlchemy would ask for the driver's type code
        processor = column.type.dialect_impl(dialect).result_processor(dialect, None)
        if processor is not None:
            results.append((index, processor))
    constants = {name: value for name, value in compiled.params.items() if value is not None}
    return _Plan(str(compiled), names, tuple(processors.items()), constants, tuple(results), positional)


def _bind(plan: _Plan, params: dict[str, Any]) -> Any:
    values = {**plan.constants, **params} if plan.constants else dict(params)
    for name, process in plan.binds:
        if name in values:
            values[name] = process(values[name])
    return [values[name] for name in plan.names] if plan.positional else values


def _convert(results: tuple[tuple[int, Processor], ...], row: tuple[Any, ...]) -> tuple[Any, ...]:
    cells = list(row)
    for index, process in results:
        cells[index] = process(cells[index])
    return tuple(cells)
