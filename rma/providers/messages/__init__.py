"""Mails in the reader's language, from one file of words for each language and one layout for all messages.

A file of words (``tr.toml``) holds plain sentences, never markup; the layouts (``mail.txt.j2``, ``mail.html.j2``) add
the rest, and everything in the HTML is escaped. Between ``{{ }}`` may stand ``store person rma order link amount
outstanding tender due method carrier code tracking label_link statutory wanted lines missing reasons at``, with the
filters ``money`` (of an amount), ``day`` (of a date) and ``moment`` (of an instant); a name that is not there is an
error, not an empty place. A paragraph that comes out empty is left out. To add a language, add its file and its name in
``LANGUAGES``: the tests say what is missing.
"""

from __future__ import annotations

import tomllib
from functools import cache
from importlib.resources import files
from typing import Final

import msgspec
from babel import Locale
from jinja2 import Environment, StrictUndefined, Template
from jinja2.sandbox import ImmutableSandboxedEnvironment

from rma.domain.messages import KINDS, Item, MessageFacts, MessageKind, Rendered, check_facts, one_line
from rma.errors import DefinitionError, FieldError
from rma.providers.messages.formats import day, moment, money

LANGUAGES: Final[dict[str, str]] = {"tr": "TR", "en": "GB", "de": "DE"}
"""Each language and the country whose way of writing dates and money it takes when the reader names none."""

_LONGEST_SUBJECT: Final = 200
_END: Final = "\x1e"
"""Between two sentences: a control character, which stands in no word and in no value."""
_BIDI_CONTROLS: Final = dict.fromkeys((*range(0x202A, 0x202F), *range(0x2066, 0x206A)))


class Wording(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The words of one message: a subject, paragraphs, and what the link to the page is called."""

    subject: str
    body: list[str]
    action: str


class Common(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The words that messages share."""

    greeting: str
    greeting_plain: str
    items: str
    missing: str
    reasons: str
    rma: str
    order: str
    code: str
    tracking: str
    carrier: str
    label: str
    closing: str
    service_note: str
    commercial_note: str
    internal_note: str
    unsubscribe: str


class Words(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One language: everything that any message says in it."""

    common: Common
    tenders: dict[str, str]
    evidence: dict[str, str]
    message: dict[str, Wording]


class Block(msgspec.Struct, frozen=True):
    """A list with a title in a mail."""

    title: str
    rows: list[str]


class Renderer:
    """Keeps the renderer port over the words that come with the program."""

    @property
    def languages(self) -> tuple[str, ...]:
        """The languages that hold every message."""
        return tuple(LANGUAGES)

    def render(self, facts: MessageFacts, *, locale: str) -> Rendered:
        """Subject, text and HTML. Raises ``Invalid`` naming each fact that this kind needs and lacks."""
        kind = check_facts(facts)
        language, reader = resolve(locale)
        words = load_words(language)
        values = _values(facts, words, reader)
        subject, *sentences = _sentences(language, kind.name).render(values).split(_END)
        subject = one_line(subject)[:_LONGEST_SUBJECT]
        page = _page(facts, kind, words, values, sentences)
        page |= {"subject": subject, "locale": str(reader).replace("_", "-")}
        return Rendered(
            subject=subject,
            text=_layout("mail.txt.j2").render(page).strip() + "\n",
            html=_layout("mail.html.j2").render(page).strip() + "\n",
            locale=str(reader).replace("_", "-"),
            message_class=kind.message_class,
        )


def resolve(tag: str) -> tuple[str, Locale]:
    """The language we have and the conventions to write in for a tag such as ``de-AT``; English where we have none."""
    language, _, country = tag.replace("-", "_").partition("_")
    language = language.lower() if language.lower() in LANGUAGES else "en"
    country = country.upper() if country.isascii() and len(country) == 2 and country.isalpha() else ""  # noqa: PLR2004
    known = Locale.parse(f"{language}_{country}") if country and f"{language}_{country}" in _territories() else None
    return language, known or Locale(language, LANGUAGES[language])


@cache
def load_words(language: str) -> Words:
    """The words of one language. Raises ``DefinitionError`` if the file lacks a word or has one nobody knows."""
    source = f"{language}.toml"
    raw = tomllib.loads((files(__name__) / source).read_text(encoding="utf-8"))
    try:
        words = msgspec.convert(raw, Words)
    except msgspec.ValidationError as error:
        raise DefinitionError(source, [FieldError("$", "wrong_words", str(error))]) from error
    faults = [
        FieldError(f"message.{name}", "missing_message", f"{name} has no words.")
        for name in KINDS.keys() - words.message
    ]
    faults += [
        FieldError(f"message.{name}", "unknown_message", f"Nobody sends {name}.")
        for name in words.message.keys() - KINDS
    ]
    if faults:
        raise DefinitionError(source, sorted(faults, key=lambda fault: fault.path))
    return words


def _values(facts: MessageFacts, words: Words, reader: Locale) -> dict[str, object]:
    """What the words may speak of. Nothing in it can start a new line or turn the direction of the text."""
    wanted = ", ".join(words.evidence.get(kind, words.evidence["other"]) for kind in facts.wanted)
    return {
        "reader": reader,
        "timezone": facts.store.timezone,
        "store": _clean(facts.store.name),
        "person": _clean(facts.person),
        "rma": _clean(facts.rma_number),
        "order": _clean(facts.order_number),
        "link": facts.link,
        "amount": facts.amount,
        "outstanding": facts.outstanding,
        "tender": words.tenders.get(facts.tender, ""),
        "due": facts.due,
        "method": facts.method,
        "carrier": _clean(facts.carrier),
        "code": _clean(facts.code),
        "tracking": _clean(facts.tracking),
        "label_link": facts.label_link,
        "statutory": facts.statutory,
        "wanted": wanted,
        "lines": [_item(item) for item in facts.lines],
        "missing": [_item(item) for item in facts.missing],
        "reasons": [_clean(reason) for reason in facts.reasons],
        "at": facts.at,
    }


def _page(
    facts: MessageFacts, kind: MessageKind, words: Words, values: dict[str, object], sentences: list[str]
) -> dict[str, object]:
    """What the layouts show."""
    common = words.common
    note = common.commercial_note if kind.message_class == "commercial" else common.service_note
    greeting, action, closing, *body = sentences
    return {
        "greeting": greeting,
        "body": [said for paragraph in body if (said := paragraph.strip())],
        "text": _paragraphs(facts.text),
        "lists": _lists(common, values),
        "details": _details(common, values),
        "words": common,
        "link": facts.link,
        "label_link": facts.label_link,
        "action": action,
        "closing": closing,
        "note": common.internal_note if kind.audience == "finance" else note,
        "unsubscribe_url": facts.unsubscribe_url if kind.message_class == "commercial" else "",
    }


def _lists(common: Common, values: dict[str, object]) -> list[Block]:
    named = ((common.items, "lines"), (common.missing, "missing"), (common.reasons, "reasons"))
    return [Block(title, rows) for title, name in named if isinstance(rows := values[name], list) and rows]


def _details(common: Common, values: dict[str, object]) -> list[tuple[str, object]]:
    """The numbers a reader has at hand when asking: the code first, because it is what the counter wants to see."""
    named = (
        (common.code, "code"),
        (common.tracking, "tracking"),
        (common.carrier, "carrier"),
        (common.rma, "rma"),
        (common.order, "order"),
    )
    return [(label, values[name]) for label, name in named if values[name]]


def _item(item: Item) -> str:
    note = f" ({_clean(item.note)})" if item.note else ""
    return f"{item.quantity} × {_clean(item.name)}{note}"


def _clean(text: str) -> str:
    return one_line(text if text.isprintable() else text.translate(_BIDI_CONTROLS))


def _paragraphs(text: str) -> list[list[str]]:
    """Free text as paragraphs of lines."""
    plain = text.replace("\r\n", "\n").replace("\r", "\n")
    blocks = ([_clean(line) for line in block.split("\n")] for block in plain.split("\n\n"))
    return [lines for block in blocks if (lines := [line for line in block if line])]


@cache
def _sentences(language: str, kind: str) -> Template:
    """What a message says, as one template: subject, greeting, action, closing, paragraphs, with ``_END`` between them.

    One, because a template costs more than what is put into it. It is plain text, so nothing is escaped.
    """
    words = load_words(language)
    common, wording = words.common, words.message[kind]
    greeting = "{% if person %}" + common.greeting + "{% else %}" + common.greeting_plain + "{% endif %}"
    environment = ImmutableSandboxedEnvironment(autoescape=False, undefined=StrictUndefined)
    environment.filters |= {"money": money, "day": day, "moment": moment}
    said = (wording.subject, greeting, wording.action, common.closing, *wording.body)
    return environment.from_string(_END.join(said))


@cache
def _layout(name: str) -> Template:
    """A layout of ours; the HTML one escapes everything that is put into it."""
    environment = Environment(
        autoescape=name.endswith(".html.j2"), undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    return environment.from_string((files(__name__) / name).read_text(encoding="utf-8"))


@cache
def _territories() -> frozenset[str]:
    """The locales whose conventions Babel knows, in our languages."""
    from babel.localedata import locale_identifiers  # noqa: PLC0415  read once, only when a country is named

    return frozenset(name for name in locale_identifiers() if name.partition("_")[0] in LANGUAGES)
