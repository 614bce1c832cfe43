"""A shop at the level of the services: every act as a function of a transaction, and ways to look at what it left."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import sqlalchemy as sa

from rma.app import create_services
from rma.db import tables
from rma.db.session import Database, Work, now
from rma.domain.strict import convert
from rma.errors import RmaError
from rma.services import (
    approvals,
    cases_view,
    doors,
    effects,
    filing,
    inspections,
    orders,
    parcels,
    products,
    receipts,
    replacements,
    returns,
    runner,
    stores,
    undoing,
)
from rma.services.caller import SCOPES, Caller
from rma.services.context import Services
from rma.settings import Settings
from tests.support.desk import ADDRESS
from tests.support.snapshots import Json, line, money, snapshot

Act = Callable[[Work], Any]
_attempts = tables.table(tables.Attempt)
_numbers = itertools.count(1)
_BEGAN = now()


def plain(answer: Any) -> Any:
    """An answer as it goes out, read again."""
    return msgspec.json.decode(msgspec.json.encode(answer))


class Clock:
    """The clock of somebody outside, moved by a test."""

    def __init__(self) -> None:
        self.now = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        """What it shows."""
        return self.now

    def forward(self, seconds: int) -> None:
        """Let time pass."""
        self.now += timedelta(seconds=seconds)


class Floor:
    """A store in test mode. ``clerk`` does everything but approve; ``anna`` and ``bert`` are of finance."""

    def __init__(self, services: Services, **store: Any) -> None:
        self.services = services
        self.slug = f"shop-{next(_numbers)}"
        wish = stores.NewStore(
            slug=self.slug, name="Çınar Butik", country="TR", timezone="Europe/Istanbul", currency="TRY", locale="tr",
            **{"test_mode": True, "return_addresses": [ADDRESS], **store},
        )  # fmt: skip
        with services.database.write() as work:
            self.store_id = stores.create(work, wish).id
            self.clerk = self.caller(work, "clerk", None)
            self.anna = self.caller(work, "anna", "anna@example.com")
            self.bert = self.caller(work, "bert", "bert@example.com")

    def caller(self, work: Work, name: str, person: str | None, by: str | None = "system") -> Caller:
        """Somebody of the store with every scope, whose key this actor made."""
        key = f"key_{self.slug}_{name}"
        row = tables.Key(
            id=key, store_id=self.store_id, name=name, hash=key, scopes=[], person=person, minted_by=by,
            created_at=now(),
        )  # fmt: skip
        work.session.add(row)
        return Caller(
            store_id=self.store_id, store_slug=self.slug, key_id=key, scopes=frozenset(SCOPES), locale="en",
            currency="TRY", country="TR", timezone="Europe/Istanbul", test_mode=True, person=person,
        )  # fmt: skip

    def customer(self, return_id: str) -> Caller:
        """Whoever holds the link of a return."""
        return Caller(store_id=self.store_id, store_slug=self.slug, link_return_id=return_id)

    def do(self, act: Act) -> tuple[str, Any]:
        """``ok`` and the answer, or a refusal with its code; whatever else is raised would be a 500."""
        try:
            answer = self.services.database.retrying(act)
        except RmaError as refusal:
            return refusal.code, refusal
        return "ok", plain(answer)

    def must(self, act: Act) -> Any:
        """The answer of an act that is not refused."""
        code, answer = self.do(act)
        assert code == "ok", answer.detail
        return answer

    # -- the acts -----------------------------------------------------------------------------------------------------

    def order(self, number: str, **changes: Any) -> str:
        """Take an order."""
        orders.put(self.services, self.clerk, number, msgspec.json.encode(self.bought(**changes)))
        return number

    def bought(self, **changes: Any) -> Json:
        """An order: three shirts, a bag and two belts, shipping 30.00, delivered and paid by card."""
        goods = [
            line(discount=money("10.00")),
            line("2", sku="BAG", name="Çanta", quantity=1, unit_price=money("80.00")),
            line("3", sku="BELT", name="Kemer", quantity=2, unit_price=money("33.33")),
        ]
        came = {"id": "d1", "delivered_at": ago(3), "carrier": "yurtici", "tracking": "7300"}
        came["lines"] = [{"id": one["id"], "quantity": one["quantity"]} for one in goods]  # type: ignore[assignment]
        body = {
            "ordered_at": ago(9), "withdrawal_information_given_at": ago(9), "lines": goods, "promotions": [],
            "shipping": {"amount": money("30.00"), "tax_rate": "20"}, "total": money("466.66"),
            "payments": [payment("p1", "card", "466.66")], "deliveries": [came],
        }  # fmt: skip
        return snapshot(**(body | changes))

    def file(self, number: str, *wanted: tuple[str, int], **more: Any) -> Act:
        """File a return of these quantities of order lines."""
        outcome = more.pop("line", {})
        lines = [{"order_line_id": one, "quantity": quantity} | outcome for one, quantity in wanted]
        data = convert({"order_number": number, "lines": lines, "method": "drop_off_code"} | more, filing.FileReturn)
        return lambda work: filing.file(work, self.services, self.clerk, data, locale="en")

    def trigger(self, return_id: str, trigger: str, by: Caller | None = None, **body: Any) -> Act:
        """Fire a trigger of the case."""
        data = convert(body, returns.ActionBody)
        who = by or self.clerk
        return lambda work: returns.act(work, self.services, who, return_id, trigger, data, locale="en")[0]

    def parcel(self, return_id: str, **more: Any) -> Act:
        """Announce a parcel."""
        data = convert({"method": "drop_off_code"} | more, parcels.NewParcel)
        return lambda work: parcels.create(work, self.services, self.clerk, return_id, data)

    def news(self, parcel_id: str, status: str) -> Act:
        """The carrier says something of a parcel."""
        told = {"status": status, "at": now().isoformat(), "source_id": f"n{next(_numbers)}"}
        data = convert(told, parcels.ParcelNews)
        return lambda work: parcels.tell(work, self.services, self.clerk, parcel_id, data)

    def receive(self, return_id: str, *came: tuple[str, int], **more: Any) -> Act:
        """Units of lines arrive."""
        lines = [{"line_id": one, "quantity": quantity} for one, quantity in came]
        body = {"scan_id": f"s{next(_numbers)}", "return_id": return_id, "lines": lines} | more
        data = convert(body, receipts.NewReceipt)
        return lambda work: receipts.receive(work, self.services, self.clerk, data)[0]

    def undo(self, scan_id: str) -> Act:
        """Take a receipt back."""
        return lambda work: undoing.undo(work, self.services, self.clerk, scan_id)

    def inspect(self, return_id: str, *judged: tuple[str, int, str], by: Caller | None = None) -> Act:
        """Judge received units: ``accept``, ``part`` (a tenth off) or ``reject`` (sent back)."""
        data = convert({"lines": [_judged(*one) for one in judged]}, inspections.NewInspection)
        who = by or self.clerk
        return lambda work: inspections.inspect(work, self.services, who, return_id, data, locale="en")

    def approve(self, refund_id: str, by: Caller | None = None, total: Json | None = None) -> Act:
        """Approve a refund with the total that it shows now, or with another one."""
        shown = total or money(f"{self.row(tables.Refund, refund_id).total / 100:.2f}")
        data = convert({"expected_total": shown}, approvals.Approve)
        return lambda work: approvals.approve(work, self.services, by or self.anna, refund_id, data, locale="en")

    def renew(self, refund_id: str) -> Act:
        """Show a refund anew whose facts have changed."""
        return lambda work: approvals.renew(work, self.services, self.anna, refund_id)

    def refuse(self, refund_id: str) -> Act:
        """Finance says no."""
        data = approvals.Refuse(reason="no")
        return lambda work: approvals.refuse(work, self.services, self.bert, refund_id, data, locale="en")

    def retry(self, refund_id: str, transfer_id: str, **more: Any) -> Act:
        """Send a failed transfer again."""
        data = convert({"transfer_id": transfer_id} | more, approvals.Retry)
        return lambda work: approvals.retry(work, self.services, self.bert, refund_id, data, locale="en")

    def reconcile(self, refund_id: str) -> Act:
        """Ask the provider."""
        return lambda work: approvals.reconcile(work, self.services, self.bert, refund_id, locale="en")

    def by_hand(self, number: str, amount: str, kind: str = "goodwill") -> Act:
        """Propose money without goods."""
        data = convert({"components": [{"kind": kind, "amount": money(amount)}], "reason": "x"}, approvals.OrderRefund)
        return lambda work: approvals.propose_by_hand(work, self.services, self.clerk, number, data, locale="en")

    def outcome(self, return_id: str, line_id: str, outcome: str, **more: Any) -> Act:
        """Another outcome for a line."""
        data = convert({"outcome": outcome} | more, returns.OutcomeIn)
        return lambda work: returns.change_outcome(
            work, self.services, self.clerk, return_id, line_id, data, locale="en"
        )[0]

    def offer(self, return_id: str, line_id: str, percent: str = "20") -> Act:
        """Offer the customer to keep a line for less."""
        data = convert({"price_reduction": {"percent": percent}}, returns.OfferIn)
        return lambda work: returns.offer(work, self.services, self.clerk, return_id, line_id, data, locale="en")[0]

    def answer(self, return_id: str, line_id: str, answer: Any) -> Act:
        """The customer's answer to the offer."""
        who = self.customer(return_id)
        return lambda work: returns.answer_offer(work, self.services, who, return_id, line_id, answer, locale="en")[0]

    def replacement(self, replacement_id: str, trigger: str, **more: Any) -> Act:
        """What happened to a replacement."""
        data = convert(more, replacements.ReplacementAct)
        return lambda work: replacements.act(
            work, self.services, self.clerk, replacement_id, trigger, data, locale="en"
        )

    def pay(self, return_id: str, amount: str) -> Act:
        """The customer pays what an exchange costs more."""
        body = {"reference": f"pay-{next(_numbers)}", "amount": money(amount), "tender": "card"}
        data = convert(body, replacements.PaymentIn)
        return lambda work: replacements.pay(work, self.services, self.clerk, return_id, data, locale="en")

    def feedback(self, return_id: str) -> Act:
        """Five of five."""
        data = returns.FeedbackIn(score=5)
        who = self.customer(return_id)
        return lambda work: returns.give_feedback(work, self.services, who, return_id, data, locale="en")

    def product(self, sku: str, price: str, stock: int | None) -> None:
        """Put something into the catalogue."""
        body = {"name": sku, "category": "apparel", "price": money(price), "tax_rate": "20", "stock": stock}
        data = convert(body, products.ProductIn)
        products.put(self.services, self.clerk, sku, data)

    # -- looking ------------------------------------------------------------------------------------------------------

    def view(self, return_id: str) -> Json:
        """A return as a key with every scope sees it."""
        with self.services.database.read() as work:
            shown = returns.show(work, self.services, self.clerk, return_id, locale="en")[0]
        view: Json = plain(shown)
        return view

    def refund(self, refund_id: str) -> Json:
        """A refund as finance sees it."""
        with self.services.database.read() as work:
            row = self.row(tables.Refund, refund_id)
            door, subject = doors.open_child(work, self.services, self.anna, "refund", row.id, lock=False)
            view: Json = plain(cases_view.refund(door, subject, locale="en"))
        return view

    def row(self, model: Any, row_id: str) -> Any:
        """A row by its id."""
        return self.rows(model, tables.table(model).c.id == row_id)[0]

    def rows(self, model: Any, *conditions: Any) -> list[Any]:
        """Rows of the store, oldest first."""
        table = tables.table(model)
        with self.services.database.read() as work:
            query = sa.select(table).where(table.c.store_id == self.store_id, *conditions)
            return list(work.conn.execute(query.order_by(*table.primary_key)).all())

    # -- what happens behind requests ---------------------------------------------------------------------------------

    def open_acts(self) -> list[str]:
        """Durable acts without a final answer."""
        return [row.id for row in self.rows(tables.Attempt, _attempts.c.state != "done")]

    def work_off(self, *, rounds: int = 1) -> None:
        """Carry out, or ask about, every durable act that has no final answer."""
        for _ in range(rounds):
            for key in self.open_acts():
                runner.run_attempt(self.services, key)

    def age(self, seconds: float) -> None:
        """Let the calls that left be so much older, and let this process have asked about them then."""
        with self.services.database.write() as work:
            for row in work.conn.execute(sa.select(_attempts).where(_attempts.c.sent_at.is_not(None))).all():
                earlier = row.sent_at - timedelta(seconds=seconds)
                heard = effects.HEARD.pop((row.id, row.sent_at), time.monotonic())
                effects.HEARD[row.id, earlier] = heard - seconds
                work.conn.execute(sa.update(_attempts).where(_attempts.c.id == row.id).values(sent_at=earlier))


def services_on(url: str, folder: Path) -> Services:
    """The services on the migrated database behind an address; acts run when a test, or another process, runs them."""
    settings = Settings(data_dir=folder, database_url=url, access_log=False)
    services = create_services(settings, database=Database(url, pool_size=32))
    services.effects.prepare()
    return services


@contextmanager
def opened(url: str, folder: Path) -> Iterator[Floor]:
    """A shop on such services."""
    services = services_on(url, folder)
    yield Floor(services)
    services.effects.stop(wait=1)
    services.close()


def _judged(line_id: str, quantity: int, verdict: str) -> Json:
    found: Json = {"line_id": line_id, "quantity": quantity, "grade": "B", "verdict": verdict, "disposition": "restock"}
    if verdict == "part":
        found["deduction"] = {"percent": "10", "reason": "worn", "override": {"reason": "an expert saw it"}}
    if verdict == "reject":
        found |= {"disposition": "send_back", "reason": "not ours"}
    return found


def payment(payment_id: str, tender: str, captured: str, *, provider: str = "offline", script: str = "") -> Json:
    """A payment; ``script`` tells the offline gateway how refunds of it go."""
    reference = f"pi_{next(_numbers)}{'#' + script if script else ''}"
    paid = {"id": payment_id, "tender": tender, "provider": provider, "reference": reference}
    return paid | {"captured": money(captured), "captured_at": ago(9)}


def ago(days: int) -> str:
    """So many days before the tests began: an order told once more is the same, also when a day ends meanwhile."""
    return (_BEGAN - timedelta(days=days)).isoformat()


def ids(view: Json, *, only: Sequence[str] = ()) -> dict[str, str]:
    """A return's line ids by order line."""
    return {one["order_line_id"]: one["id"] for one in view["lines"] if not only or one["order_line_id"] in only}
