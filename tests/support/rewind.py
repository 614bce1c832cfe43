"""A database put back to how it was, again and again, so that many stories begin alike; and its deadlocks counted."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Sequence
from contextlib import closing

import psycopg
import sqlalchemy as sa
from psycopg import sql

from rma.db.session import Database

_TABLES = """
SELECT n.nspname, c.relname, string_agg(quote_ident(a.attname), ', ' ORDER BY a.attnum)
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''
WHERE c.relkind = 'r' AND n.nspname IN ('public', 'dbos') GROUP BY 1, 2 ORDER BY 1, 2
"""
_OTHERS = (
    "SELECT count(*) FROM pg_stat_activity"
    " WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'"
)
_DEADLOCKS = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"
LONGEST = 10.0


class Stage:
    """Keeps what a database holds now. ``back`` brings exactly that back; nobody may be in a transaction then."""

    def __init__(self, database: Database) -> None:
        self._url = sa.make_url(database.url)
        self._kept = sqlite3.connect(":memory:")
        self._script = ""
        if database.is_sqlite:
            with closing(self._file()) as now:
                now.backup(self._kept)
        else:
            with self._server() as conn:
                self._script = _keep(conn)

    def back(self) -> None:
        """Everything is as it was."""
        if self._script:
            with self._server() as conn:
                conn.execute(self._script.encode())
        else:
            with closing(self._file()) as now:
                now.execute("PRAGMA synchronous=OFF")
                self._kept.backup(now)

    def close(self) -> None:
        """Forget what was kept."""
        self._kept.close()

    def _file(self) -> sqlite3.Connection:
        return sqlite3.connect(str(self._url.database))

    def _server(self) -> psycopg.Connection:
        return _connected(self._url)


def _connected(url: sa.URL) -> psycopg.Connection:
    return psycopg.connect(dbname=url.database, user=url.username, host=str(url.query["host"]))


def deadlocks(database: Database) -> int:
    """How many deadlocks the server has broken in this database, also those that were retried; none on SQLite.

    A connection tells its numbers when it ends at the latest, so everybody but us has to have left, or is waited for.
    """
    database.close()
    if database.is_sqlite:
        return 0
    with _connected(sa.make_url(database.url)) as conn:
        conn.autocommit = True
        end = time.monotonic() + LONGEST
        while conn.execute(_OTHERS).fetchone() != (0,):
            assert time.monotonic() < end, "somebody is still connected"
            time.sleep(0.01)
        (found,) = conn.execute(_DEADLOCKS).fetchone() or (0,)
    return int(found)


def _keep(conn: psycopg.Connection) -> str:
    """Copy every table that holds something; the statements that bring it back, past triggers and foreign keys."""
    found: Sequence[tuple[str, str, str]] = conn.execute(_TABLES).fetchall()
    conn.execute("CREATE SCHEMA kept")
    back = ["SET LOCAL session_replication_role = replica"]
    for schema, table, columns in found:
        name = sql.Identifier(schema, table).as_string(conn)
        kept = sql.Identifier("kept", f"{schema}_{table}").as_string(conn)
        conn.execute(f"CREATE UNLOGGED TABLE {kept} AS SELECT {columns} FROM {name}".encode())
        back.append(f"DELETE FROM {name}")
        if conn.execute(f"SELECT 1 FROM {kept} LIMIT 1".encode()).fetchone():
            back.append(f"INSERT INTO {name} ({columns}) OVERRIDING SYSTEM VALUE SELECT {columns} FROM {kept}")
    return ";".join(back)
