"""Small builders for tests of policies and decisions: an order, a request, a policy, with only what a test is about."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from rma.domain.claims import Delivery, Facts, LineFacts, LineRequest, Override, Request
from rma.domain.decision import Decision, LineDecision, decide
from rma.domain.law import LawProfile
from rma.domain.policy import Policy, load_policy
from tests.support import laws

ISTANBUL = "Europe/Istanbul"
STANDARD = (Path(__file__).parents[2] / "workflows" / "policies" / "standard.toml").read_bytes()
TR: LawProfile = laws.law("TR", "2026-06-01")


def at(day: str, clock: str = "12:00", timezone: str = ISTANBUL) -> datetime:
    """An instant by the clock on the wall of that zone."""
    return datetime.fromisoformat(f"{day}T{clock}").replace(tzinfo=ZoneInfo(timezone)).astimezone(UTC)


def policy(rules: list[dict[str, Any]] | None = None, **sections: Mapping[str, Any]) -> Policy:
    """A policy in TRY with these rules and sections."""
    return load_policy("test", {"name": "Test", "rules": rules or [], **sections}, currency="TRY", version=3)


def line(**changes: Any) -> LineFacts:
    """An order line of one unit for 100.00."""
    return msgspec.structs.replace(
        LineFacts(id="1", sku="TS-RED-M", quantity=1, left=1, total=10000, category="apparel"), **changes
    )


def order(delivered: str | None = "2026-06-10", **changes: Any) -> Facts:
    """An order of 1 June 2026 in TRY, delivered whole on that day in Istanbul; ``None``: no delivery is known."""
    facts = Facts(
        now=at("2030-01-01"),
        timezone=ISTANBUL,
        currency="TRY",
        ordered_at=at("2026-06-01"),
        country="TR",
        order_value=10000,
        lines=(line(),),
        deliveries=(Delivery(delivered_at=at(delivered)),) if delivered else (),
    )
    return msgspec.structs.replace(facts, **changes)


def ask(kind: str = "withdrawal", quantity: int = 1, **changes: Any) -> LineRequest:
    """A request for one unit of line 1."""
    base = {"order_line_id": "1", "kind": kind, "quantity": quantity}
    return msgspec.convert(base | changes, LineRequest)


def judged(
    facts: Facts,
    *asked: LineRequest,
    on: str = "2026-06-12",
    by: Policy | None = None,
    law: LawProfile = TR,
    method: Any = None,
    override: Override | None = None,
) -> Decision:
    """The decision on a request filed at noon of that day."""
    filed = at(on, timezone=facts.timezone)
    request = Request(lines=asked or (ask(),), filed_at=filed, method=method, override=override)
    return decide(by or policy(), law, facts, request)


def one(facts: Facts, asked: LineRequest | None = None, **how: Any) -> LineDecision:
    """The decision on a request of one line."""
    return judged(facts, asked or ask(), **how).lines[0]


def codes(decision: LineDecision) -> list[str]:
    """The codes of its reasons."""
    return [why.code for why in decision.reasons]


def later(instant: datetime, **span: int) -> datetime:
    """So much later on the clock of the universe."""
    return instant + timedelta(**span)
