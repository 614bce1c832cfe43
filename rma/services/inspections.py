"""Inspections: what received units are worth, where they go, and the refund that follows for those accepted."""

from __future__ import annotations

from collections import Counter
from typing import Any, Literal

import msgspec
import sqlalchemy as sa

from rma.db import hot, tables
from rma.db.session import Work
from rma.domain import units
from rma.domain.calendar import local_date
from rma.domain.events import Personal
from rma.domain.law_rights import told_by, value_loss
from rma.domain.money import parse_money, percent, wire
from rma.domain.texts import is_blank
from rma.errors import FieldError, Forbidden, Invalid, Reason, Refused
from rma.services import cases_view, doors
from rma.services.caller import Caller
from rma.services.case import Line
from rma.services.context import Services
from rma.services.filing import OverrideIn
from rma.services.inputs import Prose
from rma.services.line_effects import (
    accept,
    overturn,
    overturnable,
    refused,
    reject,
    remember,
    reserve_missing,
    the_case,
    the_root,
)
from rma.services.transition import Door

_inspections = tables.table(tables.Inspection)
_INSERT = hot.insert(_inspections)
_evidence = tables.table(tables.Evidence)
_products = tables.table(tables.Product)
_RESTOCK = hot.Hot(
    sa.update(_products)
    .where(
        _products.c.store_id == sa.bindparam("store"),
        _products.c.sku == sa.bindparam("which"),
        _products.c.stock.is_not(None),
    )
    .values(stock=_products.c.stock + sa.bindparam("quantity"))
)
Disposition = Literal[
    "restock",
    "restock_b",
    "refurbish",
    "repair",
    "return_to_vendor",
    "donate",
    "recycle",
    "destroy",
    "quarantine",
    "send_back",
]


class DeductionIn(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What is held back, and why: an amount or a percentage of the units' price.

    ``override``: why a person with the scope for it deducts where the law of the withdrawal knows no such deduction.
    """

    reason: Prose
    amount: dict[str, str] | None = None
    percent: str | None = None
    override: OverrideIn | None = None


class JudgedIn(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Units of one line that were judged alike."""

    line_id: str
    quantity: int
    grade: Literal["A", "B", "C", "D"]
    disposition: Disposition
    verdict: Literal["accept", "part", "reject"]
    deduction: DeductionIn | None = None
    reason: Prose | None = None
    note: Prose | None = None
    evidence_ids: list[str] = []


class NewInspection(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One look at received goods."""

    lines: list[JudgedIn]


def inspect(
    work: Work,
    services: Services,
    caller: Caller,
    return_id: str,
    data: NewInspection,
    *,
    locale: str,
) -> dict[str, Any]:
    """Judge received units; a refund is proposed for those accepted, the rest of the case goes on."""
    door = doors.open_case(work, services, caller, return_id, order=True)
    door.language = locale
    _check(door, data)
    reserve_missing(door)
    _gives_back(door, data)
    told = _against_the_law(door, caller, data)
    rows = [_judge(door, caller, item, path=f"lines[{i}]") for i, item in enumerate(data.lines)]
    told["inspections"] = [row["id"] for row in rows]
    doors.act(door, the_root(door), "inspect", caller, data=told)
    _restock(door, data)
    door.close()
    _INSERT.run_many(work, rows)
    case = the_case(door)
    shown = [
        {key: row[key] for key in ("id", "line_id", "quantity", "grade", "disposition", "verdict")} for row in rows
    ]
    return {
        "return_id": case.id,
        "state": case.state,
        "version": case.row["version"],
        "inspections": shown,
        "lines": [cases_view.numbers(line) for line in case.lines],
        "refunds": [cases_view.refund(door, s, locale=locale) for s in door.children("refund")]
        if caller.may("refunds:read", "refunds:approve", "refunds:propose", "returns:read")
        else [{"id": s.id, "state": s.state} for s in door.children("refund")],
    }


def _check(door: Door, data: NewInspection) -> None:
    errors: list[FieldError] = (
        [] if data.lines else [FieldError("lines", "required", "An inspection judges something.")]
    )
    for i, item in enumerate(data.lines):
        if the_case(door).line(item.line_id) is None:
            errors.append(FieldError(f"lines[{i}].line_id", "unknown", "The return has no such line."))
        else:
            errors += _item_errors(door, i, item)
    if errors:
        raise Invalid("The inspection cannot be right.", errors=errors)


def _unjudged(line: Line) -> int:
    return int(line.received - (line.accepted - line.doc.get("waived", 0)) - line.rejected)


def _make_room(door: Door, line: Line, item: JudgedIn) -> None:
    """``Refused`` for more units than wait for a judgement; after a reopening, earlier judgements are overturned."""
    over = item.quantity - _unjudged(line)
    if over <= 0:
        return
    if not the_case(door).fact("reopened") or over > units.count(overturnable(line, item.verdict)):
        text = f"{_unjudged(line)} received units of line {line.id} wait for a judgement."
        reason = Reason(rule="received", code="more_than_received", text=text)
        raise Refused(text, code="more_than_received", reasons=[reason], allowed=["receive"])
    overturn(line, over, item.verdict)


def _item_errors(door: Door, i: int, item: JudgedIn) -> list[FieldError]:
    path, errors = f"lines[{i}]", []
    if item.quantity < 1:
        errors.append(FieldError(f"{path}.quantity", "not_positive", "At least 1."))
    if item.verdict == "part" and item.deduction is None:
        errors.append(FieldError(f"{path}.deduction", "required", "A part needs a deduction."))
    if item.verdict != "part" and item.deduction is not None:
        errors.append(FieldError(f"{path}.deduction", "unexpected", "Only a part has a deduction."))
    if item.verdict == "reject" and is_blank(item.reason or ""):
        errors.append(FieldError(f"{path}.reason", "required", "A rejection needs a reason."))
    if item.verdict == "accept" and item.disposition == "send_back":
        errors.append(FieldError(f"{path}.disposition", "verdict", "What is accepted is not sent back."))
    if item.deduction is not None:
        errors += _deduction_errors(door, f"{path}.deduction", item.deduction)
    return errors + _evidence_errors(door, f"{path}.evidence_ids", item)


def _deduction_errors(door: Door, path: str, item: DeductionIn) -> list[FieldError]:
    if (item.amount is None) == (item.percent is None):
        return [FieldError(path, "amount_or_percent", "An amount or a percentage, one of them.")]
    if is_blank(item.reason):
        return [FieldError(f"{path}.reason", "required", "A deduction needs a reason.")]
    if item.override is not None and is_blank(item.override.reason):
        return [FieldError(f"{path}.override.reason", "required", "An override needs a reason.")]
    try:
        if item.amount is not None:
            parse_money(item.amount, the_case(door).row["currency"], path=f"{path}.amount")
        else:
            percent(item.percent or "", path=f"{path}.percent")
    except Invalid as fault:
        return list(fault.errors)
    return []


def _evidence_errors(door: Door, path: str, item: JudgedIn) -> list[FieldError]:
    kinds: dict[str, str] = {}
    if item.evidence_ids:
        of_return = (_evidence.c.return_id == the_case(door).id, _evidence.c.id.in_(item.evidence_ids))
        kinds = {
            row.id: row.kind
            for row in door.work.conn.execute(sa.select(_evidence.c.id, _evidence.c.kind).where(*of_return))
        }
    if not kinds.keys() >= set(item.evidence_ids):
        return [FieldError(path, "unknown", "The return has no such file.")]
    if item.grade == "D" and "photo" not in kinds.values():
        return [FieldError(path, "photo_required", "Grade D needs a photo of this return.")]
    return []


def _judge(door: Door, caller: Caller, item: JudgedIn, *, path: str) -> dict[str, Any]:
    case = the_case(door)
    line = case.line(item.line_id)
    if line is None:
        raise LookupError(item.line_id)
    _make_room(door, line, item)
    if refused(line) and item.verdict != "reject":
        text = f"The rules refused line {line.id}: reject it, or dispute the return so that a person decides."
        raise Refused(text, code="line_refused", allowed=["dispute"])
    chosen = reject(line, item.quantity) if item.verdict == "reject" else accept(line, item.quantity)
    if item.deduction is not None:
        _check_worth(door, line, item.deduction, chosen, path=f"{path}.deduction.amount")
        _deduct(door, caller, line, item.deduction, chosen)
    if item.verdict == "reject" and item.disposition == "send_back":
        remember(line, send_back=line.doc.get("send_back", 0) + item.quantity)
    told: dict[str, Any] = {"line": line.id, "quantity": item.quantity, "grade": item.grade, "verdict": item.verdict}
    told |= {"units": [list(r) for r in chosen], "disposition": item.disposition}
    if item.reason:
        told["reason"] = Personal(item.reason)
    door.say("line.graded", told)
    door.say("line.dispositioned", {"line": line.id, "quantity": item.quantity, "disposition": item.disposition})
    doc = {"reason": item.reason, "units": chosen, "evidence_ids": item.evidence_ids}
    doc["deduction"] = msgspec.to_builtins(item.deduction) if item.deduction else None
    return {
        "id": door.work.new_id("ins"),
        "store_id": door.store.id,
        "return_id": case.id,
        "line_id": line.id,
        "quantity": item.quantity,
        "grade": item.grade,
        "disposition": item.disposition,
        "verdict": item.verdict,
        "note": item.note,
        "doc": msgspec.to_builtins(doc),
        "by": caller.actor,
        "created_at": door.now,
    }


def _check_worth(door: Door, line: Line, item: DeductionIn, chosen: units.Ranges, *, path: str) -> None:
    """``Invalid`` for more than was paid for these units."""
    worth = door.own_order().priced.lines[line.order_line_id].values(chosen).gross
    currency = the_case(door).row["currency"]
    if chosen and item.amount is not None and parse_money(item.amount, currency, path=path) > worth:
        most = wire(worth, currency)["amount"]
        raise Invalid.field(path, "above_value", f"At most {most} {currency}, what was paid for these units.")


def _deduct(door: Door, caller: Caller, line: Line, item: DeductionIn, chosen: units.Ranges) -> None:
    """Keep the deduction for the next proposal; who fixed it approves nothing of it."""
    case = the_case(door)
    amount = parse_money(item.amount, case.row["currency"], path="deduction.amount") if item.amount else None
    entry = {"cause": "value_loss", "amount": amount, "percent": item.percent, "why": item.reason}
    remember(line, deductions=[*line.doc.get("deductions", []), {**entry, "units": [list(r) for r in chosen]}])
    case.fixed_by(caller.actor)


def _against_the_law(door: Door, caller: Caller, data: NewInspection) -> dict[str, Any]:
    """What the event says of deductions that a person made although the law knows none; ``Refused`` without one."""
    found: dict[str, str] = {}
    for item in data.lines:
        line = the_case(door).line(item.line_id)
        if line is None or item.deduction is None or line.basis != "statutory" or line.kind != "withdrawal":
            continue
        if article := _no_value_loss(door, item.deduction):
            if not caller.may("returns:override"):
                raise Forbidden("An override needs the scope returns:override.")
            found[article] = item.deduction.override.reason if item.deduction.override else ""
    if not found:
        return {}
    reasons = Personal("\n".join(dict.fromkeys(found.values())))
    return {"override": {"by": caller.actor, "reason": reasons, "articles": list(found)}}


def _gives_back(door: Door, data: NewInspection) -> None:
    """``Refused`` where goods of a withdrawal by law were to be kept, or destroyed, without their money.

    The condition of goods is no reason against a withdrawal (CRD art. 14(2), Law 6502 art. 48/4): what the law lets the
    store deduct is a ``part``. What is not accepted, because it is not what was sold, goes back to the customer; what
    nobody can tell yet is disputed, so that a person decides.
    """
    for item in data.lines:
        line = the_case(door).line(item.line_id)
        if line is not None and item.verdict == "reject" and item.disposition != "send_back" and _by_law(line):
            text = f"Line {line.id} is withdrawn from by law: what is not paid for goes back to the customer."
            reason = Reason(rule="withdrawal", code="rejected_goods_kept", text=text)
            raise Refused(
                text, code="rejected_goods_kept", reasons=[reason], allowed=["accept", "send_back", "dispute"]
            )


def _by_law(line: Line) -> bool:
    return bool(line.basis == "statutory" and line.kind == "withdrawal" and not refused(line))


def _no_value_loss(door: Door, item: DeductionIn) -> str | None:
    """The article that knows no deduction for the use of the goods and is set aside; ``Refused`` where it is not.

    A consumer who was not told of the right before the contract owes nothing whoever decides (CRD art. 14(2), CCR reg
    34(11)); Turkish law has no formula for more than normal use (Law 6502 art. 48/4), so nobody deducts as a routine.
    """
    rule = value_loss(door.order.law)
    article = rule.article if rule else None
    if not told_by(door.order.told, local_date(door.order.order.ordered_at, door.order.timezone)):
        raise _not_allowed("The consumer was not told of the right to withdraw before the contract", article)
    if rule is None or rule.allowed != "never":
        return None
    if item.override is None:
        raise _not_allowed("The law of this withdrawal knows no deduction for the use of the goods", article)
    return rule.article


def _not_allowed(why: str, article: str | None) -> Refused:
    text = f"{why}: no loss of value may be deducted."
    reason = Reason(rule="value_loss", code="value_loss_not_allowed", text=text, article=article)
    return Refused(text, code="value_loss_not_allowed", reasons=[reason], allowed=["accept"])


def _restock(door: Door, data: NewInspection) -> None:
    """Put on the shelf what goes there: one row a product, in the order of their skus."""
    found: Counter[str] = Counter()
    for item in data.lines:
        line = the_case(door).line(item.line_id)
        if line is not None and item.disposition == "restock":
            found[line.sku] += item.quantity
    rows = [{"store": door.store.id, "which": sku, "quantity": n} for sku, n in sorted(found.items())]
    _RESTOCK.run_many(door.work, rows)
