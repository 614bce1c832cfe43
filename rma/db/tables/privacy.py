"""Personal data that is kept only because a duty runs, who asked for erasure, and what was destroyed."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

import sqlalchemy as sa
from sqlmodel import Field

from rma.db.columns import Instant
from rma.db.tables.base import Row, json_of, key, ref


class Restricted(Row, table=True):
    """What one class of record must still hold of a matter. Nothing but the desk for privacy reads ``value``.

    ``matter`` is the id of an order, a return or a withdrawal; ``value`` JSON, personal as a whole; the row goes on the
    day after ``until``.
    """

    __tablename__ = "restricted"
    __table_args__ = (sa.Index("restricted_to_destroy", "store_id", "until"),)
    id: str = key()
    store_id: str = ref("stores", index=False)
    request_id: str | None = Field(default=None, foreign_key="privacy_requests.id", index=True, max_length=40)
    record: str = Field(max_length=24)
    matter: str = Field(index=True, max_length=40)
    until: date
    article: str
    value: str = Field(sa_type=sa.Text)
    created_at: datetime = Field(sa_type=Instant)


class PrivacyRequest(Row, table=True):
    """A person's wish to be erased: an aggregate with a chain of its own and no personal data at all.

    ``state``: waiting (a return of theirs is open) | restricted (a duty runs) | erased. ``matters`` are the ids that it
    concerns, ``open`` those of them that wait for their end; ``answer`` what was said for each class of record.
    """

    __tablename__ = "privacy_requests"
    __table_args__ = (sa.Index("privacy_requests_by_state", "store_id", "state", "id"),)
    id: str = key()
    store_id: str = ref("stores", index=False)
    state: str = Field(max_length=12)
    matters: list[str] = Field(sa_type=json_of(list[str]))
    open: list[str] = Field(sa_type=json_of(list[str]))
    answer: list[dict[str, Any]] = Field(sa_type=json_of(list[dict[str, Any]]))
    answer_due: date
    article: str
    version: int = 1
    head: str = ""
    events_n: int = 0
    created_at: datetime = Field(sa_type=Instant)
    updated_at: datetime = Field(sa_type=Instant)


class Destruction(Row, table=True):
    """A line of the destruction log: what class, how many, by which article, when. Written with the destruction."""

    __tablename__ = "destructions"
    __table_args__ = (sa.Index("destructions_by_store", "store_id", "id"),)
    id: str = key()
    store_id: str = ref("stores", index=False)
    request_id: str | None = Field(default=None, foreign_key="privacy_requests.id", max_length=40)
    record: str = Field(max_length=24)
    count: int
    files: int = 0
    article: str
    at: datetime = Field(sa_type=Instant)
    keep_until: date
