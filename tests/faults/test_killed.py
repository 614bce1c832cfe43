"""A worker that is killed in the middle of a refund: the one after it finds out what became of the money."""

from __future__ import annotations

import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from rma.app import create_services
from rma.db import tables
from rma.db.session import Database
from rma.settings import Settings
from tests.support import invariants
from tests.support.floor import Floor, ids, payment
from tests.support.program import COMMAND, Program

LONGEST = 60.0


@pytest.fixture
def floor(database_url: str, tmp_path: Path) -> Iterator[Floor]:
    """A shop whose durable acts are run by workers in processes of their own."""
    services = create_services(
        Settings(data_dir=tmp_path, database_url=database_url, access_log=False), database=Database(database_url)
    )
    services.effects.prepare()
    yield Floor(services)
    services.effects.stop(wait=1)
    services.close()


@pytest.fixture
def worker(floor: Floor, tmp_path: Path) -> Iterator[Callable[[], subprocess.Popen[bytes]]]:
    """Starts ``rma worker`` on the floor's database; whatever still runs at the end is ended."""
    program = Program(tmp_path, floor.services.settings.database_url)
    started: list[subprocess.Popen[bytes]] = []

    def start() -> subprocess.Popen[bytes]:
        with (tmp_path / f"worker-{len(started)}.log").open("wb") as log:
            process = subprocess.Popen([*COMMAND, "worker"], env=program.environment, stdout=log, stderr=log)
        started.append(process)
        return process

    yield start
    for process in started:
        if process.poll() is None:
            process.kill()
            process.wait()


def until(true: Callable[[], Any]) -> None:
    """Wait until it is so."""
    end = time.monotonic() + LONGEST
    while not true():
        assert time.monotonic() < end
        time.sleep(0.05)


@pytest.mark.parametrize("provider_name", ["offline_plain"])
def test_a_worker_killed_in_the_middle_of_a_refund(
    floor: Floor, worker: Callable[[], subprocess.Popen[bytes]], provider_name: str
) -> None:
    """The money has left, the answer has not come, and kill -9: the next worker asks, and the money moved once."""
    paid = payment("p1", "card", "466.66", provider=provider_name, script="slow:600000")
    floor.order("1", payments=[paid])
    filed = floor.must(floor.file("1", ("2", 1)))
    line = ids(filed)["2"]
    floor.must(floor.receive(filed["id"], (line, 1)))
    refund = floor.must(floor.inspect(filed["id"], (line, 1, "accept")))["refunds"][0]["id"]
    floor.must(floor.approve(refund))
    gateway: Any = floor.services.ports.payments[provider_name]
    first = worker()
    until(gateway.ledger)
    first.send_signal(signal.SIGKILL)
    first.wait()
    assert floor.row(tables.Refund, refund).state == "sending"
    worker()
    until(lambda: floor.row(tables.Refund, refund).state == "succeeded")
    assert (gateway.moved("TRY"), len(gateway.ledger()), gateway.duplicates()) == (8000, 1, {})
    invariants.check(floor)
