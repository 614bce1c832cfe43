"""Erasure that leaves nothing out: addresses in every spelling, codes from before, a record that cannot be read."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, cast

import msgspec
import pytest
import sqlalchemy as sa

from rma.app import create_services
from rma.db import tables
from rma.services import counts, privacy_run
from tests.api.test_privacy import LINES, MARKS, ORDERS, PARCEL, bought, ended, later
from tests.support import traces
from tests.support.snapshots import snapshot

if TYPE_CHECKING:
    from rma.db.session import Database
    from rma.providers.registry import Providers
    from tests.api.conftest import Api, Headers


@pytest.fixture
def desk(api: Api) -> Headers:
    """A key that files returns and looks after personal data."""
    api.services.effects.prepare()
    return api.key("orders:write", "orders:read", "returns:read", "returns:write", "privacy")


def test_an_address_is_one_however_its_letters_are_put_together(api: Api, desk: Headers, database: Database) -> None:
    """Composed letters, marks of their own, capitals: each finds the other, also in rows from before."""
    composed, apart = "öykü@example.com", "O\u0308yku\u0308@Example.com"
    for number, email in enumerate((apart, composed, composed)):
        bought(api, desk, str(number), email=email)
    older = sa.update(ORDERS).where(ORDERS.c.store_id == api.store_id, ORDERS.c.number == "2")
    with database.write() as work:
        work.conn.execute(older.values(email=apart.lower()))
    for email in (composed, apart):
        found = api.get("/orders", desk, params={"email": email}).json()["items"]
        assert [one["number"] for one in found] == ["0", "1", "2"]
        assert len(api.post("/privacy/erasures/preview", {"email": email}, desk).json()["matters"]) == 3
    assert len(api.post("/privacy/erasures", {"email": apart}, desk).json()["matters"]) == 3
    assert traces.in_tables(database.url, (composed, apart.lower()), but=frozenset({"restricted"})) == []


def test_codes_from_before_they_were_refused_lose_the_address(api: Api, desk: Headers, database: Database) -> None:
    """What tells rows apart goes on doing so once the address in it is gone; codes without one stay."""
    filed = ended(api, desk, "1001")
    mail, now = "Ayse@example.com", datetime.now(UTC)
    own: dict[str, Any] = {"store_id": api.store_id, "return_id": filed["id"], "created_at": now}
    doc: dict[str, Any] = {"cost": {"receipt": mail}, "weight_g": None}
    parcel = PARCEL | own | {"id": "par_1", "doc": doc}
    with database.write() as work:
        work.session.add(tables.Parcel(**parcel))
        work.session.flush()
        for code in (mail, mail.upper(), "yk-1"):
            heard: dict[str, Any] = {"parcel_id": "par_1", "status": "lost", "at": now, "recorded_at": now}
            work.session.add(tables.ParcelEvent(**heard, source_id=code, carrier_status="Ayşe aldı"))
            work.session.add(tables.Receipt(**own, id=f"rec_{code}"[:9], scan_id=code, doc={}))
            money: dict[str, Any] = {"tender": "card", "amount": 1, "currency": "TRY"}
            work.session.add(tables.Payment(**own, **money, id=f"pay_{code}"[:9], reference=code))
    assert api.post("/privacy/erasures", {"email": mail}, desk).status_code == 201
    assert traces.in_tables(database.url, [mail.lower(), "Ayşe aldı"], but=frozenset({"restricted"})) == []
    for table, name in ((tables.ParcelEvent, "source_id"), (tables.Receipt, "scan_id"), (tables.Payment, "reference")):
        with database.read() as work:
            codes = list(work.conn.execute(sa.select(tables.table(table).c[name])).scalars())
        assert sorted(code.partition(" ")[0] for code in codes) == ["erased", "erased", "yk-1"]
        assert len(set(codes)) == len(codes)


def test_who_asks_is_told_what_of_them_cannot_be_read(
    api: Api, desk: Headers, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One paper of theirs is damaged: everything else goes, what failed is named, and mended it goes too."""
    monkeypatch.setattr(privacy_run, "BATCH", 2)
    for number in range(3):
        bought(api, desk, str(number), email="ayse@example.com")
    mine = sa.and_(ORDERS.c.store_id == api.store_id, ORDERS.c.number == "1")
    with database.write() as work:
        key, doc = work.conn.execute(sa.select(ORDERS.c.id, ORDERS.c.doc).where(mine)).one()
        work.conn.execute(sa.update(ORDERS).where(mine).values(doc="{}"))
    who, named = {"email": "ayse@example.com"}, [{"id": key, "error": "ValidationError"}]
    foreseen = api.post("/privacy/erasures/preview", who, desk).json()
    assert (len(foreseen["matters"]), foreseen["open"], foreseen["failed"]) == (3, [], named)
    told = api.post("/privacy/export", who, desk).json()
    assert (len(told["matters"]), told["failed"]) == (2, named)
    asked = api.post("/privacy/erasures", who, desk).json()
    assert (len(asked["matters"]), asked["open"], asked["failed"], asked["state"]) == (3, [key], named, "waiting")
    gone = [api.get(f"/orders/{number}", desk).json().get("erased") for number in (0, 2)]
    assert gone == [True, True]
    for dry in (True, False):
        report = api.post("/privacy/runs", {"dry_run": dry}, desk).json()
        assert (report["failed"], report["destroyed"]) == (named, [])
    with database.write() as work:
        work.conn.execute(sa.update(ORDERS).where(mine).values(doc=doc))
    assert api.post("/privacy/runs", {}, desk).json()["failed"] == []
    shown = api.get(f"/privacy/erasures/{asked['id']}", desk).json()
    assert (shown["state"], shown["open"], shown["failed"]) == ("restricted", [], [])
    assert api.get("/orders/1", desk).json()["erased"]


class _ShelfError(Exception):
    """What a place for files may raise: a class of its own."""


class _Shelf:
    """Where files lie; one folder of it cannot be emptied."""

    def __init__(self, real: Any, stuck: str) -> None:
        self._real, self._stuck = real, stuck

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)

    def delete_scope(self, scope: str) -> int:
        """Empty a folder."""
        if scope == self._stuck:
            raise _ShelfError
        return int(self._real.delete_scope(scope))


def test_neither_a_file_nor_a_store_holds_up_the_run(api: Api, desk: Headers, database: Database) -> None:
    """Whatever is raised at one return, or at one store as a whole, is named and counted; all others are done."""
    stuck, gone = ended(api, desk, "1001"), ended(api, desk, "1002", email="b@example.com")
    later(api, 1)
    real = api.services.ports.files
    api.services.ports = msgspec.structs.replace(cast("Providers", api.services.ports), files=_Shelf(real, stuck["id"]))
    failed = {"chore": "privacy"}
    before = counts.REGISTRY.get_sample_value("rma_chore_failures_total", failed) or 0
    assert privacy_run.chore(api.services) == 0
    assert counts.REGISTRY.get_sample_value("rma_chore_failures_total", failed) == before + 1
    files = tables.table(tables.Evidence)
    with database.read() as work:
        left = work.conn.execute(sa.select(files.c.return_id).where(files.c.destroyed_at.is_(None))).scalars().all()
    assert left == [stuck["id"]] != [gone["id"]]
    api.services.ports = msgspec.structs.replace(api.services.ports, files=real)
    other = api.other_id
    assert api.store_id < other
    with database.write() as work:
        locked: dict[str, Any] = {"matter": "ord_1", "record": "books", "article": "VUK", "value": "{}"}
        locked |= {"id": work.new_id("rst"), "store_id": other, "created_at": work.real_now}
        locked["until"] = work.real_now.date() - timedelta(2)
        work.session.add(tables.Restricted(**locked))
        work.conn.execute(sa.text("UPDATE stores SET retention = '[]' WHERE id = :id"), {"id": api.store_id})
    fresh = create_services(api.services.settings, database=database)
    report = privacy_run.run(fresh)
    assert [(one.id, one.error) for one in report.failed] == [(api.store_id, "ValidationError")]
    assert [(one.record, one.count) for one in report.destroyed] == [("books", 1)]


def test_an_erased_order_that_comes_again_names_nobody(api: Api, desk: Headers, database: Database) -> None:
    """A later snapshot brings back no name of its person in any text, and no address; nor does a later delivery."""
    ended(api, desk, "1001")
    assert api.post("/privacy/erasures", {"email": "ayse@example.com"}, desk).status_code == 201
    body = {name: value for name, value in api.get("/orders/1001", desk).json().items() if name in snapshot()}
    first, *others = body["lines"]
    for customer, mug in ((snapshot()["customer"], "Kupa: Ayşe Yılmaz"), (None, "Kupa (AYSE@example.com)")):
        again = body | {"number": "1001", "customer": customer, "lines": [first | {"name": mug}, *others]}
        content = json.dumps(again).encode()
        reports = [api.post("/orders/import", None, desk | LINES, content=content).json() for _ in range(2)]
        assert [(one["updated"], one["unchanged"]) for one in reports] == [(1, 0), (0, 1)]
        shown = api.get("/orders/1001", desk).json()
        assert (shown["erased"], "erased" in shown["lines"][0]["name"]) == (True, True)
    late = {"id": "d9", "delivered_at": datetime.now(UTC).isoformat(), "tracking": "AYSE@example.com", "carrier": "PTT"}
    told = api.post("/orders/1001/deliveries", late, desk)
    assert (told.status_code, told.json()["tracking"], told.json()["carrier"]) == (201, "erased", "PTT")
    assert traces.in_tables(database.url, MARKS[:2], but=frozenset({"restricted"})) == []
