"""What a decision reads: the request of a customer and the facts of the order, as plain values.

The services fill them; nothing here knows where they came from. Amounts are minor units of the order's currency,
quantities are units, days are local calendar days of the consumer, instants are aware.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Literal, get_args

import msgspec

from rma.domain.law_dates import Told

Kind = Literal[
    "withdrawal",
    "voluntary",
    "damaged",
    "defective",
    "wrong_item",
    "missing_item",
    "not_delivered",
    "late_delivery",
]
Outcome = Literal["refund", "store_credit", "exchange", "repair", "price_reduction", "keep"]
Part = Literal["delivered", "undelivered"]
Method = Literal["drop_off_code", "printed_label", "pick_up", "own_carrier", "in_store", "none"]

KINDS: tuple[Kind, ...] = get_args(Kind)
"""Every kind of a return line."""
OUTCOMES: tuple[Outcome, ...] = get_args(Outcome)
"""Every outcome that a line may have."""
METHODS: tuple[Method, ...] = get_args(Method)
"""Every way back."""

BY_CHOICE: frozenset[Kind] = frozenset({"withdrawal", "voluntary"})
"""The customer changed their mind: no reason is needed."""
LIABILITY: frozenset[Kind] = frozenset({"damaged", "defective", "wrong_item", "missing_item"})
"""The seller answers for what was delivered (Law 6502 art. 8-12, SGD art. 10, CRA s. 19-24)."""
DELAY: frozenset[Kind] = frozenset({"not_delivered", "late_delivery"})
"""The seller answers for the delivery itself (MSY art. 16, CRD art. 18)."""


class LineRequest(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What is asked for some units of one order line.

    ``opened``, ``used`` and ``installed`` are the condition the customer tells. ``evidence`` holds the kind of each
    file that belongs to this line or to the whole return; ``evidence_overdue`` says that its deadline has passed.
    ``part`` says which units a withdrawal is from; without it the decision parts them by what has come.
    """

    order_line_id: str
    quantity: int
    kind: Kind
    reason: str | None = None
    opened: bool = False
    used: bool = False
    installed: bool = False
    noticed_on: date | None = None
    damage: Literal["visible", "hidden"] | None = None
    outcome: Outcome | None = None
    evidence: tuple[str, ...] = ()
    evidence_overdue: bool = False
    part: Part | None = None


class Override(msgspec.Struct, frozen=True, kw_only=True):
    """Who lets a refused line through, and why. Only someone with the scope for it may ask for one."""

    person: str
    reason: str


class Request(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A filing or a quote. ``filed_at`` is when the notice was given: it counts, not the day it is processed."""

    lines: tuple[LineRequest, ...]
    filed_at: datetime
    method: Method | None = None
    override: Override | None = None


class LineFacts(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One order line. ``quantity`` is bought less cancelled; ``left`` is neither reserved nor consumed by a return.

    ``taken_undelivered`` counts those of the units in returns that were given up before they were delivered. ``total``
    is what was paid for the whole line, tax included. ``attributes`` are the names of those that are true.
    """

    id: str
    sku: str
    quantity: int
    left: int
    total: int
    kind: str = "goods"
    category: str | None = None
    tags: tuple[str, ...] = ()
    attributes: frozenset[str] = frozenset()
    taken_undelivered: int = 0

    @property
    def tangible(self) -> bool:
        """Whether something is delivered for it: goods, also those that come with a service (MSY art. 9/5)."""
        return self.kind in ("goods", "goods_and_service")

    def worth(self, quantity: int) -> int:
        """About what was paid for so many units, rounded down: for comparing with a limit, never for a refund."""
        return self.total * quantity // self.quantity if self.quantity else 0


class DeliveredLine(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Units of an order line in one delivery; ``piece`` names one of several boxes that make up a unit."""

    id: str
    quantity: int
    piece: int | str | None = None


class Delivery(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One parcel to the customer. ``delivered_at`` is None when the day it arrived is not known.

    Without ``lines`` the parcel held the whole order.
    """

    delivered_at: datetime | None
    shipped_at: datetime | None = None
    lines: tuple[DeliveredLine, ...] = ()


class Facts(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Everything a decision may look at besides the request.

    ``lines`` are all lines of the order and ``deliveries`` all its parcels, for a period starts with the last one.
    ``currency`` is the order's. ``informed_on`` is the local day on which the customer was told of the right to
    withdraw; None: nothing says that it was late; ``never_informed``: the store says that it never told.
    ``returns_on_order`` counts earlier returns that stand; ``earlier_returns`` are the local filing days of this
    customer's earlier returns within ``Policy.lookback_days``.
    """

    now: datetime
    timezone: str
    currency: str
    ordered_at: datetime
    country: str
    order_value: int
    lines: tuple[LineFacts, ...]
    shipped_at: datetime | None = None
    promised_by: date | None = None
    is_business: bool = False
    informed_on: date | None = None
    never_informed: bool = False
    groups: tuple[str, ...] = ()
    deliveries: tuple[Delivery, ...] = ()
    returns_on_order: int = 0
    earlier_returns: tuple[date, ...] = ()

    @property
    def told(self) -> Told:
        """When the consumer was told of the right to withdraw."""
        return "never" if self.never_informed else self.informed_on
