"""An HTTP client that costs little: one keep-alive connection to this machine, one request at a time, no library."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import cast

_END = b"\r\n\r\n"
_LENGTH = b"content-length:"


class Connection(asyncio.Protocol):
    """A connection to a server on loopback. It understands answers with a Content-Length, which is all of ours."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._buffer = bytearray()
        self._waiting: asyncio.Future[tuple[int, bytes]] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self._transport = cast(asyncio.Transport, transport)  # uvloop's own class is none of asyncio's

    def connection_lost(self, exc: Exception | None) -> None:
        """Fail the request under way."""
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_exception(exc or ConnectionResetError("the server closed the connection"))

    def data_received(self, data: bytes) -> None:
        """Answer the request under way once its body is whole."""
        self._buffer += data
        end = self._buffer.find(_END)
        if end < 0 or self._waiting is None:
            return
        head = bytes(self._buffer[:end]).lower()
        place = head.find(_LENGTH)
        length = int(head[place + len(_LENGTH) :].split(b"\r", 1)[0]) if place >= 0 else 0
        whole = end + len(_END) + length
        if len(self._buffer) >= whole:
            body = bytes(self._buffer[end + len(_END) : whole])
            del self._buffer[:whole]
            self._waiting.set_result((int(head[9:12]), body))

    async def post(self, path: str, body: bytes, headers: Mapping[str, str]) -> tuple[int, bytes]:
        """Send one POST; its status and body. ``ConnectionError`` when the server went away."""
        if self._transport is None or self._transport.is_closing():
            raise ConnectionResetError("not connected")
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        head = f"POST {path} HTTP/1.1\r\nhost: localhost\r\n{lines}content-length: {len(body)}\r\n\r\n"
        self._waiting = asyncio.get_running_loop().create_future()
        self._transport.write(head.encode("ascii") + body)
        return await self._waiting

    def close(self) -> None:
        """Close the connection."""
        if self._transport is not None:
            self._transport.close()


async def connect(port: int) -> Connection:
    """A connection to a port of this machine."""
    _, connection = await asyncio.get_running_loop().create_connection(Connection, "127.0.0.1", port)
    return connection
