"""The program as its own process: started on a free port, its processor time and memory read, stopped at the end."""

from __future__ import annotations

import http.client
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

START_SECONDS = 120
_LOOK_SECONDS = 0.1
_QUIET_LOOKS = 10
_IDLE_SHARE = 0.25
_TICK = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")


class Process:
    """A running `rma serve`: its port, and what it has cost so far."""

    def __init__(self, process: subprocess.Popen[bytes], port: int) -> None:
        self._process = process
        self.port = port

    @property
    def cpu_seconds(self) -> float:
        """Processor time of all its threads and processes, user and system."""
        return tree_cpu_seconds(self._process.pid)

    @property
    def resident_mib(self) -> float:
        """Memory that its processes hold now."""
        return (
            sum(int(Path(f"/proc/{pid}/statm").read_text().split()[1]) for pid in tree(self._process.pid))
            * _PAGE
            / 2**20
        )

    @property
    def threads(self) -> int:
        """The threads of its processes."""
        return sum(len(list(Path(f"/proc/{pid}/task").iterdir())) for pid in tree(self._process.pid))


def cpu_seconds(pid: int) -> float:
    """Processor time of a process, with the children that it has waited for."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return sum(int(fields[place]) for place in (11, 12, 13, 14)) / _TICK


def tree_cpu_seconds(pid: int) -> float:
    """Processor time of a process and of those it has started: of a PostgreSQL server with its backends."""
    total = 0.0
    for one in tree(pid):
        with suppress(FileNotFoundError):
            total += cpu_seconds(one)
    return total


def tree(pid: int) -> Iterator[int]:
    """A process and those it has started that still live."""
    yield pid
    for task in Path(f"/proc/{pid}/task").iterdir():
        with suppress(FileNotFoundError):
            for child in (task / "children").read_text().split():
                yield from tree(int(child))


@contextmanager
def serving(
    url: str, folder: Path, *, worker: bool, processes: int = 1, told: tuple[str, Path] | None = None
) -> Iterator[Process]:
    """`rma serve` on this database; ``told`` is what it tells of itself (see ``benchmarks.served``) and into what."""
    port = _free_port()
    program = ["-m", "benchmarks.served", *map(str, told)] if told else ["-c", "from rma.cli import main; main()"]
    command = [sys.executable, *program, "serve", "--port", str(port), *([] if worker else ["--no-worker"])]
    command += ["--processes", str(processes)]
    environment = {**os.environ, "RMA_DATA_DIR": str(folder), "RMA_DATABASE_URL": url, "PYTHONFAULTHANDLER": "1"}
    with (folder / "server.log").open("ab") as log:
        process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=log)
        try:
            _wait(port, process, folder / "server.log")
            if processes > 1:
                _wait_until_idle(process.pid)
            yield Process(process, port)
        except ConnectionError as lost:
            lost.add_note((folder / "server.log").read_text(errors="replace")[-4000:])
            raise
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(timeout=30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _wait(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end and process.poll() is None:
        if says_ok(port, "/health/live"):
            return
        time.sleep(0.01)
    raise RuntimeError(f"the server did not start:\n{log.read_text(errors='replace')[-4000:]}")


def says_ok(port: int, path: str) -> bool:
    """Whether there is a server that answers 200; asked without a library, whose own start would be measured too."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == http.HTTPStatus.OK
    except OSError:
        return False
    finally:
        connection.close()


def _wait_until_idle(pid: int) -> None:
    """Until a second has passed in which its processes, together, had next to nothing to do: all of them are there.

    Nobody tells when the last of several that listen on one socket has begun, and any of them answers.
    """
    used, quiet = tree_cpu_seconds(pid), 0
    while quiet < _QUIET_LOOKS:
        time.sleep(_LOOK_SECONDS)
        before, used = used, tree_cpu_seconds(pid)
        quiet = quiet + 1 if used - before < _IDLE_SHARE * _LOOK_SECONDS else 0


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
