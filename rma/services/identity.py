"""Who asks, from the hash of a secret: remembered for at most two seconds, expiry checked every time."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime
from typing import Any, Literal

import msgspec
import sqlalchemy as sa

from rma.db import hot, tables
from rma.db.session import Database, now
from rma.services.caller import Caller

Kind = Literal["key", "link"]
_REMEMBERED = 4_096

_stores, _keys, _links = (tables.table(model) for model in (tables.Store, tables.Key, tables.Link))
_OF_STORE = tuple(_stores.c[name] for name in ("id", "slug", "locale", "currency", "country", "timezone", "test_mode"))


def _finder(table: sa.Table, *columns: sa.Column[Any]) -> hot.Hot:
    joined = table.join(_stores, _stores.c.id == table.c.store_id)
    wanted = sa.select(*_OF_STORE, table.c.expires_at, *columns).select_from(joined)
    return hot.Hot(wanted.where(table.c.hash == sa.bindparam("hash"), table.c.revoked_at.is_(None)))


_FIND: dict[str, hot.Hot] = {
    "key": _finder(_keys, _keys.c.id, _keys.c.person, _keys.c.scopes),
    "link": _finder(_links, _links.c.return_id),
}


class _Known(msgspec.Struct, frozen=True):
    caller: Caller
    expires_at: datetime | None
    read_at: float


class Identities:
    """The callers of one process. Thread-safe: each act on the dictionary is one step."""

    def __init__(self, database: Database, *, seconds: float, clock: Callable[[], datetime] = now) -> None:
        self._database = database
        self._seconds = seconds
        self._clock = clock
        self._known: dict[tuple[Kind, str], _Known] = {}
        self._revocations = 0

    def remembered(self, kind: Kind, hashed: str) -> Caller | None:
        """Who it is, if that was read within the last seconds and has not expired. Never touches the database."""
        known = self._known.get((kind, hashed))
        if known is None or time.monotonic() - known.read_at > self._seconds:
            return None
        return self._unless_expired(known)

    def read(self, kind: Kind, hashed: str) -> Caller | None:
        """Who it is by the database, or None when nobody, revoked or expired (by real time)."""
        read_at, revocations = time.monotonic(), self._revocations
        with self._database.read() as work:
            row = _FIND[kind].one(work, {"hash": hashed})
        if row is None:
            self._known.pop((kind, hashed), None)
            return None
        known = _Known(_caller(kind, row), row[len(_OF_STORE)], read_at)
        if len(self._known) >= _REMEMBERED:
            self._known.clear()
        if revocations == self._revocations:
            self._known[kind, hashed] = known
        return self._unless_expired(known)

    def forget(self) -> None:
        """Forget everybody: called after a revocation, so that it holds at once in this process."""
        self._revocations += 1
        self._known.clear()

    def _unless_expired(self, known: _Known) -> Caller | None:
        expired = known.expires_at is not None and known.expires_at <= self._clock()
        return None if expired else known.caller


def _caller(kind: Kind, row: tuple[Any, ...]) -> Caller:
    store_id, slug, locale, currency, country, timezone, test_mode, _expires, *rest = row
    store = Caller(
        store_id=store_id,
        store_slug=slug,
        locale=locale,
        currency=currency,
        country=country,
        timezone=timezone,
        test_mode=bool(test_mode),
    )
    if kind == "link":
        return msgspec.structs.replace(store, link_return_id=rest[0])
    return msgspec.structs.replace(store, key_id=rest[0], person=rest[1], scopes=frozenset(rest[2]))
