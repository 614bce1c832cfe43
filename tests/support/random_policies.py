"""Any policy that can be written, and any request under any law that may be made of an order."""

from __future__ import annotations

from datetime import date
from typing import Any

from hypothesis import strategies as st

from rma.domain.calendar import add_days
from rma.domain.claims import KINDS, METHODS, OUTCOMES, Delivery, Facts, LineFacts, LineRequest, Request
from rma.domain.law import LawProfile
from rma.domain.policy import load_policy
from rma.domain.terms import Policy
from tests.support.decisions import at
from tests.support.laws import law

COUNTRIES = {"TR": "Europe/Istanbul", "DE": "Europe/Berlin", "GB": "Europe/London", "US": "America/New_York"}
ORDERED = date(2026, 8, 3)
ATTRIBUTES = ("custom_made", "hygiene_opened", "perishable", "second_hand", "repaired")
TAGS = ("sale", "new")
_amounts = st.builds(lambda n: {"amount": f"{n}.00", "currency": "TRY"}, st.integers(1, 300))
_selections = st.fixed_dictionaries(
    {},
    optional={
        "tags": st.lists(st.sampled_from(TAGS), min_size=1, max_size=2, unique=True),
        "categories": st.lists(st.sampled_from(["shoes", "hats"]), min_size=1, max_size=2, unique=True),
        "attributes": st.lists(st.sampled_from(ATTRIBUTES), min_size=1, max_size=2, unique=True),
        "countries": st.lists(st.sampled_from(sorted(COUNTRIES)), min_size=1, max_size=2, unique=True),
        "opened": st.booleans(),
        "used": st.booleans(),
    },
).filter(bool)
_PARAMS: dict[str, st.SearchStrategy[Any]] = {
    "exclude": _selections,
    "only": _selections,
    "line_value_below": _amounts,
    "line_value_above": _amounts,
    "order_value_below": _amounts,
    "order_value_above": _amounts,
    "no_return_period": st.just({"from": "2026-08-01", "to": "2026-08-31"}),
    "returns_on_order": st.builds(lambda n: {"more_than": n}, st.integers(0, 2)),
    "returns_in_period": st.builds(lambda n: {"days": 90, "more_than": n}, st.integers(0, 2)),
    "reason_asks": st.just({"reasons": ["small"]}),
    "business_buyer": st.just({}),
}
_outcomes = st.lists(st.sampled_from([one for one in OUTCOMES if one != "keep"]), min_size=1, max_size=4, unique=True)
_terms = st.fixed_dictionaries(
    {},
    optional={
        "outcomes": _outcomes,
        "methods": st.lists(
            st.sampled_from([one for one in METHODS if one != "none"]), min_size=1, max_size=3, unique=True
        ),
        "way_back_paid_by": st.sampled_from(["store", "customer"]),
        "evidence": st.builds(lambda n: {"kinds": ["photo"], "at_least": n}, st.integers(0, 2)),
    },
)


@st.composite
def rules(draw: st.DrawFn) -> dict[str, Any]:
    """Any rule that can be written, mild or harsh."""
    name = draw(st.sampled_from(sorted(_PARAMS)))
    applies = draw(st.one_of(st.just(["voluntary"]), st.lists(st.sampled_from(KINDS), max_size=3, unique=True)))
    return {
        "rule": name,
        "params": draw(_PARAMS[name]),
        "then": draw(st.sampled_from(["refuse", "ask"])),
        "applies_to": applies,
    }


def _one_period(several: list[dict[str, Any]]) -> bool:
    """Periods of these rules are the same one, and two of one kind may not overlap."""
    return [one["rule"] for one in several].count("no_return_period") < 2


@st.composite
def documents(draw: st.DrawFn) -> dict[str, Any]:
    """Any policy that can be written."""
    names = st.sampled_from(["default", "small", *KINDS])
    return {
        "name": "Random",
        "windows": {
            "withdrawal_days": draw(st.sampled_from([0, 7, 14, 30])),
            "voluntary_days": draw(st.sampled_from([0, 14, 30, 60])),
            "ship_back_days": draw(st.sampled_from([7, 14, 30])),
            "review_days": draw(st.sampled_from([0, 2, 14, 15])),
            "second_hand_months": draw(st.sampled_from([6, 12, 120])),
            "anchor": draw(st.sampled_from(["delivered", "delivered", "shipped", "ordered"])),
        },
        "rules": draw(st.lists(rules(), max_size=3).filter(_one_period)),
        "reasons": draw(st.dictionaries(names, _terms, max_size=3)),
        "fees": {
            "return": draw(st.sampled_from([[], [{"method": "printed_label", "amount": "29.90"}]])),
            "restocking_percent": draw(st.sampled_from(["0", "10"])),
            "applies_to": draw(st.sampled_from([["voluntary"], ["voluntary", "withdrawal"], ["damaged"]])),
        },
        "returns": {
            "auto_approve": draw(st.booleans()),
            "reason_required": draw(st.sampled_from([[], ["voluntary", "defective"], ["withdrawal", "not_delivered"]])),
            "named_return_carriers": draw(st.sampled_from([[], ["aras"]])),
        },
        "refunds": {"promise_days": draw(st.sampled_from([5, 14, 20]))},
    }


def policies() -> st.SearchStrategy[Policy]:
    """The same, read."""
    return documents().map(lambda document: load_policy("random", document, currency="TRY"))


@st.composite
def scenes(draw: st.DrawFn) -> tuple[LawProfile, Facts, Request]:
    """A law, an order under it and a request that may be made of it."""
    country = draw(st.sampled_from(sorted(COUNTRIES)))
    zone = COUNTRIES[country]
    delivered = add_days(ORDERED, draw(st.integers(1, 5)))
    filed = add_days(delivered, draw(st.one_of(st.integers(0, 20), st.integers(0, 800))))
    line = LineFacts(
        id="1",
        sku="X",
        quantity=2,
        left=2,
        total=20000,
        category=draw(st.sampled_from(["shoes", "hats", None])),
        tags=tuple(draw(st.lists(st.sampled_from(TAGS), max_size=2, unique=True))),
        attributes=frozenset(draw(st.lists(st.sampled_from(ATTRIBUTES), max_size=1))),
    )
    facts = Facts(
        now=at(filed.isoformat(), "18:00", zone),
        timezone=zone,
        currency=draw(st.sampled_from(["TRY", "EUR"])),
        ordered_at=at(ORDERED.isoformat(), timezone=zone),
        country=country,
        order_value=20000,
        is_business=draw(st.booleans()) and draw(st.booleans()),
        never_informed=draw(st.booleans()) and draw(st.booleans()),
        lines=(line,),
        deliveries=(Delivery(delivered_at=at(delivered.isoformat(), timezone=zone)),),
        returns_on_order=draw(st.integers(0, 3)),
        earlier_returns=(filed,) * draw(st.integers(0, 3)),
    )
    asked = LineRequest(
        order_line_id="1",
        quantity=1,
        kind=draw(st.sampled_from(KINDS)),
        reason=draw(st.sampled_from([None, "small"])),
        opened=draw(st.booleans()),
        used=draw(st.booleans()),
        evidence_overdue=draw(st.booleans()),
    )
    request = Request(
        lines=(asked,), filed_at=at(filed.isoformat(), "12:00", zone), method=draw(st.sampled_from(METHODS))
    )
    return law(country, ORDERED), facts, request
