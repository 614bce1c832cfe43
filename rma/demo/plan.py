"""What the story is made of: stores with their keys, products, orders and the returns that will be filed."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec

Json = dict[str, Any]

ROLES: Mapping[str, tuple[str, ...]] = {
    "owner": ("admin", "events:read", "returns:read", "orders:read", "policies:write", "workflows:write"),
    "shop": ("orders:read", "orders:write", "returns:read", "returns:write", "evidence:read"),
    "support": ("orders:read", "returns:read", "returns:write", "returns:override", "refunds:propose", "refunds:read"),
    "warehouse": ("receiving:write", "returns:read"),
    "finance": ("refunds:read", "refunds:approve", "returns:read"),
    "second": ("refunds:read", "refunds:approve", "returns:read"),
}
PERSONS: Mapping[str, str] = {"support": "support", "warehouse": "warehouse", "finance": "finance", "second": "owner"}


class KeySpec(msgspec.Struct, frozen=True, kw_only=True):
    """A key to mint. ``role`` is the story's name for it; ``person`` is an e-mail or None."""

    role: str
    name: str
    scopes: tuple[str, ...]
    person: str | None


class StoreSpec(msgspec.Struct, frozen=True, kw_only=True):
    """A test-mode store to make. Its clock must start at ``clock_start``, before its first order.

    ``policy`` is what it changes of the standard policy: section to key to value.
    """

    slug: str
    name: str
    country: str
    timezone: str
    currency: str
    locale: str
    domain: str
    return_addresses: tuple[Json, ...]
    clock_start: datetime
    policy: Mapping[str, Json] = {}

    @property
    def keys(self) -> tuple[KeySpec, ...]:
        """One key a role, with the scopes that role needs and no more."""
        return tuple(
            KeySpec(
                role=role,
                name=f"demo {role}",
                scopes=scopes,
                person=f"{PERSONS[role]}@{self.domain}" if role in PERSONS else None,
            )
            for role, scopes in ROLES.items()
        )


class Snapshot(msgspec.Struct, frozen=True, kw_only=True):
    """An order to import once ``at`` has passed: ``body`` is the snapshot of the HTTP contract with its number."""

    at: datetime
    body: Json


class FilingLine(msgspec.Struct, frozen=True, kw_only=True):
    """Units of one order line; ``replacement`` is the sku wanted instead, for an exchange.

    ``credited`` is what the retailer gave back for them in real life, in minor units; 0 where there was no retailer.
    """

    order_line_id: str
    quantity: int
    replacement: str | None = None
    credited: int = 0


class Manner(msgspec.Struct, frozen=True, kw_only=True):
    """How a return goes: what the customer wants and says, what the warehouse finds, how it felt.

    ``verdict`` is accept, part (with ``deduction`` in percent) or reject (the goods go back). ``late_units``
    arrive in a second parcel. ``score`` (1-5) is None for a customer who gives no feedback.
    """

    kind: str = "voluntary"
    reason: str = "changed_mind"
    note: str | None = None
    outcome: str = "refund"
    method: str = "drop_off_code"
    grade: str = "A"
    disposition: str = "restock"
    verdict: str = "accept"
    deduction: str | None = None
    finding: str | None = None
    late_units: int = 0
    score: int | None = None
    comment: str | None = None


class Filing(msgspec.Struct, frozen=True, kw_only=True):
    """A return that a customer will ask for at ``at``. ``source`` names what it stands for (a credit note)."""

    source: str
    at: datetime
    order_number: str
    lines: tuple[FilingLine, ...]
    manner: Manner

    @property
    def key(self) -> str:
        """Unique in a store: one credit note may be several returns, one for each order."""
        return f"{self.source}/{self.order_number}"


class StorePlan(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that happens in one store, in the order of time, and what is worth saying about it before."""

    spec: StoreSpec
    products: tuple[Json, ...]
    orders: tuple[Snapshot, ...]
    filings: tuple[Filing, ...]
    about: tuple[str, ...] = ()
    left_out: tuple[tuple[str, int], ...] = ()
    unmatched: tuple[tuple[str, int], ...] = ()


def money(amount: str, currency: str) -> Json:
    """Money as the contract writes it."""
    return {"amount": amount, "currency": currency}
