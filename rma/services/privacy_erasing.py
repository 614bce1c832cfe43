"""Erasing one matter: what of it goes now, what a duty locks away until its day, and the doing of both.

Locked away means moved: the columns that everybody reads are emptied, and what the duty needs lies in ``restricted``,
which lists, searches, letters and labels never read. The hashes of events stay valid, because they point at personal
values that were salted. Files go first, while the rows are locked; a crash in between finds the rows again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

import msgspec
import sqlalchemy as sa

from rma.db import hot, tables
from rma.db.session import Work
from rma.domain import retention
from rma.domain.calendar import add_months, local_date
from rma.domain.law_dates import keep_until
from rma.domain.order import Person
from rma.domain.privacy_papers import changed, typed
from rma.domain.privacy_words import Known
from rma.domain.retention import BY_NAME, Answer, Name
from rma.services import assess, idempotency, law, privacy_words
from rma.services import privacy_matters as matters
from rma.services.catalog import StoreInfo
from rma.services.context import Services
from rma.services.notify import TO_SEND
from rma.services.privacy_matters import Matter

RESTRICTED = tables.table(tables.Restricted)
LOG = tables.table(tables.Destruction)
LINKS = tables.table(tables.Link)
_KEEP = hot.insert(RESTRICTED)
_WRITE = hot.insert(LOG)
_ERASED = {"value": None, "salt": None}
_encode = msgspec.json.Encoder(order="deterministic").encode


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """One class of record of a matter: what becomes of it, how many rows that are, what a duty needs of them."""

    answer: Answer
    count: int
    kept: Any = None


Plan = dict[Name, Part]
Act = Callable[[Work, Services, Matter], int | None]


def plan(work: Work, held: Matter, *, asked: bool) -> Plan:
    """What becomes of each class today. ``asked``: the person wants it; else only what has reached its end goes.

    Without a wish the person of a matter stays as long as the record of the withdrawal, and with it everything else
    that has not reached an end of its own.
    """
    counts, values = _held(work, held), _values(work, held)
    leaving = asked or held.end("withdrawal").over(held.today)
    found: Plan = {}
    for name in retention.OF_A_MATTER:
        count = counts[name]
        end = held.end(name)
        stays = BY_NAME[name].restricts and values[name] is not None and not end.over(held.today)
        if not count:
            gone = name == "evidence" and _rows(work, matters.EVIDENCE, held)
            found[name] = Part(answer=Answer(record=name, action="erased" if gone else "none"), count=0)
        elif leaving and stays:
            answer = Answer(record=name, action="restricted", until=end.until, article=end.article)
            found[name] = Part(answer=answer, count=count, kept=values[name])
        elif _goes(name, asked=asked, leaving=leaving, over=end.over(held.today)):
            found[name] = Part(answer=Answer(record=name, action="erased", article=end.article), count=count)
    return found


def _goes(name: Name, *, asked: bool, leaving: bool, over: bool) -> bool:
    """What a tax paper names leaves with the person; feedback and photos have ends of their own."""
    if leaving and (asked or BY_NAME[name].restricts):
        return True
    return over and name != "tax"


def waiting(work: Work, held: Matter) -> list[Answer]:
    """The answers for a matter that is still open."""
    return [Answer(record=name, action="open" if count else "none") for name, count in _held(work, held).items()]


def carry_out(work: Work, services: Services, held: Matter, found: Plan, *, request_id: str | None) -> None:
    """Do what was planned, in the transaction that holds the matter's rows."""
    acts: dict[str, Act] = {
        "evidence": _photos,
        "feedback": _feedback,
        "messages": _messages,
        "withdrawal": _person,
        "books": _books,
    }
    for name, part in found.items():
        if not part.count:
            continue
        files = acts[name](work, services, held) if name in acts else 0
        if name == "books" and part.answer.action == "erased":
            forget_staff(work, [row.id for row in held.refunds])
        if part.answer.action == "restricted":
            _lock_away(work, held, part, request_id)
        else:
            note(work, held.store, part.answer, count=part.count, files=files or 0, request_id=request_id, at=held.now)
    if "withdrawal" in found and found["withdrawal"].count:
        _forget_traces(work, services, held)
    _look_again(work, held, found)


def note(
    work: Work,
    store: StoreInfo,
    answer: Answer,
    *,
    count: int,
    files: int = 0,
    request_id: str | None = None,
    at: datetime,
) -> None:
    """Write a line of the destruction log, with the destruction itself."""
    day = local_date(at, store.timezone)
    row: dict[str, Any] = {"id": work.new_id("des"), "store_id": store.id, "request_id": request_id}
    row |= {"record": answer.record, "count": count, "files": files}
    row |= {"article": answer.article or retention.OWN_RULE, "at": at}
    duty = keep_until(law.on(store, None, day), "destruction_log", day)
    months = BY_NAME["destruction_log"].months
    _WRITE.run(work, row | {"keep_until": duty.raw if duty else add_months(day, months)})


# -- what is held -----------------------------------------------------------------------------------------------------


def _held(work: Work, held: Matter) -> dict[Name, int]:
    """How many rows of each class there are to erase."""
    spoken = [row for row in held.messages if row.text or row.subject or row.recipient or row.html]
    people = [row for row in [held.order] if row is not None and row.person != "null"]
    people += [row for row in held.returns if row.contact or row.email or row.customer_ref]
    people += [row for row in held.withdrawals if row.content]
    paid = [row for row in held.refunds if row.payout or row.id in held.moved_money or _without_words(row)]
    person = _person_of(held)
    named = person is not None and bool(person.name or person.ship_to)
    return {
        "evidence": len(_rows(work, matters.EVIDENCE, held, matters.EVIDENCE.c.destroyed_at.is_(None))),
        "feedback": len(_said(work, held)),
        "messages": len(spoken),
        "withdrawal": len(people),
        "tax": 1 if held.moved_money and named else 0,
        "books": len(paid),
    }


def _values(work: Work, held: Matter) -> dict[Name, Any]:
    """What the duty of each class needs; None where nothing of it has to stay."""
    return {
        "evidence": None,
        "feedback": None,
        "messages": [_spoken(row) for row in held.messages if row.text or row.subject] or None,
        "withdrawal": _record(work, held),
        "tax": _taxed(held),
        "books": _paid(held),
    }


def _spoken(row: Any) -> dict[str, Any]:
    names = ("id", "direction", "kind", "message_class", "recipient", "subject", "text", "created_at", "sent_at")
    return {name: getattr(row, name) for name in names}


def _record(work: Work, held: Matter) -> dict[str, Any]:
    """Who declared what, and how they could be reached: the words of the case without phone, consents and account."""
    person = _person_of(held)
    slim = person and Person(reference=None, email=person.email, name=person.name, ship_to=person.ship_to)
    cases = {row.id: matters.decoded(row.contact) or {} for row in held.returns}
    contacts = {key: {name: one.get(name) for name in ("email", "from_address")} for key, one in cases.items()}
    notes = _rows(work, matters.LINES, held, matters.LINES.c.note.is_not(None))
    values = work.conn.execute(
        sa.select(matters.PERSONAL).where(
            matters.PERSONAL.c.stream.in_(held.streams), matters.PERSONAL.c.value.is_not(None)
        )
    )
    return {
        "person": slim,
        "contacts": contacts,
        "notes": {row.id: row.note for row in notes},
        "withdrawals": {row.id: matters.decoded(row.content) for row in held.withdrawals if row.content},
        "personal": {row.id: {"salt": row.salt, "value": row.value} for row in values},
    }


def _taxed(held: Matter) -> dict[str, Any] | None:
    person = _person_of(held)
    if person is None or not held.moved_money:
        return None
    return {"name": person.name, "ship_to": person.ship_to, "refunds": sorted(held.moved_money)}


def _paid(held: Matter) -> dict[str, Any] | None:
    """The vouchers of money that went out; an account that nothing was paid to is nobody's duty."""
    if not held.moved_money:
        return None
    moved = [row for row in held.refunds if row.id in held.moved_money]
    return {row.id: {"payout": matters.decoded(row.payout), **typed("refunds", "doc", row.doc)} for row in moved}


def _person_of(held: Matter) -> Person | None:
    return None if held.order is None else assess.read_person(held.order.person)


def _rows(work: Work, table: sa.Table, held: Matter, *conditions: Any) -> Sequence[Any]:
    return work.conn.execute(sa.select(table).where(table.c.return_id.in_(held.ids), *conditions)).all()


def _said(work: Work, held: Matter) -> list[Any]:
    rows = _rows(work, matters.FEEDBACK, held)
    return [row for row in rows if row.comment or any(line.get("comment") for line in row.lines)]


# -- doing it ---------------------------------------------------------------------------------------------------------


def _photos(work: Work, services: Services, held: Matter) -> int:
    return sum(photos(work, services, key, held.now) for key in held.ids)


def photos(work: Work, services: Services, return_id: str, at: datetime) -> int:
    """Remove every file of a return for good, and the names that its senders gave them; how many files went."""
    files = services.ports.files.delete_scope(return_id)
    table = matters.EVIDENCE
    gone = sa.update(table).where(table.c.return_id == return_id, table.c.destroyed_at.is_(None))
    work.conn.execute(gone.values(note=None, filename=None, destroyed_at=at))
    return files


def _feedback(work: Work, _services: Services, held: Matter) -> None:
    table = matters.FEEDBACK
    for row in _said(work, held):
        lines = [{**line, "comment": None} for line in row.lines]
        work.conn.execute(sa.update(table).where(table.c.id == row.id).values(comment=None, lines=lines))


def _messages(work: Work, services: Services, held: Matter) -> None:
    """Empty the messages; what still waited is not sent, and the channel gives up its copies."""
    table = matters.MESSAGES
    for row in held.messages:
        services.ports.channel.forget(row.message_id)
        unsent = {"state": "obsolete", "next_at": None} if row.state == TO_SEND else {}
        empty = dict.fromkeys(("recipient", "subject", "text", "html"))
        work.conn.execute(sa.update(table).where(table.c.id == row.id).values(**empty, **unsent))


def _person(work: Work, _services: Services, held: Matter) -> None:
    """Empty everything that says who it was, and take them out of papers that stay."""
    conn, person = work.conn, privacy_words.of_matter(held)
    if held.order is not None:
        table = matters.ORDERS
        values: dict[str, Any] = {"person": "null", "email": None, "customer_ref": None, "erased_at": held.now}
        values |= {"version": table.c.version + 1, **changed("orders", held.order._mapping, person)}
        conn.execute(sa.update(table).where(table.c.id == held.order.id).values(**values))
    for row in held.returns:
        values = {"email": None, "contact": None, "customer_ref": None, "version": row.version + 1}
        values |= changed("returns", row._mapping, person)
        conn.execute(sa.update(matters.RETURNS).where(matters.RETURNS.c.id == row.id).values(**values))
    for row in held.withdrawals:
        values = {"content": None, "dedupe": None, "version": row.version + 1}
        values |= changed("withdrawals", row._mapping, person)
        conn.execute(sa.update(matters.WITHDRAWALS).where(matters.WITHDRAWALS.c.id == row.id).values(**values))
    privacy_words.forget(work, held, person)
    for row in _rows(work, matters.UNEXPECTED, held):
        empty_unexpected(work, row, person)
    conn.execute(sa.update(matters.PERSONAL).where(matters.PERSONAL.c.stream.in_(held.streams)).values(**_ERASED))


def empty_unexpected(work: Work, row: Any, person: Known) -> None:
    """Take people's words out of a record of unannounced goods, and this person, where one is known."""
    privacy_words.rewrite(work, matters.UNEXPECTED, row, person)
    idempotency.erase(work, row.id)


def _books(work: Work, _services: Services, held: Matter) -> None:
    """Take accounts and people's words out of refunds."""
    for row in held.refunds:
        values = {"payout": None, "version": row.version + 1, **_without_words(row)}
        work.conn.execute(sa.update(matters.REFUNDS).where(matters.REFUNDS.c.id == row.id).values(**values))


def _without_words(refund: Any) -> dict[str, Any]:
    """The columns of a refund that are something else without what was typed."""
    return changed("refunds", refund._mapping, Known())


def forget_staff(work: Work, refund_ids: Sequence[str]) -> None:
    """Take the people of the shop out of refunds: the books that they prove have ended."""
    table = matters.REFUNDS
    for row in work.conn.execute(sa.select(table).where(table.c.id.in_(refund_ids))).all():
        approvals = [{**one, "person": None} for one in row.approvals]
        doc = {name: value for name, value in row.doc.items() if name != "requested_by"}
        work.conn.execute(sa.update(table).where(table.c.id == row.id).values(approvals=approvals, doc=doc))


def _forget_traces(work: Work, services: Services, held: Matter) -> None:
    """Answers that were kept for a repetition, errors of acts, and the customer's links."""
    for subject in (*held.streams, *held.children, *(row.id for row in held.messages)):
        idempotency.erase(work, subject)
    attempts = sa.update(matters.ATTEMPTS).where(matters.ATTEMPTS.c.subject_id.in_(held.children))
    work.conn.execute(attempts.values(error=None, answer=None))
    work.conn.execute(sa.delete(LINKS).where(LINKS.c.return_id.in_(held.ids)))
    work.after_commit.append(services.identities.forget)


def _lock_away(work: Work, held: Matter, part: Part, request_id: str | None) -> None:
    answer = part.answer
    row: dict[str, Any] = {"id": work.new_id("rst"), "store_id": held.store.id, "request_id": request_id}
    row |= {
        "record": answer.record,
        "matter": held.id,
        "until": answer.until,
        "article": answer.article,
        "created_at": held.now,
    }
    _KEEP.run(work, row | {"value": _encode(part.kept).decode()})


def _look_again(work: Work, held: Matter, found: Plan) -> None:
    """Set the day on which the order is looked at next."""
    if held.order is None:
        return
    gone = {name for name, part in found.items() if part.answer.action in ("erased", "restricted", "none")}
    left = [held.end(name).until for name in ("feedback", "messages", "withdrawal") if name not in gone]
    soon = retention.next_look(held.today, left)
    table = matters.ORDERS
    work.conn.execute(sa.update(table).where(table.c.id == held.order.id).values(look_at=soon))
