"""The money of one order as it stands: every component ever decided, and what each tender still has to give."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
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
NAMES = ("id", "return_id", "state", "components", "total", "approvals")
_REFUNDS = hot.Hot(
    sa.select(*(_refunds.c[name] for name in NAMES))
    .where(_refunds.c.order_id == sa.bindparam("order_id"))
    .order_by(_refunds.c.id)
)
# A failed transfer is still owed and will be sent again, or over another tender on this one's allowance.
_COMMITTED = hot.Hot(
    sa.select(
        _transfers.c.refund_id,
        sa.func.coalesce(_transfers.c.on_behalf_of, _transfers.c.payment_id),
        sa.func.sum(_transfers.c.amount),
    )
    .select_from(_transfers.join(_refunds, _refunds.c.id == _transfers.c.refund_id))
    .where(
        _transfers.c.order_id == sa.bindparam("order_id"),
        _refunds.c.state != sa.literal_column("'refused'"),
    )
    .group_by(_transfers.c.refund_id, sa.func.coalesce(_transfers.c.on_behalf_of, _transfers.c.payment_id))
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
        """Units of this line whose goods money was decided (by one return, or by any), undone exchanges left out."""
        found: Ranges = ()
        for refund in self.decided:
            for c in refund.components if by is None or refund.return_id == by else ():
                if c.order_line_id == line_id and c.kind in RETURNED:
                    found = units.union(found, c.units)
                elif c.order_line_id == line_id and c.cause == "undone":
                    found = units.subtract(found, c.units)
        return found

    @property
    def approved_total(self) -> int:
        """Everything that was approved on the order: the second-person limit counts it."""
        return sum(refund.total for refund in self.decided if refund.approved)


Held = tuple[Mapping[str, Any], Sequence[Mapping[str, Any]]]
"""A refund's row with its transfers, as a door holds them before they are written."""


def reads(order_id: str) -> list[hot.Read]:
    """What ``read`` asks for, for who reads it ahead with more."""
    return [(_REFUNDS, {"order_id": order_id}), (_COMMITTED, {"order_id": order_id})]


def read(work: Work, view: OrderView, *, but: str = "", held: Sequence[Held] = ()) -> Books:
    """The order's books, without the refund ``but`` (the one that is being decided): two statements.

    ``held`` are refunds that the running transaction has changed or added and not written yet: they count as they are.
    """
    left_out = {but, *(row["id"] for row, _ in held)}
    rows = [row for row in _REFUNDS.rows(work, {"order_id": view.row["id"]}) if row[0] not in left_out]
    rows += [tuple(row[name] for name in NAMES) for row, _ in held if row["id"] != but]
    decided = tuple(decided_of(row) for row in sorted(rows, key=lambda row: str(row[0])) if row[2] != "refused")
    committed: Counter[str] = Counter()
    for refund_id, payment, amount in _COMMITTED.rows(work, {"order_id": view.row["id"]}) if decided else ():
        if refund_id not in left_out and payment is not None:
            committed[payment] += int(amount)
    for row, transfers in held:
        if row["id"] != but and row["state"] != "refused":
            committed.update(_promised(transfers))
    return Books(decided, tender_states(view.order, committed))


def _promised(transfers: Sequence[Mapping[str, Any]]) -> Counter[str]:
    """What these transfers take from each payment."""
    found: Counter[str] = Counter()
    for row in transfers:
        payment = row["on_behalf_of"] or row["payment_id"]
        if payment is not None and row["state"] != "failed":
            found[payment] += row["amount"]
    return found


def decided_of(row: tuple[Any, ...]) -> Decided:
    """A refund from its row: id, return, state, components, total and approvals, in this order."""
    refund_id, return_id, state, components, total, _approvals = row
    return Decided(
        refund_id, return_id, state, read_components(components), total, state not in ("proposed", "refused")
    )


def read_components(stored: Any) -> tuple[Component, ...]:
    """Components from how they are stored."""
    return msgspec.convert(stored, tuple[Component, ...])
