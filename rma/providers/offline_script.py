"""Instructions that tell an offline provider how to behave, so that a test or a demo can play every bad day.

They stand after a ``#`` in a reference that the caller sends anyway: ``pi_1#timeout-after`` or, one for each new call
with the last one repeated, ``pi_1#fail:insufficient_funds,succeed``.
"""

from __future__ import annotations

import msgspec

from rma.errors import Invalid

STEPS = {
    "succeed": "does it and says so",
    "fail": "refuses for good, with the code after the colon",
    "busy": "does nothing and says that it may work later",
    "pending": "takes it; as many lookups as the number say pending, then it has succeeded",
    "pending-fail": "takes it; the next lookup says that it failed, with the code after the colon",
    "stay-pending": "takes it and never ends it",
    "twice": "takes it; that it has succeeded is told twice, and the second time, with a code, that it failed",
    "timeout-before": "does nothing and does not answer",
    "timeout-after": "does it and does not answer",
    "timeout-fail": "refuses it and does not answer",
    "late": "does not answer, and does it as many seconds later as the number says",
    "slow": "does it and answers after as many milliseconds as the number says",
    "out-of-stock": "has none of it (stock only)",
}
"""Every step and what it plays."""

LIMITS = {
    "captured": "refuses what would exceed this many minor units in all",
    "blind": "does not answer this many lookups",
}
"""Settings that hold for the whole reference and are not steps."""

_NUMBERS = {"pending": 0, "late": 1, "slow": 50}
_BY_DEFAULT = {"fail": "declined", "pending-fail": "declined", "timeout-fail": "declined"}


class Step(msgspec.Struct, frozen=True):
    """One step: its name, and its number or code where it has one."""

    name: str
    number: int = 0
    code: str = ""


class Script(msgspec.Struct, frozen=True):
    """What a reference asks for: steps in order (the last repeats), and limits for all of them."""

    steps: tuple[Step, ...] = ()
    limits: dict[str, int] = {}

    def at(self, index: int) -> Step:
        """The step for the call with this number, counted from 0; ``succeed`` where nothing is written."""
        if not self.steps:
            return Step("succeed")
        return self.steps[min(index, len(self.steps) - 1)]


def instructions(reference: str) -> str:
    """What stands after the first ``#``, or nothing."""
    return reference.partition("#")[2]


def parse(text: str) -> Script:
    """Read instructions such as ``fail:card_closed,succeed``. Raises ``Invalid`` for a word that is not one."""
    steps: list[Step] = []
    limits: dict[str, int] = {}
    for word in filter(None, (part.strip() for part in text.split(","))):
        name, _, argument = word.partition(":")
        if name in LIMITS:
            limits[name] = _number(word, argument, 0)
        else:
            steps.append(_step(word, name, argument))
    return Script(tuple(steps), limits)


def _step(word: str, name: str, argument: str) -> Step:
    if name not in STEPS:
        raise Invalid.field("instruction", "unknown_instruction", f"{word!r} is not an instruction.")
    if name in _NUMBERS:
        return Step(name, number=_number(word, argument, _NUMBERS[name]))
    return Step(name, code=argument or _BY_DEFAULT.get(name, ""))


def _number(word: str, argument: str, default: int) -> int:
    if not argument:
        return default
    if not argument.isdecimal():
        raise Invalid.field("instruction", "unknown_instruction", f"{word!r} needs a whole number.")
    return int(argument)
