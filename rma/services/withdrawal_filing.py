"""From a declared withdrawal to a return: which order it means, and which of its units are filed."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec
import sqlalchemy as sa

from rma.db import tables
from rma.db.session import Work
from rma.domain import decision, withdrawals
from rma.domain.order import Line
from rma.domain.withdrawals import Declaration, Left, Room, Units
from rma.errors import Invalid, Refused
from rma.services import assess, filing
from rma.services.caller import Caller
from rma.services.case import lock_order, store_now
from rma.services.context import Services
from rma.services.filing import FileReturn, LineIn

_orders = tables.table(tables.Order)
NOTHING_LEFT = "nothing_left"


class Filed(msgspec.Struct, frozen=True, kw_only=True):
    """What became of it. ``why`` says with a code why there is no return; ``left`` is what was not filed."""

    order_id: str
    order_number: str
    return_id: str | None
    left: tuple[Left, ...] = ()
    why: str | None = None


def find_order(work: Work, store_id: str, number: str) -> Any | None:
    """The order with this number, as it was typed or without the sign before it; None if there is none."""
    spelled = (number, number.lstrip("#").strip(), number.upper())
    found = work.conn.execute(
        sa.select(_orders.c.id, _orders.c.number, _orders.c.email).where(
            _orders.c.store_id == store_id, _orders.c.number.in_(dict.fromkeys(spelled))
        )
    ).all()
    return min(found, key=lambda row: spelled.index(row.number), default=None)


def file(
    work: Work, services: Services, caller: Caller, declared: Declaration, *, order: Any, at: datetime, locale: str
) -> Filed:
    """File everything that can be withdrawn, or the lines that were named, as of the instant of the declaration.

    What goes wrong with the filing undoes the filing alone: the declaration stands, and a person sees the code.
    """
    seen = Filed(order_id=order.id, order_number=order.number, return_id=None)
    units, left = withdrawals.plan(declared, _rooms(work, services, caller, order.number, at=at))
    if not units:
        return msgspec.structs.replace(seen, left=left, why=NOTHING_LEFT)
    work.flush()
    callbacks = len(work.after_commit)
    savepoint = work.conn.begin_nested()
    try:
        asked = _asked(order.number, units)
        made = filing.file(work, services, caller, asked, locale=locale, noticed_at=at)
        work.flush()
    except (Invalid, Refused) as refusal:
        work.flush()  # nothing of it may be held back and written later
        savepoint.rollback()
        del work.after_commit[callbacks:]
        return msgspec.structs.replace(seen, left=left, why=refusal.code)
    except BaseException:
        savepoint.rollback()
        raise
    savepoint.commit()
    return msgspec.structs.replace(seen, left=left, return_id=made["id"])


def _asked(number: str, units: tuple[Units, ...]) -> FileReturn:
    """No way back is chosen and no label goes out: the customer chooses on the page of the return."""
    lines = [LineIn(order_line_id=one.order_line_id, quantity=one.quantity) for one in units]
    return FileReturn(order_number=number, lines=lines, kind="withdrawal")


def _rooms(work: Work, services: Services, caller: Caller, number: str, *, at: datetime) -> list[Room]:
    """Every line of the order as a withdrawal declared at that instant finds it. Locks the order."""
    store = services.catalog.store(work, caller.store_id)
    row = lock_order(work, store.id, number)
    now = store_now(work, row["clock_offset"])
    view = assess.view_order(work, store, row)
    policy = services.catalog.policy(
        work, store.id, assess.policy_version(work, services.catalog, store, view.row, now)
    )
    facts = assess.order_facts(work, store, view, policy, now=now)
    ids = [line.id for line in view.order.lines]
    found = decision.options_of_lines(policy, view.law, facts, ids, at=at, kinds=("withdrawal",))
    return [_room(line, found[line.id][0]) for line in view.order.lines]


def _room(line: Line, judged: decision.LineDecision) -> Room:
    refused = judged.reasons if judged.decision == "refused" else ()
    return Room(order_line_id=line.id, sku=line.sku, name=line.name or "", most=judged.quantity, refused=refused)
