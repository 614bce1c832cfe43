"""Stepping through a workflow: which row wins, why not, what is allowed, what follows by itself."""

from __future__ import annotations

import pytest

from rma.domain.engine import allowed, follow, replay, step
from rma.domain.facts import CaseFacts, LineNumbers, ParcelFacts, RefundFacts, ReplacementFacts
from rma.errors import Invalid, Refused
from tests.support.workflows import SHIPPED, small

RETURN, PARCEL, REFUND = SHIPPED["return"], SHIPPED["parcel"], SHIPPED["refund"]
AWAITED = CaseFacts(lines=(LineNumbers(requested=2, expected=2),))
PARTLY = CaseFacts(lines=(LineNumbers(requested=2, expected=2, received=1),))
HERE = CaseFacts(lines=(LineNumbers(requested=2, expected=2, received=2, accepted=1, rejected=1),))


def test_the_first_row_that_fits_wins() -> None:
    """Approving goes where the facts say: settling when all is here, inspecting when some is, else to wait."""
    targets = [step(RETURN, "in_review", "approve", role="support", facts=f).target for f in (HERE, PARTLY, AWAITED)]
    assert targets == ["settling", "inspecting", "awaiting_parcel"]


def test_a_step_says_what_to_write_and_what_follows() -> None:
    """A step holds machine, source, target, event and effects in order."""
    planned = step(REFUND, "proposed", "approve", role="finance", facts=RefundFacts(), body_fields=["expected_total"])
    assert (planned.machine, planned.source, planned.target) == ("refund", "proposed", "approved")
    assert planned.event == "refund.approved"
    assert planned.effects == ("record_approval", "freeze_amount")


def test_a_row_that_stays_keeps_the_state() -> None:
    """The first of two approvals is recorded and the refund stays proposed."""
    facts = RefundFacts(approvals=1, approvals_needed=2)
    planned = step(REFUND, "proposed", "approve", role="finance", facts=facts, body_fields=["expected_total"])
    assert (planned.target, planned.effects) == ("proposed", ("record_approval",))


def test_a_wrong_state_is_refused_with_what_is_allowed() -> None:
    """A trigger without a row in this state is refused in words, with what this role may do instead."""
    with pytest.raises(Refused) as caught:
        step(RETURN, "closed", "cancel", role="customer", facts=CaseFacts())
    assert [reason.code for reason in caught.value.reasons] == ["wrong_state"]
    assert "“Closed”" in caught.value.reasons[0].text
    assert caught.value.allowed == ("appeal", "reopen")


def test_a_wrong_role_is_refused() -> None:
    """A trigger that exists here for somebody else is refused as such."""
    with pytest.raises(Refused) as caught:
        step(RETURN, "in_review", "approve", role="customer", facts=CaseFacts())
    assert [reason.code for reason in caught.value.reasons] == ["wrong_role"]


def test_a_guard_refuses_with_its_reason_in_the_readers_language() -> None:
    """The reason names the guard, its code and a text in the language asked for."""
    with pytest.raises(Refused) as caught:
        step(RETURN, "inspecting", "cancel", role="customer", facts=PARTLY, language="tr-TR")
    (reason,) = caught.value.reasons
    assert (reason.rule, reason.code) == ("nothing_received", "nothing_received")
    assert reason.text == "Ürün teslim alındığı için iade artık iptal edilemez."
    assert caught.value.allowed == ("dispute",)


def test_every_rule_that_forbids_is_named_once() -> None:
    """All rules that stand in the way are told, each once, and facts that only tell rows apart are left out."""
    facts = RefundFacts(total_as_shown=False, independent=False, within_caps=False, approvals=1, approvals_needed=2)
    with pytest.raises(Refused) as caught:
        step(REFUND, "proposed", "approve", role="finance", facts=facts, body_fields=["expected_total"])
    assert [r.rule for r in caught.value.reasons] == ["total_as_shown", "approver_independent", "within_caps"]


def test_the_refusal_to_reopen_names_the_return_that_holds_the_units() -> None:
    """Units held elsewhere are named by the return that holds them."""
    with pytest.raises(Refused, match="RMA-7K2M") as caught:
        step(RETURN, "expired", "reopen", role="customer", facts=CaseFacts(units_held_by=("RMA-7K2M",)))
    assert caught.value.reasons[0].code == "units_held"


def test_an_exchange_that_is_out_of_stock_is_refused_with_the_alternatives() -> None:
    """S10: ordering what is not in stock is refused, and the text names another variant, a refund and credit."""
    facts = ReplacementFacts(goods_secured=True, in_stock=False)
    with pytest.raises(Refused, match="variant, a refund or store credit"):
        step(SHIPPED["replacement"], "reserved", "order", role="system", facts=facts)


def test_an_unknown_trigger_is_bad_input() -> None:
    """A trigger that the workflow does not know at all is an error of the request."""
    with pytest.raises(Invalid) as caught:
        step(RETURN, "in_review", "explode", role="support", facts=CaseFacts())
    assert [(fault.path, fault.code) for fault in caught.value.errors] == [("trigger", "unknown")]


def test_missing_body_fields_are_named() -> None:
    """Every required field that the body does not fill is named by its path."""
    with pytest.raises(Invalid) as caught:
        step(
            REFUND, "unknown", "resolve", role="finance", facts=RefundFacts(can_ask=False), body_fields=["outcome"]
        )  # fmt: skip
    assert [fault.path for fault in caught.value.errors] == ["transfer_id", "proof"]


def test_allowed_follows_role_and_facts() -> None:
    """Staff may cancel a declared withdrawal only with the customer's recorded consent."""
    facts = CaseFacts(withdrawal=True)
    assert "cancel" not in allowed(RETURN, "awaiting_parcel", role="staff", facts=facts)
    assert "cancel" in allowed(RETURN, "awaiting_parcel", role="customer", facts=facts)
    consented = CaseFacts(withdrawal=True, cancel_consent=True)
    assert "cancel" in allowed(RETURN, "awaiting_parcel", role="staff", facts=consented)


def test_follow_finds_the_automatic_step_or_nothing() -> None:
    """What the facts ask for follows by itself; nothing follows without cause, and what is skipped is not tried."""
    moving = CaseFacts(lines=AWAITED.lines, inbound=("label_ready", "in_transit"))
    followed = follow(RETURN, "awaiting_parcel", facts=moving)
    assert followed is not None
    assert (followed.trigger, followed.target) == ("hand_over", "in_transit")
    assert follow(RETURN, "awaiting_parcel", facts=AWAITED) is None
    assert follow(RETURN, "awaiting_parcel", facts=moving, skip={"hand_over"}) is None


def test_follow_never_fires_what_a_deadline_fires() -> None:
    """Expiry waits for its deadline although only system may fire it."""
    over = CaseFacts(lines=AWAITED.lines, send_back_over=True)
    assert follow(RETURN, "awaiting_parcel", facts=over) is None


def test_a_log_is_replayed_from_the_initial_state() -> None:
    """The entries of a log lead to the state it ends in; one that no row declares is refused."""
    log = [("assess", "approved"), ("proceed", "awaiting_parcel"), ("receive", "inspecting"), ("inspect", "settling")]
    assert replay(RETURN, log) == "settling"
    assert replay(RETURN, []) == "requested"
    with pytest.raises(Refused, match="no settle from requested"):
        replay(RETURN, [("settle", "settled")])


def test_equal_files_share_a_machine_and_other_files_do_not() -> None:
    """Two definitions of one name and number step by their own rows."""
    mine = small(('to = "succeeded"', 'to = "="\nevent = "refund.sending"'))
    assert step(small(), "approved", "send", role="system", facts=RefundFacts()).target == "succeeded"
    assert step(mine, "approved", "send", role="system", facts=RefundFacts()).target == "approved"


@pytest.mark.parametrize("state", ["in_transit", "delivered", "counted"])
def test_late_news_of_a_carrier_is_recorded_and_changes_nothing(state: str) -> None:
    """Events may come late, twice or out of order: a parcel never goes back because of them."""
    planned = step(PARCEL, state, "hand_over", role="carrier", facts=ParcelFacts())
    assert (planned.target, planned.event, planned.effects) == (state, "parcel.handed_over", ())


def test_numbers_of_a_line_tell_what_is_awaited_and_what_is_unjudged() -> None:
    """Waived units count as accepted but never hide a received unit that nobody has judged."""
    assert LineNumbers(requested=3, expected=3, received=1).awaited == 2
    assert LineNumbers(requested=2, expected=2, received=1, missing=1, accepted=1, waived=1).unjudged == 1
    assert LineNumbers(requested=1, accepted=1, waived=1).unjudged == 0
