"""Replaying: the events of a return or an order, folded from the first, lead to what its rows say.

The row is the truth and the log is the proof; this is where they are held against each other. Every transition tells
``from`` and ``to``, every act tells at its end how it changed the lines (``changes``): nothing but the log is needed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import msgspec
import sqlalchemy as sa

from rma.db import tables
from rma.db.session import Work
from rma.domain import engine
from rma.errors import NotFound, RmaError
from rma.services import children
from rma.services.case import HELD, TOLD
from rma.services.catalog import Catalog

_events = tables.table(tables.Event)
_returns = tables.table(tables.Return)
_lines = tables.table(tables.ReturnLine)


class Mismatch(msgspec.Struct, frozen=True):
    """A place where log and row part: whose, what of it, what the log leads to and what the row says."""

    subject: str
    what: str
    log: Any
    row: Any

    def __str__(self) -> str:
        return f"{self.subject}: {self.what} is {self.row!r} in its row, its events lead to {self.log!r}"


class Folded(msgspec.Struct):
    """What a stream of events leads to.

    ``steps`` are the (trigger, target) pairs of the case; ``children`` hold the state of each child by its id and
    ``lines`` the columns of each line; ``breaks`` are steps that start elsewhere than the one before them ended.
    """

    state: str | None = None
    steps: list[tuple[str, str]] = []
    children: dict[str, str] = {}
    lines: dict[str, dict[str, Any]] = {}
    breaks: list[Mismatch] = []


class _Body(msgspec.Struct):
    data: dict[str, Any]


_decode = msgspec.json.Decoder(_Body).decode
_CHILD = ("par_", "ref_", "rep_")


def fold(stream: str, bodies: Iterable[str]) -> Folded:
    """Fold the bodies of one stream's events, in their order."""
    folded = Folded()
    for text in bodies:
        body = _decode(text)
        _move(folded, stream, body)
        for line_id, changed in body.data.get("changes", {}).items():
            folded.lines.setdefault(line_id, {}).update(changed)
    return folded


def _move(folded: Folded, stream: str, body: _Body) -> None:
    data = body.data
    target, trigger, subject = data.get("to"), data.get("trigger"), str(data.get("id"))
    if target is None:
        return
    if subject.startswith(_CHILD):
        _join(folded, subject, folded.children.get(subject), data)
        folded.children[subject] = target
    elif trigger is not None or folded.state is None:
        _join(folded, stream, folded.state, data)
        folded.state = target
        folded.steps += [(trigger, target)] if trigger is not None else []


def _join(folded: Folded, subject: str, before: str | None, data: dict[str, Any]) -> None:
    if data.get("from") != before:
        folded.breaks.append(Mismatch(subject, "the start of a step", before, data.get("from")))


def check_return(work: Work, catalog: Catalog, store_id: str, return_id: str) -> list[Mismatch]:
    """Where a return's rows differ from what its events lead to; empty when they agree. ``NotFound`` if there is none.

    The steps of the case must be steps of the workflow version that it is pinned to.
    """
    row = work.conn.execute(
        sa.select(_returns).where(_returns.c.store_id == store_id, _returns.c.id == return_id)
    ).first()
    if row is None:
        raise NotFound("There is no such return.")
    folded = fold(return_id, _bodies(work, return_id))
    found = [*folded.breaks, *_compare(return_id, {"state": folded.state}, {"state": row.state})]
    definition = catalog.definition(work, store_id, row.workflow, row.workflow_version)
    try:
        reached = engine.replay(definition, folded.steps)
    except RmaError as refusal:
        found.append(Mismatch(return_id, refusal.detail, None, row.state))
    else:
        found += _compare(return_id, {"state": reached}, {"state": row.state})
    lines = work.conn.execute(sa.select(_lines).where(_lines.c.return_id == return_id)).mappings()
    for line in lines:
        told = dict.fromkeys(TOLD, 0) | {name: [] for name in HELD} | folded.lines.pop(line["id"], {})
        held = {name: [list(span) for span in line[name]] for name in HELD}
        found += _compare(line["id"], told, {name: line[name] for name in TOLD} | held)
    found += [Mismatch(line_id, "the line", "told of", "not there") for line_id in folded.lines]
    return found + _check_children(work, folded, "return_id", return_id)


def check_order(work: Work, order_id: str) -> list[Mismatch]:
    """The same for money without goods: refunds that belong to an order and to no return."""
    folded = fold(order_id, _bodies(work, order_id))
    return [*folded.breaks, *_check_children(work, folded, "order_id", order_id)]


def _bodies(work: Work, stream: str) -> Iterator[str]:
    return work.conn.execute(
        sa.select(_events.c.body).where(_events.c.stream == stream).order_by(_events.c.n)
    ).scalars()


def _check_children(work: Work, folded: Folded, column: str, owner: str) -> list[Mismatch]:
    states: dict[str, str] = {}
    for table in children.TABLES.values():
        if column in table.c:
            query = sa.select(table.c.id, table.c.state).where(table.c[column] == owner)
            if column == "order_id":
                query = query.where(table.c.return_id.is_(None))
            states |= {row.id: row.state for row in work.conn.execute(query)}
    every = sorted(states.keys() | folded.children.keys())
    return [
        Mismatch(child, "state", folded.children.get(child), states.get(child))
        for child in every
        if folded.children.get(child) != states.get(child)
    ]


def _compare(subject: str, told: dict[str, Any], row: dict[str, Any]) -> list[Mismatch]:
    return [Mismatch(subject, name, told[name], row[name]) for name in row if told[name] != row[name]]
