"""The case and what is said and kept about it: lines, evidence, messages, feedback, links."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlmodel import Field

from rma.db.columns import Instant
from rma.db.tables.base import Ranges, Row, json_of, key, partial, ref


class Return(Row, table=True):
    """The case. ``version`` rises with every change of it or of a child; ``head`` is the hash of its last event."""

    __tablename__ = "returns"
    __table_args__ = (
        sa.UniqueConstraint("store_id", "rma_number"),
        sa.Index("returns_by_state", "store_id", "state", "id"),
        sa.Index("returns_by_waiting", "store_id", "waits_for", "id"),
        sa.Index("returns_by_order", "order_id"),
        sa.Index("returns_by_order_number", "store_id", "order_number"),
        sa.Index("returns_by_email", "store_id", "email"),
        sa.Index("returns_by_customer", "store_id", "customer_ref", "created_at"),
        sa.Index("returns_by_store", "store_id", "id"),
    )
    id: str = key()
    store_id: str = ref("stores", index=False)
    order_id: str = ref("orders", index=False)
    order_number: str = Field(max_length=128)
    rma_number: str = Field(max_length=16)
    kind: str = Field(max_length=24)
    state: str = Field(max_length=32)
    waits_for: str = Field(max_length=16)
    workflow: str = Field(max_length=64)
    workflow_version: int
    policy_version: int
    law: str = Field(max_length=64)
    currency: str = Field(max_length=3)
    method: str | None = Field(default=None, max_length=24)
    statutory: bool = False
    customer_ref: str | None = Field(default=None, max_length=128)
    email: str | None = None
    contact: str | None = Field(default=None, sa_type=sa.Text)
    facts: dict[str, Any] = Field(sa_type=json_of(dict[str, Any]))
    quote: str = Field(sa_type=sa.Text)
    open_children: int = 0
    version: int = 1
    head: str = ""
    events_n: int = 0
    created_at: datetime = Field(sa_type=Instant)
    updated_at: datetime = Field(sa_type=Instant)


class ReturnLine(Row, table=True):
    """A line of a return: numbers, not states. ``reserved`` and ``consumed`` are the unit ranges that it holds."""

    __tablename__ = "return_lines"
    __table_args__ = (sa.Index("return_lines_by_sku", "store_id", "sku", "return_id"),)
    id: str = key()
    store_id: str = ref("stores", index=False)
    return_id: str = ref("returns")
    order_id: str = ref("orders")
    order_line_id: str = Field(max_length=128)
    position: int
    sku: str = Field(max_length=128)
    kind: str = Field(max_length=24)
    basis: str = Field(max_length=16)
    reason: str | None = Field(default=None, max_length=64)
    outcome: str = Field(max_length=24)
    note: str | None = None
    requested: int
    expected: int = 0
    received: int = 0
    missing: int = 0
    accepted: int = 0
    rejected: int = 0
    settled: int = 0
    units: Ranges = Field(sa_type=json_of(Ranges))
    reserved: Ranges = Field(sa_type=json_of(Ranges))
    consumed: Ranges = Field(sa_type=json_of(Ranges))
    doc: dict[str, Any] = Field(sa_type=json_of(dict[str, Any]))


class Evidence(Row, table=True):
    """A photo or paper that belongs to a case; the bytes lie in the file store under ``sha256`` until they go."""

    __tablename__ = "evidence"
    __table_args__ = (partial("evidence_kept", "store_id", "return_id", where="destroyed_at IS NULL"),)
    id: str = key()
    store_id: str = ref("stores", index=False)
    return_id: str = ref("returns")
    kind: str = Field(max_length=32)
    line_id: str | None = Field(default=None, max_length=40)
    note: str | None = None
    filename: str | None = None
    media_type: str = Field(max_length=64)
    size: int
    sha256: str = Field(max_length=64)
    by: str = Field(max_length=40)
    created_at: datetime = Field(sa_type=Instant)
    destroyed_at: datetime | None = Field(default=None, sa_type=Instant)


class Message(Row, table=True):
    """A message to or from the customer. The row is written, with its Message-ID, before anything is sent."""

    __tablename__ = "messages"
    __table_args__ = (sa.UniqueConstraint("store_id", "dedupe"), sa.Index("messages_to_send", "state"))
    id: str = key()
    store_id: str = ref("stores", index=False)
    return_id: str | None = Field(default=None, foreign_key="returns.id", index=True, max_length=40)
    direction: str = Field(max_length=4)
    kind: str = Field(max_length=40)
    message_class: str = Field(max_length=12)
    locale: str = Field(max_length=8)
    state: str = Field(max_length=12)
    dedupe: str = Field(max_length=96)
    message_id: str = Field(max_length=160)
    recipient: str | None = Field(default=None, index=True)
    subject: str | None = None
    text: str | None = Field(default=None, sa_type=sa.Text)
    html: str | None = Field(default=None, sa_type=sa.Text)
    attempts: int = 0
    error: str | None = Field(default=None, max_length=80)
    next_at: datetime | None = Field(default=None, sa_type=Instant)
    created_at: datetime = Field(sa_type=Instant)
    sent_at: datetime | None = Field(default=None, sa_type=Instant)


class Feedback(Row, table=True):
    """What the customer thought of it: once per closing."""

    __tablename__ = "feedback"
    id: str = key()
    store_id: str = ref("stores", index=False)
    return_id: str = ref("returns")
    score: int
    comment: str | None = None
    lines: list[dict[str, Any]] = Field(sa_type=json_of(list[dict[str, Any]]))
    created_at: datetime = Field(sa_type=Instant)


class Link(Row, table=True):
    """A customer's secret link to one return; only its hash is kept."""

    __tablename__ = "links"
    hash: str = Field(primary_key=True, max_length=64)
    store_id: str = ref("stores", index=False)
    return_id: str = ref("returns")
    expires_at: datetime = Field(sa_type=Instant)
    revoked_at: datetime | None = Field(default=None, sa_type=Instant)
    created_at: datetime = Field(sa_type=Instant)


class Withdrawal(Row, table=True):
    """A declared withdrawal: an aggregate of its own, with a chain of its own, that may become a return.

    ``token`` is the hash of the secret between the two steps; ``content`` what was typed, personal as a whole;
    ``dedupe`` tells the same content sent twice. ``state``: typed | matched | unmatched, or repeated, where ``same_as``
    names the record that has the same content. ``doc`` holds what staff sees: why there is no return, what was not
    filed.
    """

    __tablename__ = "withdrawals"
    __table_args__ = (
        sa.Index("withdrawals_by_state", "store_id", "state", "id"),
        sa.UniqueConstraint("store_id", "dedupe"),
    )
    id: str = key()
    store_id: str = ref("stores", index=False)
    token: str = Field(unique=True, max_length=64)
    state: str = Field(max_length=16)
    content: str | None = Field(default=None, sa_type=sa.Text)
    dedupe: str | None = Field(default=None, max_length=64)
    same_as: str | None = Field(default=None, foreign_key="withdrawals.id", index=True, max_length=40)
    order_id: str | None = Field(default=None, foreign_key="orders.id", index=True, max_length=40)
    return_id: str | None = Field(default=None, foreign_key="returns.id", index=True, max_length=40)
    doc: dict[str, Any] = Field(sa_type=json_of(dict[str, Any]))
    locale: str = Field(max_length=8)
    declared_at: datetime | None = Field(default=None, sa_type=Instant)
    version: int = 1
    head: str = ""
    events_n: int = 0
    created_at: datetime = Field(sa_type=Instant)
