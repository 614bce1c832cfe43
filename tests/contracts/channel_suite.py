"""What every channel keeps, ours and anybody's."""

from __future__ import annotations

from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Protocol

from rma.domain.ports import Channel, Message
from tests.contracts.common import keeps_the_common_rules, together


class ChannelWorld(Protocol):
    """The other side of a channel."""

    @property
    def provider(self) -> Channel:
        """The channel under test."""
        ...

    def received(self) -> list[bytes]:
        """Every mail that came through, as bytes."""
        ...

    def go_down(self) -> None:
        """From now on nothing can be taken over."""
        ...


def letter(message_id: str = "msg_1@shop.example") -> Message:
    """A mail with Turkish letters in every place that people read."""
    return Message(
        message_id=message_id,
        kind="feedback_request",
        message_class="commercial",
        sender_name="Çınar Butik, İzmir",
        sender_address="iade@cinar.example",
        to="ayse@example.com",
        subject="İadeniz nasıl geçti? Şöyle böyle mi, güzel mi, çok mu uzun sürdü, yoksa hiç mi anlamadınız?",
        text="Merhaba Ayşe,\n\nığüşöçİ\n",
        html="<!doctype html>\n<html lang=tr><p>Merhaba Ayşe, ığüşöçİ</p></html>\n",
        locale="tr-TR",
        at=datetime(2026, 11, 21, 9, 30, tzinfo=UTC),
        unsubscribe_url="https://shop.example/u/abc",
    )


class ChannelContract:
    """What the engine relies on in every channel."""

    def mails(self, world: ChannelWorld) -> list[EmailMessage]:
        """What came through, as a mail program reads it."""
        return [message_from_bytes(raw, policy=policy.default) for raw in world.received()]

    def test_common(self, world: ChannelWorld) -> None:
        """It keeps the protocol, and asking for its health sends nothing."""
        keeps_the_common_rules(world.provider, Channel)
        assert not world.received()

    def test_a_mail_arrives_as_it_was_written(self, world: ChannelWorld) -> None:
        """Headers and both bodies arrive with every letter, and the Message-ID and date are the given ones."""
        assert world.provider.send(letter()).state == "sent"
        (mail,) = self.mails(world)
        assert mail["Message-ID"] == "<msg_1@shop.example>"
        assert mail["Date"].datetime == letter().at
        assert mail["Subject"] == letter().subject
        assert mail["From"].addresses[0].display_name == "Çınar Butik, İzmir"
        assert mail["To"] == "ayse@example.com"
        assert mail["List-Unsubscribe"] == "<https://shop.example/u/abc>"
        bodies = [mail.get_body((kind,)) for kind in ("plain", "html")]
        assert [body and body.get_content() for body in bodies] == [letter().text, letter().html]

    def test_a_repeated_message_id_arrives_once(self, world: ChannelWorld) -> None:
        """The same Message-ID sent again, and by four at once, is one mail; another one is another."""
        answers = together(4, lambda: world.provider.send(letter()))
        assert {answer.state for answer in answers} == {"sent"}
        world.provider.send(letter("msg_2@shop.example"))
        assert len(world.received()) == (2 if world.provider.idempotent else 5)

    def test_an_outage_is_an_answer(self, world: ChannelWorld) -> None:
        """A channel that is down says so and that another try may help; it raises nothing."""
        world.go_down()
        answer = world.provider.send(letter())
        assert (answer.state, answer.retryable) == ("failed", True)

    def test_a_message_can_be_forgotten(self, world: ChannelWorld) -> None:
        """A channel gives up the copy that it keeps, once; of a message that it never saw there is none."""
        world.provider.send(letter())
        kept = world.provider.forget(letter().message_id)
        assert kept == (not world.received())
        assert not world.provider.forget(letter().message_id)
        assert not world.provider.forget("msg_9@shop.example")
