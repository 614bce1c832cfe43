"""A customer wants to be forgotten: what goes at once, what a duty locks away, and that in the end nothing is left."""

from __future__ import annotations

import io
import json
import zipfile
from typing import Any

from rma.db.session import Database
from rma.services.verify import verify
from tests.support import traces
from tests.support.desk import photo
from tests.support.served import Served
from tests.support.shop import DELIVERED, Client, Shop, want
from tests.support.snapshots import Json
from tests.support.workflows import FOLDER

EMAIL = "zeynep.oztoprak@ornek.example"
NAME, PHONE, STREET = "Zeynep Öztoprak", "+905559998877", "Lavanta Sokağı 42"
IBAN = "TR290006200519786457840099"
WORDS = "kapıcıya bırakmıştım"
MARKS = (EMAIL, NAME, PHONE, STREET, IBAN, WORDS, "c-zeynep", json.dumps(NAME)[1:-1], json.dumps(STREET)[1:-1])
WHO = {"reference": "c-zeynep", "email": EMAIL, "name": NAME, "phone": PHONE, "locale": "tr"}
WHO |= {"consents": {"email_marketing": {"given": True, "at": DELIVERED, "source": "checkout"}}}  # type: ignore[dict-item]
HOME = {"name": NAME, "line1": STREET, "city": "İzmir", "postcode": "35000", "country": "TR", "phone": PHONE}


def officer(shop: Shop) -> Client:
    """Who looks after personal data."""
    wish = {"name": "privacy", "scopes": ["privacy"]}
    return shop.client(shop.admin.post(f"/stores/{shop.slug}/keys", wish)["key"])


def tell_of_shipping(shop: Shop) -> None:
    """The store's own machine: new goods that are shipped raise the case to a person, with what was typed there."""
    toml = (FOLDER / "replacement.toml").read_text(encoding="utf-8")
    shipped = 'to = "shipped"\nby = ["staff", "integrator", "warehouse", "carrier", "provider", "system"]\n'
    toml = toml.replace(shipped, f'{shipped}then = ["dispute_case"]\n')
    made = shop.owner.post("/workflows", content=toml.encode(), headers={"Content-Type": "application/toml"})
    shop.owner.post(f"/workflows/{made['id']}/publish")


def live(shop: Shop) -> Json:
    """One return with everything that can be said of a person, up to the money and the new goods."""
    tell_of_shipping(shop)
    shop.product("TS-1", "100.00", stock=5)
    shop.product("TS-L", "100.00", variant_of="TS-1", stock=2)
    bought = [shop.line("1"), shop.line("2", price="50.00"), shop.line("3", price="30.00")]
    bought[0]["name"] = f"{NAME} için ({EMAIL})"
    shop.order("1001", *bought, customer=WHO, ship_to=HOME)
    swap = want("1", 1, "exchange", reason="too_small", replacement={"sku": "TS-L"}, note=f"{WORDS} (not)")
    filed = shop.file(
        "1001",
        swap,
        want("2"),
        contact={"email": EMAIL.title(), "phone": PHONE},
        from_address={name: HOME[name] for name in ("name", "line1", "city", "phone")},
        payout={"iban": IBAN, "holder": NAME},
        pickup={"date": "2026-03-04", "note": f"{WORDS} {STREET}"},
    )
    case, customer = f"/returns/{filed['id']}", shop.customer(filed)
    file = {"file": (f"{NAME}.jpg", photo(), "image/jpeg")}
    customer.post(f"{case}/evidence", data={"kind": "photo", "note": WORDS}, files=file)
    customer.post(f"{case}/messages", {"text": f"Ben {NAME}, {PHONE}; {WORDS}"})
    shop.support.post(f"{case}/messages", {"text": f"Sayın {NAME}, {EMAIL} adresine yazdık"})
    parcel = shop.send(filed, method="printed_label")
    assert customer.send("GET", f"{case}/parcels/{parcel['id']}/label.pdf").content.startswith(b"%PDF")
    carriers(shop, filed, parcel)
    shop.receive(filed, unexpected=[{"description": f"{NAME} adına bir kitap"}])
    shop.inspect(filed, note=f"{NAME} paketlemiş")
    [refund] = shop.refunds(filed)
    shop.approve(refund)
    extra = {"components": [{"kind": "goodwill", "amount": shop.money("5.00")}], "reason": f"{NAME}: {WORDS}"}
    again = shop.support.post("/orders/1001/refunds", extra)
    shop.finance.post(f"/refunds/{again['id']}/refuse", {"reason": f"{WORDS}, olmaz"})
    new = f"/replacements/{shop.show(filed)['replacements'][0]['id']}/actions"
    shop.integrator.post(f"{new}/ship", {"carrier": "yurtici", "tracking": f"777 {NAME}", "reason": f"{NAME}: {WORDS}"})
    told = [one["data"] for one in shop.support.items(f"{case}/events") if one["type"] == "return.disputed"]
    assert [one["reason"] for one in told] == [f"{NAME}: {WORDS}"]
    shop.support.post(f"{case}/actions/approve")
    shop.integrator.post(f"{new}/deliver")
    codes(shop, filed, refund, parcel)
    return filed


def carriers(shop: Shop, filed: Json, parcel: Json) -> None:
    """What carriers type: who gave and took it, and to whom the first goods went."""
    news = {
        "status": "handed_over",
        "at": "2026-03-02T06:00:00Z",
        "source_id": "c-1",
        "carrier_status": f"{NAME}, {EMAIL}",
    }
    shop.integrator.post(f"/parcels/{parcel['id']}/events", news)
    told = {
        "id": "d1",
        "delivered_at": DELIVERED,
        "carrier": NAME,
        "tracking": EMAIL,
        "lines": [{"id": "3", "quantity": 1}],
    }
    shop.integrator.post("/orders/1001/deliveries", told)
    own = {"method": "own_carrier", "carrier": NAME, "tracking": f"{NAME} 4711"}
    shop.support.post(f"/returns/{filed['id']}/parcels", own)


def codes(shop: Shop, filed: Json, refund: Json, parcel: Json) -> None:
    """What is never about a person and stays for ever takes no e-mail."""
    news = {"status": "lost", "at": DELIVERED}
    for client, method, path, body in (
        (shop.support, "POST", f"/returns/{filed['id']}/parcels", {"method": "own_carrier", "tracking": EMAIL}),
        (shop.integrator, "POST", f"/parcels/{parcel['id']}/events", news | {"source_id": EMAIL}),
        (shop.integrator, "POST", "/orders/1001/deliveries", {"id": EMAIL, "delivered_at": DELIVERED}),
        (shop.warehouse, "POST", "/receipts", {"scan_id": EMAIL, "return_id": filed["id"]}),
        (shop.warehouse, "POST", "/receipts/unknown", {"shelf": EMAIL}),
        (shop.warehouse, "POST", "/receipts/unknown", {"skus": [EMAIL]}),
        (
            shop.finance, "PATCH", f"/refunds/{refund['id']}",
            {"tax_document": {"kind": "credit_note", "number": EMAIL, "date": "2026-03-02"}},
        ),
    ):  # fmt: skip
        refused = client.send(method, path, body)
        assert refused.status_code == 422, (path, refused.text)
        assert EMAIL not in refused.text


def declare(shop: Shop, number: str = "1001", *, confirmed: bool = True) -> None:
    """Withdraw through the public function, for line 3; or only begin to."""
    typed = {"name": NAME, "order_number": number, "electronic_address": EMAIL, "statement": WORDS}
    typed |= {"lines": [{"line": "3", "quantity": 1}]}  # type: ignore[dict-item]
    path = f"/stores/{shop.slug}/withdrawals"
    begun = shop.stranger.post(path, typed)
    if confirmed:
        shop.stranger.post(f"{path}/{begun['token']}/confirm")


def by_class(view: Json) -> dict[str, Json]:
    """The answers of a request or a preview by their class of record."""
    return {one["record"]: one for one in view["answers"]}


def test_a_person_is_locked_away_and_then_nowhere(shop: Shop, program: Served) -> None:
    """Erasure waits for the open return, then keeps only what duties need, apart; when they end the person is nowhere.

    Looked for in every table, the engine's too, in every file, mail, kept answer, log and the database's own file.
    """
    filed, desk = live(shop), officer(shop)
    declare(shop)
    declare(shop, "nobody's")
    declare(shop, "1002", confirmed=False)
    shop.settle()
    who = {"email": EMAIL.upper()}
    held = desk.post("/privacy/export", who)
    assert {case["order_number"] for one in held["matters"] for case in one["returns"]} == {"1001"}
    pack = zipfile.ZipFile(io.BytesIO(desk.send("POST", "/privacy/export.zip", who).content))
    assert sum(name.endswith(".jpg") for name in pack.namelist()) == 1
    foreseen = desk.post("/privacy/erasures/preview", who)
    assert (len(foreseen["matters"]), len(foreseen["open"])) == (2, 1)
    asked = desk.post("/privacy/erasures", who)
    assert (asked["state"], asked["open"], asked["article"]) == ("waiting", foreseen["open"], "KVKK m.13/2")
    assert asked["answer_due"] == "2026-04-01"
    assert by_class(asked)["withdrawal"]["action"] == "open"
    assert shop.support.get("/orders/1001")["customer"]["email"] == EMAIL
    assert shop.support.get("/orders/1001")["customer"]["consents"] == {}

    customer = shop.customer(filed)
    customer.post(f"/returns/{filed['id']}/feedback", {"score": 4, "comment": f"{NAME}: {WORDS}"})
    shop.advance("P60D")
    desk.post("/privacy/runs")
    locked(shop, desk, program, filed, asked["id"])

    shop.advance("P3000D")
    desk.post("/privacy/runs")
    left = desk.post("/privacy/export", {"request_id": asked["id"]})["restricted"]
    assert {one["record"] for one in left} == {"books"}
    assert traces.in_tables(program.database, (EMAIL, STREET)) == []
    shop.advance("P1400D")
    desk.post("/privacy/runs")
    gone(shop, desk, program, asked["id"])


def locked(shop: Shop, desk: Client, program: Served, filed: Json, request_id: str) -> None:
    """Nothing stands where anybody but the desk for privacy reads; the classes say why and until when."""
    seen = desk.get(f"/privacy/erasures/{request_id}")
    answers = by_class(seen)
    assert (seen["state"], seen["open"]) == ("restricted", [])
    assert {name: one["action"] for name, one in answers.items()} == {
        "evidence": "erased",
        "feedback": "erased",
        "messages": "restricted",
        "withdrawal": "restricted",
        "tax": "restricted",
        "books": "restricted",
    }
    assert (answers["tax"]["until"], answers["tax"]["article"]) == ("2031-12-31", "VUK m.253")
    assert (answers["books"]["until"], answers["books"]["article"]) == ("2036-12-31", "TTK m.82")
    assert answers["withdrawal"]["article"] == "MSY m.20/1"
    assert traces.in_tables(program.database, MARKS, but=frozenset({"restricted"})) == []
    assert traces.in_files(program.data_dir, MARKS) == []
    order = shop.support.get("/orders/1001")
    assert (order["erased"], order["customer"]["email"], order["customer"]["reference"]) == (True, None, None)
    for query in ({"email": EMAIL}, {"q": EMAIL}):
        assert shop.support.items("/returns", **query) == []
    assert {one["text"] for one in shop.support.items(f"/returns/{filed['id']}/messages")} == {None}
    assert "erased" in json.dumps(shop.support.items(f"/returns/{filed['id']}/events"))
    assert shop.customer(filed).send("GET", f"/returns/{filed['id']}").status_code == 401
    before = len(shop.admin.items("/outbox"))
    shop.order("1001", *(shop.line(one) for one in ("1", "2", "3")), customer=WHO, ship_to=HOME)
    assert shop.support.get("/orders/1001")["erased"]
    assert len(shop.admin.items("/outbox")) == before
    kept: dict[str, Any] = {}
    for one in desk.post("/privacy/export", {"request_id": request_id})["restricted"]:
        kept[one["record"]] = one["value"]
    assert kept["tax"]["ship_to"]["line1"] == STREET
    assert WORDS in json.dumps(kept["withdrawal"], ensure_ascii=False)


def gone(shop: Shop, desk: Client, program: Served, request_id: str) -> None:
    """The person is nowhere, the history still holds, and the log says what went by which article."""
    assert desk.get(f"/privacy/erasures/{request_id}")["state"] == "erased"
    database = Database(program.database)
    try:
        assert verify(database, store=shop.slug).faulty == 0
    finally:
        database.close()
    assert traces.in_tables(program.database, MARKS) == []
    assert traces.in_files(program.data_dir.parent, MARKS) == []
    assert traces.in_database_file(program.database, MARKS) == []
    lines = desk.items("/privacy/destructions")
    assert {"books"} <= {one["record"] for one in lines}
    assert all(one["article"] and one["count"] for one in lines)
