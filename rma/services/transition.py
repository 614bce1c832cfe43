"""The one door: every change of a state passes through ``Door.fire``.

A door is opened for one transaction on one case (or on one order, for money without goods). It gathers facts, asks
the machine, writes state, event, deadlines and acts together, then lets everything follow that follows by itself.
Capabilities hang their effects onto the names of ``domain.vocabulary.EFFECTS`` with ``@effect``; they change rows
through the door and never write a state themselves.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from rma.db import hot, tables
from rma.db.session import WidenError, Work
from rma.domain import engine
from rma.domain.definition import Definition
from rma.domain.engine import Step
from rma.domain.events import Draft
from rma.domain.facts import TRANSFER_MOVES, Facts
from rma.domain.policy import Policy
from rma.domain.vocabulary import EFFECTS
from rma.errors import NotFound, Refused
from rma.services import case as cases
from rma.services import children, counts, deadlines, gather, log, logs, refund_dues
from rma.services.assess import OrderView, view_order
from rma.services.case import Case, Child
from rma.services.catalog import StoreInfo
from rma.services.context import Services
from rma.services.naming import Name
from rma.services.subject import Subject

_ORDERS = tables.table(tables.Order)
_ORDER_HEAD = hot.Hot(
    sa.update(_ORDERS)
    .where(_ORDERS.c.id == sa.bindparam("key"))
    .values(head=sa.bindparam("head"), events_n=sa.bindparam("events_n"))
)
_DETAIL = {"parcel": "direction", "refund": "article", "replacement": "sku"}


__all__ = ["HANDLERS", "Door", "Handler", "Subject", "effect"]
Handler = Callable[["Door", Subject, dict[str, Any]], None]
HANDLERS: dict[str, Handler] = {}


def effect(name: str) -> Callable[[Handler], Handler]:
    """Hang a handler onto an effect of the vocabulary. It runs inside the transaction of the transition."""
    if name not in EFFECTS:
        raise ValueError(f"no effect {name} in the vocabulary")

    def hang(handler: Handler) -> Handler:
        HANDLERS[name] = handler
        return handler

    return hang


class Door:
    """One transaction's way to change the states of one case, its children and its order's money."""

    def __init__(
        self,
        work: Work,
        services: Services,
        *,
        store: StoreInfo,
        now: datetime,
        actor: str,
        case: Case | None,
        order: dict[str, Any] | None = None,
        order_name: Name | None = None,
        person: str | None = None,
    ) -> None:
        """``order_name``: what the order was asked for by, unless the case was asked for by the same."""
        self.work, self.services, self.store, self.now = work, services, store, now
        self.actor, self.person = actor, person
        self.language = "en"  # of what the act at hand refuses
        self.case, self.order_row = case, order
        self._order_name = order_name or (case.name if case is not None else None)
        self._holds_order = order is not None
        self.drafts: list[Draft] = []
        self.acts: list[tuple[str, int, str]] = []
        self._at_the_end: list[Callable[[], None]] = []
        self.subjects: dict[str, Subject] = {}
        self._complete: set[str] = set()
        self._transfers: dict[str, list[dict[str, Any]]] = {}
        self._new_transfers: set[str] = set()
        self._changed_transfers: set[str] = set()
        self._order: OrderView | None = None
        self._dues: list[tuple[Subject, str | None]] = []
        self.opened_deadlines: list[dict[str, Any]] = []
        self.fresh = case is not None and case.new
        self.law_day_moved = False
        logs.note(store=store.slug, return_id=None if case is None else case.id)
        if case is not None:
            named = case.row["workflow"], case.row["workflow_version"]
            definition = services.catalog.definition(work, store.id, *named)
            self.root: Subject | None = Subject("return", case.row, definition, new=case.new)
        else:
            self.root = None

    # -- what the rules see -------------------------------------------------------------------------------------------

    @property
    def policy(self) -> Policy:
        """The policy that this case, or this order, was promised."""
        row = self.case.row if self.case is not None else self.order_row
        version = None if row is None else row["policy_version"]
        if version is None:
            version = self.services.catalog.current_policy(self.work, self.store.id, self.now)
        return self.services.catalog.policy(self.work, self.store.id, version)

    def child(self, kind: str, child_id: str) -> Subject:
        """One child by its id. ``NotFound`` for one of another case or store."""
        known = self.subjects.get(child_id)
        if known is not None:
            return known
        rows = children.SELECT[kind].rows(self.work, {"store": self.store.id, "key": child_id})
        if not rows or (self.case is not None and self._row(kind, rows[0])["return_id"] != self.case.id):
            raise NotFound(f"There is no such {kind}.")
        return self.know(kind, self._row(kind, rows[0]))

    def children(self, kind: str) -> list[Subject]:
        """All children of this kind that the case has, oldest first, with their full rows."""
        if kind not in self._complete and self.case is not None:
            self._complete.add(kind)
            name = self.case.name
            if name is not None and any(child.kind == kind for child in self.case.children):
                for row in children.of_return(kind, name.by).rows(self.work, name.params):
                    self.know(kind, self._row(kind, row))
        return sorted((s for s in self.subjects.values() if s.kind == kind), key=lambda s: s.id)

    def transfers(self, refund: Subject) -> list[dict[str, Any]]:
        """The transfers of a refund in their order, read on first use. Change them with ``set_transfer``."""
        if refund.id not in self._transfers:
            rows = [] if refund.new else children.TRANSFERS_OF.rows(self.work, {"refund_id": refund.id})
            self._transfers[refund.id] = [dict(zip(children.TRANSFER_NAMES, row, strict=True)) for row in rows]
        return self._transfers[refund.id]

    def add_transfer(self, refund: Subject, row: dict[str, Any]) -> None:
        """Give a refund one more transfer."""
        self.transfers(refund).append(row)
        self._new_transfers.add(row["id"])

    def drop_transfers(self, refund: Subject) -> None:
        """Take back the transfers of a proposal: none of them was ever sent."""
        self.work.conn.execute(sa.delete(children.TRANSFERS).where(children.TRANSFERS.c.refund_id == refund.id))
        self._transfers[refund.id] = []

    def set_transfer(self, row: dict[str, Any], **values: Any) -> None:
        """Change a transfer; a state moves only where ``TRANSFER_MOVES`` allows it."""
        state = values.get("state", row["state"])
        if state != row["state"] and state not in TRANSFER_MOVES[row["state"]]:
            raise Refused(f"A transfer that is {row['state']} cannot become {state}.", code="transfer_state")
        row.update(values, updated_at=self.now)
        self._changed_transfers.add(row["id"])

    def _row(self, kind: str, cells: tuple[Any, ...]) -> dict[str, Any]:
        return dict(zip(children.NAMES[kind], cells, strict=True))

    def know(self, kind: str, row: dict[str, Any]) -> Subject:
        """The child of this row, which was read under the door's locks."""
        return self.subjects.setdefault(row["id"], Subject(kind, row, self._definition(kind)))

    def _definition(self, kind: str) -> Definition:
        return self.services.catalog.current_definition(self.work, self.store.id, kind)

    @property
    def order(self) -> OrderView:
        """The order behind the case, locked or at least read in this transaction."""
        if self._order is None:
            if self.order_row is None and self.case is not None:
                self.order_row = cases.read_order_row(self.work, self.store.id, self.case.row["order_number"])
            if self.order_row is None:
                raise LookupError("this door has no order")
            self._order = view_order(self.work, self.store, self.order_row, self._order_name)
        return self._order

    @order.setter
    def order(self, view: OrderView) -> None:
        """Keep an order that the caller has read already."""
        self._order, self.order_row = view, view.row

    def own_order(self) -> OrderView:
        """The order, locked: whatever decides over units, caps or shipping asks for it here.

        An act that took only the return's lock is run again from its start with both (``WidenError``).
        """
        if not self._holds_order:
            raise WidenError
        return self.order

    # -- changing things ----------------------------------------------------------------------------------------------

    def open_child(self, kind: str, row: dict[str, Any], data: Mapping[str, Any] | None = None) -> Subject:
        """Add a child in its machine's initial state, with the event that says so."""
        definition = self._definition(kind)
        full = {
            "state": definition.initial,
            "version": 1,
            "attempt": 1,
            "created_at": self.now,
            "updated_at": self.now,
            **row,
        }
        full = {name: full.get(name) for name in children.NAMES[kind]}
        subject = Subject(kind, full, definition, new=True)
        self.subjects[subject.id] = subject
        if self.case is not None:
            self.case.children.append(Child(kind, subject.id, subject.state, full.get(_DETAIL[kind])))
        self._dues.append((subject, None))
        self.say(definition.event, {"id": subject.id, "to": subject.state, **(data or {})})
        return subject

    def fire(
        self,
        subject: Subject,
        trigger: str,
        *,
        role: str,
        data: Mapping[str, Any] | None = None,
        fields: Mapping[str, Any] | None = None,
        facts: Facts | None = None,
        language: str | None = None,
    ) -> Step:
        """Move a subject by a trigger. ``fields`` is the body of the act, ``data`` what its event shall tell.

        ``facts`` are given only where they depend on who acts. The caller has already applied to the rows what the body
        says, so the facts are those after the act. Raises ``Refused`` with every reason and what is allowed, or
        ``Invalid`` for a missing field; then nothing is kept.
        """
        self.language = language or self.language
        known = gather.facts(self, subject) if facts is None else facts
        given = tuple(name for name, value in (fields or {}).items() if value is not None)
        machine, state = subject.definition, subject.state
        try:
            step = engine.step(
                machine, state, trigger, role=role, facts=known, body_fields=given, language=self.language
            )
        except Refused:  # what is Invalid was never tried, and a label would hold whatever somebody typed
            self.work.after_refusal.append(counts.later("transitions", subject.kind, trigger, "refused"))
            raise
        self.work.after_commit.append(counts.later("transitions", subject.kind, trigger, "done"))
        self._apply(subject, step, dict(data or {}), dict(fields or {}))
        return step

    def _apply(self, subject: Subject, step: Step, data: dict[str, Any], fields: dict[str, Any]) -> None:
        if step.source == step.target:
            subject.stayed.add(step.trigger)
        else:
            subject.stayed.clear()
            self._dues.append((subject, step.source))
            subject.row["state"] = step.target
            if subject.kind == "return":
                subject.row["waits_for"] = subject.definition.states[step.target].waits_for
            self._tell_summary(subject)
        subject.dirty = True
        told = {"trigger": step.trigger, "from": step.source, "to": step.target, **data}
        if subject.kind != "return":
            told["id"] = subject.id
        self.say(step.event, told)
        for name in step.effects:
            self._effect(name, subject, fields)

    def _effect(self, name: str, subject: Subject, fields: dict[str, Any]) -> None:
        handler = HANDLERS.get(name)
        if handler is not None:
            handler(self, subject, fields)
        elif EFFECTS[name].kind in ("durable", "money"):
            self.enact(subject, name)
        else:
            raise LookupError(f"effect {name} has no handler")

    def _tell_summary(self, subject: Subject) -> None:
        if self.case is not None and subject.kind != "return":
            for child in self.case.children:
                if child.id == subject.id:
                    child.state = subject.state

    def say(self, event: str, data: Mapping[str, Any]) -> None:
        """Add an event that is not a transition."""
        self.drafts.append(Draft(event, dict(data), self.now))

    def act(self, subject_id: str, attempt: int, name: str) -> None:
        """Enqueue a durable act with this transaction."""
        self.acts.append((subject_id, attempt, name))

    def enact(self, subject: Subject, name: str) -> None:
        """Enqueue a durable act of a child. The same one a second time is a new attempt, with a key of its own."""
        row = subject.row
        begun = row["doc"].get("acts", [])
        if name in begun:
            begun, row["attempt"] = [], row["attempt"] + 1
        subject.set(doc={**row["doc"], "acts": [*begun, name]})
        self.act(subject.id, row["attempt"], name)

    def after_writing(self, act: Callable[[], None]) -> None:
        """Do this at the end of ``close``, still inside the transaction."""
        self._at_the_end.append(act)

    def follow(self) -> None:
        """Let everything happen that happens by itself: children first, then the case, until nothing moves."""
        moved = True
        while moved:
            moved = False
            for subject in [*self.subjects.values(), *([self.root] if self.root else [])]:
                if not (subject.dirty or subject.new or subject is self.root):
                    continue
                if not engine.moves_by_itself(subject.definition, subject.state):
                    continue
                step = engine.follow(
                    subject.definition, subject.state, facts=gather.facts(self, subject), skip=frozenset(subject.stayed)
                )
                if step is not None:
                    self._apply(subject, step, {}, {})
                    moved = True

    # -- writing it down ----------------------------------------------------------------------------------------------

    def close(self) -> None:
        """Follow, then write rows, events, deadlines and acts. The transaction is the caller's."""
        self.follow()
        refund_dues.follow(self)
        if self.case is not None:
            self._write_case(self.case)
        elif self.order_row is not None:
            self._write_order_events(self.order_row)
        self._write_children()
        deadlines.write(self, self._dues)
        self._dues, self.law_day_moved = [], False
        for subject_id, attempt, name in self.acts:
            self.services.effects.enqueue(
                self.work, store_id=self.store.id, subject_id=subject_id, attempt=attempt, effect=name
            )
        self.acts = []
        for finish in self._at_the_end:
            finish()
        self._at_the_end = []

    def _write_case(self, case: Case) -> None:
        row = case.row
        row.update(version=row["version"] + (not case.new), updated_at=self.now)
        self._tell_changes(case)
        events, row["head"], row["events_n"] = log.prepare(
            self.work,
            self.drafts,
            store_id=self.store.id,
            stream=case.id,
            actor=self.actor,
            head=row["head"],
            n=row["events_n"],
            return_id=case.id,
        )
        self.drafts = []
        cases.save(self.work, case)
        log.write(self.work, events)

    def _tell_changes(self, case: Case) -> None:
        """The last event of the act tells what became of the lines, so that the log alone leads to their numbers."""
        changes = case.changes()
        if changes:
            last = self.drafts[-1]
            self.drafts[-1] = Draft(last.type, {**last.data, "changes": changes}, last.at)

    def _write_order_events(self, order: dict[str, Any]) -> None:
        order["head"], order["events_n"] = log.append(
            self.work,
            self.drafts,
            store_id=self.store.id,
            stream=order["id"],
            actor=self.actor,
            head=order["head"],
            n=order["events_n"],
        )
        _ORDER_HEAD.run(self.work, {"key": order["id"], "head": order["head"], "events_n": order["events_n"]})
        self.drafts = []

    def _write_children(self) -> None:
        for subject in self.subjects.values():
            if subject.new:
                children.INSERT[subject.kind].run(self.work, subject.row)
            elif subject.dirty:
                subject.row.update(version=subject.row["version"] + 1, updated_at=self.now)
                children.UPDATE[subject.kind].run(self.work, {"key": subject.id, **subject.row})
            subject.new = subject.dirty = False
        rows = [row for found in self._transfers.values() for row in found]
        children.INSERT_TRANSFER.run_many(self.work, [row for row in rows if row["id"] in self._new_transfers])
        changed = self._changed_transfers - self._new_transfers
        children.UPDATE_TRANSFER.run_many(
            self.work, [{"key": row["id"], **row} for row in rows if row["id"] in changed]
        )
        self._new_transfers, self._changed_transfers = set(), set()
