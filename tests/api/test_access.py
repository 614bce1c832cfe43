"""The table of access: every route and trigger with every scope, the link and nobody."""

from __future__ import annotations

import base64
from collections.abc import Callable
from hashlib import sha256
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from rma.api import access, auth
from rma.api.http import Call, ok
from rma.api.routing import Routes
from rma.app import ROUTES, create_app
from rma.db import tables
from rma.errors import RmaError
from rma.services import keys, links
from rma.services.caller import KEY, Caller
from rma.services.catalog import Catalog
from rma.services.idempotency import Answer
from rma.services.keys import NewKey
from rma.settings import Settings

if TYPE_CHECKING:
    from tests.api.conftest import Api


def _note(asked: list[str]) -> Callable[..., None]:
    return lambda *args: asked.append(args[2])


def _opened(_call: Call) -> Answer:
    """It was opened."""
    return ok({"opened": True})


ROUTE_IDS = [f"{method} {path}" for (method, path), rule in access.RULES.items() if not rule.public]


@pytest.mark.parametrize("route", ROUTE_IDS)
def test_the_link_opens_only_what_the_customer_needs(route: str) -> None:
    """A customer's link opens one return with its evidence, parcels, messages, answers and feedback."""
    method, path = route.split(" ")
    link = Caller(store_id="sto_1", store_slug="shop", link_return_id="ret_1")
    opened = access.allows(access.RULES[method, path], link)
    assert opened is (path.startswith("/returns/{id}") and access.RULES[method, path].link)
    assert not (opened and path.endswith(("/decision", "/events", ".zip", "/offer", "/inspections", "/payments")))


def test_admin_opens_nothing_but_administration() -> None:
    """``admin`` implies no other scope."""
    admin = Caller(store_id="sto_1", store_slug="shop", key_id="key_1", scopes=frozenset(("admin",)))
    opened = {path for (_, path), rule in access.RULES.items() if rule.scopes and access.allows(rule, admin)}
    assert opened == {"/stores", "/stores/{slug}", "/stores/{slug}/keys", "/stores/{slug}/keys/{id}"}
    assert admin.roles == frozenset()


def test_roles_follow_scopes() -> None:
    """The roles of the workflow come from scopes, the link is the customer, nobody else is the system."""
    key = Caller(store_id="s", store_slug="s", key_id="k", scopes=frozenset(("receiving:write", "refunds:approve")))
    assert key.roles == {"warehouse", "finance"}
    assert Caller(store_id="s", store_slug="s", link_return_id="ret_1").roles == {"customer"}
    assert Caller(store_id="s", store_slug="s").roles == {"system"}
    assert (key.actor, Caller(store_id="s", store_slug="s").actor) == ("key:k", "system")


def test_a_route_that_is_not_in_the_table_cannot_start(settings: Settings) -> None:
    """A route without a rule fails at start-up, not at the first request."""
    routes = Routes(tag="Forgotten")
    routes.get("/forgotten")(_opened)
    with pytest.raises(LookupError, match="GET /forgotten"):
        create_app(settings, routes=[*ROUTES, routes])


def test_every_shipped_trigger_has_a_line() -> None:
    """Each trigger in the table is closed to scopes and links that its roles do not name."""
    for trigger in ("settle", "ask_feedback", "expire", "assess", "proceed"):
        assert access.TRIGGERS[trigger] == access.Rule()
    assert access.TRIGGERS["approve"].link is False


@pytest.mark.parametrize(
    "header",
    ["Bearer", "Bearer ", "Basic eDp5", "Bearer nobody", "Link nobody", "bearer\xff x", "Bearer " + "x" * 300, ""],
)
@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
def test_nobody_is_401_with_a_challenge(api: Api, header: str) -> None:
    """Missing, malformed and unknown credentials are the same problem."""
    answer = api.client.get("/api/v1/stores/shop", headers={b"Authorization": header.encode("latin-1")})
    assert (answer.status_code, answer.json()["code"]) == (401, "unauthenticated")
    assert answer.headers["www-authenticate"].startswith("Bearer")


@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
def test_secrets_cannot_be_guessed_nor_read(api: Api) -> None:
    """Keys and links are 128 random bits or more; they are compared and kept as hashes, and no row holds one."""
    return_id = api.a_return()
    with api.services.database.write() as work:
        new = NewKey(name="test", scopes=["orders:read"])
        made = [keys.mint(work, new, store_id=api.store_id, actor="system").key for _ in range(2)]
        given = [links.mint(work, api.store_id, return_id) for _ in range(2)]
        given.append(links.keep(work, api.store_id, return_id, links.first("the installation's secret", return_id)))
    secrets = [key.removeprefix(keys.PREFIX) for key in made] + given
    raw = [base64.urlsafe_b64decode(secret + "=" * (-len(secret) % 4)) for secret in secrets]
    assert min(len(one) for one in raw) * 8 >= 128
    assert len(set(raw)) == len(secrets)
    with api.services.database.read() as work:
        rows = [row for model in (tables.Key, tables.Link) for row in work.conn.execute(sa.select(tables.table(model)))]
    kept = str([tuple(row) for row in rows])
    for kind, secret in [("Bearer", key) for key in made] + [("Link", link) for link in given]:
        hashed = sha256(secret.encode()).hexdigest()
        assert auth.credentials(f"{kind} {secret}".encode())[1] == hashed
        assert hashed in kept
        assert secret not in kept


def test_what_belongs_to_another_store_is_not_found(api: Api) -> None:
    """A key of another store gets the answer of something that does not exist."""
    foreign = api.key("admin", store_id=api.other_id)
    for path in ("/stores/shop", "/stores/shop/keys", "/stores/nothing"):
        assert api.get(path, foreign).status_code == 404
    mine = api.get("/stores/shop/keys", api.key("admin")).json()["items"][0]["id"]
    assert api.client.delete(f"/api/v1/stores/other/keys/{mine}", headers=foreign).status_code == 404


def test_errors_carry_their_reason() -> None:
    """A missing scope is named in the refusal."""
    caller = Caller(store_id="s", store_slug="s", key_id="k", scopes=frozenset(("admin",)))
    with pytest.raises(RmaError, match="refunds:approve") as caught:
        access.check(access.RULES["POST", "/refunds/approve"], caller)
    assert caught.value.code == "scope_missing"


def test_who_made_whose_key_is_read_once(api: Api) -> None:
    """A process reads who made a key, to the first maker, when it first asks, and what it knew of it never again.

    What there is not yet is asked for each time.
    """
    catalog, asked = Catalog(), list[str]()
    with api.services.database.write() as work:
        line, by = [], "system"
        for _ in range(3):
            new = NewKey(name="test", scopes=["admin"])
            line.append(keys.mint(work, new, store_id=api.store_id, actor=by).id)
            by = f"{KEY}{line[-1]}"
    with api.services.database.read() as work:
        sa.event.listen(engine := api.services.database.engine, "before_cursor_execute", hear := _note(asked))
        assert list(catalog.keys(work, [line[1]])) == [line[1], line[0]]
        assert [len(catalog.keys(work, [line[2], line[0]])) for _ in range(2)] == [3, 3]
        assert [len(catalog.keys(work, [line[0], "key_unknown"])) for _ in range(2)] == [1, 1]
        sa.event.remove(engine, "before_cursor_execute", hear)
    assert len(asked) == 4
