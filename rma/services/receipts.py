"""Receipts: what a scan says has arrived, what was missing or unexpected, and taking a scan back."""

from __future__ import annotations

from collections import Counter
from typing import Any

import msgspec
import sqlalchemy as sa

from rma.db import hot, tables
from rma.db.session import Work
from rma.domain.events import Personal
from rma.errors import FieldError, Invalid, NotFound, Reason, Refused
from rma.services import case as cases
from rma.services import cases_view, children, doors, naming, parcels, scanning
from rma.services.caller import Caller
from rma.services.case import Case, Line
from rma.services.context import Services
from rma.services.idempotency import body_hash
from rma.services.inputs import Code, Prose, Word
from rma.services.line_effects import count_on, give_up, remember, the_case, the_root
from rma.services.naming import Name
from rma.services.transition import Door

_receipts = tables.table(tables.Receipt)
_evidence = tables.table(tables.Evidence)
_INSERT = hot.insert(_receipts)
_FIND = hot.Hot(
    sa.select(_receipts.c.id, _receipts.c.return_id, _receipts.c.doc, _receipts.c.undone_at).where(
        _receipts.c.store_id == sa.bindparam("store"), _receipts.c.scan_id == sa.bindparam("scan")
    )
)


class ReceivedIn(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Units of one line that came, named by the line or by the sku on them."""

    quantity: int
    line_id: Word | None = None
    sku: Word | None = None
    grade: str | None = None
    serial: Code | None = None


class MissingIn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Units that the parcel should have held and did not."""

    line_id: str
    quantity: int


class UnexpectedIn(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Something in the parcel that the return does not name."""

    sku: Code | None = None
    description: Prose | None = None
    evidence_id: Word | None = None
    quantity: int = 1


class NewReceipt(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One scan session. ``scan`` is any code; ``finished`` closes the parcel, not the return."""

    scan_id: Code
    scan: Word | None = None
    return_id: Word | None = None
    parcel_id: Word | None = None
    lines: list[ReceivedIn] = []
    missing: list[MissingIn] = []
    unexpected: list[UnexpectedIn] = []
    finished: bool = False


def receive(work: Work, services: Services, caller: Caller, data: NewReceipt) -> tuple[dict[str, Any], bool]:
    """Record what arrived; the answer and whether it is new.

    A ``scan_id`` that was heard changes nothing; ``Refused`` ``scan_id_reused`` where it said something else before.
    """
    known: hot.Read = (_FIND, {"store": caller.store_id, "scan": data.scan_id})
    name = _named(caller, data)
    hot.ahead(work, known, *([] if name is None else _reads(work, name)))
    heard = _FIND.one(work, known[1])
    if heard is not None:
        return _heard(heard[2], data), False
    door, parcel_id = _open(work, services, caller, data, name)
    meant = _meant(the_case(door), data)
    _check(door, data, meant)
    counted: list[dict[str, Any]] = []
    unexpected = [_unexpected(door, item.sku, item) for item in data.unexpected]
    for i, (line, item) in enumerate(zip(meant, data.lines, strict=True)):
        if line is None:
            unexpected.append(_unexpected(door, item.sku, UnexpectedIn(sku=item.sku, quantity=item.quantity)))
        else:
            counted.append(_count(door, line, item, i))
    missing = [_missing(door, item) for item in data.missing]
    if counted:
        parcels.arrived(door)
    if counted or unexpected or not missing:
        doors.act(door, the_root(door), "receive", caller, data={"scan_id": data.scan_id})
    parcel = _close_parcel(door, caller, parcel_id, finished=data.finished)
    door.close()
    answer = {**_answer(door, data, parcel), "unexpected": unexpected}
    doc = {"answer": answer, "counted": counted, "missing": missing, "parcel_id": parcel, "said": _said(data)}
    _INSERT.run(
        work,
        {
            "id": work.new_id("rcp"),
            "store_id": caller.store_id,
            "return_id": the_case(door).id,
            "scan_id": data.scan_id,
            "doc": msgspec.to_builtins(doc),
            "undone_at": None,
            "created_at": door.now,
        },
    )
    return answer, True


def _said(data: NewReceipt) -> str:
    """What tells the same receipt from another one, the return that it names with it."""
    return body_hash(msgspec.json.encode(data))


def _heard(doc: dict[str, Any], data: NewReceipt) -> dict[str, Any]:
    """The answer that was given, to the same receipt alone."""
    if doc.get("said", _said(data)) != _said(data):
        raise Refused("This scan_id was used for another receipt; take a new one.", code="scan_id_reused")
    return dict(doc["answer"])


def _named(caller: Caller, data: NewReceipt) -> Name | None:
    """The return, where the receipt or its code names it by itself."""
    if data.return_id is not None:
        return naming.of_path(caller.store_id, data.return_id)
    if data.scan is None:
        raise Invalid.field("scan", "required", "A receipt names a scanned code or a return.")
    return scanning.named(caller.store_id, data.scan)


def _reads(work: Work, name: Name) -> list[hot.Read]:
    """All that a receipt asks of its return, under its locks."""
    return [*cases.reads(name, order=work.wide), (children.of_return("parcel", name.by), name.params)]


def _open(
    work: Work, services: Services, caller: Caller, data: NewReceipt, name: Name | None
) -> tuple[Door, str | None]:
    """The door on the return, and the parcel where one is named or the code is a parcel's."""
    if name is not None:
        try:
            return doors.open_named(work, services, caller, name), data.parcel_id
        except NotFound:
            if data.scan is None or data.return_id is not None:
                raise
    found = scanning.resolve(work, caller.store_id, data.scan or "")
    if found is None:
        raise NotFound(f"No return knows the code {data.scan}; record it as an unknown parcel.")
    name = naming.named(caller.store_id, "id", found[0])
    hot.ahead(work, *_reads(work, name))
    return doors.open_named(work, services, caller, name), data.parcel_id or found[1]


def _meant(case: Case, data: NewReceipt) -> list[Line | None]:
    """The line that each item of the receipt counts for, with what the items before it bring; None: no line's."""
    found: list[Line | None] = []
    coming: Counter[str] = Counter()
    for item in data.lines:
        line = _line_of(case, item, coming)
        if line is not None:
            coming[line.id] += item.quantity
        found.append(line)
    return found


def _check(door: Door, data: NewReceipt, meant: list[Line | None]) -> None:
    case = the_case(door)
    errors = [error for i, item in enumerate(data.lines) for error in _line_errors(case, i, item)]
    errors += _missing_errors(case, data, meant)
    errors += [
        FieldError(f"unexpected[{i}].quantity", "not_positive", "At least 1.")
        for i, item in enumerate(data.unexpected)
        if item.quantity < 1
    ]
    errors += _strange(door, data)
    if not (data.lines or data.missing or data.unexpected or data.finished):
        message = "A receipt says something: lines, missing, unexpected or finished."
        errors.append(FieldError("lines", "required", message))
    if errors:
        raise Invalid("The receipt cannot be right.", errors=errors)


def _line_errors(case: Case, i: int, item: ReceivedIn) -> list[FieldError]:
    errors = []
    if (item.line_id is None) == (item.sku is None):
        errors.append(FieldError(f"lines[{i}]", "line_id_or_sku", "Name the line or the sku, one of them."))
    if item.line_id is not None and case.line(item.line_id) is None:
        errors.append(FieldError(f"lines[{i}].line_id", "unknown", "The return has no such line."))
    if item.quantity < 1:
        errors.append(FieldError(f"lines[{i}].quantity", "not_positive", "At least 1."))
    if item.grade is not None and item.grade not in ("A", "B", "C", "D"):
        errors.append(FieldError(f"lines[{i}].grade", "grade", "A, B, C or D."))
    return errors


def _missing_errors(case: Case, data: NewReceipt, meant: list[Line | None]) -> list[FieldError]:
    """Units that are said to be missing and are not awaited, once everything else of this receipt is counted."""
    errors, coming, gone = [], Counter[str](), Counter[str]()
    for line, item in zip(meant, data.lines, strict=True):
        if line is not None:
            coming[line.id] += max(0, item.quantity)
    for i, short in enumerate(data.missing):
        found = case.line(short.line_id)
        if found is None:
            errors.append(FieldError(f"missing[{i}].line_id", "unknown", "The return has no such line."))
        elif not 1 <= short.quantity <= _awaited(found, coming[found.id]) - gone[found.id]:
            message = "More than is still awaited after this receipt, or less than 1."
            errors.append(FieldError(f"missing[{i}].quantity", "quantity", message))
        else:
            gone[found.id] += short.quantity
    return errors


def _awaited(line: Line, coming: int) -> int:
    """How many units would be awaited once so many more have come: first those awaited, then those called missing."""
    return int(line.expected - line.received - coming - line.missing + _late(line, coming))


def _late(line: Line, coming: int) -> int:
    """How many of so many units that come had been called missing."""
    return int(max(0, line.received + coming + line.missing - max(line.expected, line.requested)))


def _strange(door: Door, data: NewReceipt) -> list[FieldError]:
    """Parcels and files that are not of this return."""
    case, errors = the_case(door), []
    if data.parcel_id is not None and all(child.id != data.parcel_id for child in case.children):
        errors.append(FieldError("parcel_id", "unknown", "The return has no such parcel."))
    named = {item.evidence_id for item in data.unexpected if item.evidence_id is not None}
    known = evidence_of(door.work, door.store.id, named, return_id=case.id) if named else set()
    for i, item in enumerate(data.unexpected):
        if item.evidence_id is not None and item.evidence_id not in known:
            errors.append(FieldError(f"unexpected[{i}].evidence_id", "unknown", "The return has no such file."))
    return errors


def evidence_of(work: Work, store_id: str, ids: set[str], *, return_id: str | None = None) -> set[str]:
    """Which of these are files of the store, or of one return."""
    query = sa.select(_evidence.c.id).where(_evidence.c.store_id == store_id, _evidence.c.id.in_(ids))
    if return_id is not None:
        query = query.where(_evidence.c.return_id == return_id)
    return set(work.conn.execute(query).scalars())


def _line_of(case: Case, item: ReceivedIn, coming: Counter[str]) -> Line | None:
    if item.line_id is not None:
        return case.line(item.line_id)
    mine = [line for line in case.lines if line.sku == item.sku and line.doc.get("decision") != "refused"]
    open_lines = [line for line in mine if line.requested - line.received - coming[line.id] >= item.quantity]
    return (open_lines or mine or [None])[0]  # type: ignore[list-item]


def _count(door: Door, line: Line, item: ReceivedIn, i: int) -> dict[str, Any]:
    left = line.requested - line.received
    if item.quantity > left:
        raise _too_many(door, line, left, i)
    late = _late(line, item.quantity)
    line.set(received=line.received + item.quantity, missing=line.missing - late)
    if late:
        count_on(line, late)
    if item.grade or item.serial:
        remember(line, scanned=[*line.doc.get("scanned", []), {"grade": item.grade, "serial": item.serial}])
    told = {"line": line.id, "quantity": item.quantity, "grade": item.grade}
    door.say("line.received", told)
    return {**told, "late": late}


def _too_many(door: Door, line: Line, left: int, i: int) -> Refused:
    others = door.order.holders(line.order_line_id, other_than=the_case(door).id)
    text = f"lines[{i}]: {left} more units of this line can be received."
    if others:
        text += f" Other units of it are in {', '.join(others)}."
    reason = Reason(rule="quantity_left", code="more_than_requested", text=text)
    return Refused(text, code="more_than_requested", reasons=[reason], allowed=["unexpected"])


def _missing(door: Door, item: MissingIn) -> dict[str, Any]:
    line = the_case(door).line(item.line_id)
    if line is None:
        raise NotFound("The return has no such line.")
    line.set(missing=line.missing + item.quantity)
    give_up(line, item.quantity)
    door.say("line.missing", {"line": line.id, "quantity": item.quantity})
    return {"line": line.id, "quantity": item.quantity}


def _unexpected(door: Door, sku: str | None, item: UnexpectedIn) -> dict[str, Any]:
    row = {"sku": sku, "quantity": item.quantity, "description": item.description, "evidence_id": item.evidence_id}
    case = the_case(door)
    found = tables.Unexpected(
        id=door.work.new_id("unx"),
        store_id=door.store.id,
        return_id=case.id,
        kind="item",
        state="open",
        doc=row,
        created_at=door.now,
    )
    door.work.session.add(found)
    told: dict[str, Any] = {"id": found.id, "sku": sku, "quantity": item.quantity}
    door.say("line.unexpected", told | ({"description": Personal(item.description)} if item.description else {}))
    return {"id": found.id, "sku": sku, "quantity": item.quantity}


def _close_parcel(door: Door, caller: Caller, parcel_id: str | None, *, finished: bool) -> str | None:
    """Count the parcel: the one that was named, or the only one that may be meant."""
    if not finished:
        return parcel_id
    parcels = [p for p in door.children("parcel") if p.row["direction"] == "inbound" and p.state != "void"]
    if parcel_id is not None:
        chosen = [door.child("parcel", parcel_id)]
    else:
        chosen = [p for p in parcels if p.state in ("handed_over", "in_transit", "delivered")] or parcels[:1]
    for parcel in chosen:
        doors.act(door, parcel, "count", caller)
    return chosen[0].id if chosen else None


def _answer(door: Door, data: NewReceipt, parcel_id: str | None) -> dict[str, Any]:
    case = the_case(door)
    answer: dict[str, Any] = msgspec.to_builtins(
        {
            "return_id": case.id,
            "rma_number": case.row["rma_number"],
            "scan_id": data.scan_id,
            "parcel_id": parcel_id,
            "state": case.state,
            "lines": [cases_view.numbers(line) for line in case.lines],
            "finished": data.finished,
            "version": case.row["version"],
        }
    )
    return answer
