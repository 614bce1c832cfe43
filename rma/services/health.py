"""Whether this process can do its work now."""

from __future__ import annotations

import sqlalchemy as sa

from rma.db.migrate import check_standing
from rma.db.session import Database
from rma.errors import Unavailable
from rma.services import effects


def check_ready(database: Database) -> dict[str, str]:
    """What was checked: the database answers, its schema is ours or (``newer``) the next one, the engine is in it.

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
    return {"database": "ok", "schema": "ok" if standing == "current" else "newer", "engine": "ok"}
