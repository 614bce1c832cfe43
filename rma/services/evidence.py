"""Evidence: photos and papers of a case, and what they change in its assessment.

The bytes lie in the file store under ``<return id>/<sha256>``; the row says what they are. A right by law never hangs
on a file: the worst that missing or useless evidence does to it is a person who looks.
"""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import IO, Any, Literal, get_args

import msgspec
import sqlalchemy as sa
from msgspec.structs import replace

from rma.db import tables
from rma.db.session import Work
from rma.domain import calendar, claims
from rma.domain.decision import Decision, LineDecision
from rma.domain.events import Draft, Personal
from rma.domain.strict import text_faults
from rma.domain.texts import say, text
from rma.errors import FieldError, Invalid, NotFound, Reason, Refused
from rma.services import assess, doors, uploads
from rma.services.caller import Caller
from rma.services.case import Case, Line
from rma.services.context import Services
from rma.services.deadlines import time_zone
from rma.services.line_effects import is_agreed, the_case
from rma.services.transition import Door

Kind = Literal["photo", "carrier_damage_report", "proof_of_sending", "proof_of_purchase", "other"]
MOST = 20
"""Files of one return (api.md)."""
_FULL = text(
    tr="Bir iadeye en çok {most} dosya eklenebilir. Başka bir şey göstermek isterseniz mağazaya yazın.",
    en="A return holds at most {most} files. If there is more to show, write to the store.",
    de="Eine Rücksendung fasst höchstens {most} Dateien. Möchten Sie noch etwas zeigen, schreiben Sie dem Händler.",
)
MAX_NOTE = 2000
_MAX_NAME = 120
_ENDINGS = {uploads.JPEG: "jpg", uploads.PDF: "pdf"}
_evidence = tables.table(tables.Evidence)
_events = tables.table(tables.Event)


class NewEvidence(msgspec.Struct, frozen=True, kw_only=True):
    """A file that was sent: what it shall prove, of which return line, and words of the sender (personal)."""

    kind: Kind
    file: IO[bytes]
    filename: str = ""
    line: str | None = None
    note: str | None = None


class EvidenceView(msgspec.Struct, frozen=True, kw_only=True):
    """A file of a case. ``sha256`` and ``size`` are of the bytes that are kept; ``by`` is ``customer`` or ``store``."""

    id: str
    return_id: str
    kind: Kind
    line_id: str | None
    note: str | None
    filename: str | None
    media_type: str
    size: int
    sha256: str
    by: str
    created_at: datetime


class Added(msgspec.Struct, frozen=True, kw_only=True):
    """The answer to an upload: the file (``id`` is what an inspection names), and where the return stands now."""

    id: str
    evidence: EvidenceView
    state: str
    waits_for: str
    version: int
    new: bool


class StoredFile(msgspec.Struct, frozen=True):
    """The bytes of a file, what they are, and the name under which a browser saves them."""

    data: bytes
    media_type: str
    filename: str
    sha256: str


def form(fields: dict[str, str], file: IO[bytes] | None, *, filename: str) -> NewEvidence:
    """The form as it was sent. ``Invalid`` names every wrong field."""
    allowed = {"kind", "line", "note"}
    errors = [FieldError(name, "unknown", "There is no such field.") for name in fields if name not in allowed]
    errors += text_faults(fields)
    kind = fields.get("kind", "")
    if kind not in get_args(Kind):
        errors.append(FieldError("kind", "kind", f"One of {', '.join(get_args(Kind))}."))
    if len(fields.get("note", "")) > MAX_NOTE:
        errors.append(FieldError("note", "too_long", f"At most {MAX_NOTE} characters."))
    if file is None:
        errors.append(FieldError("file", "required", "Send the file as a part called file, with a name."))
    if errors or file is None:
        raise Invalid("The evidence cannot be right.", errors=errors)
    note, line = fields.get("note", "").strip() or None, fields.get("line") or None
    return NewEvidence(kind=msgspec.convert(kind, Kind), file=file, filename=filename, line=line, note=note)


def take(services: Services, caller: Caller, return_id: str, sent: NewEvidence) -> uploads.Clean:
    """Make the file safe and keep it, before the transaction that records it.

    ``NotFound`` and an unknown line are told before any work is done; a full return keeps no more bytes.
    """
    with services.database.read() as work:
        case = the_case(doors.open_case(work, services, caller, return_id, lock=False))
        held = len(_rows(work, case.id))
    _check_line(case, sent)
    clean = uploads.read(sent.file)
    if held < MOST:
        services.ports.files.put(clean.data, scope=case.id)
    return clean


def _check_line(case: Case, sent: NewEvidence) -> None:
    if sent.line is not None and case.line(sent.line) is None:
        raise Invalid.field("line", "unknown", "The return has no such line.")


def add(
    work: Work,
    services: Services,
    caller: Caller,
    return_id: str,
    *,
    sent: NewEvidence,
    clean: uploads.Clean,
    locale: str,
) -> Added:
    """Record a file that ``take`` has kept, and judge the return anew if it waits for evidence.

    The same bytes of the same kind for the same line are one file. ``Refused`` beyond ``MOST`` files.
    """
    door = doors.open_case(work, services, caller, return_id)
    case = the_case(door)
    _check_line(case, sent)
    held = _rows(work, case.id)
    sha256 = digest(clean.data)
    known = next((r for r in held if (r.sha256, r.kind, r.line_id) == (sha256, sent.kind, sent.line)), None)
    if known is not None:
        return _added(case, known, new=False)
    if len(held) >= MOST:
        told = say(_FULL, locale).format(most=MOST)
        raise Refused(told, code="too_many_files", reasons=[Reason(rule="evidence", code="too_many_files", text=told)])
    row = _insert(door, caller, sent, clean, sha256=sha256)
    if sent.kind == "proof_of_sending" and case.fact("proof_of_sending_on") is None:
        case.facts(proof_of_sending_on=calendar.local_date(door.now, time_zone(door)).isoformat())
    _tell(door, caller, row, sent)
    door.close()
    return _added(case, row, new=True)


def listing(work: Work, services: Services, caller: Caller, return_id: str) -> list[EvidenceView]:
    """The files of a return, oldest first; a customer sees their own."""
    case = the_case(doors.open_case(work, services, caller, return_id, lock=False))
    return [_view(row) for row in _visible(work, caller, case)]


def fetch(services: Services, caller: Caller, return_id: str, evidence_id: str) -> StoredFile:
    """One file. ``NotFound`` also for what another return, or somebody else, holds."""
    with services.database.read() as work:
        case = the_case(doors.open_case(work, services, caller, return_id, lock=False))
        found = next((row for row in _visible(work, caller, case) if row.id == evidence_id), None)
        number = [row.id for row in _rows(work, case.id)].index(evidence_id) + 1 if found is not None else 0
    if found is None:
        raise NotFound("There is no such evidence.")
    data = services.ports.files.get(f"{case.id}/{found.sha256}")
    return StoredFile(data, found.media_type, file_name(found, case, number), found.sha256)


def all_of(work: Work, return_id: str) -> list[Any]:
    """Every file that a return still has, oldest first."""
    return _rows(work, return_id)


def digest(data: bytes) -> str:
    """The hash by which bytes are known, in hex."""
    return hashlib.sha256(data).hexdigest()


def by(row: Any) -> str:
    """Whose file it is: ``customer`` or ``store``."""
    return "customer" if row.by.startswith("link:") else "store"


def ending(media_type: str) -> str:
    """How the name of a file of this type ends."""
    return _ENDINGS.get(media_type, "bin")


def file_name(row: Any, case: Case, number: int) -> str:
    """A name of ours for a file: never what the sender called it."""
    return f"{case.row['rma_number']}-{number:02d}-{row.kind.replace('_', '-')}.{ending(row.media_type)}"


# -- judging anew -----------------------------------------------------------------------------------------------------


def reassess(door: Door) -> str:
    """Judge the return again with the evidence it holds by now, and remember what came of it.

    The answer to what a person asked goes to a person. What the law gives is never declined here, and neither is a line
    that stood before: then a person looks. Sets the case's ``assessment`` and its stored decision, and answers it.
    """
    case = the_case(door)
    if _asked_by_person(door):
        case.facts(assessment="in_review")
        return "in_review"
    decision = _but_agreed(case, judge_again(door))
    assessment = _assessment(case, decision)
    case.facts(assessment=assessment)
    case.set(quote=msgspec.json.encode(decision).decode())
    for line, judged in zip(case.lines, decision.lines, strict=True):
        if line.doc.get("decision") != "refused" and judged.decision != "refused":
            _keep(line, judged)
    return assessment


def _but_agreed(case: Case, decision: Decision) -> Decision:
    """Nothing is to be proven of a line that the customer keeps for an agreed price."""
    lines = [
        replace(judged, decision="accepted") if is_agreed(line) else judged
        for line, judged in zip(case.lines, decision.lines, strict=True)
    ]
    return replace(decision, lines=tuple(lines))


def _assessment(case: Case, decision: Decision) -> str:
    stood = [line.doc.get("decision") != "refused" for line in case.lines]
    fell = any(was and now.decision == "refused" for was, now in zip(stood, decision.lines, strict=True))
    if fell or (case.row["statutory"] and decision.assessment == "declined"):
        return "in_review"
    return decision.assessment


def _keep(line: Line, judged: LineDecision) -> None:
    line.set(doc={**line.doc, "decision": judged.decision, "methods": [way.name for way in judged.methods]})


def judge_again(door: Door) -> Decision:
    """What would be decided today of what the return asks for by now, its lines in their order; nothing is kept."""
    case = the_case(door)
    request = _request(door, case)
    catalog = door.services.catalog
    return assess.judge(door.work, catalog, door.store, door.order, request, now=door.now, but=case.id)[0]


def _request(door: Door, case: Case) -> claims.Request:
    """What was asked when the return was filed, with the files it holds today; the notice counts, not this day."""
    held = _rows(door.work, case.id)
    lines = tuple(
        assess.asked_again(line, tuple(row.kind for row in held if row.line_id in (None, line.id)))
        for line in case.lines
    )
    return claims.Request(lines=lines, filed_at=case.noticed_at, method=case.row["method"])


def _asked_by_person(door: Door) -> bool:
    """Whether the return waits because somebody of the store asked, not because the policy does: the log knows."""
    body = door.work.conn.execute(
        sa.select(_events.c.body)
        .where(_events.c.stream == the_case(door).id, _events.c.type == "return.evidence_requested")
        .order_by(_events.c.n.desc())
        .limit(1)
    ).scalar()
    return body is not None and msgspec.json.decode(body)["data"].get("trigger") == "ask_customer"


# -- rows and events --------------------------------------------------------------------------------------------------


def _rows(work: Work, return_id: str) -> list[Any]:
    return list(
        work.conn.execute(
            sa.select(_evidence)
            .where(_evidence.c.return_id == return_id, _evidence.c.destroyed_at.is_(None))
            .order_by(_evidence.c.id)
        )
    )


def _visible(work: Work, caller: Caller, case: Case) -> list[Any]:
    return [row for row in _rows(work, case.id) if not caller.is_link or row.by == caller.actor]


def _insert(door: Door, caller: Caller, sent: NewEvidence, clean: uploads.Clean, *, sha256: str) -> Any:
    case = the_case(door)
    values = {
        "id": door.work.new_id("evi"), "store_id": door.store.id, "return_id": case.id, "kind": sent.kind,
        "line_id": sent.line, "note": sent.note, "filename": _shown_name(sent.filename), "media_type": clean.media_type,
        "size": len(clean.data), "sha256": sha256, "by": caller.actor, "created_at": door.now,
    }  # fmt: skip
    door.work.conn.execute(sa.insert(_evidence).values(**values))
    return door.work.conn.execute(sa.select(_evidence).where(_evidence.c.id == values["id"])).one()


def _shown_name(filename: str) -> str | None:
    """What the sender called it, for people to read: without folders and without what cannot be printed."""
    plain = "".join(c for c in filename.replace("\\", "/").rpartition("/")[2] if c.isprintable())
    return plain[:_MAX_NAME] or None


def _tell(door: Door, caller: Caller, row: Any, sent: NewEvidence) -> None:
    """One event for the file: the transition's own where it is called so, else one before it."""
    told: dict[str, Any] = {"id": row.id, "kind": row.kind, "line": row.line_id, "sha256": row.sha256}
    told |= {"media_type": row.media_type, "size": row.size}
    if sent.note:
        told["note"] = Personal(sent.note)
    place, event = len(door.drafts), None
    root = door.root
    if root is not None and root.state == "awaiting_evidence" and not caller.roles.isdisjoint(("customer", "staff")):
        reassess(door)
        event = doors.act(door, root, "submit_evidence", caller, data={"evidence": told}).event
    if event != "return.evidence_added":
        door.drafts.insert(place, Draft("return.evidence_added", {"evidence": told}, door.now))


def _added(case: Case, row: Any, *, new: bool) -> Added:
    return Added(
        id=row.id,
        evidence=_view(row),
        state=case.state,
        waits_for=case.row["waits_for"],
        version=case.row["version"],
        new=new,
    )


def _view(row: Any) -> EvidenceView:
    return EvidenceView(
        id=row.id, return_id=row.return_id, kind=row.kind, line_id=row.line_id, note=row.note, filename=row.filename,
        media_type=row.media_type, size=row.size, sha256=row.sha256,
        by=by(row), created_at=row.created_at,
    )  # fmt: skip
