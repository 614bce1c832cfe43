"""Second thoughts: what was judged, cancelled, expired, lost or closed comes up again, and nothing is paid twice."""

from __future__ import annotations

import pytest

from tests.support.shop import BUSINESS, Shop, codes, want
from tests.support.snapshots import Json


def numbers(shop: Shop, filed: Json) -> tuple[str, tuple[int, ...]]:
    """The state and, of its first line, expected, received, missing, accepted, rejected, settled."""
    seen = shop.show(filed)
    names = ("expected", "received", "missing", "accepted", "rejected", "settled")
    return seen["state"], tuple(seen["lines"][0][name] for name in names)


def paid(shop: Shop, filed: Json) -> list[str]:
    """What was paid for the return, oldest first."""
    return [refund["total"]["amount"] for refund in shop.refunds(filed) if refund["state"] == "succeeded"]


def test_a_judgement_is_changed_after_closing_and_only_the_difference_is_paid(shop: Shop) -> None:
    """Reopened after closing: a rejected and a deducted unit are accepted; owed is what is due less what was paid."""
    shop.order("1001", shop.line("1", quantity=3), shop.line("2"), customer=BUSINESS)
    filed = shop.file("1001", want("1", 3))
    shop.receive(filed)
    shop.inspect(filed, {"1": 1})
    shop.inspect(filed, {"1": 1}, grade="B", verdict="part", deduction={"percent": "50", "reason": "Leke"})
    shop.inspect(filed, {"1": 1}, grade="C", verdict="reject", disposition="quarantine", reason="Eksik parça")
    for refund in shop.refunds(filed):
        shop.approve(refund)
    customer = shop.customer(filed)
    customer.post(f"/returns/{filed['id']}/feedback", {"score": 2, "comment": "Kesinti haksız"})
    assert numbers(shop, filed) == ("closed", (3, 3, 0, 2, 1, 2))
    assert paid(shop, filed) == ["100.00", "50.00"]
    assert customer.post(f"/returns/{filed['id']}/actions/reopen", {"reason": "Leke yoktu"})["state"] == "in_review"
    shop.inspect(filed, {"1": 2})
    assert shop.support.post(f"/returns/{filed['id']}/actions/approve")["state"] == "settling"
    owed = shop.refunds(filed)[-1]
    assert (owed["state"], owed["total"]["amount"]) == ("proposed", "150.00")
    assert sorted(part["gross"]["amount"] for part in owed["components"]) == ["100.00", "50.00"]
    shop.approve(owed)
    assert numbers(shop, filed) == ("awaiting_feedback", (3, 3, 0, 3, 0, 3))
    assert paid(shop, filed) == ["100.00", "50.00", "150.00"]


def test_reopened_without_a_new_judgement_nothing_more_is_owed(shop: Shop) -> None:
    """A closed and fully paid return that is reopened and approved proposes nothing and settles again."""
    shop.order("1001")
    filed = shop.file("1001")
    shop.receive(filed)
    shop.inspect(filed)
    shop.approve(shop.refunds(filed)[0])
    shop.advance("P15D")
    shop.customer(filed).post(f"/returns/{filed['id']}/actions/reopen", {"reason": "Para gelmedi"})
    again = {"line_id": filed["lines"][0]["id"], "quantity": 1, "grade": "A", "disposition": "restock"}
    problem = shop.warehouse.refused(f"/returns/{filed['id']}/inspections", {"lines": [again | {"verdict": "accept"}]})
    assert codes(problem) == ["more_than_received"]
    assert shop.support.post(f"/returns/{filed['id']}/actions/approve")["state"] == "awaiting_feedback"
    assert paid(shop, filed) == ["100.00"]


def test_a_missing_unit_that_comes_after_closing_is_paid_by_itself(shop: Shop) -> None:
    """One of two was missing and the case closed; the unit comes, is held for a person, approved, judged and paid."""
    shop.order("1001", shop.line("1", quantity=2), shop.line("2"))
    filed = shop.file("1001", want("1", 2))
    shop.receive(filed, {"1": 1}, missing=[{"line_id": filed["lines"][0]["id"], "quantity": 1}])
    shop.inspect(filed, {"1": 1})
    shop.approve(shop.refunds(filed)[0])
    shop.advance("P15D")
    assert numbers(shop, filed) == ("closed", (2, 1, 1, 1, 0, 1))
    assert shop.receive(filed, {"1": 1})["state"] == "in_review"
    assert "return.held" in shop.events(filed)
    shop.support.post(f"/returns/{filed['id']}/actions/approve")
    shop.inspect(filed, {"1": 1})
    late = shop.refunds(filed)[-1]
    assert late["components"][0]["units"] == [[2, 2]]
    shop.approve(late)
    assert numbers(shop, filed) == ("awaiting_feedback", (2, 2, 0, 2, 0, 2))
    assert paid(shop, filed) == ["100.00", "100.00"]


def test_a_missing_unit_that_was_filed_again_is_not_counted_twice(shop: Shop) -> None:
    """A unit that was missing is free again; filed in another return, it cannot be accepted here when it comes late."""
    shop.order("1001", shop.line("1", quantity=2))
    first = shop.file("1001", want("1", 2))
    shop.receive(first, {"1": 1}, missing=[{"line_id": first["lines"][0]["id"], "quantity": 1}])
    shop.inspect(first, {"1": 1})
    second = shop.file("1001", want("1"))
    shop.receive(first, {"1": 1})
    again = {"line_id": first["lines"][0]["id"], "quantity": 1, "grade": "A", "disposition": "restock"}
    body = {"lines": [again | {"verdict": "accept"}]}
    german = {"Accept-Language": "de"}
    problem = shop.warehouse.refused(f"/returns/{first['id']}/inspections", body, headers=german)
    assert codes(problem) == ["units_held"]
    told = f"Diese Stücke sind in einer anderen Rücksendung gebunden: {second['rma_number']}."
    assert (problem["reasons"][0]["text"], problem["detail"]) == (told, told)
    shop.customer(second).post(f"/returns/{second['id']}/actions/cancel")
    assert shop.warehouse.post(f"/returns/{first['id']}/inspections", body)["state"] == "settling"


@pytest.mark.parametrize("how", ["expired", "cancelled", "declined", "closed"])
def test_goods_for_an_ended_return_are_held_and_raise_it(shop: Shop, how: str) -> None:
    """Goods that come for an expired, cancelled, declined or closed return are recorded, held, and go to a person."""
    shop.order("1001", shop.line("1", quantity=2), shop.line("2"))
    filed = _ended(shop, how)
    assert shop.show(filed)["state"] == how
    body = {"scan": filed["rma_number"], "scan_id": f"late-{how}", "finished": True}
    body["lines"] = [{"line_id": filed["lines"][0]["id"], "quantity": 1}]
    held = shop.warehouse.post("/receipts", body)
    assert held["state"] == "in_review"
    assert shop.show(filed)["waits_for"] == "support"
    assert "return.held" in shop.events(filed)
    assert all(refund["state"] == "succeeded" for refund in shop.refunds(filed))


def _ended(shop: Shop, how: str) -> Json:
    """A return of two units of line 1 that has come to this end without the second unit."""
    filed = shop.file("1001", want("1", 2))
    if how == "expired":
        shop.advance("P16D")
    elif how == "cancelled":
        shop.customer(filed).post(f"/returns/{filed['id']}/actions/cancel")
    elif how == "declined":
        shop.support.post(f"/returns/{filed['id']}/actions/dispute", {"reason": "Kötüye kullanım"})
        shop.support.post(f"/returns/{filed['id']}/actions/decline", {"reason": "Kötüye kullanım"})
    else:
        shop.receive(filed, {"1": 1}, missing=[{"line_id": filed["lines"][0]["id"], "quantity": 1}])
        shop.inspect(filed, {"1": 1})
        shop.approve(shop.refunds(filed)[0])
        shop.advance("P15D")
    return filed


def test_late_goods_of_an_expired_withdrawal_are_paid_by_right(shop: Shop) -> None:
    """A statutory right does not end with the deadline to send: the late goods are approved, judged and paid."""
    shop.order("1001")
    filed = shop.file("1001")
    shop.advance("P16D")
    assert shop.show(filed)["state"] == "expired"
    shop.receive(filed)
    shop.support.post(f"/returns/{filed['id']}/actions/approve")
    shop.inspect(filed)
    shop.approve(shop.refunds(filed)[0])
    assert (shop.show(filed)["state"], paid(shop, filed)) == ("awaiting_feedback", ["100.00"])


def test_goods_of_a_declined_return_go_out_again_and_are_free(shop: Shop) -> None:
    """Held goods that a person declines go back in an outbound parcel; their units can be filed again.

    What had not come by then was not declined with them: it is judged when it comes.
    """
    shop.order("1001")
    filed = shop.file("1001")
    shop.customer(filed).post(f"/returns/{filed['id']}/actions/cancel")
    shop.receive(filed)
    declined = shop.support.post(f"/returns/{filed['id']}/actions/decline", {"reason": "İptal edilmişti"})
    [parcel] = [parcel for parcel in declined["parcels"] if parcel["direction"] == "outbound"]
    assert (declined["state"], parcel["lines"][0]["quantity"]) == ("declined", 1)
    assert declined["lines"][0]["rejected"] == 1
    assert shop.file("1001")["state"] == "awaiting_parcel"
    # One of two had come; the other comes later, and a person lets it count.
    shop.order("1002", shop.line("1", quantity=2))
    filed = shop.file("1002", want("1", 2))
    shop.receive(filed, {"1": 1})
    for action in ("dispute", "decline"):
        shop.support.post(f"/returns/{filed['id']}/actions/{action}", {"reason": "Başka ürün"})
    shop.receive(filed, {"1": 1})
    shop.support.post(f"/returns/{filed['id']}/actions/approve")
    shop.inspect(filed, {"1": 1})
    assert [one["total"]["amount"] for one in shop.refunds(filed)] == ["100.00"]


def test_what_was_accepted_and_then_declined_is_not_paid_when_it_is_reopened(shop: Shop) -> None:
    """Finance refuses, support declines and the goods go out: reopening pays nothing for goods that are not here."""
    shop.order("1001", shop.line("1"), shop.line("2"))
    filed = shop.file("1001", want("1"))
    shop.receive(filed)
    shop.inspect(filed)
    [refund] = shop.refunds(filed)
    shop.finance.post(f"/refunds/{refund['id']}/refuse", {"reason": "Başka ürün"})
    declined = shop.support.post(f"/returns/{filed['id']}/actions/decline", {"reason": "Başka ürün"})
    assert [parcel["direction"] for parcel in declined["parcels"]] == ["outbound"]
    assert (declined["lines"][0]["accepted"], declined["lines"][0]["rejected"]) == (0, 1)
    shop.support.post(f"/returns/{filed['id']}/actions/reopen", {"reason": "Müşteri itiraz etti"})
    shop.support.post(f"/returns/{filed['id']}/actions/approve")
    assert [refund["state"] for refund in shop.refunds(filed)] == ["refused"]


def test_a_lost_parcel_that_turns_up_is_restocked_and_not_paid_again(shop: Shop) -> None:
    """Goods were given up as lost and paid; found, they are judged and restocked, and no money moves any more."""
    shop.product("TS-1", "100.00", stock=5)
    shop.order("1001", shop.line("1", quantity=2))
    filed = shop.file("1001", want("1", 2))
    parcel = shop.integrator.post(
        f"/returns/{filed['id']}/parcels", {"direction": "inbound", "method": "drop_off_code"}
    )
    shop.settle()
    shop.tell(parcel, "handed_over")
    shop.tell(parcel, "lost")
    shop.support.post(f"/returns/{filed['id']}/actions/waive_goods", {"reason": "Kargo kaybetti"})
    shop.approve(shop.refunds(filed)[0])
    assert numbers(shop, filed) == ("awaiting_feedback", (2, 0, 2, 2, 0, 2))
    assert shop.receive(filed)["state"] == "in_review"
    shop.support.post(f"/returns/{filed['id']}/actions/approve")
    rejecting = {"line_id": filed["lines"][0]["id"], "quantity": 1, "grade": "C", "disposition": "send_back"}
    body = {"lines": [rejecting | {"verdict": "reject", "reason": "Kırık"}]}
    assert codes(shop.warehouse.refused(f"/returns/{filed['id']}/inspections", body)) == ["accepted_before"]
    shop.inspect(filed)
    assert numbers(shop, filed) == ("awaiting_feedback", (2, 2, 0, 2, 0, 2))
    assert shop.integrator.get("/products/TS-1")["stock"] == 7
    assert paid(shop, filed) == ["200.00"]


def test_staff_cancel_a_declared_withdrawal_only_with_the_customers_consent(shop: Shop) -> None:
    """A declared withdrawal binds: staff need the customer's recorded consent to cancel it, the customer needs none."""
    shop.order("1001", shop.line("1", quantity=2))
    filed = shop.file("1001")
    problem = shop.support.refused(f"/returns/{filed['id']}/actions/cancel", {"reason": "Telefonda söyledi"})
    assert codes(problem) == ["customer_consented"]
    assert "cancel" not in problem["allowed"]
    consent = {"by": "phone", "at": "2026-03-02T09:00:00+03:00", "recording": "c-881"}
    body = {"reason": "Telefonda söyledi", "consent": consent}
    assert shop.support.post(f"/returns/{filed['id']}/actions/cancel", body)["state"] == "cancelled"
    assert "return.evidence_added" in shop.events(filed)
    own = shop.file("1001")
    assert shop.customer(own).post(f"/returns/{own['id']}/actions/cancel")["state"] == "cancelled"
