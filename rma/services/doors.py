"""Opening the door for a caller: which locks are taken, in which order, and on whose behalf."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from rma.db import tables
from rma.db.session import Work
from rma.domain import engine
from rma.domain.engine import Step
from rma.errors import NotFound, Refused, Stale
from rma.services import case as cases
from rma.services import children, gather
from rma.services.caller import Caller
from rma.services.case import store_now
from rma.services.context import Services
from rma.services.transition import Door, Subject

_returns = tables.table(tables.Return)


def open_case(
    work: Work,
    services: Services,
    caller: Caller,
    return_id: str,
    *,
    order: bool = False,
    lock: bool = True,
    if_match: int | None = None,
) -> Door:
    """A door on a return: locks order → return where ``order`` (or an earlier run) says so, else the return alone.

    A link opens its own return only; everything else is ``NotFound``. ``Stale`` if the caller read another version.
    """
    store = services.catalog.store(work, caller.store_id)
    order_row = cases.lock_order_of(work, store.id, return_id) if lock and (order or work.wide) else None
    case = cases.load(work, store.id, return_id, lock=lock)
    if caller.link_return_id is not None and caller.link_return_id != case.id:
        raise NotFound("There is no such return.")
    if if_match is not None and if_match != case.row["version"]:
        raise Stale("The return changed since it was read; read it again.")
    now = store_now(work, case.clock_offset)
    return Door(
        work, services, store=store, now=now, actor=caller.actor, case=case, order=order_row, person=caller.person
    )


def open_child(
    work: Work, services: Services, caller: Caller, kind: str, child_id: str, *, order: bool = False, lock: bool = True
) -> tuple[Door, Subject]:
    """A door on the return of a child, and that child."""
    table = children.TABLES[kind]
    found = work.conn.execute(
        sa.select(table.c.return_id).where(table.c.store_id == caller.store_id, table.c.id == child_id)
    ).scalar()
    if found is None:
        raise NotFound(f"There is no such {kind}.")
    door = open_case(work, services, caller, found, order=order, lock=lock)
    return door, door.child(kind, child_id)


def act(
    door: Door,
    subject: Subject,
    trigger: str,
    caller: Caller,
    *,
    data: dict[str, Any] | None = None,
    fields: dict[str, Any] | None = None,
    language: str = "en",
) -> Step:
    """Fire a trigger in the role of the caller that may do it; else the refusal names what would be allowed."""
    roles = sorted(caller.roles)
    if not roles:
        raise Refused("This key acts in no role.", code="wrong_role")
    facts, state = gather.facts(door, subject), subject.state
    able = [r for r in roles if trigger in engine.allowed(subject.definition, state, role=r, facts=facts)]
    named = engine.acting(subject.definition, state, trigger)
    role = (able or [r for r in roles if r in named] or roles)[0]
    try:
        return door.fire(subject, trigger, role=role, data=data, fields=fields, language=language)
    except Refused as refusal:
        allowed = {t for r in roles for t in engine.allowed(subject.definition, state, role=r, facts=facts)}
        allowed |= set(refusal.allowed)  # an effect that refuses names choices of its own
        raise Refused(refusal.detail, reasons=refusal.reasons, allowed=sorted(allowed), code=refusal.code) from None
