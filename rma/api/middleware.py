"""Small layers around everything: a request id with the headers every answer has, a line of log, a span of a trace."""

from __future__ import annotations

import itertools
import re
import secrets
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import msgspec
from litestar.enums import ScopeType
from litestar.types import ASGIApp, Message, Receive, Scope, Send

from rma.services import logs, tracing
from rma.services.caller import Caller

Line = dict[str, Any]
_ID = re.compile(rb"[A-Za-z0-9._:-]{1,128}")
_ALWAYS = [(b"x-content-type-options", b"nosniff"), (b"referrer-policy", b"no-referrer")]
CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; font-src 'self'; "
    "connect-src 'self'; manifest-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
ENDED = "ended"
"""In the state of a request: an ``Ended``, where its connection ended before the application had answered."""
_HTML = [(b"content-security-policy", CONTENT_SECURITY_POLICY.encode()), (b"x-frame-options", b"DENY")]


class Ended:
    """How a connection ended: the status of the request that ended so, and what is still said on it, if anything."""

    def __init__(self, status: int) -> None:
        self.status = status

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, after the application was told that the client is gone. Here nobody is there to be answered."""


class RequestId:
    """``X-Request-Id`` in and out (a new one where the caller's is none), and the headers that keep browsers safe.

    It notes the status for those around it: that of the answer, or the one that the connection ended with. What the
    connection refuses it answers itself, so that this answer is like all others; what comes here refused already never
    was a whole request, and nobody else is asked.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._start = secrets.token_hex(7)  # the system's randomness is asked once, not for each request
        self._numbers = itertools.count(secrets.randbits(32))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != ScopeType.HTTP:
            await self._app(scope, receive, send)
            return
        given = next((value for name, value in scope["headers"] if name == b"x-request-id"), b"")
        request_id = given if _ID.fullmatch(given) else f"{self._start}{next(self._numbers):010x}".encode()
        state = scope["state"]
        state["request_id"] = request_id.decode()
        state["about"] = logs.begin(state["request_id"])

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                state["status"] = message["status"]
                headers = [*message["headers"], (b"x-request-id", request_id), *_ALWAYS]
                if any(name == b"content-type" and value.startswith(b"text/html") for name, value in headers):
                    headers += _HTML
                message["headers"] = headers
            await send(message)

        if ENDED not in state:
            await self._app(scope, receive, with_headers)
        if (ended := state.get(ENDED)) is not None:
            state["status"] = ended.status
            await ended(scope, receive, with_headers)


class AccessLog:
    """One line for each request: id, route (as in the table, never the address with its values), status and time.

    What a connection refuses has one too, see ``ENDED``; where no request had come the method is ``none``.

    The return's id stands in it where the request was about one. No address, no e-mail, no token and no body ever
    does. It goes around ``RequestId``, which notes the status.
    """

    def __init__(self, app: ASGIApp, write: Callable[[bytes], Any]) -> None:
        self._app = app
        self._write = write

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, then write its line."""
        if scope["type"] != ScopeType.HTTP:
            await self._app(scope, receive, send)
            return
        started = time.perf_counter()
        try:
            await self._app(scope, receive, send)
        finally:
            self._write(msgspec.json.encode(_line(scope, time.perf_counter() - started)) + b"\n")


class Traces:
    """A span for each request, in the trace that its ``traceparent`` names. It goes around ``RequestId``."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != ScopeType.HTTP:
            await self._app(scope, receive, send)
            return
        given = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        method = str(scope["method"])
        with tracing.span(method, headers=given, http__request__method=method) as span:
            try:
                await self._app(scope, receive, send)
            finally:
                state = scope["state"]
                span.notes["http__route"] = route = str(scope.get("path_template") or "none")
                span.name = f"{method} {route}"
                span.notes["http__response__status_code"] = int(state.get("status") or 0)
                span.notes["rma__request_id"] = str(state.get("request_id"))


def _line(scope: Scope, seconds: float) -> Line:
    state = scope["state"]
    caller: Caller | None = state.get("caller")
    about: logs.About | None = state.get("about")
    return {
        "at": datetime.now(UTC),
        "level": "info",
        "logger": "rma.access",
        "request_id": state.get("request_id"),
        "method": scope.get("method"),
        "route": scope.get("path_template"),
        "status": state.get("status"),
        "ms": round(seconds * 1000, 2),
        "store": caller and caller.store_slug,
        "key": caller and caller.key_id,
        "return": about and about.return_id,
    }
