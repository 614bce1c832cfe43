"""Reading the law: profiles and country overlays from TOML, strictly, with every fault named by file and path.

A profile file holds one dated text of a jurisdiction; ``amends`` names the older text that it changes (tables are
merged, lists replaced). A country's file says what differs there: zone, holidays, labels, periods, retention.
"""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from itertools import pairwise
from typing import Annotated, Any, TypeVar

import msgspec
from msgspec import Meta, structs

from rma.domain import strict
from rma.domain.calendar import zone
from rma.domain.daysoff import HOLIDAY, WEEKDAYS, Correction, is_place
from rma.domain.law import (
    AfterSales,
    Carriage,
    Defect,
    Delivery,
    Jurisdiction,
    Labels,
    LawProfile,
    Liability,
    Messages,
    Privacy,
    Rate,
    Refund,
    Retention,
    ServiceUsed,
    State,
    Tax,
    ValueLoss,
    WayBack,
    Withdrawal,
    WithdrawalFunction,
)
from rma.domain.law_set import Laws, Overlay
from rma.domain.law_terms import Counting, Country, Period, Region
from rma.domain.order import ATTRIBUTES
from rma.errors import DefinitionError, FieldError, Invalid

T = TypeVar("T")
Document = dict[str, Any]
CONDITIONS = frozenset({"opened", "used", "installed"})
"""The conditions of goods that an exception may ask for, besides the attributes of a line."""
_PERIODS = (
    *("send_back", "delivery", "refund.clocks", "defect.liability", "defect.presumption", "defect.repair"),
    *("privacy.answer", "privacy.destruction", "messages.stop", "liability", "presumption", "regions.*.liability"),
)
"""Where a period stands in a file of a text or of a country."""


class _Title(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    tr: Annotated[str, Meta(min_length=1)]
    en: Annotated[str, Meta(min_length=1)]
    de: Annotated[str, Meta(min_length=1)]


class _ProfileFile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    jurisdiction: Jurisdiction
    valid_from: date
    title: _Title
    counting: Counting
    amends: str | None = None
    valid_until: date | None = None
    withdrawal: Withdrawal | None = None
    function: WithdrawalFunction | None = None
    send_back: Period | None = None
    delivery: Delivery | None = None
    refund: Refund | None = None
    way_back: WayBack | None = None
    value_loss: ValueLoss | None = None
    service_used: ServiceUsed | None = None
    defect: Defect | None = None
    after_sales: AfterSales | None = None
    carriage: Carriage | None = None
    retention: tuple[Retention, ...] = ()
    privacy: Privacy | None = None
    messages: Messages | None = None
    interest: tuple[Rate, ...] = ()
    tax: Tax | None = None
    policy_must_be_shown: bool = False
    states: tuple[State, ...] = ()


class _SinceLiability(Liability, frozen=True, kw_only=True):
    since: date


class _RegionFile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    timezone: str | None = None
    liability: _SinceLiability | None = None


class _CountryFile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    jurisdiction: Jurisdiction
    country: Country
    title: _Title
    timezone: str | None = None
    holidays: str = ""
    corrections: tuple[Correction, ...] = ()
    labels: tuple[Labels, ...] = ()
    liability: tuple[_SinceLiability, ...] = ()
    presumption: tuple[_SinceLiability, ...] = ()
    retention: tuple[Retention, ...] = ()
    regions: dict[Region, _RegionFile] = {}


def load_laws(files: Mapping[str, bytes]) -> Laws:
    """The law in these files, by name; names with a folder are overlays of countries.

    Raises ``DefinitionError`` naming the first faulty file and every fault in it by its path.
    """
    documents = {name: _parse(name, raw) for name, raw in sorted(files.items())}
    overlays = [_overlay(name, document, files[name]) for name, document in documents.items() if "country" in document]
    texts = {name: document for name, document in documents.items() if "country" not in document}
    profiles = [_profile(name, texts, files[name]) for name in texts]
    _check_overlaps(profiles)
    _check_countries(overlays, profiles)
    return Laws(profiles, overlays)


def _parse(source: str, raw: bytes) -> Document:
    try:
        return tomllib.loads(raw.decode())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as fault:
        raise DefinitionError(source, [FieldError("", "unreadable", f"this is no TOML: {fault}")]) from fault


def _read(source: str, document: Document, kind: type[T]) -> T:
    try:
        return msgspec.convert(document, kind)
    except msgspec.ValidationError:
        raise DefinitionError(source, strict.faults(document, kind)) from None


def _profile(source: str, texts: Mapping[str, Document], raw: bytes) -> LawProfile:
    document = _amended(source, texts, ())
    read = _read(source, document, _ProfileFile)
    faults = [*_profile_faults(read), *_amend_faults(read, texts), *_period_faults(document)]
    if faults:
        raise DefinitionError(source, faults)
    found = {name: getattr(read, name) for name in read.__struct_fields__ if name not in {"amends", "title"}}
    title = structs.asdict(read.title)
    return LawProfile(**found, title=title, source=source, sha256=hashlib.sha256(raw).hexdigest())


def _amended(source: str, texts: Mapping[str, Document], seen: tuple[str, ...]) -> Document:
    """The whole text of a file: the one it amends, with what it changes."""
    document = texts[source]
    older = document.get("amends")
    if older is None:
        return document
    if not isinstance(older, str) or older not in texts or older in (*seen, source):
        raise DefinitionError(source, [FieldError("amends", "unknown_file", f"there is no such text: {older}")])
    whole = _amended(older, texts, (*seen, source))
    return _merged({key: part for key, part in whole.items() if key != "valid_until"}, document)


def _merged(old: Document, new: Document) -> Document:
    both = {key: _merged(old[key], new[key]) for key in old.keys() & new.keys() if _tables(old[key], new[key])}
    return {**old, **new, **both}


def _tables(one: object, other: object) -> bool:
    return isinstance(one, dict) and isinstance(other, dict)


def _overlay(source: str, document: Document, raw: bytes) -> Overlay:
    read = _read(source, document, _CountryFile)
    faults = [*_country_faults(read), *_period_faults(document)]
    if faults:
        raise DefinitionError(source, faults)
    return Overlay(
        jurisdiction=read.jurisdiction,
        country=read.country,
        title=structs.asdict(read.title),
        timezone=read.timezone,
        holidays=read.holidays,
        corrections=read.corrections,
        labels=read.labels,
        liability=tuple((one.since, _plain(one)) for one in read.liability),
        presumption=tuple((one.since, _plain(one)) for one in read.presumption),
        retention=read.retention,
        zones={code: region.timezone for code, region in read.regions.items() if region.timezone},
        regional_liability={
            code: (region.liability.since, _plain(region.liability))
            for code, region in read.regions.items()
            if region.liability
        },
        source=source,
        sha256=hashlib.sha256(raw).hexdigest(),
    )


def _plain(dated: _SinceLiability) -> Liability:
    """A dated period without its date."""
    return Liability(**{name: getattr(dated, name) for name in Liability.__struct_fields__})


def _profile_faults(read: _ProfileFile) -> Iterator[FieldError]:
    if read.valid_until is not None and read.valid_until < read.valid_from:
        yield FieldError("valid_until", "value", "lies before valid_from")
    counting = read.counting
    yield from _place_faults("counting", counting.timezone, counting.holidays, counting.region)
    yield from _off_faults(counting)
    yield from _correction_faults("counting.corrections", counting.corrections)
    if read.withdrawal:
        yield from _exception_faults(read.withdrawal)
    if read.function:
        yield from _label_faults("function.labels", read.function.labels)
        if read.function.required and not read.function.labels:
            yield FieldError("function.labels", "missing", "the two buttons need their words")
        yield from _twice("function.fields", read.function.fields)
    if read.refund:
        yield from _twice("refund.clocks", [clock.when for clock in read.refund.clocks])
    if read.messages:
        yield from _class_faults(read.messages)
    yield from _twice("retention", [one.record for one in read.retention])
    yield from _since_faults("interest", [one.since for one in read.interest])
    yield from _since_faults("tax.rates", [one.since for one in read.tax.rates] if read.tax else [])
    yield from _twice("states", [one.code for one in read.states])


def _country_faults(read: _CountryFile) -> Iterator[FieldError]:
    yield from _place_faults("", read.timezone, read.holidays, None)
    yield from _correction_faults("corrections", read.corrections)
    yield from _label_faults("labels", read.labels)
    yield from _since_faults("liability", [one.since for one in read.liability])
    yield from _since_faults("presumption", [one.since for one in read.presumption])
    yield from _twice("retention", [one.record for one in read.retention])
    for code, region in read.regions.items():
        yield from _place_faults(f"regions.{code}", region.timezone, read.holidays, code)


def _period_faults(document: Document) -> Iterator[FieldError]:
    """A time that is not said would be none at all; one of two kinds would be set aside."""
    for path in _PERIODS:
        for where, table in _at(document, path.split("."), ""):
            said = [unit for unit in ("days", "months", "working_days") if unit in table]
            if not said:
                yield FieldError(f"{where}.days", "missing", "say days, months or working_days; 0 is at once")
            if "working_days" in said and len(said) > 1:
                yield FieldError(f"{where}.working_days", "value", "working days stand alone")
            if table.get("second_hand_months", 0) > table.get("months", 0):
                yield FieldError(f"{where}.second_hand_months", "value", "second-hand goods have no longer time")


def _at(part: object, names: Sequence[str], path: str) -> Iterator[tuple[str, Document]]:
    """The tables that stand at these names, with their paths: each of a list, each of what ``*`` may be called."""
    if isinstance(part, list):
        for index, one in enumerate(part):
            yield from _at(one, names, f"{path}[{index}]")
    elif isinstance(part, dict) and not names:
        yield path, part
    elif isinstance(part, dict):
        for name in part if names[0] == "*" else {names[0]} & part.keys():
            yield from _at(part[name], names[1:], f"{path}.{name}".lstrip("."))


def _amend_faults(read: _ProfileFile, texts: Mapping[str, Document]) -> Iterator[FieldError]:
    older = texts.get(read.amends or "")
    if older is not None and older.get("jurisdiction") != read.jurisdiction:
        yield FieldError("amends", "value", "amends a text of another jurisdiction")


def _place_faults(path: str, timezone: str | None, holidays: str, region: str | None) -> Iterator[FieldError]:
    prefix = f"{path}." if path else ""
    if timezone is not None:
        try:
            zone(timezone)
        except Invalid as fault:
            yield FieldError(f"{prefix}timezone", "value", fault.detail)
    if holidays and not is_place(holidays):
        yield FieldError(f"{prefix}holidays", "value", f"there is no table of holidays for {holidays!r}")
    elif holidays and region is not None and not is_place(holidays, region):
        where = path if path.startswith("regions.") else f"{prefix}region"
        yield FieldError(where, "value", f"{holidays} has no part {region!r} in the table of holidays")


def _off_faults(counting: Counting) -> Iterator[FieldError]:
    for name in ("strict", "lenient", "repair_off", "work_off"):
        names = getattr(counting, name)
        if len(set(names) - {HOLIDAY}) == len(WEEKDAYS):
            yield FieldError(f"counting.{name}", "value", "a week needs a working day")
    missing = set(counting.strict) - set(counting.lenient)
    if missing:
        yield FieldError("counting.lenient", "value", f"must hold what strict holds: {', '.join(sorted(missing))}")


def _correction_faults(path: str, corrections: Sequence[Correction]) -> Iterator[FieldError]:
    for index, one in enumerate(corrections):
        if fault := one.fault():
            yield FieldError(f"{path}[{index}]", "value", fault)


def _exception_faults(withdrawal: Withdrawal) -> Iterator[FieldError]:
    for index, one in enumerate(withdrawal.exceptions):
        path = f"withdrawal.exceptions[{index}]"
        if one.attribute not in ATTRIBUTES:
            yield FieldError(f"{path}.attribute", "unknown", f"a line has no attribute {one.attribute!r}")
        for key, names in (("needs", one.needs), ("unless", one.unless)):
            for place, name in enumerate(names):
                if name not in ATTRIBUTES | CONDITIONS:
                    yield FieldError(f"{path}.{key}[{place}]", "unknown", f"no attribute and no condition: {name!r}")
    yield from _twice("withdrawal.exceptions", [one.attribute for one in withdrawal.exceptions])


def _label_faults(path: str, labels: Sequence[Labels]) -> Iterator[FieldError]:
    yield from _twice(path, [one.language for one in labels])


def _class_faults(messages: Messages) -> Iterator[FieldError]:
    """What is of service needs no consent, so nothing may be both."""
    for index, name in enumerate(messages.commercial):
        if name in messages.service:
            yield FieldError(f"messages.commercial[{index}]", "twice", f"{name} is of service already")


def _twice(path: str, names: Sequence[str]) -> Iterator[FieldError]:
    for index, name in enumerate(names):
        if name in names[:index]:
            yield FieldError(f"{path}[{index}]", "twice", f"{name} stands here twice")


def _since_faults(path: str, days: Sequence[date]) -> Iterator[FieldError]:
    for index, (one, other) in enumerate(pairwise(days), start=1):
        if one >= other:
            yield FieldError(f"{path}[{index}].since", "overlap", "must begin after the entry before it")


def _check_overlaps(profiles: Sequence[LawProfile]) -> None:
    """Two texts of one jurisdiction never hold on the same day."""
    ordered = sorted(profiles, key=lambda one: (one.jurisdiction, one.valid_from, one.source))
    for one, other in pairwise(ordered):
        if one.jurisdiction != other.jurisdiction:
            continue
        if one.valid_from == other.valid_from:
            message = f"{one.source} holds from the same day"
            raise DefinitionError(other.source, [FieldError("valid_from", "overlap", message)])
        if one.valid_until is not None and one.valid_until >= other.valid_from:
            message = f"{other.source} holds from {other.valid_from.isoformat()} on"
            raise DefinitionError(one.source, [FieldError("valid_until", "overlap", message)])


def _check_countries(overlays: Sequence[Overlay], profiles: Sequence[LawProfile]) -> None:
    known = {one.jurisdiction for one in profiles}
    seen: dict[str, str] = {}
    for one in overlays:
        if one.jurisdiction not in known:
            fault = FieldError("jurisdiction", "unknown", f"there is no text of {one.jurisdiction}")
            raise DefinitionError(one.source, [fault])
        if one.country in seen:
            fault = FieldError("country", "twice", f"{seen[one.country]} is of the same country")
            raise DefinitionError(one.source, [fault])
        seen[one.country] = one.source
