"""Acts of real threads on one order: only allowed outcomes, no deadlock and no error of ours ever reaches a client.

Every pair of acts, and threes, against what they come to one after the other: ``test_serial.py``; processes:
``test_race_processes.py``.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import partial
from typing import Any

import httpx
import pytest
from litestar import Litestar
from litestar.testing import TestClient

from rma.app import create_app
from rma.db import tables
from rma.db.session import WidenError, now
from rma.services import keys, sweep
from rma.services.caller import SCOPES
from rma.services.keys import NewKey
from tests.support import crossing, invariants, racing
from tests.support.floor import Floor, ids
from tests.support.racing import Alone, Doing, at_once, done, overlapped
from tests.support.rewind import deadlocks
from tests.support.snapshots import Json, money


@pytest.fixture(autouse=True)
def _no_deadlock(floor: Floor) -> Iterator[None]:
    """No act ever met another in a deadlock, not even in one that was broken and retried unseen."""
    yield
    assert deadlocks(floor.services.database) == 0


OURS = {"in_progress", "unavailable"}
"""What a client is told when the program could not do its part; in these tests that is a failure."""


def settled_with_refund(floor: Floor, number: str, *wanted: tuple[str, int]) -> tuple[str, str]:
    """A return whose goods came and were accepted, and its proposed refund."""
    filed = floor.must(floor.file(number, *wanted))
    lines = ids(filed)
    floor.must(floor.receive(filed["id"], *[(lines[one], quantity) for one, quantity in wanted]))
    judged = floor.must(floor.inspect(filed["id"], *[(lines[one], quantity, "accept") for one, quantity in wanted]))
    return filed["id"], judged["refunds"][0]["id"]


# -- who gets the last unit -------------------------------------------------------------------------------------------


def test_the_last_unit_goes_to_one_of_two(floor: Floor) -> None:
    """Two filings for the last unit: exactly one succeeds, the other is told which line has nothing left."""
    for number in map(str, range(1, 6)):
        floor.order(number)
        found = racing.together(*[lambda: floor.do(floor.file(number, ("2", 1)))] * 2)  # noqa: B023
        codes = sorted(code for code, _ in found)
        assert codes == ["invalid", "ok"]
        refusal = next(answer for code, answer in found if code == "invalid")
        assert [(fault.path, fault.code) for fault in refusal.errors] == [("lines[0].quantity", "quantity_left")]
    invariants.check(floor)


def test_the_last_unit_while_another_filing_is_about_to_commit(floor: Floor) -> None:
    """A filing that waited for the order's lock sees what the one before it took."""
    floor.order("1")
    assert overlapped(floor, floor.file("1", ("1", 2)), floor.file("1", ("1", 2))) == ("ok", "invalid")
    assert overlapped(floor, floor.file("1", ("1", 1)), floor.file("1", ("2", 1))) == ("ok", "ok")
    invariants.check(floor)


# -- numbers of one return --------------------------------------------------------------------------------------------


def test_two_receipts_of_one_return_are_both_counted(floor: Floor) -> None:
    """A receipt that waited for the return's lock counts on from the numbers of the one before it."""
    floor.order("1")
    filed = floor.must(floor.file("1", ("1", 3)))
    line = ids(filed)["1"]
    acts = (floor.receive(filed["id"], (line, 1)), floor.receive(filed["id"], (line, 1)))
    assert overlapped(floor, *acts) == ("ok", "ok")
    assert floor.view(filed["id"])["lines"][0]["received"] == 2
    invariants.check(floor)


def test_the_same_scan_twice_at_once_counts_once(floor: Floor) -> None:
    """One scan id, sent by two requests at once, is one receipt with one answer."""
    floor.order("1")
    filed = floor.must(floor.file("1", ("1", 3)))
    scan = floor.receive(filed["id"], (ids(filed)["1"], 1), scan_id="twice")
    assert overlapped(floor, scan, scan) == ("ok", "ok")
    assert at_once(floor, *[floor.undo("twice")] * 3) == ["ok"] * 3
    assert floor.view(filed["id"])["lines"][0]["received"] == 0
    invariants.check(floor)


def test_receipt_and_expiry(floor: Floor) -> None:
    """Goods that come in the moment the time is over are received in time, or held; they are counted either way."""
    later = now() + timedelta(days=40)
    ends = set()
    for number, hold in (("1", "receipt"), ("2", "expiry"), ("3", "neither")):
        floor.order(number)
        filed = floor.must(floor.file(number, ("1", 1)))
        receipt = floor.receive(filed["id"], (ids(filed)["1"], 1))
        expiry = Alone(lambda: sweep.sweep_store(floor.services, floor.store_id, later, at_due=True))
        if hold == "receipt":
            overlapped(floor, receipt, expiry)
        elif hold == "expiry":
            overlapped(floor, expiry, receipt)
        else:
            racing.together(expiry.run, lambda: floor.do(receipt))  # noqa: B023
        view = floor.view(filed["id"])
        assert view["lines"][0]["received"] == 1
        ends.add(view["state"])
    assert ends <= {"inspecting", "in_review"}
    invariants.check(floor)


# -- money ------------------------------------------------------------------------------------------------------------


def test_a_refund_is_approved_once(floor: Floor) -> None:
    """Of two approvals at once one counts; the money goes out once."""
    for number in ("1", "2", "3"):
        floor.order(number)
        _, refund = settled_with_refund(floor, number, ("1", 1))
        codes = at_once(floor, floor.approve(refund, floor.anna), floor.approve(refund, floor.bert))
        assert sorted(codes) == ["ok", "refused"]
    floor.work_off(rounds=2)
    assert {row.state for row in floor.rows(tables.Refund)} == {"succeeded"}
    invariants.check(floor)


@pytest.mark.parametrize("first", ["approve", "cancel", "neither"])
def test_approval_and_cancellation(floor: Floor, first: str) -> None:
    """Either the money is approved and the return stands, or the return is cancelled and no money moves."""
    floor.order("1")
    filed = floor.must(floor.file("1", ("1", 1), kind="not_delivered"))
    view = floor.must(floor.trigger(filed["id"], "approve"))
    refund = view["refunds"][0]["id"]
    approve = floor.approve(refund)
    cancel = floor.trigger(filed["id"], "cancel", floor.customer(filed["id"]))
    if first == "neither":
        codes = dict(zip(("approve", "cancel"), at_once(floor, approve, cancel), strict=True))
    else:
        acts = {"approve": approve, "cancel": cancel}
        other = "cancel" if first == "approve" else "approve"
        codes = dict(zip((first, other), overlapped(floor, acts[first], acts[other]), strict=True))
        assert codes[first] == "ok"
    assert sorted(codes.values()) == ["ok", "refused"]
    after = floor.view(filed["id"])
    cancelled = codes["cancel"] == "ok"
    assert (after["state"] == "cancelled") == cancelled
    assert (after["refunds"][0]["state"] == "refused") == cancelled
    invariants.check(floor)


def test_two_returns_of_one_order_never_exceed_what_was_paid(floor: Floor) -> None:
    """Judged and approved at once, two returns bring back exactly what was paid: shipping once, each tender its own."""
    floor.order("1")
    halves = ((("1", 2), ("2", 1)), (("1", 1), ("3", 2)))
    cases = []
    for wanted in halves:
        filed = floor.must(floor.file("1", *wanted))
        lines = ids(filed)
        floor.must(floor.receive(filed["id"], *[(lines[one], quantity) for one, quantity in wanted]))
        cases.append((filed["id"], [(lines[one], quantity, "accept") for one, quantity in wanted]))
    assert overlapped(floor, *[floor.inspect(one, *judged) for one, judged in cases]) == ("ok", "ok")
    for _ in range(3):
        proposed = [row.id for row in floor.rows(tables.Refund) if row.state == "proposed"]
        if len(proposed) == 2:
            overlapped(floor, *[floor.approve(one) for one in proposed])
        for one in [row.id for row in floor.rows(tables.Refund) if row.state == "proposed"]:
            if floor.do(floor.approve(one))[0] == "total_changed":
                floor.must(floor.renew(one))
    floor.work_off(rounds=2)
    paid = [row for row in floor.rows(tables.Refund) if row.state == "succeeded"]
    assert sum(row.total for row in paid) == 46666
    shipping = [part for row in paid for part in row.components if part["kind"] == "shipping"]
    assert sum(part["gross"] for part in shipping) == 3000
    invariants.check(floor)


def test_a_failed_transfer_keeps_its_place(floor: Floor) -> None:
    """While a transfer waits to be sent again, another refund of the order does not get what it needs."""
    paid = {"id": "p1", "tender": "card", "provider": "offline", "reference": "pi_f#fail,succeed"}
    floor.order("1", payments=[paid | {"captured": money("466.66"), "captured_at": now().isoformat()}])
    _, refund = settled_with_refund(floor, "1", ("1", 3))
    floor.must(floor.approve(refund))
    floor.work_off()
    failed = [row for row in floor.rows(tables.Transfer) if row.state == "failed"]
    assert len(failed) == 1
    by_hand = floor.do(floor.by_hand("1", "186.66", "shipping"))
    assert by_hand[0] != "ok"
    assert overlapped(floor, floor.retry(refund, failed[0].id), floor.by_hand("1", "30.00", "shipping"))[0] == "ok"
    floor.work_off(rounds=2)
    invariants.check(floor)


# -- an order's snapshot against what happens to its returns ----------------------------------------------------------


def test_a_snapshot_never_takes_away_what_a_filing_just_reserved(floor: Floor) -> None:
    """Whichever comes first, an order never has fewer units than its returns hold."""
    fewer = {"lines": [{"id": "1", "sku": "TS-RED-M", "quantity": 1, "unit_price": money("100.00"), "tax_rate": "20"}]}
    for number, order in (("1", "filing"), ("2", "snapshot"), ("3", "neither")):
        floor.order(number)
        filing = floor.file(number, ("1", 3))
        snapshot = Alone(lambda: floor.order(number, **fewer))  # noqa: B023
        if order == "filing":
            overlapped(floor, filing, snapshot)
        elif order == "snapshot":
            overlapped(floor, snapshot, filing)
        else:
            racing.together(lambda: done(floor, snapshot), lambda: floor.do(filing)[0])  # noqa: B023
    invariants.check(floor)


# -- anything against anything ----------------------------------------------------------------------------------------


def test_random_acts_of_many_threads_on_one_order(floor: Floor, monkeypatch: pytest.MonkeyPatch) -> None:
    """Six threads, each with acts in an order of its own: no error but a refusal, and everything adds up afterwards."""
    luck = random.Random(20261121)
    crossing.slow_down(floor, monkeypatch, luck)
    for round_ in range(4):
        acts = crossing.acts(floor, crossing.scene(floor, f"round-{round_}"))
        plans = [luck.sample(sorted({*acts} - {"expire"}), 6) for _ in range(6)]

        def walk(plan: list[str], acts: dict[str, Callable[[], Doing]] = acts) -> list[str]:
            return [done(floor, acts[name]()) for name in plan]

        found = racing.together(*[partial(walk, plan) for plan in plans])
        assert not OURS & set(itertools.chain(*found))
    invariants.check(floor)


# -- over HTTP --------------------------------------------------------------------------------------------------------


@pytest.fixture
def client(floor: Floor) -> Iterator[TestClient[Litestar]]:
    """The application in this process, on the floor's database."""
    app = create_app(floor.services.settings, services=floor.services)
    with TestClient(app, raise_server_exceptions=False) as made:
        yield made


def key_of(floor: Floor, person: str, *scopes: str) -> dict[str, str]:
    """The headers of a fresh key of somebody."""
    new = NewKey(name=person, scopes=list(scopes), person=person)
    with floor.services.database.write() as work:
        return {"Authorization": f"Bearer {keys.mint(work, new, store_id=floor.store_id, actor='system').key}"}


def test_one_key_sent_many_times_at_once_is_one_return(floor: Floor, client: TestClient[Litestar]) -> None:
    """Eight equal filings with one Idempotency-Key at once: one return, and eight answers of the same bytes."""
    headers = key_of(floor, "a@example.com", "returns:write") | {"Idempotency-Key": "one"}
    floor.order("1")
    body = {"order_number": "1", "method": "drop_off_code", "lines": [{"order_line_id": "2", "quantity": 1}]}
    found = racing.together(*[lambda: client.post("/api/v1/returns", json=body, headers=headers)] * 8)
    assert {answer.status_code for answer in found} == {201}
    assert len({answer.content for answer in found}) == 1
    assert len(floor.rows(tables.Return)) == 1
    invariants.check(floor)


def requests_on(floor: Floor, number: str) -> list[tuple[str, str, Json | None]]:
    """Everything that can be asked of an order with a return in the middle of its life and one at its beginning."""
    floor.order(number)
    one, refund = settled_with_refund(floor, number, ("1", 1))
    other = floor.must(floor.file(number, ("3", 2)))
    parcel = floor.must(floor.parcel(other["id"]))["id"]
    line, total = ids(other)["3"], {"expected_total": money("96.67")}
    filing = {"order_number": number, "method": "drop_off_code", "lines": [{"order_line_id": "1", "quantity": 1}]}
    came = {"scan_id": f"scan-{number}", "return_id": other["id"], "lines": [{"line_id": line, "quantity": 1}]}
    judged = {"line_id": line, "quantity": 1, "grade": "A", "disposition": "restock", "verdict": "accept"}
    news = {"status": "delivered", "at": now().isoformat(), "source_id": "n1"}
    by_hand = {"components": [{"kind": "goodwill", "amount": money("5.00")}], "reason": "x"}
    return [
        ("POST", "/returns", filing),
        ("POST", f"/refunds/{refund}/approve", total),
        ("POST", f"/refunds/{refund}/refuse", {"reason": "no"}),
        ("POST", "/receipts", came),
        ("POST", "/receipts", came | {"scan_id": f"more-{number}", "finished": True}),
        ("DELETE", f"/receipts/scan-{number}", None),
        ("POST", f"/returns/{other['id']}/inspections", {"lines": [judged]}),
        ("POST", f"/returns/{other['id']}/actions/cancel", {}),
        ("POST", f"/returns/{other['id']}/actions/approve", {}),
        ("POST", f"/returns/{one}/actions/dispute", {"reason": "x"}),
        ("POST", f"/returns/{one}/actions/approve", {}),
        ("POST", f"/returns/{one}/parcels", {"method": "drop_off_code"}),
        ("POST", f"/parcels/{parcel}/events", news),
        ("POST", f"/parcels/{parcel}/events", news | {"status": "lost", "source_id": "n2"}),
        ("POST", f"/orders/{number}/refunds", by_hand),
        ("GET", f"/returns/{one}", None),
        ("GET", f"/returns/{other['id']}", None),
    ]


def is_ours(answer: httpx.Response) -> bool:
    """True if the program could not do its part."""
    code = answer.json().get("code") if answer.content else None
    return answer.status_code >= httpx.codes.INTERNAL_SERVER_ERROR or code in OURS


def test_random_requests_of_many_clients_on_one_order(
    floor: Floor, client: TestClient[Litestar], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Eight clients that all want something else of one order at once: never a 5xx, never "try again"."""
    luck = random.Random(4)
    crossing.slow_down(floor, monkeypatch, luck)
    people = [key_of(floor, f"{n}@example.com", *SCOPES) for n in range(8)]
    wrong = []
    for round_ in range(3):
        wanted = requests_on(floor, f"order-{round_}")
        plans = [luck.sample(wanted, 8) for _ in people]

        def ask(who: dict[str, str], plan: list[tuple[str, str, Json | None]], round_: int = round_) -> list[Any]:
            found = []
            for n, (method, path, body) in enumerate(plan):
                headers = who | {"Idempotency-Key": f"{round_}-{n}"}
                found.append(client.request(method, f"/api/v1{path}", json=body, headers=headers))
            return found

        asked = [partial(ask, who, plan) for who, plan in zip(people, plans, strict=True)]
        answers = itertools.chain(*racing.together(*asked))
        wrong += [(str(one.url), one.status_code, one.text) for one in answers if is_ours(one)]
    assert wrong == []
    invariants.check(floor)


def test_an_act_that_finds_too_late_that_it_needs_the_order_takes_it_first(floor: Floor) -> None:
    """What leads to a proposal is decided under the order's lock, even where nobody could know it before."""
    floor.order("1")
    wanted = [{"order_line_id": "1", "quantity": 1, "kind": "not_delivered"}, {"order_line_id": "3", "quantity": 1}]
    filed = floor.must(floor.file("1", lines=wanted))
    assert floor.must(floor.trigger(filed["id"], "approve"))["state"] == "awaiting_parcel"
    act = floor.receive(filed["id"], missing=[{"line_id": ids(filed)["3"], "quantity": 1}])
    with pytest.raises(WidenError), floor.services.database.write() as work:
        act(work)
    assert floor.must(act)["state"] == "settling"
    invariants.check(floor)
