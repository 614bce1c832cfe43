"""The program itself, served in a process of its own on loopback, on one database; its log must stay clean."""

from __future__ import annotations

import os
import socket
import time
from pathlib import Path

import httpx

from rma.db.session import Database
from rma.services import keys, stores
from rma.services.keys import NewKey
from rma.services.stores import NewStore
from tests.support.crew import Process
from tests.support.program import broke

HOST = "127.0.0.1"
_START_SECONDS = 180.0
_STOP_SECONDS = 20.0


class Served:
    """``rma serve`` with its worker inside, on the migrated database behind ``url``. Stop it when done.

    ``http`` is a client whose paths begin below ``/api/v1``; ``root`` a key of the scope ``admin`` that makes stores;
    ``database`` and ``data_dir`` are where everything lies.
    """

    def __init__(self, url: str, folder: Path) -> None:
        self.database = url
        self.data_dir = folder / "data"
        self._log = folder / "server.log"
        self._read = 0
        self.root = _root_key(url)
        port = _free_port()
        self.url = f"http://{HOST}:{port}"
        clean = {name: value for name, value in os.environ.items() if not name.startswith("RMA_")}
        own = {"RMA_DATABASE_URL": url, "RMA_DATA_DIR": str(self.data_dir), "RMA_ACCESS_LOG": "true"}
        self._process = Process(("serve", "--host", HOST, "--port", str(port)), clean | own, self._log)
        self.http = httpx.Client(base_url=f"{self.url}/api/v1", timeout=60.0, trust_env=False)
        self._wait()

    def complaints(self) -> str:
        """What was written to the log since the last look: traces and errors, or nothing."""
        with self._log.open("rb") as log:
            log.seek(self._read)
            fresh = log.read()
        self._read += len(fresh)
        text = fresh.decode(errors="replace")
        return text if broke(text) or "Error" in text else ""

    def stop(self) -> None:
        """End the process, gently first."""
        self.http.close()
        try:
            self._process.stop(_STOP_SECONDS)
        except AssertionError:
            self._process.kill()

    def _wait(self) -> None:
        until = time.monotonic() + _START_SECONDS
        while time.monotonic() < until and self._process.alive:
            try:
                if self.http.get(f"{self.url}/health/ready").is_success:
                    return
            except httpx.TransportError:
                pass
            time.sleep(0.05)
        self.stop()
        raise RuntimeError(f"the program did not come up:\n{self._log.read_text(errors='replace')}")


def _root_key(url: str) -> str:
    """The first key of an installation, as the command line makes it."""
    database = Database(url)
    try:
        with database.write() as work:
            made = stores.create(
                work,
                NewStore(
                    slug="root", name="Root", country="TR", timezone="Europe/Istanbul", currency="TRY", locale="tr"
                ),
            )
            return keys.mint(work, NewKey(name="root", scopes=["admin"]), store_id=made.id, actor="system").key
    finally:
        database.close()


def _free_port() -> int:
    """A port of loopback that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])
