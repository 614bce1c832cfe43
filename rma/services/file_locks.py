"""Locks on files between processes: they end with whoever holds them, however that ended."""

from __future__ import annotations

import fcntl
import time
from typing import Protocol

_TRIES, _TRY_AGAIN = 20, 0.05


class _Open(Protocol):
    def fileno(self) -> int: ...


def alone(file: int | _Open) -> bool:
    """Be the only one who has this file, until it is closed. False where somebody else keeps it for a second.

    Not held up by those who have it for a moment: to look whether it is locked, or to write a line.
    """
    for _ in range(_TRIES):
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            time.sleep(_TRY_AGAIN)
        else:
            return True
    return False
