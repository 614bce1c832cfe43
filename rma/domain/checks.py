"""What a workflow must hold before it is published: known names, no way to get stuck, no money without approval."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator
from itertools import combinations

from rma.domain.definition import Deadline, Definition, Transition
from rma.domain.events import TYPES
from rma.domain.guards import GUARDS
from rma.domain.vocabulary import DEADLINE_FIELDS, EFFECTS, MACHINES, NONE, PERSONS, ROLES, STAY, WAITS_FOR
from rma.errors import FieldError

_DAYS = re.compile(r"P[1-9]\d{0,3}D")

Faults = Iterator[FieldError]
Edges = dict[str, set[str]]


def check(definition: Definition) -> list[FieldError]:
    """Every fault of a workflow, each with its path in the file; an empty list means that it may be published.

    Names are checked first: while any is unknown, the questions about the whole graph are not asked.
    """
    named = [fault for asked in _NAMES for fault in asked(definition)]
    return named or [fault for asked in _GRAPH for fault in asked(definition)]


def _unknown(path: str, names: Collection[str], known: Collection[str], what: str) -> Faults:
    for name in names:
        if name not in known:
            yield FieldError(path, "unknown", f"there is no {what} {name!r}")


def _head(definition: Definition) -> Faults:
    yield from _unknown("machine", [definition.machine], MACHINES, "machine")
    yield from _unknown("initial", [definition.initial], definition.states, "state")
    yield from _unknown("event", [definition.event], TYPES, "event")


def _states(definition: Definition) -> Faults:
    for name, state in definition.states.items():
        yield from _unknown(f"states.{name}.waits_for", [state.waits_for], WAITS_FOR, "one to wait for:")


def _transitions(definition: Definition) -> Faults:
    for index, row in enumerate(definition.transitions):
        path = f"transitions[{index}]"
        yield from _unknown(f"{path}.from", row.sources, definition.states, "state")
        yield from _unknown(f"{path}.to", [row.to], {*definition.states, STAY}, "state")
        yield from _unknown(f"{path}.by", row.by, ROLES, "role")
        yield from _unknown(f"{path}.when", row.when, _guards_of(definition), f"guard of a {definition.machine}:")
        yield from _unknown(f"{path}.then", row.then, _effects_of(definition), f"effect of a {definition.machine}:")
        events = {definition.event_of(row, source) for source in row.sources}
        yield from _unknown(f"{path}.event", sorted(events), TYPES, "event")
        yield from _empty(path, row)


def _guards_of(definition: Definition) -> set[str]:
    return {guard.name for guard in GUARDS.values() if guard.machine == definition.machine}


def _effects_of(definition: Definition) -> set[str]:
    return {effect.name for effect in EFFECTS.values() if definition.machine in effect.machines}


def _empty(path: str, row: Transition) -> Faults:
    if not row.sources:
        yield FieldError(f"{path}.from", "empty", "a transition starts in at least one state")
    if not row.by:
        yield FieldError(f"{path}.by", "empty", "somebody must be able to fire a transition")


def _deadlines(definition: Definition) -> Faults:
    names = [deadline.name for deadline in definition.deadlines]
    for index, deadline in enumerate(definition.deadlines):
        path = f"deadlines[{index}]"
        yield from _unknown(f"{path}.in", deadline.states, definition.states, "state")
        yield from _unknown(f"{path}.after", _not_days(deadline), DEADLINE_FIELDS, "deadline field or number of days")
        if not deadline.states:
            yield FieldError(f"{path}.in", "empty", "a deadline runs in at least one state")
        if not deadline.after:
            yield FieldError(f"{path}.after", "empty", "a deadline names how long it is")
        if deadline.name in names[:index]:
            yield FieldError(f"{path}.name", "twice", f"there are two deadlines {deadline.name!r}")
        yield from _fires(definition, deadline, path)


def _not_days(deadline: Deadline) -> list[str]:
    return [name for name in deadline.after if not _DAYS.fullmatch(name)]


def _fires(definition: Definition, deadline: Deadline, path: str) -> Faults:
    if deadline.fire == NONE:
        if not deadline.why:
            yield FieldError(f"{path}.why", "missing", "a deadline that fires nothing says why")
    elif not any(_acts(definition, deadline, state) for state in deadline.states):
        message = f"system cannot fire {deadline.fire!r} in any state of this deadline"
        yield FieldError(f"{path}.fire", "unknown", message)


def _acts(definition: Definition, deadline: Deadline, state: str) -> bool:
    return any(
        row.trigger == deadline.fire and state in row.sources and "system" in row.by for row in definition.transitions
    )


def _edges(definition: Definition, keeps: Callable[[Transition], bool]) -> Edges:
    edges: Edges = {state: set() for state in definition.states}
    for row in definition.transitions:
        if keeps(row):
            for source in row.sources:
                edges[source].add(row.target(source))
    return edges


def _reached(edges: Edges, starts: Collection[str]) -> set[str]:
    found, open_ends = set(starts), list(starts)
    while open_ends:
        for state in edges[open_ends.pop()] - found:
            found.add(state)
            open_ends.append(state)
    return found


def _unreachable(definition: Definition) -> Faults:
    reached = _reached(_edges(definition, lambda _: True), [definition.initial])
    for name in definition.states:
        if name not in reached:
            yield FieldError(f"states.{name}", "unreachable", "no path leads here")


def _dead_ends(definition: Definition) -> Faults:
    """From every state a final one can be reached; a final state has reached it."""
    edges = _edges(definition, lambda _: True)
    ends = {name for name, state in definition.states.items() if state.final}
    if not ends:
        yield FieldError("states", "no_end", "no state is final")
        return
    for name in definition.states:
        if ends.isdisjoint(_reached(edges, [name])):
            yield FieldError(f"states.{name}", "dead_end", "no final state can be reached from here")


def _waits(definition: Definition) -> Faults:
    for name, state in definition.states.items():
        served = any(
            deadline.fire == NONE or _acts(definition, deadline, name) for deadline in definition.deadlines_in(name)
        )
        if state.waits_for in PERSONS and not state.final and not state.why and not served:
            message = f"waits for {state.waits_for} without a deadline and does not say why"
            yield FieldError(f"states.{name}", "no_deadline", message)


def _kinds(row: Transition) -> list[str]:
    return [EFFECTS[name].kind for name in row.then]


def _unpaid_for(definition: Definition) -> Faults:
    """No money moves without an approval before it on every path, and none after the approval was taken back."""
    edges = _edges(definition, lambda row: "approval" not in _kinds(row))
    revoked = {
        row.target(source) for row in definition.transitions if "revocation" in _kinds(row) for source in row.sources
    }
    unapproved = _reached(edges, {definition.initial, *revoked})
    for index, row in enumerate(definition.transitions):
        for effect, before in zip(row.then, _prefixes(_kinds(row)), strict=True):
            if EFFECTS[effect].kind == "money" and _pays_early(before, set(row.sources) & unapproved):
                message = f"{effect} can be reached without an approval before it"
                yield FieldError(f"transitions[{index}].then", "no_approval", message)


def _prefixes(kinds: list[str]) -> Iterator[list[str]]:
    return (kinds[:index] for index in range(len(kinds)))


def _pays_early(before: list[str], unapproved: set[str]) -> bool:
    """Whether money would move unapproved, given the kinds of the effects before it in its own row."""
    decisive = [kind for kind in before if kind in {"approval", "revocation"}]
    return decisive[-1] == "revocation" if decisive else bool(unapproved)


def _who_approves(definition: Definition) -> Faults:
    """Only a named person, or the store's own limit, opens the way for money."""
    for index, row in enumerate(definition.transitions):
        if "approval" not in _kinds(row):
            continue
        if set(row.by) - {"finance", "system"}:
            yield FieldError(f"transitions[{index}].by", "no_approver", "only finance or system approves money")
        if "system" in row.by and "auto_approvable" not in row.when:
            message = "system approves only below the store's limit: name auto_approvable"
            yield FieldError(f"transitions[{index}].when", "no_limit", message)
        if "finance" in row.by and not {"approver_named", "approver_independent", "approvals_complete"} <= set(
            row.when
        ):
            message = "name approver_named, approver_independent and approvals_complete"
            yield FieldError(f"transitions[{index}].when", "no_second_person", message)


def _twins(definition: Definition) -> Faults:
    """A row that an earlier one always hides, in a state and for a role, can never be told apart from it."""
    for (first, early), (second, late) in combinations(enumerate(definition.transitions), 2):
        if early.trigger != late.trigger or not set(early.when) <= set(late.when):
            continue
        states, roles = set(early.sources) & set(late.sources), set(early.by) & set(late.by)
        if states and roles:
            message = f"transitions[{first}] always fits first for {sorted(roles)} in {sorted(states)}"
            yield FieldError(f"transitions[{second}]", "indistinguishable", message)


def _runaways(definition: Definition) -> Faults:
    """What the door does by itself comes to rest: automatic rows make no circle, and one that stays does something."""
    for index, row in enumerate(definition.transitions):
        stays = any(row.target(source) == source for source in row.sources)
        if definition.is_automatic(row) and stays and not (row.when and row.then):
            message = "an automatic row that stays needs a guard and an effect that makes it untrue"
            yield FieldError(f"transitions[{index}]", "runaway", message)
    edges = _edges(definition, definition.is_automatic)
    for name, targets in edges.items():
        if name in _reached(edges, targets - {name}):
            yield FieldError(f"states.{name}", "runaway", "automatic transitions lead back here without end")


_NAMES = (_head, _states, _transitions, _deadlines)
_GRAPH = (_unreachable, _dead_ends, _waits, _unpaid_for, _who_approves, _twins, _runaways)
