"""The decision: what policy and law say to each line of a request, with every reason and the whole trace.

Pure: the same policy, law, facts and request always give the same decision. The law is the floor: no rule of a store
refuses a statutory right, evidence is never a condition of one, and the day of the notice counts.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import date, datetime
from typing import Literal

import msgspec

from rma.domain.arrivals import arrivals
from rma.domain.calendar import future, last_instant
from rma.domain.claims import KINDS, Facts, Kind, LineFacts, LineRequest, Method, Outcome, Request
from rma.domain.law import LawProfile, Payer
from rma.domain.offers import EvidenceWanted, Given, Offer, Way, evidence_wanted, offer
from rma.domain.parts import parts, taken
from rma.domain.rules import RULES, Found, Inputs, Seen, judge, sequence
from rma.domain.sentences import SENTENCES
from rma.domain.standing import Basis, Scene, Standing, standing, under_each
from rma.domain.terms import Policy, Rule
from rma.domain.texts import filled
from rma.domain.two_laws import answers
from rma.domain.verdict import PASS, Why
from rma.errors import FieldError, Invalid

Result = Literal["accepted", "needs_evidence", "needs_review", "refused"]
Assessment = Literal["declined", "awaiting_evidence", "in_review", "accepted"]


class TraceEntry(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One rule that was asked: of which version, what it saw, what it answered and by which article."""

    rule: str
    version: str
    inputs: Inputs
    result: str
    code: str = ""
    article: str | None = None


class LineDecision(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The decision on one line of the request.

    ``kind`` is the kind it was judged as. ``last_day`` is the last day on which the same request could be filed, and
    ``last_instant`` its last second in UTC; None while the period has not started. ``delivered`` is false for units
    that the customer does not have. ``overrode`` are the reasons that a person set aside. ``by_law`` are the outcomes
    that the law gives, whatever the store offers; ``if_failed`` those that it opens next.
    """

    order_line_id: str
    quantity: int
    kind: Kind
    filed_kind: Kind
    decision: Result
    basis: Basis
    reasons: tuple[Why, ...]
    last_day: date | None
    last_instant: datetime | None
    estimated: bool
    delivered: bool
    outcome: Outcome
    outcomes: tuple[Outcome, ...]
    methods: tuple[Way, ...]
    goods_come_back: bool
    restocking_percent: str
    evidence: EvidenceWanted | None
    way_back_paid_by: Payer
    overrode: tuple[Why, ...]
    trace: tuple[TraceEntry, ...]
    by_law: tuple[Given, ...] = ()
    if_failed: tuple[Outcome, ...] = ()


class Fee(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A fee for the return as a whole, in minor units of the order's currency."""

    kind: Literal["return"]
    method: Method
    amount: int


class Decision(msgspec.Struct, frozen=True, kw_only=True):
    """The decision on a request, line by line in its order; ``asked`` says which of its lines each of them answers.

    A withdrawal from units of which only a part has come is answered in two: what is here and what is not.
    ``errors`` are what makes it impossible to file as it is: more units than are left, an outcome or a method that is
    not offered. A quote shows them, a filing is refused by them.
    """

    lines: tuple[LineDecision, ...]
    errors: tuple[FieldError, ...]
    policy_version: int
    law: str
    fees: tuple[Fee, ...] = ()
    asked: tuple[int, ...] = ()

    @property
    def assessment(self) -> Assessment:
        """What becomes of the whole: evidence is asked for before a person looks; refused lines do not hold it up."""
        results = {line.decision for line in self.lines}
        if results == {"refused"}:
            return "declined"
        if "needs_evidence" in results:
            return "awaiting_evidence"
        return "in_review" if "needs_review" in results else "accepted"

    @property
    def auto_approve(self) -> bool:
        """Whether it goes on without a person."""
        return self.assessment == "accepted"

    @property
    def statutory(self) -> bool:
        """Whether any line that was not refused stands on a right by law."""
        return any(line.basis == "statutory" and line.decision != "refused" for line in self.lines)


class _Answer(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Where a line got to: its result so far, why, and what was asked on the way."""

    result: Result
    reasons: tuple[Why, ...]
    trace: tuple[TraceEntry, ...]


def decide(policy: Policy, law: LawProfile, facts: Facts, request: Request) -> Decision:
    """What policy and law say to the request.

    Raises ``Invalid`` for what cannot be right: no line at all, a filing in the future, a line the order does not have,
    a quantity below one. It then also names what could not be filed of the other lines.
    """
    lines = {line.id: line for line in facts.lines}
    _check(facts, request)
    wrong = {index: faults for index, asked in enumerate(request.lines) if (faults := _faults(lines, asked, index))}
    scene = _scene(policy, law, facts, request.filed_at)
    decided: list[LineDecision] = []
    answers_to: list[int] = []
    for index, asked in enumerate(request.lines):
        if index in wrong:
            continue
        for part in parts(scene, lines[asked.order_line_id], asked):
            decided.append(_line(scene, lines[asked.order_line_id], part, request=request))
            answers_to.append(index)
            lines[asked.order_line_id] = taken(lines[asked.order_line_id], decided[-1])
    errors = _errors(policy, decided, answers_to, request)
    if wrong:
        found = [fault for faults in wrong.values() for fault in faults]
        raise Invalid(found[0].message, errors=[*found, *errors])
    return Decision(
        lines=tuple(decided),
        errors=tuple(errors),
        policy_version=policy.version,
        law=law.reference,
        fees=_fees(decided, request),
        asked=tuple(answers_to),
    )


def options(
    policy: Policy, law: LawProfile, facts: Facts, line_id: str, *, at: datetime, kinds: Sequence[Kind] = KINDS
) -> tuple[LineDecision, ...]:
    """What could be filed for a line at that instant, one decision per kind; its quantity is the most that could."""
    line = next((one for one in facts.lines if one.id == line_id), None)
    if line is None:
        raise Invalid.field("order_line_id", "unknown_line", f"The order has no line {line_id!r}.")
    return _options(_scene(policy, law, facts, at), line, kinds)


def options_of_lines(
    policy: Policy,
    law: LawProfile,
    facts: Facts,
    line_ids: Collection[str],
    *,
    at: datetime,
    kinds: Sequence[Kind] = KINDS,
) -> dict[str, tuple[LineDecision, ...]]:
    """What could be filed for each of these lines, as ``options`` says; unknown ids are left out."""
    scene = _scene(policy, law, facts, at)
    return {line.id: _options(scene, line, kinds) for line in facts.lines if line.id in line_ids}


def _options(scene: Scene, line: LineFacts, kinds: Sequence[Kind]) -> tuple[LineDecision, ...]:
    found = []
    for kind in kinds:
        stand = standing(scene, line, LineRequest(order_line_id=line.id, quantity=1, kind=kind))
        asked = LineRequest(order_line_id=line.id, quantity=max(1, stand.available), kind=kind)
        one = _line(scene, line, asked, request=Request(lines=(asked,), filed_at=scene.filed_at))
        found.append(msgspec.structs.replace(one, quantity=stand.available + stand.undelivered))
    return tuple(found)


def _scene(policy: Policy, law: LawProfile, facts: Facts, filed_at: datetime) -> Scene:
    came = arrivals(facts, filed_at=filed_at, transit_days=policy.windows.fallback_transit_days)
    scene = Scene(
        policy=policy,
        rules=sequence(policy),
        law=law,
        facts=facts,
        filed_at=filed_at,
        arrivals=came,
        policy_label=policy.label,
        law_version=law.version,
    )
    return under_each(scene) if law.together else scene


def _check(facts: Facts, request: Request) -> None:
    errors = [fault for fault in [future("filed_at", request.filed_at, facts.now)] if fault]
    if not request.lines:
        errors.append(FieldError("lines", "missing", "A return needs a line."))
    if errors:
        raise Invalid(errors[0].message, errors=errors)


def _faults(lines: dict[str, LineFacts], asked: LineRequest, index: int) -> list[FieldError]:
    """What makes this entry impossible to judge at all."""
    faults = []
    if asked.order_line_id not in lines:
        message = f"The order has no line {asked.order_line_id!r}."
        faults.append(FieldError(f"lines[{index}].order_line_id", "unknown_line", message))
    if asked.quantity < 1:
        faults.append(FieldError(f"lines[{index}].quantity", "not_positive", "A quantity is one or more."))
    return faults


def _line(scene: Scene, line: LineFacts, asked: LineRequest, *, request: Request) -> LineDecision:
    stand = standing(scene, line, asked)
    wanted = evidence_wanted(scene, asked, stand=stand)
    answer = _by_rules(Seen(scene=scene, line=line, asked=asked, standing=stand))
    if answer.result != "refused":
        answer = _with_evidence(scene, asked, answer, stand=stand, wanted=wanted)
    if answer.result == "accepted" and not scene.policy.returns.auto_approve:
        answer = _person_decides(scene, answer)
    overrode: tuple[Why, ...] = ()
    if request.override and answer.result != "accepted" and answer.reasons[0].rule != "quantity_left":
        overrode, stand = answer.reasons, _as_exception(stand, refused=answer.result == "refused")
        answer = _overridden(answer)
    offered = offer(scene, line, asked, stand=stand)
    return LineDecision(
        order_line_id=asked.order_line_id,
        quantity=asked.quantity,
        kind=stand.kind,
        filed_kind=asked.kind,
        decision=answer.result,
        basis=stand.basis,
        reasons=answer.reasons,
        last_day=stand.last_day,
        last_instant=last_instant(stand.last_day, scene.facts.timezone) if stand.last_day else None,
        estimated=stand.estimated,
        delivered=stand.delivered,
        outcome=offered.outcome,
        outcomes=offered.outcomes,
        methods=offered.ways,
        goods_come_back=offered.goods_come_back,
        restocking_percent=offered.restocking_percent,
        evidence=wanted,
        way_back_paid_by=_payer(offered, request.method),
        overrode=overrode,
        trace=(_laws(scene, asked, stand, offered), *answer.trace) if stand.compared else answer.trace,
        by_law=offered.by_law,
        if_failed=offered.if_failed,
    )


def _laws(scene: Scene, asked: LineRequest, stand: Standing, offered: Offer) -> TraceEntry:
    """What each of two laws says of the line, and which counts."""
    inputs = answers(scene, asked, stand, offered.ways[0].name)
    return TraceEntry(rule="laws", version=stand.law, inputs=inputs, result="compared", article=stand.article)


def _by_rules(seen: Seen) -> _Answer:
    """The first rule that refuses or asks decides; a store's rule never refuses what stands by law."""
    statutory = seen.standing.basis == "statutory"
    trace: list[TraceEntry] = []
    for rule in _asked_of(seen, statutory=statutory):
        verdict, found = judge(rule, seen)
        if verdict is PASS:
            trace.append(_entry(seen, rule.rule, found, result="pass"))
            continue
        held = verdict.answer == "refuse" and statutory and not RULES[rule.rule].always
        trace.append(_entry(seen, rule.rule, found, result="kept_by_law" if held else verdict.answer))
        if not verdict.passed and not held:
            why = Why(rule=rule.rule, code=verdict.code, text=verdict.text, article=verdict.article)
            result: Result = "refused" if verdict.answer == "refuse" else "needs_review"
            return _Answer(result=result, reasons=(why,), trace=tuple(trace))
    return _Answer(result="accepted", reasons=(), trace=tuple(trace))


def _asked_of(seen: Seen, *, statutory: bool) -> tuple[Rule, ...]:
    """The rules that are for this kind: the one it is judged as, and by contract also the one it was filed as."""
    kinds = {seen.standing.kind} if statutory else {seen.standing.kind, seen.asked.kind}
    rules = seen.scene.rules
    return seen.scene.once(
        ("rules", *sorted(kinds)),
        lambda: tuple(rule for rule in rules if not rule.applies_to or not kinds.isdisjoint(rule.applies_to)),
    )


def _entry(seen: Seen, rule: str, found: Found, *, result: str) -> TraceEntry:
    by_law = RULES[rule].always and (seen.standing.basis == "statutory" or rule == "exempt")
    version = (seen.standing.law or seen.scene.law_version) if by_law else seen.scene.policy_label
    article = seen.standing.article if result == "kept_by_law" else found.article
    return TraceEntry(rule=rule, version=version, inputs=found.inputs, result=result, code=found.code, article=article)


def _with_evidence(
    scene: Scene, asked: LineRequest, answer: _Answer, *, stand: Standing, wanted: EvidenceWanted | None
) -> _Answer:
    """What missing files change: they are awaited, and after their deadline a right by law goes to a person."""
    if wanted is None or not wanted.lacking:
        return answer
    inputs: Inputs = {"wanted": wanted.at_least, "held": wanted.held, "overdue": asked.evidence_overdue}
    result: Result = "needs_evidence"
    code = "evidence_wanted"
    if asked.evidence_overdue:
        by_law = stand.basis == "statutory"
        result, code = ("needs_review", "evidence_late") if by_law else ("refused", "evidence_missing")
    words = filled(SENTENCES[code], count=wanted.lacking) if code == "evidence_wanted" else SENTENCES[code]
    entry = TraceEntry(rule="evidence", version=scene.policy.label, inputs=inputs, result=result, code=code)
    why = Why(rule="evidence", code=code, text=words)
    return _Answer(result=result, reasons=(why, *answer.reasons), trace=(*answer.trace, entry))


def _person_decides(scene: Scene, answer: _Answer) -> _Answer:
    """The answer in a store where every return goes to a person."""
    why = Why(rule="auto_approve", code="person_decides", text=SENTENCES["person_decides"])
    entry = TraceEntry(
        rule="auto_approve", version=scene.policy.label, inputs={}, result="needs_review", code="person_decides"
    )
    return _Answer(result="needs_review", reasons=(why,), trace=(*answer.trace, entry))


def _overridden(answer: _Answer) -> _Answer:
    """The answer that a person let through. Who and why is personal data and is kept apart, not in the trace."""
    why = Why(rule="override", code="override", text=SENTENCES["override"])
    entry = TraceEntry(rule="override", version="", inputs={"was": answer.result}, result="accepted", code="override")
    return _Answer(result="accepted", reasons=(why,), trace=(*answer.trace, entry))


def _as_exception(stand: Standing, *, refused: bool) -> Standing:
    """Where a line stands that a person let through: what was refused is goodwill, and the goods are there."""
    if not refused:
        return stand
    there = stand.delivered or stand.verdict.code == "not_delivered_yet"
    return msgspec.structs.replace(stand, basis="goodwill", delivered=there)


def _payer(offered: Offer, method: Method | None) -> Payer:
    chosen = next((way for way in offered.ways if way.name == method), offered.ways[0])
    return chosen.paid_by


def _errors(policy: Policy, decided: list[LineDecision], answers_to: list[int], request: Request) -> list[FieldError]:
    """What cannot be filed as it is asked, by path. What stands by law needs no reason."""
    errors = []
    for index, one in zip(answers_to, decided, strict=True):
        asked = request.lines[index]
        if asked.reason is None and _needs_reason(policy, one):
            errors.append(FieldError(f"lines[{index}].reason", "reason_required", "This return needs a reason."))
        if one.decision == "refused" and one.reasons[0].rule == "quantity_left":
            errors.append(FieldError(f"lines[{index}].quantity", "quantity_left", one.reasons[0].text["en"]))
        elif one.decision != "refused" and asked.outcome and asked.outcome not in one.outcomes:
            message = f"{asked.outcome} is not offered here; offered: {', '.join(one.outcomes)}."
            errors.append(FieldError(f"lines[{index}].outcome", "outcome_not_offered", message))
    errors.extend(_method_errors(decided, request.method))
    return errors


def _needs_reason(policy: Policy, one: LineDecision) -> bool:
    """Whether it is filed with a reason: a kind that the policy names, and never what stands by law."""
    return one.basis == "contract" and not {one.kind, one.filed_kind}.isdisjoint(policy.returns.reason_required)


def _method_errors(decided: list[LineDecision], method: Method | None) -> list[FieldError]:
    if method is None:
        return []
    for one in decided:
        offered = [way.name for way in one.methods]
        if one.decision != "refused" and one.goods_come_back and method not in offered:
            message = f"{method} is not offered for line {one.order_line_id}; offered: {', '.join(offered)}."
            return [FieldError("method", "method_not_offered", message)]
    return []


def _fees(decided: list[LineDecision], request: Request) -> tuple[Fee, ...]:
    """The fee of the way back, once per return, and none when any line of it comes back by law or as an exception."""
    back = [one for one in decided if one.goods_come_back and one.decision != "refused"]
    if request.method is None or not back or any(one.basis != "contract" for one in back):
        return ()
    amount = max((way.fee for one in back for way in one.methods if way.name == request.method), default=0)
    return (Fee(kind="return", method=request.method, amount=amount),) if amount else ()
