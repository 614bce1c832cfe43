"""The log and what moves time and work: events, seals, cursors, deadlines, attempts, kept answers."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

import sqlalchemy as sa
from sqlmodel import Field

from rma.db.columns import Instant
from rma.db.tables.base import Row, json_of, key, partial, ref


class Event(Row, table=True):
    """The append-only log. ``n`` is the place in its stream's own chain, ``seq`` only the order of insertion."""

    __tablename__ = "events"
    __table_args__ = (
        sa.UniqueConstraint("stream", "n"),
        sa.Index("events_by_return", "return_id", "n"),
    )
    seq: int | None = Field(default=None, primary_key=True, sa_type=sa.BigInteger().with_variant(sa.Integer, "sqlite"))
    id: str = Field(unique=True, max_length=40)
    store_id: str = ref("stores", index=False)
    stream: str = Field(max_length=48)
    n: int
    return_id: str | None = Field(default=None, max_length=40)
    type: str = Field(max_length=48)
    at: datetime = Field(sa_type=Instant)
    body: str = Field(sa_type=sa.Text)
    hash: str = Field(max_length=64)


class Personal(Row, table=True):
    """A personal value that an event points at; erasing it leaves the chain valid."""

    __tablename__ = "personal"
    id: str = key()
    store_id: str = ref("stores", index=False)
    stream: str = Field(index=True, max_length=48)
    salt: str | None = Field(default=None, max_length=64)
    value: str | None = Field(default=None, sa_type=sa.Text)


class Seal(Row, table=True):
    """The store's one gapless order of events, chained; the feed reads these numbers."""

    __tablename__ = "seals"
    store_id: str = Field(foreign_key="stores.id", primary_key=True, max_length=40)
    number: int = Field(primary_key=True, sa_type=sa.BigInteger)
    event_seq: int = Field(unique=True, sa_type=sa.BigInteger)
    hash: str = Field(max_length=64)
    sealed_at: datetime = Field(sa_type=Instant)


class Cursor(Row, table=True):
    """How far a subscriber has read a store's feed."""

    __tablename__ = "cursors"
    store_id: str = Field(foreign_key="stores.id", primary_key=True, max_length=40)
    subscriber: str = Field(primary_key=True, max_length=64)
    number: int = Field(default=0, sa_type=sa.BigInteger)


_OF_REFUNDS = "name = 'refund' AND state IN ('open', 'missed')"
"""The deadlines of money that is owed: few of all that there ever were, so they have an index of their own."""


class Deadline(Row, table=True):
    """Business time. ``next_at`` is the next instant at which it warns or fires; swept in due order, fired once."""

    __tablename__ = "deadlines"
    __table_args__ = (
        partial("deadlines_due", "next_at", where="state = 'open'"),
        sa.Index("deadlines_by_return", "return_id", "subject_id"),
        partial("deadlines_of_refunds", "store_id", "raw", where=_OF_REFUNDS),
    )
    id: str = key()
    store_id: str = ref("stores", index=False)
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
    warn_at: list[datetime] = Field(sa_type=json_of(list[datetime]))
    fire: str = Field(max_length=40)
    fired_at: datetime | None = Field(default=None, sa_type=Instant)


class Attempt(Row, table=True):
    """One try at a durable act. Written before the outside is called: a step that finds it begun asks, never sends.

    ``sent_at``: when a call left that is not known to have ended. ``tries``: how often it was handed to the engine.
    """

    __tablename__ = "attempts"
    id: str = Field(primary_key=True, max_length=96)
    store_id: str = ref("stores", index=False)
    subject_id: str = Field(index=True, max_length=40)
    effect: str = Field(max_length=40)
    state: str = Field(max_length=12, index=True)
    answer: dict[str, Any] | None = Field(default=None, sa_type=json_of(dict[str, Any]))
    error: str | None = None
    tries: int = 1
    sent_at: datetime | None = Field(default=None, sa_type=Instant)
    created_at: datetime = Field(sa_type=Instant)
    updated_at: datetime = Field(sa_type=Instant)


class IdempotencyKey(Row, table=True):
    """The answer that a request with an Idempotency-Key was given, kept with the act it belongs to."""

    __tablename__ = "idempotency"
    scope: str = Field(primary_key=True, max_length=64)
    body_hash: str = Field(max_length=64)
    status: int
    answer: str | None = Field(default=None, sa_type=sa.Text)
    etag: str | None = Field(default=None, max_length=24)
    subject: str | None = Field(default=None, index=True, max_length=40)
    created_at: datetime = Field(sa_type=Instant, index=True)
