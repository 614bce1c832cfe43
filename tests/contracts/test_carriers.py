"""Our carriers keep the carrier port."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from rma.providers.carrier_offline import OfflineCarrier
from tests.contracts.carrier_suite import CarrierContract

_PLAYS = {"refuses": "fail:no_route", "busy": "busy", "lost_answer": "timeout-after", "lost_call": "timeout-before"}


class OfflineWorld:
    """The offline carrier, told by key."""

    def __init__(self, provider: OfflineCarrier) -> None:
        self.provider = provider

    def plays(self, key: str, behaviour: str) -> None:
        """Orders with this key go like this."""
        self.provider.script(key, _PLAYS[behaviour])

    def use(self, key: str) -> None:
        """The parcel is on its way."""
        assert self.provider.hand_over(key)


class TestOffline(CarrierContract):
    """The carrier without a network."""

    @pytest.fixture
    def world(self, tmp_path: Path) -> OfflineWorld:
        """A carrier with an empty book."""
        return OfflineWorld(OfflineCarrier(tmp_path / "carrier.sqlite", clock=lambda: datetime.now(UTC)))
