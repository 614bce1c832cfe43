"""Matching credit notes to earlier invoices."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from rma.demo.matching import Match, match
from rma.demo.retail import Credit, CreditLine, Sale, SaleLine


def on(day: int) -> datetime:
    """A day of December, in local time."""
    return datetime.fromisoformat(f"2009-12-{day:02} 10:00")


def sale(number: str, day: int, *lines: tuple[str, int], customer: str = "7") -> Sale:
    """A sale on a day of December."""
    found = tuple(
        SaleLine(id=str(index), sku=sku, name=sku, quantity=quantity, price=Decimal(2))
        for index, (sku, quantity) in enumerate(lines, start=1)
    )
    return Sale(
        number=number, at=on(day), customer=customer, country="United Kingdom", lines=found,
        postage=Decimal(0), discount=Decimal(0),
    )  # fmt: skip


def credit(number: str, day: int, *lines: tuple[str, int], customer: str = "7", kind: str = "goods") -> Credit:
    """A credit note on a day of December."""
    found = tuple(
        CreditLine(sku=sku, name=sku, quantity=quantity, price=Decimal(2), kind=kind) for sku, quantity in lines
    )
    return Credit(number=number, at=on(day), customer=customer, lines=found)


def shape(matches: tuple[Match, ...]) -> list[tuple[str, str, list[tuple[str, int]]]]:
    """Credit note, order, and units a line."""
    return [(m.credit, m.order_number, [(part.line_id, part.quantity) for part in m.parts]) for m in matches]


def test_the_most_recent_earlier_invoice_with_enough_units_is_taken() -> None:
    """Later invoices, and more recent ones with too few units, are passed over."""
    sales = [sale("1", 1, ("A", 10)), sale("2", 5, ("A", 10)), sale("3", 7, ("A", 2)), sale("4", 20, ("A", 10))]
    found = match(sales, [credit("C9", 9, ("A", 3))])
    assert shape(found.matches) == [("C9", "2", [("1", 3)])]
    assert found.unmatched == ()


def test_units_are_taken_from_several_invoices_when_none_has_enough() -> None:
    """A quantity above any one invoice is split, most recent first, and becomes one return an invoice."""
    found = match([sale("1", 1, ("A", 4)), sale("2", 2, ("A", 5))], [credit("C9", 9, ("A", 7))])
    assert shape(found.matches) == [("C9", "2", [("1", 5)]), ("C9", "1", [("1", 2)])]


def test_a_unit_is_credited_once() -> None:
    """What an earlier credit note took is gone for the next one, whatever order they are given in."""
    notes = [credit("C9", 9, ("A", 3)), credit("C8", 8, ("A", 3))]
    found = match([sale("1", 1, ("A", 4))], notes)
    assert shape(found.matches) == [("C8", "1", [("1", 3)]), ("C9", "1", [("1", 1)])]
    assert [(left.credit, left.quantity, left.code) for left in found.unmatched] == [("C9", 2, "more_than_sold")]


def test_one_return_gathers_all_lines_of_one_invoice() -> None:
    """Lines of one credit note that belong to one invoice are one return, and twice the same line is one line."""
    found = match([sale("1", 1, ("A", 4), ("B", 4))], [credit("C9", 9, ("A", 1), ("B", 2), ("A", 2))])
    assert shape(found.matches) == [("C9", "1", [("1", 3), ("2", 2)])]


def test_lines_of_one_sku_on_one_invoice_count_together() -> None:
    """An invoice that holds a sku on two lines has enough when both lines together have enough."""
    found = match([sale("1", 1, ("A", 9)), sale("2", 2, ("A", 2), ("A", 3))], [credit("C9", 9, ("A", 4))])
    assert shape(found.matches) == [("C9", "2", [("2", 3), ("1", 1)])]


def test_what_does_not_match_says_why() -> None:
    """Unmatched units are listed with the code of why, and nobody else's purchase is touched."""
    sales = [sale("1", 1, ("A", 4)), sale("2", 9, ("B", 4)), sale("3", 1, ("D", 1), customer="8")]
    notes = [
        credit("C2", 2, ("A", 1), customer=""),
        credit("C3", 3, ("B", 1)),
        credit("C4", 4, ("D", 1)),
        credit("C5", 5, ("POST", 1), kind="postage"),
    ]
    found = match(sales, notes)
    assert found.matches == ()
    assert [(left.credit, left.code) for left in found.unmatched] == [
        ("C2", "no_customer"),
        ("C3", "no_earlier_sale"),
        ("C4", "no_earlier_sale"),
        ("C5", "postage"),
    ]
