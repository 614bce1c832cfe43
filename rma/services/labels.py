"""Labels, code sheets and packing slips of parcels as PDF, and a label that ran out made again.

What is printed follows from the rows alone, so the same parcel in the same state gives the same bytes. The QR code
leads to the page of the RMA number and holds no token: whoever handles the parcel can read it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, cast

import msgspec

from rma.db.session import Work
from rma.domain.labels import LabelJob, Locale, PackLine, Size
from rma.domain.texts import Text, say
from rma.errors import Forbidden, Invalid, Reason, Refused
from rma.services import addresses, assess, cases_view, doors
from rma.services.caller import Caller
from rma.services.case import read_order_row
from rma.services.context import Services
from rma.services.line_effects import the_case
from rma.services.transition import Door, Subject, effect

Document = Literal["label", "packing_slip"]
MOST = 200
"""So many parcels go into one PDF."""
_LABELLED = frozenset({"drop_off_code", "printed_label", "pick_up", "send_back"})
_PDF = "application/pdf"
_KNOWN_CARRIERS = {
    "yurtici": "Yurtiçi Kargo",
    "aras": "Aras Kargo",
    "mng": "MNG Kargo",
    "surat": "Sürat Kargo",
    "ptt": "PTT Kargo",
    "hepsijet": "HepsiJET",
    "royal_mail": "Royal Mail",
    "dhl": "DHL",
    "ups": "UPS",
    "offline": "Offline Carrier",
}
"""How a carrier writes its name, where the name that rows hold is shorter; any other one is printed as it stands."""

_REFUSALS: dict[str, Text] = {
    "label_requested": {
        "tr": "Etiket hazırlanıyor; biraz sonra yeniden deneyin.",
        "en": "The label is still being made; try again in a moment.",
        "de": "Das Etikett wird noch erstellt; bitte gleich noch einmal versuchen.",
    },
    "label_void": {
        "tr": "Bu koli iptal edildi; etiketi artık geçerli değil.",
        "en": "This parcel was cancelled; its label is no longer valid.",
        "de": "Dieses Paket wurde storniert; sein Etikett gilt nicht mehr.",
    },
    "label_expired": {
        "tr": "Etiketin süresi doldu; yeniden etiket isteyin.",
        "en": "The label has run out; ask for it to be made again.",
        "de": "Das Etikett ist abgelaufen; es kann neu angefordert werden.",
    },
    "no_label": {
        "tr": "Bu koli bizim etiketimizle gönderilmiyor.",
        "en": "This parcel does not travel under a label of ours.",
        "de": "Dieses Paket reist nicht mit einem Etikett von uns.",
    },
    "no_return_address": {
        "tr": "Mağazanın iade adresi tanımlı değil; etiket adres olmadan basılamaz.",
        "en": "The store has no return address yet; a label cannot be printed without one.",
        "de": "Für den Shop ist keine Rücksendeadresse hinterlegt; ohne sie lässt sich kein Etikett drucken.",
    },
    "no_address": {
        "tr": "Müşterinin adresi bilinmiyor; etiket adres olmadan basılamaz.",
        "en": "The customer's address is not known; a label cannot be printed without one.",
        "de": "Die Adresse der Kundin oder des Kunden fehlt; ohne sie lässt sich kein Etikett drucken.",
    },
    "carrier_document": {
        "tr": "Bu etiketi kargo firması verdi; tek başına indirilir.",
        "en": "This label is the carrier's own document; fetch it by itself.",
        "de": "Dieses Etikett ist ein Dokument der Spedition; bitte einzeln abrufen.",
    },
}


class Printed(msgspec.Struct, frozen=True):
    """A PDF and the name under which a browser saves it."""

    data: bytes
    filename: str


class _Ready(msgspec.Struct, frozen=True):
    """What a parcel needs to be printed: a job for our printer, or the carrier's own document in its place."""

    job: LabelJob
    document: str | None


def one(
    services: Services,
    caller: Caller,
    return_id: str,
    parcel_id: str,
    *,
    document: Document,
    size: Size | None,
    language: str,
) -> Printed:
    """The label or packing slip of one parcel.

    ``Refused`` with its reason while there is no valid label; ``Forbidden`` for a customer who asks for the label of a
    parcel on its way to them.
    """
    with services.database.read() as work:
        door = doors.open_case(work, services, caller, return_id, lock=False)
        parcel = door.child("parcel", parcel_id)
        if caller.is_link and parcel.row["direction"] == "outbound":
            raise Forbidden("The label of a parcel to you stays with the store.", code="label_of_store")
        ready = _ready(door, parcel, document)
    if isinstance(ready, str):
        raise _refused([(parcel_id, ready)], language, named=False)
    name = "packing-slip" if document == "packing_slip" else "label"
    filename = f"{name}-{ready.job.rma_number}-{ready.job.parcel}.pdf"
    if ready.document is not None:
        return Printed(services.ports.files.get(ready.document), filename)
    return Printed(_print(services, [ready.job], document, size), filename)


def many(
    services: Services,
    caller: Caller,
    parcel_ids: Sequence[str],
    *,
    document: Document,
    size: Size | None,
    language: str,
) -> Printed:
    """The labels or packing slips of several parcels as one PDF, in the order asked for, each once; all or none.

    ``Invalid`` for no parcel or more than ``MOST``; ``NotFound`` for an unknown one; ``Refused`` names every one that
    cannot be printed, and why.
    """
    wanted = list(dict.fromkeys(parcel_ids))
    if not 1 <= len(wanted) <= MOST:
        raise Invalid.field("parcel", "count", f"Name from 1 to {MOST} parcels.")
    jobs: list[LabelJob] = []
    refused: list[tuple[str, str]] = []
    with services.database.read() as work:
        for parcel_id in wanted:
            door, parcel = doors.open_child(work, services, caller, "parcel", parcel_id, lock=False)
            ready = _ready(door, parcel, document)
            if isinstance(ready, str):
                refused.append((parcel_id, ready))
            elif ready.document is not None:
                refused.append((parcel_id, "carrier_document"))
            else:
                jobs.append(ready.job)
    if refused:
        raise _refused(refused, language, named=True)
    name = "packing-slips" if document == "packing_slip" else "labels"
    return Printed(_print(services, jobs, document, size), f"{name}.pdf")


def reissue(work: Work, services: Services, caller: Caller, return_id: str, parcel_id: str) -> dict[str, Any]:
    """Have a label made again that has run out. ``Refused`` while it has not."""
    door, parcel = doors.open_child(work, services, caller, "parcel", parcel_id, of=return_id)
    doors.act(door, parcel, "reissue", caller)
    door.close()
    return cases_view.parcel(parcel)


@effect("issue_label")
def issue_again(door: Door, parcel: Subject, _fields: dict[str, Any]) -> None:
    """A new attempt at the carrier under a key of its own; what the old label said is forgotten."""
    doc = {name: value for name, value in parcel.row["doc"].items() if name != "label"}
    parcel.set(attempt=parcel.row["attempt"] + 1, code=None, tracking=None, expires_on=None, doc=doc)
    door.act(parcel.id, parcel.row["attempt"], "issue_label")


def _print(services: Services, jobs: list[LabelJob], document: Document, size: Size | None) -> bytes:
    if document == "packing_slip":
        return services.printer.packing_slip(jobs, size or "a4")
    return services.printer.render(jobs, size or "a6")


def _refused(found: list[tuple[str, str]], language: str, *, named: bool) -> Refused:
    reasons = []
    for parcel_id, code in found:
        text = say(_REFUSALS[code], language)
        reasons.append(Reason(rule="label", code=code, text=f"{parcel_id}: {text}" if named else text))
    return Refused(reasons[0].text, reasons=reasons, code=found[0][1])


def _ready(door: Door, parcel: Subject, document: Document) -> _Ready | str:
    """What to print, or the code of the refusal."""
    label = parcel.row["doc"].get("label") or {}
    if document == "label":
        code = _not_ready(parcel)
        if code is not None:
            return code
    job = _job(door, parcel)
    if document == "label" and not addresses.is_complete(job.recipient) and job.kind == "carrier_label":
        return "no_return_address" if job.direction == "inbound" else "no_address"
    own = label.get("document") if document == "label" and label.get("media_type") == _PDF else None
    return _Ready(job, own)


def _not_ready(parcel: Subject) -> str | None:
    row = parcel.row
    if row["method"] not in _LABELLED:
        return "no_label"
    if parcel.state in ("void", "expired"):
        return f"label_{parcel.state}"
    return None if row["doc"].get("label") else "label_requested"


def _job(door: Door, parcel: Subject) -> LabelJob:
    """Everything that is printed of a parcel, in the store's language."""
    case, row, store = the_case(door), parcel.row, door.store
    order = read_order_row(door.work, store.id, case.row["order_number"])
    country = case.fact("country") or store.country
    customer = addresses.of_customer(case.row["contact"], assess.read_person(order["person"]), country=country)
    ours = addresses.of_store(store)
    inbound = row["direction"] == "inbound"
    number, of = _place(door, parcel)
    return LabelJob(
        kind="code_sheet" if row["method"] == "drop_off_code" else "carrier_label",
        locale=language_of(store.locale),
        rma_number=case.row["rma_number"],
        carrier=carrier_name(row["carrier"]),
        code=row["code"] or row["tracking"] or "",
        store_name=store.name,
        sender=customer if inbound else ours,
        recipient=ours if inbound else customer,
        lines=_lines(door, parcel),
        direction="inbound" if inbound else "outbound",
        return_link=page_of(door),
        expires_on=row["expires_on"] if inbound else None,
        order_number=case.row["order_number"],
        parcel=number,
        parcels=of,
    )


def page_of(door: Door) -> str:
    """The address of the return's page by its RMA number: it asks who reads it, for it holds no secret."""
    return f"{door.services.settings.url}/{door.store.slug}/r/{the_case(door).row['rma_number']}"


def carrier_name(name: str | None) -> str:
    """The carrier as people know it."""
    return _KNOWN_CARRIERS.get(name or "", name or "")


def language_of(locale: str) -> Locale:
    """The language of what is printed for a store: its own where we have the words, else English."""
    code = locale.partition("-")[0]
    return cast(Locale, code) if code in ("tr", "en", "de") else "en"


def _place(door: Door, parcel: Subject) -> tuple[int, int]:
    """Which parcel it is of how many that go the same way and were not cancelled."""
    mine = [p.id for p in door.children("parcel") if p.row["direction"] == parcel.row["direction"]]
    valid = [p.id for p in door.children("parcel") if p.id in mine and (p.state != "void" or p.id == parcel.id)]
    return valid.index(parcel.id) + 1, len(valid)


def _lines(door: Door, parcel: Subject) -> tuple[PackLine, ...]:
    """What belongs in the parcel: what it was opened for, else everything that should come back."""
    case = the_case(door)
    named = {item["line_id"]: item["quantity"] for item in parcel.row["lines"]}
    wanted = named or {line.id: line.expected for line in case.lines}
    return tuple(
        PackLine(
            line_code=f"{case.row['rma_number']}-{line.position + 1}",
            name=line.doc.get("name") or line.sku,
            sku=line.sku,
            quantity=wanted[line.id],
        )
        for line in case.lines
        if wanted.get(line.id, 0) > 0
    )
