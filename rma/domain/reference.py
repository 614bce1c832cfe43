"""The tables of ``workflows/README.md``, written from the registries, so that the page cannot fall behind."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from rma.domain.events import TYPES
from rma.domain.guards import GUARDS
from rma.domain.rules import RULES
from rma.domain.vocabulary import DEADLINE_FIELDS, EFFECTS, KINDS, MACHINES, ROLES

_GUARD_KINDS = {"rule": "forbids", "fact": "tells rows apart"}


def tables() -> dict[str, str]:
    """Each generated part of the page by its name, as Markdown."""
    parts = {
        "roles": _table(("role", "who that is"), ((f"`{name}`", what) for name, what in ROLES.items())),
        "deadlines": _table(("field", "what it is"), ((f"`{name}`", what) for name, what in DEADLINE_FIELDS.items())),
        "kinds": _table(("kind", "what such an effect does"), ((f"`{name}`", what) for name, what in KINDS.items())),
        "rules": _rules(),
        "events": _list(f"`{name}`" for name in sorted(TYPES)),
    }
    for machine in MACHINES:
        parts[f"guards {machine}"] = _guards(machine)
        parts[f"effects {machine}"] = _effects(machine)
    return parts


def refreshed(page: str) -> str:
    """The page with each part between ``<!-- begin NAME -->`` and ``<!-- end NAME -->`` written anew.

    Raises ``ValueError`` when the page has no place for a part.
    """
    for name, part in tables().items():
        begin, end = f"<!-- begin {name} -->\n", f"<!-- end {name} -->"
        before, opened, rest = page.partition(begin)
        _, closed, after = rest.partition(end)
        if not opened or not closed:
            raise ValueError(f"the page has no place for {name!r}")
        page = f"{before}{begin}{part}{end}{after}"
    return page


def _rules() -> str:
    rows = (
        (
            f"`{rule.name}`",
            ", ".join(f"`{field.encode_name}`" for field in msgspec.structs.fields(rule.params)),
            f"{rule.then}, always there" if rule.always else rule.then,
            rule.what,
        )
        for rule in RULES.values()
    )
    return _table(("rule", "parameters", "answers", "to what"), rows)


def _guards(machine: str) -> str:
    rows = (
        (f"`{guard.name}`", _GUARD_KINDS[guard.kind], guard.what)
        for guard in GUARDS.values()
        if guard.machine == machine
    )
    return _table(("guard", "it", "passes when"), rows)


def _effects(machine: str) -> str:
    rows = ((f"`{effect.name}`", effect.kind, effect.what) for effect in EFFECTS.values() if machine in effect.machines)
    return _table(("effect", "kind", "what it promises"), rows)


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)


def _list(words: Iterable[str]) -> str:
    return ", ".join(words) + "\n"
