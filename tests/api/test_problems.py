"""Whatever goes wrong is a problem by RFC 9457 and never a trace."""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from rma import errors
from rma.api import problems, stores
from rma.api.http import Call, ok
from rma.api.routing import Routes
from rma.errors import FieldError, Reason
from rma.services.idempotency import Answer

if TYPE_CHECKING:
    from tests.api.conftest import Api

probe = Routes(tag="Probe")


class Line(msgspec.Struct, forbid_unknown_fields=True):
    """A line."""

    quantity: int
    note: str | None = None


class Body(msgspec.Struct, forbid_unknown_fields=True):
    """A body with lines."""

    lines: list[Line]
    anything: dict[str, Any] = {}


class Filters(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Filters of a list."""

    state: str | None = None
    amount_min: int | None = None
    tag: list[str] = []


@probe.post("/returns/quote", writes=False)
def quote(_call: Call, data: Body) -> Answer:
    """Say how many."""
    return ok({"sum": sum(line.quantity for line in data.lines)})


@probe.get("/returns", query=Filters)
def listing(call: Call) -> Answer:
    """Break, or say what was asked."""
    filters = call.query(Filters)
    if filters.state == "broken":
        raise RuntimeError("a secret of ours")
    return ok({"filters": filters, "locale": call.locale})


@probe.post("/returns/{id}/evidence", body="form", writes=False)
def evidence(call: Call) -> Answer:
    """Say what came."""
    upload = call.files["file"]
    return ok({"size": len(upload.file.read()), "name": upload.filename, **call.form})


@probe.post("/products/import", body="stream", writes=False)
def stream(call: Call) -> Answer:
    """Count the lines."""
    assert call.file is not None
    return ok({"lines": sum(1 for _ in call.file)})


@pytest.fixture
def served() -> Sequence[Routes]:
    """The probe, with what makes keys."""
    return (stores.routes, probe)


@pytest.fixture(params=["sqlite"])
def database_kind(request: pytest.FixtureRequest) -> str:
    """One kind is enough here: nothing is written."""
    return str(request.param)


def _send(api: Api, body: bytes, media_type: str = "application/json") -> Any:
    headers = api.key("returns:write") | {"Content-Type": media_type}
    return api.client.post("/api/v1/returns/quote", content=body, headers=headers)


@pytest.mark.parametrize(
    ("body", "paths"),
    [
        (b'{"lines": [{"quantity": "1"}]}', ["lines[0].quantity"]),
        (b'{"lines": [{"quantity": 1.5}, {"quantity": 1, "colour": 1}]}', ["lines[0].quantity", "lines[1].colour"]),
        (b'{"lines": [{}], "x": 1}', ["lines[0].quantity", "x"]),
        (b'{"lines": [{"quantity": 1, "note": "a\\u0000b"}]}', ["lines[0].note"]),
        (b"{}", ["lines"]),
        (b"", ["lines"]),
        (b"[]", [""]),
        (b"null", [""]),
    ],
)
def test_wrong_fields_are_named_by_path(api: Api, body: bytes, paths: list[str]) -> None:
    """Wrong types, unknown and missing fields are 422 with the path of each of them."""
    answer = _send(api, body)
    assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json")
    assert sorted(error["path"] for error in answer.json()["errors"]) == paths
    assert answer.json()["status"] == 422


@pytest.mark.parametrize(
    "body",
    [
        b'{"lines": ',
        b"\xff\xfe",
        b"\xef\xbb\xbf{}",
        b'{"lines": [{"quantity": NaN}]}',
        b"{} {}",
        b'{"lines": [], "x": "\\ud800"}',
    ],
)
def test_what_cannot_be_read_is_400(api: Api, body: bytes) -> None:
    """Broken JSON and broken UTF-8 are unreadable, not invalid."""
    answer = _send(api, body)
    assert (answer.status_code, answer.json()["code"]) == (400, "unreadable")
    marked = body.startswith((b"\xef\xbb\xbf", b"\xff\xfe"))
    assert ("byte order mark" in answer.json()["detail"]) == marked


def test_no_answer_names_faults_without_end(api: Api) -> None:
    """Of ten thousand faulty lines a hundred are named, and the answer says that there are more."""
    for body in (b'{"lines": [' + b"{}," * 10_000 + b"{}]}", b'{"a":1,' + b'"a":1,' * 9 + b'"lines":[]}'):
        answer = _send(api, body).json()
        many = b"{}," in body
        assert (len(answer["errors"]), "more than 100" in answer["detail"]) == ((100, True) if many else (1, False))


def test_json_has_a_depth_and_a_size(api: Api) -> None:
    """Deeply nested and large bodies are refused before they are read into anything; brackets in texts do not count."""
    deep = b'{"lines": [], "anything": {"a": ' + b"[" * 5_000 + b"]" * 5_000 + b"}}"
    assert (_send(api, deep).status_code, _send(api, deep).json()["code"]) == (400, "too_deep")
    flat = json.dumps({"lines": [{"quantity": 1, "note": '[{"\\' * 50}] * 50}).encode()
    assert _send(api, flat).json() == {"sum": 50}
    large = b'{"lines": [' + b" " * 1_000_001 + b"]}"
    assert (_send(api, large).status_code, _send(api, large).json()["code"]) == (413, "too_large")
    unclosed = b"[" * 33 + b'"' + b'\\"' * 490_000  # a search that begins anew at each quote needs an hour for it
    assert _send(api, unclosed).json()["code"] == "too_deep"


def test_a_body_of_another_kind_is_415(api: Api) -> None:
    """Only JSON is read as JSON."""
    assert _send(api, b"a=1", "application/x-www-form-urlencoded").status_code == 415
    assert _send(api, b'{"lines": []}', "application/json; charset=utf-8").status_code == 200


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/api/v1/nothing", 404),
        ("GET", "/nothing/at/all", 404),
        ("DELETE", "/api/v1/returns", 405),
        ("TRACE", "/api/v1/returns", 405),
        ("GET", "/api/v1/returns/%00", 404),
        ("GET", "/static/../../pyproject.toml", 404),
    ],
)
def test_what_the_framework_refuses_is_a_problem_too(api: Api, method: str, path: str, status: int) -> None:
    """Unknown addresses and methods answer like everything else."""
    answer = api.client.request(method, path)
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
    assert {"type", "title", "status", "detail", "code"} <= answer.json().keys()
    if status == 405:
        assert "GET" in answer.headers["allow"]


def test_an_address_that_no_database_can_hold_is_not_found(api: Api) -> None:
    """The character NUL in an address is 404."""
    assert api.get("/stores/a%00b", api.key("admin")).status_code == 404


def test_a_fault_of_ours_tells_nothing_and_is_logged(api: Api, caplog: pytest.LogCaptureFixture) -> None:
    """An unexpected error is 500 without its text; the log has the trace."""
    with caplog.at_level(logging.ERROR):
        answer = api.get("/returns?state=broken", api.key("returns:read"))
    assert (answer.status_code, answer.json()["code"]) == (500, "internal_error")
    assert "secret of ours" not in answer.text
    assert "a secret of ours" in caplog.text


@pytest.mark.parametrize(
    ("query", "path"), [("colour=red", "colour"), ("amount_min=ten", "amount_min"), ("state=a%00", "state")]
)
def test_query_parameters_are_read_strictly(api: Api, query: str, path: str) -> None:
    """Unknown, ill-typed and unstorable parameters are named."""
    answer = api.get(f"/returns?{query}", api.key("returns:read"))
    assert (answer.status_code, [error["path"] for error in answer.json()["errors"]]) == (422, [path])


def test_query_parameters_are_typed(api: Api) -> None:
    """Numbers, lists and Turkish letters arrive; ``limit`` and ``cursor`` belong to the page."""
    answer = api.get("/returns?amount_min=5&tag=a&tag=ş&limit=3&state=", api.key("returns:read")).json()
    assert answer["filters"] == {"state": None, "amount_min": 5, "tag": ["a", "ş"]}
    assert api.get("/returns?state=%ff", api.key("returns:read")).status_code == 400


@pytest.mark.parametrize(
    ("wish", "got"),
    [
        (None, "tr"),
        ("de-AT,en;q=0.5", "de"),
        ("fr, en;q=0.1, de;q=0.9", "de"),
        ("fr", "tr"),
        ("en;q=0", "tr"),
        (";;,", "tr"),
    ],
)
def test_the_language_is_the_readers(api: Api, wish: str | None, got: str) -> None:
    """The best of our languages in Accept-Language, else the store's."""
    headers = api.key("returns:read") | ({} if wish is None else {"Accept-Language": wish})
    assert api.get("/returns", headers).json()["locale"] == got


def test_files_and_streams_come_as_files(api: Api) -> None:
    """A form gives its file and texts, a stream its lines; another content type is refused."""
    key = api.key("returns:write", "orders:write")
    files = {"file": ("zarar.jpg", b"\xff\xd8" * 1000, "image/jpeg")}
    form = api.client.post("/api/v1/returns/r/evidence", files=files, data={"note": "kırık"}, headers=key)
    assert form.json() == {"size": 2000, "name": "zarar.jpg", "note": "kırık"}
    assert api.client.post("/api/v1/returns/r/evidence", json={}, headers=key).status_code == 415
    lines = api.client.post("/api/v1/products/import", content=b"{}\n" * 1000, headers=key)
    assert lines.json() == {"lines": 1000}


def test_a_form_has_a_size(api: Api) -> None:
    """A form over the limit is 413."""
    files = {"file": ("big.jpg", b"x" * 16_500_000, "image/jpeg")}
    answer = api.client.post("/api/v1/returns/r/evidence", files=files, headers=api.key("returns:write"))
    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")


def test_every_error_class_has_a_status() -> None:
    """No class of the error tree falls through to a 500."""
    tree = [errors.RmaError]
    for cls in tree:
        tree.extend(cls.__subclasses__())
    assert set(problems.STATUS) == set(tree) - {errors.RmaError}


def test_a_refusal_says_why_and_what_is_allowed() -> None:
    """Reasons and allowed triggers stand in the problem; a rate limit says when to come back."""
    refused = errors.Refused("no", reasons=[Reason("window", "late", "geç", "MSY m.9")], allowed=["cancel"])
    told = json.loads(problems.answer(refused).body)
    assert told["reasons"] == [{"rule": "window", "code": "late", "text": "geç", "article": "MSY m.9"}]
    assert (told["allowed"], told["status"]) == (["cancel"], 409)
    limited = problems.answer(errors.RateLimited("slow", retry_after=7))
    assert (limited.status, dict(limited.headers)[b"retry-after"]) == (429, b"7")
    named = problems.answer(errors.Invalid("x", errors=[FieldError("a", "b", "c")]))
    assert json.loads(named.body)["errors"] == [{"path": "a", "code": "b", "message": "c"}]
