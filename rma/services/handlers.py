"""Every module that hangs handlers onto effects: importing this one makes the door complete."""

from __future__ import annotations

from rma.services import booking, line_effects, parcels, refunds, replacements, returns, transfers

__all__ = ["booking", "line_effects", "parcels", "refunds", "replacements", "returns", "transfers"]
