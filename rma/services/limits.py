"""How often somebody may ask, where nobody has to say who they are: buckets of tokens in the memory of this process.

Real time, never a store's clock. Each process counts for itself: with several of them the limits are that much wider.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from ipaddress import ip_address, ip_network
from math import ceil

import msgspec

from rma.errors import RateLimited

MOST_BUCKETS = 50_000


class Rate(msgspec.Struct, frozen=True):
    """``burst`` at once, and one more every ``seconds``."""

    burst: int
    seconds: float


RATES: Mapping[str, Rate] = {
    "address": Rate(60, 10),
    "network": Rate(240, 2.5),
    "site": Rate(960, 0.625),
    "recipient": Rate(10, 360),
}
"""By network address, by its network (/24, /64), by what one customer of a provider has of IPv6 (/48), by mailbox."""


class Limiter:
    """Counts by kind and key. Memory is bounded: the bucket that was not used for the longest time is forgotten."""

    def __init__(
        self,
        rates: Mapping[str, Rate] = RATES,
        *,
        clock: Callable[[], float] = time.monotonic,
        most: int = MOST_BUCKETS,
    ) -> None:
        self._rates, self._clock, self._most = rates, clock, most
        self._buckets: OrderedDict[tuple[str, str], tuple[float, float]] = OrderedDict()
        self._lock = threading.Lock()

    def take(self, **keys: str) -> None:
        """Take one token of each of these buckets, or none: ``RateLimited`` with the seconds until all have one."""
        with self._lock:
            now = self._clock()
            levels = {(kind, key): self._level(kind, key, now) for kind, key in keys.items()}
            short = [ceil((1 - level) * self._rates[kind].seconds) for (kind, _), level in levels.items() if level < 1]
            if short:
                raise RateLimited("Too many requests from here; try again later.", retry_after=max(1, *short))
            for bucket, level in levels.items():
                self._buckets[bucket] = (level - 1, now)
                self._buckets.move_to_end(bucket)
            while len(self._buckets) > self._most:
                self._buckets.popitem(last=False)

    def admit(self, client: str) -> None:
        """Let this network address ask once more, else ``RateLimited``."""
        self.take(**places(client))

    def __len__(self) -> int:
        """How many buckets are remembered."""
        return len(self._buckets)

    def _level(self, kind: str, key: str, now: float) -> float:
        rate = self._rates[kind]
        level, at = self._buckets.get((kind, key), (float(rate.burst), now))
        return min(float(rate.burst), level + max(0.0, now - at) / rate.seconds)


def places(client: str) -> dict[str, str]:
    """The buckets of a network address: itself and its network, /24 of IPv4; /64 of IPv6, and there the /48 as well.

    An IPv4 address inside IPv6 counts as itself; what is no address counts under its own name.
    """
    try:
        address = ip_address(client.partition("%")[0])
    except ValueError:
        return {"address": client[:64], "network": client[:64]}
    address = getattr(address, "ipv4_mapped", None) or address
    widths = {"network": 24} if address.version == 4 else {"network": 64, "site": 48}  # noqa: PLR2004 - IP's versions
    networks = {kind: str(ip_network((address, width), strict=False)) for kind, width in widths.items()}
    return {"address": str(address), **networks}
