"""An order in the middle of its life and everything that can be done to it, by people who are in each other's way."""

from __future__ import annotations

import copy
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, NamedTuple

import pytest

from rma.app import create_services
from rma.db.session import Database, now
from rma.services import deadlines, sweep
from tests.support import racing
from tests.support.floor import Act, Floor, ids
from tests.support.racing import Alone, Doing
from tests.support.snapshots import Json, line, money

NAMES = (
    *("file", "file_other", "file_bag", "approve", "approve_other", "refuse", "receive", "receive_more", "inspect"),
    *("cancel", "expire", "shipped", "delivered", "lost", "undo", "by_hand", "snapshot", "fewer", "dispute"),
    "parcel",
)
"""Acts that are one transaction each, so that of any of them, at once, one comes before the other."""


class Scene(NamedTuple):
    """Two returns of one order: ``one`` has a unit received, accepted and its money proposed; ``other`` a parcel."""

    number: str
    one: str
    one_line: str
    refund: str
    other: str
    other_line: str
    parcel: str


def scene(floor: Floor, number: str) -> Scene:
    """Take the order and bring its returns so far."""
    floor.order(number)
    one = floor.must(floor.file(number, ("1", 2)))
    line_id = ids(one)["1"]
    floor.must(floor.receive(one["id"], (line_id, 1), scan_id=f"scan-{number}"))
    refund = floor.must(floor.inspect(one["id"], (line_id, 1, "accept")))["refunds"][0]["id"]
    other = floor.must(floor.file(number, ("3", 1)))
    parcel = floor.must(floor.parcel(other["id"]))["id"]
    return Scene(number, one["id"], line_id, refund, other["id"], ids(other)["3"], parcel)


def acts(floor: Floor, at: Scene) -> dict[str, Callable[[], Doing]]:
    """What can be done; each is made, and reads what somebody would have read before, when it is asked for."""
    return {
        "file": lambda: floor.file(at.number, ("1", 1)),
        "file_other": lambda: floor.file(at.number, ("3", 1), ("1", 1)),
        "file_bag": lambda: floor.file(at.number, ("2", 1)),
        "approve": lambda: floor.approve(at.refund, floor.anna),
        "approve_other": lambda: floor.approve(at.refund, floor.bert),
        "refuse": lambda: floor.refuse(at.refund),
        "receive": lambda: floor.receive(at.one, (at.one_line, 1)),
        "receive_more": lambda: floor.receive(at.other, (at.other_line, 1), finished=True),
        "inspect": lambda: floor.inspect(at.one, (at.one_line, 1, "part")),
        "cancel": lambda: floor.trigger(at.other, "cancel", floor.customer(at.other)),
        "expire": lambda: expiry(floor, at.other),
        "shipped": lambda: floor.news(at.parcel, "handed_over"),
        "delivered": lambda: floor.news(at.parcel, "delivered"),
        "lost": lambda: floor.news(at.parcel, "lost"),
        "undo": lambda: floor.undo(f"scan-{at.number}"),
        "by_hand": lambda: floor.by_hand(at.number, "5.00"),
        "snapshot": lambda: Alone(lambda: floor.order(at.number, customer={"reference": "c-18"})),
        "fewer": lambda: Alone(lambda: floor.order(at.number, **WITHOUT_BAG)),
        "dispute": lambda: floor.trigger(at.one, "dispute", reason="x"),
        "parcel": lambda: floor.parcel(at.one),
        "acts": lambda: Alone(floor.work_off),
    }


WITHOUT_BAG: Json = {
    "lines": [
        line(discount=money("10.00")),
        line("3", sku="BELT", name="Kemer", quantity=2, unit_price=money("33.33")),
    ],
    "total": money("386.66"),
    "deliveries": [],
}


def expiry(floor: Floor, return_id: str) -> Act:
    """The end of the time for sending a return's goods comes, as a sweep finds it."""
    with floor.services.database.read() as work:
        rows = deadlines.due(work, store_id=floor.store_id, at=now() + timedelta(days=40), limit=sweep.BATCH)
    (row,) = [row for row in rows if (row.return_id, row.name) == (return_id, "ship_back")]
    return lambda work: sweep._fire_one(work, floor.services, row, at=row.next_at)  # noqa: SLF001 - one of a sweep


@contextmanager
def beside(floor: Floor, many: int) -> Iterator[list[Floor]]:
    """The same shop so many times, each with connections, caches and locks of its own, as processes have them."""
    made = []
    for _ in range(many):
        twin = copy.copy(floor)
        twin.services = create_services(floor.services.settings, database=Database(floor.services.database.url))
        made.append(twin)
    try:
        yield made
    finally:
        for twin in made:
            twin.services.close()


def slow_down(floor: Floor, monkeypatch: pytest.MonkeyPatch, luck: random.Random) -> None:
    """Make acts longer here and there, so that they meet."""
    with floor.services.database.read() as work:
        wire: Any = type(work._wire)  # noqa: SLF001 - where every statement leaves
    pauses = [luck.choice((0, 0, 0.001, 0.003)) for _ in range(97)]
    monkeypatch.setattr(wire, "send", racing.jitter(wire.send, pauses))
