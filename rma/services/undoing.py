"""Taking a receipt back: numbers, judgements and proposals go to where they would be without it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec
import sqlalchemy as sa

from rma.db import tables
from rma.db.session import Work
from rma.domain import units
from rma.errors import NotFound, Reason, Refused
from rma.services import cases_view, doors, gather, securing
from rma.services.caller import Caller
from rma.services.case import Line
from rma.services.context import Services
from rma.services.line_effects import count_on, give_up, needed, ranges, remember, reopen, the_case, the_root
from rma.services.parcels import not_arrived, open_send_back
from rma.services.transition import Door, Subject

_receipts = tables.table(tables.Receipt)
_NOT_YET_GONE = frozenset({"requested", "label_ready", "expired"})


def undo(work: Work, services: Services, caller: Caller, scan_id: str) -> dict[str, Any]:
    """Take a scan back with a compensating event; refused once what came was paid for, sent back or exchanged."""
    heard = _find(work, caller.store_id, scan_id)
    door = doors.open_case(work, services, caller, heard.return_id, order=True)
    heard = _find(work, caller.store_id, scan_id)  # another one may have taken it back while we waited
    root = the_root(door)
    if heard.undone_at is None:
        moved = [_uncount(door, item) for item in heard.doc["counted"]]
        for item in heard.doc["missing"]:
            _unmiss(door, heard.id, item)
        not_arrived(door)
        facts = msgspec.structs.replace(gather.of_case(door), money_moved=any(moved))
        doors.act(door, root, "undo_receipt", caller, data={"scan_id": scan_id}, facts=facts)
        open_send_back(door, root, {})
        _uncount_parcel(door, caller, heard.doc.get("parcel_id"))
        work.conn.execute(sa.update(_receipts).where(_receipts.c.id == heard.id).values(undone_at=door.now))
        door.close()
    case = the_case(door)
    lines = [cases_view.numbers(line) for line in case.lines]
    return {"return_id": case.id, "state": case.state, "version": case.row["version"], "lines": lines}


def _find(work: Work, store_id: str, scan_id: str) -> Any:
    query = sa.select(_receipts).where(_receipts.c.store_id == store_id, _receipts.c.scan_id == scan_id)
    found = work.conn.execute(query).first()
    if found is None or found.return_id is None:
        raise NotFound("There is no such receipt.")
    return found


def _uncount_parcel(door: Door, caller: Caller, parcel_id: str | None) -> None:
    if parcel_id and door.child("parcel", parcel_id).state == "counted":
        doors.act(door, door.child("parcel", parcel_id), "undo_count", caller)


def _uncount(door: Door, item: dict[str, Any]) -> bool:
    """Take units of a line back; True where money has moved that they were needed for."""
    line = the_case(door).line(item["line"])
    if line is None:
        return False
    quantity, late = item["quantity"], item.get("late", 0)
    unawaited = min(quantity, line.doc.get("unawaited", 0))
    line.set(received=line.received - quantity, missing=line.missing + late, expected=line.expected - unawaited)
    remember(line, unawaited=line.doc.get("unawaited", 0) - unawaited)
    moved = _unjudge(door, line)
    if late:
        give_up(line, late)
    return moved


def _unjudge(door: Door, line: Line) -> bool:
    """What was judged of units that are not here: accepted ones wait again first, then rejected ones.

    Units whose money was approved stay accepted; True where that is not possible: it would have to come back.
    """
    there = line.accepted - line.doc.get("waived", 0)
    over = there + line.rejected - line.received
    if over <= 0:
        return False
    accepted = ranges(line, "accepted_units")
    free = units.subtract(accepted, units.union(_paid(door, line), ranges(line, "waived_units")))
    back = max(min(over, there, units.count(free)), over - line.rejected)
    if back:
        _unaccept(door, line, back, free)
    if over > back:
        _unreject(door, line, over - back)
    return back > units.count(free) or (back > 0 and _paid_for_all(door))


def _unaccept(door: Door, line: Line, back: int, free: units.Ranges) -> None:
    """So many accepted units wait again, the highest of ``free`` first."""
    accepted = ranges(line, "accepted_units")
    gone = units.subtract(free, units.take(free, max(0, units.count(free) - back)))
    kept = units.subtract(accepted, gone)
    remember(line, accepted_units=units.take(kept, units.count(accepted) - back))
    line.set(accepted=line.accepted - back)
    if line.outcome == "exchange":
        securing.loosen(door, line)
        reopen(line)


def _approved(door: Door) -> Iterator[Subject]:
    """The refunds of the return whose money has moved, or is about to."""
    for refund in door.children("refund"):
        if refund.state not in gather.MONEY_STILL or gather.refund(door, refund).part_paid:
            yield refund


def _paid(door: Door, line: Line) -> units.Ranges:
    """Units of the line whose money was approved."""
    parts = (part for refund in _approved(door) for part in refund.row["components"])
    mine = (part for part in parts if part.get("order_line_id") == line.order_line_id)
    return units.union(*(units.parse(part.get("units", []), path="units") for part in mine))


def _paid_for_all(door: Door) -> bool:
    """Whether money was approved that rests on all that came: shipping with the last, freight, a difference."""
    asks = (refund.row["doc"].get("ask") for refund in _approved(door))
    return any(ask is None or ask.get("completes_order") for ask in asks)


def _unreject(door: Door, line: Line, quantity: int) -> None:
    rejected = ranges(line, "rejected_units")
    if quantity > line.rejected - line.doc.get("sent_back", 0):
        _stop_sending_back(door)
    if quantity > line.rejected - line.doc.get("sent_back", 0):
        text = "Units of this receipt are on their way back to the customer."
        raise Refused(text, code="sent_back", reasons=[Reason(rule="here", code="sent_back", text=text)])
    remember(
        line,
        rejected_units=units.subtract(rejected, units.take(rejected, quantity)),
        send_back=max(0, line.doc.get("send_back", 0) - quantity),
    )
    line.set(rejected=line.rejected - quantity)


def _stop_sending_back(door: Door) -> None:
    """Void what lies ready to be sent back; its units wait to be sent once more."""
    for parcel in door.children("parcel"):
        if parcel.row["method"] == "send_back" and parcel.state in _NOT_YET_GONE:
            door.fire(parcel, "void", role="system")
            for item in parcel.row["lines"]:
                line = the_case(door).line(item["line_id"])
                if line is not None:
                    waiting = line.doc.get("send_back", 0) + item["quantity"]
                    remember(line, send_back=waiting, sent_back=line.doc.get("sent_back", 0) - item["quantity"])


def _unmiss(door: Door, receipt_id: str, item: dict[str, Any]) -> None:
    """Await again what was said to be missing, but for what has come since."""
    line = the_case(door).line(item["line"])
    if line is None:
        return
    back = min(item["quantity"], line.missing)
    _not_late(door, receipt_id, line.id, item["quantity"] - back)
    line.set(missing=line.missing - back)
    count_on(line, back)
    need = needed(line)
    free = door.own_order().free(line.order_line_id)
    if units.count(free) < need:
        raise Refused("The units are in another return by now.", code="units_held")
    line.set(reserved=units.union(line.reserved, units.take(free, need) if need > 0 else ()))


def _not_late(door: Door, receipt_id: str, line_id: str, quantity: int) -> None:
    """So many units that other receipts brought although they were said to be missing never were."""
    query = sa.select(_receipts).where(
        _receipts.c.return_id == the_case(door).id, _receipts.c.undone_at.is_(None), _receipts.c.id != receipt_id
    )
    for row in door.work.conn.execute(query.order_by(_receipts.c.id.desc())).all() if quantity > 0 else ():
        counted = []
        for item in row.doc["counted"]:
            less = min(quantity, item.get("late", 0)) if item["line"] == line_id else 0
            quantity -= less
            counted.append({**item, "late": item.get("late", 0) - less})
        values = {"doc": {**row.doc, "counted": counted}}
        door.work.conn.execute(sa.update(_receipts).where(_receipts.c.id == row.id).values(**values))
