"""The migrations make exactly what the models say, on both databases."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import sqlalchemy as sa

from rma.db import migrate
from rma.db.session import Database


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
