"""Files of orders: what is good is stored, what is bad is named, and neither touches the other."""

from __future__ import annotations

import io
import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from rma.app import create_services
from rma.db import tables
from rma.db.session import Database
from rma.errors import Invalid, UnsupportedMedia
from rma.services import import_files, order_import, orders, stores
from rma.services.caller import Caller
from rma.services.context import Services
from rma.services.import_files import Report
from rma.settings import Settings
from tests.support.snapshots import line, money, ndjson, snapshot

LINES = "application/x-ndjson"
_orders = tables.table(tables.Order)
_events = tables.table(tables.Event)


class Shop:
    """A store to import into."""

    def __init__(self, services: Services) -> None:
        self.services = services
        new = stores.NewStore(
            slug="shop", name="Shop", country="TR", timezone="Europe/Istanbul", currency="TRY", locale="tr"
        )
        with services.database.write() as work:
            row = stores.create(work, new)
        self.caller = Caller(store_id=row.id, store_slug="shop", currency="TRY", timezone="Europe/Istanbul")

    def load(self, content: bytes, media_type: str = LINES, **more: Any) -> Report:
        """Import this content."""
        return order_import.load(self.services, self.caller, io.BytesIO(content), media_type=media_type, **more)

    def put(self, number: str, body: bytes) -> orders.Outcome:
        """Take one snapshot."""
        return orders.put(self.services, self.caller, number, body)

    def rows(self) -> dict[str, Any]:
        """Orders by number."""
        with self.services.database.read() as work:
            return {row.number: row for row in work.conn.execute(sa.select(*_orders.columns))}

    def chains(self) -> dict[str, list[int]]:
        """The numbers of each order's events, in the order of its chain."""
        found: dict[str, list[int]] = {}
        with self.services.database.read() as work:
            wanted = sa.select(_events.c.stream, _events.c.n)
            for row in work.conn.execute(wanted.order_by(_events.c.stream, _events.c.n)):
                found.setdefault(row.stream, []).append(row.n)
        return found


@pytest.fixture
def shop(database_url: str, tmp_path: Path) -> Iterator[Shop]:
    """A store on each kind of database."""
    services = create_services(Settings(data_dir=tmp_path), database=Database(database_url))
    yield Shop(services)
    services.close()


def _order(number: str, **more: Any) -> dict[str, Any]:
    return snapshot(number=number, **more)


def test_a_bad_line_stops_none_of_the_others(shop: Shop) -> None:
    """Broken JSON, wrong fields and a missing number are reported with line, number and path; the rest is stored."""
    content = ndjson(
        _order("1"),
        "{broken",
        _order("2", lines=[line(quantity=0)]),
        "",
        snapshot(),
        _order("3", lines=[line(unit_price=money("1.00", "EUR")), line("2", tax_rate="abc")]),
        _order("x" * 129),
        '"text"',
        _order("4"),
    )
    report = shop.load(content)
    assert (report.imported, report.failed) == (2, 6)
    assert set(shop.rows()) == {"1", "4"}
    assert [(fault.line, fault.path) for fault in report.errors] == [
        (2, ""),
        (3, "lines[0].quantity"),
        (5, "number"),
        (6, "lines[0].unit_price.currency"),
        (7, "number"),
        (8, ""),
    ]
    assert [error.path for error in report.errors[3].errors] == ["lines[0].unit_price.currency", "lines[1].tax_rate"]


def test_other_encodings_and_bottomless_lines_are_reported(shop: Shop) -> None:
    """A file in UTF-16 or Windows-1254 is refused; of one with such a line, or of brackets, what is right is stored."""
    text = json.dumps(_order("1", customer={"reference": "c", "name": "Ayşe"}), ensure_ascii=False)
    for encoding, told in (("utf-16", "UTF-16"), ("cp1254", "Windows-1254")):
        with pytest.raises(Invalid, match=told):
            shop.load(text.encode(encoding))
    with pytest.raises(Invalid, match="UTF-16"):
        shop.load(_csv(ROW.format("1", "a", 1)).decode().encode("utf-16"), "text/csv")
    deep = b'{"number": "2", "lines": ' + b"[" * 100_000 + b"]" * 100_000 + b"}"
    report = shop.load(b"\n".join((ndjson(_order("3")).strip(), text.encode("cp1254"), deep)))
    assert [(fault.line, fault.path) for fault in report.errors] == [(2, ""), (3, "")]
    assert set(shop.rows()) == {"3"}


def test_a_file_again_changes_nothing(shop: Shop) -> None:
    """The same file a second time is counted as unchanged and writes no event."""
    content = ndjson(*(_order(str(number)) for number in range(5)))
    first, second = shop.load(content), shop.load(content)
    assert (first.imported, second.imported, second.unchanged) == (5, 0, 5)
    assert all(numbers == [1] for stream, numbers in shop.chains().items() if stream.startswith("ord_"))


def test_an_order_twice_in_a_file_is_merged(shop: Shop) -> None:
    """The second snapshot of a number in one file is merged into the first, as if it had come later."""
    report = shop.load(ndjson(_order("1"), _order("2"), _order("1", points_earned=3)))
    assert (report.imported, report.updated) == (2, 1)
    assert shop.rows()["1"].version == 2


def test_batches_and_their_progress(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file larger than a batch is stored whole, and progress tells every line once."""
    monkeypatch.setattr(import_files, "BATCH", 4)
    told: list[int] = []
    report = shop.load(ndjson(*(_order(str(number)) for number in range(10))), tick=told.append)
    assert (report.imported, sum(told)) == (10, 10)
    assert len(told) == 3


def test_what_the_database_does_not_take_stops_only_itself(shop: Shop, caplog: pytest.LogCaptureFixture) -> None:
    """When a batch fails in the database, its lines are stored one by one and only the bad one is reported.

    The log says which rule of the database it broke, and nothing of the row.
    """
    with shop.services.database.write() as work:
        if work.dialect.name == "sqlite":
            text = "CREATE TRIGGER no_two BEFORE INSERT ON orders WHEN new.number = '2'"
            text += " BEGIN SELECT RAISE(ABORT, 'no'); END"
        else:
            text = "ALTER TABLE orders ADD CONSTRAINT no_two CHECK (number <> '2')"
        work.conn.execute(sa.text(text))
    report = shop.load(ndjson(_order("1"), _order("2"), _order("3")))
    assert set(shop.rows()) == {"1", "3"}
    assert [(fault.line, fault.number, fault.code) for fault in report.errors] == [(2, "2", "not_stored")]
    assert ("23514, constraint no_two, table orders" if not shop.services.database.is_sqlite else "no") in caplog.text
    assert not [said for said in ("ayse", "yılmaz", "moda", "ts-red-m") if said in caplog.text.lower()]


def test_a_line_without_end_is_passed_over(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """A line above the limit is reported and skipped without reading it whole."""
    monkeypatch.setattr(import_files, "MAX_LINE", 3_000)
    report = shop.load(ndjson(_order("1"), "x" * 20_000, _order("2")))
    assert [(fault.line, fault.code) for fault in report.errors] == [(2, "too_large")]
    assert set(shop.rows()) == {"1", "2"}


def test_other_types_are_not_taken(shop: Shop) -> None:
    """A file that is neither NDJSON nor CSV is refused before it is read."""
    with pytest.raises(UnsupportedMedia):
        shop.load(b"{}", "application/json")


HEADER = "number,ordered_at,currency,prices_include_tax,customer_email,line_id,sku,quantity,unit_price"
ROW = "{},2026-03-01T10:00:00Z,TRY,true,a@example.com,{},TS,{},100.00"


def _csv(*rows: str, header: str = HEADER) -> bytes:
    return ("\ufeff" + "\r\n".join([header, *rows])).encode()


def test_rows_of_one_order_stand_together(shop: Shop) -> None:
    """CSV rows become orders; cells may be quoted and the file may begin with a byte order mark."""
    report = shop.load(_csv(ROW.format("1", "a", 1), '"1",,,,,b,"Ş, ""x""",2,5.00', ROW.format("2", "", 3)), "text/csv")
    assert (report.imported, report.errors) == (2, [])
    assert '"sku":"Ş, \\"x\\""' in shop.rows()["1"].doc


def test_semicolons_separate_too(shop: Shop) -> None:
    """A file whose first line is separated by semicolons is read so."""
    rows = [ROW.format("1", "a", 1).replace(",", ";")]
    assert shop.load(_csv(*rows, header=HEADER.replace(",", ";")), "text/csv").imported == 1


def test_a_bad_row_spoils_its_own_order_only(shop: Shop) -> None:
    """A wrong value, a broken quote, a missing cell and bytes that are no text each refuse one order, by its row."""
    rows = [
        ROW.format("1", "a", 1),
        ROW.format("2", "a", 1),
        ROW.format("2", "b", "two"),
        ROW.format("3", "a", 1),
        '3,,,,,"b,TS,1,1.00',
        ROW.format("4", "a", 1),
        "4,,,,,b,TS,1",
        ROW.format("5", "a", 1),
    ]
    content = _csv(*rows) + b"\r\n6,2026-03-01T10:00:00Z,TRY,true,,a,\xff,1,1.00\r\n" + ROW.format("7", "a", 1).encode()
    report = shop.load(content, "text/csv")
    assert set(shop.rows()) == {"1", "5", "7"}
    assert [(fault.line, fault.number) for fault in report.errors] == [(4, "2"), (6, "3"), (8, "4"), (10, "6")]
    assert report.errors[0].path == "lines[1].quantity"


def test_a_row_whose_order_is_lost_spoils_its_neighbours(shop: Shop) -> None:
    """A row that does not even tell its order may belong to the one before or after: neither is stored in part."""
    report = shop.load(
        _csv(ROW.format("1", "a", 1), '"2,a', ROW.format("3", "a", 1), ROW.format("4", "a", 1)), "text/csv"
    )
    assert set(shop.rows()) == {"4"}
    assert [fault.line for fault in report.errors] == [3, 4]


def test_rows_that_stand_apart_are_not_taken_for_the_order(shop: Shop) -> None:
    """Later rows of an order that was complete already are reported, and do not replace its lines."""
    report = shop.load(_csv(ROW.format("1", "a", 1), ROW.format("2", "a", 1), ROW.format("1", "b", 1)), "text/csv")
    assert report.imported == 2
    assert [(fault.line, fault.code) for fault in report.errors] == [(4, "not_together")]


@pytest.mark.parametrize(
    ("header", "path"),
    [(HEADER + ",colour", "colour"), (HEADER + ",sku", "sku"), (HEADER.replace(",sku", ""), "sku")],
)
def test_columns_that_cannot_be_right_refuse_the_file(shop: Shop, header: str, path: str) -> None:
    """An unknown, doubled or missing column is named before anything is stored."""
    with pytest.raises(Invalid) as refused:
        shop.load(_csv(header=header), "text/csv")
    assert path in [error.path for error in refused.value.errors]


def _at_once(count: int, act: Any) -> list[Any]:
    barrier = threading.Barrier(count)

    def run(index: int) -> Any:
        barrier.wait()
        return act(index)

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(run, range(count)))


def test_the_same_new_order_at_once_is_one_order(shop: Shop) -> None:
    """Threads that put one new order at the same time make one row; each change is merged and told once."""
    bodies = [ndjson(snapshot(payments=[_payment(index)])) for index in range(6)]
    outcomes = _at_once(6, lambda index: shop.put("1", bodies[index]))
    assert sorted(outcome.result for outcome in outcomes) == ["changed"] * 5 + ["new"]
    row = shop.rows()["1"]
    assert (row.version, shop.chains()[row.id]) == (6, [1, 2, 3, 4, 5, 6])
    assert all(f'"pay-{index}"' in row.doc for index in range(6))


def test_two_imports_of_the_same_orders_at_once_lose_nothing(shop: Shop) -> None:
    """Imports of the same orders in opposite order, with other payments, end with every order whole and no failure."""
    numbers = [str(number) for number in range(60)]

    def act(index: int) -> Report:
        ordered = numbers if index % 2 else numbers[::-1]
        return shop.load(ndjson(*(_order(number, payments=[_payment(index)]) for number in ordered)))

    reports = _at_once(4, act)
    assert [report.failed for report in reports] == [0] * 4
    assert sum(report.imported for report in reports) == 60
    rows = shop.rows()
    chains = shop.chains()
    assert all(chains[row.id] == list(range(1, 5)) for row in rows.values())
    assert all(f'"pay-{index}"' in row.doc for row in rows.values() for index in range(4))


def _payment(index: int) -> dict[str, Any]:
    return {"id": f"pay-{index}", "tender": "card", "captured": money("1.00")}
