"""The rules of a policy: one registry of named functions ``what is seen + parameters -> pass | refuse | ask``.

A file can only name a rule and fill in its parameters. To add one, write its parameters as a struct and a function
that says whether it holds, and register it; the README of ``workflows/`` lists the registry.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from typing import Annotated, Any, Literal, TypeVar

import msgspec
from msgspec import Meta

from rma.domain.claims import Facts, LineFacts, LineRequest
from rma.domain.law import LineKind
from rma.domain.law_terms import Country
from rma.domain.sentences import SENTENCES
from rma.domain.standing import Scene, Standing
from rma.domain.terms import Policy, Rule
from rma.domain.texts import Text, filled
from rma.domain.verdict import PASS, Answer, Verdict, ask, refuse

Names = Annotated[tuple[str, ...], Meta(min_length=1)]
Inputs = dict[str, str | int | bool | None]
Check = TypeVar("Check", bound=Callable[..., Any])


class Seen(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What a rule sees of one line: the facts, the request, where it stands in time, and about what it is worth."""

    scene: Scene
    line: LineFacts
    asked: LineRequest
    standing: Standing

    @property
    def facts(self) -> Facts:
        """The facts of the order."""
        return self.scene.facts

    @property
    def worth(self) -> int:
        """About what was paid for the units that are asked for."""
        return self.line.worth(self.asked.quantity)


class Found(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Whether a rule holds for a line, what it looked at, and with which code and words.

    ``answer`` replaces the rule's own answer and words: an amount in another currency always asks a person.
    """

    holds: bool
    inputs: Inputs
    code: str = ""
    text: Text = {}
    answer: Answer | None = None
    article: str | None = None


class RuleKind(msgspec.Struct, frozen=True, kw_only=True):
    """A rule that a policy may name: its parameters, its usual answer, what it does.

    ``always``: there without being named; naming it in a file changes its answer or its words.
    """

    name: str
    params: type[msgspec.Struct]
    check: Callable[[Any, Seen], Found]
    then: Literal["refuse", "ask"]
    what: str
    always: bool = False


class NoParams(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A rule without parameters."""


class Selection(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which lines are meant: every dimension that is given must fit, by any of its values.

    ``kinds`` are kinds of order line (goods, service, digital), ``groups`` the customer's groups, ``attributes``
    those of the line; ``opened``, ``used`` and ``installed`` the condition that the customer tells.
    """

    categories: Names | None = None
    tags: Names | None = None
    skus: Names | None = None
    countries: Annotated[tuple[Country, ...], Meta(min_length=1)] | None = None
    customer_groups: Names | None = None
    groups: Names | None = None
    kinds: Annotated[tuple[LineKind, ...], Meta(min_length=1)] | None = None
    attributes: Names | None = None
    opened: bool | None = None
    used: bool | None = None
    installed: bool | None = None


class AmountLimit(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A limit as the file writes it: a decimal text in the store's currency."""

    amount: str
    currency: str


class Limit(msgspec.Struct, frozen=True, kw_only=True):
    """A limit as it is compared: minor units of the store's currency."""

    minor: int
    currency: str


class Period(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Local days of ordering, both included."""

    first: date = msgspec.field(name="from")
    last: date = msgspec.field(name="to")


class MoreThan(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A count that may not be exceeded by what was there before."""

    more_than: Annotated[int, Meta(ge=0, le=100_000)]


class MoreThanInDays(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The same within so many days before the filing."""

    days: Annotated[int, Meta(ge=1, le=3650)]
    more_than: Annotated[int, Meta(ge=0, le=100_000)]


class Reasons(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Codes of reasons."""

    reasons: Names


RULES: dict[str, RuleKind] = {}
"""Every rule by its name."""


def judge(rule: Rule, seen: Seen) -> tuple[Verdict, Found]:
    """A rule's answer for a line, in the file's own words where it has any, and what the rule looked at."""
    kind = RULES[rule.rule]
    found = kind.check(rule.params, seen)
    if not found.holds:
        return PASS, found
    words = rule.text if rule.text and found.answer is None else found.text
    make = refuse if (found.answer or rule.then) == "refuse" else ask
    return make(found.code, words, article=found.article), found


def sequence(policy: Policy) -> tuple[Rule, ...]:
    """The rules in the order in which they are asked: units, time, the file's own rules, the law's exemptions."""
    named = {rule.rule: rule for rule in policy.rules if RULES[rule.rule].always}
    own = (rule for rule in policy.rules if rule.rule not in named)
    first, second, last = (named.get(rule.rule, rule) for rule in _ALWAYS)
    return (first, second, *own, last)


def _rule(
    name: str, params: type[msgspec.Struct], *, then: Literal["refuse", "ask"], what: str, always: bool = False
) -> Callable[[Check], Check]:
    def register(check: Check) -> Check:
        RULES[name] = RuleKind(name=name, params=params, check=check, then=then, what=what, always=always)
        return check

    return register


def _found(holds: bool, code: str, inputs: Inputs, *, sentence: str = "", **values: date | int | str) -> Found:  # noqa: FBT001
    if not holds:
        return Found(holds=False, inputs=inputs)
    words = SENTENCES[sentence or code]
    return Found(holds=True, inputs=inputs, code=code, text=filled(words, **values) if values else words)


_ALWAYS = tuple(
    Rule(rule=name, params=NoParams(), applies_to=(), then="refuse", text={})
    for name in ("quantity_left", "window", "exempt")
)


@_rule("quantity_left", NoParams, then="refuse", what="More units than are left to return.", always=True)
def _quantity_left(_: NoParams, seen: Seen) -> Found:
    left = seen.standing.available + seen.standing.undelivered
    inputs: Inputs = {"asked": seen.asked.quantity, "left": left}
    sentence = "quantity_left" if left else "nothing_left"
    return _found(seen.asked.quantity > seen.standing.available, "quantity_left", inputs, sentence=sentence, left=left)


@_rule("window", NoParams, then="refuse", what="Filed after the last day, or before delivery.", always=True)
def _window(_: NoParams, seen: Seen) -> Found:
    stand, verdict = seen.standing, seen.standing.verdict
    inputs: Inputs = {
        "filed_on": seen.scene.arrivals.filed_on.isoformat(),
        "starts": stand.starts.isoformat() if stand.starts else None,
        "last_day": stand.last_day.isoformat() if stand.last_day else None,
        "estimated": stand.estimated,
        "delivered": stand.delivered,
        "basis": stand.basis,
    }
    return Found(
        holds=not verdict.passed,
        inputs=inputs,
        code=verdict.code,
        text=verdict.text,
        answer=None if verdict.passed or verdict.code == "window_over" else verdict.answer,
        article=verdict.article or stand.article,
    )


@_rule("exempt", NoParams, then="refuse", what="By law there is no right of withdrawal for the item.", always=True)
def _exempt(_: NoParams, seen: Seen) -> Found:
    exempt = seen.standing.exempt if seen.asked.kind == "withdrawal" else None
    if exempt is None:
        return Found(holds=False, inputs={"attribute": None})
    inputs: Inputs = {"attribute": exempt.attribute}
    return Found(holds=True, inputs=inputs, code="exempt", text=SENTENCES["exempt"], article=exempt.article)


@_rule("exclude", Selection, then="refuse", what="The selected lines.")
def _exclude(params: Selection, seen: Seen) -> Found:
    dimensions = _dimensions(params, seen)
    code = "excluded_country" if params.countries and len(dimensions) == 1 else "excluded"
    return _found(all(fits for _, fits in dimensions), code, _selected(dimensions))


@_rule("only", Selection, then="refuse", what="Every line but the selected ones.")
def _only(params: Selection, seen: Seen) -> Found:
    dimensions = _dimensions(params, seen)
    return _found(not all(fits for _, fits in dimensions), "not_included", _selected(dimensions))


@_rule("line_value_below", AmountLimit, then="refuse", what="Units worth less than the amount.")
def _line_value_below(params: Limit, seen: Seen) -> Found:
    return _compared(params, seen, "line_value_below", worth=seen.worth, holds=seen.worth < params.minor)


@_rule("line_value_above", AmountLimit, then="ask", what="Units worth more than the amount.")
def _line_value_above(params: Limit, seen: Seen) -> Found:
    return _compared(params, seen, "line_value_above", worth=seen.worth, holds=seen.worth > params.minor)


@_rule("order_value_below", AmountLimit, then="refuse", what="Orders worth less than the amount.")
def _order_value_below(params: Limit, seen: Seen) -> Found:
    worth = seen.facts.order_value
    return _compared(params, seen, "order_value_below", worth=worth, holds=worth < params.minor)


@_rule("order_value_above", AmountLimit, then="ask", what="Orders worth more than the amount.")
def _order_value_above(params: Limit, seen: Seen) -> Found:
    worth = seen.facts.order_value
    return _compared(params, seen, "order_value_above", worth=worth, holds=worth > params.minor)


@_rule("no_return_period", Period, then="refuse", what="Orders made within the period.")
def _no_return_period(params: Period, seen: Seen) -> Found:
    ordered = seen.scene.arrivals.ordered_on
    inside = params.first <= ordered <= params.last
    inputs: Inputs = {"ordered_on": ordered.isoformat()}
    return _found(inside, "no_return_period", inputs, first=params.first, last=params.last)


@_rule("returns_on_order", MoreThan, then="ask", what="More earlier returns on the order than so many.")
def _returns_on_order(params: MoreThan, seen: Seen) -> Found:
    count = seen.facts.returns_on_order
    return _found(count > params.more_than, "returns_on_order", {"returns": count})


@_rule("returns_in_period", MoreThanInDays, then="ask", what="More earlier returns of the customer in so many days.")
def _returns_in_period(params: MoreThanInDays, seen: Seen) -> Found:
    since = seen.scene.arrivals.filed_on - timedelta(days=params.days)
    count = sum(1 for day in seen.facts.earlier_returns if day >= since)
    return _found(count > params.more_than, "returns_in_period", {"returns": count, "since": since.isoformat()})


@_rule("reason_asks", Reasons, then="ask", what="Lines returned for one of the reasons.")
def _reason_asks(params: Reasons, seen: Seen) -> Found:
    reason = seen.asked.reason
    return _found(reason in params.reasons, "reason_asks", {"reason": reason})


@_rule("business_buyer", NoParams, then="refuse", what="Orders of a business.")
def _business_buyer(_: NoParams, seen: Seen) -> Found:
    business = seen.facts.is_business
    return _found(business, "business_buyer", {"business": business})


def _compared(limit: Limit, seen: Seen, code: str, *, worth: int, holds: bool) -> Found:
    """An amount rule; an order in another currency cannot be compared, so a person is asked."""
    inputs: Inputs = {"value": worth, "limit": limit.minor, "currency": seen.facts.currency}
    if seen.facts.currency == limit.currency:
        return _found(holds, code, inputs)
    return Found(holds=True, inputs=inputs, code="other_currency", text=SENTENCES["other_currency"], answer="ask")


def _dimensions(params: Selection, seen: Seen) -> list[tuple[str, bool]]:
    """Each dimension that is given, and whether the line fits it."""
    line, facts = seen.line, seen.facts
    values: list[tuple[str, tuple[str, ...] | None, tuple[str, ...] | frozenset[str]]] = [
        ("category", params.categories, (line.category,) if line.category else ()),
        ("tag", params.tags, line.tags),
        ("sku", params.skus, (line.sku,)),
        ("country", params.countries, (facts.country,)),
        ("customer_group", params.customer_groups or params.groups, facts.groups),
        ("kind", params.kinds, (line.kind,)),
        ("attribute", params.attributes, line.attributes),
    ]
    found = [(name, any(value in wanted for value in given)) for name, wanted, given in values if wanted is not None]
    for name in ("opened", "used", "installed"):
        wanted_state = getattr(params, name)
        if wanted_state is not None:
            found.append((name, getattr(seen.asked, name) is wanted_state))
    return found


def _selected(dimensions: list[tuple[str, bool]]) -> Inputs:
    return dict(dimensions)
