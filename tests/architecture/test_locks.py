"""How rows are locked, read from the source: what a lock keeps out is part of the order of locks."""

from __future__ import annotations

import re
from pathlib import Path

_LOCKING = re.compile(r"with_for_update\(((?:[^()]|\([^()]*\))*)\)")


def test_a_lock_lets_rows_that_refer_to_it_be_written(checkout: Path) -> None:
    """Every row lock is FOR NO KEY UPDATE: FOR UPDATE would wait for whoever inserts a row that refers to this one."""
    found = [
        (path.name, arguments)
        for path in sorted((checkout / "rma").rglob("*.py"))
        for arguments in _LOCKING.findall(path.read_text(encoding="utf-8"))
    ]
    assert len(found) > 5
    assert [place for place in found if "key_share=True" not in place[1]] == []


def test_only_the_session_begins_transactions_of_requests(checkout: Path) -> None:
    """The services run their writes through ``retrying``: a deadlock's victim runs again, unseen."""
    plain = {
        path.name
        for path in sorted((checkout / "rma" / "services").rglob("*.py"))
        if ".database.write()" in path.read_text(encoding="utf-8")
    }
    assert plain == set()


def test_an_act_is_handed_over_again_by_one_function_alone(checkout: Path) -> None:
    """Whoever wants an act to be looked at again leaves its lock, and whether somebody is at it, to ``asking``."""
    written = {path: path.read_text(encoding="utf-8") for path in (checkout / "rma").rglob("*.py")}
    assert [path.name for path, text in written.items() if "effects.again" in text] == ["asking.py"]
