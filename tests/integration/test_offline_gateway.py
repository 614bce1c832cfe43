"""The offline payment gateway on its bad days, shared by several processes."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from rma.domain.ports import PaymentAnswer, Payout, RefundOrder, RefundQuery
from rma.providers.offline_book import Call
from rma.providers.payments_offline import OfflinePayments
from tests.support.floor import Clock

Gateway = Callable[..., OfflinePayments]

_OTHER_PROCESS = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from rma.domain.ports import RefundOrder
from rma.providers.payments_offline import OfflinePayments
from tests.support.floor import Clock

path, idempotent, prefix = Path(sys.argv[1]), sys.argv[2] == "True", sys.argv[3]
gateway = OfflinePayments(path, name="offline", idempotent=idempotent, clock=lambda: datetime.now(UTC))
for number in range(20):
    key = f"{prefix}{number}"
    gateway.refund(RefundOrder(key=key, payment_reference="pi_1", amount=1, currency="TRY"))
"""


@pytest.fixture
def clock() -> Clock:
    """Nine o'clock."""
    return Clock()


@pytest.fixture
def gateway(tmp_path: Path, clock: Clock) -> Gateway:
    """Opens the gateway of this test, again and again on the same ledger."""

    def make(*, idempotent: bool = True, default: str = "succeed", naps: list[float] | None = None) -> OfflinePayments:
        return OfflinePayments(
            tmp_path / "payments.sqlite",
            name="offline",
            idempotent=idempotent,
            clock=clock,
            default=default,
            sleep=(naps if naps is not None else []).append,
        )

    return make


def order(reference: str = "pi_1", *, key: str = "k1", amount: int = 100, payout: Payout | None = None) -> RefundOrder:
    """A refund of one lira."""
    return RefundOrder(key=key, payment_reference=reference, amount=amount, currency="TRY", payout=payout)


def asked(gateway: OfflinePayments, sent: RefundOrder) -> PaymentAnswer | None:
    """What the gateway says about an order."""
    return gateway.lookup(RefundQuery(key=sent.key, payment_reference=sent.payment_reference))


def test_each_attempt_takes_the_next_instruction(gateway: Gateway) -> None:
    """New calls on one payment go through its instructions: refused first, then paid."""
    provider = gateway()
    reference = "pi_1#fail:insufficient_funds,succeed"
    first = provider.refund(order(reference, key="k1"))
    second = provider.refund(order(reference, key="k2"))
    assert (first.state, first.code, second.state) == ("failed", "insufficient_funds", "succeeded")


def test_a_repeated_key_takes_no_new_instruction(gateway: Gateway) -> None:
    """Where keys are honoured a repeated key is answered with its first result, a refusal too."""
    provider = gateway()
    reference = "pi_1#fail:card_closed,succeed"
    assert [provider.refund(order(reference)).state for _ in range(2)] == ["failed", "failed"]
    assert provider.moved("TRY") == 0


def test_after_a_lost_answer_the_key_protects(gateway: Gateway) -> None:
    """The work was done and the answer lost: the same key again gives the answer and moves nothing."""
    provider = gateway()
    sent = order("pi_1#timeout-after")
    assert [provider.refund(sent).state for _ in range(2)] == ["unknown", "succeeded"]
    assert (provider.moved("TRY"), provider.duplicates()) == (100, {})


def test_without_keys_sending_again_pays_twice(gateway: Gateway) -> None:
    """Without keys the same mistake pays twice, and the ledger, the duplicates and a lookup all show it."""
    provider = gateway(idempotent=False)
    sent = order("pi_1#timeout-after")
    assert [provider.refund(sent).state for _ in range(2)] == ["unknown", "unknown"]
    assert (provider.moved("TRY"), provider.duplicates(), len(provider.ledger())) == (200, {"k1": 2}, 2)
    answer = asked(provider, sent)
    assert answer is not None
    assert answer.copies == 2


def test_a_late_refund_lands_after_it_was_not_known(gateway: Gateway, clock: Clock) -> None:
    """A refund may land after a lookup did not know it; once ``final_after`` has passed, not known means never."""
    provider = gateway()
    sent = order("pi_1#late:45")
    assert provider.refund(sent).state == "unknown"
    assert asked(provider, sent) is None
    assert provider.refund(sent).code == "in_progress"
    clock.forward(45)
    answer = asked(provider, sent)
    assert answer is not None
    assert (answer.state, provider.moved("TRY"), provider.final_after) == ("succeeded", 100, 60)


def test_pending_waits_for_as_many_lookups(gateway: Gateway) -> None:
    """``pending:2`` says pending twice when asked, then succeeded, and moves no money before."""
    provider = gateway()
    sent = order("pi_1#pending:2")
    provider.refund(sent)
    assert provider.moved("TRY") == 0
    states = [answer and answer.state for answer in (asked(provider, sent) for _ in range(4))]
    assert states == ["pending", "pending", "succeeded", "succeeded"]


def test_pending_may_fail_in_the_end(gateway: Gateway) -> None:
    """A pending refund that fails says why and has moved nothing."""
    provider = gateway()
    sent = order("pi_1#pending-fail:account_closed")
    assert provider.refund(sent).state == "pending"
    answer = asked(provider, sent)
    assert answer is not None
    assert (answer.state, answer.code, provider.moved("TRY")) == ("failed", "account_closed", 0)


def test_pending_may_never_end(gateway: Gateway) -> None:
    """A refund may stay pending however often it is asked for."""
    provider = gateway()
    sent = order("pi_1#stay-pending")
    provider.refund(sent)
    assert {answer and answer.state for answer in (asked(provider, sent) for _ in range(9))} == {"pending"}


def test_an_end_may_be_told_twice(gateway: Gateway) -> None:
    """Who asks first hears it after the one who asks meanwhile; with a code the later word is that it failed."""
    meanwhile: list[PaymentAnswer | None] = []
    for number, code in enumerate(("", ":card_closed")):
        provider = gateway()
        sent = order(f"pi_{number}#twice{code}", key=f"k{number}")
        assert provider.refund(sent).state == "pending"
        provider._sleep = lambda _, told=(provider, sent): meanwhile.append(asked(*told))  # type: ignore[misc]  # noqa: SLF001
        meanwhile.append(asked(provider, sent))
    assert [answer and (answer.state, answer.code) for answer in meanwhile] == [
        ("succeeded", None),
        ("succeeded", None),
        ("succeeded", None),
        ("failed", "card_closed"),
    ]
    assert (provider.told_twice(), provider.moved("TRY"), provider.duplicates()) == (2, 200, {})


def test_a_lost_refusal(gateway: Gateway) -> None:
    """The answer may be lost although nothing was paid; asking tells the refusal."""
    provider = gateway()
    sent = order("pi_1#timeout-fail:card_closed")
    assert provider.refund(sent).state == "unknown"
    answer = asked(provider, sent)
    assert answer is not None
    assert (answer.state, answer.code) == ("failed", "card_closed")


def test_lookups_may_be_blind(gateway: Gateway) -> None:
    """Asking may itself stay without an answer: that is unknown, never "not there"."""
    provider = gateway()
    sent = order("pi_1#timeout-after,blind:2")
    provider.refund(sent)
    states = [answer and answer.state for answer in (asked(provider, sent) for _ in range(3))]
    assert states == ["unknown", "unknown", "succeeded"]


def test_a_slow_answer_is_late_but_right(gateway: Gateway) -> None:
    """A slow refund is done before the wait begins, and the answer is right."""
    naps: list[float] = []
    provider = gateway(naps=naps)
    assert provider.refund(order("pi_1#slow:250")).state == "succeeded"
    assert naps == [0.25]


def test_never_more_than_was_captured(gateway: Gateway) -> None:
    """The gateway refuses what would exceed the payment, counting what is still pending."""
    provider = gateway()
    reference = "pi_1#captured:150,stay-pending,succeed"
    states = [provider.refund(order(reference, key=f"k{n}", amount=75)).state for n in range(3)]
    assert states == ["pending", "succeeded", "failed"]


def test_a_key_belongs_to_one_refund(gateway: Gateway) -> None:
    """The same key with another amount or account is refused and moves nothing."""
    provider = gateway()
    provider.refund(order())
    for other in (order(amount=200), order(payout=Payout(iban="TR330006100519786457841326", holder="Ayşe"))):
        assert provider.refund(other).code == "key_reused"
    assert provider.moved("TRY") == 100


def test_a_script_for_one_key(gateway: Gateway) -> None:
    """A script set for a key counts more than the payment's instructions, and holds for other processes too."""
    gateway().script("k1", "fail:scripted")
    provider = gateway()
    assert provider.refund(order("pi_1#succeed")).code == "scripted"
    assert provider.refund(order("pi_1#succeed", key="k2")).state == "succeeded"


def test_the_default_of_a_gateway(gateway: Gateway) -> None:
    """A gateway can be told how payments without instructions go."""
    assert gateway(default="fail:closed_today").refund(order()).code == "closed_today"


def test_an_instruction_nobody_understands(gateway: Gateway) -> None:
    """A typing error in an instruction fails the refund by name instead of paying it."""
    provider = gateway()
    assert provider.refund(order("pi_1#suceed")).code == "unknown_instruction"
    assert provider.moved("TRY") == 0


def test_every_call_is_counted(gateway: Gateway) -> None:
    """The gateway knows what was really sent: a call that was lost before doing anything too."""
    provider = gateway()
    sent = order("pi_1#timeout-before,succeed")
    for _ in range(3):
        provider.refund(sent)
    steps = [(call.step, call.fresh) for call in provider.calls()]
    assert steps == [("timeout-before", True), ("succeed", True), ("replay", False)]
    assert isinstance(provider.calls()[0], Call)


def test_an_account_is_not_kept(gateway: Gateway, tmp_path: Path) -> None:
    """The ledger keeps the last four places of an account and no holder: it is personal data."""
    provider = gateway()
    provider.refund(order(payout=Payout(iban="TR330006100519786457841326", holder="Ayşe Yılmaz")))
    assert [entry.payout for entry in provider.ledger()] == ["…1326"]
    provider.close()
    raw = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert b"0006100519" not in raw
    assert "Yılmaz".encode() not in raw


def test_the_ledger_outlives_the_process(gateway: Gateway) -> None:
    """What was refunded is known after a restart, under the same reference."""
    before = gateway()
    sent = before.refund(order())
    before.close()
    after = asked(gateway(), order())
    assert after is not None
    assert after.reference == sent.reference


@pytest.mark.parametrize(("idempotent", "moved"), [(True, 20), (False, 60)])
def test_processes_share_one_ledger(tmp_path: Path, *, idempotent: bool, moved: int) -> None:
    """Three processes that send the same keys at once move each once, thrice where keys mean nothing; no lock fails."""
    path = tmp_path / "payments.sqlite"
    command = [sys.executable, "-c", _OTHER_PROCESS, str(path), str(idempotent), "k"]
    started = [subprocess.Popen(command, stderr=subprocess.PIPE, text=True) for _ in range(3)]
    errors = [process.communicate()[1] for process in started]
    assert [(process.returncode, error) for process, error in zip(started, errors, strict=True)] == [(0, "")] * 3
    gateway = OfflinePayments(path, name="offline", idempotent=idempotent, clock=lambda: datetime.now(UTC))
    assert gateway.moved("TRY") == moved
    assert len({entry.reference for entry in gateway.ledger()}) == moved
