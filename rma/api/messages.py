"""Messages about a return over HTTP, and the outbox of a store in test mode."""

from __future__ import annotations

from rma.api.http import Call, created
from rma.api.routing import Routes
from rma.services import messages
from rma.services.context import Work
from rma.services.idempotency import Answer
from rma.services.messages import Mail, MessageView, NewMessage, OutboxFilters
from rma.services.paging import Page

routes = Routes(tag="Messages")


@routes.post("/returns/{id}/messages", answers=MessageView, status=201)
def write(call: Call, data: NewMessage) -> Answer:
    """Write a message.

    With the customer's link it goes to the store; with a key it stands on the customer's page at once and is mailed.
    """

    def act(work: Work) -> Answer:
        view = messages.write(work, call.services, call.caller, call.path["id"], data)
        return created(view, subject=view.return_id)

    return call.write(act)


@routes.get("/returns/{id}/messages", answers=Page[MessageView])
def listing(call: Call) -> Answer:
    """The messages of a return in both directions, oldest first."""
    return call.pages(lambda work, ask: messages.listing(work, call.caller, call.path["id"], ask))


@routes.get("/outbox", answers=Page[Mail], query=OutboxFilters)
def outbox(call: Call) -> Answer:
    """What this store has mailed, as it left, with working links: in test mode only."""
    filters = call.query(OutboxFilters)
    return call.pages(lambda work, ask: messages.outbox(work, call.services, call.caller, filters, ask))
