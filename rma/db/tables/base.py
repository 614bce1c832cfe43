"""What every table is made of."""

from __future__ import annotations

from typing import Any, cast

import sqlalchemy as sa
from sqlmodel import Field, SQLModel

from rma.db.columns import Json

Ranges = tuple[tuple[int, int], ...]


class Row(SQLModel, defer_build=True):
    """A row of a table. What is written was checked before, so no start waits for validators that nobody asks for."""


def table(model: type[SQLModel]) -> sa.Table:
    """The Core table behind a model."""
    return cast(sa.Table, model.__table__)  # type: ignore[attr-defined]


def json_of(type_: Any = Any) -> Json:
    """A column of typed JSON text."""
    return Json(type_)


def key() -> Any:
    """The primary key: a prefixed id."""
    return Field(primary_key=True, max_length=40)


def ref(target: str, *, index: bool = True) -> Any:
    """A reference to another table's id."""
    return Field(foreign_key=f"{target}.id", index=index, max_length=40)


def partial(name: str, *columns: str, where: str) -> sa.Index:
    """An index of those rows alone for which this SQL holds, on either database."""
    return sa.Index(name, *columns, sqlite_where=sa.text(where), postgresql_where=sa.text(where))
