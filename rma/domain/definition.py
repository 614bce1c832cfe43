"""A workflow as data: the TOML language of ``workflows/machines``, read strictly into frozen values.

Reading checks the shape: unknown keys, missing keys, types. What the names mean, and whether the machine can get stuck,
is asked by ``rma.domain.checks``.
"""

from __future__ import annotations

import tomllib
from functools import cached_property, lru_cache
from hashlib import sha256
from typing import Annotated, Any

import msgspec

from rma.domain.strict import faults, text_faults
from rma.domain.texts import Text
from rma.domain.vocabulary import NONE, STAY
from rma.errors import DefinitionError, FieldError

Name = Annotated[str, msgspec.Meta(pattern=r"^[a-z][a-z0-9_]*$(?!\n)", max_length=64)]
"""A name inside a file: small letters, digits, underscores."""
Share = Annotated[float, msgspec.Meta(gt=0, lt=1)]
"""A share of the time of a deadline."""
Sentence = Annotated[str, msgspec.Meta(min_length=1, max_length=500)]


class _Words(msgspec.Struct, forbid_unknown_fields=True):
    tr: Sentence
    en: Sentence
    de: Sentence


class _State(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    label: _Words
    waits_for: str
    final: bool = False
    why: Sentence | None = None


class _Transition(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    trigger: Name
    sources: list[str] | str = msgspec.field(name="from")
    to: str
    by: list[str] | str
    when: list[str] = []
    then: list[str] = []
    requires: list[Name] = []
    event: str | None = None


class _Deadline(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    states: list[str] | str = msgspec.field(name="in")
    name: Name
    after: list[str] | str
    warn: list[Share] | Share = []
    fire: str
    why: Sentence | None = None


class _File(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    name: Annotated[str, msgspec.Meta(pattern=r"^[a-z][a-z0-9_-]*$(?!\n)", max_length=64)]
    machine: str
    title: _Words
    initial: str
    event: str | None = None
    states: dict[str, Any]
    transitions: list[_Transition]
    deadlines: list[_Deadline] = []


class State(msgspec.Struct, frozen=True, kw_only=True):
    """A state: its name for people, whom it waits for, whether it is an end, and one sentence of why."""

    name: str
    label: Text
    waits_for: str
    final: bool
    why: str | None


class Transition(msgspec.Struct, frozen=True, kw_only=True):
    """One row: who may fire a trigger in which states, on what conditions, and what follows.

    ``to`` is a state or ``=`` (stay). ``when`` names guards, all must pass; ``then`` names effects, in order;
    ``requires`` names fields of the body. ``event`` is None for the default ``<machine>.<target>``.
    """

    trigger: str
    sources: tuple[str, ...]
    to: str
    by: tuple[str, ...]
    when: tuple[str, ...]
    then: tuple[str, ...]
    requires: tuple[str, ...]
    event: str | None

    def target(self, source: str) -> str:
        """The state after this row was fired in ``source``."""
        return source if self.to == STAY else self.to


class Deadline(msgspec.Struct, frozen=True, kw_only=True):
    """Time for a state, or for a run of states.

    It starts when the case enters the first of ``states``, is kept while the case moves between them, and is obsolete
    when it leaves them. ``after`` names fields or literal days: where the customer is waited for the latest counts,
    else the earliest; a field without a value is left out. ``warn`` holds shares of the time. ``fire`` is a trigger,
    fired by ``system``, or ``none``.
    """

    name: str
    states: tuple[str, ...]
    after: tuple[str, ...]
    warn: tuple[float, ...]
    fire: str
    why: str | None


class Definition(msgspec.Struct, frozen=True, kw_only=True, dict=True):
    """A workflow, as published or as drafted.

    ``version`` is given when it is published and 0 before; ``sha256`` is of the raw bytes of the file, in hex.
    ``event`` is written when a case of this machine is opened in ``initial``.
    """

    name: str
    machine: str
    title: Text
    initial: str
    event: str
    version: int
    sha256: str
    states: dict[str, State]
    transitions: tuple[Transition, ...]
    deadlines: tuple[Deadline, ...]

    @cached_property
    def fired(self) -> frozenset[str]:
        """The triggers that a deadline fires."""
        return frozenset(deadline.fire for deadline in self.deadlines) - {NONE}

    @cached_property
    def automatic(self) -> tuple[str, ...]:
        """Triggers, in file order, with a row that only ``system`` may fire and that no deadline fires.

        The door tries them, as ``system``, after every change.
        """
        rows = (row.trigger for row in self.transitions if self.is_automatic(row))
        return tuple(dict.fromkeys(rows))

    def is_automatic(self, row: Transition) -> bool:
        """Whether the door tries this row by itself."""
        return row.by == ("system",) and row.trigger not in self.fired

    def deadlines_in(self, state: str) -> tuple[Deadline, ...]:
        """The deadlines that run in this state, in file order."""
        return tuple(deadline for deadline in self.deadlines if state in deadline.states)

    def event_of(self, row: Transition, source: str) -> str:
        """The event that is written when this row was fired in ``source``."""
        return row.event or f"{self.machine}.{row.target(source)}"

    def numbered(self, version: int) -> Definition:
        """The same workflow under the number it is published with."""
        return msgspec.structs.replace(self, version=version)


def load(source: str, raw: bytes, *, version: int = 0) -> Definition:
    """The workflow written in a TOML file; ``source`` names the file in errors.

    Raises ``DefinitionError`` with every unknown key, missing key and wrong type, each by its path.
    """
    return _read(source, raw).numbered(version)


@lru_cache(maxsize=64)
def _read(source: str, raw: bytes) -> Definition:
    """The workflow without a number; one text is read once, however many stores publish it."""
    content = _parsed(source, raw)
    errors = text_faults(content) + faults(content, _File) + _state_faults(content.get("states"))
    if errors:
        raise DefinitionError(source, errors)
    file = msgspec.convert(content, _File)
    return Definition(
        name=file.name,
        machine=file.machine,
        title=_text(file.title),
        initial=file.initial,
        event=file.event or f"{file.machine}.{file.initial}",
        version=0,
        sha256=sha256(raw).hexdigest(),
        states={name: _state(name, msgspec.convert(body, _State)) for name, body in file.states.items()},
        transitions=tuple(_transition(row) for row in file.transitions),
        deadlines=tuple(_deadline(row) for row in file.deadlines),
    )


def _parsed(source: str, raw: bytes) -> dict[str, Any]:
    try:
        return tomllib.loads(raw.decode())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as fault:
        raise DefinitionError(source, [FieldError("", "toml", f"this is not valid TOML: {fault}")]) from fault


def _state_faults(states: object) -> list[FieldError]:
    """Every fault inside the states; that ``states`` is a table is asked elsewhere."""
    if not isinstance(states, dict):
        return []
    named = [fault for name in states for fault in faults(name, Name, f"states.{name}")]
    return named + [fault for name, body in states.items() for fault in faults(body, _State, f"states.{name}")]


def _text(words: _Words) -> Text:
    return {"tr": words.tr, "en": words.en, "de": words.de}


def _state(name: str, body: _State) -> State:
    return State(name=name, label=_text(body.label), waits_for=body.waits_for, final=body.final, why=body.why)


def _several(value: list[str] | str) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else tuple(value)


def _transition(row: _Transition) -> Transition:
    return Transition(
        trigger=row.trigger,
        sources=_several(row.sources),
        to=row.to,
        by=_several(row.by),
        when=tuple(row.when),
        then=tuple(row.then),
        requires=tuple(row.requires),
        event=row.event,
    )


def _deadline(row: _Deadline) -> Deadline:
    return Deadline(
        name=row.name,
        states=_several(row.states),
        after=_several(row.after),
        warn=tuple(row.warn) if isinstance(row.warn, list) else (row.warn,),
        fire=row.fire,
        why=row.why,
    )
