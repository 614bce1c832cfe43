"""Whatever people type, a mail stays one mail."""

from __future__ import annotations

from datetime import UTC, datetime
from email import message_from_bytes, policy

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from rma.domain.messages import Item, MessageFacts, StoreCard
from rma.domain.ports import Message
from rma.providers.channel_offline import to_bytes
from rma.providers.messages import Renderer

HEADERS = ["Message-ID", "Date", "From", "To", "Subject", "Content-Language", "Auto-Submitted", "X-RMA-Kind"]
typed = st.text(st.characters(exclude_categories=["Cs"]), max_size=80)


@given(name=typed, store=typed.filter(str.strip), product=typed, words=typed.filter(str.strip))
def test_typed_text_adds_no_header(name: str, store: str, product: str, words: str) -> None:
    """A name, a shop's name, a product or a text of any characters adds no header, recipient or part to a mail."""
    facts = MessageFacts(
        kind="store_message",
        store=StoreCard(name=store, email="iade@cinar.example"),
        person=name,
        rma_number="R-7K2M9",
        link="https://shop.example/r/abc",
        lines=(Item(name=product, quantity=1),),
        text=words,
    )
    said = Renderer().render(facts, locale="tr")
    raw = to_bytes(
        Message(
            message_id="msg_1@shop.example",
            kind=facts.kind,
            message_class=said.message_class,
            sender_name="Çınar",
            sender_address="iade@cinar.example",
            to="ayse@example.com",
            subject=said.subject,
            text=said.text,
            html=said.html,
            locale=said.locale,
            at=datetime(2026, 11, 21, tzinfo=UTC),
        )
    )
    mail = message_from_bytes(raw, policy=policy.default)
    assert mail.keys() == [*HEADERS, "X-RMA-Class", "Content-Type", "MIME-Version"]
    assert [part.get_content_type() for part in mail.walk()] == ["multipart/alternative", "text/plain", "text/html"]
    assert mail["To"] == "ayse@example.com"
    assert not mail.defects


@given(words=typed)
def test_the_same_facts_are_the_same_words(words: str) -> None:
    """Rendering is a function: the same facts in the same language are the same mail, byte for byte."""
    facts = MessageFacts(
        kind="return_reopened",
        store=StoreCard(name="Çınar", email="iade@cinar.example"),
        person=words,
        rma_number="R-7K2M9",
        link="https://shop.example/r/abc",
    )
    assert msgspec.json.encode(Renderer().render(facts, locale="de")) == msgspec.json.encode(
        Renderer().render(facts, locale="de")
    )
