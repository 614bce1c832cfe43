"""Lists of returns and refunds: filters, a stable order and a cursor; a list never runs a query for each row."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from typing import Any, Literal

import msgspec
import sqlalchemy as sa

from rma.db import tables
from rma.db.session import Work, now
from rma.domain import calendar, strict
from rma.domain.ids import read_rma_number
from rma.domain.mailboxes import spellings
from rma.domain.money import parse_amount
from rma.errors import Invalid
from rma.services import cases_view, deadlines
from rma.services import refunds as refund_rows
from rma.services.caller import Caller
from rma.services.paging import Ask, Page, cut, made

_returns = tables.table(tables.Return)
_lines = tables.table(tables.ReturnLine)
_parcels = tables.table(tables.Parcel)
_refunds = tables.table(tables.Refund)
_transfers = tables.table(tables.Transfer)
_deadlines = tables.table(tables.Deadline)


class Filters(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Which returns; all that are given must fit.

    ``created_from``, ``created_to`` and ``due_before`` are instants, or days of the store: their first moment is meant.
    """

    state: str | None = None
    waits_for: str | None = None
    kind: str | None = None
    order_number: str | None = None
    rma_number: str | None = None
    email: str | None = None
    sku: str | None = None
    tracking: str | None = None
    created_from: str | None = None
    created_to: str | None = None
    due_before: str | None = None
    q: str | None = None


class RefundFilters(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Which refunds; ``sort``: ``created`` (default) or ``due``. ``due_before`` is a day, or an instant on that day.

    ``flag``: those whose provider contradicts itself, or whose money may have gone twice.
    """

    state: str | None = None
    flag: Literal["provider_contradicts", "paid_twice"] | None = None
    due_before: str | None = None
    provider: str | None = None
    amount_min: str | None = None
    order_number: str | None = None
    sort: str = "created"


MOMENTS = frozenset({"created_from", "created_to", "due_before"})


def moment(text: str, *, path: str, timezone: str) -> datetime:
    """An instant as it is written, or the first moment of a local day. ``Invalid`` names the parameter."""
    try:
        found = date.fromisoformat(text) if len(text) == len("2026-01-01") else datetime.fromisoformat(text)
    except ValueError:
        raise Invalid.field(path, "instant", "A day such as 2026-11-20, or an instant with its offset.") from None
    if not strict.in_reach(found):
        raise Invalid.field(path, "value", "No day that a return can have.")
    if not isinstance(found, datetime):
        return calendar.first_instant(found, timezone)
    if found.tzinfo is None:
        raise Invalid.field(path, "instant", "An instant needs its offset.")
    return found


_SAME: dict[str, Callable[[Any], Any]] = {
    "state": lambda v: _returns.c.state.in_(v.split(",")),
    "waits_for": lambda v: _returns.c.waits_for == v,
    "kind": lambda v: _returns.c.kind == v,
    "order_number": lambda v: _returns.c.order_number == v,
    "rma_number": lambda v: _returns.c.rma_number == (read_rma_number(v) or v),
    "email": lambda v: _returns.c.email.in_(spellings(v)),
    "sku": lambda v: _returns.c.id.in_(
        sa.select(_lines.c.return_id).where(_lines.c.store_id == _returns.c.store_id, _lines.c.sku == v)
    ),
    "tracking": lambda v: _returns.c.id.in_(
        sa.select(_parcels.c.return_id).where(
            _parcels.c.store_id == _returns.c.store_id, sa.or_(_parcels.c.tracking == v, _parcels.c.code == v)
        )
    ),
}
_SUMMARY = (
    "id",
    "rma_number",
    "order_number",
    "kind",
    "state",
    "waits_for",
    "method",
    "currency",
    "created_at",
    "updated_at",
    "version",
)


def returns(work: Work, caller: Caller, filters: Filters, ask: Ask) -> Page[dict[str, Any]]:
    """Returns of the store, oldest first."""
    query = (
        sa.select(*(_returns.c[name] for name in _SUMMARY))
        .where(_returns.c.store_id == caller.store_id)
        .order_by(_returns.c.id)
        .limit(ask.limit + 1)
    )
    times = {
        name: moment(text, path=name, timezone=caller.timezone)
        for name in sorted(MOMENTS)
        if (text := getattr(filters, name)) is not None
    }
    since, until = times.get("created_from"), times.get("created_to")
    query = query.where(*made(_returns, "ret", since=since, until=until, moved=caller.test_mode))
    for name, condition in _SAME.items():
        value = times.get(name, getattr(filters, name))
        if value is not None:
            query = query.where(condition(value))
    if filters.due_before is not None:
        query = query.where(_returns.c.id.in_(_due(times["due_before"], caller)))
    if filters.q:
        query = query.where(_returns.c.id.in_(_anything(caller.store_id, filters.q.strip())))
    if ask.after:
        query = query.where(_returns.c.id > ask.after)
    rows = work.conn.execute(query).all()
    page = cut(rows, ask, key=lambda row: str(row.id))
    return Page([dict(row._mapping) for row in page.items], page.next_cursor)


def _due(before: datetime, caller: Caller) -> sa.Select[Any]:
    """Returns with a deadline that is due by then; the index on its next instant helps, unless a clock was moved."""
    mine = sa.and_(_deadlines.c.store_id == caller.store_id, _deadlines.c.state == "open")
    query = sa.select(_deadlines.c.return_id).where(mine, _deadlines.c.due_at < before)
    if caller.test_mode:
        return query
    return query.where(_deadlines.c.next_at < max(before, now() + deadlines.LATEST))


def _anything(store_id: str, text: str) -> sa.CompoundSelect[Any]:
    """The returns with this RMA number, order number, e-mail, sku, tracking number or code: whatever was typed.

    A union, since each part has an index of its own and an OR over subqueries would use none.
    """
    same = (
        _returns.c.rma_number == (read_rma_number(text) or text),
        _returns.c.order_number == text,
        _returns.c.email.in_(spellings(text)),
        _returns.c.id == text,
    )
    parts = [sa.select(_returns.c.id).where(_returns.c.store_id == store_id, one) for one in same]
    parts.append(sa.select(_lines.c.return_id).where(_lines.c.store_id == store_id, _lines.c.sku == text))
    parts += [
        sa.select(_parcels.c.return_id).where(_parcels.c.store_id == store_id, column == text)
        for column in (_parcels.c.tracking, _parcels.c.code)
    ]
    return sa.union_all(*parts)


def refunds(
    work: Work, caller: Caller, filters: RefundFilters, ask: Ask, *, locale: str, currency: str
) -> Page[dict[str, Any]]:
    """Refunds of the store, oldest first or by their due date."""
    if filters.sort not in ("created", "due"):
        raise Invalid.field("sort", "unknown", "`created` or `due`.")
    by_due = filters.sort == "due"
    query = sa.select(_refunds).where(_refunds.c.store_id == caller.store_id)
    for condition in _refund_conditions(filters, currency, caller.timezone):
        query = query.where(condition)
    if ask.after:
        query = query.where(_behind(ask.after, by_due=by_due))
    query = query.order_by(_refunds.c.due_on, _refunds.c.id) if by_due else query.order_by(_refunds.c.id)
    rows = work.conn.execute(query.limit(ask.limit + 1)).all()
    page = cut(rows, ask, key=lambda row: f"{row.due_on}|{row.id}" if by_due else str(row.id))
    transfers = _transfers_of(work, [row.id for row in page.items])
    shown = [cases_view.refund_row(dict(row._mapping), transfers.get(row.id, []), locale=locale) for row in page.items]
    return Page(shown, page.next_cursor)


def _behind(cursor: str, *, by_due: bool) -> sa.ColumnElement[bool]:
    if not by_due:
        return _refunds.c.id > cursor
    day, _, key = cursor.partition("|")
    return sa.tuple_(_refunds.c.due_on, _refunds.c.id) > sa.tuple_(sa.literal(date.fromisoformat(day)), sa.literal(key))


def _refund_conditions(filters: RefundFilters, currency: str, timezone: str) -> list[Any]:
    found: list[Any] = []
    if filters.state:
        found.append(_refunds.c.state.in_(filters.state.split(",")))
    if filters.flag:
        found.append(_refunds.c.doubted_at.is_not(None))  # few ever are, and an index holds those alone
        found.append(sa.type_coerce(_refunds.c.doc, sa.Text).contains(f'"{filters.flag}"', autoescape=True))
    if filters.order_number:
        found.append(_refunds.c.order_number == filters.order_number)
    if filters.due_before:
        before = calendar.local_date(moment(filters.due_before, path="due_before", timezone=timezone), timezone)
        found.append(_refunds.c.due_on < before)
    if filters.amount_min:
        found.append(_refunds.c.total >= parse_amount(filters.amount_min, currency, path="amount_min"))
    if filters.provider:
        same = sa.select(_transfers.c.refund_id).where(_transfers.c.provider == filters.provider)
        found.append(_refunds.c.id.in_(same))
    return found


def _transfers_of(work: Work, ids: list[str]) -> dict[str, list[dict[str, Any]]]:
    grouped: dict[str, list[dict[str, Any]]] = {}
    if ids:
        query = sa.select(_transfers).where(_transfers.c.refund_id.in_(ids)).order_by(_transfers.c.position)
        for row in work.conn.execute(query):
            grouped.setdefault(row.refund_id, []).append(dict(row._mapping))
    return grouped


def refund(work: Work, caller: Caller, refund_id: str, *, locale: str) -> tuple[dict[str, Any], int]:
    """One refund and its version, with the account that it goes to: finance may have to pay it by hand."""
    row = refund_rows.find(work, caller.store_id, refund_id)
    view = cases_view.refund_row(row, _transfers_of(work, [refund_id]).get(refund_id, []), locale=locale)
    view["payout"] = msgspec.json.decode(row["payout"]) if row["payout"] else None
    return view, row["version"]
