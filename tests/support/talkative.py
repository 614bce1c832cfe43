"""An outside that says for whom it did not work: in the text of an error, and in what should be a code."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import msgspec

from rma.db.session import now
from rma.domain.ports import Message, PaymentAnswer, RefundQuery, SendAnswer
from rma.providers.channel_offline import OfflineChannel
from rma.providers.payments_offline import OfflinePayments
from rma.providers.registry import Providers
from rma.services.context import Services

SAID = "550 5.1.1 <ayse@example.com>: no such user"


def break_talking(about: object) -> None:
    """Break, and tell everything."""
    raise ConnectionError(SAID, about)


class _Gateway(OfflinePayments):
    answers = False

    def lookup(self, query: RefundQuery) -> PaymentAnswer | None:
        """Break, and afterwards answer."""
        if not self.answers:
            self.answers = True
            break_talking(query)
        return PaymentAnswer(state="unknown", code=SAID, message=SAID)


class _Channel(OfflineChannel):
    answers = False

    def send(self, message: Message) -> SendAnswer:
        """The same."""
        if not self.answers:
            self.answers = True
            break_talking(message)
        return SendAnswer(state="failed", code=SAID, message=SAID)


def let_talk(services: Services, folder: Path) -> None:
    """Let the gateway without keys, and the channel, be such; each breaks the first time."""
    gateway: Any = _Gateway(folder / "talkative.sqlite3", name="offline_plain", idempotent=False, clock=now)
    ports = cast("Providers", services.ports)
    payments = {**ports.payments, "offline_plain": gateway}
    services.ports = msgspec.structs.replace(ports, payments=payments, channel=_Channel(folder / "talkative"))
