"""What arrives, in how many parcels, and what does not."""

from __future__ import annotations

from tests.support.shop import Shop, asked, codes, want


def test_partial_receipt_then_the_rest(shop: Shop) -> None:
    """Of three units one comes first and is paid for; the others stay expected and are paid for when they come."""
    shop.order("1001", shop.line("1", quantity=3), shipping="29.90")
    filed = shop.file("1001", want("1", 3))
    assert filed["refund"]["total"]["amount"] == "329.90"
    shop.send(filed)
    shop.receive(filed, {"1": 1})
    shop.inspect(filed, {"1": 1})
    [first] = shop.refunds(filed)
    assert first["total"]["amount"] == "100.00"
    assert shop.refunds(filed)[0]["components"][0]["tax"]["amount"] == "16.67"
    shop.approve(first)
    waiting = shop.show(filed)
    assert waiting["state"] == "settling"
    assert (waiting["lines"][0]["received"], waiting["lines"][0]["settled"]) == (1, 1)
    shop.send(filed)
    shop.receive(filed, {"1": 2})
    shop.inspect(filed, {"1": 2})
    second = shop.refunds(filed)[1]
    assert second["total"]["amount"] == "229.90"
    assert [part["kind"] for part in second["components"]] == ["goods", "shipping"]
    shop.approve(second)
    ended = shop.show(filed)
    assert (ended["state"], ended["lines"][0]["settled"]) == ("awaiting_feedback", 3)


def test_r46_what_did_not_come_stays_expected_until_its_deadline(shop: Shop) -> None:
    """R46: one of three comes: 10.00 with its own tax; the others are awaited until the deadline, then missing."""
    shop.order("1001", shop.line("1", price="10.00", quantity=3))
    filed = shop.file("1001", want("1", 3))
    shop.send(filed)
    shop.receive(filed, {"1": 1})
    shop.inspect(filed, {"1": 1})
    [refund] = shop.refunds(filed)
    assert (refund["total"]["amount"], refund["components"][0]["tax"]["amount"]) == ("10.00", "1.67")
    line = shop.show(filed)["lines"][0]
    assert (line["expected"], line["received"], line["missing"]) == (3, 1, 0)
    shop.approve(refund)
    shop.advance("P20D")
    ended = shop.show(filed)
    assert (ended["lines"][0]["missing"], ended["state"]) == (2, "awaiting_feedback")
    assert shop.file("1001", want("1", 2), kind="damaged")["lines"][0]["quantity"] == 2


def test_what_is_on_its_way_when_the_time_ends_is_awaited_and_nothing_else(shop: Shop) -> None:
    """Handed over in time, a parcel is awaited however long it takes; once it is counted, the rest is missing."""
    shop.order("1001", shop.line("1", price="10.00", quantity=3))
    filed = shop.file("1001", want("1", 3))
    shop.receive(filed, {"1": 1}, parcel_id=shop.send(filed)["id"])
    shop.inspect(filed, {"1": 1})
    shop.approve(shop.refunds(filed)[0])
    late = shop.send(filed)
    shop.advance("P20D")
    assert shop.show(filed)["lines"][0]["missing"] == 0
    shop.receive(filed, {"1": 1}, parcel_id=late["id"])
    shop.inspect(filed, {"1": 1})
    [line] = shop.show(filed)["lines"]
    assert (line["received"], line["missing"]) == (2, 1)


def test_two_parcels_with_one_unit_missing_and_one_unexpected(shop: Shop) -> None:
    """Two parcels bring two of three units and a stranger; the missing one is said, the stranger is shelved."""
    shop.order("1001", shop.line("1", quantity=2), shop.line("2", price="40.00"))
    filed = shop.file("1001", want("1", 2), want("2"))
    one, two = (line["id"] for line in filed["lines"])
    first = shop.send(filed, lines=[{"line_id": one, "quantity": 2}])
    second = shop.send(filed, lines=[{"line_id": two, "quantity": 1}])
    shop.receive(filed, {"1": 1}, parcel_id=first["id"], missing=[{"line_id": one, "quantity": 1}])
    stranger = {"sku": "MUG-9", "description": "Bir kupa"}
    answer = shop.receive(filed, {"2": 1}, parcel_id=second["id"], unexpected=[stranger])
    [unexpected] = answer["unexpected"]
    assert unexpected["id"].startswith("unx_")
    shop.inspect(filed, {"1": 1, "2": 1})
    [refund] = shop.refunds(filed)
    assert refund["total"]["amount"] == "140.00"
    shop.approve(refund)
    ended = shop.show(filed)
    assert ended["state"] == "awaiting_feedback"
    assert [(line["received"], line["missing"]) for line in ended["lines"]] == [(1, 1), (1, 0)]
    assert {parcel["state"] for parcel in ended["parcels"]} == {"counted"}
    disposed = shop.warehouse.post(f"/unexpected/{unexpected['id']}/dispose", {"disposition": "return_to_vendor"})
    assert disposed["state"] == "disposed"


def test_a_unit_that_was_called_missing_and_is_found_is_not_missing(shop: Shop) -> None:
    """What comes after all is received and paid for like the rest."""
    shop.order("1001", shop.line("1", quantity=2))
    filed = shop.file("1001", want("1", 2))
    shop.receive(filed, {"1": 1}, missing=[{"line_id": filed["lines"][0]["id"], "quantity": 1}])
    shop.receive(filed, {"1": 1})
    [line] = shop.show(filed)["lines"]
    assert (line["received"], line["missing"]) == (2, 0)
    shop.inspect(filed, {"1": 2})
    assert [refund["total"]["amount"] for refund in shop.refunds(filed)] == ["200.00"]


def test_no_unit_of_one_receipt_came_and_is_missing(shop: Shop) -> None:
    """One receipt is judged as a whole: a unit that came is not missing too, and none is missing twice."""
    shop.order("1001", shop.line("1", quantity=2))
    filed = shop.file("1001", want("1", 2))
    [line] = filed["lines"]
    here, gone = {"line_id": line["id"], "quantity": 1}, {"line_id": line["id"], "quantity": 2}
    for lines, missing, wrong in (
        ([here], [gone], "missing[0].quantity"),
        ([{"sku": line["sku"], "quantity": 1}], [gone], "missing[0].quantity"),
        ([], [gone, here], "missing[1].quantity"),
        ([here], [here, here], "missing[1].quantity"),
    ):
        body = {"scan": filed["rma_number"], "scan_id": "odd", "lines": lines, "missing": missing}
        problem = shop.warehouse.refused("/receipts", body, status=422)
        assert [error["path"] for error in problem["errors"]] == [wrong]
    assert [shop.show(filed)["lines"][0][name] for name in ("received", "missing")] == [0, 0]
    shop.receive(filed, {"1": 1}, missing=[here])
    assert shop.inspect(filed, {"1": 1})["state"] == "settling"


def test_a_code_that_names_a_scan_or_news_names_nothing_else(shop: Shop) -> None:
    """Another return or content under a ``scan_id`` or ``source_id`` is 409 and writes nothing; the same is heard."""
    shop.order("1001", shop.line("1", quantity=3))
    filed, other = shop.file("1001", want("1", 2)), shop.file("1001")
    first = shop.receive(filed, {"1": 1}, scan_id="s1")
    body = {"scan": filed["rma_number"], "finished": True, "scan_id": "s1"}
    body["lines"] = [{"line_id": filed["lines"][0]["id"], "quantity": 1}]
    foreign = body | {"scan": other["rma_number"], "lines": [{"line_id": other["lines"][0]["id"], "quantity": 1}]}

    def heard() -> None:
        assert shop.warehouse.post("/receipts", body) == first
        for changed in (foreign, body | {"scan": other["rma_number"]}, body | {"finished": False}):
            assert shop.warehouse.refused("/receipts", changed)["code"] == "scan_id_reused"

    heard()
    assert shop.warehouse.delete("/receipts/s1")["lines"][0]["received"] == 0
    heard()
    assert [shop.show(one)["lines"][0]["received"] for one in (filed, other)] == [0, 0]
    parcel = shop.integrator.post(f"/returns/{other['id']}/parcels", {"method": "drop_off_code"})
    shop.settle()
    news = {"status": "handed_over", "at": shop.integrator.get("/test-clock")["now"], "source_id": "n1"}
    path = f"/parcels/{parcel['id']}/events"
    told = shop.integrator.post(path, news)
    assert shop.integrator.post(path, news) == told
    for changed in (news | {"status": "delivered"}, news | {"at": "2026-03-01T10:00:00Z"}):
        assert shop.integrator.refused(path, changed)["code"] == "source_id_reused"
    assert [one["state"] for one in shop.show(other)["parcels"]] == ["handed_over"]


def test_s38_a_sku_that_is_not_in_the_return_is_recorded_as_unexpected(shop: Shop) -> None:
    """S38: the scanned sku of another order line is recorded as unexpected; no other line is refunded for it."""
    shop.order("1001", shop.line("1"), shop.line("2", price="40.00"))
    filed = shop.file("1001", want("1"))
    shop.send(filed)
    body = {"scan": filed["rma_number"], "lines": [{"sku": "TS-2", "quantity": 1}], "finished": True, "scan_id": "s"}
    answer = shop.warehouse.post("/receipts", body)
    assert [found["sku"] for found in answer["unexpected"]] == ["TS-2"]
    seen = shop.show(filed)
    assert (seen["lines"][0]["received"], seen["refunds"]) == (0, [])
    assert "line.unexpected" in shop.events(filed)
    excess = {"lines": [{"line_id": filed["lines"][0]["id"], "quantity": 1}], "grade": "A"}
    shop.warehouse.refused(f"/returns/{filed['id']}/inspections", excess, status=422)


def test_s15_what_cannot_be_sold_again_is_received_and_not_restocked(shop: Shop) -> None:
    """S15: a unit that cannot be sold again counts as received; the stock stays, the customer is paid."""
    shop.product("TS-1", "100.00", stock=5)
    shop.order("1001")
    filed = shop.file("1001")
    shop.send(filed)
    shop.receive(filed)
    shop.inspect(filed, grade="C", disposition="recycle")
    line = shop.show(filed)["lines"][0]
    assert (line["received"], line["accepted"]) == (1, 1)
    assert shop.integrator.get("/products/TS-1")["stock"] == 5
    assert shop.refunds(filed)[0]["total"]["amount"] == "100.00"


def test_s5_a_lost_parcel_may_be_settled_by_staff_and_restocks_nothing(shop: Shop) -> None:
    """S5: a parcel that the carrier lost raises the case; staff may settle it, and nothing is restocked."""
    shop.product("TS-1", "100.00", stock=5)
    shop.order("1001")
    filed = shop.file("1001")
    parcel = shop.integrator.post(
        f"/returns/{filed['id']}/parcels", {"direction": "inbound", "method": "drop_off_code"}
    )
    shop.settle()
    shop.tell(parcel, "handed_over")
    shop.tell(parcel, "lost")
    assert shop.show(filed)["state"] == "in_review"
    settled = shop.support.post(f"/returns/{filed['id']}/actions/waive_goods", {"reason": "Kargo kaybetti"})
    assert settled["state"] == "settling"
    line = settled["lines"][0]
    assert (line["received"], line["missing"], line["accepted"]) == (0, 1, 1)
    [refund] = settled["refunds"]
    shop.approve(refund)
    assert shop.show(filed)["state"] == "awaiting_feedback"
    assert shop.integrator.get("/products/TS-1")["stock"] == 5


def test_s1_a_unit_that_another_return_received_is_refused_by_name(shop: Shop) -> None:
    """S1: more units than this return asked for, held by another return, are refused with the other's RMA number."""
    shop.order("1001", shop.line("1", quantity=2))
    first, second = shop.file("1001"), shop.file("1001")
    shop.receive(first)
    double = {"scan": second["rma_number"], "scan_id": "twice"}
    double["lines"] = [{"line_id": second["lines"][0]["id"], "quantity": 2}]
    problem = shop.warehouse.refused("/receipts", double)
    assert first["rma_number"] in problem["reasons"][0]["text"]
    assert shop.show(second)["lines"][0]["received"] == 0


def test_s1_goods_of_an_ended_return_whose_units_another_one_received(shop: Shop) -> None:
    """S1: a cancelled return cannot be reopened for the unit that another return has received; it is named."""
    shop.order("1001")
    first = shop.file("1001")
    shop.customer(first).post(f"/returns/{first['id']}/actions/cancel")
    second = shop.file("1001")
    shop.receive(second)
    problem = shop.support.refused(f"/returns/{first['id']}/actions/reopen", {"reason": "sorry"})
    assert codes(problem) == ["units_held"]
    assert second["rma_number"] in problem["reasons"][0]["text"]
    held = shop.receive(first)
    assert held["state"] == "in_review"
    problem = shop.support.refused(f"/returns/{first['id']}/actions/approve")
    assert second["rma_number"] in str(problem["reasons"])
    assert shop.show(first)["refunds"] == []


def test_a_receipt_can_be_undone_until_money_moved(shop: Shop) -> None:
    """A wrong scan goes with its judgements and its proposal, a repeated one changes nothing; once paid it stays."""
    shop.order("1001", shop.line("1", quantity=2))
    filed = shop.file("1001", want("1", 2))
    shop.send(filed)
    shop.receive(filed, scan_id="wrong")
    assert shop.receive(filed, scan_id="wrong")["state"] == "inspecting"
    shop.inspect(filed, {"1": 1})
    shop.inspect(filed, {"1": 1}, grade="B", disposition="send_back", verdict="reject", reason="Başka bir ürün")
    undone = shop.warehouse.delete("/receipts/wrong")
    assert undone["state"] == "arrived"
    assert [undone["lines"][0][name] for name in ("received", "accepted", "rejected")] == [0, 0, 0]
    assert [refund["state"] for refund in shop.refunds(filed)] == ["refused"]
    shop.receive(filed, {"1": 1}, scan_id="right")
    shop.inspect(filed, {"1": 1})
    proposal = next(refund for refund in shop.refunds(filed) if refund["state"] == "proposed")
    assert proposal["total"]["amount"] == "100.00"
    shop.approve(proposal)
    problem = shop.warehouse.refused("/receipts/right", method="DELETE")
    assert codes(problem) == ["no_money_moved"]


def test_a_wrong_scan_of_one_unit_is_undone_though_another_was_paid(shop: Shop) -> None:
    """Money binds the units that it was for: another one's receipt goes, unless money rests on all that came."""
    shop.order("1001", shop.line("1", quantity=3), shipping="30.00")
    filed = shop.file("1001", want("1", 3))
    shop.receive(filed, {"1": 1}, scan_id="one")
    shop.inspect(filed, {"1": 1})
    shop.approve(shop.refunds(filed)[0])
    for number, judge in enumerate(
        (None, {"verdict": "accept"}, {"verdict": "reject", "disposition": "send_back", "reason": "Başka ürün"})
    ):
        shop.receive(filed, {"1": 1}, scan_id=f"wrong-{number}")
        if judge:
            shop.inspect(filed, {"1": 1}, **judge)
            shop.settle()
        undone = shop.warehouse.delete(f"/receipts/wrong-{number}")
        [line] = undone["lines"]
        assert [line[name] for name in ("received", "accepted", "rejected")] == [1, 1, 0], judge
    assert [(one["state"], one["total"]["amount"]) for one in shop.refunds(filed)] == [
        ("succeeded", "100.00"), ("refused", "100.00"),
    ]  # fmt: skip
    shop.receive(filed, {"1": 1}, scan_id="two")
    shop.inspect(filed, {"1": 1})
    shop.receive(filed, {"1": 1}, scan_id="three")
    shop.inspect(filed, {"1": 1})
    assert [one["total"]["amount"] for one in shop.refunds(filed)[2:]] == ["100.00", "130.00"]
    shop.approve(shop.refunds(filed)[3])
    for scan in ("two", "three"):
        problem = shop.warehouse.refused(f"/receipts/{scan}", method="DELETE")
        assert codes(problem) == ["no_money_moved"]
    shop.approve(shop.refunds(filed)[2])
    assert shop.show(filed)["lines"][0]["settled"] == 3


def test_an_unknown_parcel_is_matched_to_its_return(shop: Shop) -> None:
    """A parcel without a code is shelved as unknown and matched to its return later, with what it held."""
    shop.order("1001")
    filed = shop.file("1001")
    shelved = shop.warehouse.post("/receipts/unknown", {"shelf": "B2", "skus": ["TS-1"]})
    assert [parcel["id"] for parcel in shop.warehouse.items("/receipts/unknown")] == [shelved["id"]]
    lines = [{"line_id": filed["lines"][0]["id"], "quantity": 1}]
    body = {"return_id": filed["id"], "lines": lines}
    assert shop.warehouse.post(f"/receipts/unknown/{shelved['id']}/match", body)["state"] == "matched"
    assert shop.show(filed)["lines"][0]["received"] == 1
    assert shop.warehouse.items("/receipts/unknown") == []


def test_a_rejected_unit_is_sent_back(shop: Shop) -> None:
    """A rejected unit goes back in an outbound parcel with a label; the case settles when it is delivered."""
    shop.order("1001", shop.line("1", quantity=2))
    filed = shop.file("1001", want("1", 2))
    shop.send(filed)
    shop.receive(filed)
    shop.inspect(filed, {"1": 1})
    shop.inspect(filed, {"1": 1}, grade="B", disposition="send_back", verdict="reject", reason="Başka bir ürün")
    [refund] = shop.refunds(filed)
    shop.approve(refund)
    waiting = shop.show(filed)
    assert waiting["state"] == "settling"
    [outbound] = [parcel for parcel in waiting["parcels"] if parcel["direction"] == "outbound"]
    assert outbound["state"] == "label_ready"
    shop.tell(outbound, "handed_over")
    shop.tell(outbound, "delivered")
    ended = shop.show(filed)
    assert (ended["state"], ended["lines"][0]["rejected"]) == ("awaiting_feedback", 1)
    assert shop.integrator.post("/returns/quote", asked("1001"))["lines"][0]["decision"] == "accepted"
