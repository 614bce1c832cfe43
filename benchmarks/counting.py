"""Which statements each request sends to the database, and in how many round trips.

Told by SQLAlchemy's events and by the transaction's own way for compiled statements; only in the benchmark.
"""

from __future__ import annotations

import itertools
import re
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import sqlalchemy as sa

from rma.api.routing import Endpoint
from rma.db.session import Work
from rma.db.wire import PostgresWire, Sent, SqliteWire

_here = threading.local()
_SPACE = re.compile(r"\s+")
_TABLES = re.compile(r"\b(?:FROM|INTO|UPDATE|JOIN) (?:ONLY )?([a-z_.\"]+)")


class Counted(msgspec.Struct, frozen=True):
    """A request, its statements without BEGIN and COMMIT, and how often it waited for the database.

    Several rows that one statement writes in a row count once.
    """

    request: str
    statements: list[str]
    trips: int


def short(sql: str) -> str:
    """The verb, the tables and whether rows are locked: enough to know a statement by."""
    text = _SPACE.sub(" ", sql).strip()
    names = list(dict.fromkeys(name.strip('"') for name in _TABLES.findall(text)))
    verb = text.split(" ", 1)[0]
    locks = [" ".join(text.rpartition(" FOR ")[1:]).strip()] if " FOR NO KEY UPDATE" in text else []
    return " ".join([verb, ", ".join(names), *(["(locks)"] if locks else [])]).strip()


def install(target: Path) -> None:
    """From now on add a line for each request to this file."""
    sa.event.listen(sa.Engine, "before_cursor_execute", _of_sqlalchemy)
    _count_wires()
    run = Endpoint.run

    def counted(self: Endpoint, call: Any) -> Any:
        _here.found, _here.trips = [], 0
        try:
            return run(self, call)
        finally:
            with target.open("ab") as file:
                found = Counted(f"{self.method} {self.path}", _named(_here.found), _here.trips)
                file.write(msgspec.json.encode(found) + b"\n")

    Endpoint.run = counted  # type: ignore[method-assign]


def read(target: Path) -> list[Counted]:
    """What was counted, request by request."""
    lines = target.read_bytes().splitlines() if target.exists() else []
    return [msgspec.json.decode(line, type=Counted) for line in lines]


def _named(found: list[str]) -> list[str]:
    """Statements by their short names; rows that follow each other through one statement are one."""
    groups = [(sql, len(list(same))) for sql, same in itertools.groupby(found)]
    return [short(sql) + (f" x{rows}" if rows > 1 else "") for sql, rows in groups]


def _note(sql: str) -> None:
    if hasattr(_here, "found") and not sql.startswith(("BEGIN", "COMMIT")):
        _here.found.append(sql)


def _trip() -> None:
    _here.trips = getattr(_here, "trips", 0) + 1


def _of_sqlalchemy(_conn: Any, _cursor: Any, sql: str, _parameters: Any, _context: Any, _many: bool) -> None:  # noqa: FBT001
    _note(sql)
    if not sql.startswith("BEGIN"):
        _trip()


def _count_wires() -> None:
    send, hold, exchange, commit = Work.send, Work.hold, PostgresWire._exchange, SqliteWire._one  # noqa: SLF001

    def noted_send(self: Work, batch: Sequence[Sent]) -> Any:
        for sent in batch:
            _note(sent.sql)
        return send(self, batch)

    def noted_hold(self: Work, batch: Sequence[Sent]) -> None:
        for sent in batch:
            _note(sent.sql)
        hold(self, batch)

    def noted_exchange(self: PostgresWire, batch: Sequence[Sent]) -> Any:
        _trip()
        return exchange(self, batch)

    def noted_one(self: SqliteWire, sent: Sent) -> Any:
        _trip()
        return commit(self, sent)

    Work.send, Work.hold = noted_send, noted_hold  # type: ignore[method-assign]
    PostgresWire._exchange = noted_exchange  # type: ignore[method-assign]  # noqa: SLF001
    SqliteWire._one = noted_one  # type: ignore[method-assign]  # noqa: SLF001
