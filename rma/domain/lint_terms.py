"""The terms per reason under the law: what is offered, what is asked for, and who pays the way back.

Terms are looked up by the reason first, then by the kind, then the default ones. A reason may come with any kind, so
its terms reach a withdrawal; terms of a kind reach that kind alone.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from rma.domain.claims import DELAY, KINDS, LIABILITY, Kind, Outcome
from rma.domain.findings import Finding, Severity, found, joined, listed, rights
from rma.domain.law import LawProfile, Remedy
from rma.domain.law_rights import pays_way_back, remedies
from rma.domain.lint_texts import KIND_NAMES, REMEDY_NAMES
from rma.domain.terms import DEFAULT_TERMS, Policy, ReasonTerms

_BECOMES: dict[Remedy, Outcome] = {
    "rescission": "refund",
    "termination": "refund",
    "rejection": "refund",
    "final_rejection": "refund",
    "price_cut": "price_reduction",
    "repair": "repair",
    "replacement": "exchange",
}
_WITHOUT_GOODS: frozenset[Kind] = frozenset({"missing_item", "not_delivered", "late_delivery"})
_PUT_RIGHT: frozenset[Outcome] = frozenset({"repair", "exchange", "price_reduction"})


class _Terms(msgspec.Struct, frozen=True, kw_only=True):
    """Terms of the file, where they stand and which kinds they reach; ``coded``: of a reason, not of a kind."""

    path: str
    terms: ReasonTerms
    kinds: tuple[Kind, ...]
    coded: bool


def terms_findings(policy: Policy, law: LawProfile) -> Iterator[Finding]:
    """Everything about the terms of the file under one law."""
    known = rights(law)
    for one in _reached(policy):
        yield from _outcomes(one, law, known)
        yield from _evidence(one, known, law)
        yield from _payer(one, policy, law, known)
        if set(one.terms.methods) == {"none"} and (one.coded or not _WITHOUT_GOODS.issuperset(one.kinds)):
            yield found("gap", "no_way_back", f"{one.path}.methods")


def _reached(policy: Policy) -> Iterator[_Terms]:
    others = tuple(kind for kind in KINDS if kind not in policy.reasons)
    unless_told = {"default": DEFAULT_TERMS} if others else {}
    for name, terms in (unless_told | policy.reasons).items():
        own: tuple[Kind, ...] = tuple(kind for kind in KINDS if kind == name)
        kinds = own or (others if name == "default" else ("withdrawal", "voluntary"))
        yield _Terms(path=f"reasons.{name}", terms=terms, kinds=kinds, coded=not own and name != "default")


def _outcomes(one: _Terms, law: LawProfile, known: dict[Kind, str]) -> Iterator[Finding]:
    """Money back where the law gives it, and what it gives for defective goods."""
    offered = one.terms.outcomes
    path = f"{one.path}.outcomes"
    money: list[Kind] = [kind for kind in one.kinds if kind in known and (kind == "withdrawal" or kind in DELAY)]
    if money and "refund" not in offered:
        severity: Severity = "conflict" if one.coded and _PUT_RIGHT.intersection(offered) else "unlawful"
        code = "remedy_set_aside" if severity == "conflict" else "credit_only"
        article = _refund_article(law, money, known)
        yield found(severity, code, path, law=law, article=article, kinds=listed(KIND_NAMES, money))
    elif money and offered[0] == "store_credit":
        yield found("note", "credit_first", path, law=law, article=law.refund.article if law.refund else None)
    elif one.kinds == ("voluntary",) and "refund" not in offered and law.withdrawal is not None:
        yield found("note", "after_the_law", path, law=law, article=law.withdrawal.article)
    if any(kind in known for kind in LIABILITY.intersection(one.kinds)):
        yield from _remedies(one, law, path)


def _refund_article(law: LawProfile, kinds: list[Kind], known: dict[Kind, str]) -> str:
    by_choice = [law.refund.article] if law.refund is not None and "withdrawal" in kinds else []
    return joined([*by_choice, *(known[kind] for kind in kinds if kind in DELAY or not by_choice)])


def _remedies(one: _Terms, law: LawProfile, path: str) -> Iterator[Finding]:
    """The first rung of the law's ladder: something of it must be offered, and the money where it stands on it."""
    first = tuple(dict.fromkeys(_BECOMES[remedy] for remedy in remedies(law)))
    missing = [outcome for outcome in first if outcome not in one.terms.outcomes]
    article = law.defect.article if law.defect else None
    names = listed(REMEDY_NAMES, missing)
    if len(missing) == len(first) or "refund" in missing:
        yield found("unlawful", "no_remedy", path, law=law, article=article, remedies=names)
    elif missing and not _WITHOUT_GOODS.issuperset(one.kinds):
        yield found("note", "remedy_missing", path, law=law, article=article, remedies=names)


def _evidence(one: _Terms, known: dict[Kind, str], law: LawProfile) -> Iterator[Finding]:
    """Files are never asked for a withdrawal."""
    if not one.terms.evidence.at_least or "withdrawal" not in one.kinds or "withdrawal" not in known:
        return
    path, article = f"{one.path}.evidence.at_least", known["withdrawal"]
    if one.coded:
        yield found("note", "evidence_not_here", path, law=law, article=article)
    else:
        yield found("unlawful", "evidence_condition", path, law=law, article=article)


def _payer(one: _Terms, policy: Policy, law: LawProfile, known: dict[Kind, str]) -> Iterator[Finding]:
    """Who pays the way back: the seller for what it answers for, and for a withdrawal whoever the law says."""
    if one.terms.way_back_paid_by != "customer":
        return
    named = bool(policy.returns.named_return_carriers)
    sellers = any(
        pays_way_back(law, method=method, carrier_named=named) == "store"
        for method in one.terms.methods
        if method != "none"
    )
    kinds: list[Kind] = ["withdrawal"] if sellers and "withdrawal" in one.kinds and "withdrawal" in known else []
    articles = [law.way_back.article] if kinds and law.way_back is not None else []
    liable: list[Kind] = [kind for kind in one.kinds if kind in LIABILITY and kind in known]
    articles += [known[kind] for kind in liable]
    path = f"{one.path}.way_back_paid_by"
    if kinds or liable:
        names = listed(KIND_NAMES, [*kinds, *liable])
        yield found("unlawful", "way_back_paid", path, law=law, article=joined(articles), kinds=names)
    elif one.coded and law.defect is not None:
        yield found("note", "way_back_not_here", path, law=law, article=law.defect.article)
