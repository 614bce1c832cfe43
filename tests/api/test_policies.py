"""Policies over HTTP: drafted, published, in force."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from rma.domain.policy import body
from rma.resources import folder

if TYPE_CHECKING:
    from tests.api.conftest import Api

STANDARD = body("standard.toml", (folder("workflows") / "policies" / "standard.toml").read_bytes())


def _paths(problem: dict[str, Any]) -> list[str]:
    return [error["path"] for error in problem["errors"]]


def test_a_draft_changes_nothing_until_it_is_published(api: Api) -> None:
    """A draft is listed and not in force; published, it is the current policy and an event says so."""
    key = api.key("policies:write", "events:read")
    made = api.post("/policies", STANDARD | {"name": "Summer"}, key)
    assert (made.status_code, made.json()["version"], made.json()["state"]) == (201, 2, "draft")
    assert made.headers["etag"] == '"1"'
    assert api.get("/policies/current", key).json()["version"] == 1
    done = api.post("/policies/2/publish", {}, key)
    assert (done.status_code, done.json()["state"], done.headers["etag"]) == (200, "published", '"2"')
    now = api.get("/policies/current", key).json()
    assert (now["version"], now["name"], now["policy"]["name"]) == (2, "Summer", "Summer")
    listed = api.get("/policies", key).json()["items"]
    assert [(row["version"], row["state"]) for row in listed] == [(1, "published"), (2, "published")]
    assert "policy" not in listed[0]


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"colour": "red"}, "colour"),
        ({"windows": {"voluntary_days": -1}}, "windows.voluntary_days"),
        ({"rules": [{"rule": "exclude", "params": {"tags": 7}}]}, "rules[0].params.tags"),
        ({"rules": [{"rule": "moon"}]}, "rules[0].rule"),
        ({"refunds": {"auto_approve_below": "5.001"}}, "refunds.auto_approve_below"),
    ],
)
@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
def test_what_cannot_be_right_is_named(api: Api, change: dict[str, Any], path: str) -> None:
    """A policy with a fault is refused with its path, and nothing is kept."""
    key = api.key("policies:write")
    answer = api.post("/policies", STANDARD | change, key)
    assert (answer.status_code, answer.json()["code"]) == (422, "definition_invalid")
    assert path in _paths(answer.json())
    assert len(api.get("/policies", key).json()["items"]) == 1


@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
def test_a_policy_may_begin_later_and_never_earlier(api: Api) -> None:
    """A beginning in the future waits, one in the past is refused: orders were promised the policy of their day."""
    key = api.key("policies:write")
    api.post("/policies", STANDARD, key)
    past = {"effective_from": (datetime.now(UTC) - timedelta(days=1)).isoformat()}
    refused = api.post("/policies/2/publish", past, key)
    assert (refused.status_code, _paths(refused.json())) == (422, ["effective_from"])
    later = {"effective_from": (datetime.now(UTC) + timedelta(days=1)).isoformat()}
    assert api.post("/policies/2/publish", later, key).status_code == 200
    assert api.get("/policies/current", key).json()["version"] == 1


def test_a_version_is_published_once_and_in_order(api: Api) -> None:
    """A published version stays as it is, and a draft that a newer one has overtaken is not published."""
    key = api.key("policies:write")
    for _ in range(2):
        api.post("/policies", STANDARD, key)
    assert api.post("/policies/3/publish", {}, key).status_code == 200
    assert api.post("/policies/3/publish", {}, key).json()["code"] == "already_published"
    assert api.post("/policies/2/publish", {}, key).json()["code"] == "superseded"
    assert api.post("/policies/9/publish", {}, key).status_code == 404
    assert api.post("/policies/x/publish", {}, key).status_code == 404


@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
def test_a_stale_publication_is_refused(api: Api) -> None:
    """If-Match tells a policy that was published since it was read."""
    key = api.key("policies:write")
    api.post("/policies", STANDARD, key)
    assert api.post("/policies/2/publish", {}, key | {"If-Match": '"2"'}).status_code == 412
    assert api.post("/policies/2/publish", {}, key | {"If-Match": '"1"'}).status_code == 200


@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
def test_a_policy_names_published_workflows(api: Api) -> None:
    """A case machine that the store has not published is named when the policy is."""
    key = api.key("policies:write")
    api.post("/policies", STANDARD | {"returns": {"workflow": {"default": "return", "defective": "vip"}}}, key)
    answer = api.post("/policies/2/publish", {}, key)
    assert (answer.status_code, _paths(answer.json())) == (422, ["returns.workflow.defective"])


def test_policies_of_stores_are_apart(api: Api) -> None:
    """Another store neither sees a draft nor counts it."""
    api.post("/policies", STANDARD, api.key("policies:write"))
    other = api.key("policies:write", store_id=api.other_id)
    assert len(api.get("/policies", other).json()["items"]) == 1
    assert api.post("/policies/2/publish", {}, other).status_code == 404
