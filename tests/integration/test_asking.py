"""When acts without an end are looked at again: soon, ever less often, and each once at a time."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import msgspec
import pytest
import sqlalchemy as sa

from rma.db import session, tables
from rma.db.session import Work, now
from rma.domain.ports import Health, PaymentAnswer, RefundOrder, RefundQuery
from rma.services import approvals, approvers, asking, dead_letters, effects, listing, runner
from rma.services.caller import Caller
from rma.services.context import Services
from rma.services.paging import Ask
from tests.support import crossing, fragile
from tests.support.floor import Floor, payment

_attempts = tables.table(tables.Attempt)


class Gateway:
    """A provider that knows of each key what it was told; what happens during its next call happens before it answers.

    Attempt 1 of the refund ends as ``ends`` for who sent it, every later one well.
    """

    name, idempotent, can_lookup, final_after = "offline", True, True, 60

    def __init__(self, ends: Any) -> None:
        self.ends, self.sent, self.during = ends, list[str](), list[Callable[[], object]]()
        self.knows: dict[str, Any] = {}

    def health(self) -> Health:
        """It can."""
        return Health(ok=True, detail="ready")

    def refund(self, order: RefundOrder) -> PaymentAnswer:
        """Take it, let happen what happens meanwhile, and say how it ended."""
        self.sent.append(order.key)
        first = ":1:" in order.key
        while first and self.during:
            self.during.pop(0)()
        return PaymentAnswer(state=self.ends if first else "succeeded", reference=f"rf_{len(self.sent)}")

    def lookup(self, query: RefundQuery) -> PaymentAnswer | None:
        """What it knows of the key."""
        found = self.knows.get(query.key.split(":")[1])
        return None if found is None else PaymentAnswer(state=found, reference="rf_late")


@pytest.fixture
def key(floor: Floor) -> str:
    """An act that waits in the engine's queue."""
    with floor.services.database.write() as work:
        return floor.services.effects.enqueue(
            work, store_id=floor.store_id, subject_id="tra_1", attempt=1, effect="send_refund"
        )


def asked(floor: Floor, error: str) -> None:
    """The engine gave it to somebody, who asked the outside and heard this."""
    leaves_the_queue(floor)
    with floor.services.database.write() as work:
        (row,) = work.conn.execute(sa.select(_attempts)).all()
        effects.begin(work, row.id)
        effects.finish(work, row.id, answer={}, final=False, error=error)


def in_the_queue(floor: Floor) -> list[str]:
    """What waits in the engine's queue, in the order in which it is given to somebody."""
    schema = "" if floor.services.database.is_sqlite else "dbos."
    with floor.services.database.read() as work:
        asked = sa.text(f"SELECT workflow_uuid FROM {schema}workflow_status ORDER BY priority, created_at")
        return [found.partition("~")[0] for found in work.conn.execute(asked).scalars()]


def leaves_the_queue(floor: Floor) -> None:
    """The engine has given everything that was in its queue to somebody."""
    schema = "" if floor.services.database.is_sqlite else "dbos."
    with floor.services.database.write() as work:
        work.conn.execute(sa.text(f"DELETE FROM {schema}workflow_status"))


def starts_anew(floor: Floor) -> None:
    """What this process knows of acts that it handed over is gone."""
    floor.services.effects.handed = {}


def let_it_be(floor: Floor, **ages: float) -> None:
    """Let its times be so many seconds ago."""
    with floor.services.database.write() as work:
        past = {name: now() - timedelta(seconds=age) for name, age in ages.items()}
        work.conn.execute(sa.update(_attempts).values(**past))


def is_due(floor: Floor, **ages: float) -> bool:
    """Whether a process that has just started would look at it again, were its times so many seconds ago."""
    let_it_be(floor, **ages)
    starts_anew(floor)
    with floor.services.database.read() as work:
        return bool(asking.due(work, floor.services))


def test_what_broke_or_got_lost_is_looked_at_again(floor: Floor, key: str) -> None:
    """An act that broke before it began is due at once; a quiet one when its run took too long, or it left the queue.

    One of which the outside knew nothing is asked about soon, though it is old: that decides whether it is sent again.
    """
    assert not is_due(floor, updated_at=asking.QUEUED)
    leaves_the_queue(floor)
    assert not is_due(floor, updated_at=5)
    assert is_due(floor, updated_at=asking.QUEUED)
    with floor.services.database.write() as work:
        effects.failed(work, key, "broken")
    assert is_due(floor, updated_at=5)
    with floor.services.database.write() as work:
        effects.begin(work, key)
    assert not is_due(floor, updated_at=5)
    assert is_due(floor, updated_at=asking.RUNNING)
    for error, soon in (("timeout", False), (effects.NOT_YET_KNOWN, True)):
        asked(floor, error)
        assert is_due(floor, sent_at=3600, updated_at=asking.DECIDE) is soon
        assert not is_due(floor, sent_at=3600, updated_at=asking.DECIDE / 2)


def test_the_waits_grow_up_to_the_setting(floor: Floor, key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """An act is asked about after a quarter of its age, and however old it is after the seconds that are set."""
    asked(floor, "pending")
    assert [is_due(floor, sent_at=40, updated_at=waited) for waited in (8, 12)] == [False, True]
    for longest, due in ((600.0, False), (30.0, True)):
        settings = floor.services.settings.model_copy(update={"ask_again_seconds": longest})
        monkeypatch.setattr(floor.services, "settings", settings)
        assert is_due(floor, sent_at=86_400, updated_at=31) is due
    assert key


def test_a_wrong_clock_asks_no_more_often(floor: Floor, key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A process whose clock is behind or ahead hands an open act over once in its time, not with every look at it.

    That holds also when another one, whose clock is right, carries it out meanwhile. And what waits in the queue
    already is not queued twice, also not by processes that start again and again.
    """
    monkeypatch.setattr(session, "datetime", datetime)  # put right afterwards
    asked(floor, "pending")
    for ahead in (-90, 90):
        fragile.set_clock(ahead)
        starts_anew(floor)
        assert [asking.ask_again(floor.services) for _ in range(3)] == [1, 0, 0]
        fragile.set_clock(0)
        asked(floor, "pending")
        fragile.set_clock(ahead)
        assert [asking.ask_again(floor.services) for _ in range(3)] == [0, 0, 0]
        starts_anew(floor)
        assert [asking.ask_again(floor.services) for _ in range(3)] == [1, 0, 0]
        starts_anew(floor)
        assert [asking.ask_again(floor.services) for _ in range(3)] == [0, 0, 0]
        leaves_the_queue(floor)
    assert floor.row(tables.Attempt, key).tries == 5


@pytest.mark.parametrize("database_kind", ["postgresql"], indirect=True)
def test_two_who_look_at_once_queue_an_act_once(floor: Floor, key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What another process handed over since we looked, or has in hand just now, is left to it, and nobody waits.

    (On SQLite who looks in order to write is alone.)
    """
    asked(floor, "pending")
    let_it_be(floor, updated_at=60)
    look, others = asking.due, []

    def slowly(work: Work, services: Services) -> list[Any]:
        found = look(work, services)
        if services is floor.services:
            others.append(asking.ask_again(other.services))
        return found

    monkeypatch.setattr(asking, "due", slowly)
    with crossing.beside(floor, 1) as (other,):
        assert (asking.ask_again(floor.services), others, in_the_queue(floor)) == (0, [1], [key])
        asked(floor, "pending")
        let_it_be(floor, updated_at=60)
        starts_anew(other)
        with floor.services.database.write() as work:
            effects.is_open(work, key)
            assert asking.ask_again(other.services) == 0
        assert (asking.ask_again(other.services), in_the_queue(floor)) == (1, [key])


@pytest.mark.parametrize("database_kind", ["postgresql"], indirect=True)
def test_a_person_who_tries_again_hands_over_nothing_that_somebody_is_at(floor: Floor, key: str) -> None:
    """Another try does not wait for who holds the act, and queues it no second time; once it is free, it does."""
    asked(floor, "timeout")
    with crossing.beside(floor, 1) as (other,):
        database = other.services.database
        with floor.services.database.write() as work:
            effects.is_open(work, key)
            told = database.retrying(lambda mine: dead_letters.retry(mine, other.services, None, key))
            assert (told.state, in_the_queue(floor)) == ("asking", [])
        database.retrying(lambda mine: dead_letters.retry(mine, other.services, None, key))
        assert in_the_queue(floor) == [key]


def test_what_is_new_goes_before_questions(floor: Floor, key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """An act that waits for its first run is not held up by however many that are looked at once more.

    Of very many each look hands over a part, so that no transaction grows with them.
    """
    asked(floor, "pending")
    let_it_be(floor, updated_at=60)
    assert asking.ask_again(floor.services) == 1
    with floor.services.database.write() as work:
        new = floor.services.effects.enqueue(
            work, store_id=floor.store_id, subject_id="par_1", attempt=1, effect="issue_label"
        )
    assert in_the_queue(floor) == [new, key]
    leaves_the_queue(floor)
    let_it_be(floor, updated_at=asking.QUEUED)
    starts_anew(floor)
    monkeypatch.setattr(asking, "BATCH", 1)
    assert [asking.ask_again(floor.services) for _ in range(3)] == [1, 1, 0]


def test_what_nobody_can_be_asked_about_two_people_tell_with_proof(floor: Floor) -> None:
    """A provider that is not connected tells nothing: who says so twice is one person, and two have to agree.

    An own key is nobody else, what was said of an earlier attempt is not said of this one, and an end is one.
    """
    shop = Floor(floor.services, test_mode=False)
    paid = [payment(name, "card", amount, provider="bank") for name, amount in (("p1", "5.00"), ("p2", "461.66"))]
    shop.order("1", payments=paid)
    refund = shop.must(shop.by_hand("1", "10.00", "shipping"))["id"]
    shop.must(shop.approve(refund))
    for act in shop.open_acts():
        runner.run_attempt(shop.services, act)
    first, second = [row.id for row in shop.rows(tables.Transfer)]
    with shop.services.database.write() as work:
        puppet = shop.caller(work, "puppet", "puppet@example.com", by=shop.anna.actor)

    def told(who: Caller, outcome: Any, transfer: str = first, proof: str = "Dekont 17") -> tuple[str, str]:
        says = approvals.Resolve(transfer, outcome, proof)
        code, _ = shop.do(lambda work: approvals.resolve(work, shop.services, who, refund, says, locale="en"))
        return code, shop.row(tables.Refund, refund).state

    assert told(shop.clerk, "failed") == ("refused", "unknown")
    assert told(shop.anna, "failed", proof=" ") == ("invalid", "unknown")
    for who in (shop.anna, shop.anna, puppet, shop.bert):
        assert shop.row(tables.Transfer, first).state == "unknown"
        assert told(who, "failed") == ("ok", "unknown")
    assert told(shop.anna, "succeeded") == ("transfer_not_unknown", "unknown")
    assert [told(who, "failed", second) for who in (shop.anna, shop.bert)] == [("ok", "unknown"), ("ok", "failed")]
    shop.must(shop.retry(refund, first))
    runner.run_attempt(shop.services, shop.open_acts()[0])
    for who, outcome in ((shop.anna, "failed"), (puppet, "succeeded"), (shop.anna, "succeeded")):
        assert told(who, outcome) == ("ok", "unknown")
    assert told(shop.bert, "succeeded") == ("ok", "partly_succeeded")
    assert told(shop.bert, "succeeded") == ("refused", "partly_succeeded")


def sent_through(floor: Floor, gateway: Gateway, number: str) -> str:
    """An approved refund of 10.00 that goes through this provider."""
    ports: Any = floor.services.ports
    floor.services.ports = msgspec.structs.replace(ports, payments={**ports.payments, "offline": gateway})
    floor.order(number)
    refund: str = floor.must(floor.by_hand(number, "10.00", "shipping"))["id"]
    floor.must(floor.approve(refund))
    return refund


def seen(floor: Floor, refund: str) -> Any:
    """A refund as finance sees it."""
    with floor.services.database.read() as work:
        return listing.refund(work, floor.anna, refund, locale="en")[0]


def flagged(floor: Floor, flag: Any) -> list[str]:
    """What finance finds when it asks for refunds with this flag."""
    with floor.services.database.read() as work:
        filters, ask = listing.RefundFilters(flag=flag), Ask(limit=50)
        page = listing.refunds(work, floor.anna, filters, ask, locale="en", currency="TRY")
    return [row["id"] for row in page.items]


def test_a_provider_that_contradicts_itself_is_never_silent(floor: Floor) -> None:
    """A late word is taken where it can be, keeps money from going twice, and finance finds what may have gone so."""
    words: list[tuple[Any, Any, bool, str, str, int]] = [
        ("failed", "succeeded", False, "succeeded", "provider_contradicts", 1),
        ("succeeded", "failed", False, "succeeded", "provider_contradicts", 1),
        ("failed", "succeeded", True, "succeeded", "paid_twice", 2),
        ("failed", "failed", False, "failed", "", 1),
    ]
    found: dict[str, list[str]] = {"provider_contradicts": [], "paid_twice": [], "": []}
    for number, (heard, late, retried, state, flag, times) in enumerate(words):
        gateway = Gateway(late)
        refund = sent_through(floor, gateway, str(number))
        (act,), transfer = floor.open_acts(), floor.rows(tables.Transfer)[-1].id
        gateway.knows = {"1": heard}
        gateway.during = [partial(runner.run_attempt, floor.services, act)]
        if retried:
            gateway.during += [partial(floor.must, floor.retry(refund, transfer)), floor.work_off]
        runner.run_attempt(floor.services, act)
        shown = seen(floor, refund)
        assert (shown["state"], len(gateway.sent), shown["flags"]) == (state, times, [flag] if flag else [])
        found[flag].append(refund)
        told = [row for row in floor.rows(tables.Event) if row.type == "refund.unknown" and refund in row.body]
        assert len(told) == bool(flag)
    assert flagged(floor, "provider_contradicts") == found["provider_contradicts"]
    assert flagged(floor, "paid_twice") == found["paid_twice"]


def test_what_was_called_failed_is_asked_about_before_it_is_sent_anew(floor: Floor) -> None:
    """Money that had gone after all is not sent again, not even another way; what is still going is waited for."""
    gateway = Gateway("failed")
    refund = sent_through(floor, gateway, "1")
    floor.work_off()
    transfer = floor.rows(tables.Transfer)[0].id
    assert seen(floor, refund)["state"] == "failed"
    payout = {"iban": "TR330006100519786457841326", "holder": "Ayşe"}
    floor.must(floor.retry(refund, transfer, tender="bank_transfer", payout=payout, consent={"by": "mail"}))
    floor.must(floor.approve(refund))
    gateway.knows = {"1": "pending"}
    floor.work_off()
    shown = seen(floor, refund)
    assert (shown["state"], shown["flags"], shown["transfers"][0]["error"]) == ("sending", [], "earlier_attempt")
    gateway.knows = {"1": "succeeded"}
    floor.age(gateway.final_after + 1)
    floor.work_off()
    shown = seen(floor, refund)
    (paid,) = shown["transfers"]
    assert (shown["state"], shown["flags"], len(gateway.sent)) == ("succeeded", ["provider_contradicts"], 1)
    assert (paid["tender"], paid["payment_id"], paid["on_behalf_of"]) == ("card", "p1", None)


@pytest.mark.parametrize("by", ["key:key_of_nobody", None, "itself"])
def test_a_key_of_which_it_is_not_known_who_made_it_is_nobody_else(floor: Floor, by: str | None) -> None:
    """A line of makers that breaks off, or that comes back to where it began, proves no second person, either way."""
    with floor.services.database.write() as work:
        own = f"key:key_{floor.slug}_stray"
        stray = floor.caller(work, "stray", "stray@example.com", by=own if by == "itself" else by)
        work.flush()
        pairs = ((stray, floor.anna), (floor.anna, stray), (floor.anna, floor.bert))
        found = [
            approvers.independent(work, floor.services.catalog, one, [{"actor": other.actor}]) for one, other in pairs
        ]
        assert found == [False, False, True]
        assert not approvers.independent(work, floor.services.catalog, floor.anna, [{"person": "bert@example.com"}])


def test_the_acts_of_one_store_are_counted_for_it_alone(floor: Floor, key: str) -> None:
    """Who waits for a store's acts waits for no other store's."""
    pending = floor.services.effects.pending
    assert [pending(store) for store in (floor.store_id, "sto_other", None)] == [1, 0, 1], key
