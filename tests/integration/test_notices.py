"""Every message that events make, in every language, with the facts of its moment."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from rma.app import create_services
from rma.db import tables
from rma.db.session import Database
from rma.domain.events import Draft, Personal
from rma.domain.messages import KINDS
from rma.domain.occasions import kinds_by_event
from rma.services import background, keys, log
from rma.services.context import Services
from rma.services.keys import NewKey
from rma.settings import Settings
from tests.support.happenings import START, World, parcel, refund, replacement, transfer

MOVED = {"from": "a", "to": "b"}


@pytest.fixture
def services(database_url: str, tmp_path: Path) -> Iterator[Services]:
    """The services on the migrated database, on SQLite and then on PostgreSQL."""
    made = create_services(Settings(data_dir=tmp_path, access_log=False), database=Database(database_url))
    yield made
    made.close()


@pytest.fixture
def world(services: Services) -> World:
    """A store in it."""
    return World(services)


def _order(world: World, case: str) -> str:
    return str(next(row.order_id for row in world.rows(tables.Return) if row.id == case))


def _line(world: World, case: str) -> str:
    return str(next(row.id for row in world.rows(tables.ReturnLine) if row.return_id == case))


def _set(world: World, case: str, **values: Any) -> None:
    table = tables.table(tables.Return)
    with world.database.write() as work:
        work.conn.execute(sa.update(table).where(table.c.id == case).values(**values))


def _told(world: World, case: str) -> dict[str, Any]:
    """Read and send everything; the messages of the case by kind."""
    background.catch_up(world.services, world.store_id)
    return world.messages(case)


def _about_the_case(world: World, case: str) -> None:
    world.say(
        case,
        ("return.requested", {"assessment": "accepted", "to": "requested"}),
        ("return.approved", MOVED | {"trigger": "approve"}),
        ("return.declined", MOVED | {"trigger": "lapse_evidence"}),
        ("return.inspecting", MOVED | {"trigger": "receive"}),
        ("return.expired", MOVED),
        ("return.cancelled", MOVED),
        ("return.reopened", MOVED),
        ("return.settled", MOVED),
        ("deadline.warned", {"deadline": "ship_back", "subject": case}),
        ("deadline.warned", {"deadline": "evidence", "subject": case}),
        ("return.evidence_requested", MOVED | {"reason": Personal("Lütfen kutunun fotoğrafı")}),
    )


def _about_its_children(world: World, case: str) -> None:
    order, line = _order(world, case), _line(world, case)
    label = world.add(parcel(case))
    back = world.add(parcel(case, direction="outbound", state="handed_over", lines=[{"line_id": line, "quantity": 1}]))
    money = world.add(refund(case, order, state="sending"))
    stuck = world.add(refund(case, order, state="failed"))
    door = world.add(refund(case, order, state="awaiting_payout"))
    world.add(transfer(door, order, state="pending", tender="bank_transfer", payment_id=None))
    world.add(transfer(money, order))
    world.add(transfer(stuck, order, state="failed", error="insufficient_funds"))
    world.add(transfer(stuck, order, position=1, state="unknown", error="no_provider"))
    swaps = {state: world.add(replacement(case, line, state=state)) for state in SWAPS}
    world.deadline(case, "payment", subject=swaps["awaiting_payment"])
    at = START.replace(hour=12)
    world.add(
        tables.Inspection(
            id=f"ins_{case}"[:40], store_id="", return_id=case, line_id=line, quantity=1, grade="C",
            disposition="send_back", verdict="reject", doc={"reason": "Leke var"}, by="key", created_at=at,
        )
    )  # fmt: skip
    world.say(
        case,
        Draft("line.graded", {"line": line, "verdict": "reject"}, at),
        Draft("line.graded", {"line": line, "verdict": "part"}, at),
        ("parcel.label_ready", MOVED | {"id": label}),
        ("parcel.handed_over", MOVED | {"id": back}),
        *((f"refund.{state}", MOVED | {"id": money}) for state in ("approved", "sending", "succeeded")),
        ("refund.failed", MOVED | {"id": stuck}),
        ("refund.proposed", {"id": door, "payout_missing": True}),
        ("deadline.warned", {"deadline": "refund", "subject": case}),
        ("refund.overdue", {"legal": "2026-11-27", "refunds": [stuck]}),
        *((f"replacement.{state}", MOVED | {"id": swap}) for state, swap in swaps.items()),
    )


SWAPS = ("awaiting_payment", "ordered", "shipped", "out_of_stock", "released")


@pytest.mark.parametrize(
    ("locale", "word", "day"),
    [("tr", "İade", "27 Kasım 2026"), ("en", "return", "27 November 2026"), ("de", "Rücksend", "27. November 2026")],
)
def test_every_message_is_sent_in_the_reader_s_language(world: World, locale: str, word: str, day: str) -> None:
    """Each occasion finds its facts in the rows and becomes a mail in the customer's own language."""
    case = world.case(locale=locale)
    for name in ("ship_back", "evidence", "review", "feedback", "refund"):
        world.deadline(case, name)
    with world.database.write() as work:
        finance = NewKey(name="kasa", scopes=["refunds:approve"], person="kasa@cinar.example")
        keys.mint(work, finance, store_id=world.store_id, actor="system")
    _about_the_case(world, case)
    _about_its_children(world, case)
    _told(world, case)
    _set(world, case, state="in_review")
    world.say(case, ("return.reviewed", MOVED))
    found = _told(world, case)
    late = {"refund_sent"}
    elsewhere = {"feedback_request", "withdrawal_reported"}
    expected = {kind for made in kinds_by_event().values() for kind in made} - elsewhere
    assert found.keys() == expected
    assert {kind: row.state for kind, row in found.items() if row.state != "sent"} == dict.fromkeys(late, "to_send")
    inside = {"refund_stuck", "refund_due_soon", "refund_overdue"}
    assert {found[kind].locale for kind in expected - late - inside} == {locale}
    text = " ".join(row.subject + row.text for kind, row in found.items() if kind not in late | inside)
    assert word in text
    assert day in found["evidence_requested"].text
    assert "Lütfen kutunun fotoğrafı" in found["evidence_requested"].text
    assert "- Leke var" in found["line_not_accepted"].text
    assert len(world.rows(tables.Message)) == len(expected), "two lines of one inspection are one message"
    assert (found["refund_stuck"].recipient, found["refund_stuck"].locale) == ("kasa@cinar.example", "tr")
    assert "- Sağlayıcının yanıtı: insufficient_funds\n- Bu ödeme yolunun sağlayıcısı yok" in found["refund_stuck"].text
    assert "73104455" in found["label_ready"].text
    folder = world.services.settings.data_dir / "outbox"
    assert len(list(folder.glob("*.eml"))) == len(expected - late)


def test_reading_an_event_again_tells_nothing_again(world: World) -> None:
    """A cursor that was set back makes no second message of any event."""
    case = world.case()
    _about_the_case(world, case)
    before = [row.id for row in world.rows(tables.Message)] or [row.id for row in _told(world, case).values()]
    cursors = tables.table(tables.Cursor)
    with world.database.write() as work:
        work.conn.execute(sa.update(cursors).values(number=0))
    _told(world, case)
    assert sorted(row.id for row in world.rows(tables.Message)) == sorted(before)


def test_a_part_is_told_with_what_is_outstanding(world: World) -> None:
    """R9: of two tenders one was paid; the message tells the part and the rest, and finance hears of it."""
    case = world.case()
    order = _order(world, case)
    money = world.add(refund(case, order, state="partly_succeeded", total=10000))
    world.add(transfer(money, order, amount=9000))
    world.add(transfer(money, order, amount=1000, position=1, state="failed", tender="gift_card"))
    world.say(case, ("refund.partly_succeeded", MOVED | {"id": money}))
    told = _told(world, case)
    assert "90,00" in told["refund_succeeded"].text
    assert "10,00" in told["refund_succeeded"].text
    assert "refund_stuck" not in told, "there is nobody to tell"


def test_a_decline_gives_the_reasons_of_the_decision(world: World) -> None:
    """What the rules said is told in the reader's language; what a person wrote goes first; there is always one."""
    quote = (
        '{"lines": [{"decision": "refused", "reasons": [{"rule": "window", "code": "late",'
        ' "text": {"tr": "Son gün dündü.", "en": "The last day was yesterday.", "de": "Gestern."}}]}]}'
    )
    by_rule, by_hand, without = world.case(quote=quote), world.case(quote=quote, locale="en"), world.case(locale="de")
    world.say(by_rule, ("return.declined", MOVED | {"trigger": "assess"}))
    world.say(by_hand, ("return.declined", MOVED | {"trigger": "decline", "reason": Personal("It was worn.")}))
    world.say(without, ("return.declined", MOVED | {"trigger": "submit_evidence"}))
    background.catch_up(world.services, world.store_id)
    texts = [world.messages(case)["return_declined"].text for case in (by_rule, by_hand, without)]
    assert "Son gün dündü." in texts[0]
    assert "It was worn." in texts[1]
    assert "yesterday" not in texts[1]
    assert "erfüllt die Bedingungen" in texts[2]


def test_a_refund_without_goods_is_told_too(world: World) -> None:
    """Money back on an order without a return reaches the customer under the order's number, with no secret link."""
    order = _order(world, world.case())
    money = world.add(refund("", order, return_id=None, state="succeeded", due_legal=None))
    world.add(transfer(money, order))
    with world.database.write() as work:
        draft = Draft("refund.succeeded", MOVED | {"id": money}, START)
        log.append_to(work, "orders", order, [draft], store_id=world.store_id, actor="system")
    background.catch_up(world.services, world.store_id)
    (row,) = world.rows(tables.Message)
    assert (row.kind, row.state, row.return_id) == ("refund_succeeded", "sent", None)
    assert "~link~" not in row.text
    assert len(world.rows(tables.Link)) == 0


def test_the_expiry_of_a_label_is_told_in_time(world: World) -> None:
    """The reminder for a label names the day on which the label ends, not the day on which the return does."""
    case = world.case()
    label = world.add(parcel(case, expires_on=date(2026, 11, 24)))
    world.deadline(case, "ship_back")
    world.say(case, ("deadline.warned", {"deadline": "label", "subject": label}))
    assert "24 Kasım 2026" in _told(world, case)["send_back_reminder"].subject


def test_every_kind_that_events_make_is_a_service_or_needs_consent() -> None:
    """Nothing commercial goes to anybody by an event but the feedback request."""
    made = {kind for kinds in kinds_by_event().values() for kind in kinds}
    assert [kind for kind in sorted(made) if KINDS[kind].message_class == "commercial"] == ["feedback_request"]
