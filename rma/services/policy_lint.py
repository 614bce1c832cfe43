"""A store's policy held against the law of everybody it sells to: whenever asked, and before every publication."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any

import msgspec
import sqlalchemy as sa
from msgspec import Meta

from rma.db import tables
from rma.db.session import Work
from rma.domain import lint
from rma.domain.calendar import local_date
from rma.domain.lint import Finding, StoreFacts
from rma.domain.places import is_country, iso
from rma.domain.rules import Selection
from rma.domain.terms import Policy
from rma.domain.texts import say
from rma.errors import FieldError, Invalid, Reason, Unlawful
from rma.services import law
from rma.services.catalog import StoreInfo

LATEST_ORDERS = 500
"""Where a store sells to is read from so many of its latest orders."""
_orders = tables.table(tables.Order)
Country = Annotated[str, Meta(pattern=r"^[A-Z]{2}$(?!\n)")]


class LintPolicy(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Under which laws: of ``countries`` besides those the store sells to, on the day it shall begin (now if none)."""

    countries: Annotated[tuple[Country, ...], Meta(max_length=50)] = ()
    effective_from: Annotated[datetime, Meta(tz=True)] | None = None


class LintedLaw(msgspec.Struct, frozen=True, kw_only=True):
    """The text that protects consumers of a country against this store, or the two: theirs and the store's own.

    ``law`` is written as it is kept with an order. Where we hold no law of a country it is that of the store's.
    """

    country: str
    law: str


class Linted(msgspec.Struct, frozen=True, kw_only=True):
    """Everything there is to say about a policy. ``lawful``: it may be published. ``on`` is the day of the laws."""

    version: int
    lawful: bool
    on: date
    laws: tuple[LintedLaw, ...]
    findings: tuple[Finding, ...]


class _Sold(msgspec.Struct, frozen=True):
    """The part of an order that says where it went."""

    country: str | None = None
    currency: str = ""


_read_sold = msgspec.json.Decoder(_Sold).decode


def linted(work: Work, store: StoreInfo, policy: Policy, *, at: datetime, countries: tuple[str, ...] = ()) -> Linted:
    """The policy under the laws of that instant. ``Invalid`` names a country that there is not."""
    wrong = [
        FieldError(f"countries[{place}]", "country", f"{code} is no country of ISO 3166-1.")
        for place, code in enumerate(countries)
        if not is_country(iso(code))
    ]
    if wrong:
        raise Invalid(wrong[0].message, errors=wrong)
    on = local_date(at, store.timezone)
    sold = _sold(work, store.id)
    named = {country for country, _ in sold if country} | set(countries) | _named(policy)
    laws = {country: law.protecting(store, country, on) for country in sorted({store.country} | named)}
    facts = StoreFacts(other_currencies=tuple(sorted({currency for _, currency in sold} - {policy.currency})))
    findings = lint.lint(policy, laws, facts)
    return Linted(
        version=policy.version,
        lawful=not lint.unlawful(findings),
        on=on,
        laws=tuple(LintedLaw(country=country, law=one.reference) for country, one in laws.items()),
        findings=findings,
    )


def check(work: Work, store: StoreInfo, policy: Policy, *, at: datetime, language: str) -> None:
    """``Unlawful`` with every path, and every article as a reason, where the policy takes what the law gives."""
    wrong = lint.unlawful(linted(work, store, policy, at=at).findings)
    if wrong:
        errors = [FieldError(one.path, one.code, _told(one, language)) for one in wrong]
        reasons = [Reason(one.path, one.code, say(one.text, language), one.article) for one in wrong]
        raise Unlawful(f"policy {policy.version}" if policy.version else "policy", errors, reasons=reasons)


def _told(one: Finding, language: str) -> str:
    return f"{say(one.text, language)} ({one.article})" if one.article else say(one.text, language)


def _sold(work: Work, store_id: str) -> set[tuple[str | None, str]]:
    """Countries and currencies of the latest orders."""
    query = sa.select(_orders.c.doc).where(_orders.c.store_id == store_id).order_by(_orders.c.id.desc())
    rows: Any = work.conn.execute(query.limit(LATEST_ORDERS)).scalars()
    found = map(_read_sold, rows)
    return {(one.country, one.currency) for one in found}


def _named(policy: Policy) -> set[str]:
    """Countries that the rules of the policy name."""
    chosen = [rule.params.countries or () for rule in policy.rules if isinstance(rule.params, Selection)]
    return {country for countries in chosen for country in countries}
