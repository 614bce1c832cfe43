"""How compiled statements reach the driver: one by one on SQLite, many in one round trip on PostgreSQL.

On PostgreSQL statements are prepared by name, once a connection, and sent through libpq's pipeline: BEGIN with the
first ones, writes with the next read, the last writes with COMMIT. That is the documented low level of psycopg
(``psycopg.pq``); its cursors cost several times as much a statement, and a round trip each.
"""

from __future__ import annotations

import select
import sqlite3
from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

import psycopg
from psycopg.adapt import Transformer
from psycopg.errors import error_from_result
from psycopg.pq import ExecStatus, TransactionStatus

Row = tuple[Any, ...]
_ROWS, _DONE, _SYNC = int(ExecStatus.TUPLES_OK), int(ExecStatus.COMMAND_OK), int(ExecStatus.PIPELINE_SYNC)
_IDLE, _UNDER_WAY = int(TransactionStatus.IDLE), int(TransactionStatus.INTRANS)
_SQLITE_DUPLICATES = ("SQLITE_CONSTRAINT_PRIMARYKEY", "SQLITE_CONSTRAINT_UNIQUE")
STALE = ("0A000", "26000")
"""A plan does not fit the schema any more; there is no such prepared statement. Such a connection is closed."""


class Sent(NamedTuple):
    """A statement with its values, ready for the driver; ``formats`` are those of PostgreSQL's parameters.

    ``duplicate``: what to raise where its row exists already.
    """

    sql: str
    name: bytes
    values: Sequence[Any]
    formats: Sequence[int] = ()
    duplicate: type[Exception] | None = None


class Answer(NamedTuple):
    """How many rows it touched, and those that it returned."""

    touched: int
    rows: list[Row]


class Wire(Protocol):
    """A connection's way for compiled statements, in one transaction at a time."""

    def send(self, batch: Sequence[Sent]) -> list[Answer]:
        """Run these in their order and answer for each; at the first that fails the rest is not run, and it raises."""
        ...

    def commit(self, batch: Sequence[Sent]) -> None:
        """Run these and end the transaction."""
        ...

    def rollback(self) -> None:
        """End the transaction and keep nothing of it."""
        ...

    @property
    def gathers(self) -> bool:
        """True if it pays to hold writes back and send them together."""
        ...

    @property
    def idle(self) -> bool:
        """True if no transaction is under way."""
        ...

    reads: bool
    """Whether the transaction at hand only reads: it sees the database as of one moment."""


class SqliteWire:
    """SQLite is a library: a statement costs no round trip, so each runs at once.

    A transaction that may write takes the one writer's place at its first statement, so that it never waits for it with
    something read.
    """

    gathers = False

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self.reads = False

    @property
    def idle(self) -> bool:
        """True if no transaction is under way."""
        return not self._connection.in_transaction

    def send(self, batch: Sequence[Sent]) -> list[Answer]:
        """Run these one by one; a transaction is begun where none is under way."""
        self.begin()
        return [self._one(sent) for sent in batch]

    def begin(self) -> None:
        """Begin a transaction where none is under way."""
        if not self._connection.in_transaction:
            self._connection.execute("BEGIN" if self.reads else "BEGIN IMMEDIATE")

    def commit(self, batch: Sequence[Sent]) -> None:
        """Run these and COMMIT."""
        if batch:
            self.send(batch)
        self._connection.commit()

    def rollback(self) -> None:
        """ROLLBACK."""
        self._connection.rollback()

    def _one(self, sent: Sent) -> Answer:
        try:
            cursor = self._connection.execute(sent.sql, sent.values)
        except sqlite3.IntegrityError as error:
            if sent.duplicate is not None and error.sqlite_errorname in _SQLITE_DUPLICATES:
                raise sent.duplicate(str(error)) from error
            raise
        return Answer(cursor.rowcount, cursor.fetchall())


class PostgresWire:
    """One PostgreSQL connection: what is prepared on it, and the pipeline."""

    gathers = True

    def __init__(self, connection: psycopg.Connection) -> None:
        self.reads = False
        self._connection = connection
        self._pg = connection.pgconn
        self._prepared: set[bytes] = set()
        self._loader = Transformer(connection)
        self._reading, self._writing = select.poll(), select.poll()
        self._reading.register(self._pg.socket, select.POLLIN)
        self._writing.register(self._pg.socket, select.POLLIN | select.POLLOUT)

    @property
    def idle(self) -> bool:
        """True if no transaction is under way."""
        return bool(self._pg.transaction_status == _IDLE)

    def send(self, batch: Sequence[Sent]) -> list[Answer]:
        """Run these in one round trip; a transaction is begun where none is under way."""
        if self._pg.transaction_status == _IDLE:
            return self._exchange([_BEGIN_READING if self.reads else _BEGIN, *batch])[1:]
        return self._exchange(batch)

    def commit(self, batch: Sequence[Sent]) -> None:
        """Run these and COMMIT in one round trip."""
        if self._pg.transaction_status == _UNDER_WAY:
            self._exchange([*batch, _COMMIT])
        elif batch:
            self._exchange([_BEGIN, *batch, _COMMIT])

    def rollback(self) -> None:
        """ROLLBACK in a pipeline, where a transaction is under way."""
        if self._pg.transaction_status == _UNDER_WAY:
            self._exchange([_ROLLBACK])

    def _exchange(self, batch: Sequence[Sent]) -> list[Answer]:
        pg = self._pg
        expected: list[Sent | bytes] = []
        pg.enter_pipeline_mode()
        try:
            for sent in batch:
                if sent.name not in self._prepared and sent.name not in expected:
                    pg.send_prepare(sent.name, sent.sql.encode())
                    expected.append(sent.name)
                pg.send_query_prepared(sent.name, sent.values, sent.formats)
                expected.append(sent)
            pg.pipeline_sync()
            results = self._results()
            pg.exit_pipeline_mode()
        except BaseException:
            self._connection.close()  # nobody knows what is still on its way
            raise
        return self._answers(expected, results)

    def _results(self) -> list[Any]:
        """One result a command, up to the end of the pipeline. Waits without holding up other threads."""
        pg = self._pg
        found: list[Any] = []
        while True:
            (self._writing if pg.flush() else self._reading).poll()
            pg.consume_input()
            while not pg.is_busy():
                result = pg.get_result()
                if result is None:
                    continue
                if result.status == _SYNC:
                    return found
                found.append(result)

    def _answers(self, expected: Sequence[Sent | bytes], results: Sequence[Any]) -> list[Answer]:
        answers = []
        loader = self._loader
        for sent, result in zip(expected, results, strict=True):
            if result.status == _ROWS:
                loader.set_pgresult(result)
                answers.append(Answer(result.ntuples, loader.load_rows(0, result.ntuples, tuple)))
            elif result.status != _DONE:
                raise self._failure(sent, result)
            elif isinstance(sent, bytes):
                self._prepared.add(sent)
            else:
                answers.append(Answer(result.command_tuples or 0, []))
        return answers

    def _failure(self, sent: Sent | bytes, result: Any) -> Exception:
        error = error_from_result(result)
        hide_values(error)
        if error.sqlstate in STALE:
            self._connection.close()  # the pool makes a new one, on which everything is prepared anew
        duplicate = sent.duplicate if isinstance(sent, Sent) else None
        if isinstance(error, psycopg.errors.UniqueViolation) and duplicate is not None:
            return duplicate(str(error))
        return error


def hide_values(error: psycopg.Error) -> None:
    """Let the text of a server's error tell its code and what it is about, and nothing that stood in a row.

    The server's own words hold the failing row ("Failing row contains …") and would carry it into logs and answers.
    An error of the driver itself, such as a server that cannot be reached, has no code and keeps its words.
    """
    if error.sqlstate is not None:
        told = error.diag
        about = (("constraint", told.constraint_name), ("table", told.table_name), ("column", told.column_name))
        name = f"{type(error).__name__} {error.sqlstate}"
        error.args = (", ".join([name, *(f"{what} {which}" for what, which in about if which)]),)


_BEGIN = Sent("BEGIN", b"rma_begin", ())
_BEGIN_READING = Sent("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", b"rma_begin_reading", ())
_COMMIT = Sent("COMMIT", b"rma_commit", ())
_ROLLBACK = Sent("ROLLBACK", b"rma_rollback", ())
