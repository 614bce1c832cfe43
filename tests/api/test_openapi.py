"""The OpenAPI document against what it describes: examples that are taken, answers that look as it says."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import msgspec
import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

import rma
from rma.api import access, openapi
from rma.api.examples import BODIES
from rma.app import ROUTES
from rma.domain import strict
from rma.resources import folder

ENDPOINTS = {f"{endpoint.method} {endpoint.path}": endpoint for group in ROUTES for endpoint in group.endpoints}


@pytest.mark.parametrize("route", sorted(BODIES))
def test_an_example_is_a_body_that_its_route_reads(route: str) -> None:
    """Every example in the document is read by the struct of its route without a fault."""
    strict.decode(msgspec.json.encode(BODIES[route]), ENDPOINTS[route].data)


def test_every_body_has_an_example() -> None:
    """Whatever is sent as JSON is shown once in the document, so that a reader can send it."""
    taken = {route for route, one in ENDPOINTS.items() if one.data is not None}
    assert sorted(taken - BODIES.keys()) == []


def test_nothing_writes_a_table_for_a_spreadsheet() -> None:
    """No route answers CSV and nothing but the demo's excerpt of public invoices writes it, so no cell is a formula."""
    assert not [route for route, endpoint in ENDPOINTS.items() if "csv" in endpoint.media_type]
    program = Path(rma.__file__).parent
    writing = [path for path in program.rglob("*.py") if re.search(r"csv\.(w|DictW)riter", path.read_text("utf-8"))]
    assert [path.relative_to(program).as_posix() for path in writing] == ["demo/excerpt.py"]


def test_every_answer_has_a_shape() -> None:
    """Each good answer with a body names its fields, and each list takes ``limit`` and ``cursor``."""
    document = openapi.document(list(ENDPOINTS.values()), title="t", version="1")
    operations = [(path, one) for path, methods in document["paths"].items() for one in methods.values()]
    assert [path for path, one in operations if not _described(one)] == []
    for path in ("/returns", "/refunds", "/receipts/unknown", "/returns/{id}/events", "/events", "/orders"):
        names = {parameter["name"] for parameter in document["paths"][f"/api/v1{path}"]["get"]["parameters"]}
        assert {"limit", "cursor"} <= names, path


def test_the_document_is_valid() -> None:
    """It keeps every rule of OpenAPI 3.1 and of the JSON Schema inside, by a validator that is not ours."""
    made = openapi.document(list(ENDPOINTS.values()), title="t", version="1")
    document = msgspec.json.decode(msgspec.json.encode(made))
    assert [fault.message for fault in OpenAPIV31SpecValidator(document).iter_errors()] == []


def test_the_main_requests_have_examples() -> None:
    """Orders, quotes, returns, parcels, receipts, inspections and approvals show a body that works."""
    document = openapi.document(list(ENDPOINTS.values()), title="t", version="1")
    for method, path in (
        ("put", "/orders/{number}"),
        ("post", "/returns/quote"),
        ("post", "/returns"),
        ("post", "/returns/{id}/parcels"),
        ("post", "/parcels/{id}/events"),
        ("post", "/receipts"),
        ("post", "/returns/{id}/inspections"),
        ("post", "/refunds/{id}/approve"),
    ):
        body = document["paths"][f"/api/v1{path}"][method]["requestBody"]
        assert body["content"]["application/json"]["example"], path


@pytest.mark.parametrize(
    ("path", "machine"), [("/returns/{id}/actions/", "return"), ("/replacements/{id}/actions/", "replacement")]
)
def test_every_trigger_that_somebody_may_fire_is_listed(path: str, machine: str) -> None:
    """The document names each trigger of the shipped machine that is not the system's alone, and no other."""
    document = openapi.document(list(ENDPOINTS.values()), title="t", version="1")
    parameters = document["paths"][f"/api/v1{path}{{trigger}}"]["post"]["parameters"]
    [told] = [one["description"] for one in parameters if one["name"] == "trigger"]
    rows = tomllib.loads((folder("workflows") / "machines" / f"{machine}.toml").read_text("utf-8"))["transitions"]
    fired = {row["trigger"] for row in rows if row["by"] not in ("system", ["system"])}
    if machine == "return":
        assert {row["trigger"] for row in rows} == access.TRIGGERS.keys()
        fired = {trigger for trigger in fired if access.is_open(access.TRIGGERS[trigger])}
    assert set(re.findall(r"`(\w+)` \(", told)) == fired
    assert {name for row in rows if row["trigger"] in fired for name in row.get("requires", ())} == set(
        re.findall(r"needs `(\w+)`", told)
    )


def _described(operation: dict[str, Any]) -> bool:
    status, good = next((status, one) for status, one in operation["responses"].items() if status.startswith("2"))
    if status == "204":
        return True
    [content] = good["content"].values()
    return bool("$ref" in content["schema"] or content["schema"].keys() & {"format", "additionalProperties"})
