"""Which return a scanned code belongs to: any code works."""

from __future__ import annotations

import sqlalchemy as sa

from rma.db import hot, tables
from rma.db.session import Work
from rma.domain.ids import read_rma_number, secret_hash
from rma.services import naming
from rma.services.naming import Name

_returns = tables.table(tables.Return)
_parcels = tables.table(tables.Parcel)
_lines = tables.table(tables.ReturnLine)
_links = tables.table(tables.Link)
_RETURN = {
    name: hot.Hot(
        sa.select(_returns.c.id).where(
            _returns.c.store_id == sa.bindparam("store"), _returns.c[name] == sa.bindparam("key")
        )
    )
    for name in ("rma_number", "id")
}
ENDED = ("closed", "declined", "cancelled", "expired")


def named(store_id: str, scan: str) -> Name | None:
    """The return that this code names by itself: by its id or its RMA number; None for any other code."""
    text = _last(scan.strip())
    number = _number(text)
    if number is not None:
        return naming.named(store_id, "rma_number", number)
    return naming.named(store_id, "id", text) if text.startswith("ret_") else None


def resolve(work: Work, store_id: str, scan: str) -> tuple[str, str | None] | None:
    """The return, and the parcel where the code is a parcel's. RMA number, line code, id, label, link, order number.

    A link ends with the customer's secret or, on a label, with the RMA number.
    """
    text = scan.strip()
    return (
        _by_number(work, store_id, _last(text))
        or _by_parcel(work, store_id, text)
        or _by_link(work, store_id, text)
        or _by_order(work, store_id, text)
    )


def _by_number(work: Work, store_id: str, text: str) -> tuple[str, str | None] | None:
    number = _number(text)
    column, key = ("rma_number", number) if number else ("id", text)
    found = _RETURN[column].one(work, {"store": store_id, "key": key})
    return (found[0], None) if found else None


def _last(text: str) -> str:
    """The last part of a link, or the text itself."""
    return text.rstrip("/").rpartition("/")[2]


def _number(text: str) -> str | None:
    """The RMA number, alone or with a line's position after it."""
    return read_rma_number(text) or read_rma_number("-".join(text.split("-")[:3]))


def _by_parcel(work: Work, store_id: str, text: str) -> tuple[str, str | None] | None:
    same = sa.or_(_parcels.c.id == text, _parcels.c.tracking == text, _parcels.c.code == text)
    row = work.conn.execute(
        sa.select(_parcels.c.return_id, _parcels.c.id)
        .where(_parcels.c.store_id == store_id, same)
        .order_by(_parcels.c.id.desc())
        .limit(1)
    ).first()
    return (row.return_id, row.id) if row else None


def _by_link(work: Work, store_id: str, text: str) -> tuple[str, str | None] | None:
    token = text.rstrip("/").rpartition("/")[2]
    found = work.conn.execute(
        sa.select(_links.c.return_id).where(_links.c.store_id == store_id, _links.c.hash == secret_hash(token))
    ).scalar()
    return (found, None) if found else None


def _by_order(work: Work, store_id: str, text: str) -> tuple[str, str | None] | None:
    """The open return of this order, if there is just one."""
    found = work.conn.execute(
        sa.select(_returns.c.id)
        .where(_returns.c.store_id == store_id, _returns.c.order_number == text, _returns.c.state.not_in(ENDED))
        .limit(2)
    ).scalars()
    ids = list(found)
    return (ids[0], None) if len(ids) == 1 else None
