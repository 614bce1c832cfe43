"""The shipped workflows do what their table says, row by row, and the page about them is current."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from rma.domain.drawing import draw
from rma.domain.engine import allowed, step
from rma.domain.events import TYPES
from rma.domain.facts import (
    FACTS,
    TRANSFER_MOVES,
    CaseFacts,
    Facts,
    LineNumbers,
    ParcelFacts,
    RefundFacts,
    ReplacementFacts,
)
from rma.domain.guard import Guard
from rma.domain.guards import GUARDS
from rma.domain.reference import refreshed, tables
from rma.domain.texts import LANGUAGES, Text
from rma.domain.vocabulary import EFFECTS, PARCEL_TRIGGERS, ROLES
from tests.support.workflows import SHIPPED

ANY_FIELDS = ("reason", "score", "expected_total", "transfer_id", "outcome", "proof", "sku")


def line(**numbers: int) -> tuple[LineNumbers, ...]:
    """One line of two requested units."""
    return (LineNumbers(requested=2, **numbers),)


AWAITED = CaseFacts(lines=line(expected=2))
SOME = CaseFacts(lines=line(expected=2, received=1))
SOME_JUDGED = CaseFacts(lines=line(expected=2, received=1, accepted=1))
ALL_JUDGED = CaseFacts(lines=line(expected=2, received=2, accepted=2))
GOODSLESS = CaseFacts(assessment="accepted", lines=line())

RETURN_ROWS: list[tuple[str, str, str, CaseFacts, str]] = [
    ("assess", "requested", "system", CaseFacts(assessment="declined"), "declined"),
    ("assess", "requested", "system", CaseFacts(assessment="in_review"), "in_review"),
    ("assess", "requested", "system", CaseFacts(assessment="awaiting_evidence"), "awaiting_evidence"),
    ("assess", "requested", "system", CaseFacts(assessment="accepted"), "approved"),
    ("proceed", "approved", "system", AWAITED, "awaiting_parcel"),
    ("proceed", "approved", "system", SOME, "inspecting"),
    ("proceed", "approved", "system", GOODSLESS, "settling"),
    ("proceed", "awaiting_parcel", "system", GOODSLESS, "settling"),
    ("await_goods", "settling", "system", AWAITED, "awaiting_parcel"),
    ("agree", "awaiting_evidence", "system", CaseFacts(assessment="accepted"), "approved"),
    ("agree", "in_review", "system", CaseFacts(assessment="accepted"), "approved"),
    ("submit_evidence", "awaiting_evidence", "customer", CaseFacts(assessment="accepted"), "approved"),
    ("submit_evidence", "awaiting_evidence", "staff", CaseFacts(assessment="in_review"), "in_review"),
    ("submit_evidence", "awaiting_evidence", "customer", CaseFacts(assessment="declined"), "declined"),
    (
        "submit_evidence",
        "awaiting_evidence",
        "customer",
        CaseFacts(assessment="awaiting_evidence"),
        "awaiting_evidence",
    ),
    ("lapse_evidence", "awaiting_evidence", "system", CaseFacts(), "declined"),
    ("lapse_evidence", "awaiting_evidence", "system", CaseFacts(statutory=True), "in_review"),
    ("approve", "in_review", "support", ALL_JUDGED, "settling"),
    ("approve", "in_review", "support", SOME, "inspecting"),
    ("approve", "in_review", "support", AWAITED, "awaiting_parcel"),
    ("waive_goods", "in_review", "support", AWAITED, "settling"),
    ("decline", "in_review", "support", AWAITED, "declined"),
    ("decline", "awaiting_evidence", "support", AWAITED, "declined"),
    ("ask_customer", "in_review", "support", AWAITED, "awaiting_evidence"),
    ("hand_over", "awaiting_parcel", "carrier", AWAITED, "in_transit"),
    ("arrive", "awaiting_parcel", "carrier", AWAITED, "arrived"),
    ("arrive", "in_transit", "warehouse", AWAITED, "arrived"),
    *[
        ("receive", state, "warehouse", SOME, "inspecting")
        for state in ("awaiting_parcel", "in_transit", "arrived", "inspecting", "settling")
    ],
    *[
        ("receive", state, "warehouse", SOME, "in_review")
        for state in ("cancelled", "expired", "declined", "closed", "settled", "awaiting_feedback", "in_review")
    ],
    ("undo_receipt", "inspecting", "warehouse", SOME, "inspecting"),
    ("undo_receipt", "inspecting", "warehouse", AWAITED, "awaiting_parcel"),
    ("undo_receipt", "settling", "warehouse", CaseFacts(lines=AWAITED.lines, inbound=("delivered",)), "arrived"),
    ("inspect", "inspecting", "warehouse", SOME, "inspecting"),
    ("inspect", "inspecting", "warehouse", SOME_JUDGED, "settling"),
    ("inspect", "settling", "warehouse", SOME, "settling"),
    ("proceed", "inspecting", "system", SOME_JUDGED, "settling"),
    *[
        ("dispute", state, role, ALL_JUDGED, "in_review")
        for state in ("inspecting", "settling", "settled")
        for role in ("warehouse", "customer", "support")
    ],
    ("dispute", "in_transit", "system", AWAITED, "in_review"),
    ("settle", "settling", "system", ALL_JUDGED, "settled"),
    ("ask_feedback", "settled", "system", ALL_JUDGED, "awaiting_feedback"),
    ("give_feedback", "awaiting_feedback", "customer", ALL_JUDGED, "closed"),
    ("close", "awaiting_feedback", "system", ALL_JUDGED, "closed"),
    *[
        ("cancel", state, "customer", AWAITED, "cancelled")
        for state in ("in_review", "awaiting_evidence", "awaiting_parcel", "in_transit", "arrived")
    ],
    ("expire", "awaiting_parcel", "system", AWAITED, "expired"),
    ("expire", "awaiting_parcel", "system", CaseFacts(lines=line(expected=1, accepted=1, waived=1)), "settling"),
    ("expire", "inspecting", "system", SOME, "inspecting"),
    ("stop_expecting", "settling", "system", CaseFacts(lines=SOME_JUDGED.lines, send_back_over=True), "settling"),
    *[
        (trigger, state, role, CaseFacts(), "in_review")
        for trigger in ("appeal", "reopen")
        for state in ("declined", "expired", "cancelled", "settled", "closed")
        for role in ("customer", "support")
    ],
]


@pytest.mark.parametrize(("trigger", "source", "role", "facts", "target"), RETURN_ROWS)
def test_the_table_of_a_return(trigger: str, source: str, role: str, facts: CaseFacts, target: str) -> None:
    """Each trigger leads from its states, for its roles and on its facts, where the table says."""
    planned = step(SHIPPED["return"], source, trigger, role=role, facts=facts, body_fields=ANY_FIELDS)
    assert planned.target == target


def test_the_table_names_every_trigger_of_a_return() -> None:
    """No trigger of the file is left out above."""
    assert {row.trigger for row in SHIPPED["return"].transitions} == {trigger for trigger, *_ in RETURN_ROWS}


def test_settling_waits_for_goods_judgement_and_children() -> None:
    """A return is settled only when nothing is awaited, all is judged and every child has ended."""
    open_ends = [SOME_JUDGED, CaseFacts(lines=line(expected=2, received=2)), CaseFacts(children_open=1)]
    assert ["settle" in allowed(SHIPPED["return"], "settling", role="system", facts=f) for f in open_ends] == [
        False
    ] * 3


def test_the_rest_stays_expected_while_a_parcel_is_on_its_way() -> None:
    """The end of the time to send goods touches neither a parcel on its way nor one that waits to be counted."""
    for state in ("handed_over", "in_transit", "delivered"):
        facts = CaseFacts(lines=SOME.lines, inbound=("counted", state), send_back_over=True)
        fired = allowed(SHIPPED["return"], "inspecting", role="system", facts=facts)
        assert not {"expire", "stop_expecting"} & set(fired)


CHILD_ROWS: list[tuple[str, str, str, str, Facts, str]] = [  # machine, trigger, source, role, facts, target
    ("parcel", "issue", "requested", "carrier", ParcelFacts(), "label_ready"),
    ("parcel", "refuse_label", "requested", "carrier", ParcelFacts(), "void"),
    ("parcel", "hand_over", "label_ready", "carrier", ParcelFacts(), "handed_over"),
    ("parcel", "hand_over", "requested", "customer", ParcelFacts(method="own_carrier"), "handed_over"),
    ("parcel", "move", "handed_over", "carrier", ParcelFacts(), "in_transit"),
    ("parcel", "deliver", "in_transit", "carrier", ParcelFacts(), "delivered"),
    ("parcel", "count", "delivered", "warehouse", ParcelFacts(), "counted"),
    ("parcel", "undo_count", "counted", "warehouse", ParcelFacts(), "delivered"),
    ("parcel", "expire", "label_ready", "system", ParcelFacts(), "expired"),
    ("parcel", "reissue", "expired", "customer", ParcelFacts(), "requested"),
    ("parcel", "lose", "in_transit", "carrier", ParcelFacts(), "lost"),
    ("parcel", "deliver", "lost", "carrier", ParcelFacts(), "delivered"),
    ("parcel", "void", "label_ready", "staff", ParcelFacts(), "void"),
    ("refund", "auto_approve", "proposed", "system", RefundFacts(auto_approvable=True), "approved"),
    ("refund", "approve", "proposed", "finance", RefundFacts(), "approved"),
    ("refund", "approve", "proposed", "finance", RefundFacts(approvals_needed=2), "proposed"),
    ("refund", "refuse", "proposed", "finance", RefundFacts(), "refused"),
    ("refund", "withdraw", "proposed", "system", RefundFacts(), "refused"),
    ("refund", "send", "approved", "system", RefundFacts(), "sending"),
    ("refund", "conclude", "sending", "system", RefundFacts(transfers=("succeeded", "succeeded")), "succeeded"),
    ("refund", "conclude", "sending", "system", RefundFacts(transfers=("succeeded", "failed")), "partly_succeeded"),
    ("refund", "conclude", "sending", "system", RefundFacts(transfers=("failed",)), "failed"),
    ("refund", "conclude", "sending", "system", RefundFacts(transfers=("failed", "unknown")), "unknown"),
    ("refund", "conclude", "unknown", "system", RefundFacts(transfers=("failed", "succeeded")), "partly_succeeded"),
    ("refund", "conclude", "failed", "system", RefundFacts(transfers=("succeeded",)), "succeeded"),
    ("refund", "conclude", "sending", "system", RefundFacts(waiting=1, transfers=("succeeded",)), "awaiting_payout"),
    ("refund", "conclude", "partly_succeeded", "system", RefundFacts(waiting=1), "awaiting_payout"),
    ("refund", "give_payout", "awaiting_payout", "customer", RefundFacts(), "sending"),
    ("refund", "retry", "failed", "finance", RefundFacts(), "sending"),
    (
        "refund",
        "retry",
        "partly_succeeded",
        "finance",
        RefundFacts(redirected=True, redirect_consented=True),
        "proposed",
    ),
    ("refund", "reconcile", "unknown", "finance", RefundFacts(), "unknown"),
    ("refund", "resolve", "unknown", "finance", RefundFacts(can_ask=False), "unknown"),
    ("replacement", "order", "reserved", "system", ReplacementFacts(goods_secured=True), "ordered"),
    (
        "replacement",
        "order",
        "reserved",
        "staff",
        ReplacementFacts(goods_secured=True, amount_due=True),
        "awaiting_payment",
    ),
    ("replacement", "await_goods", "awaiting_payment", "system", ReplacementFacts(), "reserved"),
    ("replacement", "pay", "awaiting_payment", "provider", ReplacementFacts(), "ordered"),
    ("replacement", "ship", "ordered", "integrator", ReplacementFacts(), "shipped"),
    ("replacement", "deliver", "shipped", "carrier", ReplacementFacts(), "delivered"),
    ("replacement", "out_of_stock", "ordered", "provider", ReplacementFacts(), "out_of_stock"),
    ("replacement", "change_variant", "out_of_stock", "customer", ReplacementFacts(), "reserved"),
    ("replacement", "release", "awaiting_payment", "system", ReplacementFacts(), "released"),
]


@pytest.mark.parametrize("row", CHILD_ROWS, ids=lambda row: f"{row[0]}-{row[1]}-{row[2]}-{row[5]}")
def test_the_tables_of_the_children(row: tuple[str, str, str, str, Facts, str]) -> None:
    """Parcels, refunds and replacements move as their tables say."""
    machine, trigger, source, role, facts, target = row
    planned = step(SHIPPED[machine], source, trigger, role=role, facts=facts, body_fields=ANY_FIELDS)
    assert planned.target == target


def test_the_tables_name_every_trigger_of_the_children() -> None:
    """No trigger of the children's files is left out above."""
    written = {(name, row.trigger) for name, d in SHIPPED.items() if name != "return" for row in d.transitions}
    assert written == {(machine, trigger) for machine, trigger, *_ in CHILD_ROWS}


@pytest.mark.parametrize("transfers", [("pending",), ("succeeded", "sending"), ("unknown", "pending")])
def test_a_refund_does_not_conclude_while_a_transfer_is_open(transfers: tuple[str, ...]) -> None:
    """A state is derived only when every transfer has an outcome, be it an unknown one."""
    facts = RefundFacts(transfers=transfers)  # type: ignore[arg-type]
    assert "conclude" not in allowed(SHIPPED["refund"], "sending", role="system", facts=facts)


def test_an_unknown_transfer_is_never_sent_again() -> None:
    """From unknown nobody can retry, whatever the facts: the provider is asked, or two people resolve it with proof."""
    assert set(allowed(SHIPPED["refund"], "unknown", role="finance", facts=RefundFacts())) == {"reconcile"}
    assert "pending" not in TRANSFER_MOVES["unknown"]
    assert TRANSFER_MOVES["succeeded"] == frozenset()


def test_every_status_of_a_carrier_has_its_trigger() -> None:
    """What a carrier may report fires a trigger of the parcel that leads to the state of that name."""
    rows = SHIPPED["parcel"].transitions
    assert {s for s, t in PARCEL_TRIGGERS.items() if any(r.trigger == t and r.to == s for r in rows)} == {
        *PARCEL_TRIGGERS
    }


def _whole(words: Text) -> bool:
    return set(words) == set(LANGUAGES) and all(word.strip() for word in words.values())


def test_every_label_speaks_every_language() -> None:
    """Titles and labels are there in Turkish, English and German, and no two states of a workflow share one."""
    for definition in SHIPPED.values():
        assert _whole(definition.title)
        assert all(_whole(state.label) for state in definition.states.values())
        for language in LANGUAGES:
            labels = [state.label[language] for state in definition.states.values()]
            assert len(set(labels)) == len(labels)


REFUSING: tuple[Facts, ...] = (
    CaseFacts(
        lines=line(expected=2, received=1), withdrawal=True, money_moved=True, children_open=1, inbound=("delivered",)
    ),
    CaseFacts(lines=(), units_held_by=("A",), assessment="accepted"),
    CaseFacts(assessment="declined"),
    ParcelFacts(direction="outbound"),
    RefundFacts(
        total_as_shown=False, approver_named=False, independent=False, approvals=0, within_caps=False, redirected=True
    ),
    RefundFacts(part_paid=True, waiting=1),
    RefundFacts(),
    ReplacementFacts(in_stock=False, amount_due=True),
    ReplacementFacts(),
    ReplacementFacts(goods_secured=True),
)


@pytest.mark.parametrize("guard", GUARDS.values(), ids=lambda guard: guard.name)
def test_every_guard_refuses_in_every_language(guard: Guard) -> None:
    """Each guard can refuse, with a code and with words in Turkish, English and German."""
    verdicts = [guard.check(facts) for facts in REFUSING if type(facts) is FACTS[guard.machine]]
    refusals = [verdict for verdict in verdicts if not verdict.passed]
    assert refusals
    assert all(verdict.code and _whole(verdict.text) for verdict in refusals)


def test_every_guard_and_effect_is_used_by_a_shipped_workflow() -> None:
    """The vocabulary holds nothing that nobody speaks, and every role may do something."""
    rows = [row for definition in SHIPPED.values() for row in definition.transitions]
    assert {name for row in rows for name in row.when} == set(GUARDS)
    assert {name for row in rows for name in row.then} == set(EFFECTS)
    assert {role for row in rows for role in row.by} == set(ROLES)


def test_the_page_about_workflows_is_current(checkout: Path) -> None:
    """The tables of workflows/README.md are those of the registries; the page says how to write them anew."""
    page = (checkout / "workflows" / "README.md").read_text(encoding="utf-8")
    assert refreshed(page) == page
    assert all(name in tables()["events"] for name in TYPES)


def test_a_page_without_a_place_for_a_table_is_refused() -> None:
    """A table that was deleted from the page is missed."""
    with pytest.raises(ValueError, match="no place for 'roles'"):
        refreshed("# Workflows\n")


@pytest.mark.parametrize("name", SHIPPED)
def test_a_drawing_shows_every_state_and_every_trigger(name: str) -> None:
    """The picture holds each state by its label, each arrow's trigger, the beginning, the ends and the deadlines."""
    definition = SHIPPED[name]
    drawn = draw(definition, "tr")
    assert drawn.startswith("stateDiagram-v2\n")
    assert f"[*] --> {definition.initial}" in drawn
    for state in definition.states.values():
        assert f'state "{state.label["tr"]}" as {state.name}' in drawn
        assert (f"{state.name} --> [*]" in drawn) == state.final
    for row in definition.transitions:
        for source in row.sources:
            arrow = rf"{source} --> {row.target(source)}: .*\b{row.trigger} \("
            assert re.search(arrow, drawn)
    assert all(deadline.name in drawn for deadline in definition.deadlines)
