"""The test clock over HTTP."""

from __future__ import annotations

from rma.api import shapes
from rma.api.http import Call, ok
from rma.api.routing import Routes
from rma.services import clock
from rma.services.clock import MoveClock
from rma.services.idempotency import Answer

routes = Routes(tag="Test mode")


@routes.get("/test-clock", answers=shapes.Clock)
def show(call: Call) -> Answer:
    """The store's own time."""
    return ok(clock.read(call.services, call.caller))


@routes.post("/test-clock", answers=shapes.Clock)
def move(call: Call, data: MoveClock) -> Answer:
    """Move the store's time forward: deadlines fire in due order, then feed, messages and acts catch up."""
    return call.in_parts(lambda: ok(clock.move(call.services, call.caller, data)))
