"""Real returns read in batches for a replay: a handful of statements for hundreds of returns, never one each."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta
from typing import Any

import msgspec
import sqlalchemy as sa

from rma.db import tables
from rma.db.session import Work
from rma.domain import calendar
from rma.domain.tenders import tender_states
from rma.services import assess, books
from rma.services.assess import Hold, OrderView
from rma.services.books import Books
from rma.services.catalog import StoreInfo

BATCH = 500
"""Returns of one batch."""
_returns = tables.table(tables.Return)
_lines = tables.table(tables.ReturnLine)
_orders = tables.table(tables.Order)
_evidence = tables.table(tables.Evidence)
_refunds = tables.table(tables.Refund)
_transfers = tables.table(tables.Transfer)
_RETURN = ("id", "order_id", "order_number", "rma_number", "method", "policy_version", "currency", "created_at")
_ORDER = ("id", "doc", "frozen", "person", "customer_ref", "policy_version", "law")
_LINE = ("id", "return_id", "order_id", "order_line_id", "kind", "reason", "outcome", "requested", "reserved")


class LineRow(msgspec.Struct, frozen=True, gc=False):
    """A stored return line, with what is needed of its return."""

    id: str
    return_id: str
    order_id: str
    order_line_id: str
    kind: str
    reason: str | None
    outcome: str
    requested: int
    reserved: Any
    consumed: Any
    doc: dict[str, Any]
    rma_number: str
    state: str
    filed_at: datetime

    def hold(self) -> Hold:
        """What it holds of its order line."""
        return Hold(
            self.return_id, self.rma_number, self.state, self.order_line_id, self.reserved, self.consumed, self.doc
        )


class Filed(msgspec.Struct, frozen=True, kw_only=True):
    """A return as it was filed: its lines, its order with what earlier returns hold, and the files that it has."""

    id: str
    order_id: str
    order_number: str
    rma_number: str
    method: str | None
    policy_version: int
    currency: str
    created_at: datetime
    noticed_at: datetime
    lines: tuple[LineRow, ...]
    view: OrderView
    evidence: tuple[tuple[str | None, str], ...]
    earlier: tuple[date, ...]

    def files_of(self, line: LineRow) -> tuple[str, ...]:
        """The kinds of the files of a line and of the whole return."""
        return tuple(kind for line_id, kind in self.evidence if line_id in (None, line.id))


def how_many(work: Work, store_id: str, *, most: int) -> int:
    """How many returns the store has, counted no further than ``most``."""
    some = sa.select(_returns.c.id).where(_returns.c.store_id == store_id).limit(most).subquery()
    return int(work.conn.execute(sa.select(sa.func.count()).select_from(some)).scalar_one())


def batches(work: Work, store: StoreInfo, *, last: int, lookback: int) -> Iterator[list[Filed]]:
    """The last returns of a store, newest first, in batches. ``lookback``: days of earlier returns to read."""
    before = None
    diary = _Diary(work, store, last=last, lookback=lookback)
    while last > 0:
        query = sa.select(*(_returns.c[name] for name in _RETURN), _returns.c.customer_ref, _returns.c.facts)
        query = query.where(_returns.c.store_id == store.id).order_by(_returns.c.id.desc()).limit(min(BATCH, last))
        rows = work.conn.execute(query if before is None else query.where(_returns.c.id < before)).all()
        if not rows:
            return
        yield _filed(work, store, rows, diary)
        before, last = rows[-1].id, last - len(rows)


class _Diary:
    """When customers filed: each customer is read once, as far back as any rule may look from the oldest return."""

    def __init__(self, work: Work, store: StoreInfo, *, last: int, lookback: int) -> None:
        self._work, self._store, self._lookback = work, store, lookback
        self._known: dict[str, list[datetime]] = {}
        oldest = sa.select(_returns.c.id, _returns.c.created_at).where(_returns.c.store_id == store.id)
        newest = oldest.order_by(_returns.c.id.desc()).limit(last).subquery()
        first = work.conn.execute(sa.select(sa.func.min(newest.c.created_at))).scalar() if lookback else None
        self._since = first - timedelta(days=lookback + 1) if first is not None else None

    def read(self, customers: set[str]) -> None:
        """Read the customers that are not known yet, in one statement."""
        new = sorted(customers - self._known.keys())
        if self._since is None or not new:
            return
        self._known |= {customer: [] for customer in new}
        query = sa.select(_returns.c.customer_ref, _returns.c.created_at).where(
            _returns.c.store_id == self._store.id,
            _returns.c.customer_ref.in_(new),
            _returns.c.created_at >= self._since,
        )
        for customer, at in self._work.conn.execute(query):
            self._known[customer].append(at)

    def before(self, row: Any, timezone: str) -> tuple[date, ...]:
        """The local days on which this return's customer had filed before, as far back as a rule may look."""
        since = row.created_at - timedelta(days=self._lookback + 1)
        filed = self._known.get(row.customer_ref, ())
        return tuple(calendar.local_date(at, timezone) for at in filed if since <= at < row.created_at)


def _filed(work: Work, store: StoreInfo, rows: Sequence[Any], diary: _Diary) -> list[Filed]:
    order_ids = sorted({row.order_id for row in rows})
    orders = _by_id(work, order_ids)
    lines = _lines_of(work, order_ids)
    files = _files_of(work, [row.id for row in rows])
    diary.read({row.customer_ref for row in rows if row.customer_ref})
    found = []
    for row in rows:
        own = tuple(line for line in lines[row.order_id] if line.return_id == row.id)
        holds = [line.hold() for line in lines[row.order_id] if line.return_id < row.id]
        if own:
            view = assess.view_of(store, orders[row.order_id], holds)
            days = diary.before(row, view.timezone)
            values = {name: getattr(row, name) for name in _RETURN}
            told = row.facts.get("noticed_at")
            noticed = datetime.fromisoformat(told) if told else row.created_at
            kept = tuple(files[row.id])
            found.append(Filed(**values, noticed_at=noticed, lines=own, view=view, evidence=kept, earlier=days))
    return found


def _by_id(work: Work, order_ids: Sequence[str]) -> dict[str, dict[str, Any]]:
    query = sa.select(*(_orders.c[name] for name in _ORDER)).where(_orders.c.id.in_(order_ids))
    return {row["id"]: dict(row) for row in work.conn.execute(query).mappings()}


def _lines_of(work: Work, order_ids: Sequence[str]) -> dict[str, list[LineRow]]:
    """The lines of all returns of these orders, by order, in the order of filing."""
    query = (
        sa.select(
            *(_lines.c[name] for name in (*_LINE, "consumed", "doc")),
            _returns.c.rma_number,
            _returns.c.state,
            _returns.c.created_at,
        )
        .select_from(_lines.join(_returns, _returns.c.id == _lines.c.return_id))
        .where(_lines.c.order_id.in_(order_ids))
        .order_by(_lines.c.return_id, _lines.c.position)
    )
    found: dict[str, list[LineRow]] = defaultdict(list)
    for row in work.conn.execute(query):
        found[row.order_id].append(LineRow(*tuple(row)))
    return found


def _files_of(work: Work, return_ids: Sequence[str]) -> dict[str, list[tuple[str | None, str]]]:
    query = sa.select(_evidence.c.return_id, _evidence.c.line_id, _evidence.c.kind)
    found: dict[str, list[tuple[str | None, str]]] = defaultdict(list)
    for return_id, line_id, kind in work.conn.execute(query.where(_evidence.c.return_id.in_(return_ids))):
        found[return_id].append((line_id, kind))
    return found


def books_of(work: Work, filed: Sequence[Filed]) -> dict[str, Books]:
    """The books of these returns' orders as each return found them, by return: two statements."""
    order_ids = sorted({one.order_id for one in filed})
    refunds = sa.select(*(_refunds.c[name] for name in books.NAMES), _refunds.c.order_id, _refunds.c.created_at)
    refunds = refunds.where(_refunds.c.order_id.in_(order_ids), _refunds.c.state != "refused").order_by(_refunds.c.id)
    rows: dict[str, list[Any]] = defaultdict(list)
    for row in work.conn.execute(refunds):
        rows[row.order_id].append(row)
    payment = sa.func.coalesce(_transfers.c.on_behalf_of, _transfers.c.payment_id)
    sums = sa.select(_transfers.c.refund_id, payment, sa.func.sum(_transfers.c.amount))
    sums = sums.where(_transfers.c.order_id.in_(order_ids)).group_by(_transfers.c.refund_id, payment)
    moved: dict[str, dict[str, int]] = defaultdict(dict)
    for refund_id, which, amount in work.conn.execute(sums):
        if which is not None:
            moved[refund_id][which] = int(amount)
    return {one.id: _books(one, rows[one.order_id], moved) for one in filed}


def _books(one: Filed, rows: Sequence[Any], moved: dict[str, dict[str, int]]) -> Books:
    mine = [row for row in rows if row.return_id != one.id and row.created_at <= one.created_at]
    committed: dict[str, int] = defaultdict(int)
    for row in mine:
        for payment, amount in moved.get(row.id, {}).items():
            committed[payment] += amount
    decided = tuple(books.decided_of(tuple(row)[: len(books.NAMES)]) for row in mine)
    return Books(decided, tender_states(one.view.order, committed))
