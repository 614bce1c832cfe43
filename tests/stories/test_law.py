"""The law in a shop: last days that move over holidays, for customers of more than one country."""

from __future__ import annotations

from tests.support.shop import Shop, want

GERMAN = {"name": "Eva Kurz", "line1": "Hauptstraße 1", "city": "Köln", "country": "DE", "postcode": "50667"}


def test_a_last_day_inside_a_bayram_moves_behind_it(shop: Shop) -> None:
    """Goods may be sent until the Monday after the holidays; the shop pays by the day as counted, not behind them."""
    shop.order("1001", shop.line("1", quantity=2))
    shop.advance("P3D")
    due = shop.show(shop.file("1001", want("1")))["next_deadline"]
    assert (due["raw"], due["strict"], due["lenient"]) == ("2026-03-19",) * 3
    shop.advance("P1D")
    filed = shop.file("1001", want("1"))
    due = shop.show(filed)["next_deadline"]
    assert (due["raw"], due["strict"], due["lenient"]) == ("2026-03-20", "2026-03-23", "2026-03-23")
    assert due["due_at"] == "2026-03-23T20:59:59Z"
    shop.send(filed)
    shop.receive(filed)
    shop.inspect(filed)
    [refund] = shop.refunds(filed)
    assert (refund["due"]["legal"], refund["due"]["article"]) == ("2026-03-20", "MSY m.12/1")


def test_each_customer_has_the_days_of_their_country(shop: Shop) -> None:
    """Delivered on one day, a Turkish customer may withdraw until after the bayram, a German one until the 20th."""
    delivered = [{"id": "d1", "delivered_at": "2026-03-06T09:00:00+03:00"}]
    shop.advance("P5D")
    shop.order("1001", deliveries=delivered)
    shop.order("1002", deliveries=delivered, ship_to=GERMAN)
    turkish, german = shop.file("1001"), shop.file("1002")
    assert (turkish["law"], turkish["lines"][0]["last_day"]) == ("TR@2026-01-01", "2026-03-23")
    assert (german["law"], german["lines"][0]["last_day"]) == ("EU@2022-01-01", "2026-03-20")


def test_who_was_told_late_may_withdraw_longer(shop: Shop) -> None:
    """Information on the right that came four days after the goods moves the last day by four days."""
    shop.order("1001", withdrawal_information_given_at="2026-03-02T08:00:00+03:00")
    shop.advance("P4D")
    filed = shop.file("1001")
    assert (filed["state"], filed["lines"][0]["last_day"]) == ("awaiting_parcel", "2026-03-16")
