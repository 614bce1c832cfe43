"""The migrations make exactly what the models say, on both databases."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import UTC, date, datetime
from hashlib import sha256
from typing import Any

import pytest
import sqlalchemy as sa

from rma.db import migrate
from rma.db.session import Database
from rma.db.tables import metadata
from rma.errors import Busy, Unavailable
from rma.resources import folder
from rma.services.effects import Effects
from rma.services.health import check_database


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
    """A refund of the first schema gets the day that it is sorted by, and every order is looked at by the next run.

    One that a process of the first schema writes after the upgrade gets its day when the upgrade is called again.
    """
    migrate.upgrade(database, to="0001")
    names = ("stores", "orders", "refunds", "attempts")
    with database.engine.begin() as conn:
        first = sa.MetaData()
        first.reflect(conn, only=names)
        for name in ("stores", "orders", "refunds"):
            conn.execute(first.tables[name].insert(), _rows(first.tables[name], name))
    migrate.upgrade(database)
    with database.engine.begin() as conn:
        late = _rows(first.tables["refunds"], "refunds")[0] | {"id": "late"}
        conn.execute(first.tables["refunds"].insert(), late)
    migrate.upgrade(database)
    assert migrate.differences(database) == []
    with database.engine.connect() as conn:
        days = conn.exec_driver_sql("SELECT id, due_on FROM refunds ORDER BY id").all()
        wanted = [("a", "2026-12-06"), ("b", "2026-12-01"), ("c", "9999-12-31"), ("late", "2026-12-06")]
        assert [(key, str(day)) for key, day in days] == wanted
        assert conn.exec_driver_sql("SELECT count(*) FROM orders WHERE look_at IS NULL").scalar_one() == 0
        assert conn.execute(sa.select(sa.column("retention")).select_from(sa.table("stores"))).scalar_one() == "{}"


def test_a_database_that_had_it_all_from_the_start_passes(database: Database) -> None:
    """The first migration was published twice, the second time with what 0002 adds: both lead to the newest schema."""
    with database.engine.begin() as conn:
        metadata.create_all(conn)
        conn.exec_driver_sql("DROP INDEX ix_messages_recipient")
        conn.exec_driver_sql("DROP INDEX refunds_in_doubt")
        conn.exec_driver_sql("ALTER TABLE refunds DROP COLUMN doubted_at")
        conn.exec_driver_sql("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL PRIMARY KEY)")
        conn.exec_driver_sql("INSERT INTO alembic_version VALUES ('0001')")
    migrate.upgrade(database)
    with database.engine.connect() as conn:
        assert migrate.is_current(conn)
    assert migrate.differences(database) == []


def test_a_landed_migration_is_never_edited() -> None:
    """A migration that was published stays byte for byte; a change of the schema is a new one."""
    landed = {
        "0001_the_first_schema.py": "f06b3e544e3fc663",
        "0002_privacy_and_long_lists.py": "8a7a4f60d62dc146",
        "0003_refunds_in_doubt.py": "8156d3de8c1447aa",
    }
    files = {
        path.name: sha256(path.read_bytes()).hexdigest()[:16] for path in (folder("alembic") / "versions").glob("*.py")
    }
    assert {name: files.get(name) for name in landed} == landed


@pytest.mark.parametrize("revision", migrate.revisions()[1:])
def test_the_program_before_works_with_the_next_schema(database: Database, revision: str) -> None:
    """A process of the revision before goes on after each migration: all that it writes fits, all it reads is there."""
    before = migrate.revisions()[migrate.revisions().index(revision) - 1]
    migrate.upgrade(database, to=before)
    old, new = sa.MetaData(), sa.MetaData()
    old.reflect(database.engine)
    migrate.upgrade(database, to=revision)
    new.reflect(database.engine)
    for table in old.tables.values():
        assert set(table.columns.keys()) <= set(new.tables[table.name].columns.keys())
    with database.engine.begin() as conn:
        for table in old.sorted_tables:
            if table.name != "alembic_version":
                conn.execute(table.insert(), {column.name: _some(column, table.name) for column in table.columns})


def test_the_program_says_how_the_database_stands_to_it(database: Database) -> None:
    """Behind or far ahead: it refuses and says what to do; one revision ahead: it goes on, changing nothing."""
    newest = int(migrate.newest())
    with database.engine.connect() as conn, pytest.raises(Unavailable, match=r"never migrated.*rma db upgrade"):
        migrate.check_standing(conn)
    migrate.upgrade(database, to="0001")
    with pytest.raises(Unavailable, match="is at revision 0001; this program needs") as behind:
        check_database(database)
    migrate.upgrade(database)
    Effects(database).prepare()
    assert check_database(database) == "ok"
    _pretend(database, newest + 1)
    assert check_database(database) == "newer"
    migrate.upgrade(database)
    _pretend(database, newest + 2)
    with pytest.raises(Unavailable, match="of a newer program") as ahead:
        check_database(database)
    with pytest.raises(Unavailable, match="of a newer program"):
        migrate.upgrade(database)
    assert (behind.value.code, ahead.value.code) == ("not_migrated", "newer_database")


def _pretend(database: Database, revision: int) -> None:
    with database.engine.begin() as conn:
        conn.exec_driver_sql(f"UPDATE alembic_version SET version_num = '{revision:04}'")


def test_the_engines_own_tables_are_no_older_than_it_wants_them(database: Database) -> None:
    """Tables of an older engine make the program refuse to start and name the command; those of a newer one do not."""
    migrate.upgrade(database)
    engine = Effects(database)
    engine.prepare()
    marks = sa.table("dbos_migrations", sa.column("version"), schema=None if database.is_sqlite else "dbos")
    with database.engine.begin() as conn:
        newest = conn.execute(sa.select(marks.c.version)).scalar_one()
        conn.execute(sa.update(marks).values(version=newest + 1))
    assert check_database(database) == "ok"
    with database.engine.begin() as conn:
        conn.execute(sa.delete(marks))
    with pytest.raises(Unavailable, match="older than this program's: run `rma db upgrade`"):
        check_database(database)


@pytest.mark.parametrize("database_kind", ["postgresql"], indirect=True)
def test_an_upgrade_gives_way_to_those_who_write(database: Database) -> None:
    """While somebody writes nothing is changed and nobody waits behind the upgrade for long; it tells of each try."""
    migrate.upgrade(database, to="0001")
    with database.engine.connect() as writer:
        writer.exec_driver_sql("LOCK TABLE returns IN ROW EXCLUSIVE MODE")
        with pytest.raises(Busy, match="nothing was changed; call it again"):
            migrate.upgrade(database, wait=0)
        with database.engine.connect() as conn:
            assert migrate.current(conn) == "0001"
        told: list[str] = []

        def tell(line: str) -> None:
            told.append(line)
            writer.rollback()

        migrate.upgrade(database, tell=tell)
    assert told == ["others are at work in the database; trying again"]
    assert migrate.LOCK_TRY_MS < 1000, "PostgreSQL looks for deadlocks after a second, and would stop a writer"
    with database.engine.connect() as conn:
        assert migrate.is_current(conn)


@pytest.mark.parametrize("database_kind", ["postgresql"], indirect=True)
def test_an_upgrade_that_gets_its_locks_one_by_one_stops_nobody(database: Database) -> None:
    """Who waits for a table that the upgrade has, and holds one that it wants, goes on: all its locks share a time.

    With a time for each, PostgreSQL would find the circle first and end the writer.
    """
    migrate.upgrade(database, to="0001")
    waits = "SELECT count(*) FROM pg_locks WHERE relation = '{}'::regclass AND NOT granted"
    with ThreadPoolExecutor(2) as pool, ExitStack() as opened:
        first, writer, eye = (opened.enter_context(database.engine.connect()) for _ in range(3))
        first.exec_driver_sql("LOCK TABLE orders IN ROW EXCLUSIVE MODE")
        writer.exec_driver_sql("LOCK TABLE refunds IN ROW EXCLUSIVE MODE")
        upgrade = pool.submit(migrate.upgrade, database, wait=0)
        _until(lambda: eye.exec_driver_sql(waits.format("orders")).scalar_one() == 1)
        writing = pool.submit(writer.exec_driver_sql, "LOCK TABLE attempts IN ROW EXCLUSIVE MODE")
        _until(lambda: eye.exec_driver_sql(waits.format("attempts")).scalar_one() == 1)
        time.sleep(0.4)  # so that the upgrade comes to what the writer holds, half a second late
        first.rollback()
        writing.result()
        with pytest.raises(Busy):
            upgrade.result()


def _until(so: Callable[[], bool]) -> None:
    end = time.monotonic() + 10
    while not so():
        assert time.monotonic() < end
        time.sleep(0.01)


@pytest.mark.parametrize("database_kind", ["postgresql"], indirect=True)
def test_old_processes_write_on_while_the_upgrade_runs(database: Database) -> None:
    """Who writes and reads rows of the first schema before, during and after the upgrade meets no error, loses none."""
    migrate.upgrade(database, to="0001")
    old, over = sa.MetaData(), threading.Event()
    old.reflect(database.engine, only=("stores", "orders", "refunds"))
    refunds = old.tables["refunds"]
    with database.engine.begin() as conn:
        for name in ("stores", "orders"):
            conn.execute(old.tables[name].insert(), _rows(old.tables[name], name))

    def write(who: str) -> list[str]:
        done: list[str] = []
        while len(done) < 10 or not over.is_set():
            key = f"{who}-{len(done)}"
            with database.engine.begin() as conn:
                conn.execute(refunds.insert(), _rows(refunds, "refunds")[0] | {"id": key})
                conn.execute(refunds.update().where(refunds.c.id == key).values(state="approved"))
                assert conn.execute(sa.select(refunds).where(refunds.c.id == key)).one().state == "approved"
            done.append(key)
        return done

    with ThreadPoolExecutor(2) as pool:
        going = [pool.submit(write, who) for who in ("one", "other")]
        try:
            migrate.upgrade(database)
        finally:
            over.set()
        written = {key for one in going for key in one.result()}
    migrate.upgrade(database)
    with database.engine.connect() as conn:
        days = [tuple(row) for row in conn.exec_driver_sql("SELECT id, due_on FROM refunds")]
    assert sorted(days) == [(key, date(2026, 12, 6)) for key in sorted(written)]


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
    if column.foreign_keys:
        return next(iter(column.foreign_keys)).column.table.name
    if column.primary_key and isinstance(column.type, sa.String):
        return name
    kinds: dict[type, Any] = {
        sa.DateTime: datetime(2026, 11, 1, tzinfo=UTC), sa.Date: date(2026, 11, 1), sa.Boolean: False, sa.Integer: 0,
        sa.BigInteger: 0, sa.Float: 0.0,
    }  # fmt: skip
    text = "[]"[: getattr(column.type, "length", None)]
    return next((value for kind, value in kinds.items() if isinstance(column.type, kind)), text)


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
