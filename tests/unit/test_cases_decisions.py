"""The worked cases about decisions, one test by its id each."""

from __future__ import annotations

from datetime import date
from typing import Any

import msgspec
import pytest

from rma.domain.claims import DeliveredLine, Delivery, Override
from rma.domain.decision import options
from rma.errors import Invalid
from tests.support import laws
from tests.support.cases import RETURNS, cases, expected, given
from tests.support.decisions import TR, ask, at, codes, judged, line, one, order, policy

HYGIENE = {
    "rule": "exclude",
    "params": {"categories": ["hygiene"], "opened": True},
    "then": "refuse",
    "text": {"tr": "Açılmış hijyen ürünü geri alınmaz.", "en": "Opened hygiene goods stay.", "de": "Bleibt geöffnet."},
}


def test_e2_one_window_refuses_and_a_person_may_let_through() -> None:
    """E2: after the window the customer is refused with the last day; staff may override with a reason."""
    assert "refused with the reason and the last day" in cases(RETURNS)["E2"].expected
    facts = order("2026-06-01")
    late = one(facts, on="2026-06-21")
    assert (late.decision, codes(late), late.last_day) == ("refused", ["window_over"], date(2026, 6, 15))
    assert late.reasons[0].reason("tr").text == "İade süresi 15 Haziran 2026 tarihinde doldu."
    assert late.reasons[0].reason("de").text.endswith("endete am 15. Juni 2026.")
    override = Override(person="ops@example.com", reason="loyal customer")
    let = one(facts, on="2026-06-21", override=override)
    assert (let.decision, let.basis) == ("accepted", "goodwill")
    assert [why.code for why in let.overrode] == ["window_over"]
    assert let.trace[-1].inputs == {"was": "refused"}


def test_e5_days_are_not_compared_by_day_of_month() -> None:
    """E5: 33 days after delivery is too late, though the days of the month differ by two."""
    assert cases(RETURNS)["E5"].given.endswith("(33 days)")
    late = one(order("2026-01-01", ordered_at=at("2025-12-20")), on="2026-02-03")
    assert late.decision == "refused"
    assert late.last_day == date(2026, 1, 15)


@pytest.mark.parametrize("language", ["tr", "en", "de"])
def test_e8_the_rules_own_text_is_said(language: str) -> None:
    """E8: opened hygiene goods are refused with exactly the rule's text, in the customer's language."""
    goods = order(lines=(line(category="hygiene", attributes=frozenset({"hygiene_opened"})),))
    refused = one(goods, ask("withdrawal", opened=True), by=policy([HYGIENE]))
    assert refused.decision == "refused"
    assert refused.reasons[0].reason(language).text == HYGIENE["text"][language]  # type: ignore[index]
    assert one(goods, ask("withdrawal"), by=policy([HYGIENE])).decision == "accepted"


def test_e9_three_distinct_reasons() -> None:
    """E9: a price below the minimum, an excluded country and a no-return campaign are three distinct reasons."""
    assert cases(RETURNS)["E9"].expected == "three distinct reasons"
    rules: list[dict[str, Any]] = [
        {"rule": "line_value_below", "params": {"amount": "150.00", "currency": "TRY"}},
        {"rule": "exclude", "params": {"countries": ["TR"]}},
        {"rule": "no_return_period", "params": {"from": "2026-05-25", "to": "2026-06-01"}},
    ]
    facts = order()
    voluntary = {"voluntary_days": 60}
    found = [
        one(facts, ask("voluntary"), on="2026-07-10", by=policy([{**rule, "then": "refuse"}], windows=voluntary))
        for rule in rules
    ]
    assert [one.decision for one in found] == ["refused"] * 3
    assert [codes(one) for one in found] == [["line_value_below"], ["excluded_country"], ["no_return_period"]]
    assert len({one.reasons[0].text["tr"] for one in found}) == 3
    statutory = one(facts, ask("voluntary"), on="2026-06-12", by=policy([{**rules[2], "then": "refuse"}]))
    assert statutory.decision == "accepted"


def test_e10_what_was_not_delivered_and_what_is_in_a_return_cannot_be_returned() -> None:
    """E10: ordered 3, delivered 2, 1 already in a return: 1 can be returned; a withdrawal is also from the third."""
    assert cases(RETURNS)["E10"].expected == "1 can be returned"
    delivery = Delivery(delivered_at=at("2026-06-10"), lines=(DeliveredLine(id="1", quantity=2),))
    facts = order(lines=(line(quantity=3, left=2, total=30000),), deliveries=(delivery,))
    for kind, most in (("withdrawal", 2), ("voluntary", 1), ("damaged", 1)):
        assert one(facts, ask(kind)).decision in {"accepted", "needs_evidence"}
        excess = judged(facts, ask(kind, most + 1))
        assert codes(excess.lines[0]) == ["quantity_left"]
        assert excess.lines[0].reasons[0].text["en"] == f"At most {most} of this item can be returned."
        assert [fault.path for fault in excess.errors] == ["lines[0].quantity"]
    gone = order(lines=(line(quantity=3, left=0, total=30000),), deliveries=(delivery,))
    assert one(gone, ask("voluntary")).reasons[0].text["tr"] == "Bu kalemden iade edilebilecek ürün kalmadı."
    apart, parted = judged(facts, ask(), ask()), judged(facts, ask(quantity=2))
    for both in (apart, parted):
        assert [(line.quantity, line.delivered) for line in both.lines] == [(1, True), (1, False)]
        assert [line.goods_come_back for line in both.lines] == [True, False]
        assert both.assessment == "accepted"
    assert (apart.asked, parted.asked) == ((0, 1), (0, 0))
    assert options(policy(), TR, facts, "1", at=at("2026-06-12"), kinds=("withdrawal",))[0].quantity == 2


def test_e17_before_delivery_only_withdrawal_is_open() -> None:
    """E17: nothing delivered: withdrawal is open, a return of goods is refused with that reason."""
    facts = order(None)
    withdrawn = one(facts, on="2026-06-02")
    assert (withdrawn.decision, withdrawn.basis, withdrawn.last_day) == ("accepted", "statutory", None)
    assert not withdrawn.goods_come_back
    assert [way.name for way in withdrawn.methods] == ["none"]
    for kind in ("voluntary", "damaged", "defective", "wrong_item", "missing_item"):
        refused = one(facts, ask(kind), on="2026-06-02")
        assert (refused.decision, codes(refused)) == ("refused", ["not_delivered_yet"])


def test_e20_the_notice_counts() -> None:
    """E20: filed on the last day and processed two days later is still in time."""
    facts = order("2026-06-10", now=at("2026-06-26"))
    assert one(facts, on="2026-06-24").decision == "accepted"
    assert one(facts, on="2026-06-25").decision == "refused"


def test_e21_a_filing_in_the_future_is_refused() -> None:
    """E21: a notice dated in the future is refused by its path."""
    with pytest.raises(Invalid) as refused:
        one(order(now=at("2026-06-12")), on="2026-06-13")
    assert refused.value.errors[0].path == "filed_at"


def test_e24_without_a_delivery_date_the_day_is_estimated() -> None:
    """E24: the fallback date plus transit days is used, said to be an estimate, and runs out.

    For two weeks after it a person is asked: the seller has to prove the day, and it is never before the promised one.
    """
    facts = order(None)
    by = policy(windows={"fallback_transit_days": 3})
    fresh, late = one(facts, on="2026-06-10", by=by), one(facts, on="2026-07-03", by=by)
    assert (fresh.decision, fresh.estimated, fresh.last_day) == ("accepted", True, date(2026, 6, 18))
    assert (late.decision, late.estimated, late.last_day) == ("refused", True, date(2026, 6, 18))
    assert "tahmini" in late.reasons[0].text["tr"]
    shipped = one(order(None, shipped_at=at("2026-06-05")), on="2026-06-10", by=by)
    assert shipped.last_day == date(2026, 6, 22)
    doubtful = one(facts, on="2026-07-02", by=by)
    assert (doubtful.decision, doubtful.basis, codes(doubtful)) == ("needs_review", "statutory", ["window_in_doubt"])
    assert "18 Haziran 2026" in doubtful.reasons[0].text["tr"]
    promised = one(order(None, promised_by=date(2026, 6, 9)), on="2026-06-23", by=by)
    assert (promised.decision, promised.estimated, promised.last_day) == ("accepted", True, date(2026, 6, 23))


def test_goods_made_to_order_may_be_promised_later() -> None:
    """The thirty days are no cap on goods that are made to order (Law 6502 art. 48/3): their promise binds."""
    made = order(None, promised_by=date(2026, 7, 31), lines=(line(attributes=frozenset({"custom_made"})),))
    found = [one(made, ask("not_delivered"), on=day) for day in ("2026-07-05", "2026-08-01")]
    assert [(codes(each), each.basis) for each in found] == [(["not_due_yet"], "statutory"), ([], "statutory")]
    ready = one(order(None, promised_by=date(2026, 7, 31)), ask("not_delivered"), on="2026-07-05")
    assert ready.decision == "accepted"


def test_a_defect_of_goods_that_we_believe_under_way_asks_a_person() -> None:
    """A complaint before the parcel was seen to arrive is looked at, as is a missing parcel that was."""
    sent = order(None, shipped_at=at("2026-06-02"), promised_by=date(2026, 6, 12))
    for kind in ("damaged", "defective", "wrong_item", "missing_item"):
        found = one(sent, ask(kind), on="2026-06-04")
        assert (found.decision, found.basis, codes(found)) == (
            "needs_review",
            "statutory",
            ["recorded_as_under_way"],
        )
        assert found.goods_come_back == (kind != "missing_item")
    assert codes(one(sent, ask("damaged", 2), on="2026-06-04")) == ["quantity_left"]
    assert codes(one(sent, ask("voluntary"), on="2026-06-04")) == ["not_delivered_yet"]


def test_s6_one_rule_asks_and_another_refuses() -> None:
    """S6: a rule that asks puts the case in review with its reason, a rule that refuses declines it with its own."""
    asks = policy([{"rule": "reason_asks", "params": {"reasons": ["too_small"]}, "then": "ask"}])
    refuses = policy(
        [{"rule": "exclude", "params": {"skus": ["TS-RED-M"]}, "then": "refuse"}], windows={"voluntary_days": 90}
    )
    review = judged(order(), ask(reason="too_small"), by=asks)
    assert (review.assessment, codes(review.lines[0])) == ("in_review", ["reason_asks"])
    declined = judged(order(), ask("voluntary"), on="2026-07-10", by=refuses)
    assert (declined.assessment, codes(declined.lines[0])) == ("declined", ["excluded"])


def test_a26_the_last_parcel_starts_the_clock_for_all() -> None:
    """A26: of three parcels the last one starts the clock for every item of the order."""
    days = given("A26")["parcels"].split(",")
    lines = tuple(line(id=str(index)) for index in range(3))
    deliveries = tuple(
        Delivery(delivered_at=at(day), lines=(DeliveredLine(id=str(index), quantity=1),))
        for index, day in enumerate(days)
    )
    facts = order(lines=lines, deliveries=deliveries)
    assert one(facts, ask(order_line_id="0")).last_day == date.fromisoformat(expected("A26")["raw"])
    open_still = one(msgspec.structs.replace(facts, deliveries=deliveries[:2]), ask(order_line_id="0"), on="2026-07-30")
    assert (open_still.decision, open_still.last_day) == ("accepted", None)


def test_a27_the_last_piece_starts_the_clock() -> None:
    """A27: one wardrobe in three boxes counts from the last box."""
    days = given("A27")["pieces"].split(",")
    deliveries = tuple(
        Delivery(delivered_at=at(day), lines=(DeliveredLine(id="1", quantity=1, piece=index),))
        for index, day in enumerate(days)
    )
    found = one(order(deliveries=deliveries), on="2026-06-21")
    assert found.last_day == date.fromisoformat(expected("A27")["lenient"])


@pytest.mark.parametrize(("case", "day"), [("A31", "2026-08-03"), ("A32", "2026-08-05")])
def test_who_received_it_and_who_chose_the_carrier_do_not_matter(case: str, day: str) -> None:
    """A31, A32: the clock starts at receipt, also by a neighbour, also with the customer's own carrier."""
    found = one(order(day), on=day)
    assert found.last_day == date.fromisoformat(expected(case)["lenient"])


def test_h19_the_last_item_starts_the_clock_in_the_uk() -> None:
    """H19: goods of 1 and 15 September can be withdrawn from until 29 September."""
    uk = laws.law("GB", "2026-09-01")
    lines = (line(id="1"), line(id="2"))
    deliveries = tuple(
        Delivery(delivered_at=at(day, timezone="Europe/London"), lines=(DeliveredLine(id=str(index), quantity=1),))
        for index, day in enumerate(given("H19")["goods"].split(","), 1)
    )
    facts = order(lines=lines, deliveries=deliveries, timezone="Europe/London", country="GB")
    found = one(facts, on="2026-09-29", law=uk)
    assert (found.decision, found.last_day) == ("accepted", date.fromisoformat(expected("H19")["end"]))


def test_e05_the_named_carrier_costs_the_customer_nothing() -> None:
    """E05, E08 of the law: the named carrier is free, only another one although one was named is the customer's."""
    assert expected("E05") == {"consumer_pays": "0.00"}
    assert expected("E08") == {"consumer_pays": "55.00"}
    by = policy(
        reasons={"default": {"methods": ["printed_label", "own_carrier"], "way_back_paid_by": "customer"}},
        returns={"named_return_carriers": ["yurtici"]},
    )
    assert [way.paid_by for way in one(order(), by=by).methods] == ["store", "customer"]
    assert one(order(), by=policy()).methods[-1].paid_by == "store"


def test_m37_a_withdrawal_bears_no_fee() -> None:
    """M37: a restocking fee and a return fee of the policy are 0 for a statutory withdrawal."""
    assert expected("M37") == {"fee": "0.00"}
    by = policy(fees={"restocking_percent": "10", "return": [{"method": "printed_label", "amount": "29.90"}]})
    withdrawn = judged(order(), by=by, method="printed_label")
    assert (withdrawn.fees, withdrawn.lines[0].restocking_percent) == ((), "0")
    assert {way.fee for way in withdrawn.lines[0].methods} == {0}


@pytest.mark.parametrize(
    ("case", "attribute", "asked"),
    [
        ("F01", "custom_made", {}),
        ("F09", "media_opened", {"opened": True}),
        ("F16", "market_price", {}),
        ("F20", "installed_by_service", {"installed": True}),
    ],
)
def test_exempt_items_are_refused_by_article(case: str, attribute: str, asked: dict[str, Any]) -> None:
    """F01, F09, F16, F20: in Türkiye there is no right of withdrawal for these, and the refusal names the article."""
    assert expected(case)["TR"].startswith("no")
    refused = one(order(lines=(line(attributes=frozenset({attribute})),)), ask(**asked))
    assert (refused.decision, codes(refused)) == ("refused", ["exempt"])
    assert (refused.reasons[0].article or "").startswith("MSY m.15/1")


def test_f25_a_business_has_no_right_of_withdrawal() -> None:
    """F25: a business buyer stands on the store's terms only."""
    assert given("F25")
    sold = one(order(is_business=True))
    assert (sold.decision, sold.basis, sold.kind) == ("accepted", "contract", "voluntary")
    refused = one(order(is_business=True), by=policy([{"rule": "business_buyer"}]))
    assert codes(refused) == ["business_buyer"]


def test_u03_the_states_know_only_the_stores_terms() -> None:
    """U03: without a federal right a final sale is refused, a defect is not, nor what a rule selects by half."""
    us = laws.law("US", "2026-06-01")
    by = policy([{"rule": "exclude", "params": {"tags": ["final-sale"]}, "then": "refuse"}])
    facts = order(lines=(line(tags=("final-sale",)),), country="US")
    assert one(facts, law=us, by=by).decision == "refused"
    assert one(facts, ask("defective"), law=us, by=by).decision == "accepted"
    both = {"tags": ["final-sale"], "categories": ["shoes"]}
    for rule, decision in (("exclude", "accepted"), ("only", "refused")):
        found = one(facts, law=us, by=policy([{"rule": rule, "params": both, "then": "refuse"}]))
        assert found.decision == decision, "a line is selected by all that a rule names, not by one of it"


def test_d12_the_promise_binds() -> None:
    """D12: after the promised day, though within thirty, the customer may end the contract."""
    facts = order(None, ordered_at=at(given("D12")["order"]), promised_by=date(2026, 3, 6))
    found = one(facts, ask("not_delivered"), on=given("D12")["today"], law=TR)
    assert (found.decision, found.basis, found.trace[1].article) == ("accepted", "statutory", "MSY m.16/1")


def test_a33_goods_with_a_service_are_goods() -> None:
    """A33: goods and their installation in one contract count from delivery, and they come back."""
    facts = order(given("A33")["delivered"], lines=(line(kind="goods_and_service"),))
    found = one(facts, on="2026-06-24")
    assert (found.decision, found.basis) == ("accepted", "statutory")
    assert (found.last_day, found.goods_come_back) == (date.fromisoformat(expected("A33")["lenient"]), True)
    assert not one(order(None, lines=(line(kind="goods_and_service"),)), on="2026-06-02").goods_come_back
