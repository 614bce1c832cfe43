"""Everything around one message as it stands when it is sent: its row and event, the case, the order and the person."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import msgspec
import sqlalchemy as sa

from rma.db import tables
from rma.db.session import Work
from rma.domain import calendar
from rma.domain.messages import Item
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
_read_person = msgspec.json.Decoder(Person | None).decode


@dataclass(slots=True)
class Scene:
    """Everything around one message: its row, its event, the case and the order as they stand."""

    work: Work
    store: StoreInfo
    url: str
    row: Any
    event: FeedEvent | None
    case: Any = None
    lines: Sequence[Any] = ()
    order: Any = None
    person: Person | None = None

    @property
    def data(self) -> dict[str, Any]:
        """What the event said; empty for a message that a person wrote."""
        return {} if self.event is None else self.event.data

    @property
    def language(self) -> str:
        """The reader's language: the customer's, else the store's."""
        wanted = self.store.locale if self.case is None else self.case.facts.get("locale") or self.store.locale
        code = str(wanted).replace("_", "-").partition("-")[0].lower()
        return code if code in LANGUAGES else self.store.locale

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
        query = sa.select(_deadlines.c.due_at).where(
            _deadlines.c.subject_id == (subject or self.case.id),
            _deadlines.c.name == name,
            _deadlines.c.state == "open",
        )
        due_at = self.work.conn.execute(query).scalar()
        return None if due_at is None else calendar.local_date(due_at, self.timezone)

    def child(self, table: sa.Table) -> Any | None:
        """The child that the event is about."""
        key = self.data.get("id") or self.data.get("subject") or ""
        return self.work.conn.execute(
            sa.select(table).where(table.c.store_id == self.store.id, table.c.id == key)
        ).first()

    def items(self, number: str = "requested") -> tuple[Item, ...]:
        """The lines of the case that have any units in this number."""
        return tuple(
            Item(name=name_of(line), quantity=getattr(line, number)) for line in self.lines if getattr(line, number) > 0
        )


def look(work: Work, store: StoreInfo, row: Any, *, url: str) -> Scene:
    """Read what surrounds this message row; ``url`` is our public address."""
    cause = row.dedupe.partition(":")[0]
    event = feed.one(work, store.id, cause) if cause.startswith("evt_") else None
    scene = Scene(work=work, store=store, url=url, row=row, event=event)
    if row.return_id is not None:
        scene.case = work.conn.execute(
            sa.select(_returns).where(_returns.c.store_id == store.id, _returns.c.id == row.return_id)
        ).one()
        scene.lines = work.conn.execute(
            sa.select(_lines).where(_lines.c.return_id == row.return_id).order_by(_lines.c.position)
        ).all()
    order_id = scene.case.order_id if scene.case is not None else event.stream if event else ""
    scene.order = work.conn.execute(
        sa.select(_orders.c.number, _orders.c.email, _orders.c.person).where(
            _orders.c.store_id == store.id, _orders.c.id == order_id
        )
    ).first()
    scene.person = _read_person(scene.order.person) if scene.order is not None and scene.order.person else None
    return scene


def name_of(line: Any) -> str:
    """What the goods of a return line are called."""
    return str(line.doc.get("name") or line.sku)
