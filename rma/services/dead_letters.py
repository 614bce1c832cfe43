"""What did not get through: durable acts and messages that broke, gave up or stay unknown, and another try for each.

Another try is another look: an act that may have reached the outside asks there before anything is sent, as after a
crash. What only a person can end, with proof or as a new attempt, is refused here and says where.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Literal

import msgspec
import sqlalchemy as sa

from rma.db import tables
from rma.db.session import Work
from rma.errors import NotFound, Refused
from rma.services import asking, effects
from rma.services.context import Services
from rma.services.notify import TO_SEND
from rma.services.paging import Ask, Page, cut

LATE = timedelta(minutes=10)
"""How old an act without a final answer is before it is shown though nothing is known to be wrong with it."""
FOR_PEOPLE = ("no_provider", "cannot_ask")
"""Errors of acts that have ended without an outcome: nobody can be asked, so a person resolves them with proof."""
_attempts = tables.table(tables.Attempt)
_messages = tables.table(tables.Message)


class Filters(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which ones: acts, messages, or both."""

    kind: Literal["act", "message"] | None = None


class DeadLetter(msgspec.Struct, frozen=True, kw_only=True):
    """One of them. ``subject`` is what it is for: a transfer, a parcel, a replacement, or a message's return.

    ``tries`` counts how often it was taken up; ``age_seconds`` is since it was wanted. Nothing here is personal.
    """

    id: str
    store_id: str
    kind: Literal["act", "message"]
    what: str
    subject: str | None
    state: str
    tries: int
    error: str | None
    created_at: datetime
    age_seconds: int


def listing(work: Work, store_id: str | None, asked: Filters, ask: Ask) -> Page[DeadLetter]:
    """Those of one store or of all, by id."""
    parts = [part for kind, part in (("act", _acts(work)), ("message", _mails())) if asked.kind in (None, kind)]
    union = sa.union_all(*parts).subquery()
    query = sa.select(union).order_by(union.c.id).limit(ask.limit + 1)
    if store_id is not None:
        query = query.where(union.c.store_id == store_id)
    if ask.after is not None:
        query = query.where(union.c.id > ask.after)
    return cut(work.conn.execute(query).all(), ask, key=lambda row: str(row.id)).map(lambda row: _view(work, row))


def retry(work: Work, services: Services, store_id: str | None, letter_id: str) -> DeadLetter:
    """Take it up once more, now; ``store_id`` None: of any store.

    What somebody is at right now is not handed over twice. ``NotFound``; ``Refused`` ``nothing_to_retry`` for what has
    ended well or is for a person to resolve.
    """
    table = _messages if letter_id.startswith("msg_") else _attempts
    mine = sa.and_(table.c.id == letter_id, sa.true() if store_id is None else table.c.store_id == store_id)
    query = sa.select(table).where(mine)
    if table is _messages:  # acts are locked by whoever hands them over
        query = query.with_for_update(key_share=True)
    row = work.conn.execute(query).first()
    if row is None:
        raise NotFound("There is no such act or message.")
    if table is _messages:
        _retry_message(work, row)
    else:
        _retry_act(work, services, row)
    part = _mails(letter_id) if table is _messages else _acts(work, letter_id)
    return _view(work, work.conn.execute(part).one())


def _retry_message(work: Work, row: Any) -> None:
    if row.direction != "out" or row.state not in ("failed", TO_SEND):
        raise Refused(f"This message is {row.state}; only what has not left is tried again.", code="nothing_to_retry")
    again: dict[str, Any] = {"state": TO_SEND, "next_at": work.real_now}
    if row.state == "failed":
        again["attempts"] = 0
        work.conn.execute(sa.update(_messages).where(_messages.c.id == row.id).values(**again))
    elif row.error is not None:
        work.conn.execute(sa.update(_messages).where(_messages.c.id == row.id).values(**again))


def _retry_act(work: Work, services: Services, row: Any) -> None:
    if row.state == effects.DONE:
        where = "resolve it with proof" if row.error in FOR_PEOPLE else "what follows is an act of its own"
        raise Refused(f"This act has ended: {where}.", code="nothing_to_retry")
    asking.hand_over(work, services, [row])


def _acts(work: Work, one: str | None = None) -> sa.Select[Any]:
    left = _attempts.c.state.in_(effects.OPEN)
    late = _attempts.c.created_at < work.real_now - LATE
    wrong = sa.or_(
        sa.and_(left, sa.or_(_attempts.c.error.is_not(None), late)),
        sa.and_(_attempts.c.state == effects.DONE, _attempts.c.error.in_(FOR_PEOPLE)),
    )
    return sa.select(
        _attempts.c.id,
        _attempts.c.store_id,
        sa.literal("act").label("kind"),
        _attempts.c.effect.label("what"),
        _attempts.c.subject_id.label("subject"),
        _attempts.c.state,
        _attempts.c.tries,
        _attempts.c.error,
        _attempts.c.created_at,
    ).where(wrong if one is None else _attempts.c.id == one)


def _mails(one: str | None = None) -> sa.Select[Any]:
    trying = sa.and_(_messages.c.state == TO_SEND, _messages.c.error.is_not(None))
    wrong = sa.or_(_messages.c.state == "failed", trying)
    return sa.select(
        _messages.c.id,
        _messages.c.store_id,
        sa.literal("message").label("kind"),
        _messages.c.kind.label("what"),
        _messages.c.return_id.label("subject"),
        _messages.c.state,
        _messages.c.attempts.label("tries"),
        _messages.c.error,
        _messages.c.created_at,
    ).where(wrong if one is None else _messages.c.id == one)


def _view(work: Work, row: Any) -> DeadLetter:
    age = int((work.real_now - row.created_at).total_seconds())
    told = {str(name): row._mapping[name] for name in DeadLetter.__struct_fields__ if name != "age_seconds"}
    return DeadLetter(**told, age_seconds=max(age, 0))
