"""Serving over HTTP with uvicorn on uvloop and httptools; ``rma.api.connection`` sets bounds to what clients send."""

from __future__ import annotations

import os

import uvicorn
from litestar import Litestar
from uvicorn.supervisors import Multiprocess

from rma.api.connection import Bounds, Config
from rma.services import shared_counts
from rma.settings import Settings

_GRACE_SECONDS = 20
_SILENT_SECONDS = 45
"""A process that says nothing for so long is replaced; it has to start in this time, on a machine that is busy too."""


def serve(app: Litestar, settings: Settings) -> None:
    """Serve until told to stop (SIGINT, SIGTERM); requests under way get twenty seconds to end."""
    make(app, settings).run()


def make(app: Litestar, settings: Settings) -> uvicorn.Server:
    """The server, not yet running. Its own access log stays off: addresses can hold personal data."""
    return uvicorn.Server(_config(settings, app))


def serve_many(settings: Settings) -> None:
    """Serve with ``settings.processes`` processes on one address until told to stop; a dead one is replaced.

    Each reads the settings from its environment, so what the command line said is put there. The calling process only
    watches over them, and may work behind the requests meanwhile. Inside ``shared_counts.together`` all count as one.
    """
    os.environ.update({"RMA_HOST": settings.host, "RMA_PORT": str(settings.port)})
    config = _config(settings, "rma.app:create_from_environment", workers=settings.processes)
    listening = config.bind_socket()
    try:
        _Watch(config, sockets=[listening]).run()
    finally:
        listening.close()


class _Watch(Multiprocess):
    """Replaces dead processes, and keeps what they had counted. The port closes when they are told to end."""

    def terminate_all(self) -> None:
        """Called once, at the end: who came now would wait for nobody until the last of them has ended."""
        super().terminate_all()
        for one in self.sockets:
            one.close()

    def keep_subprocess_alive(self) -> None:
        """Called twice a second."""
        super().keep_subprocess_alive()
        if shared := shared_counts.folder():
            shared_counts.fold(shared, {os.getpid(), *(one.pid for one in self.processes if one.pid is not None)})


def _config(settings: Settings, app: Litestar | str, *, workers: int = 1) -> Config:
    """``app`` is the application, or the name of what makes it in each of the ``workers`` processes."""
    return Config(
        app,
        bounds=Bounds(**{name: getattr(settings, name) for name in Bounds.__struct_fields__}),
        factory=isinstance(app, str),
        workers=workers,
        host=settings.host,
        port=settings.port,
        loop="rma.api.sharing:Loop",
        ws="none",
        proxy_headers=bool(settings.trusted_proxies),
        forwarded_allow_ips=[str(one) for one in settings.trusted_proxies],
        lifespan="on",
        access_log=False,
        log_config=None,
        log_level="warning",
        server_header=False,
        timeout_graceful_shutdown=_GRACE_SECONDS,
        timeout_worker_healthcheck=_SILENT_SECONDS,
        backlog=2048,
    )
