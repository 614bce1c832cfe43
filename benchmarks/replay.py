"""How long a replay of a draft policy takes: `python -m benchmarks.replay [RETURNS]`, from the checkout.

A Turkish store with as many orders of two lines, each with a return filed by the program itself: withdrawals, voluntary
and damaged ones, in time and late. A draft with a shorter courtesy, a fee and a rule that asks runs over all of them.
Each figure is the median of three runs; the statements are counted, since none may be sent for a single return.
"""

from __future__ import annotations

import io
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import sqlalchemy as sa

from benchmarks import machine
from rma.app import create_services
from rma.db.session import Database
from rma.domain import strict
from rma.domain.policy import body
from rma.resources import folder
from rma.services import filing, order_import, policy_replay, stores
from rma.services.caller import SCOPES, Caller
from rma.services.context import Services
from rma.services.policy_replay import Replayed
from rma.settings import Settings
from tests.support import postgres
from tests.support.migrate import migrate

RUNS = 3
_TOGETHER = 100
_OF_A_CUSTOMER = 10
"""Returns of one customer, so that a rule which counts them has something to count."""
_KINDS = ("withdrawal", "voluntary", "voluntary", "damaged")


def _money(amount: str) -> dict[str, str]:
    return {"amount": amount, "currency": "TRY"}


def _order(index: int, now: datetime, *, customers: int) -> dict[str, Any]:
    delivered = (now - timedelta(days=1 + index % 40)).isoformat()
    ordered = (now - timedelta(days=5 + index % 40)).isoformat()
    lines = [
        {"id": str(place), "sku": f"TS-{index % 97}-{place}", "name": "Kırmızı tişört", "quantity": place + 1,
         "unit_price": _money("100.00"), "tax_rate": "20", "category": "apparel",
         "tags": ["final-sale"] if index % 11 == 0 else []}
        for place in (1, 2)
    ]  # fmt: skip
    return {
        "number": f"R{index:06d}", "ordered_at": ordered, "currency": "TRY", "prices_include_tax": True,
        "total": _money("519.90"),
        "customer": {"reference": f"c-{index % customers}", "email": f"m{index}@example.com"},
        "ship_to": {"name": "Ayşe", "line1": "Moda Cad. 1", "city": "İstanbul", "country": "TR"}, "lines": lines,
        "promotions": [{"code": "KIS10", "amount": _money("10.00")}],
        "shipping": {"amount": _money("29.90"), "tax_rate": "20"},
        "payments": [{"id": "p", "tender": "card", "reference": f"pi_{index}", "captured": _money("519.90")}],
        "deliveries": [{"id": "d1", "delivered_at": delivered}], "withdrawal_information_given_at": ordered,
    }  # fmt: skip


def _draft() -> dict[str, Any]:
    """The standard policy with less courtesy, a fee, and a rule that asks."""
    document = body("standard.toml", (folder("workflows") / "policies" / "standard.toml").read_bytes())
    asks = {"rule": "returns_in_period", "params": {"days": 90, "more_than": 2}, "then": "ask"}
    fees = {"return": [{"method": "printed_label", "amount": "29.90"}], "restocking_percent": "5"}
    windows = {**document["windows"], "voluntary_days": 20}
    return document | {"windows": windows, "fees": fees, "rules": [*document["rules"], asks]}


def _fill(services: Services, count: int) -> Caller:
    address = stores.ReturnAddress(
        id="a", name="Depo", line1="Liman 1", city="İstanbul", postcode="34000", country="TR"
    )
    new = stores.NewStore(
        slug="bench", name="Bench", country="TR", timezone="Europe/Istanbul", currency="TRY", locale="tr",
        return_addresses=[address],
    )  # fmt: skip
    with services.database.write() as work:
        row = stores.create(work, new)
    caller = Caller(
        store_id=row.id, store_slug=row.slug, key_id="key_bench", scopes=frozenset(SCOPES), currency="TRY",
        country="TR", timezone=row.timezone,
    )  # fmt: skip
    now = datetime.now(UTC)
    content = b"\n".join(
        msgspec.json.encode(_order(index, now, customers=max(1, count // _OF_A_CUSTOMER))) for index in range(count)
    )
    report = order_import.load(services, caller, io.BytesIO(content), media_type="application/x-ndjson")
    assert report.imported == count, report
    for start in range(0, count, _TOGETHER):
        with services.database.write() as work:
            for index in range(start, min(count, start + _TOGETHER)):
                filing.file(work, services, caller, _wish(index), locale="tr")
    return caller


def _wish(index: int) -> filing.FileReturn:
    line = {"order_line_id": str(1 + index % 2), "quantity": 1, "reason": "too_small"}
    kind = _KINDS[index % len(_KINDS)]
    wish = {"order_number": f"R{index:06d}", "kind": kind, "method": "printed_label", "lines": [line]}
    return strict.convert(wish, filing.FileReturn)


@contextmanager
def _counted(services: Services) -> Iterator[list[str]]:
    sent: list[str] = []

    def note(_conn: Any, _cursor: Any, statement: str, *_: Any) -> None:
        sent.append(statement)

    engine = services.database.engine
    sa.event.listen(engine, "before_cursor_execute", note)
    yield sent
    sa.event.remove(engine, "before_cursor_execute", note)


def _once(services: Services, caller: Caller, count: int) -> tuple[float, float, Replayed]:
    """Seconds by the clock, seconds of this process's processor time, and what was found."""
    begun, used = time.perf_counter(), time.process_time()
    with services.database.read() as work:
        found = policy_replay.replay_document(work, services, caller, _draft(), last=count, locale="tr")
    return time.perf_counter() - begun, time.process_time() - used, found


def _measure(url: str, count: int) -> None:
    with tempfile.TemporaryDirectory() as place:
        services = create_services(Settings(data_dir=Path(place)), database=Database(url))
        caller = _fill(services, count)
        with _counted(services) as sent:
            *_, found = _once(services, caller, count)
        assert found.returns == count
        assert found.now_refused > 0
        assert found.now_asked > 0
        runs = [_once(services, caller, count)[:2] for _ in range(RUNS)]
        seconds, used = (statistics.median(run[place] for run in runs) for place in (0, 1))
        print(
            f"{services.database.engine.dialect.name:>10}: {count} returns in {seconds:.2f} s"
            f" ({count / seconds:,.0f}/s; best {min(runs)[0]:.2f} s; {used:.2f} s of processor time; load"
            f" {os.getloadavg()[0]:.1f}), {len(sent)} statements; {found.unchanged} unchanged,"
            f" {found.now_refused} now refused, {found.now_asked} now asked, {found.other_terms} other terms,"
            f" {found.kept_by_law} kept by law, money {found.money_difference}"
        )
        services.close()


def main() -> None:
    """Print the figures."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else policy_replay.MOST
    print(machine.about())
    with tempfile.TemporaryDirectory() as place, postgres.running(settings=()) as server:
        for url in (f"sqlite:///{place}/bench.sqlite3", server.create("bench")):
            migrate(url)
            _measure(url, count)


if __name__ == "__main__":
    main()
