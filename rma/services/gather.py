"""Facts for the guards, read from the rows that the door holds under its locks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from rma.domain import units
from rma.domain.facts import CaseFacts, Facts, LineNumbers, ParcelFacts, RefundFacts, ReplacementFacts
from rma.domain.tenders import TRANSFER

if TYPE_CHECKING:
    from rma.services.transition import Door, Subject

_REFUND_ENDED = frozenset({"succeeded", "refused"})
_REPLACEMENT_ENDED = frozenset({"delivered", "released"})
_OUTBOUND_ENDED = frozenset({"delivered", "lost", "void"})
_INBOUND_OPEN = frozenset({"handed_over", "in_transit", "delivered"})
_GONE = frozenset({"sending", "unknown", "succeeded"})
MONEY_STILL = frozenset({"proposed", "refused"})
"""States of a refund of which no money moves, unless a part had gone before."""


def facts(door: Door, subject: Subject) -> Facts:
    """The facts of this subject as its rows tell; what depends on who acts is left at its default."""
    if subject.kind == "return":
        return of_case(door)
    if subject.kind == "parcel":
        return ParcelFacts(direction=subject.row["direction"], method=subject.row["method"])
    return refund(door, subject) if subject.kind == "refund" else _replacement(subject)


def refund(door: Door, subject: Subject, **known: Any) -> RefundFacts:
    """The facts of a refund; what depends on who acts is passed in as ``known``."""
    doc = subject.row["doc"]
    if subject.state == "proposed":
        part_paid = bool(doc.get("redirected")) and any(t["state"] in _GONE for t in door.transfers(subject))
        return RefundFacts(part_paid=part_paid, auto_approvable=bool(doc.get("auto")), **known)
    held = {row["id"] for row in waiting(door, subject)}
    transfers = tuple(row["state"] for row in door.transfers(subject) if row["id"] not in held)
    return RefundFacts(transfers=transfers, waiting=len(held), auto_approvable=bool(doc.get("auto")), **known)


def waiting(door: Door, refund: Subject) -> list[dict[str, Any]]:
    """The transfers of a refund that go to an account which nobody has named yet."""
    if refund.row["payout"] is not None:
        return []
    found = door.transfers(refund)
    return [r for r in found if r["state"] == "pending" and r["tender"] == TRANSFER and r["payment_id"] is None]


def of_case(door: Door) -> CaseFacts:
    """The facts of the door's case. ``LookupError`` for a door without one."""
    case = door.case
    if case is None:
        raise LookupError("this door has no case")
    remembered = case.row["facts"]
    inbound, moved, still_open = [], bool(remembered.get("part_paid")), 0
    for child in case.children:
        still_open += _is_open(child.kind, child.state, child.detail)
        if child.kind == "refund":
            moved = moved or child.state not in MONEY_STILL
        elif child.kind == "parcel" and child.detail == "inbound":
            inbound.append(child.state)
    rows = [line.row for line in case.lines]
    return CaseFacts(
        assessment=remembered.get("assessment", "in_review"),
        statutory=case.row["statutory"],
        withdrawal=bool(remembered.get("withdrawal")),
        cancel_consent=bool(remembered.get("cancel_consent")),
        reopened=bool(remembered.get("reopened")),
        lines=tuple([_numbers(row) for row in rows]),
        units_held_by=tuple(remembered.get("units_held_by", ())),
        inbound=tuple(inbound),  # type: ignore[arg-type]
        send_back_over=bool(remembered.get("send_back_over")),
        money_moved=moved,
        children_open=still_open,
        reductions_open=len([row for row in rows if row["outcome"] == "price_reduction" and is_reduction_open(row)]),
    )


def _numbers(row: Mapping[str, Any]) -> LineNumbers:
    return LineNumbers(
        requested=row["requested"],
        expected=row["expected"],
        received=row["received"],
        missing=row["missing"],
        accepted=row["accepted"],
        rejected=row["rejected"],
        settled=row["settled"],
        waived=row["doc"].get("waived", 0),
    )


def is_reduction_open(row: Mapping[str, Any]) -> bool:
    """Whether nobody has said yet by how much this line shall become cheaper: no offer stands accepted."""
    return row["accepted"] > row["settled"] and (row["doc"].get("offer") or {}).get("answer") != "accept"


def _is_open(kind: str, state: str, detail: str | None) -> bool:
    if kind == "refund":
        return state not in _REFUND_ENDED
    if kind == "replacement":
        return state not in _REPLACEMENT_ENDED
    return state in _INBOUND_OPEN if detail == "inbound" else state not in _OUTBOUND_ENDED


def _replacement(subject: Subject) -> ReplacementFacts:
    doc = subject.row["doc"]
    return ReplacementFacts(
        goods_secured=bool(doc.get("goods_secured")),
        amount_due=subject.row["due_from_customer"] > doc.get("paid", 0),
        in_stock=bool(doc.get("in_stock", True)),
    )


def held_units(row: Mapping[str, Any]) -> units.Ranges:
    """The units of a return line that are not free for others."""
    return units.union(row["reserved"], row["consumed"])
