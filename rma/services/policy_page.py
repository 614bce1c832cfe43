"""A store's policy page for readers: the published rules and the law in words, and the calculator of last days."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from rma.db.session import Work
from rma.domain import policy_page
from rma.domain.calendar import local_date
from rma.domain.claims import Kind
from rma.domain.lint_texts import KIND_NAMES
from rma.domain.places import is_country, iso
from rma.domain.policy_page import Basis
from rma.domain.texts import say
from rma.errors import FieldError, Invalid
from rma.services import law
from rma.services.case import now_of
from rma.services.catalog import StoreInfo
from rma.services.context import Services

EARLIEST = date(2000, 1, 1)


class PageAsk(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """In which language, for consumers of which country (the store's if none), and the days of the calculator."""

    lang: str | None = None
    country: Annotated[str, Meta(pattern=r"^[A-Z]{2}$(?!\n)")] | None = None
    received: date | None = None
    ordered: date | None = None


class EntryView(msgspec.Struct, frozen=True, kw_only=True):
    """A question with the sentences of its answer; ``basis`` is the law or the store's own offer."""

    id: str
    question: str
    answer: tuple[str, ...]
    basis: Basis
    article: str | None


class SectionView(msgspec.Struct, frozen=True, kw_only=True):
    """Questions about one thing."""

    id: str
    title: str
    entries: tuple[EntryView, ...]


class UntilView(msgspec.Struct, frozen=True, kw_only=True):
    """Until when what is possible for an item received on the asked day."""

    kind: Kind
    name: str
    basis: Basis
    last_day: date
    last_instant: datetime
    open: bool
    estimated: bool
    article: str | None


class PageView(msgspec.Struct, frozen=True, kw_only=True):
    """The page of the policy in force. ``until`` is empty unless a day of receipt was given."""

    store: str
    language: str
    country: str
    policy: str
    policy_version: int
    law: str
    law_title: str
    today: date
    received: date | None
    ordered: date | None
    sections: tuple[SectionView, ...]
    until: tuple[UntilView, ...]


def show(work: Work, services: Services, store: StoreInfo, ask: PageAsk, *, language: str) -> PageView:
    """The page in that language, of the policy and the law that hold for an order placed now.

    With the day of an order, of the policy and the law that held then. ``Invalid`` names a day that cannot be.
    """
    country = ask.country or store.country
    timezone = law.timezone(store, country)
    now = now_of(work, store.id)
    today = local_date(now, timezone)
    _check(ask, today)
    bought = ask.ordered or today
    text = law.protecting(store, country, bought)
    policy = services.catalog.policy(work, store.id, services.catalog.current_policy(work, store.id, now))
    return PageView(
        store=store.name,
        language=language,
        country=country,
        policy=policy.name,
        policy_version=policy.version,
        law=text.reference,
        law_title=" + ".join(say(one.title, language) or one.version for one in text.applicable),
        today=today,
        received=ask.received,
        ordered=ask.ordered,
        sections=tuple(
            _section(one, language) for one in policy_page.sections(policy, text, timezone=timezone, today=today)
        ),
        until=_until(policy, text, ask, timezone=timezone, today=today, language=language),
    )


def _check(ask: PageAsk, today: date) -> None:
    errors = []
    if ask.country is not None and not is_country(iso(ask.country)):
        errors.append(FieldError("country", "country", f"{ask.country} is no country of ISO 3166-1."))
    if ask.received is not None and not EARLIEST <= ask.received <= today:
        errors.append(FieldError("received", "day", f"From {EARLIEST} to today."))
    if ask.ordered is not None and not EARLIEST <= ask.ordered <= (ask.received or today):
        errors.append(FieldError("ordered", "day", f"From {EARLIEST} to the day it was received."))
    if errors:
        raise Invalid(errors[0].message, errors=errors)


def _section(one: policy_page.Section, language: str) -> SectionView:
    entries = tuple(
        EntryView(
            id=entry.id,
            question=say(entry.question, language),
            answer=tuple(say(sentence, language) for sentence in entry.answer),
            basis=entry.basis,
            article=entry.article,
        )
        for entry in one.entries
    )
    return SectionView(id=one.id, title=say(one.title, language), entries=entries)


def _until(policy: Any, text: Any, ask: PageAsk, *, timezone: str, today: date, language: str) -> tuple[UntilView, ...]:
    if ask.received is None:
        return ()
    found = policy_page.until(policy, text, timezone=timezone, received=ask.received, ordered=ask.ordered, today=today)
    return tuple(UntilView(name=say(KIND_NAMES[one.kind], language), **msgspec.structs.asdict(one)) for one in found)
