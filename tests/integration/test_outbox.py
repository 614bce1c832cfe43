"""Messages leave once, under the Message-ID they were given, whatever the channel does and whoever dies."""

from __future__ import annotations

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from email import message_from_bytes, policy
from pathlib import Path
from typing import Any, cast

import msgspec
import pytest
import sqlalchemy as sa

from rma.app import create_services
from rma.db import tables
from rma.db.session import Database, now
from rma.domain.ids import secret_hash
from rma.domain.ports import Health, Message, SendAnswer
from rma.providers.registry import Providers
from rma.services import background, outbox, seal, subscribers
from rma.services.context import Services
from rma.settings import Settings
from tests.support.happenings import World

_messages = tables.table(tables.Message)
_orders = tables.table(tables.Order)
_LINK = re.compile(r"https?://[^\s\"<]+/r/([A-Za-z0-9_-]+)")
BUSY = SendAnswer(state="failed", code="busy", retryable=True)
REFUSED = SendAnswer(state="failed", code="no_such_mailbox")
UNKNOWN = SendAnswer(state="unknown", code="timeout", retryable=True)


class DiedError(BaseException):
    """The process ends here."""


class Post:
    """A channel that answers by instruction, else takes a mail over once for its Message-ID."""

    def __init__(self) -> None:
        self.answers: list[SendAnswer | BaseException] = []
        self.came: list[str] = []
        self.delivered: dict[str, Message] = {}

    @property
    def name(self) -> str:
        """Its name."""
        return "post"

    @property
    def idempotent(self) -> bool:
        """A Message-ID is delivered once."""
        return True

    def health(self) -> Health:
        """Always well."""
        return Health(ok=True, detail="well")

    def send(self, message: Message) -> SendAnswer:
        """Take over, or do as told; what raises has been delivered before."""
        self.came.append(message.message_id)
        told = self.answers.pop(0) if self.answers else SendAnswer(state="sent")
        if isinstance(told, BaseException) or told.state != "failed":
            self.delivered.setdefault(message.message_id, message)
        if isinstance(told, BaseException):
            raise told
        return told

    def forget(self, message_id: str) -> bool:
        """Give up what was delivered."""
        return self.delivered.pop(message_id, None) is not None


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


@pytest.fixture
def post(services: Services) -> Post:
    """A channel that does as it is told."""
    made = Post()
    services.ports = msgspec.structs.replace(cast("Providers", services.ports), channel=made)
    return made


def _settled(world: World, **case: Any) -> str:
    """A case with one message that waits to be sent: that it is complete."""
    made = world.case(**case)
    world.say(made, ("return.settled", {"from": "settling", "to": "settled"}))
    return made


def _row(world: World, case: str, kind: str = "return_settled") -> Any:
    return world.messages(case)[kind]


def _later(world: World, hours: float = 48) -> None:
    """Time passes for what waits to be sent."""
    with world.database.write() as work:
        waiting = sa.select(_messages.c.id, _messages.c.next_at).where(_messages.c.next_at.is_not(None))
        for row in work.conn.execute(waiting).all():
            moved = row.next_at - timedelta(hours=hours)
            work.conn.execute(sa.update(_messages).where(_messages.c.id == row.id).values(next_at=moved))


def test_a_message_is_written_before_it_is_sent(world: World, post: Post) -> None:
    """The row with its Message-ID, its words and its reader stands before the channel hears of it, and is sent once."""
    case = _settled(world)
    seen: list[Any] = []

    def look(message: Message) -> SendAnswer:
        seen.append(_row(world, case))
        return Post.send(post, message)

    post.send = look  # type: ignore[method-assign]
    background.catch_up(world.services, world.store_id)
    (row,) = seen
    assert (row.state, row.recipient, row.attempts) == ("to_send", "ayse@example.com", 1)
    assert row.subject
    after = _row(world, case)
    assert (after.state, after.next_at, after.message_id) == ("sent", None, row.message_id)
    assert after.sent_at is not None
    assert post.came == [row.message_id]
    background.catch_up(world.services, world.store_id)
    assert post.came == [row.message_id]


def test_what_was_sent_is_told_by_an_event(world: World, post: Post) -> None:
    """A mail that left is an event of its case without a word of its text; the return's own version stays."""
    case = _settled(world)
    background.catch_up(world.services, world.store_id)
    assert len(post.delivered) == 1
    told = [row for row in world.rows(tables.Event) if row.type == "message.sent"]
    assert [msgspec.json.decode(row.body)["data"] for row in told] == [
        {"id": _row(world, case).id, "kind": "return_settled", "class": "service", "locale": "tr"}
    ]
    assert [row.version for row in world.rows(tables.Return)] == [1]


def test_a_busy_channel_is_tried_again_with_growing_waits(world: World, post: Post) -> None:
    """Each try waits longer than the one before and uses the same Message-ID; the last wait ends it."""
    case = _settled(world)
    post.answers = [BUSY] * (len(outbox.WAITS) + 1)
    waits = []
    background.catch_up(world.services, world.store_id)
    while (row := _row(world, case)).state == "to_send":
        waits.append(row.next_at)
        assert outbox.send_all(world.services) == 0, "it is not tried before its time"
        _later(world)
        outbox.send_all(world.services)
    assert (row.state, len(post.came), set(post.came)) == ("failed", len(outbox.WAITS) + 1, {row.message_id})
    assert post.delivered == {}
    assert len(waits) == len(outbox.WAITS)


def test_a_mailbox_that_does_not_exist_is_given_up(world: World, post: Post) -> None:
    """A refusal that trying again cannot mend is final; the next message still goes."""
    case, other = _settled(world), _settled(world)
    post.answers = [REFUSED]
    background.catch_up(world.services, world.store_id)
    assert sorted(_row(world, made).state for made in (case, other)) == ["failed", "sent"]


@pytest.mark.parametrize("end", [DiedError(), UNKNOWN, RuntimeError("broken pipe")])
def test_nobody_reads_a_message_twice(
    world: World, post: Post, end: SendAnswer | BaseException, caplog: pytest.LogCaptureFixture
) -> None:
    """A process that dies, a channel that raises or gives no clear answer: the same mail again, delivered once."""
    case = _settled(world)
    post.answers = [end]
    try:
        background.catch_up(world.services, world.store_id)
    except DiedError:
        caplog.clear()
    assert _row(world, case).state == "to_send"
    _later(world)
    background.catch_up(world.services, world.store_id)
    row = _row(world, case)
    assert (row.state, post.came, list(post.delivered)) == ("sent", [row.message_id] * 2, [row.message_id])


def test_two_processes_send_each_message_once(world: World, post: Post) -> None:
    """Whoever claims a message sends it; nobody else does meanwhile."""
    cases = [_settled(world) for _ in range(30)]
    seal.seal_all(world.database)
    subscribers.run_all(world.services)
    with ThreadPoolExecutor(4) as pool:
        counts = [task.result() for task in [pool.submit(outbox.send_all, world.services) for _ in range(4)]]
    assert sum(counts) == len(cases)
    assert sorted(post.came) == sorted(_row(world, case).message_id for case in cases)
    assert {_row(world, case).state for case in cases} == {"sent"}


def test_a_message_that_cannot_be_worded_holds_up_no_other(
    world: World, post: Post, caplog: pytest.LogCaptureFixture
) -> None:
    """One row that cannot be put into words waits and is tried again; the rest of its batch leaves."""
    broken, fine = world.case(quote="{damaged"), _settled(world)
    world.say(broken, ("return.declined", {"from": "requested", "to": "declined"}))
    background.catch_up(world.services, world.store_id)
    assert (_row(world, broken, "return_declined").state, _row(world, fine).state) == ("to_send", "sent")
    assert "cannot be worded" in caplog.text
    assert list(post.delivered) == [_row(world, fine).message_id]


def test_the_link_opens_the_return_and_is_kept_nowhere(world: World) -> None:
    """The mail in the folder holds a working link; the database holds its hash and nothing that opens anything."""
    case = _settled(world)
    background.catch_up(world.services, world.store_id)
    row = _row(world, case)
    (file,) = (world.services.settings.data_dir / "outbox").glob("*.eml")
    mail = message_from_bytes(file.read_bytes(), policy=policy.default)
    body = mail.get_body(("plain",))
    assert body is not None
    found = _LINK.search(body.get_content())
    assert found is not None
    token = found[1]
    caller = world.services.identities.read("link", secret_hash(token))
    assert caller is not None
    assert caller.link_return_id == case
    assert mail["Message-ID"] == f"<{row.message_id}>"
    everything = " ".join(
        str(cell) for model in (tables.Message, tables.Link) for one in world.rows(model) for cell in one
    )
    assert token not in everything
    assert len(world.rows(tables.Link)) == 1


def test_a_customer_without_an_address_can_still_read(world: World, post: Post) -> None:
    """What cannot be mailed is worded all the same, for the status page; nothing goes out."""
    case = _settled(world, email=None)
    wrong = _settled(world, email="ayse@example.com\nBcc: all@example.com")
    background.catch_up(world.services, world.store_id)
    for made in (case, wrong):
        row = _row(world, made)
        assert (row.state, row.recipient) == ("no_address", None)
        assert "tamamlandı" in row.text
    assert post.came == []


@pytest.mark.parametrize(("consent", "state"), [(True, "sent"), (False, "no_consent"), (None, "no_consent")])
def test_feedback_is_mailed_only_with_consent(world: World, post: Post, consent: bool | None, state: str) -> None:
    """A feedback request counts as commercial: only a recorded yes lets it go (Law 6563 art. 6), with a way out."""
    case = world.case(consent=consent, state="awaiting_feedback")
    world.say(case, ("feedback.requested", {"from": "settled", "to": "awaiting_feedback"}))
    background.catch_up(world.services, world.store_id)
    row = _row(world, case, "feedback_request")
    assert (row.state, row.text is None) == (state, state != "sent")
    assert [bool(mail.unsubscribe_url) for mail in post.delivered.values()] == [True] * (state == "sent")


def test_consent_counts_when_the_mail_leaves(world: World, post: Post) -> None:
    """Who takes their consent back before the mail is sent does not get it."""
    case = world.case(consent=True, state="awaiting_feedback")
    world.say(case, ("feedback.requested", {"from": "settled", "to": "awaiting_feedback"}))
    seal.seal_all(world.database)
    subscribers.run_all(world.services)
    assert _row(world, case, "feedback_request").state == "to_send"
    with world.database.write() as work:
        work.conn.execute(sa.update(_orders).values(person='{"email": "ayse@example.com"}'))
    outbox.send_all(world.services)
    assert (_row(world, case, "feedback_request").state, post.came) == ("no_consent", [])


def test_a_reminder_that_is_late_is_not_sent(world: World, post: Post) -> None:
    """Facts are those of the moment: a parcel that is on its way by now needs no reminder."""
    late, due = world.case(state="in_transit"), world.case()
    for case in (late, due):
        world.deadline(case, "ship_back")
        world.say(case, ("deadline.warned", {"deadline": "ship_back", "subject": case}))
    background.catch_up(world.services, world.store_id)
    states = [_row(world, case, "send_back_reminder").state for case in (late, due)]
    assert states == ["obsolete", "sent"]
    assert "27 Kasım 2026" in next(iter(post.delivered.values())).subject


class Torn:
    """Words as they are, but the first letter's subject is one that nobody can write down."""

    def __init__(self, real: Any) -> None:
        self._real = real
        self.torn: str | None = None

    def render(self, facts: Any, *, locale: str) -> Any:
        """The words of this letter."""
        said = self._real.render(facts, locale=locale)
        self.torn = self.torn or facts.rma_number
        return msgspec.structs.replace(said, subject="\ud800") if facts.rma_number == self.torn else said


def test_what_cannot_be_written_down_of_one_holds_up_no_other(world: World, post: Post) -> None:
    """Words, or the note that it left, cannot be kept: the rest of the batch is sent and noted; it comes later."""
    first, second = _settled(world), _settled(world)
    background.catch_up(world.services, world.store_id)
    assert [_row(world, one).state for one in (first, second)] == ["sent", "sent"]
    torn, whole = _settled(world), _settled(world)
    seal.seal_all(world.database)
    subscribers.run_all(world.services)
    words = world.services.ports.messages
    world.services.ports = msgspec.structs.replace(cast("Providers", world.services.ports), messages=Torn(words))
    full = 2**63 - 1 if world.database.is_sqlite else 2**31 - 1
    assert outbox.send_due(world.services) == 2
    assert [_row(world, one).state for one in (torn, whole)] == ["to_send", "sent"]
    assert "UnicodeEncodeError" in _row(world, torn).error
    assert _row(world, torn).attempts == 1
    world.services.ports = msgspec.structs.replace(world.services.ports, messages=words)
    _later(world)
    returns = tables.table(tables.Return)
    unnoted, noted = _settled(world), _settled(world)
    seal.seal_all(world.database)
    subscribers.run_all(world.services)
    with world.database.write() as work:
        mine = sa.select(returns.c.events_n).where(returns.c.id == unnoted)
        before = work.conn.execute(mine).scalar_one()
        work.conn.execute(sa.update(returns).where(returns.c.id == unnoted).values(events_n=full))
    assert outbox.send_due(world.services) == 3
    assert [_row(world, one).state for one in (torn, unnoted, noted)] == ["sent", "to_send", "sent"]
    waits = _row(world, unnoted)  # it has left: whoever has it must not have it again with every lease
    assert (waits.error is None, waits.next_at > now() + outbox.LEASE) == (False, True)
    with world.database.write() as work:
        work.conn.execute(sa.update(returns).where(returns.c.id == unnoted).values(events_n=before))
    _later(world)
    assert outbox.send_all(world.services) == 1
    assert _row(world, unnoted).state == "sent"
    assert len(post.delivered) == len({first, second, torn, whole, unnoted, noted})
