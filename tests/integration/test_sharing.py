"""Who takes a new connection where several processes listen on one socket."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from pathlib import Path

import pytest

from rma.api.sharing import Door, Loop, Shares

CLIENTS = 6


class _Kept(asyncio.Protocol):
    """Counts itself, as a connection of the server does, as long as it lives."""

    def __init__(self, shares: Shares, held: list[asyncio.BaseTransport]) -> None:
        self._shares, self._held = shares, held

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._shares.hold(1)
        self._held.append(transport)


@asynccontextmanager
async def _open(shares: Shares, sock: socket.socket) -> AsyncIterator[list[asyncio.BaseTransport]]:
    """A process's door at this socket; what it holds."""
    loop, held = asyncio.get_running_loop(), list[asyncio.BaseTransport]()
    assert isinstance(loop, Loop)
    with sock.dup() as own:
        door = Door(loop, lambda: _Kept(shares, held), own, shares, backlog=16)
        try:
            yield held
        finally:
            door.close()
            for transport in held:
                transport.close()
            await asyncio.sleep(0)


async def _come(sock: socket.socket, clients: int, *doors: list[asyncio.BaseTransport]) -> None:
    """Let so many clients come one after the other, and leave when all are in."""
    with ExitStack() as stack:
        for number in range(1, clients + 1):
            client = stack.enter_context(socket.socket())
            client.settimeout(0)
            await asyncio.get_running_loop().sock_connect(client, sock.getsockname())
            end = time.monotonic() + 20
            while sum(map(len, doors)) < number:
                assert time.monotonic() < end, "nobody took it"
                await asyncio.sleep(0.001)


def test_who_holds_fewer_takes_the_next(tmp_path: Path) -> None:
    """A process takes no connection while another one holds fewer, whichever of them hears of it first."""

    async def play(sock: socket.socket) -> None:
        for held in ((CLIENTS, 0), (0, CLIENTS)):
            one, other = Shares(tmp_path / str(held)), Shares(tmp_path / str(held))
            one.hold(held[0])
            other.hold(held[1])
            async with _open(one, sock) as at_one, _open(other, sock) as at_other:
                await _come(sock, CLIENTS, at_one, at_other)
                assert (len(at_other), len(at_one)) == held

    with socket.create_server(("127.0.0.1", 0)) as sock, asyncio.Runner(loop_factory=Loop) as runner:
        runner.run(play(sock))


def test_nobody_waits_for_a_process_that_does_not_come(tmp_path: Path) -> None:
    """A connection that is left to another process is taken where that one does not come; a dead one is forgotten."""
    program = "import sys; from pathlib import Path; from rma.api.sharing import Shares; Shares(Path(sys.argv[1]))"

    asleep, awake = Shares(tmp_path / "shares"), Shares(tmp_path / "shares")
    awake.hold(1)

    async def play(sock: socket.socket) -> None:
        async with _open(awake, sock) as held:
            await _come(sock, CLIENTS, held)

    with socket.create_server(("127.0.0.1", 0)) as sock, asyncio.Runner(loop_factory=Loop) as runner:
        runner.run(play(sock))
    assert awake.others_hold_fewer()
    asleep.hold(2 * CLIENTS)
    subprocess.run([sys.executable, "-c", program, str(tmp_path / "shares")], check=True)
    assert not awake.others_hold_fewer()


def test_a_number_that_is_another_users_now_is_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The system gives the number of a process that died to another one; where it may not be asked it is not ours."""

    def forbidden(_process: int, _signal: int) -> None:
        raise PermissionError

    Shares(tmp_path / "shares")
    awake = Shares(tmp_path / "shares")
    awake.hold(1)
    assert awake.others_hold_fewer()
    monkeypatch.setattr(os, "kill", forbidden)
    assert not awake.others_hold_fewer()
