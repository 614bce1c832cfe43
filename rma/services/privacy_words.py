"""The person of a matter in papers of goods and money, which stay when the person goes.

Which columns and which places in them are looked at stands in ``domain.privacy_papers`` and nowhere else.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import sqlalchemy as sa

from rma.db import tables
from rma.db.session import Work
from rma.domain.privacy_papers import changed
from rma.domain.privacy_words import Known, called, known, reached
from rma.services import assess
from rma.services import privacy_matters as matters
from rma.services.privacy_matters import Matter

_HEARD = tables.table(tables.ParcelEvent)
_BELOW = (
    matters.LINES,
    matters.PARCELS,
    tables.table(tables.Receipt),
    matters.INSPECTIONS,
    matters.REPLACEMENTS,
)


def of_matter(held: Matter) -> Known:
    """What the rows of the matter call the person, and how they say that they can be reached."""
    person = None if held.order is None else assess.read_person(held.order.person)
    contacts = [matters.decoded(row.contact) or {} for row in held.returns]
    typed = [matters.decoded(row.content) or {} for row in held.withdrawals]
    return known(
        (*called(person), *_names(contacts), *(one.get("name") for one in typed)),
        (
            *(*reached(person), *(row.email for row in held.returns), *_ways(contacts)),
            *(one.get("electronic_address") for one in typed),
        ),
    )


def _names(contacts: Iterable[dict[str, Any]]) -> Iterator[str | None]:
    for one in contacts:
        yield (one.get("from_address") or {}).get("name")
        yield (one.get("payout") or {}).get("holder")


def _ways(contacts: Iterable[dict[str, Any]]) -> Iterator[str | None]:
    for one in contacts:
        yield from (one.get("email"), one.get("phone"), (one.get("from_address") or {}).get("phone"))


def forget(work: Work, held: Matter, person: Known) -> None:
    """Take the person out of every paper below the returns, and away what carriers said of parcels on their way."""
    parcels = sa.select(matters.PARCELS.c.id).where(matters.PARCELS.c.return_id.in_(held.ids))
    work.conn.execute(sa.update(_HEARD).where(_HEARD.c.parcel_id.in_(parcels)).values(carrier_status=None))
    for table in _BELOW:
        for row in work.conn.execute(sa.select(table).where(table.c.return_id.in_(held.ids))).all():
            rewrite(work, table, row, person)


def rewrite(work: Work, table: sa.Table, row: Any, person: Known) -> None:
    """Write what is something else in this row without the person and without words that were typed of the case."""
    if values := changed(table.name, row._mapping, person):
        fitting = {name: _fitting(table.c[name], value) for name, value in values.items()}
        work.conn.execute(sa.update(table).where(table.c.id == row.id).values(**fitting))


def _fitting(column: sa.Column[Any], value: Any) -> Any:
    """As much of a text as its column takes: ``erased`` is longer than many a name."""
    return value[: getattr(column.type, "length", None)] if isinstance(value, str) else value
