"""Business time passing: due deadlines warn or fire, one at a time in due order, each exactly once."""

from __future__ import annotations

import time
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from rma.db import hot, tables
from rma.db.session import Work, now
from rma.domain.vocabulary import NONE
from rma.errors import Invalid, Refused
from rma.services import background, counts, deadlines, naming, refund_dues, refunds
from rma.services import case as cases
from rma.services.context import Services
from rma.services.line_effects import the_root
from rma.services.transition import Door, Subject

BATCH = 200
_stores = tables.table(tables.Store)


def sweep(services: Services) -> int:
    """Fire what is due by real time in every store whose clock was never moved; how many did something."""
    with services.database.read() as work:
        rows = deadlines.due(work, store_id=None, at=now(), limit=BATCH)
        moved = work.conn.execute(
            sa.select(_stores.c.id, _stores.c.clock_offset).where(_stores.c.clock_offset != 0)
        ).all()
    done = sum(_fire(services, row, at=None) for row in rows)
    return done + sum(
        sweep_store(services, s.id, now() + timedelta(seconds=s.clock_offset), at_due=False) for s in moved
    )


def sweep_store(services: Services, store_id: str, until: datetime, *, at_due: bool) -> int:
    """Fire what is due in one store by ``until`` of its own time, in due order; ``at_due``: at its own due instant."""
    fired = 0
    while True:
        with services.database.read() as work:
            rows = deadlines.due(work, store_id=store_id, at=until, limit=1 if at_due else BATCH)
        if not rows:
            return fired
        fired += sum(_fire(services, row, at=row.next_at if at_due else None) for row in rows)


def _fire(services: Services, row: Any, *, at: datetime | None) -> int:
    return int(services.database.retrying(lambda work: _fire_one(work, services, row, at=at)))


def _fire_one(work: Work, services: Services, row: Any, *, at: datetime | None) -> bool:
    """Locks order → return → deadline. False where another process was faster or the case has moved on."""
    door, subject = _open(work, services, row, at=at)
    current = deadlines.locked(work, row.id)
    if current is None or current.next_at != row.next_at:
        return False
    what = deadlines.advance(work, current)
    if what == "fire":
        work.after_commit.append(counts.later("deadlines", row.name, "missed" if row.fire == NONE else "fired"))
    told = {"deadline": row.name, "subject": row.subject_id, "due_at": row.due_at, "waits_for": row.waits_for}
    if what == "warn" and refund_dues.warned(door, row.name):
        door.say("deadline.warned", told)
    elif what == "fire" and row.fire != NONE:
        _trigger(door, subject, row, told)
    elif what == "fire" and refund_dues.missed(door, row.name):
        door.say("deadline.missed", told)
    if door.drafts:
        door.close()
    return True


def _open(work: Work, services: Services, row: Any, *, at: datetime | None) -> tuple[Door, Subject]:
    kind = {"ref": "refund", "par": "parcel", "rep": "replacement"}.get(row.subject_id.partition("_")[0], "return")
    if row.return_id is None:
        door, subject = refunds.open_door(work, services, row.store_id, row.subject_id, actor="system")
    else:
        store = services.catalog.store(work, row.store_id)
        name = naming.named(row.store_id, "id", row.return_id)
        hot.ahead(work, *cases.reads(name, order=True))
        order = cases.lock_order_of(work, name)
        case = cases.load(work, name)
        door = Door(
            work,
            services,
            store=store,
            now=cases.store_now(work, case.clock_offset),
            actor="system",
            case=case,
            order=order,
        )
        subject = door.child(kind, row.subject_id) if kind != "return" else the_root(door)
    if at is not None:
        door.now = at
    return door, subject


def _trigger(door: Door, subject: Subject, row: Any, told: dict[str, Any]) -> None:
    if row.name == "ship_back" and door.case is not None:
        door.case.facts(send_back_over=True)
    try:
        door.fire(subject, row.fire, role="system", data=told)
    except (Refused, Invalid):
        door.say("deadline.missed", told)


def settle_store(services: Services, store_id: str, wait: float) -> int:
    """Let feed, subscribers, messages and durable acts of a store catch up, for so many seconds; how many are left."""
    end = time.monotonic() + wait
    while True:
        sealed = background.catch_up(services, store_id)
        left = services.effects.pending(store_id)
        if (left == 0 and sealed == 0) or time.monotonic() >= end:
            return left
        time.sleep(0.03)
