"""The tables of a case's children and of transfers, as statements that are compiled once."""

from __future__ import annotations

from functools import cache
from typing import Literal

import sqlalchemy as sa

from rma.db import hot, tables
from rma.services import naming

Kind = Literal["parcel", "refund", "replacement"]
TABLES: dict[str, sa.Table] = {
    "parcel": tables.table(tables.Parcel),
    "refund": tables.table(tables.Refund),
    "replacement": tables.table(tables.Replacement),
}
NAMES = {kind: tuple(column.name for column in table.columns) for kind, table in TABLES.items()}
INSERT = {kind: hot.insert(table) for kind, table in TABLES.items()}
_FIXED = frozenset(
    ("id", "store_id", "return_id", "return_line_id", "order_id", "order_number", "currency", "direction", "created_at")
)
"""What a child is from its first day; the rest is written whenever it changes."""
UPDATE = {
    kind: hot.Hot(
        sa.update(table)
        .where(table.c.id == sa.bindparam("key"))
        .values({c.name: sa.bindparam(c.name) for c in table.columns if c.name not in _FIXED})
    )
    for kind, table in TABLES.items()
}
SELECT = {
    kind: hot.Hot(
        sa.select(*table.columns).where(hot.found_by_id(table.c.store_id, naming.STORE), table.c.id == naming.KEY)
    )
    for kind, table in TABLES.items()
}
"""A child by its id."""


@cache
def of_return(kind: str, by: naming.By) -> hot.Hot:
    """The children of a return of this name, oldest first."""
    table = TABLES[kind]
    mine = hot.found_by_id(table.c.store_id, naming.STORE)
    return hot.Hot(
        sa.select(*table.columns).where(mine, table.c.return_id == naming.return_id(by)).order_by(table.c.id)
    )


_TRANSFER_CHANGES = [
    "tender",
    "payment_id",
    "on_behalf_of",
    "provider",
    "amount",
    "state",
    "attempt",
    "provider_reference",
    "error",
    "updated_at",
]
TRANSFERS = tables.table(tables.Transfer)
TRANSFER_NAMES = tuple(column.name for column in TRANSFERS.columns)
INSERT_TRANSFER = hot.insert(TRANSFERS)
UPDATE_TRANSFER = hot.Hot(
    sa.update(TRANSFERS)
    .where(TRANSFERS.c.id == sa.bindparam("key"))
    .values({c: sa.bindparam(c) for c in _TRANSFER_CHANGES})
)
TRANSFERS_OF = hot.Hot(
    sa.select(*TRANSFERS.columns)
    .where(TRANSFERS.c.refund_id == sa.bindparam("refund_id"))
    .order_by(TRANSFERS.c.position)
)
