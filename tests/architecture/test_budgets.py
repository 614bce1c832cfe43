"""Size budgets: small functions, small files, and a word of promise on everything public."""

from __future__ import annotations

import ast
import statistics
from collections.abc import Iterator
from pathlib import Path

FILE_LINES = 400
FUNCTION_LINES = 60
MEDIAN_LINES = 10

Function = ast.FunctionDef | ast.AsyncFunctionDef


def _files(checkout: Path, *folders: str) -> Iterator[Path]:
    for folder in folders:
        yield from sorted((checkout / folder).rglob("*.py"))


def _functions(path: Path) -> Iterator[Function]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, Function):
            yield node


def _lines(function: Function) -> int:
    return (function.end_lineno or function.lineno) - function.lineno + 1


def _public(body: list[ast.stmt]) -> Iterator[Function]:
    """Functions and methods that a caller may name; a private class hides what is in it."""
    for node in body:
        if isinstance(node, Function) and not node.name.startswith("_"):
            yield node
        elif isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            yield from _public(node.body)


def _is_overload(function: Function) -> bool:
    return any(ast.unparse(decorator).endswith("overload") for decorator in function.decorator_list)


def test_no_file_is_too_long(checkout: Path) -> None:
    """A file has at most 400 lines."""
    lengths = {path: path.read_text(encoding="utf-8").count("\n") for path in _files(checkout, "rma", "tests")}
    assert {str(path): lines for path, lines in lengths.items() if lines > FILE_LINES} == {}


def test_no_function_is_too_long(checkout: Path) -> None:
    """A function has at most 60 lines."""
    long = [
        f"{path}:{function.lineno} {function.name}: {_lines(function)} lines"
        for path in _files(checkout, "rma", "tests", "benchmarks")
        for function in _functions(path)
        if _lines(function) > FUNCTION_LINES
    ]
    assert long == []


def test_most_functions_are_short(checkout: Path) -> None:
    """The median function of the program has at most 10 lines."""
    lengths = [_lines(function) for path in _files(checkout, "rma") for function in _functions(path)]
    assert statistics.median(lengths) <= MEDIAN_LINES


def test_everything_public_says_what_it_promises(checkout: Path) -> None:
    """Every public function and method of the program has a docstring."""
    silent = [
        f"{path}:{function.lineno} {function.name}"
        for path in _files(checkout, "rma")
        for function in _public(ast.parse(path.read_text(encoding="utf-8")).body)
        if not ast.get_docstring(function) and not _is_overload(function)
    ]
    assert silent == []


def test_every_test_says_its_claim(checkout: Path) -> None:
    """Every test has a docstring: its claim in one sentence."""
    silent = [
        f"{path}:{function.lineno} {function.name}"
        for path in _files(checkout, "tests")
        for function in _functions(path)
        if function.name.startswith("test_") and not ast.get_docstring(function)
    ]
    assert silent == []
