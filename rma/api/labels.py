"""Labels, code sheets and packing slips."""

from __future__ import annotations

import hashlib

import msgspec

from rma.api import shapes
from rma.api.http import Call, accepted, raw
from rma.api.routing import Routes
from rma.domain.labels import Size
from rma.services import labels
from rma.services.context import Work
from rma.services.idempotency import Answer
from rma.services.labels import Document, Printed

routes = Routes(tag="Labels")
_PDF = "application/pdf"


class Paper(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What to print on: ``a6`` and ``4x6`` for label printers, ``a4`` for a printer at home.

    Without a ``size`` a label is ``a6`` and a packing slip ``a4``.
    """

    size: Size | None = None
    document: Document = "label"


class Papers(Paper, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which parcels to print: ``parcel`` once for each, in the order of the pages, 200 at most."""

    parcel: list[str] = []


@routes.get("/returns/{id}/parcels/{pid}/label.pdf", query=Paper, answers=bytes, media_type=_PDF)
def label(call: Call) -> Answer:
    """The label or code sheet of a parcel as PDF; ``document=packing_slip`` for what goes into it.

    409 with the reason while the label is not ready, has run out or was cancelled. The same parcel in the same state
    gives the same bytes. The QR code leads to the return's page and holds no token.
    """
    paper, path = call.query(Paper), call.path
    found = labels.one(
        call.services,
        call.caller,
        path["id"],
        path["pid"],
        document=paper.document,
        size=paper.size,
        language=call.locale,
    )
    return _pdf(found)


@routes.get("/labels.pdf", query=Papers, answers=bytes, media_type=_PDF)
def sheet(call: Call) -> Answer:
    """The labels or packing slips of many parcels as one PDF: ``?parcel=par_…&parcel=par_…``.

    Pages come in the order asked for. 409 names every parcel that cannot be printed and why; then nothing is.
    """
    papers = call.query(Papers)
    found = labels.many(
        call.services, call.caller, papers.parcel, document=papers.document, size=papers.size, language=call.locale
    )
    return _pdf(found)


@routes.post("/returns/{id}/parcels/{pid}/label", answers=shapes.Parcel, status=202)
def reissue(call: Call) -> Answer:
    """Have a label that has run out made again; it is ready a moment later."""
    return_id, parcel_id = call.path["id"], call.path["pid"]

    def act(work: Work) -> Answer:
        made = labels.reissue(work, call.services, call.caller, return_id, parcel_id)
        return accepted(made, version=made["version"], subject=made["return_id"])

    return call.write(act)


def _pdf(found: Printed) -> Answer:
    etag = f'"{hashlib.sha256(found.data).hexdigest()[:32]}"'
    return raw(found.data, _PDF, filename=found.filename, etag=etag)
