"""Units of an order line, numbered 1..n and held as ranges: a line of 19,152 units is one pair, never 19,152 rows."""

from __future__ import annotations

from collections.abc import Iterable

from rma.errors import Invalid

Ranges = tuple[tuple[int, int], ...]
"""Inclusive ranges, sorted, disjoint and merged: ``((1, 3), (7, 7))`` is units 1, 2, 3 and 7."""


def whole(n: int) -> Ranges:
    """All units of a line of ``n``; nothing when there are none."""
    return ((1, n),) if n > 0 else ()


def count(ranges: Ranges) -> int:
    """How many units the ranges hold."""
    found = 0
    for low, high in ranges:
        found += high - low + 1
    return found


def contains(ranges: Ranges, unit: int) -> bool:
    """Whether the unit is in the ranges."""
    return any(low <= unit <= high for low, high in ranges)


def union(*many: Iterable[tuple[int, int]]) -> Ranges:
    """Every unit of any of them, sorted and merged; the parts may overlap and come in any order."""
    pairs = [pair for ranges in many for pair in ranges]
    if len(pairs) < 2:  # noqa: PLR2004 - most lines have one unit
        return tuple(pairs)
    pairs.sort()
    result: list[tuple[int, int]] = []
    for low, high in pairs:
        if result and low <= result[-1][1] + 1:
            result[-1] = (result[-1][0], max(result[-1][1], high))
        else:
            result.append((low, high))
    return tuple(result)


def subtract(ranges: Ranges, gone: Ranges) -> Ranges:
    """The units of the first that are not in the second."""
    result: list[tuple[int, int]] = []
    for low, high in ranges:
        start = low
        for first, last in gone:
            if last < start or first > high:
                continue
            if first > start:
                result.append((start, first - 1))
            start = last + 1
        if start <= high:
            result.append((start, high))
    return tuple(result)


def intersect(one: Ranges, other: Ranges) -> Ranges:
    """The units that are in both."""
    return tuple(
        (max(low, first), min(high, last))
        for low, high in one
        for first, last in other
        if first <= high and last >= low
    )


def take(free: Ranges, n: int) -> Ranges:
    """The lowest ``n`` units of the free ones. ``ValueError`` when fewer are free."""
    result: list[tuple[int, int]] = []
    rest = n
    for low, high in free:
        if rest <= 0:
            break
        last = min(high, low + rest - 1)
        result.append((low, last))
        rest -= last - low + 1
    if rest > 0:
        message = f"{n} units asked, {count(free)} free"
        raise ValueError(message)
    return tuple(result)


def parse(value: object, *, path: str) -> Ranges:
    """Ranges from JSON ``[[1, 3], [7, 7]]``. Overlaps, wrong order and numbers below 1 are ``Invalid`` at ``path``."""
    if not isinstance(value, list | tuple):
        raise Invalid.field(path, "type", "units are pairs such as [[1, 3]]")
    if not value:
        return ()
    last = 0
    for index, pair in enumerate(value):
        if not _is_pair(pair):
            raise Invalid.field(f"{path}[{index}]", "type", "a range is two whole numbers, first and last")
        if not last < pair[0] <= pair[1]:
            raise Invalid.field(f"{path}[{index}]", "range", "ranges start at 1, rise and do not overlap")
        last = pair[1]
    return union([(pair[0], pair[1]) for pair in value])


def _is_pair(pair: object) -> bool:
    """Whether it is a list of two whole numbers (a truth value is none)."""
    return isinstance(pair, list | tuple) and len(pair) == 2 and all(type(part) is int for part in pair)  # noqa: PLR2004
