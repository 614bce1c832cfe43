"""Work behind the requests of one process: seal the log, run the subscribers, send messages, and what else is given.

Each chore has a name and is apart from the others: one that fails is logged and tried again with growing waits while
the rest go on. Chores of one lane share a thread and run in their order; a slow lane holds up no other.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from rma.services import apart, bell, counts, logs, outbox, seal
from rma.services.context import Services
from rma.services.subscribers import Subscribers

TICK = 1.0
GATHER = 0.05
GATHER_MESSAGES = 0.25
"""Seconds that a lane lets commits gather after the bell: what is done for a hundred at once costs little more than
for one, and a mail that leaves a quarter of a second later is no later for anybody."""
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Chore:
    """Something to do again and again. ``run`` answers how much it did: after more than nothing every lane looks again.

    It runs after each ring of the bell and at least every ``every`` seconds; those that no event can make due sooner
    (``on_bell=False``) wait for their time. ``gather``: seconds between the bell and the run, so that more is there;
    the longest of a lane counts.
    """

    name: str
    run: Callable[[], int]
    lane: str = "log"
    every: float = TICK
    on_bell: bool = True
    gather: float = GATHER


@dataclass
class ChoreState:
    """How a chore is doing: failures in a row, the class of the last error, when (monotonic) it is due again."""

    failures: int = 0
    error: str | None = None
    due_at: float = 0.0
    runs: int = 0


@dataclass
class _Lane:
    chores: list[Chore]
    rung: threading.Event = field(default_factory=threading.Event)
    thread: threading.Thread | None = None


def standard(services: Services) -> tuple[Chore, ...]:
    """Sealing, subscribers and messages: what every process that works behind requests does."""
    subscribers = Subscribers(services)
    return (
        Chore("seal", lambda: seal.seal_all(services.database)),
        Chore("subscribers", subscribers.run),
        Chore("messages", lambda: outbox.send_due(services), lane="mail", gather=GATHER_MESSAGES),
    )


class Background:
    """The threads of one process. ``chores`` run beside each other by lane; start it once, stop it once.

    ``tick`` is how long a lane sleeps when nothing rings, which is also how late it hears of other processes.
    """

    def __init__(self, chores: Sequence[Chore], *, tick: float = TICK) -> None:
        names = [chore.name for chore in chores]
        if len(set(names)) < len(names):
            raise ValueError("two chores have the same name")
        self._tick = tick
        self._stopping = threading.Event()
        self._lanes: dict[str, _Lane] = {}
        self.states = {name: ChoreState() for name in names}
        for chore in chores:
            self._lanes.setdefault(chore.lane, _Lane([])).chores.append(chore)
        heard = {chore.lane for chore in chores if chore.on_bell}
        self._hearing = [lane for name, lane in self._lanes.items() if name in heard]

    def start(self) -> None:
        """Start a thread for each lane and listen to the bell."""
        if any(lane.thread is not None for lane in self._lanes.values()):
            raise RuntimeError("the background has been started already")
        bell.listen(self.wake)
        for name, lane in self._lanes.items():
            lane.thread = threading.Thread(target=self._serve, args=(lane,), name=f"background-{name}", daemon=True)
            lane.thread.start()

    def stop(self, *, wait: float = 10.0) -> bool:
        """Let every chore that runs finish, and end; whether all threads ended within ``wait`` seconds."""
        bell.leave(self.wake)
        self._stopping.set()
        for lane in self._lanes.values():
            lane.rung.set()
        end = time.monotonic() + wait
        threads = [lane.thread for lane in self._lanes.values() if lane.thread is not None]
        for thread in threads:
            thread.join(max(0.0, end - time.monotonic()))
        return not any(thread.is_alive() for thread in threads)

    def wake(self) -> None:
        """Look again soon; called after every commit that wrote events. Costs next to nothing."""
        for lane in self._hearing:
            if not lane.rung.is_set():
                lane.rung.set()

    @property
    def failing(self) -> dict[str, str]:
        """The chores that do not work now, with the class of their last error."""
        return {name: state.error or "" for name, state in self.states.items() if state.failures}

    def _serve(self, lane: _Lane) -> None:
        gather = max(chore.gather for chore in lane.chores)
        while not self._stopping.is_set():
            rung = lane.rung.is_set()
            lane.rung.clear()
            if sum(self._run(chore, rung=rung) for chore in lane.chores):
                self.wake()
            if lane.rung.wait(self._tick) and not self._stopping.is_set():
                self._stopping.wait(gather)

    def _run(self, chore: Chore, *, rung: bool) -> int:
        state = self.states[chore.name]
        due = time.monotonic() >= state.due_at
        if self._stopping.is_set() or not (due or (rung and chore.on_bell and not state.failures)):
            return 0
        with logs.about():
            return self._try(chore, state)

    def _try(self, chore: Chore, state: ChoreState) -> int:
        try:
            done = chore.run()
        except Exception as error:  # noqa: BLE001 - one chore never stops the others, and it is logged
            counts.count("chores", chore.name)
            state.failures += 1
            state.error = type(error).__name__
            wait = apart.wait(state.failures, error)
            state.due_at = time.monotonic() + wait
            _log.exception("chore %s failed; next try in %g s", chore.name, wait)
            return 0
        state.failures, state.error = 0, None
        state.due_at = time.monotonic() + chore.every
        state.runs += 1
        return done


def catch_up(services: Services, store_id: str) -> int:
    """Do all of it for one store now: seal, run subscribers, send what is due; how many events were sealed.

    What is sent is an event again, so it goes on until nothing moves.
    """
    subscribers, total = Subscribers(services), 0
    while True:
        sealed = seal.seal_store(services.database, store_id)
        total += sealed
        if not sealed + subscribers.run(store_id) + outbox.send_all(services, store_id):
            return total
