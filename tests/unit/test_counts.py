"""Processes that count together: one sum over the living and the dead, in a folder that does not outlive them."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from prometheus_client import values
from prometheus_client.core import Metric

from rma.services import shared_counts


def counted(shared: Path, pid: int, times: float) -> None:
    """A process of this id counts a request so often, each of a second."""
    value = values.MultiProcessValue(process_identifier=lambda: pid)  # type: ignore[no-untyped-call]
    labels = (("route",), ('/é"',))
    value("counter", "rma_requests", "rma_requests_total", *labels, "Requests.").inc(times)
    value("histogram", "rma_seconds", "rma_seconds_sum", *labels, "Time.").inc(times)
    for bucket, inside in (("1.0", times), ("+Inf", 0.0)):
        labelled = (("route", "le"), ('/é"', bucket))
        value("histogram", "rma_seconds", "rma_seconds_bucket", *labelled, "Time.").inc(inside)
    value.close_all_files()
    assert (shared / f"counter_{pid}.db").exists()


def told(metrics: list[Metric]) -> dict[str, float]:
    """The samples by name, and a bucket's by its bound."""
    return {f"{one.name}{one.labels.get('le', '')}": one.value for metric in metrics for one in metric.samples}


def test_what_the_dead_counted_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Folding changes no sum, the second death adds to the first, and of each process that is gone no file is left."""
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", str(tmp_path))
    for pid, times in ((11, 3), (12, 4), (13, 5)):
        counted(tmp_path, pid, times)
    (tmp_path / "counter_14.db").touch()  # made this instant
    whole = {"rma_requests_total": 12.0, "rma_seconds_sum": 12.0, "rma_seconds_count": 12.0}
    whole |= {"rma_seconds_bucket1.0": 12.0, "rma_seconds_bucket+Inf": 12.0}
    for live in ({11, 12, 13, 14}, {12, 13, 14}, {13, 14}, {13}):
        shared_counts.fold(tmp_path, live)
        assert told(shared_counts.read(tmp_path)) == whole
        assert shared_counts.living(tmp_path) == sorted(live)
    assert len(list(tmp_path.glob("*.db"))) == 4


def test_the_folder_does_not_outlive_who_counts_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is there while its process lives, a killed one's is cleared by the next, and it has to be named in time."""
    with pytest.raises(RuntimeError), shared_counts.together(tmp_path):
        pass
    monkeypatch.delitem(sys.modules, "prometheus_client")
    (tmp_path / "rma-metrics-killed").mkdir()
    (tmp_path / "another").mkdir()
    with shared_counts.together(tmp_path) as first:
        assert shared_counts.folder() == first
        shared_counts.clear(tmp_path)
        assert sorted(tmp_path.iterdir()) == sorted((first, tmp_path / "another"))
    assert (shared_counts.folder(), list(tmp_path.iterdir())) == (None, [tmp_path / "another"])
