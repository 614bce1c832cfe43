"""Nothing is sent: reminders, the end, and a second chance."""

from __future__ import annotations

from tests.support.shop import Shop, codes, want


def test_nothing_sent_is_reminded_expires_and_is_reopened(shop: Shop) -> None:
    """Nobody sends anything: two reminders, then the return expires and frees its units; reopened, it goes on."""
    shop.order("1001", shop.line("1", quantity=2))
    filed = shop.file("1001", want("1"))
    parcel = shop.integrator.post(
        f"/returns/{filed['id']}/parcels", {"direction": "inbound", "method": "drop_off_code"}
    )
    shop.settle()
    shop.advance("P8D")
    assert shop.events(filed).count("deadline.warned") == 1
    shop.advance("P5D")
    assert shop.events(filed).count("deadline.warned") >= 2
    assert shop.show(filed)["state"] == "awaiting_parcel"
    shop.advance("P5D")
    ended = shop.show(filed)
    assert (ended["state"], ended["waits_for"]) == ("expired", "nobody")
    assert [found["state"] for found in ended["parcels"]] in (["void"], ["expired"])
    kinds = [message["kind"] for message in shop.outbox() if message["return_id"] == filed["id"]]
    assert (kinds.count("send_back_reminder"), kinds.count("return_expired")) == (3, 1)
    assert {"return.expired"} <= set(shop.events(filed))
    again = shop.support.post(f"/returns/{filed['id']}/actions/reopen", {"reason": "Müşteri hastaydı"})
    assert again["state"] == "in_review"
    assert shop.support.post(f"/returns/{filed['id']}/actions/approve")["state"] == "awaiting_parcel"
    shop.send(filed)
    shop.receive(filed)
    shop.inspect(filed)
    shop.approve(shop.refunds(filed)[0])
    assert shop.show(filed)["state"] == "awaiting_feedback"
    assert parcel["id"] in {found["id"] for found in shop.show(filed)["parcels"]}


def test_a_statutory_right_outlives_the_deadline(shop: Shop) -> None:
    """Goods of a declared withdrawal that come after the expiry are held and raise the case to a person, who pays."""
    shop.order("1001")
    filed = shop.file("1001")
    shop.advance("P20D")
    assert shop.show(filed)["state"] == "expired"
    assert shop.receive(filed)["state"] == "in_review"
    assert shop.support.post(f"/returns/{filed['id']}/actions/approve")["state"] == "settling"
    shop.inspect(filed)
    shop.approve(shop.refunds(filed)[0])
    assert shop.show(filed)["state"] == "awaiting_feedback"


def test_an_expired_return_is_not_reopened_over_another_one(shop: Shop) -> None:
    """After an expiry the unit is free for another return; reopening the first is refused and names the second."""
    shop.order("1001")
    first = shop.file("1001", kind="voluntary")
    shop.advance("P20D")
    assert shop.show(first)["state"] == "expired"
    second = shop.file("1001", want("1", kind="voluntary", reason="changed_mind"))
    assert second["state"] == "awaiting_parcel"
    problem = shop.support.refused(f"/returns/{first['id']}/actions/reopen")
    assert codes(problem) == ["units_held"]
    assert second["rma_number"] in problem["reasons"][0]["text"]


def test_a_closed_return_is_reopened(shop: Shop) -> None:
    """After feedback was not given the case closes by itself; reopened, it goes to a person and closes again."""
    shop.order("1001", shop.line("1", quantity=2))
    filed = shop.file("1001")
    shop.receive(filed)
    shop.inspect(filed)
    shop.approve(shop.refunds(filed)[0])
    shop.advance("P15D")
    assert shop.show(filed)["state"] == "closed"
    reopened = shop.customer(filed).post(f"/returns/{filed['id']}/actions/appeal", {"reason": "Eksik ödendi"})
    assert reopened["state"] == "in_review"
    goes_on = shop.support.post(f"/returns/{filed['id']}/actions/approve")
    assert goes_on["state"] in ("settling", "awaiting_feedback")
    assert [refund["state"] for refund in goes_on["refunds"]] == ["succeeded"]
    assert goes_on["lines"][0]["settled"] == 1
