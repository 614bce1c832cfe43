"""A small history to tamper with: a store, an order and a return, each with a chain of its own, all sealed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from rma.db import tables
from rma.db.session import Database, Work
from rma.domain import events
from rma.domain.events import Draft, Personal
from rma.services import log, seal, stores
from rma.services.seal import seal_hash
from rma.services.stores import NewStore

AT = datetime(2026, 11, 2, 12, tzinfo=UTC)
EVENTS = tables.table(tables.Event)
SEALS = tables.table(tables.Seal)
PERSONAL = tables.table(tables.Personal)
RETURNS = tables.table(tables.Return)
ORDERS = tables.table(tables.Order)


class History:
    """What was written: the ids of its streams. Change it with ``run`` as somebody who can write to the database."""

    def __init__(self, database: Database, slug: str = "kumas") -> None:
        self.database = database
        self.slug = slug
        with database.write() as work:
            new = NewStore(
                slug=slug,
                name=slug,
                country="TR",
                timezone="Europe/Istanbul",
                currency="TRY",
                locale="tr",
                test_mode=True,
            )
            self.store = stores.create(work, new).id
            self.order = _order(work, self.store)
            self.case = _case(work, self.store, self.order)
        self.tell()

    def tell(self) -> None:
        """Write the story of the order and its return, then seal it."""
        self.say("orders", self.order, "order.imported", {"number": "1001", "note": Personal("ayse@example.com")})
        self.say("returns", self.case, "return.requested", {"to": "requested"})
        for source, target in (
            ("requested", "approved"),
            ("approved", "awaiting_parcel"),
            ("awaiting_parcel", "settled"),
        ):
            told = {"trigger": "go", "from": source, "to": target}
            self.say("returns", self.case, "return.approved", told)
            self.say("returns", self.case, "parcel.in_transit", {"trigger": "move", "to": "in_transit", "id": "par_1"})
        seal.seal_store(self.database, self.store)

    def say(self, owner: str, stream: str, kind: str, data: dict[str, Any]) -> None:
        """One more event at the end of a stream, not sealed."""
        with self.database.write() as work:
            log.append_to(work, owner, stream, [Draft(kind, data, AT)], store_id=self.store, actor="system")

    def run(self, *statements: Any) -> None:
        """Change the database behind the program's back."""
        with self.database.write() as work:
            for statement in statements:
                work.conn.execute(statement)

    @contextmanager
    def undone(self) -> Iterator[None]:
        """Whatever is done to events, seals, personal values and returns inside is undone at the end."""
        touched = (RETURNS, EVENTS, SEALS, PERSONAL)
        with self.database.read() as work:
            kept = [(table, [dict(row) for row in work.conn.execute(sa.select(table)).mappings()]) for table in touched]
        yield
        for table, rows in kept:
            self.run(sa.delete(table), sa.insert(table).values(rows))

    def event(self, n: int, stream: str | None = None) -> Any:
        """The condition that names one event of the return, or of another stream."""
        return sa.and_(EVENTS.c.stream == (stream or self.case), EVENTS.c.n == n)

    def row(self, n: int) -> Any:
        """One event of the return."""
        with self.database.read() as work:
            return work.conn.execute(sa.select(EVENTS).where(self.event(n))).one()

    def rewrite(self) -> None:
        """Recompute every hash from what the bodies say now: events, heads of rows, and seals."""
        with self.database.write() as work:
            heads: dict[str, str] = {}
            for row in work.conn.execute(sa.select(EVENTS).order_by(EVENTS.c.seq)).all():
                heads[row.stream] = events.link(heads.get(row.stream, ""), row.body)
                work.conn.execute(sa.update(EVENTS).where(EVENTS.c.seq == row.seq).values(hash=heads[row.stream]))
            for owner in (tables.table(tables.Store), ORDERS, RETURNS):
                for stream, head in heads.items():
                    work.conn.execute(sa.update(owner).where(owner.c.id == stream).values(head=head))
            _seal_again(work)


def _seal_again(work: Work) -> None:
    heads: dict[str, str] = {}
    joined = sa.select(SEALS, EVENTS.c.hash.label("event")).join(EVENTS, EVENTS.c.seq == SEALS.c.event_seq)
    for row in work.conn.execute(joined.order_by(SEALS.c.store_id, SEALS.c.number)).all():
        heads[row.store_id] = seal_hash(heads.get(row.store_id, ""), row.number, row.event)
        mine = sa.and_(SEALS.c.store_id == row.store_id, SEALS.c.number == row.number)
        work.conn.execute(sa.update(SEALS).where(mine).values(hash=heads[row.store_id]))


def _order(work: Work, store_id: str) -> str:
    row = tables.Order(
        id=work.new_id("ord"),
        store_id=store_id,
        number="1001",
        currency="TRY",
        ordered_at=AT,
        doc="{}",
        person="{}",
        created_at=AT,
        updated_at=AT,
    )
    work.session.add(row)
    work.flush()
    return row.id


def _case(work: Work, store_id: str, order_id: str) -> str:
    row = tables.Return(
        id=work.new_id("ret"),
        store_id=store_id,
        order_id=order_id,
        order_number="1001",
        rma_number=work.new_id("r")[-12:],
        kind="voluntary",
        state="settled",
        waits_for="nobody",
        workflow="return",
        workflow_version=1,
        policy_version=1,
        law="none",
        currency="TRY",
        facts={},
        quote="{}",
        created_at=AT,
        updated_at=AT,
    )
    work.session.add(row)
    work.flush()
    return row.id
