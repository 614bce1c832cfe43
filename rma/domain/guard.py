"""A guard: a function that a workflow file names in ``when``; facts in, a verdict out, like a rule of a policy."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import msgspec

from rma.domain.texts import text
from rma.domain.verdict import PASS, Verdict, refuse
from rma.domain.vocabulary import Machine

GuardKind = Literal["fact", "rule"]
"""A ``fact`` tells rows of one trigger apart; a ``rule`` forbids, and its reason comes first in a refusal."""


class Guard(msgspec.Struct, frozen=True, kw_only=True):
    """A named guard: on which machine, of which kind, what passes it, and the function that answers."""

    name: str
    machine: Machine
    kind: GuardKind
    what: str
    check: Callable[[Any], Verdict]


def guard(
    name: str,
    machine: Machine,
    kind: GuardKind,
    *,
    passes: Callable[[Any], bool],
    what: str,
    words: tuple[str, str, str],
) -> Guard:
    """A guard that refuses with its own name as code and fixed words (tr, en, de) unless ``passes(facts)``."""
    tr, en, de = words
    verdict = refuse(name, text(tr=tr, en=en, de=de))

    def check(facts: Any) -> Verdict:  # noqa: ANN401 - each machine has facts of its own
        return PASS if passes(facts) else verdict

    return Guard(name=name, machine=machine, kind=kind, what=what, check=check)
