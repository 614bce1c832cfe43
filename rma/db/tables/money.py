"""Money: refunds with their transfers, and what customers paid for a difference."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

import sqlalchemy as sa
from sqlmodel import Field

from rma.db.columns import Instant
from rma.db.tables.base import Row, json_of, key, partial, ref

_UNPAID = "state NOT IN ('refused', 'succeeded')"
_DOUBTED = "doubted_at IS NOT NULL"


class Refund(Row, table=True):
    """One decision to give money back: components and transfers. ``total`` in minor units.

    ``due_on`` is the law's day, else the promised one, else the last day that there is: lists are sorted by it.
    ``doubted_at``: when a provider last contradicted itself about it; its flags say how.
    """

    __tablename__ = "refunds"
    __table_args__ = (
        sa.Index("refunds_by_state", "store_id", "state", "due_on", "id"),
        sa.Index("refunds_by_due", "store_id", "due_on", "id"),
        partial("refunds_owed", "store_id", "due_on", "id", where=_UNPAID),
        sa.Index("refunds_by_store", "store_id", "id"),
        sa.Index("refunds_by_order_number", "store_id", "order_number"),
        partial("refunds_in_doubt", "store_id", "id", where=_DOUBTED),
    )
    id: str = key()
    store_id: str = ref("stores", index=False)
    order_id: str = ref("orders")
    order_number: str = Field(max_length=128)
    return_id: str | None = Field(default=None, foreign_key="returns.id", index=True, max_length=40)
    state: str = Field(max_length=24)
    currency: str = Field(max_length=3)
    total: int
    components: list[dict[str, Any]] = Field(sa_type=json_of(list[dict[str, Any]]))
    doc: dict[str, Any] = Field(sa_type=json_of(dict[str, Any]))
    approvals: list[dict[str, Any]] = Field(sa_type=json_of(list[dict[str, Any]]))
    payout: str | None = Field(default=None, sa_type=sa.Text)
    due_promise: date | None = None
    due_legal: date | None = None
    due_on: date = date.max
    doubted_at: datetime | None = Field(default=None, sa_type=Instant)
    article: str | None = None
    version: int = 1
    created_at: datetime = Field(sa_type=Instant)
    updated_at: datetime = Field(sa_type=Instant)


class Transfer(Row, table=True):
    """One movement of a refund over one tender. ``attempt`` counts sends, each with its own idempotency key."""

    __tablename__ = "transfers"
    id: str = key()
    store_id: str = ref("stores", index=False)
    refund_id: str = ref("refunds")
    order_id: str = ref("orders")
    position: int
    tender: str = Field(max_length=32)
    payment_id: str | None = Field(default=None, max_length=128)
    on_behalf_of: str | None = Field(default=None, max_length=128)
    provider: str | None = Field(default=None, max_length=64)
    amount: int
    state: str = Field(max_length=16)
    attempt: int = 1
    provider_reference: str | None = Field(default=None, max_length=128)
    error: str | None = None
    updated_at: datetime = Field(sa_type=Instant)


class Payment(Row, table=True):
    """What the customer paid us for an exchange's difference."""

    __tablename__ = "payments"
    __table_args__ = (sa.UniqueConstraint("return_id", "reference"),)
    id: str = key()
    store_id: str = ref("stores", index=False)
    return_id: str = ref("returns", index=False)
    reference: str = Field(max_length=128)
    tender: str = Field(max_length=32)
    amount: int
    currency: str = Field(max_length=3)
    created_at: datetime = Field(sa_type=Instant)
