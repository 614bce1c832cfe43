"""Cash on delivery, and other money that cannot go back the way it came: the customer is asked for an account."""

from __future__ import annotations

from typing import Any

from tests.support.shop import ORDERED, Client, OpenShop, Shop, codes, want
from tests.support.snapshots import Json

IBAN = "TR33 0006 1005 1978 6457 8413 26"
AT_THE_DOOR: dict[str, Any] = {"id": "cod", "tender": "cash_on_delivery", "provider": None, "captured_at": ORDERED}


def accepted(shop: Shop, **order: Any) -> tuple[Json, Json]:
    """A return of one shirt, partly or wholly paid at the door, come and good, and its one refund."""
    shop.order("1001", **order)
    filed = shop.file("1001")
    shop.receive(filed)
    shop.inspect(filed)
    [refund] = shop.refunds(filed)
    return filed, refund


def both(shop: Shop) -> Client:
    """A person who speaks with customers and approves refunds too."""
    scopes = ["returns:read", "returns:write", "refunds:read", "refunds:propose", "refunds:approve"]
    wish = {"name": "both", "scopes": scopes, "person": "memur@example.com"}
    return shop.client(shop.admin.post(f"/stores/{shop.slug}/keys", wish)["key"])


def test_the_money_of_a_parcel_paid_at_the_door_waits_for_an_account(shop: Shop) -> None:
    """Cash on delivery with its fee: the customer is asked, the rest is paid, and the account lets the money go."""
    cod = shop.money("119.90")
    filed, refund = accepted(
        shop,
        payments=[AT_THE_DOOR | {"captured": cod}],
        fees=[{"kind": "cod", "amount": shop.money("19.90"), "tax_rate": "20"}],
        total=cod,
    )
    assert filed["refund"]["flags"] == ["needs_payout"]
    assert [part["kind"] for part in refund["components"]] == ["goods", "paid_fee"]
    assert refund["total"] == cod
    customer = shop.customer(filed)
    seen = customer.get(f"/returns/{filed['id']}")
    assert seen["payout"] == {"needed": True, "given": False}
    shop.advance("PT1M")
    [asked] = shop.outbox("payout_needed")
    assert "IBAN" in asked["text"]
    assert "119,90" in asked["text"]
    shop.approve(refund)
    waiting = shop.refund(refund)
    assert (waiting["state"], waiting["transfers"][0]["state"]) == ("awaiting_payout", "pending")
    assert shop.show(filed)["state"] == "settling"
    wrong = customer.refused(f"/returns/{filed['id']}/payout", {"iban": IBAN[:-1] + "7", "holder": " "}, status=422)
    assert [(fault["path"], fault["code"]) for fault in wrong["errors"]] == [("iban", "iban"), ("holder", "required")]
    shop.advance("P4D")
    assert len(shop.outbox("payout_needed")) == 2
    answer = customer.post(f"/returns/{filed['id']}/payout", {"iban": IBAN, "holder": "Ayşe Yılmaz"})
    assert answer["payout"] == {"needed": True, "given": True}
    account = {"iban": IBAN.replace(" ", ""), "holder": "Ayşe Yılmaz"}
    assert account["iban"] not in str(answer)
    assert shop.refund(refund)["payout"] == account
    shop.settle()
    assert shop.refund(refund)["state"] == "succeeded"
    assert shop.show(filed)["state"] == "awaiting_feedback"
    told = shop.events(filed)
    assert [told.count(name) for name in ("refund.awaiting_payout", "return.payout_given", "refund.succeeded")] == [
        1,
        1,
        1,
    ]


def test_only_what_needs_an_account_waits(shop: Shop) -> None:
    """Half by card, half at the door: the card is paid at once, the rest when staff have written the account down."""
    half = shop.money("50.00")
    card = {"id": "p1", "tender": "card", "provider": "offline", "reference": "pi_1"} | {"captured": half}
    filed, refund = accepted(shop, payments=[card | {"captured_at": ORDERED}, AT_THE_DOOR | {"captured": half}])
    shop.approve(refund)
    waiting = shop.refund(refund)
    assert waiting["state"] == "awaiting_payout"
    assert [t["state"] for t in waiting["transfers"]] == ["succeeded", "pending"]
    assert shop.show(filed)["balance"]["due_to_customer"] == half
    path = f"/refunds/{refund['id']}/payout"
    shop.support.post(path, {"iban": IBAN, "holder": "Ayşe Yılmaz"})
    shop.settle()
    assert [t["state"] for t in shop.refund(refund)["transfers"]] == ["succeeded"] * 2
    again = shop.support.refused(path, {"iban": IBAN, "holder": "Başkası"})
    assert again["code"] == "refund_over"


def test_who_names_the_account_approves_none_of_it(shop: Shop) -> None:
    """Named before anything is proposed or once it is approved, by one person: the other half is somebody else's."""
    clerk = both(shop)
    account = {"iban": IBAN, "holder": "Memur"}
    cash = [AT_THE_DOOR | {"captured": shop.money("100.00")}]
    for number, named in (("1001", True), ("1002", False)):
        shop.order(number, payments=cash)
        filed = shop.file(number)
        if named:
            clerk.post(f"/returns/{filed['id']}/payout", account)
        shop.receive(filed)
        shop.inspect(filed)
        [refund] = shop.refunds(filed)
        total = {"expected_total": refund["total"]}
        if named:
            problem = clerk.refused(f"/refunds/{refund['id']}/approve", total)
            assert shop.approve(refund)["state"] == "sending"
        else:
            clerk.post(f"/refunds/{refund['id']}/approve", total)
            at = (f"/refunds/{refund['id']}/payout", f"/returns/{filed['id']}/payout")
            problem, again = [clerk.refused(path, account) for path in at]
            assert again["code"] == problem["code"]
            assert shop.refund(refund)["payout"] is None
            shop.support.post(at[0], account)
            shop.settle()
        assert codes(problem) == ["approver_independent"]
        assert shop.refund(refund)["state"] == "succeeded"


def test_an_account_given_with_the_filing_is_used(shop: Shop) -> None:
    """The account of the filing is checked, nobody is asked again, and the money goes in one go."""
    shop.order("1001", payments=[AT_THE_DOOR | {"captured": shop.money("100.00")}])
    wish = {"order_number": "1001", "lines": [{"order_line_id": "1", "quantity": 1, "outcome": "refund"}]}
    bad = shop.integrator.refused("/returns", wish | {"payout": {"iban": "DE89", "holder": "A"}}, status=422)
    assert [fault["path"] for fault in bad["errors"]] == ["payout.iban"]
    filed = shop.integrator.post(
        "/returns", wish | {"method": "drop_off_code", "payout": {"iban": "DE89370400440532013000", "holder": "Ayşe"}}
    )
    shop.receive(filed)
    shop.inspect(filed)
    [refund] = shop.refunds(filed)
    shop.approve(refund)
    assert shop.refund(refund)["state"] == "succeeded"
    shop.advance("PT1M")
    assert shop.outbox("payout_needed") == []


FREIGHT = {
    "returns": {"named_return_carriers": ["yurtici"]},
    "reasons": {name: {"methods": ["drop_off_code", "own_carrier"]} for name in ("default", "defective")},
    "refunds": {"auto_approve_below": "500.00"},
}


def sent(shop: Shop, number: str, carrier: str, *, line: Json | None = None, **filing: Any) -> tuple[Json, Json]:
    """A return whose customer sent the goods on their own for 55.00, and its parcel."""
    shop.order(number)
    filed = shop.file(number, *([line] if line else []), method="own_carrier", **filing)
    cost = {"amount": shop.money("55.00"), "receipt": "FIS-1"}
    body = {"direction": "inbound", "method": "own_carrier", "carrier": carrier, "cost": cost}
    return filed, shop.customer(filed).post(f"/returns/{filed['id']}/parcels", body)


def freight(shop: Shop, filed: Json) -> list[Json]:
    """The refunds of nothing but freight."""
    return [one for one in shop.refunds(filed) if {part["kind"] for part in one["components"]} == {"return_freight"}]


def test_freight_that_the_store_owes_goes_back_to_who_paid_it(open_shop: OpenShop) -> None:
    """By the named carrier, or for a defect: a refund of its own, looked at by a person; another carrier is theirs."""
    shop = open_shop(policy=FREIGHT)
    named, parcel = sent(shop, "1001", "yurtici")
    assert parcel["cost"] == {"amount": shop.money("55.00"), "receipt": "FIS-1"}
    assert shop.warehouse.get(f"/returns/{named['id']}")["parcels"][0]["cost"] is None
    assert not freight(shop, named)
    shop.receive(named)
    shop.inspect(named)
    shop.settle()
    goods, owed = shop.refunds(named)
    assert (goods["total"], goods["state"]) == (shop.money("100.00"), "succeeded")
    assert freight(shop, named) == [owed]
    assert (owed["state"], owed["total"], owed["flags"]) == ("proposed", shop.money("55.00"), ["needs_payout"])
    assert [(one["tender"], one["amount"]) for one in owed["transfers"]] == [("bank_transfer", shop.money("55.00"))]
    shop.approve(owed)
    shop.customer(named).post(f"/returns/{named['id']}/payout", {"iban": IBAN, "holder": "Ayşe Yılmaz"})
    shop.settle()
    assert [one["state"] for one in freight(shop, named)] == ["succeeded"]
    assert shop.show(named)["state"] == "awaiting_feedback"
    clerk = both(shop)
    for number, carrier, kind, found in (("1002", "aras", "withdrawal", 0), ("1003", "aras", "defective", 1)):
        filed, _ = sent(shop, number, carrier, line=want("1", reason=kind), kind=kind, by=clerk)
        shop.receive(filed)
        shop.inspect(filed)
        assert len(freight(shop, filed)) == found, (carrier, kind)
    [own] = freight(shop, filed)
    problem = clerk.refused(f"/refunds/{own['id']}/approve", {"expected_total": own["total"]})
    assert codes(problem) == ["approver_independent"], "who filed it approves no money of it"


def test_freight_is_proposed_once_whenever_it_is_told(open_shop: OpenShop) -> None:
    """Told late it is proposed at once; a no stays a no, an undone receipt is none, a void parcel brings nothing."""
    shop = open_shop(policy={**FREIGHT, "refunds": {}})
    filed, void = sent(shop, "1001", "yurtici")
    shop.integrator.delete(f"/returns/{filed['id']}/parcels/{void['id']}")
    shop.receive(filed, scan_id="first")
    shop.inspect(filed)
    assert not freight(shop, filed)
    cost = {"amount": shop.money("60.00")}
    told = {"direction": "inbound", "method": "own_carrier", "carrier": "yurtici", "cost": cost}
    shop.support.post(f"/returns/{filed['id']}/parcels", told | {"method": "drop_off_code"})
    assert not freight(shop, filed), "a code is the store's"
    shop.support.post(f"/returns/{filed['id']}/parcels", told)
    shop.warehouse.delete("/receipts/first")
    shop.receive(filed)
    shop.inspect(filed)
    gone, owed = freight(shop, filed)
    assert (gone["state"], owed["state"], owed["total"]) == ("refused", "proposed", shop.money("60.00"))
    shop.finance.post(f"/refunds/{owed['id']}/refuse", {"reason": "No receipt."})
    shop.support.post(f"/returns/{filed['id']}/actions/approve", {})
    assert [one["state"] for one in freight(shop, filed)] == ["refused", "refused"]
