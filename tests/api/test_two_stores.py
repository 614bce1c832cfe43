"""Two stores side by side: whatever one owns is, for the other's keys and links, not there."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from rma.api import access
from rma.api.examples import BODIES
from rma.db import tables
from rma.services.caller import SCOPES
from tests.support.desk import Desk

if TYPE_CHECKING:
    from tests.api.conftest import Api

pytestmark = pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
_OWN = frozenset({"/orders/{number}", "/products/{sku}"})
"""PUT makes a thing of the caller's own under a number that another store uses too."""


def _things(desk: Desk) -> dict[str, str]:
    """A return with a parcel and a line; the word for each place in an address."""
    desk.order("1001")
    filed = desk.file("1001")
    parcel = desk.parcel(filed)
    return {
        "returns": filed["id"], "parcels": parcel, "line_id": filed["lines"][0]["id"], "pid": parcel,
        "number": "1001", "orders": "1001", "slug": desk.caller.store_slug, "rma": filed["rma_number"],
        "link": filed["link"]["token"],
    }  # fmt: skip


def _address(path: str, things: dict[str, str], *, by: str = "returns") -> str:
    """The route with the ids of the other store in it; what it has none of is an id that nobody has."""
    kind = path.split("/")[1]
    found = things[by] if kind == "returns" else things.get(kind, f"{kind[:3]}_nobody")
    known = things | {"id": found, "trigger": "cancel", "eid": "evi_1", "token": "t", "version": "9", "sku": "X"}
    return re.sub(r"{(\w+)}", lambda name: known.get(name.group(1), "nobody"), path)


def _ask(api: Api, method: str, path: str, url: str, headers: dict[str, str]) -> Any:
    body = msgspec.json.encode(BODIES.get(f"{method} {path}", {}))
    sent: dict[str, Any] = {"content": body, "headers": headers | {"Content-Type": "application/json"}}
    if path.endswith("/evidence") and method == "POST":
        sent = {"files": {"file": ("a.pdf", b"%PDF-1.4 %%EOF")}, "data": {"kind": "photo"}, "headers": headers}
    sent["headers"] = sent["headers"] | {"Idempotency-Key": "same"}
    return api.client.request(method, f"/api/v1{url}", **sent)


def test_nothing_of_another_store_is_there(api: Api) -> None:
    """Every route that names a thing answers 404 (or 403, or what is wrong with the body) to the other store's key."""
    mine = Desk(api.services)
    things = _things(mine)
    key = api.key(*SCOPES, person="o@other.example", store_id=api.other_id)
    before = [mine.row(kind, things[name]) for kind, name in ((tables.Return, "returns"), (tables.Parcel, "parcels"))]
    wrong = []
    for (method, path), rule in access.RULES.items():
        if rule.public or "{" not in path or (method == "PUT" and path in _OWN):
            continue
        for by in ("returns", "rma"):
            answer = _ask(api, method, path, _address(path, things, by=by), key)
            if answer.status_code not in (403, 404, 422) or (method == "GET" and answer.status_code != 404):
                wrong.append((method, path, answer.status_code, answer.text[:200]))
    assert wrong == []
    assert before == [
        mine.row(kind, things[name]) for kind, name in ((tables.Return, "returns"), (tables.Parcel, "parcels"))
    ]


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
            answer = _ask(api, method, path, _address(path, foreign), link)
            if answer.status_code not in (404, 422) or (method == "GET" and answer.status_code != 404):
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
