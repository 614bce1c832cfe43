"""What happened in one store, counted while the story runs."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(slots=True)
class Trouble:
    """Something the story did not expect: whose return, at what, and the server's words."""

    source: str
    step: str
    text: str


@dataclass(slots=True)
class Tally:
    """Counts of one store. Money is in minor units of ``currency``."""

    slug: str
    currency: str
    orders: int = 0
    bad_orders: list[str] = field(default_factory=list)
    filed: int = 0
    bases: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    reviewed: int = 0
    labels: int = 0
    label_folder: Path | None = None
    exchanges: int = 0
    sent_back: int = 0
    scores: list[int] = field(default_factory=list)
    states: Counter[str] = field(default_factory=Counter)
    refunds: Counter[str] = field(default_factory=Counter)
    paid: Counter[str] = field(default_factory=Counter)
    paid_by_two: int = 0
    mails: int = 0
    requests: int = 0
    days: int = 0
    seconds: float = 0.0
    troubles: list[Trouble] = field(default_factory=list)

    @property
    def refunded(self) -> int:
        """What went back to the customers by every tender."""
        return sum(self.paid.values())

    @property
    def asked(self) -> int:
        """Returns that customers asked for: filed, refused and stopped by trouble."""
        return self.filed + sum(self.refused.values())
