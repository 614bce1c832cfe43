"""What the answers about returns, their children and receipts look like: for the OpenAPI document.

The services build plain dicts (they are written once and kept as bytes for repetitions); a test holds them against
these structs. ``UNSET`` stands for what only some callers are shown: the customer, the warehouse.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

from rma.domain.snapshot_forms import MoneyForm
from rma.errors import Reason
from rma.services.law import AppliedLaw

Units = list[tuple[int, int]]
Item = dict[str, Any]


class Shape(msgspec.Struct, frozen=True, kw_only=True):
    """Base of the answers below; fields may be added to them, never renamed."""


class Way(Shape, frozen=True, kw_only=True):
    """A way back for the goods, what it costs and who pays it."""

    method: str
    fee: MoneyForm
    paid_by: str


class Line(Shape, frozen=True, kw_only=True):
    """A line of a return with its numbers."""

    id: str
    order_line_id: str
    sku: str
    name: str
    reason: str | None
    outcome: str
    units: Units
    requested: int
    expected: int
    received: int
    missing: int
    accepted: int
    rejected: int
    settled: int


class GivenByLaw(Shape, frozen=True, kw_only=True):
    """An outcome that the law gives, with its articles; ``added``: the store's own terms do not offer it."""

    outcome: str
    article: str
    added: bool


class Judged(Shape, frozen=True, kw_only=True):
    """What was decided on a line: accepted, needs_evidence, needs_review or refused; by which right and until when."""

    order_line_id: str
    quantity: int
    kind: str
    decision: str
    basis: str
    explanation: str
    decided_by: Item
    reasons: list[Reason]
    overrode: list[Reason]
    last_day: date | None
    estimated: bool
    outcome: str
    outcomes: list[str]
    outcomes_by_law: list[GivenByLaw]
    goods_come_back: bool
    evidence: Item | None
    way_back_paid_by: str | None
    methods: list[Way] | UnsetType = UNSET


class JudgedLine(Judged, frozen=True, kw_only=True):
    """A line of a return: what was decided, its numbers, and what the customer was offered for keeping it."""

    id: str
    sku: str
    name: str
    reason: str | None
    units: Units
    requested: int
    expected: int
    received: int
    missing: int
    accepted: int
    rejected: int
    settled: int
    offer: Item | UnsetType | None = UNSET
    not_accepted: list[Item] | UnsetType = UNSET


class Component(Shape, frozen=True, kw_only=True):
    """A part of a refund: what for, which units, and its money; a deduction counts against the others.

    ``computation`` shows how interest was worked out: principal, percent a year, since, until, days and article.
    """

    kind: str
    order_line_id: str | None
    units: Units
    net: MoneyForm
    tax: MoneyForm
    gross: MoneyForm
    why: str
    cause: str | None
    part: Item | None
    computation: Item | None


class Transfer(Shape, frozen=True, kw_only=True):
    """One movement of money over one tender; without an id and a state in a quote."""

    tender: str
    payment_id: str | None
    on_behalf_of: str | None
    amount: MoneyForm
    bonus: MoneyForm | UnsetType | None = UNSET
    id: str | UnsetType = UNSET
    state: str | UnsetType = UNSET
    provider_reference: str | UnsetType | None = UNSET
    error: str | UnsetType | None = UNSET
    attempt: int | UnsetType = UNSET


class Due(Shape, frozen=True, kw_only=True):
    """The day that the store promises, and the day that the law allows, with its article."""

    promise: date | None
    legal: date | None
    article: str | None


class Approval(Shape, frozen=True, kw_only=True):
    """Who approved, and when."""

    person: str
    at: datetime


class Refund(Shape, frozen=True, kw_only=True):
    """A refund with every line of its computation; the customer is not told who of the shop proposed and approved.

    ``points`` are the loyalty points that were earned with what comes back, for the shop to take back.
    ``payout`` is the account that money goes to, shown with the refund alone.
    """

    id: str
    return_id: str | None
    order_number: str
    state: str
    version: int
    components: list[Component]
    total: MoneyForm
    transfers: list[Transfer]
    due: Due
    short: MoneyForm | None
    points: int
    tax_document: Item | None
    created_at: datetime
    requested_by: list[str] | UnsetType = UNSET
    approvals: list[Approval] | UnsetType = UNSET
    flags: list[str] | UnsetType = UNSET
    payout: Item | UnsetType | None = UNSET


class QuotedRefund(Shape, frozen=True, kw_only=True):
    """The money of a quote, in the shape of a refund that is not there yet."""

    components: list[Component]
    total: MoneyForm
    transfers: list[Transfer]
    short: MoneyForm | None
    points: int
    flags: list[str]


class Balance(Shape, frozen=True, kw_only=True):
    """Who owes whom how much."""

    due_to_customer: MoneyForm
    due_from_customer: MoneyForm
    valid_until: datetime | None


class RefundDue(Shape, frozen=True, kw_only=True):
    """By when the money comes, what starts the clock while there is no day yet, and the article; null if none comes."""

    by: date | None
    legal: date | None
    starts_when: str | None
    article: str | None
    promise_days: int | None


class Quote(Shape, frozen=True, kw_only=True):
    """What would be decided and paid; ``errors`` say what would refuse the filing.

    ``laws`` are those that were compared, the customer's first; of each question the better for the customer counts.
    """

    decision: str
    lines: list[Judged]
    errors: list[Item]
    refund: QuotedRefund
    balance: Balance
    policy_version: int
    law: str
    laws: tuple[AppliedLaw, ...]
    refund_due: RefundDue
    store: str


class Parcel(Shape, frozen=True, kw_only=True):
    """A parcel in either direction."""

    id: str
    return_id: str
    direction: str
    state: str
    method: str
    carrier: str | None
    tracking: str | None
    code: str | None
    expires_on: date | None
    handed_over_at: datetime | None
    delivered_at: datetime | None
    lines: list[Item]
    cost: Item | None
    version: int
    created_at: datetime


class Replacement(Shape, frozen=True, kw_only=True):
    """Exchange goods, and what the customer owes for them; the warehouse sees no money."""

    id: str
    return_id: str
    line_id: str
    state: str
    sku: str
    quantity: int
    carrier: str | None
    tracking: str | None
    version: int
    created_at: datetime
    price: MoneyForm | UnsetType = UNSET
    due_from_customer: MoneyForm | UnsetType = UNSET
    paid: MoneyForm | UnsetType = UNSET


class Paid(Shape, frozen=True, kw_only=True):
    """A payment of the customer's that was taken, and what it was for."""

    return_id: str
    reference: str
    replacements: list[Replacement]
    version: int


class Deadline(Shape, frozen=True, kw_only=True):
    """The next deadline: since when, its three readings, the instant that binds, what fires then, who is waited for."""

    name: str
    waits_for: str | None
    since: datetime
    raw: date
    strict: date
    lenient: date
    due_at: datetime
    fires: str | None


class Head(Shape, frozen=True, kw_only=True):
    """What a return is, and who is next; ``allowed`` are the triggers that this caller may fire now."""

    id: str
    rma_number: str
    order_number: str
    kind: str
    state: str
    state_label: str
    waits_for: str
    allowed: list[str]
    method: str | None
    policy_version: int
    law: str
    workflow: Item
    next_deadline: Deadline | None
    created_at: datetime
    updated_at: datetime
    version: int
    lines: list[JudgedLine]
    parcels: list[Parcel]
    refunds: list[Refund]
    replacements: list[Replacement]


class PayoutShown(Shape, frozen=True, kw_only=True):
    """Whether money of the return goes to an account of the customer's, and whether one was given."""

    needed: bool
    given: bool


class MoneyDue(Due, frozen=True, kw_only=True):
    """By when the money of a return comes; ``starts_when`` says what starts the law's clock while it has no day."""

    starts_when: str | None
    overdue: bool


class Return(Head, frozen=True, kw_only=True):
    """A return with its lines and children.

    ``balance`` is what is still open, ``due`` by when the money comes (null where none is to come), ``payout`` whether
    an account is needed. The warehouse is told none of them.
    """

    balance: Balance | None
    payout: PayoutShown | None
    due: MoneyDue | None


class Filed(Head, frozen=True, kw_only=True):
    """A return that was just filed: what was decided, and the customer's link, this once."""

    decision: str
    errors: list[Item]
    refund: QuotedRefund
    balance: Balance
    laws: tuple[AppliedLaw, ...]
    refund_due: RefundDue
    store: str
    link: Item


class Row(Shape, frozen=True, kw_only=True):
    """A return in a list."""

    id: str
    rma_number: str
    order_number: str
    kind: str
    state: str
    waits_for: str
    method: str | None
    currency: str
    created_at: datetime
    updated_at: datetime
    version: int


class Counted(Shape, frozen=True, kw_only=True):
    """Where a return stands after its goods were counted."""

    return_id: str
    state: str
    version: int
    lines: list[Line]


class Receipt(Counted, frozen=True, kw_only=True):
    """A receipt: the lines with their new numbers, and the things that belong to none of them."""

    rma_number: str
    scan_id: str
    parcel_id: str | None
    finished: bool
    unexpected: list[Item]


class Inspected(Counted, frozen=True, kw_only=True):
    """An inspection: what was judged, and the refunds of the return (id and state alone for the warehouse)."""

    inspections: list[Item]
    refunds: list[Item]


class Clock(Shape, frozen=True, kw_only=True):
    """The store's own time; after a move with how many deadlines fired and how many acts are still under way."""

    now: datetime
    moved: bool | UnsetType = UNSET
    fired: int | UnsetType = UNSET
    effects_pending: int | UnsetType = UNSET
