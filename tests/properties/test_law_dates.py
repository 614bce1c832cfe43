"""Properties of legal deadlines, for any day, place and case."""

from __future__ import annotations

from datetime import date, timedelta
from functools import partial
from typing import Any, get_args

from hypothesis import given
from hypothesis import strategies as st

from rma.domain import law_dates
from rma.domain.calendar import first_instant, last_instant, local_date
from rma.domain.daysoff import regions_of
from rma.domain.law import LawProfile
from rma.domain.law_dates import Deadline
from rma.domain.law_facts import DeadlineQuestion, Name
from rma.domain.law_questions import answer
from rma.domain.law_refund import RefundFacts, refund_due, refund_due_across
from tests.support.laws import law, laws

PLACES = [
    (country, region)
    for country in ("TR", "DE", "FR", "IT", "NL", "AT", "ES", "PL", "GB", "US")
    for region in (None, *sorted(regions_of(country))[:3])
]
days = st.dates(date(2015, 1, 1), date(2035, 12, 31))
places = st.sampled_from(PLACES)
told = st.one_of(st.none(), st.just("never"), days)
names = st.sampled_from(get_args(Name))
_ONE = timedelta(days=1)


def _law(place: tuple[str, str | None], on: date) -> LawProfile:
    return law(place[0], on, region=place[1])


def _all(found: LawProfile, day: date) -> list[Deadline]:
    """Every deadline that this law knows for an event of that day."""
    made = [
        law_dates.withdrawal_end(found, day),
        law_dates.withdrawal_end(found, day, informed="never"),
        law_dates.send_back_end(found, notice=day),
        law_dates.delivery_due(found, ordered=day),
        law_dates.liability_end(found, day),
        law_dates.liability_end(found, day, repaired=True),
        law_dates.presumption_end(found, day),
        law_dates.reject_end(found, day),
        law_dates.repair_due(found, day),
        law_dates.loaner_due(found, day),
        law_dates.warranty_end(found, day),
        law_dates.carrier_notice(found, day, "hidden"),
        law_dates.lost_from(found, day),
        *(law_dates.keep_until(found, one.record, day) for one in found.retention),
        law_dates.answer_due(found, day),
        law_dates.message_stop(found, day),
        law_dates.destroy_by(found, day),
    ]
    return [one for one in made if one is not None]


@given(place=places, day=days)
def test_readings_are_in_order_and_the_binding_one_serves_the_consumer(
    place: tuple[str, str | None], day: date
) -> None:
    """Counted, rolled, mildest never go back; the consumer has the latest, the seller the earliest; each is cited."""
    for one in _all(_law(place, day), day):
        assert day <= one.raw <= one.strict <= one.lenient, one
        assert one.binding == (one.lenient if one.side == "consumer" else one.raw)
        assert one.articles
        assert all(one.articles)


@given(place=places, day=days, later=st.integers(1, 40))
def test_a_later_event_never_ends_earlier(place: tuple[str, str | None], day: date, later: int) -> None:
    """Under one text of the law every deadline is monotone in the day of its event."""
    found = _law(place, day)
    for one, other in zip(_all(found, day), _all(found, day + later * _ONE), strict=True):
        assert one.name == other.name
        assert (one.raw, one.strict, one.lenient) <= (other.raw, other.strict, other.lenient)
        assert one.strict <= other.strict
        assert one.lenient <= other.lenient


@given(place=places, day=days)
def test_what_the_law_rolls_is_a_working_day(place: tuple[str, str | None], day: date) -> None:
    """The rolled day of a withdrawal is no day off, and every day that it skipped is one."""
    found = _law(place, day)
    end = law_dates.withdrawal_end(found, day)
    if end is None or found.withdrawal is None or found.withdrawal.roll == "none":
        return
    for last, off in ((end.strict, found.counting.rolled), (end.lenient, found.counting.mild)):
        assert last not in off
        assert all(end.raw + skipped * _ONE in off for skipped in range((last - end.raw).days))


@given(place=places, day=days, informed=told)
def test_being_told_late_never_shortens(place: tuple[str, str | None], day: date, informed: Any) -> None:
    """Whatever a consumer was told and when, the period is at least the plain one and at most the extended one."""
    found = _law(place, day)
    plain, longest = law_dates.withdrawal_end(found, day), law_dates.withdrawal_end(found, day, informed="never")
    end = law_dates.withdrawal_end(found, day, informed=informed)
    if plain is None or longest is None or end is None:
        assert (plain, longest, end) == (None, None, None)
        return
    assert plain.raw <= end.raw <= longest.raw
    assert plain.binding <= end.binding


@given(day=days, zone=st.sampled_from(["Europe/Istanbul", "Europe/Berlin", "Europe/London", "Atlantic/Azores"]))
def test_a_day_is_never_24_hours(day: date, zone: str) -> None:
    """A local day ends one second before the next begins, whatever the clocks do, and both ends are that day."""
    first, last = first_instant(day, zone), last_instant(day, zone)
    assert last + timedelta(seconds=1) == first_instant(day + _ONE, zone)
    assert (local_date(first, zone), local_date(last, zone)) == (day, day)
    assert timedelta(hours=23) <= last + timedelta(seconds=1) - first <= timedelta(hours=25)


@given(
    notice=days, shipped=st.integers(0, 60), on_the_way=st.integers(0, 20), carrier=st.sampled_from(["named", "other"])
)
def test_a_refund_is_never_due_before_its_clock_starts(
    notice: date, shipped: int, on_the_way: int, carrier: Any
) -> None:
    """The day to pay lies on or after the start of its clock, the bank day not after it, the rolled one not before."""
    sent = notice + shipped * _ONE
    facts = RefundFacts(notice=notice, carrier=carrier, handed_over=sent, arrived=sent + on_the_way * _ONE)
    for country in ("TR", "DE", "GB"):
        due = refund_due(law(country, notice), facts)
        assert due.by is not None
        assert due.starts is not None
        assert due.strict is not None
        assert due.pay_on is not None
        assert due.starts <= due.pay_on <= due.by <= due.strict
        across = refund_due_across(partial(law, country), facts)
        assert across.by is not None
        texts = {text.version: text for text in (law(country, notice), law(country, sent))}
        assert across.by <= min(one.by for text in texts.values() if (one := refund_due(text, facts)).by)


@given(notice=days, country=st.sampled_from(["TR", "DE", "GB"]))
def test_two_texts_never_give_less_than_one(notice: date, country: str) -> None:
    """The send-back time across a change of the law is at least that of the day of the notice."""
    one = law_dates.send_back_end(law(country, notice), notice=notice)
    both = law_dates.send_back_across(lambda day: law(country, day), notice=notice)
    assert one is not None
    assert both is not None
    assert both.binding >= one.binding


@given(deadline=names, day=days, jurisdiction=st.sampled_from(["TR", "EU", "UK", "US"]))
def test_the_calculator_answers_or_names_what_is_missing(deadline: Name, day: date, jurisdiction: Any) -> None:
    """With its facts every question has an answer, whose last instant is the end of the day that binds."""
    text = day.isoformat()
    needed: dict[str, Any] = {
        "withdrawal_end": {"delivered": text},
        "send_back": {"notice": text},
        "refund_due": {"notice": text},
        "delivery_due": {"ordered": text},
        "lost_from": {"carriage_due": text},
        "repair_due": {"notified": text},
        "loaner_due": {"notified": text},
        "carrier_notice": {"delivered": text, "damage": "hidden"},
        "keep_until": {"closed": text, "record": "tax"},
        "answer_due": {"requested": text},
        "message_stop": {"opted_out": text},
    }
    question = DeadlineQuestion(
        jurisdiction=jurisdiction, deadline=deadline, facts=needed.get(deadline, {"delivered": text})
    )
    found = answer(laws(), question, timezone="America/New_York")
    if found.binding is None:
        assert (found.raw, found.strict, found.lenient, found.last_instant_utc) == (None,) * 4
        return
    zones = {"TR": "Europe/Istanbul", "EU": "Europe/Brussels", "UK": "Europe/London", "US": "America/New_York"}
    assert found.last_instant_utc == last_instant(found.binding, zones[jurisdiction])
    assert found.articles
