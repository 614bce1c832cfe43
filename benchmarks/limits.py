"""The limits of the same run: how often a second the database alone keeps a life, with the least SQL that can.

PostgreSQL is asked by its own ``pgbench`` (``limit/life.sql``: 6 transactions, 36 statements, prepared); SQLite by this
interpreter's ``sqlite3`` from processes that fight for the one writer as clients do, with WAL and synchronous=FULL.
"""

from __future__ import annotations

import itertools
import multiprocessing
import os
import random
import re
import sqlite3
import subprocess
import time
from multiprocessing.queues import SimpleQueue
from multiprocessing.synchronize import Barrier
from pathlib import Path

from tests.support.postgres import Server

_SQL = Path(__file__).parent / "limit"
_TPS = re.compile(r"tps = ([0-9.]+) \(without initial connection time\)")
_STATES = ("requested", "approved", "label_sent", "received", "inspected", "refunded")
_SCHEMA = """
CREATE TABLE returns (id INTEGER PRIMARY KEY, order_id INTEGER NOT NULL, state TEXT NOT NULL,
    version INTEGER NOT NULL DEFAULT 1, created_at TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP,
    updated_at TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP);
CREATE INDEX returns_order ON returns (order_id);
CREATE TABLE return_line (id INTEGER PRIMARY KEY, return_id INTEGER NOT NULL REFERENCES returns (id),
    sku TEXT NOT NULL, qty INTEGER NOT NULL, reason TEXT NOT NULL);
CREATE INDEX return_line_ret ON return_line (return_id);
CREATE TABLE return_event (id INTEGER PRIMARY KEY, return_id INTEGER NOT NULL REFERENCES returns (id),
    from_state TEXT, to_state TEXT NOT NULL, actor TEXT NOT NULL, payload TEXT NOT NULL DEFAULT '{}',
    at TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP);
CREATE INDEX return_event_ret ON return_event (return_id);
CREATE TABLE outbox (id INTEGER PRIMARY KEY, topic TEXT NOT NULL, payload TEXT NOT NULL,
    created_at TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP, sent_at TEXT);
CREATE INDEX outbox_unsent ON outbox (id) WHERE sent_at IS NULL;
"""
_LINE = "INSERT INTO return_line (return_id, sku, qty, reason) VALUES (?, ?, ?, ?)"
_EVENT = "INSERT INTO return_event (return_id, from_state, to_state, actor, payload) VALUES (?, ?, ?, ?, ?)"
_MOVE = "UPDATE returns SET state = ?, version = version + 1, updated_at = CURRENT_TIMESTAMP WHERE id = ?"
_OUT = "INSERT INTO outbox (topic, payload) VALUES (?, json_object('return_id', ?, 'state', ?))"


def postgresql(server: Server, *, clients: int, seconds: float) -> float:
    """Lives a second in the database ``limit`` of this server, which is emptied first."""
    place = ["-h", str(server.socket), "-U", "postgres", "-d", "limit"]
    with server.connect("limit") as connection:
        connection.execute((_SQL / "schema.sql").read_bytes())
        connection.execute("CHECKPOINT")
    command = [str(server.programs / "pgbench"), "-n", "-M", "prepared", "-f", str(_SQL / "life.sql"), *place]
    command += ["-c", str(clients), "-j", str(min(clients, 2)), "-T", str(max(1, round(seconds)))]
    # the limit writes to its own database of the same server, with the same durable settings
    done = subprocess.run(command, capture_output=True, text=True, check=True, env={**os.environ, "LC_ALL": "C"})
    found = _TPS.search(done.stdout)
    assert found is not None, done.stdout
    return float(found[1])


def sqlite(folder: Path, *, clients: int, seconds: float) -> float:
    """Lives a second in a database file of its own in this folder, by so many processes at once."""
    path = folder / "limit.sqlite3"
    for ending in ("", "-wal", "-shm"):
        Path(f"{path}{ending}").unlink(missing_ok=True)
    with _open(path) as connection:
        connection.executescript(_SCHEMA)
    context = multiprocessing.get_context("spawn")
    counts: SimpleQueue[int] = context.SimpleQueue()
    gate = context.Barrier(clients)
    processes = [context.Process(target=_live_on, args=(path, seconds, gate, counts)) for _ in range(clients)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert all(process.exitcode == 0 for process in processes)
    return sum(counts.get() for _ in processes) / seconds


def _open(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=60, isolation_level=None)
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}")
    return connection


def _live_on(path: Path, seconds: float, gate: Barrier, counts: SimpleQueue[int]) -> None:
    with _open(path) as connection:
        gate.wait()
        end, lived = time.monotonic() + seconds, 0
        while time.monotonic() < end:
            _live(connection)
            lived += 1
        counts.put(lived)


def _live(connection: sqlite3.Connection) -> None:
    run = connection.execute
    run("BEGIN IMMEDIATE")
    order = random.randrange(100_000_000)  # noqa: S311 - any order will do
    case = run("INSERT INTO returns (order_id, state) VALUES (?, 'requested')", (order,)).lastrowid
    run(_LINE, (case, "SKU-1", 1, "damaged"))
    run(_LINE, (case, "SKU-2", 2, "wrong_size"))
    run(_EVENT, (case, None, "requested", "customer", "{}"))
    run("COMMIT")
    for source, target in itertools.pairwise(_STATES):
        run("BEGIN IMMEDIATE")
        assert run("SELECT state FROM returns WHERE id = ?", (case,)).fetchone() == (source,)
        run(_MOVE, (target, case))
        run(_EVENT, (case, source, target, "agent", '{"note":"ok"}'))
        run(_OUT, (f"return.{target}", case, target))
        run("COMMIT")
