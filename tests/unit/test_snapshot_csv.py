"""Orders as CSV: from rows to the snapshot of the HTTP contract."""

from __future__ import annotations

import csv
import io
from pathlib import Path

from rma.domain.pricing import price
from rma.domain.snapshot import read_order
from rma.domain.snapshot_csv import COLUMNS, REQUIRED, snapshot

FIRST = {
    "number": "1001",
    "ordered_at": "2026-03-01T10:00:00+03:00",
    "currency": "TRY",
    "prices_include_tax": "true",
    "customer_email": "ayse@example.com",
    "groups": "vip | staff",
    "ship_to_country": "TR",
    "shipping": "29.90",
    "sku": "TS",
    "quantity": "3",
    "unit_price": "100.00",
    "attributes": "hygiene_opened|mixed",
    "promotion_code": "K10",
    "promotion_amount": "10.00",
    "tender": "card",
    "captured": "300.00",
    "delivered_at": "2026-03-05T10:00:00+03:00",
}
SECOND = {"number": "1001", "sku": "CAP", "quantity": "2", "unit_price": "50.00", "tags": "final-sale"}


def test_rows_become_a_snapshot_that_reads() -> None:
    """Two rows are one order of two lines, with what belongs to the whole order taken from the first."""
    found, sources, faults = snapshot([FIRST, SECOND])
    order = read_order(None, found)
    assert (faults, sources) == ([], (0, 1))
    assert [(line.id, line.sku, line.total) for line in order.lines] == [("1", "TS", 30000), ("2", "CAP", 10000)]
    assert order.groups == ("vip", "staff")
    assert order.lines[0].attributes == {"hygiene_opened": True, "mixed": True}
    assert order.lines[1].tags == ("final-sale",)
    assert order.person is not None
    assert order.person.email == "ayse@example.com"
    assert order.shipping is not None
    assert (order.shipping.amount, order.country) == (2990, "TR")


def test_a_promotion_covers_the_lines_that_name_it() -> None:
    """A promotion code on one row touches that line only; its amount stands once."""
    assert snapshot([FIRST, SECOND])[0]["promotions"][0]["lines"] == ["1"]
    both = snapshot([FIRST, SECOND | {"promotion_code": "K10"}])[0]
    assert [one["lines"] for one in both["promotions"]] == [["1", "2"]]


def test_a_delivery_holds_the_lines_that_stand_with_it() -> None:
    """Rows with a delivery make deliveries by their ids, of the whole line unless a number is given."""
    found, _, _ = snapshot([FIRST, SECOND | {"delivery_id": "d2", "shipped_at": "2026-03-06T10:00:00Z"}])
    assert [one["id"] for one in found["deliveries"]] == ["1", "d2"]
    assert found["deliveries"][0]["lines"] == [{"id": "1", "quantity": 3}]
    part, _, _ = snapshot([FIRST | {"delivered_quantity": "1"}])
    assert part["deliveries"][0]["lines"] == [{"id": "1", "quantity": 1}]
    none, _, _ = snapshot([FIRST | {"delivered_quantity": "0"}])
    assert none["deliveries"] == []


def test_a_row_without_a_line_adds_a_payment_only() -> None:
    """A second tender may stand on a row of its own."""
    gift = {"number": "1001", "payment_id": "p2", "tender": "gift_card", "captured": "29.90"}
    found, sources, _ = snapshot([FIRST, gift])
    assert [one["id"] for one in found["payments"]] == ["1", "p2"]
    assert (len(found["lines"]), sources) == (1, (0,))


def test_rows_that_contradict_each_other_are_named() -> None:
    """A later row that says something else of the whole order is a fault with the field's path."""
    _, _, faults = snapshot([FIRST, SECOND | {"customer_email": "x@example.com", "currency": "EUR"}])
    assert {fault.path for fault in faults} == {"customer.email", "currency"}


def test_a_text_that_is_no_number_is_left_for_the_reading_to_name() -> None:
    """What cannot be read stays as it is written, so that strict reading names its path."""
    found, _, _ = snapshot([FIRST | {"quantity": "three", "prices_include_tax": "perhaps"}])
    assert (found["lines"][0]["quantity"], found["prices_include_tax"]) == ("three", "perhaps")


def test_every_required_column_is_a_column() -> None:
    """The table of columns knows what a file must have."""
    assert set(REQUIRED) <= set(COLUMNS)


def test_the_documented_file_is_taken_and_every_column_is_documented(checkout: Path) -> None:
    """The how-to names each column, and its example reads as an order of two lines and two deliveries."""
    page = (checkout / "docs" / "how-to" / "import-orders.md").read_text(encoding="utf-8")
    assert [name for name in COLUMNS if f"`{name}`" not in page] == []
    example = page.partition("```csv\n")[2].partition("```")[0]
    order = read_order(None, snapshot(list(csv.DictReader(io.StringIO(example))))[0])
    assert [line.sku for line in order.lines] == ["TS-RED-M", "CAP-BLUE"]
    assert [delivery.id for delivery in order.deliveries] == ["d1", "d2"]
    assert price(order).total == order.payments[0].captured
