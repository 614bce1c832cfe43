"""``rma db``: bring the database to the newest schema, and hold migrations against models."""

from __future__ import annotations

from typing import Annotated

import typer

from rma.cli import out

app = typer.Typer(help="The database: migrate it, and check migrations against models.", no_args_is_help=True)


@app.command()
def upgrade(*, json: out.Json = False) -> None:
    """Make the database, or bring it to the newest schema. Safe to call again, also while the program runs.

    It waits at most RMA_DATABASE_WAIT_SECONDS for those who write, and then changes nothing.
    """
    from rma.db import migrate
    from rma.db.session import Database
    from rma.services.effects import Effects
    from rma.settings import Settings

    settings = Settings()
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    database = Database(settings.database)
    try:
        migrate.upgrade(database, wait=settings.database_wait_seconds, tell=lambda line: out.note(f"rma: {line}"))
        Effects(database).prepare()
        with database.read() as work:
            revision = migrate.current(work.conn)
    finally:
        database.close()
    if json:
        out.data({"revision": revision})
    else:
        out.line(f"The database is at revision {revision}.")


@app.command()
def check(
    *,
    live: Annotated[
        bool, typer.Option("--live", help="Look at the configured database, not at a fresh one made by the migrations.")
    ] = False,
    json: out.Json = False,
) -> None:
    """Print how a migrated database differs from the program's tables; exit 1 when it does."""
    found = _differences_live() if live else _differences_fresh()
    if json:
        out.data({"differences": found})
    else:
        for difference in found or ["The migrations make what the models say."]:
            out.line(difference)
    raise typer.Exit(1 if found else 0)


def _differences_fresh() -> list[str]:
    import tempfile
    from pathlib import Path

    from rma.db import migrate
    from rma.db.session import Database

    with tempfile.TemporaryDirectory() as folder:
        database = Database(f"sqlite:///{Path(folder) / 'check.sqlite3'}")
        try:
            migrate.upgrade(database)
            return migrate.differences(database)
        finally:
            database.close()


def _differences_live() -> list[str]:
    from rma.cli.places import migrated
    from rma.db import migrate

    with migrated() as database:
        return migrate.differences(database)
