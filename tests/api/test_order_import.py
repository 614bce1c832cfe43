"""The import of orders over HTTP."""

from __future__ import annotations

import io
import json
import logging
import tracemalloc
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
import sqlalchemy as sa

from rma.services import logs
from rma.services.import_files import Report
from tests.support.snapshots import ndjson, snapshot

if TYPE_CHECKING:
    from tests.api.conftest import Api, Headers

LINES = {"Content-Type": "application/x-ndjson"}


def _keys(api: Api) -> Headers:
    return api.key("orders:read", "orders:write") | LINES


def test_a_file_of_orders_is_taken_and_reported(api: Api) -> None:
    """An import answers 200 with what was taken and what was not, by the documented schema."""
    keys = _keys(api)
    content = ndjson(snapshot(number="1"), "{", snapshot(number="2026/7"))
    answer = api.post("/orders/import", headers=keys, content=content)
    assert answer.status_code == 200, answer.text
    report = msgspec.convert(answer.json(), Report)
    assert (report.imported, report.failed, report.errors[0].line) == (2, 1, 2)
    assert api.get("/orders", keys, params={"number": "2026/7"}).json()["items"][0]["number"] == "2026/7"


def test_an_import_is_done_once_for_its_key(api: Api) -> None:
    """The same key and file is answered with the same bytes; another file under that key is refused."""
    keys = _keys(api) | {"Idempotency-Key": "file-1"}
    first = api.post("/orders/import", headers=keys, content=ndjson(snapshot(number="1")))
    again = api.post("/orders/import", headers=keys, content=ndjson(snapshot(number="1")))
    assert (again.content, again.headers["idempotency-replayed"]) == (first.content, "true")
    other = api.post("/orders/import", headers=keys, content=ndjson(snapshot(number="2")))
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")


def test_csv_is_told_by_its_content_type(api: Api) -> None:
    """text/csv is read as CSV, with a charset behind it too; another type is 415, a bad header 422."""
    keys = _keys(api)
    csv = b"number,ordered_at,currency,prices_include_tax,sku,quantity,unit_price\n"
    csv += b"1,2026-03-01T10:00:00Z,TRY,yes,A,1,5.00\n"
    typed = keys | {"Content-Type": "text/csv; charset=utf-8"}
    assert api.post("/orders/import", headers=typed, content=csv).json()["imported"] == 1
    assert api.post("/orders/import", headers=typed, content=b"a,b\n1,2\n").status_code == 422
    assert api.post("/orders/import", headers=keys | {"Content-Type": "text/plain"}, content=csv).status_code == 415


HEADER = "number,ordered_at,currency,prices_include_tax,sku,quantity,unit_price,name"
ROW = "{},2026-03-01T10:00:00Z,TRY,true,A,1,5.00,{}"


@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
def test_a_file_in_another_encoding_is_told_so(api: Api) -> None:
    """UTF-16 and a header in Windows-1254 refuse the file, a row in it its order, a declared charset the request."""
    keys = _keys(api)
    text = "\n".join((HEADER, ROW.format("1", "A"), ROW.format("2", "Tişört"), ROW.format("3", "B")))

    def load(content: bytes, media_type: str = "text/csv") -> Any:
        return api.post("/orders/import", headers=keys | {"Content-Type": media_type}, content=content)

    for content, seems in (
        (text.encode("utf-16"), "UTF-16"),
        (text.encode("utf-16-be"), "UTF-16"),
        (text.replace("name", "ürün").encode("cp1254"), "Windows-1254"),
    ):
        refused = load(content)
        assert (refused.status_code, refused.json()["code"]) == (422, "not_utf8"), refused.text
        assert seems in refused.json()["detail"]
        assert "as UTF-8" in refused.json()["detail"]
    one = ndjson(snapshot(number="4")).decode().replace("\\u", "").strip() + "ş\n"
    for content, seems in ((one.encode("utf-16"), "UTF-16"), (one.encode("cp1254"), "Windows-1254")):
        refused = load(content, "application/x-ndjson")
        assert (refused.status_code, refused.json()["code"]) == (422, "not_utf8"), refused.text
        assert seems in refused.json()["detail"]
    report = load(text.encode("iso8859-9")).json()
    assert (report["imported"], [(one["line"], one["number"]) for one in report["errors"]]) == (2, [(3, "2")])
    assert "as UTF-8" in report["errors"][0]["message"]
    line = ndjson(snapshot(number="4")).decode()
    declared = load(line.encode("utf-16"), "application/x-ndjson; charset=UTF-16")
    assert (declared.status_code, "UTF-8" in declared.json()["detail"]) == (415, True)


@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
def test_no_row_of_a_csv_file_stops_the_rest_and_no_header_takes_long(api: Api) -> None:
    """A huge cell, an open quote before one and a bare carriage return spoil their orders; a wide header its file."""
    keys = _keys(api) | {"Content-Type": "text/csv"}
    huge = "x" * 140_000
    rows = [
        ROW.format("1", "A"), ROW.format("2", huge), ROW.format("3", "A"), ROW.format("4", '"' + huge),
        ROW.format("5", "a\rb"), ROW.format("6", "A"),
    ]  # fmt: skip
    report = api.post("/orders/import", headers=keys, content="\n".join((HEADER, *rows)).encode()).json()
    assert (report["imported"], [one["number"] for one in report["errors"]]) == (3, ["2", "4", "5"])
    wide = ",".join(f"c{number}" for number in range(120_000)).encode()
    refused = api.post("/orders/import", headers=keys, content=wide)
    assert (refused.status_code, refused.json()["code"]) == (422, "too_many_columns"), refused.text[:200]


def test_a_row_that_the_database_refuses_is_not_in_the_log(api: Api) -> None:
    """The line of the log has the request, the store and what was broken; nothing of the order."""
    with api.services.database.write() as work:
        if work.dialect.name == "sqlite":
            rule = "CREATE TRIGGER no_two BEFORE INSERT ON orders BEGIN SELECT RAISE(ABORT, 'no'); END"
        else:
            rule = "ALTER TABLE orders ADD CONSTRAINT no_two CHECK (number <> '2')"
        work.conn.execute(sa.text(rule))
    said = io.StringIO()
    handler = logging.StreamHandler(said)
    handler.setFormatter(logs.Lines())
    logging.getLogger("rma").addHandler(handler)
    try:
        answer = api.post(
            "/orders/import", headers=_keys(api) | {"X-Request-Id": "r-7"}, content=ndjson(snapshot(number="2"))
        )
    finally:
        logging.getLogger("rma").removeHandler(handler)
    assert answer.json()["failed"] == 1
    line = json.loads(said.getvalue())
    assert (line["request_id"], line["store"], line["level"]) == ("r-7", "shop", "error")
    broken = "CheckViolation 23514, constraint no_two, table orders"
    assert api.services.database.is_sqlite or line["error"]["database"] == broken
    assert not [one for one in ("ayse", "yılmaz", "moda") if one in said.getvalue().lower()]


def test_an_empty_file_imports_nothing(api: Api) -> None:
    """No line is no fault."""
    answer = api.post("/orders/import", headers=_keys(api), content=b"")
    assert answer.json() == {
        "imported": 0, "updated": 0, "unchanged": 0, "failed": 0, "errors": [], "conflicts": [],
    }  # fmt: skip


def test_reading_is_not_enough_to_import(api: Api) -> None:
    """An import needs orders:write."""
    keys = api.key("orders:read") | LINES
    assert api.post("/orders/import", headers=keys, content=b"").status_code == 403


@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
def test_a_file_is_never_whole_in_memory(api: Api) -> None:
    """Of 24 MB that come in pieces less than 4 MB are held at once: while they come, are hashed, read and reported."""
    for path in ("/api/v1/orders/import", "/api/v1/products/import"):
        peak, report = _peak(api, path, pieces=120)
        assert (report["failed"], peak < 4_000_000) == (240, True), (path, peak, report["failed"])


def _peak(api: Api, path: str, *, pieces: int) -> tuple[int, Any]:
    """The most bytes of memory that an import of so many pieces of 200 kB takes at once, and its report."""
    numbers = iter(range(1, pieces + 1))
    said: list[Any] = []
    headers = {**api.key("orders:write"), **LINES, "Idempotency-Key": "large"}

    async def receive() -> Any:
        return {"type": "http.request", "body": (b"x" * 99_999 + b"\n") * 2, "more_body": next(numbers) < pieces}

    async def send(message: Any) -> None:
        said.append(message)

    scope = {
        "type": "http", "method": "POST", "path": path, "raw_path": path.encode(), "query_string": b"", "root_path": "",
        "headers": [(name.lower().encode(), value.encode()) for name, value in headers.items()], "client": ("me", 1),
        "server": ("here", 80), "scheme": "http", "http_version": "1.1", "state": {},
    }  # fmt: skip
    app: Any = api.client.app
    tracemalloc.start()
    try:
        api.client.blocking_portal.call(app, scope, receive, send)
        return tracemalloc.get_traced_memory()[1], json.loads(said[1]["body"])
    finally:
        tracemalloc.stop()
