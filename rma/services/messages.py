"""The conversation about a return: what the store wrote, by hand or by itself, and what the customer answered.

Texts are personal data: the event that tells of one points at it. Nothing here moves the return's machine or version.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

import msgspec
import sqlalchemy as sa
from msgspec import Meta

from rma.db import tables
from rma.db.session import Work
from rma.domain.events import Draft, Personal
from rma.domain.messages import KINDS
from rma.domain.texts import is_blank
from rma.errors import Forbidden, Invalid, NotFound
from rma.services import log, naming, notify
from rma.services.caller import Caller
from rma.services.case import store_now
from rma.services.context import Services
from rma.services.message_scene import TOKEN
from rma.services.outbox import secret_of
from rma.services.paging import Ask, Page, cut

LONGEST = 5_000
FROM_CUSTOMER = "customer_message"
BY_STORE = "store_message"
_HIDDEN = ("obsolete", "no_consent")
_INTERNAL = tuple(kind.name for kind in KINDS.values() if kind.audience != "customer")
_messages = tables.table(tables.Message)
_returns = tables.table(tables.Return)
_stores = tables.table(tables.Store)


class NewMessage(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What somebody writes, as plain text."""

    text: Annotated[str, Meta(min_length=1, max_length=LONGEST)]


class MessageView(msgspec.Struct, frozen=True, kw_only=True):
    """One message.

    ``direction``: ``in`` from the customer, ``out`` to them. ``state``: ``to_send``, ``sent``, ``received``,
    ``failed``, or why it stays here: ``no_address``, ``no_consent``, ``obsolete``.
    """

    id: str
    return_id: str | None
    direction: str
    kind: str
    message_class: str = msgspec.field(name="class")
    state: str
    locale: str
    subject: str | None
    text: str | None
    created_at: datetime
    sent_at: datetime | None


class Mail(MessageView, frozen=True, kw_only=True):
    """A message as it went out, with the customer's link in it: for the outbox of a store in test mode."""

    message_id: str
    to: str | None
    html: str | None


class OutboxFilters(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which mails of the outbox; everything unless told."""

    return_id: str = ""
    kind: str = ""
    state: str = ""


def write(work: Work, services: Services, caller: Caller, return_id: str, data: NewMessage) -> MessageView:
    """A customer's message is received; a message of the store is on the status page at once and mailed behind."""
    if is_blank(data.text):
        raise Invalid.field("text", "empty", "A message says something.")
    found = _return(work, caller, return_id, lock=True)
    work.check_version(found.version)
    at = store_now(work, found.clock_offset)
    store = services.catalog.store(work, caller.store_id)
    kind = FROM_CUSTOMER if caller.is_link else BY_STORE
    values: dict[str, Any] = {"return_id": found.id, "kind": kind, "text": data.text, "created_at": at}
    values["locale"] = found.facts.get("locale") or store.locale
    if caller.is_link:
        values |= {"direction": "in", "state": "received", "next_at": None}
    row = notify.new_row(work, services, store, **values)
    notify.insert(work, row)
    event = "message.received" if caller.is_link else "message.sent"
    told = {"id": row["id"], "kind": kind, "locale": row["locale"], "text": Personal(data.text)}
    log.append_to(work, "returns", found.id, [Draft(event, told, at)], store_id=store.id, actor=caller.actor)
    return _view(row)


def written_since(work: Work, caller: Caller, return_id: str, text: str, *, since: str) -> bool:
    """True if the customer has written just this after the message ``since``: a form that was sent twice."""
    found = _return(work, caller, return_id)
    query = sa.select(_messages.c.id).where(
        _messages.c.return_id == found.id, _messages.c.direction == "in", _messages.c.id > since
    )
    return work.conn.execute(query.where(_messages.c.text == text).limit(1)).first() is not None


def listing(work: Work, caller: Caller, return_id: str, ask: Ask) -> Page[MessageView]:
    """The messages of a return in both directions, oldest first. A customer sees what was meant for them."""
    return _paged(work, _exchanged(work, caller, return_id), ask).map(_view)


def latest(work: Work, caller: Caller, return_id: str, count: int) -> tuple[list[MessageView], bool]:
    """The last ``count`` messages of a return, oldest first, and whether there are older ones."""
    query = _exchanged(work, caller, return_id).order_by(_messages.c.id.desc()).limit(count + 1)
    rows = work.conn.execute(query).mappings().all()
    return [_view(row) for row in reversed(rows[:count])], len(rows) > count


def outbox(work: Work, services: Services, caller: Caller, filters: OutboxFilters, ask: Ask) -> Page[Mail]:
    """What a store in test mode has written to people, oldest first, rendered as it left.

    ``Forbidden`` (``not_test_mode``) for a store with real customers.
    """
    if not caller.test_mode:
        raise Forbidden("Only a store in test mode has an outbox to look into.", code="not_test_mode")
    query = sa.select(_messages).where(
        _messages.c.store_id == caller.store_id, _messages.c.direction == "out", _messages.c.subject.is_not(None)
    )
    for name in OutboxFilters.__struct_fields__:
        if wanted := getattr(filters, name):
            query = query.where(_messages.c[name] == wanted)
    return _paged(work, query, ask).map(lambda row: _mail(services, row))


def _return(work: Work, caller: Caller, return_id: str, *, lock: bool = False) -> Any:
    """The return, if this caller may see it: ``NotFound`` for another store's and for another link's."""
    name = naming.of_path(caller.store_id, return_id)
    query = (
        sa.select(_returns.c.id, _returns.c.version, _returns.c.facts, _stores.c.clock_offset)
        .select_from(_returns.join(_stores, _stores.c.id == _returns.c.store_id))
        .where(_returns.c.store_id == naming.STORE, _returns.c.id == naming.return_id(name.by))
    )
    query = query.with_for_update(key_share=True, of=_returns) if lock else query
    found = work.conn.execute(query, name.params).first()
    if found is None or caller.link_return_id not in {None, found.id}:
        raise NotFound("There is no such return.")
    return found


def _exchanged(work: Work, caller: Caller, return_id: str) -> sa.Select[Any]:
    found = _return(work, caller, return_id)
    query = sa.select(_messages).where(_messages.c.store_id == caller.store_id, _messages.c.return_id == found.id)
    if caller.is_link:
        query = query.where(_messages.c.kind.not_in(_INTERNAL), _messages.c.state.not_in(_HIDDEN))
        query = query.where(_messages.c.text.is_not(None))
    return query


def _paged(work: Work, query: sa.Select[Any], ask: Ask) -> Page[Any]:
    if ask.after is not None:
        query = query.where(_messages.c.id > ask.after)
    rows = work.conn.execute(query.order_by(_messages.c.id).limit(ask.limit + 1)).mappings().all()
    return cut(rows, ask, key=lambda row: str(row["id"]))


def _fields(row: Any) -> dict[str, Any]:
    return {name: row[name] for name in MessageView.__struct_fields__}


def _view(row: Any) -> MessageView:
    """As people read it on a page: the secret of a mail's link is not in it."""
    fields = _fields(row)
    text = fields["text"]
    return MessageView(**fields | {"text": None if text is None else text.replace(TOKEN, "…")})


def _mail(services: Services, row: Any) -> Mail:
    """As its reader got it: with a link that opens the return."""
    token = secret_of(services, row) or ""
    fields = _fields(row) | {"message_id": row["message_id"], "to": row["recipient"], "html": row["html"]}
    for name in ("text", "html"):
        fields[name] = None if fields[name] is None else fields[name].replace(TOKEN, token)
    return Mail(**fields)
