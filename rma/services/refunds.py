"""Money back: proposed from what was accepted, approved by people, frozen, sent once per transfer.

Caps per tender and shipping-with-last are decided under the order's lock, at the proposal and again at the approval.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from rma.db import hot
from rma.db.session import Work
from rma.domain import calendar, units
from rma.domain.asks import Ask, Settlement
from rma.domain.claims import LIABILITY
from rma.domain.events import Personal
from rma.domain.law_refund import NO_CLOCK
from rma.domain.settlement import settle
from rma.domain.tenders import TRANSFER
from rma.errors import NotFound, RmaError
from rma.services import (
    approvers,
    assess,
    books,
    children,
    differences,
    freight,
    gather,
    interest,
    line_money,
    naming,
    refund_dues,
    rests,
    settling,
)
from rma.services import case as cases
from rma.services.case import Case, Line, store_now
from rma.services.context import Services
from rma.services.deadlines import time_zone
from rma.services.line_effects import ranges, remember, settle_number, the_case
from rma.services.naming import Name
from rma.services.transition import Door, Subject, effect


def open_door(
    work: Work,
    services: Services,
    store_id: str,
    refund_id: str,
    *,
    actor: str,
    person: str | None = None,
    alone: bool = False,
    more: Sequence[hot.Read] = (),
) -> tuple[Door, Subject]:
    """A door on a refund: locks order → return, or the return ``alone`` (for an answer of a provider).

    Only a refund that has a return is locked alone. ``more`` is read ahead under the locks.
    """
    store = services.catalog.store(work, store_id)
    name = naming.named(store_id, "refund", refund_id)
    with_order = work.wide or not alone
    hot.ahead(work, *_reads(name, with_order=with_order), *more)
    row = find(work, store_id, refund_id)
    order = cases.lock_order_of(work, name) if with_order else None
    case = cases.load(work, name) if row["return_id"] else None
    offset = case.clock_offset if case is not None else (order or {})["clock_offset"]
    now = store_now(work, offset)
    door = Door(
        work, services, store=store, now=now, actor=actor, case=case, order=order, order_name=name, person=person
    )
    refund = door.know("refund", row)
    work.check_version(refund.row["version"])
    return door, refund


def find(work: Work, store_id: str, refund_id: str) -> dict[str, Any]:
    """A refund's row, not locked by this. ``NotFound`` for another store's."""
    row = children.SELECT["refund"].one(work, {"store": store_id, "key": refund_id})
    if row is None:
        raise NotFound("There is no such refund.")
    return dict(zip(children.NAMES["refund"], row, strict=True))


def _reads(name: Name, *, with_order: bool) -> list[hot.Read]:
    """Everything that is asked of a refund, under its locks: order → return, then what they hold."""
    found = cases.reads(name, order=with_order)
    found += [(children.SELECT["refund"], name.params), (children.TRANSFERS_OF, {"refund_id": name.params["key"]})]
    return [*found, *assess.reads(name), *books.reads(name)] if with_order else found


# -- proposing --------------------------------------------------------------------------------------------------------


@effect("propose_refund")
def propose_refund(door: Door, _subject: Subject, _fields: dict[str, Any]) -> None:
    """Propose what is owed for units accepted since the last proposal; nothing where that is zero.

    What came of replacements stands before it, what the units cover of others and the freight after it.
    """
    propose_differences(door)
    _propose_goods(door)
    propose_differences(door)
    propose_rests(door)
    propose_freight(door)


def _propose_goods(door: Door) -> None:
    case = the_case(door)
    if not any(line.doc.get("accepted_units") for line in case.lines):
        return
    found = books.read(door.work, door.own_order(), held=_held(door))
    shares = settling.shares_of_case(door, found)
    reductions = line_money.reductions(case)
    if not shares and not reductions:
        return
    fee = _fee(door, case, shares)
    deductions = line_money.deductions(case)
    ask = settling.ask(door.order, door.policy, found, shares, fee=fee, deductions=deductions, reductions=reductions)
    settlement = settle(door.order.priced, past=found.past, tenders=found.tenders, ask=ask)
    differences.count(door, ask, settlement)
    _agree(door, case, settlement)
    settlement, ask = interest.added(door, settlement, ask, found)
    if fee:
        case.facts(fee_charged=True)
    line_money.take_anew(case)
    if not settlement.is_for_finance:
        differences.count_quietly(door, ask, settlement)
        _settled_without_money(case, shares)
        return
    by_hand = bool(deductions or reductions or case.fact("override"))
    propose(door, settlement, ask, by_hand=by_hand)


def _agree(door: Door, case: Case, settlement: Settlement) -> None:
    """With the first money that is proposed for a defect the seller has agreed that it is owed."""
    today = calendar.local_date(door.now, time_zone(door)).isoformat()
    for line in case.lines:
        claimed = line.kind in LIABILITY and not line.doc.get("agreed_on")
        if claimed and refund_dues.paid_with(line, settlement.components):
            remember(line, agreed_on=today)


def propose_differences(door: Door) -> None:
    """Propose back what was paid for replacements that will not come, or beyond what they cost."""
    for settlement in differences.owed_back(door, lambda: _held(door)):
        propose(door, settlement, None, by_hand=False)


def propose_rests(door: Door) -> None:
    """Propose what refunds owed and could not pay: it waits for finance, and for payments that are captured later."""
    for refund, settlement, ask in rests.owed(door, _held(door)):
        fixers = refund.row["doc"].get("fixers", [])
        propose(door, settlement, ask, by_hand=True, fixers=fixers, rest_of=refund.id)


def propose_freed(door: Door, refused: Subject) -> None:
    """Propose what a refund by hand, now refused, had kept from the returns of its order; a person looks at it."""
    freed = rests.freed(door, refused, _held(door))
    if freed is not None:
        propose(door, *freed, by_hand=True, fixers=rests.fixers(door))


def propose_freight(door: Door) -> None:
    """Propose what the customer paid for the way back where the store pays it; a person looks at every one."""
    for settlement, recorded_by in freight.take(door, the_case(door)):
        propose(door, settlement, None, by_hand=True, fixers=recorded_by)


def propose(
    door: Door,
    settlement: Settlement,
    ask: Ask | None,
    *,
    by_hand: bool,
    fixers: Sequence[str] = (),
    interest_of: str | None = None,
    rest_of: str | None = None,
) -> Subject:
    """Write a proposal with its transfers. Changed by nobody and below the store's limit, it approves itself.

    Nobody approves it who fixed something in its case, or is one of ``fixers``, who fixed something in it alone.
    ``interest_of`` names the refund that this one pays the rest of the interest for, ``rest_of`` the one that owed what
    it could not pay.
    """
    case = door.case
    due = refund_dues.legal(door, settlement.components) if interest_of is None else NO_CLOCK
    clean = not by_hand and not settlement.short and not settlement.flags
    doc = {
        "auto": clean and _needs_nobody(door, settlement.total),
        "fixers": [*(case.fact("fixers", []) if case is not None else ()), *fixers],
        "requested_by": [door.actor],
        "ask": msgspec.to_builtins(ask) if ask is not None else None,
        "flags": list(settlement.flags),
        "short": settlement.short,
        "starts_when": due.starts_when,
        "interest_of": interest_of,
        "rest_of": rest_of,
        "points": settlement.points,
        "bearing": interest.bearing(settlement, ask),
    }
    contact = msgspec.json.decode(case.row["contact"] or "{}") if case is not None else {}
    today = calendar.local_date(door.now, time_zone(door))
    promise = refund_dues.promised(door, today, door.policy.refunds.promise_days, due.by)
    row = {
        "id": door.work.new_id("ref"),
        "store_id": door.store.id,
        "order_id": door.order.row["id"],
        "order_number": door.order.order.number,
        "return_id": case.id if case is not None else None,
        "currency": door.order.order.currency,
        "total": settlement.total,
        "components": settling.to_row(settlement),
        "doc": doc,
        "approvals": [],
        "payout": msgspec.json.encode(contact["payout"]).decode() if contact.get("payout") else None,
        "due_promise": promise,
        "due_legal": due.by,
        "due_on": due.by or promise,
        "article": due.article,
    }
    told = {"total": settlement.total, "currency": row["currency"], "auto": doc["auto"]}
    asks = row["payout"] is None and any(t.tender == TRANSFER and t.payment_id is None for t in settlement.transfers)
    subject = door.open_child("refund", row, told | {"payout_missing": asks})
    _write_transfers(door, subject, settlement)
    return subject


def _needs_nobody(door: Door, total: int) -> bool:
    """Whether the engine may approve this total itself, by all that was approved, or is about to be, on the order."""
    terms = door.policy.refunds
    if door.order.order.currency != door.store.currency or total >= terms.auto_approve_below:
        return False
    about_to_be = sum(s.row["total"] for s in door.children("refund") if s.new and s.row["doc"]["auto"])
    before = books.read(door.work, door.own_order(), held=_held(door)).approved_total
    return terms.approvers(total, before=before + about_to_be) == 0


def _held(door: Door) -> list[books.Held]:
    """The refunds that this transaction has changed, as they are."""
    return [(s.row, door.transfers(s)) for s in door.children("refund") if s.new or s.dirty]


def renew(door: Door, refund: Subject, settlement: Settlement, ask: Ask) -> None:
    """Show a proposal anew that is not right any more: other components, total and transfers, and no approval yet."""
    doc = {**refund.row["doc"], "ask": msgspec.to_builtins(ask), "flags": list(settlement.flags)}
    doc |= {"short": settlement.short, "auto": False, "points": settlement.points}
    refund.set(
        total=settlement.total,
        components=settling.to_row(settlement),
        approvals=[],
        doc={**doc, "bearing": interest.bearing(settlement, ask)},
    )
    differences.count(door, ask, settlement)
    door.drop_transfers(refund)
    _write_transfers(door, refund, settlement)
    told = {"id": refund.id, "total": settlement.total, "currency": refund.row["currency"], "renewed": True}
    door.say("refund.proposed", told)


def _write_transfers(door: Door, subject: Subject, settlement: Settlement) -> None:
    payments = {payment.id: payment for payment in door.order.order.payments}
    bonuses: dict[str, int] = {}
    for position, transfer in enumerate(settlement.transfers):
        payment = payments.get(transfer.payment_id or "")
        key = door.work.new_id("tra")
        bonuses |= {key: transfer.bonus} if transfer.bonus else {}
        door.add_transfer(
            subject,
            {
                "id": key,
                "store_id": door.store.id,
                "refund_id": subject.id,
                "order_id": subject.row["order_id"],
                "position": position,
                "tender": transfer.tender,
                "payment_id": transfer.payment_id,
                "on_behalf_of": transfer.on_behalf_of,
                "provider": payment.provider if payment and transfer.tender == payment.tender else None,
                "amount": transfer.amount,
                "state": "pending",
                "attempt": 1,
                "provider_reference": None,
                "error": None,
                "updated_at": door.now,
            },
        )
    if bonuses or subject.row["doc"].get("bonus"):
        subject.set(doc={**subject.row["doc"], "bonus": sum(bonuses.values()), "bonuses": bonuses})


def _settled_without_money(case: Case, shares: list[settling.Share]) -> None:
    """Units that are worth nothing, or are swapped evenly, find their end without a refund."""
    for share in shares:
        for line in case.lines:
            mine = units.intersect(share.units, ranges(line, "accepted_units"))
            if line.order_line_id == share.order_line_id and mine:
                remember(line, settled_units=units.union(ranges(line, "settled_units"), mine))
                if line.outcome != "exchange":
                    settle_number(line, units.count(mine))


def _fee(door: Door, case: Case, shares: list[settling.Share]) -> int:
    """The return fee of a voluntary return, once per return."""
    if case.fact("fee_charged") or not shares or any(share.statutory for share in shares):
        return 0
    return door.policy.fees.return_fee(case.row["method"] or "none")


# -- effects of the refund's own machine ------------------------------------------------------------------------------


@effect("withdraw_refunds")
def withdraw_refunds(door: Door, _subject: Subject, _fields: dict[str, Any]) -> None:
    """Take back every proposal; what it covered is open again. One that is paid in part stands: its money is gone."""
    for refund in door.children("refund"):
        if refund.state == "proposed" and not gather.refund(door, refund).part_paid:
            _withdraw(door, refund)


def undo_exchange(door: Door, line: Line) -> bool:
    """What units of a line were counted for is open again: a replacement that will not come, or not at that price.

    A proposal that counted them is taken back, to be made anew (true: there was one); one that was approved stands with
    what it pays.
    """
    found = [s for s in differences.counted_in(door, line) if s.state == "proposed"]
    waiting = [s for s in found if not gather.refund(door, s).part_paid]
    for refund in waiting:
        _withdraw(door, refund)
    differences.undo(door, line)
    return bool(waiting)


def _withdraw(door: Door, refund: Subject) -> None:
    door.fire(refund, "withdraw", role="system")
    _open_again(door, refund)
    freight.open_again(the_case(door), refund.row["components"])


def _open_again(door: Door, refund: Subject) -> None:
    """What waited on the lines for this proposal may enter the next one; a rest has taken nothing from them."""
    if door.case is not None and not refund.row["doc"].get("rest_of"):
        line_money.open_again(door.case, refund.row)


@effect("record_approval")
def record_approval(door: Door, refund: Subject, _fields: dict[str, Any]) -> None:
    """Keep who approved which total, and when. The engine's own approval is named as such."""
    entry = {"person": door.person, "actor": door.actor, "at": door.now, "total": refund.row["total"]}
    if refund.row["doc"].get("auto"):
        entry |= {"person": None, "actor": approvers.ENGINE}
    refund.set(approvals=[*refund.row["approvals"], msgspec.to_builtins(entry)])


@effect("freeze_amount")
def freeze_amount(door: Door, refund: Subject, _fields: dict[str, Any]) -> None:
    """From here on these components and transfers are owed; they are never computed again. A rest is proposed anew."""
    refund.set(doc={**refund.row["doc"], "frozen_at": msgspec.to_builtins(door.now)})
    if refund.row["doc"].get("short"):
        propose_rests(door)


@effect("drop_approvals")
def drop_approvals(_door: Door, refund: Subject, _fields: dict[str, Any]) -> None:
    """The refund must be approved anew."""
    refund.set(approvals=[], doc={**refund.row["doc"], "auto": False, "redirected": True})


@effect("dispute_case")
def dispute_case(door: Door, subject: Subject, fields: dict[str, Any]) -> None:
    """A child ended badly: the case goes to a person. What a refused refund had taken is free for the next one.

    But not freight: whoever refuses that has judged the receipt.
    """
    if subject.kind == "refund" and subject.state == "refused":
        _open_again(door, subject)
    reason = str(fields.get("reason") or f"{subject.kind}_{subject.state}")
    told = Personal(reason) if fields.get("reason") else reason  # a person may have typed it
    _attempt_dispute(door, reason, {subject.kind: subject.id, "reason": told})


def _attempt_dispute(door: Door, reason: str, data: Mapping[str, Any]) -> None:
    """Raise the case to a person because a child ended badly; a state that knows no dispute is left alone."""
    if door.root is None:
        return
    try:
        door.fire(door.root, "dispute", role="system", data={"reason": reason, **data}, fields={"reason": reason})
    except RmaError:
        door.say("return.held", {"reason": reason, **data})


def transfer_of(door: Door, refund: Subject, transfer_id: str) -> dict[str, Any]:
    """One transfer of this refund, or ``NotFound``."""
    for row in door.transfers(refund):
        if row["id"] == transfer_id:
            return row
    raise NotFound("There is no such transfer.")
