"""A consumer whom two laws protect is never worse off than one whom either of them protects alone."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from rma.domain.claims import KINDS, Facts
from rma.domain.decision import LineDecision
from rma.domain.law_dates import send_back_across
from rma.domain.law_refund import RefundDue, RefundFacts, refund_due_across
from rma.domain.law_rights import cheapest_delivery
from tests.support.decisions import ask, at, line, one, order, policy
from tests.support.laws import laws

COUNTRIES = ["TR", "DE", "ES", "FR", "GB", "US"]
ORDERED = date(2025, 12, 1)
_ATTRIBUTES = ["custom_made", "hygiene_opened", "live_auction", "instant_digital", "regular_delivery", "repaired"]
_RESULTS = ["refused", "needs_review", "needs_evidence", "accepted"]
_POLICIES = [
    policy(),
    policy(windows={"withdrawal_days": 30, "voluntary_days": 60, "anchor": "ordered"}),
    policy(reasons={"default": {"way_back_paid_by": "customer"}}, returns={"named_return_carriers": ["aras"]}),
]


pairs = st.tuples(st.sampled_from(COUNTRIES), st.sampled_from(COUNTRIES)).filter(lambda pair: pair[0] != pair[1])


@st.composite
def orders(draw: st.DrawFn) -> Facts:
    """An order of one line around the turn of the year, delivered or not, of a consumer who was told or was not."""
    delivered = draw(st.one_of(st.none(), st.integers(0, 60)))
    never = draw(st.booleans())
    informed = None if never else draw(st.one_of(st.none(), st.integers(0, 500)))
    return order(
        (ORDERED + timedelta(days=delivered)).isoformat() if delivered is not None else None,
        ordered_at=at(ORDERED.isoformat()),
        never_informed=never,
        informed_on=ORDERED + timedelta(days=informed) if informed is not None else None,
        promised_by=draw(st.one_of(st.none(), st.just(ORDERED + timedelta(days=45)))),
        lines=(
            line(
                attributes=frozenset(draw(st.lists(st.sampled_from(_ATTRIBUTES), max_size=2))),
                kind=draw(st.sampled_from(["goods", "goods", "service", "digital"])),
            ),
        ),
    )


def _keeps(both: LineDecision, alone: LineDecision) -> None:
    """The two laws together give all that the one gives."""
    assert _RESULTS.index(both.decision) >= _RESULTS.index(alone.decision)
    assert both.last_day is None or (alone.last_day is not None and both.last_day >= alone.last_day)
    if alone.decision == "refused":
        return
    assert (both.basis, alone.basis) != ("contract", "statutory")
    assert set(alone.outcomes) <= set(both.outcomes)
    payers = {way.name: way.paid_by for way in both.methods}
    for way in alone.methods if both.goods_come_back and alone.basis == both.basis else ():
        assert payers[way.name] == way.paid_by or payers[way.name] == "store"


@given(
    pair=pairs,
    facts=orders(),
    kind=st.sampled_from(KINDS),
    after=st.integers(0, 1400),
    opened=st.booleans(),
    by=st.sampled_from(_POLICIES),
)
def test_no_decision_is_worse_than_that_of_either_law(
    pair: tuple[str, str], facts: Facts, kind: str, after: int, opened: bool, by: Any
) -> None:
    """Result, basis, last day, remedies, who pays: under both laws at least as good as under each; and it is told."""
    law = laws().protecting(*pair, ORDERED)
    filed = (ORDERED + timedelta(days=after)).isoformat()
    asked = ask(kind, opened=opened)
    both = one(facts, asked, on=filed, by=by, law=law)
    for text in law.together:
        _keeps(both, one(facts, asked, on=filed, by=by, law=text))
    told = both.trace[0]
    assert (told.rule, told.result) == ("laws", "compared")
    assert set(law.reference.split("+")) <= set(told.inputs)
    assert told.version in told.inputs


@st.composite
def returns(draw: st.DrawFn) -> RefundFacts:
    """What is known of a return whose notice was given around the turn of the year."""
    noticed = ORDERED + timedelta(days=draw(st.integers(0, 60)))
    handed = draw(st.one_of(st.none(), st.integers(0, 20)))
    sent = noticed + timedelta(days=handed) if handed is not None else None
    return RefundFacts(
        notice=noticed,
        kind=draw(st.sampled_from(KINDS)),
        delivered=draw(st.booleans()),
        carrier=draw(st.sampled_from(["named", "other", "none_named"])),
        handed_over=sent,
        proof_of_sending=sent if draw(st.booleans()) else None,
        arrived=sent + timedelta(days=draw(st.integers(0, 20))) if sent else None,
        agreed=noticed,
    )


@given(pair=pairs, known=returns())
def test_no_day_is_worse_than_that_of_either_law(pair: tuple[str, str], known: RefundFacts) -> None:
    """Money is never due later, goods never to be sent sooner, no delivery refunded less than by either law alone."""
    due, back = _days(lambda day: laws().protecting(*pair, day), known)
    law = laws().protecting(*pair, known.notice)
    for place, text in enumerate(law.together):
        alone, last = _days(lambda day, place=place: laws().protecting(*pair, day).together[place], known)
        assert alone.by is None or (due.by is not None and due.by <= alone.by)
        assert alone.interest in ("none", due.interest) or due.interest == "payment"
        assert last is None or (back is not None and back >= last)
        assert cheapest_delivery(text) or not cheapest_delivery(law)


def _days(law_on: Any, known: RefundFacts) -> tuple[RefundDue, date | None]:
    back = send_back_across(law_on, notice=known.notice)
    return refund_due_across(law_on, known), back.binding if back else None
