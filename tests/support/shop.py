"""A shop of its own for one story: a store in test mode with its people, orders and clock, all through HTTP."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Mapping
from decimal import Decimal
from functools import cached_property
from typing import Any
from urllib.parse import quote

import httpx

from tests.support.served import Served
from tests.support.snapshots import Json, money

OPENED = "2026-01-05T09:00:00+03:00"
"""When the shop's policy was published."""
TODAY = "2026-03-02T09:00:00+03:00"
"""When a story begins, unless it says otherwise; its orders are placed and delivered before."""
ORDERED = "2026-02-20T10:00:00+03:00"
DELIVERED = "2026-02-26T14:00:00+03:00"
BUSINESS = {"reference": "c-17", "email": "alim@example.com", "name": "Yılmaz Ltd. Şti.", "is_business": True}
"""A customer who is no consumer: what they send back stands on the store's terms alone."""
_numbers = itertools.count(1)
_SCOPES = {
    "integrator": "orders:read orders:write returns:read returns:write events:read",
    "support": "orders:read returns:read returns:write returns:override evidence:read refunds:read refunds:propose",
    "warehouse": "receiving:write",
    "finance": "refunds:read refunds:approve",
    "second": "refunds:read refunds:approve",
    "owner": "policies:write workflows:write orders:read returns:read events:read",
}
_PERSONS = {"support": "destek", "finance": "ayla", "second": "bora"}


class Client:
    """Somebody who speaks to the API: answers are JSON, and an unexpected status fails the test with what was said."""

    def __init__(self, http: httpx.Client, authorization: str | None, *, language: str = "en") -> None:
        self._http = http
        self._headers = {"Accept-Language": language}
        if authorization is not None:
            self._headers["Authorization"] = authorization

    def send(self, method: str, path: str, body: Any = None, **more: Any) -> httpx.Response:
        """Any request; a POST gets an Idempotency-Key of its own."""
        headers = {**self._headers, **more.pop("headers", {})}
        if method == "POST":
            headers.setdefault("Idempotency-Key", f"story-{next(_numbers)}")
        if body is not None:
            more["json"] = body
        return self._http.request(method, path, headers=headers, **more)

    def get(self, path: str, **query: Any) -> Any:
        """What GET answers."""
        return _good(self.send("GET", path, params=query or None))

    def put(self, path: str, body: Any) -> Any:
        """What PUT answers."""
        return _good(self.send("PUT", path, body))

    def post(self, path: str, body: Any = None, **more: Any) -> Any:
        """What POST answers."""
        return _good(self.send("POST", path, {} if body is None and "files" not in more else body, **more))

    def delete(self, path: str) -> Any:
        """What DELETE answers."""
        return _good(self.send("DELETE", path))

    def refused(self, path: str, body: Any = None, *, status: int = 409, method: str = "POST", **more: Any) -> Any:
        """The problem that this request is answered with."""
        answer = self.send(method, path, body if body is not None else ({} if method == "POST" else None), **more)
        assert answer.status_code == status, answer.text
        assert answer.headers["content-type"].startswith("application/problem+json")
        return answer.json()

    def items(self, path: str, **query: Any) -> list[Any]:
        """Every item of a list."""
        return list(self.get(path, limit=200, **query)["items"])


def _good(answer: httpx.Response) -> Any:
    assert answer.is_success, f"{answer.request.method} {answer.request.url.path}: {answer.status_code} {answer.text}"
    return answer.json() if answer.content else None


class Shop:
    """One test-mode store. ``policy`` is what its own policy changes in the standard one, before any order."""

    def __init__(
        self, program: Served, *, policy: Mapping[str, Any] | None = None, today: str = TODAY, **store: Any
    ) -> None:
        self._program = program
        self.browser = program.http
        self.slug = f"shop-{next(_numbers)}"
        root = Client(program.http, f"Bearer {program.root}")
        address = {"id": "depo", "name": "Depo", "line1": "Sanayi Cad. 1", "city": "İstanbul", "postcode": "34000"}
        wish = {
            "slug": self.slug,
            "name": "Moda Evi",
            "country": "TR",
            "timezone": "Europe/Istanbul",
            "currency": "TRY",
            "locale": "tr",
            "test_mode": True,
            "return_addresses": [{**address, "country": "TR", "default": True}],
        } | store
        self.currency = str(wish["currency"])
        self.admin = Client(program.http, f"Bearer {root.post('/stores', wish)['admin_key']}")
        self.admin.post("/test-clock", {"now": OPENED})
        if policy is not None:
            self.publish(policy)
        self.admin.post("/test-clock", {"now": today})

    # -- people -------------------------------------------------------------------------------------------------------

    @cached_property
    def integrator(self) -> Client:
        """The shop's own software, which files for its customers."""
        return self.key("integrator")

    @cached_property
    def support(self) -> Client:
        """A person who decides cases and may override."""
        return self.key("support")

    @cached_property
    def warehouse(self) -> Client:
        """A scan station."""
        return self.key("warehouse")

    @cached_property
    def finance(self) -> Client:
        """A person who approves refunds."""
        return self.key("finance")

    @cached_property
    def second(self) -> Client:
        """Another person who approves refunds."""
        return self.key("second")

    @cached_property
    def owner(self) -> Client:
        """Who writes policies and workflows."""
        return self.key("owner")

    @cached_property
    def stranger(self) -> Client:
        """Somebody without a key."""
        return Client(self._program.http, None)

    def key(self, role: str) -> Client:
        """A fresh key with the scopes of a role."""
        person = f"{_PERSONS[role]}@{self.slug}.example" if role in _PERSONS else None
        wish = {"name": role, "scopes": _SCOPES[role].split(), "person": person}
        return Client(self._program.http, f"Bearer {self.admin.post(f'/stores/{self.slug}/keys', wish)['key']}")

    def client(self, key: str) -> Client:
        """Whoever holds this key."""
        return Client(self._program.http, f"Bearer {key}")

    def customer(self, filed: Json, *, language: str = "tr") -> Client:
        """The customer, with the link that the filing answered."""
        return Client(self._program.http, f"Link {filed['link']['token']}", language=language)

    # -- the shop's own -----------------------------------------------------------------------------------------------

    def publish(self, changes: Mapping[str, Any]) -> None:
        """Draft the policy in force with these changes, and put that in force now."""
        body = self.owner.get("/policies/current")["policy"]
        for name, value in changes.items():
            body[name] = {**body.get(name, {}), **value} if isinstance(value, dict) else value
        version = self.owner.post("/policies", body)["version"]
        self.owner.post(f"/policies/{version}/publish", {})

    def money(self, amount: str) -> Json:
        """An amount in the shop's currency."""
        return money(amount, self.currency)

    def product(self, sku: str, price: str, **more: Any) -> Json:
        """Put a product into the catalogue."""
        body = {"name": sku, "category": "apparel", "price": self.money(price), "tax_rate": "20"} | more
        answer: Json = self.integrator.put(f"/products/{quote(sku)}", body)
        return answer

    def order(self, number: str, *lines: Json, **changes: Any) -> Json:
        """Take an order of these lines, paid by card and delivered, with the total that they add up to."""
        bought = list(lines) or [self.line("1")]
        shipping = changes.pop("shipping", None)
        total = sum((_total(line) for line in bought), Decimal(shipping or 0))
        paid = {"id": "pay-1", "tender": "card", "provider": "offline", "reference": "pi_1"}
        paid |= {"captured": self.money(f"{total:.2f}"), "captured_at": ORDERED} | changes.pop("payment", {})
        delivered = [{"id": line["id"], "quantity": line["quantity"]} for line in bought]
        body = {
            "ordered_at": ORDERED,
            "currency": self.currency,
            "prices_include_tax": True,
            "total": self.money(f"{total:.2f}"),
            "customer": {"reference": "c-17", "email": "ayse@example.com", "name": "Ayşe Yılmaz", "locale": "tr"},
            "ship_to": {"name": "Ayşe Yılmaz", "line1": "Moda Cad. 1", "city": "İstanbul", "country": "TR"},
            "lines": bought,
            "payments": [paid],
            "deliveries": [{"id": "d1", "delivered_at": DELIVERED, "carrier": "yurtici", "lines": delivered}],
            "withdrawal_information_given_at": ORDERED,
        }
        if shipping is not None:
            body["shipping"] = {"amount": self.money(shipping), "tax_rate": "20"}
        answer: Json = self.integrator.put(f"/orders/{number}", body | changes)
        return answer

    def line(self, line_id: str, *, price: str = "100.00", quantity: int = 1, **more: Any) -> Json:
        """An order line of shirts."""
        line = {"id": line_id, "sku": f"TS-{line_id}", "name": f"Tişört {line_id}", "quantity": quantity}
        return line | {"unit_price": self.money(price), "tax_rate": "20", "category": "apparel"} | more

    # -- what everybody does ------------------------------------------------------------------------------------------

    def file(self, number: str, *lines: Json, by: Client | None = None, **changes: Any) -> Json:
        """File a withdrawal of these lines (one unit of line 1)."""
        answer: Json = (by or self.integrator).post("/returns", asked(number, *lines, **changes))
        return answer

    def show(self, filed: Json) -> Json:
        """The return as it is now."""
        answer: Json = self.support.get(f"/returns/{filed['id']}")
        return answer

    def events(self, filed: Json) -> list[str]:
        """The names of the return's events, oldest first."""
        return [event["type"] for event in self.support.items(f"/returns/{filed['id']}/events")]

    def send(self, filed: Json, *, method: str = "drop_off_code", **more: Any) -> Json:
        """Announce a parcel, wait for its label, and let the carrier take and deliver it today."""
        wish = {"direction": "inbound", "method": method} | more
        parcel: Json = self.integrator.post(f"/returns/{filed['id']}/parcels", wish)
        self.settle()
        self.tell(parcel, "handed_over")
        return self.tell(parcel, "delivered")

    def tell(self, parcel: Json, status: str) -> Json:
        """What the carrier says now."""
        at = self.integrator.get("/test-clock")["now"]
        news = {"status": status, "at": at, "source_id": f"{status}-{next(_numbers)}"}
        answer: Json = self.integrator.post(f"/parcels/{parcel['id']}/events", news)
        return answer

    def receive(self, filed: Json, quantities: Mapping[str, int] | None = None, **more: Any) -> Json:
        """Scan what arrived: everything requested, or so many units by order line."""
        found = [
            {"line_id": line["id"], "quantity": (quantities or {}).get(line["order_line_id"], 0)}
            if quantities is not None
            else {"line_id": line["id"], "quantity": line["requested"]}
            for line in filed["lines"]
        ]
        counted = [line for line in found if line["quantity"]]
        body = {"scan": filed["rma_number"], "lines": counted, "finished": True, "scan_id": f"scan-{next(_numbers)}"}
        answer: Json = self.warehouse.post("/receipts", body | more)
        return answer

    def inspect(self, filed: Json, quantities: Mapping[str, int] | None = None, **verdict: Any) -> Json:
        """Judge what was received: all of it as good, or so many units by order line, or by another verdict."""
        judged = {"grade": "A", "disposition": "restock", "verdict": "accept"} | verdict
        lines = [
            {"line_id": line["id"], "quantity": (quantities or {}).get(line["order_line_id"], 0)} | judged
            if quantities is not None
            else {"line_id": line["id"], "quantity": line["requested"]} | judged
            for line in filed["lines"]
        ]
        body = {"lines": [line for line in lines if line["quantity"]]}
        answer: Json = self.warehouse.post(f"/returns/{filed['id']}/inspections", body)
        return answer

    def refunds(self, filed: Json) -> list[Json]:
        """The return's refunds, oldest first."""
        return list(self.show(filed)["refunds"])

    def approve(self, refund: Json, *, by: Client | None = None) -> Json:
        """Approve what the refund shows, and wait until the provider has been asked."""
        answer: Json = (by or self.finance).post(
            f"/refunds/{refund['id']}/approve", {"expected_total": refund["total"]}
        )
        self.settle()
        return answer

    def refund(self, refund: Json) -> Json:
        """The refund as it is now."""
        answer: Json = self.finance.get(f"/refunds/{refund['id']}")
        return answer

    def until(self, refund: Json, state: str) -> Json:
        """The refund once it has come to this state."""
        end = time.monotonic() + 20
        while (seen := self.refund(refund))["state"] != state and time.monotonic() < end:
            time.sleep(0.05)
        assert seen["state"] == state
        return seen

    def settle(self) -> None:
        """Wait until no durable act is under way."""
        assert self.advance("PT0S")["effects_pending"] == 0

    def advance(self, duration: str) -> Json:
        """Move the shop's time; what is due on the way happens, and acts are waited for."""
        answer: Json = self.admin.post("/test-clock", {"advance": duration, "wait": 20})
        return answer

    def outbox(self, kind: str | None = None) -> list[Json]:
        """Every message so far, or those of one kind."""
        return [message for message in self.admin.items("/outbox") if kind in (None, message["kind"])]


OpenShop = Callable[..., Shop]
"""Opens a shop; takes what ``Shop`` takes by name."""


def asked(number: str, *lines: Json, **changes: Any) -> Json:
    """The body of a quote or a filing."""
    wanted = list(lines) or [want("1")]
    return {"order_number": number, "kind": "withdrawal", "lines": wanted, "method": "drop_off_code"} | changes


def want(line_id: str, quantity: int = 1, outcome: str = "refund", **more: Any) -> Json:
    """A line of a request."""
    return {"order_line_id": line_id, "quantity": quantity, "outcome": outcome} | more


def codes(problem: Json) -> list[str]:
    """The codes of the reasons of a refusal, or of a decision's line."""
    return [reason["code"] for reason in problem["reasons"]]


def _total(line: Json) -> Decimal:
    each = Decimal(str(line["unit_price"]["amount"])) * int(line["quantity"])
    return each - Decimal(line.get("discount", {"amount": "0"})["amount"])
