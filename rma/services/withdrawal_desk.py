"""Declared withdrawals as staff sees them: the list, one of them, and matching one to its order."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec
import sqlalchemy as sa

from rma.db import tables
from rma.db.session import Work
from rma.domain import mailboxes
from rma.domain.withdrawals import Declaration, Left, Number
from rma.errors import NotFound, Reason, Refused, Stale
from rma.services import notify, withdrawal_filing
from rma.services import withdrawal_letters as letters
from rma.services import withdrawals as public
from rma.services.caller import Caller
from rma.services.case import store_now
from rma.services.catalog import StoreInfo
from rma.services.context import Services
from rma.services.paging import Ask, Page, cut

_rows = tables.table(tables.Withdrawal)
_orders = tables.table(tables.Order)
_stores = tables.table(tables.Store)
_messages = tables.table(tables.Message)
_SHOWN = (public.MATCHED, public.UNMATCHED)


class Filters(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Which withdrawals; all that are given must fit. ``state``: ``matched``, ``unmatched`` or both with a comma.

    ``order_number`` is of the order that was matched. ``filed=false``: those that have no return.
    """

    state: str | None = None
    order_number: str | None = None
    return_id: str | None = None
    filed: bool | None = None
    declared_from: datetime | None = None
    declared_to: datetime | None = None


class MatchIn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The order that a declaration belongs to."""

    order_number: Number


class LeftView(msgspec.Struct, frozen=True, kw_only=True):
    """Units that were declared and not filed, and why."""

    code: str
    quantity: int
    line: str | None
    sku: str | None
    reasons: list[Reason]


class WithdrawalView(msgspec.Struct, frozen=True, kw_only=True):
    """A declaration: what was typed (None once it is erased), and what became of it.

    ``why`` says with a code why a matched one has no return; ``not_filed`` what of it is in no return;
    ``acknowledged_at`` when the receipt was sent.
    """

    id: str
    state: str
    declared_at: datetime
    locale: str
    name: str | None
    order_number: str | None
    electronic_address: str | None
    lines: list[dict[str, Any]] | None
    statement: str | None
    matched_order: str | None
    return_id: str | None
    why: str | None
    not_filed: list[LeftView]
    acknowledged_at: datetime | None
    version: int


def listing(work: Work, caller: Caller, filters: Filters, ask: Ask, *, locale: str) -> Page[WithdrawalView]:
    """Declared withdrawals of the store, oldest first."""
    query = _query(caller).order_by(_rows.c.id).limit(ask.limit + 1)
    for condition in _conditions(filters):
        query = query.where(condition)
    if ask.after:
        query = query.where(_rows.c.id > ask.after)
    rows = work.conn.execute(query).all()
    return cut(rows, ask, key=lambda row: str(row.id)).map(lambda row: _view(row, locale))


def show(work: Work, caller: Caller, withdrawal_id: str, *, locale: str) -> WithdrawalView:
    """One of them, or ``NotFound``."""
    row = work.conn.execute(_query(caller).where(_rows.c.id == withdrawal_id)).first()
    if row is None:
        raise NotFound("There is no such withdrawal.")
    return _view(row, locale)


def match(
    work: Work,
    services: Services,
    caller: Caller,
    withdrawal_id: str,
    data: MatchIn,
    *,
    if_match: int | None,
    locale: str,
) -> WithdrawalView:
    """Say which order an unmatched declaration means; the return is filed as of the day it was declared.

    Where the order has another e-mail, that mailbox is told, and only it gets what belongs to the return.
    """
    store = services.catalog.store(work, caller.store_id)
    row = _locked(work, caller, withdrawal_id)
    if if_match is not None and if_match != row.version:
        raise Stale("The withdrawal changed since it was read; read it again.")
    if row.state != public.UNMATCHED:
        raise Refused("This withdrawal is matched already.", code="already_matched", allowed=[])
    order = withdrawal_filing.find_order(work, store.id, data.order_number.strip())
    if order is None:
        raise NotFound(f"There is no order {data.order_number}.")
    now, declared = store_now(work, row.clock_offset), public.content_of(row)
    if _unheard(work, store.id, order, declared):
        notify.insert(work, _word(work, services, store, row, order, now=now))
    filed = withdrawal_filing.file(work, services, caller, declared, order=order, at=row.declared_at, locale=row.locale)
    public.note_match(work, store, row.id, filed, version=row.version, actor=caller.actor, now=now)
    return show(work, caller, withdrawal_id, locale=locale)


def _unheard(work: Work, store_id: str, order: Any, declared: Declaration) -> bool:
    """Whether the order's mailbox is another one, and was not told when the withdrawal was declared."""
    if not order.email or mailboxes.same(order.email, declared.electronic_address):
        return False
    typed = withdrawal_filing.find_order(work, store_id, declared.order_number)
    return typed is None or typed.id != order.id


def _word(work: Work, services: Services, store: StoreInfo, row: Any, order: Any, *, now: datetime) -> dict[str, Any]:
    values = {"kind": letters.REPORTED, "dedupe": f"{row.id}:{letters.REPORTED}:{order.id}", "created_at": now}
    return notify.new_row(work, services, store, **values)


def _locked(work: Work, caller: Caller, withdrawal_id: str) -> Any:
    found = work.conn.execute(
        sa.select(_rows, _stores.c.clock_offset)
        .select_from(_rows.join(_stores, _stores.c.id == _rows.c.store_id))
        .where(_rows.c.store_id == caller.store_id, _rows.c.id == withdrawal_id, _rows.c.state.in_(_SHOWN))
        .with_for_update(of=_rows, key_share=True)
    ).first()
    if found is None:
        raise NotFound("There is no such withdrawal.")
    return found


def _query(caller: Caller) -> sa.Select[Any]:
    """Withdrawals with the number of their order and when their receipt was sent: one statement for a page."""
    receipt = sa.and_(
        _messages.c.store_id == _rows.c.store_id, _messages.c.dedupe == _rows.c.id + f":{public.ACKNOWLEDGED}"
    )
    joined = _rows.outerjoin(_orders, _orders.c.id == _rows.c.order_id).outerjoin(_messages, receipt)
    return (
        sa.select(_rows, _orders.c.number.label("matched_order"), _messages.c.sent_at.label("acknowledged_at"))
        .select_from(joined)
        .where(_rows.c.store_id == caller.store_id, _rows.c.state.in_(_SHOWN))
    )


def _conditions(filters: Filters) -> list[Any]:
    found: list[Any] = []
    if filters.state is not None:
        found.append(_rows.c.state.in_(filters.state.split(",")))
    if filters.order_number is not None:
        found.append(_orders.c.number == filters.order_number)
    if filters.return_id is not None:
        found.append(_rows.c.return_id == filters.return_id)
    if filters.filed is not None:
        found.append(_rows.c.return_id.is_not(None) if filters.filed else _rows.c.return_id.is_(None))
    if filters.declared_from is not None:
        found.append(_rows.c.declared_at >= filters.declared_from)
    if filters.declared_to is not None:
        found.append(_rows.c.declared_at < filters.declared_to)
    return found


def _view(row: Any, locale: str) -> WithdrawalView:
    typed: dict[str, Any] = msgspec.json.decode(row.content) if row.content else {}
    left = msgspec.convert(row.doc.get("left", []), tuple[Left, ...])
    return WithdrawalView(
        id=row.id,
        state=row.state,
        declared_at=row.declared_at,
        locale=row.locale,
        name=typed.get("name"),
        order_number=typed.get("order_number"),
        electronic_address=typed.get("electronic_address"),
        lines=typed.get("lines"),
        statement=typed.get("statement"),
        matched_order=row.matched_order,
        return_id=row.return_id,
        why=row.doc.get("why"),
        not_filed=[_left(one, locale) for one in left],
        acknowledged_at=row.acknowledged_at,
        version=row.version,
    )


def _left(one: Left, locale: str) -> LeftView:
    reasons = [why.reason(locale) for why in one.reasons]
    return LeftView(code=one.code, quantity=one.quantity, line=one.line, sku=one.sku, reasons=reasons)
