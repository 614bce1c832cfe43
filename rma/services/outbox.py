"""Sending what waits: a row is claimed, worded, kept as it is worded, and only then given to the channel.

A process that dies in between leaves a row whose lease ends; it is sent again under the same Message-ID, so a channel
that knows it delivers once. The customer's link is made from our secret and the message's id, never kept: texts that
are kept have ``~link~`` in its place.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import logging
import time
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

import msgspec
import sqlalchemy as sa

from rma.db import hot, tables
from rma.db.session import Work
from rma.domain.events import Draft
from rma.domain.ids import secret_hash
from rma.domain.ports import Message, SendAnswer
from rma.errors import Invalid, Unavailable
from rma.services import counts, letters, links, log, logs, message_scene, withdrawal_letters
from rma.services.case import store_now
from rma.services.context import Services
from rma.services.letters import Letter
from rma.services.message_scene import TOKEN
from rma.services.notify import TO_SEND

BATCH = 100
LEASE = timedelta(seconds=25)
"""How long a claimed row is its process's own: when that dies, another one sends it within half a minute."""
WAITS = (60, 300, 1_800, 7_200, 21_600, 86_400)
"""Seconds before each next try; after the last one the message has failed."""
LINK_DAYS = 400
ERROR_LENGTH = 80
TOKEN_BYTES = 20
_log = logging.getLogger(__name__)
_messages = tables.table(tables.Message)
_links = tables.table(tables.Link)
_stores = tables.table(tables.Store)
_returns = tables.table(tables.Return)
_INSERT_LINK = hot.insert(_links)
_NOTED = ("state", "next_at", "sent_at", "error")
_KEPT = (*_NOTED, "recipient", "subject", "text", "html", "locale")


def _update(names: Sequence[str]) -> hot.Hot:
    """Change these columns of a row that this process still has."""
    mine = _messages.c.attempts == sa.bindparam("mine")
    to_send = _messages.c.state == sa.literal_column(f"'{TO_SEND}'")
    changes: dict[str, Any] = {name: sa.bindparam(name) for name in names}
    return hot.Hot(sa.update(_messages).where(_messages.c.id == sa.bindparam("key"), to_send, mine).values(changes))


_UPDATE: dict[tuple[str, ...], hot.Hot] = {names: _update(names) for names in (_KEPT, _NOTED)}
_HEAD = hot.Hot(
    sa.update(_returns)
    .where(_returns.c.id == sa.bindparam("key"))
    .values(head=sa.bindparam("head"), events_n=sa.bindparam("events_n"))
)


class _Ready(msgspec.Struct, frozen=True, kw_only=True):
    """A claimed row, what will be kept of it, the mail itself unless there is a reason not to send it, its answer."""

    row: Any
    kept: dict[str, Any]
    link: str | None = None
    mail: Message | None = None
    why_not: str | None = None
    fault: str | None = None
    answer: tuple[SendAnswer, str] | None = None


def send_due(services: Services, store_id: str | None = None, *, limit: int = BATCH) -> int:
    """Send a batch of what is due by real time, of one store or of all; how many rows were looked at."""
    database = services.database
    with database.read() as work:
        if work.conn.execute(_due(work, store_id).limit(1)).first() is None:
            return 0
    rows = database.retrying(lambda work: _claim(work, store_id, limit))
    with database.read() as work:
        hot.ahead(work, *(read for row in rows for read in message_scene.reads(row)))
        ready = [_prepare(work, services, row) for row in rows]
    faulty = _each(services, ready, _keep)
    sent = _send_each(services, [one for one in ready if one.row not in [other.row for other in faulty]])
    faulty += _each(services, [one for one in sent if one.answer is not None], _note)
    _each(services, faulty, _put_off)
    untried = [one.row for one in sent if one.mail is not None and one.answer is None]
    database.retrying(lambda work: _give_back(work, untried))
    return len(rows)


def _each(services: Services, these: Sequence[_Ready], write: Callable[[Work, Sequence[_Ready]], None]) -> list[_Ready]:
    """Write these down together, or where that does not work each alone; those that could not be, as faulty ones.

    They are logged and counted, and unless they are put off, taken up again when their lease ends.
    """
    try:
        services.database.retrying(lambda work: write(work, these))
    except Unavailable:
        raise
    except Exception as error:  # noqa: BLE001 - one message never stops the others, and it is logged
        if len(these) > 1:
            return [faulty for one in these for faulty in _each(services, [one], write)]
        counts.count("chores", "messages")
        _log.exception("message %s (%s) cannot be written down", these[0].row.id, these[0].row.kind)
        return [_Ready(row=these[0].row, kept={}, fault=logs.brief(error)[:ERROR_LENGTH])]
    return []


def _send_each(services: Services, ready: Sequence[_Ready]) -> list[_Ready]:
    """Send in order, well within the lease, each with its answer: what a slow channel leaves over has none."""
    end = time.monotonic() + LEASE.total_seconds() / 2
    return [
        msgspec.structs.replace(one, answer=_send(services, one.mail))
        if one.mail is not None and time.monotonic() < end
        else one
        for one in ready
    ]


def send_all(services: Services, store_id: str | None = None) -> int:
    """Send everything that is due now; how many rows were looked at."""
    total = 0
    while count := send_due(services, store_id):
        total += count
    return total


def link_token(services: Services, message_row_id: str) -> str:
    """The secret of the link in this message: 160 bits that only this installation can compute."""
    made = hmac.new(services.settings.secret.encode(), f"link:{message_row_id}".encode(), hashlib.sha256).digest()
    return base64.urlsafe_b64encode(made[:TOKEN_BYTES]).rstrip(b"=").decode()


def secret_of(services: Services, row: Any) -> str | None:
    """The secret in the link of this message: to its return, to the receipt of its withdrawal, or None."""
    if row.return_id is not None:
        return link_token(services, row.id)
    withdrawal_id = withdrawal_letters.subject(row)
    return None if withdrawal_id is None else links.withdrawal(services.settings.secret, withdrawal_id)


def _due(work: Work, store_id: str | None) -> sa.Select[Any]:
    query = sa.select(_messages).where(_messages.c.state == TO_SEND, _messages.c.next_at <= work.real_now)
    query = query if store_id is None else query.where(_messages.c.store_id == store_id)
    return query.order_by(_messages.c.created_at, _messages.c.id)


def _claim(work: Work, store_id: str | None, limit: int) -> Sequence[Any]:
    """Take rows that no other process has taken, until the lease ends."""
    rows = work.conn.execute(_due(work, store_id).limit(limit).with_for_update(skip_locked=True, key_share=True)).all()
    ids = [row.id for row in rows]
    changes = {"next_at": work.real_now + LEASE, "attempts": _messages.c.attempts + 1}
    work.conn.execute(sa.update(_messages).where(_messages.c.id.in_(ids)).values(**changes))
    return rows


def _prepare(work: Work, services: Services, row: Any) -> _Ready:
    """Word one message. What goes wrong with one never touches the others: it is tried again later."""
    try:
        store = services.catalog.store(work, row.store_id)
        of_withdrawal = withdrawal_letters.subject(row) is not None
        word = withdrawal_letters.letter if of_withdrawal else letters.letter
        letter = word(work, store, row, url=services.settings.url)
        return _worded(services, row, letter)
    except Exception as fault:  # noqa: BLE001 - one message never stops the others, and it is logged
        _log.exception("message %s (%s) cannot be worded", row.id, row.kind)
        return _Ready(row=row, kept={}, fault=logs.brief(fault)[:ERROR_LENGTH])


def _worded(services: Services, row: Any, letter: Letter) -> _Ready:
    if letter.why_not in {"obsolete", "no_consent"}:
        return _Ready(row=row, kept={}, why_not=letter.why_not)
    said = services.ports.messages.render(letter.facts, locale=letter.locale)
    typed = row.kind == "store_message"
    kept = {"subject": said.subject, "html": said.html, "locale": letter.locale, "recipient": letter.to}
    kept["text"] = row.text if typed else said.text
    token = secret_of(services, row) if TOKEN in said.text else None
    if letter.to is None:
        return _Ready(row=row, kept=kept, why_not=letter.why_not)
    unsubscribe = letter.facts.unsubscribe_url or None
    try:
        mail = Message(
            message_id=row.message_id,
            kind=row.kind,
            message_class=said.message_class,
            sender_name=letter.facts.store.name,
            sender_address=letter.facts.store.email,
            to=letter.to,
            subject=said.subject,
            text=_linked(said.text, token),
            html=_linked(said.html, token),
            locale=said.locale,
            at=row.created_at,
            unsubscribe_url=_linked(unsubscribe, token) if unsubscribe and said.message_class == "commercial" else None,
        )
    except Invalid:
        return _Ready(row=row, kept=kept, why_not="no_address")
    return _Ready(row=row, kept=kept, link=token if row.return_id is not None else None, mail=mail)


def _linked(text: str, token: str | None) -> str:
    return text if token is None else text.replace(TOKEN, token)


def _keep(work: Work, ready: Sequence[_Ready]) -> None:
    """Write down what will be sent, and why the rest is not, before anything is."""
    for one in ready:
        state: dict[str, Any] = {} if one.why_not is None else {"state": one.why_not, "next_at": None}
        if one.fault is not None:
            state = _again(work, one.row) | {"error": one.fault}
        one.kept.update(state)
    _change(work, _KEPT, [(one.row, one.kept) for one in ready])
    _keep_links(work, {secret_hash(one.link): one.row for one in ready if one.link is not None})


def _keep_links(work: Work, links: dict[str, Any]) -> None:
    """Let the links of these messages open their returns; a second try finds them there."""
    there = set(work.conn.execute(sa.select(_links.c.hash).where(_links.c.hash.in_(links))).scalars())
    made = {"revoked_at": None, "expires_at": work.real_now + timedelta(days=LINK_DAYS), "created_at": work.real_now}
    rows = [
        {"hash": hashed, "store_id": row.store_id, "return_id": row.return_id, **made}
        for hashed, row in links.items()
        if hashed not in there
    ]
    _INSERT_LINK.run_many(work, rows)


def _send(services: Services, mail: Message) -> tuple[SendAnswer, str]:
    """What the channel says, and in a word why not; a channel that breaks its promise and raises may have sent it."""
    try:
        answer = services.ports.channel.send(mail)
    except Exception as fault:  # noqa: BLE001 - a broken channel is no reason to lose the rest of the batch
        _log.exception("the channel raised for %s", mail.message_id)
        return SendAnswer(state="unknown", retryable=True), logs.brief(fault)[:ERROR_LENGTH]
    return answer, logs.word(answer.code) or answer.state


def _note(work: Work, sent: Sequence[_Ready]) -> None:
    """Keep what became of each; a mail that left is an event of its case."""
    clocks = _clocks(work, {one.row.store_id for one in sent})
    changes: list[tuple[Any, dict[str, Any]]] = []
    told: dict[str, list[Draft]] = {}
    for one, (answer, error) in ((one, one.answer) for one in sent if one.answer is not None):
        row = one.row
        at = store_now(work, clocks[row.store_id])
        if answer.state == "sent":
            changes.append((row, {"state": "sent", "sent_at": at, "next_at": None, "error": None}))
            if row.return_id is not None and row.kind != "store_message":
                data = {"id": row.id, "kind": row.kind, "class": row.message_class, "locale": one.kept["locale"]}
                told.setdefault(row.return_id, []).append(Draft("message.sent", data, at))
            elif row.kind == withdrawal_letters.ACKNOWLEDGED:
                withdrawal_letters.note_sent(work, row, at)
        elif answer.state == "failed" and not answer.retryable:
            changes.append((row, {"state": "failed", "next_at": None, "error": error}))
        else:
            changes.append((row, _again(work, row) | {"error": error}))
    _change(work, _NOTED, changes)
    _tell(work, told)


def _put_off(work: Work, faulty: Sequence[_Ready]) -> None:
    """What could not be written down waits, longer each time and not for ever: it may have been sent already."""
    _change(work, _NOTED, [(one.row, _again(work, one.row) | {"error": one.fault}) for one in faulty])


def _give_back(work: Work, rows: Sequence[Any]) -> None:
    """Rows that were claimed and not tried are due at once: it is not their fault, and does not count."""
    for row in rows:
        mine = sa.and_(_messages.c.id == row.id, _messages.c.attempts == row.attempts + 1)
        work.conn.execute(sa.update(_messages).where(mine).values(attempts=row.attempts, next_at=work.real_now))


def _tell(work: Work, told: dict[str, list[Draft]]) -> None:
    """Events of many returns at once; returns are locked in the order of their ids."""
    columns = (_returns.c.id, _returns.c.store_id, _returns.c.head, _returns.c.events_n)
    query = sa.select(*columns).where(_returns.c.id.in_(told)).order_by(_returns.c.id)
    rows: list[dict[str, Any]] = []
    heads: list[dict[str, Any]] = []
    for case in work.conn.execute(query.with_for_update(key_share=True)).all():
        made, head, n = log.prepare(
            work,
            told[case.id],
            store_id=case.store_id,
            stream=case.id,
            actor="system",
            head=case.head,
            n=case.events_n,
            return_id=case.id,
        )
        rows += made
        heads.append({"key": case.id, "head": head, "events_n": n})
    if rows:
        log.write(work, rows)
        _HEAD.run_many(work, heads)


def _clocks(work: Work, store_ids: set[str]) -> dict[str, float]:
    query = sa.select(_stores.c.id, _stores.c.clock_offset).where(_stores.c.id.in_(store_ids))
    return {row[0]: row[1] for row in work.conn.execute(query)}


def _again(work: Work, row: Any) -> dict[str, Any]:
    """When it is tried next; failed for good after the last wait."""
    if row.attempts >= len(WAITS):
        return {"state": "failed", "next_at": None}
    return {"next_at": work.real_now + timedelta(seconds=WAITS[row.attempts])}


def _change(work: Work, names: tuple[str, ...], changes: Sequence[tuple[Any, dict[str, Any]]]) -> None:
    """Change these columns of rows that this process still has; one that is not told stays as it was claimed."""
    rows = []
    for row, values in changes:
        claimed = {name: getattr(row, name) for name in names} | {"next_at": work.real_now + LEASE}
        rows.append(claimed | values | {"key": row.id, "mine": row.attempts + 1})
    _UPDATE[names].run_many(work, rows)
