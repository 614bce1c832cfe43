"""Durable acts whose outcome must come back (label, refund, replacement order), behind one small interface.

An act is enqueued in the transaction of the transition that wants it, so it exists exactly when the state does. Its
attempt row is the guard of "once": the first run commits ``begun`` before it calls the outside; a run that finds the
attempt already begun asks the outside and sends again only where the provider proves that nothing was done.
The engine underneath is DBOS; nothing outside this file knows it, but for its rows (``engine_sql``).
"""

from __future__ import annotations

import functools
import logging
import secrets
import threading
import time
from collections.abc import Callable
from datetime import datetime
from typing import Any, NamedTuple, TypeVar

import sqlalchemy as sa
from dbos import DBOS, DBOSConfig, _migration, _queue

from rma.db import hot, tables
from rma.db.engines import watched
from rma.db.session import Database, Work, now
from rma.services import engine_sql, logs
from rma.services.slots import Slot

APP = "rma"
VERSION = "rma-effects-1"  # pinned: a deploy must not strand the work in flight
QUEUE = "effects"
WORKFLOW = "rma.effect"
LATER = 1
"""The place in the queue of what is looked at once more: after everything that was not looked at yet."""
NOT_YET_KNOWN = "not_yet_known"
"""The error of an act whose outside was asked and knows nothing of a call that may still be on its way."""
DONE = "done"
OPEN = ("enqueued", "begun", "asking")
"""The states of an attempt without a final answer; named one by one, because an index finds them so."""
_STATUS = "workflow_status"
_QUEUE_THREAD = _queue.queue_thread.__name__
AT_ONCE = 32
"""Acts that one process has in hand: most of them wait for an answer from outside."""
_WRITING = 8
"""Acts that are at the database at once: more would only stand in each other's way, and in that of requests."""
_LOOK_AT = 1_000  # acts begun by others that one look for dead processes goes through

T = TypeVar("T")
Runner = Callable[[str], None]
_log = logging.getLogger(__name__)
_attempts = tables.table(tables.Attempt)
_INSERT = hot.insert(_attempts)
_MINE = _attempts.c.id == sa.bindparam("key")
_LOCK = hot.Hot(
    sa.select(_attempts.c.state, _attempts.c.subject_id, _attempts.c.store_id, _attempts.c.updated_at)
    .where(_MINE)
    .with_for_update(key_share=True)
)
_SET: dict[str, Any] = {name: sa.bindparam(name) for name in ("state", "answer", "error", "updated_at")}
_TOLD = hot.Hot(sa.update(_attempts).where(_MINE).values(_SET))
_ANSWERED = hot.Hot(sa.update(_attempts).where(_MINE).values({**_SET, "sent_at": sa.null()}))
_BEGUN = hot.Hot(
    sa.update(_attempts).where(_MINE).values({name: sa.bindparam(name) for name in ("state", "sent_at", "updated_at")})
)
_runner: Runner | None = None
_under_way: set[str] = set()
HEARD: dict[tuple[str, datetime], float] = {}
"""Calls of which the outside knew nothing, and when (monotonic) this process first heard so."""
_launching = threading.Lock()


def attempt_id(subject_id: str, attempt: int, effect: str) -> str:
    """``<child id>:<attempt>:<effect>``: the workflow's id and the idempotency key that goes to the provider."""
    return f"{subject_id}:{attempt}:{effect}"


@DBOS.workflow(name=WORKFLOW, max_recovery_attempts=1000)
def _effect(attempt: str) -> None:
    if _runner is None:
        raise RuntimeError("effects run only where a runner was launched")
    _under_way.add(attempt)
    try:
        _runner(attempt)
    except Exception as error:  # noqa: BLE001 - the engine keeps whatever leaves here, and all that it holds
        raise RuntimeError(logs.brief(error)) from None
    finally:
        _under_way.discard(attempt)


class Effects:
    """Enqueue durable acts, and run them where this process was told to."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._running = False
        self._slot: Slot | None = None
        self.handed: dict[str, float] = {}
        """Open acts that this process handed over once more, and when (monotonic)."""
        self._writing = threading.BoundedSemaphore(_WRITING)
        self.ending = threading.Event()
        """Set from the moment when this process is told to end its acts."""

    def prepare(self) -> None:
        """Create or update the engine's own tables, in the same database."""
        DBOS.migrate(_url(self._database))
        if self._database.is_sqlite:
            with self._database.engine.connect() as conn:
                conn.exec_driver_sql("PRAGMA journal_mode=WAL")

    def enqueue(self, work: Work, *, store_id: str, subject_id: str, attempt: int, effect: str) -> str:
        """Add an act to this transaction. Its input is an id only: no personal data enters the engine."""
        key = attempt_id(subject_id, attempt, effect)
        row: dict[str, Any] = {"id": key, "store_id": store_id, "subject_id": subject_id, "effect": effect}
        row |= {"state": "enqueued", "answer": None, "error": None, "tries": 1, "sent_at": None}
        _INSERT.run(work, row | {"created_at": work.real_now, "updated_at": work.real_now})
        self._hand_over(work, key, key)
        return key

    @staticmethod
    def key(subject_id: str, attempt: int, effect: str) -> str:
        """The attempt's id; see ``attempt_id``."""
        return attempt_id(subject_id, attempt, effect)

    def again(self, work: Work, key: str) -> None:
        """Let an attempt be looked at once more, under an engine id of its own; its row says what may be done."""
        self._hand_over(work, key, f"{key}~{secrets.token_hex(4)}", priority=LATER)
        work.after_commit.append(functools.partial(self.handed.__setitem__, key, time.monotonic()))

    @staticmethod
    def _hand_over(work: Work, key: str, workflow_id: str, *, priority: int = 0) -> None:
        names = {"queue_name": QUEUE, "workflow_name": WORKFLOW, "app_version": VERSION, "application": APP}
        engine_sql.enqueue(work, {**names, "workflow_id": workflow_id}, key, priority=priority)

    def launch(self, run: Runner, *, slot: Slot, polling: float = 0.1, concurrency: int = AT_ONCE) -> None:
        """Start running acts in this process under the name of a slot that it holds."""
        global _runner  # noqa: PLW0603 - the engine is one for the process
        with _launching:
            if self._running:
                return
            _runner = run
            self.ending.clear()
            config: DBOSConfig = {
                "name": APP,
                "system_database_url": _url(self._database),
                "application_version": VERSION,
                "executor_id": slot.name,
                "log_level": "ERROR",
                "use_listen_notify": False,
                "max_executor_threads": concurrency + 4,
                "sys_db_pool_size": 8,
                "db_engine_kwargs": None if self._database.is_sqlite else {"connect_args": watched()},
            }
            own = DBOS(config=config)
            DBOS.launch()
            self._spare(own._sys_db)  # noqa: SLF001 - see there
            DBOS.register_queue(QUEUE, worker_concurrency=concurrency, polling_interval_sec=polling)
            self._running, self._slot = True, slot

    def _spare(self, rows: Any) -> None:
        """Spare the engine's own writer what it does for others: see ``engine_sql``.

        Ten times a second it asks whether a later version than this process's is registered; there is but one.
        """
        rows._is_latest_version = lambda *_: True  # noqa: SLF001
        if self._database.is_sqlite:
            theirs = rows._update_workflow_outcome_in_transaction  # noqa: SLF001
            rows._update_workflow_outcome_in_transaction = engine_sql.ending(self._database, theirs)  # noqa: SLF001

    def write(self, act: Callable[[Work], T]) -> T:
        """One transaction of an act, as ``Database.retrying``, once few enough others are at it."""
        with self._writing:
            return self._database.retrying(act)

    def take_over(self, is_live: Callable[[str], bool]) -> int:
        """Put what dead processes had begun back into the queue, for whoever lives; how many acts.

        ``is_live`` tells of a slot's name whether a process holds it. Our own slot is ours. Two who do this at once,
        and a slot that comes back to life meanwhile, do no harm: the attempt's row says what may still be done.
        """
        if not self._running or self._slot is None:
            return 0
        begun = DBOS.list_workflows(
            status="PENDING", app_version=VERSION, load_input=False, load_output=False, limit=_LOOK_AT
        )
        owners = {one.executor_id for one in begun if one.executor_id} - {self._slot.name}
        dead = [name for name in sorted(owners) if not is_live(name)]
        if not dead:
            return 0
        _log.warning("taking over the work of %s", ", ".join(dead))
        return len(DBOS._recover_pending_workflows(dead))  # noqa: SLF001 - only this compares the owner as it moves it

    def stop(self, *, wait: int = 10) -> None:
        """Finish what runs, up to ``wait`` seconds; the rest is taken up at the next start."""
        global _runner
        self.ending.set()
        with _launching:
            if self._running:
                DBOS.destroy(workflow_completion_timeout_sec=wait)
                self._running, _runner = False, None

    @property
    def slot(self) -> Slot | None:
        """The slot under which this process was told to run acts, and was not told to end; None without."""
        return self._slot if self._running else None

    @staticmethod
    def takes_acts() -> bool:
        """Whether the engine's thread lives that takes acts from the queue and looks after those that carry them out.

        Told by the name that Python gives it, which is that of the engine's function.
        """
        return any(thread.name.endswith(f"({_QUEUE_THREAD})") for thread in threading.enumerate())

    @property
    def hanging(self) -> bool:
        """Whether an act of this process is still in a call, though the engine was stopped."""
        return not self._running and bool(_under_way)

    def pending(self, store_id: str | None = None) -> int:
        """How many attempts have no final answer yet and are not merely waiting for a provider's later word."""
        query = sa.select(sa.func.count()).where(_attempts.c.state.in_(("enqueued", "begun")))
        if store_id is not None:
            query = query.where(_attempts.c.store_id == store_id)
        with self._database.read() as work:
            return int(work.conn.execute(query).scalar_one())

    def wait(self, store_id: str, seconds: float) -> int:
        """Wait until no attempt of this store is pending, at most so long; how many are left."""
        end = time.monotonic() + seconds
        while (left := self.pending(store_id)) and time.monotonic() < end:
            time.sleep(0.05)
        return left


def is_prepared(work: Work) -> bool:
    """Whether the engine's tables are there, answer, and are no older than this program's engine wants them."""
    sqlite = work.dialect.name == "sqlite"
    if not sa.inspect(work.conn).has_table(_STATUS, schema=None if sqlite else "dbos"):
        return False
    return bool(work.conn.execute(sa.select(is_new_enough(sqlite=sqlite))).scalar())


def is_new_enough(*, sqlite: bool) -> sa.ColumnElement[bool]:
    """What to ask for ``is_prepared`` together with more: an error where the engine's tables are not there."""
    schema = None if sqlite else "dbos"
    steps = sa.table("dbos_migrations", sa.column("version", sa.Integer), schema=schema)
    one = sa.select(sa.literal(1)).select_from(sa.table(_STATUS, schema=schema)).limit(1).subquery()
    answers = sa.select(sa.func.count()).select_from(one).scalar_subquery() >= 0
    return sa.and_(answers, sa.select(sa.func.max(steps.c.version)).scalar_subquery() >= _steps(sqlite=sqlite))


def queued(work: Work) -> set[str]:
    """The attempts that wait in the engine's queue until one of this version's processes is free."""
    names = ("workflow_uuid", "queue_name", "status", "application_version")
    schema = None if work.dialect.name == "sqlite" else "dbos"
    status = sa.table(_STATUS, *(sa.column(name) for name in names), schema=schema)
    waits = status.c.status == sa.literal_column("'ENQUEUED'")  # as the engine's partial index has it
    ours = sa.and_(waits, status.c.queue_name == QUEUE, status.c.application_version == VERSION)
    found = work.conn.execute(sa.select(status.c.workflow_uuid).where(ours)).scalars()
    return {workflow_id.partition("~")[0] for workflow_id in found}


@functools.cache
def _steps(*, sqlite: bool) -> int:
    """How many migrations of its own tables the installed engine has."""
    return len(_migration.sqlite_migrations if sqlite else _migration.get_dbos_migrations("dbos", False))  # noqa: FBT003


AT_LATEST = 5.0
"""Seconds within which a call leaves after it was written down, even to an outside that knows at once what it took."""


class Leaving(NamedTuple):
    """When a run wrote down that it is about to call, or asked: by the wall's clock, and by one that nobody sets.

    A process that stood still since then calls no more: another one may have asked, heard nothing, and sent.
    """

    at: datetime
    since: float

    def is_late(self, after: float) -> bool:
        """Whether half of the ``after`` seconds have passed from which "not known" proves that nothing was sent.

        The clock counts that says more: one may be set back, the other stands while a machine sleeps.
        """
        waited = max((now() - self.at).total_seconds(), time.monotonic() - self.since)
        return waited > max(after / 2, AT_LATEST)


def leaving() -> Leaving:
    """Now, on both clocks."""
    return Leaving(now(), time.monotonic())


class Begun(NamedTuple):
    """An attempt that is under way: whose it is, what for, and when anybody last wrote down what they did about it."""

    subject_id: str
    store_id: str
    seen: datetime


def reads(key: str) -> list[hot.Read]:
    """What ``begin`` and ``is_open`` ask for, for who reads it ahead with more: after the lock of the return."""
    return [(_LOCK, {"key": key})]


def begin(work: Work, key: str) -> tuple[Begun | None, bool]:
    """The attempt, locked, and whether this run is the first: ``(attempt, first)``; None if it is already done.

    The first run calls the outside after its commit; every other one asks. Lock the return before.
    """
    row = _LOCK.one(work, {"key": key})
    if row is None or row[0] == DONE:
        return None, False
    first = row[0] == "enqueued"
    if first:
        at = now()
        _BEGUN.run(work, {"key": key, "state": "begun", "sent_at": at, "updated_at": at})
    return Begun(*row[1:]), first


def is_open(work: Work, key: str) -> bool:
    """True while the attempt, locked from here on, has no final answer. Lock the return before."""
    row = _LOCK.one(work, {"key": key})
    return row is None or row[0] != DONE


def may_send_again(work: Work, key: str, *, after: float, seen: datetime, asked: Leaving) -> bool:
    """True, for one run at a time, if no call is under way: the last was answered, or it left ``after`` seconds ago.

    Only for who asked the outside at ``asked`` and heard that it knows nothing. The seconds have to pass on the wall's
    clock and, since this process first heard so of this call, on its own: a clock that is set forward sends nothing.
    What was heard proves nothing of what others did since: whatever they wrote down after ``seen``, which this run's
    ``begin`` answered before it asked, may be a call. Commit before calling: the next call counts as under way from
    here on.
    """
    columns = (_attempts.c.state, _attempts.c.sent_at, _attempts.c.updated_at)
    row = work.conn.execute(sa.select(*columns).where(_attempts.c.id == key).with_for_update(key_share=True)).one()
    if row.state == DONE or row.updated_at != seen:
        return False
    if row.sent_at is not None:
        first = HEARD.setdefault((key, row.sent_at), asked.since)
        if asked.since - first < after or (asked.at - row.sent_at).total_seconds() < after:
            return False
        del HEARD[key, row.sent_at]
    _set(work, key, sent_at=now())
    return True


def finish(
    work: Work, key: str, *, answer: dict[str, Any], final: bool, error: str | None = None, answered: bool = False
) -> None:
    """Keep the outside's answer. Not final: it is asked again; ``answered``: what was sent is known to have ended."""
    if final:
        for heard in [one for one in HEARD if one[0] == key]:
            HEARD.pop(heard, None)
    told = {"key": key, "state": DONE if final else "asking", "answer": answer, "updated_at": now()}
    (_ANSWERED if final or answered else _TOLD).run(work, told | {"error": logs.word(error)})


def touch(work: Work, key: str) -> None:
    """Note that the attempt was handed over again just now."""
    _set(work, key, tries=_attempts.c.tries + 1)


def failed(work: Work, key: str, error: str) -> None:
    """Keep the error of a run that broke, as ``logs.brief`` has it; the attempt is looked at again later."""
    _set(work, key, error=error)


def _set(work: Work, key: str, **values: Any) -> None:
    work.conn.execute(sa.update(_attempts).where(_attempts.c.id == key).values(updated_at=now(), **values))


def _url(database: Database) -> str:
    return sa.make_url(database.url).render_as_string(hide_password=False)
