"""Holding a store's policy against the law before it is published: everything that the law would set aside, by path.

A store's rules may only widen what the law gives. The evaluator keeps the law's floor whatever a policy says; here the
store is told before customers are, with the article. ``lint`` and the evaluator agree: where nothing is ``unlawful``
no decision has to be corrected by the law.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

import msgspec

from rma.domain.findings import Finding, Severity, found, in_order, joined, listed, rights
from rma.domain.law import LawProfile
from rma.domain.law_choice import CHOICE_OF_LAW
from rma.domain.lint_rules import rule_findings, shadows
from rma.domain.lint_terms import terms_findings
from rma.domain.lint_texts import KIND_NAMES, LANGUAGE_NAMES
from rma.domain.lint_times import liability_findings, refund_findings
from rma.domain.places import iso
from rma.domain.rules import Limit
from rma.domain.terms import Policy
from rma.domain.texts import LANGUAGES, Text

__all__ = ["Finding", "Laws", "Severity", "StoreFacts", "lint", "unlawful"]

Laws = Mapping[str, LawProfile]
"""The consumers' countries and the law that protects a consumer of each against this store."""
_ZERO = ("ship_back_days", "review_days", "evidence_days", "feedback_days")


class StoreFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of the store: the currencies that its orders were in besides the policy's own."""

    other_currencies: tuple[str, ...] = ()


def lint(policy: Policy, laws: Laws, store: StoreFacts) -> tuple[Finding, ...]:
    """Everything there is to say about the policy under these laws, the worst first."""
    findings: list[Finding] = []
    for country, law in laws.items():
        findings += [*_whose(law, country), *(one for text in law.applicable for one in _under(policy, text, country))]
    texts = [text for law in laws.values() for text in law.applicable]
    findings += [*shadows(policy, texts), *_contradictions(policy), *_gaps(policy, store)]
    return in_order(findings)


def _under(policy: Policy, law: LawProfile, country: str) -> Iterator[Finding]:
    """The policy under one law that protects consumers of a country: each that does has to be kept on its own."""
    if law.jurisdiction == "none":
        yield found("gap", "no_law", "", country=country)
        return
    yield from (*_windows(policy, law), *_money(policy, law), *_conditions(policy, law))
    yield from (*terms_findings(policy, law), *rule_findings(policy, law, country=country))


def _whose(law: LawProfile, country: str) -> Iterator[Finding]:
    """Which law protects consumers of a country, where that is not simply theirs."""
    if law.together:
        home = law.together[1].version
        yield found("note", "two_laws", "", law=law, article=CHOICE_OF_LAW, own=law.version, home=home)
    elif law.country not in (None, iso(country)):
        yield found("note", "home_law", "", law=law, home=law.version)


def unlawful(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Those that forbid a publication."""
    return tuple(one for one in findings if one.severity == "unlawful")


def _windows(policy: Policy, law: LawProfile) -> Iterator[Finding]:
    windows = policy.windows
    right = law.withdrawal
    if right is not None:
        if windows.withdrawal_days < right.days:
            yield found(
                "unlawful",
                "shorter_window",
                "windows.withdrawal_days",
                law=law,
                article=right.article,
                days=windows.withdrawal_days,
                least=right.days,
            )
        if windows.anchor != "delivered":
            yield found(
                "conflict", "anchor_set_aside", "windows.anchor", law=law, article=right.article, anchor=windows.anchor
            )
        yield _beyond(policy, law, least=right.days)
    if law.send_back is not None and windows.ship_back_days < law.send_back.days:
        yield found(
            "unlawful",
            "shorter_send_back",
            "windows.ship_back_days",
            law=law,
            article=law.send_back.article,
            days=windows.ship_back_days,
            least=law.send_back.days,
        )
    if law.policy_must_be_shown:
        articles = joined(state.article for state in law.states) or None
        yield found("note", "must_be_shown", "", law=law, article=articles)


def _beyond(policy: Policy, law: LawProfile, *, least: int) -> Finding:
    """Where the store's own time goes beyond the law's, with its own conditions."""
    days = max(policy.windows.voluntary_days, policy.windows.withdrawal_days)
    path = "windows.voluntary_days"
    if days > least:
        return found("note", "beyond_law", path, law=law, days=days, least=least)
    return found("note", "nothing_beyond", path, law=law)


def _money(policy: Policy, law: LawProfile) -> Iterator[Finding]:
    known = rights(law)
    charged = [kind for kind in policy.fees.applies_to if kind in known]
    article = joined(known[kind] for kind in charged)
    names = listed(KIND_NAMES, charged)
    if charged and any(fee.amount for fee in policy.fees.returns):
        yield found("unlawful", "fee_on_right", "fees.applies_to", law=law, article=article, kinds=names)
    if charged and policy.fees.restocking(100_000):
        yield found(
            "unlawful",
            "restocking_on_right",
            "fees.restocking_percent",
            law=law,
            article=article,
            kinds=names,
            percent=policy.fees.restocking_percent,
        )
    yield from (*refund_findings(policy, law), *liability_findings(policy, law))


def _conditions(policy: Policy, law: LawProfile) -> Iterator[Finding]:
    """A reason or a login that a right would hang on; whoever names the defect has given a reason already."""
    known, path = rights(law), "returns.reason_required"
    claims = [kind for kind in policy.returns.reason_required if kind in known and kind != "withdrawal"]
    if claims:
        article = joined(known[kind] for kind in claims)
        yield found("conflict", "reason_set_aside", path, law=law, article=article, kinds=listed(KIND_NAMES, claims))
    right = law.withdrawal
    if right is None:
        return
    if "withdrawal" in policy.returns.reason_required:
        yield found("unlawful", "reason_condition", path, law=law, article=right.article)
    if policy.returns.login_required:
        article = law.function.article if law.function else right.notice.article
        yield found("unlawful", "login_condition", "returns.login_required", law=law, article=article)


def _contradictions(policy: Policy) -> Iterator[Finding]:
    """Parts of the file that make no sense together."""
    offered = {method for terms in policy.reasons.values() for method in terms.methods}
    for index, fee in enumerate(policy.fees.returns):
        if offered and fee.method not in offered:
            yield found("conflict", "fee_without_method", f"fees.return[{index}].method", method=fee.method)
    if not policy.fees.applies_to and (policy.fees.returns or policy.fees.restocking(100_000)):
        yield found("conflict", "fee_never", "fees.applies_to")
    second = policy.refunds.second_person_above
    if second is not None and policy.refunds.auto_approve_below > second:
        yield found("conflict", "limits_cross", "refunds.auto_approve_below")
    credit = any("store_credit" in terms.outcomes for terms in policy.reasons.values())
    if not credit and policy.refunds.credit_bonus_percent.strip("0.") != "":
        yield found("conflict", "bonus_without_credit", "refunds.credit_bonus_percent")
    if policy.refunds.promotions == "reprice":
        yield found("note", "reprice_voluntary", "refunds.promotions")


def _gaps(policy: Policy, store: StoreFacts) -> Iterator[Finding]:
    for name in _ZERO:
        if getattr(policy.windows, name) == 0:
            yield found("gap", "window_zero", f"windows.{name}")
    for index, rule in enumerate(policy.rules):
        yield from _languages(f"rules[{index}].text", rule.text)
    for category, links in policy.help.items():
        for index, link in enumerate(links):
            yield from _languages(f"help.{category}[{index}].title", link.title)
    others = [one for one in store.other_currencies if one != policy.currency]
    if others:
        for path in _amounts(policy):
            yield found("gap", "other_currency", path, currencies=", ".join(sorted(others)), currency=policy.currency)


def _languages(path: str, words: Text) -> Iterator[Finding]:
    """Languages that a text lacks; without any text the engine's own words stand in all of them."""
    for language in LANGUAGES if words else ():
        if language not in words:
            yield found("gap", "missing_language", f"{path}.{language}", language=LANGUAGE_NAMES[language])


def _amounts(policy: Policy) -> Iterator[str]:
    """Where the file compares or takes amounts in the store's currency."""
    for index, rule in enumerate(policy.rules):
        if isinstance(rule.params, Limit):
            yield f"rules[{index}].params.amount"
    if any(fee.amount for fee in policy.fees.returns):
        yield "fees.return"
    if policy.returns.keep_item_below:
        yield "returns.keep_item_below"
