"""The terms per reason under the law: what is offered, what is asked for, and who pays the way back.

Terms are looked up by the reason first, then by the kind, then the default ones. A reason may come with any kind, so
its terms reach a withdrawal; terms of a kind reach that kind alone.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from rma.domain.claims import DELAY, KINDS, LIABILITY, Kind, Outcome
from rma.domain.findings import Finding, Severity, found, joined, listed, rights
from rma.domain.law import LawProfile, Withdrawal
from rma.domain.law_rights import given, pays_way_back
from rma.domain.lint_texts import KIND_NAMES, REMEDY_NAMES
from rma.domain.terms import BY_CARRIER, DEFAULT_TERMS, Policy, ReasonTerms

_WITHOUT_GOODS: frozenset[Kind] = frozenset({"missing_item", "not_delivered", "late_delivery"})
_PUT_RIGHT: frozenset[Outcome] = frozenset({"repair", "exchange", "price_reduction"})
_UNCONDITIONAL: frozenset[Outcome] = frozenset({"refund", "price_reduction"})
"""What the law gives without asking what it costs or whether it can be done (Law 6502 art. 11/1)."""


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
        if "withdrawal" in one.kinds and law.withdrawal is not None:
            yield from _sending(one, policy, law, law.withdrawal)
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
    """Money back where the law gives it, and what it gives for defective goods. What is silent takes nothing."""
    offered = one.terms.outcomes
    if not offered:
        return
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
    if law.defect is not None:
        yield from _remedies(one, law, path)


def _refund_article(law: LawProfile, kinds: list[Kind], known: dict[Kind, str]) -> str:
    by_choice = [law.refund.article] if law.refund is not None and "withdrawal" in kinds else []
    return joined([*by_choice, *(known[kind] for kind in kinds if kind in DELAY or not by_choice)])


def _remedies(one: _Terms, law: LawProfile, path: str) -> Iterator[Finding]:
    """What the law gives for defective goods and the list leaves out.

    Terms that name the defect take it away; a list for returns in general, or one that leaves out what hangs on the
    single case (a repair that costs too much, Law 6502 art. 11/1-c, SGD art. 13(2)), is set aside where it matters.
    """
    liable = [kind for kind in KINDS if kind in LIABILITY and kind in one.kinds]
    gives = {outcome: article for kind in liable for outcome, article in given(law, kind).items()}
    missing = [outcome for outcome in gives if outcome not in one.terms.outcomes]
    if not missing:
        return
    names = listed(REMEDY_NAMES, missing)
    article = joined(gives[outcome] for outcome in missing)
    named = len(one.kinds) == 1
    if len(missing) == len(gives) or (not named and "refund" in missing):
        yield found("unlawful", "no_remedy", path, law=law, article=article, remedies=names)
    elif named and ("defective" in liable or not _UNCONDITIONAL.isdisjoint(missing)):
        yield found("unlawful", "remedy_taken", path, law=law, article=article, remedies=names)
    else:
        severity: Severity = "conflict" if named else "note"
        yield found(severity, "remedy_missing", path, law=law, article=article, remedies=names)


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
    named = policy.carrier_named(one.terms)
    sellers = any(
        pays_way_back(law, method=method, carrier_named=named) == "store"
        for method in (*one.terms.methods, "own_carrier")
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


def _sending(one: _Terms, policy: Policy, law: LawProfile, right: Withdrawal) -> Iterator[Finding]:
    """The consumer may always send the goods (MSY art. 13/1, CRD art. 14(1)), and a carrier that was named is free.

    Terms without any way to send take that away; a reason's terms may be for other kinds too and are set aside.
    """
    methods, path = frozenset(one.terms.methods), f"{one.path}.methods"
    article = law.send_back.article if law.send_back is not None else right.article
    if "own_carrier" not in methods and BY_CARRIER.isdisjoint(methods):
        severity: Severity = "conflict" if one.coded else "unlawful"
        yield found(severity, "no_sending", path, law=law, article=article)
    elif "own_carrier" not in methods:
        yield found("note", "own_carrier_by_law", path, law=law, article=article)
    rule = law.way_back if policy.returns.named_return_carriers and BY_CARRIER.isdisjoint(methods) else None
    if rule is not None and (rule.none_named, rule.other) == ("store", "customer"):
        yield found("conflict", "carrier_not_offered", path, law=law, article=rule.article)
