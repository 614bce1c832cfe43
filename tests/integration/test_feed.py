"""The sealed feed: one order, no gaps, nothing lost, whoever writes beside whom."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import pytest
import sqlalchemy as sa

from rma.app import create_services
from rma.db import tables
from rma.db.session import Database, Work
from rma.domain.events import Personal
from rma.services import feed, notify, seal, subscribers
from rma.services.catalog import StoreInfo
from rma.services.context import Services
from rma.services.feed import FeedEvent
from rma.services.paging import Ask
from rma.services.seal_heads import SealHeads
from rma.settings import Settings
from tests.support import racing
from tests.support.happenings import World, sequences
from tests.support.writers import write_many, writing

WRITERS, CASES = 4, 8
FULL = 2**63 - 1
"""The last number that there is."""
BREATH = 0.002


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    """The migrated database, on SQLite and then on PostgreSQL."""
    opened = Database(database_url)
    yield opened
    opened.close()


@pytest.fixture
def world(database: Database, tmp_path: Path) -> World:
    """A store in it."""
    return World(create_services(Settings(data_dir=tmp_path, access_log=False), database=database))


def _read(world: World, after: int = 0, limit: int = 10_000) -> list[FeedEvent]:
    with world.database.read() as work:
        return feed.of_store(work, world.store_id, after=after, limit=limit)


class _Reader:
    """Follows the feed with a cursor until it is told that nothing more comes."""

    def __init__(self, world: World) -> None:
        self.seen: list[FeedEvent] = []
        self._world = world

    def follow(self, ended: threading.Event) -> None:
        while True:
            last = ended.is_set()
            found = _read(self._world, len(self.seen), 7)
            self.seen += found
            if last and not found:
                return
            time.sleep(BREATH)


def _noting(work: Work, services: Services, store: StoreInfo, found: Sequence[FeedEvent]) -> None:
    """A subscriber with a row for each event, of which nothing is unique: what it takes twice stands there twice."""
    for event in found:
        values = {"kind": "noted", "state": "noted", "created_at": event.at, "subject": event.id}
        notify.insert(work, notify.new_row(work, services, store, **values, text=str(event.sequence)))


def _repeating(act: Callable[[], object], ended: threading.Event) -> None:
    while not ended.is_set():
        act()
        time.sleep(BREATH)
    act()


@pytest.fixture
def second(database_url: str, tmp_path: Path) -> Iterator[Services]:
    """What another process knows of the same database: nothing of the first one's locks and floors."""
    opened = Database(database_url)
    yield create_services(Settings(data_dir=tmp_path, access_log=False), database=opened)
    opened.close()


def test_every_event_is_read_once_in_gapless_order(world: World, second: Services) -> None:
    """Writers on many returns, two sealers and two runners apart, two readers: nothing lost or twice."""
    cases = [world.case() for _ in range(CASES)]
    before = len(world.rows(tables.Event))
    written, read = threading.Event(), threading.Event()
    readers = [_Reader(world), _Reader(world)]
    takes = {"noting": _noting}
    both = (world.services, second)
    with ThreadPoolExecutor(16) as pool, ExitStack() as ending:
        ending.callback(read.set)
        ending.callback(written.set)
        sealers = [pool.submit(_repeating, partial(seal.seal_all, one.database), written) for one in both]
        runners = [pool.submit(_repeating, subscribers.Subscribers(one, takes).run, read) for one in both]
        following = [pool.submit(reader.follow, read) for reader in readers]
        about = (world.database, world.store_id, cases)
        writers = [pool.submit(write_many, *about, seed) for seed in range(WRITERS)]
        committed = sum(writer.result() for writer in writers)
        written.set()
        assert [sealer.result() for sealer in sealers] == [None, None]
        read.set()
        assert [task.result() for task in (*runners, *following)] == [None] * 4
    everything = _check_read(world, before + committed, cases, readers)
    noted = sorted(world.rows(tables.Message), key=lambda row: int(row.text))
    assert [row.subject for row in noted] == [event.id for event in everything]


def test_processes_write_beside_a_reader(world: World, second: Services) -> None:
    """Three processes write while two others seal and one follows by its cursor: nothing lost, skipped or twice."""
    cases = [world.case() for _ in range(CASES)]
    before = len(world.rows(tables.Event))
    written, read = threading.Event(), threading.Event()
    reader = _Reader(world)
    with ThreadPoolExecutor(3) as pool, ExitStack() as ending:
        ending.callback(read.set)
        ending.callback(written.set)
        started = ending.enter_context(writing(world.database, world.store_id, cases, processes=3))
        both = (world.database, second.database)
        sealers = [pool.submit(_repeating, partial(seal.seal_all, one), written) for one in both]
        following = pool.submit(reader.follow, read)
        told, _ = started.communicate()
        written.set()
        assert [sealer.result() for sealer in sealers] == [None, None]
        read.set()
        following.result()
    assert (started.returncode, len(told.split())) == (0, 3)
    _check_read(world, before + sum(map(int, told.split())), cases, [reader])


def _check_read(world: World, count: int, cases: list[str], readers: list[_Reader]) -> list[FeedEvent]:
    """All that was written, which is what every reader saw: without a gap, each stream in its own order."""
    everything = _read(world)
    assert sequences(everything) == list(range(1, count + 1))
    assert [reader.seen for reader in readers] == [everything] * len(readers)
    assert {event.id for event in everything} == {row.id for row in world.rows(tables.Event)}
    for case in cases:
        mine = [event.n for event in everything if event.stream == case]
        assert mine == list(range(1, len(mine) + 1))
    return everything


@pytest.mark.parametrize("database_kind", ["postgresql"], indirect=True)
def test_a_second_sealer_waits_its_turn(world: World, second: Services) -> None:
    """It waits for the first one before it looks, and does not run into the numbers that the first one gave."""
    world.say(world.case(), ("return.held", {}))
    waiting = sa.text("SELECT locktype FROM pg_locks WHERE NOT granted")
    with ThreadPoolExecutor(1) as pool:
        with world.database.write() as work:
            sealed = seal._seal_batch(work, world.store_id, 0)  # noqa: SLF001 - a sealer that has not committed yet
            work.flush()
            other = pool.submit(seal.seal_store, second.database, world.store_id)
            locks: list[str] = []
            while not locks and not other.done():
                with world.database.read() as look:
                    locks = list(look.conn.execute(waiting).scalars())
        assert (locks, other.result()) == (["advisory"], 0)
    assert sequences(_read(world)) == list(range(1, sealed + 1))


def test_a_second_runner_waits_its_turn(world: World, second: Services) -> None:
    """What one process takes no other takes meanwhile, though nothing else would stop it: each event comes once."""
    taken: list[int | None] = []
    beside: list[Future[int]] = []

    def take(_work: Work, services: Services, _store: StoreInfo, found: Sequence[FeedEvent]) -> None:
        taken.extend(event.sequence for event in found)
        if services is world.services and taken != [1]:
            beside.append(pool.submit(subscribers.advance, second, world.store_id, "slow", take))
            racing.until_stopped(world.database, beside)

    world.say(world.case(), ("return.held", {}), ("return.disputed", {}))
    length = seal.seal_all(world.database)
    with ThreadPoolExecutor(1) as pool:
        assert subscribers.advance(world.services, world.store_id, "slow", take, limit=1) == 1
        assert subscribers.advance(world.services, world.store_id, "slow", take) == length - 1
        assert beside[0].result() == 0
    assert taken == list(range(1, length + 1))


@pytest.mark.parametrize("database_kind", ["postgresql"], indirect=True)
def test_what_commits_late_is_not_left_behind(world: World) -> None:
    """A transaction that took its place in the log early and commits after many others is sealed when it commits."""
    slow, quick = world.case(), world.case()
    seal.seal_all(world.database)
    with ExitStack() as open_still:
        late = open_still.enter_context(world.database.write())
        world.say_in(late, slow, ("return.held", {}))
        for _ in range(3):
            world.say(quick, ("return.disputed", {}))
            for _ in range(3):
                seal.seal_all(world.database)
        sealed = _read(world)
    assert slow not in {event.stream for event in sealed}
    assert seal.seal_all(world.database) == 1
    whole = _read(world)
    assert whole[: len(sealed)] == sealed
    assert [event.stream for event in whole[len(sealed) :]] == [slow]


def test_a_new_process_seals_what_an_old_one_left(world: World, database_url: str) -> None:
    """A process that knows nothing yet finds unsealed events of any store, however much was sealed after them."""
    other = World(world.services, slug="other")
    case, theirs = world.case(), other.case()
    other.say(theirs, ("return.held", {}))
    for _ in range(3):
        world.say(case, ("return.held", {}))
        seal.seal_store(world.database, world.store_id)
    fresh = Database(database_url)
    try:
        seal.seal_all(fresh)
        assert sequences(_read(other)) == list(range(1, len(other.rows(tables.Event)) + 1))
        other.say(theirs, ("return.disputed", {}))
        assert [seal.seal_all(world.database), seal.seal_all(fresh)] == [1, 0]
    finally:
        fresh.close()


@pytest.mark.parametrize("idle", [0, 1, 3])
def test_what_is_sealed_is_not_looked_at_again(world: World, idle: int) -> None:
    """Sealing costs by what is new, busy or idle: behind the floor of a process no event is searched any more."""
    case = world.case()
    for _ in range(4):
        world.say(case, ("return.held", {}))
        for _ in range(1 + idle):
            seal.seal_all(world.database)
    for _ in range(2):
        seal.seal_all(world.database)
    newest = max(row.seq for row in world.rows(tables.Event))
    assert seal._floor(world.database).value == newest  # noqa: SLF001 - what it has learned shows nowhere else


def test_the_seal_is_a_chain(world: World) -> None:
    """Each seal's hash follows from the one before, its number and the event's own hash."""
    world.say(world.case(), ("return.held", {}))
    seal.seal_all(world.database)
    head = ""
    stored = {row.number: row.hash for row in world.rows(tables.Seal)}
    for event in _read(world):
        head = seal.seal_hash(head, event.sequence or 0, event.hash)
        assert stored[event.sequence] == head


def test_personal_values_stand_in_the_feed_until_they_are_erased(world: World) -> None:
    """A reader sees what a person wrote, in lists and deep inside too; once erased it reads as such, the rest stays."""
    case = world.case()
    data = {"text": Personal("Ayşe"), "lines": [{"note": Personal("dar geldi"), "quantity": 2}]}
    world.say(case, ("message.received", data))
    seal.seal_all(world.database)
    personal = tables.table(tables.Personal)
    with world.database.read() as work:
        (event,) = feed.page_of_return(work, case, Ask()).items
        assert event.data == {"text": "Ayşe", "lines": [{"note": "dar geldi", "quantity": 2}]}
    with world.database.write() as work:
        work.conn.execute(sa.update(personal).where(personal.c.value == "Ayşe").values(value=None, salt=None))
    with world.database.read() as work:
        (event,) = feed.page_of_return(work, case, Ask()).items
        assert event.data == {"text": "erased", "lines": [{"note": "dar geldi", "quantity": 2}]}
        last = feed.page_of_store(work, world.store_id, Ask()).items[-1]
        assert (last, event.sequence) == (event, last.sequence)


def test_a_history_comes_in_pages_before_it_is_sealed(world: World) -> None:
    """A return's own events are there at once, without a sequence, and a cursor goes on where a page ended."""
    case = world.case()
    world.say(case, *(("return.held", {"number": number}) for number in range(5)))
    with world.database.read() as work:
        first = feed.page_of_return(work, case, Ask(limit=3))
        rest = feed.page_of_return(work, case, Ask(limit=3, after=first.next_cursor))
    assert [event.data["number"] for event in (*first.items, *rest.items)] == [0, 1, 2, 3, 4]
    assert {event.sequence for event in first.items} == {None}
    assert rest.next_cursor is None


def test_a_store_that_cannot_be_sealed_holds_up_no_other(world: World, tmp_path: Path) -> None:
    """Whichever it is: the others are sealed in the same run; it waits, and goes on once it can.

    So it is with the file of its heads.
    """
    worlds = [world, World(world.services, slug="second"), World(world.services, slug="third")]
    seals = tables.table(tables.Seal)

    def happen() -> None:
        for each in worlds:
            each.say(each.case(), ("return.held", {}))

    def renumber(broken: World, before: int, after: int) -> None:
        with world.database.write() as work:
            mine = sa.update(seals).where(seals.c.store_id == broken.store_id, seals.c.number == before)
            assert work.conn.execute(mine.values(number=after)).rowcount == 1

    happen()
    seal.seal_all(world.database)
    for broken in worlds:
        database = Database(world.database.url)
        last = len(broken.rows(tables.Seal))
        renumber(broken, last, FULL)
        happen()
        assert [seal.seal_all(database), seal.seal_all(database)] == [2, 0]
        renumber(broken, FULL, last)
        database.close()
        assert seal.seal_all(world.database) == 1
    for each in worlds:
        assert [one.sequence for one in _read(each)] == list(range(1, len(each.rows(tables.Event)) + 1))
    for broken in worlds:
        heads = SealHeads(tmp_path / broken.store_id, "x" * 32)
        (tmp_path / broken.store_id / f"{broken.store_id}.ndjson").mkdir(parents=True)
        assert heads.advance(world.database) == len(worlds) - 1
