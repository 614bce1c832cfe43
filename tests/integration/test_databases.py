"""The databases that other tests stand on are real, migrated and apart from each other."""

from __future__ import annotations

import os

import pytest
import sqlalchemy as sa

from tests.support import postgres
from tests.support.databases import Databases, Kind


def _engine(url: str) -> sa.Engine:
    return sa.create_engine(url, poolclass=sa.NullPool)


def test_a_fresh_database_is_of_the_kind_asked_for_and_migrated(database_url: str, database_kind: Kind) -> None:
    """A test gets a migrated database of the kind in its name."""
    engine = _engine(database_url)
    assert engine.dialect.name == database_kind
    assert sa.inspect(engine).has_table("alembic_version")


def test_two_fresh_databases_do_not_share_rows(databases: Databases, database_kind: Kind) -> None:
    """What one test writes, no other test sees."""
    first, second = databases.fresh(database_kind), databases.fresh(database_kind)
    with _engine(first).begin() as connection:
        connection.execute(sa.text("DELETE FROM alembic_version"))
    with _engine(second).connect() as connection:
        assert connection.scalar(sa.text("SELECT count(*) FROM alembic_version")) == 1
    databases.drop(first)
    databases.drop(second)


def test_an_empty_database_has_no_table(empty_database_url: str) -> None:
    """A test of the migrations starts from nothing."""
    assert sa.inspect(_engine(empty_database_url)).get_table_names() == []


@pytest.mark.parametrize("database_kind", ["postgresql"], indirect=True)
def test_dropping_takes_a_database_away_from_who_still_holds_it(databases: Databases, database_kind: Kind) -> None:
    """A connection that a test forgot does not keep its database alive."""
    url = databases.empty(database_kind)
    with _engine(url).connect() as connection:
        databases.drop(url)
        with pytest.raises(sa.exc.OperationalError):
            connection.execute(sa.text("SELECT 1"))


def test_a_server_that_cannot_start_says_why() -> None:
    """A PostgreSQL that does not come up is an error with its log, never a skipped test."""
    with (
        pytest.raises(postgres.PostgresFailedError, match="no_such_setting"),
        postgres.running(settings=("no_such_setting=1",)),
    ):
        pytest.fail("it started with a setting that does not exist")


def test_a_server_ends_with_its_block() -> None:
    """Nothing is left running and nothing is left on the disk."""
    with postgres.running() as server:
        pid = int((server.socket / "postmaster.pid").read_text().splitlines()[0])
    assert not server.socket.parent.exists()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
