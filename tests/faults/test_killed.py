"""A worker that is killed in the middle of a refund: the one after it finds out what became of the money."""

from __future__ import annotations

from typing import Any

from rma.db import tables
from tests.support import invariants
from tests.support.crew import Crew, until
from tests.support.floor import Floor, ids, payment


def test_a_worker_killed_in_the_middle_of_a_refund(floor: Floor, crew: Crew) -> None:
    """The money has left, the answer has not come, and kill -9: the next worker asks, and the money moved once."""
    floor.order("1", payments=[payment("p1", "card", "466.66", provider="offline_plain", script="slow:600000")])
    filed = floor.must(floor.file("1", ("2", 1)))
    line = ids(filed)["2"]
    floor.must(floor.receive(filed["id"], (line, 1)))
    refund = floor.must(floor.inspect(filed["id"], (line, 1, "accept")))["refunds"][0]["id"]
    floor.must(floor.approve(refund))
    gateway: Any = floor.services.ports.payments["offline_plain"]
    first = crew.worker(0)
    until(gateway.ledger)
    first.kill()
    assert floor.row(tables.Refund, refund).state == "sending"
    crew.worker(0)
    until(lambda: floor.row(tables.Refund, refund).state == "succeeded")
    assert (gateway.moved("TRY"), len(gateway.ledger()), gateway.duplicates()) == (8000, 1, {})
    invariants.check(floor)
