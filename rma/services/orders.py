"""Orders: snapshots of what was bought, merged under the order's lock, and shown with what can be returned.

One path writes them all: a single ``PUT`` is a batch of one, an import a batch of many. What is new gets the policy in
force and the law of its day; what we hold already is merged (``rma.domain.merging``). Once values are frozen, lines
that are added freeze as they come.

An order whose person was erased or locked away here (``erased_at``, see ``privacy``) stays so whatever a later snapshot
carries, and so do its papers (``domain.privacy_papers``). One whose personal part is null for another reason gets its
person back with a snapshot that carries contact data, and the event then says so.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

import msgspec
import sqlalchemy as sa

from rma.db import hot, tables
from rma.db.session import Work
from rma.domain import calendar, retention, units
from rma.domain.events import Draft
from rma.domain.mailboxes import search_form
from rma.domain.merging import Conflict, add_delivery, merge
from rma.domain.order import Delivery, Order, Person
from rma.domain.pricing import price
from rma.domain.privacy_papers import without_person
from rma.domain.snapshot import check_delivered, read_delivery, read_order
from rma.errors import Invalid, RmaError, Stale
from rma.services import anew, assess, books, law, log
from rma.services.assess import OrderView
from rma.services.caller import Caller
from rma.services.case import lock_order, now_of, store_now
from rma.services.catalog import StoreInfo
from rma.services.context import Services

MAX_NUMBER = 128
MAX_TOLD = 100
"""So many conflicts stand in one event; the answer holds them all."""

_orders = tables.table(tables.Order)
_CHANGES = (
    *("ordered_at", "currency", "customer_ref", "email", "doc", "person"),
    *("frozen", "law", "version", "head", "events_n", "updated_at"),
)
_COMPARED = _CHANGES[:6]
_INSERT = hot.insert(_orders)
_UPDATE = hot.Hot(
    sa.update(_orders).where(_orders.c.id == sa.bindparam("key")).values({c: sa.bindparam(c) for c in _CHANGES})
)
_encode = msgspec.json.Encoder(order="deterministic").encode


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a snapshot. ``conflicts`` are values that stay because they are frozen."""

    number: str
    result: Literal["new", "changed", "unchanged"]
    version: int
    conflicts: tuple[Conflict, ...] = ()


def put(services: Services, caller: Caller, number: str, body: bytes, *, expected: int | None = None) -> Outcome:
    """Take one snapshot.

    ``Invalid`` names every wrong field; ``Stale`` when the order is not at version ``expected``; ``Refused``
    ``line_in_return`` when units that are in returns would vanish.
    """
    check_number(number)

    def act(work: Work) -> Outcome:
        now = now_of(work, caller.store_id)
        snapshot = read_order(number, body, now=now)
        (found,) = upsert(work, services, caller, [snapshot], now=now, expected=expected)
        if isinstance(found, RmaError):
            raise found
        return found

    return services.database.retrying(act)


def check_number(number: str) -> None:
    """``Invalid`` for an order number that cannot be one: 1 to 128 printable characters."""
    if not 0 < len(number) <= MAX_NUMBER or not number.isprintable():
        message = f"an order number has 1 to {MAX_NUMBER} printable characters"
        raise Invalid.field("number", "number", message)


def upsert(
    work: Work,
    services: Services,
    caller: Caller,
    snapshots: Sequence[Order],
    *,
    now: datetime,
    expected: int | None = None,
) -> list[Outcome | RmaError]:
    """Take these snapshots, each number once: what became of each, or why it was refused; nothing of those is written.

    A duplicate key means that another transaction inserted one of them first: run it again (``retrying``).
    """
    store = services.catalog.store(work, caller.store_id)
    known = _lock(work, store.id, [snapshot.number for snapshot in snapshots])
    policy_version = services.catalog.current_policy(work, store.id, now) if len(known) < len(snapshots) else 0
    batch = _Batch(work=work, store=store, actor=caller.actor, now=now, policy_version=policy_version)
    found: list[Outcome | RmaError] = []
    for snapshot in snapshots:
        try:
            found.append(batch.take(known.get(snapshot.number), snapshot, expected))
        except RmaError as refusal:
            found.append(refusal)
    batch.write()
    for order_id in batch.paid_anew:
        anew.renew_all(work, services, store_id=store.id, order_id=order_id, actor=caller.actor)
    return found


def deliver(
    work: Work, caller: Caller, number: str, body: bytes, *, expected: int | None = None
) -> tuple[Delivery, dict[str, Any], bool]:
    """Add a delivery; the same id replaces what was known of it. Answers it, the order's row, and if it is new."""
    row = lock_order(work, caller.store_id, number)
    _check_version(row["version"], expected)
    now = store_now(work, row["clock_offset"])
    order = assess.read_order_doc(row["doc"])
    delivery = read_delivery(body, order=order, now=now)
    merged = add_delivery(order, delivery)
    if row["erased_at"] is not None:
        merged = without_person(merged)
    if merged != order:
        row |= {"doc": _encode(merged).decode(), "version": row["version"] + 1, "updated_at": now}
        told = {"number": number, "version": row["version"], "sha256": _sha(row["doc"]), "delivery": delivery.id}
        _say(work, row, [Draft("order.imported", told, now)], actor=caller.actor, store_id=caller.store_id)
    kept = next(one for one in merged.deliveries if one.id == delivery.id)
    return kept, row, all(one.id != delivery.id for one in order.deliveries)


@dataclass(slots=True)
class _Batch:
    """The rows and events of one transaction, written at its end with few statements."""

    work: Work
    store: StoreInfo
    actor: str
    now: datetime
    policy_version: int
    new: list[dict[str, Any]] = field(default_factory=list)
    changed: list[dict[str, Any]] = field(default_factory=list)
    events: list[dict[str, Any]] = field(default_factory=list)
    paid_anew: list[str] = field(default_factory=list)
    """Orders with returns or refunds whose payments have changed: what is proposed for them is computed anew."""

    def take(self, row: dict[str, Any] | None, snapshot: Order, expected: int | None) -> Outcome:
        """Plan what this snapshot changes."""
        _check_version(row["version"] if row else None, expected)
        return self._insert(snapshot) if row is None else self._merge(row, snapshot)

    def _insert(self, snapshot: Order) -> Outcome:
        check_delivered(snapshot, snapshot)
        row = {
            "id": self.work.new_id("ord"),
            "store_id": self.store.id,
            "number": snapshot.number,
            "frozen": None,
            "policy_version": self.policy_version,
            "look_at": retention.first_look(snapshot.ordered_at.date(), self.store.retention),
            "erased_at": None,
            "version": 1,
            "head": "",
            "events_n": 0,
            "created_at": self.now,
            **self._columns(snapshot, snapshot.person or Person()),
        }
        self.new.append(row)
        self._tell(row, [self._imported(row, snapshot, new=True)])
        return Outcome(number=snapshot.number, result="new", version=1)

    def _merge(self, row: dict[str, Any], snapshot: Order) -> Outcome:
        number, asked = snapshot.number, row["erased_at"] is not None
        snapshot = without_person(snapshot) if asked else snapshot
        old = msgspec.structs.replace(assess.read_order_doc(row["doc"]), person=assess.read_person(row["person"]))
        view = assess.view_order(self.work, self.store, row) if row["frozen"] is not None else None
        frozen = view.priced if view else None
        merged, conflicts = merge(old, snapshot, frozen=frozen, in_returns=_in_returns(view))
        merged = msgspec.structs.replace(merged, payments=books.told(self.work, row["id"], old, merged))
        check_delivered(snapshot, merged)
        merged = _still_erased(old, merged, asked=asked)
        kept = row["law"] if merged.country == old.country else None
        columns = self._columns(merged, merged.person, customer_ref=row["customer_ref"], kept=kept)
        if frozen is not None:
            columns |= {"law": row["law"], "frozen": _encode(price(merged, frozen=frozen)).decode()}
        changed = any(columns[name] != row[name] for name in _COMPARED)
        drafts = []
        if frozen is not None and merged.payments != old.payments:
            self.paid_anew.append(row["id"])
        if changed:
            row.update(columns, version=row["version"] + 1)
            restored = old.person is None and merged.person is not None
            drafts.append(self._imported(row, merged, new=False, restored=restored))
        if conflicts:
            drafts.append(Draft("order.conflict", _told(number, conflicts), self.now))
        if drafts:
            self._tell(row, drafts)
            self.changed.append({"key": row["id"], **{name: row[name] for name in _CHANGES}})
        result: Literal["changed", "unchanged"] = "changed" if changed else "unchanged"
        return Outcome(number=number, result=result, version=row["version"], conflicts=conflicts)

    def _columns(
        self, order: Order, person: Person | None, *, customer_ref: str | None = None, kept: str | None = None
    ) -> dict[str, Any]:
        """What the snapshot says, as columns. Of an erased person only the customer's reference is left.

        ``kept`` is the law that the order has; which laws apply changes only with the consumer's country.
        """
        region = law.region_of(order.country, person.ship_to if person else None)
        day = calendar.local_date(order.ordered_at, law.timezone(self.store, order.country, region=region))
        return {
            "ordered_at": order.ordered_at,
            "currency": order.currency,
            "customer_ref": person.reference if person else customer_ref,
            "email": search_form(person.email) if person and person.email else None,
            "doc": _encode(msgspec.structs.replace(order, person=None)).decode(),
            "person": _encode(person).decode(),
            "law": law.protecting(self.store, order.country, day, region=region, kept=kept).reference,
            "updated_at": self.now,
        }

    def _imported(self, row: dict[str, Any], order: Order, *, new: bool, restored: bool = False) -> Draft:
        told = {"number": order.number, "version": row["version"], "new": new, "lines": len(order.lines)}
        told["sha256"] = _sha(row["doc"])
        return Draft("order.imported", told | ({"person": "restored"} if restored else {}), self.now)

    def _tell(self, row: dict[str, Any], drafts: list[Draft]) -> None:
        events, head, n = log.prepare(
            self.work,
            drafts,
            store_id=self.store.id,
            stream=row["id"],
            actor=self.actor,
            head=row["head"],
            n=row["events_n"],
        )
        row.update(head=head, events_n=n)
        self.events += events

    def write(self) -> None:
        """Insert in the order of numbers, so that two imports of the same orders do not wait for each other."""
        _INSERT.run_many(self.work, sorted(self.new, key=lambda row: str(row["number"])))
        _UPDATE.run_many(self.work, self.changed)
        if self.events:
            log.write(self.work, self.events)


def _lock(work: Work, store_id: str, numbers: list[str]) -> dict[str, dict[str, Any]]:
    wanted = sa.select(*_orders.columns).where(_orders.c.store_id == store_id, _orders.c.number.in_(numbers))
    rows = work.conn.execute(wanted.order_by(_orders.c.number).with_for_update(key_share=True)).mappings()
    return {row["number"]: dict(row) for row in rows}


def _check_version(version: int | None, expected: int | None) -> None:
    if expected is not None and expected != version:
        detail = "The order is not there yet." if version is None else f"The order is at version {version} by now."
        raise Stale(detail)


def _in_returns(view: OrderView | None) -> dict[str, int]:
    """Units of each line that returns hold."""
    held: dict[str, units.Ranges] = {}
    for hold in view.holds if view else ():
        held[hold.order_line_id] = units.union(held.get(hold.order_line_id, ()), hold.held)
    return {line_id: units.count(ranges) for line_id, ranges in held.items() if ranges}


def _still_erased(old: Order, merged: Order, *, asked: bool) -> Order:
    """An erased person stays so unless the snapshot says how to reach them; one that we erased ourselves, always."""
    if old.person is not None or (not asked and _reachable(merged.person)):
        return merged
    return msgspec.structs.replace(merged, person=None)


def _reachable(person: Person | None) -> bool:
    if person is None:
        return False
    address = person.ship_to
    return bool(person.email or person.name or person.phone or (address and (address.name or address.line1)))


def _told(number: str, conflicts: tuple[Conflict, ...]) -> dict[str, Any]:
    shown = [msgspec.structs.asdict(conflict) for conflict in conflicts[:MAX_TOLD]]
    return {"number": number, "count": len(conflicts), "conflicts": shown}


def _say(work: Work, row: dict[str, Any], drafts: list[Draft], *, actor: str, store_id: str) -> None:
    """Write a changed row with its events; the order is locked."""
    head, n = log.append(
        work, drafts, store_id=store_id, stream=row["id"], actor=actor, head=row["head"], n=row["events_n"]
    )
    row.update(head=head, events_n=n)
    _UPDATE.run(work, {"key": row["id"], **{name: row[name] for name in _CHANGES}})


def _sha(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
