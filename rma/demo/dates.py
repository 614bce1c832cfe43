"""Dates of the story: everything is moved by whole weeks, so weekdays, times of day and intervals stay."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

SLOT = time(18, 0)


def weeks_to_last_week(last: date, today: date) -> int:
    """Whole weeks to add so that ``last`` falls into the calendar week (Monday first) before the one of ``today``."""
    return (_monday(today) - _monday(last)).days // 7 - 1


def shift(at: datetime, weeks: int) -> datetime:
    """The same weekday and wall-clock time, ``weeks`` later. ``at`` has no zone, so summer time changes nothing."""
    return at + timedelta(weeks=weeks)


def in_zone(at: datetime, zone: str) -> datetime:
    """The wall-clock time as an instant of that zone."""
    return at.replace(tzinfo=ZoneInfo(zone))


def local(day: date, at: time, zone: str) -> datetime:
    """The instant when the clocks of ``zone`` show ``at`` on ``day``."""
    return datetime.combine(day, at, tzinfo=ZoneInfo(zone))


def slot(at: datetime, zone: str) -> date:
    """The day on whose evening (:data:`SLOT`) ``at`` lies in the past: the clock stops once a day, in the evening."""
    here = at.astimezone(ZoneInfo(zone))
    return here.date() if here.time() <= SLOT else here.date() + timedelta(days=1)


def evening(day: date, zone: str) -> datetime:
    """When the story's clock stops on ``day``."""
    return local(day, SLOT, zone)


def last_day(instants: Iterable[datetime]) -> date:
    """The latest calendar day of them. ValueError when there are none."""
    return max(instants).date()


def _monday(day: date) -> date:
    return day - timedelta(days=day.weekday())
