"""Stores: the shop that everything else belongs to."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

import msgspec
import sqlalchemy as sa
from msgspec import UNSET, Meta, UnsetType

from rma.db import tables
from rma.db.session import Work
from rma.domain.daysoff import Correction, is_place
from rma.domain.money import is_currency
from rma.domain.places import is_country
from rma.domain.retention import APPEAL_DAYS
from rma.errors import FieldError, Invalid, NotFound, Refused, Stale
from rma.services import catalog

RESERVED_SLUGS = frozenset(("api", "health", "metrics", "static", "docs"))
Language = Literal["tr", "en", "de"]
_SLUG = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
_stores = tables.table(tables.Store)

Short = Annotated[str, Meta(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f\u2028\u2029]+$(?!\n)")]
"""A name or a line of an address: it goes into headers of mails and onto labels, so it holds no line break."""
Id = Annotated[str, Meta(min_length=1, max_length=64)]
Shorter = Annotated[int, Meta(ge=0, le=12)]
Wait = Annotated[int, Meta(ge=0, le=APPEAL_DAYS)]
Corrections = Annotated[list[Correction], Meta(max_length=1000)]
"""What a store knows better than the table of public holidays; each entry is dated."""


class ReturnAddress(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where parcels go; one of them is the default."""

    id: Id
    name: Short
    line1: Short
    city: Short
    postcode: Annotated[str, Meta(max_length=20)]
    country: str
    line2: Annotated[str, Meta(max_length=200)] | None = None
    phone: Annotated[str, Meta(max_length=40)] | None = None
    default: bool = False


class RetentionIn(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Times that no law asks for, which a store may shorten: feedback in months, photos after a decline in days."""

    feedback_months: Shorter = 12
    appeal_days: Wait = APPEAL_DAYS


class NewStore(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A store to make. ``slug`` is its name in addresses; ``timezone`` of the IANA database; ``test_mode`` for ever."""

    slug: str
    name: Short
    country: str
    timezone: str
    currency: str
    locale: Language
    test_mode: bool = False
    return_addresses: Annotated[list[ReturnAddress], Meta(max_length=50)] = []
    holidays: Corrections = []
    retention: RetentionIn = RetentionIn()


class ChangeStore(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What may change later. Country, currency and test mode may not: orders, law and clocks stand on them."""

    name: Short | UnsetType = UNSET
    timezone: str | UnsetType = UNSET
    locale: Language | UnsetType = UNSET
    return_addresses: Annotated[list[ReturnAddress], Meta(max_length=50)] | UnsetType = UNSET
    holidays: Corrections | UnsetType = UNSET
    retention: RetentionIn | UnsetType = UNSET


class StoreView(msgspec.Struct, frozen=True, kw_only=True):
    """A store as the API shows it."""

    id: str
    slug: str
    name: str
    country: str
    timezone: str
    currency: str
    locale: str
    test_mode: bool
    return_addresses: list[ReturnAddress]
    holidays: list[Correction]
    retention: RetentionIn
    version: int
    created_at: datetime


def create(work: Work, new: NewStore, *, actor: str = "system") -> StoreView:
    """Make a store with the standard policy and the shipped machines.

    ``Invalid`` names every wrong field; ``Refused`` ``slug_taken`` for a slug in use.
    """
    _raise(_faults(new))
    if work.conn.execute(sa.select(_stores.c.id).where(_stores.c.slug == new.slug)).first():
        raise Refused(f"There is a store {new.slug!r} already.", code="slug_taken")
    row = tables.Store(
        id=work.new_id("sto"),
        slug=new.slug,
        name=new.name,
        country=new.country,
        timezone=new.timezone,
        currency=new.currency,
        locale=new.locale,
        test_mode=new.test_mode,
        return_addresses=_addresses(new.return_addresses),
        holidays=_corrections(new.holidays),
        retention=msgspec.structs.asdict(new.retention),
        created_at=work.real_now,
    )
    work.session.add(row)
    work.flush()
    catalog.publish_defaults(work, row, actor=actor)
    return _view(row)


def show(work: Work, slug: str) -> StoreView:
    """The store with this slug, or ``NotFound``."""
    row = work.session.scalars(sa.select(tables.Store).where(_stores.c.slug == slug)).first()
    if row is None:
        raise NotFound("There is no such store.")
    return _view(row)


def change(work: Work, slug: str, wish: ChangeStore, *, expected: int | None = None) -> StoreView:
    """Change a store and raise its version. ``Stale`` when it is not at the ``expected`` version any more."""
    locked = sa.select(tables.Store).where(_stores.c.slug == slug).with_for_update(key_share=True)
    row = work.session.scalars(locked).first()
    if row is None:
        raise NotFound("There is no such store.")
    if expected is not None and expected != row.version:
        raise Stale(f"The store is at version {row.version} by now.")
    given = {name: value for name, value in msgspec.structs.asdict(wish).items() if value is not UNSET}
    addresses = given.pop("return_addresses", None)
    corrections = given.pop("holidays", None)
    if "retention" in given:
        given["retention"] = msgspec.structs.asdict(given["retention"])
    faults = [*_timezone_faults(given.get("timezone")), *_address_faults(addresses or [])]
    _raise([*faults, *_correction_faults(corrections or [])])
    for name, value in given.items():
        setattr(row, name, value)
    if addresses is not None:
        row.return_addresses = _addresses(addresses)
    if corrections is not None:
        row.holidays = _corrections(corrections)
    row.version += 1
    work.flush()
    return _view(row)


def _view(row: tables.Store) -> StoreView:
    kept = {"return_addresses", "holidays", "retention"}
    return StoreView(
        return_addresses=msgspec.convert(row.return_addresses, list[ReturnAddress]),
        holidays=msgspec.convert(row.holidays, list[Correction]),
        retention=msgspec.convert(row.retention, RetentionIn),
        **{name: getattr(row, name) for name in StoreView.__struct_fields__ if name not in kept},
    )


def _faults(new: NewStore) -> list[FieldError]:
    found = []
    if not _SLUG.fullmatch(new.slug):
        found.append(FieldError("slug", "slug", "a slug has 1 to 63 small letters, digits and hyphens within"))
    elif new.slug in RESERVED_SLUGS:
        found.append(FieldError("slug", "slug_reserved", f"{new.slug!r} is an address of our own"))
    if not is_currency(new.currency):
        found.append(FieldError("currency", "currency", f"{new.currency!r} is not a currency of ISO 4217"))
    found += _country_faults("country", new.country)
    found += _correction_faults(new.holidays)
    return found + _timezone_faults(new.timezone) + _address_faults(new.return_addresses)


def _country_faults(path: str, code: str) -> list[FieldError]:
    if is_country(code):
        return []
    return [FieldError(path, "country", f"{code!r} is not a country code of ISO 3166-1")]


def _timezone_faults(name: str | None) -> list[FieldError]:
    if name is None:
        return []
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        return [FieldError("timezone", "timezone", f"{name[:64]!r} is not a time zone of the IANA database")]
    return []


def _address_faults(addresses: list[ReturnAddress]) -> list[FieldError]:
    found, seen = [], set()
    for place, address in enumerate(addresses):
        path = f"return_addresses[{place}]"
        found += _country_faults(f"{path}.country", address.country)
        if address.id in seen:
            found.append(FieldError(f"{path}.id", "twice", f"there are two addresses {address.id!r}"))
        seen.add(address.id)
    if sum(address.default for address in addresses) > 1:
        found.append(FieldError("return_addresses", "default", "only one address can be the default"))
    return found


def _correction_faults(corrections: list[Correction]) -> list[FieldError]:
    found = []
    for place, one in enumerate(corrections):
        if fault := one.fault():
            found.append(FieldError(f"holidays[{place}]", "value", fault))
        if one.country is not None and not is_place(one.country, one.region):
            message = f"there is no table of holidays for {one.country} {one.region or ''}".rstrip()
            found.append(FieldError(f"holidays[{place}].country", "value", message))
    return found


def _corrections(given: list[Correction]) -> list[dict[str, object]]:
    """As they are kept: plain data without what is not said."""
    rows: list[dict[str, object]] = msgspec.to_builtins(given)
    return rows


def _addresses(given: list[ReturnAddress]) -> list[dict[str, object]]:
    """As they are kept: the first is the default unless another one says so."""
    rows = [msgspec.structs.asdict(address) for address in given]
    if rows and not any(row["default"] for row in rows):
        rows[0]["default"] = True
    return rows


def _raise(found: list[FieldError]) -> None:
    if found:
        raise Invalid("The store cannot be right.", errors=found)
