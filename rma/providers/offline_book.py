"""The small SQLite book of an offline provider: its own file, shared by every process that uses the same folder.

It plays the other side of the wire, so it is never the engine's database and the engine never reads it.
"""

from __future__ import annotations

import os
import sqlite3
import threading
import uuid
import weakref
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import ClassVar

import msgspec

from rma.domain.ports import Health
from rma.providers.offline_script import Script, Step, instructions, parse

_WAIT_SECONDS = 20.0
"""What has not got in by then never lands: well below the time after which a "not known" is believed."""
_COMMON = """
CREATE TABLE calls (
    id INTEGER PRIMARY KEY, at TEXT NOT NULL, operation TEXT NOT NULL, key TEXT NOT NULL, topic TEXT NOT NULL,
    fresh INTEGER NOT NULL, step TEXT NOT NULL
);
CREATE INDEX calls_by_key ON calls (key, fresh);
CREATE INDEX calls_by_topic ON calls (topic, operation, fresh);
CREATE TABLE scripts (key TEXT PRIMARY KEY, steps TEXT NOT NULL);
"""


class Call(msgspec.Struct, frozen=True, kw_only=True):
    """One call that reached the provider. ``fresh`` is false for a key that it had already answered."""

    operation: str
    key: str
    topic: str
    fresh: bool
    step: str


class Book:
    """A durable book with transactions; safe for threads, processes and a killed process.

    ``schema`` creates the provider's own tables; the file is made when it is first used.
    """

    def __init__(self, path: Path, schema: str) -> None:
        self._path = path
        self._schema = _COMMON + schema
        self._lock = threading.RLock()
        self._owner = 0
        self._connection: sqlite3.Connection | None = None

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """One write transaction; everything or nothing. One writer at a time, also between processes."""
        with self._lock:
            connection = self._connect()
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
            except BaseException:
                connection.execute("ROLLBACK")
                raise
            connection.execute("COMMIT")

    def close(self) -> None:
        """Let go of the file; the next use opens it again."""
        with self._lock:
            if self._connection is not None and self._owner == os.getpid():
                self._connection.close()
            self._connection = None

    def script(self, key: str, steps: str) -> None:
        """Tell how calls with this key go, whatever their reference says."""
        parse(steps)
        with self.transaction() as connection:
            connection.execute("INSERT OR REPLACE INTO scripts (key, steps) VALUES (?, ?)", (key, steps))

    def calls(self) -> tuple[Call, ...]:
        """Every call that reached the provider, oldest first."""
        with self.transaction() as connection:
            rows = connection.execute("SELECT operation, key, topic, fresh, step FROM calls ORDER BY id").fetchall()
        return tuple(
            Call(
                operation=row["operation"],
                key=row["key"],
                topic=row["topic"],
                fresh=bool(row["fresh"]),
                step=row["step"],
            )
            for row in rows
        )

    def _connect(self) -> sqlite3.Connection:
        if self._connection is None or self._owner != os.getpid():
            _prepare(self._path, self._schema)
            connection = _open(self._path)
            self._connection, self._owner = connection, os.getpid()
            weakref.finalize(self, connection.close)
        return self._connection


class Offline:
    """What every offline provider has: a name, a book of its own, and scripts for what shall happen."""

    READY: ClassVar[str]
    """What its health says while the book can be written."""

    def __init__(self, name: str, book: Book) -> None:
        self._name = name
        self._book = book

    @property
    def name(self) -> str:
        """The name that is stored with what it did."""
        return self._name

    def health(self) -> Health:
        """Whether its book can be written."""
        try:
            with self._book.transaction():
                pass
        except sqlite3.Error as error:
            return Health(ok=False, detail=f"Its book cannot be used: {error}")
        return Health(ok=True, detail=self.READY)

    def script(self, key: str, steps: str) -> None:
        """Tell how calls with this key go, whatever else says how."""
        self._book.script(key, steps)

    def calls(self) -> tuple[Call, ...]:
        """Every call that reached it, oldest first."""
        return self._book.calls()

    def close(self) -> None:
        """Let go of the book's file."""
        self._book.close()


def next_step(
    connection: sqlite3.Connection, *, operation: str, key: str, topic: str, default: str
) -> tuple[Step, Script]:
    """What this new call has to play: the script of its key, else the instructions in its topic, else the default.

    Counts the calls of the same key (or topic) that were new; raises ``Invalid`` for instructions nobody can read.
    """
    row = connection.execute("SELECT steps FROM scripts WHERE key = ?", (key,)).fetchone()
    column, value = ("key", key) if row is not None else ("topic", topic)
    script = parse(row["steps"] if row is not None else instructions(topic) or default)
    if len(script.steps) <= 1:
        return script.at(0), script
    counted = connection.execute(
        f"SELECT count(*) FROM calls WHERE {column} = ? AND operation = ? AND fresh = 1",  # noqa: S608  one of two names
        (value, operation),
    ).fetchone()[0]
    return script.at(counted), script


def record(
    connection: sqlite3.Connection, *, at: datetime, operation: str, key: str, topic: str, fresh: bool, step: str
) -> None:
    """Write that a call came in, so that tests can count what was really sent."""
    connection.execute(
        "INSERT INTO calls (at, operation, key, topic, fresh, step) VALUES (?, ?, ?, ?, ?, ?)",
        (at.isoformat(), operation, key, topic, int(fresh), step),
    )


def _open(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=_WAIT_SECONDS, isolation_level=None, check_same_thread=False)
    connection.row_factory = sqlite3.Row
    connection.execute("PRAGMA synchronous = NORMAL")
    return connection


def _prepare(path: Path, schema: str) -> None:
    """Make the file whole before anybody can see it: several processes may start at once, one of them wins."""
    if path.exists():
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
    with closing(sqlite3.connect(draft, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.executescript(schema)
    with suppress(FileExistsError):
        os.link(draft, path)
    draft.unlink()
