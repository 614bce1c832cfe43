"""What nobody announced: things in a parcel that its return does not name, and whole parcels without a code."""

from __future__ import annotations

from typing import Any

import msgspec
import sqlalchemy as sa

from rma.db import tables
from rma.db.session import Work, now
from rma.domain.events import Draft
from rma.errors import Invalid, NotFound, Refused
from rma.services import doors, log, receipts
from rma.services.caller import Caller
from rma.services.context import Services
from rma.services.inputs import Code, Prose, Word
from rma.services.inspections import Disposition
from rma.services.line_effects import the_case
from rma.services.paging import Ask, Page, cut
from rma.services.receipts import NewReceipt, ReceivedIn

_unexpected = tables.table(tables.Unexpected)


class UnknownParcel(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A parcel on a shelf: what can be read on it and what is in it."""

    shelf: Code | None = None
    sender: Word | None = None
    tracking: Code | None = None
    skus: list[Code] = []
    description: Prose | None = None
    evidence_id: Code | None = None


class MatchParcel(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Which return it belongs to; the lines are received with it where they are given."""

    return_id: str
    lines: list[ReceivedIn] = []


class MatchItem(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which line it belongs to."""

    return_id: str
    line_id: str


class Dispose(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where it goes."""

    disposition: Disposition


class UnexpectedView(msgspec.Struct, frozen=True, kw_only=True):
    """A thing or a whole parcel that nobody announced: what is known of it, and once it is done what became of it.

    ``kind``: item, parcel; ``state``: open, matched, disposed. ``version`` is 1 while it is open, then 2.
    """

    id: str
    kind: str
    state: str
    version: int
    shelf: str | None = None
    sender: str | None = None
    tracking: str | None = None
    sku: str | None = None
    skus: list[str] = []
    quantity: int | None = None
    description: str | None = None
    evidence_id: str | None = None
    return_id: str | None = None
    line_id: str | None = None
    disposition: str | None = None


def record_parcel(work: Work, services: Services, caller: Caller, data: UnknownParcel) -> UnexpectedView:
    """Keep a parcel that no code belongs to."""
    del services
    named = {data.evidence_id} if data.evidence_id is not None else set()
    if named and not receipts.evidence_of(work, caller.store_id, named):
        raise Invalid.field("evidence_id", "unknown", "There is no such file.")
    doc = msgspec.to_builtins(data)
    row = tables.Unexpected(
        id=work.new_id("unx"),
        store_id=caller.store_id,
        return_id=None,
        kind="parcel",
        state="open",
        doc=doc,
        created_at=now(),
    )
    work.session.add(row)
    told = {"id": row.id, "tracking": data.tracking, "skus": data.skus}
    _say(work, caller, "parcel.unknown", told)
    return _view(row.id, "parcel", "open", doc)


def listing(work: Work, caller: Caller, ask: Ask) -> Page[UnexpectedView]:
    """Unknown parcels that are still on the shelf."""
    query = (
        sa.select(_unexpected)
        .where(_unexpected.c.store_id == caller.store_id, _unexpected.c.kind == "parcel", _unexpected.c.state == "open")
        .order_by(_unexpected.c.id)
        .limit(ask.limit + 1)
    )
    if ask.after:
        query = query.where(_unexpected.c.id > ask.after)
    page = cut(work.conn.execute(query).all(), ask, key=lambda row: str(row.id))
    return page.map(lambda row: _view(row.id, row.kind, row.state, row.doc))


def match_parcel(work: Work, services: Services, caller: Caller, item_id: str, data: MatchParcel) -> UnexpectedView:
    """Give a parcel to its return, and receive what it held."""
    row = _open(work, caller, item_id, "parcel")
    case = the_case(doors.open_case(work, services, caller, data.return_id, lock=False)).id
    lines = data.lines
    if lines:
        receipt = NewReceipt(scan_id=f"match:{item_id}", return_id=data.return_id, lines=lines)
        receipts.receive(work, services, caller, receipt)
    return _done(work, caller, row, "matched", {"return_id": case}, event="parcel.matched")


def match_item(work: Work, services: Services, caller: Caller, item_id: str, data: MatchItem) -> UnexpectedView:
    """Count a thing for a line after all."""
    row = _open(work, caller, item_id, "item")
    if the_case(doors.open_case(work, services, caller, data.return_id, lock=False)).line(data.line_id) is None:
        raise Invalid.field("line_id", "unknown", "The return has no such line.")
    quantity = int(row.doc.get("quantity") or 1)
    received = ReceivedIn(line_id=data.line_id, quantity=quantity)
    receipt = NewReceipt(scan_id=f"match:{item_id}", return_id=data.return_id, lines=[received])
    answer, _ = receipts.receive(work, services, caller, receipt)
    found = {"return_id": answer["return_id"], "line_id": data.line_id}
    return _done(work, caller, row, "matched", found, event="parcel.matched")


def dispose(work: Work, services: Services, caller: Caller, item_id: str, data: Dispose) -> UnexpectedView:
    """Decide where a thing goes that belongs to nobody's return."""
    del services
    row = _open(work, caller, item_id, None)
    return _done(work, caller, row, "disposed", {"disposition": data.disposition}, event="line.dispositioned")


def _open(work: Work, caller: Caller, item_id: str, kind: str | None) -> Any:
    row = work.conn.execute(
        sa.select(_unexpected)
        .where(_unexpected.c.store_id == caller.store_id, _unexpected.c.id == item_id)
        .with_for_update(key_share=True)
    ).first()
    if row is None:
        raise NotFound("There is no such thing on the shelf.")
    work.check_version(_version(row.state))
    if kind is not None and row.kind != kind:
        raise Invalid.field("id", "kind", f"This is a {row.kind}.")
    if row.state != "open":
        raise Refused(f"This is {row.state} already.", code=f"already_{row.state}")
    return row


def _done(work: Work, caller: Caller, row: Any, state: str, found: dict[str, Any], *, event: str) -> UnexpectedView:
    doc = {**row.doc, **found}
    work.conn.execute(sa.update(_unexpected).where(_unexpected.c.id == row.id).values(state=state, doc=doc))
    _say(work, caller, event, {"id": row.id, **found})
    return _view(row.id, row.kind, state, doc)


def _say(work: Work, caller: Caller, event: str, told: dict[str, Any]) -> None:
    draft = Draft(event, told, now())
    log.append_to(work, "stores", caller.store_id, [draft], store_id=caller.store_id, actor=caller.actor)


def _view(item_id: str, kind: str, state: str, doc: dict[str, Any]) -> UnexpectedView:
    own = {"id": item_id, "kind": kind, "state": state, "version": _version(state)}
    return msgspec.convert({**doc, **own}, UnexpectedView)


def _version(state: str) -> int:
    """It changes once: when it is matched or disposed of."""
    return 1 if state == "open" else 2
