"""Days off: weekdays and public holidays of a country or a part of it, from a maintained table, with corrections.

The table is the library ``holidays``: pure data, nothing is read or asked. What it lacks or gets wrong is corrected by
dated data in a profile's file or by a store.
"""

from __future__ import annotations

from calendar import isleap
from collections.abc import Iterable, Iterator
from datetime import date, timedelta
from functools import lru_cache
from typing import Annotated, Literal

import holidays
import msgspec
from msgspec import Meta

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
"""The names of the days of a week, as ``date.weekday()`` counts them."""
HOLIDAY = "holiday"
"""The name, in a list of days off, for the public holidays."""
_CODE = 2


class Correction(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """A day that the table of holidays lacks, or that is no holiday although the table says so.

    Exactly one of ``day`` (one day), ``yearly`` (``MM-DD``) and ``easter`` (days after Easter Sunday) says which; the
    latter two hold from ``since`` to ``until``. With a country, or a region of it, it holds only there. With
    ``lenient_only`` it moves a consumer's last day in the mildest reading and nothing else.
    """

    kind: Literal["holiday", "half_day", "working_day"]
    name: Annotated[str, Meta(max_length=200)] = ""
    day: date | None = None
    yearly: Annotated[str, Meta(pattern=r"^(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])$(?!\n)")] | None = None
    easter: Annotated[int, Meta(ge=-100, le=100)] | None = None
    since: date = date.min
    until: date = date.max
    lenient_only: bool = False
    country: Annotated[str, Meta(pattern=r"^[A-Z]{2}$(?!\n)")] | None = None
    region: Annotated[str, Meta(pattern=r"^[A-Za-z0-9]{1,20}$(?!\n)")] | None = None

    def fault(self) -> str:
        """What is wrong with it, in a sentence; empty when nothing is."""
        if sum(part is not None for part in (self.day, self.yearly, self.easter)) != 1:
            return "one of day, yearly and easter says which day it is"
        if self.since > self.until:
            return "until lies before since"
        if self.region and not self.country:
            return "a region needs its country"
        if self.yearly and not _yearly(self.yearly, 2024):
            return f"there is no such day: {self.yearly}"
        return ""

    def holds(self, country: str, region: str | None) -> bool:
        """Whether it is one for that place."""
        return self.country in (None, country) and self.region in (None, region)

    def in_year(self, year: int) -> date | None:
        """Its day in that year, if it has one."""
        if self.day is not None:
            return self.day if self.day.year == year else None
        found = _yearly(self.yearly, year) if self.yearly else easter_sunday(year) + timedelta(days=self.easter or 0)
        return found if found and self.since <= found <= self.until else None


class Year(msgspec.Struct, frozen=True):
    """The holidays of a year, and the days of which only the afternoon is one."""

    full: frozenset[date]
    half: frozenset[date]


class DaysOff:
    """Which days are off: ask with ``day in days_off``. Made by ``days_off``, which keeps them."""

    __slots__ = ("_corrections", "_country", "_half", "_region", "_week", "_years")

    def __init__(
        self, week: frozenset[int], country: str, region: str | None, *, half: bool, corrections: tuple[Correction, ...]
    ) -> None:
        if len(week) >= len(WEEKDAYS):
            raise ValueError("a week needs a working day")
        self._week, self._country, self._region = week, country, region
        self._half, self._corrections = half, corrections
        self._years: dict[int, frozenset[date]] = {}

    def __contains__(self, day: date, /) -> bool:
        try:
            return day in self._years[day.year]
        except KeyError:
            return day in self._year(day.year)

    def _year(self, year: int) -> frozenset[date]:
        """Every day off of a year, weekdays too: what is asked most is one look into a set."""
        days = (date(year, 1, 1) + timedelta(days=place) for place in range(366 if isleap(year) else 365))
        found = frozenset(day for day in days if day.weekday() in self._week)
        if self._country:
            table = year_of(self._country, self._region, year, self._corrections)
            found |= table.full | table.half if self._half else table.full
        self._years[year] = found
        return found


@lru_cache(maxsize=2048)
def days_off(
    names: tuple[str, ...], country: str, region: str | None, *, half: bool, corrections: tuple[Correction, ...] = ()
) -> DaysOff:
    """The days off of a place: weekdays by name and, with ``holiday`` among them, its public holidays.

    ``half`` counts half days as holidays. An empty ``country`` has no holidays.
    """
    week = frozenset(WEEKDAYS.index(name) for name in names if name != HOLIDAY)
    table = country if HOLIDAY in names else ""
    return DaysOff(week, table, region, half=half, corrections=corrections)


@lru_cache(maxsize=4096)
def year_of(country: str, region: str | None, year: int, corrections: tuple[Correction, ...] = ()) -> Year:
    """The public holidays of a country, or of a region of it, in a year; ``KeyError`` for a place without a table."""
    full, half = _from_table(country, region, year)
    for day, correction in _corrected(corrections, country, region, year):
        full.discard(day)
        half.discard(day)
        if correction.kind != "working_day":
            (full if correction.kind == "holiday" else half).add(day)
    return Year(frozenset(full), frozenset(half - full))


def is_place(country: str, region: str | None = None) -> bool:
    """Whether there is a table of holidays for that country, and for that region of it."""
    if len(country) != _CODE or not callable(getattr(holidays, country, None)):
        return False
    return region is None or region in regions_of(country)


def regions_of(country: str) -> frozenset[str]:
    """The codes of the parts of a country that have holidays of their own; none for a place without a table."""
    table = _table_of(country)
    return frozenset() if table is None else frozenset(table.subdivisions)


def easter_sunday(year: int) -> date:
    """Easter Sunday of the Gregorian calendar (the rule of Meeus, Jones and Butcher)."""
    century, part = divmod(year, 100)
    golden = year % 19
    epact = (19 * golden + century - century // 4 - (8 * century + 13) // 25 + 15) % 30
    weekday = (32 + 2 * (century % 4) + 2 * (part // 4) - epact - part % 4) % 7
    shift = (golden + 11 * epact + 22 * weekday) // 451
    month, day = divmod(epact + weekday - 7 * shift + 114, 31)
    return date(year, month, day + 1)


@lru_cache(maxsize=256)
def _table_of(country: str) -> holidays.HolidayBase | None:
    """The library's table of a country, before any year was asked for."""
    loader = getattr(holidays, country, None) if len(country) == _CODE else None
    found = loader() if callable(loader) else None
    return found if isinstance(found, holidays.HolidayBase) else None


def _from_table(country: str, region: str | None, year: int) -> tuple[set[date], set[date]]:
    table = _table_of(country)
    if table is None:
        raise KeyError(country)
    part = region if region in table.subdivisions else None
    full: Iterable[date] = holidays.country_holidays(country, subdiv=part, years=year)
    half: Iterable[date] = ()
    if holidays.HALF_DAY in table.supported_categories:
        half = holidays.country_holidays(country, subdiv=part, years=year, categories=(holidays.HALF_DAY,))
    return {day for day in full if day.year == year}, {day for day in half if day.year == year}


def _corrected(
    corrections: tuple[Correction, ...], country: str, region: str | None, year: int
) -> Iterator[tuple[date, Correction]]:
    for correction in corrections:
        day = correction.in_year(year) if correction.holds(country, region) else None
        if day is not None:
            yield day, correction


def _yearly(text: str, year: int) -> date | None:
    try:
        return date.fromisoformat(f"{year}-{text}")
    except ValueError:
        return None
