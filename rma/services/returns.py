"""Reading returns and acting on them: one view, one list, every trigger, outcomes, offers and feedback."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from rma.db import tables
from rma.db.session import Work
from rma.domain import explain, units
from rma.domain.claims import Outcome
from rma.domain.decision import Decision, LineDecision
from rma.domain.events import Personal
from rma.domain.money import parse_money, percent, share, wire
from rma.domain.stretches import worth
from rma.errors import FieldError, Invalid, NotFound, Refused
from rma.services import accounts, books, cases_view, doors, evidence, outcomes, refund_dues, rejections, sight
from rma.services import case as cases
from rma.services.caller import Caller
from rma.services.case import Line
from rma.services.context import Services
from rma.services.filing import ReplacementIn
from rma.services.inputs import Prose
from rma.services.line_effects import needed, overrule, refused, the_case, the_root
from rma.services.transition import Door, Subject, effect

_decision = msgspec.json.Decoder(Decision).decode
WORST, BEST = 1, 5


class ActionBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The body of an action; which fields a trigger needs stands in the workflow."""

    reason: Prose | None = None
    score: int | None = None
    comment: Prose | None = None
    consent: dict[str, Any] | None = None


class ProductScore(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What the customer thinks of one product."""

    order_line_id: str
    score: int
    comment: Prose | None = None


class FeedbackIn(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """From 1 (bad) to 5 (very good)."""

    score: int
    comment: Prose | None = None
    lines: list[ProductScore] = []


class OutcomeIn(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Another outcome for a line, until its goods are inspected."""

    outcome: Outcome
    replacement: ReplacementIn | None = None


class OfferIn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Keep it for less: an amount for all units of the line, or a percentage of their price."""

    price_reduction: dict[str, Any]


def show(work: Work, services: Services, caller: Caller, return_id: str, *, locale: str) -> tuple[dict[str, Any], int]:
    """One return as this caller may see it, and its version."""
    door = doors.open_case(work, services, caller, return_id, lock=False)
    case = the_case(door)
    view = view_of(door, caller, locale=locale)
    return view, case.row["version"]


def view_of(door: Door, caller: Caller, *, locale: str) -> dict[str, Any]:
    """The whole return: lines with numbers, children, next deadline; money and contact only for who may see them."""
    case = the_case(door)
    currency = case.row["currency"]
    decided = _decision(cases.read_quote(door.work, case)).lines
    lines = []
    rejected = rejections.of_lines(door.work, case.id, case.lines)
    for index, line in enumerate(case.lines):
        judged = _judged(decided, index, line)
        explained = cases_view.decision_line(judged, currency, locale) if judged is not None else {}
        offered = sight.offer(line.doc.get("offer"), currency, open_=_is_answerable(door, line))
        more = {"offer": offered, "not_accepted": rejected.get(line.id, [])}
        lines.append({**explained, **cases_view.numbers(line), **more})
    view = {
        **cases_view.head(door, case, locale=locale, roles=caller.roles),
        "lines": lines,
        "parcels": [cases_view.parcel(s) for s in door.children("parcel")],
        "refunds": [cases_view.refund(door, s, locale=locale) for s in door.children("refund")],
        "replacements": [cases_view.replacement(s, currency) for s in door.children("replacement")],
        "balance": cases_view.still_due(door, case),
        "payout": accounts.shown(door, case),
        "due": refund_dues.shown(door, case),
    }
    return sight.of_return(view, caller)


def _judged(decided: tuple[LineDecision, ...], index: int, line: Line) -> LineDecision | None:
    """The decision on a line: they stand in the same order; a line that was added later has none of its own."""
    same = decided[index] if index < len(decided) else None
    if same is not None and same.order_line_id == line.order_line_id:
        return same
    return next((one for one in decided if one.order_line_id == line.order_line_id), None)


def act(
    work: Work,
    services: Services,
    caller: Caller,
    return_id: str,
    trigger: str,
    data: ActionBody,
    *,
    locale: str,
) -> tuple[dict[str, Any], int]:
    """Fire a trigger of the case. Refusals say why and what is allowed."""
    door = doors.open_case(work, services, caller, return_id, order=True)
    case, root = the_case(door), the_root(door)
    if trigger == "submit_evidence":
        evidence.reassess(door)
    if data.consent is not None:
        case.facts(cancel_consent=True)
        door.say(
            "return.evidence_added",
            {"kind": "consent", "consent": Personal(msgspec.json.encode(data.consent).decode())},
        )
    if trigger in ("reopen", "appeal", "dispute"):
        case.facts(reopened=True)
    if trigger in ("reopen", "appeal", "approve", "waive_goods"):
        overrule(case)
    if trigger in ("approve", "waive_goods") and case.fact("overruled"):
        case.facts(override=True)
        case.fixed_by(caller.actor)
    if trigger in ("reopen", "appeal"):
        _count_holders(door)
    if trigger == "ask_customer":
        case.facts(assessment="in_review", asked=data.reason)
    told: dict[str, Any] = {"reason": Personal(data.reason)} if data.reason else {}
    if trigger == "decline" and (against := explain.rights(_decision(cases.read_quote(work, case)).lines)):
        told["override"] = {**told, "articles": list(against)}
    fields = {k: v for k, v in msgspec.to_builtins(data).items() if v is not None and k != "consent"}
    doors.act(door, root, trigger, caller, data=told, fields=fields, language=locale)
    door.close()
    return view_of(door, caller, locale=locale), case.row["version"]


def _count_holders(door: Door) -> None:
    """Who holds units that the case would need again; the guard names them."""
    case = the_case(door)
    holders: list[str] = []
    for line in case.lines:
        if not refused(line) and units.count(door.own_order().free(line.order_line_id)) < needed(line):
            holders += door.order.holders(line.order_line_id, other_than=case.id) or ("?",)
    case.facts(units_held_by=holders)


class FeedbackGiven(msgspec.Struct, frozen=True, kw_only=True):
    """Feedback that was taken: of which return, where that stands now, and the score."""

    return_id: str
    state: str
    score: int
    version: int


def give_feedback(
    work: Work, services: Services, caller: Caller, return_id: str, data: FeedbackIn, *, locale: str
) -> FeedbackGiven:
    """Take the customer's feedback; once per closing."""
    errors = [FieldError("score", "range", "From 1 to 5.")] if not WORST <= data.score <= BEST else []
    door = doors.open_case(work, services, caller, return_id)
    known = {line.order_line_id for line in the_case(door).lines}
    for i, item in enumerate(data.lines):
        if item.order_line_id not in known:
            errors.append(FieldError(f"lines[{i}].order_line_id", "unknown", "The return has no such line."))
        if not WORST <= item.score <= BEST:
            errors.append(FieldError(f"lines[{i}].score", "range", "From 1 to 5."))
    if errors:
        raise Invalid("The feedback cannot be right.", errors=errors)
    fields = {"score": data.score, "comment": data.comment, "lines": msgspec.to_builtins(data.lines)}
    door.fire(the_root(door), "give_feedback", role="customer", fields=fields, language=locale)
    door.close()
    case = the_case(door)
    return FeedbackGiven(return_id=case.id, state=case.state, score=data.score, version=case.row["version"])


@effect("offer_feedback")
def offer_feedback(door: Door, _subject: Subject, _fields: dict[str, Any]) -> None:
    """Feedback is offered on the status page; mail only goes with recorded consent, decided when it is sent."""
    the_case(door).facts(feedback_offered=True)


@effect("record_feedback")
def record_feedback(door: Door, _subject: Subject, fields: dict[str, Any]) -> None:
    """Keep score and comments, and say so in the log."""
    case = the_case(door)
    door.work.session.add(
        tables.Feedback(
            id=door.work.new_id("fbk"),
            store_id=door.store.id,
            return_id=case.id,
            score=fields["score"],
            comment=fields.get("comment"),
            lines=fields.get("lines") or [],
            created_at=door.now,
        )
    )
    door.say("feedback.received", {"score": fields["score"]})


def change_outcome(
    work: Work, services: Services, caller: Caller, return_id: str, line_id: str, data: OutcomeIn, *, locale: str
) -> tuple[dict[str, Any], int]:
    """Another outcome for a line, quoted and reserved anew."""
    door = doors.open_case(work, services, caller, return_id, order=True)
    line = line_of(door, line_id)
    if not outcomes.is_open(door, line):
        raise outcomes.closed(door, line, locale=locale)
    outcomes.change(door, caller, line, data.outcome, data.replacement)
    door.close()
    return view_of(door, caller, locale=locale), the_case(door).row["version"]


def offer(
    work: Work, services: Services, caller: Caller, return_id: str, line_id: str, data: OfferIn, *, locale: str
) -> tuple[dict[str, Any], int]:
    """Offer the customer to keep the goods for less; who offers it approves nothing of it.

    ``Refused`` ``not_with_customer`` once they cannot be kept any more, ``Invalid`` for nothing or more than is left.
    """
    door = doors.open_case(work, services, caller, return_id, order=True)
    case, line = the_case(door), line_of(door, line_id)
    made = _offer(data, case.row["currency"])
    if not outcomes.may_keep(door, line):
        raise _not_with_customer()
    _check_worth(door, line, made)
    line.set(
        doc={**line.doc, "offer": {**made, "by": caller.actor, "at": msgspec.to_builtins(door.now), "answer": None}}
    )
    case.fixed_by(caller.actor)
    door.say("return.offered", {"line": line.id, **made})
    door.close()
    return view_of(door, caller, locale=locale), case.row["version"]


def _offer(data: OfferIn, currency: str) -> dict[str, Any]:
    asked = data.price_reduction
    if set(asked) == {"percent"}:
        percent(str(asked["percent"]), path="price_reduction.percent")
        return {"amount": None, "percent": str(asked["percent"])}
    if set(asked) == {"amount"}:
        return {"amount": parse_money(asked["amount"], currency, path="price_reduction.amount"), "percent": None}
    raise Invalid.field("price_reduction", "amount_or_percent", "An amount or a percent, one of them.")


def _check_worth(door: Door, line: Line, made: dict[str, Any]) -> None:
    """``Invalid`` for an offer of nothing, or of more than is left of what the line's units cost."""
    priced, line_id = door.order.priced, line.order_line_id
    left = worth(books.read(door.work, door.order).left(priced, line_id, line.reserved))
    price = priced.lines[line_id].values(line.reserved).gross
    amount = share(price, made["percent"]) if made["amount"] is None else made["amount"]
    if not 0 < amount <= left:
        path = "price_reduction.percent" if made["amount"] is None else "price_reduction.amount.amount"
        most = wire(left, priced.currency)["amount"]
        raise Invalid.field(path, "out_of_range", f"More than nothing, at most {most} {priced.currency}.")


def _not_with_customer() -> Refused:
    text = "The goods cannot be kept for less any more: they are on their way, were received, or the return has ended."
    return Refused(text, code="not_with_customer")


def _is_answerable(door: Door, line: Line) -> bool:
    """Whether an offer waits for an answer that can still be carried out."""
    made = line.doc.get("offer")
    return bool(made) and made.get("answer") is None and outcomes.may_keep(door, line)


def answer_offer(
    work: Work,
    services: Services,
    caller: Caller,
    return_id: str,
    line_id: str,
    answer: Literal["accept", "reject"],
    *,
    locale: str,
) -> tuple[dict[str, Any], int]:
    """The customer's answer to an offer: accepted, nothing comes back for this line."""
    door = doors.open_case(work, services, caller, return_id, order=True)
    line = line_of(door, line_id)
    made = line.doc.get("offer")
    if not made or made.get("answer") is not None:
        raise Refused("There is no offer to answer.", code="no_offer")
    if not outcomes.may_keep(door, line):
        raise _not_with_customer()
    line.set(doc={**line.doc, "offer": {**made, "answer": answer}})
    door.say("return.outcome_changed", {"line": line.id, "offer": answer})
    if answer == "accept":
        outcomes.keep_for_less(door, line)
    door.close()
    return view_of(door, caller, locale=locale), the_case(door).row["version"]


def line_of(door: Door, line_id: str) -> Line:
    """A line of the door's case by its own id or its order line's, or ``NotFound``."""
    case = the_case(door)
    same = [line for line in case.lines if line_id in (line.id, line.order_line_id)]
    if len(same) != 1:
        raise NotFound("There is no such line.")
    return same[0]
