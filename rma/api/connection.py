"""One connection of a client: how much it may send before anybody reads it, how long it may take, how many there are.

uvicorn and llhttp set no bounds of their own: not to the address, the fields of a header or of a trailer, nor to the
time between two bytes. What is refused here is answered as a problem, and the connection ends; the layers around
the application learn of it, so that it has a line in the log and is counted as requests are. No request is timed: once
a second a ``Watch`` looks at what each connection has done since.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from functools import cached_property
from ipaddress import ip_address
from typing import Any

import msgspec
import uvicorn
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from rma.api import problems
from rma.api.middleware import ALWAYS, ENDED
from rma.errors import RmaError, TooLarge, Unavailable, Unreadable
from rma.services.limits import places

_LINGER_SECONDS = 2.0
_ROOM = 100
_LEFT = 499
"""The status of a request whose client left before it was whole: nobody is answered so. Others call it that, too."""


class Bounds(msgspec.Struct, frozen=True, kw_only=True):
    """Sizes are in bytes, times in seconds, proxies networks of ``ipaddress``; see the settings of the same names."""

    max_address_bytes: int
    max_header_bytes: int
    max_header_fields: int
    header_seconds: float
    body_seconds: float
    body_bytes_per_second: int
    max_connections: int
    max_connections_per_address: int
    trusted_proxies: tuple[Any, ...]


class Config(uvicorn.Config):
    """uvicorn's, for connections with these bounds. It is handed to other processes, so it holds plain values."""

    def __init__(self, app: Any, *, bounds: Bounds, **options: Any) -> None:
        super().__init__(app, http=Connection, **options)
        self.bounds = bounds

    @cached_property
    def watch(self) -> Watch:
        """Who looks after the connections of this process."""
        return Watch(self.bounds)


class Connection(HttpToolsProtocol):
    """A connection with bounds; its ``Config`` must be the one of this module."""

    def __init__(self, config: Config, *others: Any, **named: Any) -> None:
        super().__init__(config, *others, **named)
        self._bounds = config.bounds
        self._watch = config.watch
        self._most = config.bounds.max_header_bytes
        self.url, self.headers = b"", []
        self._received = 0  # bytes of all requests
        self._barren = 0  # bytes since a header was whole or a body grew
        self._heads = 0  # headers that came as a whole; without one there is no ``cycle``
        self._refused = False
        self._wait = _Wait()

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as uvicorn has it
        """Take it, or say that there are too many; beyond a few more not even that."""
        super().connection_made(transport)
        crowd = self._watch.add(self)
        if crowd > 0:
            self._refuse(Unavailable("There are too many connections; try again soon.", code="too_many_connections"))
        if crowd > _ROOM:
            transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """It ended; who left before a request of theirs was whole has made no request that anybody answers."""
        self._watch.drop(self)
        if self._awaits_body():
            self.cycle.scope["state"].setdefault(ENDED, _LEFT)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Bytes from the client. They are read in pieces, so that no more than one is read in vain."""
        size = len(data)
        if size > self._most:
            for start in range(0, size, self._most):
                self.data_received(data[start : start + self._most])
        elif not self._refused:
            self._received += size
            self._barren += size
            super().data_received(data)
            if self._barren:
                self._check()

    def on_headers_complete(self) -> None:
        """The header of a request is whole."""
        self._barren = 0
        if self._too_much() is not None:
            raise ValueError  # the parser stops and asks for ``send_400_response``
        super().on_headers_complete()
        self._heads += 1

    def on_body(self, body: bytes) -> None:
        """A piece of a body came."""
        self._barren = 0
        super().on_body(body)

    def send_400_response(self, msg: str) -> None:
        """Answer what is no HTTP, or too much of it."""
        self._refuse(self._too_much() or Unreadable(msg))

    def look(self, clock: float) -> None:
        """Called about once a second by the watch: end the connection if the client is too slow."""
        wait = self._wait
        for_what = self._waiting()
        if for_what != wait.for_what:
            self._wait = _Wait(for_what, clock, clock, self._received, self._received)
            return
        if self._received != wait.received:
            wait.received, wait.heard = self._received, clock
        if wait.overdue(clock, self._bounds):
            self._end(wait.for_what[0])

    def _waiting(self) -> tuple[str, int]:
        """What the client owes, and which one of its kind; nothing while the application works, or reads slowly."""
        cycle = self.cycle
        answered = not self._heads or cycle.response_complete
        if (left := self.transport.get_write_buffer_size()) > 0:
            return ("reading", left)
        if self._refused and (answered or cycle.disconnected):
            return ("leaving", 0)
        idle = self.timeout_keep_alive_task is not None and not self._begun()
        if idle or self.flow.read_paused or self.transport.is_closing():
            return _NOTHING
        if answered:
            return ("header", self._heads)
        return ("body", self._heads) if cycle.more_body else _NOTHING

    def _begun(self) -> bool:
        """Whether a request has begun whose header is not whole."""
        return self.scope is not (self.cycle.scope if self._heads else None)

    def _check(self) -> None:
        if not self._refused and (fault := self._too_much()) is not None:
            self._refuse(fault)

    def _end(self, owed: str) -> None:
        if owed in {"reading", "leaving"}:
            self.transport.abort()
        elif owed == "header" and not self._begun():
            self.transport.close()
        else:
            self._refuse(Unreadable("The request did not come in time.", code="too_slow"))

    def _too_much(self) -> RmaError | None:
        """What is wrong with the size of a header that is not whole, that has just come, or of a trailer."""
        bounds = self._bounds
        if len(self.url) > bounds.max_address_bytes:
            return TooLarge(f"The address is longer than {bounds.max_address_bytes} bytes.", code="address_too_long")
        if self._barren > self._most or len(self.headers) > bounds.max_header_fields:
            detail = f"The headers are larger than {self._most} bytes, or more than {bounds.max_header_fields}."
            return TooLarge(detail, code="headers_too_large")
        return None

    def _refuse(self, error: RmaError) -> None:
        """The last answer on this connection; what still comes is thrown away, else the client might not read it.

        Where an answer to an earlier request is being made, that one is the last.
        """
        self._refused = True
        cycle, answer = self.cycle, problems.answer(error)
        if self._awaits_body():
            cycle.keep_alive, cycle.disconnected = False, True
            cycle.scope["state"][ENDED] = answer.status
            cycle.message_event.set()
        else:
            self._tell(answer.status)
            if self._heads and not cycle.response_complete:
                cycle.keep_alive = False
                return
        headers = [*self.server_state.default_headers, *answer.headers, *ALWAYS, (b"connection", b"close")]
        headers += [(b"content-type", answer.media_type.encode()), (b"content-length", b"%d" % len(answer.body))]
        lines = [name + b": " + value + b"\r\n" for name, value in headers]
        self.transport.write(b"".join([STATUS_LINE[answer.status], *lines, b"\r\n", answer.body]))
        self.transport.write_eof()

    def _awaits_body(self) -> bool:
        """Whether the application may be waiting for the rest of a request."""
        return self._heads > 0 and self.cycle.more_body and not self.cycle.response_started

    def _tell(self, status: int) -> None:
        """Let the layers around the application know what ended with this status and never was a request."""
        scope: Any = {"type": "http", "method": "none", "path": "", "headers": [], "client": self.client}
        scope["state"] = {**self.app_state, ENDED: status}
        task = self.loop.create_task(self.app(scope, _nothing, _nothing))
        task.add_done_callback(self.tasks.discard)
        self.tasks.add(task)


class Watch:
    """Looks at every connection of a process again and again, while there are any.

    Its clock stands still while the event loop does: nobody is late because the server was.
    """

    def __init__(self, bounds: Bounds) -> None:
        self._beat = min(1.0, bounds.header_seconds / 4, bounds.body_seconds / 4)
        self._most, self._proxies = bounds.max_connections, bounds.trusted_proxies
        self._most_each = bounds.max_connections_per_address or max(1, self._most // 4)
        self._connections: dict[Connection, str] = {}
        self._homes: Counter[str] = Counter()
        self._clock = self._looked = 0.0
        self._due: asyncio.TimerHandle | None = None

    def add(self, connection: Connection) -> int:
        """Look after this one from now on; how many connections there are too many, of all or of its address."""
        home = self._home(connection)
        self._connections[connection] = home
        self._homes[home] += 1
        if self._due is None:
            self._looked = connection.loop.time()
            self._due = connection.loop.call_later(self._beat, self._round, connection.loop)
        return max(len(self._connections) - self._most, self._homes[home] - self._most_each if home else 0)

    def drop(self, connection: Connection) -> None:
        """It ended."""
        home = self._connections.pop(connection)
        self._homes[home] -= 1
        if not self._homes[home]:
            del self._homes[home]

    def _home(self, connection: Connection) -> str:
        """Where it comes from: its address, of IPv6 the network of one customer. Empty for a proxy: it brings many."""
        found = places(connection.client[0] if connection.client else "")
        if not found["address"] or any(ip_address(found["address"]) in network for network in self._proxies):
            return ""
        return found["network"] if "site" in found else found["address"]

    def _round(self, loop: asyncio.AbstractEventLoop) -> None:
        self._due = loop.call_later(self._beat, self._round, loop) if self._connections else None
        now = loop.time()
        self._clock += min(now - self._looked, 2 * self._beat)
        self._looked = now
        for connection in list(self._connections):
            connection.look(self._clock)


async def _nothing(*_message: Any) -> Any:
    """There is nothing to receive, and nobody to send to."""


_NOTHING = ("", 0)


class _Wait(msgspec.Struct):
    """For what a connection has been waiting since when, by the clock of the watch."""

    for_what: tuple[str, int] = _NOTHING
    began: float = 0.0
    heard: float = 0.0
    at_first: int = 0
    received: int = 0

    def overdue(self, clock: float, bounds: Bounds) -> bool:
        """Whether the client is too slow."""
        owed, past = self.for_what[0], clock - self.began
        if owed == "body":
            slow = past > bounds.body_seconds and self.received - self.at_first < past * bounds.body_bytes_per_second
            return slow or clock - self.heard > bounds.body_seconds
        limits = {"header": bounds.header_seconds, "reading": bounds.body_seconds, "leaving": _LINGER_SECONDS}
        return owed in limits and past > limits[owed]
