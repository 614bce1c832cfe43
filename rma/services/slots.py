"""Slots: the numbers of the processes that run durable acts. Two live ones never share one; a dead one lets go.

On SQLite a slot is a lock on a file beside the database, on PostgreSQL an advisory lock that lives as long as the
connection that took it. Both end with the process, however it ends.
"""

from __future__ import annotations

import fcntl
import glob
import os
from pathlib import Path
from typing import Protocol

import psycopg
import sqlalchemy as sa

from rma.db.engines import watched
from rma.db.session import Database
from rma.errors import Refused, Unavailable
from rma.services import file_locks

_PREFIX = "slot-"
_SPACE = 0x524D41  # "RMA": keeps our advisory locks apart from those of others
_ALL_LIVE = """SELECT count(DISTINCT objid) FROM pg_locks WHERE locktype = 'advisory' AND granted AND objsubid = 2
 AND classid = :space AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"""
_LIVE = """SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND granted AND objsubid = 2
 AND classid = :space AND objid = :number
 AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"""


class Slot(Protocol):
    """A slot that this process holds until it lets go."""

    @property
    def name(self) -> str:
        """The name under which the engine knows this process."""
        ...

    def held(self) -> bool:
        """Whether the slot is ours at this moment; looking never takes it."""
        ...

    def keep(self) -> bool:
        """Make sure that the slot is still ours, taking it anew where its connection or file was lost.

        False once another process has it. Raises ``Unavailable`` while the database is away.
        """
        ...

    def release(self) -> None:
        """Let go; a second time changes nothing."""
        ...


def take(database: Database, number: int, *, data_dir: Path) -> Slot:
    """Take a slot for this process. ``Refused`` ``slot_taken`` while another live process holds it."""
    slot: Slot
    if database.is_sqlite:
        slot = _FileSlot(number, _beside(database, data_dir))
    else:
        slot = _ServerSlot(number, database)
    if not slot.keep():
        detail = f"Slot {number} is held by another live process; give this one a slot of its own."
        raise Refused(detail, code="slot_taken")
    return slot


def is_live(database: Database, name: str, *, data_dir: Path) -> bool:
    """Whether a live process holds the slot of this name; looking never takes it. False for a name of no slot."""
    number = name.removeprefix(_PREFIX)
    if not number.isdecimal():
        return False
    if database.is_sqlite:
        return _is_locked(_lock_file(_beside(database, data_dir), name))
    with database.read() as work:
        held = work.conn.execute(sa.text(_LIVE), {"space": _SPACE, "number": int(number)}).scalar_one()
    return bool(held)


def count_live(database: Database, *, data_dir: Path) -> int:
    """How many slots live processes hold."""
    if database.is_sqlite:
        files = _beside(database, data_dir)
        return sum(_is_locked(path) for path in files.parent.glob(f"{glob.escape(files.name)}.{_PREFIX}*"))
    with database.read() as work:
        return int(work.conn.execute(sa.text(_ALL_LIVE), {"space": _SPACE}).scalar_one())


def slot_name(number: int) -> str:
    """The engine's name of a slot; never changes, since unfinished work is found again by it."""
    return f"{_PREFIX}{number}"


def _beside(database: Database, data_dir: Path) -> Path:
    """Where the locks of an SQLite database lie: with the file itself, so that all who use it meet there."""
    where = sa.make_url(database.url).database
    return Path(where) if where and where != ":memory:" else data_dir / "rma"


def _lock_file(beside: Path, name: str) -> Path:
    return beside.with_name(f"{beside.name}.{name}")


def _is_locked(path: Path) -> bool:
    try:
        file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(file)
    return False


class _FileSlot:
    def __init__(self, number: int, beside: Path) -> None:
        self.name = slot_name(number)
        self._path = _lock_file(beside, self.name)
        self._file = -1

    def held(self) -> bool:
        try:
            return self._file >= 0 and os.path.samestat(os.fstat(self._file), self._path.stat())
        except OSError:  # it was removed, or is let go of at this moment
            return False

    def keep(self) -> bool:
        if not self.held():
            self.release()
            self._path.parent.mkdir(parents=True, exist_ok=True)
            file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
            if not file_locks.alone(file):
                os.close(file)
                return False
            self._file = file
        return True

    def release(self) -> None:
        if self._file >= 0:
            os.close(self._file)
            self._file = -1


class _ServerSlot:
    def __init__(self, number: int, database: Database) -> None:
        self.name = slot_name(number)
        self._number = number
        self._database = database
        url = sa.make_url(database.url).set(drivername="postgresql")
        self._url = url.render_as_string(hide_password=False)
        self._connection: psycopg.Connection | None = None
        self._process = 0

    def held(self) -> bool:
        mine = {"space": _SPACE, "number": self._number, "process": self._process}
        with self._database.read() as work:
            return bool(work.conn.execute(sa.text(f"{_LIVE} AND pid = :process"), mine).scalar_one())

    def keep(self) -> bool:
        if self._connection is not None:
            try:
                self._connection.execute("SELECT 1")
            except psycopg.Error:
                self.release()
        return self._connection is not None or self._take()

    def _take(self) -> bool:
        try:
            connection = psycopg.connect(self._url, autocommit=True, **watched())
        except psycopg.OperationalError as error:
            raise Unavailable("The database cannot be reached now.") from error
        taken = connection.execute("SELECT pg_try_advisory_lock(%s, %s)", (_SPACE, self._number)).fetchone()
        if taken is None or not taken[0]:
            connection.close()
            return False
        self._connection, self._process = connection, connection.info.backend_pid
        return True

    def release(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None
