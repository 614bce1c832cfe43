"""Whether this process can do its work now."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Literal

import msgspec
import sqlalchemy as sa

from rma.db.migrate import check_standing, is_newest
from rma.db.session import Database
from rma.errors import Unavailable
from rma.services import effects, slots

if TYPE_CHECKING:
    from rma.services.context import Services

READY_SECONDS = 1.0
"""How long it is told again whether this process is ready: anybody may ask, and each look asks the database."""
NOBODY_WORKS = "No process does the work behind the requests: refunds, labels and mails wait until one is started."


class Ready(msgspec.Struct, frozen=True, kw_only=True):
    """What was found of a process that can take requests.

    `schema` is `newer` beside a newer program. `engine` is `ok` where this process does the work behind requests, else
    `elsewhere`. `slots`: how many processes do that work; with none requests are taken and their effects wait, which
    `warning` says.
    """

    status: Literal["ok"] = "ok"
    database: Literal["ok"] = "ok"
    schema: Literal["ok", "newer"]
    engine: Literal["ok", "elsewhere"]
    slots: int
    warning: str | None = None


def check_ready(services: Services) -> Ready:
    """What was checked, a second ago at most: all of ``check_database``, and the engine where this process runs it.

    Raises ``Unavailable``, besides, with the code ``engine_stopped``: the engine's thread died or its slot is lost.
    """
    return services.ready.get(lambda: _look(services))


def _look(services: Services) -> Ready:
    schema = check_database(services.database)
    slot = services.effects.slot
    if slot is not None and not (services.effects.takes_acts() and slot.held()):
        raise Unavailable("The durable engine of this process stopped, or its slot is lost.", code="engine_stopped")
    live = slots.count_live(services.database, data_dir=services.settings.data_dir)
    return Ready(
        schema=schema,
        engine="elsewhere" if slot is None else "ok",
        slots=live,
        warning=None if live else NOBODY_WORKS,
    )


def check_database(database: Database) -> Literal["ok", "newer"]:
    """The database answers, its schema is ours (``ok``) or the next one (``newer``), and the engine's tables are in it.

    Raises ``Unavailable``, with the code ``not_migrated`` where ``rma db upgrade`` helps and ``newer_database`` where
    only a newer program does.
    """
    with database.read() as work, suppress(sa.exc.ProgrammingError, sa.exc.OperationalError):
        as_always = sa.and_(is_newest(), effects.is_new_enough(sqlite=database.is_sqlite))
        if work.conn.execute(sa.select(as_always)).scalar_one():
            return "ok"
    with database.read() as work:  # whatever it is, it is named
        standing = check_standing(work.conn)
        if not effects.is_prepared(work):
            raise Unavailable(
                "The durable engine is not in the database, or older than this program's: run `rma db upgrade`.",
                code="not_migrated",
            )
    return "ok" if standing == "current" else "newer"
