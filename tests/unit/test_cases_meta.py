"""No worked case is silent: each has a test that names it, or stands on the list of those without one, with a why."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from tests.support.cases import LAW, RETURNS, cases

PAGE = Path("docs/explanation/disputed-cases.md")
FILES = (RETURNS, LAW)
NAMED = re.compile(r"test_([a-z])(\d+)_")
ID = re.compile(r"[A-Z]\d+")


def _tests(checkout: Path) -> Iterator[tuple[str, str]]:
    """Name and source, decorators included, of every test but those of this module."""
    for path in sorted((checkout / "tests").rglob("test_*.py")):
        if path.name == Path(__file__).name:
            continue
        source = path.read_text(encoding="utf-8")
        lines = source.splitlines()
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
                first = min([node.lineno, *(one.lineno for one in node.decorator_list)])
                yield node.name, "\n".join(lines[first - 1 : node.end_lineno])


def _named(name: str, source: str) -> Iterator[tuple[str, str]]:
    """The cases that a test stands for: by its name, and by the ids it is run with.

    An id of both files is of the returns where the test says so, else of the law.
    """
    here = RETURNS if "RETURNS" in source or "(returns)" in source else LAW
    decorated = source[: source.index("def ")]
    found = re.findall(r'"([A-Z]\d+)"', decorated)
    by_name = NAMED.match(name)
    if by_name:
        found.append(by_name[1].upper() + by_name[2])
    for case_id in found:
        files = [file for file in FILES if case_id in cases(file)]
        yield from ((file, case_id) for file in files if len(files) == 1 or file == here)


@cache
def _tested(checkout: Path) -> frozenset[tuple[str, str]]:
    return frozenset(case for name, source in _tests(checkout) for case in _named(name, source))


@cache
def _listed(checkout: Path) -> dict[tuple[str, str], str]:
    """The page's tables: file (by heading) and id to the reason that is given."""
    found: dict[tuple[str, str], str] = {}
    file = ""
    for line in (checkout / PAGE).read_text(encoding="utf-8").splitlines():
        if line.startswith("## "):
            file = next((name for name in FILES if name in line), "")
        cells = [cell.strip() for cell in line.strip("|").split("|")] if line.startswith("|") else []
        if file and cells and ID.match(cells[0]):
            found |= {(file, case_id): cells[-1] for case_id in ID.findall(cells[0])}
    return found


@pytest.mark.parametrize("file", FILES)
def test_every_case_is_tested_or_listed(checkout: Path, file: str) -> None:
    """Each id of the worked cases has a test that is named after it, or a line on the page with a reason."""
    known = _tested(checkout) | set(_listed(checkout))
    assert [case_id for case_id in cases(file) if (file, case_id) not in known] == []


def test_the_list_is_honest(checkout: Path) -> None:
    """What the page lists is a case, has a reason, and has no test: whoever adds the test takes it off the list."""
    listed = _listed(checkout)
    assert [case for case in listed if case[1] not in cases(case[0])] == []
    assert [case for case, why in listed.items() if len(why.split()) <= 2] == []
    assert sorted(set(listed) & _tested(checkout)) == []


def test_a_test_of_an_id_that_stands_in_both_files_counts_for_one() -> None:
    """E10 stands in both files: a test of it belongs to the one it names, and E05 and E5 are two cases."""
    law = "def test_e10_label() -> None: ..."
    mine = 'def test_e10_left() -> None:\n    assert cases(RETURNS)["E10"]'
    assert list(_named("test_e10_label", law)) == [(LAW, "E10")]
    assert list(_named("test_e10_left", mine)) == [(RETURNS, "E10")]
    assert list(_named("test_e5_days", "def test_e5_days(): ...")) == [(RETURNS, "E5")]
    assert list(_named("test_e05_way", "def test_e05_way(): ...")) == [(LAW, "E05")]
    many = '@pytest.mark.parametrize("case_id", ["A02", "A04"])\ndef test_ends(case_id): ...'
    assert list(_named("test_ends", many)) == [(LAW, "A02"), (LAW, "A04")]
