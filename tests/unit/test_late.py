"""Interest on late money: its days, its rates, what bears it; and accounts that prove themselves."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from rma.domain import late
from rma.domain.components import write_component
from rma.domain.iban import is_iban, written
from rma.domain.law_refund import RefundDue, RefundFacts, refund_due
from tests.support.laws import law
from tests.support.till import Till, line, payment, snapshot

TR = law("TR", "2026-03-01")
PAID = {"card": date(2026, 3, 1)}


def due(kind: Any = "withdrawal", **facts: Any) -> RefundDue:
    """When a refund is due in Türkiye after a notice on 2 April 2026."""
    known = RefundFacts(notice=date(2026, 4, 2), kind=kind, delivered=kind != "not_delivered", **facts)
    return refund_due(TR, known)


def test_d13_interest_runs_from_the_payment_where_nothing_was_delivered() -> None:
    """D13: 1,000.00 for 40 days at 24 % are 26.30, whether or not the last day has passed."""
    [extra] = late.owed(TR, due("not_delivered"), {"card": 100_000}, paid_on=PAID, on=date(2026, 4, 10))
    assert extra.accrual is not None
    assert (extra.amount, extra.accrual.days, extra.accrual.percent) == (2630, 40, "24")


def test_interest_of_a_withdrawal_begins_after_the_last_day() -> None:
    """On the last day nothing is owed, on the next one day; a day that is not known yet starts nothing."""
    back = due(handed_over=date(2026, 4, 3))
    assert back.by == date(2026, 4, 17)
    for day, amount in ((17, 0), (18, 66), (27, 658)):
        owed = late.owed(TR, back, {"card": 100_000}, paid_on=PAID, on=date(2026, 4, day))
        assert sum(extra.amount for extra in owed) == amount
    assert late.owed(TR, due(), {"card": 100_000}, paid_on=PAID, on=date(2027, 4, 1)) == ()


def test_at_once_and_a_law_without_interest_start_none() -> None:
    """Defects in Türkiye are due at once without a day for interest; a German withdrawal knows no such rate."""
    at_once = due("defective", agreed=date(2026, 4, 3))
    assert (at_once.by, at_once.interest) == (date(2026, 4, 3), "none")
    assert late.owed(TR, at_once, {"card": 100_000}, paid_on=PAID, on=date(2026, 5, 1)) == ()
    german = law("DE", "2026-07-01")
    facts = RefundFacts(notice=date(2026, 7, 1), goods_back=date(2026, 7, 5))
    assert refund_due(german, facts).interest == "none"


def test_each_rate_has_its_own_line() -> None:
    """Until 31 May 2024 at 9 %, from 1 June at 24 %: two lines whose days are all the days."""
    before, after = late.extras(TR, {date(2024, 5, 22): 100_000}, until=date(2024, 6, 10))
    assert before.accrual is not None
    assert after.accrual is not None
    assert [(one.percent, one.days) for one in (before.accrual, after.accrual)] == [("9", 9), ("24", 10)]
    assert (before.amount, after.amount) == (222, 658)


def test_only_money_of_lines_by_right_bears_interest() -> None:
    """Of a statutory and a voluntary line over two tenders the first one's money bears it; a credit bears it too."""
    tenders = [payment("75.00"), payment("25.00", tender="gift_card")]
    till = Till(snapshot(line("60.00"), line("40.00"), payments=tenders))
    settlement = till.give({"1": ((1, 1),), "2": ((1, 1),)}, statutory=("1",))
    assert late.principal(settlement, ("1",)) == {"card": 4500, "gift_card": 1500}
    assert late.principal(settlement, ()) == {}


def test_the_line_shows_how_it_was_worked_out() -> None:
    """Principal, rate, days and article stand in the component; it says what it is in three languages."""
    owed = late.extras(TR, {date(2026, 4, 17): 100_000}, until=date(2026, 4, 20))
    till = Till(snapshot(line("1000.00")))
    [component] = till.give(extras=owed).components
    shown = write_component(component, "TRY", language="tr")
    assert (shown["why"], shown["gross"]["amount"], shown["tax"]["amount"]) == ("Yasal faiz", "1.97", "0.00")
    assert shown["computation"]["days"] == 3
    assert shown["computation"]["article"] == "3095 m.1; CBK 8485"


@pytest.mark.parametrize(
    ("text", "good"),
    [
        ("TR33 0006 1005 1978 6457 8413 26", True),
        ("de89370400440532013000", True),
        ("GB82WEST12345698765432", True),
        ("NO9386011117947", True),
        ("TR330006100519786457841327", False),
        ("TR33000610051978645784132", False),
        ("DE8937040044053201300", False),
        ("0006100519786457841326", False),
        ("", False),
    ],
)
def test_an_iban_proves_itself(text: str, good: bool) -> None:
    """Length and check digits decide; blanks and small letters are how people write it."""
    assert is_iban(text) is good
    assert written(" tr33 0006 ") == "TR330006"
