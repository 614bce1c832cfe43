"""What a process has counted since it started: transitions by outcome, deadlines that ran out, failing chores.

The processes of one ``rma serve`` count together (``shared_counts``); a worker's counts are its own, and
it tells them at an address of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache

import prometheus_client as prometheus

from rma.errors import Unavailable

prometheus.disable_created_metrics()  # type: ignore[no-untyped-call]
REGISTRY = prometheus.CollectorRegistry()
"""Everything counted here, for whoever tells it."""
_FAMILIES = {
    counted: prometheus.Counter(name, text, labels, registry=REGISTRY)
    for counted, name, text, labels in (
        ("transitions", "rma_transitions", "Transitions by outcome.", ("machine", "trigger", "outcome")),
        ("deadlines", "rma_deadlines", "Deadlines that ran out.", ("deadline", "outcome")),
        ("chores", "rma_chore_failures", "Failures of the work behind requests.", ("chore",)),
    )
}


def count(name: str, *labels: str) -> None:
    """One more."""
    _counter(name, labels).inc()


def later(name: str, *labels: str) -> Callable[[], object]:
    """What counts one more when it is called: for what is true only once its transaction has ended."""
    return _counter(name, labels).inc


@contextmanager
def told(host: str, port: int) -> Iterator[None]:
    """Tell Prometheus at this address what was counted here and what the process needs; port 0 tells nobody.

    Raises ``Unavailable`` where the address cannot be had.
    """
    if not port:
        yield
        return
    registry = prometheus.CollectorRegistry()
    prometheus.ProcessCollector(registry=registry)
    registry.register(REGISTRY)
    try:
        server, thread = prometheus.start_http_server(port, host, registry)
    except OSError as error:
        raise Unavailable(f"Nobody can be told numbers at {host}:{port}: {error.strerror}.") from error
    try:
        yield
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@cache
def _counter(name: str, labels: tuple[str, ...]) -> prometheus.Counter:
    """The counter of these labels; what they can be is a handful, so all are kept."""
    return _FAMILIES[name].labels(*labels)
