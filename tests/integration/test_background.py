"""The work behind the requests: woken by commits, apart from each other's failures, ended cleanly."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from rma.app import create_services
from rma.db import tables
from rma.db.session import Database
from rma.services import apart, background, bell
from rma.services.background import Background, Chore
from rma.services.context import Services
from rma.settings import Settings
from tests.support.happenings import World

LONG = 30.0
"""Far more seconds than anything here takes: who waits so long waits in vain."""


class Counter:
    """A chore that counts its runs, fails while told so, has some work to do, and lets a test wait for a run."""

    def __init__(self, *, broken: bool = False, work: int = 0) -> None:
        self.broken = broken
        self.runs = 0
        self._work = work
        self._ran = threading.Condition()

    def __call__(self) -> int:
        """Run once."""
        with self._ran:
            self.runs += 1
            self._ran.notify_all()
        if self.broken:
            raise ConnectionError
        return int(self.runs <= self._work)

    def wait_for(self, runs: int) -> bool:
        """Whether it has run so often, soon."""
        with self._ran:
            return self._ran.wait_for(lambda: self.runs >= runs, LONG)


@pytest.fixture
def services(database_url: str, tmp_path: Path) -> Iterator[Services]:
    """The services on the migrated database, on SQLite and then on PostgreSQL."""
    made = create_services(Settings(data_dir=tmp_path, access_log=False), database=Database(database_url))
    yield made
    made.close()


@pytest.fixture
def running() -> Iterator[list[Background]]:
    """What a test starts is stopped after it."""
    started: list[Background] = []
    yield started
    for one in started:
        assert one.stop()


def _wake(made: Background, *counters: Counter) -> None:
    """Ring until each has run once more."""
    for counter in counters:
        before = counter.runs
        while counter.runs == before:
            made.wake()
            time.sleep(0.001)


def _start(running: list[Background], *chores: Chore, tick: float = LONG) -> Background:
    made = Background([replace(chore, gather=0.0) for chore in chores], tick=tick)
    running.append(made)
    made.start()
    return made


def test_a_commit_wakes_everything_behind_it(services: Services, running: list[Background]) -> None:
    """An event is sealed, read, made a message, sent and told of, by the bell alone: no tick comes so soon."""
    world = World(services)
    case = world.case()
    told = threading.Event()

    def look() -> int:
        if any(row.type == "message.sent" for row in world.rows(tables.Event)):
            told.set()
        return 0

    _start(running, *background.standard(services), Chore("look", look, lane="look"))
    world.say(case, ("return.settled", {"from": "settling", "to": "settled"}))
    assert told.wait(LONG)
    assert world.messages(case)["return_settled"].state == "sent"


@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
def test_what_other_processes_write_is_heard_by_the_tick(services: Services, running: list[Background]) -> None:
    """Without any bell in this process everything happens all the same, a tick later."""
    world = World(services)
    case = world.case()
    world.say(case, ("return.settled", {"from": "settling", "to": "settled"}))
    sent = threading.Event()

    def look() -> int:
        found = world.messages(case).get("return_settled")
        if found is not None and found.state == "sent":
            sent.set()
        return 0

    chores = (*background.standard(services), Chore("look", look, lane="look", every=0.01))
    _start(running, *chores, tick=0.02)
    assert sent.wait(LONG)


def test_one_that_fails_holds_up_no_other(
    running: list[Background], caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A chore that raises is logged with its name and waits; those of its own lane and of others go on."""
    monkeypatch.setattr(apart, "WAITS", (LONG,))
    broken, same, other = Counter(broken=True), Counter(), Counter()
    made = _start(running, Chore("broken", broken), Chore("same", same), Chore("other", other, lane="elsewhere"))
    _wake(made, same, other, same, other)
    assert made.failing == {"broken": "ConnectionError"}
    assert broken.runs == 1, "it waits before it is tried again"
    assert "chore broken failed" in caplog.text


def test_one_that_works_again_is_forgiven(running: list[Background]) -> None:
    """After its wait a chore is tried again; once it works nothing is left of the failure."""
    mended = Counter(broken=True)
    made = _start(running, Chore("mended", mended, every=0.005), tick=0.005)
    assert mended.wait_for(1)
    mended.broken = False
    assert mended.wait_for(3)
    assert made.failing == {}


def test_work_that_was_done_makes_everybody_look_again(running: list[Background]) -> None:
    """A chore that did something is asked again at once, and so are the others: nobody waits for a tick."""
    worker, follower = Counter(work=3), Counter()

    def once_followed() -> int:
        assert follower.wait_for(1)
        return worker()

    _start(running, Chore("worker", once_followed), Chore("follower", follower, lane="elsewhere"))
    assert worker.wait_for(4)
    assert follower.wait_for(2)


def test_a_chore_with_its_own_time_is_not_woken(running: list[Background]) -> None:
    """What no event makes due runs when its time comes, not at every commit."""
    seldom, often = Counter(), Counter()
    made = _start(running, Chore("seldom", seldom, every=LONG, on_bell=False), Chore("often", often))
    _wake(made, often, often, often)
    assert seldom.runs == 1


def test_it_ends_when_told_and_listens_no_more(running: list[Background]) -> None:
    """After the end no thread is left, and a commit finds nobody to wake."""
    counter = Counter()
    made = _start(running, Chore("counter", counter))
    assert counter.wait_for(1)
    assert made.stop()
    runs = counter.runs
    bell.ring()
    assert counter.runs == runs
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("background-")]


def test_names_are_told_apart() -> None:
    """Two chores of one name could not be told apart in the log."""
    with pytest.raises(ValueError, match="same name"):
        Background([Chore("seal", Counter()), Chore("seal", Counter())])


def test_it_starts_once(running: list[Background]) -> None:
    """A second start would run everything twice in one process."""
    made = _start(running, Chore("counter", Counter()))
    with pytest.raises(RuntimeError):
        made.start()
