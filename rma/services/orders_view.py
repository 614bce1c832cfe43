"""How an order looks to a caller: the snapshot as it stands, and per line what can be returned now."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Annotated, Any

import msgspec
import sqlalchemy as sa
from msgspec import Meta

from rma.db import tables
from rma.db.session import Work
from rma.domain import units
from rma.domain.decision import LineDecision, options_of_lines
from rma.domain.mailboxes import spellings
from rma.domain.money import wire
from rma.domain.order import Order, Person, write_order
from rma.domain.pricing import Priced, price
from rma.errors import NotFound
from rma.services import assess
from rma.services.assess import OrderView
from rma.services.caller import Caller
from rma.services.case import read_order_row, store_now
from rma.services.context import Services
from rma.services.paging import Ask, Page, cut, made

MAX_LINES = 200
"""Options of so many lines are worked out for one answer."""
Instant = Annotated[datetime, Meta(tz=True)]
_READ_FROZEN = msgspec.json.Decoder(Priced).decode
_orders = tables.table(tables.Order)


class Chosen(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Of which lines the options are asked for: ``line=1&line=2``; all of them (the first 200) when none is named."""

    line: tuple[str, ...] = ()


class Filters(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which orders. ``created_…``: when they came in; ``ordered_…``: when placed; from (with it) and to (without)."""

    number: str | None = None
    email: str | None = None
    customer_reference: str | None = None
    created_from: Instant | None = None
    created_to: Instant | None = None
    ordered_from: Instant | None = None
    ordered_to: Instant | None = None


def show(
    work: Work, services: Services, store_id: str, number: str, *, locale: str, lines: Sequence[str] = ()
) -> tuple[dict[str, Any], int]:
    """The order with its version and the options of these lines (or of the first ``MAX_LINES``), texts in ``locale``.

    ``NotFound`` also for another store's.
    """
    if not number.isprintable():
        raise NotFound("There is no such order.")
    row = read_order_row(work, store_id, number)
    store = services.catalog.store(work, store_id)
    now = store_now(work, row["clock_offset"])
    view = assess.view_order(work, store, row)
    policy = services.catalog.policy(work, store_id, assess.policy_version(work, services.catalog, store, row, now))
    facts = assess.order_facts(work, store, view, policy, now=now)
    shown = _order(view.order, view.person, row, flags=view.priced.flags)
    wanted = frozenset((lines or [line["id"] for line in shown["lines"]])[:MAX_LINES])
    found = options_of_lines(policy, view.law, facts, wanted, at=now)
    for line in shown["lines"]:
        options = found.get(line["id"])
        line["in_returns"] = line["quantity"] - units.count(view.free(line["id"]))
        line["options"] = options and [_option(one, view, locale) for one in options]
    return shown, row["version"]


def listing(work: Work, caller: Caller, filters: Filters, ask: Ask) -> Page[dict[str, Any]]:
    """Orders in the order in which they came in, in the form of one order but without options."""
    wanted = sa.select(*_orders.columns).where(_orders.c.store_id == caller.store_id, _orders.c.id > (ask.after or ""))
    wanted = wanted.where(*_conditions(filters, moved=caller.test_mode)).order_by(_orders.c.id).limit(ask.limit + 1)
    rows = [dict(row) for row in work.conn.execute(wanted).mappings()]
    return cut(rows, ask, key=lambda row: str(row["id"])).map(_row)


def _conditions(filters: Filters, *, moved: bool) -> list[sa.ColumnElement[bool]]:
    ordered = _orders.c.ordered_at
    found = made(_orders, "ord", since=filters.created_from, until=filters.created_to, moved=moved)
    asked: tuple[tuple[Any, Callable[[Any], Any]], ...] = (
        (filters.number, lambda value: _orders.c.number == value),
        (filters.email, lambda value: _orders.c.email.in_(spellings(value))),
        (filters.customer_reference, lambda value: _orders.c.customer_ref == value),
        (filters.ordered_from, lambda value: ordered >= value),
        (filters.ordered_to, lambda value: ordered < value),
    )
    return [*found, *(condition(value) for value, condition in asked if value is not None)]


def _row(row: dict[str, Any]) -> dict[str, Any]:
    order = assess.read_order_doc(row["doc"])
    frozen = _READ_FROZEN(row["frozen"]) if row["frozen"] else None
    return _order(order, assess.read_person(row["person"]), row, flags=price(order, frozen=frozen).flags)


def _order(order: Order, person: Person | None, row: dict[str, Any], *, flags: tuple[str, ...]) -> dict[str, Any]:
    """The snapshot in the form of the contract, and what we know of it ourselves."""
    return {
        "id": row["id"],
        **write_order(msgspec.structs.replace(order, person=person)),
        "flags": list(flags),
        "frozen": row["frozen"] is not None,
        "erased": person is None,
        "policy_version": row["policy_version"],
        "law": row["law"],
        "version": row["version"],
        "created_at": row["created_at"],
        "updated_at": row["updated_at"],
    }


def _option(one: LineDecision, view: OrderView, locale: str) -> dict[str, Any]:
    """What could be filed for a line under one kind; ``judged_as`` differs where the law is better for the customer."""
    currency = view.order.currency
    return {
        "kind": one.filed_kind,
        "judged_as": one.kind,
        "decision": one.decision,
        "basis": one.basis,
        "quantity": one.quantity,
        "last_day": one.last_day,
        "estimated": one.estimated,
        "outcomes": list(one.outcomes),
        "outcomes_by_law": [msgspec.structs.asdict(given) for given in one.by_law],
        "methods": [{"method": w.name, "fee": wire(w.fee, currency), "paid_by": w.paid_by} for w in one.methods],
        "reasons": [why.reason(locale) for why in one.reasons],
    }
