"""Local calendar days: counted by date, never by hours."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from rma.domain import calendar
from rma.domain.daysoff import WEEKDAYS, days_off
from rma.errors import Invalid
from tests.support.cases import RETURNS, cases, expected, given
from tests.support.decisions import at, later


def test_the_day_is_the_local_one() -> None:
    """Half past ten in the evening in UTC is tomorrow in Istanbul, whatever offset the instant was written in."""
    instant = datetime(2026, 11, 5, 22, 30, tzinfo=UTC)
    assert calendar.local_date(instant, "Europe/Istanbul") == date(2026, 11, 6)
    assert calendar.local_date(instant.astimezone(calendar.zone("America/New_York")), "Europe/London") == date(
        2026, 11, 5
    )


def test_an_instant_needs_an_offset() -> None:
    """A naive time has no local day."""
    with pytest.raises(ValueError, match="offset"):
        calendar.local_date(datetime(2026, 1, 1), "UTC")  # noqa: DTZ001 - that is the point


def test_months_end_on_the_last_day_where_there_is_no_such_day() -> None:
    """One month after 31 January is 28 February, 24 months after 29 February 2024 is 28 February 2026."""
    assert calendar.add_months(date(2026, 1, 31), 1) == date(2026, 2, 28)
    assert calendar.add_months(date(2024, 2, 29), 24) == date(2026, 2, 28)
    assert calendar.add_months(date(2026, 11, 30), -9) == date(2026, 2, 28)


def test_h15_the_last_second_follows_summer_time() -> None:
    """H15: a period that ends after the clocks went forward ends by the new offset."""
    end = calendar.last_instant(date(2026, 3, 30), "Europe/Berlin")
    assert end.isoformat().replace("+00:00", "Z") == expected("H15")["last_instant_utc"]


def test_h16_sending_is_enough() -> None:
    """H16: what was sent two minutes before midnight of the last day is in time."""
    assert given("H16")["end"] == "2026-11-25"
    sent = at("2026-11-25", "23:58", "Europe/Berlin")
    assert calendar.in_time(sent, date(2026, 11, 25), "Europe/Berlin")
    assert not calendar.in_time(later(sent, minutes=2), date(2026, 11, 25), "Europe/Berlin")


def test_a_day_of_25_hours_is_one_day() -> None:
    """The day on which the clocks go back lasts 25 hours and still counts as one."""
    first = calendar.first_instant(date(2026, 10, 25), "Europe/Berlin")
    last = calendar.last_instant(date(2026, 10, 25), "Europe/Berlin")
    assert (last - first).total_seconds() == 25 * 3600 - 1


def test_working_days_skip_what_is_off() -> None:
    """With Sundays and holidays off, the day after 18 May 2026 is 20 May, and the one after a Friday is Saturday."""
    off = days_off(("sunday", "holiday"), "TR", None, half=False)
    assert calendar.add_working_days(date(2026, 5, 18), 1, off) == date(2026, 5, 20)
    assert calendar.add_working_days(date(2026, 5, 22), 1, off) == date(2026, 5, 23)
    assert calendar.add_working_days(date(2026, 5, 22), 0, off) == date(2026, 5, 22)


def test_a_last_day_rolls_over_the_weekend() -> None:
    """A Saturday rolls to Monday where both days are off, and stays where only Sunday is."""
    saturday = date(2026, 2, 14)
    weekend, sunday = (days_off(names, "", None, half=False) for names in (("saturday", "sunday"), ("sunday",)))
    assert calendar.roll(saturday, weekend) == date(2026, 2, 16)
    assert calendar.roll(saturday, sunday) == saturday
    assert calendar.roll_back(saturday, weekend) == date(2026, 2, 13)


def test_a_week_needs_a_working_day() -> None:
    """A calendar on which every day is off is refused instead of searched for ever."""
    with pytest.raises(ValueError, match="working day"):
        days_off(WEEKDAYS, "", None, half=False)


def test_a_wrong_zone_is_named() -> None:
    """A time zone that is none is refused with its path."""
    with pytest.raises(Invalid) as refused:
        calendar.zone("Europe/Constantinople ")
    assert refused.value.errors[0].path == "timezone"


def test_e21_an_instant_in_the_future_is_a_fault() -> None:
    """E21: an event dated in the future is refused at its path."""
    assert cases(RETURNS)["E21"].expected == "refused"
    now = at("2026-06-12")
    fault = calendar.future("at", later(now, seconds=1), now)
    assert fault is not None
    assert fault.code == "in_the_future"
    assert calendar.future("at", now, now) is None
