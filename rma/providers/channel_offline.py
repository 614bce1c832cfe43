"""Mail without a server: each message becomes one ``.eml`` file in the outbox folder, which any mail program opens.

The file's name follows from the Message-ID, and a file is put in place in one step and never written over: sending
again, from any process, changes nothing.
"""

from __future__ import annotations

import hashlib
import os
import re
import uuid
from base64 import b64encode, encodebytes
from collections.abc import Iterator
from contextlib import suppress
from email.utils import format_datetime, quote
from pathlib import Path
from typing import Final

from rma.domain.ports import Health, Message, SendAnswer
from rma.providers.registry import Context

_UNSAFE: Final = re.compile(r"[^A-Za-z0-9_-]+")
_PLAIN_PLACES: Final = 60
_WORD_BYTES: Final = 39
"""So many bytes make an encoded word that fits a line of 76 places beside the name of its header."""


class OfflineChannel:
    """Keeps the channel port over a folder. The copy is for eyes: the message row stays the record."""

    def __init__(self, folder: Path, *, name: str = "offline") -> None:
        self._folder = folder
        self._name = name

    @property
    def name(self) -> str:
        """The name of this channel."""
        return self._name

    @property
    def idempotent(self) -> bool:
        """A Message-ID is one file."""
        return True

    def health(self) -> Health:
        """Whether the outbox can be written."""
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            return Health(ok=False, detail=f"The outbox cannot be made: {error.strerror}.")
        if not os.access(self._folder, os.W_OK | os.X_OK):
            return Health(ok=False, detail="The outbox cannot be written.")
        return Health(ok=True, detail="Mails are written to the outbox folder. Nobody gets them.")

    def send(self, message: Message) -> SendAnswer:
        """Write the mail, unless it is already there."""
        try:
            _place(self.path(message.message_id), message)
        except OSError as error:
            return SendAnswer(state="failed", code="outbox_unwritable", message=error.strerror, retryable=True)
        return SendAnswer(state="sent")

    def forget(self, message_id: str) -> bool:
        """Erase the copy for good; whether there was one."""
        try:
            self.path(message_id).unlink()
        except FileNotFoundError:
            return False
        return True

    def path(self, message_id: str) -> Path:
        """The file of a Message-ID, whether or not it is there."""
        readable = _UNSAFE.sub("_", message_id.partition("@")[0])[:60]
        return self._folder / f"{readable}-{hashlib.sha256(message_id.encode()).hexdigest()[:12]}.eml"


def create(context: Context) -> OfflineChannel:
    """The folder ``outbox`` in the data folder."""
    return OfflineChannel(context.data_dir / "outbox")


def to_bytes(message: Message) -> bytes:
    """The mail as RFC 5322 bytes with CRLF line ends; the same message gives the same bytes.

    Written here because ``EmailMessage`` loses spaces between the encoded words of a long subject, and because the
    classes of ``email`` cost more than everything else that a mail needs.
    """
    lines = [f"{name}: {value}" for name, value in _headers(message)]
    return "\r\n".join([*lines, ""]).encode() + _body(message)


def _headers(message: Message) -> Iterator[tuple[str, str]]:
    yield "Message-ID", f"<{message.message_id}>"
    yield "Date", format_datetime(message.at)
    yield "From", f"{_name(message.sender_name)}\r\n <{_address(message.sender_address)}>"
    yield "To", _address(message.to)
    if message.reply_to is not None:
        yield "Reply-To", _address(message.reply_to)
    yield "Subject", _words(message.subject)
    yield "Content-Language", message.locale
    yield "Auto-Submitted", "auto-generated"
    yield "X-RMA-Kind", message.kind
    yield "X-RMA-Class", message.message_class
    if message.unsubscribe_url is not None:
        yield "List-Unsubscribe", f"<{message.unsubscribe_url}>"


def _body(message: Message) -> bytes:
    """Both forms of the text, the richer one last (RFC 2046, 5.1.4), with the headers that describe them."""
    boundary = f"=_{hashlib.sha256(message.message_id.encode()).hexdigest()[:32]}"
    parts = (_part("plain", message.text), _part("html", message.html))
    opened = "".join(f"\r\n--{boundary}\r\n{part}" for part in parts)
    head = f'Content-Type: multipart/alternative;\r\n boundary="{boundary}"\r\nMIME-Version: 1.0\r\n'
    return f"{head}{opened}\r\n--{boundary}--\r\n".encode("ascii")


def _part(kind: str, text: str) -> str:
    body = encodebytes(text.encode()).decode("ascii").replace("\n", "\r\n")
    head = f'Content-Type: text/{kind}; charset="utf-8"\r\nMIME-Version: 1.0\r\n'
    return f"{head}Content-Transfer-Encoding: base64\r\n\r\n{body}"


def _words(text: str) -> str:
    """Header text, in encoded words of whole characters where it needs them (RFC 2047)."""
    if text.isascii() and len(text) <= _PLAIN_PLACES and "=?" not in text:
        return text
    words = [b""]
    for octets in map(str.encode, text):
        if len(words[-1]) + len(octets) > _WORD_BYTES:
            words.append(b"")
        words[-1] += octets
    return "\r\n ".join(f"=?utf-8?b?{b64encode(word).decode('ascii')}?=" for word in words)


def _name(text: str) -> str:
    return f'"{quote(text)}"' if text.isascii() else _words(text)


def _address(address: str) -> str:
    """The address with its domain in the form of the DNS (RFC 5891), where it has one."""
    local, _, domain = address.rpartition("@")
    if domain.isascii():
        return address
    try:
        return f"{local}@{domain.encode('idna').decode('ascii')}"
    except UnicodeError:
        return address


def _place(path: Path, message: Message) -> None:
    """Write aside, then give the file its name; a file that is already there wins."""
    if path.exists():
        return
    draft, data = path.with_name(f".{path.name}.{uuid.uuid4().hex}"), to_bytes(message)
    try:
        _write(draft, data)
        with suppress(FileExistsError):
            os.link(draft, path)
    finally:
        draft.unlink(missing_ok=True)


def _write(path: Path, data: bytes) -> None:
    try:
        path.write_bytes(data)
    except FileNotFoundError:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
