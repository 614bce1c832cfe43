"""Words: every code that may stand on a page, in a mail or on a paper is said in every language."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, get_args

import pytest

from rma.domain import claims, page_texts, stuck, tenders, terms
from rma.domain.components import WHY, Cause, Kind
from rma.domain.facts import TransferState
from rma.domain.lint_texts import KIND_NAMES
from rma.domain.retention import BY_NAME, Name
from rma.domain.texts import LANGUAGES
from rma.domain.vocabulary import WAITS_FOR
from rma.providers.labels.words import WORDS
from rma.providers.messages import load_words
from rma.web.follow import TRIGGERS
from rma.web.words import words
from tests.support.laws import laws

REASONS = frozenset({"Component", "Deduction", "Reduction", "Extra", "add", "add_loose", "give_units", "take_last"})
"""What takes the reason of an amount."""
ANSWERS = frozenset({"PaymentAnswer"})
"""What an act of ours says in place of a provider."""


def _literals(node: ast.expr, constants: Mapping[str, str]) -> Iterator[str]:
    """The texts that an expression may be, as far as they are written down: itself, a name, or one of several."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    elif isinstance(node, ast.BoolOp | ast.IfExp):
        for part in node.values if isinstance(node, ast.BoolOp) else (node.body, node.orelse):
            yield from _literals(part, constants)
    elif isinstance(node, ast.Name | ast.Attribute):
        name = node.id if isinstance(node, ast.Name) else node.attr
        yield from [constants[name]] if name in constants else []


def _constants(trees: list[ast.Module]) -> dict[str, str]:
    """Every text that a module gives a name to."""
    return {
        target.id: node.value.value
        for tree in trees
        for node in tree.body
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
        for target in node.targets
        if isinstance(target, ast.Name)
    }


def _said(checkout: Path, ring: str, calls: frozenset[str], keywords: frozenset[str]) -> set[str]:
    """Every code that is written as one of these keywords of one of these calls."""
    trees = [ast.parse(path.read_text(encoding="utf-8")) for path in sorted((checkout / ring).rglob("*.py"))]
    constants = _constants(trees)
    found: set[str] = set()
    for call in (node for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Call)):
        name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
        if name in calls:
            given = [one.value for one in call.keywords if one.arg in keywords]
            found |= {code for value in given for code in _literals(value, constants)}
    return found


def test_every_reason_of_an_amount_has_words(checkout: Path) -> None:
    """Whatever is written as the why of an amount anywhere in the code, and every kind and cause, has its sentence."""
    written = _said(checkout, "rma/domain", REASONS, frozenset({"why", "cause"}))
    written |= _said(checkout, "rma/services", REASONS, frozenset({"why"}))
    assert {"return_fee", "restocking", "difference", "promotion"} < written, "the reasons of the code were not found"
    beside = {"deduction", "undone"}  # which always have a why of their own
    assert (written | {*get_args(Kind), *get_args(Cause)}) - beside - WHY.keys() == set()
    assert all(set(texts) == set(LANGUAGES) and all(texts.values()) for texts in WHY.values())


def test_what_holds_money_up_has_words(checkout: Path) -> None:
    """The states of a transfer and what we say in place of a provider reach finance as sentences."""
    ours = _said(checkout, "rma/services", ANSWERS, frozenset({"code"}))
    assert {"no_provider", "not_yet_known"} < ours, "the codes of the acts were not found"
    states = set(get_args(TransferState)) - {"succeeded"}
    assert (ours | states | {"partly_succeeded"}) - stuck.STUCK.keys() == set()
    assert stuck.why("no_provider", "de").startswith("Für diesen Zahlungsweg")
    assert stuck.why("insufficient_funds", "tr") == "Sağlayıcının yanıtı: insufficient_funds", "looked up there"


_CHOICES: dict[str, tuple[Any, Mapping[str, Any]]] = {
    "kinds in sentences": (claims.Kind, KIND_NAMES),
    "kinds on papers": (claims.Kind, WORDS),
    "outcomes": (claims.Outcome, page_texts.OUTCOMES),
    "methods": (claims.Method, page_texts.METHODS),
    "files on pages": (terms.EvidenceKind, page_texts.FILES),
    "files on papers": (terms.EvidenceKind, WORDS),
    "anchors": (terms.Anchor, page_texts.ANCHORS),
    "payers": (terms.Payer, page_texts.PAYERS),
    "records": (Name, {name: one.label for name, one in BY_NAME.items()}),
}


@pytest.mark.parametrize("what", _CHOICES)
def test_every_choice_has_words(what: str) -> None:
    """A value that a return, a policy or a file may have has words in every language."""
    values, texts = _CHOICES[what]
    for code in get_args(values):
        assert set(texts[code]) == set(LANGUAGES), code


@pytest.mark.parametrize("language", LANGUAGES)
def test_pages_and_mails_name_what_the_domain_knows(language: str) -> None:
    """Whom a return waits for, what its customer may fire, tenders with a meaning of their own, and kinds of files."""
    follow, mail = words(language).follow, load_words(language)
    assert all(getattr(follow.waits, name) for name in WAITS_FOR)
    assert all(getattr(follow, name) and getattr(follow, f"{name}_hint") for name in TRIGGERS)
    known = tenders.GIFTS | tenders.CASH | {tenders.CREDIT, tenders.TRANSFER, "card"}
    assert known - mail.tenders.keys() == set()
    assert set(get_args(terms.EvidenceKind)) == mail.evidence.keys()


def test_every_exception_of_the_law_has_words() -> None:
    """The policy page names each exception of the shipped laws, what it needs and what keeps the right all the same."""
    for law in laws().profiles:
        for one in law.withdrawal.exceptions if law.withdrawal else ():
            assert set(page_texts.ATTRIBUTES[one.attribute]) == set(LANGUAGES)
            assert all(set(page_texts.NEEDS[need]) == set(LANGUAGES) for need in one.needs)
            assert all(set(page_texts.UNLESS[name]) == set(LANGUAGES) for name in one.unless)
