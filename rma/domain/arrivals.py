"""Which units of an order have reached the customer, and on which local day: where every period starts."""

from __future__ import annotations

from datetime import date, datetime

import msgspec

from rma.domain.calendar import add_days, local_date
from rma.domain.claims import DeliveredLine, Delivery, Facts


class LineArrival(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One order line: units with the customer and the local day of the last one; ``estimated`` when that is a guess.

    ``first`` is the day of the first one; ``under_way``: a parcel with units of it was sent that nobody saw arrive.
    """

    units: int = 0
    last: date | None = None
    estimated: bool = False
    first: date | None = None
    under_way: bool = False


class Arrivals(msgspec.Struct, frozen=True, kw_only=True):
    """The whole order: the day the last parcel came, whether all goods have come, and each line's own arrival.

    Units that were given up before delivery are not waited for: the last actual delivery then starts the period.
    """

    filed_on: date
    ordered_on: date
    last: date | None
    complete: bool
    estimated: bool
    lines: dict[str, LineArrival]


def arrivals(facts: Facts, *, filed_at: datetime, transit_days: int) -> Arrivals:
    """What had arrived when the notice was given, as far as it is known now.

    Parcels without a known day count from shipping (or ordering) plus ``transit_days``, as an estimate, but never from
    a day before the promised one, and only once that day has passed; so does an order without any record of a delivery.
    """
    filed_on = local_date(filed_at, facts.timezone)
    tallies = {line.id: _Tally() for line in facts.lines}
    for delivery in facts.deliveries or (Delivery(delivered_at=None),):
        day, estimated = _day_of(delivery, facts, transit_days=transit_days, filed_on=filed_on)
        for part in delivery.lines or [DeliveredLine(id=line.id, quantity=line.quantity) for line in facts.lines]:
            if part.id in tallies and day is not None:
                tallies[part.id].add(part, day=day, estimated=estimated)
            elif part.id in tallies and _sent(delivery, facts):
                tallies[part.id].under_way = True
    found = {line.id: tallies[line.id].arrival(line.quantity) for line in facts.lines}
    last = max((one.last for one in found.values() if one.last), default=None)
    return Arrivals(
        filed_on=filed_on,
        ordered_on=local_date(facts.ordered_at, facts.timezone),
        last=last,
        complete=all(
            found[line.id].units >= line.quantity - line.taken_undelivered for line in facts.lines if line.tangible
        ),
        estimated=any(one.estimated and one.last == last for one in found.values()),
        lines=found,
    )


class _Tally:
    """Counts what came of one order line, parcel by parcel."""

    __slots__ = ("estimated", "first", "last", "under_way", "units")

    def __init__(self) -> None:
        self.units: dict[int | str | None, int] = {}
        self.last: date | None = None
        self.first: date | None = None
        self.estimated = False
        self.under_way = False

    def add(self, part: DeliveredLine, *, day: date, estimated: bool) -> None:
        self.units[part.piece] = self.units.get(part.piece, 0) + part.quantity
        self.first = day if self.first is None else min(self.first, day)
        if self.last is None or day >= self.last:
            self.last, self.estimated = day, estimated

    def arrival(self, bought: int) -> LineArrival:
        """Units that came whole, and as many more as there are of the rarest piece; never more than were bought."""
        whole = self.units.pop(None, 0)
        pieces = min(self.units.values(), default=0)
        came = min(bought, whole + pieces)
        return LineArrival(
            units=came, last=self.last, estimated=self.estimated, first=self.first, under_way=self.under_way
        )


def _sent(delivery: Delivery, facts: Facts) -> bool:
    sent = delivery.shipped_at or facts.shipped_at
    return sent is not None and sent <= facts.now


def _day_of(delivery: Delivery, facts: Facts, *, transit_days: int, filed_on: date) -> tuple[date | None, bool]:
    """The local day of a delivery and whether it is a guess; no day when it has not come yet."""
    if delivery.delivered_at is not None:
        known = delivery.delivered_at <= facts.now
        return (local_date(delivery.delivered_at, facts.timezone) if known else None), False
    sent = delivery.shipped_at or facts.shipped_at or facts.ordered_at
    guess = add_days(local_date(sent, facts.timezone), transit_days)
    guess = max(guess, facts.promised_by or guess)
    return (guess if filed_on > guess else None), True
