"""A small engine that behaves: what the demo speaks of the HTTP contract, in memory, behind httpx's transport."""

from __future__ import annotations

import json
import re
import threading
from datetime import datetime, timedelta
from typing import Any

import httpx

Json = dict[str, Any]
WINDOW = timedelta(days=30)


class Refusal(Exception):
    """A problem to answer with."""

    def __init__(self, status: int, code: str, *, reasons: list[Json] | None = None) -> None:
        super().__init__(code)
        self.status = status
        self.body = {"status": status, "code": code, "detail": code, "reasons": reasons or []}


class FakeEngine:
    """One store. ``failing`` names refunds (by running number) whose first transfer fails."""

    def __init__(
        self, slug: str = "shop", *, failing: frozenset[int] = frozenset(), second_above: float = 10_000.0
    ) -> None:
        self.slug = slug
        self.now: datetime | None = None
        self.orders: dict[str, Json] = {}
        self.products: dict[str, Json] = {}
        self.returns: dict[str, Json] = {}
        self.refunds: dict[str, Json] = {}
        self.log: list[tuple[str, str, str]] = []
        self.policy: Json = {"name": "Standard", "refunds": {"promise_days": 5}}
        self._lock = threading.Lock()
        self._failing = failing
        self._second_above = second_above

    def transport(self) -> httpx.MockTransport:
        """What an httpx client needs."""
        return httpx.MockTransport(self.answer)

    def answer(self, request: httpx.Request) -> httpx.Response:
        """The answer to one request."""
        with self._lock:
            return self._answer(request)

    def _answer(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path.removeprefix("/api/v1")
        self.log.append((request.method, path, request.headers["Authorization"]))
        for method, pattern, handle in self._routes():
            found = re.fullmatch(pattern, path)
            if found and method == request.method:
                try:
                    answer = handle(request, *found.groups())
                except Refusal as refusal:
                    return httpx.Response(refusal.status, json=refusal.body)
                return httpx.Response(200, **({"content": answer} if isinstance(answer, bytes) else {"json": answer}))
        return httpx.Response(404, json={"code": "not_found", "detail": path})

    def _routes(self) -> tuple[tuple[str, str, Any], ...]:
        one = r"/returns/(\w+)"
        return (
            ("GET", "/policies/current", lambda _: {"version": 1, "policy": self.policy}),
            ("POST", "/policies", self._draft),
            ("POST", "/policies/2/publish", lambda _: {"version": 2}),
            ("POST", "/test-clock", self._clock),
            ("POST", "/products/import", self._import_products),
            ("POST", "/orders/import", self._import_orders),
            ("POST", "/returns/quote", lambda request: self._quote(json.loads(request.content))),
            ("POST", "/returns", self._file),
            ("GET", "/returns", lambda _: {"items": list(self.returns.values()), "next_cursor": None}),
            ("GET", one, lambda _, key: self.returns[key]),
            ("POST", one + "/evidence", self._evidence),
            ("POST", one + r"/actions/(\w+)", self._action),
            ("POST", one + "/parcels", self._parcel),
            ("GET", one + r"/parcels/(\w+)/label.pdf", lambda *_: b"%PDF-1.7 label"),
            ("POST", r"/parcels/(\w+)/events", self._parcel_event),
            ("POST", "/receipts", self._receipt),
            ("POST", one + "/inspections", self._inspect),
            ("POST", one + "/feedback", self._feedback),
            ("POST", r"/replacements/(\w+)/actions/(\w+)", self._replacement),
            ("GET", "/refunds", lambda _: {"items": list(self.refunds.values()), "next_cursor": None}),
            ("GET", r"/refunds/(\w+)", lambda _, key: self.refunds[key]),
            ("POST", r"/refunds/(\w+)/approve", self._approve),
            ("POST", r"/refunds/(\w+)/retry", self._retry),
            ("GET", "/outbox", lambda _: {"items": [{"state": "sent"}, {"state": "obsolete"}], "next_cursor": None}),
        )

    # --- orders and clock -----------------------------------------------------------------------------------------

    def _clock(self, request: httpx.Request) -> Json:
        now = datetime.fromisoformat(json.loads(request.content)["now"])
        if self.now is not None and now < self.now:
            raise Refusal(422, "backwards")
        self.now = now
        for view in self.returns.values():
            for parcel in view["parcels"]:
                parcel["state"] = "label_ready" if parcel["state"] == "requested" else parcel["state"]
            for refund in view["refunds"]:
                self._send(refund)
            self._settle(view)
        return {"now": now.isoformat(), "fired": 0, "effects_pending": 0}

    def _draft(self, request: httpx.Request) -> Json:
        self.policy = json.loads(request.content)
        return {"version": 2}

    def _import_products(self, request: httpx.Request) -> Json:
        self.products |= {row["sku"]: row for row in map(json.loads, request.content.splitlines())}
        return {"imported": len(self.products), "errors": []}

    def _import_orders(self, request: httpx.Request) -> Json:
        for row in map(json.loads, request.content.splitlines()):
            if self.now is None or datetime.fromisoformat(row["ordered_at"]) > self.now:
                raise Refusal(422, "future")
            known = self.orders.get(row["number"], {"back": {}})
            self.orders[row["number"]] = row | {"back": known["back"]}
        return {"imported": 1, "errors": []}

    # --- returns --------------------------------------------------------------------------------------------------

    def _quote(self, body: Json) -> Json:
        order = self.orders[body["order_number"]]
        return {"lines": [self._decide(order, body["kind"], line) for line in body["lines"]]}

    def _decide(self, order: Json, kind: str, line: Json) -> Json:
        delivered = [datetime.fromisoformat(found["delivered_at"]) for found in order.get("deliveries", ())]
        late = bool(delivered) and self.now is not None and self.now > max(delivered) + WINDOW
        bought = next(found for found in order["lines"] if found["id"] == line["order_line_id"])["quantity"]
        gone = order["back"].get(line["order_line_id"], 0) + line["quantity"] > bought
        reasons = [{"rule": "window", "code": "late", "text": "The last day was …."}] if late else []
        reasons += [{"rule": "quantity_left", "code": "none_left", "text": "Nothing is left."}] if gone else []
        decision = "needs_evidence" if kind == "damaged" else "accepted"
        return {
            "order_line_id": line["order_line_id"],
            "decision": "refused" if reasons else decision,
            "basis": "contract",
            "reasons": reasons,
            "last_day": None,
            "outcomes": ["refund", "exchange"],
            "methods": [{"method": "drop_off_code", "fee": None}] if delivered else [{"method": "none"}],
        }

    def _file(self, request: httpx.Request) -> Json:
        body = json.loads(request.content)
        decided = self._quote(body)["lines"]
        if any(line["decision"] == "refused" for line in decided):
            raise Refusal(409, "refused", reasons=decided[0]["reasons"])
        number = f"r{len(self.returns) + 1}"
        asks = any(line["decision"] == "needs_evidence" for line in decided)
        back = self.orders[body["order_number"]]["back"]
        for line in body["lines"]:
            back[line["order_line_id"]] = back.get(line["order_line_id"], 0) + line["quantity"]
        bare = body["method"] == "none"
        view: Json = {
            "id": number,
            "rma_number": number.upper(),
            "state": "awaiting_evidence" if asks else "settling" if bare else "awaiting_parcel",
            "method": body["method"],
            "lines": [_line(number, index, line, bare=bare) for index, line in enumerate(body["lines"], start=1)],
            "parcels": [],
            "refunds": [],
            "replacements": [],
        }
        self.returns[number] = view
        if bare:
            self._propose(view, units=1)
        return view | {"link": f"https://shop.example/r/{number}#{self.slug}-{number}"}

    def _evidence(self, _: httpx.Request, key: str) -> Json:
        self.returns[key]["state"] = "in_review"
        return {}

    def _action(self, _: httpx.Request, key: str, trigger: str) -> Json:
        if trigger != "approve" or self.returns[key]["state"] != "in_review":
            raise Refusal(409, "refused")
        self.returns[key]["state"] = "awaiting_parcel"
        return self.returns[key]

    def _parcel(self, request: httpx.Request, key: str) -> Json:
        view = self.returns[key]
        body = json.loads(request.content)
        parcel = {
            "id": f"{key}p{len(view['parcels'])}",
            "state": "requested",
            "direction": "inbound",
            "method": body["method"],
        }
        view["parcels"].append(parcel)
        return parcel

    def _parcel_event(self, request: httpx.Request, parcel_id: str) -> Json:
        body = json.loads(request.content)
        if self.now is None or datetime.fromisoformat(body["at"]) > self.now:
            raise Refusal(422, "future")
        view = self.returns[parcel_id.partition("p")[0]]
        parcel: Json = next(found for found in view["parcels"] if found["id"] == parcel_id)
        parcel["state"] = body["status"]
        return parcel

    def _receipt(self, request: httpx.Request) -> Json:
        body = json.loads(request.content)
        view = self.returns[body["return_id"]]
        for row in body["lines"]:
            line = next(found for found in view["lines"] if found["id"] == row["line_id"])
            line["received"] += row["quantity"]
            if line["received"] > line["expected"]:
                raise Refusal(422, "too_many")
        next(found for found in view["parcels"] if found["id"] == body["parcel_id"])["state"] = "counted"
        view["state"] = "inspecting"
        return {"state": view["state"], "lines": view["lines"]}

    def _inspect(self, request: httpx.Request, key: str) -> Json:
        view = self.returns[key]
        for row in json.loads(request.content)["lines"]:
            line = next(found for found in view["lines"] if found["id"] == row["line_id"])
            side = "rejected" if row["verdict"] == "reject" else "accepted"
            line[side] += row["quantity"]
            if side == "accepted" and line["outcome"] == "exchange":
                view["replacements"].append({"id": f"{key}x{len(view['replacements'])}", "state": "ordered"})
            elif side == "accepted":
                self._propose(view, units=row["quantity"])
        view["state"] = "settling"
        return view

    def _replacement(self, _: httpx.Request, replacement_id: str, trigger: str) -> Json:
        view = self.returns[replacement_id.partition("x")[0]]
        found: Json = next(one for one in view["replacements"] if one["id"] == replacement_id)
        steps = {("ordered", "ship"): "shipped", ("shipped", "deliver"): "delivered"}
        found["state"] = steps[found["state"], trigger]
        return found

    def _feedback(self, request: httpx.Request, key: str) -> Json:
        if request.headers["Authorization"] != f"Link {self.slug}-{key}":
            raise Refusal(401, "unauthenticated")
        self.returns[key]["state"] = "closed"
        return {"state": "closed"}

    def _settle(self, view: Json) -> None:
        open_units = any(line["expected"] > line["accepted"] + line["rejected"] for line in view["lines"])
        children = [*view["refunds"], *view["replacements"]]
        if view["state"] == "settling" and not open_units:
            done = all(child["state"] in {"succeeded", "delivered"} for child in children)
            view["state"] = "awaiting_feedback" if done else "settling"

    # --- money ----------------------------------------------------------------------------------------------------

    def _propose(self, view: Json, *, units: int) -> None:
        key = f"f{len(self.refunds) + 1}"
        total = {"amount": f"{units * 10}.00", "currency": "GBP"}
        transfer = {"id": f"{key}t", "tender": "card", "amount": total, "state": "pending"}
        refund = {
            "id": key,
            "state": "proposed",
            "total": total,
            "components": [{"kind": "goods", "gross": total}],
            "transfers": [transfer],
            "approvals": [],
            "version": 1,
        }
        self.refunds[key] = refund
        view["refunds"].append(refund)

    def _approve(self, request: httpx.Request, key: str) -> Json:
        refund = self.refunds[key]
        if json.loads(request.content)["expected_total"] != refund["total"]:
            raise Refusal(409, "stale_total")
        person = request.headers["Authorization"]
        if person in refund["approvals"]:
            raise Refusal(409, "same_person")
        refund["approvals"].append(person)
        needed = 2 if float(refund["total"]["amount"]) > self._second_above else 1
        refund["state"] = "approved" if len(refund["approvals"]) >= needed else "proposed"
        return refund

    def _retry(self, _: httpx.Request, key: str) -> Json:
        self.refunds[key]["state"] = "approved"
        return self.refunds[key]

    def _send(self, refund: Json) -> None:
        if refund["state"] != "approved":
            return
        fails = int(refund["id"][1:]) in self._failing and refund["transfers"][0]["state"] == "pending"
        refund["state"] = "failed" if fails else "succeeded"
        refund["transfers"][0]["state"] = refund["state"]


def _line(number: str, index: int, line: Json, *, bare: bool) -> Json:
    counts = dict.fromkeys(("received", "missing", "accepted", "rejected", "settled"), 0)
    return {
        "id": f"{number}l{index}",
        "order_line_id": line["order_line_id"],
        "outcome": line["outcome"],
        "requested": line["quantity"],
        "expected": 0 if bare else line["quantity"],
        **counts,
    }
