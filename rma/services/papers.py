"""Papers of a case: the form for damage at the door, and the pack that proves a claim (files, hashes, summary)."""

from __future__ import annotations

import io
import zipfile
from typing import Any, cast

import msgspec

from rma.domain import calendar
from rma.domain.labels import PackLine
from rma.domain.order import Delivery
from rma.domain.papers import DamageReport, EvidenceFile, EvidenceSummary, Shipment
from rma.domain.texts import say
from rma.errors import Invalid, NotFound
from rma.services import addresses, assess, doors, evidence, uploads
from rma.services.caller import Caller
from rma.services.case import read_order_row
from rma.services.context import Services
from rma.services.deadlines import time_zone
from rma.services.labels import Printed, carrier_name, language_of, page_of
from rma.services.line_effects import the_case
from rma.services.transition import Door, Subject

_PICTURE = 1000
"""Pixels of a photo's longer side in the summary."""
_EPOCH = (1980, 1, 1, 0, 0, 0)
_encode = msgspec.json.Encoder(order="deterministic").encode


def damage_report(services: Services, caller: Caller, return_id: str, *, parcel_id: str | None) -> Printed:
    """The form for damage at the door, filled in for the delivery that brought these goods.

    With ``parcel_id`` for that parcel of the store to the customer; ``NotFound`` for another one, ``Invalid`` for one
    that goes to the store.
    """
    with services.database.read() as work:
        door = doors.open_case(work, services, caller, return_id, lock=False)
        report = _report(door, door.child("parcel", parcel_id) if parcel_id else None)
    return Printed(services.printer.damage_report(report), f"damage-report-{report.rma_number}.pdf")


def pack(services: Services, caller: Caller, return_id: str) -> Printed:
    """The evidence pack: ``files/…``, ``manifest.json`` with the sha256 of each, and ``summary.pdf``.

    The same case gives the same bytes until something happens to it.
    """
    with services.database.read() as work:
        door = doors.open_case(work, services, caller, return_id, lock=False)
        rows = evidence.all_of(work, the_case(door).id)
        summary, manifest = _summary(door, rows), _manifest(door, rows)
    case_id = manifest["return_id"]
    contents: dict[str, bytes] = {}
    shown = []
    for row, file in zip(rows, summary.files, strict=True):
        data = services.ports.files.get(f"{case_id}/{row.sha256}")
        contents[file.name] = data
        picture = uploads.thumbnail(data, _PICTURE) if row.media_type == uploads.JPEG else None
        shown.append(msgspec.structs.replace(file, picture=picture))
    paper = services.printer.evidence_summary(msgspec.structs.replace(summary, files=tuple(shown)))
    manifest["summary_sha256"] = evidence.digest(paper)
    contents = {"manifest.json": _encode(manifest), "summary.pdf": paper, **contents}
    return Printed(_zipped(contents), f"evidence-{summary.rma_number}.zip")


# -- the damage report ------------------------------------------------------------------------------------------------


def _report(door: Door, parcel: Subject | None) -> DamageReport:
    if parcel is not None and parcel.row["direction"] != "outbound":
        raise Invalid.field("parcel", "direction", "The form is for a parcel to the customer.")
    case, store = the_case(door), door.store
    order_row = read_order_row(door.work, store.id, case.row["order_number"])
    order = assess.read_order_doc(order_row["doc"])
    country = case.fact("country") or store.country
    person = assess.read_person(order_row["person"])
    to = addresses.of_customer(None if parcel is None else case.row["contact"], person, country=country)
    blank = DamageReport(
        locale=language_of(store.locale), rma_number=case.row["rma_number"], order_number=case.row["order_number"],
        store_name=store.name, sender=addresses.of_store(store), recipient=to, lines=_lines(door, parcel),
        link=page_of(door), law="TR" if store.country == "TR" and country == "TR" else "",
    )  # fmt: skip
    if parcel is not None:
        carrier, tracking, at = parcel.row["carrier"], parcel.row["tracking"], parcel.row["delivered_at"]
    else:
        came = _delivery(order.deliveries, {line.order_line_id for line in case.lines})
        carrier, tracking, at = (came.carrier, came.tracking, came.delivered_at) if came else (None, None, None)
    day = calendar.local_date(at, time_zone(door)) if at else None
    return msgspec.structs.replace(blank, carrier=carrier_name(carrier), tracking=tracking or "", delivered_on=day)


def _delivery(deliveries: tuple[Delivery, ...], line_ids: set[str]) -> Delivery | None:
    """The last delivery that brought one of these lines; without lines a delivery brought them all."""
    brought = [d for d in deliveries if not d.lines or not line_ids.isdisjoint(line.id for line in d.lines)]
    arrived = [d for d in brought if d.delivered_at is not None]
    if arrived:
        return max(arrived, key=lambda d: cast(Any, d.delivered_at))
    return brought[-1] if brought else None


def _lines(door: Door, parcel: Subject | None = None) -> tuple[PackLine, ...]:
    """The lines of the return, or those that a parcel holds, with their codes."""
    case = the_case(door)
    held = {item["line_id"]: item["quantity"] for item in parcel.row["lines"]} if parcel is not None else {}
    return tuple(
        PackLine(
            line_code=f"{case.row['rma_number']}-{line.position + 1}",
            name=line.doc.get("name") or line.sku,
            sku=line.sku,
            quantity=held.get(line.id, line.requested),
        )
        for line in case.lines
        if not held or line.id in held
    )


# -- the pack ---------------------------------------------------------------------------------------------------------


def _summary(door: Door, rows: list[Any]) -> EvidenceSummary:
    """The summary but for its pictures, which are made outside the transaction."""
    case, store = the_case(door), door.store
    locale = language_of(store.locale)
    if door.root is None:
        raise NotFound("There is no such return.")
    return EvidenceSummary(
        locale=locale, timezone=time_zone(door), rma_number=case.row["rma_number"],
        order_number=case.row["order_number"], store_name=store.name, kind=case.row["kind"],
        state=say(door.root.definition.states[case.state].label, locale), filed_at=case.row["created_at"],
        lines=_lines(door), shipments=tuple(_shipment(p, locale) for p in door.children("parcel")),
        files=tuple(_file(door, row, number) for number, row in enumerate(rows, start=1)),
        events=case.row["events_n"], head=case.row["head"],
    )  # fmt: skip


def _shipment(parcel: Subject, locale: str) -> Shipment:
    row = parcel.row
    return Shipment(
        direction=row["direction"], state=say(parcel.definition.states[parcel.state].label, locale),
        carrier=carrier_name(row["carrier"]), number=row["tracking"] or row["code"] or "",
        handed_over_at=row["handed_over_at"], delivered_at=row["delivered_at"],
    )  # fmt: skip


def _file(door: Door, row: Any, number: int) -> EvidenceFile:
    case = the_case(door)
    line = case.line(row.line_id) if row.line_id else None
    return EvidenceFile(
        name=f"files/{evidence.file_name(row, case, number)}", kind=row.kind, by=evidence.by(row),
        added_at=row.created_at, size=row.size, sha256=row.sha256, about=line.doc.get("name", "") if line else "",
        note=row.note or "",
    )  # fmt: skip


def _manifest(door: Door, rows: list[Any]) -> dict[str, Any]:
    """What the pack holds, for a program: every file with its hash, and where the log of the case stood."""
    case = the_case(door)
    return {
        "return_id": case.id,
        "rma_number": case.row["rma_number"],
        "order_number": case.row["order_number"],
        "store": door.store.slug,
        "state": case.state,
        "version": case.row["version"],
        "events": {"count": case.row["events_n"], "head": case.row["head"]},
        "files": [
            {
                "path": f"files/{evidence.file_name(row, case, number)}",
                "id": row.id,
                "kind": row.kind,
                "line_id": row.line_id,
                "note": row.note,
                "by": evidence.by(row),
                "added_at": row.created_at,
                "media_type": row.media_type,
                "size": row.size,
                "sha256": row.sha256,
            }
            for number, row in enumerate(rows, start=1)
        ],
    }


def _zipped(contents: dict[str, bytes]) -> bytes:
    """Stored, not squeezed: photos and PDFs do not get smaller. No clock goes in."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
        for name, data in contents.items():
            entry = zipfile.ZipInfo(name, _EPOCH)
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, data)
    return out.getvalue()
