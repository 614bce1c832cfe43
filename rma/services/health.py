"""Whether this process can do its work now."""

from __future__ import annotations

import sqlalchemy as sa

from rma.db.migrate import is_current
from rma.db.session import Database
from rma.errors import Unavailable
from rma.services import effects


def check_ready(database: Database) -> dict[str, str]:
    """What was checked: the database answers, is at the newest migration, and the durable engine is in it.

    Raises ``Unavailable``, with the code ``not_migrated`` where ``rma db upgrade`` helps.
    """
    with database.read() as work:
        work.conn.execute(sa.text("SELECT 1"))
        if not is_current(work.conn):
            raise Unavailable("The database is not at the newest revision; run `rma db upgrade`.", code="not_migrated")
        if not effects.is_prepared(work):
            raise Unavailable("The durable engine is not in the database; run `rma db upgrade`.", code="not_migrated")
    return {"database": "ok", "schema": "ok", "engine": "ok"}
