"""Numbers for Prometheus: requests by route and status, how long they took, the processes themselves, and what waits.

What was counted (requests, transitions, deadlines, failing chores) is this process's, or the sum over all processes of
one ``rma serve``; what waits (effects, seals, subscribers) is read from the database when somebody asks, a few
statements every few seconds at most.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from litestar.enums import ScopeType
from litestar.types import ASGIApp, Receive, Scope, Send
from prometheus_client import CollectorRegistry, Counter, Histogram, ProcessCollector, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from rma.api.http import Call, raw
from rma.api.routing import Routes
from rma.errors import Unavailable
from rma.services import counts, numbers, shared_counts
from rma.services.idempotency import Answer
from rma.services.numbers import Numbers

MEDIA_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)


class Metrics:
    """The numbers of one application, counted by a layer around it. Labels hold routes, never addresses as sent."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self.registry.register(counts.REGISTRY)
        names = ("method", "route", "status")
        self._requests = Counter("rma_http_requests", "Requests answered.", names, registry=self.registry)
        self._seconds = Histogram(
            "rma_http_request_seconds", "Time to answer.", ("route",), registry=self.registry, buckets=_BUCKETS
        )
        self._numbers = numbers.Counter()
        self.routes = Routes(tag="Operations", prefix="")
        self.routes.get("/metrics", answers=bytes, media_type="text/plain")(self.show)

    def show(self, call: Call) -> Answer:
        """The numbers in the text format of Prometheus. Without a database what was counted, and that it is so."""
        try:
            found: Numbers | None = self._numbers.read(call.services.database)
        except Unavailable:
            found = None
        waiting = CollectorRegistry()
        waiting.register(_Waiting(found))
        shared = shared_counts.folder()
        if shared is None:
            counted = self.registry
        else:
            counted = CollectorRegistry()
            counted.register(_Together(shared))
        return raw(generate_latest(counted) + generate_latest(waiting), MEDIA_TYPE)

    def around(self, app: ASGIApp) -> ASGIApp:
        """The application with each of its requests counted; goes around ``RequestId``, which notes the status."""

        async def counted(scope: Scope, receive: Receive, send: Send) -> None:
            started = time.perf_counter()
            try:
                await app(scope, receive, send)
            finally:
                if scope["type"] == ScopeType.HTTP:
                    route = str(scope.get("path_template") or "none")
                    self._requests.labels(scope["method"], route, scope["state"].get("status", 0)).inc()
                    self._seconds.labels(route).observe(time.perf_counter() - started)

        return counted


class _Together(Collector):
    """What several processes counted, added up, and what each of them needs, by its id."""

    def __init__(self, shared: Path) -> None:
        self._shared = shared

    def collect(self) -> Iterator[Metric]:
        """Every family of counters, then those of ``ProcessCollector`` with a label for the process."""
        yield from shared_counts.read(self._shared)
        families: dict[str, Metric] = {}
        for pid in shared_counts.living(self._shared):
            for one in ProcessCollector(registry=None, pid=partial(int, pid)).collect():
                family = families.setdefault(one.name, Metric(one.name, one.documentation, one.type))
                for sample in one.samples:
                    family.add_sample(sample.name, {"pid": str(pid)}, sample.value)
        yield from families.values()


class _Waiting(Collector):
    """What was read from the database, as Prometheus wants it."""

    def __init__(self, found: Numbers | None) -> None:
        self._found = found

    def collect(self) -> Iterator[Metric]:
        """Every family of numbers."""
        yield GaugeMetricFamily("rma_database_up", "1 if the database answers.", value=float(self._found is not None))
        if self._found is not None:
            yield from _waiting(self._found)


def _waiting(found: Numbers) -> Iterator[Metric]:
    labels = ("effect", "state")
    many = GaugeMetricFamily("rma_effects", "Acts and messages without an end.", labels=labels)
    oldest = GaugeMetricFamily("rma_effects_oldest_seconds", "Age of the oldest of them.", labels=labels)
    for one in found.effects:
        many.add_metric((one.kind, one.state), one.count)
        oldest.add_metric((one.kind, one.state), one.oldest)
    lag = GaugeMetricFamily("rma_subscriber_lag_events", "Sealed events not read yet.", labels=("subscriber",))
    for name, events in sorted(found.subscribers.items()):
        lag.add_metric((name,), events)
    late = GaugeMetricFamily("rma_refunds_overdue", "Unpaid refunds past the day they are due by.", labels=("by",))
    for by, refunds in found.refunds_overdue.items():
        late.add_metric((by,), refunds)
    yield from (many, oldest, lag, late)
    for name, text, value in (
        ("rma_deadlines_overdue", "Deadlines that are due and have not fired.", found.overdue),
        ("rma_deadlines_overdue_oldest_seconds", "How late the oldest of them is.", found.overdue_oldest),
        ("rma_seal_lag_events", "Events that are not sealed yet.", found.seal_lag),
        ("rma_seal_lag_oldest_seconds", "Age of the oldest of them.", found.seal_lag_oldest),
    ):
        yield GaugeMetricFamily(name, text, value=value)
