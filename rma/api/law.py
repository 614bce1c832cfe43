"""The law over HTTP: the texts that hold, and a calculator for its deadlines."""

from __future__ import annotations

from typing import Any

from rma.api.http import Call, ok
from rma.api.routing import Routes
from rma.services import law
from rma.services.idempotency import Answer
from rma.services.law import DeadlineAnswer, DeadlineQuestion, ProfileFilters
from rma.services.paging import Page

routes = Routes(tag="Law")


@routes.get("/law/profiles", answers=Page[dict[str, Any]], query=ProfileFilters)
def profiles(call: Call) -> Answer:
    """Every text of the law that we hold, with the article of each rule and how sure we are of it.

    With a country, the text that holds there on a day, as it holds there.
    """
    filters = call.query(ProfileFilters)
    return call.pages(lambda work, ask: law.listing(work, call.services, call.caller, filters, ask))


@routes.post("/law/deadlines", answers=DeadlineAnswer, writes=False)
def deadline(call: Call, data: DeadlineQuestion) -> Answer:
    """A legal deadline by the facts of a case: as counted, as a court would roll it, in the mildest reading.

    What binds is the latest of them for a consumer and the earliest for a seller. Days are null while the deadline
    has not started, or where the law knows none. Nothing is written.
    """
    return call.read(lambda work: ok(law.deadline(work, call.services, call.caller, data)))
