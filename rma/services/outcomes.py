"""Changing what becomes of a line before its goods are judged: reserved and priced anew."""

from __future__ import annotations

from typing import Any

import msgspec
import sqlalchemy as sa
from msgspec.structs import replace

from rma.db import tables
from rma.domain import engine, units
from rma.domain.claims import Outcome
from rma.domain.decision import Decision
from rma.domain.money import parse_money
from rma.domain.texts import say, text
from rma.errors import Forbidden, Invalid, Reason, Refused
from rma.services import deadlines, freight, gather, settling
from rma.services.caller import Caller
from rma.services.case import Line, read_quote
from rma.services.evidence import judge_again
from rma.services.filing import ReplacementIn
from rma.services.line_effects import (
    accept,
    accept_goodsless,
    is_agreed,
    ranges,
    refused,
    remember,
    the_case,
    the_root,
    waive,
)
from rma.services.refunds import propose_refund
from rma.services.replacements import order_replacements, reserve_replacements
from rma.services.transition import Door

_products = tables.table(tables.Product)
_read = msgspec.json.Decoder(Decision).decode
_BY_OUTCOME = ("outcome", "methods", "goods_come_back", "way_back_paid_by", "restocking_percent")
"""What of a decision on a line follows from the outcome that was chosen."""
UNDECIDED = frozenset({"in_review", "awaiting_evidence"})
KEPT = UNDECIDED | {"awaiting_parcel", "inspecting", "settling"}
"""Where goods may still lie with the customer; beside those of the same return that came before."""
_UNDER_WAY = frozenset({"handed_over", "in_transit", "delivered", "lost"})
UNINSPECTED = frozenset({"in_review", "awaiting_evidence", "awaiting_parcel", "in_transit", "arrived", "inspecting"})


_ORDERED = text(
    tr="Yerine gelecek ürün sipariş edildi; başka bir şey seçmek için önce mağazanın siparişi durdurması gerekir.",
    en="What comes instead was ordered: another choice needs the store to stop that order first.",
    de="Der Ersatz ist bestellt: Für eine andere Wahl muss der Shop zuerst die Bestellung stoppen.",
)


def change(door: Door, caller: Caller, line: Line, outcome: Outcome, replacement: ReplacementIn | None) -> None:
    """Give a line another outcome. ``Invalid`` for one that is not offered."""
    offered = _offered(door, caller, line)
    if outcome not in offered:
        raise Invalid.field("outcome", "not_offered", f"Offered here: {', '.join(offered)}.")
    if outcome != "exchange" and replacement is not None:
        raise Invalid.field("replacement", "unexpected", "Only an exchange has a replacement.")
    if outcome == line.outcome and _is_unpriced(door, line):
        return
    waived = _give_back(door, line)
    _release(door, line)
    line.set(outcome=outcome)
    _quote_anew(door, line)
    if waived and the_case(door).state not in UNDECIDED:
        accept_goodsless(door, the_root(door), {})
    if outcome == "exchange":
        _plan(door, caller, line, replacement)
    door.say("return.outcome_changed", {"line": line.id, "outcome": outcome})
    if outcome == "exchange" and the_case(door).state not in UNDECIDED:
        reserve_replacements(door, the_root(door), {})
    if line.accepted:
        order_replacements(door, the_root(door), {})
        propose_refund(door, the_root(door), {})
    if waived and line.expected > line.received + line.missing:
        _await_anew(door)


def is_open(door: Door, line: Line) -> bool:
    """True if the customer may choose for this line: nothing of it was judged, or what was chosen is not to be had.

    That is a replacement that is out of stock or waits for money, or a price reduction of which nobody has agreed how
    much it is, also where the goods came all the same. A replacement that was ordered stands until somebody of the
    store releases it.
    """
    if _is_replaced(door, line):
        return False
    if _replacement_is(door, line, "out_of_stock", "awaiting_payment") or _is_unpriced(door, line):
        return True
    return the_case(door).state in UNINSPECTED and not line.accepted and not line.rejected


def closed(door: Door, line: Line, *, locale: str) -> Refused:
    """Why nothing can be chosen any more."""
    if _is_replaced(door, line):
        reason = Reason(rule="outcome", code="replacement_ordered", text=say(_ORDERED, locale))
        return Refused(reason.text, code="inspected", reasons=[reason], allowed=[])
    if line.outcome == "price_reduction" and not line.rejected:
        return Refused("The amount of the price reduction is agreed or proposed.", code="reduction_agreed", allowed=[])
    return Refused("The goods of this line were inspected.", code="inspected", allowed=[])


def _is_unpriced(door: Door, line: Line) -> bool:
    """A price reduction that is only waited for: no amount was agreed or proposed, wherever the goods are by now."""
    if line.outcome != "price_reduction" or not gather.is_reduction_open(line.row):
        return False
    live = (s.row["components"] for s in door.children("refund") if s.state != "refused")
    told = (part for parts in live for part in parts if part.get("order_line_id") == line.order_line_id)
    paid = units.union(*(units.parse(part.get("units", []), path="units") for part in told))
    return not units.intersect(ranges(line, "accepted_units"), paid)


def _give_back(door: Door, line: Line) -> bool:
    """What was accepted only because it would be kept for less is not accepted any more; False: nothing was."""
    if not _is_unpriced(door, line):
        return False
    kept = ranges(line, "waived_units")
    here = units.subtract(ranges(line, "accepted_units"), kept)
    remember(line, accepted_units=here, offer=None)
    waive(line, ())
    line.set(accepted=units.count(here))
    return bool(kept)


def _await_anew(door: Door) -> None:
    """Goods are awaited that nobody had to send: the time for that begins now, as with an approval."""
    root = the_root(door)
    the_case(door).facts(send_back_over=False)
    if engine.able(root.definition, root.state, "await_goods", roles=["system"], facts=gather.facts(door, root)):
        door.fire(root, "await_goods", role="system")
    deadlines.renew(door, root, "ship_back")


def _offered(door: Door, caller: Caller, line: Line) -> list[str]:
    """What may be chosen now: nothing is repaired that never comes, and a remedy that failed opens the law's next."""
    found = [*line.doc.get("outcomes", [])]
    if not caller.is_link or _replacement_is(door, line, "out_of_stock"):
        found += line.doc.get("outcomes_if_failed", [])
    never = line.doc.get("undelivered") or line.doc.get("service") or line.doc.get("filed_kind") == "missing_item"
    return [one for one in found if one != "keep" and not (one == "repair" and never)]


def _replacement_is(door: Door, line: Line, *states: str) -> bool:
    mine = (s for s in door.children("replacement") if s.row["return_line_id"] == line.id)
    return any(subject.state in states for subject in mine)


def _release(door: Door, line: Line) -> None:
    for subject in door.children("replacement"):
        if subject.row["return_line_id"] == line.id and subject.state in (
            "reserved",
            "awaiting_payment",
            "out_of_stock",
        ):
            door.fire(subject, "release", role="system", fields={"changing": True})
    line.set(doc={k: v for k, v in line.doc.items() if not k.startswith("exchange_")})


def _quote_anew(door: Door, line: Line) -> None:
    """Judged as if it had been filed with this outcome: whether its goods come back, how, and at whose cost.

    What stays with the customer is awaited no more, and accepted once the return has been approved. Goods that are here
    already are judged, whatever they become.
    """
    case = the_case(door)
    at = case.lines.index(line)
    judged, kept = judge_again(door).lines[at], _read(read_quote(door.work, case))
    told = {name: getattr(judged, name) for name in _BY_OUTCOME}
    lines = [replace(one, **told) if i == at else one for i, one in enumerate(kept.lines)]
    case.set(quote=msgspec.json.encode(replace(kept, lines=tuple(lines))).decode())
    was = line.doc.get("goods_come_back", True)
    ways = {"methods": [way.name for way in judged.methods], "customer_pays": freight.customer_pays(judged.methods)}
    remember(line, **ways, restocking_percent=judged.restocking_percent)
    if judged.goods_come_back and not was and line.received:  # it was to be kept, and came in part
        remember(line, goods_come_back=True)
        line.set(expected=line.requested)
    if line.received or line.accepted or judged.goods_come_back == was:
        return
    remember(line, goods_come_back=judged.goods_come_back)
    if not refused(line):
        awaited = line.expected - line.missing
        line.set(expected=line.requested if judged.goods_come_back else line.missing)
        if not judged.goods_come_back and case.state not in UNDECIDED:
            accept(line, awaited, waived=True)


def _plan(door: Door, caller: Caller, line: Line, asked: ReplacementIn | None) -> None:
    if asked is None:
        raise Invalid.field("replacement", "required", "An exchange names what shall come instead.")
    currency = the_case(door).row["currency"]
    quantity = asked.quantity or line.requested
    row = door.work.conn.execute(
        sa.select(_products).where(_products.c.store_id == door.store.id, _products.c.sku == asked.sku)
    ).first()
    price = _price(door, row, caller, line, asked, (currency, quantity))
    if row is not None and row.stock is not None and row.stock - row.reserved < quantity:
        raise settling.out_of_stock(door.work, door.store, row.sku)
    remember(
        line,
        exchange_price=price,
        exchange_sku=asked.sku,
        exchange_quantity=quantity,
        exchange_product=row.id if row is not None else None,
        exchange_due=settling.due_for(door, line, price),
    )


def _price(door: Door, row: Any, caller: Caller, line: Line, asked: ReplacementIn, terms: tuple[str, int]) -> int:
    currency, quantity = terms
    if asked.unit_price is not None:
        if not caller.may("returns:override"):
            raise Forbidden("A price for the replacement needs the scope returns:override.")
        the_case(door).fixed_by(caller.actor)
        return parse_money(asked.unit_price, currency, path="replacement.unit_price") * quantity
    old = (line.order_line_id, line.units)
    price = settling.price_of(door.store, door.order, row, old, sku=asked.sku, quantity=quantity)
    if price is not None:
        return price
    raise Invalid.field("replacement.sku", "unknown_product", f"{asked.sku} is not in the catalogue.")


def may_keep(door: Door, line: Line) -> bool:
    """True while the customer can keep a line for less: all of it is with them, untouched, and held by the return.

    That is until the goods are on their way or received, and again for a reduction that only waits for its amount.
    """
    if the_case(door).state not in KEPT or refused(line):
        return False
    if _is_unpriced(door, line) and not line.received:
        return True
    untouched = not (line.received or line.accepted or line.rejected)
    if not untouched or _is_on_its_way(door, line) or _is_replaced(door, line):
        return False
    open_units = line.requested - line.missing
    return bool(0 < open_units <= units.count(line.reserved))


def _is_on_its_way(door: Door, line: Line) -> bool:
    """Whether a parcel that may hold this line has left the customer and was not counted."""
    gone = (p.row for p in door.children("parcel") if p.row["direction"] == "inbound" and p.state in _UNDER_WAY)
    return any(not row["lines"] or line.id in [item["line_id"] for item in row["lines"]] for row in gone)


def _is_replaced(door: Door, line: Line) -> bool:
    """Whether what comes instead has been ordered: that cannot be taken back with the goods' way."""
    mine = (s.state for s in door.children("replacement") if s.row["return_line_id"] == line.id)
    return any(state in ("ordered", "shipped", "delivered") for state in mine)


def keep_for_less(door: Door, line: Line) -> None:
    """The customer keeps the goods for a lower price: nothing of this line is awaited any more.

    Where a person or a photo was waited for and nobody needs either any more, the return goes on at once.
    """
    _release(door, line)
    line.set(outcome="price_reduction", expected=line.received + line.missing)
    remember(line, goods_come_back=False)
    open_units = line.requested - line.accepted - line.missing
    if open_units > 0:
        accept(line, open_units, waived=True)
    case = the_case(door)
    if case.state == "settling":
        propose_refund(door, the_root(door), {})
    elif case.state in UNDECIDED:
        _agree(door)


def _agree(door: Door) -> None:
    """Go on where nothing is left to prove or to decide."""
    case, root = the_case(door), the_root(door)
    open_lines = [line for line in case.lines if not refused(line) and not is_agreed(line)]
    before = case.fact("assessment")  # of the rules; a person who looks or has asked decides over the other lines
    if open_lines and not (before == case.state and all(one.doc.get("decision") == "accepted" for one in open_lines)):
        return
    case.facts(assessment="accepted")
    if engine.able(root.definition, root.state, "agree", roles=["system"], facts=gather.facts(door, root)):
        door.fire(root, "agree", role="system")
    else:  # the machine that this return began with lets a person decide
        case.facts(assessment=before)
