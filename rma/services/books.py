"""The money of one order as it stands: every component ever decided, and what each tender still has to give."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import msgspec
import sqlalchemy as sa

from rma.db import hot, tables
from rma.db.session import Work
from rma.domain import units
from rma.domain.components import Component
from rma.domain.tenders import TenderState, tender_states
from rma.domain.units import Ranges
from rma.services.assess import OrderView

_refunds = tables.table(tables.Refund)
_transfers = tables.table(tables.Transfer)
_REFUNDS = hot.Hot(
    sa.select(
        _refunds.c.id,
        _refunds.c.return_id,
        _refunds.c.state,
        _refunds.c.components,
        _refunds.c.total,
        _refunds.c.approvals,
    )
    .where(_refunds.c.order_id == sa.bindparam("order_id"))
    .order_by(_refunds.c.id)
)
_COMMITTED = hot.Hot(
    sa.select(sa.func.coalesce(_transfers.c.on_behalf_of, _transfers.c.payment_id), sa.func.sum(_transfers.c.amount))
    .select_from(_transfers.join(_refunds, _refunds.c.id == _transfers.c.refund_id))
    .where(
        _transfers.c.order_id == sa.bindparam("order_id"),
        _transfers.c.state != sa.literal_column("'failed'"),
        _refunds.c.state != sa.literal_column("'refused'"),
        _refunds.c.id != sa.bindparam("but"),
    )
    .group_by(sa.func.coalesce(_transfers.c.on_behalf_of, _transfers.c.payment_id))
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

    def returned(self, line_id: str, *, by: str | None = None) -> Ranges:
        """Units of this line whose goods money was decided (by one return, or by any)."""
        found = [
            c.units
            for refund in self.decided
            if by is None or refund.return_id == by
            for c in refund.components
            if c.kind in RETURNED and c.order_line_id == line_id
        ]
        return units.union(*found)

    @property
    def approved_total(self) -> int:
        """Everything that was approved on the order: the second-person limit counts it."""
        return sum(refund.total for refund in self.decided if refund.approved)


def read(work: Work, view: OrderView, *, but: str = "") -> Books:
    """The order's books, without the refund ``but`` (the one that is being decided): two statements."""
    decided = tuple(
        _decided(row)
        for row in _REFUNDS.rows(work, {"order_id": view.row["id"]})
        if row[2] != "refused" and row[0] != but
    )
    rows: list[tuple[Any, ...]] = _COMMITTED.rows(work, {"order_id": view.row["id"], "but": but}) if decided else []
    committed = {payment: int(amount) for payment, amount in rows if payment is not None}
    return Books(decided, tender_states(view.order, committed))


def _decided(row: tuple[Any, ...]) -> Decided:
    refund_id, return_id, state, components, total, _approvals = row
    read_components = msgspec.convert(components, tuple[Component, ...])
    return Decided(refund_id, return_id, state, read_components, total, state not in ("proposed", "refused"))
