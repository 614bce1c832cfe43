"""Orders in a few words, and a till that refunds them one settlement after another as the services do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rma.domain.asks import Ask, Part, Settlement
from rma.domain.components import Component
from rma.domain.money import decimal_parts, exponent, format_amount, half_up
from rma.domain.pricing import price
from rma.domain.settlement import by_hand, settle
from rma.domain.snapshot import read_order
from rma.domain.tenders import TenderState, tender_states
from rma.domain.units import Ranges


def minor(text: str, currency: str = "TRY") -> int:
    """Minor units of a decimal text of any number of places."""
    digits, places = decimal_parts(text) or (0, 0)
    return half_up(digits * 10 ** exponent(currency), 10**places)


def minors(text: str, currency: str = "TRY") -> list[int]:
    """Minor units of a comma-separated list."""
    return [minor(part, currency) for part in text.split(",")]


def line(unit_price: str, quantity: int = 1, **more: Any) -> dict[str, Any]:
    """A line of a snapshot; ``discount`` and ``tax`` are decimal texts too."""
    return {"sku": "SKU", "quantity": quantity, "unit_price": unit_price, **more}


def snapshot(*lines: dict[str, Any], currency: str = "TRY", inclusive: bool = True, **more: Any) -> dict[str, Any]:
    """An order as on the wire. Lines are numbered from 1, amounts given as texts get the currency."""
    numbered = [{"id": str(number), **one} for number, one in enumerate(lines, start=1)]
    body = {
        "ordered_at": "2026-06-01T10:00:00+03:00",
        "currency": currency,
        "prices_include_tax": inclusive,
        "lines": numbered,
        "payments": more.pop("payments", [payment(format_amount(10**8, currency))]),
        **more,
    }
    found: dict[str, Any] = _with_money(body, currency)
    return found


def payment(captured: str, *, tender: str = "card", **more: Any) -> dict[str, Any]:
    """A payment of a snapshot, its id is its tender."""
    return {"id": tender, "tender": tender, "captured": captured, **more}


def promotion(amount: str, *lines: str, **more: Any) -> dict[str, Any]:
    """A promotion of a snapshot."""
    return {"code": "PROMO", "amount": amount, "lines": list(lines) or None, **more}


class Till:
    """An order with frozen values; every refund it gives counts for the next one."""

    def __init__(self, body: Mapping[str, Any]) -> None:
        self.order = read_order("1001", body)
        self.priced = price(self.order)
        self.past: list[Component] = []
        self.committed: dict[str, int] = {}

    def states(self) -> tuple[TenderState, ...]:
        """The tenders with what was refunded so far."""
        return tender_states(self.order, self.committed)

    def give(self, units: Mapping[str, Ranges] | None = None, **ask: Any) -> Settlement:
        """Settles and records it."""
        asked = Ask(units=dict(units or {}), **ask)
        return self._record(settle(self.priced, past=self.past, tenders=self.states(), ask=asked))

    def hand(self, *parts: Part) -> Settlement:
        """Refunds by hand and records it."""
        return self._record(by_hand(self.priced, past=self.past, tenders=self.states(), parts=parts))

    def everything(self, **ask: Any) -> Settlement:
        """All units of all lines, by right."""
        units = {one.id: ((1, one.quantity),) for one in self.order.lines}
        return self.give(units, **{"statutory": tuple(units), "completes_order": True, **ask})

    def _record(self, settlement: Settlement) -> Settlement:
        self.past.extend(settlement.components)
        for transfer in settlement.transfers:
            key = transfer.payment_id or transfer.on_behalf_of
            if key:
                self.committed[key] = self.committed.get(key, 0) + transfer.amount
        return settlement


def by_tender(settlement: Settlement) -> dict[str, int]:
    """What each tender gets."""
    found: dict[str, int] = {}
    for transfer in settlement.transfers:
        found[transfer.tender] = found.get(transfer.tender, 0) + transfer.amount
    return found


def of_kind(settlement: Settlement, kind: str) -> int:
    """The gross of the components of a kind."""
    return sum(one.gross for one in settlement.components if one.kind == kind)


def tax_of(settlements: Sequence[Settlement]) -> int:
    """The tax refunded by all of them."""
    parts = [one for settlement in settlements for one in settlement.components]
    return sum(-one.tax if one.kind == "deduction" else one.tax for one in parts)


_MONEY = frozenset({"unit_price", "discount", "tax", "amount", "captured", "refunded", "authorised", "total"}) | {
    "cheapest_standard",
    "minimum",
}


def _with_money(value: Any, currency: str) -> Any:
    if isinstance(value, dict):
        return {
            key: {"amount": part, "currency": currency}
            if key in _MONEY and isinstance(part, str)
            else _with_money(part, currency)
            for key, part in value.items()
        }
    if isinstance(value, list):
        return [_with_money(part, currency) for part in value]
    return value
