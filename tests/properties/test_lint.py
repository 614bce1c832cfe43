"""Lint and evaluator agree, and the policy page says what is decided; the law's floor is in ``test_law_floor``."""

from __future__ import annotations

import random
from datetime import date, timedelta
from functools import cache
from itertools import product
from typing import Any, NamedTuple

from hypothesis import assume, given
from hypothesis import strategies as st

from rma.domain.claims import KINDS, Delivery, Facts, LineFacts, LineRequest, Request
from rma.domain.decision import decide
from rma.domain.law import LawProfile
from rma.domain.lint import StoreFacts, lint, unlawful
from rma.domain.policy import load_policy
from rma.domain.policy_page import sections, until
from rma.domain.terms import Policy
from tests.support.decisions import at
from tests.support.laws import law
from tests.support.random_policies import ATTRIBUTES, COUNTRIES, ORDERED, documents, rules, scenes


def _lawful(policy: Policy, text: LawProfile) -> bool:
    country = text.country or ""
    return not unlawful(lint(policy, {country: text}, StoreFacts()))


def _mended(document: dict[str, Any], text: LawProfile) -> Policy:
    """The policy without the parts that lint names as unlawful: their paths say what to take out."""
    while True:
        policy = load_policy("random", document, currency="TRY")
        wrong = unlawful(lint(policy, {text.country or "": text}, StoreFacts()))
        if not wrong:
            return policy
        section, _, rest = wrong[0].path.partition(".")
        if section.startswith("rules["):
            place = int(section[len("rules[") : -1])
            document = document | {"rules": [rule for at_, rule in enumerate(document["rules"]) if at_ != place]}
        else:
            name = rest.split(".")[0]
            gone = {"applies_to", "restocking_percent"} if section == "fees" else {name}
            document = document | {section: {key: value for key, value in document[section].items() if key not in gone}}


@given(document=documents(), scene=scenes())
def test_the_law_never_has_to_correct_a_lawful_policy(
    document: dict[str, Any], scene: tuple[LawProfile, Facts, Request]
) -> None:
    """Where lint finds nothing unlawful, the law holds back no rule, and the terms as written give what it gives."""
    text, facts, request = scene
    policy = _mended(document, text)
    [line] = decide(policy, text, facts, request).lines
    assert "kept_by_law" not in {entry.result for entry in line.trace}
    if line.basis == "statutory" and line.filed_kind == "withdrawal":
        terms = policy.terms(None, "withdrawal")
        assert "refund" in terms.offered
        assert not terms.evidence.at_least
        assert policy.windows.withdrawal_days >= (text.withdrawal.days if text.withdrawal else 0)


@given(document=documents(), scene=scenes())
def test_a_rule_that_the_law_holds_back_is_unlawful(
    document: dict[str, Any], scene: tuple[LawProfile, Facts, Request]
) -> None:
    """When the evaluator keeps a right against rules, lint names one of the rules of that name as unlawful."""
    text, facts, request = scene
    policy = load_policy("random", document, currency="TRY")
    kept = {
        entry.rule
        for line in decide(policy, text, facts, request).lines
        for entry in line.trace
        if entry.result == "kept_by_law"
    }
    found = {one.path.split(".")[0] for one in unlawful(lint(policy, {facts.country: text}, StoreFacts()))}
    for name in kept:
        assert any(rule["rule"] == name and f"rules[{place}]" in found for place, rule in enumerate(document["rules"]))


class Case(NamedTuple):
    """A request and the little that rules look at."""

    kind: Any
    told: tuple[str, ...]
    category: str | None
    tags: tuple[str, ...]
    attribute: str
    times: int
    total: int


_BATTERY = [
    Case(*parts)
    for parts in product(
        KINDS,
        ((), ("opened",), ("used",), ("opened", "used")),
        ("shoes", "hats", None),
        ((), ("sale",), ("new",)),
        ("", *ATTRIBUTES),
        (0, 3),
        (50, 40000),
    )
]
random.Random(1).shuffle(_BATTERY)  # unlike cases follow each other, so that one that tells is soon found


@given(several=st.lists(rules(), min_size=4, max_size=4), country=st.sampled_from(sorted(COUNTRIES)))
def test_lint_never_cries_wolf(several: list[dict[str, Any]], country: str) -> None:
    """For every rule that lint calls unlawful there are facts under which the evaluator keeps a right against it."""
    text = law(country, ORDERED)
    written = [{"name": "Random", "rules": [one]} for one in several if one["rule"] != "no_return_period"]
    policies = [load_policy("random", document, currency="TRY") for document in written]
    unlawful = [policy for policy in policies if not _lawful(policy, text)]
    assume(unlawful)
    assert any(_kept(unlawful[0], text, country, case) for case in _BATTERY)


def _kept(policy: Policy, text: LawProfile, country: str, case: Case) -> bool:
    [decided] = decide(policy, text, *_scene(country, case)).lines
    return any(entry.result == "kept_by_law" for entry in decided.trace)


@cache
def _scene(country: str, case: Case) -> tuple[Facts, Request]:
    zone = COUNTRIES[country]
    line = LineFacts(
        id="1", sku="X", quantity=1, left=1, total=case.total, category=case.category, tags=case.tags,
        attributes=frozenset({case.attribute} - {""}),
    )  # fmt: skip
    came = (
        ()
        if case.kind in {"not_delivered", "late_delivery"}
        else (Delivery(delivered_at=at("2026-08-05", timezone=zone)),)
    )
    facts = Facts(
        now=at("2026-12-01", timezone=zone), timezone=zone, currency="TRY", country=country, order_value=case.total,
        ordered_at=at("2026-08-03", timezone=zone), lines=(line,), deliveries=came, returns_on_order=case.times,
        earlier_returns=(date(2026, 8, 6),) * case.times, promised_by=date(2026, 8, 4),
    )  # fmt: skip
    filed = at("2026-11-01" if not came else "2026-08-08", timezone=zone)
    asked = LineRequest(
        order_line_id="1",
        quantity=1,
        kind=case.kind,
        reason="small",
        opened="opened" in case.told,
        used="used" in case.told,
    )
    return facts, Request(lines=(asked,), filed_at=filed)


@given(
    document=documents(),
    country=st.sampled_from(sorted(COUNTRIES)),
    received=st.dates(date(2026, 7, 1), date(2028, 2, 28)),
)
def test_the_page_and_the_decisions_cannot_disagree(document: dict[str, Any], country: str, received: date) -> None:
    """Filed on the last day that the calculator names a plain item is in time, and on the next day it is not."""
    policy = load_policy("random", document | {"rules": []}, currency="TRY")
    zone, text = COUNTRIES[country], law(country, received)
    for one in until(policy, text, timezone=zone, received=received, today=received):
        kind = "withdrawal" if one.kind == "withdrawal" else one.kind
        last, late = (
            _filed(policy, text, zone, country, received, day, kind)
            for day in (one.last_day, one.last_day + timedelta(days=1))
        )
        if one.basis == "statutory" and one.kind == "withdrawal":
            assert last.basis == "statutory"
            assert late.basis != "statutory"
        else:
            assert last.decision != "refused"
            assert late.decision == "refused"
            assert late.reasons[0].code in {"window_over", "liability_over"}


def _filed(policy: Policy, text: LawProfile, zone: str, country: str, received: date, day: date, kind: Any) -> Any:
    filed = at(day.isoformat(), "23:59", zone)
    facts = Facts(
        now=filed, timezone=zone, currency="TRY", ordered_at=at(received.isoformat(), "09:00", zone), country=country,
        order_value=20000, lines=(LineFacts(id="1", sku="X", quantity=1, left=1, total=20000),),
        deliveries=(Delivery(delivered_at=at(received.isoformat(), "15:00", zone)),),
    )  # fmt: skip
    asked = LineRequest(order_line_id="1", quantity=1, kind=kind)
    return decide(policy, text, facts, Request(lines=(asked,), filed_at=filed)).lines[0]


@given(
    document=documents(),
    country=st.sampled_from(sorted(COUNTRIES)),
    today=st.dates(date(2026, 7, 1), date(2028, 2, 28)),
)
def test_every_policy_has_a_page(document: dict[str, Any], country: str, today: date) -> None:
    """Whatever a policy says, its page can be shown, and has words for everything in every language."""
    policy = load_policy("random", document, currency="TRY")
    for section in sections(policy, law(country, today), timezone=COUNTRIES[country], today=today):
        for entry in section.entries:
            assert entry.answer
            for words in (entry.question, *entry.answer):
                assert set(words) == {"tr", "en", "de"}
                assert all(sentence and "{" not in sentence for sentence in words.values())
