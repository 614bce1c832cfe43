"""Workflows over HTTP: drafted as TOML, checked, published, drawn."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx
import pytest
import sqlalchemy as sa

from rma.db import tables
from rma.errors import Unavailable
from rma.resources import folder

if TYPE_CHECKING:
    from tests.api.conftest import Api, Headers

MACHINES = folder("workflows") / "machines"
RETURN = (MACHINES / "return.toml").read_text(encoding="utf-8")
PARCEL = (MACHINES / "parcel.toml").read_text(encoding="utf-8")


def _draft(api: Api, toml: str, key: Headers, media_type: str = "application/toml") -> httpx.Response:
    return api.post("/workflows", None, key | {"Content-Type": media_type}, content=toml.encode())


def _paths(problem: dict[str, Any]) -> list[str]:
    return [error["path"] for error in problem["errors"]]


def test_a_new_store_has_the_shipped_machines(api: Api) -> None:
    """Every store begins with the four shipped workflows, published as version 1, in the caller's language."""
    key = api.key("returns:read") | {"Accept-Language": "tr"}
    found = api.get("/workflows", key).json()["items"]
    assert [(row["name"], row["machine"], row["version"], row["state"]) for row in found] == [
        (name, name, 1, "published") for name in ("return", "parcel", "refund", "replacement")
    ]
    assert found[0]["title"] == "İade"


def test_a_draft_is_published_under_the_next_number(api: Api) -> None:
    """A draft changes nothing; published, it is what new returns use, once, by its id or by name and number."""
    key = api.key("workflows:write")
    made = _draft(api, RETURN, key)
    assert (made.status_code, made.json()["version"], made.json()["state"]) == (201, 2, "draft")
    assert made.headers["etag"] == '"1"'
    with api.services.database.read() as work:
        assert api.services.catalog.current_definition(work, api.store_id, "return").version == 1
    done = api.post(f"/workflows/{made.json()['id']}/publish", None, key)
    assert (done.status_code, done.json()["state"], done.headers["etag"]) == (200, "published", '"2"')
    with api.services.database.read() as work:
        assert api.services.catalog.current_definition(work, api.store_id, "return").version == 2
    assert api.post("/workflows/return@2/publish", None, key).json()["code"] == "already_published"


@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
def test_a_workflow_of_a_newer_program_is_left_to_it(api: Api) -> None:
    """What asks for a guard that this program does not have is 503 by name; the version before goes on."""
    key = api.key("workflows:write")
    newer = _draft(api, RETURN, key).json()["id"]
    rows = tables.table(tables.Workflow)
    with api.services.database.write() as work:
        body = RETURN.replace('when = ["', 'when = ["moon_is_full", "', 1)
        work.conn.execute(sa.update(rows).where(rows.c.id == newer).values(body=body, state="published"))
    with api.services.database.read() as work:
        with pytest.raises(Unavailable, match="return asks for moon_is_full") as newer_program:
            api.services.catalog.definition(work, api.store_id, "return", 2)
        assert api.services.catalog.definition(work, api.store_id, "return", 1).version == 1
    assert newer_program.value.code == "newer_workflow"


@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
def test_a_draft_that_was_overtaken_is_refused(api: Api) -> None:
    """Publishing an older draft after a newer one would change nothing and is refused."""
    key = api.key("workflows:write")
    for _ in range(2):
        _draft(api, RETURN, key)
    assert api.post("/workflows/return@3/publish", None, key | {"If-Match": '"2"'}).status_code == 412
    assert api.post("/workflows/return@3/publish", None, key).status_code == 200
    assert api.post("/workflows/return@2/publish", None, key).json()["code"] == "superseded"


@pytest.mark.parametrize(
    ("toml", "path"),
    [
        ("name = ", ""),
        ('name = "x"', "machine"),
        (RETURN.replace('to = "settled"', 'to = "moon"', 1), "transitions["),
        (RETURN.replace('name = "return"', 'name = "parcel"', 1), "name"),
        (RETURN + "\n[states.alone]\nwaits_for = 'nobody'\nlabel = {tr='a', en='b', de='c'}\n", "states.alone"),
        ("colour = 1\n" + RETURN, "colour"),
    ],
)
@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
def test_what_cannot_be_right_is_named(api: Api, toml: str, path: str) -> None:
    """A workflow that is broken, unknown in a name or gets stuck is refused with the path, and nothing is kept."""
    key = api.key("workflows:write")
    answer = _draft(api, toml, key)
    assert (answer.status_code, answer.json()["code"]) == (422, "definition_invalid")
    assert any(found.startswith(path) for found in _paths(answer.json()))
    assert len(api.get("/workflows", key).json()["items"]) == 4


@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
def test_a_childs_machine_keeps_its_states(api: Api) -> None:
    """Open parcels move by the newest machine, so a state they may be in cannot be taken away."""
    key = api.key("workflows:write")
    told = PARCEL.replace('to = "lost"', 'to = "gone"\nevent = "parcel.lost"')
    made = _draft(api, told.replace("[states.lost]", "[states.gone]").replace('"lost"', '"gone"'), key)
    assert made.status_code == 201, made.text
    answer = api.post(f"/workflows/{made.json()['id']}/publish", None, key)
    assert (answer.status_code, _paths(answer.json())) == (422, ["states.lost"])


@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
def test_a_body_that_is_not_declared_as_toml_is_refused(api: Api) -> None:
    """JSON, or a form as curl sends by default, is 415."""
    key = api.key("workflows:write")
    for media_type in ("application/json", "application/x-www-form-urlencoded"):
        assert _draft(api, RETURN, key, media_type).status_code == 415


@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
def test_a_workflow_is_drawn(api: Api) -> None:
    """The diagram is Mermaid text in the caller's language; what is not there is 404."""
    key = api.key("returns:read") | {"Accept-Language": "de"}
    drawn = api.get("/workflows/refund@1/diagram", key)
    assert drawn.headers["content-type"] == "text/plain; charset=utf-8"
    assert drawn.text.startswith("stateDiagram-v2")
    for name in ("refund@9", "refund", "moon@1", "wfl_0", "@", "refund@1@1"):
        assert api.get(f"/workflows/{name}/diagram", key).status_code == 404


@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
def test_workflows_of_stores_are_apart(api: Api) -> None:
    """A draft of one store is not there for another."""
    made = _draft(api, RETURN, api.key("workflows:write")).json()
    other = api.key("workflows:write", store_id=api.other_id)
    assert api.get(f"/workflows/{made['id']}/diagram", other).status_code == 404
    assert api.post(f"/workflows/{made['id']}/publish", None, other).status_code == 404
