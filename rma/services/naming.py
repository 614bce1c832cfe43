"""What a request names a return or an order by: an id, a number, or the id of one of a return's children.

Whatever hangs on the return or the order is asked for by the same name, before anybody knows its id: so the locks and
all that they protect go out in one round trip.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any, Literal, NamedTuple

import sqlalchemy as sa

from rma.db import hot, tables
from rma.domain.ids import read_rma_number

By = Literal["id", "rma_number", "parcel", "refund", "replacement"]
"""How a return is named, and with it its order. A refund names its order also where it has no return."""
OrderBy = Literal["id", "rma_number", "parcel", "refund", "replacement", "order", "order_number"]
"""How an order is named: as one of its returns is, or by its own id or number."""
STORE: sa.BindParameter[str] = sa.bindparam("store")
KEY: sa.BindParameter[str] = sa.bindparam("key")
_orders = tables.table(tables.Order)
_returns = tables.table(tables.Return)
_CHILDREN = {
    "parcel": tables.table(tables.Parcel),
    "refund": tables.table(tables.Refund),
    "replacement": tables.table(tables.Replacement),
}


class Name(NamedTuple):
    """A name, and what the statements that know it are given: ``store`` and ``key``."""

    by: Any
    params: dict[str, Any]


def named(store_id: str, by: OrderBy, key: str) -> Name:
    """The name of this kind in this store."""
    return Name(by, {"store": store_id, "key": key})


def of_path(store_id: str, text: str) -> Name:
    """The return that a path segment names: by an id, or by an RMA number in any spelling."""
    number = None if text.startswith("ret_") else read_rma_number(text)
    return named(store_id, "rma_number", number) if number else named(store_id, "id", text)


def is_of_path(row: Mapping[str, Any], text: str) -> bool:
    """Whether a path segment names the return of this row."""
    name = of_path(row["store_id"], text)
    return bool(row[name.by] == name.params["key"])


@cache
def return_id(by: By) -> Any:
    """The id of the return of that name, inside a statement."""
    if by == "id":
        return KEY
    if by == "rma_number":
        same = _returns.alias()
        return sa.select(same.c.id).where(same.c.store_id == STORE, same.c.rma_number == KEY).scalar_subquery()
    return _of_child(by, "return_id")


@cache
def order_id(by: OrderBy) -> Any:
    """The id of the order of that name, inside a statement."""
    if by == "order":
        return KEY
    if by == "order_number":
        order = _orders.alias()
        return sa.select(order.c.id).where(order.c.store_id == STORE, order.c.number == KEY).scalar_subquery()
    if by == "refund":
        return _of_child(by, "order_id")
    same = _returns.alias()
    mine = hot.found_by_id(same.c.store_id, STORE)
    return sa.select(same.c.order_id).where(mine, same.c.id == return_id(by)).scalar_subquery()


def _of_child(by: str, column: str) -> Any:
    child = _CHILDREN[by].alias()
    mine = hot.found_by_id(child.c.store_id, STORE)
    return sa.select(child.c[column]).where(mine, child.c.id == KEY).scalar_subquery()
