"""Connections and transactions. One ``Work`` is one transaction; nothing is written outside of one.

SQLite: WAL, synchronous=FULL, foreign keys, ``BEGIN IMMEDIATE`` for every write, one writer of this process at a time,
all of them on one connection.
PostgreSQL: psycopg 3, read committed, row locks, bounded waits.
"""

from __future__ import annotations

import contextlib
import random
import secrets
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, TypeVar

import psycopg
import sqlalchemy as sa
from sqlalchemy.orm import Session

from rma.db import engines
from rma.db.engines import wire_of
from rma.db.wire import STALE, Answer, Sent
from rma.domain import ids
from rma.errors import Busy, Refused, Stale, Unavailable

T = TypeVar("T")
Asked = tuple[bytes, tuple[Any, ...]]
"""A compiled statement's name and the values that it is asked with."""
TRIES = 8
_RETRY = ("40001", "40P01")  # serialization failure, deadlock
_DUPLICATE = "23505"  # unique violation
_SQLITE_DUPLICATES = ("SQLITE_CONSTRAINT_UNIQUE", "SQLITE_CONSTRAINT_PRIMARYKEY")
_BUSY = "55P03"  # lock not available
_BROKEN = ("XX000", "25P03")  # the server cannot do its work: no file may grow, a page is damaged; or we were silent
_OUTDATED = "database_changed"
"""What a connection had prepared does not fit the database any more. On a new connection it will."""
DRIVERS = (sa.exc.DBAPIError, psycopg.Error, sqlite3.Error)
"""What a statement can raise: on PostgreSQL its transaction is of no use after it."""


def now() -> datetime:
    """Real time, in UTC."""
    return datetime.now(UTC)


class WidenError(Exception):
    """The act found that it needs a lock which comes before those it holds: it is run again from its start, wider."""


class Work:
    """One transaction: a connection, what to do after it, and the sources of ids.

    ``after_commit`` is done only if everything is kept. ``after_refusal`` tells of something that was refused: it is
    done if the whole was refused for that, too, but not if it is run again or broke.

    ``wide``: take every lock that may be needed at the start, in their order, because an earlier run found too late
    that it needs them. ``expected``: the version that the caller read of what they change (``If-Match``), if they said.
    """

    __slots__ = (
        "_ahead",
        "_borrowed",
        "_conn",
        "_engine",
        "_held",
        "_ids",
        "_session",
        "_wire",
        "after_commit",
        "after_refusal",
        "dialect",
        "expected",
        "real_now",
        "wide",
    )

    def __init__(
        self, engine: sa.Engine, borrowed: sa.PoolProxiedConnection, *, wide: bool = False, reads: bool = False
    ) -> None:
        self._engine = engine
        self._borrowed = borrowed
        self._conn: sa.Connection | None = None
        self._wire = wire_of(self._borrowed)
        self._wire.reads = reads
        self._held: list[Sent] = []
        self._ahead: dict[Asked, Answer] = {}
        self.wide = wide
        self.expected: int | None = None
        self.dialect = engine.dialect
        self.real_now = now()
        self.after_commit: list[Callable[[], object]] = []
        self.after_refusal: list[Callable[[], object]] = []
        self._session: Session | None = None
        self._ids: ids.Block | None = None

    def check_version(self, version: int) -> None:
        """``Stale`` if the caller has read another version than this one; compared once in a transaction."""
        expected, self.expected = self.expected, None
        if expected is not None and expected != version:
            raise Stale(f"It changed since it was read and is at version {version} by now; read it again.")

    @property
    def conn(self) -> sa.Connection:
        """SQLAlchemy's connection; it sees what was written before. Ask for it anew for each statement."""
        self._settle()
        return self._known_to_sqlalchemy()

    @property
    def session(self) -> Session:
        """The ORM on this transaction's connection, for everything that is not hot. It sees what was written before."""
        if self._session is None:
            conn = self._known_to_sqlalchemy()
            if not conn.in_transaction():
                conn.begin()  # else the session would think that the transaction is its own
            self._session = Session(bind=conn, expire_on_commit=False, autoflush=True)
        self._settle()
        return self._session

    def _known_to_sqlalchemy(self) -> sa.Connection:
        """The connection as SQLAlchemy works with it. Most acts never ask for it: they are spared its making."""
        if self._conn is None:
            self._conn = sa.Connection(self._engine, connection=self._borrowed)
        return self._conn

    def _settle(self) -> None:
        """Whoever works beside the compiled statements finds everything written, and may write."""
        self._ahead.clear()
        if self._held:
            self.send([])

    def send(self, batch: Sequence[Sent]) -> list[Answer]:
        """Run these compiled statements, after those that are held back; their answers. See ``rma.db.hot``."""
        if not self._held:
            return self._wire.send(batch)
        held, self._held = self._held, []
        return self._wire.send([*held, *batch])[len(held) :]

    def hold(self, batch: Sequence[Sent]) -> None:
        """Run these compiled statements later in this transaction, in their order, if that saves round trips."""
        self._ahead.clear()
        if self._wire.gathers:
            self._held += batch
        else:
            self._wire.send(batch)

    def read_ahead(self, reads: Mapping[Asked, Sent]) -> None:
        """Run these reads in one round trip and remember their answers until something is written."""
        self._ahead.update(zip(reads, self.send([*reads.values()]), strict=True))

    def knows(self, asked: Asked) -> bool:
        """Whether this was read ahead and not asked for since."""
        return asked in self._ahead

    def known(self, asked: Asked) -> Answer | None:
        """What this read answered when it was read ahead, once; None if it was not."""
        return self._ahead.pop(asked, None)

    def flush(self) -> None:
        """Write what is held back, here and in the ORM."""
        if self._held:
            self.send([])
        self.flush_session()

    def flush_session(self) -> None:
        """Write what the ORM holds back, if it was used: after what is held back here."""
        if self._session is not None:
            self.session.flush()

    def finish(self) -> None:
        """Write what is held back and end the transaction, whoever began it; a view keeps nothing."""
        if self._wire.reads:
            self._wire.rollback()
        else:
            self.flush_session()
            held, self._held = self._held, []
            self._wire.commit(held)
        if not self._ended:
            left = self._begun()
            left.rollback() if self._wire.reads else left.commit()

    def undo(self) -> None:
        """Keep nothing; SQLAlchemy finds out whether this connection, and those beside it, are still of any use."""
        try:
            if not self._ended:
                self._begun().rollback()
        except DRIVERS:
            if self._borrowed.is_valid:
                self._borrowed.invalidate()

    def leave(self, *, kept: bool) -> None:
        """Give the connection back, unless it is kept and of use. Who has it next may write."""
        self._wire.reads = False
        if not (kept and self._borrowed.is_valid and self._wire.idle):
            (self._borrowed if self._conn is None else self._conn).close()

    @property
    def _ended(self) -> bool:
        """Whether nothing is under way any more, neither in the database nor for SQLAlchemy."""
        return self._wire.idle and (self._conn is None or not self._conn.in_transaction())

    def _begun(self) -> sa.RootTransaction:
        conn = self._known_to_sqlalchemy()
        return conn.get_transaction() or conn.begin()

    def new_id(self, prefix: str) -> str:
        """A new id of this kind; within a transaction they sort in the order in which they were made."""
        if self._ids is None or not self._ids.left:
            self._ids = ids.Block(time.time_ns() // 1_000_000, secrets.token_bytes(ids.RANDOM_BYTES))
        return self._ids.new_id(prefix)


class Database:
    """An engine with the settings that this project relies on."""

    def __init__(self, url: str, *, pool_size: int = 16) -> None:
        self.url = engines.normalise(url)
        self.is_sqlite = self.url.startswith("sqlite")
        self._writer: contextlib.AbstractContextManager[Any] = (
            threading.Lock() if self.is_sqlite else contextlib.nullcontext()
        )
        self.engine = engines.sqlite(self.url) if self.is_sqlite else engines.postgresql(self.url, pool_size)
        self._kept: sa.PoolProxiedConnection | None = None

    @contextlib.contextmanager
    def write(self, *, wide: bool = False) -> Iterator[Work]:
        """A read-write transaction: commits at the end, rolls back on any error; then runs ``after_commit``.

        Whoever may meet another writer uses ``retrying``.
        """
        with self._writer, self._transaction(wide=wide) as work:
            yield work
        for act in (*work.after_commit, *work.after_refusal):
            act()

    def read(self) -> contextlib.AbstractContextManager[Work]:
        """A read-only view; nothing is committed."""
        return self._transaction(reads=True)

    @contextlib.contextmanager
    def _transaction(self, *, wide: bool = False, reads: bool = False) -> Iterator[Work]:
        """The wire begins, with the first statements; SQLAlchemy does where it is asked for one first."""
        with _translated():
            work = Work(self.engine, self._borrow(reads=reads), wide=wide, reads=reads)
            try:
                yield work
                work.finish()
            except BaseException as error:
                work.undo()
                for act in work.after_refusal if isinstance(error, Refused) else ():
                    act()
                raise
            finally:
                work.leave(kept=self.is_sqlite and not reads)

    def _borrow(self, *, reads: bool) -> sa.PoolProxiedConnection:
        """A connection. Who writes to SQLite has the same as who wrote before: what that one read is still true."""
        if reads or not self.is_sqlite:
            return self.engine.raw_connection()
        if self._kept is None or not self._kept.is_valid:
            self._kept = engines.writing(self.engine)
        return self._kept

    def retrying(self, act: Callable[[Work], T]) -> T:
        """Run ``act`` in a write transaction; again from its start where nothing but another writer stood in its way.

        That is: the database chose it as a deadlock's victim, another one inserted the same row first (this time it is
        found), or the act itself asked for wider locks. ``Busy`` when that happens again and again.
        """
        wide = False
        for attempt in range(TRIES):
            try:
                with self.write(wide=wide) as work:
                    return act(work)
            except WidenError:
                wide = True
            except Unavailable as error:
                if error.code != _OUTDATED or attempt == TRIES - 1:
                    raise
            except DRIVERS as error:
                if not lost_race(error) or (attempt == TRIES - 1 and _is_duplicate(error)):
                    raise
                time.sleep(random.uniform(0.001, 0.02) * (attempt + 1))  # noqa: S311 - only to fall out of step
        raise Busy("Too many changes of the same thing at once; try again.")

    def close(self) -> None:
        """Give back every connection."""
        kept, self._kept = self._kept, None
        if kept is not None and kept.is_valid and wire_of(kept).idle:
            kept.close()
        self.engine.dispose()


def lost_race(error: BaseException) -> bool:
    """True if the database stopped this transaction because of another one: run again, it may well succeed."""
    return _sqlstate(error) in _RETRY or _is_duplicate(error)


def _is_duplicate(error: BaseException) -> bool:
    orig = getattr(error, "orig", error)
    return _sqlstate(error) == _DUPLICATE or (
        isinstance(orig, sqlite3.IntegrityError) and orig.sqlite_errorname in _SQLITE_DUPLICATES
    )


def _sqlstate(error: BaseException) -> str | None:
    return getattr(getattr(error, "orig", error), "sqlstate", None)


@contextlib.contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except sa.exc.TimeoutError as error:
        raise Unavailable("Every connection to the database is in use; try again.") from error
    except (sa.exc.OperationalError, psycopg.OperationalError, sqlite3.OperationalError) as error:
        orig = getattr(error, "orig", error)
        state = _sqlstate(error)
        if state == _BUSY or (isinstance(orig, sqlite3.OperationalError) and "locked" in str(orig)):
            raise Busy("Another change of the same thing is still under way; try again.") from error
        if state in _RETRY:
            raise
        raise Unavailable("The database cannot be reached now.") from error
    except (psycopg.ProgrammingError, psycopg.NotSupportedError) as error:
        if error.sqlstate not in STALE:
            raise
        raise Unavailable("The database was changed just now; try again.", code=_OUTDATED) from error
    except (sa.exc.InternalError, psycopg.InternalError) as error:
        if _sqlstate(error) not in _BROKEN:
            raise
        raise Unavailable("The database cannot do its work now.") from error
