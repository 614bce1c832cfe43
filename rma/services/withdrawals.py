"""The withdrawal function: two steps without a key, a receipt at once, and what staff does with the rest.

A declaration is an aggregate of its own with a chain of its own. It stands from the moment it is confirmed, whether or
not an order is found; what is answered holds only what was typed, the date and the time.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import msgspec
import sqlalchemy as sa

from rma.db import hot, tables
from rma.db.session import Work
from rma.domain import calendar, mailboxes, withdrawals
from rma.domain.events import Draft, Personal
from rma.domain.ids import secret_hash
from rma.domain.papers import WithdrawalReceipt
from rma.domain.texts import LANGUAGES
from rma.domain.withdrawals import Declaration, DeclaredLine
from rma.errors import NotFound
from rma.services import links, log, notify, withdrawal_filing
from rma.services.caller import Caller
from rma.services.case import store_now
from rma.services.catalog import StoreInfo
from rma.services.context import Services
from rma.services.withdrawal_filing import Filed
from rma.services.withdrawal_function import store_of

TYPED, MATCHED, UNMATCHED, REPEATED = "typed", "matched", "unmatched", "repeated"
ACKNOWLEDGED = "withdrawal_acknowledged"
KEPT_UNCONFIRMED = timedelta(days=7)
_rows = tables.table(tables.Withdrawal)
_stores = tables.table(tables.Store)
_returns = tables.table(tables.Return)
_INSERT = hot.insert(_rows)
_read = msgspec.json.Decoder(Declaration).decode


class Receipt(msgspec.Struct, frozen=True, kw_only=True):
    """What was typed, and when it was declared: ``declared_at`` in RFC 3339, date and time by the store's clock."""

    name: str
    order_number: str
    electronic_address: str
    lines: tuple[DeclaredLine, ...] | None
    statement: str | None
    declared_at: str
    date: str
    time: str
    timezone: str


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """What a token opens: what was typed, and the receipt once it is declared."""

    typed: Declaration
    receipt: Receipt | None
    locale: str


def admit(services: Services, typed: Declaration) -> None:
    """Let one more message go to the mailbox that was typed, else ``RateLimited``. The network was counted before."""
    services.limits.take(recipient=mailboxes.search_form(typed.electronic_address))


def begin(work: Work, services: Services, slug: str, typed: Declaration, *, locale: str) -> str:
    """Keep what was typed and answer the token to confirm it with. Nothing is declared yet."""
    store = store_of(work, services, slug)
    declared = withdrawals.checked(typed)
    row_id = work.new_id("wdr")
    token = links.withdrawal(services.settings.secret, row_id)
    row: dict[str, Any] = {column.name: None for column in _rows.columns}
    row |= {"id": row_id, "store_id": store.id, "state": TYPED}
    row |= {"token": secret_hash(token), "content": msgspec.json.encode(declared).decode(), "doc": {}}
    row |= {"locale": locale if locale in LANGUAGES else store.locale, "version": 1, "head": "", "events_n": 0}
    _INSERT.run(work, row | {"created_at": work.real_now})
    return token


def look(work: Work, services: Services, slug: str, token: str) -> Seen:
    """What was typed under this token, and its receipt. ``NotFound`` for one that is unknown, or of another store."""
    store = store_of(work, services, slug)
    row = _find(work, store, token, lock=False)
    shown = _first(work, row)
    return Seen(typed=_content(shown), receipt=_receipt(store, shown), locale=shown.locale)


def confirm(work: Work, services: Services, slug: str, token: str) -> Receipt:
    """Declare what was typed. Again, or the same content under another token: the receipt of the first time.

    Only if the order's number and its e-mail match does it become a return at once.
    """
    store = store_of(work, services, slug)
    row = _find(work, store, token, lock=True)
    if row.state == TYPED:
        declared = _content(row)
        known = _twin(work, store.id, withdrawals.fingerprint(declared))
        if known is None:
            _declare(work, services, store, row, declared)
        else:
            changes = {"state": REPEATED, "same_as": known, "content": None}
            work.conn.execute(sa.update(_rows).where(_rows.c.id == row.id).values(**changes))
        row = _find(work, store, token, lock=False)
    receipt = _receipt(store, _first(work, row))
    if receipt is None:
        raise NotFound("There is no such withdrawal.")
    return receipt


def receipt_pdf(services: Services, slug: str, token: str) -> bytes:
    """The receipt on paper: the same bytes whenever it is asked for. ``NotFound`` before it is declared."""
    with services.database.read() as work:
        store = store_of(work, services, slug)
        row = _first(work, _find(work, store, token, lock=False))
        if row.declared_at is None:
            raise NotFound("Nothing was declared yet.")
        typed = _content(row)
    return services.printer.withdrawal_receipt(
        WithdrawalReceipt(
            locale=row.locale if row.locale in LANGUAGES else "en",
            store_name=store.name,
            timezone=store.timezone,
            declared_at=row.declared_at,
            content=typed,
        )
    )


def prune(work: Work, before: datetime) -> int:
    """Forget what was typed before this instant and never confirmed; how many there were."""
    old = sa.and_(_rows.c.state == TYPED, _rows.c.created_at < before)
    return work.conn.execute(sa.delete(_rows).where(old)).rowcount


def forget_unconfirmed(services: Services) -> int:
    """Forget what was typed more than a week ago and never confirmed. Answers 0: nothing follows from it."""
    services.database.retrying(lambda work: prune(work, work.real_now - KEPT_UNCONFIRMED))
    return 0


def note_match(
    work: Work, store: StoreInfo, withdrawal_id: str, filed: Filed, *, version: int, actor: str, now: datetime
) -> None:
    """Write down which order a declaration belongs to, what was filed of it, and what was not."""
    doc = {"why": filed.why, "left": msgspec.to_builtins(filed.left)}
    changes = {"state": MATCHED, "order_id": filed.order_id, "return_id": filed.return_id, "doc": doc}
    work.conn.execute(sa.update(_rows).where(_rows.c.id == withdrawal_id).values(version=version + 1, **changes))
    told: dict[str, Any] = {"trigger": "match", "from": UNMATCHED, "to": MATCHED, "order": filed.order_number}
    told |= {"return_id": filed.return_id, "why": filed.why}
    drafts = [Draft("withdrawal.matched", told, now)]
    log.append_to(work, "withdrawals", withdrawal_id, drafts, store_id=store.id, actor=actor)


def content_of(row: Any) -> Declaration:
    """What was typed. ``NotFound`` once it was erased."""
    return _content(row)


def _declare(work: Work, services: Services, store: StoreInfo, row: Any, declared: Declaration) -> None:
    """Everything but the filing is the same for an order that is there and for one that is not.

    The mailbox of an order with another address is told by whoever reads the event (``domain.occasions``).
    """
    now = store_now(work, row.clock_offset)
    at = now.replace(microsecond=0)
    changes = {"state": UNMATCHED, "dedupe": withdrawals.fingerprint(declared), "declared_at": at}
    work.conn.execute(sa.update(_rows).where(_rows.c.id == row.id).values(**changes))
    drafts = [Draft("withdrawal.declared", _told(row, declared), now)]
    log.append_to(work, "withdrawals", row.id, drafts, store_id=store.id, actor="system")
    order = withdrawal_filing.find_order(work, store.id, declared.order_number)
    mine = order is not None and order.email is not None and mailboxes.same(order.email, declared.electronic_address)
    values = {"kind": ACKNOWLEDGED, "dedupe": f"{row.id}:{ACKNOWLEDGED}", "recipient": declared.electronic_address}
    notify.insert(work, notify.new_row(work, services, store, **values, locale=row.locale, created_at=now))
    if mine:
        caller = Caller(store_id=store.id, store_slug=store.slug, locale=store.locale, timezone=store.timezone)
        filed = withdrawal_filing.file(work, services, caller, declared, order=order, at=at, locale=row.locale)
        note_match(work, store, row.id, filed, version=row.version, actor=caller.actor, now=now)


def _told(row: Any, declared: Declaration) -> dict[str, Any]:
    """What the event holds: everything that was typed is personal."""
    told: dict[str, Any] = {"to": UNMATCHED, "locale": row.locale, "name": Personal(declared.name)}
    told["order_number"] = Personal(declared.order_number)
    told["electronic_address"] = Personal(declared.electronic_address)
    if declared.lines:
        told["lines"] = Personal(msgspec.json.encode(declared.lines).decode())
    if declared.statement:
        told["statement"] = Personal(declared.statement)
    return told


def _find(work: Work, store: StoreInfo, token: str, *, lock: bool) -> Any:
    query = (
        sa.select(_rows, _stores.c.clock_offset)
        .select_from(_rows.join(_stores, _stores.c.id == _rows.c.store_id))
        .where(_rows.c.store_id == store.id, _rows.c.token == secret_hash(token))
    )
    found = work.conn.execute(query.with_for_update(of=_rows, key_share=True) if lock else query).first()
    if found is None:
        raise NotFound("There is no such withdrawal.")
    return found


def _first(work: Work, row: Any) -> Any:
    """The record itself, or the earlier one that has the same content."""
    if row.same_as is None:
        return row
    return work.conn.execute(sa.select(_rows).where(_rows.c.id == row.same_as)).one()


def _twin(work: Work, store_id: str, mark: str) -> str | None:
    """The record with this content. Once the customer cancelled its return, the same words are a new declaration."""
    found = work.conn.execute(
        sa.select(_rows.c.id, _returns.c.state)
        .select_from(_rows.outerjoin(_returns, _returns.c.id == _rows.c.return_id))
        .where(_rows.c.store_id == store_id, _rows.c.dedupe == mark)
    ).first()
    if found is not None and found.state == "cancelled":
        work.conn.execute(sa.update(_rows).where(_rows.c.id == found.id).values(dedupe=None))
        return None
    return None if found is None else str(found.id)


def _content(row: Any) -> Declaration:
    if row.content is None:
        raise NotFound("There is no such withdrawal.")
    return _read(row.content)


def _receipt(store: StoreInfo, row: Any) -> Receipt | None:
    if row.declared_at is None:
        return None
    local = row.declared_at.astimezone(calendar.zone(store.timezone))
    return Receipt(
        **msgspec.structs.asdict(_content(row)),
        declared_at=local.isoformat(timespec="seconds"),
        date=local.date().isoformat(),
        time=local.time().isoformat(timespec="seconds"),
        timezone=store.timezone,
    )
