"""The migrations make exactly what the models say, on both databases."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime
from hashlib import sha256
from typing import Any

import pytest
import sqlalchemy as sa

from rma.db import migrate
from rma.db.session import Database
from rma.db.tables import metadata
from rma.resources import folder


@pytest.fixture
def database(empty_database_url: str) -> Iterator[Database]:
    """A database that nobody has migrated yet."""
    database = Database(empty_database_url)
    yield database
    database.close()


def test_migrations_match_the_models(database: Database) -> None:
    """A migrated database differs in nothing from the tables of the program."""
    migrate.upgrade(database)
    assert migrate.differences(database) == []


def test_a_missing_column_is_noticed(database: Database) -> None:
    """A model that ran ahead of its migration is seen."""
    migrate.upgrade(database)
    with database.engine.begin() as connection:
        connection.execute(sa.text("ALTER TABLE stores ADD COLUMN planted INTEGER"))
    (difference,) = migrate.differences(database)
    assert "planted" in difference


def test_what_was_there_before_is_kept(database: Database) -> None:
    """A refund of the first schema gets the day that it is sorted by, and every order is looked at by the next run."""
    migrate.upgrade(database, to="0001")
    names = ("stores", "orders", "refunds", "attempts")
    with database.engine.begin() as conn:
        first = sa.MetaData()
        first.reflect(conn, only=names)
        for name in ("stores", "orders", "refunds"):
            conn.execute(first.tables[name].insert(), _rows(first.tables[name], name))
    migrate.upgrade(database)
    assert migrate.differences(database) == []
    with database.engine.connect() as conn:
        days = conn.exec_driver_sql("SELECT id, due_on FROM refunds ORDER BY id").all()
        assert [(key, str(day)) for key, day in days] == [("a", "2026-12-06"), ("b", "2026-12-01"), ("c", "9999-12-31")]
        assert conn.exec_driver_sql("SELECT count(*) FROM orders WHERE look_at IS NULL").scalar_one() == 0
        assert conn.execute(sa.select(sa.column("retention")).select_from(sa.table("stores"))).scalar_one() == "{}"


def test_a_database_that_had_it_all_from_the_start_passes(database: Database) -> None:
    """The first migration was published twice, the second time with what 0002 adds: both lead to the newest schema."""
    with database.engine.begin() as conn:
        metadata.create_all(conn)
        conn.exec_driver_sql("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL PRIMARY KEY)")
        conn.exec_driver_sql("INSERT INTO alembic_version VALUES ('0001')")
    migrate.upgrade(database)
    with database.engine.connect() as conn:
        assert migrate.is_current(conn)
    assert migrate.differences(database) == []


def test_a_landed_migration_is_never_edited() -> None:
    """A migration that was published stays byte for byte; a change of the schema is a new one."""
    landed = {"0001_the_first_schema.py": "f06b3e544e3fc663", "0002_privacy_and_long_lists.py": "cec151828b6400fd"}
    files = {
        path.name: sha256(path.read_bytes()).hexdigest()[:16] for path in (folder("alembic") / "versions").glob("*.py")
    }
    assert {name: files.get(name) for name in landed} == landed


def _rows(table: sa.Table, name: str) -> list[dict[str, Any]]:
    """Rows as the first schema held them: refunds with a day by law, with a promise alone, and with none."""
    plain = {column.name: _some(column, name) for column in table.columns if not column.nullable}
    if name != "refunds":
        return [plain]
    days: tuple[dict[str, date], ...] = (
        {"due_legal": date(2026, 12, 6), "due_promise": date(2026, 12, 1)},
        {"due_promise": date(2026, 12, 1)},
        {},
    )
    return [
        plain | {"due_legal": None, "due_promise": None} | day | {"id": key}
        for key, day in zip("abc", days, strict=True)
    ]


def _some(column: sa.Column[Any], name: str) -> Any:
    """A value that fits; every reference points at the one row of its table, whose key is that table's name."""
    if column.primary_key:
        return name
    if column.foreign_keys:
        return next(iter(column.foreign_keys)).column.table.name
    kinds: dict[type, Any] = {
        sa.DateTime: datetime(2026, 11, 1, tzinfo=UTC), sa.Date: date(2026, 11, 1), sa.Boolean: False, sa.Integer: 0,
        sa.BigInteger: 0, sa.Float: 0.0,
    }  # fmt: skip
    return next((value for kind, value in kinds.items() if isinstance(column.type, kind)), "[]")


def test_an_upgrade_may_be_repeated(database: Database) -> None:
    """Upgrading a database that is current changes nothing."""
    migrate.upgrade(database)
    migrate.upgrade(database)
    with database.engine.connect() as connection:
        assert migrate.is_current(connection)


def test_tables_of_others_are_left_alone(database: Database) -> None:
    """A table that is not ours, as the durable engine's are not, is no difference and stays."""
    migrate.upgrade(database)
    with database.engine.begin() as connection:
        connection.execute(sa.text("CREATE TABLE somebody_elses (id INTEGER)"))
    assert migrate.differences(database) == []
    assert sa.inspect(database.engine).has_table("somebody_elses")
