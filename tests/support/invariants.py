"""What must hold in a store after any acts whatever, in whatever order, by however many at once."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa

from rma.db import tables
from rma.domain import engine, events, units
from rma.domain.vocabulary import ROLES
from rma.services import assess, children, doors, gather, replay
from rma.services.caller import Caller
from rma.services.transition import Door
from tests.support.floor import Floor

_events = tables.table(tables.Event)


def check(floor: Floor) -> None:
    """Every invariant of the store, with everything that is wrong in one list."""
    wrong = [*_chains(floor), *_replays(floor), *_lines(floor), *_units(floor), *_money(floor), *_ways_on(floor)]
    wrong += [*_deadlines(floor), *_stock(floor)]
    assert wrong == [], "\n".join(wrong)


def _chains(floor: Floor) -> Iterator[str]:
    """The events of each return and order hang together and end at the head of its row."""
    for model in (tables.Return, tables.Order):
        for row in floor.rows(model):
            with floor.services.database.read() as work:
                query = sa.select(_events).where(_events.c.stream == row.id).order_by(_events.c.n)
                found = work.conn.execute(query).all()
            head = ""
            for n, event in enumerate(found, 1):
                head = events.link(head, event.body)
                if (event.n, event.hash) != (n, head):
                    yield f"{row.id}: event {event.n} does not fit"
            if (head, len(found)) != (row.head, row.events_n):
                yield f"{row.id}: its head is not that of its last event"


def _replays(floor: Floor) -> Iterator[str]:
    """What the log leads to is what the rows say: states of cases and children, numbers and units of lines."""
    with floor.services.database.read() as work:
        for row in floor.rows(tables.Return):
            for wrong in replay.check_return(work, floor.services.catalog, floor.store_id, row.id):
                yield str(wrong)
        for row in floor.rows(tables.Order):
            for wrong in replay.check_order(work, row.id):
                yield str(wrong)


def _lines(floor: Floor) -> Iterator[str]:
    """The numbers of a line can be true at the same time."""
    for row in floor.rows(tables.ReturnLine):
        waived = row.doc.get("waived", 0)
        numbers = (row.expected, row.received, row.missing, row.accepted, row.rejected, row.settled, waived)
        if min(numbers) < 0 or max(numbers) > row.requested:
            yield f"{row.id}: a number is out of range: {numbers} of {row.requested}"
        if row.received + row.missing > max(row.expected, row.requested):
            yield f"{row.id}: {row.received} came and {row.missing} are missing of {row.expected}"
        if row.accepted - waived + row.rejected > row.received:
            yield f"{row.id}: more judged than received"
        if row.settled > row.accepted + row.rejected:
            yield f"{row.id}: more settled than judged"


def _units(floor: Floor) -> Iterator[str]:
    """Free + reserved + consumed = bought: no unit is held twice, none beyond what was bought."""
    bought = {}
    for row in floor.rows(tables.Order):
        for line in assess.read_order_doc(row.doc).lines:
            bought[row.id, line.id] = line.quantity
    held: dict[tuple[str, str], Counter[int]] = defaultdict(Counter)
    for row in floor.rows(tables.ReturnLine):
        for span in (*row.reserved, *row.consumed):
            held[row.order_id, row.order_line_id].update(range(span[0], span[1] + 1))
    for key, counted in held.items():
        twice = sorted(unit for unit, times in counted.items() if times > 1)
        if twice:
            yield f"{key}: units {twice} are held twice"
        if counted and not (min(counted) >= 1 and max(counted) <= bought[key]):
            yield f"{key}: units beyond what was bought are held: {sorted(counted)}"


def _money(floor: Floor) -> Iterator[str]:
    """No unit is paid back twice, no tender gives more than it took, the provider sent what the rows say."""
    standing = {row.id: row for row in floor.rows(tables.Refund) if row.state != "refused"}
    transfers = [row for row in floor.rows(tables.Transfer) if row.refund_id in standing]
    out: Counter[tuple[str, str]] = Counter()
    for row in transfers:
        payment_id = row.on_behalf_of or row.payment_id
        if row.amount <= 0:
            yield f"{row.id}: a transfer of {row.amount}"
        if payment_id:
            out[row.order_id, payment_id] += row.amount
    for order in floor.rows(tables.Order):
        for payment in assess.read_order_doc(order.doc).payments:
            left = payment.captured - payment.refunded
            if out[order.id, payment.id] > left:
                yield f"{order.number}: {out[order.id, payment.id]} go out of {payment.id}, which took {left}"
    yield from _sums(standing, transfers)
    yield from _values(floor, list(standing.values()))
    yield from _sent(floor)
    yield from _overpaid(floor)


def _overpaid(floor: Floor) -> Iterator[str]:
    """What was paid for a replacement beyond what is due for it was proposed back."""
    back: Counter[str] = Counter()
    for row in floor.rows(tables.Refund):
        back.update({part["ref"]: part["gross"] for part in row.components if part.get("ref")})
    for row in floor.rows(tables.Replacement):
        paid = sum(part["amount"] for part in row.doc.get("payments", []))
        kept = 0 if row.state == "released" else row.due_from_customer
        if paid - back[row.id] > kept:
            yield f"{row.id}: {paid} paid, {back[row.id]} proposed back, {kept} due"


def _sums(standing: dict[str, Any], transfers: list[Any]) -> Iterator[str]:
    sums: Counter[str] = Counter()
    for row in transfers:
        sums[row.refund_id] += row.amount
    for row in standing.values():
        if sums[row.id] not in (row.total, row.total + row.doc.get("bonus", 0)):
            yield f"{row.id}: its transfers make {sums[row.id]}, its total is {row.total}"


def _values(floor: Floor, standing: list[Any]) -> Iterator[str]:
    """The units of a line bring at most what was paid for them, however often their money was decided."""
    with floor.services.database.read() as work:
        store = floor.services.catalog.store(work, floor.store_id)
        for order in floor.rows(tables.Order):
            priced = assess.view_order(work, store, {**order._mapping, "clock_offset": 0.0}).priced
            brought: Counter[str] = Counter()
            covered: dict[str, units.Ranges] = defaultdict(tuple)
            for part in (part for row in standing if row.order_id == order.id for part in row.components):
                line_id, unpaid = part.get("order_line_id"), part.get("cause") in ("exchange", "undone", "short")
                if line_id and (part["kind"] in ("goods", "price_reduction") or unpaid):
                    brought[line_id] += -part["gross"] if unpaid else part["gross"]
                    covered[line_id] = units.union(covered[line_id], units.parse(part["units"], path="units"))
            for line_id, amount in brought.items():
                if amount > priced.lines[line_id].values(covered[line_id]).gross:
                    yield f"{order.number}: {covered[line_id]} of line {line_id} bring {amount}"


def _sent(floor: Floor) -> Iterator[str]:
    """Each transfer that succeeded stands once in a ledger, and no ledger holds money that no transfer asked for."""
    ledger: Counter[str] = Counter()
    for name in ("offline", "offline_plain"):
        provider: Any = floor.services.ports.payments[name]
        for entry in provider.ledger():
            if entry.state == "succeeded":
                ledger[entry.key] += 1
    rows = {row.id: row for row in floor.rows(tables.Transfer)}
    for key, times in ledger.items():
        row = rows.get(key.partition(":")[0])
        if row is not None and times > 1:
            yield f"{key}: the money went out {times} times"
    for row in rows.values():
        keys = [key for key in ledger if key.startswith(f"{row.id}:")]
        if row.state == "succeeded" and row.tender != "store_credit" and len(keys) != 1:
            yield f"{row.id}: succeeded, and {len(keys)} attempts stand in the ledger"
        if row.state in ("pending", "failed") and keys:
            yield f"{row.id}: {row.state}, but the money went out"


def _ways_on(floor: Floor) -> Iterator[str]:
    """Whatever has not ended can be moved on by somebody, or an act or a deadline is on its way."""
    waiting = {row.subject_id for row in floor.rows(tables.Deadline) if row.state == "open" and row.fire != "none"}
    waiting |= {row.subject_id for row in floor.rows(tables.Attempt) if row.state != "done"}
    system = Caller(store_id=floor.store_id, store_slug=floor.slug)
    for row in floor.rows(tables.Return):
        with floor.services.database.read() as work:
            door = doors.open_case(work, floor.services, system, row.id, lock=False)
            for subject in [door.root, *(s for kind in children.TABLES for s in door.children(kind))]:
                assert subject is not None
                if not subject.definition.states[subject.state].final and subject.id not in waiting:
                    yield from _stuck(door, subject)


def _stuck(door: Door, subject: Any) -> Iterator[str]:
    if subject.state == "awaiting_payout":  # whoever names an account moves it on: that is no trigger by itself
        return
    facts = gather.facts(door, subject)
    for role in ROLES:
        if engine.allowed(subject.definition, subject.state, role=role, facts=facts):
            return
    yield f"{subject.id}: nobody can do anything in {subject.state}"


def _deadlines(floor: Floor) -> Iterator[str]:
    """A deadline is open only in a state that has it, and once."""
    states: dict[str, tuple[str, str]] = {row.id: ("return", row.state) for row in floor.rows(tables.Return)}
    for kind, model in (("parcel", tables.Parcel), ("refund", tables.Refund), ("replacement", tables.Replacement)):
        states |= {row.id: (kind, row.state) for row in floor.rows(model)}
    seen: Counter[tuple[str, str]] = Counter()
    with floor.services.database.read() as work:
        for row in floor.rows(tables.Deadline):
            if row.state != "open":
                continue
            kind, state = states[row.subject_id]
            definition = floor.services.catalog.current_definition(work, floor.store_id, kind)
            if row.name not in {one.name for one in definition.deadlines_in(state)}:
                yield f"{row.subject_id}: the deadline {row.name} is open in {state}"
            seen[row.subject_id, row.name] += 1
    yield from (f"{key}: open {times} times" for key, times in seen.items() if times > 1)


def _stock(floor: Floor) -> Iterator[str]:
    """What a product has reserved is what living replacements hold."""
    held: Counter[str] = Counter()
    for row in floor.rows(tables.Replacement):
        if row.doc.get("product"):
            held[row.doc["product"]] += row.doc.get("held", 0)
            if row.state in ("reserved", "awaiting_payment", "ordered", "shipped") and row.doc["held"] != row.quantity:
                yield f"{row.id}: {row.quantity} will be shipped, {row.doc['held']} are reserved"
    for row in floor.rows(tables.Product):
        if row.reserved != held[row.id] or row.reserved < 0:
            yield f"{row.sku}: {row.reserved} reserved, replacements hold {held[row.id]}"


def versions(floor: Floor) -> dict[str, int]:
    """The version of every return."""
    return {row.id: row.version for row in floor.rows(tables.Return)}
