"""The person's own name and ways to be reached, wherever somebody typed them into papers of goods and money.

These papers are no place for a person: the shop's names of its products, what a scanner or a carrier said, what stands
on a parcel. They are kept when the person goes. So the person is looked for in them, word by word, and taken out.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import msgspec
import sqlalchemy as sa

from rma.db import tables
from rma.db.session import Work
from rma.domain import privacy_words
from rma.services import assess
from rma.services import privacy_matters as matters
from rma.services.privacy_matters import Matter

_RECEIPTS = tables.table(tables.Receipt)
_HEARD = tables.table(tables.ParcelEvent)
_OF_ORDER = ("doc", "frozen")
_OF_RETURNS: tuple[tuple[sa.Table, tuple[str, ...]], ...] = (
    (matters.RETURNS, ("quote", "facts")),
    (matters.LINES, ("doc",)),
    (matters.PARCELS, ("carrier", "tracking", "code", "doc")),
    (_RECEIPTS, ("doc",)),
    (matters.INSPECTIONS, ("doc",)),
    (matters.REPLACEMENTS, ("doc",)),
    (matters.UNEXPECTED, ("doc",)),
)
_OF_REFUNDS = ("components", "doc")
_JSON_TEXT = frozenset({"orders.doc", "orders.frozen", "returns.quote"})
_encode = msgspec.json.Encoder(order="deterministic").encode


def forget(work: Work, held: Matter) -> None:
    """Take the person out of every paper of the matter, and away what carriers wrote. ``held`` knows the person yet."""
    _unsay(work, held)
    pattern = privacy_words.pattern(_known(held))
    if pattern is None:
        return
    if held.order is not None:
        _clean(work, matters.ORDERS, _OF_ORDER, matters.ORDERS.c.id == held.order.id, pattern)
    for table, columns in _OF_RETURNS:
        mine = table.c.id if table is matters.RETURNS else table.c.return_id
        _clean(work, table, columns, mine.in_(held.ids), pattern)
    _clean(work, matters.REFUNDS, _OF_REFUNDS, matters.REFUNDS.c.id.in_([row.id for row in held.refunds]), pattern)


def _unsay(work: Work, held: Matter) -> None:
    parcels = sa.select(matters.PARCELS.c.id).where(matters.PARCELS.c.return_id.in_(held.ids))
    work.conn.execute(sa.update(_HEARD).where(_HEARD.c.parcel_id.in_(parcels)).values(carrier_status=None))


def _known(held: Matter) -> Iterator[str | None]:
    """What the rows of the matter call the person, and how they say that they can be reached."""
    yield from privacy_words.called(None if held.order is None else assess.read_person(held.order.person))
    for row in held.returns:
        contact = matters.decoded(row.contact) or {}
        yield from (row.email, contact.get("email"), contact.get("phone"))
        yield (contact.get("from_address") or {}).get("name")
    for row in held.withdrawals:
        typed = matters.decoded(row.content) or {}
        yield from (typed.get("name"), typed.get("electronic_address"))


def _clean(work: Work, table: sa.Table, columns: tuple[str, ...], mine: Any, pattern: re.Pattern[str]) -> None:
    asked = sa.select(table.c.id, *(table.c[name] for name in columns)).where(mine)
    for row in work.conn.execute(asked).mappings().all():
        values = {name: _without(f"{table.name}.{name}", row[name], pattern) for name in columns}
        if any(values[name] != row[name] for name in columns):
            work.conn.execute(sa.update(table).where(table.c.id == row["id"]).values(**values))


def _without(place: str, value: Any, pattern: re.Pattern[str]) -> Any:
    if value is None or place not in _JSON_TEXT:
        return privacy_words.without(value, pattern)
    plain = msgspec.json.decode(value)
    clean = privacy_words.without(plain, pattern)
    return value if clean == plain else _encode(clean).decode()
