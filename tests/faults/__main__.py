"""``make faults``: a storm over each database, and the report of it in docs/explanation/faults.md."""

from __future__ import annotations

import argparse
import os
import platform
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

from tests.faults.counting import Outcome
from tests.faults.storm import STEPS, Dose, Storm
from tests.support import postgres
from tests.support.migrate import migrate

REPORT = Path(__file__).resolve().parents[2] / "docs" / "explanation" / "faults.md"
_HEAD = """# Faults

What the program was put through, and what was left of it. `make faults` plays returns' whole lives over HTTP (order,
filing, label, parcel, receipt, inspection, approved refund; a fifth of them with a replacement) while it kills the
server and the workers with `kill -9`, at random moments and at every step of refund, label and replacement, sets
clocks wrong or lets them step there and back every five seconds, lets no file grow, and stops PostgreSQL hard. The
offline gateway meanwhile times out after doing the work, answers late, twice or never, refuses without a word, with and
without idempotency keys. A client repeats a request under its key until it is answered. Afterwards everything is
counted, the history is verified against the seal heads that the workers kept meanwhile, and the command ends with 1 if
anything is not as it has to be. A process that ended without being killed is counted by what it was, its exit code and
its last word.

"""

_BEFORE = """
## Found by earlier runs

Forty processes on SQLite once ended by themselves, with nothing wrong in the end. It was no full disk: the two storms,
asking for a process at the same moment, could be given each other's; whoever was started in its place found its slot
held by another live process and ended with 1, again and again. Their words were not kept then, so that is inferred from
giving processes away on purpose, which ended 38 in the same way. Births are one at a time since.
"""


def main() -> int:
    """Run it; 1 if anything is not as it has to be."""
    parser = argparse.ArgumentParser(prog="make faults", description=__doc__)
    parser.add_argument("--cycles", type=int, default=1_000, help="lives on each database")
    parser.add_argument("--databases", nargs="+", choices=("sqlite", "postgresql"), default=["sqlite", "postgresql"])
    parser.add_argument("--kills", type=int, default=100, help="kills on each database, lives go on until then")
    parser.add_argument("--minutes", type=float, default=0.0, help="begin no life after so many; 0: no end")
    parser.add_argument("--clients", type=int, default=12, help="lives at once")
    parser.add_argument("--pause", type=float, default=2.0, help="seconds between two faults, about")
    parser.add_argument("--apart", type=int, default=3, help="lives at least between two faults")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--report", type=Path, default=REPORT, help="where the report goes")
    asked = parser.parse_args()
    dose = Dose(
        cycles=asked.cycles, kills=asked.kills, every_step=True, minutes=asked.minutes, clients=asked.clients,
        seed=asked.seed, pause=asked.pause, apart=asked.apart,
    )  # fmt: skip
    with ThreadPoolExecutor(len(asked.databases)) as beside:
        outcomes = list(beside.map(lambda kind: _storm(kind, dose), asked.databases))
    for outcome in outcomes:
        missed = [step for step in STEPS if step not in outcome.steps]
        outcome.wrong += [f"nobody died at: {', '.join(missed)}; play more lives"] if missed else []
        outcome.wrong += [] if outcome.twice else ["no answer came twice; play more lives"]
    asked.report.write_text(_HEAD + _told(outcomes) + _BEFORE, encoding="utf-8")
    for outcome in outcomes:
        for wrong in outcome.wrong:
            sys.stdout.write(f"{outcome.kind}: {wrong}\n")
    sys.stdout.write(f"The report is in {asked.report}.\n")
    return 1 if any(outcome.wrong for outcome in outcomes) else 0


def _storm(kind: str, dose: Dose) -> Outcome:
    def tell(line: str) -> None:
        sys.stdout.write(f"{kind}: {line}\n")
        sys.stdout.flush()

    with tempfile.TemporaryDirectory(prefix="rma-faults-") as name:
        folder = Path(name)
        if kind == "sqlite":
            url = f"sqlite:///{folder / 'storm.sqlite3'}"
            migrate(url)
            return Storm(url, folder, dose, tell=tell).run()
        with postgres.running(()) as server:
            url = server.create("storm")
            migrate(url)
            return Storm(url, folder, dose, server, tell=tell).run()


def _told(outcomes: list[Outcome]) -> str:
    rows: list[tuple[str, list[str]]] = [
        ("whole lives", [str(one.cycles) for one in outcomes]),
        ("of them with a replacement", [str(one.swaps) for one in outcomes]),
        *((kind, [str(one.faults.get(kind, 0)) for one in outcomes]) for kind in _kinds(outcomes)),
        (f"different steps died at, of {len(STEPS)}", [str(len(one.steps)) for one in outcomes]),
        ("requests repeated by clients", [str(one.repeated) for one in outcomes]),
        ("refunds paid", [str(one.refunds) for one in outcomes]),
        ("refunds that were unknown for a time", [str(one.unknown) for one in outcomes]),
        ("refunds still unknown", [str(one.unknown_left) for one in outcomes]),
        ("refunds told never to end", [str(one.never_ended) for one in outcomes]),
        ("labels issued", [str(one.labels) for one in outcomes]),
        ("replacements ordered", [str(one.replacements) for one in outcomes]),
        ("refunds whose end was told twice", [str(one.twice) for one in outcomes]),
        ("money sent twice", [str(one.doubles) for one in outcomes]),
        ("events, all sealed and verified", [str(one.events) for one in outcomes]),
        ("kept seal heads compared", [str(one.heads) for one in outcomes]),
        ("things that are not as they have to be", [str(len(one.wrong)) for one in outcomes]),
        ("seconds in all", [f"{one.seconds:.0f}" for one in outcomes]),
        ("seconds until nothing was open", [f"{one.drained:.0f}" for one in outcomes]),
    ]
    lines = _table("", outcomes)
    lines += [_row(name, cells) for name, cells in rows]
    lines += ["", "## Deaths at each step", "", *_table("step", outcomes)]
    lines += [_row(step, [str(one.steps.get(step, 0)) for one in outcomes]) for step in STEPS]
    faults = [f"- {outcome.kind}: {wrong}" for outcome in outcomes for wrong in outcome.wrong[:20]]
    wrong = ["", "## What was wrong", "", *faults] if faults else []
    command = " ".join(["make faults", *([f'ARGS="{" ".join(sys.argv[1:])}"'] if sys.argv[1:] else [])])
    made = f"Made by `{command}` on {datetime.now(UTC):%Y-%m-%d}: {os.cpu_count()} cores, {platform.machine()},"
    return "\n".join([*lines, *wrong, "", f"{made} Python {platform.python_version()}.", ""])


def _kinds(outcomes: list[Outcome]) -> list[str]:
    return sorted({kind for one in outcomes for kind in one.faults})


def _table(first: str, outcomes: list[Outcome]) -> list[str]:
    return [_row(first, [one.kind for one in outcomes]), _row("---", ["---:"] * len(outcomes))]


def _row(name: str, cells: list[str]) -> str:
    return f"| {' | '.join([name, *cells])} |"


if __name__ == "__main__":
    sys.exit(main())
