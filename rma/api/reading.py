"""Reading requests: bodies with their limits, headers, query parameters, cursors and languages."""

from __future__ import annotations

import base64
import binascii
import hmac
import re
import tempfile
from collections.abc import AsyncGenerator, AsyncIterator, Collection, Hashable, Mapping
from functools import cache, lru_cache
from typing import IO, Any, TypeVar, cast, get_origin
from urllib.parse import parse_qsl

import msgspec
from litestar import Request
from litestar.datastructures import FormMultiDict
from litestar.exceptions import InternalServerException
from litestar.types import Receive

from rma.domain import strict
from rma.domain.texts import LANGUAGES, wishes
from rma.errors import FieldError, Invalid, TooLarge, Unreadable, UnsupportedMedia
from rma.services.paging import DEFAULT_LIMIT, MAX_LIMIT, Ask

Q = TypeVar("Q")
_SPOOL = 1 << 20
_PLACE = frozenset({"limit", "cursor", "after"})
"""Parameters that say where in a list and how much of it, not which list."""
_MARK = 12
_ONE_KIND = bytes.maketrans(b"{}", b"[]")
_NEITHER_QUOTE_NOR_BRACKET = bytes(set(range(256)) - set(b'"[]{}'))
_AT = re.compile(r"`\$\.?([^`]*)`")
_FIELD = re.compile(r"field `([^`]+)`")
_NUMBER = re.compile(r"\s*[+-]?[\d.]+([eE][+-]?\d+)?\s*")


class Sent(Request[Any, Any, Any]):
    """A request as the framework reads it. A client that leaves is ``Unreadable``; the framework calls it our error."""

    _left = False

    async def stream(self) -> AsyncGenerator[bytes, None]:
        """The pieces of the body; to be asked for through ``body`` and ``form``, which know whether it was whole."""
        try:
            async for piece in super().stream():
                yield piece
        except InternalServerException:
            self._left = True  # a form that ends too soon closes its files, one whose stream breaks does not

    async def body(self) -> bytes:
        """The whole body, or ``Unreadable``."""
        found = await super().body()
        if self._left:
            raise _left()
        return found

    async def form(self) -> FormMultiDict:
        """The whole form, or ``Unreadable``: a part names the encoding of its text, some are half a sign."""
        try:
            found = await super().form()
            "".join(text for _, text in found.multi_items() if isinstance(text, str)).encode()
        except (ValueError, LookupError):
            raise Unreadable("A field of the form is no text; bytes are sent as a file with a name.") from None
        finally:
            if self._left:
                raise _left() from None
        return found


async def chunks(receive: Receive, limit: int, declared: bytes | None) -> AsyncIterator[bytes]:
    """The pieces of a body of at most ``limit`` bytes. Raises ``TooLarge``, or ``Unreadable`` when the client left."""
    if declared is not None and declared.isdigit() and int(declared) > limit:
        raise _too_large(limit)
    seen, more = 0, True
    while more:
        message = await receive()
        if message["type"] != "http.request":
            raise _left()
        piece = message.get("body", b"")
        seen += len(piece)
        if seen > limit:
            raise _too_large(limit)
        more = message.get("more_body", False)
        yield piece


async def whole(receive: Receive, limit: int, declared: bytes | None) -> bytes:
    """The body in memory."""
    pieces = [piece async for piece in chunks(receive, limit, declared)]
    return pieces[0] if len(pieces) == 1 else b"".join(pieces)


async def spooled(receive: Receive, limit: int, declared: bytes | None) -> IO[bytes]:
    """The body in a temporary file (in memory while small), rewound. The caller closes it."""
    file = tempfile.SpooledTemporaryFile(max_size=_SPOOL)  # noqa: SIM115 - closed by whoever answers the request
    try:
        async for piece in chunks(receive, limit, declared):
            file.write(piece)
    except BaseException:
        file.close()
        raise
    file.seek(0)
    return file


def check_json(media_type: str) -> None:
    """``UnsupportedMedia`` unless the body is declared as JSON, or not declared at all."""
    if media_type and media_type != "application/json" and not media_type.endswith("+json"):
        raise UnsupportedMedia(f"Send the body as application/json, not as {media_type}.")


def check_form(media_type: str) -> None:
    """``UnsupportedMedia`` unless the body is a form with files."""
    if media_type != "multipart/form-data":
        raise UnsupportedMedia(f"Send the body as multipart/form-data, not as {media_type or 'nothing'}.")


def check_texts(values: Mapping[str, Any]) -> None:
    """``Invalid`` where a text holds what no database can."""
    if faults := strict.text_faults(values):
        raise Invalid("A field holds a character that is not allowed.", errors=faults)


def check_depth(body: bytes, limit: int) -> None:
    """``Unreadable`` for JSON that is nested deeper than ``limit``; bytes within strings do not count.

    Each step goes over the body once, and none steps back: no body takes longer than its length says, also one whose
    strings never end.
    """
    if body.count(b"[") + body.count(b"{") <= limit:
        return
    plain = body.replace(b"\\\\", b"").replace(b'\\"', b"").translate(_ONE_KIND, _NEITHER_QUOTE_NOR_BRACKET)
    brackets, levels = b"".join(plain.split(b'"')[::2]), 0
    while b"[]" in brackets and levels <= limit:
        brackets, levels = brackets.replace(b"[]", b""), levels + 1
    if levels + brackets.count(b"[") > limit:
        raise Unreadable(f"The JSON is nested deeper than {limit} levels.", code="too_deep")


def query(raw: bytes, kind: type[Q]) -> Q:
    """The query parameters as this struct, without ``limit`` and ``cursor`` (see ``ask``). Unknown: ``Invalid``."""
    given = parameters(raw)
    values: dict[str, Any] = {name: parts[-1] for name, parts in given.items() if name not in {"limit", "cursor"}}
    many = [f.encode_name for f in msgspec.structs.fields(kind) if get_origin(f.type) in {list, tuple}]  # type: ignore[arg-type]
    values |= {name: given[name] for name in many if name in given}
    _check_once(given, but=many)
    return typed(values, kind)


def typed(values: Mapping[str, Any], kind: type[Q]) -> Q:
    """Texts (of a query, of a form) as this struct: ``"5"`` for a number will do. ``Invalid`` names the wrong one."""
    check_texts(values)
    for name in _instants(cast(Hashable, kind)):
        if isinstance(given := values.get(name), str) and _NUMBER.fullmatch(given):
            raise Invalid.field(name, "type", "an instant with its offset, as RFC 3339 writes it")
    try:
        found = msgspec.convert(values, kind, strict=False)
    except msgspec.ValidationError as fault:
        raise Invalid("A parameter cannot be right.", errors=[_fault(str(fault))]) from None
    strict.check_days(found)
    return found


class Cursors:
    """The cursors of one list: of a store, at an address, with the filters of a query.

    Each bears a mark that only this installation can make, of the list and the row that it names. So a cursor of
    another list, one that was changed, and one that somebody made up name no row at all.
    """

    def __init__(self, secret: str, store_id: str, path: str, raw_query: bytes) -> None:
        filters = sorted((name, parts) for name, parts in parameters(raw_query).items() if name not in _PLACE)
        self._list = msgspec.json.encode(("cursor", store_id, path, filters))
        self._secret = secret.encode()

    def write(self, after: str) -> str:
        """An opaque cursor for the sort key of a row."""
        key = after.encode()
        mark = hmac.digest(self._secret, self._list + b"\n" + key, "sha256")[:_MARK]
        return base64.urlsafe_b64encode(mark + key).rstrip(b"=").decode()

    def read(self, cursor: str) -> str:
        """The sort key behind a cursor of this list, or ``Invalid``."""
        try:
            raw = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
            after = raw[_MARK:].decode()
        except (binascii.Error, ValueError):
            after = ""
        if not hmac.compare_digest(self.write(after).encode(), cursor.encode()):
            raise Invalid.field("cursor", "cursor", "This cursor is not of this list as asked for; start without one.")
        return after


def ask(raw: bytes, cursors: Cursors) -> Ask:
    """Which page is asked for: ``limit`` 1 to 200, ``cursor`` as a page of the same list gave it."""
    given = parameters(raw)
    _check_once({name: given[name] for name in ("limit", "cursor") if name in given})
    limit = given.get("limit", [str(DEFAULT_LIMIT)])[-1]
    if not limit.isascii() or not limit.isdigit() or not 1 <= int(limit[:9]) <= MAX_LIMIT:
        raise Invalid.field("limit", "limit", f"limit is a whole number from 1 to {MAX_LIMIT}.")
    cursor = given.get("cursor")
    return Ask(int(limit), cursors.read(cursor[-1]) if cursor else None)


def _check_once(given: Mapping[str, list[str]], *, but: Collection[str] = ()) -> None:
    """``Invalid`` naming each parameter that is given twice and means one thing."""
    twice = [name for name, parts in given.items() if len(parts) > 1 and name not in but]
    if twice:
        errors = [FieldError(name[:80], "twice", "this parameter is given more than once") for name in twice]
        raise Invalid("A parameter is given more than once.", errors=errors)


@lru_cache(512)
def parameters(raw: bytes) -> Mapping[str, list[str]]:
    """The query parameters by name, empty ones left out; do not change it, it is shared."""
    found: dict[str, list[str]] = {}
    try:
        for name, value in parse_qsl(raw.decode("ascii"), errors="strict"):
            found.setdefault(name, []).append(value)
    except (UnicodeDecodeError, ValueError):
        raise Unreadable("The query cannot be read: it is not UTF-8.") from None
    return found


@lru_cache(256)
def language(header: str) -> str | None:
    """The language of ours that ``Accept-Language`` likes best, or None when it names none of them."""
    return next((code for code in wishes(header) if code in LANGUAGES), None)


def version(header: bytes | None) -> int | None:
    """The version in an ``If-Match`` header: None for no wish or ``*``, -1 for what can never match."""
    if header is None or header == b"*":
        return None
    inner = header.removeprefix(b"W/").strip(b'"')
    return int(inner) if inner.isdigit() and len(inner) < 19 else -1  # noqa: PLR2004 - a 64-bit number


def holds(header: bytes | None, etag: str) -> bool:
    """Whether an ``If-None-Match`` header names this ETag; ``*`` names every one."""
    named = (header or b"").decode("latin-1").split(",")
    return any(one.strip().removeprefix("W/") in (etag, "*") for one in named)


def _left() -> Unreadable:
    return Unreadable("The client left before the body was whole.", code="incomplete_body")


def _too_large(limit: int) -> TooLarge:
    return TooLarge(f"The body is larger than {limit} bytes.")


@cache
def _instants(kind: Hashable) -> tuple[str, ...]:
    """The fields that take an instant: msgspec would read a number as seconds since 1970."""
    fields = msgspec.structs.fields(cast(Any, kind))
    return tuple(field.encode_name for field in fields if "datetime" in str(field.type))


def _fault(message: str) -> FieldError:
    """The faulty parameter in a message of msgspec's."""
    text = message.partition(" - at ")[0]
    if strange := _FIELD.search(text):
        return FieldError(strange.group(1), "unknown", "there is no such parameter")
    where = _AT.search(message)
    return FieldError(where.group(1) if where else "", "type", text)
