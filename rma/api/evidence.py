"""Evidence over HTTP: files in, files out as downloads only, the pack for a claim and the form for the door."""

from __future__ import annotations

import hashlib

import msgspec

from rma.api.http import Call, created, ok, raw
from rma.api.routing import Routes
from rma.services import evidence, papers
from rma.services.context import Work
from rma.services.evidence import Added, EvidenceView
from rma.services.idempotency import Answer
from rma.services.labels import Printed
from rma.services.paging import Page

routes = Routes(tag="Evidence")
_PDF, _ZIP = "application/pdf", "application/zip"
_INERT = (
    (b"content-security-policy", b"default-src 'none'; sandbox"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"cache-control", b"private, no-cache"),
)
"""With the download and the nosniff of every answer: nothing that a stranger sent is ever run by a browser."""


class Door(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which delivery the form is for: an outbound ``parcel`` of the return, else the order's own delivery."""

    parcel: str | None = None


@routes.post("/returns/{id}/evidence", answers=Added, status=201, also=200, body="form")
def add(call: Call) -> Answer:
    """Send a file as a form: `file`, `kind`, `line`, `note`.

    Kinds: photo, carrier_damage_report, proof_of_sending, proof_of_purchase, other. Photos (JPEG, PNG, WebP, AVIF, GIF;
    HEIC where the server has the extra `heic`, else 415) and PDF, recognised by their content, 15 MB each, 20 for a
    return. Photos are kept as JPEG without place and other hidden data, a PDF byte for byte. Where the return waits for
    evidence it is judged again at once. The same file once more answers 200 and changes nothing.
    """
    upload = call.files.get("file")
    strangers = {name: "" for name in call.files if name != "file"}
    sent = evidence.form(
        {**strangers, **call.form}, upload.file if upload else None, filename=upload.filename if upload else ""
    )
    return_id = call.path["id"]
    clean = evidence.take(call.services, call.caller, return_id, sent)

    def act(work: Work) -> Answer:
        caller, locale = call.caller, call.locale
        found = evidence.add(work, call.services, caller, return_id, sent=sent, clean=clean, locale=locale)
        answer = created if found.new else ok
        return answer(found, version=found.version, subject=found.evidence.return_id)

    return call.write(act)


@routes.get("/returns/{id}/evidence", answers=Page[EvidenceView])
def listing(call: Call) -> Answer:
    """The files of a return, oldest first, 20 at most; a customer sees their own."""
    return call.pages(lambda work, _all: Page(evidence.listing(work, call.services, call.caller, call.path["id"])))


@routes.get("/returns/{id}/evidence/{eid}", answers=bytes, media_type="application/octet-stream")
def fetch(call: Call) -> Answer:
    """One file, always as a download: JPEG or PDF."""
    found = evidence.fetch(call.services, call.caller, call.path["id"], call.path["eid"])
    answer = raw(found.data, found.media_type, filename=found.filename, etag=f'"{found.sha256}"')
    return msgspec.structs.replace(answer, headers=(*answer.headers, *_INERT))


@routes.get("/returns/{id}/evidence-pack.zip", answers=bytes, media_type=_ZIP)
def pack(call: Call) -> Answer:
    """All evidence of a return for a claim: the files, `manifest.json` with their SHA-256, and `summary.pdf`."""
    return _printed(papers.pack(call.services, call.caller, call.path["id"]), _ZIP)


@routes.get("/returns/{id}/damage-report.pdf", query=Door, answers=bytes, media_type=_PDF)
def damage_report(call: Call) -> Answer:
    """The form that customer and courier fill in when a parcel arrives damaged (hasar tespit tutanağı), one A4 page."""
    asked = call.query(Door)
    found = papers.damage_report(call.services, call.caller, call.path["id"], parcel_id=asked.parcel)
    return _printed(found, _PDF)


def _printed(found: Printed, media_type: str) -> Answer:
    etag = f'"{hashlib.sha256(found.data).hexdigest()[:32]}"'
    return raw(found.data, media_type, filename=found.filename, etag=etag)
