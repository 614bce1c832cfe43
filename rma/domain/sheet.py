"""The sheet a settlement is computed on: components are added one after another, each sees what is left by then."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from rma.domain.components import Accrual, Cause, Component, Kind, signed
from rma.domain.pricing import NOTHING, LineValue, Priced, Value
from rma.domain.stretches import ONE, Run, free, grouped, last, paid, worth
from rma.domain.units import Ranges, intersect, union

Target = tuple[str | None, str | None]
"""What a component is about: ``(line id, None)``, ``(None, "shipping")`` or ``(None, "fees[0]")``."""


def line_target(line_id: str) -> Target:
    """The target of an order line."""
    return (line_id, None)


class Sheet:
    """Earlier components, and those of this settlement in ``now``, over the frozen values of an order."""

    def __init__(self, priced: Priced, past: Sequence[Component]) -> None:
        self.priced = priced
        self.past = past
        self.now: list[Component] = []

    def line(self, target: Target) -> LineValue:
        """The frozen value of a target. ``KeyError`` when the order has none."""
        line_id, ref = target
        if line_id is not None:
            return self.priced.lines[line_id]
        charges = {"shipping": self.priced.shipping} | {fee.id: fee for fee in self.priced.fees}
        found = charges[ref or ""]
        if found is None:
            raise KeyError(ref)
        return found

    def free(self, target: Target, units: Ranges) -> list[Run]:
        """What is left of the units after all earlier refunds and this one so far."""
        return free(self.line(target), units, [*_of(target, self.past), *_of(target, self.now)])

    def paid(self, target: Target, units: Ranges) -> list[Run]:
        """What this settlement pays for the units so far."""
        return paid(self.line(target), units, list(_of(target, self.now)))

    def value_of(self, target: Target, runs: Iterable[Run]) -> Value:
        """Net, tax and gross of the runs."""
        line, total = self.line(target), NOTHING
        for (start, end), units in grouped(runs).items():
            total += line.stretch(units, start, end)
        return total

    def give_units(self, line_id: str, units: Ranges, *, by_right: bool) -> None:
        """Pays all that is left of whole units; a free line is there with nothing, so that the computation shows it."""
        target = line_target(line_id)
        line = self.line(target)
        if units and not any(line.gross_to(high) - line.gross_to(low - 1) for low, high in units):
            self.now.append(_component("goods", target, units, (0, None), NOTHING, why="goods", by_right=by_right))
            return
        self.add("goods", target, self.free(target, units), why="goods", by_right=by_right)

    def add(
        self,
        kind: Kind,
        target: Target,
        runs: Iterable[Run],
        *,
        why: str,
        cause: Cause | None = None,
        ref: str | None = None,
        by_right: bool = False,
    ) -> None:
        """Adds the runs, one component for each distinct stretch."""
        line = self.line(target)
        for stretch, units in grouped(runs).items():
            value = line.stretch(units, *stretch)
            told = _component(kind, target, units, stretch, value, why=why, cause=cause, ref=ref, by_right=by_right)
            self.now.append(told)

    def add_loose(
        self, kind: Kind, amount: int, *, why: str, cause: Cause | None = None, accrual: Accrual | None = None
    ) -> None:
        """Adds an amount that belongs to no unit; it holds no tax."""
        if amount:
            self.now.append(
                Component(kind=kind, net=amount, tax=0, gross=amount, why=why, cause=cause, accrual=accrual)
            )

    def take_last(self, amount: int, *, cause: Cause) -> None:
        """Takes an amount back from what this settlement pays, the last thing first."""
        targets = [(one.order_line_id, None if one.order_line_id else one.ref) for one in self.now]
        for target in reversed(list(dict.fromkeys(one for one in targets if one != (None, None)))):
            if amount <= 0:
                return
            units = union(*(one.units or ONE for one in _of(target, self.now)))
            runs = last(self.paid(target, units), amount)
            self.add("deduction", target, runs, why=cause, cause=cause)
            amount -= worth(runs)

    def by_right(self) -> bool:
        """Whether any goods of the order came back by law, now or before."""
        return any(one.by_right for one in (*self.past, *self.now))

    def total(self) -> int:
        """The signed gross of all components so far."""
        return sum(signed(one).gross for one in self.now)

    def total_of(self, units: Mapping[str, Ranges]) -> int:
        """The signed gross of these units alone so far."""
        total = 0
        for one in self.now:
            meant = intersect(one.units, units.get(one.order_line_id or "", ()))
            if meant:
                worth_of = self.line(line_target(one.order_line_id or "")).stretch(meant, one.start, one.end).gross
                total += -worth_of if one.kind == "deduction" else worth_of
        return total

    def points(self) -> int:
        """Loyalty points to take back for the goods of this settlement (law.md MON-14)."""
        earned, goods = self.priced.points_earned, self.priced.goods
        if not earned or not goods:
            return 0
        before = min(goods, _returned(self.past))
        after = min(goods, _returned((*self.past, *self.now)))
        return earned * after // goods - earned * before // goods


def _returned(components: Iterable[Component]) -> int:
    """The value of goods that came back and were not exchanged; what could not be paid is counted with its rest."""
    gone = ("exchange", "short")
    return sum(
        signed(one).gross for one in components if one.kind == "goods" or (one.order_line_id and one.cause in gone)
    )


def _of(target: Target, components: Iterable[Component]) -> list[Component]:
    line_id, ref = target
    if line_id is not None:
        return [one for one in components if one.order_line_id == line_id]
    return [one for one in components if one.order_line_id is None and one.ref == ref]


def _component(
    kind: Kind,
    target: Target,
    units: Ranges,
    stretch: tuple[int, int | None],
    value: Value,
    *,
    why: str,
    cause: Cause | None = None,
    ref: str | None = None,
    by_right: bool = False,
) -> Component:
    line_id, of = target
    start, end = stretch
    return Component(
        kind=kind,
        net=value.net,
        tax=value.tax,
        gross=value.gross,
        why=why,
        order_line_id=line_id,
        units=units if line_id is not None else (),
        cause=cause,
        start=start,
        end=end,
        ref=ref or of,
        by_right=by_right,
    )
