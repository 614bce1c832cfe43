"""What is asked of a settlement and what it answers."""

from __future__ import annotations

from typing import Literal

import msgspec

from rma.domain.components import Accrual, Component
from rma.domain.tenders import TRANSFER, Mode, Transfer, Void
from rma.domain.units import Ranges

ShippingMode = Literal["with_last", "pro_rata", "marginal", "none"]


class Deduction(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is held back: a fixed amount or a percentage of the units' price, of one line or (no line) of the return.

    No ``units`` means all units of that line that are asked now. Never more than those units bring.
    """

    cause: Literal["value_loss", "fee", "return_cost", "service_used"]
    amount: int | None = None
    percent: str | None = None
    order_line_id: str | None = None
    units: Ranges = ()
    why: str = ""


class Reduction(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A price reduction of units that the customer keeps: an amount for all of them, or a percentage of their price."""

    order_line_id: str
    units: Ranges
    amount: int | None = None
    percent: str | None = None
    why: str = "price_reduction"


class Extra(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Money that never was part of the price: outside the cap, by transfer or credit."""

    kind: Literal["return_freight", "interest", "goodwill"]
    amount: int
    why: str = ""
    accrual: Accrual | None = None


class Swap(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An exchange: the units' value counts towards ``price`` (gross of the whole replacement) and what else is owed."""

    order_line_id: str
    units: Ranges
    price: int
    shipping: int = 0
    return_cost: int = 0


class Ask(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is decided now: units paid back, deductions, exchanges, and the store's rules for shipping and tenders.

    ``statutory`` names the lines that come back by right: no fee is taken on them, their promotion is never repriced,
    and only with such a line, now or before, does ``with_last`` give shipping and fees back when ``completes_order``
    (an order that came back of free will alone leaves them paid). ``shipping_for_kept`` is what shipping would have
    cost for what stays (``marginal``).
    ``redirect`` maps a payment id (or ``*``) to the tender the customer chose expressly; ``credit`` names the units
    whose money, and no other, they chose to have as store credit. ``rest``: stretches that an earlier refund
    owed and could not pay, each of the kind that it is paid as. ``charges``: units whose own money was decided before,
    for which shipping and fees may be left. ``release``: cancelled before shipping, so authorised money that was never
    captured is released first.
    """

    units: dict[str, Ranges] = {}
    statutory: tuple[str, ...] = ()
    deductions: tuple[Deduction, ...] = ()
    reductions: tuple[Reduction, ...] = ()
    extras: tuple[Extra, ...] = ()
    swaps: tuple[Swap, ...] = ()
    shipping: ShippingMode = "with_last"
    completes_order: bool = False
    shipping_basis: Literal["paid", "cheapest_standard"] = "paid"
    shipping_for_kept: int | None = None
    promotions: Literal["pro_rata", "reprice"] = "pro_rata"
    tenders: Mode = "proportional"
    redirect: dict[str, str] = {}
    credit: dict[str, Ranges] = {}
    extra_tender: str = TRANSFER
    bonus_percent: str = "0"
    rest: tuple[Component, ...] = ()
    charges: dict[str, Ranges] = {}
    release: bool = False


class Settlement(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The money: ``total`` is the signed sum of the components and the sum of the transfers.

    ``owed`` is the total before the caps, ``short`` what the caps cut off; ``points`` are loyalty points to take back.
    ``dues``: what no unit covers of each swap that was asked, in their order.
    ``flags``: ``short``, ``not_captured``, ``nothing_to_refund``, ``needs_payout``, ``fee_not_allowed``,
    ``refunded_elsewhere`` (a payment gave money back from here and elsewhere: compare before it is approved).
    """

    components: tuple[Component, ...]
    total: int
    owed: int
    transfers: tuple[Transfer, ...]
    voids: tuple[Void, ...] = ()
    short: int = 0
    dues: tuple[int, ...] = ()
    points: int = 0
    flags: tuple[str, ...] = ()

    @property
    def due_from_customer(self) -> int:
        """What the customer owes for all swaps together."""
        return sum(self.dues)

    @property
    def is_for_finance(self) -> bool:
        """Whether a person of finance has to see it: money, money that is owed and not there, or a loss of all value.

        Not so where rightly nothing is owed: what is free, was paid back before or counts towards a replacement.
        """
        swapped = {one.order_line_id for one in self.components if one.cause == "exchange"}
        lost = any(one.cause == "value_loss" and one.order_line_id not in swapped for one in self.components)
        return bool(self.transfers) or self.short > 0 or lost


class Part(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One line of a refund made by hand; no ``amount`` means all that is left of it."""

    kind: Literal["goods", "shipping", "paid_fee", "price_reduction", "return_freight", "interest", "goodwill"]
    amount: int | None = None
    order_line_id: str | None = None
    units: Ranges = ()
    ref: str | None = None
    why: str = ""
