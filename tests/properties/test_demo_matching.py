"""What holds for any credit notes and any sales."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from rma.demo.matching import match
from rma.demo.retail import Credit, CreditLine, Sale, SaleLine

START = datetime.fromisoformat("2009-12-01 09:00")
LINES = st.lists(st.tuples(st.sampled_from("ABC"), st.integers(1, 9)), min_size=1, max_size=4)
DOCUMENTS = st.lists(st.tuples(st.integers(0, 20), st.sampled_from(["", "7", "8"]), LINES), max_size=8)


def sales_of(documents: list[tuple[int, str, list[tuple[str, int]]]]) -> list[Sale]:
    """Sales to customers with a number."""
    return [
        Sale(
            number=str(index), at=START + timedelta(days=day), customer=customer or "9", country="United Kingdom",
            lines=tuple(
                SaleLine(id=str(line), sku=sku, name=sku, quantity=quantity, price=Decimal(1))
                for line, (sku, quantity) in enumerate(lines)
            ),
            postage=Decimal(0), discount=Decimal(0),
        )
        for index, (day, customer, lines) in enumerate(documents)
    ]  # fmt: skip


def credits_of(documents: list[tuple[int, str, list[tuple[str, int]]]]) -> list[Credit]:
    """Credit notes, some without a customer."""
    return [
        Credit(
            number=f"C{index}", at=START + timedelta(days=day), customer=customer,
            lines=tuple(
                CreditLine(sku=sku, name=sku, quantity=quantity, price=Decimal(1), kind="goods")
                for sku, quantity in lines
            ),
        )
        for index, (day, customer, lines) in enumerate(documents)
    ]  # fmt: skip


@given(DOCUMENTS, DOCUMENTS)
def test_units_are_neither_lost_nor_made(
    sold: list[tuple[int, str, list[tuple[str, int]]]], back: list[tuple[int, str, list[tuple[str, int]]]]
) -> None:
    """Units credited are units matched or not; no line gives more than it has, to a stranger or before its sale."""
    sales, notes = sales_of(sold), credits_of(back)
    found = match(sales, notes)
    taken = Counter[tuple[str, str]]()
    for one in found.matches:
        for part in one.parts:
            taken[one.order_number, part.line_id] += part.quantity
    matched = sum(taken.values())
    left = sum(unmatched.quantity for unmatched in found.unmatched)
    assert matched + left == sum(line.quantity for note in notes for line in note.lines)
    by_number = {sale.number: sale for sale in sales}
    by_credit = {note.number: note for note in notes}
    for (number, line_id), units in taken.items():
        assert units <= by_number[number].lines[int(line_id)].quantity
    for one in found.matches:
        assert by_number[one.order_number].customer == by_credit[one.credit].customer
        assert by_number[one.order_number].at < one.at
