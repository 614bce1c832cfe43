"""Seal heads kept outside the database: signed with a key that is not in it, appended to files, never rewritten.

One file a store, ``<store id>.ndjson`` in ``RMA_DATA_DIR/seals``, one head a line. Whoever keeps a copy elsewhere can
prove later that the database was not cut, set back or recomputed (``rma.services.verify``).
"""

from __future__ import annotations

import hashlib
import os
import threading
import time
from collections.abc import Iterator
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

import msgspec
import sqlalchemy as sa
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from rma.db import tables
from rma.db.session import Database, Work, now
from rma.errors import FieldError, Invalid, NotFound
from rma.services import file_locks
from rma.services.apart import Apart

FOLDER = "seals"
ENDING = ".ndjson"
PAUSE = 15.0
_PURPOSE = b"rma seal heads, version 1"
_TAIL = 4096
_seals = tables.table(tables.Seal)
_stores = tables.table(tables.Store)


class Head(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The end of a store's seal at some instant. ``key`` names the signing key, ``signature`` is Ed25519 in hex."""

    store: str
    number: int
    hash: str
    at: datetime
    key: str
    signature: str

    @property
    def signed(self) -> bytes:
        """The bytes that are signed."""
        return f"{self.store}\n{self.number}\n{self.hash}\n{self.at.isoformat()}".encode()


class Signer:
    """Signs and checks heads: Ed25519 (RFC 8032), its key derived from the installation's secret (RFC 5869)."""

    def __init__(self, secret: str) -> None:
        seed = HKDF(algorithm=SHA256(), length=32, salt=None, info=_PURPOSE).derive(secret.encode())
        self._private = Ed25519PrivateKey.from_private_bytes(seed)
        self._public = self._private.public_key()
        self.name = hashlib.sha256(self._public.public_bytes_raw()).hexdigest()[:16]

    def sign(self, *, store: str, number: int, sealed: str, at: datetime) -> Head:
        """The head with its signature; ``sealed`` is the seal's hash."""
        head = Head(store=store, number=number, hash=sealed, at=at, key=self.name, signature="")
        return msgspec.structs.replace(head, signature=self._private.sign(head.signed).hex())

    def is_ours(self, head: Head) -> bool:
        """True if this key signed exactly this head."""
        try:
            self._public.verify(bytes.fromhex(head.signature), head.signed)
        except (InvalidSignature, ValueError):
            return False
        return True


class SealHeads:
    """Appends the newest head of each store to its file as the sealer advances. One for the process."""

    def __init__(self, folder: Path, secret: str, *, pause: float = PAUSE) -> None:
        """``pause`` is the least number of seconds between two heads of a store, in real time."""
        self._folder = folder
        self._signer = Signer(secret)
        self._pause = pause
        self._lock = threading.Lock()
        self._kept: dict[str, tuple[int, float]] = {}
        self._apart = Apart("seal_heads")

    def advance(self, database: Database, *, at_once: bool = False) -> int:
        """Keep every head that moved since it was last kept; how many. ``at_once``: whatever the pause.

        One whose file cannot be written holds up no other.
        """
        with self._lock:
            with database.read() as work:
                newest = [head for store_id in _store_ids(work) if (head := _newest(work, store_id)) is not None]
            kept = [self._apart.run(partial(self._advance, row, at_once=at_once), row.store_id) for row in newest]
            return sum(map(bool, kept))

    def _advance(self, row: Any, *, at_once: bool) -> bool:
        return self._is_due(row, at_once=at_once) and self._append(row)

    def _is_due(self, row: Any, *, at_once: bool) -> bool:
        number, again = self._kept.get(row.store_id) or (_last_number(self._path(row.store_id)), 0.0)
        return bool(row.number > number) and (at_once or time.monotonic() >= again)

    def _path(self, store_id: str) -> Path:
        return self._folder / f"{store_id}{ENDING}"

    def _append(self, row: Any) -> bool:
        """True if it was appended: not what another process appended meanwhile, nor while one is about to."""
        head = self._signer.sign(store=row.store_id, number=row.number, sealed=row.hash, at=now())
        self._folder.mkdir(parents=True, exist_ok=True)
        path = self._path(row.store_id)
        with path.open("a+b") as file:
            if not file_locks.alone(file):
                return False
            appended = bool(_last_number(path) < row.number)
            if appended:
                _drop_torn_line(file)
                file.write(msgspec.json.encode(head) + b"\n")
                file.flush()
                os.fsync(file.fileno())
        self._kept[row.store_id] = (row.number, time.monotonic() + self._pause)
        return appended


def read(place: Path, signer: Signer) -> list[Head]:
    """Every head of a file, or of all files of a folder. A last line that a crash cut short is left out.

    Raises ``NotFound`` where there is not one, ``Invalid`` naming each line that is no head or was not signed by us.
    """
    files = sorted(place.glob(f"*{ENDING}")) if place.is_dir() else [place] if place.is_file() else []
    heads: list[Head] = []
    faults: list[FieldError] = []
    for path in files:
        for number, line in _lines(path):
            try:
                head = msgspec.json.decode(line, type=Head)
            except msgspec.DecodeError as error:
                faults.append(FieldError(f"{path.name}:{number}", "no_head", f"this is no seal head: {error}"))
                continue
            heads.append(head)
            faults += _forged(head, signer, f"{path.name}:{number}")
    if faults:
        raise Invalid("These seal heads cannot be trusted.", errors=faults, code="heads_forged")
    if not heads:
        raise NotFound(f"There are no seal heads at {place}.")
    return heads


def own(data_dir: Path, secret: str) -> list[Head]:
    """The heads that this installation kept itself; none where it has kept none yet. Raises ``Invalid`` as ``read``."""
    try:
        return read(data_dir / FOLDER, Signer(secret))
    except NotFound:
        return []


def _forged(head: Head, signer: Signer, place: str) -> Iterator[FieldError]:
    if head.key != signer.name:
        message = f"signed with the key {head.key}, ours is {signer.name}: give the secret of that time"
        yield FieldError(place, "other_key", message)
    elif not signer.is_ours(head):
        yield FieldError(place, "signature", "the signature does not fit: this line was changed")


def _lines(path: Path) -> Iterator[tuple[int, bytes]]:
    whole = path.read_bytes()
    for number, line in enumerate(whole[: whole.rfind(b"\n") + 1].splitlines(), start=1):
        if line.strip():
            yield number, line


def _last_number(path: Path) -> int:
    """The number of the last whole line of a file; 0 without one. A file that cannot be read is left to ``read``."""
    if not path.exists():
        return 0
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - _TAIL))
        tail = file.read()
    lines = tail[: tail.rfind(b"\n") + 1].splitlines()
    try:
        return msgspec.json.decode(lines[-1], type=Head).number if lines else 0
    except msgspec.DecodeError:
        return 0


def _drop_torn_line(file: BinaryIO) -> None:
    """Take off what a crash left of a line; the next whole one takes its place. The file is locked."""
    torn = _torn(file)
    if torn is not None:
        file.truncate(torn)


def _torn(file: BinaryIO) -> int | None:
    """Where a last line begins that has no end."""
    start = max(0, file.seek(0, os.SEEK_END) - _TAIL)
    file.seek(start)
    tail = file.read()
    return None if not tail or tail.endswith(b"\n") else start + tail.rfind(b"\n") + 1


def _store_ids(work: Work) -> list[str]:
    return list(work.conn.execute(sa.select(_stores.c.id).order_by(_stores.c.id)).scalars())


def _newest(work: Work, store_id: str) -> Any | None:
    newest = sa.select(_seals.c.store_id, _seals.c.number, _seals.c.hash).where(_seals.c.store_id == store_id)
    return work.conn.execute(newest.order_by(_seals.c.number.desc()).limit(1)).first()
