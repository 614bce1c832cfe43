"""Acts at once end as the same acts one after the other: what is allowed is what some order of them leads to.

Every pair of acts, and random threes, on an order in the middle of its life: in each order one by one, then at once, by
threads that have connections, caches and locks of their own as processes have. What each was told, and everything that
the store holds afterwards with its whole history, has to be what one of the orders gave.
``make test ARGS="tests/integration/test_serial.py --races 20"`` goes over every pair so many times, and over so many
times as many threes, anew each time.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable, Iterator, Sequence
from functools import partial

import pytest

from rma.services import seal, verify
from tests.support import crossing, invariants, racing
from tests.support import floor as floors
from tests.support.crossing import NAMES, Scene
from tests.support.databases import Databases
from tests.support.endings import answer, ending
from tests.support.floor import Floor
from tests.support.racing import Doing, Ended
from tests.support.rewind import Stage, deadlocks

SEED, THREES, CHECKED = 20_261_122, 12, 1 / 6
"""The luck of a run of the suite, how many threes it tries, and how many of its endings it checks besides."""
PAIRS = list(itertools.combinations_with_replacement(NAMES, 2))
Names = tuple[str, ...]
Told = tuple[tuple[str, ...], str]
"""What the acts were told, in the order of their names, and the ending of the store."""


class Crossing:
    """A store at the moment when people come to be in each other's way, as often as it is wanted."""

    def __init__(self, floor: Floor) -> None:
        self.floor = floor
        self._scene: Scene = crossing.scene(floor, "1")
        self._stage = Stage(floor.services.database)
        self._allowed: dict[Names, set[Told]] = {}

    def allowed(self, names: Names) -> set[Told]:
        """What the acts come to in each order of them, one after the other."""
        if names not in self._allowed:
            orders = sorted(set(itertools.permutations(names)))
            self._allowed[names] = {self.run(order, [self.floor] * len(order), _one_by_one) for order in orders}
        return self._allowed[names]

    def run(
        self, order: Names, people: Sequence[Floor], how: Callable[[list[tuple[Floor, Doing]]], list[Ended]]
    ) -> Told:
        """Begin anew, let everybody read what they need, and then act; which of two equal acts was told what is one."""
        self._stage.back()
        doings = [(who, crossing.acts(who, self._scene)[name]()) for name, who in zip(order, people, strict=True)]
        said = sorted((name, answer(*ended)) for name, ended in zip(order, how(doings), strict=True))
        return tuple(text for _, text in said), ending(self.floor, self._scene.number)


def _one_by_one(doings: list[tuple[Floor, Doing]]) -> list[Ended]:
    return [racing.tried(*one) for one in doings]


def _from_one_start(doings: list[tuple[Floor, Doing]]) -> list[Ended]:
    return racing.together(*[partial(racing.tried, *one) for one in doings])


class Races:
    """Acts at once on the crossing of one floor, held against those in order on another."""

    def __init__(self, at_once: Crossing, in_order: Crossing, people: Sequence[Floor], *, rounds: int) -> None:
        self._at_once, self._in_order, self._people = at_once, in_order, people
        self.rounds, self.luck = rounds, random.Random(SEED if rounds == 1 else None)
        self.wrong: list[str] = []

    def run(self, order: Names) -> None:
        """Let these acts meet: the others while the first one is about to commit, or all from one start."""
        held = self.luck.random() < 0.6
        how = racing.met if held else _from_one_start
        told = self._at_once.run(order, self._people[: len(order)], how)
        allowed = self._in_order.allowed(tuple(sorted(order)))
        if told not in allowed:
            self.wrong.append(f"{order}, held={held}: {told}; allowed: {allowed}")
        if self.rounds > 1 or self.luck.random() < CHECKED:
            invariants.check(self._at_once.floor)

    def end(self) -> None:
        """Nothing was wrong, and what the last ones left can be sealed, and the seals prove it."""
        assert not self.wrong, "\n".join(self.wrong)
        database = self._at_once.floor.services.database
        seal.seal_all(database)
        report = verify.verify(database)
        assert (report.faulty, report.unsealed) == (0, 0)


@pytest.fixture(scope="module")
def in_order(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Crossing]:
    """The acts one after the other, on a database where nobody else is: both databases have to end as it does."""
    with floors.opened(databases.fresh("sqlite"), tmp_path_factory.mktemp("in_order")) as floor:
        yield Crossing(floor)


@pytest.fixture
def races(
    floor: Floor, in_order: Crossing, monkeypatch: pytest.MonkeyPatch, pytestconfig: pytest.Config
) -> Iterator[Races]:
    """The races of a floor; on PostgreSQL no deadlock may happen there, not even one that is retried unseen."""
    with crossing.beside(floor, 3) as people:
        made = Races(Crossing(floor), in_order, people, rounds=pytestconfig.getoption("races"))
        crossing.slow_down(floor, monkeypatch, made.luck)
        yield made
    assert deadlocks(floor.services.database) == 0


def test_any_two_acts_at_once_end_as_one_after_the_other(races: Races) -> None:
    """Every pair of acts on one order comes to what one of its two orders gives: answers, units, money and history."""
    for _ in range(races.rounds):
        for pair in PAIRS:
            races.run(pair[:: races.luck.choice((1, -1))])
    races.end()


def test_any_three_acts_at_once_end_as_one_after_the_other(races: Races) -> None:
    """Random threes of acts on one order come to what one of their six orders gives."""
    for _ in range(THREES * races.rounds):
        races.run(tuple(races.luck.choice(NAMES) for _ in range(3)))
    races.end()
