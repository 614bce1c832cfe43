"""Whatever a store writes into its policy, the law's floor holds and every answer is explained."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from rma.domain.claims import KINDS
from rma.domain.texts import LANGUAGES, long_date
from tests.support.decisions import ask, judged, line, one, order, policy

DELIVERED = date(2026, 6, 10)

_AMOUNT = st.fixed_dictionaries({"amount": st.sampled_from(["0.01", "100.00", "9999.00"]), "currency": st.just("TRY")})
_PARAMS = {
    "exclude": st.sampled_from([{"skus": ["TS-RED-M"]}, {"countries": ["TR"]}, {"kinds": ["goods"], "opened": False}]),
    "only": st.sampled_from([{"categories": ["shoes"]}, {"tags": ["returnable"]}]),
    "line_value_below": _AMOUNT,
    "line_value_above": _AMOUNT,
    "order_value_below": _AMOUNT,
    "order_value_above": _AMOUNT,
    "no_return_period": st.just({"from": "2026-05-01", "to": "2026-07-01"}),
    "returns_on_order": st.just({"more_than": 0}),
    "returns_in_period": st.just({"days": 30, "more_than": 0}),
    "reason_asks": st.just({"reasons": ["too_small"]}),
    "business_buyer": st.just({}),
    "window": st.just({}),
}


@st.composite
def rules(draw: st.DrawFn) -> dict[str, Any]:
    """Any rule with parameters that fit it."""
    name = draw(st.sampled_from(sorted(_PARAMS)))
    rule = {"rule": name, "params": draw(_PARAMS[name]), "then": draw(st.sampled_from(["refuse", "ask"]))}
    return rule if name == "window" else rule | {"applies_to": draw(st.lists(st.sampled_from(KINDS), max_size=3))}


@st.composite
def policies(draw: st.DrawFn) -> Any:
    """Any policy that can be loaded, kind or harsh."""
    written = draw(st.lists(rules(), max_size=6, unique_by=lambda rule: rule["rule"]))
    days = st.integers(0, 60)
    windows = {
        "withdrawal_days": draw(days),
        "voluntary_days": draw(days),
        "anchor": draw(st.sampled_from(["delivered", "shipped", "ordered"])),
    }
    evidence = {"kinds": ["photo"], "at_least": draw(st.integers(0, 3))}
    fees = {"return": [{"method": "printed_label", "amount": "29.90"}], "restocking_percent": "20"}
    return policy(written, windows=windows, reasons={"default": {"evidence": evidence}}, fees=fees)


@given(
    by=policies(), after=st.integers(0, 14), kind=st.sampled_from(["withdrawal", "voluntary"]), overdue=st.booleans()
)
def test_no_policy_takes_the_withdrawal_right(by: Any, after: int, kind: str, overdue: bool) -> None:
    """Within fourteen days of delivery no policy refuses a consumer, asks for evidence, or charges a fee."""
    filed = (DELIVERED + timedelta(days=after)).isoformat()
    asked = ask(kind, reason="too_small", evidence_overdue=overdue)
    found = judged(order(returns_on_order=3), asked, on=filed, by=by, method="printed_label")
    assert found.lines[0].decision in {"accepted", "needs_review"}
    assert found.lines[0].basis == "statutory"
    assert "refund" in found.lines[0].outcomes
    assert found.fees == ()


@given(by=policies(), after=st.integers(0, 729), kind=st.sampled_from(["damaged", "defective", "wrong_item"]))
def test_no_policy_takes_the_sellers_liability(by: Any, after: int, kind: str) -> None:
    """For two years after delivery no policy refuses a claim for what was delivered wrong or broken."""
    filed = (DELIVERED + timedelta(days=after)).isoformat()
    assert one(order(), ask(kind), on=filed, by=by).decision != "refused"
    assert one(order(), ask(kind, evidence_overdue=True), on=filed, by=by).decision in {"accepted", "needs_review"}


@given(by=policies(), after=st.integers(0, 900), kind=st.sampled_from(KINDS), delivered=st.booleans())
def test_every_refusal_is_explained(by: Any, after: int, kind: str, delivered: bool) -> None:
    """What is not accepted has a reason in every language; what is too late names the last day as it is read there."""
    filed = (DELIVERED + timedelta(days=after)).isoformat()
    found = one(order() if delivered else order(None), ask(kind), on=filed, by=by)
    assert (found.decision == "accepted") == (not found.reasons)
    for why in found.reasons:
        assert all(why.reason(language).text for language in LANGUAGES)
        if why.code in {"window_over", "liability_over"}:
            assert found.last_day is not None
            assert long_date(found.last_day, "tr") in why.text["tr"]
            assert long_date(found.last_day, "de") in why.text["de"]


@given(by=policies(), after=st.integers(0, 90), kind=st.sampled_from(["withdrawal", "voluntary"]))
def test_time_never_opens_a_window_again(by: Any, after: int, kind: str) -> None:
    """A request that is too late today is too late tomorrow."""
    filed = DELIVERED + timedelta(days=after)
    today, tomorrow = (
        one(order(), ask(kind), on=(filed + timedelta(days=more)).isoformat(), by=by).trace[1].code == "window_over"
        for more in (0, 1)
    )
    assert tomorrow >= today


@given(left=st.integers(0, 5), asked=st.lists(st.integers(1, 4), min_size=1, max_size=4))
def test_no_more_units_are_let_through_than_are_left(left: int, asked: list[int]) -> None:
    """However a request is cut into lines, the units that are not refused are never more than were left."""
    facts = order(lines=(line(quantity=5, left=left, total=50000),))
    found = judged(facts, *(ask(quantity=quantity) for quantity in asked))
    assert sum(one.quantity for one in found.lines if one.decision != "refused") <= left


@given(by=policies(), kind=st.sampled_from(KINDS), after=st.integers(0, 60))
def test_the_same_facts_give_the_same_decision(by: Any, kind: str, after: int) -> None:
    """A decision depends on nothing but what it is given."""
    filed = (DELIVERED + timedelta(days=after)).isoformat()
    assert judged(order(), ask(kind), on=filed, by=by) == judged(order(), ask(kind), on=filed, by=by)
