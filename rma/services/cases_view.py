"""How a quote, a return and its children look to a caller. Encoded once; the same bytes answer a repetition."""

from __future__ import annotations

from datetime import date, datetime
from typing import TYPE_CHECKING, Any

import msgspec

from rma.domain import calendar, engine, explain
from rma.domain.asks import Settlement
from rma.domain.components import Component, write_component
from rma.domain.decision import Decision, LineDecision
from rma.domain.law_refund import NO_CLOCK, RefundFacts, refund_due_of_all
from rma.domain.money import wire
from rma.domain.policy import Policy
from rma.domain.texts import say
from rma.services import deadlines, gather, law
from rma.services.line_effects import the_case
from rma.services.refund_dues import MONEY
from rma.services.settling import Plan

if TYPE_CHECKING:
    from rma.services.assess import OrderView
    from rma.services.case import Case
    from rma.services.catalog import StoreInfo
    from rma.services.transition import Door, Subject

_PAID_OR_NOT = frozenset({"succeeded", "refused"})
_NOT_OWED = frozenset({"delivered", "released"})
NUMBERS = ("requested", "expected", "received", "missing", "accepted", "rejected", "settled")


def decision_line(line: LineDecision, currency: str, locale: str) -> dict[str, Any]:
    """One line of a decision for people: what, why, until when, what may be chosen."""
    wanted = line.evidence
    return {
        "order_line_id": line.order_line_id,
        "quantity": line.quantity,
        "kind": line.kind,
        "decision": line.decision,
        "basis": line.basis,
        "explanation": say(explain.sentence(line), locale),
        "decided_by": explain.decided_by(line),
        "reasons": [why.reason(locale) for why in line.reasons],
        "overrode": [why.reason(locale) for why in line.overrode],
        "last_day": line.last_day,
        "estimated": line.estimated,
        "outcome": line.outcome,
        "outcomes": list(line.outcomes),
        "outcomes_by_law": [msgspec.structs.asdict(one) for one in line.by_law],
        "methods": [{"method": w.name, "fee": wire(w.fee, currency), "paid_by": w.paid_by} for w in line.methods],
        "goods_come_back": line.goods_come_back,
        "evidence": None
        if wanted is None
        else {
            "kinds": list(wanted.kinds),
            "at_least": wanted.at_least,
            "held": wanted.held,
            "carrier_report": wanted.carrier_report,
        },
        "way_back_paid_by": line.way_back_paid_by,
    }


def settlement(found: Settlement, currency: str, locale: str) -> dict[str, Any]:
    """The money of a quote, in the shape of a refund that is not there yet."""
    return {
        "components": [write_component(c, currency, language=locale) for c in found.components],
        "total": wire(found.total, currency),
        "transfers": [
            {
                "tender": t.tender,
                "payment_id": t.payment_id,
                "on_behalf_of": t.on_behalf_of,
                "amount": wire(t.amount, currency),
                "bonus": wire(t.bonus, currency) if t.bonus else None,
            }
            for t in found.transfers
        ],
        "short": wire(found.short, currency) if found.short else None,
        "points": found.points,
        "flags": list(found.flags),
    }


def quote(
    view: OrderView, policy: Policy, decision: Decision, plan: Plan, *, store: StoreInfo, now: datetime, locale: str
) -> dict[str, Any]:
    """The answer to a quote; ``errors`` say what would refuse the filing."""
    currency = view.order.currency
    valid_until = calendar.last_instant(calendar.local_date(now, view.timezone), view.timezone)
    return {
        "decision": decision.assessment,
        "lines": [decision_line(line, currency, locale) for line in decision.lines],
        "errors": list(decision.errors),
        "refund": settlement(plan.settlement, currency, locale),
        "balance": _balance(plan, currency, valid_until),
        "policy_version": decision.policy_version,
        "law": decision.law,
        "laws": law.applied(decision.law, view.country, store=store.country),
        "refund_due": promise(view, policy, decision, plan, store=store, now=now),
        "store": store.slug,
    }


def _balance(plan: Plan, currency: str, valid_until: datetime) -> dict[str, Any]:
    return {
        "due_to_customer": wire(plan.settlement.total, currency),
        "due_from_customer": wire(plan.settlement.due_from_customer, currency),
        "valid_until": valid_until,
    }


def still_due(door: Door, case: Case) -> dict[str, Any]:
    """What is open now: refunds proposed or under way, and what the customer still owes for replacements."""
    moving = [t for s in door.children("refund") if s.state not in _PAID_OR_NOT for t in door.transfers(s)]
    awaited = [s.row for s in door.children("replacement") if s.state not in _NOT_OWED]
    currency = case.row["currency"]
    return {
        "due_to_customer": wire(sum(t["amount"] for t in moving if t["state"] != "succeeded"), currency),
        "due_from_customer": wire(
            sum(max(0, row["due_from_customer"] - row["doc"].get("paid", 0)) for row in awaited), currency
        ),
        "valid_until": None,
    }


def promise(
    view: OrderView, policy: Policy, decision: Decision, plan: Plan, *, store: StoreInfo, now: datetime
) -> dict[str, Any]:
    """By when the money comes: the shop's promise, the law's latest day, what starts its clock, and its article.

    All of it is None where no money is to come: what is refused, repaired or exchanged for as much brings none.
    """
    today = calendar.local_date(now, view.timezone)
    pairs = zip(decision.lines, plan.reasons, strict=True)
    going = [(line, reason) for line, reason in pairs if line.decision != "refused" and _brings_money(line, plan)]
    if not going:
        return dict.fromkeys(("by", "legal", "starts_when", "article", "promise_days"))
    comes_back = any(line.goods_come_back for line, _reason in going)
    legal = NO_CLOCK
    by_right = [
        _clock(view, line, today, named=policy.carrier_named(policy.terms(reason, line.filed_kind)))
        for line, reason in going
        if line.basis == "statutory"
    ]
    if by_right:
        law_on = law.lookup(store, view.country, region=view.region, kept=view.law.reference)
        legal = refund_due_of_all(law_on, by_right)
    at_once = decision.auto_approve and not comes_back
    promised = calendar.add_days(today, policy.refunds.promise_days) if at_once else None
    return {
        "by": min(filter(None, (promised, legal.by)), default=None),
        "legal": legal.by,
        "starts_when": legal.starts_when if legal.article else "goods_accepted" if comes_back else "approved",
        "article": legal.article,
        "promise_days": policy.refunds.promise_days,
    }


def _clock(view: OrderView, line: LineDecision, notice: date, *, named: bool) -> RefundFacts:
    """What starts the clock of one line; ``named``: the store named a carrier for it that could be used."""
    ordered = view.order.line(line.order_line_id)
    return RefundFacts(
        notice=notice,
        kind=line.kind,
        delivered=line.delivered,
        service=ordered is not None and ordered.is_service,
        carrier="named" if named else "none_named",
    )


def _brings_money(line: LineDecision, plan: Plan) -> bool:
    """Whether money may follow for a line: by its outcome, and of an exchange what it was worth more."""
    return line.outcome in MONEY or (line.outcome == "exchange" and plan.settlement.total > 0)


def filed(
    door: Door,
    view: OrderView,
    policy: Policy,
    decision: Decision,
    plan: Plan,
    *,
    token: str,
    locale: str,
    roles: frozenset[str],
) -> dict[str, Any]:
    """The answer to a filing: the return, what was decided, and the customer's link, this once."""
    quoted = quote(view, policy, decision, plan, store=door.store, now=door.now, locale=locale)
    case = the_case(door)
    url = f"{door.services.settings.url}/{door.store.slug}/r/{token}"
    return {
        **quoted,
        **head(door, case, locale=locale, roles=roles),
        "decision": quoted["decision"],
        "lines": [{**line, **numbers(row)} for line, row in zip(quoted["lines"], case.lines, strict=True)],
        "parcels": [parcel(s) for s in door.children("parcel")],
        "refunds": [refund(door, s, locale=locale) for s in door.children("refund")],
        "replacements": [replacement(s, case.row["currency"]) for s in door.children("replacement")],
        "link": {"token": token, "url": url},
    }


def head(door: Door, case: Case, *, locale: str, roles: frozenset[str], due: Any = None) -> dict[str, Any]:
    """What a return is and who is next."""
    row = case.row
    root = door.root
    allowed: set[str] = set()
    label = ""
    if root is not None:
        facts = gather.facts(door, root)
        allowed.update(engine.allowed_to(root.definition, root.state, roles=roles, facts=facts))
        label = say(root.definition.states[root.state].label, locale)
    found = due if due is not None else deadlines.opened_for(door)
    return {
        "id": row["id"],
        "rma_number": row["rma_number"],
        "order_number": row["order_number"],
        "kind": row["kind"],
        "state": row["state"],
        "state_label": label,
        "waits_for": row["waits_for"],
        "allowed": sorted(allowed),
        "method": row["method"],
        "policy_version": row["policy_version"],
        "law": row["law"],
        "workflow": {"name": row["workflow"], "version": row["workflow_version"]},
        "next_deadline": deadline(found) if found else None,
        "created_at": row["created_at"],
        "updated_at": row["updated_at"],
        "version": row["version"],
    }


def deadline(row: Any) -> dict[str, Any]:
    """A deadline: what, since when, its three dates, the one that binds, and whom it waits for."""
    get = row.get if isinstance(row, dict) else lambda name: getattr(row, name)
    return {
        "name": get("name"),
        "waits_for": get("waits_for"),
        "since": get("since"),
        "raw": get("raw"),
        "strict": get("strict"),
        "lenient": get("lenient"),
        "due_at": get("due_at"),
        "fires": get("fire"),
    }


def numbers(line: Any) -> dict[str, Any]:
    """The numbers of a return line, and what it is a line of."""
    row = line.row
    shown: dict[str, Any] = {name: row[name] for name in NUMBERS}
    return {
        "id": row["id"],
        "order_line_id": row["order_line_id"],
        "sku": row["sku"],
        "name": row["doc"].get("name", ""),
        "reason": row["reason"],
        "outcome": row["outcome"],
        "units": [list(r) for r in row["units"]],
        **shown,
    }


def parcel(subject: Subject) -> dict[str, Any]:
    """A parcel for people and programs; ``cost`` is what the customer paid for it."""
    row = subject.row
    return {
        "id": row["id"],
        "return_id": row["return_id"],
        "direction": row["direction"],
        "state": row["state"],
        "method": row["method"],
        "carrier": row["carrier"],
        "tracking": row["tracking"],
        "code": row["code"],
        "expires_on": row["expires_on"],
        "handed_over_at": row["handed_over_at"],
        "delivered_at": row["delivered_at"],
        "lines": row["lines"],
        "cost": row["doc"].get("cost"),
        "version": row["version"],
        "created_at": row["created_at"],
    }


def refund(door: Door, subject: Subject, *, locale: str) -> dict[str, Any]:
    """A refund with every line of its computation, its transfers and approvals."""
    return refund_row(subject.row, door.transfers(subject), locale=locale)


def refund_row(row: dict[str, Any], transfers: list[dict[str, Any]], *, locale: str) -> dict[str, Any]:
    """The same from rows."""
    currency, doc = row["currency"], row["doc"]
    return {
        "id": row["id"],
        "return_id": row["return_id"],
        "order_number": row["order_number"],
        "state": row["state"],
        "version": row["version"],
        "components": [
            write_component(msgspec.convert(c, Component), currency, language=locale) for c in row["components"]
        ],
        "total": wire(row["total"], currency),
        "transfers": [transfer(t, currency) for t in transfers],
        "due": {"promise": row["due_promise"], "legal": row["due_legal"], "article": row["article"]},
        "requested_by": doc.get("requested_by", []),
        "approvals": [{"person": a.get("person") or a.get("actor"), "at": a["at"]} for a in row["approvals"]],
        "flags": doc.get("flags", []),
        "short": wire(doc["short"], currency) if doc.get("short") else None,
        "points": doc.get("points", 0),
        "tax_document": doc.get("tax_document"),
        "created_at": row["created_at"],
    }


def transfer(row: dict[str, Any], currency: str) -> dict[str, Any]:
    """One movement of money over one tender."""
    return {
        "id": row["id"],
        "tender": row["tender"],
        "payment_id": row["payment_id"],
        "on_behalf_of": row["on_behalf_of"],
        "amount": wire(row["amount"], currency),
        "state": row["state"],
        "provider_reference": row["provider_reference"],
        "error": row["error"],
        "attempt": row["attempt"],
    }


def replacement(subject: Subject, currency: str) -> dict[str, Any]:
    """Exchange goods and what the customer still owes for them."""
    row = subject.row
    return {
        "id": row["id"],
        "return_id": row["return_id"],
        "line_id": row["return_line_id"],
        "state": row["state"],
        "sku": row["sku"],
        "quantity": row["quantity"],
        "price": wire(row["unit_value"], currency),
        "due_from_customer": wire(row["due_from_customer"], currency),
        "paid": wire(row["doc"].get("paid", 0), currency),
        "carrier": row["doc"].get("carrier"),
        "tracking": row["doc"].get("tracking"),
        "version": row["version"],
        "created_at": row["created_at"],
    }
