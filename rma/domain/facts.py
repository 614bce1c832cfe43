"""What the guards of each machine read: plain values, filled by the services under the locks of the door.

Facts describe the case as it will be once the body of the act is applied: the numbers after this receipt, the approvals
with this one counted. Whatever depends on a body passes by default, so that "what is allowed now" can be asked without
one.
"""

from __future__ import annotations

from typing import Literal

import msgspec

Assessment = Literal["accepted", "awaiting_evidence", "in_review", "declined"]
ParcelState = Literal[
    "requested", "label_ready", "handed_over", "in_transit", "delivered", "counted", "expired", "lost", "void"
]
TransferState = Literal["pending", "sending", "succeeded", "failed", "unknown"]

TRANSFER_MOVES: dict[TransferState, frozenset[TransferState]] = {
    "pending": frozenset({"sending", "succeeded", "failed", "unknown"}),
    "sending": frozenset({"succeeded", "failed", "unknown"}),
    "unknown": frozenset({"succeeded", "failed"}),
    "failed": frozenset({"pending", "succeeded"}),
    "succeeded": frozenset(),
}
"""Where a transfer may go. Only finance sends a failed one back to pending; a late word of the provider may end any."""


class LineNumbers(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The numbers of one return line, in units.

    ``waived`` counts the accepted units that need not come back: kept, reduced in price, never delivered (then
    ``expected`` is 0), or lost on the way (then they are ``missing`` too).
    """

    requested: int
    expected: int = 0
    received: int = 0
    missing: int = 0
    accepted: int = 0
    rejected: int = 0
    settled: int = 0
    waived: int = 0

    @property
    def awaited(self) -> int:
        """Units that should still come."""
        return max(0, self.expected - self.received - self.missing)

    @property
    def unjudged(self) -> int:
        """Units that came and that nobody has judged."""
        return max(0, self.received - (self.accepted - self.waived) - self.rejected)


class CaseFacts(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What is known of a return.

    ``statutory``: a line rests on the law. ``withdrawal``: a withdrawal was declared; ``cancel_consent``: consent of
    the customer to cancel it is recorded. ``reopened``: it was reopened, appealed or disputed. ``units_held_by``: RMA
    numbers of other returns holding units this one needs.
    ``inbound``: the state of every inbound parcel. ``send_back_over``: the send-back deadline has passed.
    ``money_moved``: a refund was approved, whatever became of it. ``children_open``: refunds, replacements and
    outbound parcels that have not ended, and inbound parcels that are on their way or not yet counted.
    ``reductions_open`` counts lines that shall become cheaper by an amount that nobody has fixed.
    """

    assessment: Assessment = "in_review"
    statutory: bool = False
    withdrawal: bool = False
    cancel_consent: bool = False
    reopened: bool = False
    lines: tuple[LineNumbers, ...] = ()
    units_held_by: tuple[str, ...] = ()
    inbound: tuple[ParcelState, ...] = ()
    send_back_over: bool = False
    money_moved: bool = False
    children_open: int = 0
    reductions_open: int = 0


class ParcelFacts(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What is known of a parcel: which way it goes and by which method (a method of a return, or ``send_back``)."""

    direction: Literal["inbound", "outbound"] = "inbound"
    method: str = "printed_label"


class RefundFacts(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What is known of a refund and of the person who acts on it.

    ``total_as_shown``: the total sent is the total now. ``approver_named``: the key belongs to a person.
    ``independent``: that person is somebody else than everybody who fixed something in it or has approved it.
    ``approvals`` and ``resolutions`` count distinct persons, this one included; ``approvals_needed`` follows from the
    store's limit and everything approved on the order. ``within_caps``: no tender and no order gives back more than it
    took. ``auto_approvable``: below the store's limit and changed by nobody. ``redirected``: the retry goes to another
    tender. ``can_ask``: the provider can be asked what became of a transfer. ``part_paid``: some of its money has gone
    out already (a proposal that sends the rest over another tender). ``waiting`` counts transfers that no account was
    named for; they are not among ``transfers``.
    """

    part_paid: bool = False
    transfers: tuple[TransferState, ...] = ()
    waiting: int = 0
    total_as_shown: bool = True
    approver_named: bool = True
    independent: bool = True
    approvals: int = 1
    approvals_needed: int = 1
    within_caps: bool = True
    auto_approvable: bool = False
    redirected: bool = False
    redirect_consented: bool = False
    can_ask: bool = True
    resolutions: int = 1


class ReplacementFacts(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What is known of a replacement.

    ``goods_secured``: the goods it replaces were accepted, or it goes in advance with a guarantee. ``amount_due``: the
    customer still owes a difference. ``in_stock``: the units are there and reserved.
    """

    goods_secured: bool = False
    amount_due: bool = False
    in_stock: bool = True


Facts = CaseFacts | ParcelFacts | RefundFacts | ReplacementFacts
"""The facts of any machine."""

FACTS: dict[str, type[CaseFacts | ParcelFacts | RefundFacts | ReplacementFacts]] = {
    "return": CaseFacts,
    "parcel": ParcelFacts,
    "refund": RefundFacts,
    "replacement": ReplacementFacts,
}
"""Machine to the facts its guards read."""
