"""Ranges of units."""

from __future__ import annotations

import pytest

from rma.domain.units import contains, count, intersect, parse, subtract, take, union, whole
from rma.errors import Invalid


def test_ranges_are_sorted_and_merged() -> None:
    """A union is sorted, disjoint and merged whatever the parts were."""
    assert union([(7, 9), (1, 2)], [(3, 3), (8, 12)]) == ((1, 3), (7, 12))
    assert (whole(3), whole(0), count(((1, 3), (7, 7)))) == (((1, 3),), (), 4)


def test_subtract_and_intersect() -> None:
    """Subtracting and intersecting keep exactly the units they say."""
    assert subtract(((1, 10),), ((2, 3), (10, 12))) == ((1, 1), (4, 9))
    assert subtract(((1, 3),), ((1, 3),)) == ()
    assert intersect(((1, 5), (8, 9)), ((4, 8),)) == ((4, 5), (8, 8))
    assert contains(((1, 2), (5, 6)), 5)
    assert not contains(((1, 2), (5, 6)), 3)


def test_the_lowest_free_units_are_taken_first() -> None:
    """Taking gives the lowest free units, and never more than are free."""
    assert take(((2, 3), (7, 9)), 3) == ((2, 3), (7, 7))
    assert take(((2, 3),), 0) == ()
    with pytest.raises(ValueError, match="3 units asked, 2 free"):
        take(((2, 3),), 3)


@pytest.mark.parametrize(
    ("value", "path"),
    [
        ("1-3", "units"),
        ([[1]], "units[0]"),
        ([[1, 2], [2, 3]], "units[1]"),
        ([[0, 2]], "units[0]"),
        ([[3, 2]], "units[0]"),
        ([[True, 2]], "units[0]"),
    ],
)
def test_wrong_ranges_are_named(value: object, path: str) -> None:
    """Ranges that are not sorted pairs of whole numbers from 1 are refused at their path."""
    with pytest.raises(Invalid) as fault:
        parse(value, path="units")
    assert fault.value.errors[0].path == path


def test_neighbours_are_merged_when_read() -> None:
    """Ranges that touch are read as one."""
    assert parse([[1, 2], [3, 3], [7, 7]], path="units") == ((1, 3), (7, 7))
