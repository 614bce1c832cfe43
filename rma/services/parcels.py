"""Parcels: their labels and codes, what carriers say of them, and what a case learns from that."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Literal

import msgspec
import sqlalchemy as sa

from rma.db import hot, tables
from rma.db.session import Work
from rma.domain import calendar
from rma.domain.claims import Method
from rma.domain.events import Personal
from rma.domain.money import parse_money, wire
from rma.domain.vocabulary import PARCEL_TRIGGERS
from rma.errors import FieldError, Invalid, Reason, Refused
from rma.services import cases_view, doors, freight, refunds, sight
from rma.services.caller import Caller
from rma.services.case import Case
from rma.services.context import Services
from rma.services.deadlines import time_zone
from rma.services.inputs import Code, Grams, Instant, Word, happened
from rma.services.line_effects import refused, send_all_back, the_case
from rma.services.transition import Door, Subject, effect

LABELLED = frozenset({"drop_off_code", "printed_label", "pick_up"})
UNWAITED = frozenset({"declined", "cancelled", "expired", "closed", "settled", "awaiting_feedback"})
_events = tables.table(tables.ParcelEvent)
_HEARD = hot.Hot(
    sa.select(_events.c.status, _events.c.at, _events.c.carrier_status).where(
        _events.c.parcel_id == sa.bindparam("parcel"), _events.c.source_id == sa.bindparam("source")
    )
)
_HEAR = hot.insert(_events)
Status = Literal["label_ready", "handed_over", "in_transit", "delivered", "expired", "lost", "void"]


class ParcelLineIn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Units of a return line in this parcel."""

    line_id: Word
    quantity: int


class CostIn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the customer paid to send it, and the number of the receipt."""

    amount: dict[str, str]
    receipt: Code | None = None


class NewParcel(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A parcel on its way back, with a label or a code of ours or under a label of the customer's own."""

    direction: Literal["inbound"] = "inbound"
    method: Method
    carrier: Code | None = None
    lines: list[ParcelLineIn] | None = None
    weight_g: Grams | None = None
    tracking: Code | None = None
    handed_over_at: Instant | None = None
    cost: CostIn | None = None


class ParcelNews(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What a carrier says of a parcel. It may come late, twice or out of order."""

    status: Status
    at: Instant
    source_id: Code
    carrier_status: Word | None = None


def create(work: Work, services: Services, caller: Caller, return_id: str, data: NewParcel) -> dict[str, Any]:
    """Open an inbound parcel; its label or code is made by the carrier's durable act.

    What the customer paid for it is proposed back with the goods, or now where they are accepted already.
    """
    door = doors.open_case(work, services, caller, return_id, order=data.cost is not None)
    case = the_case(door)
    _check(door, data)
    currency = case.row["currency"]
    paid = parse_money(data.cost.amount, currency, path="cost.amount") if data.cost is not None else 0
    if case.state in UNWAITED:
        text = f"Nothing is awaited for a return that is {case.state}."
        raise Refused(text, code="not_awaited", reasons=[Reason(rule="state", code="not_awaited", text=text)])
    subject = open_parcel(
        door,
        direction="inbound",
        method=data.method,
        carrier=data.carrier,
        lines=_lines(data),
        extra={
            "tracking": data.tracking,
            "doc": {
                "weight_g": data.weight_g,
                "cost": data.cost and {"amount": wire(paid, currency), "receipt": data.cost.receipt},
            },
        },
    )
    if data.handed_over_at is not None:
        subject.set(handed_over_at=data.handed_over_at)
        doors.act(door, subject, "hand_over", caller, data={"happened_at": data.handed_over_at})
        _learn(door, subject, "handed_over", data.handed_over_at)
    if paid and data.method == freight.OWN:  # a label or a code is the store's: nobody paid for it
        named = subject.row["carrier"] in _named(door, case)
        freight.claim(case, parcel=subject.id, amount=paid, named=named, by=None if caller.is_link else caller.actor)
        refunds.propose_freight(door)
    door.close()
    return sight.of_parcel(cases_view.parcel(subject), caller)


def _lines(data: NewParcel) -> list[dict[str, Any]]:
    return [{"line_id": line.line_id, "quantity": line.quantity} for line in data.lines or []]


def _check(door: Door, data: NewParcel) -> None:
    case = the_case(door)
    errors = []
    offered = {m for line in case.lines for m in line.doc.get("methods", [])}
    if data.method == "none" or (offered and data.method not in offered):
        errors.append(FieldError("method", "not_offered", f"Offered here: {', '.join(sorted(offered - {'none'}))}."))
    if data.handed_over_at is not None:
        errors += happened("handed_over_at", data.handed_over_at, door.now)
    for i, line in enumerate(data.lines or []):
        found = case.line(line.line_id)
        if found is None:
            errors.append(FieldError(f"lines[{i}].line_id", "unknown", "The return has no such line."))
        elif not 1 <= line.quantity <= found.expected:
            message = f"From 1 to {found.expected} units are expected of this line."
            errors.append(FieldError(f"lines[{i}].quantity", "quantity", message))
    if data.cost is not None:
        errors += _cost_faults(data.cost, case.row["currency"])
    if errors:
        raise Invalid("The parcel cannot be right.", errors=errors)


def _cost_faults(cost: CostIn, currency: str) -> list[FieldError]:
    try:
        amount = parse_money(cost.amount, currency, path="cost.amount")
    except Invalid as fault:
        return list(fault.errors)
    return [] if amount >= 0 else [FieldError("cost.amount.amount", "negative", "Nobody is paid for sending a parcel.")]


def open_parcel(
    door: Door, *, direction: str, method: str, carrier: str | None, lines: list[dict[str, Any]], extra: dict[str, Any]
) -> Subject:
    """Add a parcel to the case; where a label or a code is ours to give, its durable act with it."""
    named = door.policy.returns.named_return_carriers
    labelled = method in LABELLED or direction == "outbound"
    row = {
        "id": door.work.new_id("par"),
        "store_id": door.store.id,
        "return_id": the_case(door).id,
        "direction": direction,
        "method": method,
        "carrier": carrier or (named[0] if named and labelled else None),
        "lines": lines,
        "doc": {},
        **extra,
    }
    typed = row["carrier"] is not None and not labelled and row["carrier"] not in named
    told = {
        "carrier": Personal(row["carrier"]) if typed else row["carrier"]
    }  # a name that is not ours may be anybody's
    subject = door.open_child("parcel", row, {"direction": direction, "method": method, **told})
    if labelled:
        door.enact(subject, "issue_label")
    return subject


def tell(work: Work, services: Services, caller: Caller, parcel_id: str, data: ParcelNews) -> dict[str, Any]:
    """Hear what a carrier says; a ``source_id`` that was heard changes nothing.

    ``Refused`` ``source_id_reused`` where it said something else before.
    """
    heard = {"parcel": parcel_id, "source": data.source_id}
    door, subject = doors.open_child(work, services, caller, "parcel", parcel_id, more=[(_HEARD, heard)])
    if (known := _HEARD.one(work, heard)) is not None:
        _check_heard(known, data)
        return sight.of_parcel(cases_view.parcel(subject), caller)
    if faults := happened("at", data.at, door.now):
        raise Invalid(faults[0].message, errors=faults)
    hear(door, subject, data, role="carrier")
    door.close()
    return sight.of_parcel(cases_view.parcel(subject), caller)


def _check_heard(known: Sequence[Any], data: ParcelNews) -> None:
    """``Refused`` for other news under the same name; words that were erased since may be any."""
    status, at, words = known
    if (status, at) != (data.status, data.at) or words not in (None, data.carrier_status):
        raise Refused("This source_id was used for other news of the parcel; take a new one.", code="source_id_reused")


def hear(door: Door, subject: Subject, data: ParcelNews, *, role: str) -> None:
    """Record the news, move the parcel where it moves, and let the case learn from it."""
    _HEAR.run(
        door.work,
        {
            "parcel_id": subject.id,
            "source_id": data.source_id,
            "status": data.status,
            "carrier_status": data.carrier_status,
            "at": data.at,
            "recorded_at": door.now,
        },
    )
    _learn(door, subject, data.status, data.at)
    words = data.carrier_status and Personal(data.carrier_status)  # carriers write here who took it, or let it lie
    told = {"happened_at": data.at, "source_id": data.source_id, "carrier_status": words}
    door.fire(subject, PARCEL_TRIGGERS[data.status], role=role, data=told)


def _learn(door: Door, subject: Subject, status: str, at: datetime) -> None:
    """Keep the earliest hand-over and arrival: the law's clocks start with them."""
    column = {"handed_over": "handed_over_at", "in_transit": "handed_over_at", "delivered": "delivered_at"}.get(status)
    if column is None:
        return
    known = subject.row[column]
    subject.set(**{column: at if known is None else min(known, at)})
    case = the_case(door)
    if subject.row["direction"] != "inbound":
        return
    day = calendar.local_date(subject.row[column], time_zone(door)).isoformat()
    name = "handed_over_on" if column == "handed_over_at" else "arrived_on"
    if case.fact(name) is None or day < case.fact(name):
        named = _named(door, case)
        carrier = "none_named" if not named else "named" if subject.row["carrier"] in named else "other"
        case.facts(**{name: day, "carrier_is": carrier})


def _named(door: Door, case: Case) -> frozenset[str]:
    """The carriers that the store named for any of the goods of this return, by the terms that each was filed under."""
    policy, going = door.policy, [line for line in case.lines if not refused(line)]
    terms = (policy.terms(line.reason, line.doc.get("filed_kind", line.kind)) for line in going)
    return frozenset(carrier for one in terms for carrier in policy.named_carriers(one))


def arrived(door: Door) -> None:
    """Goods are here: where no carrier said so, this is the day on which they arrived."""
    today = calendar.local_date(door.now, time_zone(door)).isoformat()
    case = the_case(door)
    first = case.fact("received_on")  # null again once its receipt was taken back
    if first is None:
        case.facts(received_on=today)
    elif first < today:
        case.facts(came_later_on=today)
    if case.fact("arrived_on") is None:
        case.facts(arrived_on=today)


def not_arrived(door: Door) -> None:
    """A receipt was taken back: without goods here, and without a carrier's word, nothing has arrived."""
    case = the_case(door)
    told = any(p.row["direction"] == "inbound" and p.row["delivered_at"] for p in door.children("parcel"))
    if not told and not any(line.received for line in case.lines):
        case.facts(arrived_on=None, received_on=None, came_later_on=None)


def void(work: Work, services: Services, caller: Caller, parcel_id: str, return_id: str) -> dict[str, Any]:
    """Void a parcel that the carrier does not have yet."""
    door, subject = doors.open_child(work, services, caller, "parcel", parcel_id, of=return_id)
    doors.act(door, subject, "void", caller)
    door.close()
    return sight.of_parcel(cases_view.parcel(subject), caller)


# -- effects of the case ----------------------------------------------------------------------------------------------


@effect("void_labels")
def void_labels(door: Door, _subject: Subject, _fields: dict[str, Any]) -> None:
    """Nobody needs these labels any more."""
    for parcel in door.children("parcel"):
        if parcel.row["direction"] == "inbound" and parcel.state in ("requested", "label_ready"):
            door.fire(parcel, "void", role="system")


@effect("open_send_back")
def open_send_back(door: Door, _subject: Subject, _fields: dict[str, Any]) -> None:
    """What the store does not keep goes back to the customer in one parcel."""
    case = the_case(door)
    lines = []
    for line in case.lines:
        waiting = line.doc.get("send_back", 0)
        if case.state == "declined":
            waiting = send_all_back(line)
        if waiting > 0:
            lines.append({"line_id": line.id, "quantity": waiting})
            sent = line.doc.get("sent_back", 0) + waiting
            line.set(doc={**line.doc, "send_back": 0, "sent_back": sent})
    if lines:
        open_parcel(door, direction="outbound", method="send_back", carrier=None, lines=lines, extra={})
