"""Which law: of all texts and countries, the one that protects a consumer on a day."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date

import msgspec
from msgspec import structs

from rma.domain.daysoff import Correction
from rma.domain.law import Defect, Jurisdiction, Labels, LawProfile, Liability, Retention
from rma.domain.law_terms import Counting
from rma.domain.places import iso

Place = tuple[str, str | None, tuple[Correction, ...]]


class Overlay(msgspec.Struct, frozen=True, kw_only=True):
    """What differs in one country; dated periods hold for contracts from their day on."""

    jurisdiction: Jurisdiction
    country: str
    title: dict[str, str]
    source: str
    sha256: str
    timezone: str | None = None
    holidays: str = ""
    corrections: tuple[Correction, ...] = ()
    labels: tuple[Labels, ...] = ()
    liability: tuple[tuple[date, Liability], ...] = ()
    presumption: tuple[tuple[date, Liability], ...] = ()
    retention: tuple[Retention, ...] = ()
    zones: dict[str, str] = {}
    regional_liability: dict[str, tuple[date, Liability]] = {}


NO_LAW = LawProfile(jurisdiction="none", valid_from=date(1970, 1, 1), counting=Counting(article="none", confidence="L"))
"""The profile of a place whose law we do not hold: no right, no period."""

_MOST = 20_000


class Laws:
    """Every text and country that was loaded. Profiles of a place are put together once and kept."""

    def __init__(self, profiles: Iterable[LawProfile], overlays: Iterable[Overlay]) -> None:
        self.profiles = tuple(sorted(profiles, key=lambda one: (one.jurisdiction, one.valid_from)))
        self.overlays = {one.country: one for one in overlays}
        self._made: dict[tuple[object, ...], LawProfile] = {}
        self._asked: dict[tuple[object, ...], LawProfile] = {}

    def countries(self, jurisdiction: str) -> tuple[str, ...]:
        """The countries of a jurisdiction, in order."""
        return tuple(sorted(one.country for one in self.overlays.values() if one.jurisdiction == jurisdiction))

    def jurisdiction(self, country: str | None) -> Jurisdiction | None:
        """The jurisdiction of a country (ISO 3166-1 alpha-2), or None where we hold no law of it."""
        found = self.overlays.get(iso(country))
        return found.jurisdiction if found else None

    def profile(
        self,
        consumer: str | None,
        store: str,
        on: date,
        *,
        region: str | None = None,
        corrections: tuple[Correction, ...] = (),
    ) -> LawProfile:
        """The law that protects this consumer on that day: of their country if we hold it, else of the store's.

        ``on`` is the day of the order for a right and of the event for a procedure. ``region`` is of the consumer's
        country. Where we hold neither, ``NO_LAW`` is answered. (Rome I art. 6: habitual residence.)
        """
        key = (consumer, store, on, region, corrections)
        known = self._asked.get(key)
        if known is None:
            if len(self._asked) >= _MOST:
                self._asked.clear()
            known = self._asked[key] = self._profile(consumer, store, on, region=region, corrections=corrections)
        return known

    def _profile(
        self, consumer: str | None, store: str, on: date, *, region: str | None, corrections: tuple[Correction, ...]
    ) -> LawProfile:
        country, part = iso(consumer), region
        if country not in self.overlays:
            country, part = iso(store), None
        found = self.overlays.get(country)
        if found is None:
            return NO_LAW
        return self.of(found.jurisdiction, on, country=country, region=part, corrections=corrections)

    def protecting(
        self,
        consumer: str | None,
        home: str,
        on: date,
        *,
        region: str | None = None,
        corrections: tuple[Correction, ...] = (),
    ) -> LawProfile:
        """The same, and ``together`` with the law of the store's country ``home`` where that is another one.

        The home law is taken as the chosen one (Rome I art. 6(2)). Two countries of one jurisdiction count days alike:
        by the holidays of the consumer's (Regulation 1182/71 art. 2(1)).
        """
        key = (consumer, home, on, region, corrections, "together")
        known = self._asked.get(key)
        if known is None:
            own = self.profile(consumer, home, on, region=region, corrections=corrections)
            other = self.profile(None, home, on, corrections=corrections)
            known = self._asked[key] = _together(own, other)
        return known

    def of(
        self,
        jurisdiction: str,
        on: date,
        *,
        country: str | None = None,
        region: str | None = None,
        corrections: tuple[Correction, ...] = (),
    ) -> LawProfile:
        """A jurisdiction's law on a day, in one of its countries; ``NO_LAW`` where none held."""
        texts = [one for one in self.profiles if one.jurisdiction == jurisdiction and one.valid_from <= on]
        if not texts or (texts[-1].valid_until is not None and texts[-1].valid_until < on):
            return NO_LAW
        overlay = self.overlays.get(iso(country))
        steps = _steps(overlay, region, on)
        key = (texts[-1].version, iso(country), region, steps, corrections)
        made = self._made.get(key)
        if made is None:
            made = self._made[key] = _made(texts[-1], overlay, region, on, corrections)
        return made

    def timezone(self, country: str | None, default: str, *, region: str | None = None) -> str:
        """The zone in which a consumer's days are counted: the country's or region's own, else ``default``."""
        found = self.overlays.get(iso(country))
        if found is None:
            return default
        return found.zones.get(region or "") or found.timezone or default


def home_in(reference: str) -> str | None:
    """The country of the second law in a kept reference (``LawProfile.reference``); None where one law applies."""
    return reference.partition("+")[2].partition("/")[2] or None


def _together(own: LawProfile, other: LawProfile) -> LawProfile:
    if NO_LAW in (own, other) or own.country == other.country:
        return own
    if other.jurisdiction == own.jurisdiction:
        other = structs.replace(other, counting=own.counting)
    return structs.replace(own, together=(own, other))


def _steps(overlay: Overlay | None, region: str | None, on: date) -> tuple[int, int]:
    """How many of a country's dated periods have begun by that day: profiles between two steps are the same."""
    if overlay is None:
        return (0, 0)
    regional = overlay.regional_liability.get(region or "")
    dated = (*(since for since, _ in overlay.liability), *([regional[0]] if regional else []))
    return sum(since <= on for since in dated), sum(since <= on for since, _ in overlay.presumption)


def _made(
    text: LawProfile, overlay: Overlay | None, region: str | None, on: date, corrections: Sequence[Correction]
) -> LawProfile:
    """A text as it holds in one place."""
    if overlay is None:
        counting = structs.replace(text.counting, corrections=(*text.counting.corrections, *corrections))
        return structs.replace(text, counting=counting)
    function = text.function
    if function is not None and overlay.labels:
        national = {one.language for one in overlay.labels}
        rest = tuple(one for one in function.labels if one.language not in national)
        function = structs.replace(function, labels=(*overlay.labels, *rest))
    records = {one.record for one in overlay.retention}
    return structs.replace(
        text,
        country=overlay.country,
        counting=_counting(text.counting, overlay, region, corrections),
        function=function,
        defect=_defect(text.defect, overlay, region, on),
        retention=(*overlay.retention, *(one for one in text.retention if one.record not in records)),
    )


def _counting(counting: Counting, overlay: Overlay, region: str | None, corrections: Sequence[Correction]) -> Counting:
    return structs.replace(
        counting,
        timezone=overlay.zones.get(region or "") or overlay.timezone or counting.timezone,
        holidays=overlay.holidays or counting.holidays,
        region=region or counting.region,
        corrections=(*counting.corrections, *overlay.corrections, *corrections),
    )


def _defect(defect: Defect | None, overlay: Overlay, region: str | None, on: date) -> Defect | None:
    if defect is None:
        return None
    dated = [*overlay.liability]
    if region in overlay.regional_liability:
        dated.append(overlay.regional_liability[region])
    liability = [period for since, period in dated if since <= on]
    presumption = [period for since, period in overlay.presumption if since <= on]
    return structs.replace(
        defect,
        liability=liability[-1] if liability else defect.liability,
        presumption=presumption[-1] if presumption else defect.presumption,
    )
