"""What is owed: refunds that are not paid, and returns by right whose money is in no refund yet, by the law's day."""

from __future__ import annotations

from datetime import date
from typing import Any

import msgspec
import sqlalchemy as sa

from rma.db import tables
from rma.db.session import Work
from rma.domain import calendar
from rma.domain.money import wire
from rma.services.caller import Caller
from rma.services.case import now_of, store_now
from rma.services.listing import moment
from rma.services.paging import Ask, Page, cut
from rma.services.refund_dues import DEADLINE

_returns = tables.table(tables.Return)
_refunds = tables.table(tables.Refund)
_deadlines = tables.table(tables.Deadline)
_stores = tables.table(tables.Store)
_PAID: tuple[sa.ColumnElement[str], ...] = (sa.literal_column("'refused'"), sa.literal_column("'succeeded'"))
_OVER = ("declined", "cancelled", "expired", "settled", "awaiting_feedback", "closed")


class OwedFilters(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Which of them: due before a day, or an instant on that day."""

    due_before: str | None = None


class Due(msgspec.Struct, frozen=True, kw_only=True):
    """The day that the store promises, and the day that the law allows, with its article."""

    promise: date | None
    legal: date | None
    article: str | None


class Owed(msgspec.Struct, frozen=True, kw_only=True):
    """Money that is to come: ``id`` is the refund's, or the return's where no refund is proposed yet.

    ``waits_for`` says who is next; ``total`` is null while nothing is computed. ``short`` is what is owed beyond the
    total and cannot be paid: not captured, or used up.
    """

    id: str
    refund_id: str | None
    return_id: str | None
    order_number: str
    state: str
    waits_for: str
    total: dict[str, str] | None
    short: dict[str, str] | None
    due: Due
    overdue: bool


def listing(work: Work, caller: Caller, filters: OwedFilters, ask: Ask) -> Page[Owed]:
    """Finance's queue: what is owed soonest by law first, then by promise."""
    both = sa.union_all(_of_refunds(caller.store_id), _of_returns(caller.store_id)).subquery()
    key = sa.cast(both.c.due, sa.String) + sa.literal("|") + both.c.id
    query = sa.select(*both.c, key.label("sort_key")).order_by(key).limit(ask.limit + 1)
    if filters.due_before:
        before = moment(filters.due_before, path="due_before", timezone=caller.timezone)
        query = query.where(both.c.due < calendar.local_date(before, caller.timezone))
    if ask.after:
        query = query.where(key > ask.after)
    today = calendar.local_date(now_of(work, caller.store_id), caller.timezone)
    page = cut(work.conn.execute(query).all(), ask, key=lambda row: str(row.sort_key))
    return page.map(lambda row: _shown(row, today))


def overdue(work: Work) -> dict[str, int]:
    """Unpaid refunds of all stores whose day has passed where the store is: of the law's (``law``) or the promised."""
    law = _refunds.c.due_legal.is_not(None).label("law")
    of_store = (_stores.c.timezone, _stores.c.clock_offset)
    found = work.conn.execute(
        sa.select(law, _refunds.c.due_on, *of_store, sa.func.count().label("many"))
        .join(_stores, _stores.c.id == _refunds.c.store_id)
        .where(
            _refunds.c.state.not_in(_PAID),  # of a partial index
            sa.or_(_refunds.c.due_on <= work.real_now.date(), _stores.c.clock_offset != 0),
        )
        .group_by(law, _refunds.c.due_on, *of_store)
    )
    told = {"law": 0, "promise": 0}
    for row in found:
        today = calendar.local_date(store_now(work, row.clock_offset), row.timezone)
        told["law" if row.law else "promise"] += row.many if row.due_on < today else 0
    return told


def _shown(row: Any, today: date) -> Owed:
    return Owed(
        id=row.id,
        refund_id=row.refund_id,
        return_id=row.return_id,
        order_number=row.order_number,
        state=row.state,
        waits_for=_waits_for(row),
        total=None if row.total is None else wire(row.total, row.currency),
        short=wire(row.doc["short"], row.currency) if row.doc and row.doc.get("short") else None,
        due=Due(promise=row.promise, legal=row.legal, article=row.article),
        overdue=row.legal is not None and row.legal < today,
    )


def _waits_for(row: Any) -> str:
    if row.refund_id is None:
        return str(row.waits_for)
    return {"sending": "provider", "approved": "provider", "awaiting_payout": "customer"}.get(row.state, "finance")


def _of_refunds(store_id: str) -> sa.Select[Any]:
    return sa.select(
        _refunds.c.id,
        _refunds.c.id.label("refund_id"),
        _refunds.c.return_id,
        _refunds.c.order_number,
        _refunds.c.state,
        sa.literal("").label("waits_for"),
        _refunds.c.total,
        _refunds.c.doc,
        _refunds.c.currency,
        _refunds.c.due_promise.label("promise"),
        _refunds.c.due_legal.label("legal"),
        _refunds.c.article,
        _refunds.c.due_on.label("due"),
    ).where(_refunds.c.store_id == store_id, _refunds.c.state.not_in(_PAID))  # of a partial index


def _of_returns(store_id: str) -> sa.Select[Any]:
    """Returns whose clock runs, without a refund that is under way."""
    under_way = sa.select(_refunds.c.return_id).where(
        _refunds.c.return_id == _returns.c.id, _refunds.c.state != "refused"
    )
    return (
        sa.select(
            _returns.c.id,
            sa.null().label("refund_id"),
            _returns.c.id.label("return_id"),
            _returns.c.order_number,
            _returns.c.state,
            _returns.c.waits_for,
            sa.null().label("total"),
            sa.null().label("doc"),
            _returns.c.currency,
            sa.null().label("promise"),
            _deadlines.c.raw.label("legal"),
            sa.null().label("article"),
            _deadlines.c.raw.label("due"),
        )
        .select_from(_deadlines.join(_returns, _returns.c.id == _deadlines.c.return_id))
        .where(
            _returns.c.store_id == store_id,
            _deadlines.c.store_id == store_id,
            _deadlines.c.name == sa.literal_column(f"'{DEADLINE}'"),
            _deadlines.c.state.in_([sa.literal_column("'open'"), sa.literal_column("'missed'")]),  # of a partial index
            _returns.c.state.not_in(_OVER),
            ~under_way.exists(),
        )
    )
