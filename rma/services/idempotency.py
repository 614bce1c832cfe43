"""One act for one Idempotency-Key: the answer is kept in the act's own transaction and replayed byte for byte.

Optimistic: the act runs and its answer is inserted as the transaction's last statement. A twin meets the unique key (or
finds the world changed by the first and is refused), rolls back, and gets the answer that was kept. Nothing is kept of
a request that wrote nothing, and a crash leaves neither act nor key.
"""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Callable
from datetime import datetime

import msgspec
import psycopg
import sqlalchemy as sa

from rma.db import hot, tables
from rma.db.session import Database, Work
from rma.errors import Busy, Invalid, Refused, RmaError
from rma.services.caller import Caller

Act = Callable[[Work], "Answer"]

_table = tables.table(tables.IdempotencyKey)
_INSERT = hot.insert(_table)
_FIND = hot.Hot(
    sa.select(_table.c.body_hash, _table.c.status, _table.c.answer, _table.c.etag).where(
        _table.c.scope == sa.bindparam("scope")
    )
)
_DUPLICATE = (sqlite3.IntegrityError, psycopg.IntegrityError, sa.exc.IntegrityError)
MAX_KEY = 255


class Answer(msgspec.Struct, frozen=True, gc=False):
    """What is sent back: encoded once, kept and replayed as the same bytes.

    ``status`` is a number of HTTP that ``rma.api`` chose. ``secret`` answers are never kept: they replay as a refusal.
    ``subject`` is the id by which erasure finds what was kept.
    """

    status: int
    body: bytes = b""
    etag: str | None = None
    secret: bool = False
    subject: str | None = None
    media_type: str = "application/json"
    headers: tuple[tuple[bytes, bytes], ...] = ()
    replayed: bool = False
    hidden: tuple[str, str] | None = None
    """A secret text inside the body and the mask that is kept in its place; a replay puts it back."""

    @property
    def kept(self) -> str | None:
        """The body as it is kept: nothing of a secret answer, no secret of any other."""
        if self.secret:
            return None
        text = self.body.decode()
        return text if self.hidden is None else text.replace(*self.hidden)


class Keyed(msgspec.Struct, frozen=True, gc=False):
    """A request that carries a key: where it counts (who, method, path, key) and what it said, both as hashes."""

    scope: str
    body_hash: str

    @classmethod
    def of(cls, caller: Caller, *, method: str, path: str, key: str, body_hash: str) -> Keyed:
        """The key counts for one key (or link), one method and one path."""
        who = f"{caller.store_id}\n{caller.actor}\n{method}\n{path}\n{key}"
        return cls(hashlib.sha256(who.encode()).hexdigest(), body_hash)


class _TwinError(Exception):
    """The key was kept by another request while this one worked."""


def check_key(key: str) -> str:
    """The key, or ``Invalid``: 1 to 255 printable ASCII characters."""
    if not key or len(key) > MAX_KEY or not key.isascii() or not key.isprintable():
        raise Invalid.field(
            "Idempotency-Key", "idempotency_key", "An Idempotency-Key has 1 to 255 printable characters."
        )
    return key


def body_hash(body: bytes) -> str:
    """What is compared to tell the same body from another one."""
    return hashlib.sha256(body).hexdigest()


def run(database: Database, keyed: Keyed | None, act: Act, *, unmask: Callable[[str], str] = str) -> Answer:
    """Do the act at most once for this key. Without one it is simply done.

    Raises what the act raises; ``Invalid`` ``idempotency_key_reused`` for another body; ``Refused``
    ``secret_shown_once`` where the kept answer held a secret; ``Busy`` while a twin is still under way.
    """
    if keyed is None:
        return database.retrying(act)
    refused: list[Callable[[], object]] = []
    try:
        return database.retrying(lambda work: _act_and_keep(work, keyed, act, refused))
    except (_TwinError, RmaError, *_DUPLICATE) as problem:
        kept = find(database, keyed, unmask=unmask)
        if kept is None:
            for tell in refused:
                tell()
            raise _cause(problem) from None
        return kept


def run_in_parts(database: Database, keyed: Keyed, act: Callable[[], Answer]) -> Answer:
    """For an act of many transactions that are harmless to repeat (an import): its answer is kept after the last one.

    A crash in between keeps nothing, so the same request does the rest again.
    """
    kept = find(database, keyed)
    if kept is not None:
        return kept
    answer = act()
    return run(database, keyed, lambda _work: answer)


def find(database: Database, keyed: Keyed, *, unmask: Callable[[str], str] = str) -> Answer | None:
    """The answer that was kept for this key, or None. Raises as ``run`` does."""
    with database.read() as work:
        row = _FIND.one(work, {"scope": keyed.scope})
    if row is None:
        return None
    known_hash, status, text, etag = row
    if known_hash != keyed.body_hash:
        detail = "This Idempotency-Key was used with another body."
        raise Invalid(detail, code="idempotency_key_reused")
    if text is None:
        detail = "This was done; its answer held a secret, or was erased, and is not shown again."
        raise Refused(detail, code="secret_shown_once")
    return Answer(status, unmask(text).encode(), etag, replayed=True)


def prune(work: Work, before: datetime) -> int:
    """Forget answers that were kept before this instant; how many there were."""
    return work.conn.execute(sa.delete(_table).where(_table.c.created_at < before)).rowcount


def erase(work: Work, subject: str) -> int:
    """Forget what was answered about this subject; its keys still stop a repetition."""
    return work.conn.execute(sa.update(_table).where(_table.c.subject == subject).values(answer=None)).rowcount


def _act_and_keep(work: Work, keyed: Keyed, act: Act, refused: list[Callable[[], object]]) -> Answer:
    """``refused`` gets what a refusal wants done: it is none if the act was done before under this key."""
    try:
        answer = act(work)
    except Refused:
        refused[:], work.after_refusal = work.after_refusal, []
        raise
    work.flush_session()
    row = {
        "scope": keyed.scope,
        "body_hash": keyed.body_hash,
        "status": answer.status,
        "answer": answer.kept,
        "etag": answer.etag,
        "subject": answer.subject,
        "created_at": work.real_now,
    }
    _INSERT.run(work, row, duplicate=_TwinError)
    return answer


def _cause(problem: Exception) -> Exception:
    if isinstance(problem, _TwinError):
        return Busy("A twin of this request is still under way; try again.")
    return problem
