"""Whatever a policy says, no decision is worse than the profile: remedies, times, freight, fees and money."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from hypothesis import assume, given, settings
from hypothesis import strategies as st
from msgspec import structs

from rma.domain.calendar import add_days
from rma.domain.claims import LIABILITY, OUTCOMES, Facts, Kind, Outcome, Request
from rma.domain.decision import Decision, LineDecision, decide
from rma.domain.law import LawProfile, Remedy
from rma.domain.law_dates import liability_end, reject_end, withdrawal_end
from rma.domain.law_rights import exemption, pays_way_back, remedies
from rma.domain.lint import StoreFacts, lint
from rma.domain.policy import load_policy
from rma.domain.pricing import price
from rma.domain.settlement import settle
from rma.domain.snapshot import read_order
from rma.domain.tenders import tender_states
from rma.domain.terms import Policy
from rma.services import settling
from rma.services.assess import OrderView
from rma.services.books import Books
from tests.support import till
from tests.support.decisions import ask, at, judged, order
from tests.support.laws import law
from tests.support.random_policies import COUNTRIES, ORDERED, policies, scenes

MEANS: dict[Remedy, Outcome] = {
    "rescission": "refund",
    "termination": "refund",
    "rejection": "refund",
    "final_rejection": "refund",
    "price_cut": "price_reduction",
    "repair": "repair",
    "replacement": "exchange",
}
_NOT_POSSIBLE = {"wrong_item": {"repair"}, "missing_item": {"repair", "price_reduction"}}
_PRICE, _SHIPPING, _UNITS = 20000, 2990, 2


def _right(text: LawProfile, facts: Facts, request: Request) -> tuple[str, date] | None:
    """Which right by law the request stands on, and until when, by the profile alone."""
    [asked], [line] = request.lines, facts.lines
    came, filed = _came(facts), _day(request.filed_at, facts)
    if facts.is_business:
        return None
    if asked.kind in LIABILITY and text.defect is not None:
        used, repaired = ("second_hand" in line.attributes, "repaired" in line.attributes)
        end = liability_end(text, came, contract=ORDERED, second_hand=used, repaired=repaired)
        return ("liability", end.binding) if end is not None and filed <= end.binding else None
    if asked.kind not in {"withdrawal", "voluntary"} or text.withdrawal is None:
        return None
    told = frozenset(name for name in ("opened", "used") if getattr(asked, name))
    if exemption(text, attributes=line.attributes, condition=told) is not None:
        return None
    end = withdrawal_end(text, came)
    return ("withdrawal", end.binding) if end is not None and filed <= end.binding else None


def _came(facts: Facts) -> date:
    delivered = facts.deliveries[0].delivered_at
    assert delivered is not None
    return _day(delivered, facts)


def _day(instant: datetime, facts: Facts) -> date:
    return instant.astimezone(at("2026-01-01", timezone=facts.timezone).tzinfo).date()


def _owed(text: LawProfile, facts: Facts, request: Request, right: str) -> set[Outcome]:
    """What the consumer may choose by the profile."""
    [asked], [line] = request.lines, facts.lines
    if right == "withdrawal":
        return {"refund"}
    end = reject_end(text, _came(facts))
    rejectable = end is not None and _day(request.filed_at, facts) <= end.binding
    found = set(remedies(text, rejectable=rejectable))
    if "repaired" in line.attributes:
        found |= set(remedies(text, failed_rungs=1, rejectable=False))
    return {MEANS[one] for one in found} - _NOT_POSSIBLE.get(asked.kind, set())


def _worse(
    decision: Decision, right: str, last: date, scene: tuple[LawProfile, Facts, Request], policy: Policy
) -> list[str]:
    """Everything but the remedies in which a decision gives less than the law, or than the store agreed to pay."""
    [line] = decision.lines
    found = []
    if line.decision == "refused":
        found.append("refused")
    if line.basis != "statutory":
        found.append("basis")
    if line.last_day is None or line.last_day < last:
        found.append("window")
    if decision.fees or line.restocking_percent != "0" or any(way.fee for way in line.methods):
        found.append("fee")
    if line.outcome == "store_credit":
        found.append("credit unasked")
    if right == "withdrawal" and (line.evidence is not None or line.decision == "needs_evidence"):
        found.append("evidence")
    if any(error.path.endswith(".reason") for error in decision.errors):
        found.append("reason")
    return [*found, *_ways_back(line, right, scene, policy)]


def _ways_back(line: LineDecision, right: str, scene: tuple[LawProfile, Facts, Request], policy: Policy) -> list[str]:
    """What the ways back give less: none to send the goods by, or one that the store owes and the customer pays."""
    text, facts, request = scene
    terms = policy.terms(request.lines[0].reason, line.filed_kind)
    named, told = policy.carrier_named(terms), not facts.never_informed
    agreed = terms.way_back_paid_by == "store"
    found = []
    if right == "withdrawal" and line.goods_come_back and "own_carrier" not in {way.name for way in line.methods}:
        found.append("sending")
    for way in line.methods:
        by_law = pays_way_back(text, method=way.name, carrier_named=named, told=told)
        owed = "store" if right == "liability" or agreed else by_law
        if owed == "store" and way.paid_by != "store" and way.name != "none":
            found.append("way back")
    return found


@given(policy=policies(), scene=scenes())
def test_no_decision_is_worse_than_the_law(policy: Policy, scene: tuple[LawProfile, Facts, Request]) -> None:
    """Whatever a policy says, what stands by law is not refused, shortened or charged, and each remedy is offered.

    Each of them is marked as given by law with its article, and whoever chooses it has it on the same terms.
    """
    text, facts, request = scene
    right = _right(text, facts, request)
    assume(right is not None)
    kind, last = right or ("", date.min)
    decision = decide(policy, text, facts, request)
    assert _worse(decision, kind, last, scene, policy) == []
    owed = _owed(text, facts, request, kind)
    marked = {one.outcome: one.article for one in decision.lines[0].by_law}
    assert owed <= set(decision.lines[0].outcomes)
    assert set(marked) == owed
    assert all(marked.values())
    for outcome in sorted(owed):
        chosen = structs.replace(request, lines=(structs.replace(request.lines[0], outcome=outcome),))
        again = decide(policy, text, facts, chosen)
        assert "outcome_not_offered" not in {error.code for error in again.errors}
        assert _worse(again, kind, last, scene, policy) == []


@given(
    kind=st.sampled_from(sorted(LIABILITY)),
    country=st.sampled_from(sorted(COUNTRIES)),
    outcomes=st.lists(st.sampled_from(sorted(set(OUTCOMES) - {"keep"})), min_size=1, max_size=4, unique=True),
    after=st.integers(0, 60),
)
def test_what_the_law_adds_is_what_lint_tells(kind: Kind, country: str, outcomes: list[str], after: int) -> None:
    """The law adds a remedy to terms that name the kind exactly where lint says that their list leaves it out."""
    text, path = law(country, ORDERED), f"reasons.{kind}.outcomes"
    policy = load_policy("random", {"name": "Random", "reasons": {kind: {"outcomes": outcomes}}}, currency="TRY")
    facts = structs.replace(order(ORDERED.isoformat()), ordered_at=at(ORDERED.isoformat()), country=country)
    [line] = judged(facts, ask(kind), on=add_days(ORDERED, after).isoformat(), by=policy, law=text).lines
    told = {one.severity for one in lint(policy, {country: text}, StoreFacts()) if one.path == path}
    if any(one.added for one in line.by_law):
        assert told & {"unlawful", "conflict"}
    elif text.defect is None or text.defect.reject is None:
        assert told == set()


def _paid_back(text: LawProfile, policy: Policy, line: LineDecision, *, units: int) -> int:
    """What would be paid back for so many of two units, with the whole delivery if they are all, by the services."""
    body = till.snapshot(
        till.line("100.00", 2), shipping={"amount": "29.90", "cheapest_standard": "29.90"}, currency="TRY"
    )
    bought = read_order("1", body)
    priced = price(bought)
    view = OrderView(row={}, order=bought, person=None, priced=priced, holds=[], law=text, timezone="Europe/Istanbul")
    books = Books(decided=(), tenders=tender_states(bought, {}))
    share = settling.Share("1", ((1, units),), line.outcome, line.basis == "statutory", line.restocking_percent)
    asked = settling.ask(view, policy, books, [share], fee=0)
    return settle(view.priced, past=(), tenders=books.tenders, ask=asked).total


@settings(max_examples=60)
@given(
    policy=policies(),
    scene=scenes(),
    units=st.integers(1, 2),
    shipping=st.sampled_from(["with_last", "pro_rata", "marginal"]),
    promotions=st.sampled_from(["pro_rata", "reprice"]),
)
def test_no_refund_is_less_than_the_law(
    policy: Policy, scene: tuple[LawProfile, Facts, Request], units: int, shipping: Any, promotions: Any
) -> None:
    """Money back by law is the whole price, and with the whole order the delivery, in every mode of every policy."""
    text, facts, request = scene
    right = _right(text, facts, request)
    assume(right is not None)
    money = structs.replace(policy.refunds, shipping=shipping, promotions=promotions)
    policy = structs.replace(policy, refunds=money)
    chosen = structs.replace(request, lines=(structs.replace(request.lines[0], outcome="refund"),))
    [line] = decide(policy, text, facts, chosen).lines
    assume(line.outcome == "refund")
    owed = _PRICE * units // _UNITS + (_SHIPPING if units == _UNITS else 0)
    assert _paid_back(text, policy, line, units=units) >= owed
