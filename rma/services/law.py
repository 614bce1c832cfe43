"""The law that ships: read once from the data folder, and asked for stores, orders and cases."""

from __future__ import annotations

from datetime import date
from functools import cache
from pathlib import Path
from typing import Any, Literal

import msgspec

from rma.domain.calendar import local_date
from rma.domain.daysoff import regions_of
from rma.domain.law import LawProfile
from rma.domain.law_dates import LawOn
from rma.domain.law_facts import DeadlineQuestion
from rma.domain.law_files import load_laws
from rma.domain.law_questions import DeadlineAnswer, answer
from rma.domain.law_set import Laws, home_in
from rma.domain.order import Address
from rma.domain.places import iso
from rma.errors import Invalid
from rma.resources import folder
from rma.services.caller import Caller
from rma.services.case import now_of
from rma.services.catalog import StoreInfo
from rma.services.context import Services, Work
from rma.services.paging import Ask, Page, cut

__all__ = ["DeadlineAnswer", "DeadlineQuestion"]


class ProfileFilters(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which texts: all, those of a ``jurisdiction``, or the one that holds in a ``country`` ``on`` a day."""

    jurisdiction: str | None = None
    country: str | None = None
    on: date | None = None


class AppliedLaw(msgspec.Struct, frozen=True, kw_only=True):
    """A law that protects the customer: of their own country, or of the store's, which the sale is taken to choose."""

    law: str
    country: str
    of: Literal["customer", "store"]


@cache
def laws() -> Laws:
    """Every shipped text and country. Raises ``DefinitionError`` naming a faulty file and the paths in it."""
    return read_folder(folder("workflows") / "law")


def read_folder(root: Path) -> Laws:
    """Every text and country in a folder. Raises ``DefinitionError`` naming a faulty file and the paths in it."""
    return load_laws({path.relative_to(root).as_posix(): path.read_bytes() for path in sorted(root.rglob("*.toml"))})


def on(store: StoreInfo, country: str | None, day: date, *, region: str | None = None) -> LawProfile:
    """The law of a consumer's country, or region of it, on a day; of the store's where we hold none of the consumer's.

    It is for duties of the store and for words on pages. What a consumer may ask follows from ``protecting``.
    """
    return laws().profile(country, store.country, day, region=region, corrections=store.holidays)


def protecting(
    store: StoreInfo, country: str | None, day: date, *, region: str | None = None, kept: str | None = None
) -> LawProfile:
    """The law of a day, or the two laws, that protect a consumer of that country against this store.

    ``kept`` is the reference that was frozen with an order: whether a second law applies and of which country is read
    there and stays so. Without it a second one applies where the store is in another country (Rome I art. 6(2)).
    """
    home = store.country if kept is None else home_in(kept)
    if home is None:
        return on(store, country, day, region=region)
    return laws().protecting(country, home, day, region=region, corrections=store.holidays)


def lookup(store: StoreInfo, country: str | None, *, region: str | None = None, kept: str | None = None) -> LawOn:
    """The same for any day."""
    return lambda day: protecting(store, country, day, region=region, kept=kept)


def applied(reference: str, country: str | None, *, store: str) -> tuple[AppliedLaw, ...]:
    """The laws of a kept reference: that of the customer's country, or of the store's where we do not hold it."""
    own, home = reference.partition("+")[0], home_in(reference)
    held = country is not None and laws().jurisdiction(country) is not None
    first = AppliedLaw(law=own, country=iso(country), of="customer") if held else None
    second = AppliedLaw(law=reference.partition("+")[2].partition("/")[0], country=home, of="store") if home else None
    return tuple(one for one in (first or AppliedLaw(law=own, country=store, of="store"), second) if one is not None)


def timezone(store: StoreInfo, country: str | None, *, region: str | None = None) -> str:
    """The zone in which this consumer's days are counted."""
    return laws().timezone(country, store.timezone, region=region)


def region_of(country: str | None, address: Address | None) -> str | None:
    """The part of the country that an address names by its code (``BY``, ``DE-BY``), where it has days of its own."""
    if not country or address is None or not address.region:
        return None
    code = address.region.strip().removeprefix(f"{country}-")
    return code if code in regions_of(country) else None


def listing(work: Work, services: Services, caller: Caller, filters: ProfileFilters, ask: Ask) -> Page[dict[str, Any]]:
    """The texts that are asked for, with every rule of theirs; ``Invalid`` for a country whose law we do not hold."""
    if filters.country is not None:
        if laws().jurisdiction(filters.country) is None:
            raise Invalid.field("country", "unknown", f"We hold no law of {filters.country}.")
        store = services.catalog.store(work, caller.store_id)
        found = [on(store, filters.country, filters.on or _today(work, store))]
    else:
        found = [one for one in laws().profiles if filters.jurisdiction in (None, one.jurisdiction)]
        if filters.on is not None:
            holding = {laws().of(one.jurisdiction, filters.on).version for one in found}
            found = [one for one in found if one.version in holding]
    rest = [one for one in found if one.version > (ask.after or "")]
    return cut(rest[: ask.limit + 1], ask, key=lambda one: one.version).map(shown)


def shown(profile: LawProfile) -> dict[str, Any]:
    """A text for programs: what identifies it, and its rules; parts that do not exist there are null."""
    countries = [profile.country] if profile.country else list(laws().countries(profile.jurisdiction))
    plain: dict[str, Any] = msgspec.to_builtins(profile)
    del plain["together"]
    return {"version": profile.version, **plain, "countries": countries}


def deadline(work: Work, services: Services, caller: Caller, asked: DeadlineQuestion) -> DeadlineAnswer:
    """The answer to a question for a deadline, by the caller's store. ``Invalid`` names every wrong fact."""
    store = services.catalog.store(work, caller.store_id)
    return answer(laws(), asked, timezone=store.timezone, corrections=store.holidays)


def _today(work: Work, store: StoreInfo) -> date:
    """The store's own day, by its own clock."""
    return local_date(now_of(work, store.id), store.timezone)
