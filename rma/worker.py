"""What happens behind the requests: durable acts, the log's readers, messages, deadlines and kept seal heads.

One ``Worker`` a process, under a slot that no other live process has; in a process of its own (``rma worker``) or
inside the server's.
"""

from __future__ import annotations

import logging
import os
import signal
import threading
from functools import partial
from types import TracebackType
from typing import Self

from rma.errors import Busy, Unavailable
from rma.services import asking, logs, privacy_run, runner, seal, slots, sweep
from rma.services.background import Background, Chore, standard
from rma.services.context import Services
from rma.services.seal_heads import FOLDER, SealHeads

SWEEP_SECONDS = 1.0
ASK_SECONDS = 1.0
HEADS_SECONDS = 5.0
SLOT_SECONDS = 5.0
HOUR = 3600.0
FINISH_SECONDS = 10
LINGER_SECONDS = 3.0
_log = logging.getLogger(__name__)


class Worker:
    """Runs durable acts and chores from ``start`` to ``stop``. Also a context: started inside it, stopped after it."""

    def __init__(self, services: Services, slot: int) -> None:
        self._services = services
        self._number = slot
        self._slot: slots.Slot | None = None
        self._background: Background | None = None
        self._heads = SealHeads(services.settings.data_dir / FOLDER, services.settings.secret)
        self.gave_up = False
        """Whether this process told itself to end: its slot is lost, or its engine died."""

    def start(self) -> None:
        """Take the slot, then begin. ``Refused`` ``slot_taken`` while another live process has it."""
        services = self._services
        self._slot = slots.take(services.database, self._number, data_dir=services.settings.data_dir)
        try:
            services.effects.launch(run=partial(runner.run_attempt, services), slot=self._slot)
            self._background = Background([*standard(services), *self.chores])
            self._background.start()
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Let what runs finish for some seconds, seal what they wrote, let the slot go. Twice does no harm."""
        if self._background is not None:
            self._background.stop(wait=FINISH_SECONDS)
            self._background = None
        self._services.effects.stop(wait=FINISH_SECONDS)
        if self._slot is not None:
            self._close_the_books()
            self._slot.release()
            self._slot = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def chores(self) -> tuple[Chore, ...]:
        """What the process does besides sealing, subscribers and messages."""
        services = self._services
        return (
            Chore("deadlines", partial(sweep.sweep, services), lane="time", every=SWEEP_SECONDS, on_bell=False),
            Chore("ask_again", partial(asking.ask_again, services), lane="acts", every=ASK_SECONDS, on_bell=False),
            Chore("seal_heads", self._keep_heads, lane="heads", every=HEADS_SECONDS, on_bell=False),
            Chore("privacy", partial(privacy_run.chore, services), lane="privacy", every=HOUR, on_bell=False),
            Chore("slot", self._keep_slot, lane="slot", every=SLOT_SECONDS, on_bell=False),
            Chore("take_over", self._take_over, lane="acts", every=SLOT_SECONDS, on_bell=False),
        )

    def _keep_heads(self) -> int:
        self._heads.advance(self._services.database)
        return 0

    def _close_the_books(self) -> None:
        """Seal what the last acts wrote and keep the last heads, unless the database is away."""
        database = self._services.database
        try:
            seal.seal_all(database)
            self._heads.advance(database, at_once=True)
        except (Unavailable, Busy):
            _log.warning("the last events were not sealed: the database is away or busy; the next process does it")

    def _take_over(self) -> int:
        services = self._services
        live = partial(slots.is_live, services.database, data_dir=services.settings.data_dir)
        return services.effects.take_over(live)

    def _keep_slot(self) -> int:
        """Two processes under one slot would do things twice: who lost the slot to another ends.

        So does a process whose engine died: as long as it held the slot, nobody would take its work over.
        """
        if self._slot is not None and not self._slot.keep():
            _log.critical("%s is held by another process now; this one ends", self._slot.name)
            self._give_up()
        elif self._slot is not None and not self._services.effects.takes_acts():
            _log.critical("the durable engine stopped; this process ends, and another takes over %s", self._slot.name)
            self._give_up()
        return 0

    def _give_up(self) -> None:
        self.gave_up = True
        os.kill(os.getpid(), signal.SIGTERM)


def until_stopped() -> None:
    """Wait in the main thread until SIGTERM or SIGINT."""
    stopped = threading.Event()
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    for number in before:
        signal.signal(number, lambda _number, _frame: stopped.set())
    try:
        stopped.wait()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def end_soon(code: int) -> None:
    """End with this code within seconds, though an act hangs in a call: another process finds out what became of it."""

    def end() -> None:
        logs.set_up()  # the command has given its log back
        _log.warning("ending in the middle of an act that does not return; it will be asked about")
        logging.shutdown()
        os._exit(code)

    timer = threading.Timer(LINGER_SECONDS, end)
    timer.daemon = True
    timer.start()
