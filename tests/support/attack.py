"""Attack the API along its OpenAPI document: every operation with data that fits and data that does not, and in chains.

schemathesis makes the requests and holds every answer against the document: no 500, no status, content type or field
that it does not name, nothing taken that it forbids, no secret door. The application answers in this process.
"""

from __future__ import annotations

import warnings
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import schemathesis
from litestar import Litestar
from schemathesis.config import SchemathesisConfig
from schemathesis.engine import events, from_schema

_METHODS = ["trace"]
"""Methods that no address has; the whole list would only measure the router again and again."""


@dataclass
class Attack:
    """What came of it. ``answers``: how often each operation gave each status; ``faults``: what broke the document."""

    answers: Counter[tuple[str, int]] = field(default_factory=Counter)
    faults: dict[str, str] = field(default_factory=dict)

    @property
    def asked(self) -> int:
        """How many requests were answered."""
        return sum(self.answers.values())

    @property
    def opened(self) -> set[str]:
        """The operations that did what they are for at least once."""
        return {operation for operation, status in self.answers if 200 <= status < 300}

    def hear(self, event: object) -> None:
        """Keep what the engine tells."""
        if isinstance(event, events.ScenarioFinished):
            self._count(event)
        elif isinstance(event, events.NonFatalError | events.FatalError):
            self.faults[f"engine: {event!r}"[:300]] = ""

    def _count(self, event: events.ScenarioFinished) -> None:
        for case_id, interaction in event.recorder.interactions.items():
            if interaction.response is not None:
                case = event.recorder.cases[case_id].value
                self.answers[case.operation.label, interaction.response.status_code] += 1
        for checks in event.recorder.checks.values():
            for check in checks:
                if check.failure_info is not None:
                    fault = check.failure_info.failure
                    said = f"{type(fault).__name__} {fault.operation}: {fault.message}"
                    self.faults[said] = check.failure_info.code_sample[:2_000]


def attack(app: Litestar, headers: dict[str, str], *, examples: int, borders: bool, seed: int | None) -> Attack:
    """Attack every operation with these headers; ``examples`` random requests to each, and twice as many chains.

    ``borders``: also every border of every field, some seven thousand requests.
    """
    how: dict[str, Any] = {
        "headers": headers,
        "generation": {"no-shrink": True, "database": "none"},
        "phases": {
            "examples": {"enabled": True},
            "coverage": {"enabled": borders, "unexpected-methods": _METHODS},
            "fuzzing": {"enabled": True, "generation": {"max-examples": examples}},
            "stateful": {"enabled": True, "generation": {"max-examples": 2 * examples}},
        },
        "checks": {
            "enabled": True,
            # whether a body that fits the schema is also right in this store's books is no question for a schema
            "positive_data_acceptance": {"enabled": False},
            # theirs leave out 413: ten thousand lines and one more are too many, and first of all too many bytes
            "negative_data_rejection": {"expected-statuses": ["4xx"]},
        },
    }
    if seed is not None:
        how["seed"] = seed
    schema = schemathesis.openapi.from_asgi("/api/v1/openapi.json", app, config=SchemathesisConfig.from_dict(how))
    found = Attack()
    with warnings.catch_warnings():
        warnings.simplefilter(
            "ignore"
        )  # one of theirs, raised, would end their worker, and we would wait for it forever
        for event in from_schema(schema).execute():
            found.hear(event)
    return found
