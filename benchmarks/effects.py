"""How many durable acts one worker does a second: `python -m benchmarks.effects [LIVES]`, from the checkout.

Returns live through HTTP against a server without a worker, so that a drop-off code and a refund of each wait, with
their events to seal and their mails to send; then one `rma worker` starts. Acts a second are counted from the first one
done to the last, against the offline carrier and gateway; processor time until the last mail has left, by what it went
into. The database's own processes are not in it.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import sqlalchemy as sa

from benchmarks import machine
from benchmarks.lifecycle import drive
from benchmarks.measure import Place, open_place
from benchmarks.servers import cpu_seconds, serving
from rma.cli import main as rma
from rma.db import tables
from rma.services import background, runner
from rma.services.context import Services

_attempts = tables.table(tables.Attempt)
_messages = tables.table(tables.Message)
_PATIENCE = 600
_COUNT = "--count"


class Spent(msgspec.Struct):
    """How often something was done, and the processor seconds that its thread spent in it."""

    times: int = 0
    seconds: float = 0.0


def main() -> None:
    """Print the figures of both databases; with ``--count FILE worker …`` be the worker that counts."""
    if sys.argv[1:2] == [_COUNT]:
        target = Path(sys.argv[2])
        sys.argv[1:] = sys.argv[3:]
        _worker(target)
        return
    lives = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000
    print(machine.about())
    for kind in ("postgresql", "sqlite"):
        with open_place(kind) as place:
            _measure(place, lives)


def _measure(place: Place, lives: int) -> None:
    with serving(place.url, place.folder, worker=False) as process:
        drive(process.port, place.shop, place.orders(lives), clients=4, seconds=_PATIENCE, name="waiting")
    waiting = _waiting(place)
    target = place.folder / "spent"
    with _working(place, target) as pid:
        while _waiting(place) == waiting and Path(f"/proc/{pid}/exe").exists():
            time.sleep(0.02)
        begun, first = time.perf_counter(), _waiting(place)
        used = cpu_seconds(pid)
        while _waiting(place) and time.perf_counter() - begun < _PATIENCE:
            time.sleep(0.1)
        seconds = time.perf_counter() - begun
        place.settle(_PATIENCE)
        used = cpu_seconds(pid) - used
    spent = msgspec.json.decode(target.read_bytes(), type=dict[str, Spent])
    print(f"{place.kind:>10}: {first / seconds:,.0f} acts/s ({first} in {seconds:.1f} s)", end="")
    print(f", {used / first * 1000:.1f} ms CPU an act with its mails: {_shares(spent, used, first, _sent(place))}")


def _shares(spent: dict[str, Spent], used: float, acts: int, mails: int) -> str:
    """Milliseconds of each kind of act and of a mail, and of what is left over for the engine, an act."""
    kinds = {name: one for name, one in spent.items() if ":" not in name}
    log = sum(spent[f":{name}"].seconds for name in ("seal", "subscribers"))
    parts = [f"{name} {one.seconds / one.times * 1000:.2f}" for name, one in sorted(kinds.items())]
    parts.append(f"a mail {spent[':messages'].seconds / mails * 1000:.2f} ({mails / acts:.1f} an act)")
    parts.append(f"seals and subscribers {log / acts * 1000:.2f} an act")
    rest = used - sum(one.seconds for one in spent.values())
    return ", ".join([*parts, f"the engine and the rest {rest / acts * 1000:.2f} an act"])


@contextmanager
def _working(place: Place, target: Path) -> Iterator[int]:
    """`rma worker` with counters in it; its process id. What it spent is in ``target`` once it has ended."""
    environment = {**os.environ, "RMA_DATA_DIR": str(place.folder), "RMA_DATABASE_URL": place.url}
    command = [sys.executable, "-m", "benchmarks.effects", _COUNT, str(target), "worker"]
    worker = subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL)
    try:
        yield worker.pid
    finally:
        worker.send_signal(signal.SIGTERM)
        worker.wait()


def _worker(target: Path) -> None:
    """Run the program with the processor time of acts and chores counted by their names; chores have a colon."""
    spent: dict[str, Spent] = defaultdict(Spent)

    def count(name: str, act: Callable[[], int | None]) -> int | None:
        begun = time.thread_time()
        try:
            return act()
        finally:
            spent[name].seconds += time.thread_time() - begun
            spent[name].times += 1

    attempt, once = runner.run_attempt, background.Background._run  # noqa: SLF001

    def counted_attempt(services: Services, key: str) -> None:
        count(key.rpartition(":")[2], lambda: attempt(services, key))

    def counted_chore(self: background.Background, chore: background.Chore, *, rung: bool) -> int:
        return count(f":{chore.name}", lambda: once(self, chore, rung=rung)) or 0

    runner.run_attempt = counted_attempt
    background.Background._run = counted_chore  # type: ignore[method-assign]  # noqa: SLF001
    try:
        rma()
    finally:
        target.write_bytes(msgspec.json.encode(spent))


def _waiting(place: Place) -> int:
    with place.services.database.read() as work:
        query = sa.select(sa.func.count()).select_from(_attempts).where(_attempts.c.state != "done")
        return int(work.conn.execute(query).scalar_one())


def _sent(place: Place) -> int:
    with place.services.database.read() as work:
        query = sa.select(sa.func.count()).select_from(_messages).where(_messages.c.sent_at.is_not(None))
        return int(work.conn.execute(query).scalar_one())


if __name__ == "__main__":
    main()
