"""The plans of both stores: dates, snapshots, deterministic choices."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from decimal import Decimal

import msgspec
import pytest

from rma.demo import britain, chance, dates, excerpt, turkish
from rma.demo.plan import StorePlan
from rma.demo.retail import parse_rows, read_rows
from rma.demo.turkish_goods import GOODS, PEOPLE
from rma.domain.snapshot import read_order

TODAY = date(2026, 11, 21)
HEADER = "invoice,sku,description,quantity,invoiced_at,unit_price_gbp,customer,country"


def britain_of(*lines: str, today: date = TODAY) -> StorePlan:
    """The UK plan of a few rows."""
    return britain.plan(parse_rows([HEADER, *lines]), today=today)


@pytest.mark.parametrize("offset", range(7))
def test_the_last_invoice_is_of_last_week(offset: int) -> None:
    """Whichever weekday it is today, the last invoice lands in the calendar week before, on its own weekday."""
    today, last = TODAY + timedelta(days=offset), date(2010, 2, 28)
    moved = last + timedelta(weeks=dates.weeks_to_last_week(last, today))
    assert moved.weekday() == last.weekday()
    assert (today - timedelta(days=today.weekday()) - moved).days in range(1, 8)


def test_moving_keeps_intervals_and_clock_times() -> None:
    """Two dates moved by weeks keep their distance and their time of day, across summer time too."""
    one, two = datetime.fromisoformat("2009-12-01 07:45"), datetime.fromisoformat("2010-02-28 16:16")
    moved = [dates.shift(at, 872) for at in (one, two)]
    assert moved[1] - moved[0] == two - one
    assert [at.time() for at in moved] == [one.time(), two.time()]
    assert dates.in_zone(moved[0], "Europe/London").utcoffset() == timedelta(hours=1)


def test_an_instant_belongs_to_the_next_evening() -> None:
    """What happens before the evening stop is done that day, what happens after it on the next."""
    zone = "Europe/London"
    assert dates.slot(dates.in_zone(datetime.fromisoformat("2026-11-03 17:59"), zone), zone) == date(2026, 11, 3)
    assert dates.slot(dates.in_zone(datetime.fromisoformat("2026-11-03 18:01"), zone), zone) == date(2026, 11, 4)


def test_an_invoice_becomes_a_snapshot() -> None:
    """Postage is shipping, discount lines are a promotion, the total adds up, delivery is the usual transit later."""
    plan = britain_of(
        "1,22041,FRAME,2,2010-02-16 10:00:00,3.45,12,Germany",
        "1,POST,POSTAGE,1,2010-02-16 10:00:00,18.0,12,Germany",
        "1,D,Discount,-1,2010-02-16 10:00:00,1.5,12,Germany",
    )
    body = plan.orders[0].body
    assert body["total"] == {"amount": "23.40", "currency": "GBP"}
    assert body["shipping"]["amount"]["amount"] == "18.00"
    assert body["promotions"] == [{"code": "D", "amount": {"amount": "1.50", "currency": "GBP"}}]
    ordered, delivered = body["ordered_at"], body["deliveries"][0]["delivered_at"]
    assert datetime.fromisoformat(delivered).date() - datetime.fromisoformat(ordered).date() == timedelta(days=5)
    assert body["ship_to"]["country"] == "DE"
    assert body["customer"]["email"].endswith("@example.com")


def test_a_credit_before_delivery_leaves_those_units_out_of_the_parcel() -> None:
    """An order credited while on its way is sent twice: first without a delivery, then with what is left of it."""
    plan = britain_of(
        "1,22041,FRAME,5,2010-02-16 10:00:00,3.45,12,United Kingdom",
        "C2,22041,FRAME,-2,2010-02-16 15:00:00,3.45,12,United Kingdom",
    )
    assert [order.body.get("deliveries") is None for order in plan.orders] == [True, False]
    assert plan.orders[1].body["deliveries"][0]["lines"] == [{"id": "1", "quantity": 3}]
    assert [(line.order_line_id, line.quantity) for line in plan.filings[0].lines] == [("1", 2)]
    assert plan.filings[0].at > plan.orders[0].at


def test_every_snapshot_is_readable_by_the_engine() -> None:
    """Both stores' snapshots pass the strict reading of the contract, and the totals they state add up."""
    for plan in (britain.plan(read_rows(excerpt.shipped()), today=TODAY), turkish.plan(today=TODAY)):
        for order in plan.orders:
            read_order(order.body["number"], msgspec.json.encode(order.body))
            stated = Decimal(order.body["total"]["amount"])
            paid = sum(Decimal(payment["captured"]["amount"]) for payment in order.body["payments"])
            assert stated == paid


def test_nothing_is_filed_before_it_is_ordered_and_known() -> None:
    """Each planned return is later than its order and asks for lines and units that the order has."""
    for plan in (britain.plan(read_rows(excerpt.shipped()), today=TODAY), turkish.plan(today=TODAY)):
        orders = {order.body["number"]: order for order in reversed(plan.orders)}
        keys = [filing.key for filing in plan.filings]
        assert len(set(keys)) == len(keys)
        for filing in plan.filings:
            order = orders[filing.order_number]
            bought = {line["id"]: line["quantity"] for line in order.body["lines"]}
            zone = plan.spec.timezone
            assert plan.spec.clock_start < order.at
            assert dates.slot(order.at, zone) <= dates.slot(filing.at, zone)
            assert all(line.quantity <= bought[line.order_line_id] for line in filing.lines)


def test_plans_are_the_same_on_every_run() -> None:
    """Nothing hangs on chance: two plans of one day are equal, and the excerpt gives a story of the promised size."""
    found = read_rows(excerpt.shipped())
    one, two = (britain.plan(found, today=TODAY) for _ in range(2))
    assert one == two
    assert turkish.plan(today=TODAY) == turkish.plan(today=TODAY)
    assert 150 <= len(one.filings) <= 300
    assert {filing.manner.outcome for filing in one.filings} == {"refund", "exchange", "store_credit"}


def test_the_turkish_store_speaks_turkish() -> None:
    """Names of people and goods hold the letters of Turkish, amounts are TRY, orders end last week."""
    plan = turkish.plan(today=TODAY)
    letters = "".join((*(person.name for person in PEOPLE), *(goods.name for goods in GOODS)))
    assert set("ığüşöçİŞÖÇ") <= set(letters)
    assert all(order.body["currency"] == "TRY" for order in plan.orders)
    assert max(datetime.fromisoformat(order.body["ordered_at"]) for order in plan.orders).date() == date(2026, 11, 15)


def test_weights_are_kept() -> None:
    """Choices by weight come about as often as they should and never leave the options."""
    picked = [chance.weighted(((80, "a"), (20, "b")), str(index)) for index in range(1000)]
    assert 740 < picked.count("a") < 860
    with pytest.raises(ValueError, match="nothing"):
        chance.pick((), "x")
