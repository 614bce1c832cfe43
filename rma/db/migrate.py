"""Bring a database to the newest schema, or say how it stands to this program's and differs from the models."""

from __future__ import annotations

import functools
import io
import sqlite3
import time
from collections.abc import Callable
from typing import Literal

import sqlalchemy as sa

from rma.db.session import Database
from rma.db.tables import metadata
from rma.errors import Busy, Unavailable
from rma.resources import folder

Standing = Literal["current", "behind", "ahead", "far_ahead"]
LOCK_TRY_MS = 800
"""How long one try waits for all its locks. Less than PostgreSQL's deadlock_timeout (1 s): no writer is stopped for it.

Were it the time for each of them, a writer that waits for the first would be taken for the one to stop.
"""
PAUSE_SECONDS = 0.5
_RAN = sa.table("alembic_version", sa.column("version_num", sa.String))
_NEWEST_RAN = sa.func.max(_RAN.c.version_num)
_HELD = ("55P03", "40P01", "57014")  # lock not available, deadlock, statement_timeout
_DAYS = "COALESCE(due_legal, due_promise)"
LEFT_BY_OLDER = (f"UPDATE refunds SET due_on = {_DAYS} WHERE due_on = '9999-12-31' AND {_DAYS} IS NOT NULL",)  # noqa: S608
"""What rows need that a process of the schema before wrote after the upgrade, where a default is not the truth."""


def upgrade(
    database: Database, *, to: str = "head", wait: float = 60.0, tell: Callable[[str], None] = lambda _: None
) -> None:
    """Apply every migration that is missing, up to the newest unless told; safe to call again, also while others work.

    It takes all its locks before it changes anything, in short tries between which others write; ``tell`` hears of each
    try that was in vain. ``Busy`` after ``wait`` seconds of them, with nothing changed. A database of the program after
    this one is left as it is; ``Unavailable`` ``newer_database`` if it is newer still.
    """
    end = time.monotonic() + wait
    while True:
        try:
            with database.engine.begin() as connection:
                _upgrade(connection, to)
            return
        except sa.exc.OperationalError as error:
            if not _is_held(error):
                raise
            if time.monotonic() >= end:
                detail = f"Others held the database for {wait:.0f} s, so nothing was changed; call it again."
                raise Busy(detail, code="database_in_use") from error
        tell("others are at work in the database; trying again")
        time.sleep(PAUSE_SECONDS)


def _upgrade(connection: sa.Connection, to: str) -> None:
    found = standing(connection)
    if found == "behind":
        _take_locks(connection)
        _alembic(connection, "upgrade", to)
    elif check_standing(connection) == "current":
        for statement in LEFT_BY_OLDER:
            connection.exec_driver_sql(statement)


def _take_locks(connection: sa.Connection) -> None:
    """Every table at once: a lock that comes late could close a circle, or undo an hour's work."""
    if connection.dialect.name == "postgresql":
        ours = sorted(set(sa.inspect(connection).get_table_names()) & set(metadata.tables))
        if ours:
            connection.exec_driver_sql(f"SET LOCAL statement_timeout = {LOCK_TRY_MS}")
            connection.exec_driver_sql(f"LOCK TABLE {', '.join(ours)} IN ACCESS EXCLUSIVE MODE")
            connection.exec_driver_sql("SET LOCAL statement_timeout TO DEFAULT")
        connection.exec_driver_sql(f"SET LOCAL lock_timeout = {LOCK_TRY_MS}")


def differences(database: Database) -> list[str]:
    """What the models say and the migrated database does not; empty when they match."""
    try:
        with database.engine.begin() as connection:
            _alembic(connection, "check")
    except Exception as error:  # noqa: BLE001 - alembic raises its own error classes for each difference
        return [str(error)]
    return []


def standing(conn: sa.Connection) -> Standing:
    """How the database stands to this program: ``ahead`` is one revision further, which each migration allows for."""
    found = current(conn)
    if found == newest():
        return "current"
    if found is None or found in revisions():
        return "behind"
    return "ahead" if found.isdecimal() and int(found) == int(newest()) + 1 else "far_ahead"


def check_standing(conn: sa.Connection) -> Standing:
    """As ``standing``; ``Unavailable`` with what to do where this program cannot work with the database."""
    found = standing(conn)
    if found == "behind":
        at = f"is at revision {current(conn)}" if current(conn) else "was never migrated"
        raise Unavailable(
            f"The database {at}; this program needs {newest()}: run `rma db upgrade`.", code="not_migrated"
        )
    if found == "far_ahead":
        raise Unavailable(
            f"The database is at revision {current(conn)} of a newer program; this one is for {newest()}"
            " and works with the one after it at most: install the newer one.",
            code="newer_database",
        )
    return found


def is_current(conn: sa.Connection) -> bool:
    """True if the database is at the newest migration."""
    return standing(conn) == "current"


def is_newest() -> sa.ColumnElement[bool]:
    """What to ask for ``is_current`` together with more: an error where no migration ever ran."""
    return sa.select(_NEWEST_RAN).scalar_subquery() == newest()


def current(conn: sa.Connection) -> str | None:
    """The revision of the database; None before the first migration."""
    if not sa.inspect(conn).has_table(_RAN.name):
        return None
    found: str | None = conn.scalar(sa.select(_NEWEST_RAN))
    return found


def newest() -> str:
    """The newest revision that this program carries."""
    return revisions()[-1]


@functools.cache
def revisions() -> tuple[str, ...]:
    """Every revision that this program carries, the oldest first. They are numbers, counted from 0001.

    A migration's file is named after its revision, so that a start needs no more than their names.
    """
    return tuple(sorted(file.stem.partition("_")[0] for file in (folder("alembic") / "versions").glob("*.py")))


def _alembic(connection: sa.Connection, act: Literal["upgrade", "check"], *given: str) -> None:
    from alembic import command, config  # noqa: PLC0415 - a start that finds nothing to do goes without

    chosen = config.Config(stdout=io.StringIO())
    chosen.set_main_option("script_location", str(folder("alembic")))
    chosen.attributes["connection"] = connection
    getattr(command, act)(chosen, *given)


def _is_held(error: sa.exc.OperationalError) -> bool:
    orig = error.orig
    locked = isinstance(orig, sqlite3.OperationalError) and "locked" in str(orig)
    return locked or getattr(orig, "sqlstate", None) in _HELD
