"""``rma serve``, ``rma worker`` and ``rma demo``: the processes."""

from __future__ import annotations

import ctypes
import gc
import os
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rma.cli import out
from rma.errors import Invalid

if TYPE_CHECKING:
    from rma.services.context import Services
    from rma.settings import Settings
    from rma.worker import Worker

DEMO_FOLDER = Path("var/demo")
DEMO_PORT = 8000
_HEAPS = "MALLOC_ARENA_MAX"
_ARENA_MAX = -8  # M_ARENA_MAX of malloc.h
Slot = Annotated[
    int | None,
    typer.Option(min=0, max=999, metavar="N", help="Its number among the processes that do the work behind requests."),
]


def register(app: typer.Typer) -> None:
    """Hang the commands onto the tree."""
    app.command("serve")(serve)
    app.command("worker")(worker)
    app.command("demo")(demo)


def serve(
    *,
    host: Annotated[str | None, typer.Option(help="The address to listen at; RMA_HOST, 127.0.0.1.")] = None,
    port: Annotated[int | None, typer.Option(min=0, max=65535, help="The port; RMA_PORT, 8000.")] = None,
    no_worker: Annotated[
        bool, typer.Option("--no-worker", help="Leave the work behind requests to `rma worker`.")
    ] = False,
    slot: Slot = None,
    processes: Annotated[
        int | None, typer.Option(min=1, max=64, metavar="N", help="How many answer requests; RMA_PROCESSES, 1.")
    ] = None,
) -> None:
    """Serve the API, and do the work behind the requests in the same process unless told otherwise.

    Ends cleanly on SIGTERM and Ctrl-C: requests under way are answered, acts under way finish or are taken up later.
    """
    _begin()
    from rma.services import shared_counts

    settings = _settings(host=host, port=port, slot=slot, processes=processes)
    many = settings.processes > 1
    if many and settings.database.startswith("sqlite"):
        raise Invalid.field("processes", "needs_postgresql", "SQLite serves one process; more need PostgreSQL.")
    with shared_counts.together() if many else nullcontext():
        _serve(settings, work=settings.worker_inside and not no_worker)


def _serve(settings: Settings, *, work: bool) -> None:
    """Serve, with the work behind the requests or without. What is imported here may count from its first line."""
    from rma import server
    from rma.app import create_app, loaded
    from rma.worker import Worker

    many = settings.processes > 1
    with (
        _running(settings) as services,
        _at_work(Worker(services, settings.slot)) if work else nullcontext(),
    ):
        out.note(f"rma: serving at {settings.url}" + (f" with {settings.processes} processes" if many else ""))
        app = None if many else create_app(settings, services=services)
        loaded()
        if app is None:
            server.serve_many(settings)
        else:
            server.serve(app, settings)


def worker(
    *,
    slot: Slot = None,
    metrics_port: Annotated[
        int | None,
        typer.Option(min=0, max=65535, metavar="N", help="Tell Prometheus numbers there; RMA_METRICS_PORT, nowhere."),
    ] = None,
) -> None:
    """Do the work behind the requests: durable acts, messages, deadlines and seals.

    Any number may run, each under a slot of its own that it keeps across restarts.
    """
    _begin()
    from rma.app import loaded
    from rma.services import counts
    from rma.worker import Worker, until_stopped

    settings = _settings(slot=slot, metrics_port=metrics_port)
    told = counts.told(settings.host, settings.metrics_port)
    with _running(settings) as services, told, _at_work(Worker(services, settings.slot)):
        loaded()
        out.note(f"rma: working in slot {settings.slot}")
        until_stopped()


def _begin() -> None:
    """What has to be said before anything is loaded and any thread runs."""
    gc.disable()  # until all is loaded
    few_heaps()


def few_heaps() -> None:
    """Let this process and those that it starts have two heaps at most, unless the environment says how many.

    glibc gives its threads up to eight a core, each of which keeps what was freed in it; one thread of Python runs at a
    time, so that more of them are memory for nothing. Where the library of C is another one, nothing happens.
    """
    if _HEAPS not in os.environ:
        os.environ[_HEAPS] = "2"
        with suppress(AttributeError, OSError):
            ctypes.CDLL(None).mallopt(_ARENA_MAX, 2)


@contextmanager
def _at_work(working: Worker) -> Iterator[None]:
    """The work behind requests for the block; one that gave up ends with 1, so that whoever watches starts another."""
    try:
        with working:
            yield
    finally:
        if working.gave_up:
            raise typer.Exit(1)


def demo(
    *,
    exit_after: Annotated[bool, typer.Option("--exit", help="End after the story; else serve until Ctrl-C.")] = False,
    data: Annotated[
        Path | None,
        typer.Option(
            exists=True, metavar="DIR", help="The invoices; found beside the checkout, else the shipped excerpt."
        ),
    ] = None,
    port: Annotated[int, typer.Option(min=0, max=65535, help="The port of its server.")] = DEMO_PORT,
    folder: Annotated[Path, typer.Option(file_okay=False, help="Its own folder; emptied first.")] = DEMO_FOLDER,
) -> None:
    """Play three months of returns of two stores over HTTP, on a database of its own, then serve them."""
    from rich.console import Console

    from rma.demo import find_data, local

    checkout = Path(__file__).resolve().parents[2]
    chosen = data or find_data(checkout)
    code = local.demo(data=chosen, folder=folder, port=port, stay=not exit_after, console=Console())
    raise typer.Exit(code)


def _settings(**given: str | int | None) -> Settings:
    """The settings of the environment, with what the command line says on top."""
    from rma.settings import Settings

    return Settings(**{name: value for name, value in given.items() if value is not None})  # type: ignore[arg-type]


@contextmanager
def _running(settings: Settings) -> Iterator[Services]:
    """What a process works with, from a migrated database; SIGTERM ends the block as Ctrl-C does, and quietly."""
    import signal

    from rma.app import create_services
    from rma.cli.places import wait_for
    from rma.services import logs
    from rma.worker import end_soon

    signal.signal(signal.SIGTERM, signal.default_int_handler)
    code = 0
    with logs.spoken():
        try:
            wait_for(settings)
            services = create_services(settings)
        except KeyboardInterrupt:
            raise typer.Exit from None
        with suppress(KeyboardInterrupt):
            try:
                yield services
            except typer.Exit as ended:
                code = ended.exit_code
                raise
            finally:
                services.effects.stop()
                services.close()
                if services.effects.hanging:
                    end_soon(code)
