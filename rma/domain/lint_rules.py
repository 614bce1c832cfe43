"""The rules of a policy under the law and beside each other: what they take that the law gives, and which never decide.

A rule that refuses may reach what stands by law only where the law's own exceptions say so. A rule never decides when
an earlier one holds for every line that it holds for.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from rma.domain.claims import KINDS, Kind
from rma.domain.findings import Finding, found, joined, listed, rights
from rma.domain.law import LawProfile
from rma.domain.lint_texts import KIND_NAMES
from rma.domain.rules import RULES, Limit, MoreThan, MoreThanInDays, Reasons, Selection
from rma.domain.terms import Policy, Rule

_CONDITIONS = ("opened", "used", "installed")
_DIMENSIONS = ("categories", "tags", "skus", "countries", "kinds", "attributes")


def rule_findings(policy: Policy, law: LawProfile, *, country: str) -> Iterator[Finding]:
    """Rules that refuse what the law gives a consumer of that country."""
    known = rights(law)
    for index, rule in enumerate(policy.rules):
        if _may_refuse(rule) and _concerns(rule, country):
            taken = [kind for kind in known if _reaches(rule, kind) and not _as_the_law(rule, kind, law)]
            if taken:
                yield _taken(rule, f"rules[{index}]", taken, known, law)


def _may_refuse(rule: Rule) -> bool:
    """Not the rules that only say what the law says, and not the one about buyers who are no consumers."""
    return rule.then == "refuse" and not RULES[rule.rule].always and rule.rule != "business_buyer"


def _reaches(rule: Rule, kind: Kind) -> bool:
    return not rule.applies_to or kind in rule.applies_to


def _concerns(rule: Rule, country: str) -> bool:
    """Whether the rule can hold for consumers of that country."""
    if not isinstance(rule.params, Selection) or rule.params.countries is None:
        return True
    inside = country in rule.params.countries
    if rule.rule == "exclude":
        return inside
    return not inside or len(_given(rule.params)) > 1


def _as_the_law(rule: Rule, kind: Kind, law: LawProfile) -> bool:
    """Whether all that the rule excludes is on the law's own list of exceptions, under the law's own conditions."""
    if kind != "withdrawal" or rule.rule != "exclude" or not isinstance(rule.params, Selection):
        return False
    return bool(rule.params.attributes) and not _not_excepted(rule.params, law)


def _not_excepted(selection: Selection, law: LawProfile) -> list[str]:
    """Attributes of the selection that are no exception of the law, or lack a condition of it."""
    told = {name for name in _CONDITIONS if getattr(selection, name) is True}
    lawful = {
        one.attribute for one in (law.withdrawal.exceptions if law.withdrawal else ()) if told.issuperset(one.needs)
    }
    return [name for name in selection.attributes or () if name not in lawful]


def _taken(rule: Rule, path: str, kinds: list[Kind], known: dict[Kind, str], law: LawProfile) -> Finding:
    """The finding in the words that fit best."""
    article = joined(known[kind] for kind in kinds)
    names = listed(KIND_NAMES, kinds)
    selection = rule.params if isinstance(rule.params, Selection) else None
    if selection is not None and selection.attributes and rule.rule == "exclude" and kinds == ["withdrawal"]:
        strange = ", ".join(_not_excepted(selection, law))
        where = f"{path}.params.attributes"
        return found("unlawful", "extra_exception", where, law=law, article=article, attributes=strange, kinds=names)
    if selection is not None and any(getattr(selection, name) is not None for name in _CONDITIONS):
        return found("unlawful", "unopened_only", path, law=law, article=article, kinds=names)
    return found("unlawful", "excludes_right", path, law=law, article=article, kinds=names)


def shadows(policy: Policy, laws: Iterable[LawProfile]) -> Iterator[Finding]:
    """Rules that never decide because an earlier one always does."""
    by_law: frozenset[Kind] = frozenset().union(*(rights(law) for law in laws))
    for later, rule in enumerate(policy.rules):
        for earlier, before in enumerate(policy.rules[:later]):
            code = _shadowed(before, rule, by_law)
            if code:
                yield found("conflict", code, f"rules[{later}]", other=f"rules[{earlier}]")
                break


def _shadowed(before: Rule, rule: Rule, by_law: frozenset[Kind]) -> str | None:
    """Why the later rule never decides, or None where it may."""
    if RULES[before.rule].always or RULES[rule.rule].always:
        return None
    kinds = _kinds(rule)
    if not kinds <= _kinds(before):
        return None
    if before.then == "refuse" and rule.then == "ask" and kinds & by_law:
        return None  # what stands by law passes the first one and is asked about by the second
    if before.rule == "only" and rule.rule == "only" and before.then == rule.then and _apart(before, rule):
        return "nothing_left"
    if not _holds_whenever(before, rule):
        return None
    return "unreachable" if before.then == rule.then else "contradicts"


def _kinds(rule: Rule) -> frozenset[Kind]:
    """The kinds that the rule is asked about: a filing of a kind that the law makes another one counts as both."""
    return frozenset(rule.applies_to or KINDS)


def _holds_whenever(before: Rule, rule: Rule) -> bool:
    """Whether the earlier rule holds for every line for which the later one does."""
    if before.rule != rule.rule:
        return _only_before_exclude(before, rule)
    one, other = before.params, rule.params
    if isinstance(one, Selection) and isinstance(other, Selection):
        return _wider(one, other) if rule.rule == "exclude" else _wider(other, one)
    if isinstance(one, Limit) and isinstance(other, Limit):
        return one.minor <= other.minor if rule.rule.endswith("above") else one.minor >= other.minor
    if isinstance(one, MoreThan) and isinstance(other, MoreThan):
        return one.more_than <= other.more_than
    if isinstance(one, MoreThanInDays) and isinstance(other, MoreThanInDays):
        return one.more_than <= other.more_than and one.days >= other.days
    if isinstance(one, Reasons) and isinstance(other, Reasons):
        return set(other.reasons) <= set(one.reasons)
    return one == other


def _only_before_exclude(before: Rule, rule: Rule) -> bool:
    """An exclusion of what an earlier ``only`` has left out already."""
    if (before.rule, rule.rule) != ("only", "exclude"):
        return False
    return _apart(before, rule)


def _given(selection: Selection) -> dict[str, frozenset[object]]:
    """The dimensions that are given, each with its values."""
    given: dict[str, frozenset[object]] = {}
    for name in (*_DIMENSIONS, *_CONDITIONS):
        value = getattr(selection, name)
        if value is not None:
            given[name] = frozenset({value} if isinstance(value, bool) else value)
    groups = selection.customer_groups or selection.groups
    return given | ({"groups": frozenset(groups)} if groups is not None else {})


def _wider(one: Selection, other: Selection) -> bool:
    """Whether the first selects every line that the second selects."""
    mine, theirs = _given(one), _given(other)
    return all(name in theirs and theirs[name] <= values for name, values in mine.items())


_ONE_VALUE = frozenset({"categories", "skus", "countries", "kinds", *_CONDITIONS})
"""Dimensions in which a line has one value, so that two lists without a common one exclude each other."""


def _apart(before: Rule, rule: Rule) -> bool:
    """Whether no line fits both selections."""
    if not isinstance(before.params, Selection) or not isinstance(rule.params, Selection):
        return False
    mine, theirs = _given(before.params), _given(rule.params)
    shared = [name for name in mine if name in theirs and name in _ONE_VALUE]
    return any(mine[name].isdisjoint(theirs[name]) for name in shared)
