"""What every stock system keeps, ours and anybody's."""

from __future__ import annotations

from typing import Protocol

import msgspec
import pytest

from rma.domain.ports import Fulfilment, ReplacementOrder
from rma.errors import Invalid
from tests.contracts.common import AYSE, keeps_the_common_rules, together


class FulfilmentWorld(Protocol):
    """The other side of a stock system."""

    @property
    def provider(self) -> Fulfilment:
        """The stock system under test."""
        ...

    def plays(self, key: str, behaviour: str) -> None:
        """Orders with this key go: ``refuses``, ``busy``, ``lost_answer``, ``lost_call``, ``out_of_stock``."""
        ...


class FulfilmentContract:
    """What the engine relies on wherever replacements are ordered."""

    def order(self, key: str = "rep_1:1:order_replacement") -> ReplacementOrder:
        """One shirt in another size."""
        return ReplacementOrder(key=key, reference="rep_1", order_number="1001", lines=(("TS-RED-L", 1),), ship_to=AYSE)

    def test_common(self, world: FulfilmentWorld) -> None:
        """It keeps the protocol."""
        keeps_the_common_rules(world.provider, Fulfilment)

    def test_a_repeated_key_is_one_order(self, world: FulfilmentWorld) -> None:
        """Four calls at once with one key are one order, and asking finds it."""
        order = self.order()
        answers = together(4, lambda: world.provider.order(order))
        assert {answer.state for answer in answers} == {"ordered"}
        assert len({answer.reference for answer in answers}) == 1
        assert world.provider.lookup(order.key) == answers[0]

    def test_an_unknown_key(self, world: FulfilmentWorld) -> None:
        """A key that was never used is not found."""
        assert world.provider.lookup("rep_9:1:order_replacement") is None

    def test_out_of_stock_names_the_goods(self, world: FulfilmentWorld) -> None:
        """What is out of stock is named and nothing is ordered."""
        order = self.order()
        world.plays(order.key, "out_of_stock")
        answer = world.provider.order(order)
        assert (answer.state, answer.missing) == ("out_of_stock", ("TS-RED-L",))
        assert world.provider.lookup(order.key) is None

    @pytest.mark.parametrize(
        ("behaviour", "state", "retryable", "exists"),
        [
            ("refuses", "failed", False, False),
            ("busy", "failed", True, False),
            ("lost_answer", "unknown", False, True),
            ("lost_call", "unknown", False, False),
        ],
    )
    def test_bad_days(
        self, world: FulfilmentWorld, behaviour: str, state: str, *, retryable: bool, exists: bool
    ) -> None:
        """Refusals and lost answers are answers, and asking tells whether the goods are ordered."""
        order = self.order()
        world.plays(order.key, behaviour)
        answer = world.provider.order(order)
        assert (answer.state, answer.retryable) == (state, retryable)
        assert (world.provider.lookup(order.key) is not None) is exists

    def test_what_cannot_be_right(self, world: FulfilmentWorld) -> None:
        """An order of no goods or of none of a thing raises Invalid naming the field."""
        for lines, path in (((), "lines"), ((("TS-RED-L", 0),), "lines[0].quantity")):
            with pytest.raises(Invalid) as caught:
                world.provider.order(msgspec.structs.replace(self.order(), lines=lines))
            assert [error.path for error in caught.value.errors] == [path]
