"""Statutory interest where the store pays late: in the refund itself, and once more for the time after its approval."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

import msgspec

from rma.domain import calendar, late
from rma.domain.asks import Ask, Settlement
from rma.domain.settlement import settle
from rma.services import books, deadlines, refund_dues
from rma.services.books import Books

if TYPE_CHECKING:
    from rma.services.transition import Door, Subject


def added(
    door: Door, settlement: Settlement, ask: Ask, found: Books, *, by: date | None = None
) -> tuple[Settlement, Ask]:
    """The settlement with the interest that is owed if it is paid today, and what was asked for it.

    ``by`` is the last day of a refund that is there already: goods that came later do not move it.
    """
    due = refund_dues.legal(door, settlement.components)
    due = due if by is None else msgspec.structs.replace(due, by=by)
    money = late.principal(settlement, ask.statutory)
    if due.interest == "none" or not money:
        return settlement, ask
    today = _today(door)
    owed = late.owed(deadlines.law_of(door)(today), due, money, paid_on=_paid_on(door), on=today)
    if not owed:
        return settlement, ask
    whole = msgspec.structs.replace(ask, extras=(*ask.extras, *owed))
    return settle(door.order.priced, past=found.past, tenders=found.tenders, ask=whole), whole


def bearing(settlement: Settlement, ask: Ask | None) -> int:
    """How much of a refund bears interest; kept with it for the day on which it goes out."""
    return 0 if ask is None else sum(late.principal(settlement, ask.statutory).values())


def since_approval(door: Door, refund: Subject) -> Settlement | None:
    """The interest of the days between a refund's approval and its last transfer; None where nothing is owed.

    Time in which the customer was asked for an account is not the store's. Interest bears none itself.
    """
    doc, row = refund.row["doc"], refund.row
    if door.case is None or not doc.get("bearing") or not row["due_legal"]:
        return None
    runs = refund_dues.legal(door, books.read_components(row["components"])).interest
    if runs == "none":
        return None
    counted = [_local(door, doc.get("frozen_at")), _local(door, doc.get("payout_on"))]
    counted += [row["due_legal"]] if runs == "due" else []
    start = max(day for day in counted if day is not None)
    since: dict[date, dict[date, int]] = {}
    taken = [t for t in door.transfers(refund) if t["payment_id"] or t["on_behalf_of"]]
    whole = sum(t["amount"] for t in taken)
    for transfer in taken:
        paid = calendar.local_date(transfer["updated_at"], deadlines.time_zone(door))
        amount = late.share(transfer["amount"], doc["bearing"], whole)
        if paid > start:
            since.setdefault(paid, {})[start] = since.get(paid, {}).get(start, 0) + amount
    law = deadlines.law_of(door)
    owed = tuple(one for paid, money in sorted(since.items()) for one in late.extras(law(paid), money, until=paid))
    return _alone(door, owed) if owed else None


def _alone(door: Door, owed: late.Extras) -> Settlement:
    """A settlement of nothing but interest."""
    held = [(s.row, door.transfers(s)) for s in door.children("refund") if s.new or s.dirty]
    found = books.read(door.work, door.own_order(), held=held)
    return settle(door.order.priced, past=found.past, tenders=found.tenders, ask=Ask(extras=owed))


def _paid_on(door: Door) -> Mapping[str, date]:
    """The local day of each payment of the order; that of the order where the payment tells none."""
    order, timezone = door.order.order, deadlines.time_zone(door)
    return {one.id: calendar.local_date(one.captured_at or order.ordered_at, timezone) for one in order.payments}


def _today(door: Door) -> date:
    return calendar.local_date(door.now, deadlines.time_zone(door))


def _local(door: Door, at: Any) -> date | None:
    """The local day of an instant as it was kept, or a day."""
    if not at:
        return None
    text = str(at)
    if "T" not in text:
        return date.fromisoformat(text)
    return calendar.local_date(datetime.fromisoformat(text), deadlines.time_zone(door))
