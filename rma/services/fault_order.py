"""Bad places in their order: each gets the number under which its event was sealed, and the first one stands first.

Only what is wrong is looked up, in batches: however long a history is, nothing is read of it once more.
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from itertools import groupby

import msgspec
import sqlalchemy as sa

from rma.db import tables
from rma.db.session import Work
from rma.services.history import MISSING, Fault

MOST = 100
"""How many bad places are kept."""
TOGETHER = 1_000
_IDS = 400
_events = tables.table(tables.Event)
_seals = tables.table(tables.Seal)
_Placed = tuple[float, Fault]
_Numbers = dict[tuple[str, str], dict[int, float]]
_STORE = sa.func.coalesce(_seals.c.store_id, _events.c.store_id)
_SEALED = sa.select(_STORE, _events.c.stream, _events.c.n, _seals.c.number).select_from(
    _events.outerjoin(_seals, _seals.c.event_seq == _events.c.seq)
)


class Faults:
    """Takes faults in any order and counts all of them; ``first`` answers ``MOST`` in the order of their places.

    ``slugs`` are the stores by their ids. Each store's first is kept before any store's second.
    """

    def __init__(self, work: Work, slugs: dict[str, str]) -> None:
        self.count = 0
        self._work, self._slugs = work, slugs
        self._new: list[Fault] = []
        self._kept: list[_Placed] = []
        self._gone: dict[str, list[int]] = {}

    def add(self, fault: Fault) -> None:
        """One more. What is known of a store's seals without their events has to be told before: ``gone``."""
        self.count += 1
        self._new.append(fault)
        if len(self._new) >= TOGETHER:
            self._place()

    def gone(self, slug: str, number: int) -> None:
        """The seal with this number lost its event; told in the order of the numbers."""
        self._gone.setdefault(slug, []).append(number)

    def first(self) -> list[Fault]:
        """Store by store, in the order of the seal; what was not sealed comes last, as it was found."""
        self._place()
        return [fault for _, fault in self._kept]

    def _place(self) -> None:
        numbers = self._numbers({fault.stream for fault in self._new if fault.stream and fault.sequence is None})
        placed = [_placed(one, numbers, self._gone.get(one.store, ())) for one in self._new]
        self._kept = _fairly(sorted([*self._kept, *placed], key=_order))
        self._new = []

    def _numbers(self, streams: Iterable[str]) -> _Numbers:
        """The number of every sealed event of these streams, by store and stream; infinite before it is sealed."""
        found: _Numbers = {}
        asked = sorted(streams)
        for start in range(0, len(asked), _IDS):
            mine = _SEALED.where(_events.c.stream.in_(asked[start : start + _IDS]))
            for store_id, stream, n, number in self._work.conn.execute(mine):
                own = found.setdefault((self._slugs.get(store_id, store_id), stream), {})
                own[n] = math.inf if number is None else number
        return found


def _placed(fault: Fault, numbers: _Numbers, gone: Sequence[int]) -> _Placed:
    """The fault with its number, where that is certain, and its place among others."""
    if fault.sequence is not None:
        return fault.sequence, fault
    if fault.stream is None or fault.n is None:
        return math.inf, fault
    sealed = numbers.get((fault.store, fault.stream), {})
    if fault.code != MISSING:
        return _numbered(fault, sealed.get(fault.n, math.inf))
    return _missing(fault, fault.n, sealed, gone)


def _missing(fault: Fault, n: int, sealed: dict[int, float], gone: Sequence[int]) -> _Placed:
    """An event that is gone was sealed between those around it, where a seal has lost its event: perhaps just one."""
    after = max((number for place, number in sealed.items() if place < n), default=0)
    before = min((number for place, number in sealed.items() if place > n), default=math.inf)
    lost = gone[bisect_right(gone, after) : bisect_left(gone, before)]
    if len(lost) == 1:
        return _numbered(fault, lost[0])
    return (lost[0] if lost else after + 0.5 if after else before - 0.5), fault


def _numbered(fault: Fault, number: float) -> _Placed:
    sealed = number < math.inf
    return number, msgspec.structs.replace(fault, sequence=int(number)) if sealed else fault


def _order(placed: _Placed) -> tuple[str, float, bool]:
    """By store and place; of two that tell of one place, the one that names the stream is first."""
    place, fault = placed
    return fault.store, place, fault.stream is None


def _fairly(placed: Sequence[_Placed]) -> list[_Placed]:
    """The ``MOST`` first ones of what is sorted already, every store's first before any store's second."""
    ranked = [(rank, one) for _, own in groupby(placed, key=lambda one: one[1].store) for rank, one in enumerate(own)]
    kept = sorted(ranked, key=lambda one: one[0])[:MOST]
    return sorted((one for _, one in kept), key=_order)
