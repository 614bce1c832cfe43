"""What every payment provider keeps, ours and anybody's."""

from __future__ import annotations

from typing import Protocol

import msgspec
import pytest

from rma.domain.ports import PaymentProvider, RefundOrder, RefundQuery
from rma.errors import Invalid
from tests.contracts.common import keeps_the_common_rules, together


class PaymentWorld(Protocol):
    """The other side of a payment provider."""

    @property
    def provider(self) -> PaymentProvider:
        """The provider under test."""
        ...

    def payment(self, behaviour: str) -> str:
        """The reference of a payment whose refunds go like this.

        ``works``, ``refuses``, ``busy``, ``pending``, ``lost_answer`` (done, not answered), ``lost_call`` (not done).
        """
        ...

    def moved(self) -> int:
        """Minor units that really went out."""
        ...


class PaymentContract:
    """What the engine relies on in every payment provider."""

    def order(self, reference: str, *, key: str = "ref_1:1:send_refund", amount: int = 9667) -> RefundOrder:
        """A refund of 96.67 lira."""
        return RefundOrder(key=key, payment_reference=reference, amount=amount, currency="TRY", description="R-7K2M")

    def query(self, order: RefundOrder) -> RefundQuery:
        """The question that belongs to an order."""
        return RefundQuery(key=order.key, payment_reference=order.payment_reference)

    def test_common(self, world: PaymentWorld) -> None:
        """It keeps the protocol and its health can be asked without moving money."""
        keeps_the_common_rules(world.provider, PaymentProvider)
        assert world.moved() == 0

    def test_a_refund_moves_its_amount(self, world: PaymentWorld) -> None:
        """A refund that works moves exactly its amount and has the provider's reference."""
        answer = world.provider.refund(self.order(world.payment("works")))
        assert answer.state == "succeeded"
        assert answer.reference
        assert world.moved() == 9667

    def test_it_can_be_asked(self, world: PaymentWorld) -> None:
        """Asking by our key finds the transfer under the same reference, and moves nothing."""
        order = self.order(world.payment("works"))
        answer = world.provider.refund(order)
        found = world.provider.lookup(self.query(order))
        assert found is not None
        assert (found.state, found.reference, found.copies) == ("succeeded", answer.reference, 1)
        assert world.moved() == 9667

    def test_an_unknown_key_is_not_found(self, world: PaymentWorld) -> None:
        """Asking for what was never sent answers None."""
        assert world.provider.lookup(self.query(self.order(world.payment("works")))) is None

    def test_a_refusal_is_an_answer(self, world: PaymentWorld) -> None:
        """A refusal is an answer with a code, is final, and moves nothing."""
        answer = world.provider.refund(self.order(world.payment("refuses")))
        assert (answer.state, answer.retryable) == ("failed", False)
        assert answer.code
        assert world.moved() == 0

    def test_busy_may_be_tried_again(self, world: PaymentWorld) -> None:
        """A provider that is busy says so, moves nothing, and the answer allows another try."""
        answer = world.provider.refund(self.order(world.payment("busy")))
        assert (answer.state, answer.retryable) == ("failed", True)
        assert world.moved() == 0

    def test_a_lost_answer_is_unknown(self, world: PaymentWorld) -> None:
        """When the answer is lost the state is unknown, no exception is raised, and asking tells the truth."""
        order = self.order(world.payment("lost_answer"))
        assert world.provider.refund(order).state == "unknown"
        found = world.provider.lookup(self.query(order))
        assert found is not None
        assert found.state == "succeeded"
        assert world.moved() == 9667

    def test_a_lost_call_is_unknown(self, world: PaymentWorld) -> None:
        """When the call is lost the state is unknown, and asking says that nothing was done."""
        order = self.order(world.payment("lost_call"))
        assert world.provider.refund(order).state == "unknown"
        assert world.provider.lookup(self.query(order)) is None
        assert world.moved() == 0

    def test_pending_ends_when_asked(self, world: PaymentWorld) -> None:
        """A pending transfer ends as succeeded after being asked for, under the reference it began with."""
        order = self.order(world.payment("pending"))
        first = world.provider.refund(order)
        assert first.state == "pending"
        found = [world.provider.lookup(self.query(order)) for _ in range(5)][-1]
        assert found is not None
        assert (found.state, found.reference) == ("succeeded", first.reference)
        assert world.moved() == 9667

    def test_a_repeated_key(self, world: PaymentWorld) -> None:
        """A repeated key moves money once where keys are honoured; elsewhere asking admits every copy."""
        order = self.order(world.payment("works"))
        first, second = world.provider.refund(order), world.provider.refund(order)
        found = world.provider.lookup(self.query(order))
        assert found is not None
        if world.provider.idempotent:
            assert (first, found.copies, world.moved()) == (second, 1, 9667)
        else:
            assert first.reference != second.reference
            assert (found.copies, world.moved()) == (2, 2 * 9667)

    def test_the_same_key_at_the_same_moment(self, world: PaymentWorld) -> None:
        """Four calls at once with one key are one transfer where keys are honoured, else four that can be counted."""
        order = self.order(world.payment("works"))
        answers = together(4, lambda: world.provider.refund(order))
        expected = 1 if world.provider.idempotent else 4
        assert world.moved() == expected * 9667
        assert len({answer.reference for answer in answers if answer.reference}) == expected

    def test_another_key_is_another_transfer(self, world: PaymentWorld) -> None:
        """Two keys on one payment are two transfers, and each is found under its own."""
        reference = world.payment("works")
        orders = [self.order(reference, key=f"ref_1:{attempt}:send_refund", amount=attempt) for attempt in (1, 2)]
        sent = [world.provider.refund(order).reference for order in orders]
        found = [world.provider.lookup(self.query(order)) for order in orders]
        assert [answer and answer.reference for answer in found] == sent
        assert world.moved() == 3

    @pytest.mark.parametrize(
        ("change", "path"),
        [
            ({"amount": 0}, "amount"),
            ({"amount": -1}, "amount"),
            ({"key": ""}, "key"),
            ({"currency": "try"}, "currency"),
        ],
    )
    def test_what_cannot_be_right(self, world: PaymentWorld, change: dict[str, object], path: str) -> None:
        """An order that cannot be right raises Invalid naming the field, and nothing is sent."""
        order = msgspec.structs.replace(self.order(world.payment("works")), **change)
        with pytest.raises(Invalid) as caught:
            world.provider.refund(order)
        assert [error.path for error in caught.value.errors] == [path]
        assert world.moved() == 0
