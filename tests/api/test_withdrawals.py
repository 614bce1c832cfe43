"""The withdrawal function over HTTP: two steps without a key, the receipt, and what staff does."""

from __future__ import annotations

import itertools
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pypdfium2
import pytest
import sqlalchemy as sa

from rma.db import tables, wire
from rma.services import background, withdrawals
from rma.services.limits import Limiter, Rate
from rma.services.verify import verify
from rma.settings import Settings
from tests.support.cases import RETURNS, cases
from tests.support.snapshots import line, money, snapshot

if TYPE_CHECKING:
    from tests.api.conftest import Api, Headers

EMAIL = "Ayse@Example.com"
TYPED = {"name": "Ayşe Yılmaz", "order_number": "1001", "electronic_address": EMAIL}
RECEIPT = {*TYPED, "lines", "statement", "declared_at", "date", "time", "timezone"}


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Answers leave at once: their time is proven elsewhere."""
    return Settings(data_dir=tmp_path, access_log=False, even_seconds=0)


@pytest.fixture
def desk(api: Api) -> Headers:
    """A key of the store's staff, which also sends orders."""
    api.services.effects.prepare()
    return api.key("orders:write", "orders:read", "returns:read", "returns:write", "events:read")


def order(api: Api, desk: Headers, number: str = "1001", **changes: Any) -> None:
    """An order of three shirts, delivered two days ago."""
    now = datetime.now(UTC)
    came = {"id": "d1", "delivered_at": (now - timedelta(days=2)).isoformat(), "lines": []}
    body = snapshot(ordered_at=(now - timedelta(days=7)).isoformat(), deliveries=[came], **changes)
    put = api.client.put(f"/api/v1/orders/{number}", json=body, headers=desk)
    assert put.status_code == 201, put.text


def begin(api: Api, headers: Headers | None = None, **changes: Any) -> str:
    """The token of the first step."""
    answer = api.client.post("/api/v1/stores/shop/withdrawals", json=TYPED | changes, headers=headers)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["token"])


def confirm(api: Api, token: str) -> Any:
    """The receipt of the second step."""
    answer = api.client.post(f"/api/v1/stores/shop/withdrawals/{token}/confirm")
    assert answer.status_code == 200, answer.text
    return answer.json()


def declared(api: Api, desk: Headers, **filters: str) -> list[dict[str, Any]]:
    """Withdrawals as staff sees them."""
    answer = api.get("/withdrawals", desk, params=filters)
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["items"]
    return found


def mails(api: Api, desk: Headers, kind: str) -> list[dict[str, Any]]:
    """Everything of this kind that was written."""
    background.catch_up(api.services, api.store_id)
    found: list[dict[str, Any]] = api.get("/outbox", desk, params={"kind": kind}).json()["items"]
    return found


def test_s30_twice_with_no_reason_for_an_unknown_order(api: Api, desk: Headers) -> None:
    """One record and one acknowledgement, accepted without a reason; nothing tells that there is no such order."""
    assert "one record and one acknowledgement" in cases(RETURNS)["S30"].expected
    receipts = [confirm(api, begin(api, order_number="nobody's")) for _ in range(2)]
    assert receipts[0] == receipts[1]
    assert receipts[0].keys() == RECEIPT
    (record,) = declared(api, desk)
    assert (record["state"], record["return_id"]) == ("unmatched", None)
    (mail,) = mails(api, desk, "withdrawal_acknowledged")
    assert mail["to"] == EMAIL
    assert declared(api, desk)[0]["acknowledged_at"] is not None


def test_the_first_step_declares_nothing(api: Api, desk: Headers) -> None:
    """A token and the words of the buttons are answered; staff sees nothing, nobody gets a mail or a receipt."""
    order(api, desk)
    answer = api.client.post("/api/v1/stores/shop/withdrawals", json=TYPED, headers={"Accept-Language": "de-AT"})
    body = answer.json()
    assert (answer.status_code, body["declared"]) == (201, False)
    assert (body["buttons"]["withdraw"], body["buttons"]["confirm"]) == ("Vertrag widerrufen", "Widerruf bestätigen")
    assert declared(api, desk) == []
    assert mails(api, desk, "withdrawal_acknowledged") == []
    assert api.get(f"/stores/shop/withdrawals/{body['token']}/receipt.pdf").status_code == 404


def test_a_match_becomes_a_return_at_once(api: Api, desk: Headers) -> None:
    """With the order's number and e-mail the whole order is filed as a withdrawal of the instant it was declared."""
    order(api, desk)
    receipt = confirm(api, begin(api, order_number="#1001", electronic_address="ayse@example.com"))
    assert receipt["declared_at"].endswith("+03:00")
    assert (receipt["date"], receipt["time"]) == tuple(receipt["declared_at"][:19].split("T"))
    (record,) = declared(api, desk, state="matched", order_number="1001", filed="true")
    filed = api.get(f"/returns/{record['return_id']}", desk).json()
    assert (filed["kind"], filed["order_number"], filed["state"]) == ("withdrawal", "1001", "awaiting_parcel")
    assert [(one["order_line_id"], one["requested"]) for one in filed["lines"]] == [("1", 3)]
    assert filed["parcels"] == []
    seen = declared(api, desk, return_id=record["return_id"])
    assert [one["id"] for one in seen] == [record["id"]]
    (mail,) = mails(api, desk, "return_requested")
    assert mail["to"] == EMAIL
    events = [event for event in api.get("/events", desk).json()["items"] if event["stream"] == record["id"]]
    assert [event["type"] for event in events] == [
        "withdrawal.declared",
        "withdrawal.matched",
        "withdrawal.acknowledged",
    ]
    assert events[0]["data"]["name"] == "Ayşe Yılmaz"
    assert events[1]["data"]["return_id"] == record["return_id"]
    assert verify(api.services.database).faults == []


def test_personal_values_stand_apart_from_the_hash(api: Api) -> None:
    """Nothing that was typed stands in the hashed body of an event."""
    confirm(api, begin(api, statement="Beğenmedim", lines=[{"sku": "GİZLİ-1", "quantity": 1}]))
    events = tables.table(tables.Event)
    with api.services.database.read() as work:
        query = sa.select(events.c.body).where(events.c.type == "withdrawal.declared")
        body = str(work.conn.execute(query).scalar_one())
    assert not [text for text in (*TYPED.values(), "Beğenmedim", "GİZLİ") if text in body]


def _listening(send: Any, sent: list[str]) -> Any:
    def heard(self: Any, batch: Any) -> Any:
        sent.extend(one.sql for one in batch)
        return send(self, batch)

    return heard


def test_unknown_order_and_other_address_cost_the_same(
    api: Api, desk: Headers, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The answers differ in nothing but what was typed, and the same statements are sent for both."""
    order(api, desk)
    sent: list[str] = []
    sa.event.listen(api.services.database.engine, "before_cursor_execute", lambda *args: sent.append(args[2]))
    for kind, name in itertools.product((wire.SqliteWire, wire.PostgresWire), ("send", "commit")):
        monkeypatch.setattr(kind, name, _listening(getattr(kind, name), sent))
    shapes, statements = [], []
    for number, name in (("1001", "Ece"), ("7777", "Efe"), ("1001", "Eda"), ("7777", "Eva")):
        token = begin(api, order_number=number, electronic_address="baska@example.com", name=name)
        sent.clear()
        answer = api.client.post(f"/api/v1/stores/shop/withdrawals/{token}/confirm")
        statements.append(list(sent))
        shapes.append((answer.status_code, len(answer.content), sorted(answer.headers)))
    assert len(set(map(str, shapes[2:]))) == 1
    assert statements[2] == statements[3]
    assert len(statements[0]) > 5


def test_another_address_is_told_to_the_order_s_own(api: Api, desk: Headers) -> None:
    """The order's mailbox hears of it, the typed one gets its receipt only, and no label goes anywhere."""
    order(api, desk)
    confirm(api, begin(api, electronic_address="baska@example.com"))
    (record,) = declared(api, desk, state="unmatched")
    assert [mail["to"] for mail in mails(api, desk, "withdrawal_acknowledged")] == ["baska@example.com"]
    (told,) = mails(api, desk, "withdrawal_reported")
    assert told["to"] == "ayse@example.com"
    assert "baska@example.com" not in told["text"]
    answer = api.post(f"/withdrawals/{record['id']}/match", {"order_number": "1001"}, desk)
    assert (answer.status_code, answer.json()["state"], answer.json()["matched_order"]) == (200, "matched", "1001")
    filed = api.get(f"/returns/{answer.json()['return_id']}", desk).json()
    assert (filed["state"], filed["parcels"]) == ("awaiting_parcel", [])
    background.catch_up(api.services, api.store_id)
    to = {(mail["kind"], mail["to"]) for mail in api.get("/outbox", desk).json()["items"]}
    assert to == {
        ("withdrawal_acknowledged", "baska@example.com"),
        ("withdrawal_reported", "ayse@example.com"),
        ("return_requested", "Ayse@Example.com"),
    }


def test_a_late_match_counts_from_the_declaration(api: Api, desk: Headers) -> None:
    """Declared on the last day and matched a week later, it is in time: the notice counts, not who reads it when."""
    confirm(api, begin(api, order_number="geç"))
    (record,) = declared(api, desk)
    moved = api.post("/test-clock", {"advance": "P20D"}, desk)
    assert moved.status_code == 200, moved.text
    order(api, desk)
    matched = api.post(f"/withdrawals/{record['id']}/match", {"order_number": "1001"}, desk).json()
    filed = api.get(f"/returns/{matched['return_id']}", desk).json()
    assert (filed["state"], filed["lines"][0]["basis"]) == ("awaiting_parcel", "statutory")
    assert matched["declared_at"] == record["declared_at"]


def test_matching_is_refused_where_it_cannot_be_right(api: Api, desk: Headers) -> None:
    """Unknown orders and withdrawals, another store's key, an old version and a second match are refused."""
    order(api, desk)
    confirm(api, begin(api, order_number="yok"))
    (record,) = declared(api, desk)
    url = f"/withdrawals/{record['id']}/match"
    foreign = api.key("returns:write", "returns:read", store_id=api.other_id)
    assert api.post(url, {"order_number": "4711"}, desk).status_code == 404
    assert api.post(url, {"order_number": "1001"}, foreign).status_code == 404
    assert api.get(f"/withdrawals/{record['id']}", foreign).status_code == 404
    assert api.post("/withdrawals/wdr_0/match", {"order_number": "1001"}, desk).status_code == 404
    assert api.post(url, {"order_number": ""}, desk).status_code == 422
    assert api.post(url, {"order_number": "1001"}, desk | {"If-Match": '"9"'}).status_code == 412
    assert api.post(url, {"order_number": "1001"}, desk | {"If-Match": '"1"'}).status_code == 200
    again = api.post(url, {"order_number": "1001"}, desk)
    assert (again.status_code, again.json()["code"]) == (409, "already_matched")
    assert api.get(f"/withdrawals/{record['id']}", desk).headers["etag"] == '"2"'


def test_what_cannot_be_filed_is_kept_and_shown(api: Api, desk: Headers) -> None:
    """A line that the law excepts, one that is unknown and units beyond those bought wait for staff with the reason."""
    custom = line("2", sku="MUG", quantity=1, attributes={"custom_made": True}, unit_price=money("10.00"))
    order(api, desk, lines=[line(), custom], total=money("329.90"))
    wanted = [{"sku": "TS-RED-M", "quantity": 5}, {"line": "2", "quantity": 1}, {"sku": "NONE", "quantity": 1}]
    confirm(api, begin(api, lines=wanted))
    (record,) = declared(api, desk)
    filed = api.get(f"/returns/{record['return_id']}", desk).json()
    assert [(one["order_line_id"], one["requested"]) for one in filed["lines"]] == [("1", 3)]
    left = {(one["code"], one["sku"], one["quantity"]) for one in record["not_filed"]}
    assert left == {("none_left", "TS-RED-M", 2), ("unknown_line", "NONE", 1), ("refused", "MUG", 1)}
    assert [reason["text"] for one in record["not_filed"] for reason in one["reasons"]] != []


def test_the_same_again_is_one_and_other_lines_are_another(api: Api, desk: Headers) -> None:
    """The same content is one record and one return; a line declared later makes a second of each."""
    order(api, desk)
    one = [{"sku": "TS-RED-M", "quantity": 1}]
    first = confirm(api, begin(api, lines=one))
    assert confirm(api, begin(api, lines=one, electronic_address=EMAIL.upper())) == first
    assert len(declared(api, desk)) == 1
    confirm(api, begin(api, lines=[{"sku": "TS-RED-M", "quantity": 2}]))
    records = declared(api, desk)
    assert len({record["return_id"] for record in records}) == 2
    confirm(api, begin(api, statement="hepsi"))
    last = declared(api, desk, filed="false")[0]
    assert (last["state"], last["why"], last["return_id"]) == ("matched", "nothing_left", None)
    assert len(mails(api, desk, "withdrawal_acknowledged")) == 3


def test_after_a_cancelled_return_the_same_words_count_again(api: Api, desk: Headers) -> None:
    """Who cancels and then withdraws once more in the same words has declared anew."""
    order(api, desk)
    confirm(api, begin(api))
    (record,) = declared(api, desk)
    body = {"consent": {"by": "phone"}, "reason": "vazgeçti"}
    cancelled = api.post(f"/returns/{record['return_id']}/actions/cancel", body, desk)
    assert cancelled.status_code == 200, cancelled.text
    confirm(api, begin(api))
    states = [api.get(f"/returns/{one['return_id']}", desk).json()["state"] for one in declared(api, desk)]
    assert states == ["cancelled", "awaiting_parcel"]


def test_two_confirms_at_once_are_one(api: Api, desk: Headers) -> None:
    """Pressed twice, or in two windows with the same content, there is one declaration, one return and one mail."""
    order(api, desk)
    tokens = [begin(api)] * 3 + [begin(api) for _ in range(3)]
    with ThreadPoolExecutor(6) as pool:
        receipts = list(pool.map(lambda token: confirm(api, token), tokens))
    assert all(receipt == receipts[0] for receipt in receipts)
    (record,) = declared(api, desk)
    assert record["return_id"] is not None
    assert len(api.get("/returns", desk).json()["items"]) == 1
    assert len(mails(api, desk, "withdrawal_acknowledged")) == 1


def test_the_receipt_is_the_same_on_paper_every_time(api: Api) -> None:
    """Content, date and time stand on it with every Turkish letter, and the bytes never change."""
    statement = "Iğdır'dan şöyle güçlü bir öğüt. " * 120
    token = begin(api, {"Accept-Language": "tr"}, statement=statement, lines=[{"line": "7", "quantity": 2}])
    receipt = confirm(api, token)
    url = f"/stores/shop/withdrawals/{token}/receipt.pdf"
    first, second = api.get(url), api.get(url, {"Accept-Language": "de"})
    assert (first.status_code, first.headers["content-type"]) == (200, "application/pdf")
    assert first.content == second.content
    pdf = pypdfium2.PdfDocument(BytesIO(first.content))
    text = " ".join("".join(pdf[n].get_textpage().get_text_range() for n in range(len(pdf))).split())
    for part in (receipt["declared_at"], receipt["time"], "Ayşe Yılmaz", "1001", EMAIL, "2 × satır 7"):
        assert part in text
    assert text.count("öğüt.") == 120
    assert api.other_id
    other = api.client.get(f"/api/v1/stores/other/withdrawals/{token}/receipt.pdf")
    assert other.status_code == 404


def test_i14_the_receipt_by_mail_in_the_reader_s_language(api: Api, desk: Headers) -> None:
    """The acknowledgement holds content, date and time, and a link to the receipt that works."""
    token = begin(api, {"Accept-Language": "de"}, statement="Hallo\nWelt")
    receipt = confirm(api, token)
    (mail,) = mails(api, desk, "withdrawal_acknowledged")
    assert (mail["locale"], mail["class"], mail["return_id"]) == ("de", "service", None)
    for part in ("Ayşe Yılmaz", "1001", EMAIL, "Die gesamte Bestellung", "Hallo", "Welt", receipt["time"]):
        assert part in mail["text"]
    link = mail["text"].split("http://")[1].split()[0].partition("/")[2]
    assert link == f"shop/withdraw/{token}"
    assert receipt["time"] in api.client.get(f"/{link}").text
    messages = tables.table(tables.Message)
    with api.services.database.read() as work:
        kept = work.conn.execute(sa.select(messages.c.text, messages.c.html)).all()
    assert not [row for row in kept if token in f"{row.text}{row.html}"]


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"name": ""}, "name"),
        ({"name": "x" * 201}, "name"),
        ({"name": "a\u0000b"}, "name"),
        ({"order_number": "x" * 129}, "order_number"),
        ({"electronic_address": "a@b.example\r\nBcc: c@d.example"}, "electronic_address"),
        ({"electronic_address": "x" * 250 + "@b.example"}, "electronic_address"),
        ({"statement": "x" * 4001}, "statement"),
        ({"lines": [{"sku": "A", "quantity": 0}]}, "lines[0].quantity"),
        ({"lines": [{"sku": "A", "quantity": 1}] * 101}, "lines"),
        ({"lines": [{"quantity": 1}]}, "lines[0]"),
        ({"reason": "no"}, "reason"),
        ({"order_number": None}, "order_number"),
    ],
)
@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
def test_bad_input_is_named_and_keeps_nothing(api: Api, changes: dict[str, Any], path: str) -> None:
    """What is too long, empty, unknown or holds what no text may is refused at its path, and no row is written."""
    answer = api.client.post("/api/v1/stores/shop/withdrawals", json=TYPED | changes)
    assert answer.status_code == 422, answer.text
    assert path in [error["path"] for error in answer.json()["errors"]]
    rows = tables.table(tables.Withdrawal)
    with api.services.database.read() as work:
        assert work.conn.execute(sa.select(sa.func.count()).select_from(rows)).scalar_one() == 0


def test_what_is_not_there_is_not_found(api: Api) -> None:
    """An unknown store, an unknown token and a token of another store are the same problem."""
    token = begin(api)
    assert api.client.post("/api/v1/stores/nobody/withdrawals", json=TYPED).status_code == 404
    for path in ("shop/withdrawals/none", f"other/withdrawals/{token}", f"nobody/withdrawals/{token}"):
        assert api.client.post(f"/api/v1/stores/{path}/confirm").status_code == 404
    assert api.client.post("/api/v1/stores/shop/withdrawals", content=b"{").status_code == 400
    assert api.get("/withdrawals", {}).status_code == 401


@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
def test_who_asks_too_often_waits(api: Api) -> None:
    """A network address and a mailbox have their bucket; the refusal says in Retry-After when to come back."""
    api.services.limits = Limiter({"address": Rate(10, 30), "network": Rate(10, 30), "recipient": Rate(2, 600)})
    for number in ("1", "2"):
        begin(api, order_number=number)
    full = api.client.post("/api/v1/stores/shop/withdrawals", json=TYPED)
    assert (full.status_code, full.json()["code"]) == (429, "rate_limited")
    assert 590 <= int(full.headers["retry-after"]) <= 600
    tokens = [begin(api, electronic_address=f"{n}@example.com") for n in range(7)]
    assert api.client.post(f"/api/v1/stores/shop/withdrawals/{tokens[0]}/confirm").status_code == 429


def test_what_was_never_confirmed_is_forgotten(api: Api, desk: Headers) -> None:
    """Typed and left alone, it goes after its days; what was declared stays."""
    begin(api)
    confirm(api, begin(api, order_number="2"))
    with api.services.database.write() as work:
        assert withdrawals.prune(work, work.real_now - withdrawals.KEPT_UNCONFIRMED) == 0
    assert withdrawals.forget_unconfirmed(api.services) == 0
    with api.services.database.write() as work:
        assert withdrawals.prune(work, work.real_now + timedelta(seconds=1)) == 1
    assert len(declared(api, desk)) == 1
