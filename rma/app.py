"""The only composition root of HTTP: settings in, a Litestar application out."""

from __future__ import annotations

import contextlib
import functools
import gc
import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import AsyncIterator, Callable, Sequence
from http import HTTPStatus
from importlib.metadata import version
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any, cast

import msgspec
from litestar import Litestar, Request, Response, Router
from litestar.config.cors import CORSConfig
from litestar.datastructures import State
from litestar.exceptions import HTTPException
from litestar.handlers import HTTPRouteHandler
from litestar.plugins import PluginProtocol
from litestar.plugins.core import MsgspecDIPlugin
from litestar.static_files import create_static_files_router
from litestar.types import ASGIApp

import rma.services.handlers  # noqa: F401 - whoever opens a door finds every effect behind it
from rma.api import (
    clock,
    effects,
    events,
    evidence,
    health,
    labels,
    law,
    messages,
    openapi,
    orders,
    parcels,
    policies,
    privacy,
    problems,
    products,
    receiving,
    refunds,
    returns,
    stores,
    withdrawals,
    workflows,
)
from rma.api.metrics import Metrics
from rma.api.middleware import AccessLog, RequestId, Traces
from rma.api.reading import Sent
from rma.api.routing import Reply, Routes, Server
from rma.db.session import Database
from rma.domain import strict
from rma.providers import labels as printing
from rma.providers import registry
from rma.services import logs, tracing
from rma.services.context import Services
from rma.services.idempotency import Answer
from rma.services.law import laws
from rma.services.stores import RESERVED_SLUGS
from rma.settings import Settings
from rma.web import follow, pages, policy, withdrawal

ROUTES: tuple[Routes, ...] = (
    stores.routes,
    products.routes,
    orders.routes,
    returns.routes,
    parcels.routes,
    labels.routes,
    evidence.routes,
    receiving.routes,
    refunds.routes,
    withdrawals.routes,
    policies.routes,
    workflows.routes,
    law.routes,
    messages.routes,
    privacy.routes,
    events.routes,
    effects.routes,
    clock.routes,
    health.routes,
)
"""Every capability of the API, in the order of the API page."""

_STATIC = Path(__file__).resolve().parent / "web" / "static"
_DOCS_PAGE = _STATIC / "swagger-ui" / "page.html"


class _App(Litestar):
    """Litestar without its plugins for models of pydantic and attrs: no endpoint has one, and both cost each start."""

    @staticmethod
    def _get_default_plugins(plugins: list[PluginProtocol]) -> list[PluginProtocol]:
        return [*plugins, MsgspecDIPlugin()]


def create_services(settings: Settings, *, database: Database | None = None) -> Services:
    """Everything that the use cases of one process work with. The database must have been migrated.

    ``DefinitionError`` for a faulty file of the law: nobody shall find out at the first return.
    """
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    strict.prepare()
    laws()
    return Services(
        settings=settings,
        database=database or Database(settings.database, pool_size=settings.threads),
        ports=registry.load_all(registry.Context(data_dir=settings.data_dir)),
        printer=printing,
    )


def create_app(
    settings: Settings,
    *,
    database: Database | None = None,
    services: Services | None = None,
    routes: Sequence[Routes] = ROUTES,
) -> Litestar:
    """The application. What is handed in stays the caller's to close; what is made here is closed at shutdown."""
    own = services is None
    using = services or create_services(settings, database=database)
    metrics = Metrics()
    everything = (*routes, metrics.routes)
    executor = logs.Threads(settings.threads, thread_name_prefix="request")

    @contextlib.asynccontextmanager
    async def lifespan(_app: Litestar) -> AsyncIterator[None]:
        yield
        executor.shutdown(wait=True)
        if own and database is None:
            using.close()

    handlers: list[HTTPRouteHandler | Router] = [
        *Server(using, executor).handlers(everything),
        *_documentation(everything),
        *withdrawal.handlers(using, executor),
        *policy.handlers(using, executor),
        *follow.handlers(using, executor),
        create_static_files_router("/static", [_STATIC]),
    ]
    app = _App(
        [Router("/", route_handlers=handlers)],  # in one: after each, the tree of all addresses is made anew
        exception_handlers={Exception: _problem},
        lifespan=[lifespan],
        request_class=Sent,
        state=State({"services": using}),
        cors_config=CORSConfig(allow_origins=list(settings.cors_origins)) if settings.cors_origins else None,
        openapi_config=None,
        logging_config=None,
    )
    app.asgi_handler = _wrap(app.asgi_handler, metrics, settings)
    return app


def create_from_environment() -> Litestar:
    """The application of one of several processes of ``rma serve``, which has migrated the database before.

    It ends when the process that watches over it has gone, however that ended.
    """
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_end_after, args=(parent,), name="parent", daemon=True).start()
    logs.set_up()
    app = create_app(Settings())
    loaded()
    return app


def loaded() -> None:
    """Look for garbage from now on, but not in what was loaded, which stays: to look through that takes time."""
    gc.freeze()
    gc.enable()


def _end_after(parent: BaseProcess) -> None:
    parent.join()
    os.kill(os.getpid(), signal.SIGTERM)


def _wrap(handler: ASGIApp, metrics: Metrics, settings: Settings) -> ASGIApp:
    """Our layers go around everything, also around what no route answers."""
    inner = metrics.around(cast(ASGIApp, RequestId(handler)))
    if tracing.tracer() is not None:
        inner = cast(ASGIApp, Traces(inner))
    return cast(ASGIApp, AccessLog(inner, _to_stdout)) if settings.access_log else inner


def _to_stdout(line: bytes) -> None:
    """A line of the log, at once: whoever reads it must not wait for the next ones."""
    sys.stdout.buffer.write(line)
    sys.stdout.buffer.flush()


def _problem(request: Request[Any, Any, Any], error: Exception) -> Response[bytes]:
    """What the framework itself refuses: a page for who asks for pages or at one's address; else a problem."""
    status = error.status_code if isinstance(error, HTTPException) else HTTPStatus.INTERNAL_SERVER_ERROR
    reads = "text/html" in request.headers.get("accept", "") or status == HTTPStatus.METHOD_NOT_ALLOWED
    theirs = request.scope["path"].split("/")[1] not in RESERVED_SLUGS
    if reads and theirs and isinstance(error, HTTPException) and status < HTTPStatus.INTERNAL_SERVER_ERROR:
        return pages.problem(request, error, request.app.state.services)
    answer = problems.answer(error)
    headers = {name.decode(): value.decode() for name, value in answer.headers}
    return Response(answer.body, status_code=answer.status, media_type=answer.media_type, headers=headers)


def _documentation(routes: Sequence[Routes]) -> list[HTTPRouteHandler]:
    """The OpenAPI document, made when it is first asked for, and the page that shows it from files of our own."""

    def described() -> bytes:
        endpoints = [endpoint for group in routes for endpoint in group.endpoints]
        return msgspec.json.encode(openapi.document(endpoints, title="rma-engine", version=version("rma-engine")))

    return [
        _fixed("/api/v1/openapi.json", lambda: Answer(200, described())),
        _fixed("/api/docs", lambda: Answer(200, _DOCS_PAGE.read_bytes(), media_type="text/html; charset=utf-8")),
    ]


def _fixed(path: str, make: Callable[[], Answer]) -> HTTPRouteHandler:
    """A page that never changes while the process lives."""
    reply = functools.cache(lambda: cast(ASGIApp, Reply(make())))

    async def handle() -> ASGIApp:
        return reply()

    return HTTPRouteHandler(path, http_method=["GET", "HEAD"], name=path)(handle)
