"""Choices that look like chance and are the same on every run: they hang on a text, not on a generator."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import TypeVar

Option = TypeVar("Option")


def percent(*about: str) -> int:
    """A number from 0 to 99 that hangs on ``about`` alone, spread evenly."""
    return int.from_bytes(hashlib.sha256("\x00".join(about).encode()).digest()[:8], "big") % 100


def pick(options: Sequence[Option], *about: str) -> Option:
    """One of ``options``, the same for the same ``about``. ValueError when there are none."""
    if not options:
        raise ValueError("nothing to pick from")
    digest = hashlib.sha256("\x00".join(about).encode()).digest()
    return options[int.from_bytes(digest[8:16], "big") % len(options)]


def weighted(shares: Sequence[tuple[int, Option]], *about: str) -> Option:
    """The first option whose cumulated share (percent) lies above the chance of ``about``; the last one otherwise."""
    number, reached = percent(*about), 0
    for share, option in shares:
        reached += share
        if number < reached:
            return option
    return shares[-1][1]
