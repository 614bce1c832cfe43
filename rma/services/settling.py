"""What a case owes: from accepted units, outcomes and fees to one settlement. Quotes and proposals share this path."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

import msgspec
import sqlalchemy as sa

from rma.db import hot, tables
from rma.db.session import Work
from rma.domain import late, law_rights, units
from rma.domain.asks import Ask, Deduction, Reduction, Settlement, Swap
from rma.domain.calendar import local_date
from rma.domain.decision import Decision
from rma.domain.money import parse_money
from rma.domain.policy import Policy
from rma.domain.settlement import service_used, settle
from rma.domain.tenders import CREDIT, TRANSFER
from rma.domain.units import Ranges
from rma.errors import FieldError, Forbidden, Invalid, Reason, Refused
from rma.services import books, differences
from rma.services.assess import OrderView
from rma.services.books import Books
from rma.services.caller import Caller
from rma.services.catalog import StoreInfo

if TYPE_CHECKING:
    from rma.services.case import Line
    from rma.services.filing import FileReturn
    from rma.services.transition import Door

_products = tables.table(tables.Product)
_orders = tables.table(tables.Order)
_FREEZE = hot.Hot(
    sa.update(_orders)
    .where(_orders.c.id == sa.bindparam("key"))
    .values(frozen=sa.bindparam("frozen"), policy_version=sa.bindparam("policy_version"), law=sa.bindparam("law"))
)
MONEY_BACK = frozenset({"refund", "store_credit", "keep", "exchange"})


@dataclass(frozen=True, slots=True)
class Share:
    """Units of one line whose money is decided together, and by what terms; a withdrawal has the day of its notice."""

    order_line_id: str
    units: Ranges
    outcome: str
    statutory: bool
    restocking_percent: str = "0"
    swap_price: int | None = None
    withdrawn_on: date | None = None


@dataclass(frozen=True, slots=True)
class Exchange:
    """A replacement as planned: what, for how much in all, and what the customer owes or gets for the difference."""

    position: int
    sku: str
    quantity: int
    price: int
    product_id: str | None
    due_from_customer: int


@dataclass(frozen=True, slots=True)
class Plan:
    """The money of a request: what would come back, what is exchanged, and for which reason each line was asked for."""

    settlement: Settlement
    exchanges: tuple[Exchange, ...]
    reasons: tuple[str | None, ...]


def ask(
    view: OrderView,
    policy: Policy,
    found: Books,
    shares: list[Share],
    *,
    fee: int = 0,
    deductions: tuple[Deduction, ...] = (),
    reductions: tuple[Reduction, ...] = (),
) -> Ask:
    """What to settle for these units by the store's terms; fees only ever fall on voluntary lines.

    Who chose store credit for some lines has the money of those as credit. The rest, and what belongs to no line, goes
    back the way it came; where all of it was chosen as credit, that does too.
    """
    wanted = _units_of(shares)
    statutory = any(share.statutory for share in shares)
    fees = tuple(
        _restocking(share) for share in shares if not share.statutory and share.restocking_percent not in ("", "0")
    )
    if fee and not statutory:
        fees = (*fees, Deduction(cause="fee", amount=fee, why="return_fee"))
    chosen = _units_of([share for share in shares if share.outcome == "store_credit"])
    alone = bool(chosen) and chosen == wanted and not reductions
    swaps = tuple(
        Swap(order_line_id=s.order_line_id, units=s.units, price=s.swap_price)
        for s in shares
        if s.swap_price is not None
    )
    return Ask(
        units=wanted,
        statutory=tuple(sorted({share.order_line_id for share in shares if share.statutory})),
        deductions=(*deductions, *fees, *_services_given(view, shares)),
        reductions=reductions,
        swaps=swaps,
        shipping=policy.refunds.shipping,
        completes_order=completes(view, found, wanted_back(shares)),
        shipping_for_kept=shipping_for_kept(view, policy, found, wanted_back(shares)),
        shipping_basis="cheapest_standard" if law_rights.cheapest_delivery(view.law) else "paid",
        promotions=policy.refunds.promotions,
        tenders=policy.refunds.tenders,
        redirect={"*": CREDIT} if alone else {},
        credit={} if alone else chosen,
        extra_tender=CREDIT if alone else TRANSFER,
        bonus_percent=policy.refunds.credit_bonus_percent if chosen else "0",
    )


def _services_given(view: OrderView, shares: list[Share]) -> Iterator[Deduction]:
    """What the law lets be kept of a service that was begun at the consumer's wish: its share until the notice.

    Nothing where the consumer was never told of the right, or only once it had begun (CRD art. 14(3)-(4)). Of two laws
    only one that gives the right for that line has a say in its price.
    """
    for share in shares:
        line = view.order.line(share.order_line_id)
        if share.withdrawn_on is None or line is None or line.service is None:
            continue
        names = frozenset(name for name, value in line.attributes.items() if value)
        giving = [
            one
            for one in view.law.applicable
            if one.withdrawal and law_rights.exemption(one, attributes=names, condition=frozenset()) is None
        ]
        if not giving or any(law_rights.service_share(one) is None for one in giving):
            continue
        if not line.attributes.get("service_started") or not law_rights.told_by(view.told, line.service.starts):
            continue
        worth = view.priced.lines[line.id].values(share.units).gross
        amount = service_used(worth, days=line.service.given_before(share.withdrawn_on), of=line.service.days)
        if amount:
            yield Deduction(cause="service_used", amount=amount, order_line_id=line.id, units=share.units)


def _restocking(share: Share) -> Deduction:
    return Deduction(
        cause="fee",
        percent=share.restocking_percent,
        order_line_id=share.order_line_id,
        units=share.units,
        why="restocking",
    )


def wanted_back(shares: list[Share]) -> dict[str, Ranges]:
    """The units of these shares that come back for money, by order line."""
    return _units_of([share for share in shares if share.outcome != "exchange"])


def _units_of(shares: list[Share]) -> dict[str, Ranges]:
    found: dict[str, Ranges] = {}
    for share in shares:
        found[share.order_line_id] = units.union(found.get(share.order_line_id, ()), share.units)
    return found


def completes(view: OrderView, found: Books, back: dict[str, Ranges]) -> bool:
    """True if with these units the whole order has come back: only then shipping goes with the last return.

    What was exchanged came back; its replacement, once delivered, is a line that has to come back too.
    """
    for line in view.order.lines:
        together = units.union(back.get(line.id, ()), found.returned(line.id), view.exchanged(line.id))
        if units.subtract(units.whole(line.quantity), together):
            return False
    return True


def shipping_for_kept(view: OrderView, policy: Policy, found: Books, back: dict[str, Ranges]) -> int | None:
    """What delivery would have cost for what the customer keeps, by the store's tariff; None where none counts."""
    if policy.refunds.shipping != "marginal" or view.order.currency != policy.currency:
        return None
    kept = 0
    for line in view.priced.lines.values():
        gone = units.union(back.get(line.id, ()), found.returned(line.id))
        kept += line.values(units.subtract(units.whole(line.quantity), gone)).gross
    return policy.refunds.delivery_of(kept)


def again(view: OrderView, policy: Policy, found: Books, ask: Ask) -> Ask:
    """The same ask by what has come back of the order until now; interest is worked out anew."""
    swapped = {swap.order_line_id: swap.units for swap in ask.swaps}
    back = {line: units.subtract(ranges, swapped.get(line, ())) for line, ranges in ask.units.items()}
    return msgspec.structs.replace(
        ask,
        completes_order=completes(view, found, back),
        shipping_for_kept=shipping_for_kept(view, policy, found, back),
        extras=late.without_interest(ask),
    )


def plan_quote(
    work: Work,
    store: StoreInfo,
    view: OrderView,
    policy: Policy,
    decision: Decision,
    data: FileReturn,
    caller: Caller,
    *,
    noticed: datetime,
) -> Plan:
    """What this request, of which notice was given then, would pay back if all of it is accepted and arrives."""
    on = local_date(noticed, view.timezone)
    found = books.read(work, view)
    shares: list[Share] = []
    exchanges: list[Exchange] = []
    taken: dict[str, Ranges] = {}
    for i, (asked, line) in enumerate(zip(data.lines, decision.lines, strict=True)):
        if line.decision == "refused" or line.outcome not in MONEY_BACK:
            continue
        free = units.subtract(view.free(line.order_line_id), taken.get(line.order_line_id, ()))
        if units.count(free) < line.quantity:
            continue
        chosen = units.take(free, line.quantity)
        taken[line.order_line_id] = units.union(taken.get(line.order_line_id, ()), chosen)
        price = None
        if line.outcome == "exchange" and asked.replacement is not None:
            exchange = _exchange(work, store, view, caller, data, i, chosen)
            exchanges.append(exchange)
            price = exchange.price
        shares.append(
            Share(
                line.order_line_id,
                chosen,
                line.outcome,
                line.basis == "statutory",
                str(line.restocking_percent),
                price,
                withdrawn_on=on if _withdrawn(line) else None,
            )
        )
    fee = sum(f.amount for f in decision.fees)
    settlement = settle(
        view.priced, past=found.past, tenders=found.tenders, ask=ask(view, policy, found, shares, fee=fee)
    )
    due = [replace(one, due_from_customer=due) for one, due in zip(exchanges, settlement.dues, strict=True)]
    return Plan(settlement, tuple(due), tuple(line.reason for line in data.lines))


def _exchange(
    work: Work, store: StoreInfo, view: OrderView, caller: Caller, data: FileReturn, i: int, chosen: Ranges
) -> Exchange:
    asked = data.lines[i].replacement
    path = f"lines[{i}].replacement"
    if asked is None:
        raise Invalid.field(path, "required", "An exchange names what shall come instead.")
    quantity = asked.quantity or units.count(chosen)
    row = work.conn.execute(
        sa.select(_products).where(_products.c.store_id == store.id, _products.c.sku == asked.sku)
    ).first()
    if asked.unit_price is not None:
        if not caller.may("returns:override"):
            raise Forbidden("A price for the replacement needs the scope returns:override.")
        price: int | None = parse_money(asked.unit_price, view.order.currency, path=f"{path}.unit_price") * quantity
    else:
        price = price_of(store, view, row, (data.lines[i].order_line_id, chosen), sku=asked.sku, quantity=quantity)
    if price is None:
        message = f"{asked.sku} is not in the catalogue; a key with returns:override may give its unit_price."
        raise Invalid("The replacement is not known.", errors=[FieldError(f"{path}.sku", "unknown_product", message)])
    if row is not None and row.stock is not None and row.stock - row.reserved < quantity:
        raise out_of_stock(work, store, row.sku)
    return Exchange(i, asked.sku, quantity, price, row.id if row else None, 0)


def price_of(
    store: StoreInfo, view: OrderView, product: Any, old: tuple[str, Ranges], *, sku: str, quantity: int
) -> int | None:
    """What so many pieces cost instead of ``old`` units of a line: the same for as much, else by the catalogue."""
    line_id, chosen = old
    line = view.order.line(line_id)
    if line is not None and sku == line.sku and quantity == units.count(chosen):
        return view.priced.lines[line_id].values(chosen).gross
    if product is not None and product.doc.get("currency", store.currency) == view.order.currency:
        return int(product.doc["price_minor"]) * quantity
    return None


def due_for(door: Door, line: Line, price: int) -> int:
    """What the customer will owe for a replacement at this price if every unit that is not rejected is accepted."""
    found = books.read(door.work, door.own_order())
    chosen = units.subtract(line.units, units.parse(line.doc.get("rejected_units", []), path="rejected_units"))
    percent, statutory = str(line.doc.get("restocking_percent", "0")), line.basis == "statutory"
    share = Share(line.order_line_id, chosen, "exchange", statutory, percent, price)
    asked = ask(door.order, door.policy, found, [share])
    return settle(door.order.priced, past=found.past, tenders=found.tenders, ask=asked).due_from_customer


def out_of_stock(work: Work, store: StoreInfo, sku: str) -> Refused:
    """A clear refusal that names the variants that are there, and the other outcomes."""
    mine = sa.select(_products.c.variant_of).where(_products.c.store_id == store.id, _products.c.sku == sku)
    family = work.conn.execute(mine).scalar() or sku
    there = sa.or_(_products.c.stock.is_(None), _products.c.stock > _products.c.reserved)
    first = sa.and_(_products.c.sku == family, _products.c.stock.is_not(None))  # without stock it only names the family
    others = work.conn.execute(
        sa.select(_products.c.sku)
        .where(_products.c.store_id == store.id, _products.c.sku != sku, there)
        .where(sa.or_(_products.c.variant_of == family, first))
        .order_by(_products.c.sku)
    ).scalars()
    text = f"{sku} is out of stock."
    allowed = [*(f"variant:{sku}" for sku in others), "refund", "store_credit"]
    return Refused(
        text, code="out_of_stock", reasons=[Reason(rule="stock", code="out_of_stock", text=text)], allowed=allowed
    )


def shares_of_case(door: Door, found: Books) -> list[Share]:
    """Accepted units of the case whose money is not decided yet, or is decided anew, by line.

    Those of an exchange are decided together, once all were judged; what its replacement does not cost goes back.
    """
    case = door.case
    if case is None:
        return []
    shares = []
    for line in case.lines:
        accepted = units.parse(line.doc.get("accepted_units", []), path="accepted_units")
        anew = units.parse(line.doc.get("anew_units", []), path="anew_units")
        decided = units.subtract(found.returned(line.order_line_id, by_returns=True), anew)
        open_units = units.subtract(accepted, units.union(decided, settled_units(line.doc)))
        if open_units and line.outcome in MONEY_BACK and not differences.is_awaited(door, line):
            price = differences.uncovered(door, found, line)
            percent = str(line.doc.get("restocking_percent", "0"))
            statutory, on = line.basis == "statutory", local_date(case.noticed_at, door.order.timezone)
            shares.append(
                Share(
                    line.order_line_id,
                    open_units,
                    line.outcome,
                    statutory,
                    percent,
                    price,
                    withdrawn_on=on if _withdrawn(line) else None,
                )
            )
    return shares


def _withdrawn(line: Any) -> bool:
    """Whether a line is withdrawn from by law."""
    return bool(line.kind == "withdrawal" and line.basis == "statutory")


def settled_units(doc: dict[str, Any]) -> Ranges:
    """Units of a line that were settled without a refund component (an even exchange, a free unit)."""
    return units.parse(doc.get("settled_units", []), path="settled_units")


def open_replacements(door: Door, plan: Plan) -> None:
    """Keep on the lines what was planned for them; the case machine opens the replacements."""
    case = door.case
    if case is None:
        return
    for exchange in plan.exchanges:
        line = case.lines[exchange.position]
        doc = {**line.doc, "exchange_price": exchange.price, "exchange_sku": exchange.sku}
        doc |= {"exchange_quantity": exchange.quantity, "exchange_product": exchange.product_id}
        line.set(doc={**doc, "exchange_due": exchange.due_from_customer})


def to_row(settlement: Settlement) -> list[dict[str, Any]]:
    """Components as they are stored."""
    return [msgspec.to_builtins(component) for component in settlement.components]


def freeze_values(work: Work, view: OrderView, policy_version: int) -> None:
    """Fix unit values, policy and law of the order with its first return or refund."""
    if view.row["frozen"] is None:
        frozen = msgspec.json.encode(view.priced).decode()
        kept = {"frozen": frozen, "policy_version": policy_version, "law": view.law.reference}
        _FREEZE.run(work, {"key": view.row["id"], **kept})
