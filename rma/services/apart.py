"""Many things to do, apart from each other: one that fails is logged and counted, and waits; it holds up no other."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import TypeVar

import msgspec

from rma.errors import Busy
from rma.services import counts

T = TypeVar("T")
Key = tuple[str, ...]
WAITS = (1.0, 2.0, 5.0, 15.0, 60.0)
"""Seconds before something that failed is tried again, the last one repeats."""
BUSY = 5.0
"""Seconds at most where somebody held it: nobody tells when they let go, and who vanished does so soon."""
_log = logging.getLogger(__name__)


def wait(failures: int, error: Exception) -> float:
    """Seconds until the next try of what has failed so often in a row, this time by this error."""
    seconds = WAITS[min(failures, len(WAITS)) - 1]
    return min(seconds, BUSY) if isinstance(error, Busy) else seconds


class _Failing(msgspec.Struct):
    """How often in a row something failed, and when (monotonic) it is tried again."""

    times: int
    again_at: float


class Apart:
    """Remembers in one process what of a chore does not get on. ``chore`` is the name that it is counted under."""

    def __init__(self, chore: str) -> None:
        self._chore = chore
        self._failing: dict[Key, _Failing] = {}

    @property
    def failing(self) -> tuple[Key, ...]:
        """What does not get on."""
        return tuple(sorted(self._failing))

    def fails(self, *key: str) -> bool:
        """Whether this failed when it was tried last."""
        return key in self._failing

    def waits(self, *key: str) -> bool:
        """Whether this failed, and its time to be tried again has not come."""
        known = self._failing.get(key)
        return known is not None and known.again_at > time.monotonic()

    def worked(self, *key: str) -> None:
        """It got on."""
        self._failing.pop(key, None)

    def failed(self, error: Exception, *key: str) -> None:
        """It did not; called where the error is handled. The key is written to the log, the error's text is not."""
        known = self._failing.get(key)
        times = 1 if known is None else known.times + 1
        seconds = wait(times, error)
        self._failing[key] = _Failing(times, time.monotonic() + seconds)
        counts.count("chores", self._chore)
        _log.exception("%s: %s does not get on; next try in %g s", self._chore, " ".join(key), seconds)

    def run(self, act: Callable[[], T], *key: str) -> T | None:
        """Do it, unless it waits; what it answered, or None where it did not get on."""
        if self.waits(*key):
            return None
        try:
            answer = act()
        except Exception as error:  # noqa: BLE001 - one never stops the others, and it is logged
            self.failed(error, *key)
            return None
        self.worked(*key)
        return answer
