"""The files in which the processes of one ``rma serve`` count together, so that any of them can tell it of all.

The standard way of ``prometheus_client``: each process keeps its counters in files of its own, which the others read.
What a dead process had counted stays counted, for a counter that fell would look to Prometheus like a new beginning:
``fold`` adds its files to those of all the dead. ``prometheus_client`` is loaded late: it looks once, while it is
loaded, whether it shall count in files.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import sys
import tempfile
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from prometheus_client import Metric

_VARIABLE = "PROMETHEUS_MULTIPROC_DIR"
_PREFIX = "rma-metrics-"
_LOCK = "lock"
_DEAD = "dead"
_MEMORY = Path("/dev/shm")  # noqa: S108 - a folder of our own is made there, for this account alone


@contextmanager
def together(base: Path | None = None) -> Iterator[Path]:
    """A folder in which this process counts, and every one that it starts; gone afterwards.

    It lies in memory where there is such a place: a full disk must not end a process that counts. Folders of processes
    that were killed are cleared away. To be entered before ``prometheus_client`` is loaded, else ``RuntimeError``.
    """
    if "prometheus_client" in sys.modules:
        raise RuntimeError("prometheus_client was loaded before it could be told where to count")
    place = base or (_MEMORY if os.access(_MEMORY, os.W_OK) else Path(tempfile.gettempdir()))
    clear(place)
    made, held = _make(place)
    os.environ[_VARIABLE] = str(made)
    try:
        yield made
    finally:
        del os.environ[_VARIABLE]
        shutil.rmtree(made, ignore_errors=True)
        os.close(held)


def folder() -> Path | None:
    """Where the processes that belong together count; None for one that counts alone."""
    named = os.environ.get(_VARIABLE)
    return Path(named) if named else None


def read(shared: Path) -> list[Metric]:
    """The sums over all processes, living and dead."""
    from prometheus_client.multiprocess import MultiProcessCollector  # noqa: PLC0415  see above

    with _locked(shared, fcntl.LOCK_SH):
        files = [str(file) for file in shared.glob("*.db") if file.stat().st_size]
        return list(MultiProcessCollector.merge(files))  # type: ignore[no-untyped-call]


def living(shared: Path) -> list[int]:
    """The processes that count there and were not folded yet."""
    return sorted({pid for file in shared.glob("*.db") if (pid := _process(file)) is not None})


def fold(shared: Path, live: Collection[int]) -> None:
    """Add what dead processes counted to the files of the dead, and remove theirs. ``live`` are all others' ids."""
    dead = [file for file in shared.glob("*.db") if (pid := _process(file)) is not None and pid not in live]
    if dead:
        with _locked(shared, fcntl.LOCK_EX):
            for kind in {file.name.partition("_")[0] for file in dead}:
                _add(shared / f"{kind}_{_DEAD}.db", [file for file in dead if file.name.startswith(f"{kind}_")])


def clear(place: Path) -> None:
    """Remove the folders there whose process is gone; another account's are left alone."""
    for left in place.glob(f"{_PREFIX}*"):
        with suppress(OSError):
            found = os.open(left, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
            try:
                fcntl.flock(found, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(left, ignore_errors=True)
            finally:
                os.close(found)


def _make(place: Path) -> tuple[Path, int]:
    """A new folder and the lock on it, which says as long as this process lives that it does."""
    while True:
        made = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=place))
        with suppress(FileNotFoundError):  # somebody cleared it away between these lines
            held = os.open(made, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            fcntl.flock(held, fcntl.LOCK_EX)
            if made.exists():
                return made, held
            os.close(held)


def _process(file: Path) -> int | None:
    """Whose file it is, by its name (``counter_4711.db``); None for a file of the dead."""
    number = file.stem.rpartition("_")[2]
    return int(number) if number.isdecimal() else None


def _add(whole: Path, files: list[Path]) -> None:
    from prometheus_client.mmap_dict import MmapedDict, mmap_key  # noqa: PLC0415  see above
    from prometheus_client.multiprocess import MultiProcessCollector  # noqa: PLC0415

    known = [str(file) for file in (whole, *files) if file.exists() and file.stat().st_size]
    new = whole.with_suffix(".new")
    new.unlink(missing_ok=True)
    kept = MmapedDict(str(new))  # type: ignore[no-untyped-call]
    for metric in MultiProcessCollector.merge(known, accumulate=False):  # type: ignore[no-untyped-call]
        for one in metric.samples:
            key = mmap_key(metric.name, one.name, list(one.labels), list(one.labels.values()), metric.documentation)
            kept.write_value(key, one.value, 0.0)  # type: ignore[no-untyped-call]
    kept.close()  # type: ignore[no-untyped-call]
    new.replace(whole)
    for file in files:
        file.unlink()


@contextmanager
def _locked(shared: Path, how: int) -> Iterator[None]:
    """Nobody reads while files of the dead are added up."""
    file = os.open(shared / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(file, how)
        yield
    finally:
        os.close(file)
