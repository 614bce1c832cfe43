"""Two laws and one consumer: how their answers compare, which of them applies, and how that is kept with an order."""

from __future__ import annotations

from datetime import date
from typing import Any, get_args

import pytest

from rma.domain.law import Exemption, LawProfile, Rate, ServiceUsed, ValueLoss
from rma.domain.law_choice import QUESTIONS, Question, best, whose
from rma.domain.law_dates import Deadline, liability_end, send_back_across, withdrawal_end
from rma.domain.law_refund import NO_CLOCK, RefundDue, RefundFacts, refund_due_across
from rma.domain.law_rights import cheapest_delivery, exceptions, interest_rate, pays_way_back, remedies, value_loss
from rma.domain.law_set import NO_LAW, home_in
from rma.domain.standing import Standing
from rma.domain.verdict import PASS, Verdict
from tests.support.laws import laws

DAY = date(2026, 6, 10)


def both(consumer: str | None, home: str, on: date = DAY) -> LawProfile:
    """The laws that protect a consumer of a country against a store in another."""
    return laws().protecting(consumer, home, on)


def deadline(day: str, side: Any = "consumer") -> Deadline:
    """A deadline that ends on that day."""
    end = date.fromisoformat(day)
    return Deadline(name="", starts=DAY, raw=end, strict=end, lenient=end, side=side, articles=("x",))


def due(day: str) -> RefundDue:
    """Money that is due on that day."""
    return RefundDue(by=date.fromisoformat(day), starts_when="notice", article="x")


def stands(
    answer: Any = "pass", basis: Any = "statutory", last_day: str | None = "2026-06-24", **more: Any
) -> Standing:
    """Where one law puts a line."""
    verdict = PASS if answer == "pass" else Verdict(answer=answer, code="x")
    end = date.fromisoformat(last_day) if last_day else None
    return Standing(kind="withdrawal", basis=basis, available=1, delivered=True, verdict=verdict, last_day=end, **more)


_EXEMPT = Exemption(attribute="custom_made", article="x", confidence="H")
_SOON, _LATE = deadline("2026-06-24"), deadline("2026-06-25")
_LATER = {"withdrawal_end", "send_back", "liability_end", "presumption_end", "reject_end", "warranty_end"}
_SOONER = {"delivery_due", "repair_due", "loaner_due"}
TABLE: list[tuple[str, list[Any]]] = [
    *((name, [None, _SOON, _LATE]) for name in sorted(_LATER)),
    *((name, [None, _LATE, _SOON]) for name in sorted(_SOONER)),
    ("last_day", [date(2026, 6, 24), date(2026, 6, 25), None]),
    (
        "right",
        [
            stands("refuse", "contract", exempt=_EXEMPT),
            stands("refuse", "contract", "2026-06-24"),
            stands("refuse", "contract", "2026-06-25"),
            stands("ask"),
            stands("pass", "contract", exempt=_EXEMPT),
            stands("pass", "contract", "2027-06-24"),
            stands(),
            stands(last_day="2026-06-25"),
            stands(last_day=None),
        ],
    ),
    ("exemption", [_EXEMPT, None]),
    (
        "refund_due",
        [NO_CLOCK, RefundDue(by=None, starts_when="agreed", article="x"), due("2026-07-02"), due("2026-07-01")],
    ),
    ("cheapest_delivery", [True, False]),
    ("way_back", ["customer", None, "store"]),
    (
        "value_loss",
        [
            None,
            ValueLoss(allowed="if_informed", article="x", confidence="H"),
            ValueLoss(allowed="never", article="y", confidence="H"),
        ],
    ),
    ("service_share", [ServiceUsed(article="x", confidence="H"), None]),
    ("interest", ["none", "due", "payment"]),
    (
        "interest_rates",
        [(), *((Rate(since=DAY, percent=percent, article="x", confidence="H"),) for percent in ("9", "24"))],
    ),
]


@pytest.mark.parametrize(("question", "answers"), TABLE, ids=[name for name, _ in TABLE])
def test_of_two_answers_the_better_for_the_consumer_counts(question: Any, answers: list[Any]) -> None:
    """Each answer of the row beats all before it, whichever law gives it; of equal ones the first counts."""
    for place, better in enumerate(answers):
        assert best(question, [better, better]) is better
        for worse in answers[:place]:
            assert best(question, [worse, better]) is better
            assert best(question, [better, worse]) is better


def test_the_table_knows_every_question() -> None:
    """No question is left to chance: each has a row here, but those where all that either law gives counts."""
    assert set(QUESTIONS) == set(get_args(Question))
    assert {name for name, one in QUESTIONS.items() if one.rank} == {name for name, _ in TABLE}
    assert best("remedies", [("repair",), ("refund", "repair")]) == ("repair", "refund")
    assert best("remedies", [{"repair": "a"}, {"repair": "b", "refund": "c"}]) == {"repair": "a", "refund": "c"}


def test_the_law_of_the_store_stands_beside_that_of_the_consumer() -> None:
    """Two countries, two laws, the consumer's first; one country, or one whose law we do not hold, is one law."""
    german = both("DE", "TR")
    assert [one.country for one in german.applicable] == ["DE", "TR"]
    assert (german.reference, home_in(german.reference)) == ("EU@2022-01-01+TR@2026-01-01/TR", "TR")
    for consumer, home, reference in (
        ("TR", "TR", "TR@2026-01-01"),
        (None, "TR", "TR@2026-01-01"),
        ("JP", "TR", "TR@2026-01-01"),
        ("UK", "GB", "UK@2014-06-13"),
        ("DE", "JP", "EU@2022-01-01"),
        ("FR", "DE", "EU@2022-01-01+EU@2022-01-01/DE"),
    ):
        assert both(consumer, home).reference == reference
    assert home_in("TR@2026-01-01") is None
    assert both("JP", "JP") is NO_LAW
    assert both("TR", "TR") is laws().profile("TR", "TR", DAY)


def test_two_countries_of_the_union_count_by_the_holidays_of_the_consumer() -> None:
    """A French store gives a Spanish consumer no French holiday, and keeps to the three years of Spain."""
    spanish, french = both("ES", "FR"), both("FR", "ES")
    assert spanish.together[1].counting == spanish.together[0].counting
    for law in (spanish, french):
        end = liability_end(law, DAY)
        assert end is not None
        assert end.raw == date(2029, 6, 10)
        assert whose("liability_end", law, lambda one: liability_end(one, DAY)).country == "ES"


def test_each_question_is_answered_by_the_better_law_with_its_article() -> None:
    """A German consumer of a Turkish store: German words where they give more, Turkish where those do, each named."""
    law, german, turkish = both("DE", "TR"), *both("DE", "TR").together
    end = withdrawal_end(law, date(2026, 3, 6))
    assert end is not None
    assert (end.binding, end.article) == (date(2026, 3, 23), "MSY m.9/1")
    never, late = (withdrawal_end(law, date(2026, 3, 4), informed=told) for told in ("never", date(2027, 3, 10)))
    assert never == withdrawal_end(german, date(2026, 3, 4), informed="never")
    assert late == withdrawal_end(turkish, date(2026, 3, 4), informed=date(2027, 3, 10))
    assert not cheapest_delivery(law)
    assert cheapest_delivery(german)
    assert pays_way_back(german, method="printed_label", carrier_named=True) is None
    assert pays_way_back(law, method="printed_label", carrier_named=True) == "store"
    assert pays_way_back(law, method="own_carrier", carrier_named=True) == "customer"
    loss = value_loss(law)
    assert loss is not None
    assert (loss.allowed, loss.article) == ("never", "6502 m.48/4; MSY m.13/2")
    assert set(remedies(law)) == {*remedies(german), *remedies(turkish)}
    rate = interest_rate(law, DAY)
    assert rate is not None
    assert rate.percent == "24"
    assert {one.attribute for one in exceptions(law)} < {one.attribute for one in exceptions(turkish)}


def test_money_is_due_on_the_earlier_day_of_all_laws_and_texts() -> None:
    """Over the turn of 2026 with two laws: of three texts the one that pays first counts, with the Turkish interest."""
    known = RefundFacts(notice=date(2025, 12, 29), carrier="named", handed_over=date(2026, 1, 5))
    found = refund_due_across(lambda day: both("DE", "TR", day), known)
    assert (found.by, found.article, found.interest) == (date(2026, 1, 12), "MSY m.12/1", "due")
    alone = refund_due_across(lambda day: laws().profile("DE", "DE", day), known)
    assert (alone.by, alone.starts_when) == (None, "goods_back_or_proof")
    back = send_back_across(lambda day: both("TR", "US", day), notice=date(2025, 12, 29))
    assert back is not None
    assert (back.raw, back.articles) == (date(2026, 1, 12), ("MSY m.13/1",) * 2)
