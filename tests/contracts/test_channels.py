"""Our channels keep the channel port."""

from __future__ import annotations

from pathlib import Path

import pytest

from rma.providers.channel_offline import OfflineChannel
from tests.contracts.channel_suite import ChannelContract


class OfflineWorld:
    """The offline channel and its folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.provider = OfflineChannel(folder)

    def received(self) -> list[bytes]:
        """The files of the outbox."""
        return [path.read_bytes() for path in sorted(self._folder.glob("*.eml"))]

    def go_down(self) -> None:
        """A file stands where the folder should be."""
        self._folder.write_text("in the way", encoding="utf-8")


class TestOffline(ChannelContract):
    """Mails as files."""

    @pytest.fixture
    def world(self, tmp_path: Path) -> OfflineWorld:
        """An outbox that nobody has used."""
        return OfflineWorld(tmp_path / "outbox")
