"""The money of one order as it stands: every component ever decided, and what each tender still has to give."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import msgspec
import sqlalchemy as sa

from rma.db import hot, tables
from rma.db.named import Query
from rma.db.session import Work
from rma.domain import stretches, units
from rma.domain.components import REST, Component
from rma.domain.order import Order, Payment
from rma.domain.pricing import Priced
from rma.domain.stretches import Run
from rma.domain.tenders import TenderState, included, tender_states
from rma.domain.units import Ranges
from rma.services import naming
from rma.services.assess import OrderView
from rma.services.naming import Name, OrderBy

_refunds = tables.table(tables.Refund)
_transfers = tables.table(tables.Transfer)
NAMES = ("id", "return_id", "state", "components", "total")
GONE = ("succeeded", "sending", "unknown")
"""Transfers whose money is with the customer, or may be."""


def _sent() -> sa.ColumnElement[Any]:
    """Whether a transfer went, or may have gone, to the payment itself."""
    return sa.and_(
        _transfers.c.on_behalf_of.is_(None), _transfers.c.state.in_([sa.literal_column(f"'{s}'") for s in GONE])
    )


@cache
def _refunds_of(by: OrderBy) -> hot.Hot:
    """Each refund once for each of its transfers."""
    payment = sa.func.coalesce(_transfers.c.on_behalf_of, _transfers.c.payment_id)
    return hot.Hot(
        sa.select(*(_refunds.c[name] for name in NAMES), payment, _transfers.c.amount, _sent())
        .select_from(_refunds.outerjoin(_transfers, _transfers.c.refund_id == _refunds.c.id))
        .where(_refunds.c.order_id == naming.order_id(by), _refunds.c.state != sa.literal_column("'refused'"))
        .order_by(_refunds.c.id)
    )


_SENT_TO = Query(
    sa.select(_transfers.c.amount, _transfers.c.state)
    .where(_transfers.c.order_id == sa.bindparam("order"), _transfers.c.payment_id == sa.bindparam("payment"), _sent())
    .order_by(_transfers.c.updated_at, _transfers.c.id)
)
RETURNED = frozenset({"goods"})


@dataclass(frozen=True, slots=True)
class Decided:
    """One refund of the order that was not refused."""

    id: str
    return_id: str | None
    state: str
    components: tuple[Component, ...]
    total: int
    approved: bool


@dataclass(frozen=True, slots=True)
class Books:
    """What was decided on an order so far, and what its tenders have left."""

    decided: tuple[Decided, ...]
    tenders: tuple[TenderState, ...]

    @property
    def past(self) -> tuple[Component, ...]:
        """Every component that stands, in order of proposal."""
        return tuple(c for refund in self.decided for c in refund.components)

    def returned(self, line_id: str, *, by_returns: bool = False) -> Ranges:
        """Units of this line whose goods money was decided (``by_returns`` alone, or also by hand without goods).

        Undone exchanges are left out, and the rest of a return's refund, which decides nothing of its own.
        """
        found: Ranges = ()
        for refund in self.decided:
            for c in refund.components if refund.return_id or not by_returns else ():
                rest = c.why == REST and refund.return_id is not None
                if c.order_line_id == line_id and c.kind in RETURNED and not rest:
                    found = units.union(found, c.units)
                elif c.order_line_id == line_id and c.cause == "undone":
                    found = units.subtract(found, c.units)
        return found

    def left(self, priced: Priced, line_id: str, meant: Ranges) -> list[Run]:
        """What is left of the price of these units of a line after everything that was decided."""
        past = [c for c in self.past if c.order_line_id == line_id]
        return stretches.free(priced.lines[line_id], meant, past)

    @property
    def approved_total(self) -> int:
        """Everything that was approved on the order: the second-person limit counts it."""
        return sum(refund.total for refund in self.decided if refund.approved)


Held = tuple[Mapping[str, Any], Sequence[Mapping[str, Any]]]
"""A refund's row with its transfers, as a door holds them before they are written."""


def reads(name: Name) -> list[hot.Read]:
    """What ``read`` asks for, for who reads it ahead with more."""
    return [(_refunds_of(name.by), name.params)]


def read(work: Work, view: OrderView, *, but: str = "", held: Sequence[Held] = ()) -> Books:
    """The order's books, without the refund ``but`` (the one that is being decided): one statement.

    ``held`` are refunds that the running transaction has changed or added and not written yet: they count as they are.
    A failed transfer is still owed and will be sent again, or over another tender on this one's allowance.
    """
    left_out = {but, *(row["id"] for row, _ in held)}
    rows = {row["id"]: tuple(row[name] for name in NAMES) for row, _ in held if row["id"] != but}
    committed: Counter[str] = Counter()
    sent: Counter[str] = Counter()
    for *cells, payment, amount, gone in _refunds_of(view.name.by).rows(work, view.name.params):
        if cells[0] not in left_out:
            rows[cells[0]] = tuple(cells)
            if payment is not None:
                committed[payment] += amount
                sent[payment] += amount if gone else 0
    for row, transfers in held:
        if row["id"] != but and row["state"] != "refused":
            committed.update(_promised(transfers))
            sent.update(_gone(transfers))
    decided = tuple(decided_of(row) for _, row in sorted(rows.items()) if row[2] != "refused")
    return Books(decided, tender_states(view.order, committed, sent=sent))


def _gone(transfers: Sequence[Mapping[str, Any]]) -> Counter[str]:
    """What of these transfers went, or may have gone, to each payment itself."""
    found: Counter[str] = Counter()
    for row in transfers:
        if row["payment_id"] is not None and row["on_behalf_of"] is None and row["state"] in GONE:
            found[row["payment_id"]] += row["amount"]
    return found


def told(work: Work, order_id: str, old: Order, new: Order) -> tuple[Payment, ...]:
    """The payments of a snapshot that came over ``old``, each with how much of its ``refunded`` was sent from here."""
    before = {one.id: one for one in old.payments}
    found = []
    for one in new.payments:
        was = before.get(one.id)
        if was is None:
            here = 0
        elif one.refunded == was.refunded:
            here = was.refunded_here
        else:
            here = _here(work, order_id, one, outside=was.refunded - was.refunded_here)
        found.append(msgspec.structs.replace(one, refunded_here=here))
    return tuple(found)


def _here(work: Work, order_id: str, payment: Payment, *, outside: int) -> int:
    rows = _SENT_TO.all(work, order=order_id, payment=payment.id)
    succeeded = [row.amount for row in rows if row.state == "succeeded"]
    maybe = [row.amount for row in rows if row.state != "succeeded"]
    return included(payment.refunded, outside=outside, succeeded=succeeded, maybe=maybe)


def _promised(transfers: Sequence[Mapping[str, Any]]) -> Counter[str]:
    """What these transfers take from each payment; a failed one is still owed."""
    found: Counter[str] = Counter()
    for row in transfers:
        payment = row["on_behalf_of"] or row["payment_id"]
        if payment is not None:
            found[payment] += row["amount"]
    return found


def decided_of(row: tuple[Any, ...]) -> Decided:
    """A refund from its row: id, return, state, components and total, in this order."""
    refund_id, return_id, state, components, total = row
    return Decided(
        refund_id, return_id, state, read_components(components), total, state not in ("proposed", "refused")
    )


def read_components(stored: Any) -> tuple[Component, ...]:
    """Components from how they are stored."""
    return msgspec.convert(stored, tuple[Component, ...])
