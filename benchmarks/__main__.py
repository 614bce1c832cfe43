"""`make bench`: a return's life over HTTP against the database's own limit, in the same run, on both databases.

Every figure is the median of the runs, and limit and program take turns, so that a busy machine slows both.
`--docs` writes the table into docs/explanation/performance.md; `--quick` is a short run for a first look.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from benchmarks import measure, report

RESULTS = Path(__file__).parent / "results"
PAGE = Path(__file__).parents[1] / "docs" / "explanation" / "performance.md"


def main() -> None:
    """Measure, print, keep."""
    wanted = _arguments()
    if wanted.quick:
        wanted.runs, wanted.seconds = 1, 3.0
    options = measure.Options(
        databases=tuple(wanted.database or ("postgresql", "sqlite")),
        clients=tuple(wanted.clients),
        runs=wanted.runs,
        seconds=wanted.seconds,
        effects=not wanted.no_effects,
        processes=wanted.processes,
    )
    found = report.Report.about(options, measure.everything(options))
    print(report.text(found))
    RESULTS.mkdir(exist_ok=True)
    kept = RESULTS / f"lifecycle-{found.at:%Y-%m-%d}{'-' + wanted.label if wanted.label else ''}.json"
    kept.write_bytes(report.as_json(found))
    print(f"kept in {kept.relative_to(PAGE.parents[2])}")
    if wanted.docs:
        report.into(PAGE, found)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--database", action="append", choices=("postgresql", "sqlite"), help="one of them only")
    parser.add_argument("--clients", type=int, nargs="+", default=[1, 8], metavar="N", help="how many at once")
    parser.add_argument("--processes", type=int, default=2, metavar="N", help="of `rma serve`, on PostgreSQL")
    parser.add_argument("--runs", type=int, default=3, help="how many of each; their median counts")
    parser.add_argument("--seconds", type=float, default=8.0, help="how long each lasts")
    parser.add_argument("--no-effects", action="store_true", help="leave out the runs with the worker inside")
    parser.add_argument("--quick", action="store_true", help="one run of three seconds each")
    parser.add_argument("--label", default="", help="a word for the name of the file of results")
    parser.add_argument("--docs", action="store_true", help="write the table into the documentation")
    return parser.parse_args()


if __name__ == "__main__":
    main()
