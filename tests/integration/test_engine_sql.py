"""The engine's rows that we write ourselves on SQLite: the same as those that it would write."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from dbos import DBOSClient, WorkflowSerializationFormat

from rma.db import engines
from rma.db.session import Database
from rma.services import effects, engine_sql
from rma.services.effects import Effects

KEY = "tra_1:1:send_refund"
NAMES = {"queue_name": effects.QUEUE, "workflow_name": effects.WORKFLOW, "app_version": effects.VERSION}
OWN = {"workflow_uuid", "creator_xid", "created_at", "updated_at", "completed_at", "retention_timestamp"}
"""What two acts do not share: their ids, when something was written, and who wrote it, which only a retry asks."""


def test_rows_are_those_that_the_engine_writes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An act that waits and one that has ended, well or not, have the same rows as by the engine; a lost one stays.

    Where another process holds the file the engine writes it, which waits for longer.
    """
    monkeypatch.setattr(engines, "LOCK_WAIT_MS", 1)
    database = Database(f"sqlite:///{tmp_path / 'rma.sqlite3'}")
    Effects(database).prepare()
    client = DBOSClient(system_database_engine=database.engine, application_name=effects.APP, lazy=True)
    theirs: Any = client._sys_db  # noqa: SLF001 - what writes the engine's rows
    ours = engine_sql.ending(database, theirs.update_workflow_outcome)
    for priority in (0, effects.LATER):
        with database.write() as work:
            form: Any = NAMES | {
                "serialization_type": WorkflowSerializationFormat.PORTABLE,
                "priority": priority or None,
            }
            client.enqueue_in_transaction(work.conn, form | {"workflow_id": f"theirs-{priority}"}, KEY)
            names = {**NAMES, "workflow_id": f"ours-{priority}", "application": effects.APP}
            engine_sql.enqueue(work, names, KEY, priority=priority)
            engine_sql.enqueue(work, names, "another", priority=7)
        assert written(database, f"ours-{priority}") == written(database, f"theirs-{priority}")
    begin(database)
    for status, output, error, act in (("SUCCESS", "null", None, 0), ("ERROR", None, "broke", 1)):
        told = {"output": output, "error": error}
        assert not ours(f"ours-{act}", status, **told, owner_xid="another")
        assert theirs.update_workflow_outcome(f"theirs-{act}", status, **told, owner_xid="mine")
        assert ours(f"ours-{act}", status, **told, owner_xid="mine" if act else None)
        assert not ours(f"ours-{act}", "ERROR", output=None, error="late", owner_xid=None)
        assert written(database, f"ours-{act}") == written(database, f"theirs-{act}")
    begin(database)
    busy = engine_sql.ending(database, lambda *_, **__: True)
    with sqlite3.connect(tmp_path / "rma.sqlite3") as other:
        other.execute("BEGIN IMMEDIATE")
        assert busy("ours-0", "SUCCESS", output="null", error=None, owner_xid="another")
    client.destroy()
    database.close()


def begin(database: Database) -> None:
    """Somebody carries them out."""
    with database.write() as work:
        work.conn.execute(sa.text("UPDATE workflow_status SET status = 'PENDING', owner_xid = 'mine'"))


def written(database: Database, act: str) -> list[list[tuple[str, Any]]]:
    """What the engine's tables hold of an act, with the ids and instants only by whether they are there."""
    found = []
    with database.read() as work:
        for table in ("workflow_status", "workflow_input", "workflow_output"):
            asked = sa.text(f"SELECT * FROM {table} WHERE workflow_uuid = :act")
            rows = work.conn.execute(asked, {"act": act}).mappings()
            found += [
                [
                    (name, value is not None if name in OWN else value)
                    for name, value in row.items()
                    if name != "creator_xid"
                ]
                for row in rows
            ]
    return found
