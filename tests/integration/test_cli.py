"""The command line, and the processes that it starts."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from rma.demo.local import free_port
from rma.resources import folder
from rma.services import shared_counts
from tests.support.crew import Crew, until
from tests.support.program import Program, broke

RETURN = folder("workflows") / "machines" / "return.toml"
POLICY = folder("workflows") / "policies" / "standard.toml"
STORE = ("--country", "TR", "--timezone", "Europe/Istanbul", "--currency", "TRY", "--locale", "tr", "--test-mode")
ADDRESS = ("--address", "Depo Sokak 1", "--city", "İstanbul", "--postcode", "34000")
_ANSWERED = 'rma_http_requests_total{method="GET",route="/health/ready",status="200"} 20.0'
LATER = 1.5
"""Seconds for which a request goes on after the server was told to stop; it has twenty."""
SCOPES = "orders:read,orders:write,returns:read,returns:write"


def _order(number: str) -> dict[str, Any]:
    at = datetime.now(UTC) - timedelta(days=2)
    money = {"amount": "100.00", "currency": "TRY"}
    return {
        "number": number,
        "ordered_at": at.isoformat(),
        "currency": "TRY",
        "prices_include_tax": True,
        "total": money,
        "customer": {"reference": "c-1", "email": "ayse@example.com", "name": "Ayşe Yılmaz", "locale": "tr"},
        "ship_to": {"name": "Ayşe Yılmaz", "line1": "Moda 1", "city": "İstanbul", "postcode": "34710", "country": "TR"},
        "lines": [{"id": "1", "sku": "TS", "name": "Tişört", "quantity": 1, "unit_price": money, "tax_rate": "20"}],
        "payments": [{"id": "p", "tender": "card", "provider": "offline", "reference": "pi_1", "captured": money}],
        "deliveries": [{"id": "d", "delivered_at": at.isoformat(), "lines": [{"id": "1", "quantity": 1}]}],
    }


@pytest.fixture
def program(tmp_path: Path) -> Program:
    """The program on a folder with nothing in it."""
    return Program(tmp_path)


def test_a_shop_is_set_up_served_and_verified(empty_database_url: str, tmp_path: Path) -> None:
    """From an empty database to a printed label, and to a history that holds against the heads that were kept.

    What is under way when the server is told to stop is answered, and kept.
    """
    program = Program(tmp_path, empty_database_url)
    assert "revision" in program.json("db", "upgrade")
    program.call("store", "add", "kumas", "--name", "Kumaş Evi", *STORE, *ADDRESS)
    key = program.run("keys", "add", "--store", "kumas", "--name", "shop", "--scopes", SCOPES).stdout
    assert key.startswith("rma_")
    assert key.strip().isprintable()
    orders = tmp_path / "orders.ndjson"
    orders.write_text(json.dumps(_order("1001")) + "\n{broken\n" + json.dumps(_order("1002")) + "\n")
    report = program.json("orders", "import", "--store", "kumas", orders, code=1)
    assert (report["imported"], report["failed"], report["errors"][0]["line"]) == (2, 1, 2)
    assert program.json("policy", "publish", "--store", "kumas", POLICY)["version"] == 2
    assert program.json("workflows", "publish", "--store", "kumas", RETURN)["version"] == 2
    with ThreadPoolExecutor(1) as pool, program.serving(free_port()) as client:
        number = _file(client, key.strip())
        printed = tmp_path / "labels.pdf"
        program.call("labels", "--store", "kumas", "--out", printed, number)
        under_way = pool.submit(_ordered_at_the_end, client.base_url.port or 0, key.strip(), began := threading.Event())
        assert began.wait(30)
    assert under_way.result().startswith(b"HTTP/1.1 201 ")
    assert printed.read_bytes().startswith(b"%PDF")
    found = json.loads(program.run("verify", "--against", tmp_path / "seals", "--json").stdout)
    assert (found["faulty"], found["unsealed"], found["heads"] > 0) == (0, 0, True)
    assert "everything holds" in program.call("verify", "--store", "kumas").stdout
    assert "0 kept heads" not in program.call("verify").stdout
    for kept in (tmp_path / "seals").iterdir():
        kept.write_text("")
    assert "no seal heads" in program.call("verify", "--against", tmp_path / "seals", code=1).stderr


def _file(client: httpx.Client, key: str) -> str:
    """File a return of order 1001 and wait for its label; the RMA number."""
    client.headers["Authorization"] = f"Bearer {key}"
    wish = {"order_number": "1001", "kind": "withdrawal", "method": "printed_label"}
    lines = [{"order_line_id": "1", "quantity": 1, "reason": "too_small", "outcome": "refund"}]
    filed = _post(client, "/api/v1/returns", wish | {"lines": lines})
    _post(client, f"/api/v1/returns/{filed['id']}/parcels", {"direction": "inbound", "method": "printed_label"})
    end = time.monotonic() + 60
    while time.monotonic() < end:
        parcels = client.get(f"/api/v1/returns/{filed['id']}").json()["parcels"]
        if parcels[0]["state"] == "label_ready":
            return str(filed["rma_number"])
        time.sleep(0.1)
    raise AssertionError(f"no label: {parcels}")


def _ordered_at_the_end(port: int, key: str, began: threading.Event) -> bytes:
    """Send an order whose second half leaves a while after the server takes nobody else any more; the answer."""
    body = json.dumps(_order("1003")).encode()
    head = f"PUT /api/v1/orders/1003 HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {key}\r\nExpect: 100-continue\r\n"
    head += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    with socket.create_connection(("127.0.0.1", port), timeout=60) as sock:
        sock.sendall(head.encode())
        assert sock.recv(100).startswith(b"HTTP/1.1 100 ")
        sock.sendall(body[:99])
        began.set()
        with contextlib.suppress(ConnectionRefusedError):
            while True:
                socket.create_connection(("127.0.0.1", port)).close()
                time.sleep(0.05)
        time.sleep(LATER)
        sock.sendall(body[99:])
        return sock.recv(100)


def _post(client: httpx.Client, path: str, body: dict[str, Any]) -> Any:
    answer = client.post(path, json=body, headers={"Idempotency-Key": path})
    assert answer.is_success, answer.text
    return answer.json()


def test_a_slot_belongs_to_one_live_process(database_url: str, tmp_path: Path) -> None:
    """A second worker in a slot is refused in one line; once the first has ended, the slot is free."""
    program, crew = Program(tmp_path, database_url), Crew(tmp_path, database_url)
    try:
        first, other = crew.worker(4), crew.worker(5)
        until(lambda: "working in slot 4" in first.said and "working in slot 5" in other.said)
        refused = program.call("worker", "--slot", "4", code=1)
        assert "Slot 4 is held by another live process" in refused.stderr
        assert refused.stdout == ""
        assert (first.stop(), other.stop()) == (0, 0)
        second = crew.worker(4)
        until(lambda: "working in slot 4" in second.said)
        assert second.stop() == 0
        assert not broke(first.said + other.said + second.said)
    finally:
        crew.close()


def test_a_server_may_leave_the_work_to_workers(program: Program) -> None:
    """A server without a worker holds no slot: a worker takes it beside it, and tells its own numbers where asked."""
    program.call("db", "upgrade")
    port = free_port()
    worker = ("worker", "--slot", "0", "--metrics-port", str(port))
    with program.serving(free_port(), "--no-worker") as client, program.running(*worker, until="slot 0"):
        told = _numbers(port)
        assert "# TYPE rma_deadlines_total counter" in told
        assert "process_resident_memory_bytes" in told
        assert "rma_seal_lag_events" not in told
        assert "rma_seal_lag_events 0.0" in client.get("/metrics").text
        taken = ("worker", "--slot", "1", "--metrics-port", str(client.base_url.port))
        assert "Nobody can be told numbers" in program.call(*taken, code=1).stderr


@pytest.mark.parametrize("database_kind", ["postgresql"], indirect=True)
def test_several_processes_answer_side_by_side(database_url: str, tmp_path: Path) -> None:
    """Two processes share an address and its connections and count as one; a killed one is replaced, none left over."""
    program = Program(tmp_path, database_url)
    port = free_port()
    arguments = ("--processes", "2", "--port", str(port), "--no-worker")
    with program.running("serve", *arguments, until="with 2 processes") as process:
        before = _children(process.pid, 2)
        assert [_answer(port) for _ in range(20)] == [200] * 20
        _until(lambda: _ANSWERED in _numbers(port))
        for first, second in (_shared(port, before, clients=24) for _ in range(3)):
            assert first + second == 24
            assert abs(first - second) <= 4  # one that does not wake in time is made up for with the next
        os.kill(before[0], signal.SIGKILL)
        after = _children(process.pid, 2, without=before[0])
        assert before[1] in after
        counted = _counted_in(after[0])
        _until(lambda: f'pid="{before[0]}"' not in _numbers(port))
        assert all(_ANSWERED in _numbers(port) for _ in range(10))
        process.kill()
        process.wait()
        _until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in after))
        process.returncode = 0  # it was killed on purpose
    shared_counts.clear(counted.parent)  # or another serve has done so already
    assert not counted.exists()


@pytest.mark.parametrize("database_kind", ["postgresql"], indirect=True)
def test_several_processes_end_as_one(database_url: str, tmp_path: Path) -> None:
    """What one of them has under way at SIGTERM is answered and kept, the port takes nobody meanwhile, none is left."""
    program, port = Program(tmp_path, database_url), free_port()
    program.call("store", "add", "kumas", "--name", "Kumaş Evi", *STORE, *ADDRESS)
    key = program.call("keys", "add", "--store", "kumas", "--name", "shop", "--scopes", SCOPES).stdout.strip()
    with (
        ThreadPoolExecutor(1) as pool,
        program.running("serve", "--processes", "2", "--port", str(port), until="with 2 processes") as process,
    ):
        answering = _children(process.pid, 2)
        counted = _counted_in(answering[0])
        assert _answer(port) == 200
        under_way = pool.submit(_ordered_at_the_end, port, key, began := threading.Event())
        assert began.wait(30)
    assert under_way.result().startswith(b"HTTP/1.1 201 ")
    assert not counted.exists()
    assert not any(Path(f"/proc/{pid}").exists() for pid in answering)


def test_more_processes_need_postgresql(program: Program) -> None:
    """SQLite serves one process, and a start with more says so."""
    program.call("db", "upgrade")
    assert "SQLite serves one process; more need PostgreSQL" in program.call("serve", "--processes", "2", code=1).stderr


def _children(pid: int, count: int, *, without: int = 0) -> list[int]:
    """The processes that answer requests, once there are this many of them and each has a thread that serves."""
    found: list[int] = []

    def there() -> bool:
        found[:] = [int(one) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
        found[:] = [one for one in found if b"spawn_main" in Path(f"/proc/{one}/cmdline").read_bytes()]
        return len(found) == count and without not in found

    _until(there)
    return found


def _shared(port: int, processes: list[int], *, clients: int) -> list[int]:
    """How many connections each process holds of so many that come one after the other."""
    with contextlib.ExitStack() as stack:
        for _ in range(clients):
            client = stack.enter_context(httpx.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False))
            assert client.get("/health/live").status_code == 200
        rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
        held = {f"socket:[{row[9]}]" for row in rows if row[1].endswith(f":{port:04X}") and row[3] == "01"}
        return [sum(_target(one) in held for one in Path(f"/proc/{pid}/fd").iterdir()) for pid in processes]


def _target(link: Path) -> str:
    with contextlib.suppress(FileNotFoundError):
        return str(link.readlink())
    return ""


def _answer(port: int) -> int:
    answered: list[int] = []

    def asked() -> bool:
        try:
            answered.append(httpx.get(f"http://127.0.0.1:{port}/health/ready", trust_env=False).status_code)
        except httpx.TransportError:
            return False
        return True

    _until(asked)
    return answered[0]


def _counted_in(pid: int) -> Path:
    environment = Path(f"/proc/{pid}/environ").read_text().split("\0")
    return Path(next(one for one in environment if one.startswith("PROMETHEUS_MULTIPROC_DIR=")).partition("=")[2])


def _numbers(port: int) -> str:
    return httpx.get(f"http://127.0.0.1:{port}/metrics", trust_env=False).text


def _until(true: Callable[[], bool]) -> None:
    end = time.monotonic() + 60
    while not true():
        assert time.monotonic() < end, "it did not happen within a minute"
        time.sleep(0.05)


def test_errors_are_lines_on_standard_error(program: Program) -> None:
    """What cannot be done is said without a trace, as JSON where asked for, and standard output stays empty."""
    missing = program.run("verify", code=1)
    assert missing.stdout == ""
    assert "run `rma db upgrade`" in missing.stderr
    assert not (program.folder / "rma.sqlite3").exists()
    program.call("db", "upgrade")
    nobody = program.call("keys", "add", "--store", "nobody", "--name", "x", "--scopes", "admin", code=1)
    assert nobody.stderr == "rma: There is no such store.\n"
    wrong = ("store", "add", "Bad", "--name", "x", *STORE[:2], "--timezone", "Moon", *STORE[4:])
    told = program.call(*wrong, "--json", code=1)
    assert [fault["path"] for fault in json.loads(told.stderr)["errors"]] == ["slug", "timezone"]
    assert told.stdout == ""
    assert "slug:" in program.call(*wrong, code=1).stderr


def test_wrong_commands_and_settings_are_usage_errors(program: Program) -> None:
    """An unknown option or language, a file that is not there and a setting that cannot be right end with 2."""
    program.call("verify", "--colour", "red", code=2)
    program.call("policy", "publish", "--store", "kumas", "nothing.toml", code=2)
    for command in ("erase", "export person.json"):
        told = ("--store", "kumas", "--email", "ayse@example.com", "--language", "xx")
        assert "tr, en, de" in program.call("privacy", *command.split(), *told, code=2).stderr
    program.environment["RMA_PORT"] = "many"
    assert "RMA_PORT" in program.call("db", "upgrade", code=2).stderr


def test_migrations_are_held_against_the_models(program: Program) -> None:
    """`rma db check` needs no database of its own and finds nothing in this tree; a live one can be looked at."""
    assert program.json("db", "check") == {"differences": []}
    assert "what the models say" in program.call("db", "check").stdout
    program.call("db", "upgrade")
    program.call("db", "upgrade")
    assert program.json("db", "check", "--live") == {"differences": []}


def test_a_workflow_file_is_checked_and_drawn(program: Program, tmp_path: Path) -> None:
    """Each fault of a file stands on standard output with its path and makes the exit code 1; a good one is drawn."""
    wrong = tmp_path / "wrong.toml"
    wrong.write_text(RETURN.read_text(encoding="utf-8").replace('to = "settled"', 'to = "moon"', 1), encoding="utf-8")
    (good, bad) = program.json("workflows", "check", RETURN, wrong, code=1)
    assert good["faults"] == []
    assert bad["faults"][0]["code"] == "unknown"
    assert f"{wrong}: {bad['faults'][0]['path']}: " in program.call("workflows", "check", wrong, code=1).stdout
    assert program.call("workflows", "draw", RETURN).stdout.startswith("stateDiagram-v2\n")


def test_every_command_has_help(program: Program) -> None:
    """Every command of the contract answers --help."""
    commands = ["serve", "worker", "demo", "db upgrade", "db check", "store add", "keys add", "orders import", "verify"]
    commands += ["workflows check", "workflows draw", "workflows publish", "policy publish", "labels"]
    assert "rma-engine" in program.call("--version").stdout
    for command in commands:
        assert "Usage: rma " + command in program.call(*command.split(), "--help").stdout


def test_a_policy_is_checked_tried_published_and_rolled_back(empty_database_url: str, tmp_path: Path) -> None:
    """Lint names the article, publishing refuses the same file, a replay counts, a roll back is a new version."""
    program = Program(tmp_path, empty_database_url)
    program.json("db", "upgrade")
    program.call("store", "add", "kumas", "--name", "Kumaş Evi", *STORE, *ADDRESS)
    here = ("--store", "kumas")
    harsh = tmp_path / "harsh.toml"
    harsh.write_text(POLICY.read_text().replace("withdrawal_days = 14", "withdrawal_days = 7"))
    said = program.call("policy", "lint", *here, harsh, code=1).stdout
    assert "unlawful: harsh.toml: windows.withdrawal_days:" in said
    assert "(TR@2026-01-01, MSY m.9/1)" in said
    assert "kanun en az 14" in program.call("policy", "lint", *here, "--lang", "tr", harsh, code=1).stdout
    refused = program.call("policy", "publish", *here, harsh, code=1)
    assert "MSY m.9/1" in refused.stderr
    assert program.json("policy", "lint", *here, POLICY)["lawful"]
    assert program.json("policy", "publish", *here, POLICY)["version"] == 2
    found = program.json("policy", "replay", *here, "--last", "50", POLICY)
    assert (found["returns"], found["unchanged"], found["lint"]["lawful"]) == (0, 0, True)
    assert "0 returns" in program.call("policy", "replay", *here, POLICY).stdout
    assert program.json("policy", "rollback", *here, "1")["version"] == 3
    assert "There is no policy version 9." in program.call("policy", "rollback", *here, "9", code=1).stderr
