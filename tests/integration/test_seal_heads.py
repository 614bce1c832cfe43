"""Seal heads kept in files: appended as the seal advances, whole after a crash, and trusted only with our signature."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import pytest

from rma.db.session import Database
from rma.errors import Invalid, NotFound
from rma.services import file_locks, seal_heads
from rma.services.seal_heads import SealHeads, Signer
from tests.support.history import History

SECRET = "not in the database"
pytestmark = pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)


@pytest.fixture
def history(database_url: str) -> Iterator[History]:
    """A sealed history of one store, beside that of another one."""
    database = Database(database_url)
    History(database, "other")
    yield History(database)
    database.close()


def test_heads_are_appended_as_the_seal_advances(history: History, tmp_path: Path) -> None:
    """A head is kept once per advance, no sooner than the pause allows unless told, and never twice."""
    heads = SealHeads(tmp_path, SECRET, pause=3600)
    assert heads.advance(history.database) == 2
    assert heads.advance(history.database) == 0
    history.tell()
    assert heads.advance(history.database) == 0
    assert heads.advance(history.database, at_once=True) == 1
    assert SealHeads(tmp_path, SECRET).advance(history.database) == 0
    numbers = [head.number for head in seal_heads.read(tmp_path / f"{history.store}.ndjson", Signer(SECRET))]
    assert numbers == [13, 21]


def test_a_line_cut_by_a_crash_is_left_out_and_replaced(history: History, tmp_path: Path) -> None:
    """What a crash left of a line does no harm: it is not read, and the next head takes its place."""
    file = tmp_path / f"{history.store}.ndjson"
    SealHeads(tmp_path, SECRET).advance(history.database)
    with file.open("ab") as torn:
        torn.write(file.read_bytes()[:40])
    assert len(seal_heads.read(file, Signer(SECRET))) == 1
    history.tell()
    SealHeads(tmp_path, SECRET).advance(history.database)
    assert [head.number for head in seal_heads.read(file, Signer(SECRET))] == [13, 21]


def test_two_processes_do_not_cut_each_other_s_lines(
    history: History, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While one takes a torn line off, the other appends nothing that would go with it, and does so afterwards."""
    file = tmp_path / f"{history.store}.ndjson"
    SealHeads(tmp_path, SECRET).advance(history.database)
    with file.open("ab") as torn:
        torn.write(file.read_bytes()[:40])
    history.tell()
    one, other = SealHeads(tmp_path, SECRET), SealHeads(tmp_path, SECRET)
    looked: list[int] = []
    look = seal_heads._torn  # noqa: SLF001 - the exact place

    def meanwhile(file: BinaryIO) -> int | None:
        found = look(file)
        if not looked:
            looked.append(0)
            history.tell()
            looked.append(other.advance(history.database))
        return found

    monkeypatch.setattr(seal_heads, "_torn", meanwhile)
    monkeypatch.setattr(file_locks, "_TRIES", 1)
    assert (one.advance(history.database), looked) == (1, [0, 0])
    assert [other.advance(history.database) for _ in range(2)] == [1, 0]
    assert [head.number for head in seal_heads.read(file, Signer(SECRET))] == [13, 21, 29]
    assert SealHeads(tmp_path, SECRET).advance(history.database) == 0
    monkeypatch.setattr(seal_heads.SealHeads, "_is_due", lambda *_, **__: True)
    assert one.advance(history.database) == 0, "who looked before another one appended appends no second one"


def test_heads_that_we_did_not_sign_are_refused(history: History, tmp_path: Path) -> None:
    """A changed line, a line that is no head, and heads of another key are named by file and line."""
    SealHeads(tmp_path, SECRET).advance(history.database)
    file = tmp_path / f"{history.store}.ndjson"
    file.write_text(file.read_text().replace('"number":13', '"number":12') + "{}\n")
    with pytest.raises(Invalid) as caught:
        seal_heads.read(file, Signer(SECRET))
    assert [(fault.path, fault.code) for fault in caught.value.errors] == [
        (f"{file.name}:1", "signature"),
        (f"{file.name}:2", "no_head"),
    ]
    with pytest.raises(Invalid, match="cannot be trusted"):
        seal_heads.read(tmp_path, Signer("another secret"))
    with pytest.raises(NotFound):
        seal_heads.read(tmp_path / "nothing", Signer(SECRET))
