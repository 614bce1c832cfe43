"""Everything that is held about one person, machine-readable: one JSON document, and the files beside it in a ZIP.

What is locked away belongs to it too, and is found by the request that locked it away.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlmodel import SQLModel

from rma.db import tables
from rma.db.session import Work
from rma.domain import retention
from rma.domain.order import write_order
from rma.domain.retention import BY_NAME
from rma.domain.texts import say
from rma.errors import FieldError, Invalid, NotFound
from rma.services import assess, evidence, feed, privacy
from rma.services import privacy_erasing as erasing
from rma.services import privacy_matters as matters
from rma.services.caller import Caller
from rma.services.case import now_of
from rma.services.context import Services
from rma.services.paging import Ask
from rma.services.privacy import Subject
from rma.services.privacy_matters import Failed, Matter

_PART = 200
_STAMP = (1980, 1, 1, 0, 0, 0)
_INTERNAL = frozenset({"store_id", "head", "events_n", "token"})


class ExportOf(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Whose data: as ``Subject``, or what an erasure has locked away, by its ``request_id``."""

    email: str | None = None
    customer_reference: str | None = None
    request_id: str | None = None


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    """A class of record that is held: why, until when, and whether it is locked away."""

    record: str
    label: str
    article: str
    until: date | None
    restricted: bool


class Held(msgspec.Struct, frozen=True, kw_only=True):
    """One matter: the order if it is the person's, its returns with everything below them, its classes of record."""

    id: str
    open: bool
    closed: date
    order: dict[str, Any] | None
    consents: dict[str, Any]
    returns: list[dict[str, Any]]
    refunds: list[dict[str, Any]]
    withdrawals: list[dict[str, Any]]
    messages: list[dict[str, Any]]
    events: list[dict[str, Any]]
    kept: list[Kept]


class Export(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that is held. ``restricted`` is what only a duty keeps. Files are named in ``evidence`` of returns.

    ``failed`` names what cannot be read: the rest is here all the same.
    """

    store: str
    made_at: datetime
    matters: list[Held]
    restricted: list[dict[str, Any]]
    failed: list[Failed]


def export(work: Work, services: Services, caller: Caller, asked: ExportOf, *, locale: str) -> Export:
    """The person's data. ``Invalid`` names every wrong field; ``NotFound`` for a request of another store."""
    store = services.catalog.store(work, caller.store_id)
    named = asked.email is not None or asked.customer_reference is not None
    if asked.request_id is not None and named:
        errors = [FieldError("request_id", "one_of", "A request_id stands alone.")]
        raise Invalid("Say one or the other.", errors=errors)
    locked: Sequence[Any] = []
    if asked.request_id is not None:
        request = privacy.show(work, caller, asked.request_id, locale=locale)
        keys = request.open
        locked = _locked_of(work, erasing.RESTRICTED.c.request_id == request.id)
    else:
        subject = privacy.check(Subject(email=asked.email, customer_reference=asked.customer_reference))
        keys = privacy.find(work, store.id, subject)
        locked = _locked_of(work, erasing.RESTRICTED.c.matter.in_(keys))
    found, failed = matters.load_all(work, services, store, keys, lock=False)
    held: list[Held] = []
    for one in found:
        with matters.each(failed, one.id):
            held.append(_held(work, one, locale))
    return Export(
        store=store.slug,
        made_at=now_of(work, store.id),
        matters=held,
        restricted=[_shown(row) for row in locked],
        failed=matters.named(failed),
    )


def archive(services: Services, caller: Caller, asked: ExportOf, *, locale: str) -> bytes:
    """A ZIP with ``export.json`` and the files of every return under its RMA number; the same data, the same bytes."""
    with services.database.read() as work:
        made = export(work, services, caller, asked, locale=locale)
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as pack:
        _add(pack, "export.json", msgspec.json.format(msgspec.json.encode(made), indent=2))
        for case in (case for held in made.matters for case in held.returns):
            for one in case["evidence"]:
                _add_file(pack, services, case, one)
    return out.getvalue()


def _add_file(pack: zipfile.ZipFile, services: Services, case: dict[str, Any], one: dict[str, Any]) -> None:
    if one["destroyed_at"] is not None:
        return
    try:
        data = services.ports.files.get(f"{case['id']}/{one['sha256']}")
    except NotFound:
        return
    _add(pack, f"{case['rma_number']}/{one['id']}.{evidence.ending(one['media_type'])}", data)


def _add(pack: zipfile.ZipFile, name: str, data: bytes) -> None:
    info = zipfile.ZipInfo(name, _STAMP)
    info.compress_type = zipfile.ZIP_DEFLATED
    pack.writestr(info, data)


def _held(work: Work, held: Matter, locale: str) -> Held:
    order = None
    person = None
    if held.order is not None:
        person = assess.read_person(held.order.person)
        snapshot = assess.read_order_doc(held.order.doc)
        order = {"id": held.order.id, **write_order(msgspec.structs.replace(snapshot, person=person))}
    return Held(
        id=held.id,
        open=held.is_open,
        closed=held.closed,
        order=order,
        consents={} if person is None else msgspec.to_builtins(person.consents),
        returns=[_case(work, row) for row in held.returns],
        refunds=[_refund(work, row) for row in held.refunds],
        withdrawals=[_plain(row) | {"content": matters.decoded(row.content)} for row in held.withdrawals],
        messages=[_plain(row) for row in held.messages],
        events=_events(work, held),
        kept=[_kept(held, name, locale) for name in retention.OF_A_MATTER],
    )


def _case(work: Work, row: Any) -> dict[str, Any]:
    """A return with its lines, parcels, replacements, inspections, evidence and feedback."""
    below: dict[str, type[SQLModel]] = {
        "lines": tables.ReturnLine,
        "parcels": tables.Parcel,
        "replacements": tables.Replacement,
        "inspections": tables.Inspection,
        "evidence": tables.Evidence,
        "feedback": tables.Feedback,
        "payments": tables.Payment,
        "unexpected": tables.Unexpected,
    }
    found: dict[str, Any] = _plain(row)
    found |= {"contact": matters.decoded(row.contact), "quote": matters.decoded(row.quote)}
    for name, model in below.items():
        table = tables.table(model)
        rows = work.conn.execute(sa.select(table).where(table.c.return_id == row.id).order_by(table.c.id)).all()
        found[name] = [_plain(each) for each in rows]
    return found


def _refund(work: Work, row: Any) -> dict[str, Any]:
    """A refund with the movements of money that carried it out."""
    table = matters.TRANSFERS
    moves = work.conn.execute(sa.select(table).where(table.c.refund_id == row.id).order_by(table.c.position)).all()
    return _plain(row) | {"payout": matters.decoded(row.payout), "transfers": [_plain(one) for one in moves]}


def _plain(row: Any) -> dict[str, Any]:
    """A row's columns, without those that are only of the engine."""
    return {name: value for name, value in row._mapping.items() if name not in _INTERNAL}


def _events(work: Work, held: Matter) -> list[dict[str, Any]]:
    """The history of every stream, with the personal values that it points at."""
    found: list[dict[str, Any]] = []
    for stream in held.streams:
        after: str | None = None
        while True:
            part = feed.page_of_stream(work, stream, Ask(limit=_PART, after=after))
            found += [msgspec.to_builtins(event) for event in part.items]
            after = part.next_cursor
            if after is None:
                break
    return found


def _kept(held: Matter, name: retention.Name, locale: str) -> Kept:
    end = held.end(name)
    label = say(BY_NAME[name].label, locale)
    until = None if held.is_open else end.until
    return Kept(record=name, label=label, article=end.article, until=until, restricted=False)


def _locked_of(work: Work, condition: Any) -> Sequence[Any]:
    table = erasing.RESTRICTED
    return work.conn.execute(sa.select(table).where(condition).order_by(table.c.id)).all()


def _shown(row: Any) -> dict[str, Any]:
    names = ("record", "matter", "until", "article", "request_id")
    return {name: getattr(row, name) for name in names} | {"value": msgspec.json.decode(row.value)}
