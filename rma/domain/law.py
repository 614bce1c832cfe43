"""A profile of the law: what one jurisdiction says about returns from one day on, as frozen values read from a file.

The files lie in ``workflows/law`` and are read by ``rma.domain.law_files``. Every rule names its article and how sure
we are of it: H the text was read, M one secondary source, L unsettled. Nothing here computes: dates are in
``rma.domain.law_dates``, rights in ``rma.domain.law_rights``.
"""

from __future__ import annotations

from datetime import date
from functools import cached_property
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from rma.domain.law_terms import Count, Counting, Period, Region, Roll, Rule, Short

Jurisdiction = Literal["TR", "EU", "UK", "US", "none"]
Payer = Literal["store", "customer"]
WayPayer = Literal["store", "customer", "policy"]
LineKind = Literal["goods", "service", "digital", "goods_and_service"]
Start = Literal["last_delivery", "last_piece", "first_delivery", "contract"]
Case = Literal[
    "liability",
    "delay",
    "impossible",
    "not_delivered",
    "service",
    "collected",
    "named",
    "other",
    "none_named",
    "default",
]
StartsWhen = Literal["notice", "handed_over", "arrived", "agreed", "told", "goods_back_or_proof", "none"]
InterestFrom = Literal["due", "payment", "none"]
"""Statutory interest runs from the last day, from the day on which the customer paid, or not at all."""
Remedy = Literal["rescission", "price_cut", "repair", "replacement", "termination", "rejection", "final_rejection"]
Record = Literal["withdrawal", "tax", "books", "case", "evidence", "messages", "destruction_log"]


class NotInformed(Rule, frozen=True, kw_only=True):
    """What an uninformed consumer has: ``months`` more, and once told ``cured_days`` from that day.

    Being told counts within ``months`` of ``told_within``: of the day the period started, or of its end. ``capped``:
    one reading ends the period with the extension, whenever the consumer was told.
    """

    months: Count
    cured_days: Count
    told_within: Literal["start", "end"]
    capped: bool = False


class Starts(Rule, frozen=True, kw_only=True):
    """From which event the withdrawal period runs, by what was bought and how it came."""

    goods: Start
    pieces: Start
    regular: Start
    service: Start
    digital: Start
    goods_and_service: Start


class Notice(Rule, frozen=True, kw_only=True):
    """How a withdrawal is declared: what makes it timely, and whether and when it is confirmed."""

    in_time_by: Literal["sent"]
    acknowledge: Literal["at_once", "without_delay"]
    durable_medium: bool = True


class Exemption(Rule, frozen=True, kw_only=True):
    """Goods or services without a withdrawal right: a line with the attribute, once all of ``needs`` are true.

    ``needs`` are names of a condition (``opened``, ``installed``) or of another attribute of the line; one that is in
    ``unless`` keeps the right.
    """

    attribute: Short
    needs: tuple[Short, ...] = ()
    unless: tuple[Short, ...] = ()


class Withdrawal(Rule, frozen=True, kw_only=True, dict=True):
    """The right to withdraw without a reason, in ``days`` calendar days. The list of ``exceptions`` is closed."""

    days: Annotated[int, Meta(ge=1, le=365)]
    start: Starts
    not_informed: NotInformed
    notice: Notice
    roll: Roll = "act"
    before_delivery: bool = True
    exceptions: tuple[Exemption, ...] = ()

    @cached_property
    def contract_start(self) -> frozenset[str]:
        """The kinds of line whose period runs from the day of the contract."""
        kinds = ("goods", "service", "digital", "goods_and_service")
        return frozenset(kind for kind in kinds if getattr(self.start, kind) == "contract")


class Labels(Rule, frozen=True, kw_only=True):
    """The words on the two buttons of the withdrawal function, in one language."""

    language: Annotated[str, Meta(pattern=r"^[a-z]{2}$(?!\n)")]
    withdraw: Short
    confirm: Short


class WithdrawalFunction(Rule, frozen=True, kw_only=True):
    """The duty to offer withdrawal online. Nothing but ``fields`` may be required, and no login.

    ``not_told`` says that silence about the function counts as not being informed of the right.
    """

    since: date
    fields: Annotated[tuple[Literal["name", "contract", "electronic_address"], ...], Meta(min_length=1)]
    required: bool = True
    login_required: Literal[False] = False
    not_told: bool = False
    labels: tuple[Labels, ...] = ()


class Delivery(Period, frozen=True, kw_only=True):
    """The time to deliver. ``cap``: a longer promise does not bind the consumer, save for goods ``uncapped`` by name.

    ``tell_impossible_days``: so soon the consumer must be told that it cannot be delivered at all.
    """

    cap: bool = False
    uncapped: tuple[Short, ...] = ()
    tell_impossible_days: Count | None = None


class RefundClock(Period, frozen=True, kw_only=True):
    """In which case the refund clock starts when, and how long it runs.

    ``days_from_notice``: never due before so many days after the notice (CRD art. 13: the later of the two).
    ``interest_from``: from when statutory interest runs, where it is not from the last day.
    """

    when: Case
    starts_when: StartsWhen
    days_from_notice: Count | None = None
    interest_from: InterestFrom | None = None


class Refund(Rule, frozen=True, kw_only=True):
    """What a withdrawal gives back and how: which outbound delivery, by which means, with which fees.

    A refund never bears a fee: ``fees`` is there to be read by whoever asks, and can only be false.
    """

    outbound_delivery: Literal["full", "cheapest_standard", "none"]
    tender: Literal["original_unless_agreed", "original"] = "original_unless_agreed"
    single_payment: bool = False
    fees: Literal[False] = False
    statutory_interest: bool = False
    clocks: tuple[RefundClock, ...] = ()


class WayBack(Rule, frozen=True, kw_only=True):
    """Who pays the way back of a withdrawal, by the carrier. ``policy``: the store says, if it told the consumer.

    ``named`` with the carrier the store named, ``none_named`` where it named none, ``no_branch`` where the named one
    cannot be reached, ``other`` with another one although the named one could be used.
    """

    named: WayPayer
    none_named: WayPayer
    no_branch: WayPayer
    other: WayPayer
    untold: WayPayer = "store"


class ValueLoss(Rule, frozen=True, kw_only=True):
    """Whether use beyond trying the goods may cost the consumer something, and at most what."""

    allowed: Literal["never", "if_informed"]
    at_most: Literal["nothing", "goods_price"] = "nothing"


class ServiceUsed(Rule, frozen=True, kw_only=True):
    """Who withdraws from a service that was begun at their wish pays for what was given until then, by its share.

    Not who was never told of the right, or told only once the service had begun.
    """


class Liability(Period, frozen=True, kw_only=True):
    """How long the seller answers for defects, or one is presumed to have been there; for second-hand goods less."""

    second_hand_months: Count | None = None

    def for_used(self, agreed: int | None) -> int:
        """The months for second-hand goods: as agreed, as far as the law lets it be cut."""
        shortest = self.second_hand_months
        return self.months if shortest is None else min(self.months, max(shortest, agreed or 0))


class Extension(Rule, frozen=True, kw_only=True):
    """How much longer the seller answers once a defect was repaired, for contracts from a day on."""

    months: Count
    contracts_from: date
    times: Annotated[int, Meta(ge=1, le=10)] = 1


class Unlocked(Rule, frozen=True, kw_only=True):
    """What a consumer may ask for after something else failed; the seller cannot refuse it."""

    remedies: tuple[Remedy, ...]


class Reject(Rule, frozen=True, kw_only=True):
    """The short right to reject: so many days from the day after delivery, stopped while a repair is under way."""

    days: Count
    after_repair_days: Count


class ToTell(Rule, frozen=True, kw_only=True):
    """What the consumer must be told before a remedy, since when."""

    since: date
    what: tuple[Literal["choice_repair_or_replacement", "extension_after_repair"], ...]


class Defect(Rule, frozen=True, kw_only=True):
    """Defective goods: remedies as rungs of a ladder (within a rung the consumer chooses), times and proof."""

    ladder: Annotated[tuple[Annotated[tuple[Remedy, ...], Meta(min_length=1)], ...], Meta(min_length=1)]
    minor_ends_contract: bool
    liability: Liability
    presumption: Liability
    repair: Period | None = None
    extension: Extension | None = None
    reject: Reject | None = None
    tell: ToTell | None = None


class AfterSales(Rule, frozen=True, kw_only=True):
    """Repairs of goods under a statutory warranty: times in working days, a loaner, and what a second failure opens."""

    warranty_months: Count
    repair_days: Count
    car_repair_days: Count
    loaner_days: Count
    repair_extends_warranty: bool
    replacement_keeps_rest: bool
    second_failure: Unlocked


class Carriage(Rule, frozen=True, kw_only=True):
    """When a carrier must be told of a loss or damage, and when goods count as lost: days after the due day."""

    visible_days: Count
    hidden_days: Count
    delay_days: Count
    lost_days: Count
    lost_days_abroad: Count
    report_needed_by_consumer: Literal[False] = False


class Retention(Rule, frozen=True, kw_only=True):
    """How long a class of record is kept, from the day the matter closed or from the end of that year."""

    record: Record
    months: Count
    counted_from: Literal["closed", "year_end"]


class Privacy(Rule, frozen=True, kw_only=True):
    """Personal data: the time to answer a request, and the longest time between runs of destruction."""

    answer: Period
    destruction: Period | None = None


class Messages(Rule, frozen=True, kw_only=True):
    """Which messages follow from the contract and which need consent, and by when an opt-out works."""

    service: tuple[Short, ...]
    commercial: tuple[Short, ...]
    stop: Period
    register: str = ""


class Rate(Rule, frozen=True, kw_only=True):
    """A yearly rate of interest in percent, from a day on."""

    since: date
    percent: Annotated[str, Meta(pattern=r"^\d{1,3}(\.\d{1,4})?$(?!\n)")]


class TaxRates(Rule, frozen=True, kw_only=True):
    """The rates of a sales tax in percent, from a day on."""

    since: date
    percent: tuple[Annotated[str, Meta(pattern=r"^\d{1,2}(\.\d{1,3})?$(?!\n)")], ...]


class Tax(Rule, frozen=True, kw_only=True):
    """How tax is rounded and which papers a return needs."""

    rounding: Literal["half_up"] = "half_up"
    documents: tuple[Short, ...] = ()
    rates: tuple[TaxRates, ...] = ()


class State(Rule, frozen=True, kw_only=True):
    """A state of a federation: what holds where a store did not show its policy before the sale."""

    code: Region
    name: Short
    days_if_not_shown: Count
    remedies: tuple[Literal["cash", "credit", "exchange"], ...]


class LawProfile(msgspec.Struct, frozen=True, kw_only=True):
    """The law of one jurisdiction, or of one of its countries, for contracts from ``valid_from`` on.

    A part that is None does not exist there. ``source`` is the file it was read from, ``sha256`` of its bytes.
    ``together``: where two laws protect one consumer, their profiles, this one first; else empty. What is read off this
    one is its own: ``rma.domain.law_choice`` finds what counts of the two.
    """

    jurisdiction: Jurisdiction
    valid_from: date
    counting: Counting
    title: dict[str, str] = {}
    valid_until: date | None = None
    country: str | None = None
    countries: tuple[str, ...] = ()
    source: str = ""
    sha256: str = ""
    withdrawal: Withdrawal | None = None
    function: WithdrawalFunction | None = None
    send_back: Period | None = None
    delivery: Delivery | None = None
    refund: Refund | None = None
    way_back: WayBack | None = None
    value_loss: ValueLoss | None = None
    service_used: ServiceUsed | None = None
    defect: Defect | None = None
    after_sales: AfterSales | None = None
    carriage: Carriage | None = None
    retention: tuple[Retention, ...] = ()
    privacy: Privacy | None = None
    messages: Messages | None = None
    interest: tuple[Rate, ...] = ()
    tax: Tax | None = None
    policy_must_be_shown: bool = False
    states: tuple[State, ...] = ()
    together: tuple[LawProfile, ...] = ()

    @property
    def applicable(self) -> tuple[LawProfile, ...]:
        """Every law that protects the consumer, that of their own country first."""
        return self.together or (self,)

    @property
    def reference(self) -> str:
        """What is kept with an order: the version, and of a second law also whose: ``EU@2026-06-19+TR@2026-01-01/TR``.

        ``rma.domain.law_set.home_in`` reads it.
        """
        return "+".join((self.version, *(f"{one.version}/{one.country}" for one in self.together[1:])))

    @property
    def version(self) -> str:
        """The profile's name for the record: ``TR@2026-01-01``."""
        return f"{self.jurisdiction}@{self.valid_from.isoformat()}"

    @property
    def timezone(self) -> str | None:
        """The zone in which days are counted here; None where the store's own is taken."""
        return self.counting.timezone
