"""Every table, with one comment each. The row is the truth of a thing's state; ``events`` is the proof.

Personal data stands only in the columns named in ``PERSONAL``: erasure rewrites these and nothing else. Hashed event
bodies point into ``personal``.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, cast

import sqlalchemy as sa
from sqlmodel import Field, SQLModel

from rma.db.columns import Instant, Json

Ranges = tuple[tuple[int, int], ...]
PERSONAL = {
    "orders": ("email", "person"),
    "returns": ("email", "contact"),
    "return_lines": ("note",),
    "personal": ("value", "salt"),
    "messages": ("recipient", "subject", "text", "html"),
    "evidence": ("note", "filename"),
    "feedback": ("comment",),
    "inspections": ("note",),
    "idempotency": ("answer",),
    "keys": ("person",),
}


def table(model: type[SQLModel]) -> sa.Table:
    """The Core table behind a model."""
    return cast(sa.Table, model.__table__)  # type: ignore[attr-defined]


def _json(type_: Any = Any) -> Json:
    return Json(type_)


def _key() -> Any:
    return Field(primary_key=True, max_length=40)


def _ref(target: str, *, index: bool = True) -> Any:
    return Field(foreign_key=f"{target}.id", index=index, max_length=40)


class Store(SQLModel, table=True):
    """A shop: its own orders, keys, policies and feed. ``clock_offset`` is what its test clock adds to real time."""

    __tablename__ = "stores"
    id: str = _key()
    slug: str = Field(unique=True, max_length=64)
    name: str
    country: str = Field(max_length=2)
    timezone: str
    currency: str = Field(max_length=3)
    locale: str = Field(max_length=8)
    test_mode: bool = False
    return_addresses: list[dict[str, Any]] = Field(sa_type=_json(list[dict[str, Any]]))
    clock_offset: float = 0.0
    clock_set: bool = False
    version: int = 1
    head: str = ""
    events_n: int = 0
    created_at: datetime = Field(sa_type=Instant)


class Key(SQLModel, table=True):
    """An API key: only the hash of its secret is kept."""

    __tablename__ = "keys"
    id: str = _key()
    store_id: str = _ref("stores")
    name: str
    hash: str = Field(unique=True, max_length=64)
    scopes: list[str] = Field(sa_type=_json(list[str]))
    person: str | None = None
    minted_by: str | None = None
    expires_at: datetime | None = Field(default=None, sa_type=Instant)
    revoked_at: datetime | None = Field(default=None, sa_type=Instant)
    created_at: datetime = Field(sa_type=Instant)


class Policy(SQLModel, table=True):
    """A version of a store's rules; a published body never changes."""

    __tablename__ = "policies"
    __table_args__ = (sa.UniqueConstraint("store_id", "version"),)
    id: str = _key()
    store_id: str = _ref("stores")
    version: int
    state: str = Field(max_length=16)
    body: dict[str, Any] = Field(sa_type=_json(dict[str, Any]))
    sha256: str = Field(max_length=64)
    effective_from: datetime | None = Field(default=None, sa_type=Instant)
    created_at: datetime = Field(sa_type=Instant)


class Workflow(SQLModel, table=True):
    """A version of a machine; a published body never changes. Shipped machines are published into each store."""

    __tablename__ = "workflows"
    __table_args__ = (sa.UniqueConstraint("store_id", "name", "version"),)
    id: str = _key()
    store_id: str = _ref("stores")
    name: str = Field(max_length=64)
    version: int
    state: str = Field(max_length=16)
    body: str = Field(sa_type=sa.Text)
    sha256: str = Field(max_length=64)
    created_at: datetime = Field(sa_type=Instant)


class Product(SQLModel, table=True):
    """What exchanges, bins and pictures need to know of a sku. ``reserved`` counts stock held for replacements."""

    __tablename__ = "products"
    __table_args__ = (sa.UniqueConstraint("store_id", "sku"),)
    id: str = _key()
    store_id: str = _ref("stores")
    sku: str = Field(max_length=128)
    gtin: str | None = Field(default=None, index=True, max_length=14)
    variant_of: str | None = Field(default=None, index=True, max_length=128)
    name: str
    doc: dict[str, Any] = Field(sa_type=_json(dict[str, Any]))
    stock: int | None = None
    reserved: int = 0
    version: int = 1
    updated_at: datetime = Field(sa_type=Instant)


class Order(SQLModel, table=True):
    """A snapshot of what was bought. ``doc`` holds no personal data, ``person`` holds all of it.

    ``frozen`` are the unit values, fixed when the first return is filed; ``policy_version`` and ``law`` with them.
    """

    __tablename__ = "orders"
    __table_args__ = (
        sa.UniqueConstraint("store_id", "number"),
        sa.Index("orders_by_customer", "store_id", "customer_ref"),
        sa.Index("orders_by_email", "store_id", "email"),
    )
    id: str = _key()
    store_id: str = _ref("stores", index=False)
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
    version: int = 1
    head: str = ""
    events_n: int = 0
    created_at: datetime = Field(sa_type=Instant)
    updated_at: datetime = Field(sa_type=Instant)


class Return(SQLModel, table=True):
    """The case. ``version`` rises with every change of it or of a child; ``head`` is the hash of its last event."""

    __tablename__ = "returns"
    __table_args__ = (
        sa.UniqueConstraint("store_id", "rma_number"),
        sa.Index("returns_by_state", "store_id", "state", "id"),
        sa.Index("returns_by_order", "order_id"),
        sa.Index("returns_by_email", "store_id", "email"),
        sa.Index("returns_by_customer", "store_id", "customer_ref", "created_at"),
        sa.Index("returns_by_store", "store_id", "id"),
    )
    id: str = _key()
    store_id: str = _ref("stores", index=False)
    order_id: str = _ref("orders", index=False)
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
    facts: dict[str, Any] = Field(sa_type=_json(dict[str, Any]))
    quote: str = Field(sa_type=sa.Text)
    open_children: int = 0
    version: int = 1
    head: str = ""
    events_n: int = 0
    created_at: datetime = Field(sa_type=Instant)
    updated_at: datetime = Field(sa_type=Instant)


class ReturnLine(SQLModel, table=True):
    """A line of a return: numbers, not states. ``reserved`` and ``consumed`` are the unit ranges that it holds."""

    __tablename__ = "return_lines"
    __table_args__ = (sa.Index("return_lines_by_sku", "store_id", "sku"),)
    id: str = _key()
    store_id: str = _ref("stores", index=False)
    return_id: str = _ref("returns")
    order_id: str = _ref("orders")
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
    units: Ranges = Field(sa_type=_json(Ranges))
    reserved: Ranges = Field(sa_type=_json(Ranges))
    consumed: Ranges = Field(sa_type=_json(Ranges))
    doc: dict[str, Any] = Field(sa_type=_json(dict[str, Any]))


class Parcel(SQLModel, table=True):
    """A parcel on its way in or out, with its label or code."""

    __tablename__ = "parcels"
    __table_args__ = (sa.Index("parcels_by_tracking", "store_id", "tracking"), sa.Index("parcels_by_code", "store_id", "code"))
    id: str = _key()
    store_id: str = _ref("stores", index=False)
    return_id: str = _ref("returns")
    direction: str = Field(max_length=8)
    state: str = Field(max_length=16)
    method: str = Field(max_length=24)
    carrier: str | None = Field(default=None, max_length=64)
    tracking: str | None = Field(default=None, max_length=128)
    code: str | None = Field(default=None, max_length=64)
    expires_on: date | None = None
    handed_over_at: datetime | None = Field(default=None, sa_type=Instant)
    delivered_at: datetime | None = Field(default=None, sa_type=Instant)
    lines: list[dict[str, Any]] = Field(sa_type=_json(list[dict[str, Any]]))
    doc: dict[str, Any] = Field(sa_type=_json(dict[str, Any]))
    attempt: int = 1
    version: int = 1
    created_at: datetime = Field(sa_type=Instant)
    updated_at: datetime = Field(sa_type=Instant)


class ParcelEvent(SQLModel, table=True):
    """What a carrier or a person said of a parcel; a ``source_id`` is heard once."""

    __tablename__ = "parcel_events"
    parcel_id: str = Field(foreign_key="parcels.id", primary_key=True, max_length=40)
    source_id: str = Field(primary_key=True, max_length=128)
    status: str = Field(max_length=16)
    carrier_status: str | None = None
    at: datetime = Field(sa_type=Instant)
    recorded_at: datetime = Field(sa_type=Instant)


class Refund(SQLModel, table=True):
    """One decision to give money back: components and transfers. ``total`` in minor units."""

    __tablename__ = "refunds"
    __table_args__ = (sa.Index("refunds_by_state", "store_id", "state", "due_legal"),)
    id: str = _key()
    store_id: str = _ref("stores", index=False)
    order_id: str = _ref("orders")
    order_number: str = Field(max_length=128)
    return_id: str | None = Field(default=None, foreign_key="returns.id", index=True, max_length=40)
    state: str = Field(max_length=24)
    currency: str = Field(max_length=3)
    total: int
    components: list[dict[str, Any]] = Field(sa_type=_json(list[dict[str, Any]]))
    doc: dict[str, Any] = Field(sa_type=_json(dict[str, Any]))
    approvals: list[dict[str, Any]] = Field(sa_type=_json(list[dict[str, Any]]))
    due_promise: date | None = None
    due_legal: date | None = None
    article: str | None = None
    version: int = 1
    created_at: datetime = Field(sa_type=Instant)
    updated_at: datetime = Field(sa_type=Instant)


class Transfer(SQLModel, table=True):
    """One movement of a refund over one tender. ``attempt`` counts sends, each with its own idempotency key."""

    __tablename__ = "transfers"
    id: str = _key()
    store_id: str = _ref("stores", index=False)
    refund_id: str = _ref("refunds")
    order_id: str = _ref("orders")
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


class Replacement(SQLModel, table=True):
    """Exchange goods: reserved stock, then an order in the shop's own system."""

    __tablename__ = "replacements"
    id: str = _key()
    store_id: str = _ref("stores", index=False)
    return_id: str = _ref("returns")
    return_line_id: str = _ref("return_lines")
    state: str = Field(max_length=24)
    sku: str = Field(max_length=128)
    quantity: int
    unit_value: int
    due_from_customer: int = 0
    doc: dict[str, Any] = Field(sa_type=_json(dict[str, Any]))
    attempt: int = 1
    version: int = 1
    created_at: datetime = Field(sa_type=Instant)
    updated_at: datetime = Field(sa_type=Instant)


class Evidence(SQLModel, table=True):
    """A photo or paper that belongs to a case; the bytes lie in the file store under ``sha256``."""

    __tablename__ = "evidence"
    id: str = _key()
    store_id: str = _ref("stores", index=False)
    return_id: str = _ref("returns")
    kind: str = Field(max_length=32)
    line_id: str | None = Field(default=None, max_length=40)
    note: str | None = None
    filename: str | None = None
    media_type: str = Field(max_length=64)
    size: int
    sha256: str = Field(max_length=64)
    by: str = Field(max_length=40)
    created_at: datetime = Field(sa_type=Instant)


class Receipt(SQLModel, table=True):
    """What one scan session said had arrived; a ``scan_id`` counts once and may be undone."""

    __tablename__ = "receipts"
    __table_args__ = (sa.UniqueConstraint("store_id", "scan_id"),)
    id: str = _key()
    store_id: str = _ref("stores", index=False)
    return_id: str | None = Field(default=None, foreign_key="returns.id", index=True, max_length=40)
    scan_id: str = Field(max_length=128)
    doc: dict[str, Any] = Field(sa_type=_json(dict[str, Any]))
    undone_at: datetime | None = Field(default=None, sa_type=Instant)
    created_at: datetime = Field(sa_type=Instant)


class Unexpected(SQLModel, table=True):
    """Goods or a whole parcel that nobody announced, until matched or disposed of. ``kind``: item | parcel."""

    __tablename__ = "unexpected"
    __table_args__ = (sa.Index("unexpected_open", "store_id", "state"),)
    id: str = _key()
    store_id: str = _ref("stores", index=False)
    return_id: str | None = Field(default=None, foreign_key="returns.id", index=True, max_length=40)
    kind: str = Field(max_length=8)
    state: str = Field(max_length=16)
    doc: dict[str, Any] = Field(sa_type=_json(dict[str, Any]))
    created_at: datetime = Field(sa_type=Instant)


class Inspection(SQLModel, table=True):
    """A judgement of received units of one line."""

    __tablename__ = "inspections"
    id: str = _key()
    store_id: str = _ref("stores", index=False)
    return_id: str = _ref("returns")
    line_id: str = _ref("return_lines", index=False)
    quantity: int
    grade: str = Field(max_length=1)
    disposition: str = Field(max_length=24)
    verdict: str = Field(max_length=8)
    note: str | None = None
    doc: dict[str, Any] = Field(sa_type=_json(dict[str, Any]))
    by: str = Field(max_length=40)
    created_at: datetime = Field(sa_type=Instant)


class Message(SQLModel, table=True):
    """A message to or from the customer. The row is written, with its Message-ID, before anything is sent."""

    __tablename__ = "messages"
    __table_args__ = (sa.UniqueConstraint("store_id", "dedupe"), sa.Index("messages_to_send", "state"))
    id: str = _key()
    store_id: str = _ref("stores", index=False)
    return_id: str | None = Field(default=None, foreign_key="returns.id", index=True, max_length=40)
    direction: str = Field(max_length=4)
    kind: str = Field(max_length=40)
    message_class: str = Field(max_length=12)
    locale: str = Field(max_length=8)
    state: str = Field(max_length=12)
    dedupe: str = Field(max_length=96)
    message_id: str = Field(max_length=160)
    recipient: str | None = None
    subject: str | None = None
    text: str | None = Field(default=None, sa_type=sa.Text)
    html: str | None = Field(default=None, sa_type=sa.Text)
    attempts: int = 0
    next_at: datetime | None = Field(default=None, sa_type=Instant)
    created_at: datetime = Field(sa_type=Instant)
    sent_at: datetime | None = Field(default=None, sa_type=Instant)


class Feedback(SQLModel, table=True):
    """What the customer thought of it: once per closing."""

    __tablename__ = "feedback"
    id: str = _key()
    store_id: str = _ref("stores", index=False)
    return_id: str = _ref("returns")
    score: int
    comment: str | None = None
    lines: list[dict[str, Any]] = Field(sa_type=_json(list[dict[str, Any]]))
    created_at: datetime = Field(sa_type=Instant)


class Payment(SQLModel, table=True):
    """What the customer paid us for an exchange's difference."""

    __tablename__ = "payments"
    __table_args__ = (sa.UniqueConstraint("return_id", "reference"),)
    id: str = _key()
    store_id: str = _ref("stores", index=False)
    return_id: str = _ref("returns", index=False)
    reference: str = Field(max_length=128)
    tender: str = Field(max_length=32)
    amount: int
    currency: str = Field(max_length=3)
    created_at: datetime = Field(sa_type=Instant)


class Link(SQLModel, table=True):
    """A customer's secret link to one return; only its hash is kept."""

    __tablename__ = "links"
    hash: str = Field(primary_key=True, max_length=64)
    store_id: str = _ref("stores", index=False)
    return_id: str = _ref("returns")
    expires_at: datetime = Field(sa_type=Instant)
    revoked_at: datetime | None = Field(default=None, sa_type=Instant)
    created_at: datetime = Field(sa_type=Instant)


class Event(SQLModel, table=True):
    """The append-only log. ``n`` is the place in its stream's own chain, ``seq`` only the order of insertion."""

    __tablename__ = "events"
    __table_args__ = (
        sa.UniqueConstraint("stream", "n"),
        sa.Index("events_by_return", "return_id", "n"),
    )
    seq: int | None = Field(default=None, primary_key=True, sa_type=sa.BigInteger().with_variant(sa.Integer, "sqlite"))
    id: str = Field(unique=True, max_length=40)
    store_id: str = _ref("stores", index=False)
    stream: str = Field(max_length=48)
    n: int
    return_id: str | None = Field(default=None, max_length=40)
    type: str = Field(max_length=48)
    at: datetime = Field(sa_type=Instant)
    body: str = Field(sa_type=sa.Text)
    hash: str = Field(max_length=64)


class Personal(SQLModel, table=True):
    """A personal value that an event points at; erasing it leaves the chain valid."""

    __tablename__ = "personal"
    id: str = _key()
    store_id: str = _ref("stores", index=False)
    stream: str = Field(index=True, max_length=48)
    salt: str | None = Field(default=None, max_length=64)
    value: str | None = Field(default=None, sa_type=sa.Text)


class Seal(SQLModel, table=True):
    """The store's one gapless order of events, chained; the feed reads these numbers."""

    __tablename__ = "seals"
    store_id: str = Field(foreign_key="stores.id", primary_key=True, max_length=40)
    number: int = Field(primary_key=True, sa_type=sa.BigInteger)
    event_seq: int = Field(unique=True, sa_type=sa.BigInteger)
    hash: str = Field(max_length=64)
    sealed_at: datetime = Field(sa_type=Instant)


class Cursor(SQLModel, table=True):
    """How far a subscriber has read a store's feed."""

    __tablename__ = "cursors"
    store_id: str = Field(foreign_key="stores.id", primary_key=True, max_length=40)
    subscriber: str = Field(primary_key=True, max_length=64)
    number: int = Field(default=0, sa_type=sa.BigInteger)


class Deadline(SQLModel, table=True):
    """Business time. ``next_at`` is the next instant at which it warns or fires; swept in due order, fired once."""

    __tablename__ = "deadlines"
    __table_args__ = (
        sa.Index("deadlines_due", "next_at", sqlite_where=sa.text("state = 'open'"), postgresql_where=sa.text("state = 'open'")),
        sa.Index("deadlines_by_return", "return_id"),
    )
    id: str = _key()
    store_id: str = _ref("stores", index=False)
    return_id: str | None = Field(default=None, foreign_key="returns.id", max_length=40)
    subject_id: str = Field(max_length=40)
    name: str = Field(max_length=40)
    in_state: str = Field(max_length=32)
    waits_for: str = Field(max_length=16)
    state: str = Field(default="open", max_length=12)
    since: datetime = Field(sa_type=Instant)
    raw: date
    strict: date
    lenient: date
    due_at: datetime = Field(sa_type=Instant)
    next_at: datetime = Field(sa_type=Instant)
    warn_at: list[datetime] = Field(sa_type=_json(list[datetime]))
    fire: str = Field(max_length=40)
    fired_at: datetime | None = Field(default=None, sa_type=Instant)


class Attempt(SQLModel, table=True):
    """One try at a durable act. Written before the outside is called: a step that finds it begun asks, never sends."""

    __tablename__ = "attempts"
    id: str = Field(primary_key=True, max_length=96)
    store_id: str = _ref("stores", index=False)
    subject_id: str = Field(index=True, max_length=40)
    effect: str = Field(max_length=40)
    state: str = Field(max_length=12, index=True)
    answer: dict[str, Any] | None = Field(default=None, sa_type=_json(dict[str, Any]))
    error: str | None = None
    created_at: datetime = Field(sa_type=Instant)
    updated_at: datetime = Field(sa_type=Instant)


class IdempotencyKey(SQLModel, table=True):
    """The answer that a request with an Idempotency-Key was given, kept with the act it belongs to."""

    __tablename__ = "idempotency"
    scope: str = Field(primary_key=True, max_length=64)
    body_hash: str = Field(max_length=64)
    status: int
    answer: str | None = Field(default=None, sa_type=sa.Text)
    etag: str | None = Field(default=None, max_length=24)
    subject: str | None = Field(default=None, index=True, max_length=40)
    created_at: datetime = Field(sa_type=Instant, index=True)


metadata = SQLModel.metadata
