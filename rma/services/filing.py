"""Quotes and filings: what a customer asks, what policy and law answer, and the case that comes of it."""

from __future__ import annotations

import secrets
from datetime import date, datetime, time
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from rma.db import hot
from rma.db.session import Work
from rma.domain import calendar, claims, units
from rma.domain.decision import Decision, LineDecision
from rma.domain.events import Personal
from rma.domain.ids import rma_number
from rma.domain.mailboxes import search_form
from rma.domain.messages import is_address
from rma.domain.policy import Policy
from rma.domain.texts import is_blank
from rma.errors import FieldError, Forbidden, Invalid
from rma.services import accounts, assess, books, cases_view, freight, links, naming, settling
from rma.services.accounts import PayoutIn
from rma.services.assess import OrderView
from rma.services.caller import Caller
from rma.services.case import Case, Line, lock_of_order, lock_order_of, read_order_row, store_now
from rma.services.catalog import StoreInfo
from rma.services.context import Services
from rma.services.inputs import Code, Instant, Prose, Word, happened
from rma.services.line_effects import the_case, the_root
from rma.services.transition import Door

MAX_LINES = 500


class ConditionIn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The condition that the customer tells."""

    opened: bool = False
    used: bool = False
    installed: bool = False


class ReplacementIn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What shall come instead. ``unit_price`` only with ``returns:override``, for a sku not in the catalogue."""

    sku: Word
    quantity: int | None = None
    unit_price: dict[str, str] | None = None


class LineIn(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One line of a request; ``kind`` falls back to the return's."""

    order_line_id: Word
    quantity: int
    kind: claims.Kind | None = None
    reason: Code | None = None
    note: Prose | None = None
    condition: ConditionIn | None = None
    noticed_at: Instant | None = None
    damage: Literal["visible", "hidden"] | None = None
    outcome: claims.Outcome | None = None
    replacement: ReplacementIn | None = None


class ContactIn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How to reach the customer about this return, where it differs from the order."""

    email: Word | None = None
    phone: Word | None = None


class AddressIn(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """Where the goods are, where that is not where the order went."""

    line1: Word
    city: Word
    name: Word | None = None
    line2: Word | None = None
    postcode: Word | None = None
    country: Annotated[str, Meta(pattern=r"^[A-Z]{2}$(?!\n)")] | None = None
    phone: Word | None = None


class PickupIn(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """When the carrier may come, and what it should know."""

    date: date
    from_time: time | None = None
    to_time: time | None = None
    note: Prose | None = None


class OverrideIn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Why a person of the store lets it through."""

    reason: str


class FileReturn(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A return as it is asked for; the same body asks for a quote."""

    order_number: Word
    lines: list[LineIn]
    kind: claims.Kind = "withdrawal"
    method: claims.Method | None = None
    from_address: AddressIn | None = None
    pickup: PickupIn | None = None
    advance: bool = False
    payout: PayoutIn | None = None
    contact: ContactIn | None = None
    override: OverrideIn | None = None


def quote(work: Work, services: Services, caller: Caller, data: FileReturn, *, locale: str) -> dict[str, Any]:
    """What would be decided and paid, without writing anything."""
    store = services.catalog.store(work, caller.store_id)
    row = read_order_row(work, store.id, data.order_number)
    now = store_now(work, row["clock_offset"])
    view = assess.view_order(work, store, row)
    request = read_request(data, caller, now, timezone=view.timezone)
    decision, policy = assess.judge(work, services.catalog, store, view, request, now=now)
    data = _parted(data, decision)
    plan = settling.plan_quote(work, store, view, policy, decision, data, caller, noticed=now)
    return cases_view.quote(view, policy, decision, plan, store=store, now=now, locale=locale)


def file(
    work: Work,
    services: Services,
    caller: Caller,
    data: FileReturn,
    *,
    locale: str,
    noticed_at: datetime | None = None,
) -> dict[str, Any]:
    """File a return: judged, its units reserved, its first deadlines set, in one transaction under the order's lock.

    ``noticed_at``: when the notice was given, where that was earlier than now. It counts for every right.
    """
    store = services.catalog.store(work, caller.store_id)
    name = naming.named(store.id, "order_number", data.order_number)
    policy = services.catalog.policy(work, store.id, services.catalog.current_policy(work, store.id, work.real_now))
    held = (*assess.reads(name), *books.reads(name), *assess.earlier_reads(name, policy))
    hot.ahead(work, lock_of_order(name), *held)
    row = lock_order_of(work, name)
    now = store_now(work, row["clock_offset"])
    view = assess.view_order(work, store, row, name)
    request = read_request(data, caller, now, timezone=view.timezone, noticed_at=noticed_at)
    decision, policy = assess.judge(work, services.catalog, store, view, request, now=now)
    if errors := [*decision.errors, *_own_return(policy, decision, data)]:
        raise Invalid("This return cannot be filed as it stands.", errors=errors)
    data = _parted(data, decision)
    plan = settling.plan_quote(work, store, view, policy, decision, data, caller, noticed=noticed_at or now)
    case = _new_case(work, services, store, view, policy, decision, data, caller=caller, now=now)
    if noticed_at is not None:
        case.facts(noticed_at=noticed_at.isoformat())
    if "needs_payout" in plan.settlement.flags:
        case.facts(needs_payout=True)
    settling.freeze_values(work, view, policy.version)
    door = Door(work, services, store=store, now=now, actor=caller.actor, case=case, order=row, person=caller.person)
    door.order = view
    _requested(door, caller, data, decision)
    settling.open_replacements(door, plan)
    door.fire(the_root(door), "assess", role="system", fields={})
    door.close()
    token = links.keep(work, store.id, case.id, links.first(services.settings.secret, case.id))
    return cases_view.filed(door, view, policy, decision, plan, token=token, locale=locale, roles=caller.roles)


def read_request(
    data: FileReturn, caller: Caller, now: datetime, *, timezone: str, noticed_at: datetime | None = None
) -> claims.Request:
    """The request as the decision reads it. ``Invalid`` names every field that cannot be right."""
    errors = [error for i, line in enumerate(data.lines) for error in _line_errors(i, line, now)]
    if not data.lines:
        errors.append(FieldError("lines", "required", "A return has at least one line."))
    if len(data.lines) > MAX_LINES:
        errors.append(FieldError("lines", "too_many", f"A return has at most {MAX_LINES} lines."))
    if data.contact is not None and data.contact.email is not None and not is_address(data.contact.email):
        errors.append(FieldError("contact.email", "email", "This is no e-mail address."))
    errors += accounts.faults(data.payout)
    if data.override is not None and is_blank(data.override.reason):
        errors.append(FieldError("override.reason", "required", "An override needs a reason."))
    if errors:
        raise Invalid("The request cannot be right.", errors=errors)
    if data.override is not None and not caller.may("returns:override"):
        raise Forbidden("An override needs the scope returns:override.")
    override = claims.Override(person=caller.actor, reason=data.override.reason) if data.override else None
    lines = tuple(_line_request(line, data.kind, timezone) for line in data.lines)
    return claims.Request(lines=lines, filed_at=noticed_at or now, method=data.method, override=override)


def _parted(data: FileReturn, decision: Decision) -> FileReturn:
    """The same with a line for each that was decided."""
    parts = zip(decision.asked, decision.lines, strict=True)
    lines = [msgspec.structs.replace(data.lines[i], quantity=line.quantity) for i, line in parts]
    return msgspec.structs.replace(data, lines=lines)


def _own_return(policy: Policy, decision: Decision, data: FileReturn) -> list[FieldError]:
    """Lines that the return's machine cannot carry: the policy gives their kind another one."""
    machine = policy.returns.machine(data.kind)
    return [
        FieldError(f"lines[{i}].kind", "needs_own_return", f"{line.kind} needs a return of its own.")
        for i, line in zip(decision.asked, decision.lines, strict=True)
        if policy.returns.machine(line.kind) != machine
    ]


def _line_errors(i: int, line: LineIn, now: datetime) -> list[FieldError]:
    errors = []
    if line.noticed_at is not None:
        errors += happened(f"lines[{i}].noticed_at", line.noticed_at, now)
    if line.outcome == "exchange" and line.replacement is None:
        errors.append(FieldError(f"lines[{i}].replacement", "required", "An exchange names what shall come instead."))
    if line.replacement is not None and line.replacement.quantity is not None and line.replacement.quantity < 1:
        errors.append(FieldError(f"lines[{i}].replacement.quantity", "not_positive", "At least 1."))
    return errors


def _line_request(line: LineIn, kind: claims.Kind, timezone: str) -> claims.LineRequest:
    condition = line.condition or ConditionIn()
    return claims.LineRequest(
        order_line_id=line.order_line_id,
        quantity=line.quantity,
        kind=line.kind or kind,
        reason=line.reason,
        opened=condition.opened,
        used=condition.used,
        installed=condition.installed,
        noticed_on=calendar.local_date(line.noticed_at, timezone) if line.noticed_at else None,
        damage=line.damage,
        outcome=line.outcome,
    )


def _new_case(
    work: Work,
    services: Services,
    store: StoreInfo,
    view: OrderView,
    policy: Policy,
    decision: Decision,
    data: FileReturn,
    *,
    caller: Caller,
    now: datetime,
) -> Case:
    kind = data.kind
    definition = services.catalog.current_definition(work, store.id, policy.returns.machine(kind))
    contact: dict[str, Any] = {
        "email": data.contact.email if data.contact else None,
        "phone": data.contact.phone if data.contact else None,
    }
    contact |= {"from_address": msgspec.to_builtins(data.from_address), "payout": accounts.kept(data.payout)}
    email = contact["email"] or (view.person.email if view.person else None)
    row: dict[str, Any] = {
        "id": work.new_id("ret"),
        "store_id": store.id,
        "order_id": view.row["id"],
        "order_number": view.order.number,
        "rma_number": rma_number(secrets.token_bytes(8)),
        "kind": kind,
        "state": definition.initial,
        "waits_for": definition.states[definition.initial].waits_for,
        "workflow": definition.name,
        "workflow_version": definition.version,
        "policy_version": policy.version,
        "law": view.law.reference,
        "currency": view.order.currency,
        "method": data.method,
        "statutory": decision.statutory,
        "customer_ref": view.row["customer_ref"],
        "email": search_form(email) if email else None,
        "contact": msgspec.json.encode(contact).decode(),
        "facts": _remembered(view, decision, data, caller),
        "quote": msgspec.json.encode(decision).decode(),
        "open_children": 0,
        "version": 1,
        "head": "",
        "events_n": 0,
        "created_at": now,
        "updated_at": now,
    }
    lines = []
    taken: dict[str, units.Ranges] = {}
    for i, (asked, line) in enumerate(zip(data.lines, decision.lines, strict=True)):
        lines.append(_new_line(work, view, row, i, asked, line, taken))
    return Case(row=row, lines=lines, children=[], clock_offset=0.0, new=True)


def _remembered(view: OrderView, decision: Decision, data: FileReturn, caller: Caller) -> dict[str, Any]:
    """What later steps ask. Who files on a customer's behalf, overrides or names a price approves no money of it."""
    priced = any(line.replacement is not None and line.replacement.unit_price is not None for line in data.lines)
    fixed = data.override is not None or caller.person is not None or priced
    return {
        "assessment": decision.assessment,
        "withdrawal": any(line.kind == "withdrawal" and line.decision != "refused" for line in decision.lines),
        "timezone": view.timezone,
        "country": view.country,
        "region": view.region,
        "advance": data.advance,
        "pickup": msgspec.to_builtins(data.pickup),
        "locale": view.order.locale,
        "override": data.override is not None,
        "fixers": [caller.actor] if fixed else [],
    }


def _new_line(
    work: Work,
    view: OrderView,
    row: dict[str, Any],
    i: int,
    asked: LineIn,
    line: LineDecision,
    taken: dict[str, units.Ranges],
) -> Line:
    refused = line.decision == "refused"
    free = units.subtract(view.free(asked.order_line_id), taken.get(asked.order_line_id, ()))
    chosen: units.Ranges = () if refused else units.take(free, asked.quantity)
    taken[asked.order_line_id] = units.union(taken.get(asked.order_line_id, ()), chosen)
    order_line = view.order.line(asked.order_line_id)
    doc = {
        "name": order_line.name if order_line else "",
        "decision": line.decision,
        "filed_kind": line.filed_kind,
        "goods_come_back": line.goods_come_back,
        "undelivered": not line.delivered,
        "service": order_line is not None and order_line.is_service,
        "damage": asked.damage,
        "noticed_at": asked.noticed_at,
        "condition": msgspec.to_builtins(asked.condition) if asked.condition else None,
        "replacement": msgspec.to_builtins(asked.replacement) if asked.replacement else None,
        "customer_pays": freight.customer_pays(line.methods),
        "restocking_percent": line.restocking_percent,
        "methods": [way.name for way in line.methods],
        "outcomes": list(line.outcomes),
        "outcomes_if_failed": list(line.if_failed),
    }
    return Line(
        {
            "id": work.new_id("rln"),
            "store_id": row["store_id"],
            "return_id": row["id"],
            "order_id": row["order_id"],
            "order_line_id": asked.order_line_id,
            "position": i,
            "sku": order_line.sku if order_line else "",
            "kind": line.kind,
            "basis": line.basis,
            "reason": asked.reason,
            "outcome": line.outcome,
            "note": asked.note,
            "requested": asked.quantity,
            "expected": asked.quantity if line.goods_come_back and not refused else 0,
            "received": 0,
            "missing": 0,
            "accepted": 0,
            "rejected": 0,
            "settled": 0,
            "units": chosen,
            "reserved": (),
            "consumed": (),
            "doc": msgspec.to_builtins(doc),
        }
    )


def _requested(door: Door, caller: Caller, data: FileReturn, decision: Decision) -> None:
    case = the_case(door)
    definition = the_root(door).definition
    told: dict[str, Any] = {
        "to": definition.initial,
        "order": case.row["order_number"],
        "rma_number": case.row["rma_number"],
        "by": sorted(caller.roles),
        "lines": [_told_line(line) for line in case.lines],
        "policy_version": decision.policy_version,
        "law": decision.law,
        "assessment": decision.assessment,
    }
    if data.override is not None:
        told["override"] = {"by": caller.actor, "reason": Personal(data.override.reason)}
    door.say(definition.event, told)


def _told_line(line: Line) -> dict[str, Any]:
    told = {"id": line.id, "order_line_id": line.order_line_id, "quantity": line.requested, "kind": line.kind}
    told |= {"outcome": line.outcome, "units": [list(r) for r in line.units], "reason": line.reason}
    return {**told, "note": Personal(line.note)} if line.note else told
