"""The words of the pages, one file a language in ``locales``: a missing word, or one that nobody says, is an error."""

from __future__ import annotations

import tomllib
from datetime import datetime
from functools import cache
from pathlib import Path
from zoneinfo import ZoneInfo

import msgspec
from babel.dates import format_date, format_datetime

from rma.errors import DefinitionError, FieldError

_FOLDER = Path(__file__).parent / "locales"
_REGION = {"en": "en_GB"}


class Problem(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is said when a page cannot be shown."""

    not_found: str
    too_often: str
    busy: str
    unreadable: str
    failed: str
    hint: str


class Faults(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is wrong with a field."""

    title: str
    missing: str
    too_long: str
    not_an_address: str
    character: str
    quantity: str
    other: str


class Withdraw(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The pages of the withdrawal function."""

    title: str
    intro: str
    name: str
    order_number: str
    order_hint: str
    electronic_address: str
    address_hint: str
    optional: str
    some: str
    some_hint: str
    item: str
    sku: str
    quantity: str
    statement: str
    statement_hint: str
    check: str
    check_intro: str
    whole: str
    line: str
    not_yet: str
    correct: str
    done: str
    done_intro: str
    declared: str
    content: str
    paper: str
    next: str


class Words(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One language."""

    language: str
    languages: str
    skip: str
    problem: Problem
    fault: Faults
    withdraw: Withdraw


@cache
def words(language: str) -> Words:
    """The words of a language of ours. ``DefinitionError`` for a file that lacks one or has one too many."""
    source = f"{language}.toml"
    try:
        return msgspec.convert(tomllib.loads((_FOLDER / source).read_text(encoding="utf-8")), Words)
    except msgspec.ValidationError as error:
        raise DefinitionError(source, [FieldError("$", "wrong_words", str(error))]) from error


def moment(at: datetime, language: str, timezone: str) -> str:
    """The instant by the store's clock as the reader writes it: ``25 November 2026, 23:59:58 (GMT+03:00)``."""
    local, locale = at.astimezone(ZoneInfo(timezone)), _REGION.get(language, language)
    clock = format_datetime(local, "HH:mm:ss (ZZZZ)", tzinfo=local.tzinfo, locale=locale)
    return f"{format_date(local.date(), 'long', locale=locale)}, {clock}"
