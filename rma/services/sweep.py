"""Business time passing: due deadlines warn or fire, one at a time in due order, each exactly once.

One that fails waits (``deadlines.put_off``) while the others go on: its due date stays, and it is tried until it works.
"""

from __future__ import annotations

import logging
import time
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import sqlalchemy as sa

from rma.db import hot, tables
from rma.db.session import Work, now
from rma.domain.vocabulary import NONE
from rma.errors import Busy, Invalid, Refused, Unavailable
from rma.services import background, counts, deadlines, logs, naming, refund_dues, refunds
from rma.services import case as cases
from rma.services.context import Services
from rma.services.line_effects import the_root
from rma.services.transition import Door, Subject

BATCH = 200
_log = logging.getLogger(__name__)
_stores = tables.table(tables.Store)


def sweep(services: Services) -> int:
    """Fire what is due by real time in every store whose clock was never moved; how many did something."""
    at = now()
    with services.database.read() as work:
        rows = deadlines.due(work, store_id=None, at=at, limit=BATCH)
        moved = work.conn.execute(
            sa.select(_stores.c.id, _stores.c.clock_offset).where(_stores.c.clock_offset != 0)
        ).all()
    done = sum(_fire(services, row, until=at) for row in rows)
    return done + sum(sweep_store(services, s.id, at + timedelta(seconds=s.clock_offset), at_due=False) for s in moved)


def sweep_store(services: Services, store_id: str, until: datetime, *, at_due: bool) -> int:
    """Fire what comes due in one store by ``until`` of its own time, in due order; ``at_due``: at its own due instant.

    What cannot be done, nor be put off since somebody else has it, is left to the next sweep.
    """
    fired, left = 0, set[tuple[str, datetime]]()
    while True:
        with services.database.read() as work:
            found = deadlines.due(work, store_id=store_id, at=until, limit=len(left) + (1 if at_due else BATCH))
        rows = [row for row in found if (row.id, row.next_at) not in left]
        if not rows:
            return fired
        for row in rows:
            done = _fire(services, row, until=until, at=row.next_at if at_due else None)
            fired += done
            left |= set() if done else {(row.id, row.next_at)}


def _fire(services: Services, row: Any, *, until: datetime, at: datetime | None = None) -> int:
    """Deal with one deadline. What goes wrong with it is logged and counted, and it waits: it holds up no other one.

    Where it cannot even be put off, nothing can be written now, and that is raised.
    """
    with logs.about():
        try:
            return int(services.database.retrying(lambda work: _fire_one(work, services, row, at=at)))
        except Exception as error:  # noqa: BLE001 - one deadline never stops the others, and it is logged
            own = not isinstance(error, Busy | Unavailable)
            put_off = partial(deadlines.put_off, row=row, until=until, own_fault=own)
            again = services.database.retrying(put_off)
            counts.count("deadlines", row.name, "failed")
            logs.note(return_id=row.return_id)
            _log.exception("deadline %s (%s) failed; it is looked at again at %s", row.id, row.name, again)
            return 0


def _fire_one(work: Work, services: Services, row: Any, *, at: datetime | None) -> bool:
    """Locks order → return → deadline. False where another process was faster or the case has moved on."""
    door, subject = _open(work, services, row, at=at)
    current = deadlines.locked(work, row.id)
    if current is None or current.next_at != row.next_at:
        return False
    if deadlines.advance(work, current) == "warn":
        if refund_dues.warned(door, row.name):
            door.say("deadline.warned", _told(row))
    else:
        work.after_commit.append(counts.later("deadlines", row.name, _end(door, subject, row)))
    if door.drafts:
        door.close()
    return True


def _told(row: Any) -> dict[str, Any]:
    return {"deadline": row.name, "subject": row.subject_id, "due_at": row.due_at, "waits_for": row.waits_for}


def _end(door: Door, subject: Subject, row: Any) -> str:
    """The time is over: what became of it. ``missed`` is what was told as such, ``obsolete`` what concerns nobody."""
    if row.fire != NONE and _triggered(door, subject, row):
        return "fired"
    if row.fire == NONE and not refund_dues.missed(door, row.name):
        return "obsolete"
    door.say("deadline.missed", _told(row))
    return "missed"


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


def _triggered(door: Door, subject: Subject, row: Any) -> bool:
    """Fire what the deadline fires; whether the state and the rules let it."""
    if row.name == "ship_back" and door.case is not None:
        door.case.facts(send_back_over=True)
    try:
        door.fire(subject, row.fire, role="system", data=_told(row))
    except (Refused, Invalid):
        return False
    return True


def settle_store(services: Services, store_id: str, wait: float) -> int:
    """Let feed, subscribers, messages and durable acts of a store catch up, for so many seconds; how many are left."""
    end = time.monotonic() + wait
    while True:
        sealed = background.catch_up(services, store_id)
        left = services.effects.pending(store_id)
        if (left == 0 and sealed == 0) or time.monotonic() >= end:
            return left
        time.sleep(0.03)
