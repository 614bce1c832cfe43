"""The tutorial does what it says: all its commands, in their order, typed into one shell against a real server."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest

BLOCK = re.compile(r"^```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)
PORT = "8000"
SECONDS = 300
AT_THE_END = "trap 'kill $(jobs -p) 2>/dev/null || true' EXIT"
"""What a reader does by closing the terminal: a command that fails leaves no server behind."""


@pytest.fixture(scope="module")
def followed(checkout: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """The folder in which somebody followed the tutorial to its end, and what they saw."""
    folder = _checkout_copy(checkout, tmp_path_factory.mktemp("tutorial"))
    port = _free_port()
    blocks = BLOCK.findall((checkout / "docs" / "tutorial.md").read_text(encoding="utf-8"))
    script = "\n".join(["set -euo pipefail", AT_THE_END, *blocks, "wait"]).replace(f":{PORT}/", f":{port}/")
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("RMA_", "MAKE", "MFLAGS"))}
    own = {"RMA_PORT": str(port), "PYTHONPATH": str(checkout)}
    done = subprocess.run(
        ["bash", "-c", script],
        cwd=folder,
        env=clean | own,
        capture_output=True,
        text=True,
        check=False,
        timeout=SECONDS,
    )
    assert done.returncode == 0, f"{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
    return folder, done.stdout


def _checkout_copy(checkout: Path, folder: Path) -> Path:
    """What the commands need of a checkout, in a place of its own, set up with the environment that runs this test."""
    for name in ("Makefile", "pyproject.toml", "requirements.lock"):
        shutil.copy(checkout / name, folder / name)
    (folder / ".venv").mkdir()
    (folder / ".venv" / "bin").symlink_to(Path(sys.prefix) / "bin", target_is_directory=True)
    (folder / ".venv" / ".ready").touch()
    return folder


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _answers(seen: str) -> list[dict[str, object]]:
    """The JSON answers that were printed, in their order."""
    decoder, found, at = json.JSONDecoder(), list[dict[str, object]](), 0
    while (at := seen.find("{", at)) >= 0:
        answer, at = decoder.raw_decode(seen, at)
        found.append(answer)
    return found


def test_every_block_of_the_page_is_run(checkout: Path) -> None:
    """No command hides from the test: every fenced block of the page is one that was run."""
    text = (checkout / "docs" / "tutorial.md").read_text(encoding="utf-8")
    fences = re.findall(r"^```.*$", text, re.MULTILINE)
    assert len(BLOCK.findall(text)) * 2 == len(fences) > 10
    assert f":{PORT}/" in text


def test_the_reader_has_a_label_and_the_money_that_the_page_names(followed: tuple[Path, str]) -> None:
    """The label is a PDF, and the refund is the 96.67 of the text, paid in full."""
    folder, seen = followed
    assert (folder / "var" / "label.pdf").read_bytes().startswith(b"%PDF-")
    refund = json.loads((folder / "var" / "refund.json").read_bytes())
    assert refund["state"] == "proposed"
    assert refund["total"] == {"amount": "96.67", "currency": "TRY"}
    ended = next(found for found in _answers(seen) if found.get("state") == "awaiting_feedback")
    refunds = ended["refunds"]
    assert isinstance(refunds, list)
    assert [found["state"] for found in refunds] == ["succeeded"]


def test_the_story_ends_with_feedback_mails_and_a_proven_history(followed: tuple[Path, str]) -> None:
    """Feedback is taken, events and mails are there in Turkish, and nothing was changed."""
    _, seen = followed
    answers = _answers(seen)
    assert any(found.get("score") == 5 and found.get("state") == "closed" for found in answers)
    events, outbox = [found["items"] for found in answers if "items" in found]
    assert isinstance(events, list)
    assert isinstance(outbox, list)
    assert {"return.requested", "refund.succeeded", "feedback.received"} <= {event["type"] for event in events}
    assert any("İadeniz tamamlandı" in str(mail["subject"]) for mail in outbox)
    assert "everything holds" in seen
