"""Strict reading of order snapshots, pricing, and merging of later ones."""

from __future__ import annotations

import copy
import datetime as dt
import json
from typing import Any

import msgspec
import pytest

from rma.domain.merging import add_delivery, merge
from rma.domain.order import Order, Person, write_order
from rma.domain.pricing import Priced, price, replacement_line
from rma.domain.snapshot import read_delivery, read_order
from rma.domain.tenders import TenderState
from rma.errors import Invalid, Refused, Unreadable
from tests.support.till import line, payment, promotion, snapshot

NOW = dt.datetime(2026, 11, 10, 12, tzinfo=dt.UTC)


def _full() -> dict[str, Any]:
    """A snapshot with every part of the contract."""
    body = snapshot(
        line(
            "100.00",
            3,
            name="Kırmızı tişört M",
            discount="0.00",
            tax_rate="20",
            tax=None,
            category="apparel",
            tags=["final-sale"],
            kind="goods",
            attributes={"hygiene_opened": False},
        ),
        promotions=[promotion("10.00", "1", terms={"text": "3 al", "minimum": "100.00", "minimum_quantity": 2})],
        shipping={"amount": "29.90", "discount": None, "tax_rate": "20", "cheapest_standard": "29.90"},
        fees=[{"kind": "cod", "amount": "0.00", "tax_rate": "20"}],
        payments=[payment("319.90", provider="stripe", reference="pi_123", captured_at="2026-11-01T10:00:05+03:00")],
        total="319.90",
        points_earned=31,
        promised_by="2026-11-06",
        withdrawal_information_given_at="2026-11-01T10:00:00+03:00",
    )
    body["customer"] = {
        "reference": "c-17",
        "email": "ayse@example.com",
        "name": "Ayşe Yılmaz",
        "phone": "+905551112233",
        "is_business": False,
        "groups": ["vip"],
        "locale": "tr",
        "consents": {"email_marketing": {"given": False, "at": "2026-01-01T00:00:00+03:00", "source": "checkout"}},
    }
    body["ship_to"] = {
        "name": "Ayşe",
        "line1": "Bağdat Cd. 1",
        "city": "İstanbul",
        "postcode": "34710",
        "country": "TR",
    }
    body["deliveries"] = [_delivery("d1")]
    return body


def _delivery(name: str) -> dict[str, Any]:
    return {
        "id": name,
        "delivered_at": "2026-11-05T14:00:00+03:00",
        "received_by": "consumer",
        "carrier": "yurtici",
        "carrier_chosen_by": "seller",
        "tracking": "123",
        "lines": [{"id": "1", "quantity": 3, "piece": None}],
    }


def _faults(body: dict[str, Any], **more: Any) -> set[tuple[str, str]]:
    with pytest.raises(Invalid) as fault:
        read_order("1001", json.dumps(body).encode(), **more)
    return {(error.path, error.code) for error in fault.value.errors}


def test_a_whole_snapshot_is_read() -> None:
    """Every part of a snapshot is read, as bytes or as plain data, and survives being stored."""
    body = _full()
    order = read_order("1001", json.dumps(body).encode(), now=NOW)
    assert order == read_order("1001", body)
    assert msgspec.json.decode(msgspec.json.encode(order), type=Order) == order
    assert (order.lines[0].listed, order.total, order.country, order.groups) == (30000, 31990, "TR", ("vip",))
    assert order.person is not None
    assert order.person.consents["email_marketing"].given is False


def test_what_was_read_is_written_as_sent() -> None:
    """The wire form of an order is what was sent, and can be sent again."""
    order = read_order("1001", _full())
    written = json.loads(msgspec.json.encode(write_order(order)))
    assert read_order("1001", written) == order


def test_erased_people_leave_a_readable_order() -> None:
    """Without its personal data an order is written with empty names and keeps what rules need."""
    erased = msgspec.structs.replace(read_order("1001", _full()), person=None)
    written = write_order(erased)
    assert (written["customer"]["email"], written["customer"]["groups"]) == (None, ["vip"])
    assert written["ship_to"] == {"country": "TR"}


def test_every_wrong_field_is_named() -> None:
    """All faults of types, sizes and names are answered together, each with its path."""
    body = _full()
    body["lines"][0] |= {"quantity": 0, "colour": "red", "tags": ["a", 3]}
    body["payments"][0]["captured"] = "319.90"
    body["deliveries"][0]["delivered_at"] = "2026-11-05T14:00:00"
    body["customer"]["name"] = "Ay\u0000şe"
    del body["ordered_at"]
    assert _faults(body) == {
        ("lines[0].quantity", "value"),
        ("lines[0].colour", "unknown"),
        ("lines[0].tags[1]", "type"),
        ("payments[0].captured", "type"),
        ("deliveries[0].delivered_at", "value"),
        ("customer.name", "character"),
        ("ordered_at", "missing"),
    }


def test_every_wrong_value_is_named() -> None:
    """All faults of currency, decimals, rates, names and sums are answered together, each with its path."""
    body = _full()
    body["lines"].append(copy.deepcopy(body["lines"][0]) | {"attributes": {"glows": True}, "tax_rate": "twenty"})
    body["shipping"]["amount"] = {"amount": "29.9", "currency": "EUR"}
    body["promotions"][0]["lines"] = ["9"]
    body["promotions"][0]["amount"]["amount"] = "-10.00"
    body["payments"][0]["refunded"] = {"amount": "400.00", "currency": "TRY"}
    body["deliveries"][0]["lines"] = [{"id": "1", "quantity": 4}, {"id": "7", "quantity": 1}]
    body["fees"][0]["tax"] = {"amount": "1.00", "currency": "TRY"}
    assert _faults(body) == {
        ("lines[1].id", "duplicate"),
        ("lines[1].attributes.glows", "unknown"),
        ("lines[1].tax_rate", "percent"),
        ("shipping.amount.currency", "currency"),
        ("shipping.amount.amount", "decimals"),
        ("promotions[0].lines[0]", "unknown_line"),
        ("promotions[0].amount.amount", "negative"),
        ("payments[0].refunded.amount", "above_captured"),
        ("deliveries[0].lines[0].quantity", "quantity"),
        ("deliveries[0].lines[1]", "unknown_line"),
        ("fees[0].tax.amount", "tax"),
    }


def test_the_future_is_refused() -> None:
    """An instant after now is refused at its path, wherever it stands."""
    body = _full()
    body["deliveries"][0]["delivered_at"] = "2026-11-10T23:00:00+03:00"
    assert _faults(body, now=NOW) == {("deliveries[0].delivered_at", "future")}


@pytest.mark.parametrize("raw", [b"", b"{", b"\xff\xfe", b'{"a":1}{}', b"[" * 5000])
def test_broken_json_is_unreadable(raw: bytes) -> None:
    """Bytes that are no JSON are unreadable, not invalid."""
    with pytest.raises(Unreadable):
        read_order("1001", raw)


@pytest.mark.parametrize("raw", [b"[]", b"null", b"1", b'"x"', b"{}"])
def test_other_json_is_invalid(raw: bytes) -> None:
    """JSON that is no snapshot is invalid."""
    with pytest.raises(Invalid):
        read_order("1001", raw)


def test_the_number_comes_from_the_address_or_the_line() -> None:
    """The address gives the number; in an import the body must; the two cannot differ."""
    body = _full()
    assert _faults(body | {"number": "1002"}) == {("number", "mismatch")}
    assert read_order(None, body | {"number": "1002"}).number == "1002"
    with pytest.raises(Invalid):
        read_order(None, body)


def test_more_places_are_rounded_at_the_line() -> None:
    """Unit prices may carry more places; they are rounded half up once, at the line total."""
    order = read_order("1", snapshot(line("0.333", 3, discount="0.0045"), line("0.125"), line("0.124999")))
    assert [one.total for one in order.lines] == [99, 13, 12]
    assert [one.listed for one in order.lines] == [100, 13, 12]


def test_a_line_of_thousands_of_units() -> None:
    """A line of 19,152 units is priced by formula and adds up."""
    value = price(read_order("1", snapshot(line("0.07", 19152, discount="0.05", tax_rate="20")))).lines["1"]
    halves = value.values(((1, 9576),)) + value.values(((9577, 19152),))
    assert halves == value.values(((1, 19152),))
    assert halves.gross == 19152 * 7 - 5


def test_a_total_that_does_not_add_up_is_flagged() -> None:
    """The store's own total is kept and a difference flagged; so is a discount that is too large."""
    assert price(read_order("1", snapshot(line("10.00"), total="9.99"))).flags == ("total_mismatch",)
    assert price(read_order("1", snapshot(line("10.00"), promotions=[promotion("11.00")]))).flags == (
        "discount_clamped",
    )


def test_priced_survives_being_stored() -> None:
    """Frozen values are the same after a round through JSON."""
    priced = price(read_order("1001", _full()))
    assert msgspec.json.decode(msgspec.json.encode(priced), type=Priced) == priced


def test_the_same_snapshot_again_is_no_conflict() -> None:
    """Sending the same snapshot again changes nothing and conflicts with nothing, frozen or not."""
    order = read_order("1001", _full())
    for frozen in (None, price(order)):
        assert merge(order, order, frozen=frozen, in_returns={"1": 3}) == (order, ())


def _merged(change: dict[str, Any], *, frozen: bool = True, in_returns: dict[str, int] | None = None) -> Any:
    old = read_order("1001", _full())
    new = read_order("1001", _full() | change)
    return merge(old, new, frozen=price(old) if frozen else None, in_returns=in_returns or {})


def test_frozen_money_stays_and_is_answered_as_conflict() -> None:
    """Once frozen, other prices, rates, quantities, shipping and promotions are kept and named."""
    body = _full()
    body["lines"][0] |= {"quantity": 4, "tax_rate": "10", "unit_price": {"amount": "90.00", "currency": "TRY"}}
    body["shipping"]["amount"]["amount"] = "19.90"
    body["promotions"] = []
    merged, conflicts = _merged(body)
    assert {one.path for one in conflicts} == {
        "lines[0].quantity",
        "lines[0].unit_price",
        "lines[0].tax_rate",
        "shipping.amount",
        "promotions[code=PROMO]",
    }
    assert (merged.lines[0].quantity, merged.lines[0].listed, len(merged.promotions)) == (3, 30000, 1)
    assert price(merged) == price(read_order("1001", _full()))
    first = next(one for one in conflicts if one.path == "lines[0].unit_price")
    assert (first.kept, first.sent) == ({"amount": "100.00", "currency": "TRY"}, {"amount": "90.00", "currency": "TRY"})


def test_before_the_freeze_a_snapshot_replaces_prices() -> None:
    """Until the first return, a new snapshot's prices hold."""
    body = _full()
    body["lines"][0]["unit_price"]["amount"] = "90.00"
    merged, conflicts = _merged(body, frozen=False)
    assert (merged.lines[0].listed, conflicts) == (27000, ())


def test_words_for_a_frozen_line_are_replaced() -> None:
    """Names and tags of a frozen line follow the newer snapshot."""
    body = _full()
    body["lines"][0] |= {"name": "Mavi tişört", "tags": []}
    merged, conflicts = _merged(body)
    assert (merged.lines[0].name, merged.lines[0].tags, conflicts) == ("Mavi tişört", (), ())


def test_new_lines_deliveries_and_payments_are_added() -> None:
    """New lines, deliveries and payments join; known ones of the same id are replaced; none is lost."""
    body = _full()
    body["lines"].append(snapshot(line("5.00", 2))["lines"][0] | {"id": "2"})
    body["deliveries"] = [_delivery("d2")]
    body["payments"] = snapshot(payments=[payment("10.00", tender="gift_card")])["payments"]
    merged, conflicts = _merged(body)
    assert [one.id for one in merged.lines] == ["1", "2"]
    assert [one.id for one in merged.deliveries] == ["d1", "d2"]
    assert [one.id for one in merged.payments] == ["card", "gift_card"]
    old = price(read_order("1001", _full()))
    grown = price(merged, frozen=old)
    assert (grown.lines["1"], grown.lines["2"].gross, grown.total, conflicts) == (old.lines["1"], 1000, 32990, ())


def test_a_line_in_a_return_cannot_vanish() -> None:
    """A line that is in a return can neither be removed nor fall below it; otherwise a removal is a conflict."""
    other = snapshot(line("5.00"), line("5.00"))["lines"][1:]
    for lines in (other, [_full()["lines"][0] | {"quantity": 1}]):
        change = {"lines": lines, "promotions": [], "deliveries": []}
        with pytest.raises(Refused) as refusal:
            _merged(change, in_returns={"1": 2})
        assert refusal.value.code == "line_in_return"
    merged, conflicts = _merged({"lines": other, "promotions": [], "deliveries": []})
    assert [one.id for one in merged.lines] == ["1", "2"]
    assert conflicts[0].path == "lines[id=1]"


def test_a_frozen_order_keeps_its_currency() -> None:
    """The currency of a frozen order cannot change."""
    old = read_order("1", snapshot(line("5.00")))
    new = read_order("1", snapshot(line("5.00"), currency="EUR"))
    with pytest.raises(Invalid):
        merge(old, new, frozen=price(old), in_returns={})


def test_contact_data_is_replaced_but_not_by_silence() -> None:
    """Contact data follows the newer snapshot; one that says nothing of it changes nothing."""
    merged, _ = _merged({"customer": {"email": "yeni@example.com"}})
    assert merged.person == Person(email="yeni@example.com", ship_to=merged.person.ship_to)
    merged, _ = _merged({"customer": None, "ship_to": None})
    assert merged.person == read_order("1001", _full()).person
    assert merged.groups == ("vip",)


def test_a_delivery_of_its_own() -> None:
    """A delivery is read against its order, and one of the same id replaces the older."""
    order = read_order("1001", _full())
    grown = add_delivery(order, read_delivery(json.dumps(_delivery("d2")).encode(), order=order, now=NOW))
    assert [one.id for one in grown.deliveries] == ["d1", "d2"]
    assert add_delivery(grown, grown.deliveries[1]) == grown
    with pytest.raises(Invalid) as fault:
        read_delivery(_delivery("d3") | {"lines": [{"id": "1", "quantity": 9}]}, order=order)
    assert fault.value.errors[0].path == "lines[0].quantity"


@pytest.mark.parametrize("inclusive", [True, False])
def test_a_replacement_is_a_line_of_its_own(inclusive: bool) -> None:
    """A delivered replacement is worth the old value plus what was paid on top, at the tax of the line it replaces."""
    order = read_order("1", snapshot(line("100.00", tax_rate="20"), inclusive=inclusive))
    priced = price(order)
    new = replacement_line(order, priced.lines["1"], line_id="1r", sku="TS-L", name="Tişört L", quantity=2, value=13999)
    value = price(msgspec.structs.replace(order, lines=(*order.lines, new)), frozen=priced).lines["1r"]
    assert (value.gross, value.tax, value.quantity, new.origin) == (13999, 2333, 2, "replacement")


def test_what_is_left_of_a_tender() -> None:
    """What is left of a tender is never below zero."""
    assert TenderState(payment_id="p", tender="card", captured=100, refunded_outside=60, committed=60).left == 0
