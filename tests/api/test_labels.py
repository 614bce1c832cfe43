"""Labels over HTTP: one, many, packing slips, and every reason why there is none."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from rma.db import tables
from rma.domain import ids
from rma.services import scanning
from tests.support.desk import Desk
from tests.support.labels import read, scan

if TYPE_CHECKING:
    from tests.api.conftest import Api, Headers


@pytest.fixture
def desk(api: Api) -> Desk:
    """A store with one order of three shirts."""
    made = Desk(api.services)
    made.order()
    return made


@pytest.fixture
def staff(api: Api, desk: Desk) -> Headers:
    """A key that reads and writes returns."""
    return api.key("returns:read", "returns:write", store_id=desk.store_id)


def _label(api: Api, filed: Any, parcel_id: str, headers: Headers, **query: str) -> Any:
    return api.get(f"/returns/{filed['id']}/parcels/{parcel_id}/label.pdf", headers, params=query)


def _link(desk: Desk, return_id: str, token: str) -> Headers:
    """The headers of a customer's link to this return."""
    now = datetime.now(UTC)
    with desk.services.database.write() as work:
        work.session.add(
            tables.Link(
                hash=ids.secret_hash(token), store_id=desk.store_id, return_id=return_id,
                expires_at=now + timedelta(days=1), created_at=now,
            )
        )  # fmt: skip
    return {"Authorization": f"Link {token}"}


def _ready(desk: Desk, method: str = "printed_label", **more: Any) -> tuple[Any, str]:
    filed = desk.file(method=method, **more)
    parcel_id = desk.parcel(filed, method)
    desk.run()
    return filed, parcel_id


def test_a_label_bears_what_carrier_and_warehouse_scan(api: Api, desk: Desk, staff: Headers) -> None:
    """Tracking number, RMA number and the return's page scan off the label; the customer's secret is not on it."""
    filed, parcel_id = _ready(desk)
    answer = _label(api, filed, parcel_id, staff)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/pdf")
    [codes] = scan(answer.content)
    page = f"{desk.services.settings.url}/cinar/r/{filed['rma_number']}"
    tracking = desk.row(tables.Parcel, parcel_id).tracking
    assert {text for _, text in codes} == {tracking, filed["rma_number"], page}
    [text] = read(answer.content)
    assert filed["link"]["token"] not in text
    assert "İkitelli OSB 88" in text
    assert "ayse@" not in text.lower()


def test_every_code_on_a_label_leads_the_warehouse_to_the_return(api: Api, desk: Desk, staff: Headers) -> None:
    """Tracking number, RMA number, line code and the page in the QR code all name the same return."""
    filed, parcel_id = _ready(desk)
    slip = _label(api, filed, parcel_id, staff, document="packing_slip")
    codes = {text for pdf in (_label(api, filed, parcel_id, staff), slip) for _, text in scan(pdf.content)[0]}
    assert len(codes) == 4
    with desk.services.database.read() as work:
        found = {code: scanning.resolve(work, desk.store_id, code) for code in codes}
    assert {place and place[0] for place in found.values()} == {filed["id"]}


def test_a_code_sheet_shows_the_code_for_the_counter(api: Api, desk: Desk, staff: Headers) -> None:
    """A drop-off code comes as a sheet with the code, what to put in and the last day."""
    filed, parcel_id = _ready(desk, "drop_off_code")
    answer = _label(api, filed, parcel_id, staff, size="a6")
    code = desk.row(tables.Parcel, parcel_id).code
    assert code in {text for _, text in scan(answer.content)[0]}
    assert "İADE KODU" in read(answer.content)[0]


@pytest.mark.parametrize("size", ["a6", "4x6", "a4"])
def test_the_same_parcel_is_the_same_file(api: Api, desk: Desk, staff: Headers, size: str) -> None:
    """Asked twice, on any paper, the bytes and the ETag are the same."""
    filed, parcel_id = _ready(desk)
    first, second = (_label(api, filed, parcel_id, staff, size=size) for _ in range(2))
    assert first.content == second.content
    assert first.headers["etag"] == second.headers["etag"]


def test_a_label_that_is_not_ready_is_refused_with_its_reason(api: Api, desk: Desk, staff: Headers) -> None:
    """Before the carrier has answered there is no label but a reason, in the reader's language."""
    filed = desk.file()
    parcel_id = desk.parcel(filed)
    problem = _label(api, filed, parcel_id, staff | {"Accept-Language": "tr"}).json()
    assert (problem["status"], problem["code"]) == (409, "label_requested")
    assert problem["reasons"][0]["text"].startswith("Etiket hazırlanıyor")


def test_every_other_parcel_without_a_label_says_why(api: Api, desk: Desk, staff: Headers) -> None:
    """A cancelled parcel and one under the customer's own label have reasons of their own."""
    filed, parcel_id = _ready(desk)
    own = desk.parcel(filed, "own_carrier")
    assert _label(api, filed, own, staff).json()["code"] == "no_label"
    desk.void(filed, parcel_id)
    assert _label(api, filed, parcel_id, staff).json()["code"] == "label_void"


def test_a_store_without_an_address_cannot_print_a_label(api: Api, staff: Headers) -> None:
    """A label to nowhere is refused; the packing slip needs no address."""
    bare = Desk(api.services, slug="bare", return_addresses=[])
    bare.order()
    key = api.key("returns:read", store_id=bare.store_id)
    filed, parcel_id = _ready(bare)
    assert _label(api, filed, parcel_id, key).json()["code"] == "no_return_address"
    assert _label(api, filed, parcel_id, key, document="packing_slip").status_code == 200
    assert _label(api, filed, parcel_id, staff).status_code == 404


def test_a_packing_slip_has_a_code_for_each_line(api: Api, desk: Desk, staff: Headers) -> None:
    """The slip is there before the carrier answers; its codes are the RMA number and one a line."""
    filed = desk.file(quantity=2)
    parcel_id = desk.parcel(filed)
    answer = _label(api, filed, parcel_id, staff, document="packing_slip")
    codes = {text for _, text in scan(answer.content)[0]}
    assert codes == {filed["rma_number"], f"{filed['rma_number']}-1"}
    assert "2 ×" in read(answer.content)[0]


def test_many_labels_come_as_one_file_in_the_order_asked_for(api: Api, desk: Desk, staff: Headers) -> None:
    """A page for each parcel, each once, in order; the same request gives the same bytes."""
    one, two = _ready(desk), _ready(desk, "drop_off_code")
    query = {"parcel": [two[1], one[1], two[1]], "size": "a6"}
    answer = api.get("/labels.pdf", staff, params=query)
    pages = read(answer.content)
    assert ["İADE KODU" in page for page in pages] == [True, False]
    assert api.get("/labels.pdf", staff, params=query).content == answer.content


def test_many_labels_are_all_there_or_none(api: Api, desk: Desk, staff: Headers) -> None:
    """Every parcel that cannot be printed is named with its reason, and nothing is printed."""
    good = _ready(desk)[1]
    filed = desk.file()
    waiting, own = desk.parcel(filed), desk.parcel(filed, "own_carrier")
    problem = api.get("/labels.pdf", staff, params={"parcel": [good, waiting, own]}).json()
    assert problem["status"] == 409
    assert [(r["code"], r["text"].split(":")[0]) for r in problem["reasons"]] == [
        ("label_requested", waiting), ("no_label", own)
    ]  # fmt: skip


def test_a_request_for_many_names_parcels_of_this_store(api: Api, desk: Desk, staff: Headers) -> None:
    """No parcel at all is a wrong request; an unknown one, or another store's, is not there."""
    parcel_id = _ready(desk)[1]
    assert api.get("/labels.pdf", staff).json()["errors"][0]["path"] == "parcel"
    assert api.get("/labels.pdf", staff, params={"parcel": "par_x"}).status_code == 404
    stranger = api.key("returns:read")
    assert api.get("/labels.pdf", stranger, params={"parcel": parcel_id}).status_code == 404


def test_unknown_paper_is_named(api: Api, desk: Desk, staff: Headers) -> None:
    """A size that we do not print is refused by its name."""
    filed, parcel_id = _ready(desk)
    problem = _label(api, filed, parcel_id, staff, size="a5").json()
    assert (problem["status"], problem["errors"][0]["path"]) == (422, "size")


def test_a_customer_prints_their_own_labels_only(api: Api, desk: Desk) -> None:
    """A link prints the labels of its own return, not of another one, and not that of a parcel on its way to them."""
    filed, parcel_id = _ready(desk)
    other, foreign = _ready(desk)
    mine = _link(desk, filed["id"], "a-link-of-this-return")
    assert _label(api, filed, parcel_id, mine).status_code == 200
    assert _label(api, other, foreign, mine).status_code == 404
    assert _label(api, filed, foreign, mine).status_code == 404
    desk.change(tables.Parcel, parcel_id, direction="outbound", method="send_back")
    assert _label(api, filed, parcel_id, mine).status_code == 403


def test_what_goes_back_to_the_customer_bears_the_line_about_damage(api: Api, desk: Desk, staff: Headers) -> None:
    """An outbound parcel is addressed to the customer and says what to do if it is damaged, in both languages."""
    filed, parcel_id = _ready(desk)
    desk.change(tables.Parcel, parcel_id, direction="outbound", method="send_back")
    [text] = read(_label(api, filed, parcel_id, staff).content)
    assert "Hasarlıysa teslim almayın, görevliye hasar tespit tutanağı tutturun" in text
    assert "If damaged, do not accept it" in text


def test_a_label_that_has_run_out_is_made_again(api: Api, desk: Desk, staff: Headers) -> None:
    """An expired label is refused until it is made again, under a new key, with a number of its own."""
    filed, parcel_id = _ready(desk)
    first = desk.row(tables.Parcel, parcel_id)
    path = f"/returns/{filed['id']}/parcels/{parcel_id}/label"
    assert api.post(path, headers=staff).status_code == 409
    at = datetime.now(UTC).isoformat()
    news = {"status": "expired", "at": at, "source_id": "e1"}
    assert api.post(f"/parcels/{parcel_id}/events", news, headers=staff).status_code == 200
    assert _label(api, filed, parcel_id, staff).json()["code"] == "label_expired"
    answer = api.post(path, headers=staff)
    assert (answer.status_code, answer.json()["state"], answer.json()["tracking"]) == (202, "requested", None)
    desk.run()
    again = desk.row(tables.Parcel, parcel_id)
    assert (again.state, again.attempt) == ("label_ready", 2)
    assert again.tracking != first.tracking
    assert _label(api, filed, parcel_id, staff).status_code == 200


def test_the_carriers_own_document_is_handed_on(api: Api, desk: Desk, staff: Headers) -> None:
    """A label that the carrier made itself is answered as it is; it cannot be part of one file with others."""
    filed, parcel_id = _ready(desk)
    key = desk.services.ports.files.put(b"%PDF-of-the-carrier", scope=filed["id"])
    made = {"issued_by": "x", "document": key, "media_type": "application/pdf"}
    desk.change(tables.Parcel, parcel_id, doc={"label": made})
    assert _label(api, filed, parcel_id, staff).content == b"%PDF-of-the-carrier"
    problem = api.get("/labels.pdf", staff, params={"parcel": parcel_id}).json()
    assert problem["reasons"][0]["code"] == "carrier_document"
