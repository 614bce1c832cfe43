"""Opening the door for a caller: which locks are taken, in which order, and on whose behalf."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rma.db import hot
from rma.db.session import Work
from rma.domain import engine
from rma.domain.engine import Step
from rma.domain.facts import Facts
from rma.errors import NotFound, Refused
from rma.services import assess, books, children, gather, naming
from rma.services import case as cases
from rma.services.caller import Caller
from rma.services.case import store_now
from rma.services.context import Services
from rma.services.transition import Door, Subject


def open_case(
    work: Work,
    services: Services,
    caller: Caller,
    return_id: str,
    *,
    order: bool = False,
    lock: bool = True,
    by: naming.By | None = None,
    more: Sequence[hot.Read] = (),
) -> Door:
    """A door on a return: locks order → return where ``order`` (or an earlier run) says so, else the return alone.

    A link opens its own return only; everything else is ``NotFound``. ``Stale`` if the caller read another version.
    ``by`` is what ``return_id`` names, unless it is an id or an RMA number. ``more`` is read ahead under the locks:
    what this act is going to ask for besides. With the order's lock, what the order holds and its books are.
    """
    order = lock and (order or work.wide)
    name = naming.of_path(caller.store_id, return_id) if by is None else naming.named(caller.store_id, by, return_id)
    held = [*assess.reads(name), *books.reads(name)] if order else []
    hot.ahead(work, *cases.reads(name, lock=lock, order=order), *more, *held)
    return open_named(work, services, caller, name, order=order, lock=lock)


def open_named(
    work: Work, services: Services, caller: Caller, name: naming.Name, *, order: bool = False, lock: bool = True
) -> Door:
    """As ``open_case``, for who has read ahead what this one asks for, by the same name."""
    store = services.catalog.store(work, caller.store_id)
    order_row = cases.lock_order_of(work, name) if order or (lock and work.wide) else None
    case = cases.load(work, name, lock=lock)
    if caller.link_return_id is not None and caller.link_return_id != case.id:
        raise NotFound("There is no such return.")
    work.check_version(case.row["version"])
    now = store_now(work, case.clock_offset)
    return Door(
        work, services, store=store, now=now, actor=caller.actor, case=case, order=order_row, person=caller.person
    )


def open_child(
    work: Work,
    services: Services,
    caller: Caller,
    kind: children.Kind,
    child_id: str,
    *,
    order: bool = False,
    lock: bool = True,
    of: str | None = None,
    more: Sequence[hot.Read] = (),
) -> tuple[Door, Subject]:
    """A door on the return of a child, and that child; ``NotFound`` where it is not ``of`` the return of that path.

    ``more`` as ``open_case`` takes it.
    """
    named = {"store": caller.store_id, "key": child_id}
    more = [(children.SELECT[kind], named), *more]
    expected, work.expected = work.expected, None
    try:
        door = open_case(work, services, caller, child_id, order=order, lock=lock, by=kind, more=more)
    except NotFound:
        raise NotFound(f"There is no such {kind}.") from None
    if of is not None and (door.case is None or not naming.is_of_path(door.case.row, of)):
        raise NotFound(f"There is no such {kind}.")
    child = door.child(kind, child_id)
    work.expected = expected
    work.check_version(child.row["version"])
    return door, child


def _unable(subject: Subject, trigger: str, roles: list[str]) -> str:
    """The role that is refused: one that may ever do this, else any."""
    named = engine.acting(subject.definition, subject.state, trigger)
    return next((role for role in roles if role in named), roles[0])


def act(
    door: Door,
    subject: Subject,
    trigger: str,
    caller: Caller,
    *,
    data: dict[str, Any] | None = None,
    fields: dict[str, Any] | None = None,
    facts: Facts | None = None,
    language: str | None = None,
) -> Step:
    """Fire a trigger in the role of the caller that may do it; else the refusal names what would be allowed.

    ``facts`` are given where they depend on what is done.
    """
    roles = sorted(caller.roles)
    if not roles:
        raise Refused("This key acts in no role.", code="wrong_role")
    facts, state = facts or gather.facts(door, subject), subject.state
    able = engine.able(subject.definition, state, trigger, roles=roles, facts=facts)
    role = able[0] if able else _unable(subject, trigger, roles)
    try:
        return door.fire(subject, trigger, role=role, data=data, fields=fields, facts=facts, language=language)
    except Refused as refusal:
        allowed = set(engine.allowed_to(subject.definition, state, roles=caller.roles, facts=facts))
        allowed |= set(refusal.allowed)  # an effect that refuses names choices of its own
        raise Refused(refusal.detail, reasons=refusal.reasons, allowed=sorted(allowed), code=refusal.code) from None
