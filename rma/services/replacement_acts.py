"""Ordering a replacement from the store's fulfilment, once; out of stock comes back to the customer as a choice."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec
import sqlalchemy as sa

from rma.db import tables
from rma.db.session import Work
from rma.domain.ports import Address, ReplacementAnswer, ReplacementOrder
from rma.services import assess, doors, effects, logs
from rma.services.caller import Caller
from rma.services.context import Services

PROVEN_AFTER = 60.0
"""Seconds after an order from when "never heard of it" proves that it never came."""
_replacements = tables.table(tables.Replacement)
_returns = tables.table(tables.Return)
_orders = tables.table(tables.Order)


class Ordering(msgspec.Struct, frozen=True):
    """What the call needs, read in the transaction that begins the attempt."""

    order: ReplacementOrder
    store_id: str
    replacement_id: str
    first: bool
    seen: datetime
    leaving: effects.Leaving


def place_order(services: Services, key: str) -> None:
    """Carry out one attempt, or find out what became of it."""
    ordering = services.effects.write(lambda work: _begin(work, key))
    if ordering is None:
        return
    answer = _order(services, ordering) if ordering.first else _ask(services, ordering)
    services.effects.write(lambda work: _record(work, services, ordering, key, answer))


def _order(services: Services, ordering: Ordering) -> ReplacementAnswer:
    fulfilment = services.ports.fulfilment
    if not fulfilment.idempotent and ordering.leaving.is_late(PROVEN_AFTER):
        return ReplacementAnswer(state="unknown", code="too_late")
    return fulfilment.order(ordering.order)


def _ask(services: Services, ordering: Ordering) -> ReplacementAnswer:
    fulfilment, key, leaving = services.ports.fulfilment, ordering.order.key, effects.leaving()
    answer = fulfilment.lookup(key)
    if answer is not None:
        return answer
    after = 0.0 if fulfilment.idempotent else PROVEN_AFTER
    proof: dict[str, Any] = {"after": after, "seen": ordering.seen, "asked": leaving}
    if not services.effects.write(lambda work: effects.may_send_again(work, key, **proof)):
        return ReplacementAnswer(state="unknown", code=effects.NOT_YET_KNOWN)
    return _order(services, msgspec.structs.replace(ordering, leaving=leaving))


def _begin(work: Work, key: str) -> Ordering | None:
    attempt, first = effects.begin(work, key)
    if attempt is None:
        return None
    row = work.conn.execute(
        sa.select(_replacements, _orders.c.number, _orders.c.person)
        .join(_returns, _returns.c.id == _replacements.c.return_id)
        .join(_orders, _orders.c.id == _returns.c.order_id)
        .where(_replacements.c.id == attempt.subject_id)
    ).first()
    if row is None:
        effects.finish(work, key, answer={"code": "gone"}, final=True)
        return None
    person = assess.read_person(row.person)
    order = ReplacementOrder(
        key=key, reference=row.id, order_number=row.number, lines=((row.sku, row.quantity),), ship_to=_address(person)
    )
    return Ordering(
        order=order,
        store_id=row.store_id,
        replacement_id=row.id,
        first=first,
        seen=attempt.seen,
        leaving=effects.leaving(),
    )


def _address(person: Any) -> Address:
    ship = person.ship_to if person is not None else None
    if ship is None:
        return Address(name=(person.name if person else "") or "-", line1="-", city="-", country="")
    return Address(
        name=ship.name or person.name or "-",
        line1=ship.line1 or "-",
        line2=ship.line2 or "",
        city=ship.city or "-",
        postcode=ship.postcode or "",
        country=ship.country or "",
    )


def _record(work: Work, services: Services, ordering: Ordering, key: str, answer: ReplacementAnswer) -> None:
    caller = Caller(store_id=ordering.store_id, store_slug="")
    door, subject = doors.open_child(work, services, caller, "replacement", ordering.replacement_id, order=True)
    if not effects.is_open(work, key):
        return
    subject.set(
        doc={**subject.row["doc"], "fulfilment": answer.reference, "answer": logs.word(answer.code) or answer.state}
    )
    if answer.state == "out_of_stock" and subject.state == "ordered":
        door.fire(subject, "out_of_stock", role="system", data={"missing": list(answer.missing)})
    door.close()
    final = answer.state in ("ordered", "out_of_stock", "failed")
    effects.finish(
        work,
        key,
        answer=msgspec.to_builtins(answer),
        final=final,
        error=answer.code,
        answered=answer.state != "unknown",
    )
