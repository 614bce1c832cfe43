"""What every carrier keeps, ours and anybody's."""

from __future__ import annotations

from datetime import date
from typing import Final, Protocol

import msgspec
import pytest

from rma.domain.ports import Carrier, LabelMethod, LabelOrder
from tests.contracts.common import AYSE, keeps_the_common_rules, together

_TODAY: Final = date(2026, 11, 21)


class CarrierWorld(Protocol):
    """The other side of a carrier."""

    @property
    def provider(self) -> Carrier:
        """The carrier under test."""
        ...

    def plays(self, key: str, behaviour: str) -> None:
        """Orders with this key go like this: ``refuses``, ``busy``, ``lost_answer``, ``lost_call``."""
        ...

    def use(self, key: str) -> None:
        """Hand in the parcel that bears the label of this key."""
        ...


class CarrierContract:
    """What the engine relies on in every carrier."""

    def order(self, method: LabelMethod, key: str = "par_1:1:issue_label") -> LabelOrder:
        """A parcel from a customer to the store."""
        return LabelOrder(key=key, method=method, reference="par_1", sender=AYSE, recipient=AYSE, today=_TODAY)

    def any_method(self, world: CarrierWorld) -> LabelMethod:
        """A way that this carrier offers."""
        return min(world.provider.methods)

    def test_common(self, world: CarrierWorld) -> None:
        """It keeps the protocol and offers at least one way."""
        keeps_the_common_rules(world.provider, Carrier)
        assert world.provider.methods

    def test_every_way_it_offers(self, world: CarrierWorld) -> None:
        """Each way it offers gives a code or a tracking number and a last day that is not past."""
        for method in sorted(world.provider.methods):
            answer = world.provider.issue(self.order(method, f"par_{method}"))
            assert answer.state == "issued"
            assert answer.label is not None
            assert answer.label.code if method == "drop_off_code" else answer.label.tracking
            assert answer.label.expires_on is None or answer.label.expires_on >= _TODAY

    def test_a_repeated_key_is_the_same_label(self, world: CarrierWorld) -> None:
        """The same key gives the same label, also when four ask at once; asking for it gives it too."""
        order = self.order(self.any_method(world))
        answers = together(4, lambda: world.provider.issue(order))
        assert len({msgspec.json.encode(answer) for answer in answers}) == 1
        assert world.provider.lookup(order.key) == answers[0]

    def test_a_repetition_after_midnight(self, world: CarrierWorld) -> None:
        """The same act repeated on the next day is still the same label."""
        order = self.order(self.any_method(world))
        first = world.provider.issue(order)
        assert world.provider.issue(msgspec.structs.replace(order, today=date(2026, 11, 22))) == first

    def test_another_key_is_another_label(self, world: CarrierWorld) -> None:
        """No number is given out twice."""
        method = self.any_method(world)
        labels = [world.provider.issue(self.order(method, f"par_{number}")).label for number in range(20)]
        assert len({label and (label.code, label.tracking) for label in labels}) == 20

    def test_an_unknown_key(self, world: CarrierWorld) -> None:
        """A key that was never used is not found, and there is nothing to take back."""
        assert world.provider.lookup("par_9:1:issue_label") is None
        assert world.provider.void("par_9:1:issue_label").state == "refused"

    def test_taking_back(self, world: CarrierWorld) -> None:
        """A label can be taken back, and again without harm; after that it says that it is void."""
        order = self.order(self.any_method(world))
        world.provider.issue(order)
        assert [world.provider.void(order.key).state for _ in range(2)] == ["void", "void"]
        found = world.provider.lookup(order.key)
        assert found is not None
        assert found.state == "void"

    def test_a_used_label_stays(self, world: CarrierWorld) -> None:
        """A label that a parcel bears on its way cannot be taken back."""
        order = self.order(self.any_method(world))
        world.provider.issue(order)
        world.use(order.key)
        assert world.provider.void(order.key).state == "refused"

    @pytest.mark.parametrize(("behaviour", "retryable"), [("refuses", False), ("busy", True)])
    def test_a_refusal_is_an_answer(self, world: CarrierWorld, behaviour: str, *, retryable: bool) -> None:
        """A refusal has a code and says whether another try may help; no label exists."""
        order = self.order(self.any_method(world))
        world.plays(order.key, behaviour)
        answer = world.provider.issue(order)
        assert (answer.state, answer.retryable, answer.label) == ("refused", retryable, None)
        assert answer.code
        assert world.provider.lookup(order.key) is None

    @pytest.mark.parametrize(("behaviour", "exists"), [("lost_answer", True), ("lost_call", False)])
    def test_a_lost_answer_is_unknown(self, world: CarrierWorld, behaviour: str, *, exists: bool) -> None:
        """When the network loses something the state is unknown, and asking tells whether there is a label."""
        order = self.order(self.any_method(world))
        world.plays(order.key, behaviour)
        assert world.provider.issue(order).state == "unknown"
        assert (world.provider.lookup(order.key) is not None) is exists
