"""Two stores side by side: whatever one owns is, for the other's keys and links, not there."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
import sqlalchemy as sa

from rma.api import access
from rma.api.examples import BODIES
from rma.db import tables
from rma.services.caller import SCOPES
from tests.support.desk import Desk, photo

if TYPE_CHECKING:
    from tests.api.conftest import Api

pytestmark = pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
WORKFLOWS = Path(__file__).parents[2] / "workflows"
_OWN = frozenset({"/orders/{number}", "/products/{sku}"})
"""PUT makes a thing of the caller's own under a number that another store uses too."""


def _things(desk: Desk, number: str = "1001") -> dict[str, str]:
    """A return with a parcel and a line; the word for each place in an address."""
    desk.order(number)
    filed = desk.file(number)
    parcel = desk.parcel(filed)
    return {
        "returns": filed["id"], "parcels": parcel, "line_id": filed["lines"][0]["id"], "pid": parcel,
        "number": number, "slug": desk.caller.store_slug, "rma": filed["rma_number"],
        "link": filed["link"]["token"],
    }  # fmt: skip


def _address(path: str, things: dict[str, str], *, by: str = "returns") -> str:
    """The route with the ids of a store in it; what the store has none of is an id that nobody has."""
    kind = path.split("/")[1]
    found = things[by] if kind == "returns" else things.get(kind, f"{kind[:3]}_nobody")
    known = {"trigger": "cancel", "eid": "evi_1", "version": "9", "sku": "X", "scan_id": "s", **things, "id": found}
    return path.format_map(known)


def _ask(api: Api, method: str, path: str, url: str, headers: dict[str, str], own: dict[str, str] | None = None) -> Any:
    """Ask with a body that works, about things of the caller's ``own`` where it names any."""
    body = msgspec.json.encode(BODIES.get(f"{method} {path}", {})).decode()
    for word, name in {"ret_…": "returns", "rln_…": "line_id"}.items():
        body = body.replace(word, own[name] if own else word)
    sent: dict[str, Any] = {"content": body, "headers": headers | {"Content-Type": "application/json"}}
    if path.endswith("/evidence") and method == "POST":
        sent = {"files": {"file": ("a.pdf", b"%PDF-1.4 %%EOF")}, "data": {"kind": "photo"}, "headers": headers}
    sent["headers"] = sent["headers"] | {"Idempotency-Key": "same"}
    return api.client.request(method, f"/api/v1{url}", **sent)


def _everything(api: Api, desk: Desk) -> dict[str, str]:
    """One thing of every kind that an address can name, each of this store and none of another."""
    things = _things(desk, "mine-1")
    key = api.key(*SCOPES, person="m@mine.example", store_id=desk.store_id)

    def made(path: str, body: Any, **files: Any) -> Any:
        answer = api.post(path, body, key, **files)
        assert answer.is_success, answer.text
        return answer.json()

    case = things["returns"]
    seen = made(f"/returns/{case}/evidence", None, files={"file": ("a.jpg", photo())}, data={"kind": "photo"})
    found = made("/receipts", {"return_id": case, "scan_id": "mine-scan", "unexpected": [{"sku": "X", "quantity": 1}]})
    unknown = made("/receipts/unknown", {"shelf": "A1", "description": "A box"})
    policy = tomllib.loads((WORKFLOWS / "policies/standard.toml").read_text())
    machine = (WORKFLOWS / "machines/return.toml").read_bytes()
    toml = {"Content-Type": "application/toml"}
    declared = {"name": "A", "order_number": "mine-1", "electronic_address": "a@b.example"}
    token = made(f"/stores/{things['slug']}/withdrawals", declared)["token"]
    made(f"/stores/{things['slug']}/withdrawals/{token}/confirm", None)
    goodwill = BODIES["POST /orders/{number}/refunds"]
    assert api.client.put("/api/v1/products/MINE", json=BODIES["PUT /products/{sku}"], headers=key).is_success
    return things | {
        "orders": "mine-1",
        "eid": seen["id"],
        "scan_id": "mine-scan",
        "unexpected": found["unexpected"][0]["id"],
        "receipts": unknown["id"],
        "version": str(made("/policies", policy)["version"]),
        "sku": "MINE",
        "refunds": made("/orders/mine-1/refunds", goodwill)["id"],
        "replacements": _replacement(desk, things),
        "withdrawals": api.get("/withdrawals", key).json()["items"][0]["id"],
        "privacy": made("/privacy/erasures", {"email": "nobody@mine.example"})["id"],
        "effects": _first(desk, tables.Attempt),
        "stores": _first(desk, tables.Key),
        "workflows": api.post("/workflows", None, key | toml, content=machine).json()["id"],
    }


def _first(desk: Desk, table: type[Any]) -> str:
    named = tables.table(table)
    with desk.services.database.read() as work:
        return str(work.conn.scalar(sa.select(named.c.id).where(named.c.store_id == desk.store_id)))


def _replacement(desk: Desk, things: dict[str, str]) -> str:
    """Exchange goods, without their story."""
    of: dict[str, Any] = {
        "store_id": desk.store_id,
        "return_id": things["returns"],
        "return_line_id": things["line_id"],
    }
    with desk.services.database.write() as work:
        of |= {"created_at": work.real_now, "updated_at": work.real_now, "id": work.new_id("rpl")}
        row = tables.Replacement(state="planned", sku="X", quantity=1, unit_value=1, doc={}, **of)
        work.session.add(row)
        return row.id


def test_nothing_of_another_store_is_there(api: Api) -> None:
    """Every route that names a thing answers 404 to the other store's key, whatever kind of thing it is."""
    mine = Desk(api.services)
    things = _everything(api, mine)
    second = Desk(api.services, slug="second")
    own = _things(second)
    key = api.key(*SCOPES, person="o@other.example", store_id=second.store_id)
    owner = api.key(*SCOPES, person="m@mine.example", store_id=mine.store_id)
    kinds: dict[str, Any] = {"returns": tables.Return, "parcels": tables.Parcel, "refunds": tables.Refund}
    kinds |= {"replacements": tables.Replacement, "withdrawals": tables.Withdrawal, "effects": tables.Attempt}
    kinds |= {"unexpected": tables.Unexpected, "receipts": tables.Unexpected, "eid": tables.Evidence}
    before = [mine.row(kind, things[name]) for name, kind in kinds.items()]
    wrong = []
    for (method, path), rule in access.RULES.items():
        if rule.public or "{" not in path or (method == "PUT" and path in _OWN):
            continue
        if method == "GET":
            found = _ask(api, method, path, _address(path, things), owner)
            assert found.status_code in (200, 409), (path, found.text)  # it is there: whoever owns it is told so
        for by in ("returns", "rma") if path.startswith("/returns") else ("returns",):
            answer = _ask(api, method, path, _address(path, things, by=by), key, own)
            if answer.status_code != 404:
                wrong.append((method, path, answer.status_code, answer.text[:200]))
    assert wrong == []
    assert before == [mine.row(kind, things[name]) for name, kind in kinds.items()]


def test_a_link_opens_its_own_return_alone(api: Api) -> None:
    """A customer's link to one return finds no other: neither of the other store nor of its own."""
    mine, other = Desk(api.services), Desk(api.services, slug="second")
    things, theirs = _things(mine), _things(other)
    mine.order("1002")
    beside = {**things, "returns": mine.file("1002")["id"]}
    link = {"Authorization": f"Link {things['link']}"}
    assert api.get(f"/returns/{things['returns']}", link).status_code == 200
    wrong = []
    for (method, path), rule in access.RULES.items():
        if not rule.link:
            continue
        for foreign in (theirs, beside):
            answer = _ask(api, method, path, _address(path, foreign), link, things)
            if answer.status_code != 404:
                wrong.append((method, path, answer.status_code, answer.text[:200]))
    assert wrong == []


def test_an_idempotency_key_counts_for_its_owner_alone(api: Api) -> None:
    """The same key with the same body on the same address replays nothing to another key, person, link or store."""
    mine, other = Desk(api.services), Desk(api.services, slug="second")
    things = _things(mine)
    _things(other)
    body = {"order_number": "1001", "kind": "withdrawal", "lines": [{"order_line_id": "1", "quantity": 1}],
            "method": "drop_off_code"}  # fmt: skip
    callers = [
        api.key("returns:write", store_id=store, person=person)
        for store in (mine.store_id, other.store_id)
        for person in ("a@b.example", "c@d.example")
    ]
    answers = [api.post("/returns", body, who | {"Idempotency-Key": "same"}) for who in callers]
    assert all("idempotency-replayed" not in answer.headers for answer in answers)
    made = [answer.json()["id"] for answer in answers if answer.status_code == 201]
    assert len(set(made)) == len(made) >= 2, [answer.text for answer in answers]
    again = api.post("/returns", body, callers[0] | {"Idempotency-Key": "same"})
    assert (again.headers["idempotency-replayed"], again.content) == ("true", answers[0].content)
    text = {"text": "Hello"}
    at = f"/returns/{things['returns']}/messages"
    links = [{"Authorization": f"Link {things['link']}"}, api.key("returns:write", store_id=mine.store_id)]
    told = [api.post(at, text, who | {"Idempotency-Key": "same"}) for who in links]
    assert [one.status_code for one in told] == [201, 201]
    assert told[0].json()["id"] != told[1].json()["id"]
