"""What a client may do to a connection before anybody reads what it sends: real sockets, small bounds."""

from __future__ import annotations

import json
import logging
import select
import socket
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from ipaddress import ip_network
from pathlib import Path
from queue import Queue
from typing import TYPE_CHECKING, Any

import httpx
import pytest
import sqlalchemy as sa

from rma import server
from rma.api.middleware import AccessLog
from rma.app import create_app
from rma.db import tables
from rma.services.limits import RATES, Limiter, Rate
from rma.settings import Settings
from tests.support.snapshots import snapshot

if TYPE_CHECKING:
    from tests.api.conftest import Api

SQLITE = pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
Log = Queue[bytes]
KEYS = {"at", "level", "logger", "request_id", "method", "route", "status", "ms", "store", "key", "return"}
ROUTE = "/api/v1/stores/{slug}/withdrawals"
POST = b"POST /api/v1/stores/shop/withdrawals HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
GET = b"GET /health/live HTTP/1.1\r\nHost: x\r\n"
CHUNKED = POST + b"Transfer-Encoding: chunked\r\n"
NO_CHUNK = b"\r\nZZ\r\n"
SERVED, CROWDED = (("GET", "/health/live", 200), ("none", "none", 503))


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Little room and little time."""
    return Settings(
        data_dir=tmp_path, access_log=False, even_seconds=0, port=0,
        header_seconds=2, body_seconds=2, body_bytes_per_second=10_000,
        max_connections=8, max_connections_per_address=8,
    )  # fmt: skip


@pytest.fixture
def patient(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Little room, and all the time in the world."""
    monkeypatch.setattr("rma.api.connection._LINGER_SECONDS", 1e9)
    return settings.model_copy(update={"header_seconds": 1e9, "body_seconds": 1e9})


@pytest.fixture
def log() -> Log:
    """The lines of the access log, as they are written."""
    return Queue()


@pytest.fixture
def port(api: Api, settings: Settings, log: Log) -> Iterator[int]:
    """Where a server listens."""
    with _serve(api, settings, log) as listening:
        yield listening


@contextmanager
def _serve(api: Api, settings: Settings, log: Log) -> Iterator[int]:
    app = create_app(settings, services=api.services)
    app.asgi_handler = AccessLog(app.asgi_handler, log.put)
    one = server.make(app, settings)
    with socket.create_server(("127.0.0.1", 0), backlog=200) as listening:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 8_192)  # that the system holds little of an answer
        thread = threading.Thread(target=one.run, args=([listening],))
        thread.start()
        while not one.started and thread.is_alive():
            time.sleep(0.01)
        try:
            yield int(listening.getsockname()[1])
        finally:
            one.should_exit = True
            thread.join()


def _told(port: int, log: Log, many: int) -> Counter[tuple[str, str, int]]:
    """Method, route and status of so many lines, each whole and without an address; they count as they are told."""
    lines = [log.get(timeout=30) for _ in range(many)]
    assert b"a" * 30 not in b"".join(lines), "ids are shorter"
    shown = [json.loads(line) for line in lines]
    assert all(set(one) == KEYS and one["request_id"] and one["level"] == "info" for one in shown)
    told = Counter((one["method"], one["route"] or "none", one["status"]) for one in shown)
    numbers = httpx.get(f"http://127.0.0.1:{port}/metrics").text
    for (method, route, status), times in told.items():
        assert f'rma_http_requests_total{{method="{method}",route="{route}",status="{status}"}} {times}.0' in numbers
    return told


def _talk(port: int, *pieces: bytes, times: int = 1, pause: float = 0) -> tuple[int, dict[str, Any], int]:
    """Status and problem of the last answer before the server closed (0 for none); how much was sent until it came."""
    taken = 0
    with socket.create_connection(("127.0.0.1", port), timeout=30) as sock:
        try:
            for piece in (*pieces[:1], *pieces[1:] * times):
                sock.sendall(piece)
                taken += len(piece)
                if select.select([sock], [], [], pause)[0]:
                    break
        except OSError:
            pass  # it hung up
        answers = _answers(sock)
    if not answers:
        return 0, {}, taken
    status, headers, body = answers[-1]
    assert (headers["content-type"], headers["connection"]) == ("application/problem+json", "close")
    return status, json.loads(body), taken


def _answers(sock: socket.socket) -> list[tuple[int, dict[str, str], str]]:
    """Status, headers and body of every answer until the server says that there are no more."""
    heard = b""
    try:
        while got := sock.recv(65_536):
            heard += got
    except ConnectionResetError:
        pass
    answers = []
    for one in heard.removeprefix(b"HTTP/1.1 100 Continue\r\n\r\n").decode().split("HTTP/1.1 ")[1:]:
        head, _, body = one.partition("\r\n\r\n")
        status, *lines = head.split("\r\n")
        headers = dict(line.split(": ", 1) for line in lines)
        assert (headers["x-content-type-options"], headers["referrer-policy"]) == ("nosniff", "no-referrer")
        assert headers["x-request-id"]
        answers.append((int(status.split()[0]), headers, body))
    return answers


def _is_hung_up_on(sock: socket.socket) -> bool:
    """Whether the server does so on a client that neither leaves nor is silent, sooner or later."""
    for _ in range(400):
        try:
            sock.sendall(b"\r\n")
        except OSError:
            return True
        time.sleep(0.05)
    return False


def _stay(port: int) -> bool:
    """What becomes of a client that was refused and stays."""
    with socket.create_connection(("127.0.0.1", port), timeout=30) as sock:
        sock.sendall(b"FOO")
        return _answers(sock)[0][0] == 400 and _is_hung_up_on(sock)


def _read_nothing(port: int) -> bool:
    """What becomes of a client that asks for much and reads nothing of it."""
    with socket.socket() as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        sock.connect(("127.0.0.1", port))
        sock.sendall(b"GET /api/v1/openapi.json HTTP/1.1\r\nHost: x\r\n\r\n")
        return _is_hung_up_on(sock)


def _slowly() -> Iterator[bytes]:
    """A body that takes half as long again as a client may be silent."""
    for _ in range(30):
        time.sleep(0.1)
        yield b" " * 15_000


@SQLITE
def test_a_header_has_a_size(port: int, log: Log) -> None:
    """An address, a field, many fields and a trailer without end are refused long before they are sent."""
    endless = {
        "address_too_long": (b"GET /", b"a" * 100_000),
        "headers_too_large": (GET + b"X-A: ", b"a" * 100_000),
    }
    for code, pieces in endless.items():
        status, problem, taken = _talk(port, *pieces, times=400)
        assert problem["code"] == code
        assert (status, taken < 30_000_000) == ({"a": 414, "h": 431}[code[0]], True)
    for opening in (GET, POST + b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n"):
        status, problem, taken = _talk(port, opening, b"a: b\r\n" * 20_000, times=400)
        assert (status, problem["code"], taken < 30_000_000) == (431, "headers_too_large", True)
    assert _talk(port, GET + b"a: b\r\n" * 101 + b"\r\n")[0] == 431
    assert httpx.get(f"http://127.0.0.1:{port}/health/live?{'a' * 15_000}", headers={"a": "b" * 40_000}).is_success
    told = {("none", 414): 1, ("none", 431): 3, ("POST", 431): 1, ("GET", 200): 1}
    assert Counter((method, status) for method, _, status in _told(port, log, 6).elements()) == told


@SQLITE
def test_what_is_no_http_is_a_problem(port: int, log: Log, caplog: pytest.LogCaptureFixture) -> None:
    """A method that nobody knows, and bytes of another kind, are answered like every other error and logged once."""
    for sent in (b"FOO / HTTP/1.1\r\n\r\n", b"\x16\x03\x01\x02\x00", b"GET / HTTP/1.1\r\nHost\r\n\r\n"):
        status, problem, _ = _talk(port, sent)
        assert (status, problem["code"]) == (400, "unreadable")
    assert _told(port, log, 3) == {("none", "none", 400): 3}
    assert [one.getMessage() for one in caplog.records if one.levelno >= logging.WARNING] == []


@SQLITE
def test_who_is_slow_is_sent_away(port: int, log: Log) -> None:
    """Saying nothing, half a header, half a body, one byte at a time, reading nothing and staying all end.

    A large honest body does not.
    """
    half_body = POST + b"Content-Length: 100\r\n\r\n{"
    with ThreadPoolExecutor(8) as pool:
        silent = pool.submit(_talk, port, b"")
        slow = [pool.submit(_talk, port, sent) for sent in (GET, half_body, GET + b"\r\n" + GET)]
        slow.append(pool.submit(_talk, port, half_body, b" ", times=99, pause=0.1))
        headers = {"Content-Type": "application/json"}
        url = f"http://127.0.0.1:{port}/api/v1/stores/shop/withdrawals"
        honest = pool.submit(httpx.post, url, content=_slowly(), headers=headers)
        stubborn = [pool.submit(one, port) for one in (_stay, _read_nothing)]
        assert silent.result()[0] == 0
        for one in slow:
            assert (one.result()[0], one.result()[1]["code"]) == (408, "too_slow")
        assert honest.result().status_code == 400
        assert [one.result() for one in stubborn] == [True, True]
    told = {("none", "none", 408): 2, ("POST", ROUTE, 408): 2, ("GET", "/health/live", 200): 1, ("POST", ROUTE, 400): 1}
    told |= {("none", "none", 400): 1, ("GET", "/api/v1/openapi.json", 200): 1}
    assert _told(port, log, 8) == told


@SQLITE
@pytest.mark.parametrize("believed", [False, True])
def test_requests_of_an_address_are_counted_before_they_are_read(
    api: Api, settings: Settings, log: Log, *, believed: bool
) -> None:
    """Each address has its bucket, for what nobody can read too; a forged one has none, but from a trusted proxy."""
    api.services.limits = Limiter(dict.fromkeys(RATES, Rate(2, 900)))
    proxies = {"trusted_proxies": (ip_network("127.0.0.0/8"),)} if believed else {}
    with _serve(api, settings.model_copy(update=proxies), log) as port, httpx.Client() as client:
        url = f"http://127.0.0.1:{port}/api/v1/stores/shop/withdrawals"
        far = [{"X-Forwarded-For": f"9.9.9.9, 10.{number}.0.1"} for number in (1, 2, 3, 3, 3)]
        statuses = [client.post(url, content=b"{", headers=one).status_code for one in far]
        others = [client.post(f"{url}/t/confirm", headers=far[-1]), client.get(f"{url}/t/receipt.pdf", headers=far[-1])]
    assert statuses == ([400, 400, 400, 400, 429] if believed else [400, 400, 429, 429, 429])
    assert [one.status_code for one in others] == [429, 429]


@SQLITE
def test_connections_are_counted(api: Api, patient: Settings, log: Log) -> None:
    """One too many is told when to come back, a hundred more than that nothing; those that are there are served.

    When they leave there is room.
    """
    with _serve(api, patient, log) as port:
        crowd = [socket.create_connection(("127.0.0.1", port), timeout=30) for _ in range(8 + 100)]
        [(status, headers, body)] = _answers(crowd[8])
        assert (status, headers["retry-after"], json.loads(body)["code"]) == (503, "5", "too_many_connections")
        assert _talk(port)[0] == 0
        crowd[0].sendall(GET + b"Connection: close\r\n\r\n")
        assert _answers(crowd[0])[0][0] == 200
        for one in crowd:
            one.close()
        refused = _wait_for_room(port)
        assert _told(port, log, 103 + refused) == {SERVED: 2, CROWDED: 101 + refused}


def _wait_for_room(port: int) -> int:
    """How often there was none yet."""
    refused = 0
    while httpx.get(f"http://127.0.0.1:{port}/health/live").status_code == 503:
        refused += 1
        time.sleep(0.05)
    return refused


@SQLITE
@pytest.mark.parametrize("believed", [False, True])
def test_an_address_holds_no_more_than_its_share(api: Api, patient: Settings, log: Log, *, believed: bool) -> None:
    """A quarter of the connections, unless set; others find room, and a trusted proxy may hold as many as there are."""
    proxies = (ip_network("127.0.0.0/8"),) if believed else ()
    shares = {"max_connections_per_address": 0, "trusted_proxies": proxies}
    with _serve(api, patient.model_copy(update=shares), log) as port:
        crowd = [socket.create_connection(("127.0.0.1", port)) for _ in range(2)]
        url = f"http://127.0.0.1:{port}/health/live"
        with httpx.Client(transport=httpx.HTTPTransport(local_address="127.0.0.2")) as other:
            statuses = [httpx.get(url).status_code, other.get(url).status_code]
            for one in crowd:
                one.close()
            _wait_for_room(port)
    assert statuses == ([200, 200] if believed else [503, 200])


@SQLITE
def test_answers_come_in_the_order_of_requests(
    api: Api, patient: Settings, log: Log, caplog: pytest.LogCaptureFixture
) -> None:
    """What is refused is answered once, last and under its id, whatever is under way or waits before it."""
    one, two = (GET + b"X-Request-Id: %d\r\n\r\n" % number for number in (1, 2))
    broken = CHUNKED + b"X-Request-Id: broken\r\n" + NO_CHUNK
    begun = b"X-Request-Id: begun\r\nExpect: 100-continue\r\n"
    unread = CHUNKED.replace(b"/api", b"/nothing") + b"X-Request-Id: 1\r\n\r\n"
    expected: dict[tuple[bytes, ...], list[tuple[int, str]]] = {
        (one + broken,): [(200, "1"), (400, "broken")],
        (one + two + broken,): [(200, "1"), (200, "2"), (400, "broken")],
        (one, two + broken): [(200, "1"), (200, "2"), (400, "broken")],
        (one + two + b"FOO",): [(200, "1"), (200, "2"), (400, "")],
        (one + GET + b"a: b\r\n" * 101 + b"\r\n",): [(200, "1"), (431, "")],
        (POST + begun + b"Content-Length: 2\r\n\r\n", b"{}" + two + broken): [
            (422, "begun"),
            (200, "2"),
            (400, "broken"),
        ],
        (CHUNKED + begun + b"\r\n", b"ZZ\r\n"): [(400, "begun")],
        (unread, b"ZZ\r\n"): [(404, "1")],
        (unread, b"0\r\n\r\nFOO"): [(404, "1"), (400, "")],
    }
    with _serve(api, patient, log) as port:
        for pieces, answers in expected.items():
            with socket.create_connection(("127.0.0.1", port), timeout=30) as sock:
                for piece in pieces:
                    sock.sendall(piece)
                    select.select([sock], [], [], 30)
                got = [(status, headers["x-request-id"]) for status, headers, _ in _answers(sock)]
            lines = [json.loads(log.get(timeout=30)) for _ in got]
            assert [(line["status"], line["request_id"]) for line in lines] == got
            assert [(status, name if len(name) < 24 else "") for status, name in got] == answers
    assert [one for one in caplog.records if one.levelno >= logging.ERROR] == []


def test_a_client_that_leaves_is_no_error(
    api: Api, settings: Settings, log: Log, caplog: pytest.LogCaptureFixture
) -> None:
    """JSON, a file, an import and a form of a page that break off are 499 in the log, and nothing of them is kept."""
    key = api.key("orders:read", "orders:write", "returns:write", "returns:read")["Authorization"]
    order = json.dumps(snapshot(number="left")).encode()
    form = "multipart/form-data; boundary=x"
    part = b'--x\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n' + b"a" * 200_000
    sent = [
        ("PUT", "/api/v1/orders/{number}", "application/json", order),
        ("POST", "/api/v1/orders/import", "application/x-ndjson", order + b"\n"),
        ("POST", "/api/v1/returns/{id}/evidence", form, part),
        ("POST", "/{store}/withdraw", "application/x-www-form-urlencoded", b"order_number=left"),
    ]
    with _serve(api, settings, log) as port:
        for method, route, kind, body in sent:
            path = route.replace("{store}", "shop")
            head = f"{method} {path} HTTP/1.1\r\nHost: x\r\nAuthorization: {key}\r\nIdempotency-Key: left\r\n"
            head += f"Expect: 100-continue\r\nContent-Type: {kind}\r\nContent-Length: {len(body) + 9}\r\n\r\n"
            with socket.create_connection(("127.0.0.1", port)) as sock:
                sock.sendall(head.encode())
                assert sock.recv(100).startswith(b"HTTP/1.1 100 ")
                sock.sendall(body)
        told = _told(port, log, 4)
    assert told == {(method, route, 499): 1 for method, route, *_ in sent}
    assert [one for one in caplog.records if one.levelno >= logging.WARNING] == []
    with api.services.database.read() as work:
        kept = [sa.select(sa.func.count()).select_from(one) for one in (tables.Order, tables.IdempotencyKey)]
        assert [work.conn.execute(one).scalar_one() for one in kept] == [0, 0]
