"""Reading a store's policy: strictly, with every fault of the file named by its path.

A policy is written as TOML, or as the same thing in JSON. Keys are fixed; an unknown one is an error, so that a typing
mistake never silently changes what a store does.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from datetime import date, datetime, time
from itertools import combinations, pairwise
from typing import Annotated, Any, Literal, TypeVar

import msgspec
from msgspec import Meta

from rma.domain import money, strict
from rma.domain.claims import KINDS, Kind, Method
from rma.domain.order import ATTRIBUTES
from rma.domain.rules import RULES, AmountLimit, Limit, MoreThanInDays, Period, Selection
from rma.domain.terms import (
    EvidenceTerms,
    Fees,
    HelpLink,
    MethodFee,
    Policy,
    PromotionMode,
    ReasonTerms,
    RefundTerms,
    ReturnTerms,
    Rule,
    ShippingMode,
    TariffStep,
    TenderMode,
    Windows,
)
from rma.domain.texts import LANGUAGES, Text
from rma.errors import DefinitionError, FieldError, Invalid

__all__ = [
    "EvidenceTerms",
    "Fees",
    "HelpLink",
    "MethodFee",
    "Policy",
    "ReasonTerms",
    "RefundTerms",
    "ReturnTerms",
    "Rule",
    "Windows",
    "body",
    "load_policy",
    "standard",
]

T = TypeVar("T")

Name = Annotated[str, Meta(min_length=1, max_length=200)]


class _RuleFile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    rule: str
    params: dict[str, Any] = {}
    applies_to: tuple[Kind, ...] = ()
    then: Literal["refuse", "ask"] | None = None
    text: Text = {}


class _FeeFile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    method: Method
    amount: str


class _FeesFile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    returns: tuple[_FeeFile, ...] = msgspec.field(default=(), name="return")
    restocking_percent: str = "0"
    applies_to: tuple[Kind, ...] = ("voluntary",)


class _ReturnsFile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    auto_approve: bool = True
    named_return_carriers: tuple[Name, ...] = ()
    keep_item_below: str | None = None
    workflow: dict[str, Name] = {}
    reason_required: tuple[Kind, ...] = ()
    login_required: bool = False


class _TariffFile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    from_value: str
    price: str


class _RefundsFile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    auto_approve_below: str | None = None
    second_person_above: str | None = None
    shipping: ShippingMode = "with_last"
    shipping_tariff: tuple[_TariffFile, ...] = ()
    tenders: TenderMode | tuple[Name, ...] = "proportional"
    promotions: PromotionMode = "pro_rata"
    credit_bonus_percent: str = "0"
    promise_days: Annotated[int, Meta(ge=0, le=365)] = 5


class _PolicyFile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    name: Name
    locale: Literal["tr", "en", "de"] = "tr"
    windows: Windows = Windows()
    rules: tuple[_RuleFile, ...] = ()
    reasons: dict[str, Any] = {}
    fees: _FeesFile = _FeesFile()
    returns: _ReturnsFile = _ReturnsFile()
    refunds: _RefundsFile = _RefundsFile()
    help: dict[str, Any] = {}


def load_policy(
    source: str, raw: bytes | Mapping[str, Any], *, currency: str, version: int = 0, locale: str | None = None
) -> Policy:
    """The policy of a TOML file (bytes) or of its JSON form (a mapping), with amounts in the store's currency.

    ``locale`` replaces the file's own. Raises ``DefinitionError`` naming ``source`` and every fault by its path.
    """
    document = body(source, raw) if isinstance(raw, bytes) else raw
    errors = strict.text_faults(document) + strict.faults(document, _PolicyFile)
    whole = _without(document, errors) if errors else document
    reader = _Reader(currency)
    policy = reader.policy(msgspec.convert(whole, _PolicyFile), version=version, locale=locale)
    if errors or reader.errors:
        raise DefinitionError(source, errors + reader.errors)
    return policy


def standard(raw: bytes, *, locale: str, currency: str, version: int = 0) -> Policy:
    """The shipped standard policy (its file's bytes) for a store of that locale and currency."""
    return load_policy("standard.toml", raw, currency=currency, version=version, locale=locale)


def body(source: str, raw: bytes) -> dict[str, Any]:
    """A TOML file as plain JSON-able data; dates become ``YYYY-MM-DD``. Raises ``DefinitionError``."""
    try:
        document = tomllib.loads(raw.decode())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as fault:
        raise DefinitionError(source, [FieldError("", "unreadable", f"this is no TOML: {fault}")]) from fault
    plain: dict[str, Any] = _plain(document)
    return plain


def _plain(value: Any) -> Any:  # noqa: ANN401 - whatever TOML holds
    if isinstance(value, dict):
        return {key: _plain(part) for key, part in value.items()}
    if isinstance(value, list):
        return [_plain(part) for part in value]
    return value.isoformat() if isinstance(value, date | datetime | time) else value


def _without(document: Mapping[str, Any], errors: list[FieldError]) -> dict[str, Any]:
    """The sections of a file that have no fault yet, so that theirs can be found as well."""
    faulty = {re.split(r"[.\[]", fault.path, maxsplit=1)[0] for fault in errors}
    sound = [name for name in _PolicyFile.__struct_fields__ if name in document and name not in faulty]
    return {"name": "?"} | {name: document[name] for name in sound}


class _Reader:
    """Turns the file's form into terms and gathers every fault that types alone do not find."""

    def __init__(self, currency: str) -> None:
        self.currency = currency
        self.errors: list[FieldError] = []

    def policy(self, file: _PolicyFile, *, version: int, locale: str | None) -> Policy:
        rules = tuple(self._rule(f"rules[{index}]", rule) for index, rule in enumerate(file.rules))
        self._always_once(rules)
        self._periods_apart(rules)
        return Policy(
            name=file.name,
            locale=locale or file.locale,
            currency=self.currency,
            version=version,
            windows=file.windows,
            rules=rules,
            reasons={name: self._reason(f"reasons.{name}", terms) for name, terms in file.reasons.items()},
            fees=self._fees(file.fees),
            returns=self._returns(file.returns),
            refunds=self._refunds(file.refunds),
            help={category: self._links(f"help.{category}", links) for category, links in file.help.items()},
            lookback_days=max((r.params.days for r in rules if isinstance(r.params, MoreThanInDays)), default=0),
        )

    def _fault(self, path: str, code: str, message: str) -> None:
        self.errors.append(FieldError(path, code, message))

    def _rule(self, path: str, file: _RuleFile) -> Rule:
        kind = RULES.get(file.rule)
        self._text(f"{path}.text", file.text)
        params: msgspec.Struct = file
        if kind is None:
            self._fault(f"{path}.rule", "unknown_rule", f"there is no rule {file.rule!r}; known: {', '.join(RULES)}")
        else:
            params = self._params(f"{path}.params", file.params, kind.params)
        return Rule(
            rule=file.rule,
            params=params,
            applies_to=file.applies_to,
            then=file.then or (kind.then if kind else "ask"),
            text=file.text,
        )

    def _params(self, path: str, given: dict[str, Any], kind: type[msgspec.Struct]) -> msgspec.Struct:
        faults = strict.faults(given, kind, path)
        self.errors.extend(faults)
        if faults:
            return AmountLimit(amount="", currency="")
        params = msgspec.convert(given, kind)
        if isinstance(params, AmountLimit):
            return self._limit(path, params)
        if isinstance(params, Period) and params.first > params.last:
            self._fault(f"{path}.to", "before_start", "the period ends before it begins")
        if isinstance(params, Selection):
            self._selection(path, params)
        if kind is RULES["exclude"].params and not given:
            self._fault(path, "empty", "say which lines are meant: nothing would select every line")
        return params

    def _selection(self, path: str, params: Selection) -> None:
        """A name that no line can have would select nothing and say nothing."""
        for place, name in enumerate(params.attributes or ()):
            if name not in ATTRIBUTES:
                self._fault(f"{path}.attributes[{place}]", "unknown", f"a line has no attribute {name!r}")
        if params.groups is not None and params.customer_groups is not None:
            self._fault(f"{path}.groups", "twice", "groups are the same as customer_groups; name one of them")

    def _periods_apart(self, rules: tuple[Rule, ...]) -> None:
        """Two periods for one kind never hold on the same day: which of them decided would hang on their order."""
        periods = [(place, one, one.params) for place, one in enumerate(rules) if isinstance(one.params, Period)]
        for (before, one, mine), (after, other, its) in combinations(periods, 2):
            apart = its.last < mine.first or mine.last < its.first
            if not apart and not set(one.applies_to or KINDS).isdisjoint(other.applies_to or KINDS):
                message = f"overlaps the period of rules[{before}]"
                self._fault(f"rules[{after}].params.from", "overlap", message)

    def _limit(self, path: str, params: AmountLimit) -> Limit:
        if params.currency != self.currency:
            self._fault(f"{path}.currency", "currency", f"amounts are in the store's currency, {self.currency}")
            return Limit(minor=0, currency=self.currency)
        return Limit(minor=self._amount(f"{path}.amount", params.amount), currency=self.currency)

    def _always_once(self, rules: tuple[Rule, ...]) -> None:
        """A rule that is always there may be named once, to change its words or its answer."""
        named: set[str] = set()
        for index, rule in enumerate(rules):
            if rule.rule not in RULES or not RULES[rule.rule].always:
                continue
            if rule.rule in named:
                self._fault(f"rules[{index}].rule", "twice", f"{rule.rule} is always there; name it once at most")
            if rule.rule == "quantity_left" and rule.then == "ask":
                self._fault(
                    f"rules[{index}].then", "impossible", "units that are not there cannot be returned by asking"
                )
            if rule.applies_to:
                self._fault(f"rules[{index}].applies_to", "impossible", f"{rule.rule} is there for every kind")
            named.add(rule.rule)

    def _reason(self, path: str, given: object) -> ReasonTerms:
        faults = strict.faults(given, ReasonTerms, path)
        self.errors.extend(faults)
        if faults:
            return ReasonTerms()
        terms = msgspec.convert(given, ReasonTerms)
        if terms.evidence.at_least and not terms.evidence.kinds:
            self._fault(f"{path}.evidence.kinds", "empty", "say which kinds of files are asked for")
        return terms

    def _fees(self, file: _FeesFile) -> Fees:
        methods = [fee.method for fee in file.returns]
        for index, method in enumerate(methods):
            if method in methods[:index]:
                self._fault(f"fees.return[{index}].method", "twice", f"{method} has a fee already")
        fees = tuple(
            MethodFee(method=fee.method, amount=self._amount(f"fees.return[{index}].amount", fee.amount))
            for index, fee in enumerate(file.returns)
        )
        return Fees(
            returns=fees,
            restocking_percent=self._percent("fees.restocking_percent", file.restocking_percent, most=100),
            applies_to=file.applies_to,
        )

    def _returns(self, file: _ReturnsFile) -> ReturnTerms:
        for kind in file.workflow:
            if kind != "default" and kind not in KINDS:
                self._fault(f"returns.workflow.{kind}", "unknown", f"there is no kind {kind!r}")
        return ReturnTerms(
            auto_approve=file.auto_approve,
            named_return_carriers=file.named_return_carriers,
            keep_item_below=self._amount("returns.keep_item_below", file.keep_item_below),
            workflow={"default": "return"} | file.workflow,
            reason_required=file.reason_required,
            login_required=file.login_required,
        )

    def _refunds(self, file: _RefundsFile) -> RefundTerms:
        second = file.second_person_above
        tenders = file.tenders
        if isinstance(tenders, tuple) and (not tenders or len(set(tenders)) < len(tenders)):
            self._fault("refunds.tenders", "tenders", "name each tender once, and at least one")
        return RefundTerms(
            auto_approve_below=self._amount("refunds.auto_approve_below", file.auto_approve_below),
            second_person_above=None if second is None else self._amount("refunds.second_person_above", second),
            shipping=file.shipping,
            shipping_tariff=self._tariff(file),
            tenders=tenders,
            promotions=file.promotions,
            credit_bonus_percent=self._percent("refunds.credit_bonus_percent", file.credit_bonus_percent, most=1000),
            promise_days=file.promise_days,
        )

    def _tariff(self, file: _RefundsFile) -> tuple[TariffStep, ...]:
        path = "refunds.shipping_tariff"
        steps = tuple(
            TariffStep(
                from_value=self._amount(f"{path}[{index}].from_value", step.from_value),
                price=self._amount(f"{path}[{index}].price", step.price),
            )
            for index, step in enumerate(file.shipping_tariff)
        )
        if file.shipping == "marginal" and not steps:
            self._fault(path, "missing", "marginal shipping needs what delivery costs for the goods that stay")
        if steps and steps[0].from_value:
            self._fault(f"{path}[0].from_value", "gap", "the first step begins at zero")
        for index, (before, after) in enumerate(pairwise(steps), start=1):
            if after.from_value <= before.from_value:
                self._fault(f"{path}[{index}].from_value", "order", "each step begins above the one before it")
        return steps

    def _links(self, path: str, given: object) -> tuple[HelpLink, ...]:
        faults = strict.faults(given, tuple[HelpLink, ...], path)
        self.errors.extend(faults)
        if faults:
            return ()
        links = msgspec.convert(given, tuple[HelpLink, ...])
        for index, link in enumerate(links):
            self._text(f"{path}[{index}].title", link.title, needed=True)
        return links

    def _amount(self, path: str, text: str | None) -> int:
        if text is None:
            return 0
        try:
            return money.parse_amount(text, self.currency, path=path)
        except Invalid as fault:
            self.errors.extend(fault.errors)
            return 0

    def _percent(self, path: str, text: str, *, most: int) -> str:
        try:
            money.percent(text, path=path, most=most)
        except Invalid as fault:
            self.errors.extend(fault.errors)
            return "0"
        return text

    def _text(self, path: str, words: Text, *, needed: bool = False) -> None:
        for language, sentence in words.items():
            if language not in LANGUAGES:
                self._fault(f"{path}.{language}", "unknown", f"there is no language {language!r} here")
            elif not sentence.strip():
                self._fault(f"{path}.{language}", "empty", "a text cannot be empty")
        if needed and not words:
            self._fault(path, "missing", "a text is needed in at least one language")
