"""The closed vocabulary of workflow files: machines, roles, deadline fields and effects. A file can only name these."""

from __future__ import annotations

from typing import Literal, get_args

import msgspec

Machine = Literal["return", "parcel", "refund", "replacement"]
MACHINES: tuple[Machine, ...] = get_args(Machine)
"""What a workflow file can describe."""

STAY = "="
"""As the target of a transition: the state stays as it is."""

NONE = "none"
"""As what a deadline fires: nothing; a person is warned and the deadline counts as missed."""

ROLES: dict[str, str] = {
    "customer": "whoever bought or holds the link of the return",
    "staff": "somebody of the store who acts for a customer",
    "integrator": "the store's own software",
    "support": "somebody who decides cases",
    "warehouse": "whoever receives, counts and judges goods",
    "finance": "whoever approves and watches money; always a named person",
    "carrier": "a parcel carrier, through its connection",
    "provider": "a payment provider or a supplier, through its connection",
    "system": "the engine itself: automatic steps, deadlines, answers of effects",
}
"""Who may fire a transition."""

WAITS_FOR = ("customer", "warehouse", "finance", "support", "carrier", "provider", "nobody")
"""Whom a state may wait for."""

PERSONS = frozenset({"customer", "warehouse", "finance", "support"})
"""Those of them that are people: a state that waits for one needs a deadline, or says why not."""

DEADLINE_FIELDS: dict[str, str] = {
    "policy.review_days": "days for a decision by a person",
    "policy.evidence_days": "days for the customer to send what was asked",
    "policy.ship_back_days": "days for the customer to send the goods",
    "policy.feedback_days": "days in which feedback is taken",
    "policy.promise_days": "days to the refund date shown to the customer",
    "law.send_back": "the law's last day to send the goods; none for a voluntary return",
    "law.refund_due": "the law's last day to pay back; none while its clock has not started",
    "parcel.expires_on": "the last day of the carrier's label or code; none where the carrier gives no day",
}
"""What ``after`` may name, besides a literal number of days such as ``P5D``."""

PARCEL_TRIGGERS: dict[str, str] = {
    "label_ready": "issue",
    "handed_over": "hand_over",
    "in_transit": "move",
    "delivered": "deliver",
    "expired": "expire",
    "lost": "lose",
    "void": "void",
}
"""The status of a carrier's event to the trigger that it fires on the parcel."""

EffectKind = Literal["row", "child", "case", "durable", "money", "approval", "revocation"]
KINDS: dict[EffectKind, str] = {
    "row": "writes rows in the transaction of the transition",
    "child": "opens or moves children of the return, in the same transaction",
    "case": "tells the return that the child belongs to, in the same transaction",
    "durable": "is enqueued in the transaction and carried out by the durable engine",
    "money": "is durable and moves money: an approval must come before it on every path",
    "approval": "a row that fixes what may be paid: it opens the way for money",
    "revocation": "a row that takes approvals back: money needs a new one",
}
"""What an effect does to the world."""


class Effect(msgspec.Struct, frozen=True):
    """An effect that a file may name: what kind it is, on which machines it works, what exactly it promises."""

    name: str
    kind: EffectKind
    machines: frozenset[Machine]
    what: str


def _effects(machine: Machine, kind: EffectKind, **promises: str) -> list[Effect]:
    return [Effect(name, kind, frozenset({machine}), what) for name, what in promises.items()]


_RETURN = [
    *_effects(
        "return",
        "row",
        reserve_units="reserves the units of every line that are not reserved or consumed by this return yet",
        free_units="frees every reserved unit that no money is on its way for",
        settle_units="ends every reserved unit by its outcome: consumed when refunded, exchanged, credited or kept with"
        " full refund; free when repaired, sent back or reduced in price",
        release_expected="marks units that are still awaited as missing and frees them",
        accept_goodsless="accepts the units that need not come back (kept, reduced in price, never delivered)",
        waive_goods="accepts the awaited units although they never came and marks them missing; nothing is restocked",
        hold_goods="marks the units of this receipt as held until a person has decided",
        offer_feedback="offers feedback on the status page; subscribers mail it only with recorded consent",
        record_feedback="keeps score and comments and writes the event feedback.received",
    ),
    *_effects(
        "return",
        "child",
        reserve_replacements="opens a replacement in reserved, with its stock, for each exchange line without one",
        order_replacements="tries `order` on each reserved replacement whose units were judged, for those accepted",
        release_replacements="tries `release` on each replacement that is not shipped",
        claim_guarantee="puts the guarantee of an advance exchange, whose goods did not come, before finance",
        void_labels="tries `void` on each inbound parcel that the carrier does not have yet",
        open_send_back="opens an outbound parcel, and has its label issued, for units to be sent back that are in none",
        propose_refund="proposes what is owed for accepted units: entitled less what is paid or proposed; nothing when"
        " that is zero",
        withdraw_refunds="tries `withdraw` on each proposed refund",
    ),
]
_PARCEL = [
    *_effects(
        "parcel",
        "durable",
        issue_label="asks the carrier for a label or a code; the answer fires `issue` or `refuse_label`",
        void_label="tells the carrier that the label or the code will not be used",
    ),
]
_REFUND = [
    *_effects(
        "refund",
        "row",
        record_approval="keeps who approved which total, and when",
        record_resolution="keeps who resolved which transfer, with the outcome and the proof",
        resolve_transfer="ends the transfer with the resolved outcome",
        redirect_transfer="replaces a failed transfer by a pending one on another tender, with the recorded consent",
        retry_transfer="puts the failed transfer back to pending, under a new attempt",
        book_refund="adds the units of the refund to the settled numbers of its lines",
    ),
    *_effects("refund", "approval", freeze_amount="fixes components, total and transfers: from here on they are owed"),
    *_effects("refund", "revocation", drop_approvals="takes all approvals back: the refund must be approved anew"),
    *_effects("refund", "durable", ask_provider="asks the provider what became of the transfers that are unknown"),
    *_effects("refund", "money", send_refund="sends every pending transfer to its provider, each exactly once"),
]
_REPLACEMENT = [
    *_effects(
        "replacement",
        "row",
        reserve_stock="reserves the replacement's units anew, for the variant that was chosen, at its price",
        release_stock="gives the reserved stock back",
        add_replacement_line="adds the delivered goods as a returnable line of the order, with their own delivery date",
        book_exchange="adds the exchanged units to the settled numbers of their line",
    ),
    *_effects("replacement", "child", offer_refund="proposes the refund of accepted units that were to be replaced"),
    *_effects("replacement", "durable", place_order="orders the replacement from the fulfilment of the store"),
]
_SHARED = Effect(
    "dispute_case",
    "case",
    frozenset({"parcel", "refund", "replacement"}),
    "tries `dispute` on the return, as system, with the child's reason; a state without dispute is left alone",
)

EFFECTS: dict[str, Effect] = {effect.name: effect for effect in [*_RETURN, *_PARCEL, *_REFUND, *_REPLACEMENT, _SHARED]}
"""Every effect by its name."""
