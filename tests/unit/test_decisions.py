"""Decisions: the law's floor, the store's rules over it, evidence, ways back, and a trace of it all."""

from __future__ import annotations

from datetime import date
from typing import Any

import msgspec
import pytest

from rma.domain.claims import DeliveredLine, Delivery, LineRequest, Override, Request
from rma.domain.decision import Decision, decide, options
from rma.domain.policy import standard
from rma.errors import Invalid
from tests.support import laws
from tests.support.decisions import STANDARD, TR, ask, at, codes, judged, line, one, order, policy

EU = laws.law("DE", "2026-06-01")
PHOTO = {"damaged": {"evidence": {"kinds": ["photo"], "at_least": 2, "carrier_report": "asked"}}}
FINAL = {"rule": "exclude", "params": {"tags": ["final-sale"]}, "applies_to": ["voluntary"], "then": "refuse"}


def test_a_voluntary_filing_inside_the_window_is_a_withdrawal() -> None:
    """Inside the statutory window a voluntary filing is judged as a withdrawal; after it, by the store's terms."""
    inside, after = (
        one(order(), ask("voluntary")),
        one(order(), ask("voluntary"), on="2026-06-25", by=policy(windows={"voluntary_days": 30})),
    )
    assert (inside.kind, inside.basis, inside.filed_kind) == ("withdrawal", "statutory", "voluntary")
    assert (after.kind, after.basis, after.last_day) == ("voluntary", "contract", date(2026, 7, 10))


def test_a_shop_cannot_exclude_a_right_by_law() -> None:
    """A rule that would refuse a statutory right is recorded as kept by the law, and the line is accepted."""
    by = policy([{**FINAL, "applies_to": []}])
    kept = one(order(lines=(line(tags=("final-sale",)),)), ask("voluntary"), by=by)
    assert kept.decision == "accepted"
    assert [entry.result for entry in kept.trace if entry.rule == "exclude"] == ["kept_by_law"]


def test_the_store_may_widen_and_never_narrow() -> None:
    """A window of 30 days holds beyond the law as the store's own, one of 3 days is lifted to the law's 14."""
    wide, narrow = policy(windows={"withdrawal_days": 30}), policy(windows={"withdrawal_days": 3, "voluntary_days": 0})
    assert one(order(), on="2026-07-10", by=wide).basis == "contract"
    assert one(order(), on="2026-07-11", by=wide).decision == "refused"
    assert one(order(), on="2026-06-24", by=narrow).basis == "statutory"


def test_a_late_withdrawal_points_to_the_open_voluntary_window() -> None:
    """A withdrawal after its period is refused with both days when the store would still take the goods."""
    late = one(order(), on="2026-06-25", by=policy(windows={"voluntary_days": 30}))
    assert (late.decision, late.last_day) == ("refused", date(2026, 6, 24))
    assert "24 June 2026" in late.reasons[0].text["en"]
    assert "10 July 2026" in late.reasons[0].text["en"]
    assert late.reasons[0].article == "MSY m.9/1"


def test_the_last_day_ends_at_local_midnight() -> None:
    """The last instant is a second before local midnight, and the next second is late."""
    end = one(order()).last_instant
    assert end == at("2026-06-24", "23:59:59")


@pytest.mark.parametrize("anchor", ["ordered", "shipped", "delivered"])
def test_the_anchor_moves_the_stores_window_only(anchor: str) -> None:
    """The store's window counts from its anchor; the law's from delivery, whatever the anchor."""
    by = policy(windows={"anchor": anchor, "voluntary_days": 30, "fallback_transit_days": 4})
    voluntary = one(order(), ask("voluntary"), on="2026-06-30", by=by)
    days = {"ordered": date(2026, 7, 1), "shipped": date(2026, 7, 5), "delivered": date(2026, 7, 10)}
    assert voluntary.last_day == days[anchor]
    assert voluntary.estimated is (anchor == "shipped")
    assert one(order(), on="2026-06-24", by=by).basis == "statutory"


def test_the_window_in_the_file_changes_words_and_answer() -> None:
    """A store may say its own words about a late filing, or let a person look at it."""
    text = {"tr": "Geç kaldınız.", "en": "Too late.", "de": "Zu spät."}
    words = one(order(), on="2026-08-01", by=policy([{"rule": "window", "text": text}]))
    asked = one(order(), on="2026-08-01", by=policy([{"rule": "window", "then": "ask"}]))
    assert words.reasons[0].text == text
    assert asked.decision == "needs_review"


@pytest.mark.parametrize("kind", ["damaged", "defective", "wrong_item", "missing_item"])
def test_the_seller_answers_for_two_years(kind: str) -> None:
    """Liability runs 24 months from delivery, whatever the windows are, and is refused after with its last day."""
    assert one(order(), ask(kind), on="2028-06-10").basis == "statutory"
    late = one(order(), ask(kind), on="2028-06-11")
    assert (late.decision, codes(late), late.last_day) == ("refused", ["liability_over"], date(2028, 6, 10))
    assert late.reasons[0].article == "6502 m.12"


def test_evidence_is_never_a_condition_of_a_right() -> None:
    """Missing photos are asked for; after their deadline a right by law goes to a person and is never refused."""
    by = policy(reasons=PHOTO)
    waits = one(order(), ask("damaged", evidence=["photo"]), by=by)
    late = one(order(), ask("damaged", evidence_overdue=True), by=by)
    enough = one(order(), ask("damaged", evidence=["photo", "photo"]), by=by)
    assert (waits.decision, codes(waits)) == ("needs_evidence", ["evidence_wanted"])
    assert waits.evidence is not None
    assert (waits.evidence.lacking, waits.evidence.carrier_report) == (1, "asked")
    assert (late.decision, codes(late)) == ("needs_review", ["evidence_late"])
    assert enough.decision == "accepted"


def test_evidence_for_what_the_store_offers_is_a_condition() -> None:
    """Where only the store's terms hold, evidence that does not come in time ends the matter."""
    late = one(order(is_business=True), ask("damaged", evidence_overdue=True), by=policy(reasons=PHOTO))
    assert (late.decision, late.basis, codes(late)) == ("refused", "contract", ["evidence_missing"])


def test_a_withdrawal_needs_no_evidence() -> None:
    """Evidence that a policy asks for by default is not asked of a withdrawal by law."""
    by = policy(reasons={"default": {"evidence": {"kinds": ["photo"], "at_least": 1}}})
    assert one(order(), by=by).decision == "accepted"
    assert one(order(), ask("voluntary"), on="2026-06-25", by=by).decision == "refused"


def test_evidence_comes_before_the_person() -> None:
    """A line that lacks evidence and that a rule asks about waits for the evidence, with both reasons."""
    asks = {"rule": "line_value_above", "params": {"amount": "50.00", "currency": "TRY"}}
    both = judged(order(), ask("damaged"), by=policy([asks], reasons=PHOTO))
    assert (both.assessment, codes(both.lines[0])) == ("awaiting_evidence", ["evidence_wanted", "line_value_above"])


def test_the_first_rule_that_does_not_pass_decides() -> None:
    """Rules are asked in the order of the file."""
    asks = {"rule": "reason_asks", "params": {"reasons": ["ugly"]}}
    facts = order(lines=(line(tags=("final-sale",)),))
    by = policy([asks, FINAL], windows={"voluntary_days": 60})
    assert codes(one(facts, ask("voluntary", reason="ugly"), on="2026-07-01", by=by)) == ["reason_asks"]
    assert codes(one(facts, ask("voluntary"), on="2026-07-01", by=by)) == ["excluded"]


def test_a_store_may_want_to_see_every_return() -> None:
    """Without automatic approval everything that would be accepted goes to a person."""
    found = judged(order(), by=policy(returns={"auto_approve": False}))
    assert (found.assessment, found.auto_approve, codes(found.lines[0])) == ("in_review", False, ["person_decides"])


def test_what_is_worth_little_is_kept() -> None:
    """Below the limit the outcome is to keep the goods and nothing comes back; above it, or for an exchange, not."""
    by = policy(returns={"keep_item_below": "100.01"})
    kept, credit = one(order(), by=by), one(order(), ask(outcome="store_credit"), by=by)
    swapped = one(order(), ask(outcome="exchange"), by=by)
    assert (kept.outcome, kept.goods_come_back, [way.name for way in kept.methods]) == ("keep", False, ["none"])
    assert (credit.outcome, credit.goods_come_back) == ("store_credit", False)
    assert (swapped.outcome, swapped.goods_come_back) == ("exchange", True)
    assert one(order(), by=policy(returns={"keep_item_below": "100.00"})).goods_come_back


def test_money_back_is_always_offered_by_law() -> None:
    """A policy that offers only store credit still gives the money back on a right by law."""
    by = policy(reasons={"default": {"outcomes": ["store_credit"]}})
    assert one(order(), by=by).outcomes == ("refund", "store_credit")
    assert one(order(is_business=True), by=by).outcomes == ("store_credit",)


def test_what_is_not_offered_is_an_error_by_path() -> None:
    """An outcome or a method that is not offered is named by its path, and the decision still stands."""
    found = judged(order(), ask(outcome="repair"), method="in_store")
    assert [fault.path for fault in found.errors] == ["lines[0].outcome", "method"]
    assert found.lines[0].decision == "accepted"


def test_a_return_fee_is_charged_once_and_never_by_law() -> None:
    """The fee of the way back counts once per return, and not when any line of it comes back by law."""
    fees = {"return": [{"method": "printed_label", "amount": "5.50"}], "restocking_percent": "10"}
    by = policy(fees=fees, windows={"voluntary_days": 60})
    facts = order(lines=(line(), line(id="2")))
    two = (ask("voluntary"), ask("voluntary", order_line_id="2"))
    contract = judged(facts, *two, on="2026-07-01", by=by, method="printed_label")
    mixed = judged(facts, two[0], ask("damaged", order_line_id="2"), on="2026-07-01", by=by, method="printed_label")
    assert [(fee.method, fee.amount) for fee in contract.fees] == [("printed_label", 550)]
    assert contract.lines[0].restocking_percent == "10"
    assert mixed.fees == ()


def test_not_delivered_is_a_right_once_it_is_due() -> None:
    """Refused until the due day, accepted after it; a delivery on record asks a person."""
    facts = order(None, promised_by=date(2026, 6, 8))
    early, due = one(facts, ask("not_delivered"), on="2026-06-08"), one(facts, ask("not_delivered"), on="2026-06-09")
    assert (early.decision, codes(early)) == ("refused", ["not_due_yet"])
    assert (due.decision, due.basis, due.goods_come_back) == ("accepted", "statutory", False)
    recorded = one(order(), ask("not_delivered"))
    assert (recorded.decision, codes(recorded)) == ("needs_review", ["recorded_as_delivered"])


def test_late_delivery_is_late_only_after_the_promise() -> None:
    """Delivered in time is refused; late but inside the withdrawal window accepted; later a person looks."""
    in_time = one(order(promised_by=date(2026, 6, 10)), ask("late_delivery"))
    late = order(promised_by=date(2026, 6, 9))
    assert codes(in_time) == ["not_late"]
    assert one(late, ask("late_delivery")).decision == "accepted"
    assert codes(one(late, ask("late_delivery"), on="2026-07-20")) == ["delivered_late"]


def test_a_missing_item_of_a_parcel_that_came_can_be_claimed() -> None:
    """A unit that the parcel's list does not hold can be claimed as missing; nothing comes back for it."""
    delivery = Delivery(delivered_at=at("2026-06-10"), lines=(DeliveredLine(id="1", quantity=1),))
    facts = order(lines=(line(), line(id="2")), deliveries=(delivery,))
    found = one(facts, ask("missing_item", order_line_id="2"))
    assert (found.decision, found.goods_come_back) == ("accepted", False)


def test_units_given_up_before_delivery_do_not_hold_up_the_clock() -> None:
    """Once the undelivered unit was withdrawn from, the last actual delivery starts the period."""
    delivery = Delivery(delivered_at=at("2026-06-10"), lines=(DeliveredLine(id="1", quantity=2),))
    facts = order(lines=(line(quantity=3, left=2, taken_undelivered=1),), deliveries=(delivery,))
    found = one(facts, ask(quantity=2))
    assert (found.decision, found.last_day) == ("accepted", date(2026, 6, 24))


def test_a_promise_beats_the_guess() -> None:
    """Made-to-order goods promised in 40 days are not taken for delivered after three."""
    facts = order(None, promised_by=date(2026, 7, 11))
    assert codes(one(facts, ask("voluntary"), on="2026-07-10")) == ["not_delivered_yet"]
    assert one(facts, on="2026-07-12").last_day == date(2026, 7, 27)


def test_a_service_counts_from_the_contract() -> None:
    """For a service the period runs from the order, and nothing comes back."""
    found = one(order(lines=(line(kind="service"),)), on="2026-06-15")
    assert (found.decision, found.basis, found.last_day) == ("accepted", "statutory", date(2026, 6, 15))
    assert not found.goods_come_back


def test_units_that_are_not_there_cannot_be_let_through() -> None:
    """An override sets aside what a rule said, never how many units there are."""
    override = Override(person="ops@example.com", reason="please")
    assert one(order(), ask(quantity=2), override=override).decision == "refused"
    reviewed = one(order(), by=policy(returns={"auto_approve": False}), override=override)
    assert (reviewed.decision, reviewed.basis) == ("accepted", "statutory")


def test_an_override_before_delivery_takes_the_goods_back() -> None:
    """Who lets a return of goods through says that the goods are there."""
    let = one(order(None), ask("voluntary"), on="2026-06-02", override=Override(person="a@b.c", reason="he has it"))
    assert (let.decision, let.basis, let.goods_come_back) == ("accepted", "goodwill", True)


def test_an_override_leaves_no_personal_data_in_the_decision() -> None:
    """Who overrode and why is kept apart: the decision goes into hashed bodies."""
    override = Override(person="ops@example.com", reason="Ayşe asked")
    text = msgspec.json.encode(one(order(), on="2026-08-01", override=override)).decode()
    assert "ops@example.com" not in text
    assert "Ayşe" not in text


@pytest.mark.parametrize(
    ("asked", "paths"),
    [
        ([{"order_line_id": "9", "kind": "withdrawal", "quantity": 1}], ["lines[0].order_line_id"]),
        (
            [
                {"order_line_id": "1", "kind": "withdrawal", "quantity": 0},
                {"order_line_id": "x", "kind": "withdrawal", "quantity": -1},
            ],
            ["lines[0].quantity", "lines[1].order_line_id", "lines[1].quantity"],
        ),
    ],
)
def test_what_cannot_be_right_is_named(asked: list[dict[str, Any]], paths: list[str]) -> None:
    """Unknown lines and quantities below one are refused all at once, by path."""
    with pytest.raises(Invalid) as refused:
        judged(order(), *msgspec.convert(asked, list[LineRequest]))
    assert [fault.path for fault in refused.value.errors] == paths


def test_a_return_needs_a_line() -> None:
    """A request without lines is no return."""
    facts = order()
    with pytest.raises(Invalid) as refused:
        decide(policy(), TR, facts, Request(lines=(), filed_at=facts.now))
    assert refused.value.errors[0].path == "lines"


def test_the_trace_says_what_each_rule_saw() -> None:
    """Every rule that was asked stands in the trace with version, inputs, result and article."""
    asks = {"rule": "returns_in_period", "params": {"days": 30, "more_than": 1}}
    days = (date(2026, 6, 1), date(2026, 6, 5), date(2026, 3, 1))
    found = one(order(earlier_returns=days), by=policy([asks]))
    assert [(entry.rule, entry.result) for entry in found.trace] == [
        ("quantity_left", "pass"),
        ("window", "pass"),
        ("returns_in_period", "ask"),
    ]
    window, counted = found.trace[1], found.trace[2]
    assert (window.version, window.article, window.inputs["last_day"]) == ("TR@2026-01-01", "MSY m.9/1", "2026-06-24")
    assert (counted.version, counted.inputs) == ("Test v3", {"returns": 2, "since": "2026-05-13"})


def test_a_decision_survives_being_stored() -> None:
    """A decision written as JSON and read again is the same decision."""
    found = judged(order(), ask("damaged"), by=standard(STANDARD, locale="tr", currency="TRY"))
    assert msgspec.json.decode(msgspec.json.encode(found), type=Decision) == found


def test_options_say_what_could_be_filed() -> None:
    """For each kind: how many units, until when, as which outcomes."""
    facts = order(lines=(line(quantity=3, left=2, total=30000),))
    found = {one.filed_kind: one for one in options(policy(), TR, facts, "1", at=at("2026-06-20"))}
    assert (found["withdrawal"].decision, found["withdrawal"].quantity) == ("accepted", 2)
    assert found["damaged"].last_day == date(2028, 6, 10)
    assert found["late_delivery"].decision == "refused"
    with pytest.raises(Invalid):
        options(policy(), TR, facts, "9", at=at("2026-06-20"))


def test_lines_are_judged_on_their_own() -> None:
    """One refused line does not hold up the other, and the whole is what the others need."""
    facts = order(lines=(line(), line(id="2", tags=("final-sale",))))
    by = policy([FINAL], windows={"voluntary_days": 60})
    found = judged(facts, ask("voluntary"), ask("voluntary", order_line_id="2"), on="2026-07-01", by=by)
    assert [line.decision for line in found.lines] == ["accepted", "refused"]
    assert (found.assessment, found.statutory) == ("accepted", False)


@pytest.mark.parametrize(
    ("rule", "changes", "code", "result"),
    [
        ({"rule": "only", "params": {"categories": ["shoes"]}}, {}, "not_included", "refused"),
        ({"rule": "exclude", "params": {"customer_groups": ["vip"]}}, {"groups": ("vip",)}, "excluded", "refused"),
        ({"rule": "exclude", "params": {"kinds": ["goods"], "skus": ["TS-RED-M"]}}, {}, "excluded", "refused"),
        ({"rule": "order_value_below", "params": {"amount": "100.01"}}, {}, "order_value_below", "refused"),
        ({"rule": "order_value_above", "params": {"amount": "99.99"}}, {}, "order_value_above", "needs_review"),
        ({"rule": "line_value_above", "params": {"amount": "99.99"}}, {}, "line_value_above", "needs_review"),
        (
            {"rule": "line_value_below", "params": {"amount": "1.00"}},
            {"currency": "EUR"},
            "other_currency",
            "needs_review",
        ),
        (
            {"rule": "returns_on_order", "params": {"more_than": 0}},
            {"returns_on_order": 1},
            "returns_on_order",
            "needs_review",
        ),
    ],
)
def test_each_rule_has_its_code(rule: dict[str, Any], changes: dict[str, Any], code: str, result: str) -> None:
    """Each rule of the first set answers with its own code; an amount in another currency asks a person."""
    if "amount" in rule["params"]:
        rule = {**rule, "params": {**rule["params"], "currency": "TRY"}}
    found = one(order(**changes), ask("voluntary"), on="2026-07-01", by=policy([rule], windows={"voluntary_days": 60}))
    assert (codes(found), found.decision) == ([code], result)
    passing = one(order(), ask("voluntary"), on="2026-07-01", by=policy(windows={"voluntary_days": 60}))
    assert passing.decision == "accepted"


def test_who_was_told_late_has_longer() -> None:
    """A customer who was told of the right after delivery has fourteen days from then, whatever the store's window."""
    facts = order("2026-06-01", informed_on=date(2026, 7, 1))
    late = one(facts, on="2026-07-15")
    assert (late.decision, late.basis, late.last_day) == ("accepted", "statutory", date(2026, 7, 16))
    assert one(facts, on="2026-07-17").decision == "refused"
    assert one(order("2026-06-01", informed_on=date(2026, 6, 1)), on="2026-07-01").decision == "refused"


def test_the_last_day_moves_over_holidays() -> None:
    """What ends inside a bayram can be filed until the working day after it, by the clock of the customer."""
    facts = order("2026-05-13", ordered_at=at("2026-05-01"))
    assert one(facts, on="2026-06-01").basis == "statutory"
    assert one(facts, on="2026-06-01").last_day == date(2026, 6, 1)
    assert one(facts, on="2026-06-02").decision == "refused"
