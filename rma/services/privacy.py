"""A person's wish to be erased: what would become of it, the wish itself, and what was answered.

A request holds no personal data: it names the matters it concerns. What no duty keeps goes at once; what one keeps is
locked away until its day; an open return is not erased under anybody's feet but as soon as it ends.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

import msgspec
import sqlalchemy as sa

from rma.db import hot, tables
from rma.db.session import Work
from rma.domain import calendar, retention
from rma.domain.events import Draft
from rma.domain.law_dates import answer_due
from rma.domain.mailboxes import search_form, spellings
from rma.domain.messages import is_address
from rma.domain.retention import BY_NAME, OWN_RULE, Answer
from rma.domain.texts import say
from rma.errors import FieldError, Invalid, NotFound
from rma.services import assess, law, log
from rma.services import privacy_erasing as erasing
from rma.services import privacy_matters as matters
from rma.services.caller import Caller
from rma.services.case import now_of
from rma.services.catalog import StoreInfo
from rma.services.context import Services
from rma.services.paging import Ask, Page, cut
from rma.services.privacy_matters import Failed, Matter
from rma.services.withdrawals import TYPED

WAITING, RESTRICTED, ERASED = "waiting", "restricted", "erased"
ANSWER_DAYS = 30
LONGEST = 254
REQUESTS = tables.table(tables.PrivacyRequest)
_INSERT = hot.insert(REQUESTS)
_encode = msgspec.json.Encoder().encode


class Subject(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Whom it is about: an e-mail address, the shop's own reference of a customer, or both of one person."""

    email: str | None = None
    customer_reference: str | None = None


class AnswerView(msgspec.Struct, frozen=True, kw_only=True):
    """What becomes of a class of record: ``erased``, ``restricted`` until a day by an article, ``open`` or ``none``."""

    record: str
    label: str
    action: str
    until: date | None
    article: str | None
    text: str


class Preview(msgspec.Struct, frozen=True, kw_only=True):
    """What an erasure would do now. ``matters`` are ids of orders, returns and withdrawals, ``open`` some of them.

    ``failed`` are those that cannot be read or erased: they stay as they are, and every run tries them again.
    """

    matters: list[str]
    open: list[str]
    failed: list[Failed]
    answers: list[AnswerView]
    answer_due: date
    article: str


class RequestView(Preview, frozen=True, kw_only=True):
    """A request. ``state``: ``waiting`` for a return to end, ``restricted`` while a duty runs, ``erased``."""

    id: str
    state: str
    requested_at: datetime
    version: int


class RequestFilters(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which requests; all unless a ``state`` is given."""

    state: str | None = None


def check(subject: Subject) -> Subject:
    """The subject as it is looked up; ``Invalid`` names every wrong field."""
    faults = []
    if subject.email is None and subject.customer_reference is None:
        faults.append(FieldError("email", "required", "Say an e-mail address or a customer_reference."))
    if subject.email is not None and not (len(subject.email) <= LONGEST and is_address(subject.email.strip())):
        faults.append(FieldError("email", "email", "This is no e-mail address."))
    reference = subject.customer_reference
    if reference is not None and not (0 < len(reference) <= 128 and reference.isprintable()):  # noqa: PLR2004 - its column
        faults.append(FieldError("customer_reference", "reference", "1 to 128 printable characters."))
    if faults:
        raise Invalid("The person cannot be found by this.", errors=faults)
    return msgspec.structs.replace(subject, email=subject.email and search_form(subject.email))


def find(work: Work, store_id: str, subject: Subject) -> list[str]:
    """The matters of this person: their orders, returns of theirs on other orders, withdrawals without an order."""
    orders, returns, declared = matters.ORDERS, matters.RETURNS, matters.WITHDRAWALS
    known: set[str] = set()
    cases: set[tuple[str, str]] = set()
    emails = None if subject.email is None else spellings(subject.email)
    references = None if subject.customer_reference is None else (subject.customer_reference,)
    for column, told in (("email", emails), ("customer_ref", references)):
        if told is not None:
            mine = sa.select(orders.c.id).where(orders.c.store_id == store_id, orders.c[column].in_(told))
            known.update(work.conn.execute(mine).scalars())
            theirs = sa.select(returns.c.id, returns.c.order_id)
            theirs = theirs.where(returns.c.store_id == store_id, returns.c[column].in_(told))
            cases.update((row.id, row.order_id) for row in work.conn.execute(theirs))
    alone = {key for key, order_id in cases if order_id not in known}
    typed: set[str] = set()
    if subject.email is not None:
        query = sa.select(declared.c.id, declared.c.content, declared.c.order_id)
        query = query.where(declared.c.state != TYPED)
        typed = {row.id for row in _typed(work, store_id, query, subject.email) if row.order_id not in known}
    return sorted(known | alone | typed)


def _typed(work: Work, store_id: str, query: sa.Select[Any], email: str) -> list[Any]:
    """Withdrawals of this query whose typed address is this one: it stands in nothing but the text."""
    table = matters.WITHDRAWALS
    rows = work.conn.execute(query.where(table.c.store_id == store_id, table.c.content.is_not(None)))
    return [
        row for row in rows if search_form(str(msgspec.json.decode(row.content).get("electronic_address", ""))) == email
    ]


def _forget_unconfirmed(work: Work, store: StoreInfo, email: str, at: datetime, *, request_id: str) -> None:
    """What was typed under this address and never confirmed goes at once: nothing was declared."""
    table = matters.WITHDRAWALS
    query = sa.select(table.c.id, table.c.content).where(table.c.state == TYPED)
    ids = [row.id for row in _typed(work, store.id, query, email)]
    if ids:
        work.conn.execute(sa.delete(table).where(table.c.id.in_(ids)))
        answer = Answer(record="unconfirmed", action="erased", article=OWN_RULE)
        erasing.note(work, store, answer, count=len(ids), request_id=request_id, at=at)


def preview(work: Work, services: Services, caller: Caller, subject: Subject, *, locale: str) -> Preview:
    """What an erasure would do and answer now; nothing is written."""
    store = services.catalog.store(work, caller.store_id)
    keys = find(work, store.id, check(subject))
    found, failed = matters.load_all(work, services, store, keys, lock=False)
    answers, still = [], []
    for held in found:
        with matters.each(failed, held.id):
            answers += _answers(work, held)
            still += [held.id] if held.is_open else []
    due, article = _due(work, store, found)
    return Preview(
        matters=keys,
        open=still,
        failed=matters.named(failed),
        answers=shown(retention.together(answers), locale),
        answer_due=due,
        article=article,
    )


def request(work: Work, services: Services, caller: Caller, subject: Subject, *, locale: str) -> RequestView:
    """Record the wish and do of it at once what can be done. Again later, it finds what is there by then."""
    store = services.catalog.store(work, caller.store_id)
    keys = find(work, store.id, check(subject))
    at = now_of(work, store.id)
    request_id = work.new_id("prv")
    found, failed = matters.load_all(work, services, store, keys, lock=True)
    due, article = _due(work, store, found)
    row: dict[str, Any] = {"id": request_id, "store_id": store.id, "state": WAITING, "matters": keys, "open": keys}
    row |= {"answer": [], "answer_due": due, "article": article, "version": 1, "head": "", "events_n": 0}
    _INSERT.run(work, row | {"created_at": at, "updated_at": at})
    told = {"to": WAITING, "matters": len(keys), "answer_due": due, "article": article}
    _say(work, store, request_id, [Draft("privacy.requested", told, at)], actor=caller.actor)
    for held in found:
        if held.is_open:
            _no_more_offers(work, held)
    if (address := check(subject).email) is not None:
        _forget_unconfirmed(work, store, address, at, request_id=request_id)
    proceed(work, services, store, request_id, found, actor=caller.actor, failed=failed)
    return show(work, caller, request_id, locale=locale)


def proceed(
    work: Work,
    services: Services,
    store: StoreInfo,
    request_id: str,
    found: list[Matter],
    *,
    actor: str,
    failed: dict[str, str],
) -> None:
    """Carry a waiting request on with these matters, locked: those that have ended are erased.

    ``failed`` are others of it that cannot be read; those that cannot be erased now are added. All of them stay open.
    """
    query = sa.select(REQUESTS).where(REQUESTS.c.id == request_id, REQUESTS.c.store_id == store.id)
    row = work.conn.execute(query.with_for_update(key_share=True)).one()
    answers: dict[str, list[Answer]] = {one["matter"]: _read(one["answers"]) for one in row.answer}
    still, drafts, at = list(row.open), [], row.updated_at
    for held in found:
        at = held.now
        if held.id not in still:
            continue
        with matters.each(failed, held.id), work.conn.begin_nested():
            answers[held.id] = _answers(work, held)
            if not held.is_open:
                plan = erasing.plan(work, held, asked=True)
                erasing.carry_out(work, services, held, plan, request_id=request_id)
        if held.is_open or held.id in failed:
            continue
        still.remove(held.id)
        told = [msgspec.to_builtins(one) for one in answers[held.id] if one.action != "none"]
        drafts.append(Draft("privacy.applied", {"matter": held.id, "answers": told}, at))
    state = WAITING if still else RESTRICTED if _is_kept(work, request_id) else ERASED
    kept = [
        {"matter": key, "answers": msgspec.to_builtins(answers.get(key, [])), "error": failed.get(key)}
        for key in sorted({*answers, *failed})
    ]
    if state != row.state:
        drafts.append(Draft(f"privacy.{state}", {"trigger": "end", "from": row.state, "to": state}, at))
    changed = bool(drafts)
    values = {"state": state, "open": still, "answer": kept, "updated_at": at, "version": row.version + changed}
    work.conn.execute(sa.update(REQUESTS).where(REQUESTS.c.id == request_id).values(**values))
    if drafts:
        _say(work, store, request_id, drafts, actor=actor)


def end(work: Work, store: StoreInfo, request_id: str) -> None:
    """Say of a request whose last duty has ended that everything is erased."""
    query = sa.select(REQUESTS).where(REQUESTS.c.id == request_id)
    row = work.conn.execute(query.with_for_update(key_share=True)).one()
    if row.state != RESTRICTED or _is_kept(work, request_id):
        return
    at = now_of(work, store.id)
    values = {"state": ERASED, "updated_at": at, "version": row.version + 1}
    work.conn.execute(sa.update(REQUESTS).where(REQUESTS.c.id == request_id).values(**values))
    told = {"trigger": "end", "from": RESTRICTED, "to": ERASED}
    _say(work, store, request_id, [Draft("privacy.erased", told, at)], actor="system")


def show(work: Work, caller: Caller, request_id: str, *, locale: str) -> RequestView:
    """One request with its answers in the reader's language, or ``NotFound``."""
    query = sa.select(REQUESTS).where(REQUESTS.c.id == request_id, REQUESTS.c.store_id == caller.store_id)
    row = work.conn.execute(query).first()
    if row is None:
        raise NotFound("There is no such request.")
    return _view(row, locale)


def listing(work: Work, caller: Caller, filters: RequestFilters, ask: Ask, *, locale: str) -> Page[RequestView]:
    """The store's requests, oldest first."""
    query = sa.select(REQUESTS).where(REQUESTS.c.store_id == caller.store_id, REQUESTS.c.id > (ask.after or ""))
    if filters.state is not None:
        query = query.where(REQUESTS.c.state.in_(filters.state.split(",")))
    rows = work.conn.execute(query.order_by(REQUESTS.c.id).limit(ask.limit + 1)).all()
    return cut(rows, ask, key=lambda row: str(row.id)).map(lambda row: _view(row, locale))


def shown(answers: list[Answer], locale: str) -> list[AnswerView]:
    """Answers with their words."""
    return [
        AnswerView(
            record=one.record,
            label=say(BY_NAME[one.record].label, locale),
            action=one.action,
            until=one.until,
            article=one.article,
            text=retention.sentence(one, locale),
        )
        for one in answers
    ]


def _answers(work: Work, held: Matter) -> list[Answer]:
    if held.is_open:
        return erasing.waiting(work, held)
    return [part.answer for part in erasing.plan(work, held, asked=True).values()]


def _due(work: Work, store: StoreInfo, found: list[Matter]) -> tuple[date, str]:
    """By when the person has their answer: the earliest of the laws that hold, else 30 days."""
    today = calendar.local_date(now_of(work, store.id), store.timezone)
    asked = {one.version: one for held in found for one in held.laws} or _home(store, today)
    dues = [answer_due(one, today) for one in asked.values() if one.privacy is not None]
    known = [(due.raw, "; ".join(due.articles)) for due in dues if due is not None]
    return min(known) if known else (calendar.add_days(today, ANSWER_DAYS), OWN_RULE)


def _home(store: StoreInfo, today: date) -> dict[str, Any]:
    return {"home": law.on(store, None, today)}


def _no_more_offers(work: Work, held: Matter) -> None:
    """While a return is open only messages that belong to it go out: every consent to others ends."""
    person = None if held.order is None else assess.read_person(held.order.person)
    if held.order is not None and person is not None and person.consents:
        without = _encode(msgspec.structs.replace(person, consents={})).decode()
        change = sa.update(matters.ORDERS).where(matters.ORDERS.c.id == held.order.id)
        work.conn.execute(change.values(person=without, version=held.order.version + 1))


def _is_kept(work: Work, request_id: str) -> bool:
    table = erasing.RESTRICTED
    return work.conn.execute(sa.select(table.c.id).where(table.c.request_id == request_id).limit(1)).first() is not None


def _say(work: Work, store: StoreInfo, request_id: str, drafts: list[Draft], *, actor: str) -> None:
    log.append_to(work, "privacy_requests", request_id, drafts, store_id=store.id, actor=actor)


def _read(answers: list[dict[str, Any]]) -> list[Answer]:
    return msgspec.convert(answers, list[Answer])


def _view(row: Any, locale: str) -> RequestView:
    answers = [answer for one in row.answer for answer in _read(one["answers"])]
    return RequestView(
        id=row.id,
        state=row.state,
        requested_at=row.created_at,
        matters=row.matters,
        open=row.open,
        failed=matters.named({one["matter"]: one["error"] for one in row.answer if one.get("error")}),
        answers=shown(retention.together(answers), locale),
        answer_due=row.answer_due,
        article=row.article,
        version=row.version,
    )
