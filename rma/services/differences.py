"""What a replacement costs against what covers it: units that were accepted for it, and what the customer paid.

Price = credit of the accepted units + what was paid - what is given back, to the last minor unit, whatever was
rejected, went missing or was changed. ``count`` writes down what no unit covers (``due_from_customer``),
``owed_back`` what was paid beyond that. What was paid is kept with the replacement until it is delivered or released.
Delivered, it becomes a payment of the order, so that the replacement can be paid back in full later. Released, or
above what is due, it goes back the way it came.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import msgspec
import sqlalchemy as sa

from rma.db import tables
from rma.domain import units
from rma.domain.asks import Ask, Settlement
from rma.domain.components import Component
from rma.domain.merging import by_id
from rma.domain.order import Order, Payment
from rma.domain.tenders import Mode, TenderState, allocate, transfers_for
from rma.services import books
from rma.services.line_effects import ranges, remember, reopen, the_case

if TYPE_CHECKING:
    from rma.domain.pricing import Priced
    from rma.services.books import Books, Held
    from rma.services.case import Line
    from rma.services.transition import Door, Subject

WHY = "difference"
ENDED = frozenset({"delivered", "released"})
_orders = tables.table(tables.Order)


# -- what the units cover ---------------------------------------------------------------------------------------------


def replacement_of(door: Door, line: Line) -> Subject | None:
    """The replacement that the units of a line count towards: the one that was not released."""
    found = [s for s in door.children("replacement") if s.row["return_line_id"] == line.id and s.state != "released"]
    return found[-1] if found else None


def is_awaited(door: Door, line: Line) -> bool:
    """Whether a line has a replacement of which nobody knows yet for how many units it will be."""
    subject = replacement_of(door, line) if line.outcome == "exchange" else None
    return subject is not None and not subject.row["doc"].get("goods_secured")


def uncovered(door: Door, found: Books, line: Line) -> int | None:
    """What of the price of a line's replacement no accepted unit covers yet; None where it has none."""
    subject = replacement_of(door, line) if line.outcome == "exchange" else None
    if subject is None:
        return None
    covered = line.doc.get("exchange_credit", 0)
    for refund in found.decided:
        if refund.return_id == the_case(door).id:
            covered += sum(c.gross for c in refund.components if c.cause == "exchange" and _is_of(line, c))
    return max(0, int(subject.row["unit_value"] - covered))


def _is_of(line: Line, component: Component) -> bool:
    return component.order_line_id == line.order_line_id and bool(units.intersect(component.units, line.units))


def count(door: Door, ask: Ask, settlement: Settlement) -> None:
    """What of each replacement that was settled no unit covers is due from the customer."""
    for line, _, due in _swapped(door, ask, settlement):
        subject = replacement_of(door, line)
        if subject is not None:
            subject.set(due_from_customer=due)


def count_quietly(door: Door, ask: Ask, settlement: Settlement) -> None:
    """Remember what units cover that no refund tells of, because nothing of them goes back."""
    for line, price, due in _swapped(door, ask, settlement):
        remember(line, exchange_credit=line.doc.get("exchange_credit", 0) + price - due)


def _swapped(door: Door, ask: Ask, settlement: Settlement) -> Iterator[tuple[Line, int, int]]:
    for swap, due in zip(ask.swaps, settlement.dues, strict=True):
        for line in the_case(door).lines:
            mine = units.intersect(swap.units, ranges(line, "accepted_units"))
            if line.order_line_id == swap.order_line_id and mine:
                yield line, swap.price, due


def is_counted(door: Door, ask: Ask, settlement: Settlement) -> bool:
    """Whether what is due for each replacement that was settled is what no unit covers."""
    found = ((replacement_of(door, line), due) for line, _, due in _swapped(door, ask, settlement))
    return all(subject is None or subject.row["due_from_customer"] == due for subject, due in found)


def counted_in(door: Door, line: Line) -> list[Subject]:
    """The refunds that stand in which units of a line were counted towards its replacement."""
    return [s for s in door.children("refund") if s.state != "refused" and any(_counts(line, s.row["components"]))]


def undo(door: Door, line: Line) -> None:
    """What was counted towards a line's replacement is owed again: it will not come, or not at that price."""
    for refund in counted_in(door, line):
        found = refund.row["components"]
        counts = _counts(line, found)
        refund.set(components=[{**c, "cause": "undone"} if one else c for c, one in zip(found, counts, strict=True)])
    reopen(line)


def _counts(line: Line, components: Sequence[Mapping[str, Any]]) -> list[bool]:
    """Of each component whether it counts units of the line towards the replacement."""
    return [c.get("cause") == "exchange" and _is_of(line, msgspec.convert(c, Component)) for c in components]


# -- what the customer paid -------------------------------------------------------------------------------------------


def keep(subject: Subject, paid: dict[str, Any], amount: int) -> None:
    """Remember with a replacement what was paid for it; ``paid`` has the payment's id, tender, reference, provider."""
    doc = subject.row["doc"]
    payments = [*doc.get("payments", []), {**paid, "amount": amount}]
    subject.set(doc={**doc, "paid": doc.get("paid", 0) + amount, "payments": payments})


def into_order(door: Door, subject: Subject) -> Order:
    """The order with the replacement's payments among its own; not stored yet."""
    payments = subject.row["doc"].get("payments", [])
    return _booked(door, subject, [paid["amount"] for paid in payments])


def _booked(door: Door, subject: Subject, upto: Sequence[int], *, known: bool = False) -> Order:
    """The order with so much of each payment; ``known``: what says nothing else is among its payments already."""
    order = door.own_order().order
    payments = {payment.id: payment for payment in order.payments}
    kept = []
    for paid, amount in zip(subject.row["doc"].get("payments", []), upto, strict=True):
        booked = paid.get("booked", paid["amount"] if known else 0)
        before = payments.get(paid["id"])
        kept.append({**paid, "booked": max(booked, amount)})
        if amount > booked:
            payments[paid["id"]] = Payment(
                id=paid["id"],
                tender=paid["tender"],
                provider=paid["provider"],
                reference=paid["reference"],
                captured=amount - booked + (before.captured if before else 0),
                captured_at=door.now,
            )
    if kept:
        subject.set(doc={**subject.row["doc"], "payments": kept})
    return msgspec.structs.replace(order, payments=by_id(order.payments, payments.values()))


def store(door: Door, order: Order, priced: Priced) -> None:
    """Write the order that a replacement has changed."""
    view = door.own_order()
    text, frozen = msgspec.json.encode(order).decode(), msgspec.json.encode(priced).decode()
    door.work.conn.execute(
        sa.update(_orders)
        .where(_orders.c.id == view.row["id"])
        .values(doc=text, frozen=frozen, version=_orders.c.version + 1)
    )
    view.order, view.priced = order, priced
    view.row.update(doc=text, frozen=frozen, version=view.row["version"] + 1)


def owed_back(door: Door, held: Callable[[], Sequence[Held]]) -> Iterator[Settlement]:
    """What was paid beyond what is due, all of it for what will not come, and is in no refund that stands.

    It counts as given back from here on, and stands among the order's payments so that it can be. Where other refunds
    have taken from those payments meanwhile, the order's others have more left: ``held`` as for ``books.read``, asked
    for each replacement, so that what was proposed for the one before is among it.
    """
    for subject in door.children("replacement"):
        if subject.row["doc"].get("payments") and (found := _owed(door, subject, held)) is not None:
            yield found


def _owed(door: Door, subject: Subject, held: Callable[[], Sequence[Held]]) -> Settlement | None:
    payments = subject.row["doc"]["payments"]
    paid, back = sum(one["amount"] for one in payments), _given_back(door, subject)
    kept = 0 if subject.state == "released" else subject.row["due_from_customer"]
    total = max(0, paid - back - kept)
    if subject.row["doc"].get("paid") != paid - back - total:
        subject.set(doc={**subject.row["doc"], "paid": paid - back - total})
    if not total:
        return None
    before, after = _first(payments, back), _first(payments, back + total)
    order = _booked(door, subject, after, known=subject.state in ENDED)
    store(door, order, door.own_order().priced)
    wanted = {one["id"]: end - start for one, start, end in zip(payments, before, after, strict=True)}
    parts, over = _within_left(books.read(door.work, door.own_order(), held=held()).tenders, wanted, mode=_mode(door))
    component = Component(kind="paid_fee", net=total, tax=0, gross=total, why=WHY, ref=subject.id)
    transfers = transfers_for(parts, {})
    flags = ["needs_payout"] if any(transfer.payment_id is None for transfer in transfers) else []
    flags += ["short"] if over else []
    return Settlement(components=(component,), total=total, owed=total, transfers=transfers, flags=tuple(flags))


def _mode(door: Door) -> Mode:
    return door.policy.refunds.tenders


def _within_left(
    tenders: Sequence[TenderState], wanted: Mapping[str, int], *, mode: Mode
) -> tuple[list[tuple[TenderState, int]], int]:
    """These amounts to the payments they came by, and to others what those have not left any more; what none has left.

    That is asked of the payments all the same: it is owed, and waits for a person.
    """
    parts = {one.payment_id: min(one.left, wanted.get(one.payment_id, 0)) for one in tenders}
    over = sum(wanted.values()) - sum(parts.values())
    rest = [msgspec.structs.replace(one, committed=one.committed + parts[one.payment_id]) for one in tenders]
    for one, amount in allocate(min(over, sum(one.left for one in rest)), rest, mode):
        parts[one.payment_id] += amount
        over -= amount
    if over:
        parts[next(payment_id for payment_id, amount in wanted.items() if amount)] += over
    return [(one, parts[one.payment_id]) for one in tenders if parts[one.payment_id]], over


def _given_back(door: Door, subject: Subject) -> int:
    standing = (refund for refund in door.children("refund") if refund.state != "refused")
    return sum(c["gross"] for refund in standing for c in refund.row["components"] if c.get("ref") == subject.id)


def _first(payments: Sequence[Mapping[str, Any]], total: int) -> list[int]:
    """How much of each payment goes back where so much does in all: the first one goes first."""
    found = []
    for paid in payments:
        found.append(min(paid["amount"], total))
        total -= found[-1]
    return found
