"""How long a legal deadline takes: `python -m benchmarks.law [COUNT]`.

Printed: date, machine, and microseconds for each kind of deadline, median of many after one pass that warms the tables
of holidays up; then the time of that first pass. Exits with 1 when a median is above the limit of 50 microseconds.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable
from datetime import date, timedelta
from functools import partial

from benchmarks import machine
from rma.domain import law_dates
from rma.domain.calendar import last_instant
from rma.domain.law import LawProfile
from rma.domain.law_refund import RefundFacts, refund_due
from rma.services.law import laws

LIMIT = 50.0
_DAYS = [date(2026, 1, 1) + timedelta(days=offset) for offset in range(730)]


def _law(country: str, day: date) -> LawProfile:
    return laws().profile(country, country, day)


def _withdrawal(country: str, zone: str, day: date) -> object:
    end = law_dates.withdrawal_end(_law(country, day), day)
    return last_instant(end.binding, zone) if end else None


def _repair(days: int, day: date) -> object:
    return law_dates.repair_due(_law("TR", day), day, working_days=days)


def _refund(day: date) -> object:
    facts = RefundFacts(notice=day, carrier="named", handed_over=day + timedelta(days=2))
    return refund_due(_law("TR", day), facts)


def _send_back(day: date) -> object:
    return law_dates.send_back_across(partial(_law, "TR"), notice=day)


KINDS: dict[str, Callable[[date], object]] = {
    "withdrawal, Türkiye, to its last instant": partial(_withdrawal, "TR", "Europe/Istanbul"),
    "withdrawal, Germany, to its last instant": partial(_withdrawal, "DE", "Europe/Berlin"),
    "send back, Türkiye, across texts": _send_back,
    "refund due, Türkiye": _refund,
    "repair, 20 working days": partial(_repair, 20),
    "repair, 30 working days": partial(_repair, 30),
}


def microseconds(compute: Callable[[date], object], rounds: int) -> float:
    """The median time of one deadline, over two years of days."""
    times = []
    for _ in range(rounds):
        started = time.perf_counter()
        for day in _DAYS:
            compute(day)
        times.append((time.perf_counter() - started) / len(_DAYS) * 1e6)
    return statistics.median(times)


def main() -> int:
    """Measure and print."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 20
    started = time.perf_counter()
    for compute in KINDS.values():
        for day in _DAYS:
            compute(day)
    first = time.perf_counter() - started
    print(machine.about())
    found = {name: microseconds(compute, rounds) for name, compute in KINDS.items()}
    for name, median in found.items():
        print(f"{median:7.1f} µs  {name}")
    print(f"{first:7.2f} s   first pass, files and tables of holidays read")
    return 1 if max(found.values()) > LIMIT else 0


if __name__ == "__main__":
    sys.exit(main())
