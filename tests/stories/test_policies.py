"""A store changes its rules: held against the law, tried on real returns, begun at a set time, rolled back."""

from __future__ import annotations

from typing import Any

from tests.support.shop import Shop, want


def _draft(shop: Shop, **changes: Any) -> int:
    """Draft the policy in force with these changes; its version."""
    body = shop.owner.get("/policies/current")["policy"]
    for name, value in changes.items():
        body[name] = {**body.get(name, {}), **value} if isinstance(value, dict) else value
    return int(shop.owner.post("/policies", body)["version"])


def _findings(linted: Any, severity: str) -> dict[str, Any]:
    return {one["code"]: one for one in linted["findings"] if one["severity"] == severity}


def test_an_unlawful_policy_is_refused_with_every_article(shop: Shop) -> None:
    """Lint names each conflict with its article in three languages, and publishing answers 422 with the same."""
    version = _draft(
        shop,
        windows={"withdrawal_days": 7},
        refunds={"promise_days": 30},
        returns={"login_required": True, "reason_required": ["withdrawal"]},
        rules=[{"rule": "exclude", "params": {"opened": True}}],
    )
    linted = shop.owner.post(f"/policies/{version}/lint")
    wrong = _findings(linted, "unlawful")
    assert not linted["lawful"]
    assert wrong.keys() == {"shorter_window", "later_refund", "login_condition", "reason_condition", "unopened_only"}
    assert wrong["shorter_window"]["article"] == "MSY m.9/1"
    assert wrong["shorter_window"]["path"] == "windows.withdrawal_days"
    assert wrong["shorter_window"]["text"].keys() == {"tr", "en", "de"}
    problem = shop.owner.refused(f"/policies/{version}/publish", {}, status=422)
    assert problem["code"] == "policy_unlawful"
    assert {reason["code"]: reason["article"] for reason in problem["reasons"]} == {
        code: one["article"] for code, one in wrong.items()
    }
    assert {error["path"] for error in problem["errors"]} == {one["path"] for one in wrong.values()}
    assert shop.owner.get("/policies/current")["version"] == 1


def test_the_laws_are_those_of_everybody_the_store_sells_to(shop: Shop) -> None:
    """A return fee on the customer is lawful in Germany, not in Türkiye: an order from there brings its law in."""
    version = _draft(shop)
    assert [one["country"] for one in shop.owner.post(f"/policies/{version}/lint")["laws"]] == ["TR"]
    shop.order("1001", ship_to={"name": "Max", "line1": "Weg 1", "city": "Köln", "postcode": "50667", "country": "DE"})
    linted = shop.owner.post(f"/policies/{version}/lint", {"countries": ["GB"]})
    held = {one["country"]: [text[:2] for text in one["law"].split("+")] for one in linted["laws"]}
    assert held == {"DE": ["EU", "TR"], "GB": ["UK", "TR"], "TR": ["TR"]}
    assert {one["article"] for one in linted["findings"] if one["code"] == "two_laws"} == {"Rome I art. 6(2)"}


def test_a_policy_begins_at_a_set_time_and_orders_keep_theirs(shop: Shop) -> None:
    """A scheduled policy holds for orders known after its beginning; earlier ones keep what they were promised."""
    before = shop.order("1001")
    version = _draft(shop, windows={"voluntary_days": 60})
    at = "2026-03-04T00:00:00+03:00"
    shop.owner.post(f"/policies/{version}/publish", {"effective_from": at})
    assert shop.owner.get("/policies/current")["version"] == 1
    shop.advance("P2D")
    assert shop.owner.get("/policies/current")["version"] == version
    shop.order("1002")
    assert shop.integrator.get("/orders/1001")["policy_version"] == before["policy_version"]
    shop.advance("P40D")
    late = {number: shop.file(number, want("1", kind="voluntary")) for number in ("1001", "1002")}
    assert (late["1001"]["state"], late["1001"]["policy_version"]) == ("declined", 1)
    assert (late["1002"]["state"], late["1002"]["policy_version"]) == ("awaiting_parcel", version)


def test_a_roll_back_publishes_an_earlier_version_again(shop: Shop) -> None:
    """Restoring version 1 makes it the newest, word for word, sets a scheduled one aside, and is told in the log."""
    first = shop.owner.get("/policies/current")
    shop.publish({"windows": {"voluntary_days": 60}})
    planned = _draft(shop, windows={"voluntary_days": 90})
    shop.owner.post(f"/policies/{planned}/publish", {"effective_from": "2026-03-05T00:00:00+03:00"})
    back = shop.owner.post("/policies/1/restore", {})
    assert (back["version"], back["state"], back["sha256"]) == (planned + 1, "published", first["sha256"])
    shop.advance("P10D")
    assert shop.owner.get("/policies/current")["version"] == back["version"]
    told = [one["data"] for one in shop.owner.items("/events") if one["type"] == "policy.published"]
    assert any(data.get("restores") == 1 and data["version"] == back["version"] for data in told)
    assert shop.owner.refused(f"/policies/{back['version']}/restore", {})["code"] == "in_force"
    draft = _draft(shop)
    assert shop.owner.refused(f"/policies/{draft}/restore", {})["code"] == "not_published"


def test_a_draft_is_tried_on_real_returns(shop: Shop) -> None:
    """A replay says what would change in cases and money, shows examples, and writes nothing."""
    shop.order("1001")
    shop.order("1002")
    shop.order("1003", shop.line("1", tags=["final-sale"]))
    in_time = shop.file("1001")
    shop.advance("P20D")
    courtesy = shop.file("1002", want("1", kind="voluntary"))
    refused = shop.file("1003", want("1", kind="voluntary"))
    assert (courtesy["state"], refused["state"]) == ("awaiting_parcel", "declined")
    told = [shop.show(one)["version"] for one in (in_time, courtesy, refused)]

    same = shop.owner.post(f"/policies/{_draft(shop)}/replay", {"last": 10})
    assert (same["returns"], same["unchanged"], same["money_difference"], same["examples"]) == (3, 3, [], [])

    harsh = shop.owner.post(f"/policies/{_draft(shop, windows={'voluntary_days': 20})}/replay", {})
    assert (harsh["returns"], harsh["unchanged"], harsh["now_refused"]) == (3, 2, 1)
    assert harsh["money_difference"] == [shop.money("-100.00")]
    [example] = harsh["examples"]
    assert (example["order_number"], example["change"]) == ("1002", "now_refused")
    assert (example["before"]["decisions"], example["after"]["decisions"]) == (["accepted"], ["refused"])
    assert (example["before"]["refund"], example["after"]["refund"]) == (shop.money("100.00"), shop.money("0.00"))
    assert example["after"]["texts"][0].startswith("The time for this return ended on 18 March 2026")

    kind = shop.owner.post(f"/policies/{_draft(shop, rules=[])}/replay", {})
    assert (kind["unchanged"], kind["now_accepted"], kind["money_difference"]) == (2, 1, [shop.money("100.00")])

    closed = [{"rule": "exclude", "params": {"kinds": ["goods"]}}]
    unlawful = shop.owner.post(f"/policies/{_draft(shop, rules=closed)}/replay", {})
    assert (unlawful["now_refused"], unlawful["kept_by_law"]) == (1, 1)
    assert not unlawful["lint"]["lawful"]
    assert {one["change"] for one in unlawful["examples"]} == {"now_refused", "kept_by_law"}

    often = {"rule": "returns_in_period", "params": {"days": 90, "more_than": 0}, "applies_to": ["voluntary"]}
    asks = shop.owner.post(f"/policies/{_draft(shop, rules=[often])}/replay", {})
    assert (asks["unchanged"], asks["now_asked"], asks["now_accepted"]) == (1, 1, 1)

    last = shop.owner.post(f"/policies/{_draft(shop)}/replay", {"last": 1})
    assert last["returns"] == 1
    assert [shop.show(one)["version"] for one in (in_time, courtesy, refused)] == told


def test_every_decision_explains_itself(shop: Shop) -> None:
    """The quote, the return and the whole decision say the rule, its version, the article and a sentence."""
    shop.order("1001", shop.line("1", tags=["final-sale"]))
    filed = shop.file("1001")
    line = filed["lines"][0]
    assert line["explanation"] == "By law you may withdraw until 12 March 2026."
    assert line["decided_by"] == {"rule": "window", "version": "TR@2026-01-01", "code": "", "article": "MSY m.9/1"}
    assert shop.customer(filed).get(f"/returns/{filed['id']}")["lines"][0]["explanation"] == (
        "Kanuni cayma hakkınız 12 Mart 2026 tarihine kadar sürer."
    )
    whole = shop.support.get(f"/returns/{filed['id']}/decision")
    assert (whole["policy"], whole["law"], whole["overridden"]) == ("Standard v1", "TR@2026-01-01", False)
    entries = whole["lines"][0]["trace"]
    assert {"rule", "version", "inputs", "result", "code", "article", "text", "texts"} <= entries[0].keys()
    assert all(set(entry["texts"]) == {"tr", "en", "de"} and entry["text"] for entry in entries)
    assert next(step["trigger"] for step in whole["steps"]) == "assess"


def test_an_override_is_told_with_who_and_why(shop: Shop) -> None:
    """What a person lets through is marked, keeps the reasons it set aside, and names the person and their words."""
    shop.order("1001", shop.line("1", tags=["final-sale"]))
    shop.advance("P16D")
    let = shop.file("1001", want("1", kind="voluntary"), by=shop.support, override={"reason": "Sadık müşteri"})
    whole = shop.support.get(f"/returns/{let['id']}/decision")
    assert whole["overridden"]
    line = whole["lines"][0]
    assert (line["basis"], line["decided_by"]["rule"], line["reasons"][0]["code"]) == (
        "goodwill",
        "override",
        "override",
    )
    assert line["overrode"][0]["rule"] == "exclude"
    assert line["overrode"][0]["texts"]["de"].startswith("Reduzierte Restposten")
    step = next(step for step in whole["steps"] if step["override"])
    assert step["reason"] == "Sadık müşteri"
    assert step["by"]["person"] == f"destek@{shop.slug}.example"
    shop.order("1002")
    review = _declined_by_a_person(shop)
    declined = shop.support.get(f"/returns/{review['id']}/decision")
    step = declined["steps"][-1]
    assert (step["trigger"], step["reason"], step["by"]["key"]) == ("decline", "Bizden değil", "support")
    assert (declined["overridden"], step["override"], step["against"]) == (True, True, ["6502 m.12"])


def _declined_by_a_person(shop: Shop) -> Any:
    filed = shop.file("1002", want("1", kind="damaged", reason="damaged"))
    assert filed["state"] == "awaiting_evidence"
    return shop.support.post(f"/returns/{filed['id']}/actions/decline", {"reason": "Bizden değil"})
