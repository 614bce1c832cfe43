"""What the policy page says of ways back, reasons and second-hand goods is what is decided."""

from __future__ import annotations

import re
from datetime import date, timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from rma.domain import page_texts as words
from rma.domain.calendar import add_months
from rma.domain.claims import METHODS, Delivery, Facts, Kind, LineFacts, LineRequest, Method, Request
from rma.domain.decision import Decision, decide
from rma.domain.law import LawProfile
from rma.domain.lint_texts import KIND_NAMES
from rma.domain.policy import load_policy
from rma.domain.policy_page import sections
from rma.domain.terms import Policy
from tests.support.decisions import at
from tests.support.laws import law, laws
from tests.support.random_policies import COUNTRIES, documents

_days = st.dates(date(2026, 7, 1), date(2028, 2, 28))
_countries = st.sampled_from(["DE", "GB", "TR", "US", "DE+TR"])


class _Shop:
    """A policy under the law of a country, its page, and what is decided about a plain item received on a day."""

    def __init__(self, document: dict[str, Any], country: str, received: date) -> None:
        own, _, home = country.partition("+")
        self.policy: Policy = load_policy("random", document | {"rules": []}, currency="TRY")
        self.law: LawProfile = laws().protecting(own, home, received) if home else law(own, received)
        self.zone, self.country, self.received = COUNTRIES[own], own, received
        shown = sections(self.policy, self.law, timezone=self.zone, today=received)
        self.page = {one.id: [said["en"] for said in one.answer] for part in shown for one in part.entries}

    def filed(
        self, kind: Kind, *, after: int = 0, method: Method | None = None, used: bool = False, never: bool = False
    ) -> Decision:
        """A filing without a reason, so many days after the item came."""
        filed = at((self.received + timedelta(days=after)).isoformat(), "23:59", self.zone)
        attributes = frozenset({"second_hand"}) if used else frozenset[str]()
        facts = Facts(
            now=filed, timezone=self.zone, currency="TRY", country=self.country, order_value=20000,
            never_informed=never, ordered_at=at(self.received.isoformat(), "09:00", self.zone),
            lines=(LineFacts(id="1", sku="X", quantity=1, left=1, total=20000, attributes=attributes),),
            deliveries=(Delivery(delivered_at=at(self.received.isoformat(), "15:00", self.zone)),),
        )  # fmt: skip
        asked = LineRequest(order_line_id="1", quantity=1, kind=kind)
        return decide(self.policy, self.law, facts, Request(lines=(asked,), filed_at=filed, method=method))


@given(document=documents(), country=_countries, received=_days)
def test_a_way_back_is_told_as_it_can_be_filed(document: dict[str, Any], country: str, received: date) -> None:
    """Each way can be filed exactly where the page has it, for who the page says; who was never told pays for none."""
    shop = _Shop(document, country, received)
    told = dict(sentence.rsplit(": ", 1) for sentence in shop.page.get("way_by_law", ()))
    for method in METHODS if told else ():
        found, name = shop.filed("withdrawal", method=method), words.METHODS[method]["en"]
        filable = "method_not_offered" not in {error.code for error in found.errors}
        assert filable == (name[:1].upper() + name[1:] in told)
        if filable:
            assert told[name[:1].upper() + name[1:]] == words.PAYERS[found.lines[0].way_back_paid_by]["en"]
            silent = shop.filed("withdrawal", method=method, never=True).lines[0].way_back_paid_by
            assert silent == "store"


@given(document=documents(), country=_countries, received=_days)
def test_a_reason_is_asked_for_where_the_page_says(document: dict[str, Any], country: str, received: date) -> None:
    """Of the kinds that the policy names the page has those that cannot be filed without a reason, and no other."""
    shop = _Shop(document, country, received)
    [told, *_] = [said for said in shop.page["needs"] if "login" not in said] or [""]
    names = told.rpartition("with: ")[2].rstrip(".").split(", ") if "with: " in told else []
    asked = []
    for kind in shop.policy.returns.reason_required:
        found = shop.filed(kind, after=60 if kind == "voluntary" else 0)
        asked += [KIND_NAMES[kind]["en"]] if any(one.code == "reason_required" for one in found.errors) else []
    assert names == asked


@given(document=documents(), country=_countries, received=_days)
def test_second_hand_goods_are_told_as_they_are_decided(document: dict[str, Any], country: str, received: date) -> None:
    """The months that the page tells for second-hand goods, or else for all, end on the day of the decision."""
    shop = _Shop(document, country, received)
    told = shop.page.get("second_hand") or shop.page.get("liability")
    if told is not None:
        months = int(re.findall(r"\d+", told[0])[0])
        last = shop.filed("defective", used=True).lines[0].last_day
        assert last is not None
        assert timedelta() <= last - add_months(received, months) <= timedelta(days=12)
        late = shop.filed("defective", used=True, after=(last - received).days + 1).lines[0]
        assert (late.decision, late.reasons[0].code) == ("refused", "liability_over")
