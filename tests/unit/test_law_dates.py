"""Dates beside the worked cases: year ends, leap days, changes of the clock, regions, half days, two texts at once."""

from __future__ import annotations

from datetime import date, timedelta
from itertools import permutations

import pytest

from rma.domain import law_dates
from rma.domain.calendar import first_instant, last_instant
from rma.domain.daysoff import Correction, days_off, easter_sunday, year_of
from rma.domain.law_facts import DeadlineQuestion
from rma.domain.law_questions import answer
from rma.domain.law_refund import RefundFacts, refund_due, refund_due_across, refund_due_of_all
from tests.support.laws import law, laws


def _day(text: str) -> date:
    return date.fromisoformat(text)


def _ends(country: str, delivered: str, *, region: str | None = None) -> tuple[str, str, str]:
    found = law_dates.withdrawal_end(law(country, delivered, region=region), _day(delivered))
    assert found is not None
    return str(found.raw), str(found.strict), str(found.lenient)


@pytest.mark.parametrize(
    ("country", "region", "delivered", "ends"),
    [
        ("TR", None, "2026-10-14", ("2026-10-28", "2026-10-28", "2026-10-28")),  # half a holiday
        ("TR", None, "2027-03-11", ("2027-03-25", "2027-03-25", "2027-03-25")),
        ("TR", None, "2027-05-02", ("2027-05-16", "2027-05-20", "2027-05-20")),  # Kurban runs into 19 May
        ("TR", None, "2026-07-01", ("2026-07-15", "2026-07-16", "2026-07-16")),
        ("TR", None, "2026-12-19", ("2027-01-02", "2027-01-02", "2027-01-04")),  # a Saturday after New Year
        ("TR", None, "2028-02-15", ("2028-02-29", "2028-02-29", "2028-02-29")),
        ("DE", "BY", "2026-05-21", ("2026-06-04", "2026-06-05", "2026-06-05")),  # Corpus Christi in Bavaria
        ("DE", "BE", "2026-05-21", ("2026-06-04", "2026-06-04", "2026-06-04")),
        ("DE", None, "2026-05-21", ("2026-06-04", "2026-06-04", "2026-06-04")),
        ("DE", None, "2026-12-12", ("2026-12-26", "2026-12-28", "2026-12-28")),
        ("FR", "57", "2026-03-20", ("2026-04-03", "2026-04-07", "2026-04-07")),  # Good Friday in the Moselle
        ("IT", None, "2026-05-19", ("2026-06-02", "2026-06-03", "2026-06-03")),
        ("NL", None, "2026-04-13", ("2026-04-27", "2026-04-28", "2026-04-28")),  # the king's birthday
        ("NL", None, "2026-04-21", ("2026-05-05", "2026-05-06", "2026-05-06")),
        ("AT", None, "2026-03-20", ("2026-04-03", "2026-04-03", "2026-04-07")),  # Good Friday: a law on time limits
        ("AT", None, "2026-10-12", ("2026-10-26", "2026-10-27", "2026-10-27")),
        ("ES", None, "2026-09-28", ("2026-10-12", "2026-10-13", "2026-10-13")),
        ("ES", "MD", "2026-04-18", ("2026-05-02", "2026-05-04", "2026-05-04")),
        ("GB", None, "2026-12-11", ("2026-12-25", "2026-12-25", "2026-12-25")),  # nothing rolls
    ],
)
def test_last_days_beside_the_rows(
    country: str, region: str | None, delivered: str, ends: tuple[str, str, str]
) -> None:
    """The last day of a withdrawal, as counted, as rolled by law, and in the mildest reading."""
    assert _ends(country, delivered, region=region) == ends


def test_a_period_across_a_change_of_the_clock_ends_at_midnight() -> None:
    """Fourteen days over either change of summer time end at 24:00 local, not an hour before or after."""
    for delivered, last in (("2026-03-20", "2026-04-07T21:59:59"), ("2026-10-14", "2026-10-28T22:59:59")):
        end = law_dates.withdrawal_end(law("DE", delivered), _day(delivered))
        assert end is not None
        assert last_instant(end.binding, "Europe/Berlin").isoformat() == f"{last}+00:00"


def test_a_day_without_midnight_still_begins() -> None:
    """Where the clocks go forward at midnight the day begins at one, and the one before it ends there."""
    day = _day("2026-09-06")
    assert first_instant(day, "America/Santiago") - last_instant(day - timedelta(days=1), "America/Santiago") == (
        timedelta(seconds=1)
    )


def test_told_late_and_told_never() -> None:
    """Told within the period it runs on; told after it, fourteen days more; told beyond the year, the year."""
    delivered, base = _day("2026-06-01"), _day("2026-06-15")
    told: dict[law_dates.Told, date] = {
        None: base,
        delivered: base,
        _day("2026-05-01"): base,
        _day("2026-06-05"): _day("2026-06-19"),
        _day("2026-12-01"): _day("2026-12-15"),
        _day("2027-05-31"): _day("2027-06-14"),
        _day("2027-06-10"): _day("2027-06-15"),
        "never": _day("2027-06-15"),
    }
    for country in ("DE", "GB"):
        for informed, wanted in told.items():
            end = law_dates.withdrawal_end(law(country, delivered), delivered, informed=informed)
            assert end is not None
            assert (country, informed, end.raw) == (country, informed, wanted)


def test_silence_about_the_function_counts_only_where_there_is_one() -> None:
    """A consumer who was told of the right and never of the function has the longer period in the Union alone."""
    delivered, found = _day("2026-08-03"), {}
    for country in ("DE", "GB", "TR"):
        end = law_dates.withdrawal_end(law(country, delivered), delivered, function_informed="never")
        found[country] = str(end.raw) if end else ""
    assert found == {"DE": "2027-08-17", "GB": "2026-08-17", "TR": "2026-08-17"}
    before = law_dates.withdrawal_end(law("DE", "2026-06-01"), _day("2026-06-01"), function_informed="never")
    assert before is not None
    assert before.raw == _day("2026-06-15")


@pytest.mark.parametrize(
    ("notice", "binding"),
    [
        ("2025-12-16", "2025-12-26"),
        ("2025-12-20", "2025-12-30"),
        ("2025-12-21", "2025-12-31"),
        ("2025-12-22", "2026-01-05"),
        ("2025-12-31", "2026-01-14"),
        ("2026-01-01", "2026-01-15"),
    ],
)
def test_the_send_back_time_at_the_turn_of_the_law(notice: str, binding: str) -> None:
    """Ten days that end in 2025 stay ten; what still runs when the new text begins has its fourteen."""
    end = law_dates.send_back_across(lambda day: law("TR", day), notice=_day(notice))
    assert end is not None
    assert str(end.binding) == binding


def test_the_refund_clock_at_the_turn_of_the_law() -> None:
    """Where the notice is of the old text and the hand-over of the new one, the earlier day holds."""
    facts = RefundFacts(notice=_day("2025-12-28"), carrier="named", handed_over=_day("2026-01-03"))
    due = refund_due_across(lambda day: law("TR", day), facts)
    assert (due.by, due.starts_when) == (_day("2026-01-11"), "notice")
    assert refund_due(law("TR", "2026-01-03"), facts).by == _day("2026-01-17")
    early = RefundFacts(notice=_day("2025-12-28"), carrier="named")
    assert refund_due_across(lambda day: law("TR", day), early).by == _day("2026-01-11")


def test_what_cannot_be_delivered_is_paid_back_after_it_was_told() -> None:
    """In Türkiye the fourteen days run from being told that delivery is impossible; elsewhere from the notice."""
    facts = RefundFacts(notice=_day("2026-06-10"), impossible_told=_day("2026-06-08"), delivered=False)
    assert refund_due(law("TR", "2026-06-10"), facts).by == _day("2026-06-22")
    assert refund_due(law("DE", "2026-06-10"), facts).by == _day("2026-06-24")


def test_of_several_clocks_the_earliest_day_binds_in_any_order() -> None:
    """Money for several things has the earliest day; while none runs, that of the withdrawal is named."""
    waiting = RefundFacts(notice=_day("2026-06-10"), carrier="named")
    claimed = RefundFacts(notice=_day("2026-06-10"), kind="defective")
    agreed = RefundFacts(notice=_day("2026-06-10"), kind="defective", agreed=_day("2026-06-15"))
    never = RefundFacts(notice=_day("2026-06-10"), delivered=False)
    for facts, by, article in (
        ((waiting, claimed), None, "MSY m.12/1"),
        ((waiting, never, claimed), _day("2026-06-24"), "MSY m.12/2"),
        ((waiting, agreed, never), _day("2026-06-15"), "6502 m.11/5"),
    ):
        found = {refund_due_of_all(lambda day: law("TR", day), order) for order in permutations(facts)}
        assert {(one.by, one.article) for one in found} == {(by, article)}


def test_a_british_refund_runs_from_goods_or_proof() -> None:
    """Fourteen days from goods back or earlier proof; if the trader collects, from the notice; 13 after a rejection."""
    british, notice = law("GB", "2026-09-01"), _day("2026-09-01")
    back = RefundFacts(notice=notice, goods_back=_day("2026-09-10"), proof_of_sending=_day("2026-09-05"))
    assert refund_due(british, back).by == _day("2026-09-19")
    collected = RefundFacts(notice=notice, seller_collects=True)
    assert refund_due(british, collected).by == _day("2026-09-15")
    rejected = RefundFacts(notice=notice, kind="defective", agreed=_day("2026-09-02"))
    assert refund_due(british, rejected).by == _day("2026-09-15")


def test_liability_is_longer_after_a_repair_for_later_contracts() -> None:
    """Twelve months are added once, for contracts from 31 July 2026; second-hand goods have the shorter time."""
    german, delivered = law("DE", "2026-08-05"), _day("2026-08-05")
    plain = law_dates.liability_end(german, delivered, contract=_day("2026-07-30"), repaired=True)
    longer = law_dates.liability_end(german, delivered, contract=_day("2026-07-31"), repaired=True)
    used = law_dates.liability_end(german, delivered, second_hand=True)
    assert plain is not None
    assert longer is not None
    assert used is not None
    assert [str(one.raw) for one in (plain, longer, used)] == ["2028-08-05", "2029-08-05", "2027-08-05"]
    assert longer.articles[-1] == "SGD 10(2a)"


def test_repairs_in_other_countries_have_no_working_days() -> None:
    """Where no law counts a repair in working days there is no such deadline."""
    day = _day("2026-06-01")
    assert law_dates.repair_due(law("DE", day), day) is None
    assert law_dates.loaner_due(law("GB", day), day) is None
    shortest = law_dates.repair_due(law("TR", day), day)
    assert shortest is not None
    assert shortest.raw == _day("2026-06-24")


def test_records_by_country() -> None:
    """A country's own times beat the general ones: tax records eight years in Germany, five in Türkiye."""
    closed = _day("2026-06-30")
    found = {country: law_dates.keep_until(law(country, closed), "tax", closed) for country in ("DE", "TR", "NL")}
    assert {country: str(one.raw) for country, one in found.items() if one} == {
        "DE": "2034-12-31",
        "TR": "2031-12-31",
        "NL": "2033-12-31",
    }


def test_corrections_add_and_take_away() -> None:
    """A correction can make a day a holiday, half of one, or none, in a country, a region, or a span of years."""
    day = _day("2026-06-24")
    made = (
        Correction(kind="holiday", day=day, country="TR"),
        Correction(kind="working_day", yearly="07-15", country="TR", since=_day("2026-01-01")),
        Correction(kind="half_day", easter=-2, country="TR"),
    )
    before, after = year_of("TR", None, 2025, made), year_of("TR", None, 2026, made)
    assert day in after.full
    assert _day("2026-07-15") not in after.full
    assert _day("2025-07-15") in before.full
    assert _day("2026-04-03") in after.half
    assert day not in year_of("DE", None, 2026, made).full
    rests = days_off(("holiday",), "TR", None, half=True, corrections=made)
    assert _day("2026-04-03") in rests
    assert _day("2026-04-02") not in rests


def test_easter_is_where_it_is() -> None:
    """Easter Sunday of years that are known."""
    known = ["2000-04-23", "2024-03-31", "2025-04-20", "2026-04-05", "2038-04-25"]
    assert [str(easter_sunday(int(day[:4]))) for day in known] == known


def test_regular_deliveries_start_with_the_first() -> None:
    """Goods that come regularly count from the first delivery, parcels of one order from the last."""
    days = ["2026-06-01", "2026-07-01", "2026-08-01"]
    for fact, raw in (("regular_deliveries", "2026-06-15"), ("parcels", "2026-08-15")):
        question = DeadlineQuestion(jurisdiction="TR", deadline="withdrawal_end", facts={fact: days})
        assert str(answer(laws(), question, timezone="UTC").raw) == raw
