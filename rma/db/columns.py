"""Column types that mean the same on SQLite and PostgreSQL."""

from __future__ import annotations

import functools
from datetime import UTC, datetime
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.types import TypeDecorator

canonical = msgspec.json.Encoder(order="deterministic").encode


class Instant(TypeDecorator[datetime]):
    """An aware instant in UTC. SQLite keeps sortable ISO text, PostgreSQL a ``timestamptz``."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def load_dialect_impl(self, dialect: sa.Dialect) -> Any:
        """Text of a fixed width on SQLite, so that comparing text compares time."""
        if dialect.name == "sqlite":
            return dialect.type_descriptor(sa.String(32))
        return dialect.type_descriptor(sa.DateTime(timezone=True))

    def process_bind_param(self, value: datetime | None, dialect: sa.Dialect) -> Any:
        """Refuses naive values: a time without a zone is a bug."""
        if value is None:
            return None
        return instant_text(value) if dialect.name == "sqlite" else _utc(value)

    def process_result_value(self, value: Any, _dialect: sa.Dialect) -> datetime | None:
        """Always aware, always UTC."""
        if value is None:
            return None
        if isinstance(value, str):
            return datetime.fromisoformat(value)
        return value.astimezone(UTC)  # type: ignore[no-any-return]


class Json(TypeDecorator[Any]):
    """A typed value as canonical JSON text: the same bytes on both databases, never reordered by one of them."""

    impl = sa.Text
    cache_ok = True

    def __init__(self, type_: Any = Any) -> None:
        super().__init__()
        self.type_ = type_
        self.decode = msgspec.json.Decoder(type_).decode

    def process_bind_param(self, value: Any, _dialect: sa.Dialect) -> str | None:
        """Encodes with sorted keys."""
        return None if value is None else canonical(value).decode()

    def process_result_value(self, value: Any, _dialect: sa.Dialect) -> Any:
        """Decodes into the column's type."""
        return None if value is None else self.decode(value)


@functools.lru_cache(256)  # one act writes its own instant a dozen times
def instant_text(value: datetime) -> str:
    """An instant as SQLite keeps it. ``ValueError`` without a zone."""
    return _utc(value).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"


def _utc(value: datetime) -> datetime:
    if value.tzinfo is None:
        raise ValueError("an instant needs a time zone")
    return value.astimezone(UTC)
