"""Money that is late: finance is warned and told once, and statutory interest stands in the refund, worked out."""

from __future__ import annotations

from tests.stories.test_payouts import IBAN
from tests.support.shop import TODAY, OpenShop, Shop, asked, want
from tests.support.snapshots import Json


def approved_anew(shop: Shop, refund: Json) -> Json:
    """Approve a refund whose total has changed: it is shown anew first."""
    problem = shop.finance.refused(f"/refunds/{refund['id']}/approve", {"expected_total": refund["total"]})
    assert problem["code"] == "total_changed"
    shown = shop.refund(refund)
    shop.approve(shown)
    return shown


def interest(refund: Json) -> list[Json]:
    """The lines of interest of a refund."""
    return [part for part in refund["components"] if part["kind"] == "interest"]


def test_a_refund_that_is_late_bears_interest_and_is_told_of_once(shop: Shop) -> None:
    """Fourteen days after the hand-over the money is overdue: warned before, told once, and paid with interest."""
    shop.order("1001", shop.line("1", price="1000.00"))
    filed = shop.file("1001")
    waiting = shop.show(filed)["due"]
    assert (waiting["legal"], waiting["starts_when"], waiting["overdue"]) == (None, "handed_over", False)
    shop.send(filed)
    due = shop.show(filed)["due"]
    assert (due["promise"], due["legal"], due["article"]) == ("2026-03-09", "2026-03-16", "MSY m.12/1")
    assert [row["id"] for row in shop.finance.items("/refunds/owed", due_before="2026-03-17")] == [filed["id"]]
    assert shop.finance.items("/refunds/owed", due_before="2026-03-16") == []
    shop.advance("P8D")
    assert {m["to"] for m in shop.outbox("refund_due_soon")} == {
        f"{name}@{shop.slug}.example" for name in ("ayla", "destek")
    }
    shop.receive(filed)
    shop.inspect(filed)
    [refund] = shop.refunds(filed)
    assert (refund["total"]["amount"], refund["due"]["legal"]) == ("1000.00", "2026-03-16")
    shop.advance("P12D")
    [late] = shop.finance.items("/refunds/owed")
    assert (late["refund_id"], late["overdue"], late["total"]) == (refund["id"], True, refund["total"])
    assert shop.show(filed)["due"]["overdue"] is True
    shown = approved_anew(shop, refund)
    [line] = interest(shown)
    assert line["gross"]["amount"] == "3.95"
    assert line["computation"] == {
        "principal": shop.money("1000.00"),
        "percent_a_year": "24",
        "since": "2026-03-16",
        "until": "2026-03-22",
        "days": 6,
        "article": "3095 m.1; CBK 8485",
    }
    assert [(t["tender"], t["amount"]["amount"]) for t in shown["transfers"]] == [
        ("card", "1000.00"),
        ("bank_transfer", "3.95"),
    ]
    paid = shop.refund(refund)
    assert (paid["state"], paid["transfers"][0]["state"]) == ("awaiting_payout", "succeeded")
    shop.advance("P2D")
    shop.customer(filed).post(f"/returns/{filed['id']}/payout", {"iban": IBAN, "holder": "Ayşe Yılmaz"})
    shop.settle()
    assert shop.refund(refund)["state"] == "succeeded"
    assert len(shop.refunds(filed)) == 1, "interest bears no interest, and waiting for an account none either"
    ended = shop.show(filed)
    assert (ended["state"], ended["due"]) == ("awaiting_feedback", None)
    assert shop.events(filed).count("refund.overdue") == 1
    assert len(shop.outbox("refund_overdue")) == 2
    assert shop.finance.items("/refunds/owed") == []


def test_what_became_late_only_when_it_was_sent_bears_interest_once(shop: Shop) -> None:
    """Approved in time, refused by the bank, sent again late: the days after the last one are paid once more."""
    script = f"pi_{shop.slug}#fail:insufficient_funds,succeed"
    shop.order("1001", shop.line("1", price="1000.00"), payment={"reference": script})
    filed = shop.file("1001")
    shop.send(filed)
    shop.receive(filed)
    shop.inspect(filed)
    [refund] = shop.refunds(filed)
    shop.approve(refund)
    shop.advance("P18D")
    transfer = shop.refund(refund)["transfers"][0]
    shop.finance.post(f"/refunds/{refund['id']}/retry", {"transfer_id": transfer["id"]})
    shop.settle()
    first, second = shop.refunds(filed)
    assert (first["state"], interest(first)) == ("succeeded", [])
    [line] = second["components"]
    assert (line["kind"], line["computation"]["days"], second["total"]["amount"]) == ("interest", 4, "2.63")
    shop.customer(filed).post(f"/returns/{filed['id']}/payout", {"iban": IBAN, "holder": "Ayşe Yılmaz"})
    shop.advance("P30D")
    shop.approve(second)
    assert [one["state"] for one in shop.refunds(filed)] == ["succeeded", "succeeded"]
    assert shop.show(filed)["state"] == "awaiting_feedback"


def test_d13_goods_that_never_came_are_paid_back_with_interest_from_the_payment(open_shop: OpenShop) -> None:
    """D13: paid on 1 March, ended on 2 April, refunded on 10 April: 40 days at 24 % on 1,000.00 are 26.30."""
    shop = open_shop(today="2026-04-02T10:00:00+03:00")
    paid = {"captured_at": "2026-03-01T10:00:00+03:00"}
    shop.order(
        "1001",
        shop.line("1", price="1000.00"),
        payment=paid,
        ordered_at=paid["captured_at"],
        promised_by="2026-03-20",
        deliveries=[],
    )
    filed = shop.file("1001", want("1"), kind="not_delivered", method="none")
    [refund] = shop.refunds(filed)
    assert [line["computation"]["days"] for line in interest(refund)] == [32]
    assert refund["due"]["legal"] == "2026-04-16"
    shop.advance("P8D")
    shown = approved_anew(shop, refund)
    assert [line["gross"]["amount"] for line in interest(shown)] == ["26.30"]
    assert shown["total"]["amount"] == "1026.30"


def test_a_proof_of_sending_starts_the_clock(open_shop: OpenShop) -> None:
    """CRD art. 13(3): a proof of sending ends the withholding before the goods are back; the law's day follows it."""
    shop = open_shop(country="DE", timezone="Europe/Berlin", currency="EUR", locale="de")
    home = {"name": "A", "line1": "Weg 1", "city": "Berlin", "country": "DE"}
    shop.order("1001", ship_to=home)
    filed = shop.file("1001", method="own_carrier")
    assert shop.show(filed)["due"]["legal"] is None
    shop.advance("P3D")
    files = {"file": ("beleg.pdf", b"%PDF-1.4\n1 0 obj<</Type/Catalog>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n")}
    shop.customer(filed).post(f"/returns/{filed['id']}/evidence", files=files, data={"kind": "proof_of_sending"})
    due = shop.show(filed)["due"]
    assert (due["legal"], due["article"]) == ("2026-03-16", "CRD 13(1), 13(3)")


def test_where_no_money_comes_no_day_is_named(open_shop: OpenShop) -> None:
    """A refused quote, a return that is declined, by rule or by a person, and a repair promise no money and no day."""
    nothing = dict.fromkeys(("by", "legal", "starts_when", "article", "promise_days"))
    shop = open_shop(policy={"returns": {"auto_approve": False}})
    shop.order("1001", shop.line("1"), shop.line("2"))
    repaired = asked("1001", want("1", outcome="repair"), kind="defective")
    assert shop.integrator.post("/returns/quote", repaired)["refund_due"] == nothing
    looked_at = shop.integrator.post("/returns/quote", asked("1001", want("1"), kind="not_delivered"))["refund_due"]
    assert (looked_at["by"], looked_at["legal"]) == ("2026-03-16", "2026-03-16")
    filed = shop.file("1001", want("2"))
    assert shop.show(filed)["due"]["starts_when"] == "handed_over"
    shop.support.post(f"/returns/{filed['id']}/actions/decline", {"reason": "Not ours."})
    assert shop.show(filed)["due"] is None
    shop.advance("P120D")
    late = asked("1001", want("1"))
    assert shop.integrator.post("/returns/quote", late)["refund_due"] == nothing
    refused = shop.integrator.post("/returns", late)
    assert (refused["state"], refused["refund_due"], shop.show(refused)["due"]) == ("declined", nothing, None)


def test_a_named_carrier_that_no_way_uses_delays_no_money(open_shop: OpenShop) -> None:
    """By another carrier than the named one the clock starts on arrival, but only where the named one can be used."""
    found = {}
    for way in ("printed_label", "in_store"):
        terms = {"methods": [way, "own_carrier"], "way_back_paid_by": "store"}
        policy = {"returns": {"named_return_carriers": ["yurtici"]}, "reasons": {"default": terms}}
        shop = open_shop(policy=policy)
        shop.order("1001")
        filed = shop.file("1001", method="own_carrier")
        sent = {"direction": "inbound", "method": "own_carrier", "carrier": "aras", "handed_over_at": TODAY}
        shop.integrator.post(f"/returns/{filed['id']}/parcels", sent)
        due = shop.show(filed)["due"]
        found[way] = (filed["refund_due"]["starts_when"], due["legal"], due["starts_when"])
    assert found["printed_label"] == ("handed_over", None, "arrived")
    assert found["in_store"][:2] == ("handed_over", "2026-03-16")


def test_each_refund_has_the_clock_of_what_it_pays(open_shop: OpenShop) -> None:
    """For goods that never came and a service it runs from the notice, for what is sent back from the hand-over."""
    shop = open_shop()
    here = {"id": "d1", "delivered_at": "2026-02-27T10:00:00+03:00", "lines": [{"id": "1", "quantity": 1}]}
    lines = [shop.line("1", price="1000.00"), shop.line("2", price="500.00"), shop.line("3", kind="service")]
    for number, order in (("1001", ("1", "2")), ("1002", ("2", "1")), ("1003", ("1", "3"))):
        shop.order(number, *lines, deliveries=[here])
        filed = shop.file(number, *(want(line) for line in order))
        article = "MSY m.12/3" if "3" in order else "MSY m.12/2"
        assert (filed["refund_due"]["legal"], filed["refund_due"]["article"]) == ("2026-03-16", article)
        [refund] = shop.refunds(filed)
        assert (refund["due"]["legal"], refund["due"]["article"]) == ("2026-03-16", article)
    shop.advance("P15D")
    assert shop.events(filed).count("refund.overdue") == 1
    assert [line["computation"]["days"] for line in interest(approved_anew(shop, refund))] == [1]
    shop.order("1004", *lines, deliveries=[here])
    both = shop.file("1004", want("1"), want("2"))
    shop.approve(shop.refunds(both)[0])
    shop.advance("P3D")
    shop.receive(both, {"1": 1}, parcel_id=shop.send(both)["id"])
    shop.inspect(both, {"1": 1})
    paid, goods = shop.refunds(both)
    assert (paid["due"]["legal"], goods["due"]["legal"]) == ("2026-03-31", "2026-04-03")
