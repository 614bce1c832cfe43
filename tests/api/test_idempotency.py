"""One act for one Idempotency-Key, whatever happens around it."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

from rma.api import stores
from rma.api.http import Call, created
from rma.api.routing import Routes
from rma.db import tables
from rma.errors import Refused
from rma.services import idempotency
from rma.services.context import Work
from rma.services.idempotency import Answer

if TYPE_CHECKING:
    from tests.api.conftest import Api

probe = Routes(tag="Probe")
together = threading.Barrier(2, timeout=5)
meeting = threading.Event()


def _count(work: Work) -> int:
    return work.conn.execute(sa.select(sa.func.count()).select_from(tables.table(tables.Personal))).scalar_one()


def _note(call: Call, work: Work) -> Answer:
    """Write a row; the answer names it, so a second act would be seen."""
    row = tables.Personal(id=work.new_id("per"), store_id=call.caller.store_id, stream="probe", value="x")
    work.session.add(row)
    return created({"id": row.id}, version=7, subject="cus_1")


@probe.post("/receipts", status=201)
def note(call: Call) -> Answer:
    """Write a row; two at once if the test says so."""

    def act(work: Work) -> Answer:
        answer = _note(call, work)
        work.flush()
        if meeting.is_set() and not call.services.database.is_sqlite:
            meet()
        return answer

    return call.write(act)


@probe.post("/receipts/unknown", status=201)
def note_once(call: Call) -> Answer:
    """Write a row if there is none, else refuse."""

    def act(work: Work) -> Answer:
        if _count(work):
            raise Refused("There is one already.", code="one_already")
        return _note(call, work)

    return call.write(act)


@probe.post("/orders/import")
def import_parts(call: Call) -> Answer:
    """Write two rows in two transactions."""

    def parts() -> Answer:
        for _ in range(2):
            with call.services.database.write() as work:
                _note(call, work)
        return created({"done": 2})

    return call.in_parts(parts)


def meet() -> None:
    """Wait for the twin, but not for ever: it may be waiting for our transaction."""
    try:
        together.wait()
    except threading.BrokenBarrierError:
        together.reset()


@pytest.fixture
def served() -> Sequence[Routes]:
    """The probe, with what makes keys."""
    return (stores.routes, probe)


def _rows(api: Api) -> int:
    with api.services.database.read() as work:
        return _count(work)


def test_the_same_request_is_answered_byte_for_byte(api: Api) -> None:
    """A repetition does nothing and gets status, body and ETag of the first answer, marked as replayed."""
    headers = api.key("receiving:write") | {"Idempotency-Key": "a"}
    first = api.post("/receipts", {"n": 1}, headers)
    again = api.post("/receipts", {"n": 1}, headers)
    assert first.status_code == again.status_code == 201
    assert first.content == again.content
    assert first.headers["etag"] == again.headers["etag"] == '"7"'
    assert "idempotency-replayed" not in first.headers
    assert again.headers["idempotency-replayed"] == "true"
    assert _rows(api) == 1


def test_another_body_is_refused(api: Api) -> None:
    """The same key with another body is 422 and does nothing."""
    headers = api.key("receiving:write") | {"Idempotency-Key": "a"}
    api.post("/receipts", {"n": 1}, headers)
    other = api.post("/receipts", {"n": 2}, headers)
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")
    assert _rows(api) == 1


def test_a_key_counts_for_one_caller_method_and_path(api: Api) -> None:
    """The same Idempotency-Key of another API key or on another path is another request."""
    mine, theirs = api.key("receiving:write"), api.key("receiving:write")
    ids = {api.post("/receipts", {}, who | {"Idempotency-Key": "a"}).json()["id"] for who in (mine, theirs)}
    assert len(ids) == 2
    refused = api.post("/receipts/unknown", {}, mine | {"Idempotency-Key": "a"})
    assert refused.json()["code"] == "one_already"


@pytest.mark.parametrize(("sent", "code"), [({}, "idempotency_key_required"), ({"Idempotency-Key": ""}, "invalid")])
@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
def test_a_writing_post_needs_a_key(api: Api, sent: dict[str, str], code: str) -> None:
    """Without an Idempotency-Key, or with an empty one, a POST that writes does nothing."""
    answer = api.client.post("/api/v1/receipts", headers=api.key("receiving:write") | sent)
    assert answer.status_code == (400 if code == "idempotency_key_required" else 422)
    assert answer.json()["code"] == code
    assert _rows(api) == 0


def test_a_refusal_is_not_kept_but_a_success_outlives_it(api: Api) -> None:
    """What was refused can be sent again; what was done replays although the act would be refused by now."""
    key = api.key("receiving:write")
    done = api.post("/receipts/unknown", {}, key | {"Idempotency-Key": "a"})
    refused = api.post("/receipts/unknown", {}, key | {"Idempotency-Key": "b"})
    assert (done.status_code, refused.status_code) == (201, 409)
    assert api.post("/receipts/unknown", {}, key | {"Idempotency-Key": "a"}).content == done.content
    with api.services.database.write() as work:
        work.conn.execute(sa.delete(tables.table(tables.Personal)))
    assert api.post("/receipts/unknown", {}, key | {"Idempotency-Key": "b"}).status_code == 201


def test_a_secret_is_shown_once(api: Api) -> None:
    """The repetition of an answer that held a secret is a conflict, and the secret was never kept."""
    headers = api.key("admin") | {"Idempotency-Key": "a"}
    body = {"name": "x", "scopes": ["events:read"]}
    minted = api.post("/stores/shop/keys", body, headers).json()
    again = api.post("/stores/shop/keys", body, headers)
    assert (again.status_code, again.json()["code"]) == (409, "secret_shown_once")
    kept = tables.table(tables.IdempotencyKey)
    with api.services.database.read() as work:
        assert minted["key"] not in repr(work.conn.execute(sa.select(kept)).all())


def test_twins_at_the_same_time_do_it_once(api: Api) -> None:
    """Many threads with one key: one act, and every answer is that act's."""
    headers = api.key("receiving:write") | {"Idempotency-Key": "a"}
    api.get("/stores/shop", headers)
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: api.post("/receipts", {"n": 1}, headers), range(16)))
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.content for answer in answers}) == 1
    assert sum("idempotency-replayed" not in answer.headers for answer in answers) == 1
    assert _rows(api) == 1


@pytest.mark.parametrize("database_kind", ["postgresql"], indirect=True)
def test_twins_that_both_acted_leave_one_act(api: Api) -> None:
    """Where both transactions are open at once, the later one is rolled back and answers with the first one's bytes."""
    headers = api.key("receiving:write") | {"Idempotency-Key": "a"}
    meeting.set()
    try:
        with ThreadPoolExecutor(2) as pool:
            answers = list(pool.map(lambda _: api.post("/receipts", {}, headers), range(2)))
    finally:
        meeting.clear()
    assert [answer.status_code for answer in answers] == [201, 201]
    assert answers[0].content == answers[1].content
    assert _rows(api) == 1


def test_an_import_is_kept_after_its_last_part(api: Api) -> None:
    """An act of many transactions replays too, and runs once."""
    headers = api.key("orders:write") | {"Idempotency-Key": "a"}
    first = api.post("/orders/import", {}, headers)
    assert api.post("/orders/import", {}, headers).content == first.content
    assert _rows(api) == 2


def test_answers_are_forgotten_and_erased(api: Api) -> None:
    """Old answers go by their time; an erased one still stops the repetition, without telling anything."""
    headers = api.key("receiving:write") | {"Idempotency-Key": "a"}
    api.post("/receipts", {}, headers)
    with api.services.database.write() as work:
        assert idempotency.erase(work, "cus_1") == 1
    assert api.post("/receipts", {}, headers).json()["code"] == "secret_shown_once"
    with api.services.database.write() as work:
        assert idempotency.prune(work, datetime.now(UTC) - timedelta(hours=24)) == 0
        assert idempotency.prune(work, datetime.now(UTC) + timedelta(seconds=1)) == 1
    answer: Any = api.post("/receipts", {}, headers)
    assert answer.status_code == 201
