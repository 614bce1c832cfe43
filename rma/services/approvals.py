"""What finance does with a refund: approve, refuse, retry, reconcile, resolve; and money back without goods."""

from __future__ import annotations

from datetime import date
from typing import Any, Literal

import msgspec

from rma.db.session import Work
from rma.domain import units
from rma.domain.asks import Part
from rma.domain.facts import RefundFacts
from rma.domain.money import parse_money, wire
from rma.domain.settlement import by_hand
from rma.domain.tenders import Transfer, check_transfers
from rma.domain.texts import is_blank
from rma.errors import Forbidden, Invalid, Reason, Refused, TotalChanged
from rma.services import accounts, anew, approvers, books, cases_view, gather, refund_acts, refunds, settling
from rma.services import case as cases
from rma.services.accounts import PayoutIn
from rma.services.caller import Caller
from rma.services.case import store_now
from rma.services.context import Services
from rma.services.inputs import BookNumber, Code, Prose
from rma.services.transition import Door, Subject


class Approve(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The total that the approver saw; another total is shown anew instead of approved."""

    expected_total: dict[str, str]


class Refuse(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Why finance does not pay this."""

    reason: Prose


class Retry(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Send a failed transfer again, or over another tender with the customer's recorded consent."""

    transfer_id: str
    tender: Code | None = None
    payout: PayoutIn | None = None
    consent: dict[str, Any] | None = None


class Resolve(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What became of a transfer that nobody can be asked about, with proof."""

    transfer_id: str
    outcome: Literal["succeeded", "failed"]
    proof: Prose


class TaxDocument(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The document in the books: what kind, which number, of which day."""

    kind: Code
    number: BookNumber
    date: date


class PatchRefund(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What may be added to a refund at any time."""

    tax_document: TaxDocument


class PartIn(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One line of money without goods, by what it pays with its tax: ``gross``, or ``amount`` for short."""

    kind: Literal["goods", "shipping", "paid_fee", "goodwill", "return_freight", "interest", "price_reduction"]
    gross: dict[str, str] | None = None
    amount: dict[str, str] | None = None
    order_line_id: str | None = None
    units: list[list[int]] | None = None
    ref: str | None = None


class OrderRefund(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Money back without goods, proposed by a person for a reason; ``payout`` where it goes to the bank."""

    components: list[PartIn]
    reason: Prose
    payout: PayoutIn | None = None


def approve(
    work: Work, services: Services, caller: Caller, refund_id: str, data: Approve, *, locale: str
) -> dict[str, Any]:
    """Approve what was shown. Above the store's limit two people do; nobody what they fixed themselves."""
    door, refund = _open(work, services, caller, refund_id)
    expected = parse_money(data.expected_total, refund.row["currency"], path="expected_total")
    found = books.read(work, door.order, but=refund.id)
    if refund.state == "proposed":
        _check_still_right(door, refund, found, expected)
    facts = _approval_facts(door, caller, refund, found, expected)
    door.fire(
        refund,
        "approve",
        role="finance",
        facts=facts,
        fields={"expected_total": expected},
        language=locale,
        data={"total": refund.row["total"], "currency": refund.row["currency"]},
    )
    door.close()
    return cases_view.refund(door, refund, locale=locale)


def _open(work: Work, services: Services, caller: Caller, refund_id: str) -> tuple[Door, Subject]:
    return refunds.open_door(work, services, caller.store_id, refund_id, actor=caller.actor, person=caller.person)


def _check_still_right(door: Door, refund: Subject, found: books.Books, expected: int) -> None:
    """Shipping-with-last and caps are decided here, under the order's lock: what changed is shown anew."""
    today = anew.today(door, refund, found)
    if today is None:
        return
    if anew.same(door, refund, *today):
        refund.set(doc={**refund.row["doc"], "points": today[0].points})
        return
    currency = refund.row["currency"]
    now_is = wire(today[0].total, currency)
    text = f"The refund is {now_is['amount']} {currency} by now; it was {wire(expected, currency)['amount']}."
    if today[0].total == refund.row["total"]:
        text = "How it is paid, or what the customer owes for a replacement, has changed."
    raise TotalChanged(
        text, reasons=[Reason(rule="total_as_shown", code="total_changed", text=text)], allowed=["approve"]
    )


def renew(work: Work, services: Services, caller: Caller, refund_id: str) -> None:
    """After ``TotalChanged``: the proposal shows what is right now; one that is worth nothing is withdrawn."""
    door, refund = _open(work, services, caller, refund_id)
    anew.renew(door, refund)
    door.close()


def _approval_facts(door: Door, caller: Caller, refund: Subject, found: books.Books, expected: int) -> RefundFacts:
    row, policy = refund.row, door.policy.refunds
    approvals = row["approvals"]
    needed = max(1, policy.approvers(row["total"], before=found.approved_total))
    people = {a["person"] for a in approvals if a.get("person")} | ({caller.person} if caller.person else set())
    named = caller.person is not None or row["total"] < policy.auto_approve_below
    return gather.refund(
        door,
        refund,
        total_as_shown=expected == row["total"],
        approver_named=named,
        independent=approvers.independent(door.work, door.services.catalog, caller, [*_fixers(refund), *approvals]),
        approvals=max(len(people), 1),
        approvals_needed=needed,
        within_caps=_within_caps(door, refund, found),
    )


def _fixers(refund: Subject) -> list[dict[str, Any]]:
    return [{"actor": actor} for actor in refund.row["doc"].get("fixers", [])]


def _within_caps(door: Door, refund: Subject, found: books.Books) -> bool:
    transfers = [
        Transfer(tender=t["tender"], amount=t["amount"], payment_id=t["payment_id"], on_behalf_of=t["on_behalf_of"])
        for t in door.transfers(refund)
    ]
    try:
        check_transfers(transfers, found.tenders)
    except Refused:
        return False
    return True


def refuse(
    work: Work, services: Services, caller: Caller, refund_id: str, data: Refuse, *, locale: str
) -> dict[str, Any]:
    """Finance says no: the case goes back to a person."""
    _named(caller)
    door, refund = _open(work, services, caller, refund_id)
    door.fire(refund, "refuse", role="finance", fields={"reason": data.reason}, language=locale)
    if door.case is None:
        refunds.propose_freed(door, refund)
    door.close()
    return cases_view.refund(door, refund, locale=locale)


def retry(
    work: Work, services: Services, caller: Caller, refund_id: str, data: Retry, *, locale: str
) -> dict[str, Any]:
    """Send a failed transfer again; over another tender only with consent, and approved anew."""
    door, refund = _open(work, services, caller, refund_id)
    row = refunds.transfer_of(door, refund, data.transfer_id)
    waits = refund.state == "proposed" and row["state"] == "pending" and refund.row["doc"].get("redirected")
    if row["state"] != "failed" and not waits:
        raise Refused(f"Only a failed transfer is retried; this one is {row['state']}.", code="transfer_not_failed")
    redirected = data.tender is not None and data.tender != row["tender"]
    if redirected and data.tender == "bank_transfer" and data.payout is None:
        raise Invalid.field("payout", "required", "A bank transfer needs an account.")
    facts = gather.refund(
        door,
        refund,
        approver_named=caller.person is not None,
        redirected=redirected,
        redirect_consented=bool(data.consent),
    )
    fields = {"transfer_id": data.transfer_id, "tender": data.tender, "payout": accounts.kept(data.payout)}
    if redirected:
        fixers = [*refund.row["doc"].get("fixers", []), caller.actor]
        refund.set(doc={**refund.row["doc"], "fixers": fixers, "consent": data.consent})
    door.fire(
        refund,
        "retry",
        role="finance",
        facts=facts,
        fields=fields,
        language=locale,
        data={"transfer": data.transfer_id},
    )
    door.close()
    return cases_view.refund(door, refund, locale=locale)


def reconcile(work: Work, services: Services, caller: Caller, refund_id: str, *, locale: str) -> dict[str, Any]:
    """Ask the provider what became of it; nothing is sent."""
    door, refund = _open(work, services, caller, refund_id)
    door.fire(refund, "reconcile", role="finance", language=locale)
    door.close()
    return cases_view.refund(door, refund, locale=locale)


def resolve(
    work: Work, services: Services, caller: Caller, refund_id: str, data: Resolve, *, locale: str
) -> dict[str, Any]:
    """Two people say with proof what became of a transfer whose provider cannot be asked."""
    door, refund = _open(work, services, caller, refund_id)
    row = refunds.transfer_of(door, refund, data.transfer_id)
    if is_blank(data.proof):
        raise Invalid.field("proof", "required", "A resolution needs a proof.")
    if refund.state == "unknown" and row["state"] != "unknown":
        raise Refused(f"Only an unknown transfer is resolved; this one is {row['state']}.", code="transfer_not_unknown")
    facts = gather.refund(
        door,
        refund,
        approver_named=caller.person is not None,
        resolutions=1 + _agreed(door, caller, refund, row, data.outcome),
        can_ask=can_ask(door, row),
    )
    door.fire(refund, "resolve", role="finance", facts=facts, fields=msgspec.to_builtins(data), language=locale)
    door.close()
    return cases_view.refund(door, refund, locale=locale)


def _agreed(door: Door, caller: Caller, refund: Subject, row: dict[str, Any], outcome: str) -> bool:
    """Whether somebody else than the caller has said the same of this attempt to send it."""
    said = {"transfer_id": row["id"], "attempt": row["attempt"], "outcome": outcome}
    same = [one for one in refund.row["doc"].get("resolutions", []) if said.items() <= one.items()]
    return any(approvers.independent(door.work, door.services.catalog, caller, [one]) for one in same)


def can_ask(door: Door, row: dict[str, Any]) -> bool:
    """True if somebody outside knows what became of this transfer."""
    provider = refund_acts.provider_of(door.services, door.store, row)
    return provider is not None and provider.can_lookup


def _named(caller: Caller) -> None:
    if caller.person is None:
        raise Forbidden("A key without a person decides nothing about money.", code="person_required")


def patch(
    work: Work, services: Services, caller: Caller, refund_id: str, data: PatchRefund, *, locale: str
) -> dict[str, Any]:
    """Keep the tax document's number for the books."""
    door, refund = _open(work, services, caller, refund_id)
    document = msgspec.to_builtins(data.tax_document)
    refund.set(doc={**refund.row["doc"], "tax_document": document})
    door.say("refund.tax_document", {"id": refund.id, **document})
    door.close()
    return cases_view.refund(door, refund, locale=locale)


def propose_by_hand(
    work: Work, services: Services, caller: Caller, number: str, data: OrderRefund, *, locale: str
) -> dict[str, Any]:
    """Propose money back without goods; the proposer approves nothing of it."""
    if is_blank(data.reason):
        raise Invalid.field("reason", "required", "Money without goods needs a reason.")
    store = services.catalog.store(work, caller.store_id)
    row = cases.lock_order(work, store.id, number)
    now = store_now(work, row["clock_offset"])
    door = Door(work, services, store=store, now=now, actor=caller.actor, case=None, order=row, person=caller.person)
    found = books.read(work, door.order)
    parts = [_part(i, item, door.order.order.currency, data.reason) for i, item in enumerate(data.components)]
    if not parts:
        raise Invalid.field("components", "required", "Name at least one component.")
    settlement = by_hand(
        door.order.priced,
        past=found.past,
        tenders=found.tenders,
        parts=parts,
        mode=door.policy.refunds.tenders,
        language=locale,
    )
    settling.freeze_values(work, door.order, door.policy.version)
    account = accounts.kept(data.payout)
    refund = refunds.propose(door, settlement, None, by_hand=True, fixers=[caller.actor])
    refund.set(doc={**refund.row["doc"], "reason": data.reason})
    if account is not None:
        refund.set(payout=msgspec.json.encode(account).decode())
    door.close()
    return cases_view.refund(door, refund, locale=locale)


def _part(i: int, item: PartIn, currency: str, reason: str) -> Part:
    path = f"components[{i}]"
    if item.gross is not None and item.amount is not None:
        raise Invalid.field(f"{path}.amount", "gross_or_amount", "`gross` or `amount`, one of them.")
    name, stated = ("gross", item.gross) if item.gross is not None else ("amount", item.amount)
    amount = parse_money(stated, currency, path=f"{path}.{name}") if stated is not None else None
    ranges = units.parse(item.units, path=f"{path}.units") if item.units else ()
    return Part(kind=item.kind, amount=amount, order_line_id=item.order_line_id, units=ranges, ref=item.ref, why=reason)
