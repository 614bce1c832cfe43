"""Whether this process can do its work now."""

from __future__ import annotations

from typing import Literal

import msgspec
import sqlalchemy as sa

from rma.db.migrate import check_standing
from rma.db.session import Database
from rma.errors import Unavailable
from rma.services import effects, slots
from rma.services.context import Services

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
    """What was checked: all of ``check_database``, and the engine where it runs in this process.

    Raises ``Unavailable``, besides, with the code ``engine_stopped``: the engine's thread died or its slot is lost.
    """
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
    with database.read() as work:
        work.conn.execute(sa.text("SELECT 1"))
        standing = check_standing(work.conn)
        if not effects.is_prepared(work):
            raise Unavailable(
                "The durable engine is not in the database, or older than this program's: run `rma db upgrade`.",
                code="not_migrated",
            )
    return "ok" if standing == "current" else "newer"
