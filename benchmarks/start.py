"""How soon a server answers and what it holds: `python -m benchmarks.start [TIMES]`, from the checkout.

`rma serve` with its worker inside is started so many times on each database, migrated and with a shop in it, and the
medians told: seconds until it says that it is ready, processor time until then, and memory once it has been idle for a
while.
"""

from __future__ import annotations

import statistics
import sys
import time

from benchmarks import machine
from benchmarks.measure import Place, open_place
from benchmarks.servers import says_ok, serving

_IDLE = 5.0


def main() -> None:
    """Print both databases' medians."""
    times = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    print(f"{machine.about()}; medians of {times}")
    for kind in ("postgresql", "sqlite"):
        with open_place(kind) as place:
            found = [_once(place) for _ in range(times)]
        ready, cpu, memory = (statistics.median(one) for one in zip(*found, strict=True))
        print(f"{kind:>10}: ready after {ready:.2f} s, {cpu:.2f} s of processor time; idle {memory:.1f} MiB")


def _once(place: Place) -> tuple[float, float, float]:
    begun = time.perf_counter()
    with serving(place.url, place.folder, worker=True) as process:
        while not says_ok(process.port, "/health/ready"):
            time.sleep(0.01)
        took, cpu = time.perf_counter() - begun, process.cpu_seconds
        time.sleep(_IDLE)
        return took, cpu, process.resident_mib


if __name__ == "__main__":
    main()
