"""Which part of which unit is still worth something: stretches of gross inside units, in runs of like units.

A refund of part of a unit takes a stretch of it, say the first 5.00 of 12.30; a later one takes from what is left. Tax
is bound to the position (``LineValue.stretch``), so any order of partial refunds gives the tax of the invoice.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import msgspec

from rma.domain.components import Component
from rma.domain.money import spread
from rma.domain.pricing import LineValue
from rma.domain.units import Ranges, contains, union

Stretch = tuple[int, int]
"""From and to, in minor units of gross inside one unit; the end is not part of it."""

ONE: Ranges = ((1, 1),)


class Run(msgspec.Struct, frozen=True, gc=False):
    """Units ``low`` to ``high``, each with the same stretches; ``size`` is the gross of each whole unit."""

    low: int
    high: int
    size: int
    stretches: tuple[Stretch, ...]

    @property
    def count(self) -> int:
        """How many units."""
        return self.high - self.low + 1

    @property
    def each(self) -> int:
        """What the stretches of one unit are worth."""
        return sum(end - start for start, end in self.stretches)

    @property
    def worth(self) -> int:
        """What all of it is worth."""
        return self.each * self.count


def free(value: LineValue, units: Ranges, past: Sequence[Component]) -> list[Run]:
    """What is left of the units after the components of ``past`` on the same line.

    A deduction leaves its stretch free again (it was not paid); what an exchange took has moved to the replacement.
    """
    return [_run(value, low, high, past, paid=False) for low, high in _pieces(value, units, past)]


def paid(value: LineValue, units: Ranges, components: Sequence[Component]) -> list[Run]:
    """What those components pay for the units after their deductions."""
    return [_run(value, low, high, components, paid=True) for low, high in _pieces(value, units, components)]


def worth(runs: Iterable[Run]) -> int:
    """What the runs are worth together, gross."""
    return sum(run.worth for run in runs)


def evenly(runs: Sequence[Run], amount: int, *, from_end: bool = False) -> list[Run]:
    """An amount out of the runs, spread over their units by worth, from the start or the end of each unit.

    Odd minor units come from the first units; never more than the runs are worth.
    """
    caps = [run.worth for run in runs]
    result = []
    for run, part in zip(runs, spread(amount, caps, caps=caps), strict=True):
        each, odd = divmod(part, run.count)
        result.append(_portion(run, run.low, run.low + odd - 1, each + 1, from_end=from_end))
        result.append(_portion(run, run.low + odd, run.high, each, from_end=from_end))
    return [run for run in result if run.count > 0 and run.each > 0]


def last(runs: Sequence[Run], amount: int) -> list[Run]:
    """An amount out of the runs, whole units from the last one backward, then the end of one unit."""
    result: list[Run] = []
    for run in reversed(runs):
        whole = min(run.count, amount // run.each) if run.each else 0
        edge = run.high - whole
        rest = min(amount - whole * run.each, run.each) if whole < run.count else 0
        found = [_portion(run, edge, edge, rest, from_end=True), _portion(run, edge + 1, run.high, run.each)]
        found = [one for one in found if one.count > 0 and one.each > 0]
        amount -= worth(found)
        result = found + result
    return result


def within(runs: Sequence[Run], start: int, end: int | None) -> list[Run]:
    """Only what lies between ``start`` and ``end`` (None: the unit's end) of each unit."""
    cut = [
        Run(run.low, run.high, run.size, tuple(_clip(run.stretches, start, run.size if end is None else end)))
        for run in runs
    ]
    return [run for run in cut if run.stretches]


def grouped(runs: Iterable[Run]) -> dict[tuple[int, int | None], Ranges]:
    """The units of each distinct stretch; a stretch that reaches the end of its units has no end."""
    found: dict[tuple[int, int | None], list[tuple[int, int]]] = {}
    for run in runs:
        for start, end in run.stretches:
            found.setdefault((start, None if end == run.size else end), []).append((run.low, run.high))
    return {stretch: union(units) for stretch, units in found.items()}


def _pieces(value: LineValue, units: Ranges, components: Sequence[Component]) -> Iterator[tuple[int, int]]:
    """The units cut where the worth of a unit or the components on it change."""
    edges = sorted({edge for one in components for low, high in one.units or ONE for edge in (low - 1, high)})
    for low, high in units:
        inside = [edge for edge in edges if low <= edge < high]
        for first, final in zip([low, *(edge + 1 for edge in inside)], [*inside, high], strict=True):
            yield from value.runs(first, final)


def _run(value: LineValue, low: int, high: int, components: Sequence[Component], *, paid: bool) -> Run:
    size = value.gross_to(low) - value.gross_to(low - 1)
    stretches: list[Stretch] = [] if paid or not size else [(0, size)]
    for one in components:
        if not contains(one.units or ONE, low):
            continue
        end = size if one.end is None else min(one.end, size)
        if (one.kind == "deduction") != paid:
            if paid or one.cause != "exchange":
                stretches = _add(stretches, one.start, end)
        else:
            stretches = _remove(stretches, one.start, end)
    return Run(low, high, size, tuple(stretches))


def _add(stretches: Iterable[Stretch], start: int, end: int) -> list[Stretch]:
    """The stretches with one more, merged."""
    result: list[Stretch] = []
    for first, final in sorted([*stretches, *(((start, end),) if start < end else ())]):
        if result and first <= result[-1][1]:
            result[-1] = (result[-1][0], max(result[-1][1], final))
        else:
            result.append((first, final))
    return result


def _remove(stretches: Iterable[Stretch], start: int, end: int) -> list[Stretch]:
    """The stretches without what lies between."""
    parts = [part for first, final in stretches for part in ((first, min(final, start)), (max(first, end), final))]
    return [(first, final) for first, final in parts if first < final]


def _clip(stretches: Iterable[Stretch], start: int, end: int) -> list[Stretch]:
    return [(max(a, start), min(b, end)) for a, b in stretches if max(a, start) < min(b, end)]


def _portion(run: Run, low: int, high: int, amount: int, *, from_end: bool = False) -> Run:
    """That amount of each of those units, from the start or the end of what there is."""
    found: list[Stretch] = []
    for start, end in reversed(run.stretches) if from_end else run.stretches:
        part = min(amount, end - start)
        if part > 0:
            found.append((end - part, end) if from_end else (start, start + part))
        amount -= part
    return Run(low, high, run.size, tuple(sorted(found)))
