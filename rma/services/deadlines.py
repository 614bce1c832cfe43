"""Business time: rows that are opened when a state is entered, kept within their states, swept when due, fired once."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from rma.db import hot, tables
from rma.domain import calendar, definition
from rma.domain.law_dates import Deadline as LawDeadline
from rma.domain.law_dates import LawOn, rolled, send_back_across
from rma.domain.vocabulary import NONE
from rma.services import law

if TYPE_CHECKING:
    from rma.services.transition import Door, Subject

_deadlines = tables.table(tables.Deadline)
_INSERT = hot.insert(_deadlines)


def _obsolete(*condition: Any) -> hot.Hot:
    named = (_deadlines.c.subject_id == sa.bindparam("subject"), _deadlines.c.name == sa.bindparam("which"))
    still = _deadlines.c.state == sa.literal_column("'open'")
    return hot.Hot(sa.update(_deadlines).where(*condition, *named, still).values(state=sa.literal_column("'obsolete'")))


# the index begins with the return, which money without goods does not have
_OBSOLETE = _obsolete(_deadlines.c.return_id == sa.bindparam("case"))
_OBSOLETE_ALONE = _obsolete(_deadlines.c.return_id.is_(None))
_DAYS = re.compile(r"P(\d+)D")
LAW_DAY = "law.refund_due"
_FOUND = tuple(
    _deadlines.c[name]
    for name in ("id", "store_id", "return_id", "subject_id", "name", "waits_for", "due_at", "next_at", "fire")
)
SOON, LATER, LATEST = timedelta(seconds=5), timedelta(minutes=1), timedelta(hours=1)
"""When one that failed is looked at again: soon where somebody held it or the database was at fault; later where it is
its own fault, and the later the longer ago it was due."""


def write(door: Door, moves: Sequence[tuple[Subject, str | None]]) -> None:
    """Open and end deadlines for the moves of one transaction: only where each subject came from and is now counts.

    Where the law's day of the case has moved, what names it is set anew.
    """
    first: dict[str, tuple[Subject, str | None]] = {}
    for subject, source in moves:
        first.setdefault(subject.id, (subject, source))
    opened: list[dict[str, Any]] = []
    ended: list[dict[str, Any]] = []
    if door.law_day_moved and door.root is not None:
        first.setdefault(door.root.id, (door.root, door.root.state))
    case_id = door.case and door.case.id
    for subject, source in first.values():
        state, moved = subject.state, door.law_day_moved and subject is door.root
        for item in subject.definition.deadlines:
            was, now_in = source in item.states, state in item.states
            if not was and not now_in:
                continue
            anew = was and now_in and moved and LAW_DAY in item.after
            if was and (anew or not now_in):
                ended.append({"subject": subject.id, "which": item.name, "case": case_id})
            if now_in and (anew or not was):
                row = _row(door, subject, item)
                if row is not None:
                    opened.append(row)
    _ended(door).run_many(door.work, ended)
    _INSERT.run_many(door.work, opened)
    door.opened_deadlines = opened


def opened_for(door: Door) -> Any | None:
    """The next deadline of the door's case: of a new case from what was just written, else from the database."""
    if door.case is None:
        return None
    if door.fresh:
        return min(door.opened_deadlines, key=lambda row: row["due_at"], default=None)
    return next_open(door.work, door.case.id)


def _ended(door: Door) -> hot.Hot:
    return _OBSOLETE_ALONE if door.case is None else _OBSOLETE


def renew(door: Door, subject: Subject, name: str) -> None:
    """Set a running deadline anew, because what it depends on has changed."""
    item = next((d for d in subject.definition.deadlines_in(subject.state) if d.name == name), None)
    if item is not None:
        _ended(door).run(door.work, {"subject": subject.id, "which": name, "case": door.case and door.case.id})
        row = _row(door, subject, item)
        if row is not None:
            _INSERT.run(door.work, row)


def _row(door: Door, subject: Subject, item: definition.Deadline) -> dict[str, Any] | None:
    state = subject.definition.states[subject.state]
    timezone = time_zone(door)
    today = calendar.local_date(door.now, timezone)
    found = [due for due in (_due(door, subject, field, today) for field in item.after) if due is not None]
    if not found:
        return None
    customer = state.waits_for == "customer"
    raw, strict, lenient = (max if customer else min)(found, key=lambda due: due[2] if customer else due[0])
    due_at = calendar.last_instant(lenient if customer else raw, timezone)
    warnings = [door.now + (due_at - door.now) * share for share in item.warn]
    return {
        "id": door.work.new_id("due"),
        "store_id": door.store.id,
        "return_id": door.case.id if door.case else None,
        "subject_id": subject.id,
        "name": item.name,
        "in_state": subject.state,
        "waits_for": state.waits_for,
        "state": "open",
        "since": door.now,
        "raw": raw,
        "strict": strict,
        "lenient": lenient,
        "due_at": due_at,
        "next_at": min([*warnings, due_at]),
        "warn_at": warnings,
        "fire": item.fire,
        "fired_at": None,
    }


@lru_cache(1024)
def _literal(field: str) -> int | None:
    """The days that a literal such as ``P14D`` says; None for the name of a field."""
    days = _DAYS.fullmatch(field)
    return int(days[1]) if days else None


def _due(door: Door, subject: Subject, field: str, today: date) -> tuple[date, date, date] | None:
    literal = _literal(field)
    if literal is not None:
        return _same(calendar.add_days(today, literal))
    owner, _, name = field.partition(".")
    if owner == "policy":
        days = door.policy.refunds.promise_days if name == "promise_days" else getattr(door.policy.windows, name)
        return _same(calendar.add_days(today, days))
    if field == "parcel.expires_on":
        expires = subject.row.get("expires_on")
        return _same(expires) if expires else None
    if field == LAW_DAY:
        legal = subject.row.get("due_legal") if subject.kind != "return" else _remembered(door)
        return _seller(door, legal) if legal else None
    return _send_back(door, today)


def _remembered(door: Door) -> date | None:
    text = door.case.fact("refund_due") if door.case is not None else None
    return date.fromisoformat(text) if text else None


def _send_back(door: Door, today: date) -> tuple[date, date, date] | None:
    if door.case is None or not door.case.row["statutory"]:
        return None
    collects = door.case.row["method"] == "pick_up"
    found: LawDeadline | None = send_back_across(law_of(door), notice=today, seller_collects=collects)
    return (found.raw, found.strict, found.lenient) if found else None


def law_of(door: Door) -> LawOn:
    """The law that protects the customer of the door's case, on any day: one or two, as frozen with the case."""
    case = door.case
    if case is None:
        return law.lookup(door.store, None)
    return law.lookup(door.store, case.fact("country"), region=case.fact("region"), kept=case.row["law"])


def _seller(door: Door, day: date) -> tuple[date, date, date]:
    """A day of the seller's, and as a court would roll it."""
    later = rolled(law_of(door)(day), day)
    return day, later, later


def _same(day: date) -> tuple[date, date, date]:
    return day, day, day


def time_zone(door: Door) -> str:
    """The consumer's zone where the case knows it, else the store's."""
    return str(door.case.fact("timezone", door.store.timezone)) if door.case is not None else door.store.timezone


def due(work: Any, *, store_id: str | None, at: datetime, limit: int) -> list[Any]:
    """Open deadlines whose next instant has come by ``at``, in due order: of one store, or of all on real time.

    Only what each row needs to be found and dealt with: what cannot be read of one is that one's own trouble.
    """
    stores = tables.table(tables.Store)
    query = (
        sa.select(*_FOUND)
        .join(stores, stores.c.id == _deadlines.c.store_id)
        .where(_deadlines.c.state == "open", _deadlines.c.next_at <= at)
        .order_by(_deadlines.c.next_at, _deadlines.c.id)
        .limit(limit)
    )
    chosen = _deadlines.c.store_id == store_id if store_id else stores.c.clock_offset == 0
    return list(work.conn.execute(query.where(chosen)).all())


def next_open(work: Any, return_id: str) -> Any | None:
    """The next deadline of a case, whoever it waits for."""
    return work.conn.execute(
        sa.select(_deadlines)
        .where(_deadlines.c.return_id == return_id, _deadlines.c.state == "open")
        .order_by(_deadlines.c.due_at)
        .limit(1)
    ).first()


def advance(work: Any, row: Any) -> str:
    """What this open deadline does at its next instant: ``warn`` (the row moves on) or ``fire`` (the row is spent)."""
    left = [at for at in row.warn_at if at > row.next_at]
    if row.next_at < row.due_at:
        later = min([*left, row.due_at])
        work.conn.execute(sa.update(_deadlines).where(_deadlines.c.id == row.id).values(next_at=later))
        return "warn"
    state = "missed" if row.fire == NONE else "fired"
    work.conn.execute(sa.update(_deadlines).where(_deadlines.c.id == row.id).values(state=state, fired_at=row.due_at))
    return "fire"


def put_off(work: Any, row: Any, *, until: datetime, own_fault: bool) -> datetime:
    """Look at this one again after ``until``, by the store's time, and at others meanwhile; when that will be.

    Its due date stays. Where somebody has changed or locked it since, nothing is written: it is being looked at.
    """
    pause = min(max((until - row.due_at) / 4, LATER), LATEST) if own_fault else SOON
    mine = sa.and_(_deadlines.c.state == "open", _deadlines.c.next_at == row.next_at)
    free = sa.select(_deadlines.c.id).where(_deadlines.c.id == row.id, mine)
    if work.conn.execute(free.with_for_update(skip_locked=True, key_share=True)).first() is not None:
        work.conn.execute(sa.update(_deadlines).where(_deadlines.c.id == row.id).values(next_at=until + pause))
    return until + pause


def overdue(at: datetime) -> sa.ColumnElement[bool]:
    """Open deadlines whose instant has come by ``at``, those that were put off included.

    No one is put off by more than ``LATEST``, so the index on the next instant still finds them.
    """
    come = sa.or_(_deadlines.c.next_at <= at, _deadlines.c.due_at <= at)
    return sa.and_(_deadlines.c.state == "open", _deadlines.c.next_at <= at + LATEST, come)


def locked(work: Any, deadline_id: str) -> Any | None:
    """The deadline, locked, if it is still open; None if another process has it or it is spent."""
    query = sa.select(_deadlines).where(_deadlines.c.id == deadline_id, _deadlines.c.state == "open")
    return work.conn.execute(query.with_for_update(skip_locked=True, key_share=True)).first()
