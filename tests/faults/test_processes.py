"""Several processes on one database: what a dead one leaves a live one takes over, and each thing happens once."""

from __future__ import annotations

import itertools
import shutil
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
import sqlalchemy as sa
from dbos._dbos import _get_dbos_instance

from rma.db import engines, tables
from rma.db import migrate as migrations
from rma.db.session import Database, Work, now
from rma.errors import Busy, Unavailable
from rma.resources import folder
from rma.services import apart, asking, deadlines, effects, outbox, seal, slots, verify
from rma.services.background import TICK
from rma.services.notify import TO_SEND
from rma.worker import SLOT_SECONDS, SWEEP_SECONDS
from tests.faults.lives import Lives, key_of
from tests.support import invariants, postgres
from tests.support.crew import Crew, free_port, until
from tests.support.floor import Floor, ids, payment
from tests.support.migrate import migrate
from tests.support.program import broke

_deadlines, _messages = tables.table(tables.Deadline), tables.table(tables.Message)
HALF_A_MINUTE = 30


def refund_of(floor: Floor, number: str, script: str = "") -> str:
    """An approved refund through the gateway without idempotency keys; its act waits for a worker."""
    paid = payment("p1", "card", "466.66", provider="offline_plain", script=script)
    floor.order(number, payments=[paid])
    filed = floor.must(floor.file(number, ("2", 1)))
    line = ids(filed)["2"]
    floor.must(floor.receive(filed["id"], (line, 1)))
    refund = floor.must(floor.inspect(filed["id"], (line, 1, "accept")))["refunds"][0]["id"]
    floor.must(floor.approve(refund))
    return str(refund)


def is_paid(floor: Floor, refund: str) -> bool:
    """Whether the money has arrived."""
    return bool(floor.row(tables.Refund, refund).state == "succeeded")


def test_what_dead_processes_had_in_hand_is_taken_over(floor: Floor, crew: Crew) -> None:
    """Killed inside an act, a deadline, a subscriber and a mail: another slot takes it over, and nothing twice."""
    number = floor.order("9")
    waits = floor.must(floor.file(number, ("1", 1)))["id"]
    with floor.services.database.write() as work:
        due = sa.update(_deadlines).where(_deadlines.c.return_id == waits, _deadlines.c.name == "ship_back")
        past = now() - timedelta(seconds=1)
        assert work.conn.execute(due.values(next_at=past, due_at=past, warn_at=[])).rowcount == 1
    for slot, at in enumerate(("deadline", "subscriber", "message"), start=1):
        crew.worker(slot, at=at).ended()
    dying = crew.worker(4, at="send_refund begin")
    refund = refund_of(floor, "10")
    dying.ended()
    assert floor.row(tables.Refund, refund).state == "sending"
    assert leases_end(floor) > 0
    crew.worker(5)
    until(lambda: is_paid(floor, refund) and not to_send(floor))
    fired = [row for row in floor.rows(tables.Deadline) if row.return_id == waits and row.fired_at]
    assert [row.name for row in fired] == ["ship_back"]
    gateway: Any = floor.services.ports.payments["offline_plain"]
    assert (gateway.moved("TRY"), gateway.duplicates()) == (8000, {})
    mails = Counter(row.dedupe for row in floor.rows(tables.Message))
    assert mails
    assert max(mails.values()) == 1
    invariants.check(floor)
    until(lambda: not verify.verify(floor.services.database).unsealed)
    assert verify.verify(floor.services.database).faulty == 0


def leases_end(floor: Floor) -> int:
    """The time passes for which a dead process has what it took to send; how much that was."""
    with floor.services.database.write() as work:
        taken = sa.update(_messages).where(_messages.c.state == TO_SEND, _messages.c.next_at > now())
        return work.conn.execute(taken.values(next_at=_messages.c.created_at)).rowcount


def to_send(floor: Floor) -> list[str]:
    """Messages that a process took and did not finish, and events that have not led to theirs."""
    with floor.services.database.read() as work:
        last = work.conn.execute(sa.select(sa.func.max(tables.table(tables.Seal).c.number))).scalar() or 0
        read = work.conn.execute(sa.select(sa.func.max(tables.table(tables.Cursor).c.number))).scalar() or 0
    behind = [] if last == read and last else ["events"]
    return behind + [row.id for row in floor.rows(tables.Message) if row.state == TO_SEND and row.attempts]


def test_a_stopped_worker_finishes_or_hands_over(floor: Floor, crew: Crew, tmp_path: Path) -> None:
    """SIGTERM: an act that ends soon is finished, one that hangs is handed over, and the process ends cleanly.

    What a process has in hand bears the name of its slot: of a dead one it is taken over, of a live one never.
    """
    soon, hangs = refund_of(floor, "1", "slow:2000"), refund_of(floor, "2", "slow:600000")
    gateway: Any = floor.services.ports.payments["offline_plain"]
    lives = slots.take(floor.services.database, 8, data_dir=tmp_path)
    theirs, left = (has_in_hand(floor, slot) for slot in ("slot-8", "slot-9"))
    worker = crew.worker(1)
    until(lambda: len(gateway.ledger()) == 2)
    until(lambda: floor.row(tables.Attempt, left).state == effects.DONE and left not in in_hand(floor))
    owners = in_hand(floor)
    assert (owners.pop(theirs, None), list(owners.values())) == ("slot-8", ["slot-1", "slot-1"])
    lives.release()
    assert worker.stop() == 0
    assert not broke(worker.said)
    assert is_paid(floor, soon)
    assert not is_paid(floor, hangs)
    crew.worker(2)
    until(lambda: is_paid(floor, hangs))
    assert (gateway.moved("TRY"), gateway.duplicates()) == (16000, {})


def has_in_hand(floor: Floor, slot: str) -> str:
    """An act that this slot's process began; its key. What it was for is gone, so whoever takes it over is done."""
    with floor.services.database.write() as work:
        key = floor.services.effects.enqueue(
            work, store_id=floor.store_id, subject_id=f"tra_{slot}", attempt=1, effect="send_refund"
        )
        work.flush()
        begun = sa.text(
            f"UPDATE {engine(floor)} SET status = 'PENDING', executor_id = :slot WHERE workflow_uuid = :key"
        )
        assert work.conn.execute(begun, {"slot": slot, "key": key}).rowcount == 1
    return key


def in_hand(floor: Floor) -> dict[str, str]:
    """The acts that processes have in hand, and in which slot."""
    with floor.services.database.read() as work:
        asked = sa.text(f"SELECT workflow_uuid, executor_id FROM {engine(floor)} WHERE status = 'PENDING'")
        return {row.workflow_uuid: row.executor_id for row in work.conn.execute(asked)}


def engine(floor: Floor) -> str:
    """The engine's table of acts."""
    return "workflow_status" if floor.services.database.is_sqlite else "dbos.workflow_status"


def test_what_another_version_of_the_engines_work_left_is_carried_out(
    floor: Floor, crew: Crew, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Acts are pinned to a version that the program's does not change; were it to, the new one would hand them over."""
    with monkeypatch.context() as older:
        older.setattr(effects, "VERSION", "rma-effects-0")
        refund = refund_of(floor, "1")
    long_ago = now() - timedelta(seconds=asking.QUEUED)
    with floor.services.database.write() as work:
        work.conn.execute(sa.update(tables.table(tables.Attempt)).values(created_at=long_ago, updated_at=long_ago))
    crew.worker(1)
    until(lambda: is_paid(floor, refund))
    gateway: Any = floor.services.ports.payments["offline_plain"]
    assert (gateway.moved("TRY"), gateway.duplicates()) == (8000, {})


@pytest.mark.parametrize("database_kind", ["postgresql"], indirect=True)
def test_a_server_lives_on_while_the_next_schema_comes(
    floor: Floor, crew: Crew, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whole lives of returns go on before, during and after the next revision, each request answered the first time."""
    port = free_port()
    old, address = crew.start("serve", "--port", str(port)), f"http://127.0.0.1:{port}"
    lives = Lives(address, key_of(floor, "staff"), key_of(floor, "finance"), seed=1, slow=False)
    lives.stock()
    lives.repeated = 0  # it was not up yet
    numbers, over = itertools.count(1), threading.Event()

    def client() -> None:
        last = False
        while not last:
            last = over.is_set()
            lives.live(next(numbers))

    with ThreadPoolExecutor(3) as clients:
        going = [clients.submit(client) for _ in range(3)]
        try:
            until(lambda: len(lives.done) > 2)
            _to_the_next_revision(floor.services.database, tmp_path, monkeypatch)
        finally:
            over.set()
    assert [one.result() for one in going] == [None] * 3
    assert (lives.faults, lives.repeated, len(lives.done)) == ([], 0, next(numbers) - 1)
    assert httpx.get(f"{address}/health/ready").json()["schema"] == "newer"
    lives.close()
    assert (old.stop(), broke(old.said)) == (0, False)


def _to_the_next_revision(database: Database, scratch: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the program after this one would do: a revision that gives every table a column and an index more."""
    after = f"{int(migrations.newest()) + 1:04}"
    shutil.copytree(folder("alembic"), scratch / "alembic")
    (scratch / "alembic" / "versions" / f"{after}_next.py").write_text(
        f"""import sqlalchemy as sa
from alembic import op
revision, down_revision, branch_labels, depends_on = "{after}", "{migrations.newest()}", None, None
def upgrade():
    for name in {sorted(tables.metadata.tables)}:
        op.add_column(name, sa.Column("planted", sa.Integer))
        op.create_index("ix_planted_" + name, name, ["planted"])
"""
    )
    with monkeypatch.context() as newer:
        newer.setattr(migrations, "folder", lambda name: scratch / name)
        migrations.revisions.cache_clear()
        migrations.upgrade(database)
    migrations.revisions.cache_clear()


def test_the_promised_half_minute() -> None:
    """Whatever a process or a whole host that vanished had in hand, and whoever met its locks, fits into 30 seconds.

    A host holds its slot and its locks until the server lets go. Whoever met such a lock waits once more at most: a
    chore, one store or subscriber of it, a deadline. A mail's lease runs beside that.
    """
    busy = Busy("its lock is held")
    chore = max(apart.wait(times, busy) for times in range(1, 100)) + TICK
    deadline = deadlines.SOON.total_seconds() + SWEEP_SECONDS + TICK
    assert engines.LET_GO + max(SLOT_SECONDS + TICK, chore, deadline) < HALF_A_MINUTE
    assert outbox.LEASE.total_seconds() + TICK < HALF_A_MINUTE


@pytest.mark.parametrize("database_kind", ["postgresql"], indirect=True)
def test_every_connection_lets_go(floor: Floor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The pool's, the slot's and the engine's connections end by themselves, on either side, where the other vanished.

    One that is silent inside a transaction is ended by the server and what it locked is free; who was silent hears 503.
    """
    slot = slots.take(floor.services.database, 6, data_dir=tmp_path)
    try:
        floor.services.effects.launch(run=lambda _key: None, slot=slot)
        engine: Any = _get_dbos_instance()._sys_db.engine  # noqa: SLF001 - the engine tells of it nowhere else
        with engine.connect() as its, floor.services.database.read() as work:
            held: Any = slot
            drivers = [its.connection.driver_connection, work.conn.connection.driver_connection, held._connection]  # noqa: SLF001
            for driver in drivers:
                asked = driver.info.get_parameters()
                found = [int(asked[name]) for name in ("keepalives_idle", "keepalives_interval", "keepalives_count")]
                assert (found[0] + found[1] * found[2], asked["tcp_user_timeout"]) == (engines.LET_GO, "20000")
                assert all(f"tcp_keepalives_{name}=" in asked["options"] for name in ("idle", "interval", "count"))
                assert "tcp_user_timeout=20000" in asked["options"]
                silent = driver.execute("SHOW idle_in_transaction_session_timeout").fetchone()
                assert silent == (f"{engines.LET_GO}s",)
    finally:
        floor.services.effects.stop(wait=1)
        slot.release()
    monkeypatch.setattr(engines, "LET_GO", 1)
    vanished = Database(floor.services.database.url)

    def falls_silent(work: Work) -> None:
        seal.lock(work, "seal:1")
        floor.services.database.retrying(lambda other: seal.lock(other, "seal:1"))
        seal.lock(work, "seal:2")

    with pytest.raises(Unavailable):
        vanished.retrying(falls_silent)
    vanished.retrying(lambda work: seal.lock(work, "seal:1"))
    vanished.close()


def test_a_slot_is_seen_from_outside(floor: Floor, crew: Crew, tmp_path: Path) -> None:
    """Whether somebody lives in a slot can be seen without taking it; kill -9 frees it, and so does an engine's death.

    Of that a process ends by itself, with 1, also if an act hangs.
    """

    def live(name: str) -> bool:
        return slots.is_live(floor.services.database, name, data_dir=tmp_path)

    worker = crew.worker(7)
    until(lambda: "working in slot 7" in worker.said)
    assert (live("slot-7"), live("slot-8"), live("local")) == (True, False, False)
    worker.kill()
    until(lambda: not live("slot-7"))
    refund_of(floor, "1", "slow:600000")
    for at, *command in (("engine busy", "worker"), ("engine", "serve", "--port", str(free_port()))):
        gives_up = crew.start(*command, "--slot", "8", at=at)
        assert gives_up.ended() == 1
        assert "the durable engine stopped; this process ends" in gives_up.said
        assert ("an act that does not return" in gives_up.said) is (at == "engine busy")
        assert not live("slot-8")


def test_a_start_waits_for_the_database(tmp_path: Path) -> None:
    """PostgreSQL not up yet: the process says that it waits, gives up in one line, or goes on once it answers.

    Whoever does not want to wait for it ends it in peace.
    """
    with postgres.running(()) as server:
        url = server.create("late")
        migrate(url)
        server.crash()
        crew = Crew(tmp_path, url)
        try:
            hasty = crew.worker(1, database_wait_seconds="1")
            patient, called_off = crew.worker(2), crew.worker(3)
            assert hasty.ended() == 1
            said = hasty.said.splitlines()
            assert said[0] == "rma: waiting for the database … (0 s)"
            assert len(said) == 2
            assert said[1].startswith("rma: The database did not answer for 1 s: ")
            until(lambda: "waiting for the database" in patient.said and called_off.said)
            assert (called_off.stop(), called_off.said) == (0, "rma: waiting for the database … (0 s)\n")
            server.start()
            until(lambda: "working in slot 2" in patient.said)
            assert patient.stop() == 0
        finally:
            crew.close()
