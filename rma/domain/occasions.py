"""Which events make which message. Pure: an event's type and data in, the kinds of messages out.

What a message says is read from the rows when it is sent; here is only whether there is something to say. Of a filing
the customer hears once: with the decision, where there is one, else with the question or the word that a person looks.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

Data = Mapping[str, Any]

LABELLED = frozenset({"drop_off_code", "printed_label", "pick_up"})
"""Ways back whose code or label follows in a message of its own."""

_A_MINUTE = 60


class Notice(msgspec.Struct, frozen=True, kw_only=True):
    """A message that an event makes due.

    ``patience``: seconds to wait before it is written, because better news usually follows. ``once``: of several such
    events written at the same instant in one stream only the first one counts.
    """

    kind: str
    patience: int = 0
    once: bool = False


class _Rule(msgspec.Struct, frozen=True):
    notice: Notice
    applies: Callable[[Data], bool]


def _rule(kind: str, applies: Callable[[Data], bool] | None = None, *, patience: int = 0, once: bool = False) -> _Rule:
    return _Rule(Notice(kind=kind, patience=patience, once=once), applies or _moved)


def _moved(data: Data) -> bool:
    """News that changed nothing makes no message."""
    return "from" not in data or data["from"] != data.get("to")


def _trigger(*names: str) -> Callable[[Data], bool]:
    return lambda data: data.get("trigger") in names


def _deadline(name: str) -> Callable[[Data], bool]:
    return lambda data: data.get("deadline") == name


def _accepted(*, labelled: bool) -> Callable[[Data], bool]:
    def applies(data: Data) -> bool:
        follows = (data.get("method") or "drop_off_code") in LABELLED
        return data.get("assessment") == "accepted" and follows is labelled

    return applies


_RULES: dict[str, tuple[_Rule, ...]] = {
    "withdrawal.declared": (_rule("withdrawal_reported", once=True),),
    "return.requested": (
        _rule("return_requested", _accepted(labelled=True)),
        _rule("return_approved", _accepted(labelled=False)),
    ),
    "return.reviewed": (_rule("return_in_review"),),
    "return.evidence_added": (_rule("return_in_review", lambda data: _moved(data) and data.get("to") == "in_review"),),
    "return.evidence_requested": (_rule("evidence_requested"),),
    "return.approved": (_rule("return_approved", lambda data: _moved(data) and data.get("trigger") != "assess"),),
    "return.declined": (_rule("return_declined"),),
    "return.inspecting": (_rule("parcel_received", lambda data: _moved(data) and _trigger("receive")(data)),),
    "return.held": (_rule("parcel_received", _trigger("receive")),),
    "return.expired": (_rule("return_expired"),),
    "return.cancelled": (_rule("return_cancelled"),),
    "return.reopened": (_rule("return_reopened"),),
    "return.settled": (_rule("return_settled"),),
    "line.graded": (_rule("line_not_accepted", lambda data: data.get("verdict") in {"part", "reject"}, once=True),),
    "parcel.label_ready": (_rule("label_ready"),),
    "parcel.handed_over": (_rule("sent_back"),),
    "refund.proposed": (_rule("payout_needed", lambda data: bool(data.get("payout_missing"))),),
    "refund.approved": (_rule("refund_approved"),),
    "refund.sending": (_rule("refund_sent", patience=_A_MINUTE),),
    "refund.succeeded": (_rule("refund_succeeded"),),
    "refund.partly_succeeded": (_rule("refund_succeeded"), _rule("refund_stuck")),
    "refund.failed": (_rule("refund_stuck"),),
    "refund.unknown": (_rule("refund_stuck"),),
    "refund.overdue": (_rule("refund_overdue"),),
    "replacement.awaiting_payment": (_rule("exchange_payment_due"),),
    "replacement.ordered": (_rule("exchange_ordered"),),
    "replacement.shipped": (_rule("exchange_shipped"),),
    "replacement.out_of_stock": (_rule("exchange_out_of_stock"),),
    "replacement.released": (_rule("exchange_released"),),
    "feedback.requested": (_rule("feedback_request"),),
    "deadline.warned": (
        _rule("evidence_reminder", _deadline("evidence")),
        _rule("send_back_reminder", _deadline("ship_back")),
        _rule("send_back_reminder", _deadline("label")),
        _rule("exchange_payment_due", _deadline("payment")),
        _rule("payout_needed", _deadline("payout")),
        _rule("refund_due_soon", _deadline("refund")),
    ),
}


def notices(event_type: str, data: Data) -> tuple[Notice, ...]:
    """The messages that this event makes due, none for most. ``method`` of a filing counts where ``data`` has it."""
    return tuple(rule.notice for rule in _RULES.get(event_type, ()) if rule.applies(data))


def kinds_by_event() -> dict[str, tuple[str, ...]]:
    """Every event type that can make a message, and the kinds it can make."""
    return {name: tuple(dict.fromkeys(rule.notice.kind for rule in rules)) for name, rules in _RULES.items()}
