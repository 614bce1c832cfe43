"""An answer that is given again for a moment: however often somebody asks, it is found out no more often than that."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Generic, TypeVar

from rma.errors import Unavailable

T = TypeVar("T")


class Kept(Generic[T]):
    """One answer, kept for so many seconds. Of several who ask at once one finds out, and all get what it found.

    That there is none (``Unavailable``) is kept as well: a database in trouble is not asked more often than another.
    """

    def __init__(self, seconds: float, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._seconds, self._clock = seconds, clock
        self._lock = threading.Lock()
        self._found: tuple[float, T | Unavailable] | None = None

    def get(self, find: Callable[[], T]) -> T:
        """The answer, found anew if the last one is too old. Raises what ``find`` raises."""
        with self._lock:
            if self._found is None or self._clock() - self._found[0] >= self._seconds:
                answer = _answer(find)
                self._found = self._clock(), answer
            answer = self._found[1]
        if isinstance(answer, Unavailable):
            raise Unavailable(answer.detail, code=answer.code) from answer
        return answer


def _answer(find: Callable[[], T]) -> T | Unavailable:
    try:
        return find()
    except Unavailable as error:
        return error
