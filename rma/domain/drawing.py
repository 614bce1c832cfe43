"""A workflow as a picture: Mermaid text, which documentation tools and the screens draw."""

from __future__ import annotations

from rma.domain.definition import Definition
from rma.domain.texts import say
from rma.domain.vocabulary import NONE


def draw(definition: Definition, language: str = "en") -> str:
    """A Mermaid ``stateDiagram-v2``: states by their labels, one arrow for each pair of states.

    An arrow names its triggers and who may fire them; a clock marks what a deadline fires, a gear what the engine does
    by itself.
    """
    lines = ["stateDiagram-v2"]
    lines += [f'    state "{_safe(say(state.label, language))}" as {name}' for name, state in definition.states.items()]
    lines.append(f"    [*] --> {definition.initial}")
    lines += [f"    {source} --> {target}: {'<br/>'.join(words)}" for (source, target), words in _arrows(definition)]
    lines += [f"    {name} --> [*]" for name, state in definition.states.items() if state.final]
    lines += _notes(definition)
    return "\n".join(lines) + "\n"


def _safe(words: str) -> str:
    return words.replace('"', "'")


def _arrows(definition: Definition) -> list[tuple[tuple[str, str], list[str]]]:
    arrows: dict[tuple[str, str], list[str]] = {}
    for row in definition.transitions:
        sign = "⚙ " if definition.is_automatic(row) else "⏱ " if row.trigger in definition.fired else ""
        word = f"{sign}{row.trigger} ({', '.join(row.by)})"
        for source in row.sources:
            words = arrows.setdefault((source, row.target(source)), [])
            if word not in words:
                words.append(word)
    return list(arrows.items())


def _notes(definition: Definition) -> list[str]:
    """Under each state with a deadline, what runs there."""
    notes = []
    for name in definition.states:
        running = [f"⏱ {d.name}: {' / '.join(d.after)}, {_fires(d.fire)}" for d in definition.deadlines_in(name)]
        if running:
            notes += [f"    note right of {name}", *(f"        {line}" for line in running), "    end note"]
    return notes


def _fires(fire: str) -> str:
    return "then a person is told" if fire == NONE else f"then {fire}"
