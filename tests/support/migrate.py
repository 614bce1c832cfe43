"""Brings a test database to the newest revision, in this process."""

from __future__ import annotations

from rma.db.migrate import upgrade
from rma.db.session import Database


def migrate(url: str) -> None:
    """Migrate the database behind ``url`` and let go of it."""
    database = Database(url)
    try:
        upgrade(database)
    finally:
        database.close()
