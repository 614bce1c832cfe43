"""Money moves once: whatever the provider does, however often an act is run, and wherever it breaks."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
import sqlalchemy as sa

from rma.db import tables
from rma.db.session import Work, now
from rma.domain.ports import Health, PaymentAnswer, RefundOrder, RefundQuery
from rma.errors import Unavailable
from rma.providers.payments_offline import OfflinePayments
from rma.services import effects, runner
from tests.support import invariants, racing
from tests.support.floor import Clock, Floor, ids, payment

_attempts = tables.table(tables.Attempt)


class Killed(BaseException):
    """The process ends here."""


class Fragile:
    """A provider whose caller dies, or is held up, before or after a call, or once after it was answered a question."""

    can_lookup = True

    def __init__(
        self,
        real: OfflinePayments,
        *,
        before: Callable[[], None],
        after: Callable[[], None],
        told: Callable[[], None] | None = None,
    ) -> None:
        self._real, self._before, self._after, self._told = real, before, after, told
        self.name, self.idempotent, self.final_after = real.name, real.idempotent, real.final_after

    def health(self) -> Health:
        """As the real one."""
        return self._real.health()

    def refund(self, order: RefundOrder) -> PaymentAnswer:
        """As the real one, if it gets there, and if the answer comes back."""
        self._before()
        answer = self._real.refund(order)
        self._after()
        return answer

    def lookup(self, query: RefundQuery) -> PaymentAnswer | None:
        """As the real one, and then what happens meanwhile."""
        answer, told, self._told = self._real.lookup(query), self._told, None
        if told is not None:
            told()
        return answer


@pytest.fixture(params=["offline", "offline_plain"])
def provider_name(request: pytest.FixtureRequest) -> str:
    """The gateway that honours idempotency keys, then the one that has none."""
    name: str = request.param
    return name


@pytest.fixture
def clock() -> Clock:
    """The provider's clock."""
    return Clock()


@pytest.fixture
def provider(floor: Floor, tmp_path: Path, provider_name: str, clock: Clock) -> Iterator[OfflinePayments]:
    """The gateway of this test, in the place of the installed one."""
    made = OfflinePayments(
        tmp_path / "ledger.sqlite", name=provider_name, idempotent=provider_name == "offline", clock=clock
    )
    install(floor, made)
    yield made
    made.close()


def install(floor: Floor, provider: Any) -> None:
    """Let refunds go through this provider."""
    ports: Any = floor.services.ports
    floor.services.ports = msgspec.structs.replace(ports, payments={**ports.payments, provider.name: provider})


def approved(floor: Floor, provider_name: str, script: str = "") -> tuple[str, str]:
    """An approved refund of one payment, and the key of the act that is to send it."""
    floor.order("1", payments=[payment("p1", "card", "466.66", provider=provider_name, script=script)])
    filed = floor.must(floor.file("1", ("2", 1)))
    line = ids(filed)["2"]
    floor.must(floor.receive(filed["id"], (line, 1)))
    refund = floor.must(floor.inspect(filed["id"], (line, 1, "accept")))["refunds"][0]["id"]
    floor.must(floor.approve(refund))
    return refund, next(key for key in floor.open_acts() if key.endswith("send_refund"))


def state(floor: Floor, refund: str) -> str:
    """The state of a refund."""
    found: str = floor.row(tables.Refund, refund).state
    return found


def sent(provider: OfflinePayments) -> int:
    """How many calls for a refund were new to the gateway."""
    return sum(call.operation == "refund" and call.fresh for call in provider.calls())


def run(floor: Floor, key: str) -> None:
    """One run of an act, as the engine makes it."""
    runner.run_attempt(floor.services, key)


def elsewhere(floor: Floor, key: str) -> None:
    """Another run, in another thread, from its beginning to its end."""
    racing.together(lambda: run(floor, key))


def dies(floor: Floor, key: str) -> None:
    """A run in a process that ends in the middle of it."""
    with pytest.raises(Killed):
        run(floor, key)


def kill() -> None:
    """End the process."""
    raise Killed


def nothing() -> None:
    """Go on."""


def test_a_lost_answer_is_asked_for(floor: Floor, provider: OfflinePayments) -> None:
    """The work was done and the answer lost: the provider is asked, nothing is sent again."""
    refund, key = approved(floor, provider.name, "timeout-after")
    run(floor, key)
    assert state(floor, refund) == "unknown"
    run(floor, key)
    assert (state(floor, refund), sent(provider), provider.moved("TRY")) == ("succeeded", 1, 8000)
    invariants.check(floor)


def test_what_never_arrived_is_sent_again_only_when_that_is_proven(floor: Floor, provider: OfflinePayments) -> None:
    """Not known is unknown until the provider's time is over; then it is sent once more, and counts from itself."""
    refund, key = approved(floor, provider.name, "timeout-before,timeout-before,succeed")
    for _ in range(3):
        run(floor, key)
    assert (state(floor, refund), sent(provider)) == ("unknown", 1)
    floor.age(provider.final_after + 1)
    for _ in range(3):
        run(floor, key)
    assert (state(floor, refund), sent(provider)) == ("unknown", 2)
    floor.age(provider.final_after + 1)
    run(floor, key)
    assert (state(floor, refund), sent(provider), provider.moved("TRY")) == ("succeeded", 3, 8000)
    invariants.check(floor)


def test_what_lands_late_lands_once(floor: Floor, provider: OfflinePayments, clock: Clock) -> None:
    """A refund that lands after the provider did not know it is found there and not sent again."""
    refund, key = approved(floor, provider.name, "late:45")
    for _ in range(3):
        run(floor, key)
    assert (state(floor, refund), sent(provider)) == ("unknown", 1)
    clock.now += timedelta(seconds=45)
    floor.age(45)
    run(floor, key)
    assert (state(floor, refund), sent(provider), provider.moved("TRY")) == ("succeeded", 1, 8000)
    invariants.check(floor)


@pytest.mark.parametrize("script", ["pending:2", "pending-fail", "timeout-fail", "timeout-after,blind:2"])
def test_asking_ends_every_unknown(floor: Floor, provider: OfflinePayments, script: str) -> None:
    """Pending, refused without an answer, not even answering questions: asked often enough, the outcome is known."""
    refund, key = approved(floor, provider.name, script)
    for _ in range(5):
        run(floor, key)
    good = "fail" not in script
    assert state(floor, refund) == ("succeeded" if good else "failed")
    assert (sent(provider), provider.moved("TRY")) == (1, 8000 if good else 0)
    assert floor.open_acts() == []
    invariants.check(floor)


@pytest.mark.parametrize("script", ["twice", "twice:card_closed", "slow:1"])
def test_what_is_told_twice(
    floor: Floor, provider: OfflinePayments, script: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The end is told twice, also otherwise the second time: the first word stands, and the money moved once."""
    refund, key = approved(floor, provider.name, script)
    monkeypatch.setattr(provider, "_sleep", lambda _: elsewhere(floor, key))
    floor.work_off(rounds=2)
    told = [(row.state, row.error) for row in floor.rows(tables.Transfer)]
    assert (told, provider.told_twice()) == ([("succeeded", None)], int(script != "slow:1"))
    assert (state(floor, refund), sent(provider), provider.moved("TRY")) == ("succeeded", 1, 8000)
    invariants.check(floor)


@pytest.mark.parametrize("where", ["before", "after"])
def test_a_process_that_dies_around_the_call(floor: Floor, provider: OfflinePayments, where: str) -> None:
    """Killed before the call or before its answer was written: the next run asks, and the money moves once."""
    refund, key = approved(floor, provider.name)
    deadly = {"before": nothing, "after": nothing} | {where: kill}
    install(floor, Fragile(provider, **deadly))
    dies(floor, key)
    install(floor, provider)
    assert state(floor, refund) == "sending"
    run(floor, key)
    if where == "before":
        assert (state(floor, refund), provider.moved("TRY")) == ("unknown", 0)
        floor.age(provider.final_after + 1)
        run(floor, key)
    assert (state(floor, refund), sent(provider), provider.moved("TRY")) == ("succeeded", 1, 8000)
    invariants.check(floor)


def test_a_process_that_dies_before_it_began(
    floor: Floor, provider: OfflinePayments, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What ends before the beginning is committed has called nobody, and the next run is the first one."""
    refund, key = approved(floor, provider.name)
    with monkeypatch.context() as patched:
        patched.setattr(effects, "begin", lambda *_: kill())
        dies(floor, key)
    assert (state(floor, refund), sent(provider)) == ("sending", 0)
    run(floor, key)
    assert (state(floor, refund), sent(provider), provider.moved("TRY")) == ("succeeded", 1, 8000)
    invariants.check(floor)


def test_a_process_that_dies_while_it_writes_the_answer(
    floor: Floor, provider: OfflinePayments, monkeypatch: pytest.MonkeyPatch
) -> None:
    """State, event and attempt are one transaction: what is lost of them is lost together, and asked for again."""
    refund, key = approved(floor, provider.name)
    with monkeypatch.context() as patched:
        patched.setattr(effects, "finish", lambda *_, **__: kill())
        dies(floor, key)
    assert (state(floor, refund), provider.moved("TRY")) == ("sending", 8000)
    run(floor, key)
    assert (state(floor, refund), sent(provider), provider.moved("TRY")) == ("succeeded", 1, 8000)
    invariants.check(floor)


def test_two_runs_of_one_attempt_at_once(floor: Floor, provider: OfflinePayments) -> None:
    """However many run it at once, one calls; the others only ask, and what they learn does not undo its word."""
    refund, key = approved(floor, provider.name)
    racing.together(*[lambda: run(floor, key)] * 4)
    floor.work_off(rounds=2)
    assert (state(floor, refund), sent(provider), provider.moved("TRY")) == ("succeeded", 1, 8000)
    invariants.check(floor)


def test_a_run_while_the_first_call_is_on_its_way(floor: Floor, provider: OfflinePayments) -> None:
    """An attempt that was wanted long ago and has only just been called is not lost: who asks then sends nothing."""
    refund, key = approved(floor, provider.name)
    with floor.services.database.write() as work:
        hours_ago = now() - timedelta(hours=3)
        work.conn.execute(sa.update(_attempts).where(_attempts.c.id == key).values(created_at=hours_ago))
    install(floor, Fragile(provider, before=lambda: elsewhere(floor, key), after=nothing))
    run(floor, key)
    install(floor, provider)
    assert (state(floor, refund), sent(provider), provider.moved("TRY")) == ("succeeded", 1, 8000)
    invariants.check(floor)


def test_a_second_sending_on_its_way_is_not_sent_a_third_time(floor: Floor, provider: OfflinePayments) -> None:
    """Who sends again counts from then: another one who asks meanwhile does not send as well."""
    refund, key = approved(floor, provider.name, "timeout-before,succeed")
    run(floor, key)
    floor.age(provider.final_after + 1)
    install(floor, Fragile(provider, before=lambda: elsewhere(floor, key), after=nothing))
    run(floor, key)
    install(floor, provider)
    assert (state(floor, refund), sent(provider), provider.moved("TRY")) == ("succeeded", 2, 8000)
    invariants.check(floor)


def test_who_asked_before_another_one_sent_sends_nothing(floor: Floor, provider: OfflinePayments) -> None:
    """That nothing is known proves nothing of what another process sends after it was said, however it is answered."""
    refund, key = approved(floor, provider.name, "timeout-before,pending:2")
    run(floor, key)
    floor.age(provider.final_after + 1)
    install(floor, Fragile(provider, before=nothing, after=nothing, told=lambda: elsewhere(floor, key)))
    run(floor, key)
    install(floor, provider)
    for _ in range(3):
        run(floor, key)
    assert (state(floor, refund), sent(provider), provider.moved("TRY")) == ("succeeded", 2, 8000)
    invariants.check(floor)


def test_what_is_pending_and_then_not_known_is_not_sent_at_once(
    floor: Floor, provider: OfflinePayments, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A provider that took a refund and does not find it yet has time until nothing can land any more."""
    refund, key = approved(floor, provider.name, "pending:1")
    run(floor, key)
    with monkeypatch.context() as forgetful:
        forgetful.setattr(provider, "lookup", lambda _: None)
        for _ in range(2):
            run(floor, key)
    assert (state(floor, refund), sent(provider)) == ("unknown", 1)
    for _ in range(2):
        run(floor, key)
    assert (state(floor, refund), sent(provider), provider.moved("TRY")) == ("succeeded", 1, 8000)


def test_a_clock_that_is_set_forward_sends_nothing(
    floor: Floor, provider: OfflinePayments, monkeypatch: pytest.MonkeyPatch, clock: Clock
) -> None:
    """What has just left may still land: a clock that jumps an hour ahead, or back, is no proof that it never will."""
    refund, key = approved(floor, provider.name, "late:45,succeed")
    run(floor, key)
    for hours in (1, -2, 3):
        with monkeypatch.context() as patched:
            shown = now() + timedelta(hours=hours)
            patched.setattr(effects, "now", lambda shown=shown: shown)
            run(floor, key)
    assert (state(floor, refund), sent(provider)) == ("unknown", 1)
    clock.now += timedelta(seconds=45)
    run(floor, key)
    assert (state(floor, refund), sent(provider), provider.moved("TRY")) == ("succeeded", 1, 8000)


@pytest.mark.parametrize(("ahead", "ago"), [(-3600, 0), (90, 3600)], ids=["the machine slept", "the clock went back"])
def test_a_run_that_stood_still_does_not_send(
    floor: Floor, provider: OfflinePayments, monkeypatch: pytest.MonkeyPatch, ahead: int, ago: int
) -> None:
    """A process that stood still between writing "begun" and calling leaves it to whoever asks, whatever clocks say."""
    refund, key = approved(floor, provider.name)
    stood = effects.Leaving(now() + timedelta(seconds=ahead), time.monotonic() - ago)
    with monkeypatch.context() as patched:
        patched.setattr(effects, "leaving", lambda: stood)
        run(floor, key)
    assert (state(floor, refund), sent(provider)) == ("unknown", 0)
    floor.age(provider.final_after + 1)
    run(floor, key)
    assert (state(floor, refund), sent(provider), provider.moved("TRY")) == ("succeeded", 1, 8000)


def test_what_is_done_is_not_done_again(floor: Floor, provider: OfflinePayments) -> None:
    """A run of an attempt that has ended calls and asks nobody; a retry of finance is a new attempt with its key."""
    refund, key = approved(floor, provider.name, "fail,succeed")
    run(floor, key)
    calls = len(provider.calls())
    run(floor, key)
    assert (state(floor, refund), len(provider.calls())) == ("failed", calls)
    transfer = floor.rows(tables.Transfer)[0]
    floor.must(floor.retry(refund, transfer.id))
    floor.work_off()
    run(floor, key)
    assert {call.key for call in provider.calls()} == {key, key.replace(":1:", ":2:")}
    assert (state(floor, refund), sent(provider), provider.moved("TRY")) == ("succeeded", 2, 8000)
    invariants.check(floor)


def test_a_store_credit_is_issued_once(floor: Floor) -> None:
    """Two runs at once issue one credit under one code."""
    floor.order("1")
    filed = floor.must(floor.file("1", ("2", 1), line={"outcome": "store_credit"}))
    line = ids(filed)["2"]
    floor.must(floor.receive(filed["id"], (line, 1)))
    refund = floor.must(floor.inspect(filed["id"], (line, 1, "accept")))["refunds"][0]["id"]
    floor.must(floor.approve(refund))
    (key,) = [key for key in floor.open_acts() if key.endswith("send_refund")]
    racing.together(*[lambda: run(floor, key)] * 4)
    issued = [row for row in floor.rows(tables.Event) if row.type == "credit.issued"]
    assert (state(floor, refund), len(issued)) == ("succeeded", 1)
    invariants.check(floor)


def test_what_broke_with_the_database_is_written_down_once_it_is_back(
    floor: Floor, provider: OfflinePayments, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run does not end before its error is kept: it would be gone for the engine, and nobody would look for long."""
    _, key = approved(floor, provider.name)
    away = iter([Unavailable("away"), Unavailable("away")])
    real = effects.failed

    def failed(work: Work, key: str, error: str) -> None:
        for one in away:
            raise one
        real(work, key, error)

    monkeypatch.setattr(runner, "KEEP_TRYING", (0.0,) * 3)
    monkeypatch.setattr(effects, "begin", lambda *_: (_ for _ in ()).throw(Unavailable("away")))
    monkeypatch.setattr(effects, "failed", failed)
    run(floor, key)
    assert floor.row(tables.Attempt, key).error.startswith("rma.errors.Unavailable (unavailable) at rma.services.")
