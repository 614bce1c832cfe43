"""The worked cases on dates: rows that are pairs of key and value, through the calculator that the API answers by."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from rma.domain.law import Record
from rma.domain.law_dates import (
    carrier_notice,
    delivery_due,
    destroy_by,
    keep_until,
    lost_from,
    message_stop,
    presumption_end,
    reject_end,
    waiting_days,
    warranty_end,
)
from rma.domain.law_refund import RefundFacts, refund_due
from tests.support.law_rows import RULES, WANTED, answered, asks_for, rows, wanted
from tests.support.laws import law

PAIRS = [
    *("A02", "A04", "A05", "A06", "A07", "A10", "A12", "A13", "A14", "A15", "A17", "A18", "A19", "A21", "A22", "A23"),
    *("A24", "A26", "A27", "A31", "A32", "A33", "B01", "B02", "B04", "B06", "B07", "B08", "C02", "C03", "C04", "C05"),
    *("C08", "D01", "D04", "D05", "D07", "D08", "D14", "D15", "D16", "D17", "D19", "G02", "G08", "G09", "G10", "G11"),
    *("G12", "G13", "G15", "G30", "H01", "H05", "H06", "H07", "H09", "H10", "H11", "H13", "H15", "H18", "H19", "J06"),
]
SAID_APART = {"B04", "C02", "C04", "C05", "D19"}
"""Rows whose pairs need a word of their own; each has its test below."""


def test_every_row_of_these_rules_is_asked() -> None:
    """No row whose rule is about a date is left out."""
    known = {case_id for case_id, row in rows().items() if row.rule in RULES}
    assert known - set(PAIRS) == set()


@pytest.mark.parametrize(
    "case_id",
    [
        *("A02", "A04", "A05", "A06", "A07", "A10", "A12", "A13", "A14", "A15", "A17", "A18", "A19", "A21", "A22"),
        *("A23", "A24", "A26", "A27", "A31", "A32", "A33", "B01", "B02", "B06", "B07", "B08", "C03", "C08", "D01"),
        *("D04", "D05", "D07", "D08", "D14", "D15", "D16", "D17", "G02", "G08", "G09", "G10", "G11", "G12", "G13"),
        *("G15", "G30", "H01", "H05", "H06", "H07", "H09", "H10", "H11", "H13", "H15", "H18", "H19", "J06"),
    ],
)
def test_the_calculator_gives_what_the_row_wants(case_id: str) -> None:
    """Every pair of the row stands in the answer, and the answer names its articles."""
    row = rows()[case_id]
    found = answered(row)
    assert found.articles
    names = [name for name in asks_for(row) if name != "days"]
    assert names
    assert {name: getattr(found, WANTED[name]) for name in names} == {name: wanted(row, name) for name in names}
    if "days" in row.expected and found.raw and found.starts:
        assert str((found.raw - found.starts).days) == row.expected["days"]


def test_every_pair_has_a_test() -> None:
    """The rows that are asked are those of the list, but for the ones that have a test of their own."""
    marked = next(m for m in test_the_calculator_gives_what_the_row_wants.pytestmark if m.name == "parametrize")  # type: ignore[attr-defined]
    assert set(marked.args[1]) == set(PAIRS) - SAID_APART


def test_b04_the_cap_is_one_reading_and_the_cure_another() -> None:
    """B04: told late in Türkiye: a court may stop at the cap, the consumer has the later day."""
    found = answered(rows()["B04"])
    assert (found.strict, found.lenient, found.binding) == (date(2026, 3, 24), date(2026, 4, 3), date(2026, 4, 3))
    assert found.confidence == "L"


def test_c02_ten_days_before_2026() -> None:
    """C02: the send-back time was ten days for a notice of 2025."""
    found = answered(rows()["C02"])
    assert (found.raw, found.strict, found.lenient) == (date(2025, 11, 20),) * 3
    assert rows()["C02"].expected["days"] == "10"


def test_c04_the_longer_of_two_texts() -> None:
    """C04: a time of ten days that runs into 2026 becomes the fourteen of the new text, rolled over a Sunday."""
    found = answered(rows()["C04"])
    assert (found.raw, found.strict, found.binding) == (date(2026, 1, 11), date(2026, 1, 12), date(2026, 1, 12))
    assert "2026-01-12" in rows()["C04"].expected["days"]


def test_c05_none_when_the_seller_collects() -> None:
    """C05: there is no send-back deadline when the seller offered to collect."""
    found = answered(rows()["C05"])
    assert rows()["C05"].expected == {"deadline": "none"}
    assert (found.raw, found.binding, found.last_instant_utc) == (None, None, None)


def test_d19_aim_for_the_bank_day_before() -> None:
    """D19: counted to Christmas Day, rolled to the Monday after it, and paid on the last bank day before."""
    row, found = rows()["D19"], answered(rows()["D19"])
    assert (found.raw, found.strict) == (wanted(row, "raw"), wanted(row, "latest_1182"))
    assert found.pay_on == wanted(row, "pay_by")
    assert found.binding == found.raw


def _day(text: str) -> date:
    return date.fromisoformat(text)


def test_d11_thirty_days_at_most() -> None:
    """D11: without a promise delivery is due after thirty days, and the contract may be ended from the day after."""
    row = rows()["D11"]
    due = delivery_due(law("TR", row.given["order"]), ordered=_day(row.given["order"]))
    assert due is not None
    assert due.binding == _day(row.expected["latest_delivery"])
    assert due.binding + timedelta(days=1) == _day(row.expected["may_terminate_from"])


def test_d12_the_promise_binds_and_thirty_days_cap_it() -> None:
    """D12: the promised time binds; in Türkiye a longer promise than thirty days does not, in the Union it does."""
    row, ordered = rows()["D12"], _day(rows()["D12"].given["order"])
    turkish, german = law("TR", ordered), law("DE", ordered)
    promised = ordered + timedelta(days=int(row.given["promised_days"]))
    due = delivery_due(turkish, ordered=ordered, promised=promised)
    assert due is not None
    assert due.binding < _day(row.given["today"])
    late = ordered + timedelta(days=60)
    found = [delivery_due(one, ordered=ordered, promised=late) for one in (turkish, german)]
    assert [one.raw if one else None for one in found] == [_day("2026-03-31"), late]


def test_g06_the_last_presumed_day() -> None:
    """G06: six months after 15 January the defect of 16 July is the consumer's to prove, holiday or not."""
    row = rows()["G06"]
    end = presumption_end(law("TR", "2026-01-15"), _day(row.given["delivered"]))
    assert end is not None
    assert end.binding == _day("2026-07-15")
    assert _day(row.given["defect_seen"]) > end.binding
    assert row.expected["presumed_existing"] == "false"


def test_g19_a_replaced_item_keeps_the_rest() -> None:
    """G19: a replacement changes nothing of the warranty's end; time in repair is added to it."""
    delivered, end = _day("2025-01-10"), _day(rows()["G19"].expected["warranty_end"])
    turkish = law("TR", delivered)
    replaced = warranty_end(turkish, delivered, years=2, replaced=_day("2026-06-01"))
    assert replaced is not None
    assert replaced.binding == end
    spans = [(_day("2026-03-01"), _day("2026-03-21")), (_day("2026-03-11"), _day("2026-03-31"))]
    repaired = warranty_end(turkish, delivered, repairs=spans)
    assert repaired is not None
    assert repaired.binding == end + timedelta(days=30)


def test_g21_hidden_damage_within_seven_days() -> None:
    """G21: the carrier hears of hidden damage within 7 days, of visible damage at the door, of delay within 21."""
    delivered = _day("2026-06-01")
    found = {kind: carrier_notice(law("TR", delivered), delivered, kind) for kind in ("visible", "hidden", "late")}
    days = {kind: one.raw if one else None for kind, one in found.items()}
    assert days == {
        "visible": delivered,
        "hidden": _day(rows()["G21"].expected["carrier_notice_by"]),
        "late": _day("2026-06-22"),
    }


def test_g23_lost_after_twenty_days() -> None:
    """G23: what was due on 10 June counts as lost from 1 July, across a border ten days later."""
    due, turkish = _day("2026-06-10"), law("TR", "2026-06-10")
    home, abroad = lost_from(turkish, due), lost_from(turkish, due, cross_border=True)
    assert home is not None
    assert abroad is not None
    assert home.binding == _day(rows()["G23"].expected["treated_as_lost_from"])
    assert abroad.binding == home.binding + timedelta(days=10)


def test_g31_a_repair_stops_the_right_to_reject() -> None:
    """G31: sixteen days of waiting are added; while the goods are away no day is the last."""
    delivered, asked, back = _day("2026-01-31"), _day("2026-02-10"), _day("2026-02-25")
    british, row = law("GB", delivered), rows()["G31"]
    assert f"{waiting_days(asked, back)} days" == row.expected["waiting"]
    end = reject_end(british, delivered, asked=asked, back=back)
    assert end is not None
    assert end.binding == _day(row.expected["reject_end"])
    assert reject_end(british, delivered, asked=asked) is None
    short = reject_end(british, delivered, asked=_day("2026-03-01"), back=_day("2026-03-01"))
    assert short is not None
    assert short.binding == _day("2026-03-08")
    late = reject_end(british, delivered, asked=_day("2026-03-03"), back=_day("2026-03-09"))
    assert late is not None
    assert late.binding == _day("2026-03-02")


def test_g34_six_months_beginning_with_the_day() -> None:
    """G34: the day of delivery counts, so the last presumed day is the one before the same day number."""
    assert rows()["G34"].expected == {"presumed": "true / false"}
    end = presumption_end(law("GB", "2026-01-15"), _day("2026-01-15"))
    assert end is not None
    assert end.binding == _day("2026-07-14")


@pytest.mark.parametrize(
    ("case_id", "record", "closed", "until"),
    [("J01", "withdrawal", "2026-06-30", "2029-06-30"), ("J04", "books", "2026-03-01", "2036-12-31")],
)
def test_records_are_kept(case_id: str, record: Record, closed: str, until: str) -> None:
    """J01, J04: records of a withdrawal for three years, books for ten from the end of the year."""
    assert until in rows()[case_id].expected.values()
    end = keep_until(law("TR", closed), record, _day(closed))
    assert end is not None
    assert end.binding == _day(until)


def test_j08_destroyed_with_the_next_run() -> None:
    """J08: what has no purpose since 10 February is gone by 10 August at the latest."""
    end = destroy_by(law("TR", "2026-02-10"), _day("2026-02-10"))
    assert end is not None
    assert str(end.raw) in rows()["J08"].expected["destroy_by<"]


def test_j12_an_opt_out_works_after_three_working_days() -> None:
    """J12: an opt-out of 25 May works by 2 June: the arife counts, the bayram does not."""
    end = message_stop(law("TR", "2026-05-25"), _day("2026-05-25"))
    assert end is not None
    assert str(end.raw) in rows()["J12"].expected["stop_by"]


def test_u04_thirty_days_or_consent() -> None:
    """U04: without a promised day goods leave within thirty days, and a cancelled order is paid in 7 working days."""
    states, ordered = law("US", "2026-06-01"), _day("2026-06-01")
    due = delivery_due(states, ordered=ordered)
    assert due is not None
    assert due.binding == _day(rows()["U04"].expected["ship_or_get_consent_by"])
    refund = refund_due(states, RefundFacts(notice=_day("2026-07-01"), kind="not_delivered", delivered=False))
    assert (refund.by, refund.starts_when) == (_day("2026-07-13"), "notice")
