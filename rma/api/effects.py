"""Dead letters over HTTP: durable acts and messages that did not get through, and another try."""

from __future__ import annotations

from rma.api.http import Call, ok
from rma.api.routing import Routes
from rma.services import dead_letters
from rma.services.dead_letters import DeadLetter, Filters
from rma.services.idempotency import Answer
from rma.services.paging import Page

routes = Routes(tag="Operations")


@routes.get("/effects", answers=Page[DeadLetter], query=Filters)
def listed(call: Call) -> Answer:
    """Acts and messages of the store that broke, gave up or stay unknown."""
    asked = call.query(Filters)
    return call.pages(lambda work, ask: dead_letters.listing(work, call.caller.store_id, asked, ask))


@routes.post("/effects/{id}/retry", answers=DeadLetter)
def retry(call: Call) -> Answer:
    """Take it up once more, now. What may have been done already is asked about, never sent a second time."""
    return call.write(lambda work: ok(dead_letters.retry(work, call.services, call.caller.store_id, call.path["id"])))
