"""Every route and every trigger of the table, tried with every scope, a link and nobody."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from rma.api import access
from rma.api.http import Call, ok
from rma.api.routing import Routes
from rma.services.caller import SCOPES
from rma.services.idempotency import Answer

if TYPE_CHECKING:
    from tests.api.conftest import Api, Headers

TABLE = {route: rule for route, rule in access.RULES.items() if not rule.public}
ACTION = ("POST", "/returns/{id}/actions/{trigger}")


def _opened(_call: Call) -> Answer:
    """It was opened."""
    return ok({"opened": True})


@pytest.fixture
def served() -> Sequence[Routes]:
    """A stand-in for each route of the table that only says that it was opened."""
    routes = Routes(tag="Table")
    for method, path in TABLE:
        getattr(routes, method.lower())(path)(_opened)
    return [routes]


@pytest.fixture
def callers(api: Api) -> dict[str, Headers]:
    """A key with each scope alone, a link, and nobody."""
    found = {scope: api.key(scope, person="a@b.example") for scope in SCOPES}
    link = api.link(api.a_return(), datetime.now(UTC) + timedelta(days=1))
    return found | {"link": link, "nobody": {}}


def _pairs() -> Iterator[tuple[str, str, tuple[access.Rule, ...]]]:
    for (method, path), rule in TABLE.items():
        if (method, path) != ACTION:
            yield method, path, (rule,)
            continue
        for trigger, fence in access.TRIGGERS.items():
            yield method, path.replace("{trigger}", trigger), (rule, fence)
        yield method, path.replace("{trigger}", "of_their_own"), (rule,)


def _expected(rules: tuple[access.Rule, ...], who: str) -> int:
    if who == "nobody":
        return 401
    if who == "link":
        return 200 if all(rule.link for rule in rules) else 403
    return 200 if all(rule.scopes is None or who in rule.scopes for rule in rules) else 403


@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
def test_every_pair_is_as_the_table_says(api: Api, callers: dict[str, Headers]) -> None:
    """The guard opens each route and trigger to exactly those whom the table names."""
    wrong = []
    for method, path, rules in _pairs():
        url = "/api/v1" + re.sub(r"{(\w+)}", r"\1", path)
        for who, headers in callers.items():
            answer = api.client.request(method, url, headers=headers | {"Idempotency-Key": "k"})
            if answer.status_code != _expected(rules, who):
                wrong.append((method, url, who, answer.status_code))
    assert wrong == []


@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
def test_a_link_that_is_over_opens_nothing(api: Api) -> None:
    """An expired link is nobody."""
    over = api.link(api.a_return(), datetime.now(UTC) - timedelta(seconds=1))
    assert api.get("/returns/x", over).status_code == 401
