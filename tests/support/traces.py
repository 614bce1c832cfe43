"""Looking for a person everywhere: every table of every schema, every file, and what a database file itself holds."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import sqlalchemy as sa

from rma.db.session import Database


def in_tables(url: str, marks: Sequence[str], *, but: frozenset[str] = frozenset()) -> list[str]:
    """Where in any table, the durable engine's too, one of these texts stands: ``table.column: text``."""
    database = Database(url)
    try:
        with database.read() as work:
            return sorted(set(_found(work.conn, marks, but)))
    finally:
        database.close()


def in_files(folder: Path, marks: Sequence[str]) -> list[str]:
    """The files below a folder, or the file itself, that hold one of these texts."""
    paths = [path for path in sorted(folder.rglob("*")) if path.is_file()] if folder.is_dir() else [folder]
    return [f"{path.name}: {mark}" for path in paths for mark in marks if mark.encode() in path.read_bytes()]


def in_database_file(url: str, marks: Sequence[str]) -> list[str]:
    """The same of SQLite's own file, its free pages included; its log too."""
    path = sa.make_url(url).database
    if not url.startswith("sqlite") or path is None:
        return []
    both = [Path(path), Path(f"{path}-wal")]
    return [found for one in both if one.exists() for found in in_files(one, marks)]


def _found(conn: sa.Connection, marks: Sequence[str], but: frozenset[str]) -> Iterator[str]:
    inspector = sa.inspect(conn)
    for schema in inspector.get_schema_names():
        if schema == "information_schema":
            continue
        for name in inspector.get_table_names(schema=schema):
            if name in but:
                continue
            table = sa.Table(name, sa.MetaData(), schema=schema, autoload_with=conn)
            for row in conn.execute(sa.select(*(sa.cast(column, sa.Text) for column in table.columns))):
                for column, value in zip(table.columns, row, strict=True):
                    for mark in marks:
                        if value is not None and mark.casefold() in value.casefold():
                            yield f"{name}.{column.name}: {mark}"
