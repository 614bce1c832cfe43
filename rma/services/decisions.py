"""The decision on a return, whole: every rule that was asked, what it saw and said, and every person who stepped in."""

from __future__ import annotations

from typing import Any

import msgspec
import sqlalchemy as sa

from rma.db import tables
from rma.db.session import Work
from rma.domain import explain
from rma.domain.decision import Decision, LineDecision, TraceEntry
from rma.domain.texts import Text, say
from rma.domain.verdict import Why
from rma.services import doors, feed
from rma.services.caller import Caller
from rma.services.case import Case
from rma.services.context import Services
from rma.services.feed import FeedEvent
from rma.services.line_effects import the_case
from rma.services.paging import Ask

_decode = msgspec.json.Decoder(Decision).decode
_keys = tables.table(tables.Key)
_JUDGING = frozenset({"assess", "approve", "decline", "ask_customer", "appeal", "reopen", "dispute", "submit_evidence"})
_MOST_EVENTS = 1000


def show(work: Work, services: Services, caller: Caller, return_id: str, *, locale: str) -> dict[str, Any]:
    """The whole trace of a return's decision in every language, and the steps by which people changed it.

    ``text`` is in ``locale``, ``texts`` in all languages. Personal words that were erased read ``erased``.
    """
    door = doors.open_case(work, services, caller, return_id, lock=False)
    case = the_case(door)
    found = _decode(case.row["quote"])
    policy = services.catalog.policy(work, door.store.id, found.policy_version)
    steps = _steps(work, case)
    return {
        "return_id": case.id,
        "rma_number": case.row["rma_number"],
        "policy_version": found.policy_version,
        "policy": policy.label,
        "law": found.law,
        "decision": found.assessment,
        "statutory": found.statutory,
        "overridden": any(line.overrode for line in found.lines),
        "lines": [_line(line, case, index, locale) for index, line in enumerate(found.lines)],
        "steps": steps,
    }


def _line(line: LineDecision, case: Case, index: int, locale: str) -> dict[str, Any]:
    words = explain.sentence(line)
    row = case.lines[index].row if index < len(case.lines) else {}
    return {
        "id": row.get("id"),
        "order_line_id": line.order_line_id,
        "sku": row.get("sku"),
        "quantity": line.quantity,
        "filed_kind": line.filed_kind,
        "kind": line.kind,
        "decision": line.decision,
        "basis": line.basis,
        "last_day": line.last_day,
        "last_instant": line.last_instant,
        "estimated": line.estimated,
        "text": say(words, locale),
        "texts": words,
        "decided_by": explain.decided_by(line),
        "reasons": [_why(why, locale) for why in line.reasons],
        "overrode": [_why(why, locale) for why in line.overrode],
        "trace": [_entry(entry, line, locale) for entry in line.trace],
    }


def _why(why: Why, locale: str) -> dict[str, Any]:
    return {"rule": why.rule, "code": why.code, **_told(why.text, locale), "article": why.article}


def _entry(entry: TraceEntry, line: LineDecision, locale: str) -> dict[str, Any]:
    plain: dict[str, Any] = msgspec.to_builtins(entry)
    return {**plain, **_told(explain.said(entry, line), locale)}


def _told(words: Text, locale: str) -> dict[str, Any]:
    return {"text": say(words, locale), "texts": words}


def _steps(work: Work, case: Case) -> list[dict[str, Any]]:
    """Who judged when, and why: the machine's own judgements, those of people, and overrides."""
    events = [one for one in feed.page_of_return(work, case.id, Ask(limit=_MOST_EVENTS)).items if _judges(one)]
    people = _people(work, {one.actor for one in events})
    return [
        {
            "at": one.at,
            "event": one.type,
            "trigger": one.data.get("trigger"),
            "by": {"actor": one.actor, **people.get(one.actor, {})},
            "override": "override" in one.data,
            "reason": _reason(one),
        }
        for one in events
    ]


def _judges(event: FeedEvent) -> bool:
    about_return = event.type.startswith("return.")
    return about_return and (event.data.get("trigger") in _JUDGING or "override" in event.data)


def _reason(event: FeedEvent) -> Any:
    override = event.data.get("override")
    return override.get("reason") if isinstance(override, dict) else event.data.get("reason")


def _people(work: Work, actors: set[str]) -> dict[str, dict[str, Any]]:
    """The name of each key and the person who holds it."""
    ids = [actor.removeprefix("key:") for actor in actors if actor.startswith("key:")]
    if not ids:
        return {}
    rows = work.conn.execute(sa.select(_keys.c.id, _keys.c.name, _keys.c.person).where(_keys.c.id.in_(ids)))
    return {f"key:{row.id}": {"key": row.name, "person": row.person} for row in rows}
