"""The law in a shop: last days that move over holidays, for customers of more than one country."""

from __future__ import annotations

from tests.support.shop import OpenShop, Shop, codes, want

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


def test_who_was_never_told_may_withdraw_for_a_year_longer_and_owes_nothing_for_use(shop: Shop) -> None:
    """Never informed: the right lasts a year more, and no loss of value is deducted; both at once is contradictory."""
    shop.order("1001", withdrawal_information_given_at=None, never_informed=True)
    shop.advance("P200D")
    filed = shop.file("1001")
    assert (filed["lines"][0]["basis"], filed["lines"][0]["last_day"]) == ("statutory", "2027-03-12")
    shop.receive(filed)
    judged = {"line_id": filed["lines"][0]["id"], "quantity": 1, "grade": "B", "disposition": "restock_b"}
    judged |= {"verdict": "part", "deduction": {"percent": "10", "reason": "Kullanım izi"}}
    problem = shop.warehouse.refused(f"/returns/{filed['id']}/inspections", {"lines": [judged]})
    assert (codes(problem), problem["allowed"]) == (["value_loss_not_allowed"], ["accept"])
    shop.order("1002", withdrawal_information_given_at=None)
    both = shop.integrator.get("/orders/1002") | {"never_informed": True}
    sent = {name: both[name] for name in ("ordered_at", "currency", "prices_include_tax", "lines", "never_informed")}
    for line in sent["lines"]:
        for name in ("origin", "options"):
            line.pop(name, None)
    sent["withdrawal_information_given_at"] = sent["ordered_at"]
    wrong = shop.integrator.refused("/orders/1002", sent, method="PUT", status=422)
    assert [(fault["path"], fault["code"]) for fault in wrong["errors"]] == [("never_informed", "contradiction")]


def test_a_regular_delivery_counts_from_its_first_parcel(shop: Shop) -> None:
    """Coffee every month: the right ends fourteen days after the first bag, while a single order waits for its last."""
    coffee = shop.line("1", quantity=3, attributes={"regular_delivery": True})
    parcels = [
        {"id": "d1", "delivered_at": "2026-02-10T09:00:00+03:00", "lines": [{"id": "1", "quantity": 1}]},
        {"id": "d2", "delivered_at": "2026-02-28T09:00:00+03:00", "lines": [{"id": "1", "quantity": 1}]},
    ]
    told = {"ordered_at": "2026-02-05T09:00:00+03:00", "withdrawal_information_given_at": "2026-02-05T09:00:00+03:00"}
    shop.order("1001", coffee, deliveries=parcels, payment={"captured_at": told["ordered_at"]}, **told)
    shop.order(
        "1002", shop.line("1", quantity=3), deliveries=parcels, payment={"captured_at": told["ordered_at"]}, **told
    )
    [regular] = shop.integrator.post("/returns/quote", {"order_number": "1001", "lines": [want("1")]})["lines"]
    [single] = shop.integrator.post("/returns/quote", {"order_number": "1002", "lines": [want("1")]})["lines"]
    assert regular["basis"] != "statutory"
    assert (single["basis"], single["last_day"]) == ("statutory", None)


def test_what_the_law_gives_for_a_defect_can_be_chosen_whatever_a_list_says(open_shop: OpenShop) -> None:
    """Law 6502 art. 11: a list for a reason takes no remedy, and one for defects that does is not published."""
    shop = open_shop(policy={"reasons": {"broken": {"outcomes": ["refund", "store_credit"]}}})
    narrow = {"name": "Narrow", "reasons": {"defective": {"outcomes": ["refund", "exchange"]}}}
    drafted = shop.owner.post("/policies", narrow)
    told = shop.owner.refused(f"/policies/{drafted['version']}/publish", {}, status=422)
    assert [(one["code"], one["article"]) for one in told["reasons"]] == [("remedy_taken", "6502 m.11/1")]
    listed = {"repaired": True, "warranty_listed": True}
    shop.order("1001", shop.line("1"), shop.line("2", attributes=listed))
    asked = {
        "order_number": "1001",
        "kind": "defective",
        "lines": [{"order_line_id": number, "quantity": 1, "reason": "broken"} for number in ("1", "2")],
    }
    first, second = shop.integrator.post("/returns/quote", asked)["lines"]
    assert first["outcomes"] == ["refund", "store_credit", "price_reduction", "repair", "exchange"]
    by_law = {one["outcome"]: (one["article"], one["added"]) for one in first["outcomes_by_law"]}
    assert by_law == {
        "refund": ("6502 m.11/1", False),
        "price_reduction": ("6502 m.11/1", True),
        "repair": ("6502 m.11/1", True),
        "exchange": ("6502 m.11/1", True),
    }
    assert {one["article"] for one in second["outcomes_by_law"]} == {"6502 m.11/1", "6502 m.11/1; GBY m.9"}
    chosen = {**asked, "lines": [{"order_line_id": "1", "quantity": 1, "reason": "broken", "outcome": "repair"}]}
    filed = shop.integrator.post("/returns", chosen)
    assert [(line["decision"], line["outcome"]) for line in filed["lines"]] == [("accepted", "repair")]
    line_id = filed["lines"][0]["id"]
    changed = shop.customer(filed).post(f"/returns/{filed['id']}/lines/{line_id}/outcome", {"outcome": "refund"})
    assert changed["lines"][0]["outcome"] == "refund"
