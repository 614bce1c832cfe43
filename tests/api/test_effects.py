"""Dead letters: what did not get through is listed with its story, and another try sends nothing twice."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from rma.api.middleware import AccessLog
from rma.db import tables
from rma.services import background, numbers, runner, seal, sweep
from tests.api.conftest import Api
from tests.support.floor import Floor, ids, payment
from tests.support.program import Program

_messages = tables.table(tables.Message)
_refunds = tables.table(tables.Refund)
_deadlines = tables.table(tables.Deadline)
_attempts = tables.table(tables.Attempt)
HOUR = 3600.0


@pytest.fixture
def alone() -> bool:
    """Numbers are counted by the application."""
    return True


def test_what_did_not_get_through_is_listed_and_tried_again(api: Api, tmp_path: Path) -> None:
    """An unknown refund and a mail that gave up: both are listed; a retry asks the one and sends the other."""
    floor = Floor(api.services)
    staff = api.key("returns:read", "returns:write", store_id=floor.store_id)
    key = unknown_refund(floor)
    mail = given_up(floor)
    listed = api.client.get("/api/v1/effects", headers=staff).json()["items"]
    acts = {one["id"]: one for one in listed}
    assert set(acts) == {key, mail}
    assert (acts[key]["what"], acts[key]["state"], acts[key]["error"]) == ("send_refund", "asking", "timeout")
    assert (acts[mail]["kind"], acts[mail]["state"], acts[mail]["error"]) == ("message", "failed", "no_such_mailbox")
    again = {**staff, "Idempotency-Key": "again"}
    tried = api.client.post(f"/api/v1/effects/{key}/retry", headers=again).json()
    assert tried["tries"] == acts[key]["tries"] + 1
    runner.run_attempt(floor.services, key)
    gateway: Any = floor.services.ports.payments["offline_plain"]
    assert (gateway.moved("TRY"), gateway.duplicates()) == (8000, {})
    done = api.client.post(f"/api/v1/effects/{key}/retry", headers={**staff, "Idempotency-Key": "late"})
    assert (done.status_code, done.json()["code"]) == (409, "nothing_to_retry")
    foreign = api.client.post(f"/api/v1/effects/{mail}/retry", headers={**again, **api.key("returns:write")})
    assert foreign.status_code == 404
    program = Program(tmp_path, floor.services.settings.database_url or floor.services.database.url)
    assert [one["id"] for one in program.json("effects", "list", "--store", floor.slug)["items"]] == [mail]
    assert "to_send, " in program.call("effects", "retry", mail).stdout
    assert [one["state"] for one in program.json("effects", "list")["items"]] == ["to_send"]


def unknown_refund(floor: Floor) -> str:
    """The act of a refund that went out without an answer."""
    paid = payment("p1", "card", "466.66", provider="offline_plain", script="timeout-after")
    floor.order("1", payments=[paid])
    filed = floor.must(floor.file("1", ("2", 1)))
    line = ids(filed)["2"]
    floor.must(floor.receive(filed["id"], (line, 1)))
    refund = floor.must(floor.inspect(filed["id"], (line, 1, "accept")))["refunds"][0]["id"]
    floor.must(floor.approve(refund))
    key = next(act for act in floor.open_acts() if act.endswith("send_refund"))
    runner.run_attempt(floor.services, key)
    return key


def given_up(floor: Floor) -> str:
    """A mail that its channel refused for good."""
    background.catch_up(floor.services, floor.store_id)
    with floor.services.database.write() as work:
        mine = sa.select(_messages.c.id).where(_messages.c.store_id == floor.store_id)
        first = work.conn.execute(mine).scalars().first()
        failed = {"state": "failed", "error": "no_such_mailbox", "attempts": 6, "next_at": None}
        work.conn.execute(sa.update(_messages).where(_messages.c.id == first).values(**failed))
    return str(first)


def test_numbers_tell_what_waits_and_what_was_decided(api: Api) -> None:
    """An unknown refund, its money that is late, unsealed events and the transitions so far; nothing that was typed.

    The log names the return that a request is about by its id, however the address names it.
    """
    lines: list[bytes] = []
    app: Any = api.client.app
    app.asgi_handler = AccessLog(app.asgi_handler, lines.append)
    floor = Floor(api.services)
    unknown_refund(floor)
    before = numbers.Counter().read(api.services.database).refunds_overdue
    with api.services.database.write() as work:
        mine = sa.update(_refunds).where(_refunds.c.store_id == floor.store_id)
        work.conn.execute(mine.values(due_on=date(2020, 1, 2), due_legal=date(2020, 1, 2)))
    staff = {**api.key("returns:write", store_id=floor.store_id), "Idempotency-Key": "typed"}
    filed, number = floor.rows(tables.Return)[0].id, floor.rows(tables.Return)[0].rma_number
    assert api.client.post(f"/api/v1/returns/{filed}/actions/a@b", headers=staff, json={}).status_code == 422
    typed = {**staff, "Idempotency-Key": "typed-again"}
    assert api.client.post(f"/api/v1/returns/{number}/actions/decline", headers=typed, json={}).status_code >= 400
    assert [json.loads(line)["return"] for line in lines] == [filed, filed]
    assert number.encode() not in b"".join(lines)
    overdue = run_late(floor)
    told = api.client.get("/metrics").text
    values = as_numbers(told)
    assert values['rma_effects_oldest_seconds{effect="send_refund",state="asking"}'] >= HOUR
    assert values['rma_subscriber_lag_events{subscriber="notify"}'] > 0
    assert (values["rma_deadlines_overdue"], values["rma_deadlines_overdue_oldest_seconds"] > HOUR) == (overdue, True)
    assert numbers.Counter().read(api.services.database).refunds_overdue == {**before, "law": before["law"] + 1}
    assert 'rma_refunds_overdue{by="law"}' in told
    assert 'rma_effects{effect="send_refund",state="asking"} 1.0' in told
    assert 'rma_transitions_total{machine="refund",outcome="done",trigger="approve"}' in told
    assert "rma_database_up 1.0" in told
    assert values["rma_seal_lag_events"] > 0
    assert values["rma_seal_lag_oldest_seconds"] > 0
    assert "@" not in told
    assert counted(api, "rma_deadlines_total", lambda: sweep.sweep(floor.services)) > 0
    assert counted(api, 'rma_chore_failures_total{chore="broken"}', break_a_chore) == 1


def as_numbers(told: str) -> dict[str, float]:
    """Each sample with its labels, and its value."""
    lines = [line.rpartition(" ") for line in told.splitlines() if not line.startswith("#")]
    return {name: float(value) for name, _, value in lines}


def counted(api: Api, name: str, act: Callable[[], object]) -> float:
    """How much was counted under names that begin so while something was done."""

    def now() -> float:
        told = as_numbers(api.client.get("/metrics").text)
        return sum(value for one, value in told.items() if one.startswith(name))

    before = now()
    act()
    return now() - before


def run_late(floor: Floor) -> float:
    """Let subscribers, acts and deadlines be late, and leave events unsealed; how many deadlines are."""
    background.catch_up(floor.services, floor.store_id)
    floor.order("2")
    seal.seal_all(floor.services.database)
    floor.must(floor.file("2", ("1", 1)))
    with floor.services.database.write() as work:
        open_ones = sa.and_(_deadlines.c.store_id == floor.store_id, _deadlines.c.state == "open")
        past = work.real_now - timedelta(seconds=2 * HOUR)
        late = work.conn.execute(sa.update(_deadlines).where(open_ones).values(next_at=past, due_at=past))
        work.conn.execute(sa.update(_attempts).where(_attempts.c.store_id == floor.store_id).values(created_at=past))
        return float(late.rowcount)


def break_a_chore() -> None:
    """A chore that fails once, then waits for its next time."""
    broken = background.Background([background.Chore("broken", lambda: 1 // 0)], tick=0.01)
    broken.start()
    while not broken.states["broken"].failures:
        time.sleep(0.01)
    broken.stop()


def test_the_seal_lag_counts_every_event_without_a_number(api: Api) -> None:
    """One that stands before the last sealed one, as a late commit does, counts too; sealed ones never."""
    floor = Floor(api.services)
    floor.order("1")
    floor.must(floor.file("1", ("1", 1)))
    watched = seal.Lag()
    assert watched.read(floor.services.database)[0] > 0
    seal.seal_all(floor.services.database)
    assert watched.read(floor.services.database) == (0, None)
    floor.must(floor.file("1", ("2", 1)))
    seals = tables.table(tables.Seal)
    new = watched.read(floor.services.database)[0]
    seal.seal_all(floor.services.database)
    with floor.services.database.write() as work:
        first = work.conn.execute(sa.select(sa.func.max(seals.c.event_seq))).scalar_one() - new + 1
        work.conn.execute(sa.delete(seals).where(seals.c.event_seq == first))
    count, since = watched.read(floor.services.database)
    assert count == 1
    assert since is not None
