"""What a handler is given (``Call``) and what it gives back (``Answer``, made by the small functions below)."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import IO, Any, TypeVar, cast

import msgspec

from rma.api import reading
from rma.api.reading import Cursors
from rma.errors import Invalid, NotFound
from rma.services import idempotency, logs
from rma.services.caller import Caller
from rma.services.context import Services, Work
from rma.services.idempotency import Answer, Keyed
from rma.services.paging import Ask, Page

Q = TypeVar("Q")
_IDEMPOTENCY_KEY = b"idempotency-key"
_encode = msgspec.json.Encoder().encode


class Upload(msgspec.Struct, frozen=True):
    """A file of a form: its name as the sender calls it (never a path of ours), its declared type, its bytes."""

    filename: str
    media_type: str
    file: IO[bytes]


class Call:
    """One request, for a handler in a thread: who asks, what was sent, and the ways to read and to write."""

    def __init__(
        self,
        *,
        services: Services,
        caller: Caller | None,
        method: str,
        path: str,
        params: Mapping[str, str],
        headers: Mapping[bytes, bytes],
        raw_query: bytes,
        client: str = "",
    ) -> None:
        self.services = services
        self.method = method
        self.url_path = path
        self.path = params
        self.headers = headers
        self.raw_query = raw_query
        self.client = client
        self.keyed_by: str | None = None
        self.body = b""
        self.file: IO[bytes] | None = None
        self.form: dict[str, str] = {}
        self.files: dict[str, Upload] = {}
        self._caller = caller
        if caller is not None:
            logs.note(store=caller.store_slug, return_id=caller.link_return_id or params.get("id"))

    @property
    def caller(self) -> Caller:
        """Who asks. Only public routes have nobody."""
        if self._caller is None:
            raise RuntimeError("a public route has no caller")
        return self._caller

    @cached_property
    def locale(self) -> str:
        """The language of the texts in the answer: ``tr``, ``en`` or ``de``."""
        return reading.language(self.header("accept-language") or "") or self._home_language

    @property
    def _home_language(self) -> str:
        return (reading.language(self._caller.locale) if self._caller else None) or "en"

    @property
    def media_type(self) -> str:
        """The content type of the body without its parameters, in lower case."""
        return (self.header("content-type") or "").partition(";")[0].strip().lower()

    @property
    def if_match(self) -> int | None:
        """The version that the caller read, or None when it makes no difference to them."""
        return reading.version(self.headers.get(b"if-match"))

    def unless_held(self, answer: Answer) -> Answer:
        """304 in place of a file that the caller holds already (``If-None-Match``).

        Only for bytes: their ETag is of the content. The ETag of a resource is its version, for ``If-Match``; what is
        shown of it hangs on the caller, the language and the day besides, so it is always sent.
        """
        if answer.etag is None or not reading.holds(self.headers.get(b"if-none-match"), answer.etag):
            return answer
        return Answer(304, etag=answer.etag, headers=answer.headers)

    def header(self, name: str) -> str | None:
        """A request header by its name in lower case."""
        value = self.headers.get(name.encode())
        return None if value is None else value.decode("latin-1")

    def query(self, kind: type[Q]) -> Q:
        """The query parameters as this struct. Unknown or ill-typed ones are ``Invalid``."""
        return reading.query(self.raw_query, kind)

    def fields(self, kind: type[Q]) -> Q:
        """The texts of a form as this struct. Unknown or ill-typed ones are ``Invalid``."""
        return reading.typed(self.form, kind)

    def own_store(self, slug: str) -> None:
        """``NotFound`` unless the caller's store has this slug."""
        if slug != self.caller.store_slug:
            raise NotFound("There is no such store.")

    def read(self, act: Callable[[Work], Answer]) -> Answer:
        """Answer from a read transaction."""
        with self.services.database.read() as work:
            return act(work)

    def pages(self, find: Callable[[Work, Ask], Page[Any]]) -> Answer:
        """The page of a list that is asked for, from a read transaction: ``{"items": [...], "next_cursor": ...}``.

        Its cursor goes on in this list alone: of this store, at this address, with these filters.
        """
        cursors = Cursors(self.services.settings.secret, self.caller.store_id, self.url_path, self.raw_query)
        ask = reading.ask(self.raw_query, cursors)

        def act(work: Work) -> Answer:
            found = find(work, ask)
            after = found.next_cursor
            return ok({"items": found.items, "next_cursor": None if after is None else cursors.write(after)})

        return self.read(act)

    def write(self, act: Callable[[Work], Answer]) -> Answer:
        """Answer from a write transaction, once for this Idempotency-Key. ``act`` may be run again from its start.

        The doors compare ``If-Match`` with what the address names (``Work.expected``).
        """
        expected = self.if_match

        def acting(work: Work) -> Answer:
            work.expected = expected
            return act(work)

        return idempotency.run(self.services.database, self.keyed(), acting, unmask=self.services.unmask)

    def in_parts(self, act: Callable[[], Answer]) -> Answer:
        """Answer from an act with many transactions of its own that is harmless to repeat, such as an import."""
        keyed = self.keyed()
        return act() if keyed is None else idempotency.run_in_parts(self.services.database, keyed, act)

    def keyed(self) -> Keyed | None:
        """The request's idempotency key with everything that it counts for, or None without one."""
        if self.keyed_by is None:
            return None
        hashed = _hash_form(self.form, self.files) if self.form or self.files else _hash_body(self.body, self.file)
        return Keyed.of(self.caller, method=self.method, path=self.url_path, key=self.keyed_by, body_hash=hashed)

    def take_key(self, *, demanded: bool) -> None:
        """Read the Idempotency-Key; ``Invalid`` when it is demanded and missing, or no key at all."""
        raw = self.headers.get(_IDEMPOTENCY_KEY)
        if raw is not None:
            self.keyed_by = idempotency.check_key(raw.decode("latin-1"))
        elif demanded:
            detail = "A POST that writes needs an Idempotency-Key header."
            raise Invalid(detail, code="idempotency_key_required")


def _hash_body(body: bytes, file: IO[bytes] | None) -> str:
    if file is None:
        return idempotency.body_hash(body)
    return _hash_file(file)


def _hash_form(form: Mapping[str, str], files: Mapping[str, Upload]) -> str:
    """Of the fields, not of the bytes: a client that tries again separates the parts in another way."""
    parts = {name: idempotency.body_hash(value.encode()) for name, value in form.items()}
    parts.update({name: _hash_file(upload.file) for name, upload in files.items()})
    return idempotency.body_hash(msgspec.json.encode(sorted(parts.items())))


def _hash_file(file: IO[bytes]) -> str:
    file.seek(0)
    hashed = hashlib.file_digest(cast(Any, file), "sha256").hexdigest()
    file.seek(0)
    return hashed


def ok(
    view: Any, *, version: int | None = None, secret: bool = False, subject: str | None = None, status: int = 200
) -> Answer:
    """200 with this value as JSON; ``bytes`` are JSON already. ``version`` becomes the ETag.

    A ``secret`` answer is never kept; ``subject`` is whom erasure finds it by.
    """
    body = view if isinstance(view, bytes) else _encode(view)
    return Answer(status, body, None if version is None else f'"{version}"', secret, subject)


def created(
    view: Any,
    *,
    version: int | None = None,
    secret: bool = False,
    subject: str | None = None,
    hidden: tuple[str, str] | None = None,
) -> Answer:
    """201 with this value. ``hidden``: a secret text in it and the mask that is kept instead, see ``idempotency``."""
    answer = ok(view, version=version, secret=secret, subject=subject, status=201)
    return answer if hidden is None else msgspec.structs.replace(answer, hidden=hidden)


def accepted(view: Any, *, version: int | None = None, subject: str | None = None) -> Answer:
    """202: taken, the outcome comes later."""
    return ok(view, version=version, subject=subject, status=202)


def no_content() -> Answer:
    """204."""
    return Answer(204)


def raw(body: bytes, media_type: str, *, filename: str | None = None, etag: str | None = None) -> Answer:
    """200 with these bytes; with a ``filename`` (ours: letters, digits, ``.-_``) a browser saves them."""
    headers: tuple[tuple[bytes, bytes], ...] = ()
    if filename is not None:
        headers = ((b"content-disposition", f'attachment; filename="{filename}"'.encode("ascii")),)
    return Answer(200, body, etag, media_type=media_type, headers=headers)
