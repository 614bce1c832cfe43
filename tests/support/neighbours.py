"""A store with one of everything that a request can name, and what its neighbours must never read."""

from __future__ import annotations

import re
import tomllib
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from rma.api.examples import BODIES
from rma.db import tables
from rma.domain import ids
from rma.services import background
from rma.services.caller import SCOPES
from tests.support.desk import Desk, photo
from tests.support.snapshots import Json, line

if TYPE_CHECKING:
    from tests.api.conftest import Api

WORKFLOWS = Path(__file__).parents[2] / "workflows"
_ID = re.compile(r"([a-z]{3})_[0-9a-hjkmnp-tv-z]{26}")


class Neighbour:
    """A store; its ``word`` stands in every text of its own. ``names`` say for each kind of thing how one is named."""

    def __init__(self, api: Api, word: str) -> None:
        self.word = word
        self._api = api
        self._desk = Desk(api.services, slug=word, name=word)
        self.store_id = self._desk.store_id
        self.key = api.key(*SCOPES, person=f"staff@{word}.example", store_id=self.store_id)
        self.names = self.case("1", quantity=2)

    def case(self, number: str, *, quantity: int = 1) -> dict[str, str]:
        """A return of an order of its own, with a parcel, evidence and a customer's link."""
        order = f"{self.word}-{number}"
        buyer = {"reference": f"{self.word}-c{number}", "email": f"c{number}@{self.word}.example", "name": self.word}
        self._desk.order(order, customer=buyer, lines=[line(sku=f"{self.word}-sku")])
        filed = self._desk.file(order, quantity=quantity)
        parcel = self._desk.parcel(filed)
        self._desk.run()
        seen = {"files": {"file": ("a.jpg", photo())}, "data": {"kind": "photo"}}
        return {
            "slug": self.word, "return": filed["id"], "rma": filed["rma_number"], "line": filed["lines"][0]["id"],
            "parcel": parcel,
            "order": order, "email": buyer["email"], "customer": buyer["reference"], "sku": f"{self.word}-sku",
            "tracking": self._desk.row(tables.Parcel, parcel).tracking or "", "link": filed["link"]["token"],
            "evidence": self._made(f"/returns/{filed['id']}/evidence", None, **seen)["id"],
        }  # fmt: skip

    def furnish(self, *, policies: int = 1) -> Neighbour:
        """One thing of every other kind, and a row in every list; so many policies of its own."""
        names, case = self.names, self.names["return"]
        self._made(f"/returns/{case}/messages", {"text": f"{self.word} says"})
        came = {"lines": [{"line_id": names["line"], "quantity": 1}], "unexpected": [{"sku": "X", "quantity": 1}]}
        found = self._made("/receipts", {"return_id": case, "scan_id": f"{self.word}-scan", **came})
        self._product(names["sku"], f"{self.word}-variant")
        self._product(f"{self.word}-one", "of-all")
        self._product(f"{self.word}-none", "of-all", stock=0)
        refund = self._made(f"/orders/{names['order']}/refunds", BODIES["POST /orders/{number}/refunds"])
        terms = tomllib.loads((WORKFLOWS / "policies/standard.toml").read_text())
        machine = (WORKFLOWS / "machines/return.toml").read_bytes()
        workflow = self._api.post("/workflows", None, self.key | {"Content-Type": "application/toml"}, content=machine)
        names |= {
            "branch": f"{self.word}-branch",
            "scan": f"{self.word}-scan",
            "unexpected": found["unexpected"][0]["id"],
            "box": self._made("/receipts/unknown", {"shelf": "A1", "description": f"{self.word} box"})["id"],
            "variant": f"{self.word}-variant",
            "policy": str(
                max(self._made("/policies", terms | {"name": self.word})["version"] for _ in range(policies))
            ),
            "workflow": workflow.json()["id"],
            "refund": refund["id"],
            "transfer": refund["transfers"][0]["id"],
            "replacement": self._replacement(),
            "key": self._made(f"/stores/{self.word}/keys", BODIES["POST /stores/{slug}/keys"])["id"],
            "token": self._withdrawal(),
            "withdrawal": self._api.get("/withdrawals", self.key).json()["items"][0]["id"],
            "erasure": self._made("/privacy/erasures", {"email": names["email"]})["id"],
        }
        of = {"return_id": case, "order_id": self._desk.row(tables.Return, case).order_id}
        self._desk.change(tables.Withdrawal, names["withdrawal"], **of)
        background.catch_up(self._api.services, self.store_id)
        names["letter"] = self._dead_letter()
        return self

    @cached_property
    def marks(self) -> frozenset[str]:
        """Its word, and the ids of all its rows: nobody else may ever read one of them."""
        found = {self.word, self.store_id}
        with self._api.services.database.read() as work:
            for table in tables.Order.metadata.sorted_tables:
                if "store_id" in table.c and "id" in table.c:
                    found |= set(work.conn.scalars(sa.select(table.c.id).where(table.c.store_id == self.store_id)))
        return frozenset(str(mark) for mark in found)

    def rows(self) -> dict[str, list[Any]]:
        """All that is stored of it."""
        with self._api.services.database.read() as work:
            return {
                table.name: sorted(
                    map(str, work.conn.execute(sa.select(table).where(table.c.store_id == self.store_id)))
                )
                for table in tables.Order.metadata.sorted_tables
                if "store_id" in table.c
            }

    def _made(self, path: str, body: Any, **files: Any) -> Any:
        answer = self._api.post(path, body, self.key, **files)
        assert answer.is_success, answer.text
        return answer.json()

    def _product(self, sku: str, variant_of: str, **more: Any) -> None:
        product = BODIES["PUT /products/{sku}"] | {"variant_of": variant_of} | more
        assert self._api.client.put(f"/api/v1/products/{sku}", json=product, headers=self.key).is_success

    def _withdrawal(self) -> str:
        at = f"/stores/{self.word}/withdrawals"
        declared = {"name": self.word, "order_number": "unknown", "electronic_address": f"w@{self.word}.example"}
        token = str(self._made(at, declared)["token"])
        self._made(f"{at}/{token}/confirm", None)
        return token

    def _first(self, table: type[Any]) -> str:
        named = tables.table(table)
        with self._api.services.database.read() as work:
            return str(work.conn.scalar(sa.select(named.c.id).where(named.c.store_id == self.store_id)))

    def _dead_letter(self) -> str:
        """A mail that its channel refused, an act that nobody answered for, and a line of the destruction log."""
        now = tables.table(tables.Destruction)
        self._desk.change(tables.Message, self._first(tables.Message), state="failed", error="no_such_mailbox")
        letter = self._first(tables.Attempt)
        self._desk.change(tables.Attempt, letter, state="asking", error="timeout")
        with self._api.services.database.write() as work:
            of: Json = {"id": work.new_id("des"), "store_id": self.store_id, "request_id": self.names["erasure"]}
            of |= {"record": "orders", "count": 1, "files": 0, "article": "a", "at": work.real_now}
            work.conn.execute(sa.insert(now).values(keep_until=work.real_now.date(), **of))
        return letter

    def _replacement(self) -> str:
        """Exchange goods, without their story."""
        of: Json = {"store_id": self.store_id, "return_id": self.names["return"], "return_line_id": self.names["line"]}
        with self._api.services.database.write() as work:
            of |= {"created_at": work.real_now, "updated_at": work.real_now, "id": work.new_id("rpl")}
            row = tables.Replacement(state="out_of_stock", sku="X", quantity=1, unit_value=1, doc={}, **of)
            work.session.add(row)
            return row.id


def nobodys(names: dict[str, str], word: str) -> dict[str, str]:
    """A name of the same form for each of these that no thing has ever had."""
    of = {kind: _ID.sub(lambda found: f"{found[1]}_{'0' * 26}", name) for kind, name in names.items()}
    of = {kind: name.replace(word, "nobody") for kind, name in of.items()}
    return of | {
        "rma": ids.rma_number(bytes(8)),
        "policy": "99",
        "tracking": "OF999999999TR",
        "token": "t" * 27,
        "link": "l" * 27,
    }
