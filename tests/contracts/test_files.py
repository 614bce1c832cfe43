"""Our file stores keep the file port."""

from __future__ import annotations

from pathlib import Path

import pytest

from rma.providers.files_local import LocalFiles
from tests.contracts.file_suite import FileStoreContract


class LocalWorld:
    """A folder with something beside it that must stay as it is."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        (folder / "secret").write_text("not yours", encoding="utf-8")
        self.provider = LocalFiles(folder / "files")

    def damage(self, key: str) -> None:
        """Write other bytes into the file."""
        scope, digest = key.split("/")
        (self._folder / "files" / scope / digest[:2] / digest).write_bytes(b"something else")

    def outside(self) -> list[str]:
        """All that lies in the folder, the store's own part left out."""
        return [f"{path}: {path.stat().st_size}" for path in sorted(self._folder.iterdir()) if path.name != "files"]


class TestLocal(FileStoreContract):
    """Files in a folder of this machine."""

    @pytest.fixture
    def world(self, tmp_path: Path) -> LocalWorld:
        """A store that nobody has used."""
        return LocalWorld(tmp_path)
