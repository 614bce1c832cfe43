"""What a reading of a policy against the law finds: each finding with its path in the file, its article and its words.

``unlawful`` stops a publication; ``conflict`` is a part that another part or the law sets aside, ``gap`` something that
is missing, ``note`` something that a store should know.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Literal

import msgspec

from rma.domain.claims import DELAY, LIABILITY, Kind
from rma.domain.law import LawProfile
from rma.domain.lint_texts import TEXTS
from rma.domain.texts import LANGUAGES, Text, filled, say

Severity = Literal["unlawful", "conflict", "gap", "note"]
_ORDER: tuple[Severity, ...] = ("unlawful", "conflict", "gap", "note")


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One finding. ``path`` is the place in the file, ``law`` the version of the text that ``article`` is of."""

    severity: Severity
    code: str
    path: str
    text: Text
    article: str | None = None
    law: str | None = None


def found(
    severity: Severity,
    code: str,
    path: str,
    *,
    law: LawProfile | None = None,
    article: str | None = None,
    **values: str | int | Text,
) -> Finding:
    """A finding in the words of its code, with their ``{names}`` filled in."""
    words = TEXTS[code]
    return Finding(
        severity=severity,
        code=code,
        path=path,
        text=filled(words, **values),
        article=article,
        law=law.version if law else None,
    )


def in_order(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """The worst first, each once."""
    once = {(one.severity, one.code, one.path, one.law, one.article): one for one in findings}
    return tuple(sorted(once.values(), key=lambda one: _ORDER.index(one.severity)))


def rights(law: LawProfile) -> dict[Kind, str]:
    """The kinds of a request that stand by law, each with its article (see ``rma.domain.standing``)."""
    known: dict[Kind, str] = {}
    if law.withdrawal is not None:
        known["withdrawal"] = law.withdrawal.article
    if law.defect is not None:
        known |= dict.fromkeys(sorted(LIABILITY), law.defect.article)
    if law.delivery is not None:
        known |= dict.fromkeys(sorted(DELAY), law.delivery.article)
    return known


def listed(names: Mapping[str, Text], keys: Iterable[str]) -> Text:
    """The names of these keys as a list, in every language."""
    chosen = [names[key] for key in dict.fromkeys(keys)]
    return {language: ", ".join(say(one, language) for one in chosen) for language in LANGUAGES}


def joined(articles: Iterable[str]) -> str:
    """Articles in one line, each once."""
    return "; ".join(dict.fromkeys(articles))
