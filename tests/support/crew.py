"""The program's processes on one database: a server and workers, whole or fragile, that can be killed and replaced."""

from __future__ import annotations

import atexit
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

LONGEST = 90.0
ROOT = Path(__file__).resolve().parents[2]


class Nursery:
    """The process that forks the others (see ``tests.support.nursery``), and what it tells of them."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            (sys.executable, "-m", "tests.support.nursery"), cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        self._bearing, self._told = threading.Lock(), threading.Condition()
        self._born: deque[int] = deque()
        self._codes: dict[int, int] = {}
        self._listener = threading.Thread(target=self._listen, name="nursery", daemon=True)
        self._listener.start()

    def bear(self, arguments: tuple[str, ...], environment: dict[str, str], log: Path) -> int:
        """A new process; its id. One after the other: whoever asks meanwhile would get somebody else's."""
        order = {"arguments": arguments, "environment": environment, "log": str(log)}
        assert self._process.stdin is not None
        with self._bearing, self._told:
            self._process.stdin.write(json.dumps(order).encode() + b"\n")
            self._process.stdin.flush()
            assert self._told.wait_for(lambda: self._born, LONGEST), "nobody was born"
            return self._born.popleft()

    def code(self, pid: int, seconds: float = 0.0) -> int | None:
        """The exit code of a process, once it has ended; None if it still runs after so many seconds."""
        with self._told:
            self._told.wait_for(lambda: pid in self._codes, seconds)
            return self._codes.get(pid)

    def close(self) -> None:
        """Let it end; its children have to be ended before."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(LONGEST)
        self._listener.join()

    def _listen(self) -> None:
        assert self._process.stdout is not None
        with self._process.stdout as lines:
            for line in lines:
                told = json.loads(line)
                with self._told:
                    if isinstance(told, int):
                        self._codes.pop(told, None)  # of one before it that had the same number
                        self._born.append(told)
                    else:
                        self._codes[told[0]] = told[1]
                    self._told.notify_all()


@cache
def nursery() -> Nursery:
    """The one of this run: what it took to load the program is paid once."""
    made = Nursery()
    atexit.register(made.close)
    return made


class Process:
    """One process of the crew and what it has said."""

    def __init__(self, arguments: tuple[str, ...], environment: dict[str, str], log: Path) -> None:
        self._nursery, self.arguments, self.log = nursery(), arguments, log
        self.log.touch()
        self.pid = self._nursery.bear(arguments, environment, log)

    @property
    def said(self) -> str:
        """Everything it wrote."""
        return self.log.read_text(errors="replace")

    @property
    def alive(self) -> bool:
        """Whether it runs."""
        return self.code is None

    @property
    def code(self) -> int | None:
        """Its exit code once it has ended, below zero for a signal."""
        return self._nursery.code(self.pid)

    def kill(self) -> None:
        """Kill -9."""
        self._send(signal.SIGKILL)
        self.ended()

    def stop(self, seconds: float = 40.0) -> int:
        """SIGTERM; its exit code."""
        self._send(signal.SIGTERM)
        return self.ended(seconds)

    def ended(self, seconds: float = LONGEST) -> int:
        """Wait until it has ended; its exit code."""
        code = self._nursery.code(self.pid, seconds)
        assert code is not None, f"{self.arguments} does not end"
        return code

    def _send(self, number: signal.Signals) -> None:
        if self.alive:
            with suppress(ProcessLookupError):
                os.kill(self.pid, number)


class Crew:
    """Starts processes on one data folder and one database; ``close`` ends whatever still runs."""

    def __init__(self, folder: Path, url: str, **settings: str) -> None:
        self.folder = folder
        clean = {name: value for name, value in os.environ.items() if not name.startswith("RMA_")}
        own = {"RMA_DATA_DIR": str(folder), "RMA_DATABASE_URL": url, "RMA_ACCESS_LOG": "false"}
        self.environment = clean | own | {f"RMA_{name.upper()}": value for name, value in settings.items()}
        self.processes: list[Process] = []

    def start(self, *arguments: str, at: str = "", clock: str = "", **settings: str) -> Process:
        """Start a command; ``at`` and ``clock`` are its faults (see ``tests.support.fragile``)."""
        faults = {"FAULT_AT": at, "FAULT_CLOCK": clock}
        own = {f"RMA_{name.upper()}": value for name, value in settings.items()}
        log = self.folder / f"process-{len(self.processes)}.log"
        process = Process(arguments, self.environment | faults | own, log)
        self.processes.append(process)
        return process

    def worker(self, slot: int, **faults: Any) -> Process:
        """``rma worker`` in a slot."""
        return self.start("worker", "--slot", str(slot), **faults)

    def close(self) -> None:
        """End whatever still runs."""
        for process in self.processes:
            if process.alive:
                process.kill()


def until(true: Callable[[], Any], seconds: float = LONGEST, *, every: float = 0.05) -> None:
    """Wait until it is so; looked at ``every`` so many seconds."""
    begun = time.monotonic()
    while not true():
        assert time.monotonic() - begun < seconds, "it did not come to be"
        time.sleep(every)


def free_port() -> int:
    """A port of loopback that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
