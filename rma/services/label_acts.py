"""The durable acts for labels: asking a carrier for one, and telling it that one will not be used.

The attempt is committed before the carrier is called. A run that finds it begun asks what became of it and orders
again, under the same key, only where that can make no second label: at a carrier that honours keys, or where enough
time has passed since the last order for the carrier's "never heard of it" to prove that it never came.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

import msgspec
import sqlalchemy as sa

from rma.db import hot, tables
from rma.db.named import Query
from rma.db.session import Work
from rma.domain import calendar
from rma.domain.ports import Carrier, IssuedLabel, LabelAnswer, LabelMethod, LabelOrder
from rma.errors import Invalid
from rma.services import addresses, assess, doors, effects, logs
from rma.services.caller import Caller
from rma.services.case import store_now
from rma.services.catalog import StoreInfo
from rma.services.context import Services
from rma.services.transition import Door, Subject

PROVEN_AFTER = 120
"""Seconds after an order from when a carrier without keys proves by ``None`` that the order never came."""
OFFLINE = "offline"
LONGEST_VALID = 365
_METHODS: dict[str, LabelMethod] = {"drop_off_code": "drop_off_code", "pick_up": "pick_up"}
_attempts = tables.table(tables.Attempt)
_parcels = tables.table(tables.Parcel)
_returns = tables.table(tables.Return)
_orders = tables.table(tables.Order)
_stores = tables.table(tables.Store)
_deadlines = tables.table(tables.Deadline)
_OF_PARCEL = ("id", "store_id", "return_id", "state", "direction", "method", "carrier", "doc")
_LAST_DAY = (
    sa.select(sa.func.max(_deadlines.c.lenient))
    .where(
        _deadlines.c.return_id == _parcels.c.return_id,
        _deadlines.c.subject_id == _parcels.c.return_id,
        _deadlines.c.name == sa.literal_column("'ship_back'"),
        _deadlines.c.state == sa.literal_column("'open'"),
    )
    .scalar_subquery()
)
_READ = Query(
    sa.select(
        *(_parcels.c[name] for name in _OF_PARCEL),
        _returns.c.rma_number,
        _returns.c.contact,
        _returns.c.facts,
        _orders.c.person,
        _stores.c.clock_offset,
        _LAST_DAY.label("last_day"),
    )
    .select_from(
        _parcels.join(_returns, _returns.c.id == _parcels.c.return_id)
        .join(_orders, _orders.c.id == _returns.c.order_id)
        .join(_stores, _stores.c.id == _returns.c.store_id)
    )
    .where(_parcels.c.id == sa.bindparam("key"))
)


class Asking(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that the call needs, read in the transaction that begins the attempt."""

    key: str
    store: StoreInfo
    parcel_id: str
    return_id: str
    carrier: str | None
    order: LabelOrder
    deliverable: bool
    first: bool
    seen: datetime
    leaving: effects.Leaving


def carrier_of(services: Services, store: StoreInfo, name: str | None) -> Carrier:
    """Who makes the label: its own connection; in test-mode stores, and where there is none, the offline one."""
    found = None if store.test_mode else services.ports.carriers.get(name or "")
    return found or services.ports.carriers[OFFLINE]


def issue_label(services: Services, key: str) -> None:
    """Carry out ``<parcel>:<attempt>:issue_label``: the parcel gets its label or code, or is void with a reason."""
    asking = services.effects.write(lambda work: _begin(work, services, key))
    if asking is None:
        return
    answer = _ask(services, asking)
    document = _keep_document(services, asking, answer.label)
    services.effects.write(lambda work: _record(work, services, asking, answer, document))


def void_label(services: Services, key: str) -> None:
    """Carry out ``<parcel>:<attempt>:void_label``. While the label itself is still being made, it is tried later."""
    carrier = services.effects.write(lambda work: _begin_void(work, services, key))
    if carrier is None:
        return
    answer = carrier.void(_issue_key(key))
    final = answer.state != "unknown"
    services.effects.write(lambda work: effects.finish(work, key, answer=_told(answer), final=final, error=answer.code))


# -- issue ------------------------------------------------------------------------------------------------------------


def _begin(work: Work, services: Services, key: str) -> Asking | None:
    parcel_id = key.partition(":")[0]
    hot.ahead(work, *effects.reads(key), _READ.read(key=parcel_id))
    parcel = _READ.first(work, key=parcel_id)
    attempt, first = effects.begin(work, key)
    if attempt is None:
        return None
    if parcel is None or (first and parcel.state != "requested"):
        effects.finish(work, key, answer={"state": "not_wanted"}, final=True)
        return None
    return _asking(work, services, key, parcel, first=first, seen=attempt.seen)


def _asking(work: Work, services: Services, key: str, parcel: Any, *, first: bool, seen: datetime) -> Asking:
    store = services.catalog.store(work, parcel.store_id)
    person = assess.read_person(parcel.person)
    customer = addresses.of_customer(parcel.contact, person, country=parcel.facts.get("country") or store.country)
    ours = addresses.of_store(store)
    inbound = parcel.direction == "inbound"
    today = calendar.local_date(store_now(work, parcel.clock_offset), store.timezone)
    fetched_or_sent_there = not inbound or parcel.method == "pick_up"
    order = LabelOrder(
        key=key,
        method=_METHODS.get(parcel.method, "printed_label"),
        reference=parcel.rma_number,
        sender=customer if inbound else ours,
        recipient=ours if inbound else customer,
        today=today,
        weight_g=parcel.doc.get("weight_g"),
        valid_days=_valid_days(parcel.last_day, today) if inbound else None,
        pick_up_on=_pick_up_day(parcel.facts.get("pickup")) if parcel.method == "pick_up" else None,
    )
    return Asking(
        key=key,
        store=store,
        parcel_id=parcel.id,
        return_id=parcel.return_id,
        carrier=parcel.carrier,
        order=order,
        deliverable=addresses.is_complete(customer) or not fetched_or_sent_there,
        first=first,
        seen=seen,
        leaving=effects.leaving(),
    )


def _valid_days(last_day: date | None, today: date) -> int | None:
    """A label lasts as long as the customer may still send the goods; the carrier's own time where nothing is set."""
    return None if last_day is None else min(max((last_day - today).days, 1), LONGEST_VALID)


def _pick_up_day(pickup: Any) -> date | None:
    """The day the customer asked for, where it reads as one."""
    try:
        return date.fromisoformat(pickup["date"])
    except (KeyError, TypeError, ValueError):
        return None


def _ask(services: Services, asking: Asking) -> LabelAnswer:
    """What the carrier says; a broken order is the carrier's refusal."""
    if not asking.deliverable:
        return LabelAnswer(state="refused", code="no_address", message="There is no address to send the parcel to.")
    carrier = carrier_of(services, asking.store, asking.carrier)
    leaving = asking.leaving
    if not asking.first:
        leaving = effects.leaving()
        known = carrier.lookup(asking.key)
        if known is not None:
            return known
        proof: dict[str, Any] = {"after": 0.0 if carrier.idempotent else PROVEN_AFTER, "asked": leaving}
        if not services.effects.write(lambda work: effects.may_send_again(work, asking.key, seen=asking.seen, **proof)):
            return LabelAnswer(state="unknown", code=effects.NOT_YET_KNOWN, message="The carrier does not know it yet.")
    if not carrier.idempotent and leaving.is_late(PROVEN_AFTER):
        return LabelAnswer(
            state="unknown", code="too_late", message="This process stood still; another may have asked."
        )
    try:
        return carrier.issue(asking.order)
    except Invalid as fault:
        return LabelAnswer(state="refused", code=fault.code, message=fault.detail)


def _keep_document(services: Services, asking: Asking, label: IssuedLabel | None) -> str | None:
    """The key of the carrier's own document, kept with the files of the return."""
    if label is None or label.payload is None:
        return None
    return services.ports.files.put(label.payload, scope=asking.return_id)


def _record(work: Work, services: Services, asking: Asking, answer: LabelAnswer, document: str | None) -> None:
    """Write what the carrier said. A word that comes late or twice changes no state."""
    final = answer.state in ("issued", "void") or (answer.state == "refused" and not answer.retryable)
    if final:
        caller = Caller(store_id=asking.store.id, store_slug=asking.store.slug)
        more = effects.reads(asking.key)
        door, parcel = doors.open_child(work, services, caller, "parcel", asking.parcel_id, more=more)
        if not effects.is_open(work, asking.key):
            return
        _apply(door, parcel, answer, document)
        door.close()
    effects.finish(
        work,
        asking.key,
        answer=_told(answer),
        final=final,
        error=answer.code,
        answered=answer.state != "unknown",
    )


def _apply(door: Door, parcel: Subject, answer: LabelAnswer, document: str | None) -> None:
    label = answer.label
    if answer.state == "issued" and label is not None:
        made: dict[str, Any] = {"issued_by": label.carrier, "reference": label.reference}
        made |= {"document": document, "media_type": label.media_type}
        parcel.set(
            code=label.code,
            tracking=label.tracking or parcel.row["tracking"],
            expires_on=label.expires_on,
            carrier=parcel.row["carrier"] or label.carrier,
            doc={**parcel.row["doc"], "label": made},
        )
        if parcel.state == "requested":
            told = {"carrier": parcel.row["carrier"], "method": parcel.row["method"], "expires_on": label.expires_on}
            door.fire(parcel, "issue", role="system", data=told)
    elif parcel.state == "requested":
        code = logs.word(answer.code) or answer.state
        parcel.set(doc={**parcel.row["doc"], "refusal": {"code": code, "message": answer.message}})
        door.fire(parcel, "refuse_label", role="system", data={"code": code}, fields={"reason": code})


def _told(answer: LabelAnswer) -> dict[str, Any]:
    """The answer as it is kept: without the document's bytes."""
    label = answer.label
    return {
        "state": answer.state,
        "code": answer.code,
        "message": answer.message,
        "reference": label.reference if label else None,
    }


# -- void -------------------------------------------------------------------------------------------------------------


def _issue_key(void_key: str) -> str:
    """The key under which the label to be taken back was ordered."""
    return f"{void_key.rpartition(':')[0]}:issue_label"


def _begin_void(work: Work, services: Services, key: str) -> Carrier | None:
    """The carrier to be told; None where there is nothing to tell, or not yet."""
    attempt, _first = effects.begin(work, key)
    if attempt is None:
        return None
    ordered = work.conn.execute(
        sa.select(_attempts.c.state, _attempts.c.answer)
        .where(_attempts.c.id == _issue_key(key))
        .with_for_update(key_share=True)
    ).first()
    if ordered is not None and ordered.state not in ("enqueued", "done"):
        effects.finish(work, key, answer={"state": "unknown", "code": "label_under_way"}, final=False)
        return None
    if ordered is None or (ordered.answer or {}).get("state") != "issued":
        effects.finish(work, key, answer={"state": "void", "code": "never_issued"}, final=True)
        return None
    parcel = work.conn.execute(sa.select(_parcels.c.carrier).where(_parcels.c.id == attempt.subject_id)).one()
    store = services.catalog.store(work, attempt.store_id)
    return carrier_of(services, store, parcel.carrier)
