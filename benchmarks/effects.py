"""How many durable acts one worker does a second: `python -m benchmarks.effects [LIVES]`, from the checkout.

Returns live through HTTP against a server without a worker, so that a drop-off code and a refund of each wait; then one
`rma worker` starts. Counted from the first act done to the last, against the offline carrier and gateway.
"""

from __future__ import annotations

import os
import platform
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime

import sqlalchemy as sa

from benchmarks.lifecycle import drive
from benchmarks.measure import Place, open_place
from benchmarks.servers import cpu_seconds, serving
from rma.db import tables

_attempts = tables.table(tables.Attempt)
_PATIENCE = 600


def main() -> None:
    """Print the figures of both databases."""
    lives = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000
    print(
        f"{datetime.now(UTC):%Y-%m-%d}  {platform.machine()}  {os.cpu_count()} cpus  Python {platform.python_version()}"
    )
    for kind in ("postgresql", "sqlite"):
        with open_place(kind) as place:
            _measure(place, lives)


def _measure(place: Place, lives: int) -> None:
    with serving(place.url, place.folder, worker=False) as process:
        drive(process.port, place.shop, place.orders(lives), clients=4, seconds=_PATIENCE, name="waiting")
    waiting = _waiting(place)
    environment = {**os.environ, "RMA_DATA_DIR": str(place.folder), "RMA_DATABASE_URL": place.url}
    command = [sys.executable, "-c", "from rma.cli import main; raise SystemExit(main())", "worker"]
    worker = subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL)
    try:
        while _waiting(place) == waiting:
            time.sleep(0.02)
        begun, first = time.perf_counter(), _waiting(place)
        used = cpu_seconds(worker.pid)
        while (left := _waiting(place)) and time.perf_counter() - begun < _PATIENCE:
            time.sleep(0.1)
        seconds, used = time.perf_counter() - begun, cpu_seconds(worker.pid) - used
        assert left == 0, f"{left} acts were not done"
        rate, cost = first / seconds, used / first * 1000
        print(f"{place.kind:>10}: {rate:,.0f} acts/s ({first} in {seconds:.1f} s, {cost:.1f} ms CPU each)", flush=True)
    finally:
        worker.send_signal(signal.SIGTERM)
        worker.wait()


def _waiting(place: Place) -> int:
    with place.services.database.read() as work:
        query = sa.select(sa.func.count()).select_from(_attempts).where(_attempts.c.state != "done")
        return int(work.conn.execute(query).scalar_one())


if __name__ == "__main__":
    main()
