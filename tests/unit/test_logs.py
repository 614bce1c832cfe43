"""What a process says: a line each, with whom it was for and without what they wrote."""

from __future__ import annotations

import json
import logging
import re
import subprocess
import sys
from typing import Any

import pytest

from rma.domain import strict
from rma.errors import Invalid
from rma.services import logs

RETURN = "ret_01jd" + "0" * 22
EVERYBODY = """
import logging, threading, warnings
import uvicorn
from dbos import _logger
from rma.services import logs
HANDLERS = logging.getLogger().handlers
with logs.spoken():
    assert len(logging.getLogger("dbos").handlers) == 1
assert logging.getLogger().handlers is HANDLERS and not logging.getLogger("dbos").handlers
logs.set_up()
logs.begin("r-1")
_logger.init_logger()
uvicorn.Config("app", log_config=None, log_level="warning")
for name in ("rma.worker", "dbos", "uvicorn.error", "sqlalchemy.pool"):
    logging.getLogger(name).warning("to %s", "ayse@example.com")
    logging.getLogger(name).info("nobody hears this")
warnings.warn("an old way")
def die():
    raise ValueError("ayse")
thread = threading.Thread(target=die, name="t-1")
thread.start()
thread.join()
"""


@pytest.fixture
def log() -> Any:
    """A logger nobody else hears, and what it said."""
    said: list[dict[str, Any]] = []

    class Keep(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            said.append(json.loads(logs.Lines().format(record)))

    found = logging.Logger("rma.test")  # noqa: LOG001 - of this test alone
    found.addHandler(Keep())
    return found, said


def test_a_line_says_for_whom_and_where_and_no_value(log: Any) -> None:
    """Request, store, return and attempt stand in it; of an error and its cause the class, code and places."""
    logger, said = log

    def refuse() -> None:
        try:
            int("ayse@example.com")
        except ValueError as error:
            raise Invalid.field("customer.name", "odd", "Ayşe") from error

    with logs.about(attempt="rfd_1:1:send_refund"):
        logs.note(store="shop", return_id=RETURN)
        logs.note(return_id="ayse@example.com")
        try:
            refuse()
        except Invalid:
            logger.exception("it broke at %s", "ayse@example.com", extra={"state": "unknown", "name_of": "Ayşe"})
    logger.warning("after")
    first, after = said
    assert (first["level"], first["logger"], first["message"]) == ("error", "rma.test", "it broke at …")
    assert (first["store"], first["return"], first["attempt"]) == ("shop", RETURN, "rfd_1:1:send_refund")
    assert (first["state"], first["error"]["class"], first["error"]["code"]) == (
        "unknown", "rma.errors.Invalid", "invalid",
    )  # fmt: skip
    assert first["error"]["stack"][-1].endswith(" refuse")
    assert first["error"]["cause"]["class"] == "builtins.ValueError"
    assert not [one for one in ("ayse", "ayşe") if one in json.dumps(said, ensure_ascii=False).lower()]
    assert after["attempt"] is None


def test_an_error_in_a_few_words_holds_no_value(log: Any) -> None:
    """Class, our own code and the innermost place of ours; what somebody put where a code belongs is left out."""
    logger, said = log
    with pytest.raises(Invalid) as ours:
        strict.decode(b'["ayse"]', list[int])
    assert re.sub(r"\d+", "1", logs.brief(ours.value)) == "rma.errors.Invalid (invalid) at rma.domain.strict:1 _convert"
    theirs = ConnectionError("550 <ayse@example.com>", "no such user")
    assert logs.brief(theirs) == "builtins.ConnectionError"
    logger.error("it broke", exc_info=theirs)
    assert "errno" not in said[0]["error"]
    assert [logs.word(one) for one in ("card_closed", "10051", "no such user", "ayse@example.com", "", None)] == [
        "card_closed", "10051", None, None, None, None,
    ]  # fmt: skip


def test_threads_know_on_whose_behalf_they_work(log: Any) -> None:
    """A thread speaks for the request that asked it, and the next time for the next one."""
    logger, said = log
    with logs.about(), logs.Threads(1) as threads:
        for request_id in ("r-1", "r-2"):
            logs.begin(request_id)
            threads.submit(logger.warning, "x").result()
    assert [one["request_id"] for one in said] == ["r-1", "r-2"]


def test_everybody_speaks_the_same(tmp_path: Any) -> None:
    """Our loggers, the engine's, the server's, warnings and a thread that dies: a line of JSON each, said once."""
    ran = subprocess.run([sys.executable, "-c", EVERYBODY], capture_output=True, text=True, cwd=tmp_path, check=True)
    lines = [json.loads(line) for line in ran.stderr.splitlines()]
    assert [line["logger"] for line in lines] == [
        "rma.worker", "dbos", "uvicorn.error", "sqlalchemy.pool", "py.warnings", "rma.services.logs",
    ]  # fmt: skip
    assert {line["request_id"] for line in lines[:-1]} == {"r-1"}
    assert lines[-1]["error"]["class"] == "builtins.ValueError"
    assert "ayse" not in ran.stderr
