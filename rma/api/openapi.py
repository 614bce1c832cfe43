"""The OpenAPI 3.1 document, made from the endpoints, their structs and the access table."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator, Sequence
from http import HTTPStatus
from typing import Any

import msgspec

from rma.api import access, problems
from rma.api.access import Rule
from rma.api.examples import BODIES
from rma.api.routing import PREFIX, Endpoint
from rma.services.catalog import shipped
from rma.services.paging import DEFAULT_LIMIT, MAX_LIMIT, Page

Json = dict[str, Any]
_REF = "#/components/schemas/{name}"
_PARAMETER = re.compile(r"{(\w+)}")
_TEXT: Json = {"type": "string"}
_FILE_FORM: Json = {
    "type": "object",
    "required": ["file", "kind"],
    "properties": {"file": {"type": "string", "format": "binary"}, "kind": _TEXT, "line": _TEXT, "note": _TEXT},
}
_IN_HEADERS: Json = {
    "Idempotency-Key": "The same key and body give the same answer again and nothing is done twice; kept 24 h or more.",
    "If-Match": "The ETag that you read; 412 when it changed since.",
    "Accept-Language": "tr, en or de: the language of the texts; the store's unless told.",
}


_HEADERS: Json = {
    "ETag": {"description": "The version of what is answered, for If-Match; of a file its content.", "schema": _TEXT},
    "Retry-After": {"description": "Seconds until it is worth trying again.", "schema": {"type": "integer"}},
}
_WAITS = frozenset({429, 503})


def document(endpoints: Sequence[Endpoint], *, title: str, version: str) -> Json:
    """The whole document as plain data."""
    kinds = list(dict.fromkeys(kind for endpoint in endpoints for kind in _kinds(endpoint)))
    schemas, components = msgspec.json.schema_components([problems.Problem, *kinds], ref_template=_REF)
    named = dict(zip(kinds, schemas[1:], strict=True))
    paths: dict[str, Json] = {}
    for endpoint in endpoints:
        paths.setdefault(endpoint.prefix + endpoint.path, {})[endpoint.method.lower()] = _operation(endpoint, named)
    return {
        "openapi": "3.1.0",
        "info": {"title": title, "version": version, "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"}},
        "paths": paths,
        "tags": [{"name": tag} for tag in dict.fromkeys(endpoint.tag for endpoint in endpoints)],
        "components": {
            "schemas": components,
            "headers": _HEADERS,
            "securitySchemes": _schemes(),
            "responses": _problem_responses(),
        },
    }


def _kinds(endpoint: Endpoint) -> Iterator[Any]:
    for kind in (endpoint.data, endpoint.answers, endpoint.query):
        if kind is not None and kind is not bytes:
            yield kind


def _operation(endpoint: Endpoint, named: dict[Any, Json]) -> Json:
    text = inspect.getdoc(endpoint.handler) or ""
    summary, _, description = text.partition("\n")
    rule = access.rule_of(endpoint.method, endpoint.path)
    operation: Json = {
        "operationId": f"{endpoint.tag.lower().replace(' ', '_')}_{endpoint.handler.__name__}",
        "tags": [endpoint.tag],
        "summary": summary.rstrip("."),
        "description": "\n\n".join(filter(None, (description.strip(), _who(rule)))),
        "security": _security(rule),
        "parameters": [*_path_parameters(endpoint), *_query_parameters(endpoint), *_headers(endpoint)],
        "responses": _responses(endpoint, named),
    }
    if body := _body(endpoint, named):
        operation["requestBody"] = body
    return operation


def _who(rule: Rule) -> str:
    if rule.public:
        return "Open to everybody."
    scopes = "any key" if rule.scopes is None else " or ".join(f"`{scope}`" for scope in sorted(rule.scopes))
    return f"Needs {scopes}" + (", or the customer's link." if rule.link else ".")


def _security(rule: Rule) -> list[Json]:
    if rule.public:
        return []
    keys: list[Json] = [{"key": [scope]} for scope in sorted(rule.scopes or ())] or [{"key": []}]
    return [*keys, {"link": []}] if rule.link else keys


def _schemes() -> Json:
    link = "`Authorization: Link <token>`: the customer's, for one return."
    return {
        "key": {"type": "http", "scheme": "bearer", "description": "A key of one store, with scopes."},
        "link": {"type": "apiKey", "in": "header", "name": "Authorization", "description": link},
    }


def _path_parameters(endpoint: Endpoint) -> list[Json]:
    names = _PARAMETER.findall(endpoint.path)
    found = [{"name": name, "in": "path", "required": True, "schema": {"type": "string"}} for name in names]
    return [one | {"description": _triggers(endpoint.path)} if one["name"] == "trigger" else one for one in found]


def _triggers(path: str) -> str:
    """What may be fired at this address, by whom and with which fields: as the machine of a new store has it."""
    by: dict[str, set[str]] = {}
    needs: dict[str, set[str]] = {}
    for row in shipped(path.split("/")[1].removesuffix("s")).transitions:
        people = set(row.by) - {"system"}
        if people and access.is_open(access.rules_of("POST", path, row.trigger)[-1]):
            by.setdefault(row.trigger, set()).update(people)
            needs.setdefault(row.trigger, set()).update(row.requires)
    told = []
    for trigger, people in by.items():
        fields = ", ".join(f"`{name}`" for name in sorted(needs[trigger]))
        told.append(f"`{trigger}` ({', '.join(sorted(people))}{f'; needs {fields}' if fields else ''})")
    return f"One of the store's own workflow. As shipped: {', '.join(told)}."


def _query_parameters(endpoint: Endpoint) -> list[Json]:
    found: list[Json] = []
    if endpoint.query is not None:
        schema = msgspec.json.schema_components([endpoint.query], ref_template=_REF)[1][endpoint.query.__name__]
        parts = schema["properties"].items()
        found = [{"name": name, "in": "query", "schema": part} for name, part in parts]
    if _is_page(endpoint):
        limit = {"type": "integer", "minimum": 1, "maximum": MAX_LIMIT, "default": DEFAULT_LIMIT}
        found.append({"name": "limit", "in": "query", "schema": limit})
        goes_on = "`next_cursor` of the page before, for the same address and filters."
        found.append({"name": "cursor", "in": "query", "description": goes_on, "schema": {"type": "string"}})
    for one in found:
        if one["schema"].get("type") != "array":
            one["allowEmptyValue"] = True  # an empty one is as good as none
    return found


def _headers(endpoint: Endpoint) -> list[Json]:
    names = ["Accept-Language"]
    if endpoint.method == "POST":
        names.append("Idempotency-Key")
    if endpoint.method != "GET":
        names.append("If-Match")
    return [
        {
            "name": name,
            "in": "header",
            "required": name == "Idempotency-Key" and endpoint.keyed,
            "description": _IN_HEADERS[name],
            "schema": {"type": "string"},
        }
        for name in names
    ]


def _body(endpoint: Endpoint, named: dict[Any, Json]) -> Json | None:
    if endpoint.body == "none":
        return None
    if endpoint.body == "json":
        content = {"schema": named[endpoint.data]}
        if (example := BODIES.get(f"{endpoint.method} {endpoint.path}")) is not None:
            content["example"] = example
        return {"required": True, "content": {"application/json": content}}
    kind = {"form": "multipart/form-data", "text": "text/plain", "stream": "application/octet-stream"}[endpoint.body]
    schema = _FILE_FORM if endpoint.body == "form" else {"type": "string"}
    return {"required": True, "content": {kind: {"schema": schema}}}


def _responses(endpoint: Endpoint, named: dict[Any, Json]) -> Json:
    good: Json = {"description": HTTPStatus(endpoint.status).phrase}
    if endpoint.answers is not None:
        schema = named.get(endpoint.answers, {"type": "string", "format": "binary"})
        good["content"] = {endpoint.media_type: {"schema": schema}}
    if endpoint.prefix == PREFIX and endpoint.answers is not None and not _is_page(endpoint):
        good["headers"] = {"ETag": {"$ref": "#/components/headers/ETag"}}
    found = {str(endpoint.status): good} | ({str(endpoint.also): good} if endpoint.also else {})
    if endpoint.answers is bytes and endpoint.prefix == PREFIX:
        found["304"] = {"description": "What If-None-Match names is what there is"}
    return found | {str(status): _ref(status) for status in _expected(endpoint)}


def _is_page(endpoint: Endpoint) -> bool:
    return getattr(endpoint.answers, "__origin__", None) is Page


def _expected(endpoint: Endpoint) -> list[int]:
    """The errors that this route can answer with by what it is."""
    rule = access.rule_of(endpoint.method, endpoint.path)
    found = [500, 503] + ([] if rule.public else [401, 403, 409])
    if rule.public and endpoint.prefix == PREFIX:
        found.append(429)
    if "{" in endpoint.path or endpoint.body != "none" or endpoint.query is not None:
        found.append(404)
    if endpoint.method != "GET":
        found += [400, 409, 412, 413, 415, 422]
    elif endpoint.query is not None or _is_page(endpoint):
        found += [400, 422]
    return sorted(set(found))


def _ref(status: int) -> Json:
    return {"$ref": f"#/components/responses/Problem{status}"}


def _problem_responses() -> Json:
    schema = {"$ref": _REF.format(name="Problem")}
    titles = dict(problems.STATUS.values()) | {500: "Internal error"}
    wait = {"headers": {"Retry-After": {"$ref": "#/components/headers/Retry-After"}}}
    return {
        f"Problem{status}": {"description": title, "content": {problems.MEDIA_TYPE: {"schema": schema}}}
        | (wait if status in _WAITS else {})
        for status, title in sorted(titles.items())
    }
