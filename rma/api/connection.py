"""One connection of a client: how much it may send before anybody reads it, how long it may take, how many there are.

uvicorn and llhttp set no bounds of their own: not to the address, the fields of a header or of a trailer, nor to the
time between two bytes. What is refused here is answered as a problem, and the connection ends. The refusal stands in
the line of requests as one of them and passes the layers around the application, so that it is answered after those
before it, with the headers of every answer, has a line in the log and is counted. No request is timed: once a second a
``Watch`` looks at what each connection has done since.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from functools import cached_property
from ipaddress import ip_address
from typing import Any

import msgspec
import uvicorn
from litestar.types import Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from rma.api import problems, sharing
from rma.api.middleware import ENDED, Ended
from rma.api.routing import Reply
from rma.errors import RmaError, TooLarge, Unavailable, Unreadable
from rma.services.idempotency import Answer
from rma.services.limits import places

_LINGER_SECONDS = 2.0
_ROOM = 100
_LEFT = 499
"""The status of a request whose client left before it was whole: nobody is answered so. Others call it that, too."""
_SPOKEN = logging.getLogger("uvicorn.error.connection")
_SPOKEN.setLevel(logging.ERROR)
"""What uvicorn says of a connection: what clients send has a line of ours, so only errors of the server are left."""


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
        self.logger = _SPOKEN
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
        if self._owes_body() and not self.cycle.response_started:
            self.cycle.scope["state"].setdefault(ENDED, Ended(_LEFT))
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
        if self._refused:
            return ("leaving", 0) if answered else _NOTHING
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

        Requests before it are answered first. Where its own is being answered already, that answer is the last one.
        """
        self._refused = True
        if not self._owes_body():
            self._add_unheard()
        cycle = self.cycle
        cycle.keep_alive, cycle.transport = False, _Parting(self.transport)
        cycle.on_response = self.flow.resume_reading
        if cycle.response_complete:
            cycle.transport.close()
        elif not cycle.response_started:
            cycle.scope["state"][ENDED] = _Refusal(problems.answer(error), cycle)
            cycle.disconnected = True  # the application hears that the client left, and is not heard any more
            cycle.message_event.set()

    def _owes_body(self) -> bool:
        """Whether the newest request that came is not whole."""
        return self._heads > 0 and self.cycle.more_body and not self._begun()

    def _add_unheard(self) -> None:
        """Put in line what never was a request, so that it is answered as one."""
        before = self.cycle
        self.cycle = RequestResponseCycle(
            scope={  # type: ignore[typeddict-item] # nothing more is known of it
                "type": "http",
                "method": "none",
                "path": "",
                "headers": [],
                "client": self.client,
                "state": self.app_state.copy(),
            },
            transport=self.transport,
            flow=self.flow,
            logger=self.logger,
            access_logger=self.access_logger,
            access_log=False,
            default_headers=self.server_state.default_headers,
            message_event=asyncio.Event(),
            expect_100_continue=False,
            keep_alive=False,
            on_response=self.on_response_complete,
        )
        if not self._heads or before.response_complete:
            self._start_asgi_task(self.cycle, self.app)
        else:
            self.pipeline.appendleft((self.cycle, self.app))


class _Refusal(Ended):
    """The answer of a connection in place of the application's."""

    def __init__(self, answer: Answer, cycle: RequestResponseCycle) -> None:
        super().__init__(answer.status)
        self._reply = Reply(answer)
        self._cycle = cycle

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it, unless the client left meanwhile."""
        self._cycle.disconnected = self._cycle.transport.is_closing()
        await self._reply(scope, receive, send)


class _Parting(asyncio.Transport):
    """Where a last answer is written to: when it closes, the client is heard out until it leaves."""

    def __init__(self, transport: asyncio.Transport) -> None:
        super().__init__()
        self._transport = transport

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """As the connection's."""
        self._transport.write(data)

    def is_closing(self) -> bool:
        """As the connection's."""
        return self._transport.is_closing()

    def close(self) -> None:
        """Say that there is nothing more to come."""
        if not self._transport.is_closing():
            self._transport.write_eof()


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
        self._shares = sharing.shares()
        self._clock = self._looked = 0.0
        self._due: asyncio.TimerHandle | None = None

    def add(self, connection: Connection) -> int:
        """Look after this one from now on; how many connections there are too many, of all or of its address."""
        home = self._home(connection)
        self._connections[connection] = home
        self._homes[home] += 1
        self._share(1)
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
        self._share(-1)

    def _share(self, change: int) -> None:
        if self._shares is not None:
            self._shares.hold(change)

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
