"""The words of the pages, one file a language in ``locales``: a missing word, or one that nobody says, is an error."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from datetime import datetime
from functools import cache
from pathlib import Path
from zoneinfo import ZoneInfo

import msgspec
from babel.dates import format_date, format_datetime

from rma.domain.amounts import reader, write_money, write_percent
from rma.domain.money import Money, parse_amount
from rma.errors import DefinitionError, FieldError

_FOLDER = Path(__file__).parent / "locales"


class Problem(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is said when a page cannot be shown."""

    not_found: str
    too_often: str
    busy: str
    too_large: str
    unreadable: str
    failed: str
    hint: str
    not_found_hint: str
    too_large_hint: str
    back: str


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


class Waits(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Who is on it, and what happens next."""

    customer: str
    carrier: str
    warehouse: str
    finance: str
    support: str
    provider: str
    nobody: str


class Follow(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The customer's page of a return."""

    title: str
    order: str
    items: str
    settled: str
    asks_feedback: str
    code_follows: str
    own_carrier: str
    in_store: str
    parcels: str
    money: str
    inbound: str
    outbound: str
    tracking: str
    code: str
    label: str
    relabel: str
    until: str
    owed: str
    money_instead: str
    money_instead_hint: str
    money_by: str
    money_law: str
    account: str
    account_given: str
    holder: str
    send_account: str
    rejected: str
    rejected_back: str
    rejected_kept: str
    rejected_hint: str
    offer: str
    accept: str
    reject: str
    feedback: str
    score: str
    comment: str
    send_feedback: str
    cancel: str
    cancel_hint: str
    appeal: str
    appeal_hint: str
    reopen: str
    reopen_hint: str
    dispute: str
    dispute_hint: str
    reason: str
    files: str
    files_hint: str
    file_kind: str
    file: str
    send_file: str
    messages: str
    older: str
    you: str
    write: str
    send_message: str
    done: str
    refused: str
    not_now: str
    wrong_iban: str
    wrong_score: str
    wrong_file: str
    unsubscribe: str
    unsubscribe_hint: str
    unsubscribed: str
    number: str
    waits: Waits


class Words(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One language."""

    language: str
    languages: str
    skip: str
    policy: str
    problem: Problem
    fault: Faults
    withdraw: Withdraw
    follow: Follow


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
    local, locale = at.astimezone(ZoneInfo(timezone)), reader(language)
    clock = format_datetime(local, "HH:mm:ss (ZZZZ)", tzinfo=local.tzinfo, locale=locale)
    return f"{format_date(local.date(), 'long', locale=locale)}, {clock}"


def amount(wire: Mapping[str, str], language: str, *, less: bool = False) -> str:
    """Money as the reader writes it, with the decimals that its currency has by ISO 4217: ``₺436,51``, ``£12.00``.

    ``less``: the amount is taken away, so it has a minus.
    """
    minor = parse_amount(wire["amount"], wire["currency"], negative=True)
    return write_money(Money(-minor if less else minor, wire["currency"]), reader(language))


def share(percent: str, language: str) -> str:
    """A percentage as the reader writes it: ``%10``, ``10%``, ``10 %``."""
    return write_percent(percent, reader(language))
