"""Receiving over HTTP: receipts with undo, what nobody announced, inspections."""

from __future__ import annotations

from typing import Any

from rma.api import shapes
from rma.api.http import Call, created, ok
from rma.api.routing import Routes
from rma.services import inspections, receipts, unannounced, undoing
from rma.services.idempotency import Answer
from rma.services.inspections import NewInspection
from rma.services.paging import Page
from rma.services.receipts import NewReceipt
from rma.services.unannounced import Dispose, MatchItem, MatchParcel, UnexpectedView, UnknownParcel

routes = Routes(tag="Receiving")


@routes.post("/receipts", answers=shapes.Receipt, status=201, also=200)
def receive(call: Call, data: NewReceipt) -> Answer:
    """What has arrived. Any code works as `scan`; a repeated `scan_id` changes nothing, with another body it is 409."""

    def act(work: Any) -> Answer:
        view, new = receipts.receive(work, call.services, call.caller, data)
        return (created if new else ok)(view, version=view.get("version"), subject=view["return_id"])

    return call.write(act)


@routes.delete("/receipts/{scan_id}", answers=shapes.Counted)
def undo(call: Call) -> Answer:
    """Take a receipt back; refused once money has moved."""

    def act(work: Any) -> Answer:
        view = undoing.undo(work, call.services, call.caller, call.path["scan_id"])
        return ok(view, version=view["version"], subject=view["return_id"])

    return call.write(act)


@routes.post("/returns/{id}/inspections", answers=shapes.Inspected, status=201)
def inspect(call: Call, data: NewInspection) -> Answer:
    """Judge received units; a refund is proposed for those accepted."""

    def act(work: Any) -> Answer:
        view = inspections.inspect(work, call.services, call.caller, call.path["id"], data, locale=call.locale)
        return created(view, version=view["version"], subject=view["return_id"])

    return call.write(act)


@routes.post("/receipts/unknown", answers=UnexpectedView, status=201)
def unknown(call: Call, data: UnknownParcel) -> Answer:
    """A parcel that no code belongs to: kept on a shelf, matched later."""

    def act(work: Any) -> Answer:
        view = unannounced.record_parcel(work, call.services, call.caller, data)
        return created(view, version=view.version, subject=view.id)

    return call.write(act)


@routes.get("/receipts/unknown", answers=Page[UnexpectedView])
def unknown_listed(call: Call) -> Answer:
    """Unknown parcels that nobody has matched, oldest first."""
    return call.pages(lambda work, ask: unannounced.listing(work, call.caller, ask))


@routes.post("/receipts/unknown/{id}/match", answers=UnexpectedView)
def match_parcel(call: Call, data: MatchParcel) -> Answer:
    """Give an unknown parcel to its return."""
    return _done(call, unannounced.match_parcel, data)


@routes.post("/unexpected/{id}/match", answers=UnexpectedView)
def match_item(call: Call, data: MatchItem) -> Answer:
    """Count a thing for the line it belongs to."""
    return _done(call, unannounced.match_item, data)


@routes.post("/unexpected/{id}/dispose", answers=UnexpectedView)
def dispose(call: Call, data: Dispose) -> Answer:
    """Where a thing goes that belongs to no return."""
    return _done(call, unannounced.dispose, data)


def _done(call: Call, do: Any, data: Any) -> Answer:
    def act(work: Any) -> Answer:
        view = do(work, call.services, call.caller, call.path["id"], data)
        return ok(view, version=view.version, subject=view.return_id or view.id)

    return call.write(act)
