"""After the other stories: what they left behind in the database, the log and the provider's own books."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import sqlalchemy as sa

from rma.db import tables
from rma.db.session import Database
from rma.domain import units
from rma.providers.registry import Context, load_all
from rma.services import replay, verify
from rma.services.assess import read_order_doc
from rma.services.catalog import Catalog
from tests.support.served import Served
from tests.support.shop import Shop

_returns = tables.table(tables.Return)
_lines = tables.table(tables.ReturnLine)
_orders = tables.table(tables.Order)
_transfers = tables.table(tables.Transfer)


@pytest.fixture
def left_behind(program: Served, shop: Shop) -> Iterator[Database]:
    """The database after all stories of this run, with one more refund that was paid."""
    shop.order("1001")
    filed = shop.file("1001")
    shop.receive(filed)
    shop.inspect(filed)
    shop.approve(shop.refunds(filed)[0])
    database = Database(program.database)
    yield database
    database.close()


def test_the_history_holds_and_leads_to_every_row(left_behind: Database) -> None:
    """Every chain and seal holds, and the events of each return and order, replayed, lead to what its rows say."""
    report = verify.verify(left_behind)
    assert [f"{fault.place}: {fault.message}" for fault in report.faults] == []
    assert report.events > 0
    catalog = Catalog()
    with left_behind.read() as work:
        cases = work.conn.execute(sa.select(_returns.c.store_id, _returns.c.id)).all()
        orders = work.conn.execute(sa.select(_orders.c.id)).scalars().all()
        found = [
            fault for store_id, case_id in cases for fault in replay.check_return(work, catalog, store_id, case_id)
        ]
        found += [fault for order_id in orders for fault in replay.check_order(work, order_id)]
    assert [str(fault) for fault in found] == []


def test_no_unit_is_held_twice(left_behind: Database) -> None:
    """Reserved and consumed units of all returns of an order line are apart, and none is beyond what was bought."""
    with left_behind.read() as work:
        bought = {
            (row.id, line.id): line.quantity
            for row in work.conn.execute(sa.select(_orders.c.id, _orders.c.doc))
            for line in read_order_doc(row.doc).lines
        }
        held: dict[tuple[str, str], list[units.Ranges]] = {}
        for row in work.conn.execute(sa.select(_lines)):
            held.setdefault((row.order_id, row.order_line_id), []).extend([row.reserved, row.consumed])
    for key, ranges in held.items():
        together = units.union(*ranges)
        assert units.count(together) == sum(units.count(one) for one in ranges), key
        assert units.subtract(together, units.whole(bought[key])) == (), key


def test_the_providers_books_say_the_same(left_behind: Database, program: Served) -> None:
    """R13, S31, S32: no refund went out twice, and what went out is what the transfers say, to the minor unit."""
    gateways = load_all(Context(data_dir=program.data_dir)).payments.values()
    assert [gateway.duplicates() for gateway in gateways if gateway.duplicates()] == []  # type: ignore[attr-defined]
    paid = sa.select(sa.func.sum(_transfers.c.amount)).where(
        _transfers.c.state == "succeeded", _transfers.c.tender != "store_credit"
    )
    with left_behind.read() as work:
        told = work.conn.execute(paid).scalar_one()
    assert sum(gateway.moved("TRY") for gateway in gateways) == told  # type: ignore[attr-defined]
