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
from rma.services import assess
from rma.services import privacy_matters as matters
from rma.services.privacy_matters import Matter

ERASED = "erased"
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
_LEAST = 2
"""A single letter is nobody."""
_encode = msgspec.json.Encoder(order="deterministic").encode


def forget(work: Work, held: Matter) -> None:
    """Take the person out of every paper of the matter, and away what carriers wrote. ``held`` knows the person yet."""
    _unsay(work, held)
    known = sorted(set(_known(held)), key=len, reverse=True)
    if not known:
        return
    pattern = re.compile("|".join(rf"(?<!\w){re.escape(one)}(?!\w)" for one in known), re.IGNORECASE)
    if held.order is not None:
        _clean(work, matters.ORDERS, _OF_ORDER, matters.ORDERS.c.id == held.order.id, pattern)
    for table, columns in _OF_RETURNS:
        mine = table.c.id if table is matters.RETURNS else table.c.return_id
        _clean(work, table, columns, mine.in_(held.ids), pattern)
    _clean(work, matters.REFUNDS, _OF_REFUNDS, matters.REFUNDS.c.id.in_([row.id for row in held.refunds]), pattern)


def _unsay(work: Work, held: Matter) -> None:
    parcels = sa.select(matters.PARCELS.c.id).where(matters.PARCELS.c.return_id.in_(held.ids))
    work.conn.execute(sa.update(_HEARD).where(_HEARD.c.parcel_id.in_(parcels)).values(carrier_status=None))


def _known(held: Matter) -> Iterator[str]:
    """What the rows of the matter call the person, and how they say that they can be reached."""
    person = None if held.order is None else assess.read_person(held.order.person)
    told: list[Any] = []
    if person is not None:
        told += [person.email, person.name, person.phone, person.ship_to and person.ship_to.name]
    for row in held.returns:
        contact = matters.decoded(row.contact) or {}
        told += [row.email, contact.get("email"), contact.get("phone"), (contact.get("from_address") or {}).get("name")]
    for row in held.withdrawals:
        typed = matters.decoded(row.content) or {}
        told += [typed.get("name"), typed.get("electronic_address")]
    return (text for one in told if one and len(text := one.strip()) >= _LEAST)


def _clean(work: Work, table: sa.Table, columns: tuple[str, ...], mine: Any, pattern: re.Pattern[str]) -> None:
    asked = sa.select(table.c.id, *(table.c[name] for name in columns)).where(mine)
    for row in work.conn.execute(asked).mappings().all():
        values = {name: _without(f"{table.name}.{name}", row[name], pattern) for name in columns}
        if any(values[name] != row[name] for name in columns):
            work.conn.execute(sa.update(table).where(table.c.id == row["id"]).values(**values))


def _without(place: str, value: Any, pattern: re.Pattern[str]) -> Any:
    if value is None or place not in _JSON_TEXT:
        return _walk(value, pattern)
    plain = msgspec.json.decode(value)
    clean = _walk(plain, pattern)
    return value if clean == plain else _encode(clean).decode()


def _walk(value: Any, pattern: re.Pattern[str]) -> Any:
    if isinstance(value, str):
        return pattern.sub(ERASED, value)
    if isinstance(value, dict):
        return {key: _walk(part, pattern) for key, part in value.items()}
    if isinstance(value, list):
        return [_walk(part, pattern) for part in value]
    return value
