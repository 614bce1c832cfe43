"""What is counted after a storm: everything that is not as it has to be."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

import msgspec

from rma.db import tables
from tests.faults.lives import NEVER, Lives
from tests.support import invariants
from tests.support.floor import Floor


class Outcome(msgspec.Struct, kw_only=True):
    """What a storm did and what was left of it; ``wrong`` names everything that is not as it has to be."""

    kind: str
    cycles: int = 0
    swaps: int = 0
    seconds: float = 0.0
    drained: float = 0.0
    faults: dict[str, int] = {}
    repeated: int = 0
    steps: dict[str, int] = {}
    unknown: int = 0
    unknown_left: int = 0
    never_ended: int = 0
    twice: int = 0
    doubles: int = 0
    refunds: int = 0
    labels: int = 0
    replacements: int = 0
    moved: int = 0
    events: int = 0
    heads: int = 0
    wrong: list[str] = []


def wrong(floor: Floor, lives: Lives, outcome: Outcome, left: list[Any]) -> Iterator[str]:
    """What is not as it has to be: lost, done twice, unknown for ever, or sums that do not add up."""
    yield from lives.faults
    if outcome.doubles:
        yield f"{outcome.doubles} refunds went out twice"
    if outcome.unknown_left:
        yield f"{outcome.unknown_left} transfers are still unknown"
    sent = sum(row.amount for row in floor.rows(tables.Transfer) if row.state == "succeeded")
    if sent != outcome.moved:
        yield f"{outcome.moved} left the gateway, the rows say {sent}"
    states = {row.id: row.state for row in floor.rows(tables.Refund)}
    for number, life in lives.done.items():
        script, state = life["script"], states.get(life["refund"])
        wanted = _ENDS.get(script, ("succeeded",))
        if state not in wanted:
            yield f"life {number} ({script}): its refund is {state}, not {' or '.join(wanted)}"
    pending = sum(life["script"] == NEVER for life in lives.done.values())
    if len(left) != pending:
        yield f"{len(left)} acts have not ended, {pending} were told never to: {[row.id for row in left][:5]}"
    yield from _wrong_orders(floor)
    yield from _wrong_labels(floor)
    try:
        invariants.check(floor)
    except AssertionError as error:
        yield from str(error).splitlines()[:20]


def _wrong_orders(floor: Floor) -> Iterator[str]:
    """Each replacement that was accepted stands once in the books of the stock system."""
    stock: Any = floor.services.ports.fulfilment
    ordered = Counter(call.key.partition(":")[0] for call in stock.calls() if call.fresh and call.step in _DONE)
    for row in floor.rows(tables.Replacement):
        if ordered[row.id] != 1:
            yield f"{row.id}: {row.state}, ordered {ordered[row.id]} times"


def _wrong_labels(floor: Floor) -> Iterator[str]:
    """No parcel got two labels."""
    carrier: Any = floor.services.ports.carriers["offline"]
    issued = Counter(call.key.partition(":")[0] for call in carrier.calls() if call.fresh and call.step in _DONE)
    yield from (f"{parcel}: {times} labels" for parcel, times in issued.items() if times > 1)


_DONE = ("succeed", "timeout-after")
_ENDS = {
    "fail:card_closed": ("failed",),
    "timeout-fail": ("failed",),
    "busy,succeed": ("failed", "succeeded"),
    NEVER: ("sending", "unknown"),
}
"""How refunds end that do not succeed. One that was refused because the gateway is busy waits for finance, or is sent
again where that answer was lost with its process; one that is pending for ever was unknown once if its answer was lost.
"""
