"""What a figure was measured on, and how fast that was just then: shared machines change by half within an hour."""

from __future__ import annotations

import os
import platform
import statistics
import time
from datetime import UTC, datetime

_TURNS = 10_000_000
_TIMES = 3


def about() -> str:
    """The day, the machine, and the processor time that an empty loop takes on it now: one line for every figure."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    made_of = f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores, {memory:.0f} GiB"
    python = f"Python {platform.python_version()}"
    return f"{datetime.now(UTC):%Y-%m-%d}, {made_of}, {python}, ten million turns of a loop in {_pace():.2f} s"


def _pace() -> float:
    return statistics.median(_turn() for _ in range(_TIMES))


def _turn() -> float:
    begun = time.process_time()
    for _ in range(_TURNS):
        pass
    return time.process_time() - begun
