"""The test clock: a store in test mode moves its own time forward, and everything due on the way happens in order."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Annotated, Any

import msgspec
import sqlalchemy as sa
from msgspec import Meta

from rma.db import tables
from rma.db.session import Work, now
from rma.domain import strict
from rma.errors import Forbidden, Invalid, NotFound
from rma.services import sweep
from rma.services.caller import Caller
from rma.services.context import Services

_stores = tables.table(tables.Store)
_returns = tables.table(tables.Return)
_DURATION = re.compile(r"P(?:(\d{1,9})W)?(?:(\d{1,9})D)?(?:T(?:(\d{1,9})H)?(?:(\d{1,9})M)?(?:(\d{1,12})S)?)?")
MAX_WAIT = 30.0


class MoveClock(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Move by an ISO 8601 duration, or to an instant; then wait so many seconds at most for durable acts."""

    advance: str | None = None
    now: Annotated[datetime, Meta(tz=True)] | None = None
    wait: float = 0.0


def read(services: Services, caller: Caller) -> dict[str, Any]:
    """The store's own time. ``Forbidden`` for stores that are not in test mode."""
    with services.database.read() as work:
        row = _row(work, caller)
        return {"now": now() + timedelta(seconds=row.clock_offset), "moved": row.clock_set}


def move(services: Services, caller: Caller, data: MoveClock) -> dict[str, Any]:
    """Move the clock; deadlines fire at their own due instants, then the feed, subscribers and acts catch up.

    Never backwards, but for the first time in a store without returns. ``Forbidden`` as ``read``.
    """
    if (data.advance is None) == (data.now is None):
        raise Invalid.field("advance", "advance_or_now", "Say `advance` or `now`, one of them.")
    if not 0 <= data.wait <= MAX_WAIT:
        raise Invalid.field("wait", "range", f"From 0 to {MAX_WAIT:g} seconds.")
    with services.database.read() as work:
        row = _row(work, caller)
        fresh = not row.clock_set and _has_no_returns(work, caller.store_id)
    here = now() + timedelta(seconds=row.clock_offset)
    target = data.now if data.now is not None else _later(here, duration(data.advance or ""))
    if target < here and not fresh:
        raise Invalid.field("now", "backwards", "A clock only goes forwards.")
    fired = sweep.sweep_store(services, caller.store_id, target, at_due=True)

    def keep(work: Work) -> None:
        offset = (target - work.real_now).total_seconds()
        work.conn.execute(
            sa.update(_stores).where(_stores.c.id == caller.store_id).values(clock_offset=offset, clock_set=True)
        )

    services.database.retrying(keep)
    left = sweep.settle_store(services, caller.store_id, data.wait)
    return {"now": target, "fired": fired, "effects_pending": left}


def _later(here: datetime, by: timedelta) -> datetime:
    try:
        target: datetime | None = here + by
    except OverflowError:
        target = None
    if target is None or not strict.in_reach(target):
        raise Invalid.field("advance", "duration", "That is too long.")
    return target


def duration(text: str) -> timedelta:
    """An ISO 8601 duration of weeks, days, hours, minutes and seconds. ``Invalid`` for anything else."""
    found = _DURATION.fullmatch(text)
    if found is None or not any(found.groups()) or text.endswith("T"):
        raise Invalid.field("advance", "duration", "An ISO 8601 duration such as P15D or PT12H.")
    weeks, days, hours, minutes, seconds = (int(part or 0) for part in found.groups())
    try:
        return timedelta(weeks=weeks, days=days, hours=hours, minutes=minutes, seconds=seconds)
    except OverflowError:
        raise Invalid.field("advance", "duration", "That is too long.") from None


def _row(work: Work, caller: Caller) -> Any:
    row = work.conn.execute(sa.select(_stores).where(_stores.c.id == caller.store_id)).first()
    if row is None:
        raise NotFound("There is no such store.")
    if not row.test_mode:
        raise Forbidden("Only a store in test mode has a clock that moves.", code="not_test_mode")
    return row


def _has_no_returns(work: Work, store_id: str) -> bool:
    return work.conn.execute(sa.select(_returns.c.id).where(_returns.c.store_id == store_id).limit(1)).first() is None
