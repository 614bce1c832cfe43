"""The worked cases: from the shared folder beside the checkout when it is there, else from the shipped copy.

Some ids (E10, E17, E20) stand in both files for different cases, so a case is always asked for with its file.
"""

from __future__ import annotations

import csv
from functools import cache
from pathlib import Path
from typing import NamedTuple

SHIPPED = Path(__file__).parents[1] / "cases"
SHARED = SHIPPED.parents[2] / "shared" / "cases"
LAW = "law-and-money.csv"
RETURNS = "returns-and-refunds.csv"


class Case(NamedTuple):
    """One row: what is given and what is expected, as text."""

    id: str
    given: str
    expected: str


@cache
def cases(file: str = LAW) -> dict[str, Case]:
    """Every row of a file by its id."""
    path = (SHARED if SHARED.is_dir() else SHIPPED) / file
    with path.open(encoding="utf-8", newline="") as rows:
        return {row["id"]: Case(row["id"], row["given"], row["expected"]) for row in csv.DictReader(rows)}


def facts(text: str) -> dict[str, str]:
    """The ``key=value; …`` pairs of a text; a part without a key stands under itself."""
    pairs = (part.strip().partition("=") for part in text.split(";"))
    return {key.strip(): value.strip() or key.strip() for key, _, value in pairs if key.strip()}


def given(case_id: str, *, file: str = LAW) -> dict[str, str]:
    """The pairs that a case gives."""
    return facts(cases(file)[case_id].given)


def expected(case_id: str, *, file: str = LAW) -> dict[str, str]:
    """The pairs that a case expects."""
    return facts(cases(file)[case_id].expected)
