"""Statements that are compiled once (see ``rma.db.hot``), whose rows have names."""

from __future__ import annotations

from collections import namedtuple
from typing import Any

import sqlalchemy as sa

from rma.db import hot
from rma.db.session import Work


class Query:
    """A statement that is compiled once, whose rows have names. Parameters go by its bind names."""

    def __init__(self, statement: sa.Select[Any]) -> None:
        self._hot = hot.Hot(statement)
        names = [str(column.key) for column in statement.exported_columns]
        self._row = namedtuple("Row", names)  # type: ignore[misc]  # noqa: PYI024 - the statement knows its columns

    def all(self, work: Work, **params: Any) -> list[Any]:
        """Every row."""
        return [self._row(*cells) for cells in self._hot.rows(work, params)]

    def first(self, work: Work, **params: Any) -> Any | None:
        """The first row, or None."""
        cells = self._hot.one(work, params)
        return None if cells is None else self._row(*cells)

    def read(self, **params: Any) -> hot.Read:
        """The same, for who reads it ahead with more: ``hot.ahead``."""
        return (self._hot, params)
