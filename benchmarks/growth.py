"""Whether a server grows: `python -m benchmarks.growth [--database KIND] [LIVES]`, from the checkout.

One `rma serve` with its worker inside lives through so many returns over HTTP, on each database in turn, and its
resident memory is read on the way, each time once every act is done. What grows after the first thousand grows for
ever; what a process keeps for good (definitions, law, compiled statements, threads) is there by then.
"""

from __future__ import annotations

import argparse
import time

from benchmarks import machine
from benchmarks.lifecycle import drive
from benchmarks.measure import Place, open_place
from benchmarks.servers import Process, serving

CLIENTS = 8
SAMPLES = (0.01, 0.1, 0.25, 0.5, 0.75, 1.0)
"""The shares of all lives after which the memory is read, besides the start."""
_PATIENCE = 86_400.0
_SETTLE = 5.0


def main() -> None:
    """Print the memory of each database's server as it goes."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.growth", description=__doc__)
    parser.add_argument("lives", nargs="?", type=int, default=10_000)
    parser.add_argument("--database", action="append", choices=("postgresql", "sqlite"), help="one of them only")
    wanted = parser.parse_args()
    print(f"{machine.about()}; {CLIENTS} clients, one process with its worker")
    for kind in wanted.database or ("postgresql", "sqlite"):
        with open_place(kind) as place:
            _grow(place, wanted.lives)


def _grow(place: Place, lives: int) -> None:
    with serving(place.url, place.folder, worker=True) as process:
        lived, begun = 0, time.perf_counter()
        _say(place, process, 0, 0.0)
        for share in SAMPLES:
            goal = max(lived + 1, round(lives * share))
            found = drive(
                process.port,
                place.shop,
                place.orders(goal - lived),
                clients=CLIENTS,
                seconds=_PATIENCE,
                name=f"to-{goal}",
            )
            lived += found.cycles
            assert lived == goal, f"{goal - lived} lives were not lived"
            place.settle(_PATIENCE)
            time.sleep(_SETTLE)
            _say(place, process, lived, time.perf_counter() - begun)


def _say(place: Place, process: Process, lived: int, seconds: float) -> None:
    memory = f"{process.resident_mib:6.1f} MiB, {process.threads} threads"
    print(f"{place.kind:>10}: {lived:>6,} lives, {memory}, {seconds:,.0f} s", flush=True)


if __name__ == "__main__":
    main()
