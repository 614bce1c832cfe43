"""Whether this process can do its work now."""

from __future__ import annotations

import sqlalchemy as sa

from rma.db.migrate import is_current
from rma.db.session import Database
from rma.errors import Unavailable


def check_ready(database: Database) -> dict[str, str]:
    """What was checked; ``Unavailable`` when the database does not answer or is not at the newest migration."""
    with database.read() as work:
        work.conn.execute(sa.text("SELECT 1"))
        if not is_current(work.conn):
            raise Unavailable("The database is not at the newest revision; run `rma db upgrade`.", code="not_migrated")
    return {"database": "ok", "schema": "ok"}
