"""Races between processes: each has a name, and a table of the answers that it may have; no other ever comes.

Two processes serve on PostgreSQL; on SQLite one serves and one works. The requests of a race are said up to their last
byte, and then that byte all at once; on PostgreSQL every second time the order is held until all of them want it, so
that whoever takes no lock has read what the others change. What the store holds afterwards has to be what the same
requests lead to one after the other, in one of their orders.
``make test ARGS="tests/integration/test_race_processes.py --races 50"`` runs each so many times.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from functools import partial
from typing import NamedTuple

import pytest
import sqlalchemy as sa

from rma.db import tables
from rma.db.session import now
from tests.support import crossing, racing
from tests.support import floor as floors
from tests.support.crew import Crew, until
from tests.support.databases import KINDS, Databases
from tests.support.endings import ending
from tests.support.floor import Floor, ids
from tests.support.snapshots import Json, money
from tests.support.town import Asking, At, Town

ROUNDS = 2
Endings = set[tuple[tuple[str, ...], str]]
"""What requests are answered together, and what comes of it."""
_deadlines = tables.table(tables.Deadline)


@pytest.fixture(scope="module")
def crew(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Crew]:
    """Starts processes, and ends whatever still runs."""
    made = Crew(tmp_path_factory.mktemp("crew"), "")
    yield made
    made.close()


@pytest.fixture(scope="module", params=KINDS)
def processes(request: pytest.FixtureRequest, databases: Databases, crew: Crew) -> Iterator[Town]:
    """The processes on one kind of database; those on the other start when these have ended."""
    made = Town(crew, databases.fresh(request.param))
    yield made
    made.close()


@pytest.fixture(scope="module")
def ordered() -> dict[str, Endings]:
    """What each race comes to one after the other, learnt on the first database: the other one has to end alike."""
    return {}


@pytest.fixture
def town(processes: Town, request: pytest.FixtureRequest) -> Town:
    """The processes, for one test."""
    request.node.user_properties.append(("database", processes.kind))
    return processes


# -- the races --------------------------------------------------------------------------------------------------------


def filing(at: At, line: str, quantity: int, **more: str) -> Asking:
    """Somebody files a return of units of the order's line."""
    lines = [{"order_line_id": line, "quantity": quantity}]
    body = {"order_number": at.number, "method": "drop_off_code", "lines": lines}
    return at.ask("POST", "/returns", body, **more)


def approval(at: At, refund: str, **more: str) -> Asking:
    """Somebody approves a refund with the total that they see."""
    total = money(f"{at.floor.row(tables.Refund, refund).total / 100:.2f}")
    return at.ask("POST", f"/refunds/{refund}/approve", {"expected_total": total}, **more)


def judged(at: At, *wanted: tuple[str, int]) -> tuple[str, Json]:
    """A return whose goods have come: its id, and the inspection that accepts them."""
    filed = at.floor.must(at.floor.file(at.number, *wanted))
    lines = [(ids(filed)[one], quantity) for one, quantity in wanted]
    at.floor.must(at.floor.receive(filed["id"], *lines))
    common = {"grade": "A", "disposition": "restock", "verdict": "accept"}
    return filed["id"], {"lines": [{"line_id": one, "quantity": quantity} | common for one, quantity in lines]}


def proposed(at: At, *wanted: tuple[str, int]) -> str:
    """The refund of such a return once it was inspected."""
    return_id, body = judged(at, *wanted)
    act = at.floor.inspect(return_id, *[(one["line_id"], one["quantity"], "accept") for one in body["lines"]])
    return str(at.floor.must(act)["refunds"][0]["id"])


def last_unit(at: At) -> list[Asking]:
    """Two want the only bag."""
    return [filing(at, "2", 1), filing(at, "2", 1, by="bert")]


def last_units_of_three(at: At) -> list[Asking]:
    """Three shirts were bought: one wants two, one wants two, one wants one."""
    return [filing(at, "1", 2), filing(at, "1", 2, by="bert"), filing(at, "1", 1, by="carl")]


def same_key(at: At) -> list[Asking]:
    """One request, sent three times."""
    return [filing(at, "1", 1, key="same")] * 3


def double_approval(at: At) -> list[Asking]:
    """Two of finance approve the same money."""
    refund = proposed(at, ("1", 1))
    return [approval(at, refund), approval(at, refund, by="bert")]


def approval_refusal(at: At) -> list[Asking]:
    """Two approve and one refuses the same money."""
    refund = proposed(at, ("1", 1))
    no = at.ask("POST", f"/refunds/{refund}/refuse", {"reason": "no"}, by="carl")
    return [approval(at, refund), approval(at, refund, by="bert"), no]


def approve_cancel(at: At) -> list[Asking]:
    """Money without goods is approved while the return is cancelled."""
    filed = at.floor.must(at.floor.file(at.number, ("1", 1), kind="not_delivered"))
    refund = at.floor.must(at.floor.trigger(filed["id"], "approve"))["refunds"][0]["id"]
    return [approval(at, refund), cancellation(at, filed["id"])]


def two_returns_judged(at: At) -> list[Asking]:
    """The last two returns of an order are judged: one of them brings the shipping."""
    made = [judged(at, ("1", 2), ("2", 1)), judged(at, ("1", 1), ("3", 2))]
    return [
        at.ask("POST", f"/returns/{one}/inspections", body, by=by)
        for (one, body), by in zip(made, ("anna", "bert"), strict=True)
    ]


def two_returns_approved(at: At) -> list[Asking]:
    """The money of both is approved: together it is what was paid, over both cards."""
    made = [proposed(at, ("1", 2), ("2", 1)), proposed(at, ("1", 1), ("3", 2))]
    return [approval(at, one, by=by) for one, by in zip(made, ("anna", "bert"), strict=True)]


def upsert_filing(at: At) -> list[Asking]:
    """The shop takes the bag out of the order while it is sent back."""
    return [
        at.ask("PUT", f"/orders/{at.number}", at.floor.bought(**crossing.WITHOUT_BAG)),
        filing(at, "2", 1, by="bert"),
    ]


def child_case(at: At) -> list[Asking]:
    """The carrier takes the parcel over while the return is cancelled."""
    filed = at.floor.must(at.floor.file(at.number, ("1", 1)))
    parcel = at.floor.must(at.floor.parcel(filed["id"]))["id"]
    news = {"status": "handed_over", "at": now().isoformat(), "source_id": "n1"}
    return [at.ask("POST", f"/parcels/{parcel}/events", news), cancellation(at, filed["id"])]


def cancellation(at: At, return_id: str) -> Asking:
    """The customer does not want to send anything back after all."""
    return at.ask("POST", f"/returns/{return_id}/actions/cancel", {}, by=at.link(return_id))


class Race(NamedTuple):
    """``prepare`` brings the order so far, and answers the requests; ``allowed``: what these may be answered."""

    prepare: Callable[[At], list[Asking]]
    allowed: set[tuple[str, ...]]


LAST = "422 quantity_left"
LATE = "409 wrong_state"
RACES = {
    "last_unit": Race(last_unit, {("201", LAST), (LAST, "201")}),
    "last_units_of_three": Race(last_units_of_three, {("201", LAST, "201"), (LAST, "201", "201")}),
    "same_key": Race(same_key, {("201", "201", "201")}),
    "double_approval": Race(double_approval, {("200", LATE), (LATE, "200")}),
    "approval_refusal": Race(approval_refusal, {("200", LATE, LATE), (LATE, "200", LATE), (LATE, LATE, "200")}),
    "approve_cancel": Race(approve_cancel, {("200", "409 no_money_moved"), (LATE, "200")}),
    "two_returns_judged": Race(two_returns_judged, {("201", "201")}),
    "two_returns_approved": Race(two_returns_approved, {("200", "200")}),
    "upsert_filing": Race(upsert_filing, {("200", "422 unknown_line"), ("409 line_in_return", "201")}),
    "child_case": Race(child_case, {("200", "200")}),
}


def begun(town: Town, race: Race) -> tuple[str, list[Asking]]:
    """The number of an order, paid with two cards, as the race finds it, and the requests."""
    at = town.at()
    at.floor.order(at.number, payments=[floors.payment("p1", "card", "300.00"), floors.payment("p2", "card", "166.66")])
    asked = race.prepare(at)
    town.calm()
    return at.number, asked


def ended(town: Town, number: str) -> str:
    """What came of it when everything behind the requests is done."""
    town.calm()
    return ending(town.floor, number, history=False)


def in_order(town: Town, race: Race) -> Endings:
    """What is answered, and what comes of it, in each order of the requests one after the other."""
    found = set()
    many = len(next(iter(race.allowed)))
    for order in itertools.permutations(range(many)):
        number, asked = begun(town, race)
        said = dict(zip(order, town.one_by_one([asked[n] for n in order]), strict=True))
        found.add((tuple(said[n].short for n in range(many)), ended(town, number)))
    return found


@pytest.mark.parametrize("name", RACES)
def test_processes_give_no_answer_but_those_of_the_table(
    town: Town, name: str, ordered: dict[str, Endings], pytestconfig: pytest.Config
) -> None:
    """Requests to processes at once are answered as the table says, and end as one after the other."""
    race = RACES[name]
    allowed = ordered.get(name) or ordered.setdefault(name, in_order(town, race))
    assert {told for told, _ in allowed} == race.allowed
    for n in range(ROUNDS * pytestconfig.getoption("races")):
        number, asked = begun(town, race)
        answers = town.at_once(asked, held=[] if n % 2 else [number])
        found = tuple(one.short for one in answers), ended(town, number)
        assert found in allowed
        if name == "same_key":
            assert len({one.text for one in answers}) == 1


# -- the worker against the server ------------------------------------------------------------------------------------


def sent_for(at: At) -> tuple[str, Asking]:
    """The return of an order, and the receipt of its goods."""
    at.floor.order(at.number)
    filed = at.floor.must(at.floor.file(at.number, ("1", 1)))
    came = {"scan_id": at.number, "return_id": filed["id"], "lines": [{"line_id": ids(filed)["1"], "quantity": 1}]}
    return filed["id"], at.ask("POST", "/receipts", came)


def over(floor: Floor, returns: Sequence[str]) -> None:
    """Let the time to send the goods of these returns back be over, in this order."""
    with floor.services.database.write() as work:
        for n, return_id in enumerate(returns):
            at = now() + timedelta(milliseconds=n)
            mine = sa.update(_deadlines).where(_deadlines.c.return_id == return_id, _deadlines.c.name == "ship_back")
            work.conn.execute(mine.values(next_at=at, due_at=at, warn_at=[]))


def left(floor: Floor, returns: Sequence[str]) -> int:
    """How many of them no sweep has come to."""
    mine = sa.and_(_deadlines.c.return_id.in_(returns), _deadlines.c.name == "ship_back", _deadlines.c.state == "open")
    return len(floor.rows(tables.Deadline, mine))


def is_under_way(town: Town, returns: Sequence[str], *, held: bool) -> bool:
    """Whether a sweep is at these returns: it has fired one, or waits for somebody who holds it."""
    return racing.stopped(town.floor.services.database) > 0 if held else left(town.floor, returns) < len(returns)


def test_receipt_and_expiry_between_processes(town: Town, pytestconfig: pytest.Config) -> None:
    """Goods that come while a sweep is under way are received in time or held for a person, each return as if alone."""
    at = [town.at(), town.at()]
    (early, in_time), (late, too_late) = map(sent_for, at)
    town.one_by_one([in_time])
    over(town.floor, [early, late])
    until(lambda: not left(town.floor, [early, late]))
    town.one_by_one([too_late])
    assert [town.floor.row(tables.Return, one).state for one in (early, late)] == ["inspecting", "in_review"]
    allowed = {ended(town, one.number) for one in at}
    for n in range(ROUNDS * pytestconfig.getoption("races")):
        at = [town.at() for _ in range(3)]
        returns, receipts = zip(*map(sent_for, at), strict=True)
        held = [one.number for one in at] if town.kind == "postgresql" and not n % 2 else []
        under_way = partial(is_under_way, town, returns, held=bool(held))
        began = partial(over, town.floor, returns), partial(until, under_way, every=0.002)
        found = town.at_once(list(receipts), after=lambda: [act() for act in began], held=held)  # noqa: B023
        assert {one.short for one in found} == {"201"}
        until(lambda: not left(town.floor, returns))  # noqa: B023
        assert {ended(town, one.number) for one in at} <= allowed
