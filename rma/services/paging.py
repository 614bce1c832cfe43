"""Lists in pages that stay right while rows are added: a cursor names the last row seen, never a number of rows."""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Generic, TypeVar

import msgspec
import sqlalchemy as sa

from rma.domain import ids

T = TypeVar("T")
R = TypeVar("R")
DEFAULT_LIMIT = 50
MAX_LIMIT = 200
_SLACK = timedelta(minutes=10)
"""How far an id's instant and ``created_at`` are apart at most: both are told by one clock within one transaction."""


class Ask(msgspec.Struct, frozen=True):
    """Which page: at most ``limit`` rows behind the row that ``after`` names (its sort key), or from the start."""

    limit: int = DEFAULT_LIMIT
    after: str | None = None


class Page(msgspec.Struct, Generic[T], frozen=True):
    """Some rows, and the sort key of the last one if there are more behind it."""

    items: Sequence[T]
    next_cursor: str | None = None

    def map(self, view: Callable[[T], R]) -> Page[R]:
        """The same page with each row shown in another way."""
        return Page([view(item) for item in self.items], self.next_cursor)


def cut(rows: Sequence[T], ask: Ask, *, key: Callable[[T], str]) -> Page[T]:
    """The page from ``ask.limit + 1`` selected rows: the one too many only tells that there are more."""
    if len(rows) <= ask.limit:
        return Page(rows)
    kept = rows[: ask.limit]
    return Page(kept, key(kept[-1]))


def made(
    rows: sa.Table, prefix: str, *, since: datetime | None, until: datetime | None, moved: bool
) -> list[sa.ColumnElement[bool]]:
    """Which rows were made in a time, from ``since`` (with it) to ``until`` (without); their ids say so too.

    A list in the order of ids begins and ends there, unless the store's clock was ``moved``: an id bears the real time.
    The planner takes an instant and the ids made then for independent, expects a handful of rows and would fetch and
    sort a whole day's; of a CASE it expects half.
    """
    found: list[sa.ColumnElement[bool]] = []
    for at, slack, within in ((since, -_SLACK, operator.ge), (until, _SLACK, operator.lt)):
        if at is not None:
            condition = within(rows.c.created_at, at)
            edge = ids.new_id(prefix, max(0, int((at + slack).timestamp() * 1000)), bytes(ids.RANDOM_BYTES))
            exact = sa.case((condition, sa.true()), else_=sa.false())
            found += [condition] if moved else [exact, within(rows.c.id, edge)]
    return found
