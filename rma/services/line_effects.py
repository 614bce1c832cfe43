"""What transitions of a case do to the units and numbers of its lines. Units are ranges; the lowest come first."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from rma.domain import units
from rma.domain.guards_of_return import HELD, NOT_ENOUGH
from rma.domain.texts import filled, say
from rma.domain.units import Ranges
from rma.errors import Reason, Refused
from rma.services.case import Case, Line
from rma.services.transition import Door, Subject, effect

GIVES_MONEY = frozenset({"refund", "store_credit", "exchange", "keep"})
_ENDED = frozenset({"proposed", "refused", "succeeded"})
GOODSLESS = frozenset({"keep", "price_reduction"})


def ranges(line: Line, name: str) -> Ranges:
    """Unit ranges that a line remembers under this name (``accepted_units``, ``rejected_units``, ``settled_units``)."""
    return units.parse(line.doc.get(name, []), path=name)


def remember(line: Line, **values: Any) -> None:
    """Change what a line remembers; ranges are stored as lists."""
    line.set(doc={**line.doc, **{k: [list(r) for r in v] if isinstance(v, tuple) else v for k, v in values.items()}})


def the_case(door: Door) -> Case:
    """The door's case, for who knows that it has one: only money without goods has none."""
    if door.case is None:
        raise LookupError("this door has no case")
    return door.case


def the_root(door: Door) -> Subject:
    """The door's case as a subject of its machine; see ``the_case``."""
    if door.root is None:
        raise LookupError("this door has no case")
    return door.root


def refused(line: Line) -> bool:
    """True for a line that the rules refused and that no person has taken up since."""
    return bool(line.doc.get("decision") == "refused")


def is_agreed(line: Line) -> bool:
    """True once the customer took an offer to keep the line for less: nothing of it is to be proven or decided."""
    return bool(line.outcome == "price_reduction" and (line.doc.get("offer") or {}).get("answer") == "accept")


def _live(door: Door) -> Iterator[Line]:
    return (line for line in the_case(door).lines if not refused(line))


def overrule(case: Case) -> None:
    """A person takes up what the rules refused: lines whose goods have come, or all where the rules left none.

    The case remembers it (``overruled``): whoever approves that later has overridden the rules.
    """
    everything = all(refused(line) for line in case.lines)
    for line in case.lines:
        if refused(line) and (everything or line.received):
            remember(line, decision="needs_review")
            case.facts(overruled=True)
            if line.doc.get("goods_come_back"):
                line.set(expected=max(line.expected, line.requested if everything else line.received))


@effect("reserve_units")
def reserve_units(door: Door, _subject: Subject, _fields: dict[str, Any]) -> None:
    """Hold what every line needs and does not hold yet; other units than before where the old ones are taken."""
    reserve_missing(door)


def reserve_missing(door: Door) -> None:
    """The same, under the order's lock, for units that came after they had been given up."""
    case = the_case(door)
    taken: dict[str, Ranges] = {}
    for line in case.lines:
        _hold_kept(line)
        need = needed(line) if not refused(line) else line.received - units.count(line.reserved)
        if need <= 0:
            continue
        free = units.subtract(door.own_order().free(line.order_line_id), taken.get(line.order_line_id, ()))
        wanted = units.intersect(units.subtract(line.units, line.consumed), free)
        if units.count(wanted) < need:
            wanted = free
        if units.count(wanted) < need:
            raise _held(door, case, line)
        chosen = units.take(wanted, need)
        taken[line.order_line_id] = units.union(taken.get(line.order_line_id, ()), chosen)
        reserved = units.union(line.reserved, chosen)
        line.set(reserved=reserved, units=units.union(reserved, line.consumed))


def _hold_kept(line: Line) -> None:
    """Rejected units that the store has kept are held by the return again: they may be judged anew."""
    kept = units.intersect(line.consumed, ranges(line, "rejected_units"))
    if kept:
        line.set(reserved=units.union(line.reserved, kept), consumed=units.subtract(line.consumed, kept))


def _held(door: Door, case: Case, line: Line) -> Refused:
    others = door.order.holders(line.order_line_id, other_than=case.id)
    told = say(filled(HELD, held=", ".join(others)) if others else NOT_ENOUGH, door.language)
    return Refused(told, code="units_held", reasons=[Reason(rule="quantity_left", code="units_held", text=told)])


@effect("free_units")
def free_units(door: Door, _subject: Subject, _fields: dict[str, Any]) -> None:
    """Give back every unit that no money is on its way for: nothing comes of the others any more."""
    for line in the_case(door).lines:
        line.set(reserved=units.intersect(line.reserved, _on_its_way(door, line)))
        kept = units.union(line.reserved, line.consumed)
        accepted = units.intersect(ranges(line, "accepted_units"), kept)
        line.set(accepted=units.count(accepted))
        remember(line, accepted_units=accepted)
        waive(line, units.intersect(ranges(line, "waived_units"), kept))


def _on_its_way(door: Door, line: Line) -> Ranges:
    """Units of this line whose money was approved and has not arrived yet."""
    found: Ranges = ()
    for refund in door.children("refund"):
        if refund.state not in _ENDED:
            for component in refund.row["components"]:
                if component["kind"] == "goods" and component.get("order_line_id") == line.order_line_id:
                    found = units.union(found, units.parse(component.get("units", []), path="units"))
    return found


def send_all_back(line: Line) -> int:
    """Reject what is here and not paid for; how many units that are. Whatever was accepted of them is not any more."""
    kept = units.union(line.reserved, line.consumed)
    waived = line.doc.get("waived", 0)
    back = int(line.received - max(0, units.count(kept) - waived) - line.doc.get("sent_back", 0))
    if back > 0:
        accepted = units.intersect(ranges(line, "accepted_units"), kept)
        rejected = int(line.received - max(0, units.count(accepted) - waived))  # what has not come may come yet
        gone = units.subtract(line.units, kept)
        remember(line, accepted_units=accepted, rejected_units=units.take(gone, min(rejected, units.count(gone))))
        line.set(accepted=units.count(accepted), rejected=rejected)
    return max(0, back)


@effect("release_expected")
def release_expected(door: Door, _subject: Subject, _fields: dict[str, Any]) -> None:
    """What is still awaited counts as missing and is free again."""
    for line in the_case(door).lines:
        awaited = line.expected - line.received - line.missing
        if awaited > 0:
            door.say("line.missing", {"line": line.id, "quantity": awaited})
            give_up(line, awaited)
            line.set(missing=line.missing + awaited)


def give_up(line: Line, quantity: int) -> None:
    """Count on so many units less, and free the highest unjudged ones that are not needed any more."""
    remember(line, given_up=line.doc.get("given_up", 0) + quantity)
    surplus = -needed(line)
    if surplus > 0:
        judged = units.union(ranges(line, "accepted_units"), ranges(line, "rejected_units"))
        loose = units.subtract(line.reserved, judged)
        keep = units.count(loose) - surplus
        gone = units.subtract(loose, units.take(loose, keep) if keep > 0 else ())
        line.set(reserved=units.subtract(line.reserved, gone))


def count_on(line: Line, quantity: int) -> None:
    """So many units that were given up have come after all; they are reserved with the next look at them."""
    remember(line, given_up=max(0, line.doc.get("given_up", 0) - quantity))


def needed(line: Line) -> int:
    """How many units the line still has to reserve; below zero: how many it holds too many."""
    held = units.count(units.union(line.reserved, line.consumed))
    return int(line.requested - held - line.doc.get("given_up", 0))


@effect("accept_goodsless")
def accept_goodsless(door: Door, _subject: Subject, _fields: dict[str, Any]) -> None:
    """Accept the units that need not come back."""
    for line in _live(door):
        open_units = line.requested - max(line.expected, line.received) - line.doc.get("waived", 0)
        if open_units > 0 and not line.doc.get("goods_come_back"):
            accept(line, open_units, waived=True)


@effect("waive_goods")
def waive_goods(door: Door, _subject: Subject, _fields: dict[str, Any]) -> None:
    """Accept what never came: a person's decision; nothing is restocked."""
    for line in _live(door):
        awaited = line.expected - line.received - line.missing
        if awaited > 0:
            line.set(missing=line.missing + awaited)
            accept(line, awaited, waived=True)


def accept(line: Line, quantity: int, *, waived: bool = False) -> Ranges:
    """Accept the lowest units that nobody has judged; which ones they were.

    Units that were accepted before they came (``waived``) and are here now are only not waived any more.
    """
    accepted, rejected = ranges(line, "accepted_units"), ranges(line, "rejected_units")
    held = units.union(line.reserved, ranges(line, "anew_units"))
    loose = units.subtract(held, units.union(accepted, rejected))
    before = ranges(line, "waived_units")
    known = 0 if waived else max(0, quantity - units.count(loose))
    if quantity - known > units.count(loose) or known > units.count(before):
        text = f"This return does not hold {quantity} units of line {line.id} that wait for a judgement."
        raise Refused(text, code="units_not_held", reasons=[Reason(rule="units", code="units_not_held", text=text)])
    chosen = units.take(loose, quantity - known)
    remember(line, accepted_units=units.union(accepted, chosen))
    waive(line, units.union(before, chosen) if waived else units.subtract(before, units.take(before, known)))
    line.set(accepted=line.accepted + quantity - known)
    return chosen


def waive(line: Line, waived: Ranges) -> None:
    """These accepted units of a line, and no others, need not come."""
    if waived or line.doc.get("waived"):
        remember(line, waived_units=waived, waived=units.count(waived))


def reject(line: Line, quantity: int) -> Ranges:
    """Reject the highest units that nobody has judged; which ones they were."""
    accepted, rejected = ranges(line, "accepted_units"), ranges(line, "rejected_units")
    loose = units.subtract(line.reserved, units.union(accepted, rejected))
    keep = units.count(loose) - quantity
    if keep < 0:
        text = f"{-keep} units of line {line.id} were accepted before they came: accept them, or dispute the return."
        reason = Reason(rule="waived", code="accepted_before", text=text)
        raise Refused(text, code="accepted_before", reasons=[reason], allowed=["dispute"])
    chosen = units.subtract(loose, units.take(loose, keep) if keep > 0 else ())
    remember(line, rejected_units=units.union(rejected, chosen))
    line.set(rejected=line.rejected + quantity)
    return chosen


def overturnable(line: Line, verdict: str) -> Ranges:
    """Units that may be judged anew: rejected ones that are still here and, to be accepted wholly, deducted ones."""
    rejected = ranges(line, "rejected_units")
    here = units.take(rejected, max(0, units.count(rejected) - line.doc.get("sent_back", 0)))
    deducted = _deducted(line) if verdict == "accept" else ()
    return units.union(here, deducted)


def _deducted(line: Line) -> Ranges:
    found = (units.parse(d["units"], path="units") for d in line.doc.get("deductions", []))
    return units.intersect(units.union(*found), ranges(line, "accepted_units"))


def overturn(line: Line, quantity: int, verdict: str) -> None:
    """Take back the judgement of so many units, rejected ones first: they are judged anew.

    A deduction is taken back with its judgement; what was paid of those units counts against what they are owed now.
    """
    again = overturnable(line, verdict)
    rejected = units.intersect(ranges(line, "rejected_units"), again)
    first = units.take(rejected, min(quantity, units.count(rejected)))
    rest = units.take(units.subtract(again, rejected), quantity - units.count(first))
    kept = [d for d in line.doc.get("deductions", []) if not units.intersect(units.parse(d["units"], path="u"), rest)]
    remember(
        line,
        rejected_units=units.subtract(ranges(line, "rejected_units"), first),
        accepted_units=units.subtract(ranges(line, "accepted_units"), rest),
        anew_units=units.union(ranges(line, "anew_units"), rest),
        deductions=kept,
    )
    line.set(rejected=line.rejected - units.count(first), accepted=line.accepted - units.count(rest))
    if line.outcome == "exchange" and rest:
        reopen(line)


def reopen(line: Line) -> None:
    """Units that were settled without a refund are decided again, with what was deducted from them."""
    settled = ranges(line, "settled_units")
    if settled:
        found = line.doc.get("deductions", [])
        again = [{**d, "used": not units.intersect(units.parse(d["units"], path="u"), settled)} for d in found]
        remember(line, settled_units=(), exchange_credit=0, deductions=again)


@effect("hold_goods")
def hold_goods(door: Door, _subject: Subject, _fields: dict[str, Any]) -> None:
    """Goods that nobody waited for lie on a shelf until a person decides."""
    case = the_case(door)
    case.facts(held=True)
    for line in case.lines:
        short = line.received + line.missing - line.expected
        if short > 0:
            line.set(missing=max(0, line.missing - short))
        if line.received > line.expected:
            remember(line, unawaited=line.doc.get("unawaited", 0) + line.received - line.expected)
            line.set(expected=line.received)


@effect("settle_units")
def settle_units(door: Door, _subject: Subject, _fields: dict[str, Any]) -> None:
    """End every reserved unit by its outcome: consumed where value went back, free again otherwise.

    What was rejected and not sent back is consumed too: the customer has it no more, and cannot send it again.
    """
    for line in the_case(door).lines:
        accepted, rejected = ranges(line, "accepted_units"), ranges(line, "rejected_units")
        gone = units.intersect(line.reserved, accepted) if line.outcome in GIVES_MONEY else ()
        here = units.count(rejected) - line.doc.get("sent_back", 0) - line.doc.get("send_back", 0)
        if here > 0:
            gone = units.union(gone, units.intersect(line.reserved, units.take(rejected, here)))
        line.set(consumed=units.union(line.consumed, gone), reserved=())


def settle_number(line: Line, quantity: int) -> None:
    """So many more units of this line have found their end."""
    line.set(settled=min(line.settled + quantity, line.requested))
