"""A return's whole life over HTTP in seven requests, by some clients at once: how many a second, and how long each."""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import msgspec
import uvloop

from benchmarks.client import Connection, connect
from benchmarks.shop import Shop

STEPS = ("file", "parcel", "handed_over", "delivered", "receipt", "inspection", "approval")
_decode = msgspec.json.decode
_encode = msgspec.json.encode


class Spread(msgspec.Struct, frozen=True):
    """How long one step took, in milliseconds."""

    p50: float
    p95: float
    p99: float


class Drive(msgspec.Struct, frozen=True):
    """What the clients saw: whole lives, lives a second, and the spread of each step."""

    cycles: int
    seconds: float
    cycles_per_second: float
    steps: dict[str, Spread]


class _Unexpected(AssertionError):
    """An answer that is none of a good life; the figure would be void."""


class _Client:
    """One client: a connection of its own, and the times of its steps."""

    def __init__(self, connection: Connection, shop: Shop, name: str, times: dict[str, list[float]]) -> None:
        self._connection = connection
        self._shop = shop
        self._name = name
        self._times = times
        self._sent = 0

    async def _post(self, step: str, path: str, body: Any, *, finance: bool = False) -> Any:
        self._sent += 1
        headers = {
            "authorization": f"Bearer {self._shop.finance if finance else self._shop.key}",
            "content-type": "application/json",
            "idempotency-key": f"{self._name}-{self._sent}",
        }
        begun = time.perf_counter()
        status, answer = await self._connection.post(f"/api/v1{path}", _encode(body), headers)
        self._times[step].append(time.perf_counter() - begun)
        if status not in (200, 201):
            raise _Unexpected(f"{step} answered {status}: {answer[:500]!r}")
        return _decode(answer)

    async def live(self, number: str) -> None:
        """One return from filing to the approval of its refund."""
        lines = [
            {"order_line_id": "1", "quantity": 1, "reason": "too_small", "outcome": "refund"},
            {"order_line_id": "2", "quantity": 1, "reason": "changed_mind", "outcome": "refund"},
        ]
        asked = {"order_number": number, "kind": "voluntary", "method": "drop_off_code", "lines": lines}
        filed = await self._post("file", "/returns", asked)
        wanted = {"direction": "inbound", "method": "drop_off_code"}
        parcel = await self._post("parcel", f"/returns/{filed['id']}/parcels", wanted)
        for step in ("handed_over", "delivered"):
            news = {"status": step, "at": datetime.now(UTC), "source_id": f"{self._name}-{step}-{number}"}
            await self._post(step, f"/parcels/{parcel['id']}/events", news)
        scanned = [{"line_id": line["id"], "quantity": line["requested"]} for line in filed["lines"]]
        receipt = {"scan_id": f"scan-{number}", "scan": filed["rma_number"], "lines": scanned, "finished": True}
        await self._post("receipt", "/receipts", receipt)
        good = {"grade": "A", "disposition": "restock", "verdict": "accept"}
        judged = {"lines": [{**line, **good} for line in scanned]}
        inspected = await self._post("inspection", f"/returns/{filed['id']}/inspections", judged)
        refund = inspected["refunds"][0]
        approval = {"expected_total": refund["total"]}
        sent = await self._post("approval", f"/refunds/{refund['id']}/approve", approval, finance=True)
        if sent["state"] != "sending":
            raise _Unexpected(f"the refund is {sent['state']}")


def drive(port: int, shop: Shop, orders: Iterator[str], *, clients: int, seconds: float, name: str) -> Drive:
    """Let this many clients live through returns for so long; ``name`` keeps the keys of runs apart."""
    return uvloop.run(_drive(port, shop, orders, clients=clients, seconds=seconds, name=name))


async def _drive(port: int, shop: Shop, orders: Iterator[str], *, clients: int, seconds: float, name: str) -> Drive:
    times: dict[str, list[float]] = {step: [] for step in STEPS}
    connections = [await connect(port) for _ in range(clients)]
    begun = time.perf_counter()
    end = begun + seconds

    async def work(place: int, connection: Connection) -> int:
        client, lived = _Client(connection, shop, f"{name}-{place}", times), 0
        while time.perf_counter() < end and (number := next(orders, None)) is not None:
            await client.live(number)
            lived += 1
        return lived

    lives = await asyncio.gather(*(work(place, connection) for place, connection in enumerate(connections)))
    took = time.perf_counter() - begun
    for connection in connections:
        connection.close()
    return Drive(sum(lives), took, sum(lives) / took, {step: _spread(found) for step, found in times.items()})


def _spread(seconds: list[float]) -> Spread:
    parts = statistics.quantiles(seconds, n=100, method="inclusive") if len(seconds) > 1 else [*seconds, 0.0] * 50
    return Spread(*(round(parts[place] * 1000, 2) for place in (49, 94, 98)))
