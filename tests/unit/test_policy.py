"""Reading a store's policy: every key in effect, every fault named by its path."""

from __future__ import annotations

from typing import Any

import pytest

from rma.domain.policy import Policy, body, load_policy, standard
from rma.domain.rules import RULES, Limit
from rma.errors import DefinitionError
from tests.support.cases import RETURNS, cases
from tests.support.decisions import STANDARD

WHOLE = """
name = "Standard"
locale = "tr"
[windows]
withdrawal_days = 15
voluntary_days = 30
anchor = "shipped"
fallback_transit_days = 4
ship_back_days = 16
review_days = 2
evidence_days = 8
feedback_days = 12
[[rules]]
rule = "exclude"
params = { tags = ["final-sale"] }
applies_to = ["voluntary"]
then = "refuse"
text = { tr = "İndirimli ürünlerde koşulsuz iade yoktur.", en = "No.", de = "Nein." }
[[rules]]
rule = "line_value_above"
params = { amount = "5000.00", currency = "TRY" }
then = "ask"
[[rules]]
rule = "returns_in_period"
params = { days = 90, more_than = 5 }
then = "ask"
[[rules]]
rule = "no_return_period"
params = { from = 2026-11-01, to = 2026-11-30 }
then = "refuse"
[reasons.damaged]
evidence = { kinds = ["photo"], at_least = 1, carrier_report = "asked" }
outcomes = ["refund", "exchange", "price_reduction"]
methods = ["drop_off_code", "printed_label", "pick_up"]
way_back_paid_by = "store"
[reasons.default]
evidence = { kinds = [], at_least = 0, carrier_report = "not_asked" }
outcomes = ["refund", "store_credit", "exchange"]
methods = ["drop_off_code", "printed_label", "own_carrier"]
way_back_paid_by = "customer"
[fees]
return = [{ method = "printed_label", amount = "29.90" }]
restocking_percent = "12.5"
[returns]
auto_approve = false
named_return_carriers = ["yurtici", "aras"]
keep_item_below = "75.00"
workflow = { default = "return", damaged = "damage" }
[refunds]
auto_approve_below = "500.00"
second_person_above = "10000.00"
shipping = "marginal"
shipping_tariff = [{ from_value = "0.00", price = "29.90" }, { from_value = "500.00", price = "0.00" }]
tenders = ["card", "gift_card"]
promotions = "reprice"
credit_bonus_percent = "10"
promise_days = 4
[help]
apparel = [{ title = { tr = "Beden rehberi", en = "Size guide", de = "Größen" }, url = "https://shop.example/size" }]
"""


def whole() -> Policy:
    """The policy that uses every key."""
    return load_policy("whole.toml", WHOLE.encode(), currency="TRY", version=7)


def faults(document: Any, currency: str = "TRY") -> dict[str, str]:
    """The faults of a document by path."""
    with pytest.raises(DefinitionError) as refused:
        load_policy("shop.toml", document, currency=currency)
    assert refused.value.source == "shop.toml"
    return {fault.path: fault.code for fault in refused.value.errors}


def test_every_key_is_read() -> None:
    """Each key of the file arrives as a value of its own type; amounts are minor units."""
    policy = whole()
    assert (policy.name, policy.locale, policy.currency, policy.version) == ("Standard", "tr", "TRY", 7)
    assert policy.windows.anchor == "shipped"
    assert [rule.rule for rule in policy.rules] == [
        "exclude",
        "line_value_above",
        "returns_in_period",
        "no_return_period",
    ]
    assert policy.rules[1].params == Limit(minor=500000, currency="TRY")
    assert policy.lookback_days == 90
    assert policy.fees.return_fee("printed_label") == 2990
    assert policy.fees.return_fee("pick_up") == 0
    assert policy.returns.keep_item_below == 7500
    assert not policy.returns.auto_approve
    assert policy.refunds.auto_approve_below == 50000
    assert policy.refunds.second_person_above == 1000000
    assert policy.refunds.tenders == ("card", "gift_card")
    assert (policy.refunds.shipping, policy.refunds.promotions, policy.refunds.promise_days) == (
        "marginal",
        "reprice",
        4,
    )
    assert [policy.refunds.delivery_of(value) for value in (0, 1, 49999, 50000)] == [0, 2990, 2990, 0]
    assert policy.help["apparel"][0].title["de"] == "Größen"


def test_terms_are_of_the_reason_then_the_kind_then_the_default() -> None:
    """The terms of a reason win over those of the kind, those over the default."""
    policy = whole()
    assert policy.terms("damaged", "withdrawal").evidence.at_least == 1
    assert policy.terms("too_small", "damaged").evidence.at_least == 1
    assert policy.terms("too_small", "withdrawal").way_back_paid_by == "customer"
    assert policy.returns.machine("damaged") == "damage"
    assert policy.returns.machine("withdrawal") == "return"


def test_toml_and_json_say_the_same() -> None:
    """The JSON form of a file reads as the file itself, dates included."""
    assert load_policy("x", body("x", WHOLE.encode()), currency="TRY", version=7) == whole()


def test_every_fault_is_named_at_once() -> None:
    """Unknown keys, wrong types and impossible values are all reported, each with its path."""
    assert faults(
        {
            "name": "X",
            "colour": "red",
            "an [odd.name": 1,
            "windows": {"withdrawal_days": -1, "anchor": "paid"},
            "rules": [{"rule": "exclude", "params": {"tags": ["a"]}, "then": "maybe"}],
            "fees": {"return": [{"method": "printed_label", "amount": "1.234"}]},
            "returns": {"keep_item_below": "75"},
            "reasons": {"default": {"outcomes": ["money"]}},
        }
    ).keys() == {
        "colour",
        "an [odd.name",
        "windows.withdrawal_days",
        "windows.anchor",
        "rules[0].then",
        "fees.return[0].amount",
        "returns.keep_item_below",
        "reasons.default.outcomes[0]",
    }


@pytest.mark.parametrize(
    ("rule", "path", "code"),
    [
        ({"rule": "be_nice"}, "rules[0].rule", "unknown_rule"),
        ({"rule": "exclude", "params": {"tag": ["a"]}}, "rules[0].params.tag", "unknown"),
        ({"rule": "exclude", "params": {}}, "rules[0].params", "empty"),
        ({"rule": "exclude", "params": {"tags": []}}, "rules[0].params.tags", "value"),
        ({"rule": "returns_in_period", "params": {"days": 90}}, "rules[0].params.more_than", "missing"),
        (
            {"rule": "line_value_above", "params": {"amount": "5.00", "currency": "EUR"}},
            "rules[0].params.currency",
            "currency",
        ),
        (
            {"rule": "line_value_above", "params": {"amount": "5", "currency": "TRY"}},
            "rules[0].params.amount",
            "decimals",
        ),
        (
            {"rule": "no_return_period", "params": {"from": "2026-11-30", "to": "2026-11-01"}},
            "rules[0].params.to",
            "before_start",
        ),
        ({"rule": "exclude", "params": {"countries": ["Germany"]}}, "rules[0].params.countries[0]", "value"),
        ({"rule": "exclude", "params": {"countries": ["DE", "de"]}}, "rules[0].params.countries[1]", "value"),
        ({"rule": "only", "params": {"kinds": ["gift"]}}, "rules[0].params.kinds[0]", "value"),
        ({"rule": "exclude", "params": {"attributes": ["custommade"]}}, "rules[0].params.attributes[0]", "unknown"),
        ({"rule": "exclude", "params": {"groups": ["a"], "customer_groups": ["b"]}}, "rules[0].params.groups", "twice"),
        ({"rule": "business_buyer", "text": {"tr": "a\x00"}}, "rules[0].text.tr", "character"),
        ({"rule": "business_buyer", "applies_to": ["gift"]}, "rules[0].applies_to[0]", "value"),
        ({"rule": "business_buyer", "text": {"fr": "Non"}}, "rules[0].text.fr", "unknown"),
        ({"rule": "business_buyer", "text": {"tr": " "}}, "rules[0].text.tr", "empty"),
        ({"rule": "quantity_left", "then": "ask"}, "rules[0].then", "impossible"),
        ({"rule": "window", "applies_to": ["damaged"]}, "rules[0].applies_to", "impossible"),
    ],
)
def test_a_wrong_rule_is_named(rule: dict[str, Any], path: str, code: str) -> None:
    """A rule that does not exist, or whose parameters cannot be right, is refused at its path."""
    assert faults({"name": "X", "rules": [rule]}) == {path: code}


@pytest.mark.parametrize(
    ("sections", "path"),
    [
        ({"refunds": {"tenders": ["card", "card"]}}, "refunds.tenders"),
        ({"refunds": {"tenders": "alphabetical"}}, "refunds.tenders"),
        ({"refunds": {"shipping": "marginal"}}, "refunds.shipping_tariff"),
        (
            {"refunds": {"shipping_tariff": [{"from_value": "1.00", "price": "5.00"}]}},
            "refunds.shipping_tariff[0].from_value",
        ),
        (
            {"refunds": {"shipping_tariff": [{"from_value": "0.00", "price": "5.00"}] * 2}},
            "refunds.shipping_tariff[1].from_value",
        ),
        ({"refunds": {"credit_bonus_percent": "-1"}}, "refunds.credit_bonus_percent"),
        ({"fees": {"return": [{"method": "pick_up", "amount": "1.00"}] * 2}}, "fees.return[1].method"),
        ({"fees": {"return": [{"method": "pigeon", "amount": "1.00"}]}}, "fees.return[0].method"),
        ({"returns": {"workflow": {"gift": "return"}}}, "returns.workflow.gift"),
        ({"help": {"x": [{"title": {"tr": "a"}, "url": "javascript:x"}]}}, "help.x[0].url"),
        ({"reasons": {"default": {"evidence": {"at_least": 1}}}}, "reasons.default.evidence.kinds"),
        ({"reasons": {"damaged": 5}}, "reasons.damaged"),
        ({"help": {"x": 5}}, "help.x"),
        ({"locale": "xx"}, "locale"),
    ],
)
def test_a_wrong_section_is_named(sections: dict[str, Any], path: str) -> None:
    """Every section has its own limits, and its faults their paths."""
    assert list(faults({"name": "X", **sections})) == [path]


def test_periods_of_one_kind_do_not_overlap() -> None:
    """Two periods for one kind that share a day are refused; for other kinds, or one day apart, they are not."""

    def period(first: str, last: str, *kinds: str) -> dict[str, Any]:
        return {"rule": "no_return_period", "params": {"from": first, "to": last}, "applies_to": list(kinds)}

    november = period("2026-11-01", "2026-11-30", "voluntary")
    for rule in (period("2026-11-30", "2026-12-05"), period("2026-11-10", "2026-11-20", "voluntary", "damaged")):
        assert faults({"name": "X", "rules": [november, rule]}) == {"rules[1].params.from": "overlap"}
    for rule in (period("2026-12-01", "2026-12-05", "voluntary"), period("2026-11-10", "2026-11-20", "damaged")):
        load_policy("x", {"name": "X", "rules": [november, rule]}, currency="TRY")


def test_a_name_is_needed() -> None:
    """A policy has a name."""
    assert faults({}) == {"name": "missing"}


def test_what_is_no_toml_is_refused() -> None:
    """Broken TOML is a fault of the file, not a crash."""
    assert faults(b"name = ") == {"": "unreadable"}
    assert faults(b"\xff") == {"": "unreadable"}


def test_the_always_rules_are_named_once() -> None:
    """A rule that is always there can be given words once."""
    assert faults({"name": "X", "rules": [{"rule": "window"}] * 2}) == {"rules[1].rule": "twice"}


@pytest.mark.parametrize(("locale", "currency"), [("tr", "TRY"), ("en", "GBP"), ("de", "JPY"), ("en", "KWD")])
def test_the_standard_policy_fits_every_store(locale: str, currency: str) -> None:
    """The shipped policy loads in any currency, and every text of it is there in three languages."""
    policy = standard(STANDARD, locale=locale, currency=currency)
    assert (policy.locale, policy.currency, policy.name) == (locale, currency, "Standard")
    assert all(set(rule.text) == {"tr", "en", "de"} for rule in policy.rules)


def test_r41_fees_are_shares_and_amounts() -> None:
    """R41: 80 % of 5 x 300.00, 25 % of 2 x 300.00, a fixed 5.50; a fee of 105 % is refused."""
    assert cases(RETURNS)["R41"].expected.startswith("1200.00; 150.00; 5.50 once per return")

    def fees(**given: Any) -> Any:
        return load_policy("x", {"name": "X", "fees": given}, currency="TRY").fees

    assert fees(restocking_percent="80").restocking(5 * 30000) == 120000
    assert fees(restocking_percent="25").restocking(2 * 30000) == 15000
    assert fees(**{"return": [{"method": "pick_up", "amount": "5.50"}]}).return_fee("pick_up") == 550
    assert faults({"name": "X", "fees": {"restocking_percent": "105"}}) == {"fees.restocking_percent": "percent"}


def test_the_registry_holds_the_first_set() -> None:
    """Every rule of the first set can be named."""
    first = """window exclude only line_value_below line_value_above order_value_below order_value_above
    no_return_period returns_on_order returns_in_period reason_asks quantity_left business_buyer"""
    assert set(first.split()) <= set(RULES)
