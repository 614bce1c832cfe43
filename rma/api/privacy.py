"""Privacy over HTTP: what is held of a person, their erasure, the periodic destruction and its log.

Whom it is about stands in the body, never in an address: addresses end up in logs.
"""

from __future__ import annotations

import msgspec

from rma.api.http import Call, created, ok, raw
from rma.api.routing import Routes
from rma.services import privacy, privacy_export, privacy_run
from rma.services.context import Work
from rma.services.idempotency import Answer
from rma.services.paging import Page
from rma.services.privacy import Preview, RequestFilters, RequestView, Subject
from rma.services.privacy_export import Export, ExportOf
from rma.services.privacy_run import LogLine, RunReport

routes = Routes(tag="Privacy")


class RunIn(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """``dry_run``: only say what would go."""

    dry_run: bool = False


@routes.post("/privacy/export", answers=Export, writes=False)
def export(call: Call, data: ExportOf) -> Answer:
    """Everything that is held about a person, as JSON."""
    return call.read(lambda work: ok(privacy_export.export(work, call.services, call.caller, data, locale=call.locale)))


@routes.post("/privacy/export.zip", answers=bytes, writes=False, media_type="application/zip")
def archive(call: Call, data: ExportOf) -> Answer:
    """The same with the files of every return beside it."""
    made = privacy_export.archive(call.services, call.caller, data, locale=call.locale)
    return raw(made, "application/zip", filename="export.zip")


@routes.post("/privacy/erasures/preview", answers=Preview, writes=False)
def preview(call: Call, data: Subject) -> Answer:
    """What an erasure would do now, class by class; nothing is written."""
    return call.read(lambda work: ok(privacy.preview(work, call.services, call.caller, data, locale=call.locale)))


@routes.post("/privacy/erasures", answers=RequestView, status=201)
def erase(call: Call, data: Subject) -> Answer:
    """Erase a person: what no duty keeps goes now, the rest is locked away until its day; each class has its answer."""

    def act(work: Work) -> Answer:
        view = privacy.request(work, call.services, call.caller, data, locale=call.locale)
        return created(view, version=view.version, subject=view.id)

    return call.write(act)


@routes.get("/privacy/erasures", answers=Page[RequestView], query=RequestFilters)
def listed(call: Call) -> Answer:
    """The store's requests, oldest first. They hold no personal data."""
    asked = call.query(RequestFilters)
    return call.pages(lambda work, ask: privacy.listing(work, call.caller, asked, ask, locale=call.locale))


@routes.get("/privacy/erasures/{id}", answers=RequestView)
def show(call: Call) -> Answer:
    """One request, and where it stands."""

    def act(work: Work) -> Answer:
        view = privacy.show(work, call.caller, call.path["id"], locale=call.locale)
        return ok(view, version=view.version)

    return call.read(act)


@routes.post("/privacy/runs", answers=RunReport)
def run(call: Call, data: RunIn) -> Answer:
    """Destroy what has reached its end in this store now. The worker does the same every hour."""
    store_id = call.caller.store_id
    return call.in_parts(lambda: ok(privacy_run.run(call.services, store_id=store_id, dry_run=data.dry_run)))


@routes.get("/privacy/destructions", answers=Page[LogLine])
def destructions(call: Call) -> Answer:
    """The destruction log, oldest first: what class, how many, by which article, when."""
    return call.pages(lambda work, ask: privacy_run.destructions(work, call.caller.store_id, ask))
