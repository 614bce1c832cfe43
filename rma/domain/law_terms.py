"""The parts that every rule of the law is made of: an article, a period, and how days are counted."""

from __future__ import annotations

from functools import cached_property
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from rma.domain.daysoff import Correction, DaysOff, days_off

Confidence = Literal["H", "M", "L"]
Roll = Literal["none", "law", "act"]
"""What a last day does that is no working day: stays, moves as the law says, and for a consumer's act as far as any
reading of the law lets it."""
Off = Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday", "holiday"]
Short = Annotated[str, Meta(min_length=1, max_length=300)]
Count = Annotated[int, Meta(ge=0, le=1200)]
Region = Annotated[str, Meta(pattern=r"^[A-Za-z0-9]{1,20}$(?!\n)")]
Country = Annotated[str, Meta(pattern=r"^[A-Z]{2}$(?!\n)")]


class Part(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A table of a profile's file: unknown keys are faults."""


class Rule(Part, frozen=True, kw_only=True):
    """What the law says, where, and how sure that reading is; ``note`` is for the reader of the file."""

    article: Short
    confidence: Confidence
    note: str = ""


class Period(Rule, frozen=True, kw_only=True):
    """So many months and days, or working days, after an event; ``inclusive`` counts the event's own day."""

    days: Count = 0
    months: Count = 0
    working_days: Count = 0
    inclusive: bool = False
    roll: Roll = "none"


class Counting(Rule, frozen=True, kw_only=True, dict=True):
    """How days are counted: where, which days are off, and what becomes of a last day that is one of them.

    ``holidays`` names a country's table of public holidays, none where it is empty; ``region`` and ``corrections`` add
    to it. ``strict`` are the days off that the law rolls over, ``lenient`` those that the mildest reading does.
    """

    timezone: str | None = None
    holidays: str = ""
    region: str | None = None
    strict: tuple[Off, ...] = ()
    lenient: tuple[Off, ...] = ()
    half_days: Literal["not_rolled", "rolled"] = "not_rolled"
    repair_off: tuple[Off, ...] = ("saturday", "sunday", "holiday")
    work_off: tuple[Off, ...] = ("saturday", "sunday", "holiday")
    corrections: tuple[Correction, ...] = ()

    @cached_property
    def rolled(self) -> DaysOff:
        """The days that a last day moves over by law."""
        return self._off(self.strict, self.firm)

    @cached_property
    def mild(self) -> DaysOff:
        """The days that a last day of a consumer moves over in the mildest reading."""
        return self._off(self.lenient, self.corrections)

    @cached_property
    def repair(self) -> DaysOff:
        """The days that no repair counts."""
        return self._off(self.repair_off, self.firm)

    @cached_property
    def work(self) -> DaysOff:
        """The days that are no working days elsewhere; half a day counts as one."""
        return self._off(self.work_off, self.firm)

    @cached_property
    def bank(self) -> DaysOff:
        """The days on which no money should have to move: also those of which half is off."""
        return days_off(self.work_off, self.holidays, self.region, half=True, corrections=self.firm)

    @cached_property
    def firm(self) -> tuple[Correction, ...]:
        """The corrections that hold in every reading."""
        return tuple(one for one in self.corrections if not one.lenient_only)

    def _off(self, names: tuple[Off, ...], corrections: tuple[Correction, ...]) -> DaysOff:
        half = self.half_days == "rolled"
        return days_off(names, self.holidays, self.region, half=half, corrections=corrections)
