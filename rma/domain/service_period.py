"""A service that is given over a time, and the part of it that a consumer had when they withdrew."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

import msgspec

from rma.errors import FieldError


class ServicePeriod(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, gc=False):
    """From which local day until which the service is given, both included."""

    starts: date
    ends: date

    @property
    def days(self) -> int:
        """All its days."""
        return (self.ends - self.starts).days + 1

    def given_before(self, notice: date) -> int:
        """The days on which it was given before the day of the notice."""
        return min(self.days, max(0, (notice - self.starts).days))


def period_faults(period: ServicePeriod | None, *, kind: str, path: str) -> Iterator[FieldError]:
    """What cannot be right about the period of a line."""
    if period is None:
        return
    if kind != "service":
        yield FieldError(path, "unexpected", "only a line of kind service is given over a time")
    if period.ends < period.starts:
        yield FieldError(f"{path}.ends", "order", "a service ends after it starts")
