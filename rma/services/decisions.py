"""The decision on a return, whole: every rule that was asked, what it saw and said, and every person who stepped in."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

import msgspec
import sqlalchemy as sa

from rma.db import tables
from rma.db.session import Work
from rma.domain import explain
from rma.domain.decision import Decision, LineDecision, TraceEntry
from rma.domain.explain import DecidedBy
from rma.domain.texts import Text, say
from rma.domain.verdict import Why
from rma.services import case as cases
from rma.services import doors, feed, law
from rma.services.caller import KEY, Caller
from rma.services.case import Case
from rma.services.context import Services
from rma.services.feed import FeedEvent
from rma.services.law import AppliedLaw
from rma.services.line_effects import the_case
from rma.services.paging import Ask

_decode = msgspec.json.Decoder(Decision).decode
_keys = tables.table(tables.Key)
_JUDGING = frozenset({"assess", "approve", "decline", "ask_customer", "appeal", "reopen", "dispute", "submit_evidence"})
_MOST_EVENTS = 1000


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """A reason: the rule, a stable code, its article, its words in the reader's language and (``texts``) in all."""

    rule: str
    code: str
    text: str
    texts: Text
    article: str | None


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """A rule that was asked: of which version, what it saw, what it answered by which article, in words."""

    rule: str
    version: str
    inputs: dict[str, str | int | bool | None]
    result: str
    code: str
    article: str | None
    text: str
    texts: Text


class DecidedLine(msgspec.Struct, frozen=True, kw_only=True):
    """The decision on a line: what, on which basis, until when, by which rule, and every rule that was asked."""

    id: str | None
    order_line_id: str
    sku: str | None
    quantity: int
    filed_kind: str
    kind: str
    decision: str
    basis: str
    last_day: date | None
    last_instant: datetime | None
    estimated: bool
    text: str
    texts: Text
    decided_by: DecidedBy
    reasons: tuple[Told, ...]
    overrode: tuple[Told, ...]
    trace: tuple[Asked, ...]


class Judge(msgspec.Struct, frozen=True, kw_only=True):
    """Who acted: a key with its name and person, a customer's link, or the system."""

    actor: str
    key: str | None = None
    person: str | None = None


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """A judgement: the engine's own, a person's with their reason, or an override.

    ``against`` are the articles of the rights by law that a person declined.
    """

    at: datetime
    event: str
    trigger: str | None
    by: Judge
    override: bool
    reason: str | None
    against: tuple[str, ...] = ()


class WholeDecision(msgspec.Struct, frozen=True, kw_only=True):
    """Everything about the decision on a return; ``overridden``: a person let a line through, or declined a right.

    ``laws`` are those that were compared, the customer's first; of each question the better for the customer counts.
    """

    return_id: str
    rma_number: str
    policy_version: int
    policy: str
    law: str
    laws: tuple[AppliedLaw, ...]
    decision: str
    statutory: bool
    overridden: bool
    lines: tuple[DecidedLine, ...]
    steps: tuple[Step, ...]


def show(work: Work, services: Services, caller: Caller, return_id: str, *, locale: str) -> WholeDecision:
    """The whole trace of a return's decision in every language, and the steps by which people changed it.

    Personal words that were erased read ``erased``.
    """
    door = doors.open_case(work, services, caller, return_id, lock=False)
    case = the_case(door)
    found = _decode(cases.read_quote(work, case))
    policy = services.catalog.policy(work, door.store.id, found.policy_version)
    steps = _steps(work, case)
    return WholeDecision(
        return_id=case.id,
        rma_number=case.row["rma_number"],
        policy_version=found.policy_version,
        policy=policy.label,
        law=found.law,
        laws=law.applied(found.law, case.fact("country"), store=door.store.country),
        decision=found.assessment,
        statutory=found.statutory,
        overridden=any(line.overrode for line in found.lines) or any(step.against for step in steps),
        lines=tuple(_line(line, case, index, locale) for index, line in enumerate(found.lines)),
        steps=steps,
    )


def _line(line: LineDecision, case: Case, index: int, locale: str) -> DecidedLine:
    words = explain.sentence(line)
    row = case.lines[index].row if index < len(case.lines) else {}
    return DecidedLine(
        id=row.get("id"),
        order_line_id=line.order_line_id,
        sku=row.get("sku"),
        quantity=line.quantity,
        filed_kind=line.filed_kind,
        kind=line.kind,
        decision=line.decision,
        basis=line.basis,
        last_day=line.last_day,
        last_instant=line.last_instant,
        estimated=line.estimated,
        text=say(words, locale),
        texts=words,
        decided_by=explain.decided_by(line),
        reasons=tuple(_why(why, locale) for why in line.reasons),
        overrode=tuple(_why(why, locale) for why in line.overrode),
        trace=tuple(_entry(entry, line, locale) for entry in line.trace),
    )


def _why(why: Why, locale: str) -> Told:
    return Told(rule=why.rule, code=why.code, text=say(why.text, locale), texts=why.text, article=why.article)


def _entry(entry: TraceEntry, line: LineDecision, locale: str) -> Asked:
    words = explain.said(entry, line)
    return Asked(text=say(words, locale), texts=words, **msgspec.structs.asdict(entry))


def _steps(work: Work, case: Case) -> tuple[Step, ...]:
    """Who judged when, and why: the machine's own judgements, those of people, and overrides."""
    events = [one for one in feed.page_of_return(work, case.id, Ask(limit=_MOST_EVENTS)).items if _judges(one)]
    people = _people(work, {one.actor for one in events})
    return tuple(
        Step(
            at=one.at,
            event=one.type,
            trigger=one.data.get("trigger"),
            by=people.get(one.actor) or Judge(actor=one.actor),
            override="override" in one.data,
            reason=_reason(one),
            against=_against(one),
        )
        for one in events
    )


def _judges(event: FeedEvent) -> bool:
    about_return = event.type.startswith("return.")
    return about_return and (event.data.get("trigger") in _JUDGING or "override" in event.data)


def _reason(event: FeedEvent) -> str | None:
    told: Any = event.data.get("override")
    found = (told if isinstance(told, dict) else event.data).get("reason")
    return found if isinstance(found, str) else None


def _against(event: FeedEvent) -> tuple[str, ...]:
    told: Any = event.data.get("override")
    return tuple(told.get("articles", ())) if isinstance(told, dict) else ()


def _people(work: Work, actors: set[str]) -> dict[str, Judge]:
    """The name of each key and the person who holds it."""
    ids = [actor.removeprefix(KEY) for actor in actors if actor.startswith(KEY)]
    if not ids:
        return {}
    rows = work.conn.execute(sa.select(_keys.c.id, _keys.c.name, _keys.c.person).where(_keys.c.id.in_(ids)))
    return {f"{KEY}{row.id}": Judge(actor=f"{KEY}{row.id}", key=row.name, person=row.person) for row in rows}
