"""Gives birth to processes of the program that are loaded already: the seconds of importing are paid once, not by each.

Run as ``python -m tests.support.nursery``. It reads orders, one JSON document a line (``arguments``, ``environment``,
``log``), answers each with the id of the new process, and tells of each that has ended: ``[id, exit code]``. A child is
a fork made before anything ran: it has its own environment and files, and dies of what others die of.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import pkgutil
import select
import signal
import sys
from typing import Any

import rma
from rma.domain import strict
from rma.services.law import laws
from tests.support import fragile

LOADED = ("rma.api", "rma.cli", "rma.db", "rma.domain", "rma.providers", "rma.services", "rma.web")


def load() -> None:
    """Import the whole program, and make what no setting changes."""
    for package in LOADED:
        for found in pkgutil.walk_packages(importlib.import_module(package).__path__, f"{package}."):
            importlib.import_module(found.name)
    for name in ("rma.app", "rma.server", "rma.worker"):
        importlib.import_module(name)
    strict.prepare()
    laws()
    gc.freeze()


def serve() -> int | None:
    """Take orders until nobody gives any; in a child: what the program came to."""
    heard, told = os.pipe()
    os.set_blocking(told, False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(told, warn_on_full_buffer=False)
    orders, living = b"", set[int]()
    while True:
        ready, _, _ = select.select([sys.stdin.fileno(), heard], [], [])
        if heard in ready:
            os.read(heard, 4096)
            bury(living)
        if sys.stdin.fileno() in ready:
            more = os.read(sys.stdin.fileno(), 1 << 20)
            if not more:
                leave(living)
                return None
            *whole, orders = (orders + more).split(b"\n")
            for line in whole:
                order = json.loads(line)
                pid = os.fork()
                if not pid:
                    signal.set_wakeup_fd(-1)
                    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                    return grow(order)
                living.add(pid)
                say(pid)


def leave(living: set[int]) -> None:
    """Nobody outlives who gave the orders."""
    for pid in living:
        os.kill(pid, signal.SIGKILL)


def bury(living: set[int]) -> None:
    """Tell of everybody who has ended."""
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if not pid:
            return
        living.discard(pid)
        say([pid, os.waitstatus_to_exitcode(status)])


def say(told: Any) -> None:
    """One line to whoever gave the order."""
    os.write(sys.stdout.fileno(), json.dumps(told).encode() + b"\n")


def grow(order: dict[str, Any]) -> int:
    """Become a process of its own and run the program."""
    log = os.open(order["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    nothing = os.open(os.devnull, os.O_RDONLY)
    for here, there in ((nothing, 0), (log, 1), (log, 2)):
        os.dup2(here, there)
    os.environ.clear()
    os.environ.update(order["environment"])
    sys.argv = [rma.__name__, *order["arguments"]]
    return fragile.run()


if __name__ == "__main__":
    load()
    sys.exit(serve())
