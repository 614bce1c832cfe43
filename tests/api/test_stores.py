"""Stores and keys over HTTP."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
import sqlalchemy as sa

from rma.db import tables

if TYPE_CHECKING:
    from tests.api.conftest import Api

NEW: dict[str, Any] = {
    "slug": "magaza",
    "name": "Mağaza",
    "country": "TR",
    "timezone": "Europe/Istanbul",
    "currency": "TRY",
    "locale": "tr",
    "test_mode": True,
    "return_addresses": [
        {"id": "depo", "name": "Depo", "line1": "İstiklal 1", "city": "İstanbul", "postcode": "34000", "country": "TR"}
    ],
}


def _paths(problem: dict[str, Any]) -> list[str]:
    return [error["path"] for error in problem["errors"]]


def test_a_store_is_made_with_its_first_key(api: Api) -> None:
    """An admin makes a store; the answer's key opens that store and nothing else."""
    made = api.post("/stores", NEW, api.key("admin"))
    assert made.status_code == 201, made.text
    store = made.json()
    assert store["return_addresses"][0]["default"] is True
    assert made.headers["etag"] == '"1"'
    own = {"Authorization": f"Bearer {store['admin_key']}"}
    assert api.get("/stores/magaza", own).json()["name"] == "Mağaza"
    assert api.get("/stores/shop", own).status_code == 404
    assert api.get("/products", own).status_code in {403, 404}


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"slug": "api"}, "slug"),
        ({"slug": "Büyük"}, "slug"),
        ({"slug": ""}, "slug"),
        ({"country": "XX"}, "country"),
        ({"currency": "TL"}, "currency"),
        ({"timezone": "Istanbul"}, "timezone"),
        ({"timezone": "../etc/passwd"}, "timezone"),
        ({"locale": "fr"}, "locale"),
        ({"test_mode": "yes"}, "test_mode"),
        ({"colour": "red"}, "colour"),
        ({"name": None}, "name"),
        ({"name": "Mağaza\r\nBcc: a@b.example"}, "name"),
        ({"name": "Mağaza\n"}, "name"),
        ({"return_addresses": [NEW["return_addresses"][0] | {"country": "?"}]}, "return_addresses[0].country"),
        ({"return_addresses": [NEW["return_addresses"][0]] * 2}, "return_addresses[1].id"),
        ({"return_addresses": [{"id": "x"}]}, "return_addresses[0].city"),
    ],
)
@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
def test_what_cannot_be_right_is_named(api: Api, change: dict[str, Any], path: str) -> None:
    """A store with a wrong field is refused with the path of that field, and nothing is written."""
    key, before = api.key("admin"), _stores(api)
    answer = api.post("/stores", NEW | change, key)
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert path in _paths(answer.json())
    assert _stores(api) == before


@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
def test_every_wrong_field_is_named_at_once(api: Api) -> None:
    """All faults come in one answer."""
    answer = api.post("/stores", NEW | {"country": "XX", "currency": "TL", "slug": "docs"}, api.key("admin"))
    assert sorted(_paths(answer.json())) == ["country", "currency", "slug"]


def test_a_slug_is_taken_once(api: Api) -> None:
    """A second store of the same slug is a conflict."""
    admin = api.key("admin")
    assert api.post("/stores", NEW | {"slug": "shop"}, admin).json()["code"] == "slug_taken"


def test_a_store_changes_by_version(api: Api) -> None:
    """PATCH changes what is sent, raises the version, and refuses a stale If-Match."""
    admin = api.key("admin")
    first = api.client.patch("/api/v1/stores/shop", json={"name": "Dükkân"}, headers=admin | {"If-Match": '"1"'})
    assert (first.status_code, first.json()["name"], first.headers["etag"]) == (200, "Dükkân", '"2"')
    stale = api.client.patch("/api/v1/stores/shop", json={"name": "x"}, headers=admin | {"If-Match": '"1"'})
    assert (stale.status_code, stale.json()["code"]) == (412, "stale")
    wrong = api.client.patch("/api/v1/stores/shop", json={"currency": "EUR"}, headers=admin)
    assert (wrong.status_code, _paths(wrong.json())) == (422, ["currency"])
    assert api.get("/stores/shop", admin).json()["locale"] == "tr"


def test_a_minted_key_works_until_it_is_revoked(api: Api) -> None:
    """A key opens what its scopes say, is listed without its secret, and is dead right after its revocation."""
    admin = api.key("admin")
    wanted = {"name": "ci", "scopes": ["events:read", "events:read"]}
    minted = api.post("/stores/shop/keys", wanted, admin).json()
    assert minted["scopes"] == ["events:read"]
    key = {"Authorization": f"Bearer {minted['key']}"}
    assert api.get("/stores/shop", key).status_code == 200
    assert api.get("/stores/shop/keys", key).status_code == 403
    listed = api.get("/stores/shop/keys", admin).json()["items"]
    assert minted["id"] in {row["id"] for row in listed}
    assert minted["key"] not in json.dumps(listed)
    gone = api.client.delete(f"/api/v1/stores/shop/keys/{minted['id']}", headers=admin)
    assert (gone.status_code, gone.content) == (204, b"")
    assert api.get("/stores/shop", key).status_code == 401
    assert api.get(f"/stores/shop/keys/{minted['id']}", admin).json()["revoked_at"] is not None


@pytest.mark.parametrize(
    ("new", "path"),
    [
        ({"name": "x", "scopes": ["root"]}, "scopes[0]"),
        ({"name": "x", "scopes": []}, "scopes"),
        ({"name": "x", "scopes": ["refunds:approve"]}, "person"),
        ({"name": "x", "scopes": ["admin"], "person": "nobody"}, "person"),
        ({"name": "x", "scopes": ["admin"], "expires_at": "2020-01-01T00:00:00Z"}, "expires_at"),
        ({"name": "x", "scopes": ["admin"], "expires_at": "2030-01-01T00:00:00"}, "expires_at"),
        ({"name": "", "scopes": ["admin"]}, "name"),
        ({"scopes": ["admin"]}, "name"),
    ],
)
@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
def test_a_key_that_cannot_be_right_is_not_minted(api: Api, new: dict[str, Any], path: str) -> None:
    """Unknown scopes, approvals without a person and past or zoneless ends are named."""
    answer = api.post("/stores/shop/keys", new, api.key("admin"))
    assert (answer.status_code, _paths(answer.json())) == (422, [path])


def test_minting_and_revoking_are_events_without_personal_data(api: Api) -> None:
    """The store's log says who minted and revoked which key; the person is not in the hashed body."""
    admin = api.key("admin")
    wanted = {"name": "Ayşe", "scopes": ["refunds:approve"], "person": "Ayse@Example.com"}
    minted = api.post("/stores/shop/keys", wanted, admin).json()
    assert minted["person"] == "ayse@example.com"
    api.client.delete(f"/api/v1/stores/shop/keys/{minted['id']}", headers=admin)
    api.client.delete(f"/api/v1/stores/shop/keys/{minted['id']}", headers=admin)
    events = tables.table(tables.Event)
    with api.services.database.read() as work:
        bodies = work.conn.scalars(sa.select(events.c.body).order_by(events.c.seq)).all()
    ours = [body for body in bodies if minted["id"] in body]
    assert [msgspec.json.decode(body)["type"] for body in ours] == ["key.minted", "key.revoked"]
    assert msgspec.json.decode(ours[0])["actor"].startswith("key:key_")
    assert not any("ayse" in body or "Ayşe" in body for body in bodies)


@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
def test_an_expired_key_is_nobody(api: Api) -> None:
    """Expiry counts from its instant on, also for a key that was just used."""
    key = api.key("admin", expires_at=datetime.now(UTC) + timedelta(milliseconds=400))
    assert api.get("/stores/shop", key).status_code == 200
    api.services.identities._clock = lambda: datetime.now(UTC) + timedelta(seconds=1)  # noqa: SLF001 - move time
    assert api.get("/stores/shop", key).status_code == 401


def test_keys_come_in_pages(api: Api) -> None:
    """A list is cut at its limit and goes on at its cursor; rows added in between neither repeat nor hide any."""
    admin = api.key("admin")
    for _ in range(4):
        api.key("events:read")
    first = api.get("/stores/shop/keys", admin, params={"limit": 2}).json()
    late = api.key("events:read")
    second = api.get("/stores/shop/keys", admin, params={"limit": 200, "cursor": first["next_cursor"]}).json()
    found = [row["id"] for row in first["items"] + second["items"]]
    assert late
    assert (len(first["items"]), second["next_cursor"]) == (2, None)
    assert (len(found), found) == (6, sorted(set(found)))


@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
def test_a_cursor_is_taken_as_it_was_given(api: Api) -> None:
    """One that was cut, made longer or changed in any letter is refused by name; another ``limit`` is no other list."""
    admin = api.key("admin")
    api.key("events:read")
    given = api.get("/stores/shop/keys", admin, params={"limit": 1}).json()["next_cursor"]
    changed = [given[:n] + ("A" if given[n] != "A" else "B") + given[n + 1 :] for n in range(len(given))]
    near = [given[:-1] + other for other in "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdef0123456789-_" if other != given[-1]]
    for cursor in [*changed, *near, given[:-1], given[:-4], given + "A", given + "=", given + "\u00fc", "9" * 999]:
        answer = api.get("/stores/shop/keys", admin, params={"limit": 1, "cursor": cursor})
        assert (answer.status_code, _paths(answer.json())) == (422, ["cursor"]), cursor
    rest = api.get("/stores/shop/keys", admin, params={"limit": 9, "cursor": given}).json()
    assert len(rest["items"]) == 1


@pytest.mark.parametrize("query", ["limit=0", "limit=201", "limit=x", "limit=-1", "cursor=%00", "cursor=abc"])
@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
def test_a_page_that_cannot_be_right_is_refused(api: Api, query: str) -> None:
    """A limit outside 1 to 200 and a cursor of someone else's are named."""
    answer = api.get(f"/stores/shop/keys?{query}", api.key("admin"))
    assert (answer.status_code, _paths(answer.json())) == (422, [query.partition("=")[0]])


def _stores(api: Api) -> int:
    with api.services.database.read() as work:
        return int(work.conn.execute(sa.select(sa.func.count()).select_from(tables.table(tables.Store))).scalar_one())
