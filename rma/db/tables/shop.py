"""What a store is and sells: its keys, rules, workflows, products and orders."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

import sqlalchemy as sa
from sqlmodel import Field

from rma.db.columns import Instant
from rma.db.tables.base import Row, json_of, key, ref


class Store(Row, table=True):
    """A shop: its own orders, keys, policies and feed. ``clock_offset`` is what its test clock adds to real time."""

    __tablename__ = "stores"
    id: str = key()
    slug: str = Field(unique=True, max_length=64)
    name: str
    country: str = Field(max_length=2)
    timezone: str
    currency: str = Field(max_length=3)
    locale: str = Field(max_length=8)
    test_mode: bool = False
    return_addresses: list[dict[str, Any]] = Field(sa_type=json_of(list[dict[str, Any]]))
    holidays: list[dict[str, Any]] = Field(default_factory=list, sa_type=json_of(list[dict[str, Any]]))
    retention: dict[str, int] = Field(default_factory=dict, sa_type=json_of(dict[str, int]))
    clock_offset: float = 0.0
    clock_set: bool = False
    version: int = 1
    head: str = ""
    events_n: int = 0
    created_at: datetime = Field(sa_type=Instant)


class Key(Row, table=True):
    """An API key: only the hash of its secret is kept."""

    __tablename__ = "keys"
    id: str = key()
    store_id: str = ref("stores")
    name: str
    hash: str = Field(unique=True, max_length=64)
    scopes: list[str] = Field(sa_type=json_of(list[str]))
    person: str | None = None
    minted_by: str | None = None
    expires_at: datetime | None = Field(default=None, sa_type=Instant)
    revoked_at: datetime | None = Field(default=None, sa_type=Instant)
    created_at: datetime = Field(sa_type=Instant)


class Policy(Row, table=True):
    """A version of a store's rules; a published body never changes."""

    __tablename__ = "policies"
    __table_args__ = (sa.UniqueConstraint("store_id", "version"),)
    id: str = key()
    store_id: str = ref("stores")
    version: int
    state: str = Field(max_length=16)
    body: dict[str, Any] = Field(sa_type=json_of(dict[str, Any]))
    sha256: str = Field(max_length=64)
    effective_from: datetime | None = Field(default=None, sa_type=Instant)
    created_at: datetime = Field(sa_type=Instant)


class Workflow(Row, table=True):
    """A version of a machine; a published body never changes. Shipped machines are published into each store."""

    __tablename__ = "workflows"
    __table_args__ = (sa.UniqueConstraint("store_id", "name", "version"),)
    id: str = key()
    store_id: str = ref("stores")
    name: str = Field(max_length=64)
    version: int
    state: str = Field(max_length=16)
    body: str = Field(sa_type=sa.Text)
    sha256: str = Field(max_length=64)
    created_at: datetime = Field(sa_type=Instant)


class Product(Row, table=True):
    """What exchanges, bins and pictures need to know of a sku. ``reserved`` counts stock held for replacements."""

    __tablename__ = "products"
    __table_args__ = (sa.UniqueConstraint("store_id", "sku"), sa.Index("products_by_store", "store_id", "id"))
    id: str = key()
    store_id: str = ref("stores")
    sku: str = Field(max_length=128)
    gtin: str | None = Field(default=None, index=True, max_length=14)
    variant_of: str | None = Field(default=None, index=True, max_length=128)
    name: str
    doc: dict[str, Any] = Field(sa_type=json_of(dict[str, Any]))
    stock: int | None = None
    reserved: int = 0
    version: int = 1
    updated_at: datetime = Field(sa_type=Instant)


class Order(Row, table=True):
    """A snapshot of what was bought. ``doc`` holds no personal data, ``person`` holds all of it.

    ``frozen`` are the unit values, fixed when the first return is filed; ``policy_version`` and ``law`` with them.
    ``look_at`` is the first day on which something of it may have to be destroyed; ``erased_at`` when its person was.
    """

    __tablename__ = "orders"
    __table_args__ = (
        sa.UniqueConstraint("store_id", "number"),
        sa.Index("orders_by_customer", "store_id", "customer_ref"),
        sa.Index("orders_by_email", "store_id", "email"),
        sa.Index("orders_by_store", "store_id", "id"),
        sa.Index("orders_to_look_at", "store_id", "look_at"),
    )
    id: str = key()
    store_id: str = ref("stores", index=False)
    number: str = Field(max_length=128)
    ordered_at: datetime = Field(sa_type=Instant)
    currency: str = Field(max_length=3)
    customer_ref: str | None = Field(default=None, max_length=128)
    email: str | None = None
    doc: str = Field(sa_type=sa.Text)
    person: str = Field(sa_type=sa.Text)
    frozen: str | None = Field(default=None, sa_type=sa.Text)
    policy_version: int | None = None
    law: str | None = None
    look_at: date | None = None
    erased_at: datetime | None = Field(default=None, sa_type=Instant)
    version: int = 1
    head: str = ""
    events_n: int = 0
    created_at: datetime = Field(sa_type=Instant)
    updated_at: datetime = Field(sa_type=Instant)
