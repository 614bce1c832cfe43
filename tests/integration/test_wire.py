"""Compiled statements on both databases: what is written when, what comes back, and what a failure leaves behind."""

from __future__ import annotations

import contextlib
import sqlite3
import traceback
from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import Any

import psycopg
import pytest
import sqlalchemy as sa
from sqlmodel.sql.sqltypes import AutoString

from rma.db import hot
from rma.db.columns import Instant, Json
from rma.db.engines import WRITER_PAGES_KIB
from rma.db.session import Database, Work

_meta = sa.MetaData()
_things = sa.Table(
    "things",
    _meta,
    sa.Column("id", sa.String(40), primary_key=True),
    sa.Column("n", sa.Integer),
    sa.Column("big", sa.BigInteger),
    sa.Column("yes", sa.Boolean),
    sa.Column("part", sa.Float),
    sa.Column("at", Instant),
    sa.Column("day", sa.Date),
    sa.Column("doc", Json(dict[str, Any])),
    sa.Column("text", AutoString),
)
_insert = hot.insert(_things)
_all = hot.Hot(sa.select(*_things.columns).order_by(_things.c.id))
_by_id = hot.Hot(sa.select(_things.c.id, _things.c.n).where(_things.c.id == sa.bindparam("key")))
_set_n = hot.Hot(sa.update(_things).where(_things.c.id == sa.bindparam("key")).values(n=sa.bindparam("value")))
_AT = datetime(2026, 3, 1, 12, 30, 15, 123456, tzinfo=UTC)


class _TakenError(Exception):
    """The row is there already."""


def _row(key: str, **values: Any) -> dict[str, Any]:
    empty = dict.fromkeys([column.name for column in _things.columns])
    return {**empty, "id": key, **values}


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    """A database with one table of every type that is in use."""
    found = Database(database_url)
    _meta.create_all(found.engine)
    yield found
    _meta.drop_all(found.engine)
    found.close()


def _put(database: Database, *keys: str) -> None:
    """Insert rows with these ids in one transaction; one that is there already is a ``_TakenError``."""
    with database.write() as work:
        for key in keys:
            _insert.run(work, _row(key), duplicate=_TakenError)
            _set_n.run(work, {"key": key, "value": 1})


def _stored(database: Database) -> list[tuple[Any, ...]]:
    with database.read() as work:
        return _all.rows(work, {})


def test_values_of_every_type_come_back_as_they_went(database: Database) -> None:
    """Texts, numbers, truths, instants, days and JSON survive the way there and back, and so does nothing."""
    full = _row(
        "a",
        n=-5,
        big=2**40,
        yes=True,
        part=0.1,
        at=_AT,
        day=date(2026, 2, 28),
        doc={"b": [1, None], "a": "ğ"},
        text='Tişört "$1" %s\\ \n',
    )
    with database.write() as work:
        _insert.run_many(work, [_row("0"), full, _row("b")])
    assert [dict(zip(full, cells, strict=True)) for cells in _stored(database)] == [_row("0"), full, _row("b")]


def test_a_read_sees_what_was_written_before_it(database: Database) -> None:
    """Writes that are held back go out before the next read, before SQLAlchemy and before the ORM."""
    with database.write() as work:
        _insert.run(work, _row("a", n=1))
        assert _by_id.one(work, {"key": "a"}) == ("a", 1)
        _set_n.run(work, {"key": "a", "value": 2})
        assert work.conn.execute(sa.select(_things.c.n)).scalar() == 2
        _set_n.run(work, {"key": "a", "value": 3})
        assert work.session.execute(sa.select(_things.c.n)).scalar() == 3
        _set_n.run(work, {"key": "a", "value": 4})
    assert [cells[1] for cells in _stored(database)] == [4]


def test_what_was_read_ahead_answers_as_if_it_were_asked_now(database: Database) -> None:
    """Reads that were made ahead answer each with its own rows, after the writes before them, until the next write."""
    keys = ("b", "none", "a")
    with database.write() as work:
        _insert.run_many(work, [_row("a", n=1), _row("b", n=2)])
        hot.ahead(work, *((_by_id, {"key": key}) for key in keys))
        assert [_by_id.rows(work, {"key": key}) for key in keys] == [[("b", 2)], [], [("a", 1)]]
        assert _by_id.one(work, {"key": "a"}) == ("a", 1)
        hot.ahead(work, (_by_id, {"key": "a"}), (_by_id, {"key": "b"}))
        _set_n.run(work, {"key": "a", "value": 3})
        assert _by_id.one(work, {"key": "a"}) == ("a", 3)
        hot.ahead(work, (_by_id, {"key": "b"}))
        work.conn.execute(sa.update(_things).values(n=4))
        assert _by_id.one(work, {"key": "b"}) == ("b", 4)


def test_what_fails_at_the_end_undoes_everything(database: Database) -> None:
    """A write that fails when the transaction ends raises the driver's error, and nothing of the act is kept."""

    def act() -> None:
        with database.write() as work:
            _insert.run_many(work, [_row("a"), _row("a")])

    with pytest.raises(Exception, match=r"(?i)unique"):
        act()
    assert _stored(database) == []


def test_a_duplicate_is_told_by_the_name_that_was_asked_for(database: Database) -> None:
    """The error that a write names for its duplicate is raised for its own key alone."""
    _put(database, "a")
    with pytest.raises(_TakenError):
        _put(database, "b", "a")
    assert [cells[0] for cells in _stored(database)] == ["a"]


def test_an_error_tells_no_value(database: Database) -> None:
    """What the driver and SQLAlchemy raise names what was broken, and holds neither a parameter nor the row."""
    row = _row("a", text="ayse@example.com")
    with database.write() as work:
        _insert.run(work, row)
    for write in (lambda work: _insert.run(work, row), lambda work: work.conn.execute(sa.insert(_things), row)):
        with pytest.raises(Exception, match=r"(?i)unique") as raised, database.write() as work:
            write(work)
        assert "ayse" not in "".join(traceback.format_exception(raised.value))
    assert database.is_sqlite or "UniqueViolation 23505, constraint things_pkey, table things" in str(raised.value)


def test_a_connection_serves_on_after_a_failure(database: Database) -> None:
    """What was prepared before and what came behind a failure work in the next transactions of the same connection."""
    for key in ("a", "b", "c"):
        with pytest.raises(_TakenError):
            _put(database, key, key, f"{key}-behind")
        with database.write() as work:
            _insert.run(work, _row(key, n=1))
            _set_n.run(work, {"key": key, "value": 2})
    assert [cells[:2] for cells in _stored(database)] == [("a", 2), ("b", 2), ("c", 2)]


def test_an_act_that_raises_writes_nothing(database: Database) -> None:
    """Writes that were held back are forgotten when the act raises."""

    def act() -> None:
        with database.write() as work:
            _insert.run(work, _row("a"))
            raise LookupError

    with pytest.raises(LookupError):
        act()
    assert _stored(database) == []


def test_a_view_keeps_nothing(database: Database) -> None:
    """What is written in a read is gone with it, in whichever way, and the connection writes again afterwards."""
    with database.read() as work:
        work.conn.execute(sa.insert(_things), _row("a"))
        assert len(_all.rows(work, {})) == 1
    with contextlib.suppress(psycopg.errors.ReadOnlySqlTransaction), database.read() as work:
        _insert.run(work, _row("b"))
        _all.rows(work, {})
    assert _stored(database) == []
    _put(database, "c")
    assert len(_stored(database)) == 1


def test_many_rows_go_out_at_once(database: Database) -> None:
    """Thousands of rows, more than a socket holds and no multiple of what a statement takes, keep their order."""
    with database.write() as work:
        _insert.run_many(work, [_row(f"{index:05d}", n=index, text="x" * 500) for index in range(3_003)])
    assert [cells[1] for cells in _stored(database)] == list(range(3_003))


def test_a_text_with_nul_is_refused_before_it_is_cut(databases: Any) -> None:
    """PostgreSQL keeps no NUL and its text format ends at one, so such a text is refused."""
    url = databases.fresh("postgresql")
    found = Database(url)
    try:
        _meta.create_all(found.engine)
        with pytest.raises(psycopg.DataError):
            _put(found, "a\0b")
        assert _stored(found) == []
    finally:
        found.close()
        databases.drop(url)


@pytest.mark.parametrize("database_kind", ["postgresql"], indirect=True)
def test_what_was_prepared_before_a_change_is_prepared_anew(database: Database) -> None:
    """After a change of the schema, or of the pooler, one try on a new connection does what the old ones cannot."""
    with database.write() as first, database.write() as second:
        _insert.run(first, _row("a"))
        _by_id.one(first, {"key": "a"})
        _by_id.one(second, {"key": "a"})
    for change in ("ALTER TABLE things ALTER n TYPE text USING n::text", "DEALLOCATE ALL"):
        with database.engine.begin() as conn:
            conn.execute(sa.text(change))
        tries: list[Any] = []

        def ask(work: Work, tries: list[Any] = tries) -> Any:
            tries.append(work)
            return _by_id.one(work, {"key": "a"})

        assert database.retrying(ask) == ("a", None)
        assert len(tries) == 2, change
        with database.read() as work:
            assert ask(work) == ("a", None)


@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
def test_who_writes_to_sqlite_keeps_a_connection_while_it_is_of_use(database: Database) -> None:
    """One writer after the other has the same one, also after a refusal; one that broke is replaced; none is left."""
    opened: list[Any] = []
    sa.event.listen(database.engine, "connect", lambda raw, _: opened.append(raw))

    def write(*keys: str) -> Any:
        with database.write() as work:
            _insert.run_many(work, [_row(key) for key in keys])
            return work.conn.connection.driver_connection

    first = write("a")
    with database.read() as reader:
        assert _all.rows(reader, {}) != []
        with pytest.raises(_TakenError):
            _put(database, "b", "a")
        assert write("c") is first
        first.close()
        with pytest.raises(sqlite3.ProgrammingError):
            write("d")
        assert write("e") is not first
    assert [cells[0] for cells in _stored(database)] == ["a", "c", "e"]
    with database.write() as work:
        size = work.conn.execute(sa.text("PRAGMA cache_size")).scalar()
    assert size == -WRITER_PAGES_KIB
    database.close()
    for raw in opened:
        with pytest.raises(sqlite3.ProgrammingError):
            raw.execute("SELECT 1")
