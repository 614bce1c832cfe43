"""Reading and cleaning the real invoices."""

from __future__ import annotations

import gzip
from decimal import Decimal
from pathlib import Path

import msgspec
import pytest

from rma.demo import excerpt
from rma.demo.retail import COLUMNS, Row, clean, kind_of, parse_rows, read_rows
from rma.errors import Invalid, Unreadable

HEADER = ",".join(COLUMNS)


def rows(*lines: str) -> list[Row]:
    """Rows of invoice,sku,quantity,price,customer with the rest filled in."""
    full = []
    for line in lines:
        invoice, sku, quantity, price, customer = line.split(",")
        full.append(
            f"{invoice},{sku}, Name  of {sku} ,{quantity},2009-12-01 07:45:00,{price},{customer},United Kingdom"
        )
    return list(parse_rows([HEADER, *full]))


def test_same_sku_and_price_is_one_line() -> None:
    """Rows of one sku at one price on one invoice become one line; another price is a line of its own."""
    sale = clean(rows("1,22041,3,2.10,7", "1,22041,4,2.10,7", "1,22041,1,1.95,7")).sales[0]
    assert [(line.id, line.quantity, line.price) for line in sale.lines] == [
        ("1", 7, Decimal("2.10")),
        ("2", 1, Decimal("1.95")),
    ]
    assert sale.lines[0].name == "Name of 22041"


def test_every_row_left_out_is_counted() -> None:
    """What is no sale of goods to a known customer is left out under its code, and nothing else is."""
    cleaned = clean(
        rows(
            "1,22041,3,2.10,7",
            "1,M,1,5.00,7",
            "1,22042,1,0.0,7",
            "2,22041,-9,1.00,",
            "3,22041,1,1.00,",
            "4,gift_0001_20,1,17.39,8",
            "5,POST,1,18.00,8",
            "C6,M,1,373.57,",
            "C7,22041,-1,0.0,7",
        )
    )
    assert [sale.number for sale in cleaned.sales] == ["1"]
    assert cleaned.credits == ()
    assert cleaned.dropped == {
        "credit_positive": 1,
        "no_customer": 1,
        "not_goods": 2,
        "price_zero": 2,
        "without_goods": 1,
        "write_off": 1,
    }


def test_postage_and_discount_are_amounts_of_the_sale() -> None:
    """POST lines add up to postage, D lines to a discount that never exceeds the goods."""
    sale = clean(rows("1,22041,2,3.00,7", "1,POST,2,18.00,7", "1,D,-1,9.00,7")).sales[0]
    assert (sale.postage, sale.discount) == (Decimal("36.00"), Decimal("6.00"))


@pytest.mark.parametrize(
    ("sku", "kind"),
    [
        ("22041", "goods"),
        ("79323P", "goods"),
        ("DCGS0058", "goods"),
        ("POST", "postage"),
        ("D", "discount"),
        ("M", "not_goods"),
        ("m", "not_goods"),
        ("BANK CHARGES", "not_goods"),
        ("AMAZONFEE", "not_goods"),
        ("gift_0001_20", "not_goods"),
        ("ADJUST", "not_goods"),
        ("TEST001", "not_goods"),
    ],
)
def test_what_a_stock_code_stands_for(sku: str, kind: str) -> None:
    """Codes that are no goods are told apart from goods."""
    assert kind_of(sku) == kind


def test_a_bad_row_is_named() -> None:
    """A row that cannot be right is refused with its number; a wrong header too."""
    with pytest.raises(Invalid) as caught:
        rows("1,22041,3,2.10,7", "1,22041,three,2.10,7")
    assert caught.value.errors[0].path == "rows[2]"
    with pytest.raises(Invalid):
        list(parse_rows(["a,b,c"]))


def test_broken_files_are_unreadable(tmp_path: Path) -> None:
    """A file that is no gzip, or is cut short, is Unreadable and not a trace."""
    whole = gzip.compress(f"{HEADER}\n".encode())
    for name, raw in (("plain.csv.gz", b"no gzip"), ("short.csv.gz", whole[:-12])):
        (tmp_path / name).write_bytes(raw)
        with pytest.raises(Unreadable):
            read_rows(tmp_path / name)


def test_the_shipped_excerpt_is_whole_and_attributed() -> None:
    """The excerpt in the package can be read, has the promised size and says where it comes from."""
    found = read_rows(excerpt.shipped())
    cleaned = clean(found)
    assert len({row.invoice for row in found}) > 300
    assert len(cleaned.credits) > 100
    notice = (excerpt.shipped().parent / "README.md").read_text(encoding="utf-8")
    assert "Chen, Daqing (2019)" in notice
    assert "CC BY 4.0" in notice


def test_writing_rows_and_reading_them_gives_the_same(tmp_path: Path) -> None:
    """An excerpt written twice is the same bytes and reads back as the same rows."""
    found = tuple(rows("1,22041,3,2.10,7", "C2,22041,-1,2.10,"))
    for name in ("a.csv.gz", "b.csv.gz"):
        excerpt.write(found, tmp_path / name)
    assert (tmp_path / "a.csv.gz").read_bytes() == (tmp_path / "b.csv.gz").read_bytes()
    assert read_rows(tmp_path / "a.csv.gz") == found


def test_the_cut_keeps_customers_whole() -> None:
    """The excerpt holds every document of a chosen customer, and none of a customer with an odd number."""
    chosen = [f"{number},22041,2,1.00,8" for number in (1, 2)]
    found = [*rows(*chosen, "3,22041,2,1.00,9"), *_later("C4,22041,-1,1.00,8", "C5,22041,-1,1.00,9")]
    kept = {row.invoice for row in excerpt.cut(found)}
    assert {"1", "2", "C4"} <= kept
    assert "3" not in kept


def _later(*lines: str) -> list[Row]:
    return [msgspec.structs.replace(row, at=row.at.replace(month=12, day=9)) for row in rows(*lines)]


def test_a_folder_is_looked_through_for_the_file(tmp_path: Path) -> None:
    """The data may be given as a file, as a folder, or not at all; a folder next to the checkout is found."""
    folder = tmp_path / "shared" / "data" / "online-retail"
    folder.mkdir(parents=True)
    (tmp_path / "checkout").mkdir()
    assert excerpt.find_data(tmp_path / "checkout") is None
    with pytest.raises(FileNotFoundError):
        excerpt.resolve(folder)
    (folder / "full.csv.gz").write_bytes(b"")
    assert excerpt.resolve(folder) == folder / "full.csv.gz"
    assert excerpt.find_data(tmp_path / "checkout") == folder / "full.csv.gz"
    assert excerpt.resolve(folder / "full.csv.gz") == folder / "full.csv.gz"
    assert excerpt.resolve(None) == excerpt.shipped()
