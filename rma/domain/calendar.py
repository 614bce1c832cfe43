"""Local calendar days: the only unit in which a legal or a promised period is counted.

A period of n days ends n calendar days after the day of the event, at the end of that local day; the day of the event
is not counted (TBK 92, Regulation 1182/71 art. 3(1), "14 days after the day" in CCR reg. 30). Never n times 24 hours:
a day is 23 or 25 hours long when the clocks change.
"""

from __future__ import annotations

import calendar as _calendar
from datetime import UTC, date, datetime, time, timedelta
from functools import cache, lru_cache
from typing import Protocol
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from rma.errors import FieldError, Invalid

_DAY = timedelta(days=1)
_SECOND = timedelta(seconds=1)
_LONGEST = 366 * 200


class Off(Protocol):
    """Days off: a set of days, or ``rma.domain.daysoff.DaysOff``."""

    def __contains__(self, day: date, /) -> bool: ...


@cache
def zone(name: str, path: str = "timezone") -> ZoneInfo:
    """The time zone of that IANA name. Raises ``Invalid`` at ``path`` for a name that is none."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as fault:
        raise Invalid.field(path, "unknown_timezone", f"{name!r} is no IANA time zone.") from fault


def local_date(instant: datetime, timezone: str) -> date:
    """The calendar day of an aware instant in that zone; the offset the instant was written in does not matter."""
    if instant.tzinfo is None:
        raise ValueError("an instant needs an offset")
    return instant.astimezone(zone(timezone)).date()


def add_days(day: date, days: int) -> date:
    """The day so many calendar days later; the day itself is not counted."""
    return day + timedelta(days=days)


def add_months(day: date, months: int) -> date:
    """The same day number so many months later, else the last day of that month (TBK 92/3, 1182/71 art. 3(2)(c))."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(year, month + 1, min(day.day, _calendar.monthrange(year, month + 1)[1]))


def first_instant(day: date, timezone: str) -> datetime:
    """When the local day begins, in UTC."""
    return datetime.combine(day, time.min, zone(timezone)).astimezone(UTC)


@lru_cache(maxsize=4096)
def last_instant(day: date, timezone: str) -> datetime:
    """The last whole second of the local day, in UTC: a period runs until 24:00 local."""
    return first_instant(day + _DAY, timezone) - _SECOND


def in_time(sent: datetime, last_day: date, timezone: str) -> bool:
    """Whether something sent at that instant was sent by the end of the local day. Sending counts, not arrival."""
    return local_date(sent, timezone) <= last_day


def roll(day: date, off: Off) -> date:
    """The day itself, or the next one that is not off."""
    while day in off:
        day += _DAY
    return day


def roll_back(day: date, off: Off) -> date:
    """The day itself, or the last one before it that is not off."""
    while day in off:
        day -= _DAY
    return day


def add_working_days(day: date, days: int, off: Off) -> date:
    """The day on which the n-th working day after ``day`` falls; ``day`` itself is not counted. 0 gives ``day``.

    Which days are off is the caller's: SSHY and GBY art. 4/1-d count Saturday as a working day.
    """
    if not 0 <= days <= _LONGEST:
        raise ValueError(f"working days are between 0 and {_LONGEST}")
    for _ in range(days):
        day += _DAY
        while day in off:
            day += _DAY
    return day


def future(path: str, at: datetime, now: datetime) -> FieldError | None:
    """The fault of an instant that lies after ``now``, or None."""
    if at <= now:
        return None
    return FieldError(path, "in_the_future", f"{path} lies in the future: {at.isoformat()}.")
