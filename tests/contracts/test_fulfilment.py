"""Our stock systems keep the fulfilment port."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from rma.providers.fulfilment_offline import OfflineFulfilment
from tests.contracts.fulfilment_suite import FulfilmentContract

_PLAYS = {
    "refuses": "fail:no_such_sku",
    "busy": "busy",
    "lost_answer": "timeout-after",
    "lost_call": "timeout-before",
    "out_of_stock": "out-of-stock",
}


class OfflineWorld:
    """The offline stock system, told by key."""

    def __init__(self, provider: OfflineFulfilment) -> None:
        self.provider = provider

    def plays(self, key: str, behaviour: str) -> None:
        """Orders with this key go like this."""
        self.provider.script(key, _PLAYS[behaviour])


class TestOffline(FulfilmentContract):
    """The stock system without a network."""

    @pytest.fixture
    def world(self, tmp_path: Path) -> OfflineWorld:
        """A stock system with an empty book."""
        return OfflineWorld(OfflineFulfilment(tmp_path / "stock.sqlite", clock=lambda: datetime.now(UTC)))
