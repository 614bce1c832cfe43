"""For those who run it: is it alive, is it ready."""

from __future__ import annotations

from rma.api.http import Call, ok
from rma.api.routing import Routes
from rma.services import health
from rma.services.health import Ready
from rma.services.idempotency import Answer

routes = Routes(tag="Operations", prefix="")


@routes.get("/health/live", answers=dict[str, str], inline=True)
def live(_call: Call) -> Answer:
    """The process answers."""
    return ok({"status": "ok"})


@routes.get("/health/ready", answers=Ready)
def ready(call: Call) -> Answer:
    """The database answers with a schema of ours, and the durable engine takes acts, where it runs here; else 503.

    With no process that does the work behind requests they are taken all the same, and `warning` says so. The answer is
    a second old at most: so often, and no more often, is the database asked.
    """
    return ok(health.check_ready(call.services))
