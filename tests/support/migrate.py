"""Brings a test database to the newest revision, in this process, as ``rma db upgrade`` does."""

from __future__ import annotations

from rma.db.migrate import upgrade
from rma.db.session import Database
from rma.services.effects import Effects


def migrate(url: str) -> None:
    """Migrate the database behind ``url`` and let go of it."""
    database = Database(url)
    try:
        upgrade(database)
        Effects(database).prepare()
    finally:
        database.close()
