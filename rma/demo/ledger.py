"""From what the retailer credited to what was refunded here: every difference has a name, and the sum is exact."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from rma.demo.plan import Filing
from rma.domain.money import parse_amount

Json = dict[str, Any]
Bodies = Mapping[str, Json]


@dataclass(slots=True)
class Ledger:
    """Minor units of one currency. ``credited`` minus what stands apart plus what came on top is ``refunded``."""

    credited: int = 0
    refused: int = 0
    swapped: int = 0
    sent_back: int = 0
    priced: int = 0
    deducted: int = 0
    shipping: int = 0
    waiting: int = 0
    refunded: int = 0

    def rows(self) -> tuple[tuple[str, int], ...]:
        """The way from the first amount to the last, each step as it is added."""
        return (
            ("credited by the retailer in real life", self.credited),
            ("refused here, by policy and law", -self.refused),
            ("goods instead of money", -self.swapped),
            ("sent back to the customer", -self.sent_back),
            ("credited at another price than was paid", self.priced),
            ("less for goods that were used or damaged", -self.deducted),
            ("postage paid back with the last goods", self.shipping),
            ("not paid yet", -self.waiting),
            ("refunded", self.refunded),
        )


def account(filings: Iterable[Filing], bodies: Bodies, refunds: Iterable[Json], currency: str) -> Ledger:
    """Explain every minor unit between credited and refunded.

    ``bodies`` is what was filed, by the filing's key; ``refunds`` are the store's, as the server shows them. What a
    refund pays for goods is compared with what the retailer credited for the same goods.
    """
    ledger = Ledger()
    for filing in filings:
        _file(ledger, filing, bodies.get(filing.key))
    goods = 0
    for refund in refunds:
        goods += _pay(ledger, refund, currency)
    asked = ledger.credited - ledger.refused - ledger.swapped - ledger.sent_back
    ledger.priced = goods - asked
    return ledger


def _file(ledger: Ledger, filing: Filing, body: Json | None) -> None:
    taken = {line["order_line_id"]: line for line in body["lines"]} if body else {}
    for line in filing.lines:
        ledger.credited += line.credited
        filed = taken.get(line.order_line_id)
        if filed is None:
            ledger.refused += line.credited
        elif filing.manner.verdict == "reject":
            ledger.sent_back += line.credited
        elif filed["outcome"] == "exchange":
            ledger.swapped += line.credited


def _pay(ledger: Ledger, refund: Json, currency: str) -> int:
    """Add one refund up; answers what it says about goods."""
    if refund["state"] == "refused":
        return 0
    goods = 0
    for component in refund["components"]:
        gross = parse_amount(component["gross"]["amount"], currency, path="gross")
        if component["kind"] == "deduction":
            ledger.deducted += gross
        elif component["kind"] == "shipping":
            ledger.shipping += gross
        else:
            goods += gross
    for transfer in refund["transfers"]:
        amount = parse_amount(transfer["amount"]["amount"], currency, path="amount")
        if transfer["state"] == "succeeded":
            ledger.refunded += amount
        else:
            ledger.waiting += amount
    return goods
