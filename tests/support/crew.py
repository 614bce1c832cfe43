"""The program's processes on one database: a server and workers, whole or fragile, that can be killed and replaced."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

LONGEST = 90.0
ROOT = Path(__file__).resolve().parents[2]
COMMAND = (sys.executable, "-m", "tests.support.fragile")


class Process:
    """One process of the crew and what it has said."""

    def __init__(self, arguments: tuple[str, ...], environment: dict[str, str], log: Path) -> None:
        self.arguments, self.log = arguments, log
        with log.open("ab") as out:
            self.running = subprocess.Popen(
                [*COMMAND, *arguments], env=environment, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=out, stderr=out
            )

    @property
    def said(self) -> str:
        """Everything it wrote."""
        return self.log.read_text(errors="replace")

    @property
    def alive(self) -> bool:
        """Whether it runs."""
        return self.running.poll() is None

    def kill(self) -> None:
        """Kill -9."""
        self.running.kill()
        self.running.wait()

    def stop(self, seconds: float = 40.0) -> int:
        """SIGTERM; its exit code."""
        self.running.send_signal(signal.SIGTERM)
        return self.running.wait(seconds)

    def ended(self) -> int:
        """Wait until it has ended by itself; its exit code."""
        return self.running.wait(LONGEST)


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


def until(true: Callable[[], Any], seconds: float = LONGEST) -> None:
    """Wait until it is so."""
    begun = time.monotonic()
    while not true():
        assert time.monotonic() - begun < seconds, "it did not come to be"
        time.sleep(0.05)


def free_port() -> int:
    """A port of loopback that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
