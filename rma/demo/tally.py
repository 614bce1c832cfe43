"""What happened in one store, counted while the story runs; several threads of it count at once."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from rma.demo.ledger import Ledger
from rma.demo.reasons import Why


@dataclass(slots=True)
class Trouble:
    """Something the story did not expect: whose return, at what, and the request with the server's words."""

    source: str
    step: str
    text: str


@dataclass(slots=True)
class Tally:
    """Counts of one store. Money is in minor units of ``currency``; ``examples`` is a text of each reason's code."""

    slug: str
    currency: str
    orders: int = 0
    bad_orders: list[str] = field(default_factory=list)
    filed: int = 0
    bases: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    left_out: Counter[str] = field(default_factory=Counter)
    examples: dict[str, str] = field(default_factory=dict)
    reviewed: int = 0
    labels: int = 0
    label_folder: Path | None = None
    exchanges: int = 0
    sent_back: int = 0
    retried: int = 0
    paid_by_two: int = 0
    unpaid: int = 0
    scores: list[int] = field(default_factory=list)
    states: Counter[str] = field(default_factory=Counter)
    refunds: Counter[str] = field(default_factory=Counter)
    paid: Counter[str] = field(default_factory=Counter)
    ledger: Ledger = field(default_factory=Ledger)
    mails: Counter[str] = field(default_factory=Counter)
    requests: int = 0
    days: int = 0
    seconds: float = 0.0
    troubles: list[Trouble] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False, compare=False)

    def count(self, name: str, amount: int = 1) -> None:
        """Add to the number of this name."""
        with self._lock:
            setattr(self, name, getattr(self, name) + amount)

    def note(self, name: str, keys: Iterable[str]) -> None:
        """Add one for each key to the counter of this name."""
        with self._lock:
            getattr(self, name).update(keys)

    def why(self, name: str, reasons: Iterable[Why]) -> None:
        """Add one for each reason to the counter of this name, and keep how it reads."""
        with self._lock:
            for reason in reasons:
                getattr(self, name)[reason.code] += 1
                self.examples.setdefault(reason.code, reason.text)

    @property
    def refunded(self) -> int:
        """What went back to the customers by every tender."""
        return sum(self.paid.values())

    @property
    def asked(self) -> int:
        """Returns that customers asked for: filed, refused and stopped by trouble."""
        stopped = sum(trouble.step == "filing" for trouble in self.troubles)
        return self.filed + sum(self.refused.values()) + stopped

    @property
    def failed(self) -> bool:
        """Whether anything happened that should not."""
        return bool(self.troubles or self.bad_orders)
