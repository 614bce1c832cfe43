"""Moving a case through its workflow: pure, and the only place that knows the library ``transitions``.

One shared machine per definition; a light object stands for the case during one trigger. Nothing is carried out here: a
step only says what the door has to write and do.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

import msgspec
from transitions.core import Event, EventData, Machine, Transition

from rma.domain import definition as workflow
from rma.domain.definition import Definition
from rma.domain.facts import Facts
from rma.domain.guard import Guard
from rma.domain.guards import GUARDS
from rma.domain.texts import say, text
from rma.errors import FieldError, Invalid, Reason, Refused

_MACHINES_KEPT = 256
_NOTHING: frozenset[str] = frozenset()

_ELSEWHERE = {
    "wrong_state": text(
        tr="“{state}” durumunda bu işlem yapılamaz.",
        en="This cannot be done in the state “{state}”.",
        de="Im Zustand „{state}“ ist das nicht möglich.",
    ),
    "wrong_role": text(
        tr="“{state}” durumunda bu işlemi başka bir rol yapar.",
        en="In the state “{state}” this is for another role.",
        de="Im Zustand „{state}“ ist das einer anderen Rolle vorbehalten.",
    ),
}


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """One planned change: what the door writes and which effects follow, in order."""

    machine: str
    trigger: str
    source: str
    target: str
    effects: tuple[str, ...]
    event: str
    requires: tuple[str, ...]


class _Row:
    """A transition in one of its states, ready to be asked."""

    __slots__ = ("automatic", "by", "checks", "guards", "step")

    def __init__(self, definition: Definition, row: workflow.Transition, source: str) -> None:
        self.by = frozenset(row.by)
        self.guards = tuple(GUARDS[name] for name in row.when)
        self.checks = tuple(guard.check for guard in self.guards)
        self.automatic = definition.is_automatic(row)
        self.step = Step(
            machine=definition.machine,
            trigger=row.trigger,
            source=source,
            target=row.target(source),
            effects=row.then,
            event=definition.event_of(row, source),
            requires=row.requires,
        )

    def fits(self, role: str, facts: Facts) -> bool:
        return role in self.by and self.holds(facts)

    def holds(self, facts: Facts) -> bool:
        for check in self.checks:  # noqa: SIM110 - asked hundreds of times a request, and generators are dear
            if check(facts).answer != "pass":
                return False
        return True

    def condition(self, event: EventData) -> bool:
        """The row as a condition of the machine: it notes the step it plans on the moving case."""
        moving: Any = event.model
        if not self.fits(moving.role, moving.facts):
            return False
        moving.step = self.step
        return True


class _Moving:
    """The case while one trigger is fired."""

    __slots__ = ("facts", "role", "state", "step")

    def __init__(self, state: str, role: str, facts: Facts) -> None:
        self.state = state
        self.role = role
        self.facts = facts
        self.step: Step | None = None


class _Planned(Transition):
    """A transition with one condition and no callbacks: nothing is carried out, so nothing is told of it either."""

    def execute(self, event_data: EventData) -> bool:
        """True if the condition holds; then the moving case is where the transition leads."""
        holds: Any = self.conditions[0].func
        if not holds(event_data):
            return False
        moving: Any = event_data.model
        moving.state = self.dest
        return True


class _Trigger(Event):
    """A trigger of such transitions: the first in file order whose condition holds is taken.

    The library's own asks for callbacks and logs on a dozen occasions a step, which costs many times the step.
    """

    def trigger(self, model: Any, *args: Any, **kwargs: Any) -> bool:  # noqa: ANN401 - the library's own
        """Whether one was taken."""
        event = EventData(None, self, self.machine, model, args, kwargs)
        for transition in self.transitions[model.state]:  # noqa: SIM110 - asked at every step
            if transition.execute(event):
                return True
        return False


class _Machine(Machine):
    """The library's machine, of such triggers and transitions."""

    transition_cls = _Planned
    event_cls = _Trigger


class _Compiled:
    """A definition with its machine and its rows by state."""

    __slots__ = ("automatic", "machine", "rows")

    def __init__(self, definition: Definition) -> None:
        self.rows: dict[str, dict[str, list[_Row]]] = {state: {} for state in definition.states}
        self.machine = _Machine(
            model=None,
            states=list(definition.states),
            initial=definition.initial,
            auto_transitions=False,
            send_event=True,
            queued=False,
            model_attribute="state",
        )
        for row in definition.transitions:
            for source in row.sources:
                self._add(_Row(definition, row, source))
        self.automatic = {
            state: tuple(row for rows in triggers.values() for row in rows if row.automatic)
            for state, triggers in self.rows.items()
        }

    def _add(self, row: _Row) -> None:
        step = row.step
        self.rows[step.source].setdefault(step.trigger, []).append(row)
        self.machine.add_transition(step.trigger, step.source, step.target, conditions=[row.condition])

    def fire(self, moving: _Moving, trigger: str) -> Step | None:
        """The step of the first row that fits, or None; the trigger has at least one row in this state."""
        self.machine.events[trigger].trigger(moving)
        return moving.step


_compiled: dict[str, _Compiled] = {}


def _machine(definition: Definition) -> _Compiled:
    """The shared machine of a definition; equal bytes are equal machines, whatever store published them."""
    found = _compiled.get(definition.sha256)
    if found is None:
        if len(_compiled) >= _MACHINES_KEPT:
            _compiled.clear()
        found = _compiled.setdefault(definition.sha256, _Compiled(definition))
    return found


def step(
    definition: Definition,
    state: str,
    trigger: str,
    *,
    role: str,
    facts: Facts,
    body_fields: Collection[str] = (),
    language: str = "en",
) -> Step:
    """The change that this trigger plans: the first row in file order that fits state, role and guards.

    ``body_fields`` names the fields that the body fills. Raises ``Invalid`` for a trigger that the workflow does not
    know and for required fields that are not filled; ``Refused``, with every reason and what this role may do instead,
    when no row fits.
    """
    compiled = _machine(definition)
    rows = compiled.rows[state].get(trigger, ())
    planned = compiled.fire(_Moving(state, role, facts), trigger) if rows else None
    if planned is None:
        if trigger not in compiled.machine.events:
            raise Invalid.field(
                "trigger", "unknown", f"there is no trigger {trigger!r} in the workflow {definition.name}"
            )
        raise _refused(definition, state, rows, role=role, facts=facts, language=language)
    missing = [name for name in planned.requires if name not in body_fields]
    if missing:
        raise Invalid(
            f"{trigger} needs {', '.join(missing)}",
            errors=[FieldError(name, "missing", f"{trigger} needs this field") for name in missing],
        )
    return planned


def acting(definition: Definition, state: str, trigger: str) -> frozenset[str]:
    """The roles that may ever fire this trigger in this state, whatever the facts are."""
    rows = _machine(definition).rows[state].get(trigger, ())
    return frozenset(role for row in rows for role in row.by)


def able(definition: Definition, state: str, trigger: str, *, roles: Iterable[str], facts: Facts) -> list[str]:
    """Those of these roles, in their order, that could fire this trigger now."""
    rows = _machine(definition).rows[state].get(trigger, ())
    may = _NOTHING.union(*(row.by for row in rows if row.holds(facts)))
    return [role for role in roles if role in may]


def allowed(definition: Definition, state: str, *, role: str, facts: Facts) -> tuple[str, ...]:
    """The triggers that this role could fire now, in file order."""
    return allowed_to(definition, state, roles=frozenset({role}), facts=facts)


def allowed_to(definition: Definition, state: str, *, roles: frozenset[str], facts: Facts) -> tuple[str, ...]:
    """The triggers that one of these roles could fire now, in file order."""
    found = []
    for trigger, rows in _machine(definition).rows[state].items():
        for row in rows:
            if not row.by.isdisjoint(roles) and row.holds(facts):
                found.append(trigger)
                break
    return tuple(found)


def moves_by_itself(definition: Definition, state: str) -> bool:
    """True if something may follow in this state without anybody's act; else ``follow`` need not be asked."""
    return bool(_machine(definition).automatic[state])


def follow(definition: Definition, state: str, *, facts: Facts, skip: Collection[str] = _NOTHING) -> Step | None:
    """The first automatic step that fits now, or None; ``skip`` names triggers that are not tried.

    The door asks this after every change, with fresh facts, until the answer is None. A step that stays in its state
    has made its own condition untrue by its effects; its trigger goes into ``skip`` all the same.
    """
    compiled = _machine(definition)
    for row in compiled.automatic[state]:
        if row.step.trigger not in skip and row.fits("system", facts):
            return compiled.fire(_Moving(state, "system", facts), row.step.trigger)
    return None


def replay(definition: Definition, log: Iterable[tuple[str, str]]) -> str:
    """The state that a log of (trigger, target) leads to, from the initial one.

    Raises ``Refused`` at the first entry that no row declares: the log is not one of this workflow.
    """
    state = definition.initial
    compiled = _machine(definition)
    for trigger, target in log:
        rows = compiled.rows[state].get(trigger, ())
        if not any(row.step.target == target for row in rows):
            raise Refused(f"{definition.name} has no {trigger} from {state} to {target}", code="replay_mismatch")
        state = target
    return state


def _refused(
    definition: Definition, state: str, rows: Collection[_Row], *, role: str, facts: Facts, language: str
) -> Refused:
    reasons = _reasons([row for row in rows if role in row.by], facts, language)
    if not reasons:
        code = "wrong_role" if rows else "wrong_state"
        reasons = [_about(definition, state, code=code, language=language)]
    return Refused(reasons[0].text, reasons=reasons, allowed=allowed(definition, state, role=role, facts=facts))


def _about(definition: Definition, state: str, *, code: str, language: str) -> Reason:
    label = say(definition.states[state].label, language)
    return Reason("workflow", code, say(_ELSEWHERE[code], language).format(state=label))


def _reasons(rows: list[_Row], facts: Facts, language: str) -> list[Reason]:
    """What stood in the way, once each: rules that forbid, or else the facts that told rows apart."""
    failed: dict[str, tuple[Guard, Reason]] = {}
    for row in rows:
        for guard in row.guards:
            verdict = guard.check(facts)
            if not verdict.passed:
                failed.setdefault(guard.name, (guard, verdict.reason(guard.name, language)))
    rules = [reason for guard, reason in failed.values() if guard.kind == "rule"]
    return rules or [reason for _, reason in failed.values()]
