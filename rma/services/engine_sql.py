"""The durable engine's rows of an act, by compiled statements: where it begins, and on SQLite also where it ends.

On PostgreSQL the engine has a function to enqueue by and prepares what it writes at the end; on SQLite its statements
are made anew for each act, which costs more than what they do. There the same rows are written here, with our other
writes, and as one writer at a time. A test holds them against what the engine itself writes.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import msgspec
import sqlalchemy as sa

from rma.db import hot
from rma.db.session import Database, Work
from rma.errors import Busy, Unavailable


def _text(sql: str, *names: str) -> hot.Hot:
    return hot.Hot(sa.text(sql).bindparams(*(sa.bindparam(name, type_=sa.String) for name in names)))


_NAMES = ("workflow_name", "queue_name", "workflow_id", "app_version", "application")
_FUNCTION = _text(
    "SELECT dbos.enqueue_workflow(workflow_name => :workflow_name, queue_name => :queue_name,"
    " workflow_id => :workflow_id, app_version => :app_version, application_name => :application,"
    " priority => CAST(:priority AS integer),"
    " positional_args => ARRAY[CAST(:argument AS json)])",
    *_NAMES,
    "argument",
)
_STATUS = _text(
    "INSERT INTO workflow_status (workflow_uuid, status, name, queue_name, application_version, application_name,"
    " priority, recovery_attempts, serialization, is_debounced, attributes)"
    " VALUES (:workflow_id, 'ENQUEUED', :workflow_name, :queue_name, :app_version, :application,"
    " :priority, 0, 'portable_json', false, 'null') ON CONFLICT (workflow_uuid) DO NOTHING",
    *_NAMES,
)
_INPUT = _text(
    "INSERT INTO workflow_input (workflow_uuid, inputs) VALUES (:workflow_id, :inputs)"
    " ON CONFLICT (workflow_uuid) DO NOTHING",
    "workflow_id",
    "inputs",
)
_ENDED = _text(
    "UPDATE workflow_status SET status = :status, deduplication_id = NULL, owner_xid = NULL,"
    " updated_at = :at, completed_at = :at"
    " WHERE workflow_uuid = :key AND status = 'PENDING' AND (:owner IS NULL OR owner_xid = :owner) RETURNING 1",
    "status",
    "key",
    "owner",
)
_OUTPUT = _text(
    "INSERT INTO workflow_output (workflow_uuid, output, error) VALUES (:key, :output, :error)"
    " ON CONFLICT (workflow_uuid) DO UPDATE SET output = excluded.output, error = excluded.error",
    "key",
    "output",
    "error",
)


def enqueue(work: Work, names: dict[str, str], argument: str, *, priority: int = 0) -> None:
    """Add an act to the engine's queue in this transaction, with one text as what it is called with.

    ``names``: ``workflow_name``, ``queue_name``, ``workflow_id``, ``app_version`` and ``application``. What is done
    first has the lowest priority. An act of the same id stays as it is.
    """
    if work.dialect.name == "sqlite":
        called = {"namedArgs": {}, "positionalArgs": [argument]}
        _STATUS.run(work, {**names, "priority": priority})
        _INPUT.run(work, {"workflow_id": names["workflow_id"], "inputs": msgspec.json.encode(called).decode()})
    else:
        _FUNCTION.run(work, {**names, "argument": msgspec.json.encode(argument).decode(), "priority": priority})


Outcome = Callable[..., bool]
"""The engine's own way to write down how an act ended; False where the act is not its owner's any more."""


def ending(database: Database, theirs: Outcome) -> Outcome:
    """The same on SQLite; where it cannot be done now, ``theirs``, which is tried until it can."""

    def write(workflow_id: str, status: str, *, output: str | None, error: str | None, owner_xid: str | None) -> bool:
        ended = {"key": workflow_id, "status": status, "owner": owner_xid, "at": time.time_ns() // 1_000_000}
        try:
            return database.retrying(lambda work: _end(work, ended, {"output": output, "error": error}))
        except (Busy, Unavailable):
            return theirs(workflow_id, status, output=output, error=error, owner_xid=owner_xid)

    return write


def _end(work: Work, ended: dict[str, Any], outcome: dict[str, str | None]) -> bool:
    mine = _ENDED.one(work, ended) is not None
    if mine:
        _OUTPUT.run(work, {"key": ended["key"], **outcome})
    return mine
