"""Which return a scanned code belongs to: any code works."""

from __future__ import annotations

import sqlalchemy as sa

from rma.db import hot, tables
from rma.db.session import Work
from rma.domain.ids import secret_hash
from rma.services import naming
from rma.services.naming import Name

_returns = tables.table(tables.Return)
_parcels = tables.table(tables.Parcel)
_lines = tables.table(tables.ReturnLine)
_links = tables.table(tables.Link)
_BY: tuple[naming.By, ...] = ("rma_number", "id")
_ID = sa.select(_returns.c.id).where(_returns.c.store_id == naming.STORE)
_RETURN = {by: hot.Hot(_ID.where(_returns.c.id == naming.return_id(by))) for by in _BY}
ENDED = ("closed", "declined", "cancelled", "expired")


def named(store_id: str, scan: str) -> Name | None:
    """The return that this code names by itself: by its id or its RMA number; None for any other code."""
    name = _name(store_id, _last(scan.strip()))
    return name if name.by == "rma_number" or name.params["key"].startswith("ret_") else None


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
    name = _name(store_id, text)
    found = _RETURN[name.by].one(work, name.params)
    return (found[0], None) if found else None


def _last(text: str) -> str:
    """The last part of a link, or the text itself."""
    return text.rstrip("/").rpartition("/")[2]


def _name(store_id: str, text: str) -> Name:
    """As a path would name the return; an RMA number may have a line's position after it."""
    whole, number = (naming.of_path(store_id, one) for one in (text, "-".join(text.split("-")[:3])))
    return number if whole.by == "id" and number.by == "rma_number" else whole


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
