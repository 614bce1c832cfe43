"""The registry of guards: what ``when`` may name."""

from __future__ import annotations

from rma.domain.guard import Guard
from rma.domain.guards_of_children import PARCEL, REFUND, REPLACEMENT
from rma.domain.guards_of_return import RETURN

GUARDS: dict[str, Guard] = {guard.name: guard for guard in (*RETURN, *PARCEL, *REFUND, *REPLACEMENT)}
"""Every guard by its name."""
