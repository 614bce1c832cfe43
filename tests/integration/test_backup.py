"""The commands of the page about backups, as they stand there: what they make holds, and shows how old it is."""

from __future__ import annotations

import os
import re
import shutil
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from rma.db.session import Database
from rma.services.seal_heads import FOLDER, SealHeads
from rma.settings import Settings
from tests.support.databases import Databases, Kind
from tests.support.history import History
from tests.support.migrate import migrate

BLOCK = re.compile(r"^```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)
SHELL = """#!{python}
import sqlite3, sys
sqlite3.connect(sys.argv[1]).backup(sqlite3.connect(sys.argv[2].removeprefix(".backup ")))
"""
"""What the page asks of SQLite's shell, for machines that have none."""


@pytest.fixture
def original(databases: Databases, database_kind: Kind, tmp_path: Path) -> Iterator[Database]:
    """An installation as the page has it: a data folder, and ``rma`` on a server or ``rma.sqlite3`` in the folder."""
    (tmp_path / "data").mkdir()
    url = f"sqlite:///{tmp_path / 'data' / 'rma.sqlite3'}"
    if database_kind == "postgresql":
        url = databases.server.create("rma")
    migrate(url)
    opened = Database(url)
    yield opened
    opened.close()


@pytest.fixture
def environment(databases: Databases, database_kind: Kind, tmp_path: Path) -> dict[str, str]:
    """What a shell on that machine knows."""
    tools = tmp_path / "tools"
    tools.mkdir()
    if shutil.which("sqlite3") is None:
        (tools / "sqlite3").write_text(SHELL.format(python=sys.executable))
        (tools / "sqlite3").chmod(stat.S_IRWXU)
    places, own = [str(tools), str(Path(sys.executable).parent), os.environ["PATH"]], {}
    if database_kind == "postgresql":
        places.insert(0, str(databases.server.programs))
        own = {"PGHOST": str(databases.server.socket), "PGUSER": "postgres"}
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("RMA_", "PG"))}
    return clean | own | {"PATH": os.pathsep.join(places), "RMA_DATA_DIR": str(tmp_path / "data")}


def test_the_page_s_commands_make_a_backup_that_holds(
    checkout: Path, original: Database, database_kind: Kind, environment: dict[str, str], tmp_path: Path
) -> None:
    """Made while others go on and verified as written; against heads that are newer it says where it ends."""
    blocks = BLOCK.findall((checkout / "docs" / "how-to" / "back-up-and-restore.md").read_text(encoding="utf-8"))
    assert len(blocks) == 4
    back_up, verify = blocks[0::2] if database_kind == "postgresql" else blocks[1::2]
    data = tmp_path / "data"

    def typed(commands: str, code: int = 0) -> str:
        bash = ["bash", "-euo", "pipefail", "-c", commands]
        done = subprocess.run(bash, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout

    history = History(original)
    heads = SealHeads(data / FOLDER, Settings(data_dir=data).secret, pause=0)
    heads.advance(original)
    typed(back_up)
    history.tell()
    heads.advance(original)
    assert "13 sealed, 0 not sealed yet, 1 kept heads compared: everything holds" in typed(verify)
    again = verify.splitlines()[-1].replace("seals-of-that-day", f"{data / FOLDER}")
    assert "seal 14: a seal 21 was kept, this database ends at 13" in typed(again, code=1)
