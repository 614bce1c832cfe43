"""The store's sealed feed over HTTP."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

from rma.api.http import Call
from rma.api.routing import Routes
from rma.services import feed
from rma.services.feed import FeedEvent
from rma.services.idempotency import Answer
from rma.services.paging import Page

routes = Routes(tag="Events")


class After(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where to go on: behind the event with this sequence."""

    after: Annotated[int, Meta(ge=0, le=2**62)] = 0


@routes.get("/events", answers=Page[FeedEvent], query=After)
def listing(call: Call) -> Answer:
    """Everything that happened in the store, in one order without gaps.

    Keep the `sequence` of the last event you have worked through and ask for what comes `after` it; nothing is ever
    put in before it. Personal values stand in `data`, or `"erased"` once they are.
    """
    after = call.query(After).after
    return call.pages(lambda work, ask: feed.page_of_store(work, call.caller.store_id, ask, after=after))
