"""The rings hold: import-linter passes on this tree and catches what a hurried change would plant."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

PLANTED = {
    "domain/planted_up.py": ("rma.db", "imports point one way"),
    "domain/planted_clock.py": ("time", "domain is pure: no I/O, clock, settings or randomness"),
    "domain/planted_chance.py": ("random", "domain is pure: no I/O, clock, settings or randomness"),
    "domain/planted_tables.py": ("sqlalchemy", "domain is pure: no I/O, clock, settings or randomness"),
    "domain/planted_settings.py": ("rma.resources", "imports point one way"),
    "db/planted_up.py": ("rma.services", "imports point one way"),
    "services/planted_machine.py": ("transitions", "only domain/engine.py imports transitions"),
    "services/planted_vendor.py": ("rma.providers", "imports point one way"),
    "services/planted_up.py": ("rma.api", "imports point one way"),
    "providers/planted_tables.py": ("rma.db", "providers never import db"),
    "providers/planted_use_case.py": ("rma.services", "imports point one way"),
    "api/planted_screens.py": ("rma.web", "imports point one way"),
    "api/planted_tables.py": ("rma.db", "api and web know neither tables nor providers"),
    "api/planted_vendor.py": ("rma.providers", "api and web know neither tables nor providers"),
    "web/planted_tables.py": ("rma.db", "api and web know neither tables nor providers"),
    "web/planted_api.py": ("rma.api", "imports point one way"),
}
"""Where a forbidden import is planted, what it imports, and the contract that must catch it."""


def _copy(checkout: Path, target: Path) -> Path:
    shutil.copytree(checkout / "rma", target / "rma", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(checkout / "pyproject.toml", target)
    return target


def _lint(tree: Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "COLUMNS": "200", "PYTHONPATH": str(tree)}
    command = [str(Path(sys.executable).with_name("lint-imports")), "--no-cache", "--no-logo"]
    return subprocess.run(command, cwd=tree, env=environment, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def broken(checkout: Path, tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, str]:
    """What import-linter says of a copy with every violation planted, by the name of the contract."""
    tree = _copy(checkout, tmp_path_factory.mktemp("planted"))
    for place, (imported, _) in PLANTED.items():
        (tree / "rma" / place).write_text(f"import {imported}\n")
    done = _lint(tree)
    assert done.returncode == 1, done.stdout + done.stderr
    details = done.stdout.partition("Broken contracts")[2]
    names = {name for _, name in PLANTED.values()}
    starts = sorted((details.index(f"\n{name}\n"), name) for name in names)
    ends = [start for start, _ in starts[1:]] + [len(details)]
    return {name: details[start:end] for (start, name), end in zip(starts, ends, strict=True)}


def test_this_tree_keeps_every_contract(checkout: Path) -> None:
    """No module of this tree imports what its ring may not."""
    done = _lint(checkout)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("place", PLANTED)
def test_a_planted_violation_is_caught(broken: Mapping[str, str], place: str) -> None:
    """A forbidden import, planted in a copy of the tree, breaks the contract that forbids it."""
    imported, contract = PLANTED[place]
    module = "rma." + place.removesuffix(".py").replace("/", ".")
    assert f"{module} -> {imported}" in broken[contract]


def test_a_new_top_module_must_be_given_its_ring(checkout: Path, tmp_path: Path) -> None:
    """A module that no ring names is caught, so nobody can grow a ring by accident."""
    tree = _copy(checkout, tmp_path)
    (tree / "rma" / "planted.py").write_text("")
    done = _lint(tree)
    assert done.returncode == 1
    assert "rma.planted" in done.stdout


def test_a_start_loads_no_more_than_it_needs() -> None:
    """A process is ready without the libraries that draw papers and those that migrate."""
    heavy = {"alembic", "mako", "reportlab", "segno"}
    program = f"import sys, rma.app, rma.worker, rma.cli.root; print(*sorted({heavy!r} & sys.modules.keys()))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


def test_every_process_knows_every_effect() -> None:
    """One that only answers requests, without a worker in it, has the handlers of all modules that hang one."""
    told = "print(*sorted(rma.services.transition.HANDLERS))"
    every = (
        "[importlib.import_module('rma.services.' + one.name) for one in pkgutil.iter_modules(rma.services.__path__)]"
    )
    programs = f"import rma.app; {told}", f"import importlib, pkgutil, rma.services.transition; {every}; {told}"
    alone, known = (
        subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
        for program in programs
    )
    assert alone == known != ""
