"""What a store's acts have come to, without ids and instants: two stories that ended alike have the same ending."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable
from typing import Any

import msgspec
import sqlalchemy as sa

from rma.db import tables
from rma.domain import events
from rma.errors import Invalid, Refused, RmaError
from rma.services import assess
from tests.support.floor import Floor
from tests.support.snapshots import Json

_LINE = (
    *("order_line_id", "outcome", "requested", "expected", "received", "missing", "accepted", "rejected", "settled"),
    *("units", "reserved", "consumed"),
)
_PART = ("kind", "gross", "order_line_id", "units", "cause")
_TOLD = ("trigger", "from", "to", "deadline", "result", "state")


def answer(code: str, said: Any) -> str:
    """What somebody was told: a refusal with every reason, or the state that the act led to."""
    if isinstance(said, Invalid):
        return f"{code} {[(one.path, one.code) for one in said.errors]}"
    if isinstance(said, Refused):
        return f"{code} {[one.code for one in said.reasons]}"
    if isinstance(said, RmaError) or not isinstance(said, dict):
        return code
    return f"{code} {said.get('state', '')}"


def ending(floor: Floor, number: str, *, history: bool = True) -> str:
    """An order, its returns with everything of theirs, units, money, deadlines, acts and history, as one text.

    Without ``history``, and without the versions that count it, where acts are done behind it whenever they are done.
    """
    with floor.services.database.read() as work:
        named = {"store": floor.store_id, "number": number}
        found = {model: work.conn.execute(query, named).all() for model, query in _READ.items()}
    rows: dict[Any, list[Any]] = {model: list(some) for model, some in found.items()}
    happened = _history(rows[tables.Event])

    def more(row: Any) -> Json:
        return {"version": row.version, "history": happened[row.id]} if history else {}

    orders = [_order(row, rows) | more(row) for row in rows[tables.Order]]
    returns = [_return(row, rows) | more(row) for row in rows[tables.Return]]
    acts = [f"{row.effect} {row.state}" for row in rows[tables.Attempt]]
    return _text({"orders": _sorted(orders), "returns": _sorted(returns), "acts": sorted(acts)})


def _history(told: Iterable[Any]) -> dict[str, list[str]]:
    """What happened to each stream, in order; its events hang together, each at its place."""
    history: dict[str, list[str]] = defaultdict(list)
    heads: dict[str, str] = defaultdict(str)
    for row in sorted(told, key=lambda one: one.n):
        heads[row.stream] = events.link(heads[row.stream], row.body)
        data = msgspec.json.decode(row.body).get("data", {})
        history[row.stream].append(" ".join([row.type, *(str(data[name]) for name in _TOLD if name in data)]))
        assert (row.n, row.hash) == (len(history[row.stream]), heads[row.stream]), f"{row.stream}: {row.n} is torn"
    return history


def _reads() -> dict[Any, sa.Select[Any]]:
    """By table: how to read what belongs to one order."""

    def own(model: Any, *ways: tuple[str, Any]) -> sa.Select[Any]:
        table = tables.table(model)
        return sa.select(table).where(sa.or_(*[table.c[name].in_(chosen) for name, chosen in ways]))

    order = tables.table(tables.Order)
    mine = order.c.store_id == sa.bindparam("store"), order.c.number == sa.bindparam("number")
    by_order = "order_id", sa.select(order.c.id).where(*mine)
    returns = own(tables.Return, by_order).with_only_columns(tables.table(tables.Return).c.id)
    refunds = own(tables.Refund, by_order).with_only_columns(tables.table(tables.Refund).c.id)
    by_return = "return_id", returns
    parcels = own(tables.Parcel, by_return).with_only_columns(tables.table(tables.Parcel).c.id)
    return {
        tables.Order: sa.select(order).where(*mine),
        **{model: own(model, by_order) for model in (tables.Return, tables.ReturnLine, tables.Refund, tables.Transfer)},
        **{model: own(model, by_return) for model in (tables.Parcel, tables.Receipt, tables.Inspection)},
        tables.Deadline: own(tables.Deadline, by_return, ("subject_id", refunds)),
        tables.Attempt: own(tables.Attempt, ("subject_id", refunds), ("subject_id", parcels)),
        tables.Event: own(tables.Event, by_return, ("stream", by_order[1])),
    }


_READ = _reads()


def _text(whole: Any) -> str:
    return json.dumps(whole, sort_keys=True, ensure_ascii=False, default=str)


def _sorted(things: Iterable[Any]) -> list[Any]:
    return sorted(things, key=_text)


def _order(row: Any, rows: dict[Any, list[Any]]) -> Json:
    doc = assess.read_order_doc(row.doc)
    alone = [one for one in rows[tables.Refund] if one.order_id == row.id and one.return_id is None]
    return {
        "customer": row.customer_ref,
        "lines": [(one.id, one.quantity) for one in doc.lines],
        "refunds": _sorted(_refund(one, rows) for one in alone),
    }


def _return(row: Any, rows: dict[Any, list[Any]]) -> Json:
    def own(model: Any) -> list[Any]:
        return [one for one in rows[model] if one.return_id == row.id]

    return {
        "state": f"{row.state}, waits for {row.waits_for}",
        "lines": _sorted([str(getattr(one, name)) for name in _LINE] for one in own(tables.ReturnLine)),
        "parcels": _sorted([one.direction, one.state, one.method] for one in own(tables.Parcel)),
        "refunds": _sorted(_refund(one, rows) for one in own(tables.Refund)),
        "receipts": _sorted([len(one.doc["counted"]), one.undone_at is not None] for one in own(tables.Receipt)),
        "inspections": len(own(tables.Inspection)),
        "deadlines": _sorted([one.name, one.state] for one in own(tables.Deadline)),
    }


def _refund(row: Any, rows: dict[Any, list[Any]]) -> Json:
    moved = [one for one in rows[tables.Transfer] if one.refund_id == row.id]
    return {
        "state": row.state,
        "total": row.total,
        "parts": _sorted([part.get(name) for name in _PART] for part in row.components),
        "transfers": _sorted([one.payment_id, one.amount, one.state, one.attempt] for one in moved),
        "approvals": len(row.approvals),
        "deadlines": _sorted([one.name, one.state] for one in rows[tables.Deadline] if one.subject_id == row.id),
    }
