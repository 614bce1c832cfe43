"""What a command says: results on standard output, everything else on standard error."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Annotated, Any

import typer

from rma.errors import Invalid, Refused, RmaError

Json = Annotated[bool, typer.Option("--json", help="Machine output: one JSON document on standard output.")]
Tick = Callable[[int, int], None]
_SETTINGS = 2


def data(value: Any) -> None:  # noqa: ANN401 - whatever msgspec encodes
    """One JSON document."""
    import msgspec

    sys.stdout.write(msgspec.json.encode(value).decode() + "\n")


def line(text: str) -> None:
    """One line of the result, for people or for a pipe."""
    sys.stdout.write(text + "\n")


def note(text: str) -> None:
    """One line beside the result."""
    sys.stderr.write(text + "\n")


def problem(error: RmaError, *, as_json: bool) -> None:
    """An error of ours: what is wrong, each field with its path, each reason, and what is allowed instead."""
    if as_json:
        _write_json(error)
        return
    note(f"rma: {error.detail}")
    faults = error.errors if isinstance(error, Invalid) else ()
    for fault in () if len(faults) == 1 and faults[0].message in error.detail else faults:
        note(f"  {fault.path or '(the whole file)'}: {fault.message}")
    if isinstance(error, Refused):
        for reason in error.reasons:
            note(f"  {reason.text}")
        if error.allowed:
            note(f"  allowed now: {', '.join(error.allowed)}")


def _write_json(error: RmaError) -> None:
    import msgspec

    told: dict[str, Any] = {"code": error.code, "detail": error.detail}
    for name in ("errors", "reasons", "allowed"):
        if found := getattr(error, name, ()):
            told[name] = found
    note(msgspec.json.encode(told).decode())


def unexpected(error: Exception, *, as_json: bool) -> int:
    """An error that nobody foresaw, in one line; answers the exit code, 2 for settings that cannot be right."""
    if type(error).__name__ == "ValidationError" and hasattr(error, "errors"):
        for fault in error.errors():
            name = "_".join(str(part) for part in fault["loc"]).upper()
            note(f"rma: RMA_{name}: {fault['msg']}")
        return _SETTINGS
    if isinstance(error, OSError) and error.filename:
        found = RmaError(f"{error.filename}: {error.strerror}", code="file")
    else:
        found = RmaError(f"{type(error).__name__}: {error}", code="internal_error")
    problem(found, as_json=as_json)
    return 1


def close_quietly() -> int:
    """The reader of our output has left: nothing more can be said. Answers the exit code."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 1


@contextmanager
def progress(what: str, *, unit: str = "") -> Iterator[Tick]:
    """A bar on standard error while the block runs, where that is a terminal; the tick takes what is done, of what."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    console = Console(stderr=True)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn(unit),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console, disable=not console.is_terminal) as bar:
        task = bar.add_task(what, total=None)

        def tick(done: int, total: int) -> None:
            bar.update(task, completed=done, total=total)

        yield tick
