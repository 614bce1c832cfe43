"""Everything around one message as it stands when it is sent: its row and event, the case, the order and the person."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import msgspec
import sqlalchemy as sa

from rma.db import hot, tables
from rma.db.named import Query
from rma.db.session import Work
from rma.domain import calendar
from rma.domain.messages import Item, kind_of
from rma.domain.order import Person
from rma.domain.texts import LANGUAGES
from rma.services import feed
from rma.services.catalog import StoreInfo
from rma.services.feed import FeedEvent

TOKEN = "~link~"  # noqa: S105 - the place of the secret in a text that is kept; the secret itself never is
_returns = tables.table(tables.Return)
_lines = tables.table(tables.ReturnLine)
_orders = tables.table(tables.Order)
_deadlines = tables.table(tables.Deadline)
_OF_ORDER = (_orders.c.number, _orders.c.person)
_OF_CASE = ["id", "state", "rma_number", "method", "statutory", "contact", "facts", "quote", "currency", "order_id"]
_OF_LINE = ["id", "sku", "doc", "requested", "expected", "received", "missing", "rejected"]
_read_person = msgspec.json.Decoder(Person | None).decode

_CASE = Query(
    sa.select(*(_returns.c[name] for name in _OF_CASE), *_OF_ORDER)
    .select_from(_returns.join(_orders, _orders.c.id == _returns.c.order_id))
    .where(_returns.c.store_id == sa.bindparam("store"), _returns.c.id == sa.bindparam("key"))
)
_ORDER = Query(
    sa.select(*_OF_ORDER).where(_orders.c.store_id == sa.bindparam("store"), _orders.c.id == sa.bindparam("key"))
)
_LINES = Query(
    sa.select(*(_lines.c[name] for name in _OF_LINE))
    .where(_lines.c.return_id == sa.bindparam("key"))
    .order_by(_lines.c.position)
)
_DUE = Query(
    sa.select(_deadlines.c.due_at).where(
        _deadlines.c.return_id == sa.bindparam("case"),
        _deadlines.c.subject_id == sa.bindparam("subject"),
        _deadlines.c.name == sa.bindparam("which"),
        _deadlines.c.state == sa.literal_column("'open'"),
    )
)
_CHILD = {
    model: Query(
        sa.select(tables.table(model)).where(
            tables.table(model).c.store_id == sa.bindparam("store"), tables.table(model).c.id == sa.bindparam("key")
        )
    )
    for model in (tables.Parcel, tables.Refund, tables.Replacement)
}


@dataclass(slots=True)
class Scene:
    """Everything around one message: its row, its event, the case and the order as they stand."""

    work: Work
    store: StoreInfo
    url: str
    row: Any
    event: FeedEvent | None
    case: Any = None
    order: Any = None
    person: Person | None = None
    _lines: list[Any] | None = None

    @property
    def lines(self) -> Sequence[Any]:
        """The lines of the case in their order, read on first use."""
        if self._lines is None:
            self._lines = [] if self.case is None else _LINES.all(self.work, key=self.case.id)
        return self._lines

    @property
    def data(self) -> dict[str, Any]:
        """What the event said; empty for a message that a person wrote."""
        return {} if self.event is None else self.event.data

    @property
    def language(self) -> str:
        """The reader's language: the customer's, else the store's; the store's own people read the store's."""
        inside = kind_of(self.row.kind).audience == "finance"
        theirs = None if inside or self.case is None else self.case.facts.get("locale")
        wanted = theirs or self.store.locale
        code = str(wanted).replace("_", "-").partition("-")[0].lower()
        return code if code in LANGUAGES else self.store.locale

    @property
    def email(self) -> str | None:
        """The customer's address as it was written: the one given for this return, else the order's."""
        contact = msgspec.json.decode(self.case.contact) if self.case is not None and self.case.contact else {}
        return contact.get("email") or (self.person.email if self.person is not None else None)

    @property
    def timezone(self) -> str:
        """The reader's time zone, where the case knows it."""
        return str(self.case.facts.get("timezone") or self.store.timezone) if self.case else self.store.timezone

    @property
    def link(self) -> str:
        """The customer's page, with the place of the secret."""
        shop = f"{self.url}/{self.store.slug}"
        return shop if self.case is None else f"{shop}/r/{TOKEN}"

    def due(self, name: str, subject: str | None = None) -> date | None:
        """The last day of an open deadline of the case, or of one of its children."""
        if self.case is None:
            return None
        found = _DUE.first(self.work, case=self.case.id, subject=subject or self.case.id, which=name)
        return None if found is None else calendar.local_date(found.due_at, self.timezone)

    def child(self, model: Any) -> Any | None:
        """The child of this kind (``tables.Parcel`` ``Refund`` ``Replacement``) that the event is about."""
        key = self.data.get("id") or self.data.get("subject") or ""
        return _CHILD[model].first(self.work, store=self.store.id, key=key)

    def items(self, number: str = "requested") -> tuple[Item, ...]:
        """The lines of the case that have any units in this number."""
        return tuple(
            Item(name=name_of(line), quantity=getattr(line, number)) for line in self.lines if getattr(line, number) > 0
        )


def look(work: Work, store: StoreInfo, row: Any, *, url: str) -> Scene:
    """Read what surrounds this message row; ``url`` is our public address."""
    cause = _cause(row)
    event = None if cause is None else feed.one(work, store.id, cause)
    scene = Scene(work=work, store=store, url=url, row=row, event=event)
    if row.return_id is not None:
        scene.case = scene.order = _CASE.first(work, store=store.id, key=row.return_id)
    elif event is not None:
        scene.order = _ORDER.first(work, store=store.id, key=event.stream)
    scene.person = _read_person(scene.order.person) if scene.order is not None and scene.order.person else None
    return scene


def reads(row: Any) -> Iterator[hot.Read]:
    """What ``look`` asks for first, for who reads it ahead for many rows."""
    cause = _cause(row)
    if cause is not None:
        yield feed.read_of(row.store_id, cause)
    if row.return_id is not None:
        yield _CASE.read(store=row.store_id, key=row.return_id)


def _cause(row: Any) -> str | None:
    """The event that made this message due, if one did."""
    cause = row.dedupe.partition(":")[0]
    return cause if cause.startswith("evt_") else None


def name_of(line: Any) -> str:
    """What the goods of a return line are called."""
    return str(line.doc.get("name") or line.sku)
