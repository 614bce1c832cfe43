"""Every message a return needs, in every language, safe to send."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from html.parser import HTMLParser

import msgspec
import pytest

from rma.domain.amounts import write_money
from rma.domain.messages import KINDS, Item, MessageFacts, StoreCard, check_facts, is_address
from rma.domain.money import Money
from rma.domain.ports import Message, MessageRenderer
from rma.errors import Invalid
from rma.providers.messages import LANGUAGES, Renderer, load_words, resolve
from rma.providers.messages.formats import write_moment

STORE = StoreCard(name="Çınar Butik", email="iade@cinar.example", timezone="Europe/Istanbul")
FULL = MessageFacts(
    kind="return_requested",
    store=STORE,
    person="Ayşe Yılmaz",
    rma_number="R-7K2M9",
    order_number="1001",
    link="https://shop.example/r/abc",
    lines=(Item(name="Kırmızı tişört M", quantity=2, note="küçük geldi"),),
    missing=(Item(name="Mavi kemer", quantity=1),),
    reasons=("Son gün 5 Kasım 2026 idi.",),
    wanted=("photo", "carrier_damage_report"),
    amount=Money(9667, "TRY"),
    outstanding=Money(1000, "TRY"),
    tender="card",
    due=date(2026, 12, 5),
    method="drop_off_code",
    carrier="Yurtiçi",
    code="73104455",
    tracking="OF10000017TR",
    label_link="https://shop.example/l/abc.pdf",
    statutory=True,
    text="İlk satır\nikinci satır\n\nson",
    at=datetime(2026, 11, 21, 22, 30, tzinfo=UTC),
    unsubscribe_url="https://shop.example/u/abc",
)
BARE = MessageFacts(kind="return_requested", store=STORE)


def facts(kind: str, **changes: object) -> MessageFacts:
    """Facts of one kind with everything known."""
    return msgspec.structs.replace(FULL, kind=kind, **changes)


def enough(kind: str) -> MessageFacts:
    """Facts of one kind with only what it needs."""
    needs = {name: getattr(FULL, name) for name in KINDS[kind].needs}
    return msgspec.structs.replace(BARE, kind=kind, **needs)


class _Page(HTMLParser):
    """The words, links and tags of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.words: list[str] = []
        self.links: list[str] = []
        self.tags: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.links += [value or "" for name, value in attrs if name == "href"]

    def handle_data(self, data: str) -> None:
        self.words.append(data)


def page(html: str) -> _Page:
    """The page as a reader's program sees it."""
    parser = _Page()
    parser.feed(html)
    return parser


def words_of(text: str) -> set[str]:
    """The words of a text, without its punctuation."""
    return set(re.findall(r"[^\W_]{2,}", text))


def test_it_keeps_the_port() -> None:
    """The renderer keeps its port and names the languages that we promise."""
    assert isinstance(Renderer(), MessageRenderer)
    assert Renderer().languages == ("tr", "en", "de")


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_translation_is_missing(language: str) -> None:
    """Each language has words for exactly the messages that exist, and none of them is empty."""
    words = load_words(language)
    assert words.message.keys() == KINDS.keys()
    assert all(w.subject and w.action and w.body and all(w.body) for w in words.message.values())
    assert words.tenders.keys() == load_words("en").tenders.keys()
    assert words.evidence.keys() == load_words("en").evidence.keys()


@pytest.mark.parametrize("language", ["tr", "de"])
def test_no_translation_is_a_copy(language: str) -> None:
    """No subject and no paragraph of one language stands unchanged in another."""
    english = load_words("en").message
    for name, wording in load_words(language).message.items():
        assert wording.subject != english[name].subject
        assert not set(wording.body) & set(english[name].body)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("kind", KINDS)
def test_every_message_can_be_said(kind: str, language: str) -> None:
    """Every message renders with all facts and with only the needed ones, and leaves no place unfilled."""
    for known in (facts(kind), enough(kind)):
        mail = Renderer().render(known, locale=language)
        for text in (mail.subject, mail.text, mail.html):
            assert not re.search(r"\{\{|\{%|None|Undefined|\n\n\n|  \.|\( *\)", text)
        assert "\n" not in mail.subject
        assert mail.locale.startswith(language)
        assert mail.message_class == KINDS[kind].message_class


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("kind", KINDS)
def test_text_and_html_say_the_same(kind: str, language: str) -> None:
    """Whoever reads the plain text reads every word and every link of the HTML."""
    mail = Renderer().render(facts(kind), locale=language)
    read = page(mail.html)
    assert words_of(" ".join(read.words)) - words_of(mail.subject) <= words_of(mail.text)
    assert all(link in mail.text for link in read.links)


@pytest.mark.parametrize("kind", KINDS)
def test_what_a_message_cannot_do_without(kind: str) -> None:
    """Facts that are missing are refused, all of them by name."""
    with pytest.raises(Invalid) as caught:
        check_facts(msgspec.structs.replace(BARE, kind=kind))
    assert tuple(error.path for error in caught.value.errors) == KINDS[kind].needs


def test_an_unknown_message() -> None:
    """A kind that does not exist is refused by name."""
    with pytest.raises(Invalid, match="return_sang"):
        check_facts(facts("return_sang"))


@pytest.mark.parametrize("link", ["javascript:alert(1)", "shop.example/r", "https://a b", 'https://x"onclick="y'])
def test_a_link_is_a_web_address(link: str) -> None:
    """A link that is not an http address never reaches a mail."""
    with pytest.raises(Invalid) as caught:
        Renderer().render(facts("return_requested", link=link), locale="tr")
    assert [error.path for error in caught.value.errors] == ["link"]


def test_only_feedback_needs_consent() -> None:
    """The feedback request is commercial and offers a way out; every other message is a service message without one."""
    assert [name for name, kind in KINDS.items() if kind.message_class == "commercial"] == ["feedback_request"]
    assert FULL.unsubscribe_url in Renderer().render(facts("feedback_request"), locale="tr").text
    assert FULL.unsubscribe_url not in Renderer().render(facts("return_settled"), locale="tr").text


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_part_is_never_called_the_whole(language: str) -> None:
    """R9: while something is outstanding the message says how much, and its subject is not that of a paid refund."""
    part = Renderer().render(facts("refund_succeeded"), locale=language)
    whole = Renderer().render(facts("refund_succeeded", outstanding=None), locale=language)
    assert part.subject != whole.subject
    assert "10" in part.text.replace("1001", "")
    assert words_of(part.subject) - words_of(whole.subject)


@pytest.mark.parametrize(
    ("language", "hint"),
    [
        ("tr", "hasarlıysa teslim almayın, görevliye hasar tespit tutanağı tutturun"),
        ("en", "if it is damaged, do not accept it and have a damage report drawn up"),
        (
            "de",
            "Ist es beschädigt, nehmen Sie es nicht an und lassen Sie vom Zusteller ein Schadensprotokoll aufnehmen",
        ),
    ],
)
@pytest.mark.parametrize("kind", ["exchange_shipped", "sent_back"])
def test_outbound_parcels_carry_the_hint_for_the_door(kind: str, language: str, hint: str) -> None:
    """Whoever gets a parcel from us is told what to do at the door when it is damaged."""
    assert hint in Renderer().render(facts(kind), locale=language).text


@pytest.mark.parametrize("language", LANGUAGES)
def test_evidence_is_never_a_condition_of_a_right(language: str) -> None:
    """Asked for evidence in a statutory case, the reader is told that the right does not depend on it."""
    told = Renderer().render(facts("evidence_requested"), locale=language).text
    silent = Renderer().render(facts("evidence_requested", statutory=False), locale=language).text
    assert len(told) > len(silent)


def test_markup_in_a_name_is_only_text() -> None:
    """Markup in anything that people typed is shown, not obeyed."""
    evil = "<script>alert('1')</script>"
    mail = Renderer().render(
        facts("store_message", person=evil, text=evil, lines=(Item(name=evil, quantity=1),), reasons=(evil,)),
        locale="en",
    )
    read = page(mail.html)
    assert "script" not in read.tags
    assert "".join(read.words).count(evil) == 4


def test_template_syntax_in_a_name_is_only_text() -> None:
    """What people typed is never run as a template."""
    mail = Renderer().render(facts("return_requested", person="{{ 7 * 7 }}"), locale="en")
    assert "Hello {{ 7 * 7 }}," in mail.text


def test_a_line_break_in_a_name_stays_on_its_line() -> None:
    """Line breaks and marks that turn the direction of writing cannot fake another line of the mail."""
    mail = Renderer().render(facts("return_requested", person="Ayşe\r\nBcc: x@y.example\u2028\u202eoops"), locale="tr")
    assert mail.text.splitlines()[0] == "Merhaba Ayşe Bcc: x@y.example oops,"
    assert "\u202e" not in mail.html


@pytest.mark.parametrize(
    ("tag", "language", "locale"),
    [
        ("tr", "tr", "tr_TR"),
        ("en", "en", "en_GB"),
        ("en-US", "en", "en_US"),
        ("de_at", "de", "de_AT"),
        ("DE", "de", "de_DE"),
        ("fr-FR", "en", "en_FR"),
        ("en-XX", "en", "en_GB"),
        ("", "en", "en_GB"),
        ("../../x", "en", "en_GB"),
    ],
)
def test_the_reader_s_conventions(tag: str, language: str, locale: str) -> None:
    """The tag gives language and country; what we do not have falls back without failing."""
    found, reader = resolve(tag)
    assert (found, str(reader) if locale != "en_FR" else locale) == (language, locale)


@pytest.mark.parametrize(
    ("amount", "tag", "written"),
    [
        (Money(1234567, "TRY"), "tr", "₺12.345,67"),
        (Money(1234567, "GBP"), "en", "£12,345.67"),
        (Money(1234567, "EUR"), "de", "12.345,67\xa0€"),
        (Money(1234567, "TRY"), "en", "TRY\xa012,345.67"),
        (Money(1234567, "JPY"), "de", "1.234.567\xa0¥"),
        (Money(1234567, "KWD"), "tr", "KWD\xa01.234,567"),
        (Money(1234567, "IQD"), "en", "IQD\xa01,234.567"),
        (Money(-5, "TRY"), "tr", "-₺0,05"),
        (Money(10**17 + 1, "GBP"), "en", "£1,000,000,000,000,000.01"),
    ],
)
def test_money_is_written_for_the_reader(amount: Money, tag: str, written: str) -> None:
    """Money has the reader's marks and the currency's own places by ISO 4217 (MON-12), and loses no kuruş."""
    assert write_money(amount, resolve(tag)[1]) == written


def test_an_instant_is_told_by_the_store_s_clock() -> None:
    """22:30Z is the next day in Istanbul, and the reader sees by which clock."""
    at = datetime(2026, 11, 21, 22, 30, 5, tzinfo=UTC)
    assert write_moment(at, resolve("tr")[1], "Europe/Istanbul") == "22 Kasım 2026 01:30:05 (GMT+03:00)"


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_withdrawal_receipt_holds_content_date_and_time(language: str) -> None:
    """The receipt of a withdrawal holds what was declared, and when to the second (CRD 11a(4))."""
    mail = Renderer().render(enough("withdrawal_acknowledged"), locale=language)
    assert "01:30:00" in mail.text
    assert all(line in mail.text for line in ("İlk satır", "ikinci satır", "son"))


def message(**changes: object) -> Message:
    """A mail that is right, with something changed."""
    values: dict[str, object] = {
        "message_id": "msg_1@shop.example",
        "kind": "return_requested",
        "message_class": "service",
        "sender_name": "Çınar",
        "sender_address": "iade@cinar.example",
        "to": "ayse@example.com",
        "subject": "Konu",
        "text": "x",
        "html": "x",
        "locale": "tr-TR",
        "at": datetime(2026, 11, 21, tzinfo=UTC),
    }
    return Message(**(values | changes))  # type: ignore[arg-type]


@pytest.mark.parametrize("field", ["message_id", "sender_address", "to", "reply_to"])
@pytest.mark.parametrize("bad", ["", "a@b\r\nBcc: c@d", "a@b,c@d", "A <a@b>", "a b@c", "a@b@c", "nobody", "a@b\x00"])
def test_an_address_is_one_address(field: str, bad: str) -> None:
    """Nothing but one plain address gets into a header that routes mail."""
    with pytest.raises(Invalid) as caught:
        message(**{field: bad})
    assert [error.path for error in caught.value.errors] == [field]
    assert not is_address(bad)


@pytest.mark.parametrize("field", ["subject", "sender_name", "kind", "locale", "unsubscribe_url"])
@pytest.mark.parametrize("bad", ["x\nBcc: c@d", "x\r\n\r\nbody", "x\x00", "x\u2028y", "y" * 1000])
def test_a_header_is_one_line(field: str, bad: str) -> None:
    """Nothing that could end its header gets into one."""
    with pytest.raises(Invalid) as caught:
        message(**{field: bad})
    assert [error.path for error in caught.value.errors] == [field]
