"""Messages, the outbox and the feed over HTTP."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

from rma.db import tables
from rma.services import background
from tests.support.snapshots import snapshot

if TYPE_CHECKING:
    from tests.api.conftest import Api, Headers


@pytest.fixture
def shop(api: Api) -> Headers:
    """A key for orders, returns and the feed of ``shop``."""
    return api.key("orders:write", "returns:read", "returns:write", "events:read")


def _file(api: Api, shop: Headers, *, number: str = "1001", locale: str = "tr") -> tuple[str, Headers]:
    """A return that was filed for an order of last week; its id and the customer's link."""
    now = datetime.now(UTC)
    delivered = {
        "id": "d1",
        "delivered_at": (now - timedelta(days=2)).isoformat(),
        "lines": [{"id": "1", "quantity": 3}],
    }
    customer = {"reference": f"c-{number}", "email": "ayse@example.com", "name": "Ayşe Yılmaz", "locale": locale}
    body = snapshot(ordered_at=(now - timedelta(days=7)).isoformat(), deliveries=[delivered], customer=customer)
    put = api.client.put(f"/api/v1/orders/{number}", json=body, headers=shop)
    assert put.status_code == 201, put.text
    asked = {"order_number": number, "lines": [{"order_line_id": "1", "quantity": 1}], "method": "drop_off_code"}
    filed = api.post("/returns", asked, shop)
    assert filed.status_code == 201, filed.text
    return filed.json()["id"], {"Authorization": f"Link {filed.json()['link']['token']}"}


def _outbox(api: Api, shop: Headers, **params: str) -> list[dict[str, Any]]:
    background.catch_up(api.services, api.store_id)
    answer = api.get("/outbox", shop, params=params)
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["items"]
    return found


def test_customer_and_store_write_to_each_other(api: Api, shop: Headers) -> None:
    """Both see one conversation in its order; the store's message is mailed, the customer's is an event."""
    case, link = _file(api, shop)
    asked = api.post(f"/returns/{case}/messages", {"text": "Ne zaman gelir?"}, link)
    assert (asked.status_code, asked.json()["direction"], asked.json()["state"]) == (201, "in", "received")
    said = api.post(f"/returns/{case}/messages", {"text": "Yarın.\n\nSelamlar"}, shop)
    assert (said.status_code, said.json()["direction"], said.json()["state"]) == (201, "out", "to_send")
    mails = _outbox(api, shop, kind="store_message")
    assert [(mail["to"], mail["state"], mail["text"]) for mail in mails] == [
        ("ayse@example.com", "sent", "Yarın.\n\nSelamlar")
    ]
    assert "Selamlar" in mails[0]["html"]
    for reader in (link, shop):
        found = api.get(f"/returns/{case}/messages", reader).json()["items"]
        assert [(one["kind"], one["text"]) for one in found[:2]] == [
            ("customer_message", "Ne zaman gelir?"),
            ("store_message", "Yarın.\n\nSelamlar"),
        ]
    events = {e["type"]: e for e in api.get("/events", shop).json()["items"] if e["type"].startswith("message.")}
    assert events["message.received"]["data"]["text"] == "Ne zaman gelir?"
    assert events["message.received"]["actor"] == f"link:{case}"


@pytest.mark.parametrize(
    ("locale", "subject"),
    [("tr", "İade talebinizi aldık"), ("en", "We have received your return request"), ("de", "Ihre Rücksendung")],
)
def test_a_filing_is_told_in_the_customer_s_language(api: Api, shop: Headers, locale: str, subject: str) -> None:
    """The mail is in the customer's language, through the API and in the folder, with a link that works."""
    case, _ = _file(api, shop, locale=locale)
    (mail,) = _outbox(api, shop)
    assert mail["subject"].startswith(subject)
    assert (mail["kind"], mail["class"], mail["locale"], mail["return_id"]) == (
        "return_requested",
        "service",
        locale,
        case,
    )
    token = mail["text"].split("/shop/r/")[1].split()[0]
    mine = {"Authorization": f"Link {token}"}
    (shown,) = api.get(f"/returns/{case}/messages", mine).json()["items"]
    assert token not in shown["text"]
    assert shown["subject"] == mail["subject"]
    (file,) = (api.services.settings.data_dir / "outbox").glob("*.eml")
    assert mail["message_id"].encode() in file.read_bytes()


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({"text": ""}, "text"),
        ({"text": "  \n"}, "text"),
        ({"text": "\u200b \u2060\ufeff"}, "text"),
        ({"text": "\u3164\u2800\ufe0f\u034f\U000e0101\u115f"}, "text"),
        ({"text": "x" * 5001}, "text"),
        ({}, "text"),
        ({"txt": "x"}, "txt"),
    ],
)
@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
def test_a_message_says_something(api: Api, shop: Headers, body: dict[str, str], path: str) -> None:
    """Nothing, too much and unknown fields are named; nothing is written."""
    case, link = _file(api, shop)
    answer = api.post(f"/returns/{case}/messages", body, link)
    assert answer.status_code == 422
    assert path in [error["path"] for error in answer.json()["errors"]]
    assert api.get(f"/returns/{case}/messages", shop).json()["items"] == []


@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
def test_nobody_reads_another_conversation(api: Api, shop: Headers) -> None:
    """A link opens its own return only, by any of its names; another store's key finds nothing."""
    case, link = _file(api, shop)
    other, _ = _file(api, shop, number="1002")
    rma = api.get(f"/returns/{case}", shop).json()["rma_number"]
    stranger = api.key("returns:read", "returns:write", store_id=api.other_id)
    assert api.get(f"/returns/{rma}/messages", link).status_code == 200
    for path, who in ((other, link), (case, stranger), ("ret_nothing", shop)):
        assert api.get(f"/returns/{path}/messages", who).status_code == 404
        assert api.post(f"/returns/{path}/messages", {"text": "x"}, who).status_code == 404


def test_a_message_to_a_return_that_changed_since_is_not_written(api: Api, shop: Headers) -> None:
    """If-Match holds a message back whose writer has not read the newest version of the return."""
    case, link = _file(api, shop)
    read = api.get(f"/returns/{case}", link).headers["etag"]
    said = {"text": "Merhaba"}
    assert api.post(f"/returns/{case}/messages", said, link | {"If-Match": '"99"'}).status_code == 412
    assert api.get(f"/returns/{case}/messages", link).json()["items"] == []
    assert api.post(f"/returns/{case}/messages", said, link | {"If-Match": read}).status_code == 201


def test_a_repeated_request_writes_one_message(api: Api, shop: Headers) -> None:
    """The same key says the same thing once, with the same answer byte for byte."""
    case, link = _file(api, shop)
    headers = link | {"Idempotency-Key": "once"}
    first, again = (api.post(f"/returns/{case}/messages", {"text": "Merhaba"}, headers) for _ in range(2))
    assert first.content == again.content
    assert again.headers["idempotency-replayed"] == "true"
    assert len(api.get(f"/returns/{case}/messages", link).json()["items"]) == 1


@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
def test_a_customer_does_not_see_what_was_not_meant_for_them(api: Api, shop: Headers) -> None:
    """Messages that were never sent, and those to the store's own people, are not on the customer's page."""
    case, link = _file(api, shop)
    messages = tables.table(tables.Message)
    _outbox(api, shop)
    with api.services.database.write() as work:
        (row,) = work.conn.execute(sa.select(messages)).mappings().all()
        for number, (kind, state) in enumerate((("refund_stuck", "sent"), ("return_settled", "obsolete"))):
            values = {"id": f"msg_{number}", "dedupe": f"d{number}", "kind": kind, "state": state}
            work.conn.execute(sa.insert(messages).values(**dict(row) | values))
    seen = [{one["kind"] for one in api.get(f"/returns/{case}/messages", who).json()["items"]} for who in (link, shop)]
    assert seen == [{"return_requested"}, {"refund_stuck", "return_settled", "return_requested"}]


@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
def test_a_store_with_real_customers_has_no_outbox(api: Api, shop: Headers) -> None:
    """Rendered mails with working links are shown by stores in test mode alone."""
    stores = tables.table(tables.Store)
    with api.services.database.write() as work:
        work.conn.execute(sa.update(stores).values(test_mode=False))
    api.services.identities.forget()
    refused = api.get("/outbox", shop)
    assert (refused.status_code, refused.json()["code"]) == (403, "not_test_mode")


def test_the_feed_goes_on_where_a_reader_stopped(api: Api, shop: Headers) -> None:
    """``after`` and ``cursor`` both go on; every sequence comes once, in order, without a gap."""
    case, _ = _file(api, shop)
    background.catch_up(api.services, api.store_id)
    found: list[dict[str, Any]] = []
    while page := api.get("/events", shop, params={"after": len(found), "limit": 3}).json()["items"]:
        found += page
    assert [event["sequence"] for event in found] == list(range(1, len(found) + 1))
    filed = next(event for event in found if event["type"] == "return.requested")
    assert (filed["return_id"], filed["stream"], filed["n"]) == (case, case, 1)
    first = api.get("/events", shop, params={"limit": 3}).json()
    second = api.get("/events", shop, params={"limit": 200, "cursor": first["next_cursor"]}).json()
    assert first["items"] + second["items"] == found
    assert second["next_cursor"] is None
    mine = api.get(f"/returns/{case}/events", shop).json()["items"]
    assert mine == [event for event in found if event["return_id"] == case]


@pytest.mark.parametrize(
    "query", ["after=-1", "after=x", "after=1.5", "since=1", "limit=0", "after=99999999999999999999"]
)
@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
def test_a_place_in_the_feed_is_a_number(api: Api, shop: Headers, query: str) -> None:
    """A place that cannot be is named."""
    answer = api.get(f"/events?{query}", shop)
    assert (answer.status_code, answer.json()["errors"][0]["path"]) == (422, query.partition("=")[0])


@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
def test_a_cursor_of_another_list_is_no_place(api: Api, shop: Headers) -> None:
    """A cursor that another list gave is refused by name."""
    admin = api.key("admin")
    api.key("admin")
    cursor = api.get("/stores/shop/keys", admin, params={"limit": 1}).json()["next_cursor"]
    answer = api.get("/events", shop, params={"cursor": cursor})
    assert (answer.status_code, answer.json()["errors"][0]["path"]) == (422, "cursor")


@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
def test_a_store_s_feed_is_its_own(api: Api, shop: Headers) -> None:
    """A key reads the feed of its store and of no other."""
    _file(api, shop)
    background.catch_up(api.services, api.store_id)
    background.catch_up(api.services, api.other_id)
    stranger = api.key("events:read", store_id=api.other_id)
    types = {event["type"].partition(".")[0] for event in api.get("/events", stranger).json()["items"]}
    assert types <= {"policy", "workflow", "key"}
