"""Finding a person in free text, and papers that mean the same whatever their customer is called."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from rma.domain.components import WHY
from rma.domain.order import Order
from rma.domain.privacy_papers import PAPERS, changed
from rma.domain.privacy_words import ERASED, Known, known
from rma.domain.snapshot import read_order
from tests.support.snapshots import line, money, snapshot

AYSE = known(("Ayşe Yılmaz", "Ayşe Müller"), ("Ayse@Example.com", "+90 532 123 45 67"))
SU = known(("Su Ay", "2026", None), ("030 1234567", "10"))


@pytest.mark.parametrize(
    ("who", "text", "left"),
    [
        (AYSE, "Yılmaz, Ayşe için", "erased için"),
        (AYSE, "Ayşe ile Yılmaz", "erased ile erased"),
        (AYSE, "AYŞE YILMAZ", "erased"),
        (AYSE, "ayse yilmaz'a", "erased'a"),
        (AYSE, unicodedata.normalize("NFD", "Ayşe"), "erased"),
        (AYSE, "MUELLER/Muller", "erased/erased"),
        (AYSE, "ayse@EXAMPLE.com, ayse@example.org", "erased, erased@example.org"),
        (AYSE, "0090 532 1234567 ya da 0532/123.45.67", "erased ya da erased"),
        (AYSE, "+49 532 1234567, 12 adet 123 45 67", "+49 erased, 12 adet erased"),
        (AYSE, "Ayşegül, Yılmazlar, 0542 123 45 68", "Ayşegül, Yılmazlar, 0542 123 45 68"),
        (AYSE, "1999905321234567", "1999905321234567"),
        (SU, "Ay, Su", "erased"),
        (SU, "Su bardağı 2026, 10 adet, Ay Ay", "Su bardağı 2026, 10 adet, Ay Ay"),
        (SU, "+49 (30) 1234567", "erased"),
        (Known(), "Ayşe ayse@example.com 0532 123 45 67", "Ayşe ayse@example.com 0532 123 45 67"),
    ],
)
def test_a_person_is_found_in_a_text(who: Known, text: str, left: str) -> None:
    """By each word of three letters however it is written, by shorter ones together, by address and by digits."""
    assert who.out_of(text) == left
    assert who.out_of(left) == left


def full() -> Order:
    """An order with something in every place of text."""
    now = datetime(2026, 3, 6, 10, 10, 10, tzinfo=UTC)
    terms = [{"code": "KIS10", "amount": money("10.00"), "terms": {"text": "Kış indirimi", "minimum_quantity": 2}}]
    came = {"id": "d1", "delivered_at": "2026-03-05T14:00:00+03:00", "carrier": "Aras", "tracking": "TR 77"}
    paid = {"id": "pay-1", "tender": "card", "reference": "pi_1", "captured": money("319.90")}
    goods = line(tags=["yaz"], attributes={"custom_made": True})
    more = {"promotions": terms, "deliveries": [came], "payments": [paid], "lines": [goods]}
    return read_order("1001", msgspec.json.encode(snapshot(**more)), now=now)


def words(value: Any) -> Iterator[str]:
    """Every text anywhere in a document."""
    if isinstance(value, str):
        yield value
    for part in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from words(part)


def emptied(order: Order) -> Order:
    """The order without the texts that a person may be taken out of."""
    replace = msgspec.structs.replace
    lines = tuple(replace(one, name="") for one in order.lines)
    came = tuple(replace(one, carrier=None, tracking=None) for one in order.deliveries)
    promotions = tuple(replace(one, terms=one.terms and replace(one.terms, text=None)) for one in order.promotions)
    return replace(order, lines=lines, deliveries=came, promotions=promotions)


def test_an_order_means_the_same_whatever_its_customer_is_called() -> None:
    """Whoever is called, or reached by, what stands anywhere in an order: only its free text is another one."""
    order = msgspec.structs.replace(full(), person=None)
    doc = msgspec.json.encode(order).decode()
    found = []
    for word in {*words(msgspec.json.decode(doc)), *Order.__struct_fields__}:
        row = {
            "doc": doc,
            "frozen": None,
            **changed("orders", {"doc": doc, "frozen": None}, known([word], [word, word[:10]])),
        }
        after = msgspec.json.decode(row["doc"], type=Order)
        assert emptied(after) == emptied(order), word
        found += [word] if row["doc"] != doc else []
    assert sorted(found) == ["Aras", "KIS10", "Kırmızı tişört M", "Kış indirimi"]


def test_a_paper_that_could_not_be_read_is_not_written() -> None:
    """What the erasure would write is read by its type before it is given out."""
    doc = msgspec.json.encode({**msgspec.to_builtins(full()), "currency": 7}).decode()
    with pytest.raises(msgspec.ValidationError):
        changed("orders", {"doc": doc, "frozen": None}, known(["Aras"], []))


def test_words_about_a_case_go_and_codes_and_amounts_stay() -> None:
    """A typed reason is empty where a sum needs one and gone elsewhere; a reason of ours and codes stay as they are."""
    sums = {"net": 1, "tax": 0, "gross": 1}
    parts = [{"kind": "deduction", "why": why, **sums} for why in ("Leke, Ayşe", *WHY)]
    doc = {"reason": "late", "auto": False, "ask": {"extras": [{"kind": "goodwill", "amount": 1, "why": "Ayşe için"}]}}
    after = changed("refunds", {"components": parts, "doc": doc}, Known())
    assert [one["why"] for one in after["components"]] == ["", *WHY]
    assert after["doc"] == {"auto": False, "ask": {"extras": [{"kind": "goodwill", "amount": 1, "why": ""}]}}
    again = {"components": after["components"], "doc": after["doc"]}
    assert changed("refunds", again, AYSE) == {}
    codes = msgspec.structs.replace(full(), groups=("vip", "Ayse", "ayse@example.com"))
    row = {"doc": msgspec.json.encode(codes).decode(), "frozen": None}
    left = msgspec.json.decode(changed("orders", row, AYSE)["doc"], type=Order)
    assert left.groups == ("vip", "Ayse", ERASED)


def test_every_place_is_in_a_form() -> None:
    """No place of an order's text has a name that orders do not have."""
    for paper in PAPERS["orders"].values():
        for place in (*paper.texts, *paper.codes):
            schema = msgspec.json.schema(paper.form)["$defs"]
            names = {name for one in schema.values() for name in one.get("properties", {})}
            assert set(place.split(".")) <= names, place
