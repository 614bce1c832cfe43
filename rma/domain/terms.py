"""A store's policy once it has been read: windows, rules, terms per reason, fees and refunds, as frozen values.

``policy`` reads the file; here is what its keys mean. Amounts are minor units of the store's currency, percentages are
decimal texts, days are calendar days.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from rma.domain import money
from rma.domain.claims import Kind, Method, Outcome
from rma.domain.texts import Text

Days = Annotated[int, Meta(ge=0, le=3650)]
Anchor = Literal["delivered", "shipped", "ordered"]
Payer = Literal["store", "customer"]
CarrierReport = Literal["asked", "not_asked"]
EvidenceKind = Literal["photo", "carrier_damage_report", "proof_of_sending", "proof_of_purchase", "other"]
ShippingMode = Literal["with_last", "pro_rata", "marginal"]
TenderMode = Literal["proportional", "reverse", "gift_first"]
PromotionMode = Literal["pro_rata", "reprice"]
BY_CARRIER: frozenset[Method] = frozenset({"drop_off_code", "printed_label", "pick_up"})
"""Ways on which a carrier of the store takes the goods."""


class Windows(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How many days there are for what.

    ``withdrawal_days`` and ``voluntary_days`` count from ``anchor``; where the day of delivery is not known it is
    taken as ``fallback_transit_days`` after shipping, or after the order, and shown as an estimate. The others count
    from the step before: approval, filing, the question, the end. ``second_hand_months``: the shorter liability that
    the store agrees on with buyers of second-hand goods, as far as the law lets it be cut; without it there is none.
    """

    withdrawal_days: Days = 14
    voluntary_days: Days = 14
    anchor: Anchor = "delivered"
    fallback_transit_days: Annotated[int, Meta(ge=0, le=365)] = 3
    ship_back_days: Days = 14
    review_days: Days = 2
    evidence_days: Days = 7
    feedback_days: Days = 14
    second_hand_months: Annotated[int, Meta(ge=0, le=120)] | None = None


class Rule(msgspec.Struct, frozen=True, kw_only=True):
    """One rule of the file: its name, its parameters, which kinds it is for (none: all), its answer and its words."""

    rule: str
    params: msgspec.Struct
    applies_to: tuple[Kind, ...]
    then: Literal["refuse", "ask"]
    text: Text


class EvidenceTerms(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which files are asked for, and how many. A carrier's damage report is asked for, never a condition."""

    kinds: tuple[EvidenceKind, ...] = ()
    at_least: Annotated[int, Meta(ge=0, le=20)] = 0
    carrier_report: CarrierReport = "not_asked"


class ReasonTerms(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is asked for and offered for one reason or kind.

    ``outcomes`` are as the file says them, none where it is silent: then the money and others in their place are
    offered, and whatever else the law gives. ``way_back_paid_by``: ``store`` pays every way back, also one that the law
    would leave to the customer; where the file is silent the law says, and the store pays what it leaves open.
    """

    evidence: EvidenceTerms = EvidenceTerms()
    outcomes: Annotated[tuple[Outcome, ...], Meta(min_length=1)] = ()
    methods: Annotated[tuple[Method, ...], Meta(min_length=1)] = ("drop_off_code", "printed_label", "own_carrier")
    way_back_paid_by: Payer | None = None

    @property
    def offered(self) -> tuple[Outcome, ...]:
        """What the store offers: as told, else the money and others in their place."""
        return self.outcomes or ("refund", "exchange")


class MethodFee(msgspec.Struct, frozen=True, kw_only=True):
    """What a voluntary return by this method costs, once per return."""

    method: Method
    amount: int


class Fees(msgspec.Struct, frozen=True, kw_only=True):
    """Fees of the kinds in ``applies_to``; a return that stands by law never bears any (law.md MON-11)."""

    returns: tuple[MethodFee, ...] = ()
    restocking_percent: str = "0"
    applies_to: tuple[Kind, ...] = ("voluntary",)

    def return_fee(self, method: str) -> int:
        """The fee of a voluntary return by this method, in minor units; 0 where none is set."""
        return next((fee.amount for fee in self.returns if fee.method == method), 0)

    def restocking(self, amount: int) -> int:
        """The restocking fee on an amount, half up."""
        return money.share(amount, self.restocking_percent)


class ReturnTerms(msgspec.Struct, frozen=True, kw_only=True):
    """How returns are handled. Goods worth less than ``keep_item_below`` are refunded without coming back; 0 is off.

    ``reason_required``: kinds that are filed with a reason, by the kind they are filed or judged as; what stands by law
    never needs one. ``login_required``: the store lets only customers who are logged in ask for returns, which no law
    with a withdrawal right allows; the policy page says it and the store's own pages see to it.
    """

    auto_approve: bool = True
    named_return_carriers: tuple[str, ...] = ()
    keep_item_below: int = 0
    workflow: dict[str, str] = {}
    reason_required: tuple[Kind, ...] = ()
    login_required: bool = False

    def machine(self, kind: str) -> str:
        """The name of the case machine for this kind."""
        return self.workflow.get(kind) or self.workflow.get("default", "return")


class TariffStep(msgspec.Struct, frozen=True, kw_only=True):
    """What the store asks for delivering goods worth ``from_value`` or more, in minor units."""

    from_value: int
    price: int


class RefundTerms(msgspec.Struct, frozen=True, kw_only=True):
    """How money goes back.

    Refunds up to ``auto_approve_below`` (exclusive; 0 is off) need nobody, above ``second_person_above`` (None: never)
    two people (``approvers``). ``tenders`` is a mode or an order of tenders; ``promise_days`` is what the customer is
    told. ``shipping_tariff`` rises from an order value of zero; only ``marginal`` reads it, and cannot do without.
    """

    auto_approve_below: int = 0
    second_person_above: int | None = None
    shipping: ShippingMode = "with_last"
    shipping_tariff: tuple[TariffStep, ...] = ()
    tenders: TenderMode | tuple[str, ...] = "proportional"
    promotions: PromotionMode = "pro_rata"
    credit_bonus_percent: str = "0"
    promise_days: int = 5

    def approvers(self, total: int, *, before: int) -> int:
        """How many people a refund of ``total`` needs, in minor units, after ``before`` was approved on its order.

        The limit of the second person counts all of an order, so that many small refunds are not one large one.
        """
        if self.second_person_above is not None and total + before > self.second_person_above:
            return 2
        return 0 if total < self.auto_approve_below else 1

    def delivery_of(self, value: int) -> int:
        """What the store asks for delivering goods of this value, in minor units; nothing for nothing."""
        asked = [step.price for step in self.shipping_tariff if step.from_value <= value]
        return asked[-1] if value and asked else 0


class HelpLink(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A page that may save a return, shown before one is filed."""

    title: Text
    url: Annotated[str, Meta(pattern=r"^https?://[^\s]+$(?!\n)", max_length=2000)]


class Policy(msgspec.Struct, frozen=True, kw_only=True):
    """One version of a store's policy. ``version`` is given when it is published; 0 is a draft or a file."""

    name: str
    locale: str
    currency: str
    version: int = 0
    windows: Windows = Windows()
    rules: tuple[Rule, ...] = ()
    reasons: dict[str, ReasonTerms] = {}
    fees: Fees = Fees()
    returns: ReturnTerms = ReturnTerms()
    refunds: RefundTerms = RefundTerms()
    help: dict[str, tuple[HelpLink, ...]] = {}
    lookback_days: int = 0

    @property
    def label(self) -> str:
        """Name and version for the record: ``Standard v3``."""
        return f"{self.name} v{self.version}"

    def terms(self, reason: str | None, kind: str) -> ReasonTerms:
        """The terms of the reason, else of the kind, else the default ones."""
        found = self.reasons.get(reason or "") or self.reasons.get(kind) or self.reasons.get("default")
        return found or DEFAULT_TERMS

    def named_carriers(self, terms: ReasonTerms) -> tuple[str, ...]:
        """The carriers that the store named for the way back; none where no way of these terms is by a carrier."""
        return () if BY_CARRIER.isdisjoint(terms.methods) else self.returns.named_return_carriers

    def carrier_named(self, terms: ReasonTerms) -> bool:
        """Whether the store named a carrier for the way back that could be used: one of these terms' ways is by it."""
        return bool(self.named_carriers(terms))


DEFAULT_TERMS = ReasonTerms()
"""What holds where the file says nothing."""
