"""What of a return was not accepted: how many units, why, and where they went; for the customer and the store."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import sqlalchemy as sa

from rma.db import tables
from rma.db.named import Query
from rma.db.session import Work
from rma.services.case import Line

_inspections = tables.table(tables.Inspection)
_OF_RETURN = Query(
    sa.select(*(_inspections.c[name] for name in ("line_id", "quantity", "disposition", "doc", "created_at")))
    .where(_inspections.c.return_id == sa.bindparam("key"), _inspections.c.verdict == sa.literal_column("'reject'"))
    .order_by(_inspections.c.id.desc())
)


def of_lines(work: Work, return_id: str, lines: Iterable[Line]) -> dict[str, list[dict[str, Any]]]:
    """By line: the rejections that stand, newest first. What was judged anew, or taken back, is left out."""
    left = {line.id: line.rejected for line in lines if line.rejected}
    found: dict[str, list[dict[str, Any]]] = {}
    for row in _OF_RETURN.all(work, key=return_id) if left else ():
        quantity = min(row.quantity, left.get(row.line_id, 0))
        if quantity > 0:
            left[row.line_id] -= quantity
            told = {"quantity": quantity, "reason": row.doc.get("reason"), "disposition": row.disposition}
            found.setdefault(row.line_id, []).append({**told, "at": row.created_at})
    return found
