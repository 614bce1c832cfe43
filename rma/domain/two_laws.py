"""What the record says where two laws apply: how each of them answers for a line, and which articles count."""

from __future__ import annotations

from rma.domain.claims import LineRequest, Method
from rma.domain.law_choice import whose
from rma.domain.offers import payer_by_law
from rma.domain.rules import Inputs
from rma.domain.standing import Scene, Standing


def answers(scene: Scene, asked: LineRequest, stand: Standing, method: Method) -> Inputs:
    """By law its answer on the right; for a withdrawal by law also the article that says who pays the way back."""
    found: Inputs = {law: _told(one) for law, one in stand.compared}
    if stand.basis == "statutory" and stand.kind == "withdrawal":
        key = ("way_back_by", asked.reason or "", asked.kind, method)
        found["way_back"] = scene.once(key, lambda: _way_back(scene, asked, method))
    return found


def _told(stand: Standing) -> str:
    """One law's answer: an exception with its article, a refusal with its code, else the basis and until when."""
    if stand.exempt is not None:
        return f"exempt: {stand.exempt.article}"
    if not stand.verdict.passed:
        return f"{stand.verdict.answer}: {stand.verdict.code}"
    return f"{stand.basis} until {stand.last_day}" if stand.last_day is not None else stand.basis


def _way_back(scene: Scene, asked: LineRequest, method: Method) -> str | None:
    law = whose("way_back", scene.law, payer_by_law(scene, asked, method))
    return law.way_back.article if law.way_back is not None else None
