"""The demo on this machine: an SQLite database of its own, two test-mode stores in it, and a server on loopback."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path

import httpx
import msgspec
from rich.console import Console

from rma.db import tables
from rma.db.migrate import upgrade
from rma.db.session import Database, Work
from rma.demo import play
from rma.demo.plan import StoreSpec
from rma.errors import Unavailable
from rma.services import keys, stores
from rma.services.effects import Effects
from rma.settings import Settings

HOST = "127.0.0.1"
START_SECONDS = 180.0
STOP_SECONDS = 30.0
MARKER = ".rma-demo"
ACTOR = "system"
_SERVE = "import sys; from rma.cli import main; sys.exit(main())"


def demo(*, data: Path | None, folder: Path, port: int, stay: bool, console: Console) -> int:
    """Set up, play and, with ``stay``, keep serving until Ctrl-C or SIGTERM; answers the exit code of :func:`play`.

    ``folder`` is the demo's own and is emptied first (see :func:`fresh_folder`). ``data`` is the full file of invoices
    or its folder, None the shipped excerpt. Another free port is taken when ``port`` is in use.
    """
    settings = settings_of(fresh_folder(folder), port=free_port(port))
    today = datetime.now().astimezone().date()
    with _stoppable():
        return play(
            data=data,
            today=today,
            data_dir=settings.data_dir,
            console=console,
            open_stores=lambda specs: open_stores(settings, specs),
            server=lambda: server(settings),
            hold=_until_stopped if stay else None,
        )


@contextmanager
def _stoppable() -> Iterator[None]:
    """Let SIGTERM end the demo as Ctrl-C does, so that the server's process is never left behind."""
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _until_stopped() -> None:
    with suppress(KeyboardInterrupt):
        threading.Event().wait()


def fresh_folder(folder: Path) -> Path:
    """An empty folder for this run. What an earlier demo left there is removed; a folder of anything else is refused.

    Raises FileExistsError when the folder holds something and was not made here.
    """
    if folder.exists():
        if any(folder.iterdir()) and not (folder / MARKER).exists():
            msg = f"{folder} holds something that is not a demo's; choose another folder"
            raise FileExistsError(msg)
        shutil.rmtree(folder)
    folder.mkdir(parents=True)
    (folder / MARKER).touch()
    return folder.resolve()


def free_port(wanted: int = 0) -> int:
    """``wanted`` if nobody uses that port of this machine now, else another one that is free."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, wanted))
        except OSError:
            probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def settings_of(folder: Path, *, port: int) -> Settings:
    """Settings of the demo's server: everything in ``folder``, reachable from this machine alone."""
    return Settings(
        data_dir=folder,
        database_url=f"sqlite:///{folder / 'rma.sqlite3'}",
        host=HOST,
        port=port,
        worker_inside=True,
        access_log=False,
    )


def open_stores(settings: Settings, specs: Sequence[StoreSpec]) -> dict[str, dict[str, str]]:
    """Migrate the database and make the stores with one key a role: slug to role to secret."""
    database = Database(settings.database)
    try:
        upgrade(database)
        Effects(database).prepare()
        with database.write() as work:
            return {spec.slug: _open(work, spec) for spec in specs}
    finally:
        database.close()


def _open(work: Work, spec: StoreSpec) -> dict[str, str]:
    addresses = msgspec.convert(list(spec.return_addresses), list[stores.ReturnAddress])
    wish = stores.NewStore(
        slug=spec.slug,
        name=spec.name,
        country=spec.country,
        timezone=spec.timezone,
        currency=spec.currency,
        locale=msgspec.convert(spec.locale, stores.Language),
        test_mode=True,
        return_addresses=addresses,
    )
    made = stores.create(work, wish)
    _set_clock(work, made.id, spec)
    return {
        key.role: keys.mint(
            work,
            keys.NewKey(name=key.name, scopes=list(key.scopes), person=key.person),
            store_id=made.id,
            actor=ACTOR,
        ).key
        for key in spec.keys
    }


def _set_clock(work: Work, store_id: str, spec: StoreSpec) -> None:
    """Start the store's test clock before its first order; from here on it is moved over HTTP, forward only."""
    row = work.session.get_one(tables.Store, store_id)
    row.clock_offset = (spec.clock_start - work.real_now).total_seconds()
    row.clock_set = True
    work.flush()


@contextmanager
def server(settings: Settings) -> Iterator[str]:
    """Serve in a process of its own until the context ends; gives the address once it answers.

    Raises Unavailable, with the last lines of its log, when the server does not come up.
    """
    log = settings.data_dir / "server.log"
    environment = {name: value for name, value in os.environ.items() if not name.startswith("RMA_")}
    environment |= {
        "RMA_DATA_DIR": str(settings.data_dir),
        "RMA_DATABASE_URL": settings.database,
        "RMA_ACCESS_LOG": "false",
    }
    address = ["serve", "--host", settings.host, "--port", str(settings.port)]
    with log.open("wb") as out:
        process = subprocess.Popen(  # noqa: S603 - our own program
            [sys.executable, "-c", _SERVE, *address], env=environment, stdout=out, stderr=out, stdin=subprocess.DEVNULL
        )
        try:
            _wait(settings.url, process, log)
            yield settings.url
        finally:
            _stop(process)


def _wait(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    until = time.monotonic() + START_SECONDS
    with httpx.Client(base_url=url, timeout=2.0, trust_env=False) as http:
        while time.monotonic() < until and process.poll() is None:
            try:
                if http.get("/health/ready").is_success:
                    return
            except httpx.TransportError:
                pass
            time.sleep(0.05)
    tail = "\n".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-8:])
    code = process.poll()
    why = f"it was not ready within {START_SECONDS:.0f} seconds" if code is None else f"it ended with exit code {code}"
    raise Unavailable(f"The server did not come up: {why}. Its log, {log}, says:\n{tail or '(nothing)'}")


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
