"""From an attempt's key to the act that carries it out. What breaks is kept with its error and looked at again."""

from __future__ import annotations

import logging
from collections.abc import Callable

from rma.services import effects, handlers, label_acts, logs, refund_acts, replacement_acts, tracing
from rma.services.context import Services

_log = logging.getLogger(__name__)
Act = Callable[[Services, str], None]
KEEP_TRYING = (0.1, 0.5, 1.0, 2.0, *(5.0,) * 120)
"""Seconds between the tries to write down why an act broke."""
__all__ = ["handlers", "run_attempt"]


def _acts() -> dict[str, Act]:
    return {
        "send_refund": refund_acts.send_refund,
        "issue_label": label_acts.issue_label,
        "void_label": label_acts.void_label,
        "place_order": replacement_acts.place_order,
    }


def run_attempt(services: Services, key: str) -> None:
    """Carry out one attempt: ``<subject>:<attempt>:<effect>``. Never raises for what an act ran into."""
    effect = key.rsplit(":", 1)[1]
    act = _acts()[effect]
    with logs.about(attempt=key):
        try:
            with tracing.span(effect, rma__attempt=key):
                act(services, key)
        except Exception as error:  # noqa: BLE001 - whatever broke is kept and looked at again
            _log.exception("an act broke and will be looked at again")
            _keep(services, key, logs.brief(error))


def _keep(services: Services, key: str, error: str) -> None:
    """Write down what an act ran into, also when that was the database and it is away for a while.

    Until then the engine counts the act as under way, so that whoever takes this process's work over takes it too; if
    this raised, the engine would count it as ended, and minutes would go by before anybody looks again.
    """
    for pause in KEEP_TRYING:
        try:
            services.database.retrying(lambda work: effects.failed(work, key, error))
        except Exception:
            _log.warning("what an act ran into cannot be written down yet")
            if services.effects.ending.wait(pause):
                raise
        else:
            return
