"""The shipped workflows, and a tiny one to break."""

from __future__ import annotations

from pathlib import Path

from rma.domain.definition import Definition, load

FOLDER = Path(__file__).resolve().parents[2] / "workflows" / "machines"
SHIPPED: dict[str, Definition] = {
    path.stem: load(path.name, path.read_bytes()) for path in sorted(FOLDER.glob("*.toml"))
}
"""Every shipped workflow by its name."""

SMALL = """
name = "small"
machine = "refund"
initial = "proposed"
title = { tr = "Küçük", en = "Small", de = "Klein" }

[states.proposed]
label = { tr = "Öneri", en = "Proposed", de = "Vorgeschlagen" }
waits_for = "finance"

[states.approved]
label = { tr = "Onaylı", en = "Approved", de = "Freigegeben" }
waits_for = "nobody"

[states.succeeded]
label = { tr = "Ödendi", en = "Paid", de = "Bezahlt" }
waits_for = "nobody"
final = true

[[transitions]]
trigger = "approve"
from = "proposed"
to = "approved"
by = "finance"
when = ["approver_named", "approver_independent", "approvals_complete"]
then = ["freeze_amount"]
requires = ["expected_total"]

[[transitions]]
trigger = "send"
from = "approved"
to = "succeeded"
by = "system"
then = ["send_refund"]

[[deadlines]]
in = "proposed"
name = "approval"
after = "policy.promise_days"
fire = "none"
why = "Only a person approves."
"""
"""A workflow that passes every check, small enough to break one thing at a time."""


def small(*changes: tuple[str, str], add: str = "") -> Definition:
    """The small workflow with texts replaced, each of which must be there, and more text at its end."""
    return load("small.toml", changed(*changes, add=add))


def changed(*changes: tuple[str, str], add: str = "") -> bytes:
    """The bytes of the small workflow with texts replaced and more text at its end."""
    words = SMALL
    for old, new in changes:
        assert old in words
        words = words.replace(old, new, 1)
    return (words + add).encode()
