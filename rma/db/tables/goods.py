"""Goods on their way and in the warehouse: parcels, receipts, inspections, replacements."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

import sqlalchemy as sa
from sqlmodel import Field

from rma.db.columns import Instant
from rma.db.tables.base import Row, json_of, key, ref


class Parcel(Row, table=True):
    """A parcel on its way in or out, with its label or code."""

    __tablename__ = "parcels"
    __table_args__ = (
        sa.Index("parcels_by_tracking", "store_id", "tracking"),
        sa.Index("parcels_by_code", "store_id", "code"),
    )
    id: str = key()
    store_id: str = ref("stores", index=False)
    return_id: str = ref("returns")
    direction: str = Field(max_length=8)
    state: str = Field(max_length=16)
    method: str = Field(max_length=24)
    carrier: str | None = Field(default=None, max_length=64)
    tracking: str | None = Field(default=None, max_length=128)
    code: str | None = Field(default=None, max_length=64)
    expires_on: date | None = None
    handed_over_at: datetime | None = Field(default=None, sa_type=Instant)
    delivered_at: datetime | None = Field(default=None, sa_type=Instant)
    lines: list[dict[str, Any]] = Field(sa_type=json_of(list[dict[str, Any]]))
    doc: dict[str, Any] = Field(sa_type=json_of(dict[str, Any]))
    attempt: int = 1
    version: int = 1
    created_at: datetime = Field(sa_type=Instant)
    updated_at: datetime = Field(sa_type=Instant)


class ParcelEvent(Row, table=True):
    """What a carrier or a person said of a parcel; a ``source_id`` is heard once."""

    __tablename__ = "parcel_events"
    parcel_id: str = Field(foreign_key="parcels.id", primary_key=True, max_length=40)
    source_id: str = Field(primary_key=True, max_length=128)
    status: str = Field(max_length=16)
    carrier_status: str | None = None
    at: datetime = Field(sa_type=Instant)
    recorded_at: datetime = Field(sa_type=Instant)


class Receipt(Row, table=True):
    """What one scan session said had arrived; a ``scan_id`` counts once and may be undone."""

    __tablename__ = "receipts"
    __table_args__ = (sa.UniqueConstraint("store_id", "scan_id"),)
    id: str = key()
    store_id: str = ref("stores", index=False)
    return_id: str | None = Field(default=None, foreign_key="returns.id", index=True, max_length=40)
    scan_id: str = Field(max_length=128)
    doc: dict[str, Any] = Field(sa_type=json_of(dict[str, Any]))
    undone_at: datetime | None = Field(default=None, sa_type=Instant)
    created_at: datetime = Field(sa_type=Instant)


class Unexpected(Row, table=True):
    """Goods or a whole parcel that nobody announced, until matched or disposed of. ``kind``: item | parcel."""

    __tablename__ = "unexpected"
    __table_args__ = (sa.Index("unexpected_open", "store_id", "state"),)
    id: str = key()
    store_id: str = ref("stores", index=False)
    return_id: str | None = Field(default=None, foreign_key="returns.id", index=True, max_length=40)
    kind: str = Field(max_length=8)
    state: str = Field(max_length=16)
    doc: dict[str, Any] = Field(sa_type=json_of(dict[str, Any]))
    created_at: datetime = Field(sa_type=Instant)


class Inspection(Row, table=True):
    """A judgement of received units of one line."""

    __tablename__ = "inspections"
    id: str = key()
    store_id: str = ref("stores", index=False)
    return_id: str = ref("returns")
    line_id: str = ref("return_lines", index=False)
    quantity: int
    grade: str = Field(max_length=1)
    disposition: str = Field(max_length=24)
    verdict: str = Field(max_length=8)
    note: str | None = None
    doc: dict[str, Any] = Field(sa_type=json_of(dict[str, Any]))
    by: str = Field(max_length=40)
    created_at: datetime = Field(sa_type=Instant)


class Replacement(Row, table=True):
    """Exchange goods: reserved stock, then an order in the shop's own system."""

    __tablename__ = "replacements"
    id: str = key()
    store_id: str = ref("stores", index=False)
    return_id: str = ref("returns")
    return_line_id: str = ref("return_lines")
    state: str = Field(max_length=24)
    sku: str = Field(max_length=128)
    quantity: int
    unit_value: int
    due_from_customer: int = 0
    doc: dict[str, Any] = Field(sa_type=json_of(dict[str, Any]))
    attempt: int = 1
    version: int = 1
    created_at: datetime = Field(sa_type=Instant)
    updated_at: datetime = Field(sa_type=Instant)
