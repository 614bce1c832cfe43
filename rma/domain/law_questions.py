"""Answering for a legal deadline: its three readings, the day that binds, and the articles it stands on.

This is the calculator behind ``POST /law/deadlines``. Pure: the law, the question and a store's corrections go in.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, datetime
from functools import partial
from typing import Any, cast

import msgspec

from rma.domain import law_dates as dates
from rma.domain.calendar import add_days, last_instant
from rma.domain.claims import KINDS, LIABILITY, Kind
from rma.domain.daysoff import Correction, regions_of
from rma.domain.law import LawProfile
from rma.domain.law_dates import Deadline, LawOn, Side
from rma.domain.law_facts import LAST_DAY, DeadlineQuestion, Name, read_facts
from rma.domain.law_refund import RefundDue, RefundFacts, refund_due_across
from rma.domain.law_set import Laws
from rma.errors import Invalid

_HOME = {"TR": "TR", "UK": "GB", "US": "US"}


class DeadlineAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """The deadline in its readings; every day is None while it has not started or where no law says one.

    ``binding`` is the day that holds and ``last_instant_utc`` its last second; ``side`` says who must act by it.
    ``starts`` is the day of the event that it counts from, ``pay_on`` the last bank day by which money should leave.
    """

    deadline: str
    jurisdiction: str
    country: str | None
    law: str
    side: Side | None
    starts: date | None
    raw: date | None
    strict: date | None
    lenient: date | None
    binding: date | None
    last_instant_utc: datetime | None
    articles: tuple[str, ...]
    confidence: str | None
    starts_when: str | None = None
    pay_on: date | None = None
    withhold_until: date | None = None


def answer(
    laws: Laws, asked: DeadlineQuestion, *, timezone: str, corrections: tuple[Correction, ...] = ()
) -> DeadlineAnswer:
    """The answer to a question. Raises ``Invalid`` naming every fact that does not belong or cannot be right.

    ``timezone`` is taken where the law has none of its own.
    """
    country, region = _place(laws, asked)
    law_on = partial(laws.of, asked.jurisdiction, country=country, region=region, corrections=corrections)
    zone = laws.timezone(country, law_on(date(2026, 7, 1)).timezone or timezone, region=region)
    facts = read_facts(asked, zone)
    law, found = _ANSWERS[asked.deadline](law_on, facts)
    return _told(asked, country, law, found, zone=zone)


def _told(
    asked: DeadlineQuestion, country: str | None, law: LawProfile, found: Deadline | RefundDue | None, *, zone: str
) -> DeadlineAnswer:
    empty = DeadlineAnswer(
        deadline=asked.deadline,
        jurisdiction=asked.jurisdiction,
        country=country,
        law=law.version,
        side=None,
        starts=None,
        raw=None,
        strict=None,
        lenient=None,
        binding=None,
        last_instant_utc=None,
        articles=(),
        confidence=None,
    )
    if found is None:
        return empty
    if isinstance(found, RefundDue):
        return _told_refund(empty, found, zone)
    return msgspec.structs.replace(
        empty,
        side=found.side,
        starts=found.starts,
        raw=found.raw,
        strict=found.strict,
        lenient=found.lenient,
        binding=found.binding,
        last_instant_utc=last_instant(found.binding, zone),
        articles=found.articles,
        confidence=found.confidence,
    )


def _told_refund(empty: DeadlineAnswer, found: RefundDue, zone: str) -> DeadlineAnswer:
    return msgspec.structs.replace(
        empty,
        side="seller",
        starts=found.starts,
        raw=found.by,
        strict=found.strict,
        lenient=found.strict,
        binding=found.by,
        last_instant_utc=last_instant(found.by, zone) if found.by else None,
        articles=(found.article,) if found.article else (),
        confidence=found.confidence,
        starts_when=found.starts_when,
        pay_on=found.pay_on,
        withhold_until=found.withhold_until,
    )


def _place(laws: Laws, asked: DeadlineQuestion) -> tuple[str | None, str | None]:
    if asked.country is None:
        return _HOME.get(asked.jurisdiction), None
    country, _, region = asked.country.partition("-")
    if laws.jurisdiction(country) != asked.jurisdiction:
        raise Invalid.field("country", "unknown", f"{asked.country} is no country of {asked.jurisdiction}.")
    country = "GB" if country.upper() == "UK" else country.upper()
    if region and region not in regions_of(country):
        raise Invalid.field("country", "unknown", f"{country} has no part {region} with days of its own.")
    return country, region or None


Found = tuple[LawProfile, Deadline | RefundDue | None]


def _withdrawal_end(law_on: LawOn, facts: Mapping[str, Any]) -> Found:
    regular = facts.get("regular_deliveries", ())
    deliveries = (*facts.get("parcels", ()), *([facts["delivered"]] if "delivered" in facts else []))
    pieces = facts.get("pieces", ())
    days = [day for day in (*regular, *deliveries, *pieces) if day is not None]
    key = facts.get("contract") or min(days, default=None)
    law = law_on(key or LAST_DAY)
    start = dates.withdrawal_start(
        law,
        kind=facts.get("kind", "goods").replace("+", "_and_"),
        contract=facts.get("contract"),
        deliveries=deliveries,
        pieces=pieces,
        regular=regular,
    )
    if start is None:
        return law, None
    informed, function_informed = facts.get("informed"), facts.get("function_informed")
    return law, dates.withdrawal_end(law, start, informed=informed, function_informed=function_informed)


def _send_back(law_on: LawOn, facts: Mapping[str, Any]) -> Found:
    collects = facts.get("seller_collects", False)
    found = dates.send_back_across(law_on, notice=facts["notice"], seller_collects=collects)
    return law_on(facts["notice"]), found


def _refund_due(law_on: LawOn, facts: Mapping[str, Any]) -> Found:
    notice = facts.get("notice") or facts.get("agreed") or facts["impossible_told"]
    kind = facts.get("kind", "defective" if "agreed" in facts else "withdrawal")
    moved = ("carrier", "handed_over", "arrived", "proof_of_sending", "goods_back", "seller_collects")
    known = RefundFacts(
        notice=notice,
        kind=cast(Kind, kind) if kind in KINDS else "withdrawal",
        delivered=facts.get("delivered", any(facts.get(name) for name in moved)) or kind in LIABILITY,
        service=kind in ("service", "digital"),
        carrier=facts.get("carrier", "none_named"),
        seller_collects=facts.get("seller_collects", False),
        impossible_told=facts.get("impossible_told"),
        agreed=facts.get("agreed"),
        **{name: facts.get(name) for name in ("handed_over", "arrived", "proof_of_sending", "goods_back")},
    )
    return law_on(notice), refund_due_across(law_on, known)


def _delivery_due(law_on: LawOn, facts: Mapping[str, Any]) -> Found:
    law, ordered = law_on(facts["ordered"]), facts["ordered"]
    days = facts.get("promised_days")
    return law, dates.delivery_due(law, ordered=ordered, promised=None if days is None else add_days(ordered, days))


def _liability_end(law_on: LawOn, facts: Mapping[str, Any]) -> Found:
    law = law_on(facts.get("contract") or facts["delivered"])
    return law, dates.liability_end(law, **facts)


def _presumption_end(law_on: LawOn, facts: Mapping[str, Any]) -> Found:
    law = law_on(facts.get("contract") or facts["delivered"])
    return law, dates.presumption_end(law, facts["delivered"], second_hand=facts.get("second_hand", False))


def _reject_end(law_on: LawOn, facts: Mapping[str, Any]) -> Found:
    law = law_on(facts["delivered"])
    asked, back = facts.get("repair", (None, None))
    return law, dates.reject_end(law, facts["delivered"], asked=asked, back=back)


def _simple(compute: Callable[..., Deadline | None], event: str, law_on: LawOn, facts: Mapping[str, Any]) -> Found:
    law = law_on(facts[event])
    return law, compute(law, **facts)


_ANSWERS: dict[Name, Callable[[LawOn, Mapping[str, Any]], Found]] = {
    "withdrawal_end": _withdrawal_end,
    "send_back": _send_back,
    "refund_due": _refund_due,
    "delivery_due": _delivery_due,
    "lost_from": partial(_simple, dates.lost_from, "carriage_due"),
    "repair_due": partial(_simple, dates.repair_due, "notified"),
    "loaner_due": partial(_simple, dates.loaner_due, "notified"),
    "liability_end": _liability_end,
    "presumption_end": _presumption_end,
    "warranty_end": partial(_simple, dates.warranty_end, "delivered"),
    "reject_end": _reject_end,
    "carrier_notice": partial(_simple, dates.carrier_notice, "delivered"),
    "keep_until": partial(_simple, dates.keep_until, "closed"),
    "answer_due": partial(_simple, dates.answer_due, "requested"),
    "message_stop": partial(_simple, dates.message_stop, "opted_out"),
}
