"""Files in a folder, under the hash of their content.

``<root>/<scope>/<first two places of the hash>/<hash>``. A file is written aside, brought to the disk and then put in
place in one step, so nobody ever reads half of it and a killed process leaves at most a draft that is never read.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import uuid
from pathlib import Path
from typing import Final

from rma.domain.ports import Health
from rma.errors import Invalid, NotFound, Unavailable
from rma.providers.registry import Context

_SCOPE: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
_KEY: Final = re.compile(r"([A-Za-z0-9][A-Za-z0-9_-]{0,63})/([0-9a-f]{64})")


class LocalFiles:
    """Keeps the file port below one folder, which it makes when the first file comes."""

    def __init__(self, root: Path, *, name: str = "local") -> None:
        self._root = root
        self._name = name

    @property
    def name(self) -> str:
        """The name of this store."""
        return self._name

    def health(self) -> Health:
        """Whether the folder can be written."""
        try:
            self._root.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            return Health(ok=False, detail=f"The folder for files cannot be made: {error.strerror}.")
        if not os.access(self._root, os.W_OK | os.X_OK):
            return Health(ok=False, detail="The folder for files cannot be written.")
        return Health(ok=True, detail="Files are kept in a folder of this machine.")

    def put(self, data: bytes, *, scope: str) -> str:
        """Keep the bytes and answer their key. Raises ``Invalid`` for a scope that is not a plain name."""
        if _SCOPE.fullmatch(scope) is None:
            raise Invalid.field("scope", "not_a_scope", "A scope is letters, digits, hyphens and underscores.")
        digest = hashlib.sha256(data).hexdigest()
        path = self._root / scope / digest[:2] / digest
        if not path.exists():
            _write(path, data)
        return f"{scope}/{digest}"

    def get(self, key: str) -> bytes:
        """The bytes of the key, after comparing their hash."""
        path = self._path(key)
        try:
            data = path.read_bytes() if path is not None else None
        except FileNotFoundError:
            data = None
        if data is None:
            raise NotFound("There is no such file.")
        if hashlib.sha256(data).hexdigest() != key.rpartition("/")[2]:
            raise Unavailable("This file no longer holds what was stored in it.", code="file_corrupt")
        return data

    def exists(self, key: str) -> bool:
        """Whether the key is there."""
        path = self._path(key)
        return path is not None and path.is_file()

    def delete(self, key: str) -> bool:
        """Remove one file for good."""
        path = self._path(key)
        if path is None:
            return False
        try:
            path.unlink()
        except FileNotFoundError:
            return False
        return True

    def delete_scope(self, scope: str) -> int:
        """Remove all files of one owner for good."""
        if _SCOPE.fullmatch(scope) is None:
            return 0
        folder = self._root / scope
        count = sum(1 for path in folder.glob("??/*") if _KEY.fullmatch(f"{scope}/{path.name}"))
        shutil.rmtree(folder, ignore_errors=True)
        return count

    def _path(self, key: str) -> Path | None:
        """Where a key lives; ``None`` for anything that is not a key, so that no text can name another place."""
        match = _KEY.fullmatch(key)
        if match is None:
            return None
        scope, digest = match.groups()
        return self._root / scope / digest[:2] / digest


def create(context: Context) -> LocalFiles:
    """The folder ``files`` in the data folder."""
    return LocalFiles(context.data_dir / "files")


def _write(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
    with draft.open("xb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
    _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    """Bring the folder's entry to the disk, where the system can."""
    if os.name == "nt":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
