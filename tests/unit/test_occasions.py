"""Which events are worth a message."""

from __future__ import annotations

from typing import Any

import pytest

from rma.domain.events import TYPES
from rma.domain.messages import KINDS
from rma.domain.occasions import kinds_by_event, notices

ELSEWHERE = {"store_message", "credit_issued", "withdrawal_acknowledged"}
"""Written by a person, or made by acts that say so themselves."""


def kinds(event: str, **data: Any) -> list[str]:
    """The kinds of messages that an event makes."""
    return [notice.kind for notice in notices(event, data)]


def test_the_table_names_what_exists() -> None:
    """Every event in the table is one of ours, and every message it makes has words."""
    table = kinds_by_event()
    assert table.keys() <= TYPES
    assert {kind for made in table.values() for kind in made} <= KINDS.keys()


def test_every_kind_of_message_has_an_occasion() -> None:
    """No words wait in vain: each kind of message is made by some event."""
    assert {kind for made in kinds_by_event().values() for kind in made} == KINDS.keys() - ELSEWHERE


@pytest.mark.parametrize(
    ("assessment", "method", "told"),
    [
        ("accepted", "drop_off_code", ["return_requested"]),
        ("accepted", "printed_label", ["return_requested"]),
        ("accepted", None, ["return_requested"]),
        ("accepted", "own_carrier", ["return_approved"]),
        ("accepted", "none", ["return_approved"]),
        ("in_review", "drop_off_code", []),
        ("awaiting_evidence", None, []),
        ("declined", None, []),
    ],
)
def test_a_filing_is_told_once(assessment: str, method: str | None, told: list[str]) -> None:
    """The customer hears of a filing once: the event of its decision tells, unless it was simply accepted."""
    after = {
        "accepted": kinds("return.approved", trigger="assess", **{"from": "requested", "to": "approved"}),
        "in_review": kinds("return.reviewed", trigger="assess", **{"from": "requested", "to": "in_review"}),
        "awaiting_evidence": kinds("return.evidence_requested", **{"from": "requested", "to": "awaiting_evidence"}),
        "declined": kinds("return.declined", trigger="assess", **{"from": "requested", "to": "declined"}),
    }[assessment]
    filed = kinds("return.requested", assessment=assessment, method=method, to="requested")
    assert filed == told
    assert len(filed + after) == 1


def test_an_approval_by_a_person_is_told() -> None:
    """What waited for a person is told when it is approved."""
    assert kinds("return.approved", trigger="approve", **{"from": "in_review", "to": "settling"}) == ["return_approved"]


@pytest.mark.parametrize(
    "event", ["parcel.handed_over", "parcel.label_ready", "refund.succeeded", "return.inspecting", "return.approved"]
)
def test_news_that_changes_nothing_is_no_message(event: str) -> None:
    """A carrier's late or repeated news moves nothing and tells nobody anything."""
    assert kinds(event, trigger="receive", **{"from": "x", "to": "x"}) == []


def test_a_scan_tells_that_the_goods_have_come() -> None:
    """The first scan of a parcel is told; an inspection that ends in the same state is not a parcel."""
    assert kinds("return.inspecting", trigger="receive", **{"from": "arrived", "to": "inspecting"}) == [
        "parcel_received"
    ]
    assert kinds("return.inspecting", trigger="undo_receipt", **{"from": "settling", "to": "inspecting"}) == []
    assert kinds("return.held", trigger="receive", **{"from": "in_review", "to": "in_review"}) == ["parcel_received"]


@pytest.mark.parametrize(
    ("verdict", "told"), [("accept", []), ("part", ["line_not_accepted"]), ("reject", ["line_not_accepted"])]
)
def test_only_bad_news_of_an_inspection_is_told(verdict: str, told: list[str]) -> None:
    """A unit that was accepted shows in the refund; one that was not is explained, once for the inspection."""
    assert kinds("line.graded", verdict=verdict) == told
    assert all(notice.once for notice in notices("line.graded", {"verdict": verdict}))


@pytest.mark.parametrize(
    ("deadline", "told"),
    [
        ("ship_back", ["send_back_reminder"]),
        ("label", ["send_back_reminder"]),
        ("evidence", ["evidence_reminder"]),
        ("payment", ["exchange_payment_due"]),
        ("review", []),
        ("feedback", []),
    ],
)
def test_only_the_customer_s_deadlines_are_reminders(deadline: str, told: list[str]) -> None:
    """A warning that concerns the store is no mail to the customer."""
    assert kinds("deadline.warned", deadline=deadline, waits_for="customer") == told


def test_better_news_is_waited_for() -> None:
    """That money was sent is only told if a minute later nothing is known of its arrival."""
    assert [notice.patience for notice in notices("refund.sending", {})] == [60]
    assert [notice.patience for notice in notices("refund.succeeded", {})] == [0]
