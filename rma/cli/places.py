"""Opening what a command works with: settings, a migrated database, a store by its slug."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rma.cli import out

if TYPE_CHECKING:
    from rma.db.session import Database
    from rma.services.caller import Caller
    from rma.services.context import Services
    from rma.settings import Settings

StoreSlug = Annotated[str, typer.Option("--store", metavar="SLUG", help="The store.", show_default=False)]


def _known(language: str) -> str:
    from rma.domain.texts import LANGUAGES

    if language not in LANGUAGES:
        raise typer.BadParameter(f"one of {', '.join(LANGUAGES)}")
    return language


def language_option(*names: str, what: str) -> Any:  # noqa: ANN401 - what typer takes within an annotation
    """An option that takes one of our languages and nothing else: before anything is done."""
    return typer.Option(*names, metavar="CODE", help=f"The language of {what}: tr, en or de.", callback=_known)


_TRY_EVERY, _SAY_EVERY = 0.5, 5.0
InFile = Annotated[Path, typer.Argument(exists=True, dir_okay=False, readable=True, metavar="FILE", show_default=False)]


@contextmanager
def migrated(settings: Settings | None = None) -> Iterator[Database]:
    """The database of the settings, closed at the end. ``Unavailable`` unless its schema is ours or the next one."""
    import sqlalchemy as sa

    from rma.db.session import Database
    from rma.errors import Unavailable
    from rma.services.health import check_database
    from rma.settings import Settings

    chosen = settings or Settings()
    where = sa.make_url(chosen.database)
    if where.drivername.startswith("sqlite") and where.database and not Path(where.database).exists():
        raise Unavailable(f"There is no database at {where.database} yet; run `rma db upgrade`.", code="not_migrated")
    database = Database(chosen.database)
    try:
        if check_database(database) != "ok":
            out.note("rma: the database is one revision ahead of this program, which goes on beside a newer one")
        yield database
    finally:
        database.close()


def wait_for(settings: Settings) -> None:
    """Return once the database answers and is migrated, saying every few seconds that one waits for it.

    Raises what is still wrong after ``database_wait_seconds``, and at once what waiting does not mend.
    """
    from rma.errors import Unavailable

    started = time.monotonic()
    told = 0.0
    while True:
        try:
            with migrated(settings):
                return
        except Unavailable as error:
            waited = time.monotonic() - started
            if error.code != Unavailable.code:
                raise
            if waited >= settings.database_wait_seconds:
                raise Unavailable(f"The database did not answer for {waited:.0f} s{_because(error)}") from error
            if waited >= told:
                out.note(f"rma: waiting for the database … ({waited:.0f} s)")
                told += _SAY_EVERY
        time.sleep(_TRY_EVERY)


def _because(error: BaseException) -> str:
    """The first line of what the driver says; it names the host, never a password."""
    cause = getattr(error.__cause__, "orig", None) or error.__cause__
    said = str(cause).strip().splitlines() if cause is not None else []
    return f": {said[0].rstrip(':')}." if said else "."


@contextmanager
def services() -> Iterator[Services]:
    """Everything that use cases work with, on a migrated database."""
    from rma.app import create_services
    from rma.settings import Settings

    settings = Settings()
    with migrated(settings) as database:
        made = create_services(settings, database=database)
        try:
            yield made
        finally:
            made.effects.stop()


def caller_of(database: Database, slug: str) -> Caller:
    """The system, acting in the store with this slug; ``NotFound`` for a slug that nobody has."""
    from rma.services import stores
    from rma.services.caller import Caller

    with database.read() as work:
        store = stores.show(work, slug)
    return Caller(
        store_id=store.id,
        store_slug=store.slug,
        locale=store.locale,
        currency=store.currency,
        country=store.country,
        timezone=store.timezone,
        test_mode=store.test_mode,
    )
