"""Dead letters: what did not get through is listed with its story, and another try sends nothing twice."""

from __future__ import annotations

import base64
import json
import re
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from dbos._serialization import DefaultSerializer, serialize_exception

from rma.api.middleware import AccessLog
from rma.db import tables
from rma.db.session import WidenError, Work
from rma.errors import Refused
from rma.services import background, counts, effects, numbers, runner, seal, sweep
from tests.api.conftest import Api
from tests.support.floor import Act, Floor, ids, payment
from tests.support.program import Program
from tests.support.talkative import break_talking, let_talk

_messages = tables.table(tables.Message)
_refunds = tables.table(tables.Refund)
_deadlines = tables.table(tables.Deadline)
_attempts = tables.table(tables.Attempt)
_stores = tables.table(tables.Store)
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


def test_what_broke_is_kept_without_what_it_said(api: Api, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of an error its class and place are kept and shown, for a code that is none the state, with acts and mails.

    What breaks out of an act, which no act does, is kept by the engine in the same words.
    """
    floor = Floor(api.services)
    key = unknown_refund(floor)
    let_talk(floor.services, tmp_path)
    runner.run_attempt(floor.services, key)
    background.catch_up(floor.services, floor.store_id)
    staff = api.key("returns:read", store_id=floor.store_id)
    told = api.client.get("/api/v1/effects", headers=staff).json()["items"]
    assert {one["kind"]: re.sub(r":\d+ ", " ", one["error"]) for one in reversed(told)} == {
        "act": "builtins.ConnectionError at rma.services.refund_acts _ask",
        "message": "builtins.ConnectionError at rma.services.outbox _send",
    }
    assert {one["error"] for one in told if one["state"] == "failed"} == {"failed"}
    runner.run_attempt(floor.services, key)
    assert [row.error for row in floor.rows(tables.Transfer)] == ["unknown"]
    assert [row.error for row in floor.rows(tables.Attempt, _attempts.c.id == key)] == ["unknown"]
    monkeypatch.setattr(effects, "_runner", break_talking)
    for kept in kept_by_engine():
        assert (b"ConnectionError at rma.services.effects" in kept, b"ayse" in kept) == (True, False)


def kept_by_engine() -> list[bytes]:
    """What the engine keeps of an act that something breaks out of: pickled, and in JSON where SQL enqueued it."""
    act: Any = effects._effect  # noqa: SLF001 - what the engine runs
    with pytest.raises(RuntimeError) as left:
        act.__wrapped__("tra_1:1:send_refund")
    pickled, portable = (
        serialize_exception(left.value, form, DefaultSerializer())[0] for form in ("py_pickle", "portable_json")
    )
    return [base64.b64decode(pickled), portable.encode()]


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


def test_each_store_is_swept_by_its_own_clock(api: Api) -> None:
    """What is due by a clock that was moved ahead fires in that store, and in no other."""
    here, ahead = Floor(api.services), Floor(api.services)
    for floor in (here, ahead):
        floor.order("1")
        floor.must(floor.file("1", ("1", 1)))
    with api.services.database.write() as work:
        work.conn.execute(sa.update(_stores).where(_stores.c.id == ahead.store_id).values(clock_offset=2_400 * HOUR))
    sweep.sweep(api.services)
    assert [row.state for floor in (here, ahead) for row in floor.rows(tables.Return)] == ["awaiting_parcel", "expired"]


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


def test_a_transition_is_counted_once_it_has_happened(api: Api) -> None:
    """Once where it was kept, and once where it was refused, whatever was done in its place.

    A repetition under its key counts nothing, nor does what broke; what was run again from its start counts once.
    """
    floor = Floor(api.services)
    floor.order("1")
    first, second, third = (floor.must(floor.file("1", (line, 1)))["id"] for line in "123")
    staff = api.key("returns:write", store_id=floor.store_id)

    def ask(key: str) -> int:
        headers, body = {**staff, "Idempotency-Key": key}, {"reason": "no"}
        return api.client.post(f"/api/v1/returns/{first}/actions/dispute", headers=headers, json=body).status_code

    assert disputes(lambda: [ask("a") for _ in range(3)]) == [1, 0]
    assert disputes(lambda: [ask("b"), ask("a")]) == [0, 1]
    assert disputes(lambda: floor.do(floor.trigger(first, "dispute", reason="x"))) == [0, 1]
    assert disputes(lambda: break_after(floor, second)) == [0, 0]
    assert disputes(lambda: floor.must(instead(floor, first, second))) == [1, 1]
    assert disputes(lambda: floor.must(run_again(floor, third))) == [1, 0]


def disputes(act: Callable[[], object]) -> list[float]:
    """How many disputes were counted as done, and as refused, while something was done."""

    def now() -> list[float]:
        labels = [{"machine": "return", "trigger": "dispute", "outcome": outcome} for outcome in ("done", "refused")]
        return [counts.REGISTRY.get_sample_value("rma_transitions_total", one) or 0.0 for one in labels]

    before = now()
    act()
    return [after - then for after, then in zip(now(), before, strict=True)]


def break_after(floor: Floor, return_id: str) -> None:
    """A dispute in a transaction that breaks after it."""

    def act(work: Work) -> None:
        floor.trigger(return_id, "dispute", reason="x")(work)
        raise ConnectionError

    with pytest.raises(ConnectionError):
        floor.do(act)


def instead(floor: Floor, disputed: str, other: str) -> Act:
    """A dispute that is refused, and another one in its place in the same transaction."""

    def act(work: Work) -> Any:
        with suppress(Refused):
            floor.trigger(disputed, "dispute", reason="x")(work)
        return floor.trigger(other, "dispute", reason="x")(work)

    return act


def run_again(floor: Floor, return_id: str) -> Act:
    """A dispute that finds, the first time, that it needs wider locks."""

    def act(work: Work) -> Any:
        done = floor.trigger(return_id, "dispute", reason="x")(work)
        if not work.wide:
            raise WidenError
        return done

    return act


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
