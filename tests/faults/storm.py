"""Many lives while the processes behind them are killed, the database crashes, the disk fills and clocks are wrong."""

from __future__ import annotations

import itertools
import random
import re
import signal
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx
import msgspec
import sqlalchemy as sa

from rma.app import create_services
from rma.db import tables
from rma.db.session import Database
from rma.services import seal_heads, verify
from rma.services.context import Services
from rma.settings import Settings
from tests.faults.counting import Outcome, wrong
from tests.faults.lives import NEVER, Lives, key_of
from tests.support.crew import Crew, Process, free_port
from tests.support.floor import Floor
from tests.support.fragile import ACTS, CHORES
from tests.support.postgres import Server

CLOCKS = ("", "", "", "90", "-90", "90/5", "-90/5")
"""Right, wrong by these seconds, or stepping by them every five seconds (see ``tests.support.fragile``)."""
STEPS = (*ACTS, *(chore for chore in CHORES if chore != "deadline"))
"""Where workers die. No deadline comes due in a storm: a death in one is played in test_processes.py."""
FULL_SECONDS = 1.5
TELL_SECONDS = 10.0
MOST = 5
PATIENCE = 10
"""Pauses after which a fault comes though too few lives were lived since the last one."""
OFTEN = 3
"""Deaths at each step after which workers that die at one come less often."""
ASK_SECONDS = 60.0
CALM_SECONDS = 15.0
"""The longest waits between two questions about an act, in the storm and in the calm."""
DRAIN_SECONDS = 420.0
_attempts = tables.table(tables.Attempt)
_events = tables.table(tables.Event)


class Dose(msgspec.Struct, frozen=True, kw_only=True):
    """How much: lives, clients at once, and whether outcomes may take minutes to know.

    Between two faults there are about ``pause`` seconds and at least ``apart`` lives that came to their end: however
    busy the machine is, more is lived than is started anew.
    Lives go on beyond ``cycles``, up to five times as many, until so many ``kills`` and, if asked for, a death at
    ``every_step``. None is begun after so many ``minutes`` (0: no end), and fewer than ``cycles`` are a finding.
    """

    cycles: int
    kills: int = 0
    minutes: float = 0.0
    every_step: bool = False
    clients: int = 6
    pause: float = 2.0
    apart: int = 3
    slow: bool = True
    seed: int = 1


class Storm:
    """A server without a worker and two workers on one database; ``server`` is the PostgreSQL below it, if any.

    ``tell`` hears how far it is, every few seconds.
    """

    def __init__(
        self,
        url: str,
        folder: Path,
        dose: Dose,
        server: Server | None = None,
        *,
        tell: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._url, self._folder, self._dose, self._server, self._tell = url, folder, dose, server, tell
        self._random = random.Random(dose.seed)
        self._crew = Crew(folder, url, key_cache_seconds="0", threads="8", ask_again_seconds=str(ASK_SECONDS))
        self._port = free_port()
        self._counts: Counter[str] = Counter()
        self._armed: dict[str, str] = {}
        self._tried: Counter[str] = Counter()
        self._reached: Counter[str] = Counter()
        self._posts: dict[str, Process] = {}
        self._numbers = itertools.count(1)
        self._begun: set[int] = set()
        self._calm = threading.Event()

    def run(self) -> Outcome:
        """Everything: the lives under faults, the calm after them, and the counting."""
        begun = time.monotonic()
        with _services(self._url, self._folder) as services:
            floor = Floor(services)
            staff, finance = (key_of(floor, name) for name in ("staff", "finance"))
        address = f"http://127.0.0.1:{self._port}"
        lives = Lives(address, staff, finance, seed=self._dose.seed, slow=self._dose.slow)
        try:
            self._man(fragile=False)
            _answers(address)
            lives.stock()
            self._blow(lives)
            stormed = time.monotonic()
            self._calm_down()
            with _services(self._url, self._folder) as services:
                floor.services = services
                left = self._drain(floor, lives)
                self._close_the_books()
                outcome = self._count(floor, lives, left)
            outcome.seconds, outcome.drained = time.monotonic() - begun, time.monotonic() - stormed
        finally:
            lives.close()
            self._crew.close()
        return outcome

    # -- faults -------------------------------------------------------------------------------------------------------

    def _blow(self, lives: Lives) -> None:
        with ThreadPoolExecutor(2) as around:
            harm, watch = around.submit(self._harm, lives), around.submit(self._watch, lives)
            try:
                with ThreadPoolExecutor(self._dose.clients) as clients:
                    list(clients.map(lambda _: self._client(lives), range(self._dose.clients)))
            finally:
                self._calm.set()
        harm.result()
        watch.result()

    def _client(self, lives: Lives) -> None:
        """One life after another until there were enough of everything."""
        end = time.monotonic() + 60 * self._dose.minutes
        while not self._dose.minutes or time.monotonic() < end:
            number = next(self._numbers)
            if number > self._dose.cycles and (self._is_enough() or number > MOST * self._dose.cycles):
                return
            self._begun.add(number)
            lives.live(number)

    def _is_enough(self) -> bool:
        whole = len(self._reached) == len(STEPS) or not self._dose.every_step
        return whole and self._kills >= self._dose.kills

    @property
    def _kills(self) -> int:
        return sum(times for kind, times in self._counts.items() if kind.startswith("kill"))

    def _watch(self, lives: Lives) -> None:
        begun = time.monotonic()
        while not self._calm.wait(TELL_SECONDS):
            self._tell(
                f"{len(lives.done)} of {self._dose.cycles} lives, {self._kills} kills at {len(self._reached)} steps, "
                f"{lives.repeated} requests repeated, {time.monotonic() - begun:.0f} s"
            )

    def _harm(self, lives: Lives) -> None:
        """One fault after another until every life has been lived; whoever is dead is replaced and comes up first."""
        kinds: list[tuple[str, Callable[[], None]]] = [
            ("kill -9 of a worker", lambda: self._kill(self._spared("first", "second"))),
            ("kill -9 of the server", lambda: self._kill("server")),
            ("disk full", self._fill_the_disk),
            ("kill -9 of a worker", lambda: self._kill("second")),
            ("kill -9 of everything", self._kill_all),
        ]
        if self._server is not None:
            kinds.insert(2, ("PostgreSQL stopped hard", self._crash))
        for name, harm in itertools.cycle(kinds):
            pause = self._random.uniform(0.5, 1.5) * self._dose.pause
            begun, lived = time.monotonic(), len(lives.done) + self._dose.apart
            while not self._is_time(time.monotonic() - begun, pause, enough=len(lives.done) >= lived):
                self._man(fragile=True)
                if self._calm.wait(0.2):
                    return
            harm()
            self._counts[name] += 1

    def _is_time(self, waited: float, pause: float, *, enough: bool) -> bool:
        """Whether the next fault may come: everybody has come up, and enough was lived, or nothing gets on."""
        if not all(process.said for process in self._posts.values()):
            return False
        return waited > (pause if enough else PATIENCE * pause)

    def _kill(self, post: str) -> None:
        self._posts[post].kill()

    def _spared(self, post: str, other: str) -> str:
        """``other`` while the worker at ``post`` is to die at a step where nobody has died yet."""
        step = self._armed.get(post)
        return other if step and not self._reached[step] else post

    def _kill_all(self) -> None:
        for process in self._posts.values():
            process.kill()

    def _crash(self) -> None:
        assert self._server is not None
        self._server.crash()
        time.sleep(self._random.uniform(0.1, 2.0))
        self._server.start()

    def _fill_the_disk(self) -> None:
        """No file of theirs may grow or be written beyond its first page; PostgreSQL's own processes included."""
        whose: dict[int, int | None] = {one.pid: None for one in self._posts.values() if one.alive}
        if self._server is not None:
            whose |= dict.fromkeys(self._server.children, self._server.user)
        for pid, user in whose.items():
            _limit(pid, "4096", user)
        time.sleep(FULL_SECONDS)
        for pid, user in whose.items():
            _limit(pid, "unlimited", user)

    # -- the crew -----------------------------------------------------------------------------------------------------

    def _man(self, *, fragile: bool) -> None:
        """Let somebody live at every post; not ``fragile``: only whole ones."""
        for post in ("server", "first", "second"):
            process = self._posts.get(post)
            if process is not None and not process.alive:
                self._note_death(post, process)
            if process is not None and process.alive and (fragile or post not in self._armed):
                continue
            if process is not None and process.alive:
                process.kill()
            self._posts[post] = self._hire(post, fragile=fragile)

    def _note_death(self, post: str, process: Process) -> None:
        step = self._armed.get(post, "")
        if process.code == -signal.SIGKILL:
            if step and process.said.rstrip().endswith(f"dies at {step}"):
                self._reached[step] += 1
                self._counts["kill -9 at a step"] += 1
        else:
            self._counts[f"ended by itself: {_last_word(process)}"] += 1

    def _hire(self, post: str, *, fragile: bool) -> Process:
        self._armed.pop(post, None)
        clock = self._random.choice(CLOCKS) if fragile and self._dose.slow else ""
        if clock:
            self._counts["clocks that step" if "/" in clock else "wrong clocks"] += 1
        if post == "server":
            return self._crew.start("serve", "--port", str(self._port), "--no-worker", clock=clock)
        step = self._next_step() if fragile and post == "first" else ""
        if step or clock:
            self._armed[post] = step
        return self._crew.worker(1 if post == "first" else 2, at=step, clock=clock)

    def _next_step(self) -> str:
        """One at which nobody has died yet comes sooner again; one that is not reached holds up no other."""
        step = min(STEPS, key=lambda name: 2 * self._reached[name] + self._tried[name])
        if self._reached[step] >= OFTEN and self._random.random() < 1 / 2:
            return ""
        self._tried[step] += 1
        return step

    # -- the calm after it --------------------------------------------------------------------------------------------

    def _calm_down(self) -> None:
        """Whole workers at every post, who ask often: what the gateway did is known soon."""
        self._crew.environment["RMA_ASK_AGAIN_SECONDS"] = str(CALM_SECONDS)
        self._kill_all()
        self._man(fragile=False)

    def _drain(self, floor: Floor, lives: Lives) -> list[Any]:
        """Wait until nothing is left that can still end; the acts that are left."""
        never = len(_never(lives))
        end = time.monotonic() + (DRAIN_SECONDS if self._dose.slow else 120.0)
        while True:
            self._man(fragile=False)
            left = floor.rows(tables.Attempt, _attempts.c.state != "done")
            waiting = len(left) - never
            sealed = verify.verify(floor.services.database).unsealed == 0
            if (waiting <= 0 and sealed and _is_quiet(floor)) or time.monotonic() > end:
                return left
            if int(time.monotonic()) % int(TELL_SECONDS) < 2:
                self._tell(f"calm: {waiting} acts are still open")
            time.sleep(2.0)

    def _close_the_books(self) -> None:
        """Workers that end in peace keep the newest seal heads, beside those that they kept in the storm."""
        for post in ("first", "second"):
            self._posts[post].stop()

    def _count(self, floor: Floor, lives: Lives, left: list[Any]) -> Outcome:
        database = floor.services.database
        kept = seal_heads.read(self._folder / seal_heads.FOLDER, seal_heads.Signer(floor.services.settings.secret))
        report = verify.verify(database, heads=kept, each=True)
        ports: Any = floor.services.ports
        gateways = [ports.payments[name] for name in ("offline", "offline_plain")]
        transfers = floor.rows(tables.Transfer)
        never = _never(lives)
        with database.read() as work:
            unknown = work.conn.execute(
                sa.select(sa.func.count(sa.distinct(_events.c.stream))).where(_events.c.type == "refund.unknown")
            ).scalar_one()
        labels = Counter(
            call.key for call in ports.carriers["offline"].calls() if call.fresh and call.operation == "issue"
        )
        outcome = Outcome(
            kind="SQLite" if database.is_sqlite else "PostgreSQL",
            cycles=len(lives.done),
            swaps=sum(one["swaps"] for one in lives.done.values()),
            faults=dict(sorted(self._counts.items())),
            repeated=lives.repeated,
            steps=dict(self._reached),
            unknown=int(unknown),
            unknown_left=sum(row.state == "unknown" and row.refund_id not in never for row in transfers),
            never_ended=len(left),
            twice=sum(gateway.told_twice() for gateway in gateways),
            doubles=sum(len(gateway.duplicates()) for gateway in gateways),
            refunds=sum(row.state == "succeeded" for row in transfers),
            labels=len(labels),
            replacements=len(floor.rows(tables.Replacement)),
            moved=sum(gateway.moved("TRY") for gateway in gateways),
            events=report.events,
            heads=report.heads,
        )
        lost = len(self._begun) - len(lives.done)
        outcome.wrong = [f"{lost} lives did not come to their end"] if lost else []
        if len(lives.done) < self._dose.cycles:
            outcome.wrong.append(f"only {len(lives.done)} of {self._dose.cycles} lives were lived")
        outcome.wrong += [*wrong(floor, lives, outcome, left), *(str(fault) for fault in report.faults)]
        return outcome


def _never(lives: Lives) -> set[str]:
    """The refunds of which the gateway was told to say for ever that they are under way."""
    return {life["refund"] for life in lives.done.values() if life["script"] == NEVER}


def _is_quiet(floor: Floor) -> bool:
    with floor.services.database.read() as work:
        last = work.conn.execute(sa.select(sa.func.max(tables.table(tables.Seal).c.number))).scalar() or 0
        read = work.conn.execute(sa.select(sa.func.max(tables.table(tables.Cursor).c.number))).scalar() or 0
    return bool(last == read)


@contextmanager
def _services(url: str, folder: Path) -> Iterator[Services]:
    made = create_services(
        Settings(data_dir=folder, database_url=url, access_log=False), database=Database(url, pool_size=4)
    )
    try:
        yield made
    finally:
        made.effects.stop(wait=1)
        made.close()


def _last_word(process: Process) -> str:
    """The exit code of a process and the last thing that it said, without what differs from one to the next."""
    said = process.said.strip().rpartition("\n")[2] or "nothing"
    with suppress(msgspec.DecodeError):
        said = msgspec.json.decode(said, type=dict[str, Any]).get("message", said)
    return f"{process.arguments[0]}, {process.code}, {re.sub(r'[0-9]+', 'N', said)[:100]}"


def _answers(address: str) -> None:
    end = time.monotonic() + 60
    while time.monotonic() < end:
        with suppress(httpx.TransportError):
            if httpx.get(f"{address}/health/ready", trust_env=False).is_success:
                return
        time.sleep(0.1)
    raise AssertionError("the server does not answer")


def _limit(pid: int, size: str, user: int | None) -> None:
    """Only its own account, or a very mighty one, may limit a process; one that has ended needs no limit."""
    command = ["prlimit", f"--pid={pid}", f"--fsize={size}:unlimited"]
    done = subprocess.run(command, user=user, capture_output=True, text=True, check=False)
    if done.returncode and Path(f"/proc/{pid}/stat").exists() and "No such process" not in done.stderr:
        raise OSError(done.stderr)
