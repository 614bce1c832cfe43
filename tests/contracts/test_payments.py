"""Our payment providers keep the payment port."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from rma.providers.payments_offline import OfflinePayments
from tests.contracts.payment_suite import PaymentContract

_PLAYS = {
    "works": "succeed",
    "refuses": "fail:card_closed",
    "busy": "busy",
    "pending": "pending:2",
    "lost_answer": "timeout-after",
    "lost_call": "timeout-before",
}


class OfflineWorld:
    """The offline gateway, told by the payment reference."""

    def __init__(self, provider: OfflinePayments) -> None:
        self.provider = provider

    def payment(self, behaviour: str) -> str:
        """A payment whose refunds go like this."""
        return f"pi_1#{_PLAYS[behaviour]}"

    def moved(self) -> int:
        """Lira that went out, in kuruş."""
        return self.provider.moved("TRY")


def _world(folder: Path, *, idempotent: bool) -> OfflineWorld:
    path = folder / "payments.sqlite"
    provider = OfflinePayments(path, name="offline", idempotent=idempotent, clock=lambda: datetime.now(UTC))
    return OfflineWorld(provider)


class TestOfflineWithKeys(PaymentContract):
    """The gateway that honours idempotency keys."""

    @pytest.fixture
    def world(self, tmp_path: Path) -> OfflineWorld:
        """A gateway with an empty ledger."""
        return _world(tmp_path, idempotent=True)


class TestOfflineWithoutKeys(PaymentContract):
    """The gateway that has no idempotency keys."""

    @pytest.fixture
    def world(self, tmp_path: Path) -> OfflineWorld:
        """A gateway with an empty ledger."""
        return _world(tmp_path, idempotent=False)
