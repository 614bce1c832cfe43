"""Subscribers of the sealed feed: each has every event, in order, once, whatever fails."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
import sqlalchemy as sa

from rma.app import create_services
from rma.db import tables
from rma.db.session import Database, Work
from rma.errors import Unavailable
from rma.services import notify, seal, subscribers
from rma.services.catalog import StoreInfo
from rma.services.context import Services
from rma.services.feed import FeedEvent
from rma.services.subscribers import Subscribers, Take
from rma.settings import Settings
from tests.support.happenings import World

_seals = tables.table(tables.Seal)


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


class Noting:
    """A subscriber that keeps a row of each event it takes, and cannot take some while it is told so."""

    def __init__(self, *, fails_at: int | None = None) -> None:
        self.fails_at = fails_at

    def __call__(self, work: Work, services: Services, store: StoreInfo, found: Sequence[FeedEvent]) -> None:
        """Keep a row of each."""
        for event in found:
            values = {"kind": "noted", "state": "noted", "dedupe": event.id, "created_at": event.at}
            row = notify.new_row(work, services, store, **values, text=str(event.sequence))
            notify.insert(work, row)
            if event.sequence == self.fails_at:
                raise ConnectionError


def _noted(world: World) -> list[int]:
    return sorted(int(row.text) for row in world.rows(tables.Message))


def _position(world: World, name: str) -> int:
    with world.database.read() as work:
        return subscribers.position(work, world.store_id, name)


def _log(world: World, events: int = 6) -> int:
    """A sealed log of some length; how long it is."""
    case = world.case()
    world.say(case, *(("return.held", {"number": number}) for number in range(events)))
    seal.seal_all(world.database)
    return len(world.rows(tables.Event))


def test_a_subscriber_reads_from_its_own_cursor(world: World) -> None:
    """A new subscriber starts at the first event; afterwards only what is new comes, in batches of any size."""
    length = _log(world)
    noting: dict[str, Take] = {"noting": Noting()}
    assert Subscribers(world.services, noting).run() == length
    assert Subscribers(world.services, noting).run() == 0
    assert _log(world, 3) == length + 3
    while subscribers.advance(world.services, world.store_id, "noting", noting["noting"], limit=2):
        pass
    assert _noted(world) == list(range(1, length + 4))
    assert _position(world, "noting") == length + 3


def test_what_is_not_sealed_is_not_read(world: World) -> None:
    """Events without a number wait: their order is not known yet."""
    length = _log(world)
    world.say(world.case(), ("return.held", {}))
    noting: dict[str, Take] = {"noting": Noting()}
    assert Subscribers(world.services, noting).run(world.store_id) == length


def test_an_event_that_cannot_be_taken_is_never_skipped(world: World, caplog: pytest.LogCaptureFixture) -> None:
    """Everything before it is taken once; it is tried again until it can be taken, then the rest follows."""
    length = _log(world)
    stubborn = Noting(fails_at=length - 2)
    runner = Subscribers(world.services, {"noting": stubborn})
    assert runner.run() == length - 3
    assert (_noted(world), _position(world, "noting")) == (list(range(1, length - 2)), length - 3)
    assert runner.failing == ((world.store_id, "noting"),)
    assert "does not get on" in caplog.text
    assert runner.run() == 0
    stubborn.fails_at = None
    assert runner.run() == 0, "it waits before it tries again"
    assert Subscribers(world.services, {"noting": stubborn}).run() == 3
    assert _noted(world) == list(range(1, length + 1))


def test_a_failure_stays_where_it_is(world: World) -> None:
    """One subscriber's trouble in one store holds up neither the other subscribers nor the other stores."""
    other = World(world.services, slug="other")
    length = _log(world)
    other.say(other.case(), ("return.held", {}))
    seal.seal_all(world.database)
    theirs = len(other.rows(tables.Event))

    def broken_here(work: Work, services: Services, store: StoreInfo, found: Sequence[FeedEvent]) -> None:
        if store.id == world.store_id:
            raise ConnectionError
        Noting()(work, services, store, found)

    runner = Subscribers(world.services, {"broken": broken_here, "noting": Noting()})
    assert runner.run(world.store_id) == length
    assert Subscribers(world.services, {"broken": broken_here}).run() == theirs
    assert runner.failing == ((world.store_id, "broken"),)
    assert _position(world, "broken") == 0
    assert _noted(world) == list(range(1, length + 1))


def test_a_damaged_feed_stops_a_subscriber(world: World) -> None:
    """A number that is missing is never passed over: the subscriber stops before it."""
    length = _log(world)
    with world.database.write() as work:
        work.conn.execute(sa.delete(_seals).where(_seals.c.store_id == world.store_id, _seals.c.number == length - 1))
    with pytest.raises(Unavailable) as stopped:
        subscribers.advance(world.services, world.store_id, "noting", Noting())
    assert stopped.value.code == "feed_gap"
    assert _noted(world) == []


def test_the_shipped_subscribers_have_names_that_stay() -> None:
    """A cursor bears the name of its subscriber for ever."""
    assert set(subscribers.SUBSCRIBERS) == {"notify"}
