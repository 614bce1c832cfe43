"""The wheel carries all that a server needs: installed in an empty environment, it migrates a database."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import sysconfig
import venv
import zipfile
from contextlib import closing
from pathlib import Path

import pytest


def _run(command: list[str | Path], *, cwd: Path, **environment: str) -> str:
    done = subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.strip()


@pytest.fixture(scope="module")
def wheel(checkout: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of this checkout, built with the build system that is installed."""
    target = tmp_path_factory.mktemp("wheel")
    _run([sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", target, checkout], cwd=target)
    (built,) = target.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The programs of an environment that holds the wheel; its dependencies are lent by this environment.

    A path in a .pth file is only looked at after the environment's own packages, and .pth files found there are not
    read, so the editable install of this checkout stays out of sight.
    """
    home = tmp_path_factory.mktemp("installed")
    venv.create(home, symlinks=True)
    python = home / "bin" / "python"
    command: list[str | Path] = [Path(sys.executable).with_name("uv"), "pip", "install", "--offline", "--no-deps"]
    _run([*command, "--python", python, wheel], cwd=home)
    packages = Path(_run([python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"], cwd=home))
    (packages / "lent.pth").write_text(sysconfig.get_path("purelib") + "\n", encoding="utf-8")
    return home / "bin"


def test_the_wheel_carries_every_data_file(checkout: Path, wheel: Path) -> None:
    """Every workflow, policy and migration of the checkout is in the wheel, and nothing of the tests is."""
    files = {
        path.relative_to(checkout)
        for folder in ("workflows", "alembic")
        for path in (checkout / folder).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert {path.parts[0] for path in files} == {"workflows", "alembic"}
    names = set(zipfile.ZipFile(wheel).namelist())
    assert {f"rma/_data/{path}" for path in files} - names == set()
    assert {name for name in names if name.startswith(("tests/", "benchmarks/")) or "__pycache__" in name} == set()


def test_an_installed_wheel_finds_its_own_folders(installed: Path, tmp_path: Path) -> None:
    """The folders come from the installed package, not from a checkout that happens to be near."""
    program = "from rma.resources import folder; print(folder('workflows')); print(folder('alembic'))"
    lines = _run([installed / "python", "-c", program], cwd=tmp_path).splitlines()
    assert [Path(line).is_relative_to(installed.parent) for line in lines] == [True, True]


def test_an_installed_wheel_migrates_a_database(installed: Path, tmp_path: Path) -> None:
    """`rma db upgrade` of an installed wheel brings an empty database to the newest revision."""
    database = tmp_path / "shop.sqlite3"
    places = {"RMA_DATABASE_URL": f"sqlite:///{database}", "RMA_DATA_DIR": str(tmp_path / "data")}
    _run([installed / "rma", "db", "upgrade"], cwd=tmp_path, **places)
    with closing(sqlite3.connect(database)) as connection:
        assert connection.execute("SELECT count(*) FROM alembic_version").fetchone() == (1,)
        assert connection.execute("SELECT count(*) FROM stores").fetchone() == (0,)
