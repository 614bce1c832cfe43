"""Labels, code sheets, packing slips and papers as PDF. An implementation of ``rma.domain.papers.Printer``.

The same jobs give the same bytes in any process: no clock, no random name and no path of the machine goes in. What
draws them is loaded with the first one, for many processes never draw any.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rma.providers.labels.printing import damage_report, evidence_summary, packing_slip, render, withdrawal_receipt

__all__ = ["damage_report", "evidence_summary", "packing_slip", "render", "withdrawal_receipt"]


def __getattr__(name: str) -> Any:  # noqa: ANN401 - whatever has that name there
    """A function of ``printing``; ``AttributeError`` for any other name."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.printing"), name)
