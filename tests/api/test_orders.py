"""Orders over HTTP: snapshots, merging, deliveries, lists."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import pytest
import sqlalchemy as sa

from rma.api.orders import OrderView
from rma.db import tables
from rma.domain.pricing import Priced
from rma.services.assess import read_order_doc, view_order
from rma.services.case import read_order_row
from tests.support.snapshots import line, money, snapshot

if TYPE_CHECKING:
    from tests.api.conftest import Api, Headers

_orders = tables.table(tables.Order)
_events = tables.table(tables.Event)


@pytest.fixture
def shop(api: Api) -> Headers:
    """A key that reads and writes the orders of ``shop``."""
    return api.key("orders:read", "orders:write")


def _put(api: Api, shop: Headers, body: Any, number: str = "1001", **more: str) -> Any:
    return api.client.put(f"/api/v1/orders/{number}", json=body, headers=shop | more)


def _row(api: Api, number: str = "1001") -> Any:
    with api.services.database.read() as work:
        return work.conn.execute(
            sa.select(*_orders.columns).where(_orders.c.store_id == api.store_id, _orders.c.number == number)
        ).one()


def _set(api: Api, number: str = "1001", **values: Any) -> None:
    with api.services.database.write() as work:
        work.conn.execute(sa.update(_orders).where(_orders.c.number == number).values(**values))


def _events_of(api: Api, number: str = "1001") -> list[tuple[str, dict[str, Any]]]:
    with api.services.database.read() as work:
        wanted = sa.select(_events.c.type, _events.c.body).where(_events.c.stream == _row(api, number).id)
        return [(row.type, msgspec.json.decode(row.body)) for row in work.conn.execute(wanted.order_by(_events.c.n))]


def _file(api: Api, quantity: int = 2) -> None:
    """What filing a return leaves behind: frozen values, and units that a line of it holds."""
    row = _row(api)
    with api.services.database.write() as work:
        store = api.services.catalog.store(work, api.store_id)
        priced = view_order(work, store, read_order_row(work, api.store_id, row.number)).priced
        work.conn.execute(
            sa.update(_orders).where(_orders.c.id == row.id).values(frozen=msgspec.json.encode(priced).decode())
        )
        now = work.real_now
        case = tables.Return(
            id=work.new_id("ret"), store_id=api.store_id, order_id=row.id, order_number=row.number, rma_number="R-1",
            kind="withdrawal", state="awaiting_parcel", waits_for="customer", workflow="return", workflow_version=1,
            policy_version=1, law="TR", currency="TRY", facts={}, quote="", created_at=now, updated_at=now,
        )  # fmt: skip
        work.session.add(case)
        work.flush()
        held = ((1, quantity),)
        work.session.add(
            tables.ReturnLine(
                id=work.new_id("rln"), store_id=api.store_id, return_id=case.id, order_id=row.id, order_line_id="1",
                position=0, sku="TS-RED-M", kind="withdrawal", basis="statutory", outcome="refund",
                requested=quantity, units=held, reserved=held, consumed=(), doc={},
            )
        )  # fmt: skip


def test_a_new_order_answers_itself_with_options(api: Api, shop: Headers) -> None:
    """A new order is answered with 201, its version and what can be returned of each line, as documented."""
    made = _put(api, shop, snapshot())
    assert made.status_code == 201, made.text
    assert made.headers["etag"] == '"1"'
    shown = made.json()
    assert shown["number"] == "1001"
    assert shown["lines"][0]["unit_price"] == money("100.00")
    assert shown["customer"]["email"] == "Ayse@Example.com"
    assert (shown["flags"], shown["frozen"], shown["erased"], shown["conflicts"]) == ([], False, False, [])
    kinds = [option["kind"] for option in shown["lines"][0]["options"]]
    assert {"withdrawal", "defective"} <= set(kinds)
    msgspec.convert(shown, OrderView)


def test_an_option_says_until_when_and_why_not(api: Api, shop: Headers) -> None:
    """The withdrawal of goods delivered long ago is refused with its last day; a defect can still be reported."""
    options = {option["kind"]: option for option in _put(api, shop, snapshot()).json()["lines"][0]["options"]}
    assert options["withdrawal"]["decision"] == "refused"
    assert options["withdrawal"]["last_day"] is not None
    assert options["withdrawal"]["reasons"][0]["text"]
    assert options["defective"]["quantity"] == 3
    assert {"method", "fee", "paid_by"} == set(options["defective"]["methods"][0])


def test_options_can_be_asked_for_single_lines(api: Api, shop: Headers) -> None:
    """Named lines alone have their options worked out; the others say null."""
    _put(api, shop, snapshot(lines=[line(), line("2"), line("3")]))
    shown = api.get("/orders/1001?line=2&line=9", shop).json()
    assert [bool(one["options"]) for one in shown["lines"]] == [False, True, False]
    assert shown["lines"][0]["options"] is None


def test_the_same_snapshot_again_changes_nothing(api: Api, shop: Headers) -> None:
    """Sending a snapshot twice leaves version and events as they were."""
    first, second = _put(api, shop, snapshot()), _put(api, shop, snapshot())
    assert (first.status_code, second.status_code) == (201, 200)
    assert second.headers["etag"] == '"1"'
    assert [kind for kind, _ in _events_of(api)] == ["order.imported"]
    assert first.json() == second.json()


@pytest.mark.parametrize("frozen", [False, True])
def test_what_was_read_is_sent_back(api: Api, shop: Headers, frozen: bool) -> None:
    """An order as it was read, sent back, changes nothing; with one field changed, that field alone changes."""
    _put(api, shop, snapshot())
    if frozen:
        _file(api)
    read = api.get("/orders/1001", shop).json()
    same = _put(api, shop, read)
    assert (same.status_code, same.headers["etag"], same.json()["conflicts"]) == (200, '"1"', []), same.text
    assert [kind for kind, _ in _events_of(api)] == ["order.imported"]
    read["lines"][0] |= {"name": "Mavi tişört", "options": 7, "origin": "of mine"}
    changed = _put(api, shop, read).json()
    assert changed["lines"][0]["origin"] == "order"
    now = {name for name, value in read.items() if value != changed[name]}
    assert (changed["lines"][0]["name"], now) == ("Mavi tişört", {"lines", "version", "updated_at"})


def test_listed_orders_can_be_imported(api: Api, shop: Headers) -> None:
    """The orders of a list, a line each, are a file that the import takes; what is the same changes nothing."""
    _put(api, shop, snapshot())
    lines = b"".join(msgspec.json.encode(one) + b"\n" for one in api.get("/orders", shop).json()["items"])
    headers = shop | {"Content-Type": "application/x-ndjson", "Idempotency-Key": "again"}
    report = api.client.post("/api/v1/orders/import", content=lines, headers=headers).json()
    assert (report["unchanged"], report["errors"]) == (1, []), report


def test_a_newer_snapshot_is_merged(api: Api, shop: Headers) -> None:
    """Deliveries and payments are merged by id, contact data replaced, new lines added; the version rises by one."""
    _put(api, shop, snapshot())
    later = snapshot(
        customer={"reference": "c-17", "email": "yeni@example.com"},
        lines=[line(), line("2", sku="CAP")],
        payments=[{"id": "pay-2", "tender": "gift_card", "captured": money("10.00")}],
        deliveries=[{"id": "d2", "delivered_at": "2026-03-07T14:00:00+03:00", "lines": [{"id": "2", "quantity": 3}]}],
    )
    merged = _put(api, shop, later)
    assert merged.status_code == 200
    assert merged.headers["etag"] == '"2"'
    shown = merged.json()
    assert [one["id"] for one in shown["payments"]] == ["pay-1", "pay-2"]
    assert [one["id"] for one in shown["deliveries"]] == ["d1", "d2"]
    assert [one["id"] for one in shown["lines"]] == ["1", "2"]
    assert shown["customer"]["email"] == "yeni@example.com"
    assert _row(api).email == "yeni@example.com"


def test_a_frozen_value_stays_and_the_difference_is_told(api: Api, shop: Headers) -> None:
    """A different price on a frozen line keeps the frozen one: 200 with conflicts, and an event that says so."""
    _put(api, shop, snapshot())
    _file(api)
    answer = _put(api, shop, snapshot(lines=[line(unit_price=money("90.00"), name="Yeni ad")]))
    assert answer.status_code == 200, answer.text
    assert answer.json()["conflicts"] == [
        {"path": "lines[0].unit_price", "kept": money("100.00"), "sent": money("90.00")}
    ]
    assert answer.json()["lines"][0]["unit_price"] == money("100.00")
    assert answer.json()["lines"][0]["name"] == "Yeni ad"
    assert answer.json()["lines"][0]["in_returns"] == 2
    kind, body = _events_of(api)[-1]
    assert (kind, body["data"]["conflicts"][0]["path"]) == ("order.conflict", "lines[0].unit_price")


def test_a_conflict_alone_changes_no_version(api: Api, shop: Headers) -> None:
    """A snapshot that differs in frozen values only leaves the order as it is."""
    _put(api, shop, snapshot())
    _file(api)
    answer = _put(api, shop, snapshot(lines=[line(unit_price=money("90.00"))]))
    assert answer.headers["etag"] == '"1"'
    assert [kind for kind, _ in _events_of(api)] == ["order.imported", "order.conflict"]


def test_a_line_in_a_return_is_not_taken_away(api: Api, shop: Headers) -> None:
    """A snapshot with fewer units than are in returns is refused with 409, and nothing is written."""
    _put(api, shop, snapshot())
    _file(api, quantity=2)
    for lines in ([line(quantity=1)], [line("2")]):
        answer = _put(api, shop, snapshot(lines=lines, promotions=[], deliveries=[]))
        assert answer.status_code == 409, answer.text
        assert answer.json()["code"] == "line_in_return"
    assert _row(api).version == 1


def test_a_line_that_is_added_to_a_frozen_order_freezes_with_it(api: Api, shop: Headers) -> None:
    """A line added after the first return has its value fixed from then on."""
    _put(api, shop, snapshot())
    _file(api)
    _put(api, shop, snapshot(lines=[line(), line("2", unit_price=money("50.00"))]))
    frozen = msgspec.json.decode(_row(api).frozen, type=Priced)
    assert frozen.lines["2"].gross == 15000
    again = _put(api, shop, snapshot(lines=[line(), line("2", unit_price=money("40.00"))]))
    assert again.json()["conflicts"][0]["path"] == "lines[1].unit_price"


def test_the_return_refuses_before_the_delivery_does(api: Api, shop: Headers) -> None:
    """Fewer units than are in returns is 409 whatever the deliveries say; else they count against what is kept."""
    _put(api, shop, snapshot())
    _file(api, quantity=2)
    brought = [{"id": "d1", "delivered_at": "2026-03-05T14:00:00+03:00", "lines": [{"id": "1", "quantity": 3}]}]
    lost = _put(api, shop, snapshot(lines=[line(quantity=1)], promotions=[], deliveries=brought))
    assert (lost.status_code, lost.json()["code"]) == (409, "line_in_return")
    kept = _put(api, shop, snapshot(lines=[line(quantity=2)], deliveries=brought))
    assert (kept.status_code, kept.json()["lines"][0]["quantity"]) == (200, 3), kept.text
    assert [one["path"] for one in kept.json()["conflicts"]] == ["lines[0].quantity"]
    brought[0]["lines"] = [{"id": "1", "quantity": 4}]
    many = _put(api, shop, snapshot(deliveries=brought))
    assert (many.status_code, many.json()["errors"][0]["path"]) == (422, "deliveries[0].lines[0].quantity")
    assert _put(api, shop, snapshot(deliveries=brought), number="1002").status_code == 422


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"currency": "QQQ"}, "currency"),
        ({"lines": []}, "lines"),
        ({"lines": [line(quantity=0)]}, "lines[0].quantity"),
        ({"lines": [line(unit_price=money("1.00", "EUR"))]}, "lines[0].unit_price.currency"),
        ({"lines": [line(unit_price=money("1,00"))]}, "lines[0].unit_price.amount"),
        ({"lines": [line(attributes={"magic": True})]}, "lines[0].attributes.magic"),
        ({"lines": [line(), line()]}, "lines[1].id"),
        ({"colour": "red"}, "colour"),
        ({"ordered_at": "2999-01-01T00:00:00Z"}, "ordered_at"),
        ({"ordered_at": "2026-03-01T10:00:00"}, "ordered_at"),
        ({"ordered_at": "0001-01-01T00:00:00+03:00"}, "ordered_at"),
        ({"promised_by": "9999-12-31"}, "promised_by"),
        ({"number": "1002"}, "number"),
        ({"customer": {"email": "nobody"}}, "customer.email"),
        ({"customer": {"email": "a@b.example\n"}}, "customer.email"),
        ({"ship_to": {"country": "TR\n"}}, "ship_to.country"),
        ({"ship_to": {"country": "QQ"}}, "ship_to.country"),
        ({"customer": {"reference": "x" * 129}}, "customer.reference"),
        ({"customer": {"name": "a\u0000b"}}, "customer.name"),
        ({"deliveries": [{"id": "d", "lines": [{"id": "9", "quantity": 1}]}]}, "deliveries[0].lines[0]"),
    ],
)
def test_a_wrong_field_is_named_and_nothing_is_written(
    api: Api, shop: Headers, change: dict[str, Any], path: str
) -> None:
    """Each fault of a snapshot is 422 with its path, and the order is not there afterwards."""
    answer = _put(api, shop, snapshot(**change))
    assert answer.status_code == 422, answer.text
    assert path in [error["path"] for error in answer.json()["errors"]]
    assert api.get("/orders/1001", shop).status_code == 404


@pytest.mark.parametrize("number", ["x" * 129, "a%0Ab"])
def test_a_number_that_cannot_be_one_is_refused(api: Api, shop: Headers, number: str) -> None:
    """Too long a number, or one with control characters, is 422 for writing and not there for reading."""
    assert _put(api, shop, snapshot(), number=number).status_code == 422
    assert api.get(f"/orders/{number}", shop).status_code == 404


def test_a_change_from_a_stale_reading_is_refused(api: Api, shop: Headers) -> None:
    """With If-Match a snapshot is taken at that version only; an order that is not there has no version."""
    match = {"If-Match": '"1"'}
    assert _put(api, shop, snapshot(), **match).status_code == 412
    _put(api, shop, snapshot())
    assert _put(api, shop, snapshot(points_earned=5), **match).status_code == 200
    assert _put(api, shop, snapshot(points_earned=6), **match).status_code == 412


def test_what_belongs_to_another_store_is_not_there(api: Api, shop: Headers) -> None:
    """Another store neither sees an order nor changes it: the same number there is another order."""
    _put(api, shop, snapshot())
    other = api.key("orders:read", "orders:write", store_id=api.other_id)
    assert api.get("/orders/1001", other).status_code == 404
    assert api.get("/orders", other).json()["items"] == []
    assert api.post("/orders/1001/deliveries", {"id": "d9"}, other).status_code == 404
    assert _put(api, other, snapshot(points_earned=9)).status_code == 201
    assert api.get("/orders/1001", shop).json()["points_earned"] == 0


def test_the_warehouse_reads_no_orders(api: Api, shop: Headers) -> None:
    """A key that only receives opens no order, and so sees neither money nor an address."""
    _put(api, shop, snapshot())
    keys = api.key("receiving:write")
    assert api.get("/orders/1001", keys).status_code == 403
    assert api.get("/orders", keys).status_code == 403


def test_an_event_holds_no_personal_data(api: Api, shop: Headers) -> None:
    """The event of an import binds the content by its hash and names nobody."""
    _put(api, shop, snapshot())
    ((_, body),) = _events_of(api)
    assert "sha256" in body["data"]
    text = str(body).lower()
    assert not any(name in text for name in ("ayse", "yılmaz", "moda", "c-17"))
    assert "yılmaz" not in _row(api).doc.lower()


def test_an_erased_person_comes_back_only_with_contact_data(api: Api, shop: Headers) -> None:
    """A later snapshot without contact data leaves an order erased; one with it brings the person back and says so."""
    _put(api, shop, snapshot())
    _set(api, person="null", email=None)
    silent = snapshot(customer={"reference": "c-17"}, ship_to={"country": "TR"}, points_earned=1)
    shown = _put(api, shop, silent).json()
    assert (shown["erased"], shown["customer"]["email"], _row(api).email) == (True, None, None)
    assert _row(api).customer_ref == "c-17"
    shown = _put(api, shop, snapshot(points_earned=1)).json()
    assert (shown["erased"], shown["customer"]["name"]) == (False, "Ayşe Yılmaz")
    assert _events_of(api)[-1][1]["data"]["person"] == "restored"


def test_policy_and_law_are_those_of_the_import(api: Api, shop: Headers) -> None:
    """A new order keeps the policy in force and the laws of its country and of the store's on its day."""
    shown = _put(api, shop, snapshot()).json()
    assert (shown["policy_version"], shown["law"][:3]) == (1, "TR@")
    _put(api, shop, snapshot(ship_to={"country": "GB"}), number="1002")
    assert _row(api, "1002").law == "UK@2014-06-13+TR@2026-01-01/TR"


def test_a_total_that_does_not_add_up_is_flagged(api: Api, shop: Headers) -> None:
    """A total that differs from its parts is kept as sent, and flagged."""
    shown = _put(api, shop, snapshot(total=money("300.00"))).json()
    assert (shown["total"], shown["flags"]) == (money("300.00"), ["total_mismatch"])


def test_a_delivery_is_added_and_completed(api: Api, shop: Headers) -> None:
    """A delivery is new (201), known and changed (200), or known and the same, which changes nothing."""
    _put(api, shop, snapshot(deliveries=[]))
    sent = {"id": "d2", "shipped_at": "2026-03-02T10:00:00Z", "lines": [{"id": "1", "quantity": 2}]}
    first = api.post("/orders/1001/deliveries", sent, shop)
    assert (first.status_code, first.headers["etag"]) == (201, '"2"'), first.text
    arrived = sent | {"delivered_at": "2026-03-04T10:00:00Z"}
    assert api.post("/orders/1001/deliveries", arrived, shop).status_code == 200
    again = api.post("/orders/1001/deliveries", arrived, shop)
    assert again.headers["etag"] == '"3"'
    assert len(api.get("/orders/1001", shop).json()["deliveries"]) == 1
    assert len(_events_of(api)) == 3


def test_a_delivery_that_cannot_be_is_refused(api: Api, shop: Headers) -> None:
    """An unknown line, too many units and an instant to come are 422 with their paths; an unknown order is 404."""
    _put(api, shop, snapshot())
    for body, path in (
        ({"id": "d", "lines": [{"id": "9", "quantity": 1}]}, "lines[0]"),
        ({"id": "d", "lines": [{"id": "1", "quantity": 4}]}, "lines[0].quantity"),
        ({"id": "d", "delivered_at": "2999-01-01T00:00:00Z"}, "delivered_at"),
        ({}, "id"),
    ):
        answer = api.post("/orders/1001/deliveries", body, shop)
        assert answer.status_code == 422, answer.text
        assert path in [error["path"] for error in answer.json()["errors"]]
    assert api.post("/orders/9/deliveries", {"id": "d"}, shop).status_code == 404


def test_orders_are_listed_in_pages_and_found(api: Api, shop: Headers) -> None:
    """Lists come in pages that name each order once, and filters find by address, customer, number and time."""
    for number in ("1", "2", "3"):
        customer = {"reference": f"c-{number}", "email": f"K{number}@example.com"}
        _put(api, shop, snapshot(customer=customer), number=number)
    first = api.get("/orders?limit=2", shop).json()
    rest = api.get("/orders", shop, params={"limit": 2, "cursor": first["next_cursor"]}).json()
    assert [one["number"] for one in first["items"] + rest["items"]] == ["1", "2", "3"]
    assert rest["next_cursor"] is None
    for query, wanted in (
        ({"email": " k2@EXAMPLE.com"}, ["2"]),
        ({"customer_reference": "c-3"}, ["3"]),
        ({"number": "1"}, ["1"]),
        ({"created_from": "2026-01-01T00:00:00Z", "ordered_to": "2026-03-01T07:00:00Z"}, []),
        ({"ordered_from": "2026-03-01T07:00:00Z"}, ["1", "2", "3"]),
        ({"created_to": "2026-01-01T00:00:00Z"}, []),
    ):
        found = api.get("/orders", shop, params=query).json()
        assert [one["number"] for one in found["items"]] == wanted, query
    assert "options" not in first["items"][0]["lines"][0]


@pytest.mark.parametrize("query", ["created_from=yesterday", "created_from=2026-01-01T00:00:00", "colour=red"])
def test_a_filter_that_cannot_be_is_refused(api: Api, shop: Headers, query: str) -> None:
    """An unknown filter, or an instant without its offset, is 422."""
    assert api.get(f"/orders?{query}", shop).status_code == 422


def test_an_order_is_stored_without_losing_a_letter(api: Api, shop: Headers) -> None:
    """What is stored reads back as what was sent."""
    _put(api, shop, snapshot())
    order = read_order_doc(_row(api).doc)
    assert (order.person, order.lines[0].name, order.lines[0].total) == (None, "Kırmızı tişört M", 30000)
