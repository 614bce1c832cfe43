"""New connections of one ``rma serve`` with several processes, in even shares.

All of its processes listen on one socket. Clients and proxies keep their connections, so whichever process happened to
wake first would do all their work while another one sleeps. Here a process that holds more connections than another one
leaves a new one to that one for a moment, and takes it only if nobody came.
"""

from __future__ import annotations

import asyncio
import errno
import fcntl
import functools
import mmap
import os
import socket
import struct
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import uvloop

from rma.services import shared_counts

Factory = Callable[[], asyncio.Protocol]
_FILE = "connections"
_PLACES = 128
"""Twice as many as there are processes at most: one that is replaced may still be there."""
_LEAVE_SECONDS = 0.005
_FULL_SECONDS = 1.0
_FULL = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)


class Shares:
    """How many connections each process holds, in a file that all of them have in memory."""

    def __init__(self, path: Path) -> None:
        size = 2 * _PLACES * struct.calcsize("i")
        with path.open("a+b") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            file.truncate(size)
            numbers = memoryview(mmap.mmap(file.fileno(), size)).cast("i")
            self._processes, self._held = numbers[:_PLACES], numbers[_PLACES:]
            self._mine = next(place for place, process in enumerate(self._processes) if not _lives(process))
            self._held[self._mine] = 0
            self._processes[self._mine] = os.getpid()
            fcntl.flock(file, fcntl.LOCK_UN)  # the memory keeps the file open

    def hold(self, change: int) -> None:
        """So many more are held here now, or fewer."""
        self._held[self._mine] += change

    def others_hold_fewer(self) -> bool:
        """Whether another living process holds fewer than this one. One that died holds none, and is forgotten."""
        mine = self._held[self._mine]
        for place, process in enumerate(self._processes):
            if process and self._held[place] < mine:
                if _lives(process):
                    return True
                self._processes[place] = 0
        return False


@functools.cache
def shares() -> Shares | None:
    """Those of this process; None for one that serves alone."""
    folder = shared_counts.folder()
    return None if folder is None else Shares(folder / _FILE)


class Loop(uvloop.Loop):
    """uvloop's. What it takes from a socket that several processes listen on is no more than its share."""

    async def create_server(self, protocol_factory: Any, *others: Any, **options: Any) -> Any:
        """As asyncio's; it begins at once."""
        found, listening = shares(), options.get("sock")
        if found is None or listening is None:
            return await super().create_server(protocol_factory, *others, **options)
        return Door(self, protocol_factory, listening, found, backlog=options["backlog"])


class Door:
    """A listening socket, at which this process takes its share."""

    def __init__(self, loop: Loop, factory: Factory, sock: socket.socket, shares: Shares, *, backlog: int) -> None:
        self._loop, self._factory, self._sock, self._shares = loop, factory, sock, shares
        self._pause: asyncio.TimerHandle | None = None
        self._coming: set[asyncio.Task[Any]] = set()
        sock.settimeout(0)
        sock.listen(backlog)
        self._listen()

    def close(self) -> None:
        """Take nobody any more."""
        self._loop.remove_reader(self._sock)
        if self._pause is not None:
            self._pause.cancel()

    async def wait_closed(self) -> None:
        """Who was let in stays; whoever closes the door waits for them elsewhere."""

    def _listen(self) -> None:
        self._loop.add_reader(self._sock, self._knocked)

    def _knocked(self) -> None:
        if self._shares.others_hold_fewer():
            self._rest(_LEAVE_SECONDS, self._take)
        else:
            self._take()

    def _rest(self, seconds: float, then: Callable[[], None] | None = None) -> None:
        """Hear nothing for so long."""
        self._loop.remove_reader(self._sock)
        self._pause = self._loop.call_later(seconds, self._rested, then)

    def _rested(self, then: Callable[[], None] | None) -> None:
        self._pause = None
        self._listen()
        if then is not None:
            then()

    def _take(self) -> None:
        try:
            taken, _ = self._sock.accept()
        except (BlockingIOError, InterruptedError, ConnectionAbortedError):
            return  # another process was quicker, or the client left
        except OSError as error:
            if error.errno not in _FULL:
                raise
            self._rest(_FULL_SECONDS)
            return
        taken.settimeout(0)
        self._shares.hold(1)
        task = self._loop.create_task(self._loop.connect_accepted_socket(self._factory, taken))
        self._coming.add(task)
        task.add_done_callback(self._came)

    def _came(self, task: asyncio.Task[Any]) -> None:
        self._shares.hold(-1)  # from here on its protocol counts it
        self._coming.discard(task)
        with suppress(OSError, asyncio.CancelledError):
            task.result()


def _lives(process: int) -> bool:
    """Whether it is a process of ours; the number of one that died may be another user's by now."""
    if not process:
        return False
    try:
        os.kill(process, 0)
    except (ProcessLookupError, PermissionError):
        return False
    return True
