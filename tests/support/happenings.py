"""A store with cases written straight into the tables, and events that happen to them: for what reads the log."""

from __future__ import annotations

import itertools
from datetime import UTC, date, datetime, timedelta
from typing import Any

import msgspec
import sqlalchemy as sa

from rma.db import tables
from rma.db.session import Work
from rma.domain.events import Draft
from rma.domain.order import Consent, Person
from rma.services import log, stores
from rma.services.context import Services
from rma.services.feed import FeedEvent
from rma.services.stores import Language, NewStore

START = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
_numbers = itertools.count(1)


class World:
    """One store and the ways to make cases and events in it."""

    def __init__(self, services: Services, *, slug: str = "cinar", locale: Language = "tr") -> None:
        self.services = services
        self.database = services.database
        new = NewStore(
            slug=slug, name="Çınar Butik", country="TR", timezone="Europe/Istanbul", currency="TRY", locale=locale,
            test_mode=True,
        )  # fmt: skip
        with self.database.write() as work:
            self.store_id = stores.create(work, new).id

    def case(
        self, *, locale: str = "tr", consent: bool | None = None, email: str | None = "ayse@example.com", **columns: Any
    ) -> str:
        """A return of three shirts, two asked for, in ``awaiting_parcel`` unless told; its id."""
        with self.database.write() as work:
            return self._case(work, next(_numbers), locale, consent, email, columns)

    def _case(
        self, work: Work, number: int, locale: str, consent: bool | None, email: str | None, columns: dict[str, Any]
    ) -> str:
        consents = {} if consent is None else {"email_marketing": Consent(consent, START, "checkout")}
        person = Person(email=email, name="Ayşe Yılmaz", consents=consents)
        order = tables.Order(
            id=work.new_id("ord"), store_id=self.store_id, number=str(1000 + number), ordered_at=START, currency="TRY",
            email=email, doc="{}", person=msgspec.json.encode(person).decode(), created_at=START, updated_at=START,
        )  # fmt: skip
        work.session.add(order)
        work.flush()
        values: dict[str, Any] = {
            "id": work.new_id("ret"), "store_id": self.store_id, "order_id": order.id, "order_number": order.number,
            "rma_number": f"RMA-{number}", "kind": "withdrawal", "state": "awaiting_parcel", "waits_for": "customer",
            "workflow": "return", "workflow_version": 1, "policy_version": 1, "law": "TR", "currency": "TRY",
            "method": "drop_off_code", "email": email, "facts": {"locale": locale, "timezone": "Europe/Istanbul"},
            "quote": '{"lines": []}', "created_at": START, "updated_at": START,
        }  # fmt: skip
        case = tables.Return(**values | columns)
        work.session.add(case)
        work.flush()
        work.session.add(_line(work, case))
        return case.id

    def add(self, row: Any) -> str:
        """Write one more row; its id."""
        with self.database.write() as work:
            row.store_id = self.store_id
            work.session.add(row)
            work.flush()
            return str(row.id)

    def deadline(self, case: str, name: str, days: int = 7, *, subject: str | None = None) -> None:
        """An open deadline of a case or of one of its children."""
        due_at = START + timedelta(days=days)
        day = due_at.date()
        row = tables.Deadline(
            id=f"due_{next(_numbers)}", store_id="", return_id=case, subject_id=subject or case, name=name,
            in_state="x", waits_for="customer", since=START, raw=day, strict=day, lenient=day, due_at=due_at,
            next_at=due_at, warn_at=[], fire="none",
        )  # fmt: skip
        self.add(row)

    def say(self, case: str, *drafts: Draft | tuple[str, dict[str, Any]], actor: str = "system") -> None:
        """Events of a case, in one transaction."""
        with self.database.write() as work:
            self.say_in(work, case, *drafts, actor=actor)

    def say_in(self, work: Work, case: str, *drafts: Draft | tuple[str, dict[str, Any]], actor: str = "system") -> None:
        """The same in a transaction of the caller's."""
        at = START + timedelta(seconds=next(_numbers))
        made = [draft if isinstance(draft, Draft) else Draft(draft[0], draft[1], at) for draft in drafts]
        log.append_to(work, "returns", case, made, store_id=self.store_id, actor=actor)

    def rows(self, model: Any, *conditions: Any) -> list[Any]:
        """Rows of a table, oldest first."""
        table = tables.table(model)
        with self.database.read() as work:
            query = sa.select(table).where(table.c.store_id == self.store_id, *conditions)
            return list(work.conn.execute(query.order_by(*table.primary_key)).all())

    def messages(self, case: str) -> dict[str, Any]:
        """The messages of a case by kind."""
        return {row.kind: row for row in self.rows(tables.Message) if row.return_id == case}


def _line(work: Work, case: tables.Return) -> tables.ReturnLine:
    return tables.ReturnLine(
        id=work.new_id("rln"), store_id=case.store_id, return_id=case.id, order_id=case.order_id, order_line_id="1",
        position=0, sku="TS-RED-M", kind="withdrawal", basis="statutory", outcome="refund", requested=2, expected=2,
        received=1, missing=1, rejected=1, units=((1, 2),), reserved=((1, 2),), consumed=(),
        doc={"name": "Kırmızı tişört M"},
    )  # fmt: skip


def parcel(case: str, **more: Any) -> tables.Parcel:
    """An inbound parcel with a code."""
    values: dict[str, Any] = {
        "id": f"par_{next(_numbers)}", "store_id": "", "return_id": case, "direction": "inbound",
        "state": "label_ready", "method": "drop_off_code", "carrier": "yurtici", "code": "73104455",
        "expires_on": date(2026, 12, 4), "lines": [], "doc": {}, "created_at": START, "updated_at": START,
    }  # fmt: skip
    return tables.Parcel(**values | more)


def refund(case: str, order: str, **more: Any) -> tables.Refund:
    """A refund of 96.67 that is promised for a day."""
    values: dict[str, Any] = {
        "id": f"ref_{next(_numbers)}", "store_id": "", "order_id": order, "order_number": "1001", "return_id": case,
        "state": "approved", "currency": "TRY", "total": 9667, "components": [], "doc": {}, "approvals": [],
        "due_promise": date(2026, 11, 25), "due_legal": date(2026, 12, 1), "created_at": START, "updated_at": START,
    }  # fmt: skip
    return tables.Refund(**values | more)


def transfer(refund_id: str, order: str, **more: Any) -> tables.Transfer:
    """All of the refund by card."""
    values: dict[str, Any] = {
        "id": f"tra_{next(_numbers)}", "store_id": "", "refund_id": refund_id, "order_id": order, "position": 0,
        "tender": "card", "amount": 9667, "state": "succeeded", "updated_at": START,
    }  # fmt: skip
    return tables.Transfer(**values | more)


def replacement(case: str, line: str, **more: Any) -> tables.Replacement:
    """One shirt in another size, 10.00 of it to be paid."""
    values: dict[str, Any] = {
        "id": f"rep_{next(_numbers)}", "store_id": "", "return_id": case, "return_line_id": line, "state": "ordered",
        "sku": "TS-RED-L", "quantity": 1, "unit_value": 10667, "due_from_customer": 1000, "doc": {},
        "created_at": START, "updated_at": START,
    }  # fmt: skip
    return tables.Replacement(**values | more)


def sequences(found: list[FeedEvent]) -> list[int | None]:
    """The places of events in the feed."""
    return [event.sequence for event in found]
