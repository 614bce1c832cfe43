"""The law in a shop: last days that move over holidays, for customers of more than one country."""

from __future__ import annotations

import pytest

from tests.support.shop import OpenShop, Shop, codes, want
from tests.support.snapshots import Json

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


def test_a_german_customer_of_a_turkish_shop_has_the_better_of_both_laws(shop: Shop) -> None:
    """Turkish law lets them wait out the bayram and pays the way back; the record says what each law says and why."""
    delivered = [{"id": "d1", "delivered_at": "2026-03-06T09:00:00+03:00"}]
    shop.advance("P5D")
    shop.order("1001", deliveries=delivered)
    shop.order("1002", deliveries=delivered, ship_to=GERMAN)
    turkish, german = shop.file("1001"), shop.file("1002")
    assert (turkish["law"], turkish["lines"][0]["last_day"]) == ("TR@2026-01-01", "2026-03-23")
    assert (german["law"], german["lines"][0]["last_day"]) == ("EU@2022-01-01+TR@2026-01-01/TR", "2026-03-23")
    assert german["lines"][0]["way_back_paid_by"] == "store"
    found = shop.support.get(f"/returns/{german['id']}/decision")
    assert found["laws"] == german["laws"]
    assert found["laws"] == [
        {"law": "EU@2022-01-01", "country": "DE", "of": "customer"},
        {"law": "TR@2026-01-01", "country": "TR", "of": "store"},
    ]
    [line] = found["lines"]
    assert (line["decided_by"]["version"], line["decided_by"]["article"]) == ("TR@2026-01-01/TR", "MSY m.9/1")
    told = line["trace"][0]
    assert told["inputs"] == {
        "EU@2022-01-01": "statutory until 2026-03-20",
        "TR@2026-01-01/TR": "statutory until 2026-03-23",
        "way_back": "MSY m.12/5",
    }
    assert "TR@2026-01-01/TR" in told["texts"]["de"]
    shop.send(german)
    [own] = shop.support.get(f"/returns/{turkish['id']}/decision")["lines"]
    assert own["trace"][0]["rule"] != "laws"


def test_a_turkish_customer_of_a_german_shop_has_the_better_of_both_laws(open_shop: OpenShop) -> None:
    """A drone, which Turkish law excepts, may go back by German law; both are named, and the longer time to send it."""
    shop = open_shop(country="DE", timezone="Europe/Berlin", currency="EUR", locale="de")
    shop.order("1001", shop.line("1", attributes={"registrable_vehicle_or_drone": True}))
    quoted = shop.integrator.post("/returns/quote", {"order_number": "1001", "lines": [want("1")]})
    [line] = quoted["lines"]
    assert quoted["law"] == "TR@2026-01-01+EU@2022-01-01/DE"
    assert [(one["country"], one["of"]) for one in quoted["laws"]] == [("TR", "customer"), ("DE", "store")]
    assert (line["basis"], line["decided_by"]["version"]) == ("statutory", "EU@2022-01-01/DE")
    filed = shop.file("1001")
    [line] = shop.support.get(f"/returns/{filed['id']}/decision")["lines"]
    assert line["trace"][0]["inputs"]["TR@2026-01-01"] == "exempt: MSY m.15/1-ı"
    assert shop.show(filed)["next_deadline"]["raw"] == "2026-03-16"


def test_who_is_protected_by_one_law(shop: Shop) -> None:
    """A customer in a country whose law we do not hold, or in none that is told, has that of the shop."""
    shop.order("1001", ship_to={**GERMAN, "country": "JP"})
    shop.order("1002", ship_to=None)
    for number in ("1001", "1002"):
        quoted = shop.integrator.post("/returns/quote", {"order_number": number, "lines": [want("1")]})
        assert quoted["law"] == "TR@2026-01-01"
        assert quoted["laws"] == [{"law": "TR@2026-01-01", "country": "TR", "of": "store"}]
    filed = shop.file("1001")
    found = shop.support.get(f"/returns/{filed['id']}/decision")
    assert found["laws"] == [{"law": "TR@2026-01-01", "country": "TR", "of": "store"}]


def test_who_was_told_late_may_withdraw_longer(shop: Shop) -> None:
    """Information on the right that came four days after the goods moves the last day by four; no use is deducted."""
    shop.order("1001", withdrawal_information_given_at="2026-03-02T08:00:00+03:00")
    shop.advance("P4D")
    filed = shop.file("1001")
    assert (filed["state"], filed["lines"][0]["last_day"]) == ("awaiting_parcel", "2026-03-16")
    shop.receive(filed)
    assert "not told" in no_deduction(shop, filed)["reasons"][0]["text"]


def no_deduction(shop: Shop, filed: Json) -> Json:
    """The refusal of a deduction for the use of the goods."""
    judged = {"line_id": filed["lines"][0]["id"], "quantity": 1, "grade": "B", "disposition": "restock_b"}
    judged |= {"verdict": "part", "deduction": {"percent": "10", "reason": "Kullanım izi"}}
    problem: Json = shop.warehouse.refused(f"/returns/{filed['id']}/inspections", {"lines": [judged]})
    return problem


def test_who_was_never_told_may_withdraw_for_a_year_longer_and_owes_nothing_for_use(shop: Shop) -> None:
    """Never informed: the right lasts a year more, and no loss of value is deducted; both at once is contradictory."""
    shop.order("1001", withdrawal_information_given_at=None, never_informed=True)
    shop.advance("P200D")
    filed = shop.file("1001")
    assert (filed["lines"][0]["basis"], filed["lines"][0]["last_day"]) == ("statutory", "2027-03-12")
    shop.receive(filed)
    problem = no_deduction(shop, filed)
    assert (codes(problem), problem["allowed"]) == (["value_loss_not_allowed"], ["accept"])
    assert "not told" in problem["reasons"][0]["text"]
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


@pytest.mark.parametrize(
    ("attributes", "changes", "total"),
    [
        ({"service_started": True}, {}, "75.00"),
        ({}, {}, "90.00"),
        ({"service_started": True}, {"never_informed": True, "withdrawal_information_given_at": None}, "90.00"),
        ({"service_started": True}, {"withdrawal_information_given_at": "2026-02-27T09:00:00+01:00"}, "90.00"),
    ],
)
def test_who_withdraws_from_a_service_that_was_begun_pays_for_what_was_given(
    shop: Shop, attributes: Json, changes: Json, total: str
) -> None:
    """E16, CRD art. 14(3)-(4): five of thirty days at the consumer's wish are kept, and nothing where none was told."""
    times = {"starts": "2026-02-25", "ends": "2026-03-26"}
    service = shop.line("1", price="90.00", kind="service", service=times, attributes=attributes)
    shop.order("1001", service, ship_to={"country": "DE"}, deliveries=[], **changes)
    asked_for = {"order_number": "1001", "lines": [{"order_line_id": "1", "quantity": 1}]}
    quoted = shop.integrator.post("/returns/quote", asked_for)
    assert (quoted["lines"][0]["basis"], quoted["refund"]["total"]["amount"]) == ("statutory", total)
    shop.integrator.post("/returns", asked_for)
    [refund] = shop.finance.items("/refunds")
    assert refund["total"]["amount"] == total
    kept = [part["cause"] for part in refund["components"] if part["kind"] == "deduction"]
    assert kept == (["service_used"] if total == "75.00" else [])


def test_the_days_of_a_service_are_told_in_their_order(shop: Shop) -> None:
    """A service that ends before it starts, or goods that are given over days, are refused by their path."""
    wrong = {"starts": "2026-03-26", "ends": "2026-02-25"}
    body = shop.order("1001", shop.line("1"))
    sent = {name: body[name] for name in ("ordered_at", "currency", "prices_include_tax")}
    told = shop.integrator.refused(
        "/orders/1002", sent | {"lines": [shop.line("1", service=wrong)]}, method="PUT", status=422
    )
    assert [(fault["path"], fault["code"]) for fault in told["errors"]] == [
        ("lines[0].service", "unexpected"),
        ("lines[0].service.ends", "order"),
    ]
