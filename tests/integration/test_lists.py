"""Lists by time, in a store with real customers: the right ones, and no more looked at than shown."""

from __future__ import annotations

import os
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from msgspec import structs

from rma.db import tables
from rma.db.session import Work, now
from rma.domain import ids
from rma.services import listing, orders_view
from rma.services.paging import Ask
from tests.support.floor import Floor

_returns = tables.table(tables.Return)
_orders = tables.table(tables.Order)
_PAST = timedelta(days=30)
_MANY = {"sqlite": 2_000, "postgresql": 10_000}
"""With fewer PostgreSQL finds even a poor plan cheap enough."""


def _listed(work: Work, shop: Floor, **times: datetime) -> list[str]:
    caller = structs.replace(shop.clerk, test_mode=False)
    filters = listing.Filters(**{name: at.isoformat() for name, at in times.items()})
    return [one["id"] for one in listing.returns(work, caller, filters, Ask(limit=10)).items]


def _copies(work: Work, row: dict[str, Any]) -> list[str]:
    """The same return again and again, evenly over the past month; their ids in order."""
    begin, many, made = now() - _PAST, _MANY[work.dialect.name], []
    for number in range(many):
        at = begin + _PAST * number / many
        key = ids.new_id("ret", int(at.timestamp() * 1000), os.urandom(ids.RANDOM_BYTES))
        made.append(row | {"id": key, "rma_number": f"R{number:06d}", "created_at": at, "updated_at": at})
    work.conn.execute(sa.insert(_returns), made)
    return [one["id"] for one in made]


def test_a_list_of_a_time_holds_what_was_made_then(floor: Floor) -> None:
    """``created_from`` is the first instant that counts and ``created_to`` the first that does not, to the last digit.

    On PostgreSQL a page of ten from the middle of thousands reads little more than ten rows.
    """
    shop = Floor(floor.services, test_mode=False)
    shop.order("1")
    filed = shop.must(shop.file("1", ("1", 1)))["id"]
    with shop.services.database.write() as work:
        [row] = work.conn.execute(sa.select(_returns).where(_returns.c.id == filed)).mappings()
        made = _copies(work, dict(row))
    if not shop.services.database.is_sqlite:
        with shop.services.database.write() as work:
            work.conn.exec_driver_sql("ANALYZE returns")
    with shop.services.database.read() as work:
        at = dict(work.conn.execute(sa.select(_returns.c.id, _returns.c.created_at)).all())
        assert _listed(work, shop, created_from=at[made[1500]]) == made[1500:1510]
        assert _listed(work, shop, created_from=at[made[1500]], created_to=at[made[1502]]) == made[1500:1502]
        assert _listed(work, shop, created_to=at[made[3]]) == made[:3]
        assert _listed(work, shop, created_from=at[filed]) == [filed]
        if not shop.services.database.is_sqlite:
            read = sa.text("SELECT idx_tup_fetch FROM pg_stat_xact_user_tables WHERE relname = 'returns'")
            before = work.conn.execute(read).scalar_one()
            _listed(work, shop, created_from=at[made[1500]], created_to=at[made[1780]])
            assert work.conn.execute(read).scalar_one() - before <= 20


def test_orders_are_found_by_when_they_came_in(floor: Floor) -> None:
    """``created_from`` and ``created_to`` of orders, too, hold to the last digit in a store with real customers."""
    shop = Floor(floor.services, test_mode=False)
    for number in "123":
        shop.order(number)
    caller = structs.replace(shop.clerk, test_mode=False)
    with shop.services.database.read() as work:
        at = dict(work.conn.execute(sa.select(_orders.c.number, _orders.c.created_at)).all())
        for wanted, found in (
            (orders_view.Filters(created_from=at["2"]), ["2", "3"]),
            (orders_view.Filters(created_to=at["2"]), ["1"]),
            (orders_view.Filters(created_from=at["3"] + timedelta(hours=1)), []),
        ):
            listed = orders_view.listing(work, caller, wanted, Ask(limit=10)).items
            assert [one["number"] for one in listed] == found
