"""Evidence over HTTP: files in and out, what they change, the pack and the form for the door."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
import sqlalchemy as sa
from PIL import Image

from rma.api import evidence as evidence_api
from rma.app import ROUTES
from rma.db import tables
from rma.domain import ids
from rma.services import evidence, uploads
from tests.support.desk import Desk, photo
from tests.support.labels import read, scan

if TYPE_CHECKING:
    from tests.api.conftest import Api, Headers

PDF = b"%PDF-1.7\n1 0 obj\n<<>>\nendobj\ntrailer<<>>\n%%EOF\n"


@pytest.fixture
def desk(api: Api) -> Desk:
    """A store with one order of three shirts."""
    made = Desk(api.services)
    made.order()
    return made


@pytest.fixture
def staff(api: Api, desk: Desk) -> Headers:
    """A key that works on returns and reads evidence."""
    return api.key("returns:read", "returns:write", "evidence:read", store_id=desk.store_id)


def _damaged(desk: Desk, **more: Any) -> Any:
    """A return that waits for a photo."""
    return desk.file(kind="damaged", line={"reason": "damaged", **more})


def _send(api: Api, filed: Any, headers: Headers, data: bytes | None = None, **form: Any) -> Any:
    file = (form.pop("name", "photo.jpg"), data if data is not None else photo(), form.pop("type", "image/jpeg"))
    return api.post(
        f"/returns/{filed['id']}/evidence", None, headers, data={"kind": "photo"} | form, files={"file": file}
    )


def _link(desk: Desk, return_id: str, token: str = "a-link-of-a-return") -> Headers:  # noqa: S107 - made up
    now = datetime.now(UTC)
    with desk.services.database.write() as work:
        work.session.add(
            tables.Link(
                hash=ids.secret_hash(token), store_id=desk.store_id, return_id=return_id,
                expires_at=now + timedelta(days=1), created_at=now,
            )
        )  # fmt: skip
    return {"Authorization": f"Link {token}"}


def _fields(answer: Any) -> set[tuple[str, str]]:
    return {(error["path"], error["code"]) for error in answer.json()["errors"]}


def test_the_routes_are_served() -> None:
    """The application serves the evidence."""
    assert evidence_api.routes in ROUTES


def test_a_photo_ends_the_wait_for_evidence(api: Api, desk: Desk, staff: Headers) -> None:
    """The photo that was asked for is kept and the return goes on at once, with one event for each."""
    filed = _damaged(desk)
    assert filed["state"] == "awaiting_evidence"
    answer = _send(api, filed, staff, note="Köşesi ezik")
    assert answer.status_code == 201
    found = answer.json()
    assert (found["state"], found["new"], found["evidence"]["by"]) == ("awaiting_parcel", True, "store")
    names = [name for name, _ in desk.events(filed)]
    assert names.count("return.evidence_added") == 1
    assert names.index("return.evidence_added") < names.index("return.approved")
    decision = api.get(f"/returns/{filed['id']}/decision", staff).json()
    assert (decision["decision"], decision["lines"][0]["decision"]) == ("accepted", "accepted")


def test_a_wrong_kind_of_file_leaves_the_return_waiting(api: Api, desk: Desk, staff: Headers) -> None:
    """A proof of purchase is kept, but it is not the photo that was asked for."""
    filed = _damaged(desk)
    found = _send(api, filed, staff, PDF, kind="proof_of_purchase").json()
    assert (found["state"], found["evidence"]["media_type"]) == ("awaiting_evidence", "application/pdf")
    assert [name for name, _ in desk.events(filed)].count("return.evidence_added") == 1


def test_the_answer_to_a_persons_question_goes_to_that_person(api: Api, desk: Desk, staff: Headers) -> None:
    """After a person asked, no rule decides: the answer comes back to review."""
    filed = _damaged(desk)
    _send(api, filed, staff)
    act = f"/returns/{filed['id']}/actions"
    desk.change(tables.Return, filed["id"], state="in_review", waits_for="support")
    assert (
        api.post(f"{act}/ask_customer", {"reason": "Kutunun fotoğrafı"}, staff).json()["state"] == "awaiting_evidence"
    )
    assert _send(api, filed, staff, photo("blue")).json()["state"] == "in_review"


def test_a_right_by_law_is_never_declined_by_a_file(api: Api, desk: Desk, staff: Headers) -> None:
    """Whatever the new judgement says, a return that stands by law is seen by a person instead of being declined."""
    filed = _damaged(desk)
    assert desk.row(tables.Return, filed["id"]).statutory
    order = desk.row(tables.Return, filed["id"]).order_id
    doc = json.loads(desk.row(tables.Order, order).doc)
    doc["deliveries"][0]["delivered_at"] = "2020-01-01T00:00:00Z"
    desk.change(tables.Order, order, doc=json.dumps(doc))
    assert _send(api, filed, staff).json()["state"] == "in_review"


def test_evidence_is_taken_at_any_time(api: Api, desk: Desk, staff: Headers) -> None:
    """A file for a return that waits for something else is recorded and moves nothing."""
    filed = desk.file()
    found = _send(api, filed, staff, kind="other", line=filed["lines"][0]["id"]).json()
    assert (found["state"], found["evidence"]["line_id"]) == ("awaiting_parcel", filed["lines"][0]["id"])
    name, data = desk.events(filed)[-1]
    assert (name, data["evidence"]["sha256"]) == ("return.evidence_added", found["evidence"]["sha256"])


def test_a_proof_of_sending_is_remembered_with_its_day(api: Api, desk: Desk, staff: Headers) -> None:
    """Where the law starts a clock with the proof of sending, the case knows its day."""
    filed = desk.file()
    _send(api, filed, staff, PDF, kind="proof_of_sending")
    assert desk.row(tables.Return, filed["id"]).facts["proof_of_sending_on"] is not None


def test_words_and_names_of_the_sender_stand_outside_the_hashed_log(api: Api, desk: Desk, staff: Headers) -> None:
    """The note is kept apart and can be erased; the file's own name stands in no event."""
    filed = _damaged(desk)
    _send(api, filed, staff, note="Ayşe burada", name="ayse-evde.jpg")
    with desk.services.database.read() as work:
        bodies = list(work.conn.execute(sa.select(tables.table(tables.Event).c.body)).scalars())
    assert not any("Ayşe burada" in body or "ayse-evde" in body for body in bodies)
    [item] = api.get(f"/returns/{filed['id']}/evidence", staff).json()["items"]
    assert (item["note"], item["filename"]) == ("Ayşe burada", "ayse-evde.jpg")


def test_a_file_comes_back_as_a_download_that_no_browser_runs(api: Api, desk: Desk, staff: Headers) -> None:
    """A name of ours, a type that we recognised, and headers that forbid guessing and running."""
    filed = _damaged(desk)
    sent = _send(api, filed, staff, name='"><script>.html', type="text/html").json()["evidence"]
    answer = api.get(f"/returns/{filed['id']}/evidence/{sent['id']}", staff)
    assert answer.headers["content-type"] == "image/jpeg"
    name = f"{filed['rma_number']}-01-photo.jpg"
    assert answer.headers["content-disposition"] == f'attachment; filename="{name}"'
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "sandbox" in answer.headers["content-security-policy"]
    assert hashlib.sha256(answer.content).hexdigest() == sent["sha256"]
    assert Image.open(io.BytesIO(answer.content)).size == (64, 48)
    held = api.get(f"/returns/{filed['id']}/evidence/{sent['id']}", staff | {"If-None-Match": answer.headers["etag"]})
    assert (held.status_code, held.content, held.headers["etag"]) == (304, b"", answer.headers["etag"])


def test_the_same_file_again_is_the_same_evidence(api: Api, desk: Desk, staff: Headers) -> None:
    """A photo sent twice counts once, also under another idempotency key; for another line it is another one."""
    filed = _damaged(desk)
    first = _send(api, filed, staff)
    again = _send(api, filed, staff)
    assert (again.status_code, again.json()["new"]) == (200, False)
    assert again.json()["evidence"] == first.json()["evidence"]
    assert _send(api, filed, staff, line=filed["lines"][0]["id"]).status_code == 201


def test_a_repeated_request_is_answered_as_before(api: Api, desk: Desk, staff: Headers) -> None:
    """The same key and file replay the answer byte for byte; another file under the key is refused."""
    filed = _damaged(desk)
    keyed = staff | {"Idempotency-Key": "one"}
    first, again = _send(api, filed, keyed), _send(api, filed, keyed)
    assert (again.content, again.headers["idempotency-replayed"]) == (first.content, "true")
    assert _send(api, filed, keyed, photo("green")).json()["code"] == "idempotency_key_reused"


def test_a_return_holds_twenty_files(api: Api, desk: Desk, staff: Headers) -> None:
    """The twenty-first is refused in the reader's words and not kept; one of the twenty is not refused."""
    filed = desk.file()
    for shade in range(evidence.MOST):
        assert _send(api, filed, staff, PDF + bytes(shade) + b"%%EOF", kind="other").status_code == 201
    full = _send(api, filed, staff | {"Accept-Language": "de"}).json()["reasons"][0]
    assert full["code"] == "too_many_files"
    assert full["text"].startswith("Eine Rücksendung fasst höchstens 20 Dateien. ")
    assert _send(api, filed, staff, PDF + b"%%EOF", kind="other").status_code == 200
    assert desk.services.ports.files.delete_scope(filed["id"]) == evidence.MOST


def test_every_wrong_field_is_named(api: Api, desk: Desk, staff: Headers) -> None:
    """Unknown kinds, fields and lines, notes without end and a missing file come with their paths."""
    filed = desk.file()
    wrong = _send(api, filed, staff, kind="selfie", note="x" * 2001, extra="1")
    assert _fields(wrong) == {("kind", "kind"), ("note", "too_long"), ("extra", "unknown")}
    path = f"/returns/{filed['id']}/evidence"
    bare = api.post(path, None, staff, data={"kind": "photo"}, files={"picture": ("a.jpg", photo())})
    assert _fields(bare) == {("file", "required"), ("picture", "unknown")}
    assert _fields(_send(api, filed, staff, line="rln_x")) == {("line", "unknown")}
    assert api.get(path, staff).json()["items"] == []


def test_what_a_file_is_decides_not_what_it_is_called(api: Api, desk: Desk, staff: Headers) -> None:
    """A page called a photo is refused; a photo called a page is a photo; a broken one is named."""
    filed = desk.file()
    page = _send(api, filed, staff, b"<html></html>")
    assert (page.status_code, page.json()["code"]) == (415, "file_not_supported")
    assert _send(api, filed, staff, photo(kind="PNG"), name="x.html", type="text/html").status_code == 201
    assert _fields(_send(api, filed, staff, photo()[:200])) == {("file", "unreadable")}


def test_a_file_that_is_too_large_is_refused(api: Api, desk: Desk, staff: Headers) -> None:
    """Above 15 MB the answer is 413, and so it is for a body that no file of that size explains."""
    filed = desk.file()
    assert _send(api, filed, staff, bytes(uploads.MAX_BYTES + 1)).status_code == 413
    assert _send(api, filed, staff, bytes(17_000_000)).status_code == 413


def test_a_file_without_a_name_is_asked_for_properly(api: Api, desk: Desk, staff: Headers) -> None:
    """A part without a file name is a field of text: bytes in it are unreadable, text in it is no file."""
    path = f"/returns/{desk.file()['id']}/evidence"
    for part, status in ((b"\xff\xd8\xff", 400), (b"text", 422)):
        body = b'--x\r\nContent-Disposition: form-data; name="file"\r\n\r\n' + part + b"\r\n--x--\r\n"
        headers = staff | {"Content-Type": "multipart/form-data; boundary=x"}
        assert api.post(path, None, headers, content=body).status_code == status


def test_json_instead_of_a_form_is_refused(api: Api, desk: Desk, staff: Headers) -> None:
    """The endpoint takes forms."""
    assert api.post(f"/returns/{desk.file()['id']}/evidence", {"kind": "photo"}, staff).status_code == 415


def test_a_customer_sends_to_their_return_and_sees_their_own_files(api: Api, desk: Desk, staff: Headers) -> None:
    """A link reaches its own return alone, and there only what was sent with it."""
    filed, other = _damaged(desk), desk.file()
    mine = _link(desk, filed["id"])
    of_store = _send(api, filed, staff, kind="other").json()["evidence"]
    sent = _send(api, filed, mine, photo("blue"))
    assert (sent.json()["state"], sent.json()["evidence"]["by"]) == ("awaiting_parcel", "customer")
    path = f"/returns/{filed['id']}/evidence"
    assert [item["id"] for item in api.get(path, mine).json()["items"]] == [sent.json()["evidence"]["id"]]
    assert api.get(f"{path}/{of_store['id']}", mine).status_code == 404
    assert _send(api, other, mine).status_code == 404
    assert api.get(f"/returns/{other['id']}/evidence", mine).status_code == 404
    assert len(api.get(path, staff).json()["items"]) == 2


def test_the_warehouse_adds_photos_and_moves_nothing(api: Api, desk: Desk) -> None:
    """A receiving key documents what it sees; the customer's evidence is still waited for."""
    filed = _damaged(desk)
    warehouse = api.key("receiving:write", store_id=desk.store_id)
    assert _send(api, filed, warehouse).json()["state"] == "awaiting_evidence"
    assert api.get(f"/returns/{filed['id']}/evidence", warehouse).status_code == 403


def test_a_file_of_another_store_is_not_there(api: Api, desk: Desk, staff: Headers) -> None:
    """Neither the list, nor the file, nor the pack opens to a key of another store."""
    filed = _damaged(desk)
    sent = _send(api, filed, staff).json()["evidence"]
    stranger = api.key("returns:read", "evidence:read", "returns:write")
    for path in ("evidence", f"evidence/{sent['id']}", "evidence-pack.zip", "damage-report.pdf"):
        assert api.get(f"/returns/{filed['id']}/{path}", stranger).status_code == 404
    assert _send(api, filed, stranger).status_code == 404


def test_the_pack_holds_every_file_with_its_hash(api: Api, desk: Desk, staff: Headers) -> None:
    """Files, manifest and summary agree; asked again, the pack has the same bytes."""
    filed = _damaged(desk)
    line = filed["lines"][0]["id"]
    _send(api, filed, staff, photo("red", size=(900, 600)), line=line, note="Köşe ezik")
    _send(api, filed, staff, PDF, kind="carrier_damage_report")
    desk.parcel(filed)
    desk.run()
    path = f"/returns/{filed['id']}/evidence-pack.zip"
    answer = api.get(path, staff)
    assert answer.content == api.get(path, staff).content
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        held = {name: archive.read(name) for name in archive.namelist()}
    manifest = msgspec.json.decode(held["manifest.json"])
    assert {f["path"]: f["sha256"] for f in manifest["files"]} == {
        name: hashlib.sha256(data).hexdigest() for name, data in held.items() if name.startswith("files/")
    }
    assert manifest["summary_sha256"] == hashlib.sha256(held["summary.pdf"]).hexdigest()
    text = " ".join(read(held["summary.pdf"]))
    assert all(f["sha256"] in text for f in manifest["files"])
    assert all(word in text for word in ("KANIT DOSYASI", "Hasarlı geldi", "Kırmızı tişört M", "Köşe ezik"))


def test_a_return_without_evidence_has_an_empty_pack(api: Api, desk: Desk, staff: Headers) -> None:
    """The pack of a case without files says so."""
    answer = api.get(f"/returns/{desk.file()['id']}/evidence-pack.zip", staff)
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        assert sorted(archive.namelist()) == ["manifest.json", "summary.pdf"]


def test_the_form_for_the_door_is_filled_in(api: Api, desk: Desk, staff: Headers) -> None:
    """The damage report names the delivery, both sides and the goods, in the store's language and in English."""
    filed = _damaged(desk)
    path = f"/returns/{filed['id']}/damage-report.pdf"
    answer = api.get(path, staff)
    assert answer.content == api.get(path, staff).content
    [text] = read(answer.content)
    known = ("HASAR TESPİT TUTANAĞI", "DAMAGE REPORT", "Yurtiçi Kargo", "7300", "1001", "Moda Cad. 1", "TTK m. 889")
    assert [word for word in known if word not in text] == []
    assert {code for _, code in scan(answer.content)[0]} == {
        filed["rma_number"],
        f"{desk.services.settings.url}/cinar/r/{filed['rma_number']}",
    }


def test_the_form_is_for_a_parcel_to_the_customer(api: Api, desk: Desk, staff: Headers) -> None:
    """For goods that go out again it names that parcel; a parcel to the store has no such form."""
    filed = desk.file()
    parcel_id = desk.parcel(filed)
    desk.run()
    path = f"/returns/{filed['id']}/damage-report.pdf"
    wrong = api.get(path, staff, params={"parcel": parcel_id})
    assert (wrong.status_code, _fields(wrong)) == (422, {("parcel", "direction")})
    desk.change(tables.Parcel, parcel_id, direction="outbound", method="send_back")
    [text] = read(api.get(path, staff, params={"parcel": parcel_id}).content)
    assert desk.row(tables.Parcel, parcel_id).tracking in text
    assert api.get(path, staff, params={"parcel": "par_x"}).status_code == 404


def test_a_customer_may_print_the_form(api: Api, desk: Desk) -> None:
    """The link opens the form of its own return."""
    filed = _damaged(desk)
    assert api.get(f"/returns/{filed['id']}/damage-report.pdf", _link(desk, filed["id"])).status_code == 200
