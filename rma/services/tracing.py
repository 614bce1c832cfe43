"""Traces for OpenTelemetry: a span for each request and each durable act, where a collector is named.

It needs the extra ``otel`` and ``OTEL_EXPORTER_OTLP_ENDPOINT`` (or ``OTEL_EXPORTER_OTLP_TRACES_ENDPOINT``); sampling,
headers and the service's name are set by OpenTelemetry's own variables. Without a collector nothing is imported and a
span costs nothing. Spans hold ids, routes and the classes of errors, never what people wrote.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, Any

from rma.errors import Invalid
from rma.services import logs

if TYPE_CHECKING:
    from opentelemetry.trace import Span as Lasting
    from opentelemetry.trace import Tracer

COLLECTOR = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
SERVICE = "rma-engine"


class Span:
    """What is noted of a span while it lasts, its name too; without a collector it goes nowhere."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.notes: dict[str, str | int] = {}


def wanted() -> bool:
    """Whether a collector is named."""
    return any(os.environ.get(name) for name in COLLECTOR)


@cache
def tracer() -> Tracer | None:
    """Where spans go, made once a process; None without a collector. ``Invalid`` if the extra is not installed."""
    if not wanted():
        return None
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415 - an extra
        from opentelemetry.sdk.resources import SERVICE_NAME, Resource  # noqa: PLC0415
        from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415
        from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415
    except ImportError:
        message = "Traces need the extra: install rma-engine[otel], or unset the variable."
        raise Invalid.field(COLLECTOR[0], "extra_missing", message) from None
    named = {} if os.environ.get("OTEL_SERVICE_NAME") else {SERVICE_NAME: SERVICE}
    provider = TracerProvider(resource=Resource.create(named))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    return provider.get_tracer(SERVICE)


@contextmanager
def span(name: str, *, headers: Mapping[str, str] | None = None, **attributes: str | int) -> Iterator[Span]:
    """A span around the block; what was noted is added at its end. ``headers`` may hold a caller's ``traceparent``.

    A name of an attribute has ``__`` where OpenTelemetry has a dot.
    """
    noted, through = Span(name), tracer()
    if through is None:
        yield noted
        return
    given: dict[str, Any] = {"context": _parent(headers), "attributes": _dotted(attributes)}
    with through.start_as_current_span(name, **given, record_exception=False, set_status_on_exception=False) as lasting:
        try:
            yield noted
        except Exception as error:
            _fail(lasting, error)
            raise
        finally:
            lasting.update_name(noted.name)
            lasting.set_attributes(_dotted(noted.notes))


def _fail(lasting: Lasting, error: Exception) -> None:
    """Say by its class alone what ended the block: an error's text, and the stack's lines, hold what people wrote."""
    from opentelemetry.trace import StatusCode  # noqa: PLC0415 - an extra

    kind = logs.kind(error)
    lasting.set_status(StatusCode.ERROR, kind)
    lasting.set_attribute("error.type", kind)


def _dotted(attributes: Mapping[str, str | int]) -> dict[str, str | int]:
    return {name.replace("__", "."): value for name, value in attributes.items()}


def _parent(headers: Mapping[str, str] | None) -> Any:
    from opentelemetry.propagate import extract  # noqa: PLC0415 - an extra

    return extract(headers) if headers else None
