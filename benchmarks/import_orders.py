"""How many orders a second one process imports: `python -m benchmarks.import_orders [COUNT]`, from the checkout.

Each order has its own customer, two lines, a promotion, shipping, a payment and a delivery. SQLite with
synchronous=FULL and PostgreSQL with its durable defaults; new orders, the same file again, the same orders changed, and
the new ones as CSV. Printed: date, machine, orders per second, and per second of this process's processor time. What
was stored is counted, or the figure is void.

`python -m benchmarks.import_orders --megabytes 100` takes one file of that size from the disk instead, on SQLite, every
tenth line of it broken. Printed: its lines, and by how much the import raised the most memory that the process held.
"""

from __future__ import annotations

import io
import resource
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import sqlalchemy as sa

from benchmarks import machine
from rma.app import create_services
from rma.db import tables
from rma.db.session import Database
from rma.domain.snapshot_csv import COLUMNS
from rma.services import order_import, stores
from rma.services.caller import Caller
from rma.services.context import Services
from rma.settings import Settings
from tests.support import postgres
from tests.support.migrate import migrate

_orders = tables.table(tables.Order)
_events = tables.table(tables.Event)


def _money(amount: str) -> dict[str, str]:
    return {"amount": amount, "currency": "TRY"}


def snapshot(index: int, *, points: int = 0) -> dict[str, Any]:
    """An order like those of a Turkish shop."""
    number = f"TR{index:08d}"
    lines = [
        {
            "id": str(place),
            "sku": f"TS-{index % 997}-{place}",
            "name": "Kırmızı tişört",
            "quantity": place + 1,
            "unit_price": _money("100.00"),
            "tax_rate": "20",
            "category": "apparel",
        }
        for place in (1, 2)
    ]
    return {
        "number": number,
        "ordered_at": "2026-03-01T10:00:00+03:00",
        "currency": "TRY",
        "prices_include_tax": True,
        "total": _money("519.90"),
        "customer": {"reference": f"c-{index}", "email": f"musteri{index}@example.com", "name": f"Ayşe {index}"},
        "ship_to": {"name": f"Ayşe {index}", "line1": "Moda Cad. 1", "city": "İstanbul", "country": "TR"},
        "lines": lines,
        "promotions": [{"code": "KIS10", "amount": _money("10.00")}],
        "shipping": {"amount": _money("29.90"), "tax_rate": "20"},
        "points_earned": points,
        "payments": [{"id": "pay-1", "tender": "card", "reference": f"pi_{index}", "captured": _money("519.90")}],
        "deliveries": [{"id": "d1", "delivered_at": "2026-03-05T14:00:00+03:00"}],
        "withdrawal_information_given_at": "2026-03-01T10:00:00+03:00",
    }


def _csv(count: int) -> bytes:
    rows = [",".join(COLUMNS)]
    shared = {"ordered_at": "2026-03-01T10:00:00+03:00", "currency": "TRY", "prices_include_tax": "true"}
    for index in range(count):
        for place in (1, 2):
            cells = shared | {"number": f"CSV{index:08d}", "customer_email": f"musteri{index}@example.com"}
            cells |= {"sku": f"TS-{place}", "quantity": str(place), "unit_price": "100.00", "tax_rate": "20"}
            rows.append(",".join(cells.get(name, "") for name in COLUMNS))
    return "\n".join(rows).encode()


def _ndjson(count: int, *, points: int = 0) -> bytes:
    return b"\n".join(msgspec.json.encode(snapshot(index, points=points)) for index in range(count))


def _shop(services: Services) -> Caller:
    new = stores.NewStore(
        slug="bench", name="Bench", country="TR", timezone="Europe/Istanbul", currency="TRY", locale="tr"
    )
    with services.database.write() as work:
        row = stores.create(work, new)
        return Caller(store_id=row.id, store_slug=row.slug, currency="TRY", country="TR", timezone=row.timezone)


def _rate(services: Services, caller: Caller, content: bytes, count: int, *, kind: str, media_type: str) -> str:
    begun, used = time.perf_counter(), time.process_time()
    report = order_import.load(services, caller, io.BytesIO(content), media_type=media_type)
    seconds, used = time.perf_counter() - begun, time.process_time() - used
    assert getattr(report, kind) == count, report
    return f"{count / seconds:,.0f}/s ({count / used:,.0f} a CPU second)"


def _measure(url: str, count: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        services = create_services(Settings(data_dir=Path(folder)), database=Database(url))
        caller = _shop(services)
        lines, csv = "application/x-ndjson", "text/csv"
        new = _ndjson(count)
        rates = {
            "new": _rate(services, caller, new, count, kind="imported", media_type=lines),
            "again": _rate(services, caller, new, count, kind="unchanged", media_type=lines),
            "changed": _rate(services, caller, _ndjson(count, points=7), count, kind="updated", media_type=lines),
            "new as CSV": _rate(services, caller, _csv(count), count, kind="imported", media_type=csv),
        }
        with services.database.read() as work:
            assert work.conn.execute(sa.select(sa.func.count()).select_from(_orders)).scalar() == 2 * count
            told = sa.select(sa.func.count()).where(_events.c.type == "order.imported")
            assert work.conn.execute(told).scalar() == 3 * count
        figures = ", ".join(f"{name} {rate}" for name, rate in rates.items())
        print(f"{services.database.engine.dialect.name:>10}: {figures}")
        services.close()


@contextmanager
def _databases() -> Iterator[list[str]]:
    with tempfile.TemporaryDirectory() as folder, postgres.running(settings=()) as server:
        urls = [f"sqlite:///{folder}/bench.sqlite3", server.create("bench")]
        for url in urls:
            migrate(url)
        yield urls


def _memory(megabytes: int) -> None:
    """What a large file adds to the peak of the process, once a small one has loaded all that an import needs."""
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryFile() as file:
        migrate(url := f"sqlite:///{folder}/bench.sqlite3")
        services = create_services(Settings(data_dir=Path(folder)), database=Database(url))
        caller, lines = _shop(services), 0
        order_import.load(services, caller, io.BytesIO(_ndjson(500)), media_type="application/x-ndjson")
        while file.tell() < megabytes * 1_000_000:
            line = msgspec.json.encode(snapshot(lines)) + b"\n"
            file.write(b"{" + line if lines % 10 == 9 else line)  # noqa: PLR2004 - every tenth is no JSON
            lines += 1
        file.seek(0)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        report = order_import.load(services, caller, file, media_type="application/x-ndjson")
        more = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1000
        taken = report.imported + report.unchanged
        assert (taken, report.failed) == (lines - lines // 10, lines // 10), report
        print(f"{megabytes} MB, {lines:,} lines, {report.failed:,} of them broken: {more:.0f} MB more at the peak")
        services.close()


def main() -> None:
    """Print the figures."""
    if sys.argv[1:2] == ["--megabytes"]:
        print(machine.about())
        _memory(int(sys.argv[2]))
        return
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 5_000
    print(f"{machine.about()}; {count} orders, one process")
    with _databases() as urls:
        for url in urls:
            _measure(url, count)


if __name__ == "__main__":
    main()
