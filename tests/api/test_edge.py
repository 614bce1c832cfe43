"""What stands around every answer: ids, headers, the log, health and the API page."""

from __future__ import annotations

import itertools
import json
import os
import re
import signal
import stat
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest
import sqlalchemy as sa
from dbos import DBOS
from litestar.testing import TestClient

from rma.api import access
from rma.api.middleware import AccessLog
from rma.app import ROUTES, create_app
from rma.db.migrate import newest, revisions
from rma.db.session import Database
from rma.demo.local import free_port
from rma.services import numbers, slots
from rma.services.health import NOBODY_WORKS, READY_SECONDS
from rma.services.kept import Kept
from rma.settings import Settings
from rma.worker import Worker

if TYPE_CHECKING:
    from tests.api.conftest import Api


@pytest.fixture
def alone() -> bool:
    """Numbers are counted by the application."""
    return True


@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
def test_a_request_id_goes_in_and_out(api: Api) -> None:
    """The caller's id comes back, also on an error; a strange one is replaced."""
    for path in ("/health/live", "/nothing"):
        assert api.client.get(path, headers={"X-Request-Id": "abc-1"}).headers["x-request-id"] == "abc-1"
        fresh = api.client.get(path, headers={"X-Request-Id": "a b\t<script>"}).headers["x-request-id"]
        assert re.fullmatch(r"[0-9a-f]{24}", fresh)
        forged = api.client.get(path, headers={b"X-Request-Id": b"abc\r\nSet-Cookie: a=b"})
        assert re.fullmatch(r"[0-9a-f]{24}", forged.headers["x-request-id"])
        assert "set-cookie" not in forged.headers


class Seconds:
    """A clock that stands until a test moves it."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        """What it shows."""
        return self.now


@pytest.fixture
def seconds(api: Api) -> Seconds:
    """The clock by which it is kept whether the process is ready."""
    clock = Seconds()
    api.services.ready = Kept(READY_SECONDS, clock=clock)
    return clock


def _ready(api: Api, seconds: Seconds, *, after: float = READY_SECONDS) -> httpx.Response:
    seconds.now += after
    return api.client.get("/health/ready")


@contextmanager
def _statements(api: Api) -> Iterator[list[str]]:
    """What is asked of the database."""
    said: list[str] = []

    def hear(_conn: Any, _cursor: Any, statement: str, *_more: Any) -> None:
        said.append(statement)

    engine = api.services.database.engine
    sa.event.listen(engine, "before_cursor_execute", hear)
    yield said
    sa.event.remove(engine, "before_cursor_execute", hear)


def test_the_database_is_asked_once_a_moment_however_many_look(api: Api, seconds: Seconds) -> None:
    """Readiness costs two statements a second at most, in trouble too, and trouble is told within that second.

    The numbers are read every five seconds, and of two who ask at once one reads.
    """
    revision = "UPDATE alembic_version SET version_num = '{}'"
    with _statements(api) as asked:
        assert [_ready(api, seconds, after=after).status_code for after in (0.0, 0.5, 0.4)] == [200] * 3
        assert len(asked) == (1 if api.services.database.is_sqlite else 2)
        with api.services.database.write() as work:
            work.conn.execute(sa.text(revision.format(revisions()[0])))
        assert _ready(api, seconds, after=0.0).status_code == 200
        assert _ready(api, seconds, after=0.1).json()["code"] == "not_migrated"
        before = len(asked)
        assert (_ready(api, seconds, after=0.9).json()["code"], len(asked)) == ("not_migrated", before)
        with api.services.database.write() as work:
            work.conn.execute(sa.text(revision.format(newest())))
        assert _ready(api, seconds, after=0.1).status_code == 200
        counter, before = numbers.Counter(clock=seconds), len(asked)
        read = counter.read(api.services.database)
        once, seconds.now = len(asked), seconds.now + numbers.KEEP_SECONDS - 0.1
        assert (counter.read(api.services.database) is read, len(asked)) == (True, once)
        seconds.now += 0.1
        assert counter.read(api.services.database) is not read
        assert len(asked) - once == once - before > 0


def test_of_two_who_ask_at_once_one_finds_out() -> None:
    """The other one waits, and gets what was found."""
    kept: Kept[int] = Kept(1.0, clock=lambda: 0.0)
    found, got = itertools.count(), []
    other = threading.Thread(target=lambda: got.append(kept.get(find)))
    twice = threading.Event()

    def find() -> int:
        number = next(found)
        if number:
            twice.set()
        else:
            other.start()
            twice.wait(0.05)
        return number

    assert kept.get(find) == 0
    other.join()
    assert (got, twice.is_set()) == ([0], False)


def test_health_tells_alive_from_ready(api: Api, seconds: Seconds) -> None:
    """Alive needs nothing; ready needs a database at the newest revision, and says who works behind requests."""
    assert api.client.get("/health/live").json() == {"status": "ok"}
    alone = _ready(api, seconds).json()
    assert (alone.pop("warning"), alone) == (
        NOBODY_WORKS, {"status": "ok", "database": "ok", "schema": "ok", "engine": "elsewhere", "slots": 0},
    )  # fmt: skip
    held = slots.take(api.services.database, 3, data_dir=api.services.settings.data_dir)
    elsewhere = _ready(api, seconds).json()
    held.release()
    assert (elsewhere["engine"], elsewhere["slots"], elsewhere["warning"]) == ("elsewhere", 1, None)


def test_a_process_that_lost_its_slot_or_its_engine_is_not_ready(
    api: Api, seconds: Seconds, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the worker inside both are 503, and the process ends, so that others take its work over."""
    ended: list[int] = []
    monkeypatch.setattr(os, "kill", lambda _pid, number: ended.append(number))
    monkeypatch.setattr("rma.worker.SLOT_SECONDS", 3_600.0)
    worker = Worker(api.services, 4)
    worker.start()
    slot = next(chore for chore in worker.chores if chore.name == "slot")
    try:
        ready = _ready(api, seconds).json()
        assert (ready["engine"], ready["slots"], slot.run(), ended) == ("ok", 1, 0, [])
        other = _lose_slot(api, 4)
        assert _not_ready(api, seconds) == (503, "engine_stopped")
        slot.run()
        other.release()
        assert (ended, _not_ready(api, seconds)) == ([signal.SIGTERM], (503, "engine_stopped"))
        slot.run()
        assert (ended.pop(), ended, _ready(api, seconds).json()["slots"]) == (signal.SIGTERM, [], 1)
        DBOS.destroy()
        assert _not_ready(api, seconds) == (503, "engine_stopped")
        slot.run()
        assert ended == [signal.SIGTERM]
    finally:
        worker.stop()
    assert _ready(api, seconds).json()["engine"] == "elsewhere"


def _not_ready(api: Api, seconds: Seconds) -> tuple[int, str]:
    answer = _ready(api, seconds)
    return answer.status_code, answer.json()["code"]


def _lose_slot(api: Api, number: int) -> slots.Slot:
    """Another process has it: the file was removed and made anew, or the server ended the connection."""
    database, data_dir = api.services.database, api.services.settings.data_dir
    if database.is_sqlite:
        for path in Path(sa.make_url(database.url).database or "").parent.glob(f"*.slot-{number}"):
            path.unlink()
        return slots.take(database, number, data_dir=data_dir)
    with database.read() as work:
        work.conn.execute(
            sa.text(
                "SELECT pg_terminate_backend(pid, 10000) FROM pg_locks WHERE locktype = 'advisory' AND objid = :number"
                " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
            ),
            {"number": number},
        )
    return slots.take(database, number, data_dir=data_dir)


def test_requests_are_counted_by_route(api: Api) -> None:
    """The numbers name the route with its parameters unfilled, and the status."""
    api.get("/stores/shop")
    numbers = api.client.get("/metrics")
    assert numbers.headers["content-type"].startswith("text/plain")
    assert 'rma_http_requests_total{method="GET",route="/api/v1/stores/{slug}",status="401"} 1.0' in numbers.text


def test_a_database_without_tables_is_not_ready(settings: Settings, empty_database_url: str) -> None:
    """Before the migration the process is alive but not ready, and says what to do."""
    database = Database(empty_database_url)
    with TestClient(create_app(settings, database=database)) as client:
        answer = client.get("/health/ready")
    database.close()
    assert (answer.status_code, answer.json()["code"]) == (503, "not_migrated")
    assert "rma db upgrade" in answer.json()["detail"]


def test_numbers_are_told_without_a_database(settings: Settings) -> None:
    """Readiness is 503; the numbers that need no database are there, and one says that it does not answer."""
    away = Database(f"postgresql://nobody@127.0.0.1:{free_port()}/none")
    with TestClient(create_app(settings, database=away), raise_server_exceptions=False) as client:
        assert client.get("/health/ready").status_code == 503
        told = client.get("/metrics").text
    away.close()
    assert "rma_database_up 0.0" in told
    assert 'rma_http_requests_total{method="GET",route="/health/ready",status="503"} 1.0' in told
    assert "rma_effects{" not in told


@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
def test_the_api_page_is_served_from_here(api: Api) -> None:
    """The page loads nothing from elsewhere and has a strict policy; the files it names are there."""
    page = api.client.get("/api/docs")
    assert "script-src 'self'" in page.headers["content-security-policy"]
    named = re.findall(r'(?:src|href)="([^"]+)"', page.text)
    assert len(named) == 4
    assert all(link.startswith("/") and api.client.get(link).status_code == 200 for link in named)


@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
def test_the_document_describes_every_route(api: Api) -> None:
    """OpenAPI 3.1 with each route, its security from the table, its body, and no reference into the void."""
    text = api.client.get("/api/v1/openapi.json").text
    document = json.loads(text)
    assert document["openapi"].startswith("3.1")
    for group in ROUTES:
        for endpoint in group.endpoints:
            operation = document["paths"][endpoint.prefix + endpoint.path][endpoint.method.lower()]
            rule = access.RULES[endpoint.method, endpoint.path]
            assert ({"link": []} in operation["security"]) is rule.link
            assert ("requestBody" in operation) is (endpoint.body != "none")
    for name in re.findall(r'"#/components/(\w+)/(\w+)"', text):
        assert name[1] in document["components"][name[0]]
    names = [operation["operationId"] for path in document["paths"].values() for operation in path.values()]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
def test_the_log_has_one_line_without_personal_data(api: Api) -> None:
    """A line has route, status, time and whose key; no address as sent, token or e-mail, nor a line that it forges."""
    lines: list[bytes] = []
    api.client.app.asgi_handler = AccessLog(api.client.app.asgi_handler, lines.append)
    person = api.key("admin", person="ayse@example.com")
    link = api.link(return_id := api.a_return(), datetime.now(UTC) + timedelta(days=1))
    api.get("/stores/ayse%40example.com?q=ayse", {"Authorization": "Basic geheim"})
    api.client.get("/nothing/ayse")
    api.get("/orders/1%0A%7B%22status%22:200%7D", {"X-Request-Id": "1{}"})
    api.get("/stores/shop", person)
    api.get(f"/returns/{return_id}/evidence", link)
    assert all(line.count(b"\n") == 1 and line.endswith(b"}\n") for line in lines)
    told = [json.loads(line) for line in lines]
    assert [(line["method"], line["route"], line["status"]) for line in told] == [
        ("GET", "/api/v1/stores/{slug}", 401), ("GET", None, 404), ("GET", "/api/v1/orders/{number}", 401),
        ("GET", "/api/v1/stores/{slug}", 200), ("GET", "/api/v1/returns/{id}/evidence", 200),
    ]  # fmt: skip
    assert [(line["store"], line["key"] and line["key"][:4], line["return"]) for line in told[2:]] == [
        (None, None, None), ("shop", "key_", None), ("shop", None, return_id),
    ]  # fmt: skip
    secrets = ("ayse", "geheim", link["Authorization"].split()[1], person["Authorization"].split()[1])
    assert not [one for one in secrets if one.encode() in b"".join(lines)]


def test_the_secret_is_made_once_for_its_owner_alone(tmp_path: Path) -> None:
    """Without RMA_SECRET_KEY one is generated, kept with mode 0600, and the same at the next start."""
    first = Settings(data_dir=tmp_path).secret
    assert Settings(data_dir=tmp_path).secret == first
    assert len(first) > 40
    assert stat.S_IMODE((tmp_path / "secret-key").stat().st_mode) == 0o600


def test_settings_come_from_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """``RMA_*`` sets each of them; the default database is a file in the data folder."""
    monkeypatch.setenv("RMA_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("RMA_PORT", "81")
    settings = Settings()
    assert (settings.port, settings.database) == (81, f"sqlite:///{tmp_path / 'rma.sqlite3'}")
    monkeypatch.setenv("RMA_DATABASE_URL", "postgresql://u@h/d")
    assert Settings().database == "postgresql://u@h/d"


@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
def test_head_answers_like_get_without_the_body(api: Api) -> None:
    """HEAD has status, length, type and ETag of GET, and the same guard."""
    key = api.key("admin")
    for path, headers in (("/api/v1/stores/shop", key), ("/api/v1/stores/shop", {}), ("/health/live", {})):
        got, asked = (api.client.request(method, path, headers=headers) for method in ("GET", "HEAD"))
        assert (asked.status_code, asked.content) == (got.status_code, b"")
        for name in ("content-length", "content-type", "etag"):
            assert asked.headers.get(name) == got.headers.get(name), name


@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
def test_options_tells_every_method_of_an_address(api: Api) -> None:
    """OPTIONS needs no key and names what the address can do; an answer without a body has no length."""
    for path, methods in (("/orders", "GET, HEAD, OPTIONS"), ("/stores/shop", "GET, HEAD, OPTIONS, PATCH")):
        answer = api.client.options(f"/api/v1{path}")
        assert (answer.status_code, answer.headers["allow"]) == (204, methods)
        assert "content-length" not in answer.headers


@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
def test_a_number_is_no_instant(api: Api) -> None:
    """A filter for an instant takes no count of seconds, and says what it takes."""
    for given in ("-58800", "1e9", "17.5"):
        answer = api.get(f"/orders?ordered_to={given}", api.key("orders:read"))
        assert (answer.status_code, answer.json()["errors"][0]["path"]) == (422, "ordered_to")
    assert api.get("/orders?ordered_to=2026-01-01T00:00:00Z", api.key("orders:read")).status_code == 200


@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
def test_a_form_of_too_many_parts_is_too_large(api: Api) -> None:
    """A thousand and one parts, or a part whose own header has no end, are 413 and nothing else."""
    headers = api.key("returns:write") | {"Idempotency-Key": "a"}
    part = b'--x\r\nContent-Disposition: form-data; name="%s"\r\n\r\n1\r\n'
    for parts in (b"".join(part % str(number).encode() for number in range(1_001)), part % (b"a" * 100_000)):
        sent = headers | {"Content-Type": "multipart/form-data; boundary=x"}
        answer = api.client.post("/api/v1/returns/ret_1/evidence", content=parts + b"--x--\r\n", headers=sent)
        assert (answer.status_code, answer.json()["code"]) == (413, "too_large"), answer.text


def test_public_routes_are_counted_and_tell_nothing_by_their_time() -> None:
    """Whatever anybody may ask of a store is counted by address, and what would tell of an order leaves on the beat."""
    endpoints = [one for group in ROUTES for one in group.endpoints if access.RULES[one.method, one.path].public]
    of_stores = [one for one in endpoints if one.prefix]
    assert [one.path for one in of_stores if one.method == "POST" and one.even] == [
        "/stores/{slug}/withdrawals",
        "/stores/{slug}/withdrawals/{token}/confirm",
    ]
    assert len(of_stores) == 3
    assert all(one.counted for one in of_stores)


@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
@pytest.mark.parametrize("path", ["/api/v1/returns/ret_1/evidence", "/shop/r/token/file"])
def test_a_text_of_a_form_is_text(api: Api, path: str) -> None:
    """Half a character, and an encoding that there is not or that always fails, are 400: no database could hold it."""
    headers = api.key("returns:write") | {"Idempotency-Key": "a", "Content-Type": "multipart/form-data; boundary=x"}
    part = b'--x\r\nContent-Disposition: form-data; name="%s"\r\nContent-Type: text/plain; charset=%s\r\n\r\n%s\r\n'
    texts = [
        ("utf-7", "+2AA-"),
        ("unicode_escape", "\\ud800"),
        ("undefined", "a"),
        ("idna", "xn--a-" * 99),
        ("nn", "a"),
    ]
    for charset, text in texts:
        sent = part % (b"kind", b"utf-8", b"photo") + part % (b"note", charset.encode(), text.encode()) + b"--x--"
        assert api.client.post(path, content=sent, headers=headers).status_code == 400, charset
    whole = part % (b"kind", b"utf-7", b"+AOQ-") + b"--x--"
    assert api.client.post(path, content=whole, headers=headers).status_code in {404, 422}
