"""What is owed and in no refund that stands: the rest of one that could not pay all, and what a refused one gives free.

It never ends in silence. What was not captured, or is used up, stands as a proposal of its own, which pays as much as
has been captured since, down to nothing; approved with nothing it is finance's word that nothing more is paid. What a
refund by hand had kept from the returns of its order (shipping, a fee, goods that have come back since) is proposed
when finance refuses it.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import sqlalchemy as sa

from rma.db import tables
from rma.db.named import Query
from rma.domain import units
from rma.domain.asks import Ask, Settlement
from rma.domain.components import Component
from rma.domain.settlement import settle, unpaid
from rma.services import books, settling
from rma.services.transition import Door, Subject

_refunds, _lines = tables.table(tables.Refund), tables.table(tables.ReturnLine)
_returns = tables.table(tables.Return)
_OF_RETURNS = Query(
    sa.select(_refunds.c.state, _refunds.c.doc)
    .where(_refunds.c.order_id == sa.bindparam("order"), _refunds.c.return_id.is_not(None))
    .where(_refunds.c.state != sa.literal_column("'refused'"))
    .order_by(_refunds.c.id)
)
_CAME_BACK = Query(
    sa.select(_lines.c.order_line_id, _lines.c.outcome, _lines.c.doc).where(_lines.c.order_id == sa.bindparam("order"))
)
_FACTS = Query(sa.select(_returns.c.facts).where(_returns.c.order_id == sa.bindparam("order")).order_by(_returns.c.id))
_CHARGES = frozenset({"shipping", "paid_fee"})
_OF_UNITS = frozenset({"goods", "price_reduction"})
_NOT_YET = frozenset({"proposed", "refused"})


def owed(door: Door, held: Sequence[books.Held]) -> list[tuple[Subject, Settlement, Ask]]:
    """The rest of each approved refund of the case that no other refund stands for; ``held`` as for ``books.read``."""
    found = []
    for refund in door.children("refund"):
        if _has_rest(refund) and not _taken_up(door, refund):
            ask = _ask(refund)
            order = books.read(door.work, door.own_order(), held=held)
            settlement = settle(door.order.priced, past=order.past, tenders=order.tenders, ask=ask)
            if settlement.is_for_finance:
                found.append((refund, settlement, ask))
    return found


def _has_rest(refund: Subject) -> bool:
    """Whether less was approved than is owed; nothing approved is a decision that nothing is paid."""
    row = refund.row
    return bool(refund.state not in _NOT_YET and row["total"] and row["doc"].get("short") and row["doc"].get("ask"))


def _taken_up(door: Door, refund: Subject) -> bool:
    return any(s.row["doc"].get("rest_of") == refund.id and s.state != "refused" for s in door.children("refund"))


def _ask(refund: Subject) -> Ask:
    """What is still asked: the stretches alone, by the tenders and with the choices of the refund that owed them."""
    before = msgspec.convert(refund.row["doc"]["ask"], Ask)
    return msgspec.structs.replace(_bare(before), rest=unpaid(books.read_components(refund.row["components"])))


def _bare(ask: Ask) -> Ask:
    """The same terms and choices, with nothing asked."""
    return msgspec.structs.replace(
        ask, units={}, deductions=(), reductions=(), extras=(), swaps=(), rest=(), charges={}
    )


def freed(door: Door, refused: Subject, held: Sequence[books.Held]) -> tuple[Settlement, Ask] | None:
    """What returns of the order would have paid, had this refund by hand not been proposed; None for nothing.

    What the program has proposed so itself, and finance refused, is a decision. Charges of an order with a proposal
    that waits come with that, which is computed anew at its approval.
    """
    order_id, asks = refused.row["order_id"], _asks(door, refused.row["order_id"])
    if refused.row["doc"].get("ask") is not None:
        return None
    components = books.read_components(refused.row["components"])
    waits = any(state == "proposed" for state, _ in asks)
    charges = {} if waits or all(c.kind not in _CHARGES for c in components) else _together(asks)
    rest = tuple(_came_back(door, order_id, components))
    if not charges and not rest:
        return None
    found = books.read(door.work, door.own_order(), held=held)
    before = asks[-1][1] if asks else Ask(tenders=door.policy.refunds.tenders)
    ask = msgspec.structs.replace(
        _bare(before),
        rest=rest,
        charges=charges,
        statutory=tuple(sorted({s for _, one in asks for s in one.statutory})),
    )
    ask = settling.again(door.order, door.policy, found, ask)
    settlement = settle(door.order.priced, past=found.past, tenders=found.tenders, ask=ask)
    return (settlement, ask) if settlement.is_for_finance else None


def fixers(door: Door) -> list[str]:
    """Who fixed something in a return of the order, or in a refund of one: what such a refund frees is of their making.

    A refund without a return has a door without a case, which would know none of them.
    """
    order_id = door.order.row["id"]
    told = [row.facts for row in _FACTS.all(door.work, order=order_id)]
    told += [row.doc for row in _OF_RETURNS.all(door.work, order=order_id)]
    return [*dict.fromkeys(actor for one in told for actor in one.get("fixers", []))]


def _asks(door: Door, order_id: str) -> list[tuple[str, Ask]]:
    """What the refunds of the order's returns were asked for, oldest first, with their states."""
    rows = [(row.state, row.doc.get("ask")) for row in _OF_RETURNS.all(door.work, order=order_id)]
    return [(state, msgspec.convert(ask, Ask)) for state, ask in rows if ask is not None]


def _together(asks: Sequence[tuple[str, Ask]]) -> dict[str, units.Ranges]:
    found: dict[str, units.Ranges] = {}
    for _, ask in asks:
        for line_id, ranges in ask.units.items():
            found[line_id] = units.union(found.get(line_id, ()), ranges)
    return found


def _came_back(door: Door, order_id: str, components: Sequence[Component]) -> list[Component]:
    """What of these components was for goods that returns have accepted for money: each stretch, of units that came.

    A reduction of their price is such a part too: with it refused, they are worth all that was paid.
    """
    back: dict[str, units.Ranges] = {}
    for row in _CAME_BACK.all(door.work, order=order_id):
        if row.outcome in settling.MONEY_BACK:
            accepted = units.parse(row.doc.get("accepted_units", []), path="accepted_units")
            back[row.order_line_id] = units.union(back.get(row.order_line_id, ()), accepted)
    found = []
    for one in components:
        mine = units.intersect(one.units, back.get(one.order_line_id or "", ())) if one.kind in _OF_UNITS else ()
        if mine:
            found.append(msgspec.structs.replace(one, kind="goods", net=0, tax=0, gross=0, units=mine))
    return found
