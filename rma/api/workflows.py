"""Workflows over HTTP."""

from __future__ import annotations

from rma.api.http import Call, created, ok, raw
from rma.api.routing import Routes
from rma.errors import UnsupportedMedia
from rma.services import workflows
from rma.services.context import Work
from rma.services.idempotency import Answer
from rma.services.paging import Page
from rma.services.policies import resource_version
from rma.services.workflows import WorkflowView

routes = Routes(tag="Workflows")
TOML = ("application/toml", "application/octet-stream", "text/plain", "text/toml", "text/x-toml", "")


@routes.get("/workflows", answers=Page[WorkflowView])
def listing(call: Call) -> Answer:
    """The versions of the store's workflows, drafts too, oldest first."""
    who, language = call.caller, call.locale
    return call.pages(lambda work, ask: workflows.listing(work, ask, store_id=who.store_id, language=language))


@routes.post("/workflows", answers=WorkflowView, status=201, body="text")
def draft(call: Call) -> Answer:
    """Keep a workflow as a draft.

    The body is a TOML file (`Content-Type: application/toml`). It is checked as a whole: shape, names, and that nothing
    gets stuck or pays without approval. Each fault is named by its path.
    """
    if call.media_type not in TOML:
        raise UnsupportedMedia(f"Send the workflow as application/toml, not as {call.media_type}.")

    def act(work: Work) -> Answer:
        made = workflows.draft(work, call.caller, call.body, language=call.locale)
        return created(made, version=resource_version(made.state))

    return call.write(act)


@routes.post("/workflows/{id}/publish", answers=WorkflowView)
def publish(call: Call) -> Answer:
    """Put a draft in use; `id` is its id or `name@version`.

    Returns that are open keep the version they began with.
    """

    def act(work: Work) -> Answer:
        made = workflows.publish(
            work, call.services, call.caller, call.path["id"], language=call.locale, expected=call.if_match
        )
        return ok(made, version=resource_version(made.state))

    return call.write(act)


@routes.get("/workflows/{id}/diagram", answers=bytes, media_type="text/plain")
def diagram(call: Call) -> Answer:
    """The workflow as a Mermaid diagram; `id` is its id or `name@version`."""

    def act(work: Work) -> Answer:
        drawn = workflows.diagram(work, call.caller.store_id, call.path["id"], language=call.locale)
        return raw(drawn.encode(), "text/plain; charset=utf-8")

    return call.read(act)
