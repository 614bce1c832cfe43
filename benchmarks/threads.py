"""Which threads a life's processor time goes to: `python -m benchmarks.threads [LIVES]`, from the checkout.

One `rma serve` with its worker inside lives through so many returns over HTTP with eight clients, on each database in
turn; what each kind of its threads has used by then, and once every act is done, is told in milliseconds a life.
"""

from __future__ import annotations

import os
import re
import sys
import threading
import time
from collections import defaultdict
from contextlib import suppress
from pathlib import Path

import msgspec

from benchmarks import machine
from benchmarks.lifecycle import drive
from benchmarks.measure import EFFECTS_SECONDS, WARM_UP, open_place
from benchmarks.servers import serving

CLIENTS = 8
_BEAT = 0.5
_PATIENCE = 600.0
_TICK = os.sysconf("SC_CLK_TCK")
_NUMBER = re.compile(r"[-_ ]?\d+(\.\d+)?$")


def main() -> None:
    """Print both databases' threads, the one that costs most first."""
    lives = int(sys.argv[1]) if len(sys.argv) > 1 else 400
    print(f"{machine.about()}; {CLIENTS} clients, {lives} lives, milliseconds a life")
    for kind in ("postgresql", "sqlite"):
        used = _used(kind, lives)
        print(f"{kind}: {sum(used.values()):.1f} in all")
        for name, milliseconds in sorted(used.items(), key=lambda one: -one[1])[:12]:
            print(f"{milliseconds:8.2f}  {name}")


def _used(kind: str, lives: int) -> dict[str, float]:
    with open_place(kind) as place:
        target = place.folder / "threads"
        with serving(place.url, place.folder, worker=True, told=("threads", target)) as process:
            for name, count in (("warm", WARM_UP), ("run", lives)):
                before = _read(target)
                orders = place.orders(count)
                drive(process.port, place.shop, orders, clients=CLIENTS, seconds=_PATIENCE, name=name)
                place.settle(EFFECTS_SECONDS)
                place.analyse()
            after = _read(target)
    return {name: 1000 * (seconds - before.get(name, 0)) / lives for name, seconds in after.items()}


def _read(target: Path) -> dict[str, float]:
    """What was told after this moment."""
    target.unlink(missing_ok=True)
    while not target.exists():
        time.sleep(_BEAT / 10)
    return msgspec.json.decode(target.read_bytes(), type=dict[str, float])


def install(target: Path) -> None:
    """From now on tell this file twice a second what each kind of this process's threads has used, in seconds."""
    names: dict[int, str] = {}

    def tell() -> None:
        while True:
            time.sleep(_BEAT)
            names.update({one.native_id: one.name for one in threading.enumerate() if one.native_id is not None})
            used: dict[str, float] = defaultdict(float)
            for task in Path("/proc/self/task").iterdir():
                with suppress(FileNotFoundError):
                    fields = (task / "stat").read_text().rsplit(")", 1)[1].split()
                    name = _NUMBER.sub("", names.get(int(task.name), "no Python"))
                    used[name] += (int(fields[11]) + int(fields[12])) / _TICK
            aside = target.with_suffix(".new")
            aside.write_bytes(msgspec.json.encode(used))
            aside.replace(target)

    threading.Thread(target=tell, name="benchmark", daemon=True).start()


if __name__ == "__main__":
    main()
