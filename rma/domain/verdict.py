"""What a rule answers: pass, refuse, or ask a person. Guards of a workflow and rules of a policy answer alike."""

from __future__ import annotations

from typing import Literal

import msgspec

from rma.domain.texts import Text, say
from rma.errors import Reason

Answer = Literal["pass", "refuse", "ask"]


class Verdict(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """One rule's answer. ``code`` is stable and ``text`` is for people; a pass needs neither."""

    answer: Answer
    code: str = ""
    text: Text = {}
    article: str | None = None

    @property
    def passed(self) -> bool:
        """Whether the rule has nothing against it."""
        return self.answer == "pass"

    def reason(self, rule: str, language: str) -> Reason:
        """The answer as a reason in the reader's language."""
        return Why(rule=rule, code=self.code, text=self.text, article=self.article).reason(language)


class Why(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """A reason in every language, so that it is kept once and read in any of them."""

    rule: str
    code: str
    text: Text
    article: str | None = None

    def reason(self, language: str) -> Reason:
        """The reason in the reader's language."""
        return Reason(self.rule, self.code, say(self.text, language), self.article)


PASS = Verdict(answer="pass")
"""The answer of a rule that has nothing against it."""


def refuse(code: str, text: Text, *, article: str | None = None) -> Verdict:
    """A refusal with its code, its words and, where a law says so, the article."""
    return Verdict(answer="refuse", code=code, text=text, article=article)


def ask(code: str, text: Text, *, article: str | None = None) -> Verdict:
    """A question to a person of the store."""
    return Verdict(answer="ask", code=code, text=text, article=article)
