"""A policy held against the law: every conflict at its path with its article, contradictions, gaps, and notes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from rma.domain.findings import Finding
from rma.domain.lint import StoreFacts, lint, unlawful
from rma.domain.lint_texts import KIND_NAMES, LANGUAGE_NAMES, REMEDY_NAMES, TEXTS
from rma.domain.policy import load_policy, standard
from rma.domain.texts import LANGUAGES
from tests.support.decisions import STANDARD
from tests.support.laws import law

ON = "2026-11-02"


def linted(document: dict[str, Any], *countries: str, currencies: tuple[str, ...] = ()) -> tuple[Finding, ...]:
    """The findings about a policy in TRY under the laws of these countries (Türkiye)."""
    policy = load_policy("test", {"name": "Test", **document}, currency="TRY")
    laws = {country: law(country, ON) for country in countries or ("TR",)}
    return lint(policy, laws, StoreFacts(other_currencies=currencies))


def found(document: dict[str, Any], *countries: str, severity: str = "unlawful") -> dict[str, tuple[str, str | None]]:
    """Code to path and article of the findings of that severity."""
    return {one.code: (one.path, one.article) for one in linted(document, *countries) if one.severity == severity}


def rule(name: str, params: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    """A policy of one rule that refuses."""
    return {"rules": [{"rule": name, "params": params or {}, "then": "refuse", **more}]}


@pytest.mark.parametrize("country", ["TR", "DE", "FR", "GB", "US"])
def test_the_standard_policy_is_lawful_everywhere(country: str) -> None:
    """What ships has no conflict and no gap under any law that ships."""
    policy = standard(STANDARD, locale="tr", currency="TRY")
    findings = lint(policy, {country: law(country, ON)}, StoreFacts())
    assert {one.severity for one in findings} <= {"note"}


@pytest.mark.parametrize("country", ["TR", "DE", "ES", "GB", "US"])
def test_what_a_file_leaves_out_is_lawful(country: str) -> None:
    """A file may say nothing at all, or leave any key of its terms out: what holds instead gives what the law gives."""
    told: tuple[dict[str, Any], ...] = ({}, {"reasons": {"default": {}}}, {"reasons": {"defective": {}}})
    assert [found(document, country) for document in told] == [{}, {}, {}]


@pytest.mark.parametrize(
    ("document", "country", "code", "path", "article"),
    [
        ({"windows": {"withdrawal_days": 7}}, "TR", "shorter_window", "windows.withdrawal_days", "MSY m.9/1"),
        ({"windows": {"withdrawal_days": 13}}, "DE", "shorter_window", "windows.withdrawal_days", "CRD 9(1)"),
        ({"windows": {"ship_back_days": 10}}, "TR", "shorter_send_back", "windows.ship_back_days", "MSY m.13/1"),
        ({"refunds": {"promise_days": 15}}, "DE", "later_refund", "refunds.promise_days", "CRD 13(1)"),
        ({"windows": {"review_days": 15}}, "TR", "late_review", "windows.review_days", "MSY m.12/3"),
        ({"windows": {"review_days": 30}}, "DE", "late_review", "windows.review_days", "CRD 13(1)"),
        ({"windows": {"second_hand_months": 6}}, "TR", "shorter_liability", "windows.second_hand_months", "6502 m.12"),
        ({"returns": {"reason_required": ["withdrawal"]}}, "TR", "reason_condition", "returns.reason_required", None),
        ({"returns": {"login_required": True}}, "DE", "login_condition", "returns.login_required", "CRD 11a, 6(1)(h)"),
        (
            {"reasons": {"default": {"outcomes": ["store_credit"]}}},
            "TR",
            "credit_only",
            "reasons.default.outcomes",
            None,
        ),
        ({"reasons": {"small": {"outcomes": ["store_credit"]}}}, "TR", "credit_only", "reasons.small.outcomes", None),
        (
            {"reasons": {"defective": {"outcomes": ["refund", "exchange"]}}},
            "TR",
            "remedy_taken",
            "reasons.defective.outcomes",
            "6502 m.11/1",
        ),
        (
            {"reasons": {"damaged": {"outcomes": ["refund", "exchange"]}}},
            "TR",
            "remedy_taken",
            "reasons.damaged.outcomes",
            None,
        ),
        (
            {"reasons": {"defective": {"outcomes": ["repair", "refund"]}}},
            "DE",
            "remedy_taken",
            "reasons.defective.outcomes",
            "SGD 13",
        ),
        (
            {"reasons": {"defective": {"outcomes": ["repair", "exchange"]}}},
            "GB",
            "remedy_taken",
            "reasons.defective.outcomes",
            "CRA s.22(3), 22(6)-(8)",
        ),
        (
            {"reasons": {"defective": {"outcomes": ["store_credit"]}}},
            "DE",
            "no_remedy",
            "reasons.defective.outcomes",
            "SGD 13",
        ),
        (
            {"reasons": {"default": {"way_back_paid_by": "customer"}}},
            "TR",
            "way_back_paid",
            "reasons.default.way_back_paid_by",
            "MSY m.12/5; 6502 m.11/1",
        ),
        (
            {"reasons": {"damaged": {"way_back_paid_by": "customer"}}},
            "DE",
            "way_back_paid",
            "reasons.damaged.way_back_paid_by",
            "SGD 13",
        ),
        (
            {"reasons": {"default": {"evidence": {"kinds": ["photo"], "at_least": 1}}}},
            "TR",
            "evidence_condition",
            "reasons.default.evidence.at_least",
            "MSY m.9/1",
        ),
        (rule("exclude", {"opened": True}), "DE", "unopened_only", "rules[0]", None),
        (rule("only", {"categories": ["shoes"]}), "TR", "excludes_right", "rules[0]", None),
        (rule("line_value_below", {"amount": "50.00", "currency": "TRY"}), "TR", "excludes_right", "rules[0]", None),
        (rule("returns_on_order", {"more_than": 1}), "TR", "excludes_right", "rules[0]", None),
        (rule("reason_asks", {"reasons": ["small"]}), "TR", "excludes_right", "rules[0]", None),
        (
            rule("exclude", {"attributes": ["second_hand"]}, applies_to=["withdrawal"]),
            "TR",
            "extra_exception",
            "rules[0].params.attributes",
            "MSY m.9/1",
        ),
        (
            rule("exclude", {"attributes": ["hygiene_opened"]}, applies_to=["withdrawal"]),
            "TR",
            "extra_exception",
            "rules[0].params.attributes",
            "MSY m.9/1",
        ),
    ],
)
def test_what_the_law_gives_is_not_taken(
    document: dict[str, Any], country: str, code: str, path: str, article: str | None
) -> None:
    """Each conflict with the law stands at its path, with the article."""
    wrong = found(document, country)
    assert code in wrong
    assert wrong[code][0] == path
    assert wrong[code][1]
    if article is not None:
        assert wrong[code][1] == article


def test_second_hand_goods_where_the_law_lets_nothing_be_cut() -> None:
    """A year for second-hand goods holds in Türkiye and Germany and is set aside in France and the UK, with a word."""
    document = {"windows": {"second_hand_months": 12}}
    said = {country: found(document, country, severity="conflict") for country in ("TR", "DE", "FR", "GB")}
    assert [country for country, told in said.items() if "second_hand_set_aside" in told] == ["FR", "GB"]
    assert all(not found(document, country) for country in said)


def test_fees_on_a_right_are_refused() -> None:
    """A fee or a restocking share that names a kind which stands by law is refused; on voluntary returns both stand."""
    fees = {"return": [{"method": "pick_up", "amount": "9.90"}], "restocking_percent": "10"}
    both = {"fees": {**fees, "applies_to": ["voluntary", "withdrawal"]}}
    assert found(both, "TR").keys() == {"fee_on_right", "restocking_on_right"}
    assert found(both, "US").keys() == set()
    assert found({"fees": fees}, "TR") == {}


@pytest.mark.parametrize(
    "document",
    [
        rule("exclude", {"tags": ["sale"]}, applies_to=["voluntary"]),
        rule("exclude", {"attributes": ["custom_made", "perishable"]}, applies_to=["withdrawal", "voluntary"]),
        rule("exclude", {"attributes": ["hygiene_opened"], "opened": True}, applies_to=["withdrawal"]),
        rule("exclude", {"countries": ["US"]}, applies_to=["withdrawal", "voluntary"]),
        rule("only", {"countries": ["TR"]}),
        rule("business_buyer"),
        {"rules": [{"rule": "line_value_above", "params": {"amount": "1.00", "currency": "TRY"}, "then": "ask"}]},
        {"windows": {"withdrawal_days": 30, "voluntary_days": 90}},
        {"reasons": {"voluntary": {"outcomes": ["store_credit"], "way_back_paid_by": "customer"}}},
        {"returns": {"reason_required": ["voluntary"]}},
    ],
)
def test_what_only_widens_is_lawful(document: dict[str, Any]) -> None:
    """The law's own exceptions, conditions on voluntary returns, longer times and people who look are all allowed."""
    assert found(document, "TR") == {}


def test_what_goes_beyond_the_law_is_marked_voluntary() -> None:
    """A longer time is noted as voluntary, with its own conditions after the law's; terms of it are noted as such."""
    terms = {"reasons": {"voluntary": {"outcomes": ["store_credit"]}}}
    notes = found({"windows": {"voluntary_days": 60}, **terms}, "TR", severity="note")
    assert notes["beyond_law"][0] == "windows.voluntary_days"
    assert notes["after_the_law"] == ("reasons.voluntary.outcomes", "MSY m.9/1")
    assert "nothing_beyond" in found({"windows": {"voluntary_days": 10}}, "TR", severity="note")


def test_one_law_may_forbid_what_another_allows() -> None:
    """The way back of a withdrawal may cost the customer in Germany, not in Türkiye; each finding names its law."""
    document = {"reasons": {"withdrawal": {"way_back_paid_by": "customer"}}}
    assert found(document, "DE") == {}
    [one] = unlawful(linted(document, "DE", "TR"))
    assert (one.code, one.law) == ("way_back_paid", "TR@2026-01-01")


def test_a_named_carrier_that_is_not_on_offer_and_goods_that_cannot_be_sent_are_told() -> None:
    """Whoever withdraws may send the goods, and a carrier that is named but cannot be used costs them nothing."""
    named = {"named_return_carriers": ["yurtici"]}

    def told(
        methods: list[str], country: str, name: str = "withdrawal", **more: Any
    ) -> set[tuple[str, str, str | None]]:
        document = {"returns": named, "reasons": {name: {"methods": methods, **more}}}
        path = f"reasons.{name}.way_back_paid_by", f"reasons.{name}.methods"
        return {(one.severity, one.code, one.article) for one in linted(document, country) if one.path in path}

    free = ("conflict", "carrier_not_offered", "MSY m.12/5")
    assert told(["own_carrier"], "TR") == {free}
    assert told(["own_carrier"], "DE") == set()
    assert told(["own_carrier"], "TR", way_back_paid_by="customer") == {
        free,
        ("unlawful", "way_back_paid", "MSY m.12/5"),
    }
    assert told(["in_store"], "TR") == {free, ("unlawful", "no_sending", "MSY m.13/1")}
    assert ("unlawful", "no_sending", "CRD 14(1)") in told(["none"], "DE")
    assert ("conflict", "no_sending", "CRD 14(1)") in told(["in_store"], "DE", "small")
    assert told(["drop_off_code"], "TR") == {("note", "own_carrier_by_law", "MSY m.13/1")}
    assert told(["in_store"], "TR", "voluntary") == told(["in_store"], "US") == set()


_SALE = {"rule": "exclude", "params": {"tags": ["sale"]}, "applies_to": ["voluntary"]}
_ABOVE = {"rule": "line_value_above", "params": {"amount": "50.00", "currency": "TRY"}}


@pytest.mark.parametrize(
    ("rules", "code"),
    [
        ([_SALE, _SALE], "unreachable"),
        ([_SALE, {**_SALE, "then": "ask"}], "contradicts"),
        ([_SALE, {**_SALE, "params": {"tags": ["sale"], "categories": ["shoes"]}}], "unreachable"),
        ([_SALE, {**_SALE, "params": {"tags": ["sale", "final"]}}], None),
        ([_SALE, {**_SALE, "applies_to": ["voluntary", "withdrawal"]}], None),
        ([_ABOVE, {**_ABOVE, "params": {"amount": "80.00", "currency": "TRY"}}], "unreachable"),
        ([_ABOVE, {**_ABOVE, "params": {"amount": "20.00", "currency": "TRY"}}], None),
        ([{**_ABOVE, "then": "refuse"}, _ABOVE], None),
        (
            [
                {"rule": "returns_in_period", "params": {"days": 90, "more_than": 3}},
                {"rule": "returns_in_period", "params": {"days": 30, "more_than": 5}},
            ],
            "unreachable",
        ),
        (
            [
                {"rule": "only", "params": {"categories": ["shoes"]}, "applies_to": ["voluntary"]},
                {"rule": "only", "params": {"categories": ["hats"]}, "applies_to": ["voluntary"]},
            ],
            "nothing_left",
        ),
        (
            [
                {"rule": "only", "params": {"categories": ["shoes"]}, "applies_to": ["voluntary"]},
                {"rule": "exclude", "params": {"categories": ["hats"]}, "applies_to": ["voluntary"]},
            ],
            "unreachable",
        ),
        (
            [
                {"rule": "reason_asks", "params": {"reasons": ["a", "b"]}},
                {"rule": "reason_asks", "params": {"reasons": ["b"]}},
            ],
            "unreachable",
        ),
    ],
)
def test_rules_that_never_decide_are_found(rules: list[dict[str, Any]], code: str | None) -> None:
    """A rule behind one that always holds before it is unreachable, or contradicts it; one that may decide is not."""
    conflicts = [one for one in linted({"rules": rules}) if one.severity == "conflict"]
    assert [(one.code, one.path) for one in conflicts] == ([(code, "rules[1]")] if code else [])


@pytest.mark.parametrize(
    ("document", "severity", "code", "path"),
    [
        ({"windows": {"anchor": "ordered"}}, "conflict", "anchor_set_aside", "windows.anchor"),
        (
            {
                "fees": {"return": [{"method": "in_store", "amount": "1.00"}]},
                "reasons": {"default": {"methods": ["pick_up"]}},
            },
            "conflict",
            "fee_without_method",
            "fees.return[0].method",
        ),
        ({"fees": {"restocking_percent": "5", "applies_to": []}}, "conflict", "fee_never", "fees.applies_to"),
        (
            {"refunds": {"auto_approve_below": "500.00", "second_person_above": "100.00"}},
            "conflict",
            "limits_cross",
            "refunds.auto_approve_below",
        ),
        (
            {"refunds": {"credit_bonus_percent": "10"}},
            "conflict",
            "bonus_without_credit",
            "refunds.credit_bonus_percent",
        ),
        (
            {"reasons": {"damaged": {"outcomes": ["refund", "exchange", "price_reduction"]}}},
            "conflict",
            "remedy_missing",
            "reasons.damaged.outcomes",
        ),
        (
            {"reasons": {"default": {"outcomes": ["refund", "store_credit"]}}},
            "note",
            "remedy_missing",
            "reasons.default.outcomes",
        ),
        ({"reasons": {"broken": {"outcomes": ["repair"]}}}, "conflict", "remedy_set_aside", "reasons.broken.outcomes"),
        ({"reasons": {"damaged": {"methods": ["none"]}}}, "gap", "no_way_back", "reasons.damaged.methods"),
        (
            {"returns": {"reason_required": ["voluntary", "defective"]}},
            "conflict",
            "reason_set_aside",
            "returns.reason_required",
        ),
        ({"windows": {"review_days": 10}}, "conflict", "late_together", "windows.review_days"),
        ({"windows": {"review_days": 0}}, "gap", "window_zero", "windows.review_days"),
        ({"rules": [{**_SALE, "text": {"tr": "Yok."}}]}, "gap", "missing_language", "rules[0].text.en"),
        (
            {"help": {"x": [{"title": {"tr": "a", "de": "b"}, "url": "https://shop.example"}]}},
            "gap",
            "missing_language",
            "help.x[0].title.en",
        ),
        ({"refunds": {"promotions": "reprice"}}, "note", "reprice_voluntary", "refunds.promotions"),
        (
            {"reasons": {"small": {"evidence": {"kinds": ["photo"], "at_least": 1}}}},
            "note",
            "evidence_not_here",
            "reasons.small.evidence.at_least",
        ),
    ],
)
def test_contradictions_and_gaps_are_found(document: dict[str, Any], severity: str, code: str, path: str) -> None:
    """What makes no sense together, or is missing, stands at its path and stops no publication."""
    findings = [(one.severity, one.code, one.path) for one in linted(document)]
    assert (severity, code, path) in findings
    assert not unlawful(linted(document))


def test_amounts_in_a_store_that_sells_in_other_currencies() -> None:
    """An amount rule and a fee are gaps where orders come in another currency; without such orders they are not."""
    document = {"rules": [_ABOVE], "fees": {"return": [{"method": "pick_up", "amount": "1.00"}]}}
    paths = {one.path for one in linted(document, currencies=("EUR", "TRY")) if one.code == "other_currency"}
    assert paths == {"rules[0].params.amount", "fees.return"}
    assert [one for one in linted(document) if one.code == "other_currency"] == []


def test_a_country_without_a_text_is_said() -> None:
    """Where we hold no law nothing was checked, and that is a gap, not a permission."""
    assert [one.code for one in linted({}, "JP") if one.severity == "gap"] == ["no_law"]


def test_the_worst_stands_first_and_everything_once() -> None:
    """Findings are ordered by severity, and two countries of one text say a thing once."""
    findings = linted({"windows": {"withdrawal_days": 7, "review_days": 0, "anchor": "shipped"}}, "DE", "FR")
    severities = [one.severity for one in findings]
    assert severities == sorted(severities, key=["unlawful", "conflict", "gap", "note"].index)
    assert [one.code for one in findings].count("shorter_window") == 1


def test_every_word_is_there_in_every_language() -> None:
    """No finding is silent to anybody."""
    for words in (*TEXTS.values(), *KIND_NAMES.values(), *REMEDY_NAMES.values(), *LANGUAGE_NAMES.values()):
        assert set(words) == set(LANGUAGES)
        assert all(words.values())
    for one in linted({"windows": {"withdrawal_days": 7}, **rule("exclude", {"used": True})}, "TR", "DE"):
        assert all("{" not in sentence for sentence in one.text.values())


def test_the_example_of_the_documentation_is_lawful(checkout: Path) -> None:
    """What the how-to shows can be published as it stands, in Türkiye and in Germany."""
    page = (checkout / "docs" / "how-to" / "write-a-policy.md").read_text(encoding="utf-8")
    example = page.partition("```toml\n")[2].partition("```")[0]
    policy = load_policy("example", example.encode(), currency="TRY")
    findings = lint(policy, {country: law(country, ON) for country in ("TR", "DE")}, StoreFacts())
    assert {one.severity for one in findings} == {"note"}
