"""Dates, instants and money as a reader writes them, by the data of the Unicode CLDR (Babel).

The functions that take a context are Jinja filters: they read the reader's locale and the store's time zone from it.
"""

from __future__ import annotations

from datetime import date, datetime
from zoneinfo import ZoneInfo

from babel import Locale
from babel.dates import format_date, format_datetime
from jinja2 import pass_context
from jinja2.runtime import Context

from rma.domain.amounts import write_money
from rma.domain.money import Money


def write_moment(at: datetime, locale: Locale, timezone: str) -> str:
    """The instant by the clock of the store, with its distance from GMT: ``12 December 2026 14:05:09 (GMT+03:00)``."""
    local = at.astimezone(ZoneInfo(timezone))
    clock = format_datetime(local, format="HH:mm:ss (ZZZZ)", tzinfo=local.tzinfo, locale=locale)
    return f"{format_date(local.date(), format='long', locale=locale)} {clock}"


@pass_context
def money(context: Context, amount: Money) -> str:
    """Filter: an amount for the reader."""
    return write_money(amount, context["reader"])


@pass_context
def day(context: Context, value: date) -> str:
    """Filter: a day for the reader, with the month in words, so that nobody takes the 3rd of April for March 4th."""
    return format_date(value, format="long", locale=context["reader"])


@pass_context
def moment(context: Context, at: datetime) -> str:
    """Filter: an instant for the reader, in the store's time zone."""
    return write_moment(at, context["reader"], context["timezone"])
