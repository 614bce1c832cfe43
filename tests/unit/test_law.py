"""Which law holds for whom and when, and what it gives besides dates."""

from __future__ import annotations

from datetime import date

import pytest

from rma.domain import law_rights
from rma.domain.law_dates import Deadline, withdrawal_end
from rma.domain.law_refund import NO_CLOCK, RefundFacts, refund_due
from rma.domain.law_set import NO_LAW
from tests.support.laws import law, laws

TR = law("TR", "2026-06-01")
EU = law("DE", "2026-09-01")
UK = law("GB", "2026-09-01")
US = law("US", "2026-06-01")


def test_the_consumers_country_decides() -> None:
    """A German customer of a Turkish store has the law of the EU; an unknown country falls back on the store's."""
    on = date(2026, 9, 1)
    assert laws().profile("DE", "TR", on).version == "EU@2026-06-19"
    assert laws().profile("de", "TR", on).country == "DE"
    assert laws().profile("AU", "GB", on).jurisdiction == "UK"
    assert laws().profile(None, "TR", date(2025, 12, 31)).version == "TR@2014-11-27"
    assert laws().profile("AU", "AU", on) == NO_LAW
    assert laws().profile("TR", "TR", date(2010, 1, 1)) == NO_LAW


@pytest.mark.parametrize(
    ("country", "day", "version"),
    [
        ("TR", "2025-12-31", "TR@2014-11-27"),
        ("TR", "2026-01-01", "TR@2026-01-01"),
        ("DE", "2021-12-31", "EU@2014-06-13"),
        ("DE", "2026-06-18", "EU@2022-01-01"),
        ("DE", "2026-06-19", "EU@2026-06-19"),
        ("UK", "2026-01-01", "UK@2014-06-13"),
        ("US", "2026-01-01", "US@1975-10-22"),
    ],
)
def test_a_text_holds_from_its_first_day(country: str, day: str, version: str) -> None:
    """Of two texts of a jurisdiction the later one holds from its first day on."""
    assert law(country, day).version == version


def test_a_country_adds_what_is_its_own() -> None:
    """Spain answers three years and presumes for two since 2022, and two years before; Germany two and one."""
    spain, before = law("ES", "2026-09-01").defect, law("ES", "2021-06-01").defect
    assert spain is not None
    assert before is not None
    assert EU.defect is not None
    assert (spain.liability.months, spain.presumption.months) == (36, 24)
    assert (before.liability.months, before.presumption.months) == (24, 6)
    assert (EU.defect.liability.months, EU.defect.presumption.months) == (24, 12)


def test_a_region_adds_what_is_its_own() -> None:
    """The Canaries have a zone, Bavaria a holiday and Scotland a limitation of their own."""
    assert law("ES", "2026-09-01", region="CN").timezone == "Atlantic/Canary"
    assert laws().timezone("ES", "UTC", region="CN") == "Atlantic/Canary"
    corpus_christi = date(2026, 6, 4)
    assert corpus_christi in law("DE", "2026-06-01", region="BY").counting.rolled
    assert corpus_christi not in law("DE", "2026-06-01", region="BE").counting.rolled
    scotland = law("GB", "2026-09-01", region="SCT").defect
    assert scotland is not None
    assert scotland.liability.months == 60


def test_days_are_counted_where_the_consumer_is() -> None:
    """A consumer's zone is their country's; one with several zones takes the store's."""
    assert laws().timezone("DE", "Europe/Istanbul") == "Europe/Berlin"
    assert laws().timezone("UK", "Europe/Istanbul") == "Europe/London"
    assert laws().timezone("US", "America/Denver") == "America/Denver"
    assert laws().timezone(None, "Europe/Istanbul") == "Europe/Istanbul"


def test_another_carrier_starts_the_clock_on_arrival() -> None:
    """With a carrier of the customer's own the fourteen days run from arrival; before it none run."""
    sent = RefundFacts(notice=date(2026, 6, 10), carrier="other", handed_over=date(2026, 6, 12))
    waiting = refund_due(TR, sent)
    assert (waiting.by, waiting.starts_when, waiting.article) == (None, "arrived", "MSY m.12/1")
    arrived = RefundFacts(notice=date(2026, 6, 10), carrier="other", arrived=date(2026, 6, 15))
    assert refund_due(TR, arrived).by == date(2026, 6, 29)


@pytest.mark.parametrize(
    ("attribute", "condition", "article"),
    [
        ("custom_made", (), "MSY m.15/1-b"),
        ("hygiene_opened", ("opened",), "MSY m.15/1-ç"),
        ("installed_by_service", ("installed",), "MSY m.15/1-k"),
    ],
)
def test_exceptions_name_their_article(attribute: str, condition: tuple[str, ...], article: str) -> None:
    """A line with the attribute, in the condition the law asks for, has no right, by that article."""
    found = law_rights.exemption(TR, attributes=frozenset({attribute}), condition=frozenset(condition))
    assert found is not None
    assert found.article == article


def test_goods_keep_their_right_until_the_condition_is_met() -> None:
    """Hygiene goods that were not opened can be given back."""
    assert law_rights.exemption(TR, attributes=frozenset({"hygiene_opened"}), condition=frozenset()) is None


def test_the_states_have_no_withdrawal_right() -> None:
    """There is no federal right to withdraw from an online sale, and no clock for a refund of goods given back."""
    assert withdrawal_end(US, date(2026, 1, 1)) is None
    assert refund_due(US, RefundFacts(notice=date(2026, 1, 1))) == NO_CLOCK


def test_who_pays_the_way_back() -> None:
    """In Türkiye the seller, unless another carrier was taken although the named one could be; elsewhere the policy."""
    pays = law_rights.pays_way_back
    assert pays(TR, method="printed_label", carrier_named=True) == "store"
    assert pays(TR, method="own_carrier", carrier_named=False) == "store"
    assert pays(TR, method="own_carrier", carrier_named=True) == "customer"
    assert pays(TR, method="own_carrier", carrier_named=True, told=False) == "store"
    assert pays(EU, method="printed_label", carrier_named=True) is None
    assert pays(EU, method="printed_label", carrier_named=True, told=False) == "store"
    assert pays(US, method="printed_label", carrier_named=True) is None


def test_seller_deadlines_bind_early_and_consumer_deadlines_late() -> None:
    """Of the readings of one deadline the consumer has the latest and the seller the earliest."""
    days = {"raw": date(2026, 5, 27), "strict": date(2026, 6, 1), "lenient": date(2026, 6, 2)}
    common = {"name": "x", "starts": date(2026, 5, 13), "articles": ("a",), **days}
    assert Deadline(side="seller", **common).binding == days["raw"]  # type: ignore[arg-type]
    assert Deadline(side="consumer", **common).binding == days["lenient"]  # type: ignore[arg-type]


def test_every_text_ships_with_its_sources() -> None:
    """Every text and country was read from a file whose hash is known, and no rule lacks an article."""
    for profile in laws().profiles:
        assert len(profile.sha256) == 64
        assert profile.counting.article
        assert profile.title.keys() == {"tr", "en", "de"}
    assert {"DE", "FR", "IT", "NL", "AT", "ES"} <= set(laws().countries("EU"))
    assert len(laws().countries("EU")) == 27


def test_rates_are_those_of_their_day() -> None:
    """Interest and tax have the rate of the day: 18 percent on 9 July 2023, 20 the day after."""
    assert law_rights.tax_rates(TR, date(2023, 7, 9)) == ("1", "8", "18")
    assert law_rights.tax_rates(TR, date(2023, 7, 10)) == ("1", "10", "20")
    assert law_rights.tax_rates(EU, date(2026, 1, 1)) == ()
    rates = [law_rights.interest_rate(TR, day) for day in (date(2024, 5, 31), date(2024, 6, 1), date(1990, 1, 1))]
    assert [rate.percent if rate else None for rate in rates] == ["9", "24", None]
