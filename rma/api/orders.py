"""Orders over HTTP: snapshots in, what can be returned out."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

import msgspec

from rma.api.http import Call, created, ok
from rma.api.products import stream
from rma.api.routing import Routes
from rma.api.shapes import GivenByLaw
from rma.domain.merging import Conflict
from rma.domain.order import write_delivery
from rma.domain.snapshot_forms import DeliveryForm, LineForm, MoneyForm, OrderForm
from rma.errors import Reason
from rma.services import order_import, orders, orders_view
from rma.services.context import Work
from rma.services.idempotency import Answer
from rma.services.import_files import Report
from rma.services.orders_view import Chosen, Filters
from rma.services.paging import Page

routes = Routes(tag="Orders")


class WayBack(msgspec.Struct, frozen=True, kw_only=True):
    """A way back for the goods, what it costs and who pays it."""

    method: str
    fee: MoneyForm
    paid_by: str


class LineOption(msgspec.Struct, frozen=True, kw_only=True):
    """What could be filed for a line now under one kind: how many units, until which day, and what may be chosen.

    `judged_as` is the kind it would be judged as, `decision` what would be decided, `estimated` a day that rests on an
    assumed delivery.
    """

    kind: str
    judged_as: str
    decision: str
    basis: str
    quantity: int
    last_day: date | None
    estimated: bool
    outcomes: list[str]
    outcomes_by_law: list[GivenByLaw]
    methods: list[WayBack]
    reasons: list[Reason]


class OrderLineView(LineForm, frozen=True, kw_only=True):
    """A line with its options, null where they were not asked for; `in_returns` counts the units that returns hold."""

    origin: str
    in_returns: int = 0
    options: tuple[LineOption, ...] | None = None


class OrderView(OrderForm, frozen=True, kw_only=True):
    """An order as the API shows it; lists leave the options out.

    `flags`: `total_mismatch`, `discount_clamped`. `frozen`: its values are fixed, for a return was filed. `erased`: its
    personal data was erased. `conflicts` answers a snapshot that differed from what is frozen.
    """

    id: str
    lines: tuple[OrderLineView, ...]
    flags: list[str]
    frozen: bool
    erased: bool
    policy_version: int
    law: str
    version: int
    created_at: datetime
    updated_at: datetime
    conflicts: tuple[Conflict, ...] = ()


@routes.put("/orders/{number}", answers=OrderView, also=201)
def put(call: Call, data: OrderForm) -> Answer:
    """Take a snapshot of an order, new (201) or known (200).

    Sending it again changes nothing; a newer one is merged: deliveries and payments by their id, contact data replaced.
    Once a return was filed, a different money value or quantity is kept out and named in `conflicts`; 409 only when a
    line that is in a return is removed or falls below what is in returns.
    """
    del data  # its types are right; it is read with everything that types cannot see, below
    number = call.path["number"]
    outcome = orders.put(call.services, call.caller, number, call.body, expected=call.if_match)

    def answer(work: Work) -> Answer:
        shown, version = _shown(call, work)
        shown["conflicts"] = outcome.conflicts
        return (created if outcome.result == "new" else ok)(shown, version=version)

    return call.read(answer)


@routes.get("/orders/{number}", answers=OrderView, query=Chosen)
def show(call: Call) -> Answer:
    """One order, with what can be returned of each line, by which right and until when.

    Options are worked out for the lines that are named, `line=1&line=2`, or for the first 200 lines.
    """
    lines = call.query(Chosen).line

    def answer(work: Work) -> Answer:
        shown, version = _shown(call, work, lines)
        return ok(shown, version=version)

    return call.read(answer)


@routes.get("/orders", answers=Page[OrderView], query=Filters)
def listing(call: Call) -> Answer:
    """Orders in the order in which they came in, without options."""
    filters = call.query(Filters)
    return call.pages(lambda work, ask: orders_view.listing(work, call.caller, filters, ask))


@routes.post("/orders/{number}/deliveries", answers=DeliveryForm, status=201, also=200)
def deliver(call: Call, data: DeliveryForm) -> Answer:
    """Add a delivery (201), or say more of one that is known by its id (200). No `lines` means the whole order."""
    del data  # its types are right; it is read against the order's lines, below
    number = call.path["number"]

    def act(work: Work) -> Answer:
        delivery, order, new = orders.deliver(work, call.caller, number, call.body, expected=call.if_match)
        return (created if new else ok)(write_delivery(delivery), version=order["version"], subject=order["id"])

    return call.write(act)


@routes.post("/orders/import", answers=Report, body="stream")
def load(call: Call) -> Answer:
    """Take many orders: NDJSON (`application/x-ndjson`, a snapshot with its `number` a line) or CSV (`text/csv`).

    The body streams and may be large. A bad line is reported with its number and its fields, and never stops or spoils
    the rest. Sending a file again changes nothing.
    """
    file = stream(call)
    return call.in_parts(lambda: ok(order_import.load(call.services, call.caller, file, media_type=call.media_type)))


def _shown(call: Call, work: Work, lines: Sequence[str] = ()) -> tuple[dict[str, Any], int]:
    number, store_id = call.path["number"], call.caller.store_id
    return orders_view.show(work, call.services, store_id, number, locale=call.locale, lines=lines)
