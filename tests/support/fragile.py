"""The program with a fault built in: it is killed at one exact step of its work, or its clock is wrong.

``FAULT_AT="send_refund begin"`` names the step, ``FAULT_CLOCK=90`` the seconds by which this process's clock is ahead;
``FAULT_CLOCK=90/5`` lets it step there and back every five seconds.
Run as ``python -m tests.support.fragile worker --slot 1``: everything else is the program itself.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable
from datetime import datetime, timedelta, tzinfo
from typing import Any

from rma import worker
from rma.cli import main
from rma.db import session
from rma.providers.carrier_offline import OfflineCarrier
from rma.providers.channel_offline import OfflineChannel
from rma.providers.fulfilment_offline import OfflineFulfilment
from rma.providers.payments_offline import OfflinePayments
from rma.services import effects, runner, subscribers, sweep

_CALLS: dict[str, tuple[Any, str]] = {
    "send_refund": (OfflinePayments, "refund"),
    "issue_label": (OfflineCarrier, "issue"),
    "void_label": (OfflineCarrier, "void"),
    "place_order": (OfflineFulfilment, "order"),
}
_WHERE = ("begin", "before", "after", "finish", "done")
ACTS = tuple(f"{act} {where}" for act in ("send_refund", "issue_label", "place_order") for where in _WHERE)
"""The steps of a durable act: before its beginning is committed, before the call, after it, before the answer is
committed, and before the engine hears that it is done."""
CHORES = ("deadline", "subscriber", "message")
"""Before what was due, or was read, is committed; and after a mail left, before that is written down."""


def die(step: str) -> None:
    """End as kill -9 ends a process, with a last word on which step it was."""
    sys.stderr.write(f"\ndies at {step}\n")
    sys.stderr.flush()
    os.kill(os.getpid(), signal.SIGKILL)


def arm(step: str) -> None:
    """Let this process die at the first occurrence of a step.

    At ``engine`` it is its engine alone that is dead, at ``engine busy`` from its first act on; the process hurries.
    """
    act, _, where = step.partition(" ")
    if act == "engine":
        idle = where == "busy"
        takes_acts = staticmethod(lambda: idle and not effects._under_way)  # noqa: SLF001 - what it has in hand
        effects.Effects.takes_acts = takes_acts  # type: ignore[method-assign]
        worker.SLOT_SECONDS, worker.FINISH_SECONDS, worker.LINGER_SECONDS = 0.1, 1, 0.1
    elif act in CHORES:
        _arm_chore(act)
    elif where in ("before", "after"):
        owner, name = _CALLS[act]
        _wrap(owner, name, step, before=where == "before")
    else:
        owner, name = {"begin": (effects, "begin"), "finish": (effects, "finish"), "done": (runner, "run_attempt")}[
            where
        ]
        _wrap(owner, name, step, when=lambda _, key, *__: key.endswith(f":{act}"))


def _arm_chore(name: str) -> None:
    if name == "deadline":
        _wrap(sweep, "_fire_one", name)
    elif name == "message":
        _wrap(OfflineChannel, "send", name)
    else:
        take = subscribers.SUBSCRIBERS["notify"]
        subscribers.SUBSCRIBERS["notify"] = _dying(take, name, when=_always)


def _always(*_: Any) -> bool:
    return True


def _wrap(owner: Any, name: str, step: str, *, before: bool = False, when: Callable[..., bool] = _always) -> None:
    setattr(owner, name, _dying(getattr(owner, name), step, before=before, when=when))


def _dying(
    real: Callable[..., Any], step: str, *, before: bool = False, when: Callable[..., bool]
) -> Callable[..., Any]:
    def call(*arguments: Any, **named: Any) -> Any:
        if before and when(*arguments):
            die(step)
        answer = real(*arguments, **named)
        if when(*arguments):
            die(step)
        return answer

    return call


def set_clock(ahead: float, *, every: float = 0.0) -> None:
    """Let this process see another time; providers, who are elsewhere, keep theirs.

    ``every`` so many seconds the clock steps there, and back again.
    """

    class Wrong(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> datetime:  # type: ignore[override]
            right = every and int(time.monotonic() / every) % 2
            return datetime.now(tz) + timedelta(seconds=0.0 if right else ahead)

    session.datetime = Wrong  # type: ignore[attr-defined]


def run() -> int:
    """The program, with the faults that the environment names."""
    if step := os.environ.pop("FAULT_AT", ""):
        arm(step)
    ahead, _, every = os.environ.pop("FAULT_CLOCK", "").partition("/")
    if ahead:
        set_clock(float(ahead), every=float(every or 0))
    return main()


if __name__ == "__main__":
    sys.exit(run())
