"""Parcels over HTTP: labels asked for, carriers' news."""

from __future__ import annotations

from typing import Any

from rma.api import shapes
from rma.api.http import Call, created, ok
from rma.api.routing import Routes
from rma.services import parcels
from rma.services.idempotency import Answer
from rma.services.parcels import NewParcel, ParcelNews

routes = Routes(tag="Parcels")


@routes.post("/returns/{id}/parcels", answers=shapes.Parcel, status=201)
def create(call: Call, data: NewParcel) -> Answer:
    """Announce a parcel; its label or code is ready a moment later."""

    def act(work: Any) -> Answer:
        view = parcels.create(work, call.services, call.caller, call.path["id"], data)
        return created(view, version=view["version"], subject=view["return_id"])

    return call.write(act)


@routes.delete("/returns/{id}/parcels/{pid}", answers=shapes.Parcel)
def void(call: Call) -> Answer:
    """Void a parcel that the carrier does not have yet."""

    def act(work: Any) -> Answer:
        view = parcels.void(work, call.services, call.caller, call.path["pid"], call.path["id"])
        return ok(view, version=view["version"], subject=view["return_id"])

    return call.write(act)


@routes.post("/parcels/{id}/events", answers=shapes.Parcel)
def tell(call: Call, data: ParcelNews) -> Answer:
    """What the carrier says; a repeated `source_id` changes nothing, with another body it is 409."""

    def act(work: Any) -> Answer:
        view = parcels.tell(work, call.services, call.caller, call.path["id"], data)
        return ok(view, version=view["version"], subject=view["return_id"])

    return call.write(act)
