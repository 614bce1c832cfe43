"""What a policy page says of limits: the law's exceptions, the rules that refuse, and those that ask a person."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from rma.domain import page_texts as words
from rma.domain.law import Exemption, LawProfile
from rma.domain.lint_texts import KIND_NAMES
from rma.domain.rules import RULES, Period
from rma.domain.sentences import SENTENCES
from rma.domain.terms import Policy, Rule
from rma.domain.texts import LANGUAGES, Text, filled, say

if TYPE_CHECKING:
    from rma.domain.policy_page import Entry


def store_limits(policy: Policy, law: LawProfile, entry: Callable[..., Entry]) -> Iterator[Entry]:
    """Entries on what cannot be returned and on what a person looks at."""
    exceptions = law.withdrawal.exceptions if law.withdrawal else ()
    if exceptions:
        told = [_exception(one) for one in exceptions]
        yield entry("by_law", *told, basis="statutory", article=law.withdrawal.article if law.withdrawal else None)
    rules = [rule for rule in policy.rules if not RULES[rule.rule].always]
    refused = [_said(rule) for rule in rules if rule.then == "refuse"]
    if refused:
        yield entry("by_store", *refused)
    asked = [_said(rule) for rule in rules if rule.then == "ask"]
    if not policy.returns.auto_approve:
        asked = [words.ANSWERS["every"]]
    if asked:
        yield entry("asks", *asked)


def _exception(one: Exemption) -> Text:
    """The name of an exception, its conditions and its article."""
    name = words.ATTRIBUTES.get(one.attribute) or dict.fromkeys(LANGUAGES, one.attribute.replace("_", " "))
    found: Text = {}
    for language in LANGUAGES:
        needs = [say(words.NEEDS.get(need) or {"en": need.replace("_", " ")}, language) for need in one.needs]
        needs += [
            say(words.UNLESS.get(name) or {"en": f"not {name.replace('_', ' ')}"}, language) for name in one.unless
        ]
        condition = f", {', '.join(needs)}" if needs else ""
        found[language] = f"{say(name, language)}{condition} ({one.article})"
    return found


def _said(rule: Rule) -> Text:
    """The rule in the words that a decision would use, and for which kinds of return it is, where not for all."""
    text = _sentences(rule)
    if not rule.applies_to:
        return text
    kinds = {code: ", ".join(say(KIND_NAMES[kind], code) for kind in rule.applies_to) for code in LANGUAGES}
    return {code: words.ANSWERS["for_kinds"][code].format(what=text[code], kinds=kinds[code]) for code in LANGUAGES}


def _sentences(rule: Rule) -> Text:
    if rule.text:
        return {language: say(rule.text, language) for language in LANGUAGES}
    name = {"exclude": "excluded", "only": "not_included"}.get(rule.rule, rule.rule)
    if isinstance(rule.params, Period):
        return filled(SENTENCES[name], first=rule.params.first, last=rule.params.last)
    return SENTENCES[name]
