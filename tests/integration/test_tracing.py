"""Traces as a collector on this machine gets them."""

from __future__ import annotations

import asyncio
import gzip
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from rma.api.middleware import Traces
from rma.app import create_services
from rma.db.session import Database
from rma.demo.local import free_port
from rma.errors import Invalid
from rma.services import runner, tracing
from rma.settings import Settings
from tests.api.test_effects import unknown_refund
from tests.support.floor import Floor
from tests.support.program import Program
from tests.support.talkative import SAID, let_talk

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
    """Each run of an act is a span of its own with the act's key; of one that breaks it says with what class of error.

    Nothing of a person is in it, whatever the error says.
    """
    services = create_services(Settings(data_dir=tmp_path, access_log=False), database=Database(database_url))
    key = unknown_refund(Floor(services))
    let_talk(services, tmp_path)
    runner.run_attempt(services, key)
    services.effects.stop()
    services.close()
    well, broke = sent(collector, "send_refund")
    assert (attributes(well), well.status.code) == ({"rma.attempt": key}, Status.STATUS_CODE_UNSET)
    assert attributes(broke) == {"rma.attempt": key, "error.type": "builtins.ConnectionError"}
    assert (broke.status.code, broke.status.message) == (Status.STATUS_CODE_ERROR, "builtins.ConnectionError")
    assert well.trace_id != broke.trace_id
    assert not [span for span in collector.spans if "@" in written(span)]


@pytest.mark.usefixtures("exporting")
def test_a_request_that_breaks_tells_no_text(collector: Collector) -> None:
    """What ends a request is told by its class alone, and the request is a span with route and id all the same."""

    async def breaks(scope: Any, _receive: Any, _send: Any) -> None:
        scope["path_template"] = "/api/v1/returns"
        raise LookupError(SAID)

    scope: Any = {"type": "http", "method": "GET", "headers": [], "state": {"request_id": "r-8"}}
    with pytest.raises(LookupError):
        asyncio.run(Traces(breaks)(scope, None, None))  # type: ignore[arg-type]
    (found,) = sent(collector, "GET /api/v1/returns")
    assert attributes(found).items() >= {"rma.request_id": "r-8", "error.type": "builtins.LookupError"}.items()
    assert (found.status.code, found.status.message) == (Status.STATUS_CODE_ERROR, "builtins.LookupError")
    assert "@" not in written(found)


def sent(collector: Collector, name: str) -> list[Span]:
    """The spans of this name, once all are sent."""
    processor(tracing.tracer()).force_flush()
    return [span for span in collector.spans if span.name == name]


def attributes(span: Span) -> dict[str, str]:
    """The attributes of a span that are texts."""
    return {one.key: one.value.string_value for one in span.attributes}


def written(span: Span) -> str:
    """All of a span but its ids, which are random."""
    return f"{span.name} {span.attributes} {span.events} {span.status}"


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
