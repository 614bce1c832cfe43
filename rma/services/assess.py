"""From rows to a decision: what an order holds, what of it is still free, and what policy and law say to a request."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cache
from typing import Any

import msgspec
import sqlalchemy as sa

from rma.db import hot, tables
from rma.db.session import Work
from rma.domain import calendar, claims, units
from rma.domain.decision import Decision, decide
from rma.domain.law import LawProfile
from rma.domain.law_dates import Told
from rma.domain.order import Order, Person
from rma.domain.policy import Policy
from rma.domain.pricing import Priced, price
from rma.domain.units import Ranges
from rma.services import law, naming
from rma.services.catalog import Catalog, StoreInfo
from rma.services.naming import Name, OrderBy

_orders = tables.table(tables.Order)
_returns = tables.table(tables.Return)
_lines = tables.table(tables.ReturnLine)
_READ_ORDER = msgspec.json.Decoder(Order).decode
_READ_PERSON = msgspec.json.Decoder(Person | None).decode
_READ_PRICED = msgspec.json.Decoder(Priced).decode
_MOST_EARLIER = 200


@cache
def _holds(by: OrderBy) -> hot.Hot:
    columns = (_lines.c.return_id, _returns.c.rma_number, _returns.c.state, _lines.c.order_line_id)
    return hot.Hot(
        sa.select(*columns, _lines.c.reserved, _lines.c.consumed, _lines.c.doc)
        .select_from(_lines.join(_returns, _returns.c.id == _lines.c.return_id))
        .where(_lines.c.order_id == naming.order_id(by))
    )


@cache
def _earlier(by: OrderBy) -> hot.Hot:
    buyer = sa.select(_orders.c.customer_ref).where(_orders.c.id == naming.order_id(by)).scalar_subquery()
    mine = (_returns.c.store_id == naming.STORE, _returns.c.customer_ref == buyer)
    latest = sa.select(_returns.c.created_at).where(*mine).order_by(_returns.c.created_at.desc())
    return hot.Hot(latest.limit(_MOST_EARLIER))


_UNNAMED = Name("order", {})
_STANDS_NOT = frozenset({"declined", "cancelled"})


class Hold(msgspec.Struct, frozen=True, gc=False):
    """What one return line holds of an order line."""

    return_id: str
    rma_number: str
    state: str
    order_line_id: str
    reserved: Ranges
    consumed: Ranges
    doc: dict[str, Any]

    @property
    def held(self) -> Ranges:
        """Units that nobody else may have."""
        return units.union(self.reserved, self.consumed)


@dataclass(slots=True)
class OrderView:
    """An order read from its row: what was bought, what it is worth, who holds what."""

    row: dict[str, Any]
    order: Order
    person: Person | None
    priced: Priced
    holds: list[Hold]
    law: LawProfile
    timezone: str
    region: str | None = None
    name: Name = _UNNAMED
    """What its row was asked for by; what hangs on it is asked for by the same."""

    def free(self, line_id: str) -> Ranges:
        """Units of this line that are neither reserved nor consumed."""
        line = self.order.line(line_id)
        taken = units.union(*(h.held for h in self.holds if h.order_line_id == line_id))
        return units.subtract(units.whole(line.quantity if line else 0), taken)

    def holders(self, line_id: str, *, other_than: str) -> tuple[str, ...]:
        """RMA numbers of the returns that hold units of this line."""
        found = {
            h.rma_number for h in self.holds if h.order_line_id == line_id and h.held and h.return_id != other_than
        }
        return tuple(sorted(found))

    def exchanged(self, line_id: str) -> Ranges:
        """Units of this line for which a replacement was delivered."""
        return units.union(*(h.consumed for h in self.holds if h.order_line_id == line_id and "exchange_sku" in h.doc))

    @property
    def told(self) -> Told:
        """The local day on which the consumer was told of the right to withdraw."""
        at = self.order.withdrawal_information_given_at
        if self.order.never_informed:
            return "never"
        return calendar.local_date(at, self.timezone) if at else None

    @property
    def country(self) -> str | None:
        """The consumer's country, where the order tells."""
        return self.order.country


def read_order_doc(text: str) -> Order:
    """The order as it was stored, without its personal part."""
    return _READ_ORDER(text)


def read_person(text: str) -> Person | None:
    """The personal part of an order; None when it was erased."""
    person: Person | None = _READ_PERSON(text)
    return person


def reads(name: Name) -> list[hot.Read]:
    """What ``view_order`` asks for, for who reads it ahead with more."""
    return [(_holds(name.by), name.params)]


def view_order(work: Work, store: StoreInfo, row: dict[str, Any], name: Name | None = None) -> OrderView:
    """Read an order's row and what its returns hold: one statement, unless read ahead by this name."""
    name = name or naming.named(store.id, "order", row["id"])
    return view_of(store, row, [Hold(*cells) for cells in _holds(name.by).rows(work, name.params)], name)


def view_of(store: StoreInfo, row: dict[str, Any], holds: list[Hold], name: Name | None = None) -> OrderView:
    """The order of a row and of what its returns hold, both read already."""
    order = _READ_ORDER(row["doc"])
    frozen = _READ_PRICED(row["frozen"]) if row["frozen"] else None
    person = _READ_PERSON(row["person"])
    region = law.region_of(order.country, person.ship_to if person else None)
    timezone = law.timezone(store, order.country, region=region)
    ordered_on = calendar.local_date(order.ordered_at, timezone)
    return OrderView(
        row=row,
        order=order,
        person=person,
        priced=price(order, frozen=frozen),
        holds=holds,
        law=law.protecting(store, order.country, ordered_on, region=region, kept=row["law"]),
        timezone=timezone,
        region=region,
        name=name or naming.named(store.id, "order", row["id"]),
    )


def order_facts(
    work: Work, store: StoreInfo, view: OrderView, policy: Policy, *, now: datetime, but: str = ""
) -> claims.Facts:
    """What a decision looks at. ``but`` is the return whose own holds do not count (it is being judged again)."""
    return facts_of(store, view, now=now, but=but, earlier=_days(work, view, policy, now))


def facts_of(
    store: StoreInfo, view: OrderView, *, now: datetime, but: str = "", earlier: tuple[date, ...] = ()
) -> claims.Facts:
    """The same with the days of the customer's earlier returns, read already."""
    order = view.order
    informed = order.withdrawal_information_given_at
    standing = {h.return_id for h in view.holds if h.state not in _STANDS_NOT and h.return_id != but}
    return claims.Facts(
        now=now,
        timezone=view.timezone,
        currency=order.currency,
        ordered_at=order.ordered_at,
        shipped_at=min((d.shipped_at for d in order.deliveries if d.shipped_at), default=None),
        promised_by=order.promised_by,
        country=order.country or store.country,
        is_business=order.is_business,
        never_informed=order.never_informed,
        informed_on=calendar.local_date(informed, view.timezone) if informed else None,
        groups=tuple(order.groups),
        order_value=view.priced.total,
        lines=tuple(_line_facts(view, line.id, but) for line in order.lines),
        deliveries=tuple(_delivery(d) for d in order.deliveries),
        returns_on_order=len(standing),
        earlier_returns=earlier,
    )


def asked_again(line: Any, evidence: tuple[str, ...]) -> claims.LineRequest:
    """What a stored return line asked for when it was filed, with the kinds of the files that it holds by now."""
    doc = line.doc
    told = doc.get("condition") or {}
    by_choice = doc.get("filed_kind", line.kind) == "withdrawal"
    part: claims.Part = "undelivered" if doc.get("undelivered") else "delivered"
    noticed = doc.get("noticed_at")
    return claims.LineRequest(
        order_line_id=line.order_line_id,
        quantity=line.requested,
        kind=doc.get("filed_kind", line.kind),
        reason=line.reason,
        outcome=line.outcome,
        damage=doc.get("damage"),
        noticed_on=datetime.fromisoformat(noticed).date() if noticed else None,
        evidence=evidence,
        part=part if by_choice else None,
        opened=bool(told.get("opened")),
        used=bool(told.get("used")),
        installed=bool(told.get("installed")),
    )


def _line_facts(view: OrderView, line_id: str, but: str) -> claims.LineFacts:
    line = view.order.line(line_id)
    if line is None:
        raise LookupError(line_id)
    mine = units.union(*(h.held for h in view.holds if h.order_line_id == line_id and h.return_id == but))
    undelivered = sum(
        units.count(h.held)
        for h in view.holds
        if h.order_line_id == line_id and h.return_id != but and h.doc.get("undelivered")
    )
    return claims.LineFacts(
        id=line.id,
        sku=line.sku,
        quantity=line.quantity,
        left=units.count(view.free(line_id)) + units.count(mine),
        total=view.priced.lines[line.id].gross,
        kind=line.kind,
        category=line.category,
        tags=tuple(line.tags),
        attributes=frozenset(name for name, value in line.attributes.items() if value),
        taken_undelivered=undelivered,
    )


def _delivery(delivery: Any) -> claims.Delivery:
    lines = tuple(claims.DeliveredLine(id=d.id, quantity=d.quantity, piece=d.piece) for d in delivery.lines)
    return claims.Delivery(delivered_at=delivery.delivered_at, shipped_at=delivery.shipped_at, lines=lines)


def earlier_reads(name: Name, policy: Policy) -> list[hot.Read]:
    """What a decision asks about the customer's earlier returns, for who reads it ahead with more."""
    return [(_earlier(name.by), name.params)] if policy.lookback_days else []


def _days(work: Work, view: OrderView, policy: Policy, now: datetime) -> tuple[date, ...]:
    """The days of the customer's earlier returns, as far as the policy looks back."""
    if not policy.lookback_days or not view.row["customer_ref"]:
        return ()
    since = now - timedelta(days=policy.lookback_days + 1)
    found = _earlier(view.name.by).rows(work, view.name.params)
    return tuple(calendar.local_date(at, view.timezone) for (at,) in found if at >= since)


def judge(
    work: Work,
    catalog: Catalog,
    store: StoreInfo,
    view: OrderView,
    request: claims.Request,
    *,
    now: datetime,
    but: str = "",
) -> tuple[Decision, Policy]:
    """The decision of the order's own policy and law on a request, and that policy."""
    policy = catalog.policy(work, store.id, policy_version(work, catalog, store, view.row, now))
    facts = order_facts(work, store, view, policy, now=now, but=but)
    return decide(policy, view.law, facts, request), policy


def policy_version(work: Work, catalog: Catalog, store: StoreInfo, row: dict[str, Any], now: datetime) -> int:
    """The version that the order was promised; orders keep the one that was in force when they first came in."""
    version = row["policy_version"]
    return int(version) if version is not None else catalog.current_policy(work, store.id, now)
