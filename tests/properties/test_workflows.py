"""What holds on any walk through any shipped workflow, whatever the facts and whoever acts."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import product
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rma.domain.definition import Definition
from rma.domain.engine import Step, allowed, follow, replay, step
from rma.domain.events import TYPES
from rma.domain.facts import CaseFacts, Facts, LineNumbers, ParcelFacts, RefundFacts, ReplacementFacts
from rma.domain.vocabulary import EFFECTS, ROLES
from rma.errors import Refused
from tests.support.workflows import SHIPPED

FIELDS = ("reason", "score", "expected_total", "transfer_id", "outcome", "proof", "sku")
PARCELS = ("requested", "label_ready", "handed_over", "in_transit", "delivered", "counted", "expired", "lost", "void")


@st.composite
def numbers(draw: st.DrawFn) -> LineNumbers:
    """Numbers of a line as they can be: never more received than expected, nor more judged than received."""
    requested = draw(st.integers(1, 3))
    expected = draw(st.integers(0, requested))
    received = draw(st.integers(0, expected))
    accepted = draw(st.integers(0, received))
    return LineNumbers(
        requested=requested,
        expected=expected,
        received=received,
        missing=draw(st.integers(0, expected - received)),
        accepted=accepted,
        rejected=draw(st.integers(0, received - accepted)),
    )


FACTS: dict[str, st.SearchStrategy[Any]] = {
    "return": st.builds(
        CaseFacts,
        assessment=st.sampled_from(["accepted", "awaiting_evidence", "in_review", "declined"]),
        statutory=st.booleans(),
        withdrawal=st.booleans(),
        cancel_consent=st.booleans(),
        reopened=st.booleans(),
        lines=st.lists(numbers(), min_size=1, max_size=3).map(tuple),
        units_held_by=st.sampled_from([(), ("RMA-1",)]),
        inbound=st.lists(st.sampled_from(PARCELS), max_size=2).map(tuple),
        send_back_over=st.booleans(),
        money_moved=st.booleans(),
        children_open=st.integers(0, 2),
    ),
    "parcel": st.builds(
        ParcelFacts,
        direction=st.sampled_from(["inbound", "outbound"]),
        method=st.sampled_from(["printed_label", "own_carrier", "send_back"]),
    ),
    "refund": st.builds(
        RefundFacts,
        part_paid=st.booleans(),
        transfers=st.lists(
            st.sampled_from(["pending", "sending", "succeeded", "failed", "unknown"]), min_size=1, max_size=3
        ).map(tuple),
        total_as_shown=st.booleans(),
        approver_named=st.booleans(),
        independent=st.booleans(),
        approvals=st.integers(1, 2),
        approvals_needed=st.integers(1, 2),
        within_caps=st.booleans(),
        auto_approvable=st.booleans(),
        redirected=st.booleans(),
        redirect_consented=st.booleans(),
        can_ask=st.booleans(),
        resolutions=st.integers(1, 2),
    ),
    "replacement": st.builds(
        ReplacementFacts, goods_secured=st.booleans(), amount_due=st.booleans(), in_stock=st.booleans()
    ),
}
MACHINES = st.sampled_from(sorted(SHIPPED))


@st.composite
def moments(draw: st.DrawFn) -> tuple[Definition, str, str, Facts]:
    """A workflow, one of its states, a role and facts."""
    name = draw(MACHINES)
    definition = SHIPPED[name]
    return (
        definition,
        draw(st.sampled_from(sorted(definition.states))),
        draw(st.sampled_from(sorted(ROLES))),
        draw(FACTS[definition.machine]),
    )


def walk(data: st.DataObject, definition: Definition, length: int) -> list[Step]:
    """A random walk: at each turn any role fires anything that it may, on facts of that moment."""
    steps: list[Step] = []
    state = definition.initial
    for _ in range(length):
        facts = data.draw(FACTS[definition.machine])
        ways = sorted(
            {(role, trigger) for role in ROLES for trigger in allowed(definition, state, role=role, facts=facts)}
        )
        if ways:
            role, trigger = data.draw(st.sampled_from(ways))
            steps.append(step(definition, state, trigger, role=role, facts=facts, body_fields=FIELDS))
            state = steps[-1].target
    return steps


@given(data=st.data(), name=MACHINES)
def test_a_walk_stays_among_declared_states_and_replays(data: st.DataObject, name: str) -> None:
    """Steps join up in declared states, name known effects and events, and their log leads to the same state again."""
    definition = SHIPPED[name]
    steps = walk(data, definition, 12)
    states = [definition.initial, *(taken.target for taken in steps)]
    assert [taken.source for taken in steps] == states[:-1]
    assert set(states) <= set(definition.states)
    assert all(taken.event in TYPES and set(taken.effects) <= set(EFFECTS) for taken in steps)
    assert replay(definition, [(taken.trigger, taken.target) for taken in steps]) == states[-1]


@given(moments())
def test_allowed_is_exactly_what_can_be_fired(moment: tuple[Definition, str, str, Facts]) -> None:
    """A trigger is in the list of what is allowed if and only if firing it succeeds; a refusal always says why."""
    definition, state, role, facts = moment
    listed = allowed(definition, state, role=role, facts=facts)
    for trigger in {row.trigger for row in definition.transitions} - set(listed):
        with pytest.raises(Refused) as caught:
            step(definition, state, trigger, role=role, facts=facts, body_fields=FIELDS)
        assert caught.value.reasons
        assert all(reason.code and reason.text for reason in caught.value.reasons)
        assert caught.value.allowed == listed
    for trigger in listed:
        planned = step(definition, state, trigger, role=role, facts=facts, body_fields=FIELDS)
        assert (planned.trigger, planned.source) == (trigger, state)


@given(moments())
def test_what_follows_by_itself_comes_to_rest(moment: tuple[Definition, str, str, Facts]) -> None:
    """With the facts held still, automatic steps never visit a state twice and end within as many steps as states."""
    definition, state, _, facts = moment
    skip: set[str] = set()
    visited = [state]
    while (taken := follow(definition, visited[-1], facts=facts, skip=skip)) is not None:
        if taken.source == taken.target:
            skip.add(taken.trigger)
        else:
            visited.append(taken.target)
        assert len(visited) <= len(definition.states)
    assert len(set(visited)) == len(visited)


@given(data=st.data())
def test_money_is_only_sent_after_an_approval_that_still_stands(data: st.DataObject) -> None:
    """On any walk of a refund, sending comes after freezing the amount, and after no revocation since."""
    frozen = False
    for taken in walk(data, SHIPPED["refund"], 14):
        for effect in taken.effects:
            kind = EFFECTS[effect].kind
            frozen = kind == "approval" or (frozen and kind != "revocation")
            assert frozen or kind != "money"


@given(data=st.data())
def test_nobody_leaves_unknown_by_sending_again(data: st.DataObject) -> None:
    """On any walk, what leaves the state unknown is the outcome of the transfers alone, and nothing is sent there."""
    taken_there = [taken for taken in walk(data, SHIPPED["refund"], 14) if taken.source == "unknown"]
    assert all("send_refund" not in taken.effects for taken in taken_there)
    assert {taken.trigger for taken in taken_there if taken.target != "unknown"} <= {"conclude"}


def _case_facts() -> Iterable[CaseFacts]:
    lines = [
        LineNumbers(requested=2, expected=2),
        LineNumbers(requested=2, expected=2, received=2),
        LineNumbers(requested=2, expected=2, received=2, accepted=2),
    ]
    for assessment, line, inbound in product(["accepted", "declined"], lines, [(), ("in_transit",), ("delivered",)]):
        yield CaseFacts(assessment=assessment, lines=(line,), inbound=inbound)  # type: ignore[arg-type]


def _refund_facts() -> Iterable[RefundFacts]:
    for transfers in [("pending",), ("succeeded",), ("failed",), ("unknown",), ("succeeded", "failed")]:
        yield RefundFacts(transfers=transfers, can_ask=False)  # type: ignore[arg-type]
    yield RefundFacts(part_paid=True, redirected=True, redirect_consented=True)


KIND_FACTS: dict[str, list[Facts]] = {
    "return": list(_case_facts()),
    "parcel": [ParcelFacts(), ParcelFacts(direction="outbound", method="send_back")],
    "refund": list(_refund_facts()),
    "replacement": [ReplacementFacts(goods_secured=True), ReplacementFacts(goods_secured=True, amount_due=True)],
}
"""For each workflow, facts as they are when people and providers do their part."""


def ways_on(definition: Definition, state: str, roles: Iterable[str]) -> set[str]:
    """The other states that these roles can bring about from here when everybody does their part."""
    found = set()
    for role, facts in product(roles, KIND_FACTS[definition.machine]):
        for trigger in allowed(definition, state, role=role, facts=facts):
            found.add(step(definition, state, trigger, role=role, facts=facts, body_fields=FIELDS).target)
    return found - {state}


@pytest.mark.parametrize("name", SHIPPED)
def test_no_state_is_a_trap(name: str) -> None:
    """From every state there is a way on to an end, by steps that the engine really takes, not only by arrows."""
    definition = SHIPPED[name]
    edges = {state: ways_on(definition, state, ROLES) for state in definition.states}
    ending = {state for state, body in definition.states.items() if body.final}
    while grown := {state for state, targets in edges.items() if targets & ending} - ending:
        ending |= grown
    assert ending == set(definition.states)


@given(data=st.data(), name=MACHINES)
def test_a_walk_is_never_stuck(data: st.DataObject, name: str) -> None:
    """Wherever a random walk has led, if that is no end, there is a way on."""
    definition = SHIPPED[name]
    steps = walk(data, definition, 8)
    state = steps[-1].target if steps else definition.initial
    assert definition.states[state].final or ways_on(definition, state, ROLES)


@given(
    facts=FACTS["return"],
    state=st.sampled_from(["in_review", "awaiting_evidence", "inspecting", "settling", "arrived"]),
)
def test_somebody_can_always_act_on_an_open_return(facts: CaseFacts, state: str) -> None:
    """Whatever the facts, an open case that waits for a person can be moved on by a person, not only by a clock."""
    persons = ("customer", "staff", "support", "warehouse")
    targets = {
        step(SHIPPED["return"], state, trigger, role=role, facts=facts, body_fields=FIELDS).target
        for role in persons
        for trigger in allowed(SHIPPED["return"], state, role=role, facts=facts)
    }
    assert targets - {state}
