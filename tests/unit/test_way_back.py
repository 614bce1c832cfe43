"""The way back of a withdrawal: which ways there are, and who pays them."""

from __future__ import annotations

from datetime import date

import pytest

from tests.support import laws
from tests.support.decisions import TR, ask, judged, one, order, policy

EU = laws.law("DE", "2026-06-01")


def test_the_eu_leaves_the_way_back_to_the_policy() -> None:
    """In the EU the policy says who pays the way back of a withdrawal; of a defect the seller does."""
    by = policy(reasons={"default": {"way_back_paid_by": "customer"}})
    assert one(order(country="DE"), by=by, law=EU).way_back_paid_by == "customer"
    assert one(order(country="DE"), ask("defective"), by=by, law=EU).way_back_paid_by == "store"


def test_who_was_not_told_before_the_contract_pays_no_way_back() -> None:
    """Never told, or told on a day after the order, the cost is the store's whatever it says (CRD 6(6), 14(1))."""
    by = policy(
        reasons={"withdrawal": {"way_back_paid_by": "customer"}}, returns={"named_return_carriers": ["yurtici"]}
    )
    told = (
        ({"informed_on": date(2026, 6, 1)}, "customer"),
        ({"informed_on": date(2026, 6, 2)}, "store"),
        ({"never_informed": True}, "store"),
    )
    for law in (EU, laws.law("GB", "2026-06-01"), TR):
        for facts, payer in told:
            found = one(order(country="DE", **facts), by=by, law=law)
            assert {way.name: way.paid_by for way in found.methods}["own_carrier"] == payer


def test_a_store_that_agreed_to_pay_pays_every_way_back() -> None:
    """A policy that says ``store`` is never set aside, not for another carrier; where it is silent the law says."""
    named = {"named_return_carriers": ["yurtici"]}
    agreed = policy(reasons={"withdrawal": {"way_back_paid_by": "store"}}, returns=named)
    harsh = {"withdrawal": {"way_back_paid_by": "store"}, "voluntary": {"way_back_paid_by": "customer"}}
    for law in (EU, TR, laws.laws().protecting("DE", "TR", date(2026, 6, 1))):
        for by, kind in ((agreed, "withdrawal"), (policy(reasons=harsh, returns=named), "voluntary")):
            assert {way.paid_by for way in one(order(), ask(kind), by=by, law=law).methods} == {"store"}
    silent = {way.name: way.paid_by for way in one(order(), by=policy(returns=named)).methods}
    assert silent == {"drop_off_code": "store", "printed_label": "store", "own_carrier": "customer"}


@pytest.mark.parametrize("methods", [["in_store"], ["none"], ["drop_off_code"]])
def test_whoever_withdraws_may_always_send_the_goods(methods: list[str]) -> None:
    """By a carrier of their own, in any store (CRD 14(1)); free where the named one is not on offer (MSY 12/5)."""
    terms = {"methods": methods, "way_back_paid_by": "customer"}
    by = policy(windows={"voluntary_days": 60}, reasons={"withdrawal": terms, "voluntary": terms},
                returns={"named_return_carriers": ["yurtici"]})  # fmt: skip
    for law, payer in ((EU, "customer"), (TR, "customer" if methods == ["drop_off_code"] else "store")):
        sent = judged(order(), by=by, law=law, method="own_carrier")
        assert (sent.errors, sent.lines[0].way_back_paid_by) == ((), payer)
        assert [(way.name, way.by_law) for way in sent.lines[0].methods] == [(methods[0], False), ("own_carrier", True)]
        late = judged(order(), ask("voluntary"), on="2026-07-20", by=by, law=law, method="own_carrier")
        assert [error.code for error in late.errors] == ["method_not_offered"]
