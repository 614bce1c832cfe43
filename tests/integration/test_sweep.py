"""A sweep of due deadlines: each by itself, whatever is wrong with another one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
import sqlalchemy as sa

from rma.db import engines, tables
from rma.db.session import Database, now
from rma.errors import Busy
from rma.services import counts, deadlines, listing, logs, numbers, sweep
from rma.services.paging import Ask
from tests.support import floor as floors
from tests.support.floor import Floor

_deadlines, _returns = tables.table(tables.Deadline), tables.table(tables.Return)
SHORT_MS = 200


@pytest.fixture
def floor(database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Floor]:
    """A shop on a database of its own, where nobody waits long for a lock."""
    monkeypatch.setattr(engines, "LOCK_WAIT_MS", SHORT_MS)
    with floors.opened(database_url, tmp_path) as made:
        yield made


def late(floor: Floor, number: str, seconds: int, **values: Any) -> str:
    """A return whose time to send the goods was over so many seconds ago."""
    floor.order(number)
    made: str = floor.must(floor.file(number, ("1", 1)))["id"]
    at = now() - timedelta(seconds=seconds)
    with floor.services.database.write() as work:
        mine = sa.update(_deadlines).where(_deadlines.c.return_id == made, _deadlines.c.name == "ship_back")
        work.conn.execute(mine.values(next_at=at, due_at=at, warn_at=[], **values))
    return made


def change(floor: Floor, statement: str, **values: Any) -> None:
    """Something happens to the tables."""
    with floor.services.database.write() as work:
        work.conn.execute(sa.text(statement), values)


def open_ones(floor: Floor) -> dict[str, datetime]:
    """When the deadlines that are due are looked at again, by return."""
    due = sa.select(_deadlines.c.return_id, _deadlines.c.next_at)
    with floor.services.database.read() as work:
        rows = work.conn.execute(due.where(_deadlines.c.state == "open", _deadlines.c.due_at <= now())).all()
    return {row.return_id: row.next_at for row in rows}


def counted(act: Callable[[], object]) -> dict[str, float]:
    """What became of deadlines while something was done, as it is counted: name and outcome, and how many."""

    def seen() -> dict[str, float]:
        [family] = [one for one in counts.REGISTRY.collect() if one.name == "rma_deadlines"]
        return {" ".join(one.labels.values()): one.value for one in family.samples}

    before = seen()
    act()
    return {name: more for name, value in seen().items() if (more := value - before.get(name, 0.0))}


@contextmanager
def held(floor: Floor, return_id: str) -> Iterator[None]:
    """Somebody else is in the middle of changing this return, and stays there."""
    other = Database(floor.services.database.url)
    try:
        with other.write() as work:
            work.conn.execute(sa.update(_returns).where(_returns.c.id == return_id).values(version=_returns.c.version))
            yield
    finally:
        other.close()


def listed(floor: Floor, *, test_mode: bool) -> set[str]:
    """The returns that are listed as due by now."""
    caller = msgspec.structs.replace(floor.clerk, test_mode=test_mode)
    filters = listing.Filters(due_before=now().isoformat())
    with floor.services.database.read() as work:
        return {row["id"] for row in listing.returns(work, caller, filters, Ask(limit=50)).items}


def test_one_that_fails_holds_up_no_other(floor: Floor, caplog: pytest.LogCaptureFixture) -> None:
    """Facts or warnings that cannot be read, a row that is held: logged, counted, put off; the rest fires now.

    What was put off keeps its due date in every list and number, is left alone until its time, and fires once mended.
    A clock is moved past it.
    """
    database = floor.services.database
    bad, torn, busy, good = (late(floor, number, 9 - n) for n, number in enumerate("1234"))
    change(floor, "UPDATE returns SET facts = :facts WHERE id = :id", id=bad, facts='"ayse@example.com"')
    change(floor, "UPDATE deadlines SET warn_at = '{}' WHERE return_id = :id AND name = 'ship_back'", id=torn)
    if database.is_sqlite:
        with held(floor, busy), pytest.raises(Busy):  # nobody can write at all
            sweep.sweep(floor.services)
        assert open_ones(floor).keys() == {bad, torn, busy, good}
        assert counted(lambda: sweep.sweep(floor.services)) == {"ship_back failed": 2, "ship_back fired": 2}
    else:
        with held(floor, busy):
            assert counted(lambda: sweep.sweep(floor.services)) == {"ship_back failed": 3, "ship_back fired": 1}
    assert floor.row(tables.Return, good).state == "expired"
    waits = {bad, torn} if database.is_sqlite else {bad, torn, busy}
    again = open_ones(floor)
    assert again.keys() == waits
    assert all(now() + deadlines.LATER / 2 < again[one] for one in (bad, torn))
    assert all(again[one] < now() + deadlines.SOON for one in waits - {bad, torn})
    told = [logs.Lines().format(record) for record in caplog.records if record.name == sweep.__name__]
    assert len(told) == len(waits)
    assert all('"error":{"class":"' in line for line in told)
    assert "rma.services.sweep:" in told[0]
    assert "ayse" not in "".join(told)
    assert numbers.Counter().read(database).overdue == len(waits)
    assert [listed(floor, test_mode=mode) - {bad} for mode in (True, False)] == [waits - {bad}] * 2
    assert counted(lambda: sweep.sweep(floor.services)) == {}
    target = now() + timedelta(days=40)
    sweep.sweep_store(floor.services, floor.store_id, target, at_due=True)
    assert {open_ones(floor)[one] for one in (bad, torn)} == {target + deadlines.LATEST}
    change(floor, "UPDATE returns SET facts = '{}' WHERE id = :id", id=bad)
    change(floor, "UPDATE deadlines SET warn_at = '[]' WHERE return_id = :id AND name = 'ship_back'", id=torn)
    sweep.sweep_store(floor.services, floor.store_id, target + deadlines.LATEST, at_due=True)
    assert {floor.row(tables.Return, one).state for one in (bad, torn, busy, good)} == {"expired"}


def test_what_became_of_a_deadline_is_counted_as_it_is_told(floor: Floor) -> None:
    """Fired where its trigger was; missed where the trigger is refused or there is none; obsolete where it was told."""
    late(floor, "1", 9)
    late(floor, "2", 8, fire="settle")
    twice = [late(floor, "3", 7 - n, name="refund", fire="none") for n in range(2)]
    change(floor, "UPDATE deadlines SET return_id = :to, subject_id = :to WHERE return_id = :id AND name = 'refund'",
           id=twice[1], to=twice[0])  # fmt: skip
    found = counted(lambda: sweep.sweep(floor.services))
    assert found == {"ship_back fired": 1, "ship_back missed": 1, "refund missed": 1, "refund obsolete": 1}
    missed = [row for row in floor.rows(tables.Event) if row.type == "deadline.missed"]
    assert len(missed) == found["ship_back missed"] + found["refund missed"]
