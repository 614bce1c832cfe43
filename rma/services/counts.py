"""What this process has counted since it started: transitions by outcome, deadlines that ran out, failing chores."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from rma.errors import RmaError

_lock = threading.Lock()
_counts: Counter[tuple[str, tuple[str, ...]]] = Counter()


def count(name: str, *labels: str) -> None:
    """One more."""
    with _lock:
        _counts[name, labels] += 1


def read(name: str) -> dict[tuple[str, ...], int]:
    """Everything counted under a name, by its labels."""
    with _lock:
        return {labels: times for (known, labels), times in _counts.items() if known == name}


@contextmanager
def outcome(name: str, *labels: str) -> Iterator[None]:
    """One more with the last label ``done``, or ``refused`` where the block raises an error that callers can act on."""
    try:
        yield
    except RmaError:
        count(name, *labels, "refused")
        raise
    count(name, *labels, "done")
