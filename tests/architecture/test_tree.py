"""What may and may not lie in the tree."""

from __future__ import annotations

import ast
import re
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

HOSTS = re.compile(r"[p]ypi\.(org|io)|[p]ythonhosted|[n]pmjs\.|[d]ebian\.org")
MACHINE_PATHS = re.compile(r"(?m)(^|[^A-Za-z0-9._-])/(work|farm|root|home/\w+)/")
UNFINISHED = re.compile(r"\b([T]ODO|[F]IXME|[X]XX|[N]otImplementedError|pragma: [n]o cover)\b")
SKIPPED = re.compile(r"pytest\.([s]kip|[x]fail|importor[s]kip|mark\.[s]kip|mark\.[x]fail)")
CLOCKS = {"now", "today", "utcnow"}
LOOSE_END = re.compile(r"""(?:pattern=|re\.compile\()r?["'][^\n]*(?<!\\)[$]["']""")
EFFECTS = {"open", "print", "input", "exec", "eval"}


@pytest.fixture(scope="module")
def tracked(checkout: Path) -> dict[str, str]:
    """The text of every file that is, or would be, committed; binary files are left out."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    listed = subprocess.run(command, cwd=checkout, capture_output=True, text=True, check=True).stdout
    return dict(_texts(checkout, listed.split("\0")))


def _texts(checkout: Path, names: list[str]) -> Iterator[tuple[str, str]]:
    for name in names:
        path = checkout / name
        if name and path.is_file():
            content = path.read_bytes()
            if b"\0" not in content[:8000]:
                yield name, content.decode("utf-8", errors="replace")


def _naming(tracked: dict[str, str], pattern: re.Pattern[str], *, ending: str = "") -> list[str]:
    return [
        f"{name}: {found.group().strip()}"
        for name, text in tracked.items()
        if name.endswith(ending)
        for found in pattern.finditer(text)
    ]


def test_the_folder_of_migrations_is_no_package(checkout: Path) -> None:
    """alembic/ has no __init__.py: it would hide the library of the same name."""
    assert (checkout / "alembic" / "env.py").is_file()
    assert list((checkout / "alembic").rglob("__init__.py")) == []


def test_no_file_names_the_host_of_a_registry(tracked: dict[str, str]) -> None:
    """The project installs from whatever index its user has set; no file names one."""
    assert _naming(tracked, HOSTS) == []


def test_no_pattern_takes_a_line_break_as_its_end(tracked: dict[str, str]) -> None:
    """A bare ``$`` at the end of a pattern also stands before a last line break, which would pass into headers."""
    assert [found for found in _naming(tracked, LOOSE_END, ending=".py") if found.startswith("rma/")] == []


def test_no_file_names_a_path_of_one_machine(tracked: dict[str, str]) -> None:
    """No file knows where somebody's copy of it lies."""
    assert _naming(tracked, MACHINE_PATHS) == []


def test_the_lock_is_hashed_and_names_no_address(tracked: dict[str, str]) -> None:
    """Every pinned requirement has hashes, and the lock works with any index."""
    lock = tracked["requirements.lock"]
    entries = re.split(r"\n(?=\S)", lock.strip())
    pinned = [entry for entry in entries if not entry.startswith("#")]
    assert len(pinned) > 50
    assert [entry.splitlines()[0] for entry in pinned if "--hash=sha256:" not in entry] == []
    assert "://" not in lock
    assert "--index" not in lock


def test_no_other_lock_is_tracked(tracked: dict[str, str]) -> None:
    """uv.lock holds addresses of an index, so it is not committed."""
    assert "uv.lock" not in tracked


def test_every_library_has_its_line_in_the_decisions(checkout: Path) -> None:
    """docs/decisions/0013 names each direct dependency with its version, licence and purpose, and no other."""
    project = tomllib.loads((checkout / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = project["dependencies"] + [one for extra in project["optional-dependencies"].values() for one in extra]
    (page,) = (checkout / "docs" / "decisions").glob("0013-*.md")
    rows = re.findall(r"(?m)^\| ([a-z][a-z0-9-]+) \| [0-9]", page.read_text(encoding="utf-8"))
    assert sorted(rows) == sorted(re.split(r"[\[<>=]", requirement)[0] for requirement in wanted)


def test_nothing_is_left_unfinished(tracked: dict[str, str]) -> None:
    """No program text promises work for later or hides itself from a measure."""
    assert _naming(tracked, UNFINISHED, ending=".py") == []


def test_no_test_is_skipped(tracked: dict[str, str]) -> None:
    """Every test runs, and every test is expected to pass."""
    assert _naming(tracked, SKIPPED, ending=".py") == []


def test_domain_asks_no_clock_and_does_nothing(checkout: Path) -> None:
    """Domain code is told the time; it opens, prints and evaluates nothing."""
    calls = [
        f"{path}:{node.lineno} {ast.unparse(node.func)}"
        for path in sorted((checkout / "rma" / "domain").rglob("*.py"))
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and _is_effect(node.func)
    ]
    assert calls == []


def _is_effect(function: ast.expr) -> bool:
    if isinstance(function, ast.Attribute):
        return function.attr in CLOCKS
    return isinstance(function, ast.Name) and function.id in EFFECTS


def test_how_a_path_names_a_return_is_decided_once(tracked: dict[str, str]) -> None:
    """An id or an RMA number in any spelling: one module tells them apart, all others ask it for the return."""
    readers = {path for path, text in tracked.items() if path.startswith("rma/services/") and "read_rma_number" in text}
    assert readers == {"rma/services/naming.py", "rma/services/listing.py"}, "listing.py filters by the number alone"
    assert [
        path for path, text in tracked.items() if path.startswith("rma/services/") and "[column] == key" in text
    ] == []
