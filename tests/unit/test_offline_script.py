"""The instructions that offline providers understand."""

from __future__ import annotations

import pytest

from rma.errors import Invalid
from rma.providers.offline_script import STEPS, Step, instructions, parse


def test_a_reference_without_instructions_works() -> None:
    """A plain reference means that everything goes well, however often it is called."""
    script = parse(instructions("pi_123"))
    assert [script.at(index) for index in (0, 9)] == [Step("succeed")] * 2


def test_steps_follow_each_other_and_the_last_repeats() -> None:
    """Each new call takes the next step; after the last one it stays there."""
    script = parse(instructions("pi_1#fail:card_closed, timeout-after ,succeed"))
    assert [script.at(index).name for index in range(5)] == ["fail", "timeout-after", "succeed", "succeed", "succeed"]
    assert script.at(0).code == "card_closed"


def test_numbers_and_limits() -> None:
    """Numbers belong to their step; limits hold for the whole reference and are no steps."""
    script = parse("pending:3,late:30,captured:9667,blind:2")
    assert script.steps == (Step("pending", number=3), Step("late", number=30))
    assert script.limits == {"captured": 9667, "blind": 2}


@pytest.mark.parametrize("name", STEPS)
def test_every_step_can_be_asked_for(name: str) -> None:
    """Every step that is documented is understood without its argument."""
    assert parse(name).at(0).name == name


@pytest.mark.parametrize("text", ["explode", "pending:soon", "late:-1", "captured:x", "succeed,fial"])
def test_what_nobody_understands(text: str) -> None:
    """A word that is no instruction is refused, so that a typing error never passes as success."""
    with pytest.raises(Invalid):
        parse(text)
