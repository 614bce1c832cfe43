"""Parts of one line that a decision judges apart: units that have come, and units that are still to come."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import structs

from rma.domain.claims import LineFacts, LineRequest
from rma.domain.standing import Scene, standing

if TYPE_CHECKING:
    from rma.domain.decision import LineDecision


def parts(scene: Scene, line: LineFacts, asked: LineRequest) -> tuple[LineRequest, ...]:
    """The same request in parts that are judged alike: a withdrawal is also from what has not come (MSY 9/1, CRD 9)."""
    if asked.quantity == 1 or asked.kind != "withdrawal" or asked.part is not None:
        return (asked,)
    stand = standing(scene, line, asked)
    rest = asked.quantity - stand.available
    if not 0 < rest <= stand.undelivered:
        return (asked,)
    here = structs.replace(asked, quantity=stand.available, part="delivered")
    return (here, structs.replace(asked, quantity=rest, part="undelivered"))


def taken(line: LineFacts, decided: LineDecision) -> LineFacts:
    """The line as the next entry of the same request finds it."""
    if decided.decision == "refused":
        return line
    undelivered = 0 if decided.delivered else decided.quantity
    return structs.replace(
        line, left=line.left - decided.quantity, taken_undelivered=line.taken_undelivered + undelivered
    )
