"""The law on the command line: a folder of files is checked and listed."""

from __future__ import annotations

import shutil
from pathlib import Path

from tests.support.laws import FOLDER
from tests.support.program import Program


def test_a_folder_of_the_law_is_checked(tmp_path: Path) -> None:
    """The shipped law can be read; a copy with a fault is refused with file and path, and exit code 1."""
    program = Program(tmp_path)
    assert program.json("law", "check") == {"file": None, "faults": []}
    copy = tmp_path / "law"
    shutil.copytree(FOLDER, copy)
    uk = copy / "uk.toml"
    uk.write_text(uk.read_text(encoding="utf-8").replace("[send_back]\n", "[send_back]\nhours = 3\n"), encoding="utf-8")
    found = program.json("law", "check", copy, code=1)
    assert (found["file"], [fault["path"] for fault in found["faults"]]) == ("uk.toml", ["send_back.hours"])


def test_the_texts_are_listed(tmp_path: Path) -> None:
    """Each text with the day from which it holds, its file and its countries."""
    listed = {one["version"]: one for one in Program(tmp_path).json("law", "list")}
    assert listed["TR@2026-01-01"]["valid_from"] == "2026-01-01"
    assert "DE" in listed["EU@2026-06-19"]["countries"]
    assert listed["US@1975-10-22"]["file"] == "us.toml"
