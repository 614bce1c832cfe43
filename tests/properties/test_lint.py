"""Lint and evaluator agree, no lawful policy is worse than the law, and the policy page says what is decided."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from itertools import product
from typing import Any, NamedTuple

from hypothesis import assume, given
from hypothesis import strategies as st

from rma.domain.calendar import add_days
from rma.domain.claims import KINDS, LIABILITY, METHODS, OUTCOMES, Delivery, Facts, LineFacts, LineRequest, Request
from rma.domain.decision import Decision, decide
from rma.domain.law import LawProfile
from rma.domain.law_dates import liability_end, withdrawal_end
from rma.domain.law_rights import exemption, pays_way_back
from rma.domain.lint import StoreFacts, lint, unlawful
from rma.domain.policy import load_policy
from rma.domain.policy_page import sections, until
from rma.domain.terms import Policy
from tests.support.decisions import at
from tests.support.laws import law

COUNTRIES = {"TR": "Europe/Istanbul", "DE": "Europe/Berlin", "GB": "Europe/London", "US": "America/New_York"}
ORDERED = date(2026, 8, 3)
_ATTRIBUTES = ("custom_made", "hygiene_opened", "perishable", "second_hand")
_TAGS = ("sale", "new")
_amounts = st.builds(lambda n: {"amount": f"{n}.00", "currency": "TRY"}, st.integers(1, 300))
_selections = st.fixed_dictionaries(
    {},
    optional={
        "tags": st.lists(st.sampled_from(_TAGS), min_size=1, max_size=2, unique=True),
        "categories": st.lists(st.sampled_from(["shoes", "hats"]), min_size=1, max_size=2, unique=True),
        "attributes": st.lists(st.sampled_from(_ATTRIBUTES), min_size=1, max_size=2, unique=True),
        "countries": st.lists(st.sampled_from(sorted(COUNTRIES)), min_size=1, max_size=2, unique=True),
        "opened": st.booleans(),
        "used": st.booleans(),
    },
).filter(bool)
_PARAMS: dict[str, st.SearchStrategy[Any]] = {
    "exclude": _selections,
    "only": _selections,
    "line_value_below": _amounts,
    "line_value_above": _amounts,
    "order_value_below": _amounts,
    "order_value_above": _amounts,
    "no_return_period": st.just({"from": "2026-08-01", "to": "2026-08-31"}),
    "returns_on_order": st.builds(lambda n: {"more_than": n}, st.integers(0, 2)),
    "returns_in_period": st.builds(lambda n: {"days": 90, "more_than": n}, st.integers(0, 2)),
    "reason_asks": st.just({"reasons": ["small"]}),
    "business_buyer": st.just({}),
}
_outcomes = st.lists(st.sampled_from([one for one in OUTCOMES if one != "keep"]), min_size=1, max_size=4, unique=True)
_terms = st.fixed_dictionaries(
    {},
    optional={
        "outcomes": _outcomes,
        "methods": st.lists(
            st.sampled_from([one for one in METHODS if one != "none"]), min_size=1, max_size=3, unique=True
        ),
        "way_back_paid_by": st.sampled_from(["store", "customer"]),
        "evidence": st.builds(lambda n: {"kinds": ["photo"], "at_least": n}, st.integers(0, 2)),
    },
)


@st.composite
def rules(draw: st.DrawFn) -> dict[str, Any]:
    """Any rule that can be written, mild or harsh."""
    name = draw(st.sampled_from(sorted(_PARAMS)))
    applies = draw(st.one_of(st.just(["voluntary"]), st.lists(st.sampled_from(KINDS), max_size=3, unique=True)))
    return {
        "rule": name,
        "params": draw(_PARAMS[name]),
        "then": draw(st.sampled_from(["refuse", "ask"])),
        "applies_to": applies,
    }


def _one_period(several: list[dict[str, Any]]) -> bool:
    """Periods of these rules are the same one, and two of one kind may not overlap."""
    return [one["rule"] for one in several].count("no_return_period") < 2


@st.composite
def documents(draw: st.DrawFn) -> dict[str, Any]:
    """Any policy that can be written."""
    names = st.sampled_from(["default", "small", *KINDS])
    return {
        "name": "Random",
        "windows": {
            "withdrawal_days": draw(st.sampled_from([0, 7, 14, 30])),
            "voluntary_days": draw(st.sampled_from([0, 14, 30, 60])),
            "ship_back_days": draw(st.sampled_from([7, 14, 30])),
            "anchor": draw(st.sampled_from(["delivered", "delivered", "shipped", "ordered"])),
        },
        "rules": draw(st.lists(rules(), max_size=3).filter(_one_period)),
        "reasons": draw(st.dictionaries(names, _terms, max_size=3)),
        "fees": {
            "return": draw(st.sampled_from([[], [{"method": "printed_label", "amount": "29.90"}]])),
            "restocking_percent": draw(st.sampled_from(["0", "10"])),
            "applies_to": draw(st.sampled_from([["voluntary"], ["voluntary", "withdrawal"], ["damaged"]])),
        },
        "returns": {
            "auto_approve": draw(st.booleans()),
            "reason_required": draw(st.sampled_from([[], ["voluntary"], ["withdrawal"]])),
            "named_return_carriers": draw(st.sampled_from([[], ["aras"]])),
        },
        "refunds": {"promise_days": draw(st.sampled_from([5, 14, 20]))},
    }


def policies() -> st.SearchStrategy[Policy]:
    """The same, read."""
    return documents().map(lambda document: load_policy("random", document, currency="TRY"))


@st.composite
def scenes(draw: st.DrawFn) -> tuple[LawProfile, Facts, Request]:
    """A law, an order under it and a request that may be made of it."""
    country = draw(st.sampled_from(sorted(COUNTRIES)))
    zone = COUNTRIES[country]
    delivered = add_days(ORDERED, draw(st.integers(1, 5)))
    filed = add_days(delivered, draw(st.one_of(st.integers(0, 20), st.integers(0, 800))))
    line = LineFacts(
        id="1",
        sku="X",
        quantity=2,
        left=2,
        total=20000,
        category=draw(st.sampled_from(["shoes", "hats", None])),
        tags=tuple(draw(st.lists(st.sampled_from(_TAGS), max_size=2, unique=True))),
        attributes=frozenset(draw(st.lists(st.sampled_from(_ATTRIBUTES), max_size=1))),
    )
    facts = Facts(
        now=at(filed.isoformat(), "18:00", zone),
        timezone=zone,
        currency=draw(st.sampled_from(["TRY", "EUR"])),
        ordered_at=at(ORDERED.isoformat(), timezone=zone),
        country=country,
        order_value=20000,
        is_business=draw(st.booleans()) and draw(st.booleans()),
        lines=(line,),
        deliveries=(Delivery(delivered_at=at(delivered.isoformat(), timezone=zone)),),
        returns_on_order=draw(st.integers(0, 3)),
        earlier_returns=(filed,) * draw(st.integers(0, 3)),
    )
    asked = LineRequest(
        order_line_id="1",
        quantity=1,
        kind=draw(st.sampled_from(KINDS)),
        reason=draw(st.sampled_from([None, "small"])),
        opened=draw(st.booleans()),
        used=draw(st.booleans()),
        evidence_overdue=draw(st.booleans()),
    )
    request = Request(
        lines=(asked,), filed_at=at(filed.isoformat(), "12:00", zone), method=draw(st.sampled_from(METHODS))
    )
    return law(country, ORDERED), facts, request


def _lawful(policy: Policy, text: LawProfile) -> bool:
    country = text.country or ""
    return not unlawful(lint(policy, {country: text}, StoreFacts()))


def _right(text: LawProfile, facts: Facts, request: Request) -> str | None:
    """Which right by law the request stands on, by the profile alone."""
    [asked], [line] = request.lines, facts.lines
    delivered = facts.deliveries[0].delivered_at
    assert delivered is not None
    filed = _day(request.filed_at, facts)
    if facts.is_business:
        return None
    if asked.kind in LIABILITY and text.defect is not None:
        end = liability_end(text, _day(delivered, facts), contract=ORDERED)
        return "liability" if end is not None and filed <= end.binding else None
    if asked.kind not in {"withdrawal", "voluntary"} or text.withdrawal is None:
        return None
    told = frozenset(name for name in ("opened", "used") if getattr(asked, name))
    if exemption(text, attributes=line.attributes, condition=told) is not None:
        return None
    end = withdrawal_end(text, _day(delivered, facts))
    return "withdrawal" if end is not None and filed <= end.binding else None


def _day(instant: datetime, facts: Facts) -> date:
    return instant.astimezone(at("2026-01-01", timezone=facts.timezone).tzinfo).date()


def _worse(decision: Decision, right: str, text: LawProfile, policy: Policy) -> list[str]:
    """Everything in which a decision gives less than the law."""
    [line] = decision.lines
    named = bool(policy.returns.named_return_carriers)
    found = []
    if line.decision == "refused":
        found.append("refused")
    if line.basis != "statutory":
        found.append("basis")
    if decision.fees or line.restocking_percent != "0" or any(way.fee for way in line.methods):
        found.append("fee")
    if "refund" not in line.outcomes or line.outcome == "store_credit":
        found.append("money")
    if right == "withdrawal" and (line.evidence is not None or line.decision == "needs_evidence"):
        found.append("evidence")
    if any(error.path.endswith(".reason") for error in decision.errors):
        found.append("reason")
    for way in line.methods:
        owed = "store" if right == "liability" else pays_way_back(text, method=way.name, carrier_named=named)
        if owed == "store" and way.paid_by != "store" and way.name != "none":
            found.append("way back")
    return found


@given(policy=policies(), scene=scenes())
def test_no_decision_is_worse_than_the_law(policy: Policy, scene: tuple[LawProfile, Facts, Request]) -> None:
    """Whatever a policy says, what stands by law is not refused, not charged, and never made a matter of credit."""
    text, facts, request = scene
    right = _right(text, facts, request)
    assume(right is not None)
    assert _worse(decide(policy, text, facts, request), str(right), text, policy) == []


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
        assert "refund" in terms.outcomes
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
        ("", *_ATTRIBUTES),
        (0, 3),
        (50, 40000),
    )
]


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
    [decided] = decide(policy, text, facts, Request(lines=(asked,), filed_at=filed)).lines
    return any(entry.result == "kept_by_law" for entry in decided.trace)


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
