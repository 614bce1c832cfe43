"""The periodic destruction: whatever has reached its end goes, photos first, and a log says so without a name.

Every step works in batches with a transaction each: what is destroyed and its line in the log are one commit, and what
is left shows in the rows themselves. So a run that was killed is simply begun again, and of two runs at once one waits
for the other's batch and finds it done. What cannot be done is left as it is and named, and the rest goes on.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

import msgspec
import sqlalchemy as sa

from rma.db import tables
from rma.db.session import Work
from rma.domain import calendar, retention
from rma.domain.privacy_words import Known
from rma.domain.retention import OWN_RULE, Answer, Name
from rma.errors import Unavailable
from rma.services import counts, idempotency, law, privacy, withdrawals
from rma.services import privacy_erasing as erasing
from rma.services import privacy_matters as matters
from rma.services.case import now_of
from rma.services.catalog import StoreInfo
from rma.services.context import Services
from rma.services.paging import Ask, Page, cut
from rma.services.privacy_matters import Failed
from rma.services.seal import lock

BATCH = 50
_log = logging.getLogger(__name__)
Progress = Callable[[int, int], None]
_STORES, _KEYS = tables.table(tables.Store), tables.table(tables.Key)


class Destroyed(msgspec.Struct, frozen=True, kw_only=True):
    """So many records of a class, and files, in one run."""

    record: str
    count: int
    files: int


class RunReport(msgspec.Struct, frozen=True, kw_only=True):
    """What a run destroyed, or would have (``dry_run``), in how many stores, and what it could not."""

    dry_run: bool
    stores: int
    destroyed: list[Destroyed]
    failed: list[Failed]


class LogLine(msgspec.Struct, frozen=True, kw_only=True):
    """A line of the destruction log, kept until ``keep_until``. ``request_id``: who asked for it, if anybody did."""

    id: str
    record: str
    count: int
    files: int
    article: str
    at: datetime
    request_id: str | None
    keep_until: date


@dataclass(slots=True, kw_only=True)
class _Run:
    """One step of one store: its own day, what was counted, whether anything is really done.

    ``size``: how many a batch takes; ``last`` is the last key of the batch; ``failed`` what could not be done.
    """

    services: Services
    store: StoreInfo
    now: datetime
    dry: bool
    size: int
    last: str = ""
    tally: dict[str, list[int]] = field(default_factory=dict)
    failed: list[Failed] = field(default_factory=list)

    @property
    def today(self) -> date:
        return calendar.local_date(self.now, self.store.timezone)

    def count(self, record: str, rows: int, files: int = 0) -> None:
        """Count for the report."""
        if not rows:
            return
        mine = self.tally.setdefault(record, [0, 0])
        mine[0] += rows
        mine[1] += files

    def destroyed(self, work: Work, record: Name, rows: int, *, article: str = OWN_RULE, files: int = 0) -> None:
        """Count, and write the line of the log."""
        if rows:
            self.count(record, rows, files)
            answer = Answer(record=record, action="erased", article=article)
            if not self.dry:
                erasing.note(work, self.store, answer, count=rows, files=files, at=self.now)


Step = Callable[[Work, _Run, str], int]
"""One batch behind a key: how many it looked at; none when nothing is left."""


def run(
    services: Services, *, store_id: str | None = None, dry_run: bool = False, progress: Progress | None = None
) -> RunReport:
    """Destroy what has reached its end, in one store or in all. ``progress`` hears of steps done and of how many."""
    with services.database.read() as work:
        chosen = sa.true() if store_id is None else _STORES.c.id == store_id
        ids = list(work.conn.execute(sa.select(_STORES.c.id).where(chosen).order_by(_STORES.c.id)).scalars())
    total: dict[str, list[int]] = {}
    failed: list[Failed] = []
    steps = [(key, step) for key in ids for step in _STEPS]
    for done, (key, step) in enumerate(steps, start=1):
        tally, unable = _step(services, key, step, dry=dry_run)
        for record, (rows, files) in tally.items():
            mine = total.setdefault(record, [0, 0])
            mine[0], mine[1] = mine[0] + rows, mine[1] + files
        failed += [each for each in unable if each not in failed]
        if progress is not None:
            progress(done, len(steps))
    if store_id is None and not dry_run:
        _forget_answers(services)
    if total and not dry_run and services.database.is_sqlite:
        _empty_wal(services)
    gone = [Destroyed(record=name, count=rows, files=files) for name, (rows, files) in total.items()]
    return RunReport(dry_run=dry_run, stores=len(ids), destroyed=gone, failed=failed)


def chore(services: Services) -> int:
    """The same as a chore of the worker; what could not be done is counted. Answers 0: nothing follows from it."""
    for _ in run(services).failed:
        counts.count("chores", "privacy")
    return 0


def destructions(work: Work, store_id: str, ask: Ask) -> Page[LogLine]:
    """The store's destruction log, oldest first."""
    table = erasing.LOG
    query = sa.select(table).where(table.c.store_id == store_id, table.c.id > (ask.after or ""))
    rows = work.conn.execute(query.order_by(table.c.id).limit(ask.limit + 1)).all()
    return cut(rows, ask, key=lambda row: str(row.id)).map(
        lambda row: LogLine(**{name: getattr(row, name) for name in LogLine.__struct_fields__})
    )


def _step(services: Services, store_id: str, step: Step, *, dry: bool) -> tuple[dict[str, list[int]], list[Failed]]:
    """One step of one store: its tally, and what failed. Nothing that stops it there stops another store or step."""
    one: _Run | None = None
    stopped: list[Failed] = []
    try:
        with services.database.read() as work:
            store = services.catalog.store(work, store_id)
            one = _Run(services=services, store=store, now=now_of(work, store_id), dry=dry, size=BATCH)
        _walk(one, step)
    except Unavailable:
        raise
    except Exception as error:  # noqa: BLE001 - one store never stops the others, and it is logged
        _log.exception("a step of store %s could not be ended", store_id)
        stopped = [Failed(id=store_id, error=type(error).__name__)]
    return ({}, stopped) if one is None else (one.tally, one.failed + stopped)


def _walk(one: _Run, step: Step) -> None:
    """Batch after batch until a step finds nothing more; once something cannot be done, one after the other."""
    after = ""
    while True:
        counted, failed = {name: list(counts) for name, counts in one.tally.items()}, list(one.failed)
        try:
            seen = _batch(one, step, after)
            after = one.last
        except Exception as error:
            one.tally, one.failed, seen = counted, failed, 1
            if one.last == after or isinstance(error, Unavailable):
                raise
            if one.size == 1:
                _log.exception("%s could not be erased", one.last)
                one.failed.append(Failed(id=one.last, error=type(error).__name__))
                after = one.last
            one.size = 1
        if not seen:
            return


def _batch(one: _Run, step: Step, after: str) -> int:
    """One batch in a transaction of its own."""
    before, failed = one.tally, one.failed
    one.last = after

    def act(work: Work) -> int:
        one.tally = {name: list(counts) for name, counts in before.items()}
        one.failed = list(failed)
        lock(work, f"privacy:{one.store.id}")
        return step(work, one, after)

    if not one.dry:
        return one.services.database.retrying(act)
    with one.services.database.read() as work:
        return step(work, one, after)


def _next(work: Work, one: _Run, query: sa.Select[Any], key: sa.Column[Any], after: str) -> Sequence[Any]:
    """The rows of a batch, in the order of a key."""
    rows = work.conn.execute(query.where(key > after).order_by(key).limit(one.size)).all()
    one.last = getattr(rows[-1], key.name) if rows else after
    return rows


# -- the steps --------------------------------------------------------------------------------------------------------


def _photos(work: Work, one: _Run, after: str) -> int:
    """Files of returns that have ended; not of one that is in dispute, which is open."""
    table, returns = matters.EVIDENCE, matters.RETURNS
    query = sa.select(table.c.return_id).distinct().where(table.c.store_id == one.store.id)
    rows = _next(work, one, query.where(table.c.destroyed_at.is_(None)), table.c.return_id, after)
    for (key,) in rows:
        locked = sa.select(returns).where(returns.c.id == key)
        case = work.conn.execute(locked.with_for_update(key_share=True)).one()
        closed = calendar.local_date(case.updated_at, one.store.timezone)
        held = sa.select(sa.func.count()).where(table.c.return_id == key, table.c.destroyed_at.is_(None))
        if matters.has_ended(work, one.services, one.store, case):
            mine, home = _laws(one, case)
            declined = case.state == "declined"
            rules: dict[str, Any] = {"law": mine, "home": home, "shortened": one.store.retention}
            if retention.photos_until(closed, declined=declined, **rules) < one.today:
                count = work.conn.execute(held).scalar_one()
                files = 0 if one.dry else erasing.photos(work, one.services, key, one.now)
                end = retention.end("evidence", closed, **rules)
                one.destroyed(work, "evidence", count, article=end.article, files=files)
    return len(rows)


def _laws(one: _Run, case: Any) -> tuple[Any, Any]:
    """The law of the return's customer and of the store's country on the day it was filed."""
    day = calendar.local_date(case.created_at, one.store.timezone)
    mine = law.on(one.store, case.facts.get("country"), day, region=case.facts.get("region"))
    return mine, law.on(one.store, None, day)


def _requests(work: Work, one: _Run, after: str) -> int:
    """Requests that wait for the end of a return."""
    table = privacy.REQUESTS
    waiting = sa.and_(table.c.store_id == one.store.id, table.c.state == privacy.WAITING)
    rows = _next(work, one, sa.select(table.c.id, table.c.open).where(waiting), table.c.id, after)
    for key, waits in rows:
        found, failed = matters.load_all(work, one.services, one.store, waits, lock=not one.dry)
        plans: dict[str, erasing.Plan] = {}
        for held in found:
            with matters.each(failed, held.id):
                plans[held.id] = {} if held.is_open else erasing.plan(work, held, asked=True)
        if not one.dry:
            privacy.proceed(work, one.services, one.store, key, found, actor="system", failed=failed)
        for name, part in (each for matter in plans.keys() - failed for each in plans[matter].items()):
            if part.answer.action == "erased":
                one.count(name, part.count)
        one.failed += matters.named(failed)
    return len(rows)


def _orders(work: Work, one: _Run, after: str) -> int:
    """Orders whose day to be looked at has come; one without a day was written by a program that knew of none."""
    table = matters.ORDERS
    due = sa.or_(table.c.look_at <= one.today, table.c.look_at.is_(None))
    query = sa.select(table.c.id).where(table.c.store_id == one.store.id, due)
    rows = _next(work, one, query, table.c.id, after)
    for (key,) in rows:
        held = matters.load(work, one.services, one.store, key, lock=not one.dry)
        if held.is_open:
            _later(work, one, key)
        else:
            _end_of(work, one, held)
    return len(rows)


def _later(work: Work, one: _Run, key: str) -> None:
    if not one.dry:
        day = one.today + timedelta(days=retention.LOOK_AGAIN)
        work.conn.execute(sa.update(matters.ORDERS).where(matters.ORDERS.c.id == key).values(look_at=day))


def _end_of(work: Work, one: _Run, held: matters.Matter) -> None:
    plan = erasing.plan(work, held, asked=False)
    for name, part in plan.items():
        if part.answer.action == "erased":
            one.count(name, part.count)
    if not one.dry:
        erasing.carry_out(work, one.services, held, plan, request_id=None)


def _declared(work: Work, one: _Run, after: str) -> int:
    """Withdrawals that never belonged to an order."""
    table = matters.WITHDRAWALS
    query = sa.select(table.c.id).where(
        table.c.store_id == one.store.id, table.c.state == withdrawals.UNMATCHED, table.c.content.is_not(None)
    )
    rows = _next(work, one, query, table.c.id, after)
    for (key,) in rows:
        held = matters.load(work, one.services, one.store, key, lock=not one.dry)
        if not held.is_open and held.end("withdrawal").over(one.today):
            _end_of(work, one, held)
    return len(rows)


def _unannounced(work: Work, one: _Run, after: str) -> int:
    """Words on goods that nobody announced."""
    table = matters.UNEXPECTED
    last = calendar.add_months(one.today, -retention.BY_NAME["unannounced"].months)
    words = sa.or_(
        table.c.doc.cast(sa.Text).contains('"description":"'), table.c.doc.cast(sa.Text).contains('"sender":"')
    )
    query = sa.select(table).where(table.c.store_id == one.store.id, words)
    query = query.where(table.c.created_at < calendar.first_instant(last, one.store.timezone))
    rows = _next(work, one, query, table.c.id, after)
    for row in rows:
        if not one.dry:
            erasing.empty_unexpected(work, row, Known())
    one.destroyed(work, "unannounced", len(rows))
    return len(rows)


def _restricted(work: Work, one: _Run, after: str) -> int:
    """What was locked away and whose duty has ended."""
    table = erasing.RESTRICTED
    query = sa.select(table).where(table.c.store_id == one.store.id, table.c.until < one.today)
    rows = _next(work, one, query, table.c.id, after)
    for row in rows:
        one.count(row.record, 1)
        if one.dry:
            continue
        work.conn.execute(sa.delete(table).where(table.c.id == row.id))
        if row.record == "books":
            erasing.forget_staff(work, list(msgspec.json.decode(row.value)))
        answer = Answer(record=row.record, action="erased", article=row.article)
        erasing.note(work, one.store, answer, count=1, request_id=row.request_id, at=one.now)
    for request_id in sorted({row.request_id for row in rows if row.request_id}):
        if not one.dry:
            privacy.end(work, one.store, request_id)
    return len(rows)


def _staff(work: Work, one: _Run, after: str) -> int:
    """People of the shop whose key ended so long ago that no book tells of them any more."""
    over = sa.func.coalesce(_KEYS.c.revoked_at, _KEYS.c.expires_at)
    query = sa.select(_KEYS.c.id, _KEYS.c.person, over.label("over"))
    query = query.where(_KEYS.c.store_id == one.store.id, _KEYS.c.person.is_not(None), over < one.now)
    rows = _next(work, one, query, _KEYS.c.id, after)
    personal = matters.PERSONAL
    for row in rows:
        day = calendar.local_date(row.over, one.store.timezone)
        home = law.on(one.store, None, day)
        end = retention.end("staff", day, law=home, home=home)
        if not end.over(one.today):
            continue
        one.destroyed(work, "staff", 1, article=end.article)
        if not one.dry:
            work.conn.execute(sa.update(_KEYS).where(_KEYS.c.id == row.id).values(person=None))
            mine = sa.and_(personal.c.stream == one.store.id, personal.c.value == row.person)
            work.conn.execute(sa.update(personal).where(mine).values(value=None, salt=None))
    return len(rows)


def _lines(work: Work, one: _Run, _after: str) -> int:
    """Lines of the log itself that have been kept long enough; and links that open nothing any more."""
    links, table = erasing.LINKS, erasing.LOG
    gone = sa.and_(table.c.store_id == one.store.id, table.c.keep_until < one.today)
    stale = sa.and_(links.c.store_id == one.store.id, links.c.expires_at < work.real_now)
    if not one.dry:
        work.conn.execute(sa.delete(links).where(stale))
        work.conn.execute(sa.delete(table).where(gone))
    return 0


def _forget_answers(services: Services) -> None:
    """Answers of requests that nobody repeats any more, and what was typed and never confirmed; by real time."""
    hours = timedelta(hours=services.settings.idempotency_hours)
    services.database.retrying(lambda work: idempotency.prune(work, work.real_now - hours))
    withdrawals.forget_unconfirmed(services)


def _empty_wal(services: Services) -> None:
    """Bring what was overwritten into the file and cut SQLite's log, where old pages would go on lying."""
    raw = services.database.engine.raw_connection()
    try:
        raw.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)")
    finally:
        raw.close()


_STEPS: Sequence[Step] = (
    _photos, _requests, _orders, _declared, _unannounced, _restricted, _staff, _lines,
)  # fmt: skip
