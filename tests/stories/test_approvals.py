"""Who may say yes to money, and to which: distinct people, nobody to what they fixed, and only what was shown."""

from __future__ import annotations

from tests.support.shop import Client, OpenShop, Shop, codes, want
from tests.support.snapshots import Json

LARGE = {"refunds": {"second_person_above": "1000.00"}}


def mint(shop: Shop, by: Client, person: str | None, scopes: str) -> Client:
    """A key for a person, made by somebody who may make keys."""
    wish = {"name": "key", "scopes": scopes.split(), "person": person}
    return shop.client(by.post(f"/stores/{shop.slug}/keys", wish)["key"])


def proposed(shop: Shop, number: str = "1001", *lines: Json, **how: object) -> tuple[Json, Json]:
    """A return whose goods came and are good, and what is proposed for it."""
    filed = shop.file(number, *lines, **how)  # type: ignore[arg-type]
    shop.receive(filed)
    shop.inspect(filed)
    return filed, shop.refunds(filed)[-1]


def say_yes(who: Client, refund: Json) -> Json:
    """Somebody approves what is shown."""
    answer: Json = who.post(f"/refunds/{refund['id']}/approve", {"expected_total": refund["total"]})
    return answer


def say_yes_in_vain(who: Client, refund: Json, *, status: int = 409) -> Json:
    """Somebody may not approve what is shown."""
    body = {"expected_total": refund["total"]}
    problem: Json = who.refused(f"/refunds/{refund['id']}/approve", body, status=status)
    return problem


def test_the_second_approver_has_no_key_of_the_first_ones_making(open_shop: OpenShop) -> None:
    """Who minted a key, directly or through however many, and that key are one approver, whoever comes first.

    Two people whose keys a third one made are two.
    """
    shop = open_shop(policy=LARGE)
    shop.order("1001", shop.line("1", price="6000.00", quantity=3))
    owner = mint(shop, shop.admin, "owner@example.com", "admin")
    chief = mint(shop, owner, "chief@example.com", "admin refunds:read refunds:approve")
    middle = chief
    for _ in range(25):
        middle = mint(shop, middle, None, "admin")
    puppet = mint(shop, middle, "puppet@example.com", "refunds:read refunds:approve")
    other = mint(shop, owner, "other@example.com", "refunds:approve")
    _, refund = proposed(shop)
    assert [say_yes(one, refund)["state"] for one in (chief, other)] == ["proposed", "sending"]
    for first, second in ((chief, puppet), (puppet, chief)):
        _, refund = proposed(shop)
        assert say_yes(first, refund)["state"] == "proposed"
        assert codes(say_yes_in_vain(second, refund)) == ["approver_independent"]
        assert shop.refund(refund)["state"] == "proposed"
        assert say_yes(shop.second, refund)["state"] == "sending"


def test_two_keys_of_one_person_are_one_approver(open_shop: OpenShop) -> None:
    """A second key of the same person, however it is spelled, is not a second person."""
    shop = open_shop(policy=LARGE)
    shop.order("1001", shop.line("1", price="6000.00"))
    one = mint(shop, shop.admin, "ayla@example.com", "refunds:approve")
    same = mint(shop, shop.admin, " Ayla@Example.com", "refunds:approve")
    _, refund = proposed(shop)
    say_yes(one, refund)
    assert codes(say_yes_in_vain(same, refund)) == ["approver_independent"]


def test_a_key_without_a_person_approves_no_money(shop: Shop) -> None:
    """Approving is given to people: a key without a person does not get the scope, and so approves nothing."""
    shop.order("1001")
    _, refund = proposed(shop)
    wish = {"name": "robot", "scopes": ["refunds:approve"]}
    problem = shop.admin.refused(f"/stores/{shop.slug}/keys", wish, status=422)
    assert [error["path"] for error in problem["errors"]] == ["person"]
    assert say_yes_in_vain(shop.integrator, refund, status=403)["code"] == "scope_missing"


def test_nobody_approves_what_they_overrode_or_filed_for_a_customer(shop: Shop) -> None:
    """Whoever let a late return through, or filed it for the customer, does not approve its money; another one does."""
    scopes = "orders:read returns:read returns:write returns:override refunds:read refunds:approve"
    clerk = mint(shop, shop.admin, "memur@example.com", scopes)
    shop.order("1001", shop.line("1", quantity=2))
    _, own = proposed(shop, "1001", want("1"), by=clerk)
    assert codes(say_yes_in_vain(clerk, own)) == ["approver_independent"]
    assert say_yes(shop.finance, own)["state"] == "sending"
    shop.advance("P60D")
    late, money = proposed(shop, "1001", want("1"), by=clerk, override={"reason": "Sadık müşteri"})
    assert (late["lines"][0]["decision"], late["lines"][0]["basis"]) == ("accepted", "goodwill")
    assert codes(say_yes_in_vain(clerk, money)) == ["approver_independent"]
    assert say_yes(shop.finance, money)["state"] == "sending"


STAFF = "admin orders:read returns:read returns:write returns:override refunds:read refunds:propose refunds:approve"


def test_an_own_key_approves_nothing_that_was_fixed_with_another(shop: Shop) -> None:
    """Overridden, proposed or redirected: no key that they made approves it, and they nothing that such a key fixed."""
    gift = {"tender": "gift_card", "reference": "gc_1#fail:closed"}
    shop.order("1001", shop.line("1", quantity=2))
    shop.order("1002", shipping="29.90", payment=gift)
    chief = mint(shop, shop.admin, "chief@example.com", STAFF)
    puppet = mint(shop, chief, "puppet@example.com", STAFF)
    robot = mint(shop, chief, None, "returns:read returns:write returns:override")
    shop.advance("P60D")
    for fixer, own in ((chief, puppet), (robot, chief)):
        _, late = proposed(shop, by=fixer, override={"reason": "Sadık müşteri"})
        assert codes(say_yes_in_vain(own, late)) == ["approver_independent"]
        assert say_yes(shop.finance, late)["state"] == "sending"
    ask = {"components": [{"kind": "shipping"}], "reason": "Hata"}
    money = puppet.post("/orders/1002/refunds", ask)
    assert codes(say_yes_in_vain(chief, money)) == ["approver_independent"]
    shop.approve(money)
    [failed] = shop.refund(money)["transfers"]
    other = {"transfer_id": failed["id"], "tender": "store_credit", "consent": {"by": "customer"}}
    again = chief.post(f"/refunds/{money['id']}/retry", other)
    assert codes(say_yes_in_vain(puppet, again)) == ["approver_independent"]
    assert say_yes(shop.finance, again)["state"] == "sending"


def test_nobody_approves_what_they_let_through_after_the_rules_refused(open_shop: OpenShop) -> None:
    """A late return, reopened and approved: it never approves itself, and another person than that one approves it."""
    shop = open_shop(policy={"refunds": {"auto_approve_below": "500.00"}})
    clerk = mint(shop, shop.admin, "memur@example.com", STAFF)
    shop.order("1001")
    shop.advance("P60D")
    filed = shop.file("1001")
    assert filed["state"] == "declined"
    shop.customer(filed).post(f"/returns/{filed['id']}/actions/appeal", {"reason": "Hastaydım"})
    clerk.post(f"/returns/{filed['id']}/actions/approve", {"reason": "Sadık müşteri"})
    shop.receive(filed)
    shop.inspect(filed)
    [refund] = shop.refunds(filed)
    assert refund["state"] == "proposed"
    assert codes(say_yes_in_vain(clerk, refund)) == ["approver_independent"]
    assert say_yes(shop.finance, refund)["state"] == "sending"


SIX = "6502 m.48/4; MSY m.13/2"


def test_nobody_approves_the_deduction_they_made(shop: Shop) -> None:
    """Turkish law knows no deduction: a person may, with a reason that the decision shows, and approves no rest."""
    scopes = "receiving:write returns:override returns:read refunds:read refunds:approve"
    both = mint(shop, shop.admin, "usta@example.com", scopes)
    shop.order("1001")
    filed = shop.file("1001")
    shop.receive(filed)
    judged = {"line_id": filed["lines"][0]["id"], "quantity": 1, "grade": "B", "disposition": "restock_b"}
    less = {"percent": "25", "reason": "Leke"}
    judged |= {"verdict": "part", "deduction": less}
    at = f"/returns/{filed['id']}/inspections"
    refused = both.refused(at, {"lines": [judged]})
    assert (codes(refused), refused["reasons"][0]["article"]) == (["value_loss_not_allowed"], SIX)
    judged["deduction"] = less | {"override": {"reason": "Bilirkişi gördü"}}
    assert shop.warehouse.refused(at, {"lines": [judged]}, status=403)["title"]
    blank = {"lines": [judged | {"deduction": less | {"override": {"reason": " "}}}]}
    assert both.refused(at, blank, status=422)["errors"][0]["path"] == "lines[0].deduction.override.reason"
    both.post(at, {"lines": [judged]})
    [step] = [one for one in both.get(f"/returns/{filed['id']}/decision")["steps"] if one["override"]]
    assert (step["trigger"], step["reason"], step["against"]) == ("inspect", "Bilirkişi gördü", [SIX])
    [refund] = shop.refunds(filed)
    assert refund["total"]["amount"] == "75.00"
    assert codes(say_yes_in_vain(both, refund)) == ["approver_independent"]
    assert say_yes(shop.finance, refund)["state"] == "sending"


def test_what_a_refused_refund_frees_is_approved_by_nobody_who_fixed_a_return(shop: Shop) -> None:
    """Shipping that a refund by hand had kept, and finance refused, goes back with somebody else's approval alone."""
    chief = mint(shop, shop.admin, "chief@example.com", STAFF)
    puppet = mint(shop, chief, "puppet@example.com", STAFF)
    shop.order("1001", shipping="29.90")
    kept = shop.support.post("/orders/1001/refunds", {"components": [{"kind": "shipping"}], "reason": "Hata"})
    _, late = proposed(shop, by=chief)
    assert late["total"]["amount"] == "100.00"
    shop.approve(late)
    shop.finance.post(f"/refunds/{kept['id']}/refuse", {"reason": "İade ile"})
    [freed] = shop.finance.items("/refunds", order_number="1001", state="proposed")
    assert (freed["return_id"], freed["total"]["amount"]) == (None, "29.90")
    for fixer in (chief, puppet):
        assert codes(say_yes_in_vain(fixer, freed)) == ["approver_independent"]
    assert say_yes(shop.finance, freed)["state"] == "sending"


def test_many_are_approved_at_once_and_each_is_answered_on_its_own(shop: Shop) -> None:
    """Of four refunds in one request the right one is paid; the others are refused by their own reasons."""
    refunds = []
    for number in ("1001", "1002", "1003"):
        shop.order(number)
        refunds.append(proposed(shop, number)[1])
    good, dear, odd = refunds
    items = [
        {"id": good["id"], "expected_total": good["total"]},
        {"id": dear["id"], "expected_total": shop.money("1.00")},
        {"id": odd["id"], "expected_total": shop.money("100.001")},
        {"id": "ref_nobody", "expected_total": shop.money("1.00")},
    ]
    answers = shop.finance.post("/refunds/approve", {"items": items})["items"]
    assert [answer["status"] for answer in answers] == [200, 409, 422, 404]
    assert [answer["id"] for answer in answers] == [item["id"] for item in items]
    assert codes(answers[1]["problem"]) == ["total_as_shown"]
    assert answers[2]["problem"]["errors"][0]["path"] == "expected_total.amount"
    shop.settle()
    assert [shop.refund(refund)["state"] for refund in refunds] == ["succeeded", "proposed", "proposed"]


def test_a_total_that_changed_is_shown_anew(open_shop: OpenShop) -> None:
    """Shipping went with the last return; when the other one is refused, the old total is refused and the new shown."""
    shop = open_shop(policy=LARGE)
    shop.order("1001", shop.line("1"), shop.line("2", price="50.00"), shipping="29.90")
    first, goods = proposed(shop, "1001", want("1"))
    last, with_shipping = proposed(shop, "1001", want("2"))
    assert (goods["total"]["amount"], with_shipping["total"]["amount"]) == ("100.00", "79.90")
    shop.finance.post(f"/refunds/{goods['id']}/refuse", {"reason": "Yanlış ürün"})
    problem = say_yes_in_vain(shop.finance, with_shipping)
    assert (problem["code"], problem["allowed"]) == ("total_changed", ["approve"])
    anew = shop.refund(with_shipping)
    assert (anew["state"], anew["total"]["amount"], anew["transfers"][0]["amount"]["amount"]) == (
        "proposed",
        "50.00",
        "50.00",
    )
    shop.approve(anew)
    assert shop.show(last)["state"] == "awaiting_feedback"
    shop.support.post(f"/returns/{first['id']}/actions/approve")
    again = shop.refunds(first)[-1]
    assert again["total"]["amount"] == "129.90"
    shop.approve(again)
    assert shop.show(first)["state"] == "awaiting_feedback"


def test_a_changed_total_is_shown_anew_to_many_too(shop: Shop) -> None:
    """In a request for many the stale total is refused as well, and what is right now can be approved next."""
    shop.order("1001", shop.line("1"), shop.line("2", price="50.00"), shipping="29.90")
    _, goods = proposed(shop, "1001", want("1"))
    _, stale = proposed(shop, "1001", want("2"))
    shop.finance.post(f"/refunds/{goods['id']}/refuse", {"reason": "Yanlış ürün"})
    ask = {"items": [{"id": stale["id"], "expected_total": stale["total"]}]}
    [answer] = shop.finance.post("/refunds/approve", ask)["items"]
    assert (answer["status"], answer["problem"]["code"]) == (409, "total_changed")
    anew = {"items": [{"id": stale["id"], "expected_total": shop.money("50.00")}]}
    assert shop.finance.post("/refunds/approve", anew)["items"][0]["refund"]["state"] == "sending"


def test_what_is_paid_in_part_is_never_dropped(shop: Shop) -> None:
    """One tender was paid and the other failed: the rest can be sent another way, but not refused, undone or lost."""
    half = {"captured": shop.money("50.00"), "captured_at": "2026-02-20T10:00:00+03:00", "provider": "offline"}
    card = {"id": "p1", "tender": "card", "reference": "pi_1", **half}
    gift = {"id": "p2", "tender": "gift_card", "reference": "gc_1#fail:closed,succeed", **half}
    shop.order("1001", payments=[card, gift])
    filed = shop.file("1001")
    shop.receive(filed, scan_id="part-paid")
    shop.inspect(filed)
    [refund] = shop.refunds(filed)
    shop.approve(refund)
    mixed = shop.refund(refund)
    [failed] = [transfer for transfer in mixed["transfers"] if transfer["state"] == "failed"]
    consent = {"by": "customer", "at": "2026-03-02T09:00:00+03:00"}
    credit = {"transfer_id": failed["id"], "tender": "store_credit", "consent": consent}
    assert shop.finance.post(f"/refunds/{refund['id']}/retry", credit)["state"] == "proposed"
    problem = shop.second.refused(f"/refunds/{refund['id']}/refuse", {"reason": "Kredi olmaz"})
    assert codes(problem) == ["nothing_paid"]
    assert codes(shop.warehouse.refused("/receipts/part-paid", method="DELETE")) == ["no_money_moved"]
    back = {"transfer_id": failed["id"], "tender": "gift_card", "consent": consent}
    home = shop.second.post(f"/refunds/{refund['id']}/retry", back)
    assert (home["transfers"][1]["tender"], home["transfers"][1]["payment_id"]) == ("gift_card", "p2")
    third = shop.key("finance")
    assert codes(say_yes_in_vain(third, home)) == ["approver_independent"]
    say_yes(mint(shop, shop.admin, "can@example.com", "refunds:approve"), home)
    shop.settle()
    paid = shop.refund(refund)
    assert (paid["state"], {transfer["state"] for transfer in paid["transfers"]}) == ("succeeded", {"succeeded"})
    assert [found["total"]["amount"] for found in shop.refunds(filed)] == ["100.00"]
    assert shop.show(filed)["state"] == "awaiting_feedback"
