"""Serving over HTTP with uvicorn on uvloop and httptools."""

from __future__ import annotations

import uvicorn
from litestar import Litestar

from rma.settings import Settings

_GRACE_SECONDS = 20


def serve(app: Litestar, settings: Settings) -> None:
    """Serve until told to stop (SIGINT, SIGTERM); requests under way get twenty seconds to end."""
    make(app, settings).run()


def make(app: Litestar, settings: Settings) -> uvicorn.Server:
    """The server, not yet running. Its own access log stays off: addresses can hold personal data."""
    config = uvicorn.Config(
        app,
        host=settings.host,
        port=settings.port,
        loop="uvloop",
        http="httptools",
        ws="none",
        lifespan="on",
        access_log=False,
        log_level="warning",
        server_header=False,
        timeout_graceful_shutdown=_GRACE_SECONDS,
        backlog=2048,
    )
    return uvicorn.Server(config)
