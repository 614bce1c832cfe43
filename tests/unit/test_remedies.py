"""What the law gives for goods that are not as they should be, whatever a store offers."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from msgspec import structs

from tests.support import laws
from tests.support.decisions import TR, ask, line, one, order, policy


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


@pytest.mark.parametrize(
    ("country", "agreed", "last_day"),
    [
        ("TR", None, "2028-06-10"),
        ("TR", 12, "2027-06-10"),
        ("TR", 6, "2027-06-10"),
        ("TR", 18, "2027-12-10"),
        ("TR", 36, "2028-06-10"),
        ("FR", 12, "2028-06-10"),
        ("GB", 12, "2032-06-10"),
    ],
)
def test_second_hand_goods_have_the_whole_time_unless_less_was_agreed(
    country: str, agreed: int | None, last_day: str
) -> None:
    """Liability for second-hand goods is cut only by what the store agrees on, and never below the law's year."""
    by = policy(windows={} if agreed is None else {"second_hand_months": agreed})
    used, new = line(attributes=frozenset({"second_hand"})), line()
    how: Any = {"by": by, "law": laws.law(country, "2026-06-01")}
    found = one(order(country=country, lines=(used,)), ask("defective"), **how).last_day
    assert found is not None
    assert date.fromisoformat(last_day) <= found <= date.fromisoformat(last_day) + timedelta(days=3)
    whole = one(order(country=country, lines=(new,)), ask("defective"), **how).last_day
    assert whole is not None
    assert whole >= found


def test_a_law_without_a_right_before_delivery_gives_none() -> None:
    """Where a profile says that the right begins with the goods, a withdrawal before them is by contract."""
    withdrawal = TR.withdrawal
    assert withdrawal is not None
    later = structs.replace(TR, withdrawal=structs.replace(withdrawal, before_delivery=False))
    bases = [one(order(delivered=None), law=law, on="2026-06-02").basis for law in (TR, later)]
    assert bases == ["statutory", "contract"]
