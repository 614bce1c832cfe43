"""Traces as a collector on this machine gets them."""

from __future__ import annotations

import gzip
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from rma.app import create_services
from rma.db.session import Database
from rma.demo.local import free_port
from rma.errors import Invalid
from rma.services import runner, tracing
from rma.settings import Settings
from tests.api.test_effects import unknown_refund
from tests.support.floor import Floor
from tests.support.program import Program

TRACE = "0af7651916cd43dd8448eb211c80319c"


class Collector(HTTPServer):
    """Keeps every span that is sent to it."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.spans: list[Span] = []


class _Handler(BaseHTTPRequestHandler):
    server: Collector

    def do_POST(self) -> None:
        """One batch of spans."""
        body = self.rfile.read(int(self.headers["content-length"]))
        body = gzip.decompress(body) if self.headers.get("content-encoding") == "gzip" else body
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
            self.server.spans += [span for scope in resource.scope_spans for span in scope.spans]
        self.send_response(200)
        self.end_headers()

    def log_message(self, format: str, *_values: object) -> None:  # noqa: A002 - the name of the method it replaces
        """Stay silent."""


@pytest.fixture
def collector() -> Iterator[Collector]:
    """A collector that listens on this machine."""
    with Collector() as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def test_a_request_is_a_span_of_its_callers_trace(collector: Collector, tmp_path: Path) -> None:
    """A span carries route, status and request id, belongs to the caller's trace and holds nothing of the query."""
    program = Program(tmp_path)
    program.call("db", "upgrade")
    program.environment["OTEL_EXPORTER_OTLP_ENDPOINT"] = f"http://127.0.0.1:{collector.server_port}"
    with program.serving(free_port()) as client:
        headers = {"traceparent": f"00-{TRACE}-b7ad6b7169203331-01", "X-Request-Id": "r-7"}
        client.get("/api/v1/returns?email=ayse@example.com", headers=headers)
    (found,) = [span for span in collector.spans if span.name == "GET /api/v1/returns"]
    told = {one.key: one.value.string_value or one.value.int_value for one in found.attributes}
    assert found.trace_id.hex() == TRACE
    seen = tuple(told[name] for name in ("http.route", "http.response.status_code", "rma.request_id"))
    assert seen == ("/api/v1/returns", 401, "r-7")
    assert b"ayse" not in found.SerializeToString()


@pytest.fixture
def exporting(collector: Collector, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Spans of this process go there; what is left is sent at the end."""
    monkeypatch.setenv(tracing.COLLECTOR[0], f"http://127.0.0.1:{collector.server_port}")
    tracing.tracer.cache_clear()
    yield
    processor(tracing.tracer()).shutdown()
    monkeypatch.undo()
    tracing.tracer.cache_clear()


def processor(tracer: Any) -> Any:
    """What gathers spans and sends them."""
    return tracer.span_processor


@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
@pytest.mark.usefixtures("exporting")
def test_a_durable_act_is_a_span_with_its_key(database_url: str, tmp_path: Path, collector: Collector) -> None:
    """Each run of an act is a span of its own with the act's key and nothing of a person."""
    services = create_services(Settings(data_dir=tmp_path, access_log=False), database=Database(database_url))
    key = unknown_refund(Floor(services))
    runner.run_attempt(services, key)
    services.effects.stop()
    services.close()
    processor(tracing.tracer()).force_flush()
    spans = [span for span in collector.spans if span.name == "send_refund"]
    told = [[(one.key, one.value.string_value) for one in span.attributes] for span in spans]
    assert told == [[("rma.attempt", key)]] * 2
    assert spans[0].trace_id != spans[1].trace_id
    said = [f"{span.name} {span.attributes} {span.events} {span.status}" for span in collector.spans]  # ids are random
    assert not [one for one in said if "@" in one]


def test_without_a_collector_a_span_goes_nowhere() -> None:
    """A block runs as it is, and what is noted is dropped."""
    with tracing.span("act", rma__attempt="a:1:send_refund") as span:
        span.notes["rma__state"] = "done"
    assert tracing.tracer() is None


def test_a_missing_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """A collector without the library is told at the start, with what to install."""
    monkeypatch.setenv(tracing.COLLECTOR[0], "http://127.0.0.1:9")
    monkeypatch.setitem(sys.modules, "opentelemetry.exporter.otlp.proto.http.trace_exporter", None)
    tracing.tracer.cache_clear()
    with pytest.raises(Invalid, match=r"rma-engine\[otel\]"):
        tracing.tracer()
    monkeypatch.undo()
    tracing.tracer.cache_clear()
