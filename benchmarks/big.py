"""A shop with a long past: `python -m benchmarks.big [--returns N ...] [--events N]`, from the checkout.

Some returns live through HTTP; their rows are then copied with ids, numbers, instants and hashes of their own, so that
chains and seals hold, until the shop has as many. Three in a hundred are open. Then, over HTTP against `rma serve`, the
p50 and p95 of lists and searches, in milliseconds, at each size. And the time of `rma verify`,
in a shop of its own in which each return has its events.
"""

from __future__ import annotations

import argparse
import math
import os
import random
import re
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import httpx
import sqlalchemy as sa

from benchmarks import machine
from benchmarks.lifecycle import drive
from benchmarks.measure import Place, open_place
from benchmarks.servers import serving
from rma.db import tables
from rma.domain import events, ids
from rma.services.seal import seal_all, seal_hash

LIVES = 20
ROUNDS = 200
TOGETHER = 2_000
SPAN = timedelta(days=730)
OPEN_EACH = 33
"""One in so many returns is still open."""
_TABLES = (
    tables.Return, tables.ReturnLine, tables.Parcel, tables.ParcelEvent, tables.Receipt, tables.Inspection,
    tables.Refund, tables.Transfer, tables.Deadline,
)  # fmt: skip
_ID = re.compile(r"\b(?!sto|ord|key|pol|wfl|prd)[a-z]{3}_[0-9a-z]{26}\b")
_OPEN = (
    ("awaiting_parcel", "customer"),
    ("in_review", "support"),
    ("inspecting", "warehouse"),
    ("settling", "finance"),
)


class Life(NamedTuple):
    """The rows of one return as the driver gives them, its ids, and its events in their order."""

    rows: dict[str, list[tuple[Any, ...]]]
    known: list[str]
    events: list[tuple[Any, ...]]


def main() -> None:
    """Fill, measure, print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.big", description=__doc__)
    parser.add_argument("--database", action="append", choices=("postgresql", "sqlite"), help="one of them only")
    parser.add_argument("--returns", type=int, nargs="*", default=[10_000, 1_000_000], help="sizes, ascending")
    parser.add_argument("--events", type=int, default=1_000_000, help="how many events the history has at the end")
    wanted = parser.parse_args()
    print(machine.about())
    for kind in wanted.database or ("postgresql", "sqlite"):
        if wanted.returns:
            with open_place(kind) as shop:
                _measure(shop, wanted.returns)
        with open_place(kind) as shop:
            copier = _copier(shop)
            copier.fill(copier.returns_with(wanted.events), wanted.events)
            _verify(shop)


def _copier(shop: Place) -> Copier:
    """Let some returns live, to be copied."""
    with serving(shop.url, shop.folder, worker=False) as process:
        drive(process.port, shop.shop, shop.orders(LIVES), clients=2, seconds=120, name="template")
    seal_all(shop.services.database)
    return Copier(shop)


def _measure(shop: Place, sizes: Sequence[int]) -> None:
    copier = _copier(shop)
    found: dict[str, list[str]] = {}
    for size in sizes:
        begun = time.perf_counter()
        copier.fill(size, 0)
        print(f"{shop.kind}: {size:,} returns, filled in {time.perf_counter() - begun:.0f} s", file=sys.stderr)
        with serving(shop.url, shop.folder, worker=False) as process:
            for name, spread in _lists(shop, process.port, copier):
                found.setdefault(name, []).append(f"{spread[0]:.1f} / {spread[1]:.1f}")
    print(f"\n| {shop.kind}, p50 / p95 ms | {' | '.join(f'{size:,} returns' for size in sizes)} |")
    print(f"|---|{'---:|' * len(sizes)}")
    for name, cells in found.items():
        print(f"| {name} | {' | '.join(cells)} |")


def _verify(shop: Place) -> None:
    environment = {**os.environ, "RMA_DATA_DIR": str(shop.folder), "RMA_DATABASE_URL": shop.url}
    begun, cpu = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    command = [sys.executable, "-c", "from rma.cli import main; raise SystemExit(main())", "verify"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    seconds = used.ru_utime - cpu.ru_utime + used.ru_stime - cpu.ru_stime
    took = f"{time.perf_counter() - begun:.1f} s, {seconds:.1f} s of processor time in the client"
    print(f"\n{shop.kind}: `rma verify` in {took}: {done.stdout.strip()}", flush=True)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]


def _day(back: int) -> str:
    return (datetime.now(UTC) - timedelta(days=back)).date().isoformat()


def _lists(shop: Place, port: int, copier: Copier) -> Iterator[tuple[str, tuple[float, float]]]:
    """Each list with the p50 and p95 of its time; what is asked for changes from call to call."""
    chance = random.Random(7)  # noqa: S311 - the same questions in every run
    asked: dict[str, Callable[[], str]] = {
        "first page": lambda: "/returns",
        "a later page": lambda: "/returns?limit=50&cursor=" + cursor,
        "open ones of a state": lambda: f"/returns?state={chance.choice(_OPEN)[0]}",
        "what waits for people": lambda: f"/returns?waits_for={chance.choice(_OPEN)[1]}",
        "voluntary, in review": lambda: "/returns?kind=voluntary&state=in_review",
        # ten of them: the small shop has fourteen a day, and pages of one length can be compared
        "of one day": lambda: (
            f"/returns?limit=10&created_from={_day(n := chance.randrange(9, 700))}&created_to={_day(n - 1)}"
        ),
        "since yesterday": lambda: f"/returns?limit=10&created_from={_day(1)}",
        "by RMA number": lambda: f"/returns?rma_number={copier.sample(chance)}",
        "by order number": lambda: f"/returns?order_number=B{chance.randrange(copier.made):09d}",
        "by e-mail": lambda: f"/returns?email=musteri-{chance.randrange(copier.made)}@example.com",
        "by sku": lambda: "/returns?sku=TS-1",
        "search, one word": lambda: f"/returns?q=B{chance.randrange(copier.made):09d}",
        "search, nothing found": lambda: f"/returns?q=nothing-{chance.randrange(10**6)}",
        "refunds": lambda: "/refunds",
        "refunds to approve, by due date": lambda: "/refunds?state=proposed,awaiting_approval&sort=due",
        "refunds of all time by due date": lambda: "/refunds?sort=due",
        "refunds due": lambda: f"/refunds?sort=due&state=sending,unknown&due_before={_day(-9)}",
    }
    with httpx.Client(base_url=f"http://127.0.0.1:{port}/api/v1", trust_env=False, timeout=120) as client:
        client.headers["authorization"] = f"Bearer {shop.shop.key}"
        cursor = client.get("/returns?limit=200").json()["next_cursor"]
        for name, path in asked.items():
            times = []
            for _ in range(ROUNDS):
                target = path()
                begun = time.perf_counter()
                answer = client.get(target)
                times.append((time.perf_counter() - begun) * 1000)
                assert answer.is_success, (target, answer.text[:500])
            yield name, (statistics.median(times), statistics.quantiles(times, n=20)[-1])


class Copier:
    """Copies the lives that are there until the shop has as many returns as are asked for."""

    def __init__(self, shop: Place) -> None:
        self.made = 0
        self._shop = shop
        self._chance = random.Random(1)  # noqa: S311 - the same shop in every run
        self._numbers: list[str] = []
        self._postgresql = shop.server is not None
        with shop.services.database.read() as work:
            self._columns = {kind: [c.name for c in tables.table(kind).columns] for kind in (*_TABLES, tables.Event)}
            returns = list(work.conn.execute(sa.select(tables.table(tables.Return).c.id)).scalars())
            self._lives = [self._life(work.conn, one) for one in returns]
            seals = tables.table(tables.Seal)
            last = work.conn.execute(sa.select(seals).order_by(seals.c.number.desc()).limit(1)).one()
        self._number, self._head, self._seq = last.number, last.hash, last.event_seq
        self.made = len(returns)

    def sample(self, chance: random.Random) -> str:
        """The RMA number of some copied return."""
        return chance.choice(self._numbers)

    def _life(self, conn: sa.Connection, key: str) -> Life:
        raw = conn.connection.driver_connection
        assert raw is not None
        mark = "%s" if self._postgresql else "?"
        rows: dict[str, list[tuple[Any, ...]]] = {}
        for kind in _TABLES:
            table = tables.table(kind)
            select = f"SELECT {', '.join(self._columns[kind])} FROM {table.name} WHERE "
            if table.name == "returns":
                inner = f"id = {mark}"
            elif "return_id" in table.c:
                inner = f"return_id = {mark}"
            else:
                owner = "parcels" if "parcel_id" in table.c else "refunds"
                inner = f"{owner[:-1]}_id IN (SELECT id FROM {owner} WHERE return_id = {mark})"
            rows[table.name] = [tuple(row) for row in raw.execute(select + inner, (key,)).fetchall()]
        names = ", ".join(self._columns[tables.Event])
        told = raw.execute(f"SELECT {names} FROM events WHERE return_id = {mark} ORDER BY n", (key,)).fetchall()
        text = " ".join(str(value) for found in (*rows.values(), told) for row in found for value in row)
        return Life(rows, sorted(set(_ID.findall(text))), [tuple(row) for row in told])

    def returns_with(self, history: int) -> int:
        """How many returns have as many events together, those that are there already among them."""
        each: float = sum(len(life.events) for life in self._lives) / len(self._lives)
        return int(self.made + max(0, math.ceil((history - self._seq) / each)))

    def fill(self, size: int, history: int) -> None:
        """Copy until there are ``size`` returns; the first of this call have events, until there are ``history``."""
        batch: dict[str, list[tuple[Any, ...]]] = {}
        begin = datetime.now(UTC) - SPAN
        first, left = self.made, size - self.made
        for place_ in range(left):
            at = begin + SPAN * place_ / left
            self._copy(batch, at, is_open=place_ % OPEN_EACH == 0 and place_ > left // 2, told=self._seq < history)
            if place_ % TOGETHER == 0:
                self._write(batch)
        self._write(batch)
        assert self.made == first + left
        with self._shop.services.database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as conn:
            # what PostgreSQL does by itself some time after, and not beside what is measured
            conn.exec_driver_sql("VACUUM ANALYZE" if self._postgresql else "ANALYZE")

    def _copy(self, batch: dict[str, list[tuple[Any, ...]]], at: datetime, *, is_open: bool, told: bool) -> None:
        life = self._lives[self.made % len(self._lives)]
        block = ids.Block(int(at.timestamp() * 1000), self._chance.randbytes(10))
        new = {old: block.new_id(old[:3]) for old in life.known}
        number, self.made = self.made, self.made + 1
        rma = ids.rma_number(self._chance.randbytes(8))
        self._numbers.append(rma)
        instant = at if self._postgresql else at.replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"
        changes: dict[str, dict[str, Any]] = {
            "returns": {
                "rma_number": rma,
                "order_number": f"B{number:09d}",
                "email": f"musteri-{number}@example.com",
                "created_at": instant,
                "state": _OPEN[number % 4][0] if is_open else "closed",
                "waits_for": _OPEN[number % 4][1] if is_open else "nobody",
            },
            "parcels": {"tracking": f"TR{number:012d}", "code": f"C{number:012d}"},
            "parcel_events": {"source_id": f"s-{number}"},
            "receipts": {"scan_id": f"scan-{number}"},
            "refunds": {
                "state": "awaiting_approval" if is_open and _OPEN[number % 4][1] == "finance" else "succeeded",
                "created_at": instant,
            },
            "deadlines": {"state": "open" if is_open else "done"},
        }
        changes["returns"] |= {"head": "", "events_n": 0}
        if told:
            changes["returns"] |= self._tell(batch, life, new)
        for kind in _TABLES:
            name = tables.table(kind).name
            columns, change = self._columns[kind], changes.get(name, {})
            for row in life.rows[name]:
                copied = [new.get(value, value) if isinstance(value, str) else value for value in row]
                for column, value in change.items():
                    if column == "source_id":
                        value += str(row[columns.index("source_id")])  # noqa: PLW2901 - two events of one parcel differ
                    copied[columns.index(column)] = value
                batch.setdefault(name, []).append(tuple(copied))

    def _tell(self, batch: dict[str, list[tuple[Any, ...]]], life: Life, new: dict[str, str]) -> dict[str, Any]:
        """The return's events, chained and sealed; what its row says of them."""
        columns, head, state = self._columns[tables.Event], "", None
        for row in life.events:
            told = dict(zip(columns, row, strict=True))
            body = _ID.sub(lambda found: new.get(found[0], found[0]), told["body"])
            head = events.link(head, body)
            self._seq += 1
            told |= {"seq": self._seq, "body": body, "hash": head, "id": new[told["id"]]}
            told |= {"stream": new[told["stream"]], "return_id": new[told["return_id"]]}
            batch.setdefault("events", []).append(tuple(told.values()))
            self._number += 1
            self._head = seal_hash(self._head, self._number, head)
            batch.setdefault("seals", []).append((told["store_id"], self._number, self._seq, self._head, told["at"]))
        place_ = self._columns[tables.Return].index("state")
        state = life.rows["returns"][0][place_]
        return {"head": head, "events_n": len(life.events), "state": state}

    def _write(self, batch: dict[str, list[tuple[Any, ...]]]) -> None:
        order = [*(tables.table(kind).name for kind in _TABLES), "events", "seals"]
        columns = {tables.table(kind).name: names for kind, names in self._columns.items()}
        columns["seals"] = ["store_id", "number", "event_seq", "hash", "sealed_at"]
        with self._shop.services.database.engine.begin() as conn:
            raw: Any = conn.connection.driver_connection
            for name in order:
                rows = batch.pop(name, [])
                if not rows:
                    continue
                if self._postgresql:
                    with raw.cursor().copy(f"COPY {name} ({', '.join(columns[name])}) FROM STDIN") as copy:
                        for row in rows:
                            copy.write_row(row)
                else:
                    marks = ", ".join("?" * len(columns[name]))
                    raw.executemany(f"INSERT INTO {name} ({', '.join(columns[name])}) VALUES ({marks})", rows)


if __name__ == "__main__":
    main()
