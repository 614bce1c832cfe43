"""Types of the fields that people and programs send, with bounds that hold everywhere."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

from msgspec import Meta

from rma.domain import calendar
from rma.errors import FieldError

Instant = Annotated[datetime, Meta(tz=True)]
"""A moment with its offset; without one nobody knows when it was."""
Word = Annotated[str, Meta(min_length=1, max_length=200)]
"""A number, a name, a code: never empty."""
Code = Annotated[str, Meta(min_length=1, max_length=200, pattern=r"^[^@]+$(?!\n)")]
"""A number or a code that stands in hashed events and on goods for ever: no e-mail is taken there."""
BookNumber = Annotated[str, Meta(min_length=1, max_length=64, pattern=r"^[0-9A-Za-z][0-9A-Za-z ./#_-]*$(?!\n)")]
"""The number of a document in the books, which is kept by law: letters, digits and what stands between them."""
Prose = Annotated[str, Meta(max_length=4000)]
"""What a person writes."""
Grams = Annotated[int, Meta(ge=1, le=1_000_000)]
"""The weight of a parcel."""
EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)


def happened(path: str, at: datetime | None, now: datetime) -> list[FieldError]:
    """The fault of an instant that cannot have been: after ``now``, or in a century before parcels had numbers."""
    if at is None:
        return []
    if at < EARLIEST:
        return [FieldError(path, "too_early", f"{path} lies before the year {EARLIEST.year}.")]
    fault = calendar.future(path, at, now)
    return [fault] if fault else []
