"""Bring a database to the newest schema, or say how it differs from the models."""

from __future__ import annotations

import io
from typing import Any

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from rma.db.session import Database
from rma.resources import folder


def upgrade(database: Database, *, to: str = "head") -> None:
    """Apply every migration that is missing, up to the newest unless told; safe to call again."""
    _run(database, lambda config: command.upgrade(config, to))


def differences(database: Database) -> list[str]:
    """What the models say and the migrated database does not; empty when they match."""
    try:
        _run(database, command.check)
    except Exception as error:  # noqa: BLE001 - alembic raises its own error classes for each difference
        return [str(error)]
    return []


def is_current(conn: sa.Connection) -> bool:
    """True if the database is at the newest migration."""
    return MigrationContext.configure(conn).get_current_revision() == newest()


def newest() -> str | None:
    """The newest revision that this program carries."""
    return ScriptDirectory.from_config(_config()).get_current_head()


def _config() -> Config:
    config = Config(stdout=io.StringIO())
    config.set_main_option("script_location", str(folder("alembic")))
    return config


def _run(database: Database, act: Any) -> None:
    config = _config()
    with database.engine.begin() as connection:
        config.attributes["connection"] = connection
        act(config)
