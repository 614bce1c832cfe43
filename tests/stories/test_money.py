"""Refunds on good and bad days of the provider: exactly once, and the exact amount."""

from __future__ import annotations

import time

import pytest

from tests.support.shop import BUSINESS, OpenShop, Shop, codes, want
from tests.support.snapshots import Json


def accepted(shop: Shop, number: str = "1001", *lines: Json) -> tuple[Json, Json]:
    """A return whose goods came and are good, and its one proposed refund."""
    filed = shop.file(number, *lines)
    shop.receive(filed)
    shop.inspect(filed)
    [refund] = shop.refunds(filed)
    return filed, refund


def test_a_refund_that_fails_is_tried_again(shop: Shop) -> None:
    """The provider refuses the refund with its reason; finance tries again and it is paid once; the case settles."""
    shop.order("1001", payment={"reference": "pi_1#fail:insufficient_funds,succeed"})
    filed, refund = accepted(shop)
    shop.approve(refund)
    failed = shop.refund(refund)
    [transfer] = failed["transfers"]
    assert (failed["state"], transfer["state"], transfer["error"]) == ("failed", "failed", "insufficient_funds")
    assert shop.show(filed)["state"] == "settling"
    shop.finance.post(f"/refunds/{refund['id']}/retry", {"transfer_id": transfer["id"]})
    shop.settle()
    paid = shop.refund(refund)
    assert (paid["state"], paid["transfers"][0]["attempt"]) == ("succeeded", 2)
    assert shop.show(filed)["state"] == "awaiting_feedback"
    assert "refund.failed" in shop.events(filed)
    problem = shop.finance.refused(f"/refunds/{refund['id']}/retry", {"transfer_id": transfer["id"]})
    assert problem["code"] == "transfer_not_failed"


@pytest.mark.parametrize("provider", ["offline", "offline_plain"])
def test_s31_a_call_that_times_out_after_success_pays_once(shop: Shop, provider: str) -> None:
    """S31: the refund call times out although it succeeded; asking again finds the one refund, also without keys."""
    shop.order("1001", payment={"provider": provider, "reference": f"pi_{shop.slug}#timeout-after"})
    filed, refund = accepted(shop)
    shop.approve(refund)
    if shop.refund(refund)["state"] == "unknown":
        shop.finance.send("POST", f"/refunds/{refund['id']}/reconcile", {})
    known = shop.until(refund, "succeeded")
    assert known["transfers"][0]["provider_reference"]
    assert known["transfers"][0]["attempt"] == 1
    assert shop.show(filed)["state"] == "awaiting_feedback"
    problem = shop.finance.refused(f"/refunds/{refund['id']}/reconcile")
    assert codes(problem)


def test_s32_word_of_the_provider_before_its_answer_is_one_refund(shop: Shop) -> None:
    """S32: the provider tells of the refund before it answers the call: one refund, one transfer, told once."""
    shop.order("1001", payment={"provider": "offline_plain", "reference": f"pi_{shop.slug}#slow:1200"})
    filed, refund = accepted(shop)
    shop.finance.post(f"/refunds/{refund['id']}/approve", {"expected_total": refund["total"]})
    sent = shop.until(refund, "sending")
    for _ in range(100):
        if shop.refund(sent)["transfers"][0]["state"] == "sending":
            break
        time.sleep(0.02)
    shop.finance.post(f"/refunds/{refund['id']}/reconcile")
    known = shop.until(refund, "succeeded")
    shop.settle()
    later = shop.refund(refund)
    assert later["transfers"] == known["transfers"]
    assert len(shop.refunds(filed)) == 1
    assert shop.events(filed).count("refund.succeeded") == 1
    assert shop.show(filed)["state"] == "awaiting_feedback"


def test_a_pending_refund_is_asked_for_until_it_is_known(shop: Shop) -> None:
    """A refund that the provider keeps pending stays in sending, and is found paid when finance asks."""
    shop.order("1001", payment={"reference": "pi_1#pending:1"})
    filed, refund = accepted(shop)
    shop.approve(refund)
    assert shop.refund(refund)["state"] == "sending"
    shop.finance.post(f"/refunds/{refund['id']}/reconcile")
    shop.until(refund, "succeeded")
    assert shop.show(filed)["state"] == "awaiting_feedback"


def test_r13_a_refund_that_has_its_reference_is_not_sent_again(shop: Shop) -> None:
    """R13: a refund that the provider has answered is neither approved, retried nor reconciled again."""
    shop.order("1001", payment={"provider": "offline_plain", "reference": f"pi_{shop.slug}"})
    _, refund = accepted(shop)
    shop.approve(refund)
    reference = shop.refund(refund)["transfers"][0]["provider_reference"]
    again = {"expected_total": refund["total"]}
    assert shop.second.refused(f"/refunds/{refund['id']}/approve", again)["reasons"]
    shop.finance.refused(f"/refunds/{refund['id']}/reconcile")
    shop.finance.refused(f"/refunds/{refund['id']}/retry", {"transfer_id": refund["transfers"][0]["id"]})
    shop.settle()
    [transfer] = shop.refund(refund)["transfers"]
    assert (transfer["provider_reference"], transfer["attempt"]) == (reference, 1)


def test_r9_what_was_refunded_outside_is_not_refunded_again(shop: Shop) -> None:
    """R9: of 10.00, 1.00 went back outside: at most 9.00 is proposed, flagged for finance, never called complete."""
    shop.order("1001", shop.line("1", price="10.00"), payment={"refunded": shop.money("1.00")})
    quoted = shop.integrator.post("/returns/quote", {"order_number": "1001", "lines": [want("1")]})
    assert quoted["refund"]["total"]["amount"] == "9.00"
    filed, refund = accepted(shop)
    assert (refund["total"]["amount"], refund["short"]["amount"]) == ("9.00", "1.00")
    assert refund["flags"]
    assert refund["state"] == "proposed"
    shop.approve(refund)
    assert shop.refund(refund)["state"] == "succeeded"
    shop.advance("PT1M")
    told = [message for message in shop.outbox() if message["return_id"] == filed["id"]]
    assert [message["kind"] for message in told if message["kind"].startswith("refund_")]
    assert [message["kind"] for message in told if "tamamlan" in message["subject"] + message["text"]] == []


def test_two_people_approve_a_large_refund(open_shop: OpenShop) -> None:
    """Above the store's limit two distinct people approve; nobody twice, nobody with a key of their own making."""
    shop = open_shop(policy={"refunds": {"second_person_above": "5000.00"}})
    shop.order("1001", shop.line("1", price="6000.00"))
    filed, refund = accepted(shop)
    total = {"expected_total": refund["total"]}
    first = shop.finance.post(f"/refunds/{refund['id']}/approve", total)
    assert (first["state"], len(first["approvals"])) == ("proposed", 1)
    assert codes(shop.finance.refused(f"/refunds/{refund['id']}/approve", total)) == ["approver_independent"]
    shop.approve(refund, by=shop.second)
    paid = shop.refund(refund)
    assert (paid["state"], len(paid["approvals"])) == ("succeeded", 2)
    assert shop.show(filed)["state"] == "awaiting_feedback"


def test_one_tender_succeeds_and_the_other_fails(shop: Shop) -> None:
    """Card and transfer: one is paid, the other fails and goes, with consent, as credit; in all what was paid."""
    half = {"captured": shop.money("50.00"), "captured_at": "2026-02-20T10:00:00+03:00", "provider": "offline"}
    payments = [
        {"id": "p1", "tender": "card", "reference": "pi_1", **half},
        {"id": "p2", "tender": "wallet", "reference": "w_1#fail:account_closed", **half},
    ]
    shop.order("1001", payments=payments)
    filed, refund = accepted(shop)
    assert [t["amount"]["amount"] for t in refund["transfers"]] == ["50.00", "50.00"]
    shop.approve(refund)
    mixed = shop.refund(refund)
    assert mixed["state"] == "partly_succeeded"
    [failed] = [t for t in mixed["transfers"] if t["state"] == "failed"]
    other = {"transfer_id": failed["id"], "tender": "store_credit"}
    problem = shop.finance.refused(f"/refunds/{refund['id']}/retry", other)
    assert codes(problem) == ["redirect_consented"]
    consent = {"by": "customer", "at": "2026-03-02T09:00:00+03:00", "source": "phone"}
    again = shop.finance.post(f"/refunds/{refund['id']}/retry", other | {"consent": consent})
    assert again["state"] == "proposed"
    assert codes(shop.finance.refused(f"/refunds/{refund['id']}/approve", {"expected_total": again["total"]})) == [
        "approver_independent"
    ]
    shop.approve(again, by=shop.second)
    paid = shop.refund(refund)
    assert paid["state"] == "succeeded"
    assert {(t["tender"], t["on_behalf_of"]) for t in paid["transfers"]} == {("card", None), ("store_credit", "p2")}
    assert shop.show(filed)["state"] == "awaiting_feedback"


def test_small_refunds_need_nobody(open_shop: OpenShop) -> None:
    """Below the store's limit a refund that nobody touched is approved and paid by itself."""
    shop = open_shop(policy={"refunds": {"auto_approve_below": "500.00"}})
    shop.order("1001")
    filed = shop.file("1001")
    shop.receive(filed)
    shop.inspect(filed)
    shop.settle()
    [refund] = shop.refunds(filed)
    assert (refund["state"], refund["approvals"][0]["person"]) == ("succeeded", "auto")


def test_money_that_is_owed_and_not_there_waits_for_finance_until_it_is(shop: Shop) -> None:
    """Nothing captured, then a part, then all: what is owed stands with finance, pays what came, and settles last."""
    held = {"authorised": shop.money("100.00"), "captured": shop.money("0.00"), "captured_at": None}
    shop.order("1001", payment=held)
    filed, nothing = accepted(shop)
    assert (nothing["state"], nothing["total"]["amount"], nothing["short"]["amount"]) == ("proposed", "0.00", "100.00")
    assert nothing["flags"] == ["not_captured", "nothing_to_refund"]
    assert shop.show(filed)["state"] == "settling"
    [owed] = shop.finance.items("/refunds/owed")
    assert (owed["refund_id"], owed["waits_for"], owed["short"]) == (nothing["id"], "finance", shop.money("100.00"))
    shop.order("1001", payment={"captured": shop.money("40.00")})
    part = shop.refund(nothing)
    assert (part["total"]["amount"], part["short"]["amount"], part["flags"]) == ("40.00", "60.00", ["short"])
    shop.approve(part)
    paid, rest = shop.refunds(filed)
    assert (paid["state"], rest["total"]["amount"], rest["short"]["amount"]) == ("succeeded", "0.00", "60.00")
    assert shop.show(filed)["state"] == "settling"
    shop.order("1001")
    later = shop.refund(rest)
    assert (later["state"], later["total"]["amount"], later["short"]) == ("proposed", "60.00", None)
    assert [part["kind"] for part in later["components"]] == ["goods"]
    shop.approve(later)
    assert [one["state"] for one in shop.refunds(filed)] == ["succeeded", "succeeded"]
    assert [(line["accepted"], line["settled"]) for line in shop.show(filed)["lines"]] == [(1, 1)]
    assert (shop.show(filed)["state"], shop.finance.items("/refunds/owed")) == ("awaiting_feedback", [])


def test_finance_may_say_that_nothing_more_is_paid(open_shop: OpenShop) -> None:
    """What was paid back elsewhere leaves nothing: a person of finance ends it with 0.00, and no one else does."""
    shop = open_shop(policy={"refunds": {"auto_approve_below": "500.00"}})
    shop.order("1001", payment={"refunded": shop.money("100.00")})
    shop.order("1002", payments=[])
    for number in ("1001", "1002"):
        filed, refund = accepted(shop, number)
        shop.settle()
        assert (shop.refund(refund)["state"], shop.show(filed)["state"]) == ("proposed", "settling")
        shop.approve(refund)
        assert (shop.refund(refund)["state"], shop.show(filed)["state"]) == ("succeeded", "awaiting_feedback")
        assert len(shop.refunds(filed)) == 1


def test_a_rest_that_is_refused_is_proposed_again(shop: Shop) -> None:
    """Finance refuses the rest: a person looks, and approving the return proposes it as it was."""
    shop.order("1001", payment={"captured": shop.money("40.00")}, customer=BUSINESS)
    filed = shop.file("1001")
    shop.receive(filed)
    shop.inspect(filed, grade="B", verdict="part", deduction={"percent": "10", "reason": "Kullanım izi"})
    [refund] = shop.refunds(filed)
    shop.approve(refund)
    rest = shop.refunds(filed)[1]
    shop.finance.post(f"/refunds/{rest['id']}/refuse", {"reason": "Henüz değil"})
    shop.support.post(f"/returns/{filed['id']}/actions/approve")
    assert [(one["state"], one["total"]["amount"]) for one in shop.refunds(filed)] == [
        ("succeeded", "40.00"),
        ("refused", "0.00"),
        ("proposed", "0.00"),
    ]
    shop.support.post(f"/returns/{filed['id']}/actions/dispute", {"reason": "Bakılsın"})
    shop.support.post(f"/returns/{filed['id']}/actions/approve")
    again = shop.refunds(filed)[-1]
    assert (again["state"], again["short"]["amount"]) == ("proposed", "50.00")
    shop.order("1001", customer=BUSINESS)
    assert shop.refund(again)["total"]["amount"] == "50.00"


def test_the_warehouse_alone_takes_nobodys_whole_money(shop: Shop) -> None:
    """A deduction of everything is a refund of 0.00 that finance approves; one above what was paid is no deduction."""
    shop.order("1001", customer=BUSINESS)
    filed = shop.file("1001")
    shop.receive(filed)
    judged = {"line_id": filed["lines"][0]["id"], "quantity": 1, "grade": "B", "disposition": "restock_b"}
    judged |= {"verdict": "part", "deduction": {"amount": shop.money("100.01"), "reason": "Hurda"}}
    wrong = shop.warehouse.refused(f"/returns/{filed['id']}/inspections", {"lines": [judged]}, status=422)
    assert [(e["path"], e["code"]) for e in wrong["errors"]] == [("lines[0].deduction.amount", "above_value")]
    shop.inspect(filed, grade="B", verdict="part", deduction={"percent": "100", "reason": "Hurda"})
    [refund] = shop.refunds(filed)
    assert (refund["state"], refund["total"]["amount"], refund["short"]) == ("proposed", "0.00", None)
    assert shop.show(filed)["state"] == "settling"
    shop.approve(refund)
    assert shop.show(filed)["state"] == "awaiting_feedback"
    shop.order("1002", shop.line("1", price="0.00"))
    free = shop.file("1002")
    shop.receive(free)
    shop.inspect(free)
    assert (shop.refunds(free), shop.show(free)["state"]) == ([], "awaiting_feedback")


def test_what_the_provider_says_was_paid_back_holds_what_was_sent_from_here(open_shop: OpenShop) -> None:
    """Snapshots with the provider's total, late, repeated and true, take nothing twice; money elsewhere is flagged."""
    shop = open_shop(policy={"refunds": {"auto_approve_below": "500.00"}})

    def told(refunded: str) -> None:
        shop.order("1001", shop.line("1", quantity=4), payment={"refunded": shop.money(refunded)})

    told("0.00")
    accepted(shop)
    shop.settle()
    told("100.00")
    second = accepted(shop)[1]
    shop.settle()
    told("100.00")
    assert shop.refund(second)["state"] == "succeeded"
    told("230.00")
    filed, third = accepted(shop, "1001", want("1", 2))
    assert (third["total"]["amount"], third["short"]["amount"]) == ("170.00", "30.00")
    assert (third["state"], third["flags"]) == ("proposed", ["short", "refunded_elsewhere"])
    shop.approve(third)
    told("400.00")
    paid, rest = shop.refunds(filed)
    assert (paid["state"], rest["total"]["amount"], rest["short"]["amount"]) == ("succeeded", "0.00", "30.00")


def by_hand(shop: Shop, *parts: Json) -> Json:
    """Money without goods, proposed by support."""
    answer: Json = shop.support.post("/orders/1001/refunds", {"components": list(parts), "reason": "Yanlış alındı"})
    return answer


def test_what_a_refused_refund_by_hand_had_taken_is_proposed_again(shop: Shop) -> None:
    """Shipping, part of the goods and of their price waited by hand while all came back: refused, each is proposed."""
    shop.order("1001", shop.line("1", quantity=2), shipping="29.90")
    freight = by_hand(shop, {"kind": "shipping"})
    some = by_hand(shop, {"kind": "goods", "order_line_id": "1", "units": [[1, 1]], "amount": shop.money("10.00")})
    less = by_hand(
        shop, {"kind": "price_reduction", "order_line_id": "1", "units": [[2, 2]], "amount": shop.money("7.00")}
    )
    filed, refund = accepted(shop, "1001", want("1", 2))
    assert refund["total"]["amount"] == "183.00"
    shop.approve(refund)
    assert shop.show(filed)["state"] == "awaiting_feedback"
    for refused, kind, amount in ((freight, "shipping", "29.90"), (some, "goods", "10.00"), (less, "goods", "7.00")):
        shop.finance.post(f"/refunds/{refused['id']}/refuse", {"reason": "İade ile"})
        by_person = (freight["id"], some["id"], less["id"])
        [owed] = [one for one in shop.finance.items("/refunds/owed") if one["id"] not in by_person]
        again = shop.refund({"id": owed["refund_id"]})
        assert [(part["kind"], part["gross"]["amount"]) for part in again["components"]] == [(kind, amount)]
        shop.approve(again)
        assert shop.refund(again)["state"] == "succeeded"
    second = by_hand(shop, {"kind": "goodwill", "amount": shop.money("5.00")})
    shop.finance.post(f"/refunds/{second['id']}/refuse", {"reason": "Gerek yok"})
    assert shop.finance.items("/refunds/owed") == []


def test_what_a_refused_refund_held_back_is_held_back_again(shop: Shop) -> None:
    """Finance refuses a refund with a deduction; proposed anew, it has that deduction."""
    shop.order("1001", customer=BUSINESS)
    filed = shop.file("1001")
    shop.receive(filed)
    shop.inspect(filed, grade="B", verdict="part", deduction={"percent": "10", "reason": "Kullanım izi"})
    shop.finance.post(f"/refunds/{shop.refunds(filed)[0]['id']}/refuse", {"reason": "Fotoğraf yok"})
    shop.support.post(f"/returns/{filed['id']}/actions/approve")
    assert [one["total"]["amount"] for one in shop.refunds(filed)] == ["90.00", "90.00"]


def test_many_small_refunds_of_one_order_need_people_once_they_are_a_large_one(open_shop: OpenShop) -> None:
    """All that was approved on the order counts for the second person, also where nobody else need approve."""
    shop = open_shop(policy={"refunds": {"auto_approve_below": "120.00", "second_person_above": "250.00"}})
    shop.order("1001", shop.line("1", quantity=3))
    found = [accepted(shop)[1] for _ in range(3)]
    shop.settle()
    third = shop.refund(found[2])
    assert [shop.refund(one)["state"] for one in found] == ["succeeded", "succeeded", "proposed"]
    assert shop.finance.post(f"/refunds/{third['id']}/approve", {"expected_total": third["total"]})["approvals"]
    assert shop.refund(third)["state"] == "proposed"
    shop.approve(third, by=shop.second)
    assert shop.refund(third)["state"] == "succeeded"


def test_a_refused_refund_sends_the_case_to_a_person(shop: Shop) -> None:
    """Finance refuses to pay: the case goes to review with the reason; approved again, it is proposed anew."""
    shop.order("1001")
    filed, refund = accepted(shop)
    refused = shop.finance.post(f"/refunds/{refund['id']}/refuse", {"reason": "Fotoğraf yok"})
    assert refused["state"] == "refused"
    assert shop.show(filed)["state"] == "in_review"
    shop.support.post(f"/returns/{filed['id']}/actions/approve")
    assert [found["state"] for found in shop.refunds(filed)] == ["refused", "proposed"]


def test_a_deduction_is_not_approved_by_who_made_it(shop: Shop) -> None:
    """A part with a deduction pays the rest; the amounts and the reason stand in the refund."""
    shop.order("1001", customer=BUSINESS)
    filed = shop.file("1001")
    shop.receive(filed)
    shop.inspect(filed, grade="B", verdict="part", deduction={"percent": "10", "reason": "Kullanım izi"})
    [refund] = shop.refunds(filed)
    assert refund["total"]["amount"] == "90.00"
    assert [part["kind"] for part in refund["components"]] == ["goods", "deduction"]
    shop.approve(refund)
    assert shop.refund(refund)["state"] == "succeeded"


def test_s35_a_second_return_works_for_what_is_left(shop: Shop) -> None:
    """S35: a second return on the same order is filed and paid for what is left, shipping with the last unit."""
    shop.order("1001", shop.line("1", quantity=3), shipping="29.90")
    first, refund = accepted(shop, "1001", want("1", 2))
    shop.approve(refund)
    second, rest = accepted(shop, "1001", want("1"))
    assert (refund["total"]["amount"], rest["total"]["amount"]) == ("200.00", "129.90")
    shop.approve(rest)
    assert [shop.show(one)["state"] for one in (first, second)] == ["awaiting_feedback"] * 2
    nothing = shop.integrator.refused("/returns", {"order_number": "1001", "lines": [want("1")]}, status=422)
    assert nothing["errors"][0]["path"] == "lines[0].quantity"


def test_two_lines_with_different_kinds_and_outcomes(shop: Shop) -> None:
    """One return withdraws one line for money and swaps a too small one; both come to their own end."""
    shop.product("TS-L", "40.00", stock=3)
    shop.order("1001", shop.line("1"), shop.line("2", price="40.00"))
    swap = want("2", outcome="exchange", kind="voluntary", reason="too_small", replacement={"sku": "TS-L"})
    filed = shop.file("1001", want("1"), swap)
    assert filed["refund"]["total"]["amount"] == "100.00"
    shop.receive(filed)
    shop.inspect(filed)
    [refund] = shop.refunds(filed)
    assert refund["total"]["amount"] == "100.00"
    shop.approve(refund)
    assert shop.show(filed)["state"] == "settling"
    [replacement] = shop.show(filed)["replacements"]
    shop.integrator.post(f"/replacements/{replacement['id']}/actions/deliver")
    ended = shop.show(filed)
    assert (ended["state"], [line["settled"] for line in ended["lines"]]) == ("awaiting_feedback", [1, 1])
