"""What the law gives for goods that are not as they should be, whatever a store offers."""

from __future__ import annotations

import pytest

from tests.support import laws
from tests.support.decisions import ask, line, one, order, policy


@pytest.mark.parametrize(
    ("country", "on", "attributes", "gives"),
    [
        ("TR", "2026-06-20", (), {"refund", "price_reduction", "repair", "exchange"}),
        ("DE", "2026-06-20", (), {"repair", "exchange"}),
        ("DE", "2026-06-20", ("repaired",), {"repair", "exchange", "price_reduction", "refund"}),
        ("GB", "2026-07-10", (), {"repair", "exchange", "refund"}),
        ("GB", "2026-07-11", (), {"repair", "exchange"}),
        ("GB", "2026-07-11", ("repaired",), {"repair", "exchange", "price_reduction", "refund"}),
        ("US", "2026-06-20", (), {"refund"}),
    ],
)
def test_a_store_that_offers_credit_for_defects_gives_what_each_law_gives(
    country: str, on: str, attributes: tuple[str, ...], gives: set[str]
) -> None:
    """The ladder of each law, and the thirty days to reject in the UK, stand whatever a published policy offers."""
    by = policy(reasons={"defective": {"outcomes": ["store_credit"]}})
    facts = order(country=country, lines=(line(attributes=frozenset(attributes)),))
    found = one(facts, ask("defective"), on=on, by=by, law=laws.law(country, "2026-06-01"))
    assert {given.outcome for given in found.by_law if given.added and given.article} == gives
    assert set(found.outcomes) == gives | {"store_credit"}
    assert found.outcome != "store_credit"
    if country == "DE" and not attributes:
        assert found.if_failed == ("price_reduction", "refund")


def test_what_cannot_be_is_no_remedy() -> None:
    """Another item than the one that was sold is not repaired, and nothing is kept for less that never came."""
    by = policy(reasons={"default": {"outcomes": ["store_credit"]}})
    wrong, missing = (one(order(), ask(kind), by=by) for kind in ("wrong_item", "missing_item"))
    assert {given.outcome for given in wrong.by_law} == {"refund", "price_reduction", "exchange"}
    assert {given.outcome for given in missing.by_law} == {"refund", "exchange"}
