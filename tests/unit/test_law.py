"""The floor of the law: dates by article, for the shipped jurisdictions."""

from __future__ import annotations

from datetime import date

import pytest

from rma.domain import law
from rma.domain.law_floors import FLOORS, consumer_timezone, floor_for
from tests.support.cases import expected, given

TR = floor_for("TR", "TR", date(2026, 6, 1))
EU = floor_for("DE", "TR", date(2026, 9, 1))
UK = floor_for("GB", "GB", date(2026, 9, 1))


def _day(text: str) -> date:
    return date.fromisoformat(text)


@pytest.mark.parametrize("case", ["A02", "A04", "A05"])
def test_withdrawal_days_are_counted_after_the_day_of_delivery(case: str) -> None:
    """A02, A04, A05: fourteen calendar days after delivery, across leap days too."""
    end = law.withdrawal_end(TR, _day(given(case)["delivered"]))
    assert end is not None
    assert end.raw == _day(expected(case)["raw"])
    assert end.article == "MSY m.9/1"


def test_h18_the_uk_counts_the_same_days() -> None:
    """H18: fourteen days after delivery, Good Friday or not."""
    end = law.withdrawal_end(UK, _day(given("H18")["delivered"]))
    assert end is not None
    assert end.binding == _day(expected("H18")["end"])
    assert end.article == "CCR reg 30"


@pytest.mark.parametrize("case", ["D01", "D05"])
def test_the_turkish_refund_clock_starts_with_the_carrier(case: str) -> None:
    """D01, D05: fourteen days from hand-over to the named carrier, and where none was named."""
    row = given(case)
    facts = law.RefundFacts(
        notice=_day(row["notice"]),
        carrier="named" if row.get("carrier") == "named" else "none_named",
        handed_over=_day(row["handed_over"]),
        arrived=_day(row["arrived"]),
    )
    assert law.refund_due(TR, facts) == law.RefundDue(
        by=_day(expected(case)["pay_by"]), starts_when="handed_over", article="MSY m.12/1"
    )


def test_another_carrier_starts_the_clock_on_arrival() -> None:
    """With a carrier of the customer's own the fourteen days run from arrival; before it none run."""
    facts = law.RefundFacts(notice=date(2026, 6, 10), carrier="other", handed_over=date(2026, 6, 12))
    assert law.refund_due(TR, facts) == law.RefundDue(by=None, starts_when="arrived", article="MSY m.12/1")
    arrived = law.RefundFacts(notice=date(2026, 6, 10), carrier="other", arrived=date(2026, 6, 15))
    assert law.refund_due(TR, arrived).by == date(2026, 6, 29)


def test_d04_a_service_is_refunded_from_the_notice() -> None:
    """D04: for a service the fourteen days run from the notice."""
    facts = law.RefundFacts(notice=_day(given("D04")["notice"]), service=True)
    assert law.refund_due(TR, facts).by == _day(expected("D04")["pay_by"])


def test_d14_a_rescission_is_paid_at_once() -> None:
    """D14: a refund for a defect is due on the day it is agreed (Law 6502 art. 11/5)."""
    facts = law.RefundFacts(notice=date(2026, 6, 8), kind="defective", agreed=_day(given("D14")["accepted"]))
    assert law.refund_due(TR, facts) == law.RefundDue(by=date(2026, 6, 10), starts_when="agreed", article="6502 m.11/5")


@pytest.mark.parametrize("case", ["D15", "D16", "D17"])
def test_the_eu_withholds_until_goods_or_proof(case: str) -> None:
    """D15, D16, D17: fourteen days from the notice, later only while neither goods nor proof are there."""
    row = given(case)
    proof = row.get("proof_sent", "none")
    facts = law.RefundFacts(
        notice=_day(row["informed"]),
        goods_back=_day(row["goods_back"]),
        proof_of_sending=None if proof == "none" else _day(proof),
    )
    assert law.refund_due(EU, facts).by == _day(expected(case)["due"])


@pytest.mark.parametrize(("case", "floor"), [("C02", floor_for("TR", "TR", date(2025, 11, 10))), ("C08", UK)])
def test_send_back_time_is_the_one_of_its_date(case: str, floor: law.LawFloor) -> None:
    """C02, C08: ten days in Türkiye before 2026, fourteen in the UK."""
    row, wanted = given(case), expected(case)
    end = law.send_back_end(floor, notice=_day(row.get("notice") or row["informed"]))
    assert end is not None
    assert end.raw == _day(wanted.get("raw") or wanted["due"])


def test_c05_a_seller_who_collects_sets_no_deadline() -> None:
    """C05: there is no send-back deadline when the seller collects."""
    assert expected("C05")["deadline"] == "none"
    assert law.send_back_end(TR, notice=date(2026, 6, 1), seller_collects=True) is None


def test_d11_delivery_is_due_after_thirty_days_at_most() -> None:
    """D11, D12: thirty days at most, sooner when promised."""
    ordered = _day(given("D11")["order"])
    cap = law.delivery_due(TR, ordered=ordered, promised=None)
    promised = law.delivery_due(TR, ordered=ordered, promised=date(2026, 3, 6))
    assert cap is not None
    assert promised is not None
    assert cap.binding == _day(expected("D11")["latest_delivery"])
    assert promised.binding < _day(given("D12")["today"])


def test_g02_liability_ends_on_the_last_day_of_february() -> None:
    """G02: two years after 29 February end on the 28th."""
    end = law.liability_end(TR, _day(given("G02")["delivered"]))
    assert end is not None
    assert end.raw == _day(expected("G02")["liability_end"])


@pytest.mark.parametrize(
    ("attribute", "condition", "article"),
    [
        ("custom_made", (), "MSY m.15/1-b"),
        ("hygiene_opened", ("opened",), "MSY m.15/1-ç"),
        ("installed_by_service", ("installed",), "MSY m.15/1-k"),
    ],
)
def test_exemptions_name_their_article(attribute: str, condition: tuple[str, ...], article: str) -> None:
    """A line with the attribute, in the condition the law asks for, has no right, by that article."""
    found = law.exemption(TR, attributes=frozenset({attribute}), condition=frozenset(condition))
    assert found is not None
    assert found.article == article


def test_goods_keep_their_right_until_the_condition_is_met() -> None:
    """Hygiene goods that were not opened can be given back."""
    assert law.exemption(TR, attributes=frozenset({"hygiene_opened"}), condition=frozenset()) is None


def test_the_consumers_country_decides() -> None:
    """A German customer of a Turkish store has the law of the EU; an unknown country falls back on the store's."""
    assert EU.jurisdiction == "EU"
    assert floor_for("AU", "GB", date(2026, 1, 1)).jurisdiction == "UK"
    assert floor_for(None, "TR", date(2025, 12, 31)).version == "TR@2014-11-27"
    assert floor_for("AU", "AU", date(2026, 1, 1)).withdrawal is None
    assert consumer_timezone("DE", "Europe/Istanbul") == "Europe/Berlin"
    assert consumer_timezone("US", "Europe/London") == "Europe/London"


def test_the_states_have_no_withdrawal_right() -> None:
    """There is no federal right to withdraw from an online sale."""
    floor = floor_for("US", "US", date(2026, 1, 1))
    assert law.withdrawal_end(floor, date(2026, 1, 1)) is None
    assert law.refund_due(floor, law.RefundFacts(notice=date(2026, 1, 1))).starts_when == "none"


def test_who_pays_the_way_back() -> None:
    """In Türkiye the seller, unless the customer took another carrier although one was named; elsewhere the policy."""
    assert law.pays_way_back(TR, method="printed_label", carrier_named=True) == "store"
    assert law.pays_way_back(TR, method="own_carrier", carrier_named=False) == "store"
    assert law.pays_way_back(TR, method="own_carrier", carrier_named=True) == "customer"
    assert law.pays_way_back(EU, method="printed_label", carrier_named=True) is None


def test_seller_deadlines_bind_early_and_consumer_deadlines_late() -> None:
    """Of the readings of one deadline the consumer has the latest and the seller the earliest."""
    days = {"raw": date(2026, 5, 27), "strict": date(2026, 6, 1), "lenient": date(2026, 6, 2)}
    common = {"name": "x", "starts": date(2026, 5, 13), "article": "a", **days}
    assert law.Deadline(side="seller", **common).binding == days["raw"]  # type: ignore[arg-type]
    assert law.Deadline(side="consumer", **common).binding == days["lenient"]  # type: ignore[arg-type]


def test_floors_do_not_overlap() -> None:
    """No jurisdiction has two floors from the same day."""
    assert len({(floor.jurisdiction, floor.valid_from) for floor in FLOORS}) == len(FLOORS)
