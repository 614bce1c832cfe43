"""What is read on nearly every request and changes rarely: stores, policies and workflow versions, cached per process.

A published version never changes, nor who made a key, so they are kept; what may change (a store's row, which version
is current) is kept for ``FRESH`` seconds of real time. Of either no more than ``MOST`` are kept: then all is read anew.
"""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Iterable
from datetime import datetime
from functools import cache
from typing import Any

import msgspec
import sqlalchemy as sa

from rma.db import tables
from rma.db.session import Work
from rma.domain.daysoff import Correction
from rma.domain.definition import Definition, load
from rma.domain.events import Draft
from rma.domain.guards import GUARDS
from rma.domain.policy import Policy, body, load_policy
from rma.domain.retention import Shortened
from rma.domain.vocabulary import EFFECTS
from rma.errors import NotFound, Unavailable
from rma.resources import folder
from rma.services import log
from rma.services.caller import KEY

FRESH = 2.0
MOST = 2_000
MACHINES = ("return", "parcel", "refund", "replacement")
_stores = tables.table(tables.Store)
_policies = tables.table(tables.Policy)
_workflows = tables.table(tables.Workflow)
_keys = tables.table(tables.Key)


class StoreInfo(msgspec.Struct, frozen=True):
    """What the services need to know of a store. Its clock is not here: it is read with the rows it belongs to."""

    id: str
    slug: str
    name: str
    country: str
    timezone: str
    currency: str
    locale: str
    test_mode: bool
    return_addresses: list[dict[str, Any]]
    holidays: tuple[Correction, ...] = ()
    retention: Shortened = Shortened()

    @property
    def address(self) -> dict[str, Any]:
        """The address that returns go to unless a method names another."""
        chosen = [a for a in self.return_addresses if a.get("default")] or self.return_addresses
        return chosen[0] if chosen else {}


class Minted(msgspec.Struct, frozen=True):
    """Whose a key is, and which actor minted it."""

    person: str | None
    by: str | None


class Catalog:
    """One for the process; safe to use from many threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: dict[tuple[Any, ...], Any] = {}
        self._fresh: dict[tuple[Any, ...], tuple[float, Any]] = {}

    def store(self, work: Work, store_id: str) -> StoreInfo:
        """The store by its id."""
        return self._recent(("store", store_id), lambda: _store(work, _stores.c.id == store_id))  # type: ignore[no-any-return]

    def forget_store(self, store_id: str) -> None:
        """Drop what is cached of a store, after a change of it."""
        with self._lock:
            self._fresh = {key: value for key, value in self._fresh.items() if store_id not in key}

    def policy(self, work: Work, store_id: str, version: int) -> Policy:
        """A version of the store's policy."""
        key = ("policy", store_id, version)
        return self._kept.get(key) or self._keep(self._kept, key, _policy(work, store_id, version))  # type: ignore[no-any-return]

    def current_policy(self, work: Work, store_id: str, at: datetime) -> int:
        """The version in force at this instant of the store's time."""
        rows = self._recent(("policies", store_id), lambda: _published(work, store_id))
        return max((row for row in rows if row[0] is None or row[0] <= at), key=lambda row: row[1])[1]  # type: ignore[no-any-return]

    def definition(self, work: Work, store_id: str, name: str, version: int) -> Definition:
        """A published version of a workflow. ``Unavailable`` ``newer_workflow``: a newer program than this wrote it."""
        key = ("workflow", store_id, name, version)
        return self._kept.get(key) or self._keep(self._kept, key, _definition(work, store_id, name, version))  # type: ignore[no-any-return]

    def current_definition(self, work: Work, store_id: str, name: str) -> Definition:
        """The newest published version of a workflow of this name."""
        version = self._recent(("current", store_id, name), lambda: _newest(work, store_id, name))
        return self.definition(work, store_id, name, version)

    def keys(self, work: Work, named: Iterable[str]) -> dict[str, Minted]:
        """These keys and all that they were minted by, one by another, to the first; what there is not is not in it."""
        found: dict[str, Minted] = {}
        unknown = {key for key in named if not self._walk(key, found)}
        if unknown:
            for row in work.conn.execute(_line(unknown)):
                found[row.id] = self._keep(self._kept, ("key", row.id), Minted(row.person, row.minted_by))
        return found

    def _walk(self, key: str, found: dict[str, Minted]) -> bool:
        """Gather what is kept from this key on; False where something on the way is not."""
        while key not in found:
            known = self._kept.get(("key", key))
            if known is None:
                return False
            found[key] = known
            if known.by is None or not known.by.startswith(KEY):
                return True
            key = known.by.removeprefix(KEY)
        return True

    def _recent(self, key: tuple[Any, ...], read: Any) -> Any:
        known = self._fresh.get(key)
        if known is not None and known[0] > time.monotonic():
            return known[1]
        value = read()
        self._keep(self._fresh, key, (time.monotonic() + FRESH, value))
        return value

    def _keep(self, kept: dict[tuple[Any, ...], Any], key: tuple[Any, ...], value: Any) -> Any:
        with self._lock:
            if len(kept) >= MOST:
                kept.clear()
            kept[key] = value
        return value


def _line(named: set[str]) -> sa.Select[Any]:
    """These keys and all before them; a circle, which cannot be, ends too."""
    columns = (_keys.c.id, _keys.c.person, _keys.c.minted_by)
    line = sa.select(*columns).where(_keys.c.id.in_(named)).cte("line", recursive=True)
    before = sa.select(*columns).join(line, _keys.c.id == sa.func.substr(line.c.minted_by, len(KEY) + 1))
    return sa.select(line.union(before))


def publish_defaults(work: Work, store: tables.Store, *, actor: str) -> None:
    """Give a new store the standard policy and the shipped machines, as its published version 1."""
    root = folder("workflows")
    raw = (root / "policies" / "standard.toml").read_bytes()
    document = {**body("standard.toml", raw), "locale": store.locale}
    load_policy("standard.toml", document, currency=store.currency)
    text = msgspec.json.encode(document, order="deterministic")
    work.session.add(
        tables.Policy(
            id=work.new_id("pol"),
            store_id=store.id,
            version=1,
            state="published",
            body=document,
            sha256=_sha(text),
            effective_from=None,
            created_at=work.real_now,
        )
    )
    drafts = [Draft("policy.published", {"version": 1, "sha256": _sha(text)}, work.real_now)]
    for name in MACHINES:
        source = (root / "machines" / f"{name}.toml").read_bytes()
        definition = load(f"{name}.toml", source)
        work.session.add(
            tables.Workflow(
                id=work.new_id("wfl"),
                store_id=store.id,
                name=name,
                version=1,
                state="published",
                body=source.decode(),
                sha256=definition.sha256,
                created_at=work.real_now,
            )
        )
        drafts.append(
            Draft("workflow.published", {"name": name, "version": 1, "sha256": definition.sha256}, work.real_now)
        )
    log.append_to(work, "stores", store.id, drafts, store_id=store.id, actor=actor)


@cache
def shipped(name: str) -> Definition:
    """The machine of this name as a new store gets it."""
    return load(f"{name}.toml", (folder("workflows") / "machines" / f"{name}.toml").read_bytes())


def _sha(raw: bytes) -> str:
    return hashlib.sha256(raw).hexdigest()


def _store(work: Work, condition: Any) -> StoreInfo:
    row = work.conn.execute(
        sa.select(*(_stores.c[name] for name in StoreInfo.__struct_fields__)).where(condition)
    ).first()
    if row is None:
        raise NotFound("There is no such store.")
    read = {
        "holidays": msgspec.convert(row.holidays, tuple[Correction, ...]),
        "retention": msgspec.convert(row.retention, Shortened),
    }
    return StoreInfo(**{**row._mapping, **read})


def _policy(work: Work, store_id: str, version: int) -> Policy:
    row = work.conn.execute(
        sa.select(_policies.c.body, _stores.c.currency)
        .join(_stores, _stores.c.id == _policies.c.store_id)
        .where(_policies.c.store_id == store_id, _policies.c.version == version)
    ).first()
    if row is None:
        raise NotFound(f"There is no policy version {version}.")
    return load_policy(f"policy {version}", row.body, currency=row.currency, version=version)


def _published(work: Work, store_id: str) -> list[tuple[datetime | None, int]]:
    rows = work.conn.execute(
        sa.select(_policies.c.effective_from, _policies.c.version).where(
            _policies.c.store_id == store_id, _policies.c.state == "published"
        )
    )
    return [(row.effective_from, row.version) for row in rows]


def _definition(work: Work, store_id: str, name: str, version: int) -> Definition:
    row = work.conn.execute(
        sa.select(_workflows.c.body).where(
            _workflows.c.store_id == store_id, _workflows.c.name == name, _workflows.c.version == version
        )
    ).first()
    if row is None:
        raise NotFound(f"There is no workflow {name} in version {version}.")
    found = msgspec.structs.replace(load(f"{name} {version}", row.body.encode()), version=version)
    named = {name for one in found.transitions for name in (*one.when, *one.then)}
    if strange := named - GUARDS.keys() - EFFECTS.keys():
        asked = ", ".join(sorted(strange))
        raise Unavailable(
            f"Version {version} of the workflow {name} asks for {asked}, which a newer program than this process has.",
            code="newer_workflow",
        )
    return found


def _newest(work: Work, store_id: str, name: str) -> int:
    version = work.conn.execute(
        sa.select(sa.func.max(_workflows.c.version)).where(
            _workflows.c.store_id == store_id, _workflows.c.name == name, _workflows.c.state == "published"
        )
    ).scalar()
    if version is None:
        raise NotFound(f"There is no workflow {name}.")
    return int(version)
