"""For those who run it: is it alive, is it ready."""

from __future__ import annotations

from rma.api.http import Call, ok
from rma.api.routing import Routes
from rma.services import health
from rma.services.idempotency import Answer

routes = Routes(tag="Operations", prefix="")


@routes.get("/health/live", answers=dict[str, str], inline=True)
def live(_call: Call) -> Answer:
    """The process answers."""
    return ok({"status": "ok"})


@routes.get("/health/ready", answers=dict[str, str])
def ready(call: Call) -> Answer:
    """The database answers and has the newest schema; 503 otherwise."""
    return ok({"status": "ok", **health.check_ready(call.services.database)})
