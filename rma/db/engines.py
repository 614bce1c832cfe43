"""Engines with the settings that this project relies on, and how every connection to PostgreSQL is made."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any, cast

import psycopg
import sqlalchemy as sa

from rma.db.wire import PostgresWire, SqliteWire, Wire, hide_values

LOCK_WAIT_MS = 8_000
PAGES_KIB = 512
"""How much of an SQLite file each connection holds: there are dozens, and what one writes empties those of the rest."""
WRITER_PAGES_KIB = 4096
"""The same of the one that writes."""
CONNECT_SECONDS = 10
LET_GO = 20
"""Seconds after which a host that vanished holds nothing any more: the server ends whoever says nothing inside a
transaction, and whose machine does not answer. So nobody computes for so long between two statements."""
_ASK_EVERY, _ASKED = 5, 3  # seconds between two questions whether the other one is still there, and how many


def normalise(url: str) -> str:
    """Name the driver we use: ``postgresql://`` becomes ``postgresql+psycopg://``."""
    for plain in ("postgresql://", "postgres://"):
        if url.startswith(plain):
            return "postgresql+psycopg://" + url[len(plain) :]
    return url


def wire_of(borrowed: sa.PoolProxiedConnection) -> Wire:
    """The wire of a driver connection: it knows what is prepared there, so it lives as long."""
    kept = borrowed.info
    wire: Wire | None = kept.get("wire")
    if wire is None:
        driver: Any = borrowed.driver_connection
        wire = kept["wire"] = SqliteWire(driver) if isinstance(driver, sqlite3.Connection) else PostgresWire(driver)
    return wire


def sqlite(url: str) -> sa.Engine:
    """WAL, synchronous=FULL, foreign keys; nothing waits longer than ``LOCK_WAIT_MS``."""
    path = sa.make_url(url).database
    if path and path != ":memory:":
        Path(path).parent.mkdir(parents=True, exist_ok=True)
    engine = sa.create_engine(
        url,
        connect_args={"check_same_thread": False, "timeout": LOCK_WAIT_MS / 1000},
        hide_parameters=True,
        pool_size=32,
        max_overflow=32,
        pool_use_lifo=True,  # each connection has pages and statements in its memory: few that are used again and again
    )

    @sa.event.listens_for(engine, "connect")
    def _connect(connection: Any, _record: Any) -> None:
        connection.isolation_level = None
        kept = ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "secure_delete=ON")
        for pragma in (*kept, f"cache_size=-{PAGES_KIB}", f"busy_timeout={LOCK_WAIT_MS}"):
            connection.execute(f"PRAGMA {pragma}")

    @sa.event.listens_for(engine, "begin")
    def _begin(conn: sa.Connection) -> None:
        cast("SqliteWire", wire_of(conn.connection)).begin()

    return engine


def writing(engine: sa.Engine) -> sa.PoolProxiedConnection:
    """A connection to SQLite for whoever writes, one after the other."""
    borrowed = engine.raw_connection()
    borrowed.cursor().execute(f"PRAGMA cache_size=-{WRITER_PAGES_KIB}")
    return borrowed


def postgresql(url: str, pool_size: int) -> sa.Engine:
    """With psycopg 3, bounded waits, and connections that notice when the other end has vanished."""
    # psycopg prepares nothing: it would deallocate at every rollback, also what the wire has prepared
    connect = {**watched(lock_timeout=LOCK_WAIT_MS, timezone="UTC"), "prepare_threshold": None}
    engine = sa.create_engine(
        url,
        connect_args=connect,
        hide_parameters=True,
        pool_size=pool_size,
        max_overflow=pool_size,
        pool_timeout=30,
        pool_use_lifo=True,
        pool_reset_on_return=None,
    )
    sa.event.listen(engine, "handle_error", _hide_values)
    return engine


def watched(**settings: str | int) -> dict[str, Any]:
    """How every connection to PostgreSQL is made, whoever makes it: either end soon notices that the other vanished.

    ``settings`` are more of the server's own.
    """
    asks = {"tcp_keepalives_idle": _ASK_EVERY, "tcp_keepalives_interval": _ASK_EVERY, "tcp_keepalives_count": _ASKED}
    limits = {"idle_in_transaction_session_timeout": LET_GO * 1000, "tcp_user_timeout": LET_GO * 1000}
    options = " ".join(f"-c {name}={value}" for name, value in {**settings, **asks, **limits}.items())
    here = {"keepalives_idle": _ASK_EVERY, "keepalives_interval": _ASK_EVERY, "keepalives_count": _ASKED}
    return {"options": options, "connect_timeout": CONNECT_SECONDS, "tcp_user_timeout": LET_GO * 1000, **here}


def _hide_values(context: sa.engine.ExceptionContext) -> None:
    """The same for what SQLAlchemy sends, whose own error repeats the driver's words."""
    orig, told = context.original_exception, context.sqlalchemy_exception
    if isinstance(orig, psycopg.Error) and told is not None:
        hide_values(orig)
        told.args = orig.args
