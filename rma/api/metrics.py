"""Numbers for Prometheus: requests by route and status, how long they took, and the process itself."""

from __future__ import annotations

import time

from litestar.enums import ScopeType
from litestar.types import ASGIApp, Receive, Scope, Send
from prometheus_client import CollectorRegistry, Counter, Histogram, ProcessCollector, generate_latest

from rma.api.http import Call, raw
from rma.api.routing import Routes
from rma.services.idempotency import Answer

MEDIA_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)


class Metrics:
    """The numbers of one application, counted by a layer around it. Labels hold routes, never addresses as sent."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        names = ("method", "route", "status")
        self._requests = Counter("rma_http_requests", "Requests answered.", names, registry=self.registry)
        self._seconds = Histogram(
            "rma_http_request_seconds", "Time to answer.", ("route",), registry=self.registry, buckets=_BUCKETS
        )
        self.routes = Routes(tag="Operations", prefix="")
        self.routes.get("/metrics", answers=bytes, media_type="text/plain")(self.show)

    def show(self, _call: Call) -> Answer:
        """The numbers in the text format of Prometheus."""
        return raw(generate_latest(self.registry), MEDIA_TYPE)

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
