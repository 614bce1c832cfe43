"""Privacy over HTTP and the periodic run: what is due goes by itself, once, whatever happens on the way."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

from rma.db import tables
from rma.services import background, privacy_run
from rma.services.verify import verify
from tests.support import traces
from tests.support.desk import photo
from tests.support.program import Program
from tests.support.snapshots import line as goods
from tests.support.snapshots import snapshot

if TYPE_CHECKING:
    from rma.db.session import Database
    from tests.api.conftest import Api, Headers

MARKS = ("ayse@example.com", "Ayşe Yılmaz", "Moda Cad. 1")
LINES = {"Content-Type": "application/x-ndjson"}
STORES, KEYS, ORDERS = (tables.table(one) for one in (tables.Store, tables.Key, tables.Order))
PARCEL: dict[str, Any] = {"direction": "inbound", "state": "requested", "method": "own_carrier", "lines": []}
PARCEL |= {"doc": {}, "created_at": datetime.now(UTC), "updated_at": datetime.now(UTC)}
_KILLED = """
import os, signal, sys
import msgspec
from rma.app import create_services
from rma.services import privacy_run
from rma.settings import Settings

class Files:
    def __init__(self, real):
        self._real, self._left = real, 2
    def __getattr__(self, name):
        return getattr(self._real, name)
    def delete_scope(self, scope):
        self._left -= 1
        if self._left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return self._real.delete_scope(scope)

services = create_services(Settings())
services.ports = msgspec.structs.replace(services.ports, files=Files(services.ports.files))
privacy_run.BATCH = 1
privacy_run.run(services)
"""


@pytest.fixture
def desk(api: Api) -> Headers:
    """A key that files returns and looks after personal data."""
    api.services.effects.prepare()
    scopes = ("orders:write", "orders:read", "returns:read", "returns:write", "evidence:read", "privacy")
    return api.key(*scopes)


def bought(api: Api, desk: Headers, number: str, *, email: str, **more: Any) -> None:
    """An order that came two days ago."""
    now = datetime.now(UTC)
    came = {"id": "d1", "delivered_at": (now - timedelta(days=2)).isoformat(), "lines": []}
    customer = snapshot()["customer"] | {"email": email}
    body = snapshot(ordered_at=(now - timedelta(days=7)).isoformat(), deliveries=[came], customer=customer) | more
    body["customer"] = customer | more.get("customer", {})
    assert api.client.put(f"/api/v1/orders/{number}", json=body, headers=desk).status_code == 201


def ended(
    api: Api, desk: Headers, number: str, *, email: str = "Ayse@Example.com", order: Any = None, **more: Any
) -> Any:
    """A return with a photo and a word, cancelled by its customer."""
    bought(api, desk, number, email=email, **(order or {}))
    want = {"order_line_id": "1", "quantity": 1, "outcome": "refund", "note": "Moda Cad. 1, 2. kat"}
    asked = {"order_number": number, "kind": "withdrawal", "lines": [want], "method": "drop_off_code"} | more
    filed = api.post("/returns", asked, desk).json()
    link = {"Authorization": f"Link {filed['link']['token']}"}
    file = {"file": ("Ayşe Yılmaz.jpg", photo(), "image/jpeg")}
    case = f"/returns/{filed['id']}"
    sent = api.post(f"{case}/evidence", None, link, data={"kind": "photo"}, files=file)
    assert sent.status_code == 201, sent.text
    assert api.post(f"{case}/messages", {"text": "Ben Ayşe Yılmaz"}, link).status_code == 201
    assert api.post(f"{case}/actions/cancel", {"reason": "vazgeçtim"}, link).status_code == 200
    return filed


def later(api: Api, days: int) -> None:
    """The store's clock stands so many days ahead of real time."""
    with api.services.database.write() as work:
        work.conn.execute(sa.update(STORES).where(STORES.c.id == api.store_id).values(clock_offset=days * 86_400.0))


def run(api: Api, desk: Headers, *, dry: bool = False) -> dict[str, int]:
    """What a run destroyed, by class."""
    answer = api.post("/privacy/runs", {"dry_run": dry}, desk)
    assert answer.status_code == 200, answer.text
    return {one["record"]: one["count"] for one in answer.json()["destroyed"]}


def logged(api: Api, desk: Headers) -> Counter[str]:
    """What the destruction log counts, by class."""
    found: Counter[str] = Counter()
    for line in api.get("/privacy/destructions", desk).json()["items"]:
        found[line["record"]] += line["count"]
    return found


def test_everything_goes_by_itself_when_its_time_has_come(api: Api, desk: Headers, database: Database) -> None:
    """Nobody asks: photos go on the day after the end, the rest three years later; a dry run says the same before."""
    filed = ended(api, desk, "1001")
    assert run(api, desk) == {}
    assert len(api.get(f"/returns/{filed['id']}/evidence", desk).json()["items"]) == 1
    later(api, 1)
    assert run(api, desk, dry=True) == {"evidence": 1}
    assert run(api, desk) == {"evidence": 1}
    assert run(api, desk) == {}
    [line] = api.get("/privacy/destructions", desk).json()["items"]
    assert (line["record"], line["count"], line["files"], line["article"]) == ("evidence", 1, 1, "KVKK m.7")
    assert api.get(f"/returns/{filed['id']}/evidence", desk).json()["items"] == []
    assert list((api.services.settings.data_dir / "files").rglob("*/*/*")) == []
    later(api, 370)
    assert run(api, desk) == {}
    assert api.get("/orders/1001", desk).json()["customer"]["email"] == "Ayse@Example.com"
    later(api, 3 * 366 + 2)
    foreseen = run(api, desk, dry=True)
    assert foreseen.keys() == {"messages", "withdrawal"}
    assert run(api, desk) == foreseen
    assert run(api, desk) == {}
    assert traces.in_tables(database.url, MARKS) == []
    assert verify(database).faulty == 0
    lines = api.get("/privacy/destructions", desk).json()["items"]
    assert [(one["record"], one["files"], one["article"]) for one in lines] == [
        ("messages", 0, "Ticari İletişim Yönetmeliği m.13"),
        ("withdrawal", 0, "MSY m.20/1"),
    ]
    later(api, 7 * 366)
    assert run(api, desk) == {}
    assert logged(api, desk) == Counter()


def test_a_run_that_was_killed_is_simply_run_again(api: Api, desk: Headers, database: Database) -> None:
    """Killed in the middle of its second batch, a run has counted the first; the next one does and counts the rest."""
    for number in ("1001", "1002", "1003"):
        ended(api, desk, number)
    later(api, 1)
    own = {"RMA_DATABASE_URL": database.url, "RMA_DATA_DIR": str(api.services.settings.data_dir)}
    killed = subprocess.run([sys.executable, "-c", _KILLED], env=os.environ | own, check=False, timeout=120)
    assert killed.returncode == -signal.SIGKILL
    assert logged(api, desk) == Counter(evidence=1)
    assert run(api, desk) == {"evidence": 2}
    assert logged(api, desk) == Counter(evidence=3)
    assert list((api.services.settings.data_dir / "files").rglob("*/*/*")) == []


def test_two_runs_at_once_destroy_everything_once(
    api: Api, desk: Headers, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of two runs one waits for the other's batch: the log counts every photo once."""
    monkeypatch.setattr(privacy_run, "BATCH", 1)
    for number in ("1001", "1002", "1003"):
        ended(api, desk, number)
    later(api, 1)
    with ThreadPoolExecutor(2) as both:
        reports = list(both.map(lambda _: privacy_run.run(api.services), range(2)))
    assert sum(one.count for report in reports for one in report.destroyed) == 3
    assert logged(api, desk) == Counter(evidence=3)
    assert verify(database).faulty == 0


def test_an_erasure_is_done_once_and_found_again(api: Api, desk: Headers) -> None:
    """A repeated request answers the same bytes; another store sees neither the person nor the request."""
    ended(api, desk, "1001")
    ended(api, desk, "1002", email="someone.else@example.com")
    who, key = {"email": "ayse@EXAMPLE.com"}, desk | {"Idempotency-Key": "once", "Accept-Language": "tr"}
    first = api.post("/privacy/erasures", who, key)
    again = api.post("/privacy/erasures", who, key)
    assert (first.status_code, first.content) == (201, again.content)
    made = first.json()
    assert (made["state"], len(made["matters"])) == ("restricted", 1)
    texts = {one["record"]: one["text"] for one in made["answers"]}
    assert texts["evidence"] == "Fotoğraflar ve belgeler: silindi."
    assert "MSY m.20/1 gereği" in texts["withdrawal"]
    assert api.get("/orders/1001", desk).json()["erased"]
    assert api.get("/orders/1002", desk).json()["customer"]["email"] == "someone.else@example.com"
    assert [one["id"] for one in api.get("/privacy/erasures", desk).json()["items"]] == [made["id"]]
    assert api.get("/privacy/erasures", desk, params={"state": "erased"}).json()["items"] == []
    foreign = api.key("privacy", store_id=api.other_id)
    assert api.get(f"/privacy/erasures/{made['id']}", foreign).status_code == 404
    assert api.post("/privacy/export", {"request_id": made["id"]}, foreign).status_code == 404
    assert api.post("/privacy/export", who, foreign).json()["matters"] == []
    assert api.post("/privacy/export", who, api.key("returns:read")).json()["code"] == "scope_missing"


def test_whatever_a_person_is_called_their_papers_mean_the_same_afterwards(api: Api, desk: Headers) -> None:
    """A name that is also a year, a currency, a code or a number takes nothing but itself out of what is free text."""
    names = ("2026", "TRY", "10 00", "card goods withdrawal cancelled true", "Ali Can")
    shown: list[Any] = []
    for at, name in enumerate(names):
        who = {"customer": {"name": name, "phone": "2026 03 01", "reference": None}, "ship_to": {"country": "TR"}}
        lines = [goods("1", name=f"{name} 2026"), goods("Ali", sku="Can", tags=["ali"], category="can")]
        filed = ended(api, desk, str(at), email=f"{at}@example.com", order=who | {"lines": lines, "total": None})
        shown.append((filed["id"], api.get(f"/orders/{at}", desk).json()))
    with api.services.database.write() as work:
        own = {"id": "par_1", "store_id": api.store_id, "return_id": shown[-1][0], "carrier": "Ali & " * 10}
        work.session.add(tables.Parcel(**PARCEL, **own))
    for at in range(len(names)):
        assert api.post("/privacy/erasures", {"email": f"{at}@example.com"}, desk).json()["state"] == "restricted"
    assert len(api.get("/orders", desk).json()["items"]) == len(names)
    for at, (return_id, before) in enumerate(shown):
        after = api.get(f"/orders/{at}", desk).json()
        same = before.keys() - {"customer", "ship_to", "lines", "erased", "version", "updated_at"}
        assert {name: after[name] for name in same} == {name: before[name] for name in same}
        told = [{**one, "name": ""} for one in before["lines"]]
        assert [{**one, "name": ""} for one in after["lines"]] == told
        assert api.get(f"/returns/{return_id}", desk).status_code == 200
    said = ["2026 2026", "erased 2026", "10 00 2026", "erased 2026", "erased 2026"]
    assert [api.get(f"/orders/{at}", desk).json()["lines"][0]["name"] for at in range(len(names))] == said
    report = api.post("/privacy/runs", {}, desk).json()
    assert (report["destroyed"], report["failed"]) == ([], [])


def test_a_person_is_found_however_they_are_spelt(api: Api, desk: Headers, database: Database) -> None:
    """Order, case, marks, i and ı, two spaces, one word alone, the parts of a number: nothing of them is left."""
    spelt = ("Yılmaz, Ayşe", "A. Yılmaz", "Ayşe  YILMAZ", "Ayse Yilmaz", "AYŞE'ye", "Ays\u0327e", "kupa_ayse.png")
    numbers = ("+90 532 123 45 67", "0532 1234567", "(532) 123-45-67", "tel.905321234567")
    texts = (*spelt, *numbers, "Ayşegül 2026", "AYS\u0327E@example.com")
    lines = [goods(str(at), name=text) for at, text in enumerate(texts)]
    who = {"phone": "+905321234567", "name": "Ayşe Yılmaz"}
    ended(api, desk, "1001", email="ayşe@example.com", order={"lines": lines, "total": None, "customer": who})
    assert api.post("/privacy/erasures", {"email": "ayşe@example.com"}, desk).status_code == 201
    names = [one["name"] for one in api.get("/orders/1001", desk).json()["lines"]]
    assert names == [
        *("erased", "A. erased", "erased", "erased", "erased'ye", "erased", "kupa_erased.png"),
        *("erased", "erased", "erased", "tel.erased", "Ayşegül 2026", "erased"),
    ]
    assert traces.in_tables(database.url, ["yilmaz", "yılmaz", "1234567"], but=frozenset({"restricted"})) == []


def test_a_run_goes_on_where_one_paper_cannot_be_read(
    api: Api, desk: Headers, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is damaged is named and left whole, every other goes; mended, it goes with the next run."""
    monkeypatch.setattr(privacy_run, "BATCH", 2)
    for number in range(4):
        bought(api, desk, str(number), email=f"{number}@example.com")
    later(api, 4 * 366)
    mine = sa.and_(ORDERS.c.store_id == api.store_id, ORDERS.c.number == "1")
    with database.write() as work:
        key, doc = work.conn.execute(sa.select(ORDERS.c.id, ORDERS.c.doc).where(mine)).one()
        work.conn.execute(sa.update(ORDERS).where(mine).values(doc="{}"))
    for dry, gone in ((True, [3]), (False, [3]), (False, [])):
        report = api.post("/privacy/runs", {"dry_run": dry}, desk).json()
        assert report["failed"] == [{"id": key, "error": "ValidationError"}]
        assert [one["count"] for one in report["destroyed"]] == gone
    left = [str(number) for number in range(4) if not api.get(f"/orders/{number}", desk).json().get("erased")]
    assert (left, logged(api, desk)) == (["1"], Counter(withdrawal=3))
    with database.write() as work:
        work.conn.execute(sa.update(ORDERS).where(mine).values(doc=doc))
        locked: dict[str, Any] = {"store_id": api.store_id, "matter": "ord_1", "record": "books", "article": "VUK"}
        for kept in ("{}", "{", "{}"):
            locked |= {"id": work.new_id("rst"), "until": work.real_now.date(), "created_at": work.real_now}
            work.session.add(tables.Restricted(**locked, value=kept))
    report = api.post("/privacy/runs", {}, desk).json()
    assert [one["error"] for one in report["failed"]] == ["DecodeError"]
    assert {one["record"]: one["count"] for one in report["destroyed"]} == {"withdrawal": 1, "books": 2}


def test_a_return_on_somebody_elses_order_is_erased_alone(api: Api, desk: Headers, database: Database) -> None:
    """Who filed on another's order is forgotten with the return; the other's order stays, and the export says so."""
    filed = ended(api, desk, "1001", contact={"email": "Guest@Example.com"})
    who = {"email": "guest@example.com"}
    [held] = api.post("/privacy/export", who, desk).json()["matters"]
    assert (held["id"], held["order"], held["returns"][0]["contact"]["email"]) == (
        filed["id"],
        None,
        "Guest@Example.com",
    )
    assert {one["record"]: one["article"] for one in held["kept"]}["withdrawal"] == "MSY m.20/1"
    assert api.post("/privacy/erasures", who, desk).json()["matters"] == [filed["id"]]
    assert traces.in_tables(database.url, ["guest@example.com"], but=frozenset({"restricted"})) == []
    assert api.get("/orders/1001", desk).json()["customer"]["email"] == "Ayse@Example.com"
    later(api, 4 * 366)
    assert run(api, desk).keys() >= {"withdrawal", "messages"}
    assert traces.in_tables(database.url, ["guest@example.com", *MARKS]) == []
    assert {one["state"] for one in api.get("/privacy/erasures", desk).json()["items"]} == {"erased"}


def test_word_of_a_strangers_withdrawal_goes_with_the_person_it_went_to(
    api: Api, desk: Headers, database: Database
) -> None:
    """A mailbox that was told what another address declared for its order is exported and forgotten with the order."""
    ended(api, desk, "1001")
    typed = {"name": "Can", "order_number": "1001", "electronic_address": "can@example.com"}
    token = api.client.post("/api/v1/stores/shop/withdrawals", json=typed).json()["token"]
    assert api.client.post(f"/api/v1/stores/shop/withdrawals/{token}/confirm").status_code == 200
    background.catch_up(api.services, api.store_id)
    who = {"email": "ayse@example.com"}
    [held] = api.post("/privacy/export", who, desk).json()["matters"]
    assert [one["recipient"] for one in held["messages"] if one["kind"] == "withdrawal_reported"] == [who["email"]]
    assert api.post("/privacy/erasures", who, desk).json()["state"] == "restricted"
    assert traces.in_tables(database.url, list(MARKS), but=frozenset({"restricted"})) == []
    assert traces.in_tables(database.url, ["can@example.com"]) != []


def test_people_of_the_shop_and_strangers_goods_have_an_end_too(api: Api, desk: Headers, database: Database) -> None:
    """Words on unannounced goods go after a year, the address of a key's person ten years after the key has ended."""
    minted = api.key("receiving:write", person="depo@example.com")
    unknown = {"shelf": "A-1", "sender": "Ayşe Yılmaz", "description": "Moda Cad. 1 yazıyor"}
    assert api.post("/receipts/unknown", unknown, minted).status_code == 201
    with database.write() as work:
        over = {"revoked_at": datetime.now(UTC)}
        work.conn.execute(sa.update(KEYS).where(KEYS.c.person == "depo@example.com").values(**over))
    later(api, 300)
    assert run(api, desk) == {}
    later(api, 400)
    assert run(api, desk) == {"unannounced": 1}
    later(api, 12 * 366)
    assert run(api, desk) == {"staff": 1}
    assert traces.in_tables(database.url, ["depo@example.com", *MARKS]) == []
    assert verify(database).faulty == 0


@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    ("path", "body", "places"),
    [
        ("/privacy/erasures", {}, ["email"]),
        ("/privacy/erasures", {"email": "nobody", "customer_reference": ""}, ["email", "customer_reference"]),
        ("/privacy/erasures/preview", {"email": 7}, ["email"]),
        ("/privacy/erasures", {"mail": "a@b.example"}, ["mail"]),
        ("/privacy/export", {"email": "a@b.example", "request_id": "prv_1"}, ["request_id"]),
        ("/privacy/export.zip", {"customer_reference": "x\u0007"}, ["customer_reference"]),
        ("/privacy/runs", {"dry_run": "yes"}, ["dry_run"]),
    ],
)
def test_bad_input_is_named(api: Api, path: str, body: Any, places: list[str]) -> None:
    """Every wrong field is named and nothing is written."""
    key = api.key("privacy")
    answer = api.post(path, body, key)
    assert (answer.status_code, [one["path"] for one in answer.json()["errors"]]) == (422, places)
    assert api.get("/privacy/erasures", key).json()["items"] == []


@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
def test_a_store_shortens_what_no_law_asks_for(api: Api) -> None:
    """Feedback and the wait of photos may be shortened, never lengthened; a law's duty is no setting."""
    admin = api.key("admin")
    patch = api.client.patch
    good = patch("/api/v1/stores/shop", json={"retention": {"feedback_months": 1, "appeal_days": 0}}, headers=admin)
    assert good.json()["retention"] == {"feedback_months": 1, "appeal_days": 0}
    for wrong, place in (({"feedback_months": 13}, "feedback_months"), ({"withdrawal": 1}, "withdrawal")):
        bad = patch("/api/v1/stores/shop", json={"retention": wrong}, headers=admin)
        assert (bad.status_code, bad.json()["errors"][0]["path"]) == (422, f"retention.{place}")


@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
def test_the_command_line_does_the_same(api: Api, desk: Headers, database: Database, tmp_path: Path) -> None:
    """``rma privacy`` exports, shows what an erasure would do, erases, runs and shows the log."""
    ended(api, desk, "1001")
    program = Program(api.services.settings.data_dir, database.url)

    def rma(*words: str) -> str:
        return program.call("privacy", *words).stdout

    target = tmp_path / "ayse.json"
    rma("export", str(target), "--store", "shop", "--email", "ayse@example.com")
    assert "Ayşe Yılmaz" in target.read_text(encoding="utf-8")
    who = ("--store", "shop", "--email", "ayse@example.com", "--language", "tr")
    assert "Fotoğraflar ve belgeler: silindi." in rma("erase", *who, "--dry-run")
    assert "restricted" in rma("erase", *who)
    later(api, 4 * 366)
    assert "withdrawal: 1" in rma("run")
    assert "(MSY m.20/1)" in rma("log", "--store", "shop")
