"""Each static check finds what it is for, and the shipped workflows pass them all."""

from __future__ import annotations

import pytest

from rma.domain.checks import check
from rma.domain.definition import Definition
from tests.support.workflows import SHIPPED, small

STATE = """
[states.{name}]
label = {{ tr = "Ek", en = "More", de = "Mehr" }}
waits_for = "{waits_for}"
"""
ROW = """
[[transitions]]
trigger = "{trigger}"
from = "{source}"
to = "{to}"
by = "{by}"
"""


def found(definition: Definition) -> set[tuple[str, str]]:
    """Path and code of each fault."""
    return {(fault.path, fault.code) for fault in check(definition)}


@pytest.mark.parametrize("name", ["return", "parcel", "refund", "replacement"])
def test_shipped_workflows_may_be_published(name: str) -> None:
    """Every shipped workflow passes every check."""
    assert check(SHIPPED[name]) == []


def test_the_small_workflow_passes() -> None:
    """What the tests below break is whole before."""
    assert check(small()) == []


@pytest.mark.parametrize(
    ("old", "new", "path"),
    [
        ('machine = "refund"', 'machine = "coffee"', "machine"),
        ('initial = "proposed"', 'initial = "begun"', "initial"),
        ('initial = "proposed"', 'initial = "proposed"\nevent = "refund.begun"', "event"),
        ('waits_for = "finance"', 'waits_for = "godot"', "states.proposed.waits_for"),
        ('from = "approved"', 'from = ["approved", "paid"]', "transitions[1].from"),
        ('to = "succeeded"', 'to = "paid"', "transitions[1].to"),
        ('by = "system"', 'by = ["system", "king"]', "transitions[1].by"),
        ('"approver_named", ', '"approver_named", "approver_tall", ', "transitions[0].when"),
        ('"approver_named", ', '"approver_named", "goods_all_here", ', "transitions[0].when"),
        ('then = ["send_refund"]', 'then = ["send_refund", "send_flowers"]', "transitions[1].then"),
        ('then = ["send_refund"]', 'then = ["send_refund", "issue_label"]', "transitions[1].then"),
        ('trigger = "send"', 'trigger = "send"\nevent = "refund.sent"', "transitions[1].event"),
        ('in = "proposed"', 'in = "paid"', "deadlines[0].in"),
        ('after = "policy.promise_days"', 'after = "policy.patience"', "deadlines[0].after"),
        ('after = "policy.promise_days"', 'after = "P1M"', "deadlines[0].after"),
        ('fire = "none"', 'fire = "remind"', "deadlines[0].fire"),
        ('fire = "none"', 'fire = "approve"', "deadlines[0].fire"),
    ],
)
def test_an_unknown_name_is_found(old: str, new: str, path: str) -> None:
    """States, roles, guards, effects, events and deadline fields must exist, and for this machine; system fires."""
    assert (path, "unknown") in found(small((old, new)))


@pytest.mark.parametrize(
    ("old", "new", "path", "code"),
    [
        ('from = "approved"', "from = []", "transitions[1].from", "empty"),
        ('by = "system"', "by = []", "transitions[1].by", "empty"),
        ('in = "proposed"', "in = []", "deadlines[0].in", "empty"),
        ('after = "policy.promise_days"', "after = []", "deadlines[0].after", "empty"),
        ('\nwhy = "Only a person approves."', "", "deadlines[0].why", "missing"),
    ],
)
def test_an_empty_place_is_found(old: str, new: str, path: str, code: str) -> None:
    """Transitions start somewhere and belong to somebody; deadlines run somewhere and say why they fire nothing."""
    assert (path, code) in found(small((old, new)))


def test_a_default_event_must_exist_too() -> None:
    """A state without an event of its name needs a row that names one."""
    more = STATE.format(name="resting", waits_for="nobody")
    rows = ROW.format(trigger="rest", source="proposed", to="resting", by="support")
    assert ("transitions[2].event", "unknown") in found(small(add=more + rows))


def test_two_deadlines_of_one_name_are_found() -> None:
    """A deadline is known by its name."""
    twin = '\n[[deadlines]]\nin = "proposed"\nname = "approval"\nafter = "P5D"\nfire = "none"\nwhy = "Again."\n'
    assert found(small(add=twin)) == {("deadlines[1].name", "twice")}


def test_an_unreachable_state_is_found() -> None:
    """A state that no path leads to is a mistake."""
    more = STATE.format(name="failed", waits_for="nobody")
    row = ROW.format(trigger="give_up", source="failed", to="succeeded", by="system")
    assert found(small(add=more + row)) == {("states.failed", "unreachable")}


def test_a_dead_end_is_found() -> None:
    """A state from which no final one can be reached is a mistake."""
    more = STATE.format(name="failed", waits_for="nobody")
    row = ROW.format(trigger="break_down", source="approved", to="failed", by="provider")
    assert found(small(add=more + row)) == {("states.failed", "dead_end")}


def test_a_circle_without_an_end_is_a_dead_end() -> None:
    """Two states that only lead to each other are dead ends, both of them."""
    more = STATE.format(name="failed", waits_for="nobody") + STATE.format(name="unknown", waits_for="nobody")
    rows = "".join(
        ROW.format(trigger=trigger, source=source, to=to, by="provider")
        for trigger, source, to in [
            ("break_down", "approved", "failed"),
            ("doubt", "failed", "unknown"),
            ("deny", "unknown", "failed"),
        ]
    )
    assert found(small(add=more + rows)) == {("states.failed", "dead_end"), ("states.unknown", "dead_end")}


def test_a_workflow_without_an_end_is_found() -> None:
    """Something must be final."""
    assert found(small(("final = true", "final = false"))) == {("states", "no_end")}


def test_a_person_without_a_deadline_is_found() -> None:
    """Who waits for a person sets a deadline that acts, or says why not."""
    elsewhere = small(('in = "proposed"', 'in = "approved"'))
    assert found(elsewhere) == {("states.proposed", "no_deadline")}
    excused = small(
        ('in = "proposed"', 'in = "approved"'), ('waits_for = "finance"', 'waits_for = "finance"\nwhy = "So."')
    )
    assert found(excused) == set()


def test_a_deadline_that_does_nothing_in_a_state_does_not_count() -> None:
    """A deadline over several states serves only those in which its trigger exists."""
    fires = small(('in = "proposed"', 'in = ["proposed", "approved"]'), ('fire = "none"', 'fire = "send"'))
    assert ("states.proposed", "no_deadline") in found(fires)


def test_money_without_approval_is_found() -> None:
    """Money that can move before an approval, on any path, is found."""
    assert found(small(('then = ["freeze_amount"]', "then = []"))) == {("transitions[1].then", "no_approval")}
    shortcut = ROW.format(trigger="hurry", source="proposed", to="approved", by="support")
    assert found(small(add=shortcut)) == {("transitions[1].then", "no_approval")}


def test_approval_and_money_in_one_row_must_stand_in_that_order() -> None:
    """A row may approve and then pay; it may not pay and then approve, nor approve, revoke and pay."""
    ordered = small(('then = ["freeze_amount"]', 'then = ["freeze_amount", "send_refund"]'))
    assert found(ordered) == set()
    hasty = small(('then = ["freeze_amount"]', 'then = ["send_refund", "freeze_amount"]'))
    assert found(hasty) == {("transitions[0].then", "no_approval")}
    undone = small(('then = ["freeze_amount"]', 'then = ["freeze_amount", "drop_approvals", "send_refund"]'))
    assert ("transitions[0].then", "no_approval") in found(undone)


def test_money_after_a_revoked_approval_is_found() -> None:
    """Where approvals were taken back, money needs a new one."""
    back = (
        ROW.format(trigger="withdraw", source="approved", to="approved", by="support") + 'then = ["drop_approvals"]\n'
    )
    assert found(small(add=back)) == {("transitions[1].then", "no_approval")}


@pytest.mark.parametrize(
    ("old", "new", "path", "code"),
    [
        ('by = "finance"', 'by = ["finance", "support"]', "transitions[0].by", "no_approver"),
        ('"approver_independent", ', "", "transitions[0].when", "no_second_person"),
        (', "approvals_complete"', "", "transitions[0].when", "no_second_person"),
        ('by = "finance"', 'by = ["finance", "system"]', "transitions[0].when", "no_limit"),
    ],
)
def test_an_approval_that_anybody_could_give_is_found(old: str, new: str, path: str, code: str) -> None:
    """Finance approves, named and independent and two where needed; system approves only below the limit."""
    assert (path, code) in found(small((old, new)))


def test_indistinguishable_rows_are_found() -> None:
    """A row that an earlier one always hides for a role in a state is found; other roles or guards tell rows apart."""
    same = ROW.format(trigger="send", source="approved", to="proposed", by="system")
    assert found(small(add=same)) == {("transitions[2]", "indistinguishable")}
    narrower = same + 'when = ["within_caps"]\n'
    assert ("transitions[2]", "indistinguishable") in found(small(add=narrower))
    other_role = ROW.format(trigger="send", source="approved", to="proposed", by="support")
    assert found(small(add=other_role)) == set()
    wider = small(('then = ["send_refund"]', 'then = ["send_refund"]\nwhen = ["within_caps"]'))
    assert check(wider) == []


def test_automatic_rows_that_never_rest_are_found() -> None:
    """The engine's own steps may not go in a circle, nor stay without making themselves untrue."""
    circle = ROW.format(trigger="back", source="approved", to="proposed", by="system") + 'when = ["transfers_failed"]\n'
    onward = ROW.format(trigger="onward", source="proposed", to="approved", by="system") + (
        'when = ["auto_approvable"]\nthen = ["freeze_amount"]\n'
    )
    assert found(small(add=circle + onward)) == {("states.proposed", "runaway"), ("states.approved", "runaway")}
    stays = ROW.format(trigger="spin", source="approved", to="=", by="system")
    assert found(small(add=stays)) == {("transitions[2]", "runaway")}
