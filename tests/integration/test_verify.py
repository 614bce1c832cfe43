"""The history proves itself: whatever is changed in the database is found, and its first bad place is named."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest
import sqlalchemy as sa

from rma.db import tables
from rma.db.session import Database
from rma.domain import events
from rma.errors import NotFound
from rma.services import fault_order, seal_heads
from rma.services.history import Fault
from rma.services.seal_heads import Head, SealHeads, Signer
from rma.services.verify import verify
from tests.support.databases import Databases
from tests.support.history import AT, EVENTS, ORDERS, PERSONAL, RETURNS, SEALS, History

SECRET = "not in the database"


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    """A migrated database."""
    opened = Database(database_url)
    yield opened
    opened.close()


@pytest.fixture
def history(database: Database) -> History:
    """A sealed history of one store, beside that of another one."""
    History(database, "other")
    return History(database)


def _first(history: History, heads: list[Head] | None = None) -> Fault:
    report = verify(history.database, heads=heads or [])
    assert report.faulty == len(report.faults)
    return report.faults[0]


def _heads(history: History, folder: Path) -> list[Head]:
    SealHeads(folder, SECRET).advance(history.database)
    return seal_heads.read(folder, Signer(SECRET))


def test_a_history_that_nobody_touched_holds(history: History, tmp_path: Path) -> None:
    """Every chain, row, seal and kept head of an untouched database holds, and all of it was looked at."""
    ticks: list[tuple[int, int]] = []
    heads = _heads(history, tmp_path)
    report = verify(history.database, heads=heads, progress=lambda done, total: ticks.append((done, total)))
    assert report.faults == []
    assert (report.stores, report.streams, report.heads) == (2, 6, 2)
    assert report.events == report.sealed == 26
    assert ticks[-1] == (52, 52)


def test_one_store_can_be_verified_alone(history: History) -> None:
    """A fault in another store is not looked at; a store that is not there is an error."""
    history.run(sa.delete(EVENTS).where(history.event(2)))
    assert verify(history.database, store="other").faults == []
    assert verify(history.database, store="kumas").faulty == 2
    with pytest.raises(NotFound):
        verify(history.database, store="nobody")


def _edit(history: History) -> None:
    body = history.row(3).body.replace("par_1", "par_2")
    history.run(sa.update(EVENTS).where(history.event(3)).values(body=body))


def _edit_with_hash(history: History) -> None:
    body = history.row(3).body.replace("par_1", "par_2")
    new = events.link(history.row(2).hash, body)
    history.run(sa.update(EVENTS).where(history.event(3)).values(body=body, hash=new))


def _break_body(history: History) -> None:
    history.run(sa.update(EVENTS).where(history.event(4)).values(body="{"))


def _retype(history: History) -> None:
    history.run(sa.update(EVENTS).where(history.event(4)).values(type="return.declined"))


def _delete(history: History) -> None:
    history.run(sa.delete(EVENTS).where(history.event(4)))


def _delete_last(history: History) -> None:
    history.run(sa.delete(EVENTS).where(history.event(7)))


def _insert(history: History) -> None:
    row = history.row(7)
    body = msgspec.json.decode(row.body) | {"id": "evt_planted", "n": 8}
    text = msgspec.json.encode(body, order="deterministic").decode()
    planted = dict(row._mapping) | {"id": "evt_planted", "n": 8, "body": text, "hash": events.link(row.hash, text)}
    del planted["seq"]
    history.run(sa.insert(EVENTS).values(planted))


def _renumber(history: History) -> None:
    history.run(
        sa.update(EVENTS).where(history.event(3)).values(n=99),
        sa.update(EVENTS).where(history.event(4)).values(n=3),
        sa.update(EVENTS).where(history.event(99)).values(n=4),
    )


def _reorder(history: History) -> None:
    third, fourth = history.row(3).seq, history.row(4).seq
    history.run(
        sa.update(EVENTS).where(EVENTS.c.seq == third).values(seq=-1),
        sa.update(EVENTS).where(EVENTS.c.seq == fourth).values(seq=third),
        sa.update(EVENTS).where(EVENTS.c.seq == -1).values(seq=fourth),
    )


def _move(history: History) -> None:
    history.run(sa.update(EVENTS).where(history.event(2)).values(return_id=history.order))


def _hide(history: History) -> None:
    history.run(sa.update(EVENTS).where(history.event(2)).values(return_id=None))


def _borrow(history: History) -> None:
    of_order = EVENTS.c.stream == history.order
    history.run(sa.update(EVENTS).where(of_order).values(return_id=history.case))


def _set_state(history: History) -> None:
    history.run(sa.update(RETURNS).where(RETURNS.c.id == history.case).values(state="closed"))


def _set_head(history: History) -> None:
    history.run(sa.update(RETURNS).where(RETURNS.c.id == history.case).values(head="0" * 64))


TAMPERINGS: tuple[tuple[Callable[[History], None], str, int], ...] = (
    (_edit, "changed", 3),
    (_edit_with_hash, "seal_changed", 3),
    (_break_body, "changed", 4),
    (_retype, "changed", 4),
    (_delete, "missing", 4),
    (_delete_last, "missing", 7),
    (_insert, "inserted", 8),
    (_renumber, "missing", 3),
    (_reorder, "missing", 3),
    (_move, "changed", 2),
    (_hide, "changed", 2),
    (_set_state, "state", 7),
    (_set_head, "head", 7),
)


def test_a_change_of_a_return_is_named(history: History) -> None:
    """An event that is edited, deleted, put in, reordered, hidden or belied by its row is found where it stands.

    It is told with the number under which it was sealed; one that was put in, or stands elsewhere, never was.
    """
    for tamper, code, n in TAMPERINGS:
        with history.undone():
            tamper(history)
            fault = _first(history)
        assert (fault.code, fault.store, fault.stream, fault.n) == (code, "kumas", history.case, n), tamper
        assert fault.sequence == (None if tamper in (_insert, _renumber, _reorder) else n + 6), tamper
        assert history.case in fault.place
    with history.undone():
        _borrow(history)
        assert _first(history).stream == history.order
    assert verify(history.database).faults == []


def _edit_late(history: History) -> None:
    history.run(sa.update(EVENTS).where(history.event(10)).values(body="{}"))


def _delete_of_order(history: History) -> None:
    history.run(sa.delete(EVENTS).where(history.event(2, history.order)))


def _delete_very_last(history: History) -> None:
    history.run(sa.delete(EVENTS).where(history.event(14)))


def _change_personal(history: History) -> None:
    first = sa.select(sa.func.min(PERSONAL.c.id)).where(PERSONAL.c.stream == history.order).scalar_subquery()
    history.run(sa.update(PERSONAL).where(PERSONAL.c.id == first).values(value="fatma@example.com"))


PAIRS: tuple[tuple[tuple[Callable[[History], None], ...], list[tuple[str, str | None, int | None]]], ...] = (
    ((_edit, _delete_of_order), [("changed", "case", 9), ("missing", "order", 14), ("event_missing", None, 14)]),
    ((_edit_late, _delete_of_order), [("missing", "order", 14), ("event_missing", None, 14), ("changed", "case", 17)]),
    (
        (_delete_of_order, _delete_very_last),  # which of the two lost places was the order's cannot be told
        [("missing", "order", None), ("event_missing", None, 14), ("missing", "case", 21)],
    ),
    ((_set_state, _change_personal), [("personal_changed", "order", 6), ("state", "case", 21)]),
)
"""Two changes at once, and everything that is told of them: code, stream and number in the seal."""


def test_of_two_changes_the_first_stands_first(history: History, monkeypatch: pytest.MonkeyPatch) -> None:
    """Bad places are told in the order of the seal, however they were found and whatever was changed first.

    So they are where only a few are kept, and each store's first is kept before any store's second.
    """
    history.tell()
    names = {history.case: "case", history.order: "order", None: None}
    for pair, wanted in PAIRS:
        for tampering in (pair, pair[::-1]):
            with history.undone():
                for tamper in tampering:
                    tamper(history)
                told = [(one.code, names[one.stream], one.sequence) for one in verify(history.database).faults]
            assert told == wanted, tampering
    monkeypatch.setattr(fault_order, "MOST", 2)
    monkeypatch.setattr(fault_order, "TOGETHER", 1)
    _edit_late(history)
    _delete_of_order(history)
    report = verify(history.database)
    assert (report.faulty, [one.sequence for one in report.faults]) == (3, [14, 14])
    history.run(sa.update(EVENTS).where(EVENTS.c.store_id != history.store).values(body="{}"))
    assert [(one.store, one.sequence) for one in verify(history.database).faults] == [("kumas", 14), ("other", 1)]


def test_a_return_that_is_gone_whole_is_found(history: History) -> None:
    """When a return is removed with all its events, its sealed places are empty and the first is named."""
    history.run(
        sa.delete(EVENTS).where(EVENTS.c.stream == history.case), sa.delete(RETURNS).where(RETURNS.c.id == history.case)
    )
    fault = _first(history)
    assert (fault.code, fault.store, fault.sequence) == ("event_missing", "kumas", 7)


def test_what_nothing_tells_of_is_found(history: History) -> None:
    """A row whose events are all gone, or that never had any, is named; what was typed only may have none."""
    withdrawals = tables.table(tables.Withdrawal)
    typed = {"store_id": history.store, "doc": {}, "locale": "tr", "created_at": AT, "content": "{}"}
    history.run(
        sa.insert(withdrawals).values(id="wdr_1", token="1", state="typed", **typed),
        sa.insert(withdrawals).values(id="wdr_2", token="2", state="repeated", **typed),
    )
    assert verify(history.database).faults == []
    with history.database.read() as work:
        row = work.conn.execute(sa.select(RETURNS).where(RETURNS.c.id == history.case)).mappings().one()
    empty = {"head": "", "events_n": 0}
    history.run(
        sa.insert(RETURNS).values(dict(row) | empty | {"id": "ret_planted", "rma_number": "PLANTED"}),
        sa.insert(withdrawals).values(id="wdr_3", token="3", state="unmatched", declared_at=AT, **typed),
    )
    assert [(fault.code, fault.stream, fault.n) for fault in verify(history.database).faults] == [
        ("missing", "ret_planted", 1),
        ("missing", "wdr_3", 1),
    ]


def test_events_without_their_return_are_found(history: History) -> None:
    """A row that was removed while its events stay is named by its stream."""
    history.run(sa.delete(RETURNS).where(RETURNS.c.id == history.case))
    fault = _first(history)
    assert (fault.code, fault.stream) == ("row_missing", history.case)


def test_a_changed_seal_is_named(history: History) -> None:
    """A seal that was changed, that points at another event, or that is gone breaks the store's order at its number."""
    fifth = sa.and_(SEALS.c.store_id == history.store, SEALS.c.number == 5)
    for statement, code in (
        (sa.update(SEALS).where(fifth).values(hash="0" * 64), "seal_changed"),
        (sa.update(SEALS).where(fifth).values(event_seq=1_000), "event_missing"),
        (sa.delete(SEALS).where(fifth), "seal_missing"),
    ):
        with history.undone():
            history.run(statement)
            fault = _first(history)
        assert (fault.code, fault.store, fault.sequence) == (code, "kumas", 5)


def test_an_event_of_another_store_is_found(history: History) -> None:
    """An event that was given to another store breaks its stream and the order of the store that it was taken from."""
    with history.database.read() as work:
        stores = tables.table(tables.Store)
        other = work.conn.scalar(sa.select(stores.c.id).where(stores.c.slug == "other"))
    history.run(sa.update(EVENTS).where(history.event(3)).values(store_id=other))
    found = [(one.code, one.store, one.stream, one.n, one.sequence) for one in verify(history.database).faults]
    assert found == [("foreign", "kumas", history.case, 3, 9)] * 2


def test_a_changed_personal_value_is_found_and_an_erased_one_is_not(history: History) -> None:
    """What the log says of a person cannot be changed, half taken away, moved or removed; erasing it is no fault."""
    mine = PERSONAL.c.stream == history.order
    for statement in (
        sa.update(PERSONAL).where(mine).values(value="fatma@example.com"),
        sa.update(PERSONAL).where(mine).values(value=None),
        sa.update(PERSONAL).where(mine).values(stream="elsewhere"),
        sa.delete(PERSONAL).where(mine),
    ):
        with history.undone():
            history.run(statement)
            fault = _first(history)
        assert (fault.code, fault.stream, fault.n) == ("personal_changed", history.order, 1)
    history.run(sa.update(PERSONAL).where(mine).values(value=None, salt=None))
    assert verify(history.database).faults == []


def test_a_recomputed_history_needs_kept_heads(history: History, tmp_path: Path) -> None:
    """Who recomputes everything from a change on is found by the heads that were kept, and by them alone."""
    heads = _heads(history, tmp_path)
    _edit(history)
    history.rewrite()
    assert verify(history.database).faults == []
    fault = _first(history, heads)
    assert (fault.code, fault.store, fault.sequence) == ("head_differs", "kumas", 14 - 1)


def test_a_cut_tail_and_an_old_copy_need_kept_heads(history: History, tmp_path: Path) -> None:
    """A database that ends before the last head that was kept was cut, or is an old copy."""
    heads = _heads(history, tmp_path)
    last_two = sa.and_(EVENTS.c.stream == history.case, EVENTS.c.n > 5)
    history.run(
        sa.delete(EVENTS).where(last_two),
        sa.delete(SEALS).where(SEALS.c.store_id == history.store, SEALS.c.number > 11),
        sa.update(RETURNS).where(RETURNS.c.id == history.case).values(head=history.row(5).hash, events_n=5),
        sa.update(RETURNS).where(RETURNS.c.id == history.case).values(state="awaiting_parcel"),
    )
    assert verify(history.database).faults == []
    fault = _first(history, heads)
    assert (fault.code, fault.store, fault.sequence) == ("cut", "kumas", 12)


def test_seals_that_end_before_their_readers_are_found(history: History) -> None:
    """Without any kept head, a seal that was cut or removed is found by what was read of it already."""
    cursors = tables.table(tables.Cursor)
    history.run(
        sa.insert(cursors).values(store_id=history.store, subscriber="notify", number=13),
        sa.insert(cursors).values(store_id=history.store, subscriber="other", number=3),
    )
    assert verify(history.database).faults == []
    for last in (10, 0):
        history.run(sa.delete(SEALS).where(SEALS.c.store_id == history.store, SEALS.c.number > last))
        fault = _first(history)
        assert (fault.code, fault.store, fault.sequence) == ("cut", "kumas", last + 1)


def test_each_store_needs_a_kept_head_of_its_own(history: History, tmp_path: Path) -> None:
    """Heads of other stores, and files that hold none, prove nothing of a store: that is said and never passed over."""
    heads = _heads(history, tmp_path)
    others = [head for head in heads if head.store != history.store]
    assert verify(history.database, heads=heads, each=True).faults == []
    for store in (None, "kumas"):
        report = verify(history.database, store=store, heads=others, each=True)
        assert [(fault.code, fault.store) for fault in report.faults] == [("no_head", "kumas")]
    assert report.heads == 0
    (tmp_path / f"{history.store}.ndjson").write_text("")
    assert seal_heads.read(tmp_path, Signer(SECRET)) == others
    with pytest.raises(NotFound):
        seal_heads.read(tmp_path / f"{history.store}.ndjson", Signer(SECRET))


def test_an_old_backup_put_back_is_found(databases: Databases, database_url: str, tmp_path: Path) -> None:
    """A restored backup holds with the heads of its day; those kept since then tell that it is old, and from where."""
    original = Database(database_url)
    history = History(original)
    of_that_day = _heads(history, tmp_path)
    original.close()
    backup = Database(databases.copy(database_url))
    history.tell()
    since = _heads(history, tmp_path)
    assert verify(original, heads=since).faults == []
    assert verify(backup, heads=of_that_day).faults == []
    fault = verify(backup, heads=since).faults[0]
    assert (fault.code, fault.store, fault.sequence) == ("cut", "kumas", of_that_day[-1].number + 1)
    original.close()
    backup.close()
    databases.drop(backup.url)


def test_a_store_that_is_gone_needs_kept_heads(history: History, tmp_path: Path) -> None:
    """A head of a store that the database does not know is a fault."""
    heads = _heads(history, tmp_path)
    stores = tables.table(tables.Store)
    for table in (SEALS, EVENTS, PERSONAL, RETURNS, ORDERS, tables.table(tables.Policy), tables.table(tables.Workflow)):
        history.run(sa.delete(table).where(table.c.store_id == history.store))
    history.run(sa.delete(stores).where(stores.c.id == history.store))
    fault = _first(history, heads)
    assert (fault.code, fault.store) == ("store_missing", history.store)
