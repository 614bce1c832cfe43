"""Which statements each request sends to the database: told by SQLAlchemy's events and by the compiled statements."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import sqlalchemy as sa

from rma.api.routing import Endpoint
from rma.db import hot

_here = threading.local()
_SPACE = re.compile(r"\s+")
_TABLES = re.compile(r"\b(?:FROM|INTO|UPDATE|JOIN) (?:ONLY )?([a-z_.\"]+)")


def short(sql: str) -> str:
    """The verb, the tables and whether rows are locked: enough to know a statement by."""
    text = _SPACE.sub(" ", sql).strip()
    names = list(dict.fromkeys(name.strip('"') for name in _TABLES.findall(text)))
    verb = text.split(" ", 1)[0]
    return " ".join([verb, ", ".join(names), *(["FOR UPDATE"] if "FOR UPDATE" in text else [])]).strip()


def install(target: Path) -> None:
    """From now on add a line for each request to this file: ``{"request": …, "statements": […]}``."""
    sa.event.listen(sa.Engine, "before_cursor_execute", _of_sqlalchemy)
    _wrap_hot()
    run = Endpoint.run

    def counted(self: Endpoint, call: Any) -> Any:
        _here.found = []
        try:
            return run(self, call)
        finally:
            line = {"request": f"{self.method} {self.path}", "statements": _here.found}
            with target.open("ab") as file:
                file.write(msgspec.json.encode(line) + b"\n")

    Endpoint.run = counted  # type: ignore[method-assign]


def _of_sqlalchemy(_conn: Any, _cursor: Any, sql: str, _parameters: Any, _context: Any, many: bool) -> None:  # noqa: FBT001
    _note(sql, " (many)" if many else "")


def _note(sql: str, more: str = "") -> None:
    found = getattr(_here, "found", None)
    if found is not None and not sql.startswith("BEGIN"):
        found.append(short(sql) + more)


def _wrap_hot() -> None:
    send: Callable[..., Any] = hot.send

    def noted(work: Any, sql: str, values: Any, *, rows: int = 1) -> Any:
        _note(sql, f" ({rows} rows)" if rows > 1 else "")
        return send(work, sql, values, rows=rows)

    hot.send = noted


def read(target: Path) -> list[tuple[str, list[str]]]:
    """What was counted, request by request."""
    lines = target.read_bytes().splitlines() if target.exists() else []
    return [(line["request"], line["statements"]) for line in map(msgspec.json.decode, lines)]
