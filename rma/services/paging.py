"""Lists in pages that stay right while rows are added: a cursor names the last row seen, never a number of rows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

import msgspec

T = TypeVar("T")
R = TypeVar("R")
DEFAULT_LIMIT = 50
MAX_LIMIT = 200


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
