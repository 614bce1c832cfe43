"""API keys: minted once, shown once, kept as hashes, revoked for good."""

from __future__ import annotations

import secrets
from datetime import datetime
from typing import Annotated, Any

import msgspec
import sqlalchemy as sa
from msgspec import Meta

from rma.db import tables
from rma.db.session import Work
from rma.domain import ids
from rma.domain.events import Draft, Personal
from rma.domain.mailboxes import search_form
from rma.domain.messages import is_address
from rma.errors import FieldError, Invalid, NotFound
from rma.services import log
from rma.services.caller import SCOPES
from rma.services.paging import Ask, Page, cut

_keys = tables.table(tables.Key)
SECRET_BYTES = 32
PREFIX = "rma_"


class NewKey(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A key to mint. ``refunds:approve`` needs a ``person`` (an e-mail address): approvals count distinct persons."""

    name: Annotated[str, Meta(min_length=1, max_length=200)]
    scopes: Annotated[list[str], Meta(min_length=1, max_length=len(SCOPES))]
    person: Annotated[str, Meta(max_length=254)] | None = None
    expires_at: Annotated[datetime, Meta(tz=True)] | None = None


class KeyView(msgspec.Struct, frozen=True, kw_only=True):
    """A key as the API shows it: never its secret. ``minted_by`` is the actor who minted it."""

    id: str
    name: str
    scopes: list[str]
    person: str | None
    minted_by: str | None
    expires_at: datetime | None
    revoked_at: datetime | None
    created_at: datetime


class MintedKey(KeyView, frozen=True, kw_only=True):
    """A key with its secret, which is shown this once."""

    key: str


def mint(work: Work, new: NewKey, *, store_id: str, actor: str) -> MintedKey:
    """Mint a key for a store and say so in its log. ``Invalid`` names every wrong field."""
    _check(new, work.real_now)
    secret = PREFIX + secrets.token_urlsafe(SECRET_BYTES)
    row = tables.Key(
        id=work.new_id("key"),
        store_id=store_id,
        name=new.name,
        hash=ids.secret_hash(secret),
        scopes=sorted(set(new.scopes)),
        person=new.person and search_form(new.person),
        minted_by=actor,
        expires_at=new.expires_at,
        created_at=work.real_now,
    )
    work.session.add(row)
    data = {"key_id": row.id, "scopes": row.scopes, "person": row.person and Personal(row.person)}
    _say(work, "key.minted", data, store_id=store_id, actor=actor)
    return MintedKey(key=secret, **msgspec.structs.asdict(_view(row)))


def listing(work: Work, ask: Ask, *, store_id: str) -> Page[KeyView]:
    """The store's keys in the order in which they were minted, revoked ones too."""
    wanted = sa.select(tables.Key).where(_keys.c.store_id == store_id, _keys.c.id > (ask.after or ""))
    rows = work.session.scalars(wanted.order_by(_keys.c.id).limit(ask.limit + 1)).all()
    return cut(rows, ask, key=lambda row: row.id).map(_view)


def show(work: Work, key_id: str, *, store_id: str) -> KeyView:
    """One key of the store, or ``NotFound``."""
    return _view(_get(work, key_id, store_id=store_id))


def revoke(work: Work, key_id: str, *, store_id: str, actor: str) -> None:
    """Revoke a key of the store, for good and from now on; a second time changes nothing."""
    row = _get(work, key_id, store_id=store_id, lock=True)
    if row.revoked_at is None:
        row.revoked_at = work.real_now
        _say(work, "key.revoked", {"key_id": row.id}, store_id=store_id, actor=actor)


def _view(row: tables.Key) -> KeyView:
    return KeyView(**{name: getattr(row, name) for name in KeyView.__struct_fields__})


def _get(work: Work, key_id: str, *, store_id: str, lock: bool = False) -> tables.Key:
    wanted = sa.select(tables.Key).where(_keys.c.store_id == store_id, _keys.c.id == key_id)
    row = work.session.scalars(wanted.with_for_update(key_share=True) if lock else wanted).first()
    if row is None:
        raise NotFound("There is no such key.")
    return row


def _check(new: NewKey, now: datetime) -> None:
    found = [
        FieldError(f"scopes[{place}]", "scope", f"{scope[:64]!r} is no scope")
        for place, scope in enumerate(new.scopes)
        if scope not in SCOPES
    ]
    if new.person is None and "refunds:approve" in new.scopes:
        found.append(FieldError("person", "person_required", "refunds:approve is given to a person, not to a program"))
    if new.person is not None and not is_address(new.person.strip()):
        found.append(FieldError("person", "email", "a person is named by an e-mail address"))
    if new.expires_at is not None and new.expires_at <= now:
        found.append(FieldError("expires_at", "past", "this has passed already"))
    if found:
        raise Invalid("The key cannot be right.", errors=found)


def _say(work: Work, kind: str, data: dict[str, Any], *, store_id: str, actor: str) -> None:
    log.append_to(work, "stores", store_id, [Draft(kind, data, work.real_now)], store_id=store_id, actor=actor)
