"""The person of a matter in papers of goods and money, which stay when the person goes.

Which columns and which places in them are looked at stands in ``domain.privacy_papers`` and nowhere else.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import sqlalchemy as sa

from rma.db import tables
from rma.db.session import Work
from rma.domain.privacy_papers import PAPERS, changed
from rma.domain.privacy_words import Known, called, known, reached
from rma.services import assess
from rma.services import privacy_matters as matters
from rma.services.privacy_matters import Matter

_BELOW = (
    matters.LINES,
    matters.PARCELS,
    tables.table(tables.ParcelEvent),
    tables.table(tables.Receipt),
    tables.table(tables.Payment),
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
    """Take the person out of every paper below the returns."""
    parcels = sa.select(matters.PARCELS.c.id).where(matters.PARCELS.c.return_id.in_(held.ids))
    for table in _BELOW:
        below = table.c.return_id.in_(held.ids) if "return_id" in table.c else table.c.parcel_id.in_(parcels)
        for row in work.conn.execute(sa.select(table).where(below)).all():
            rewrite(work, table, row, person)


def rewrite(work: Work, table: sa.Table, row: Any, person: Known) -> None:
    """Write what is something else in this row without the person and without words that were typed of the case."""
    if values := changed(table.name, row._mapping, person):
        fitting = {name: _fitting(work, table.c[name], value) for name, value in values.items()}
        mine = (column == row._mapping[column.name] for column in table.primary_key)
        work.conn.execute(sa.update(table).where(*mine).values(**fitting))


def _fitting(work: Work, column: sa.Column[Any], value: Any) -> Any:
    """As much of a text as its column takes: ``erased`` is longer than many a name. A unique one gets a new end."""
    if not isinstance(value, str):
        return value
    own = f" {work.new_id('era')}" if PAPERS[column.table.name][column.name].unique else ""
    room = getattr(column.type, "length", None)
    return value[: room and room - len(own)] + own
