"""From figures to a table for the screen, a file of results, and the tables in the documentation."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import msgspec

from benchmarks import machine
from benchmarks.lifecycle import STEPS
from benchmarks.measure import Counts, Measured, Options, Result

COMMAND = "make bench"
_PART = "<!-- measured: {name} -->"
_END = "<!-- end -->"


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """The figures with what they are worth: when, where, how long."""

    at: datetime
    machine: str
    options: Options
    measured: Measured

    @classmethod
    def about(cls, options: Options, measured: Measured) -> Report:
        """A report on these figures, made now on this machine."""
        return cls(at=datetime.now(UTC), machine=machine.about(), options=options, measured=measured)


def as_json(report: Report) -> bytes:
    """The whole report, for a machine."""
    return msgspec.json.format(msgspec.json.encode(report), indent=1) + b"\n"


def text(report: Report) -> str:
    """The tables for a screen."""
    head = f"{report.machine}; medians of {report.options.runs} runs of {report.options.seconds:g} s"
    return "\n\n".join([head, table(report.measured.results), steps(report.measured.results), counts(report.measured)])


def table(results: list[Result]) -> str:
    """Lives a second against the limit, and what they cost."""
    heads = ["database", "processes", "clients", "work behind requests", "limit /s", "lives /s", "1/x"]
    heads += ["server CPU ms", "database CPU ms", "MiB"]
    lines = [f"| {' | '.join(heads)} |", "|---|---:|---:|---|---:|---:|---:|---:|---:|---:|"]
    for found in results:
        database = found.runs[0].database_cpu_ms
        cells = [
            found.database,
            str(found.processes),
            str(found.clients),
            found.worker,
            f"{found.median(lambda run: run.limit):,.0f}",
            f"{found.median(lambda run: run.drive.cycles_per_second):.1f}",
            f"1/{found.median(lambda run: run.share):.1f}",
            f"{found.median(lambda run: run.server_cpu_ms):.1f}",
            "-" if database is None else f"{found.median(lambda run: run.database_cpu_ms or 0):.1f}",
            f"{found.median(lambda run: run.resident_mib):.0f}",
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def steps(results: list[Result]) -> str:
    """The time of each request, p50 / p95 in milliseconds."""
    lines = [f"| database | clients | work | {' | '.join(STEPS)} |", f"|---|---:|---|{'---:|' * len(STEPS)}"]
    for found in results:
        spread = [
            f"{found.median(lambda run, s=step: run.drive.steps[s].p50):.1f}"  # type: ignore[misc]
            f" / {found.median(lambda run, s=step: run.drive.steps[s].p95):.1f}"  # type: ignore[misc]
            for step in STEPS
        ]
        lines.append(f"| {found.database} | {found.clients} | {found.worker} | {' | '.join(spread)} |")
    return "\n".join(lines)


def counts(measured: Measured) -> str:
    """How many statements each request sends, and how often it waits for the database."""
    lines = [f"| statements (round trips) | {' | '.join(STEPS)} | a life |", f"|---|{'---:|' * (len(STEPS) + 1)}"]
    for found in measured.counted:
        numbers = [(len(one.statements), one.trips) for one in (found.requests[step] for step in STEPS)]
        numbers.append((sum(sent for sent, _ in numbers), sum(trips for _, trips in numbers)))
        cells = [str(sent) if found.database == "sqlite" else f"{sent} ({trips})" for sent, trips in numbers]
        lines.append(f"| {found.database} | {' | '.join(cells)} |")
    return "\n".join(lines)


def statements(found: Counts) -> str:
    """The statements of each request by name."""
    return "\n".join(f"- **{step}**: {'; '.join(one.statements)}" for step, one in found.requests.items())


def into(page: Path, report: Report) -> None:
    """Put the tables between their marks in a page of the documentation."""
    content = page.read_text(encoding="utf-8")
    measured = report.measured
    head = (
        f"`{COMMAND}`, {report.machine}; medians of {report.options.runs} runs of"
        f" {report.options.seconds:g} s, limit and program in turns."
    )
    parts = {
        "lives": f"{head}\n\n{table(measured.results)}",
        "steps": steps(measured.results),
        "statements": f"{counts(measured)}\n\n{statements(measured.counted[0])}",
    }
    for name, part in parts.items():
        begin, rest = content.split(_PART.format(name=name), 1)
        _, after = rest.split(_END, 1)
        content = f"{begin}{_PART.format(name=name)}\n\n{part}\n\n{_END}{after}"
    page.write_text(content, encoding="utf-8")
