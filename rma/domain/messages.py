"""Which messages a return needs, what each must know, and which ones need consent.

The words live in ``rma/providers/messages``; here is only the vocabulary, so that services can decide what to say
without knowing how it is said. ``service`` messages follow from the contract and need no consent; ``commercial`` ones
need it, recorded, when they are sent (Law 6563 art. 6, Ticari İletişim Yönetmeliği; a feedback request counts as
commercial because no Ministry view says otherwise).
"""

from __future__ import annotations

import re
import unicodedata
from datetime import date, datetime
from typing import Literal

import msgspec

from rma.domain.money import Money
from rma.errors import FieldError, Invalid

MessageClass = Literal["service", "commercial"]
Audience = Literal["customer", "finance"]

_LONGEST_HEADER = 900
_ADDRESS = re.compile(r"[^\s<>,;:()\[\]\"\\@]{1,200}@[^\s<>,;:()\[\]\"\\@]{1,253}")
_LINK = re.compile(r"https?://[^\s<>\"]+")


class StoreCard(msgspec.Struct, frozen=True, kw_only=True):
    """Who writes: the store as its customers know it. ``timezone`` is an IANA name, for instants in the text."""

    name: str
    email: str
    timezone: str = "UTC"
    url: str = ""


class Item(msgspec.Struct, frozen=True, kw_only=True):
    """Some units of one product, as the reader knows it."""

    name: str
    quantity: int
    note: str = ""


class MessageFacts(msgspec.Struct, frozen=True, kw_only=True):
    """Everything a message may say. Each kind names what it needs; the rest may stay empty.

    ``due`` is the day by which the reader (or, in refund messages, the store) has to act. ``reasons`` and ``text`` are
    already in the reader's language; ``wanted`` holds evidence kinds and ``tender`` a tender, both as codes.
    ``outstanding`` is what is still to come after this: with it no message says that a refund is complete.
    """

    kind: str
    store: StoreCard
    person: str = ""
    rma_number: str = ""
    order_number: str = ""
    link: str = ""
    lines: tuple[Item, ...] = ()
    missing: tuple[Item, ...] = ()
    reasons: tuple[str, ...] = ()
    wanted: tuple[str, ...] = ()
    amount: Money | None = None
    outstanding: Money | None = None
    tender: str = ""
    due: date | None = None
    method: str = ""
    carrier: str = ""
    code: str = ""
    tracking: str = ""
    label_link: str = ""
    statutory: bool = False
    text: str = ""
    at: datetime | None = None
    unsubscribe_url: str = ""


class Rendered(msgspec.Struct, frozen=True, kw_only=True):
    """A message in words. The subject is one line; text and HTML say the same."""

    subject: str
    text: str
    html: str
    locale: str
    message_class: MessageClass


class MessageKind(msgspec.Struct, frozen=True, kw_only=True):
    """One kind: what makes it due, who reads it, whether it needs consent and which facts it cannot do without."""

    name: str
    cause: str
    needs: tuple[str, ...]
    message_class: MessageClass = "service"
    audience: Audience = "customer"


_CASE = ("rma_number", "link")
_MONEY = ("rma_number", "amount")


def _kind(name: str, cause: str, *needs: str) -> MessageKind:
    return MessageKind(name=name, cause=cause, needs=needs)


_ALL = (
    _kind("return_requested", "return.requested", *_CASE, "order_number", "lines"),
    _kind("return_in_review", "return.requested into review", *_CASE, "order_number"),
    _kind("evidence_requested", "return.evidence_requested", *_CASE, "due"),
    _kind("evidence_reminder", "deadline.warned for evidence", *_CASE, "due"),
    _kind("return_approved", "return.approved", *_CASE, "lines"),
    _kind("return_declined", "return.declined", *_CASE, "reasons"),
    _kind("label_ready", "parcel.label_ready, inbound", *_CASE, "method", "due"),
    _kind("send_back_reminder", "deadline.warned for the way back", *_CASE, "due"),
    _kind("parcel_received", "line.received", *_CASE, "lines"),
    _kind("line_not_accepted", "line.graded with a deduction or a rejection", *_CASE, "lines", "reasons"),
    _kind("refund_approved", "refund.approved", *_MONEY, "link", "due"),
    _kind("refund_sent", "refund.sending", *_MONEY, "link"),
    _kind("refund_succeeded", "refund.succeeded or refund.partly_succeeded", *_MONEY, "link"),
    _kind("payout_needed", "refund.proposed for an account that is not known, deadline.warned", *_CASE, "amount"),
    _kind("credit_issued", "credit.issued", *_MONEY, "code"),
    _kind("exchange_payment_due", "replacement.awaiting_payment", *_CASE, "amount", "lines", "due"),
    _kind("exchange_ordered", "replacement.ordered", *_CASE, "lines"),
    _kind("exchange_shipped", "replacement.shipped", *_CASE, "lines"),
    _kind("exchange_out_of_stock", "replacement.out_of_stock", *_CASE, "lines"),
    _kind("exchange_released", "replacement.released", *_CASE, "lines"),
    _kind("sent_back", "parcel.handed_over, outbound", *_CASE, "lines"),
    _kind("return_expired", "return.expired", *_CASE),
    _kind("return_cancelled", "return.cancelled", "rma_number", "order_number"),
    _kind("return_reopened", "return.reopened", *_CASE),
    _kind("return_settled", "return.settled", *_CASE),
    _kind("store_message", "POST /returns/{id}/messages by the store", *_CASE, "text"),
    _kind("withdrawal_acknowledged", "withdrawal.declared", "text", "at"),
    _kind("withdrawal_reported", "withdrawal.declared with another address than the order's", "order_number", "at"),
    MessageKind(
        name="feedback_request",
        cause="feedback.requested",
        needs=(*_CASE, "unsubscribe_url"),
        message_class="commercial",
    ),
    MessageKind(
        name="refund_stuck",
        cause="refund.failed or refund.unknown",
        needs=(*_MONEY, "reasons"),
        audience="finance",
    ),
    MessageKind(
        name="refund_due_soon",
        cause="deadline.warned for a refund",
        needs=("rma_number", "due"),
        audience="finance",
    ),
    MessageKind(
        name="refund_overdue",
        cause="refund.overdue",
        needs=("rma_number", "due"),
        audience="finance",
    ),
)

KINDS: dict[str, MessageKind] = {kind.name: kind for kind in _ALL}
"""Every kind of message by its name."""


def kind_of(name: str) -> MessageKind:
    """The kind of that name. Raises ``Invalid`` for an unknown one."""
    kind = KINDS.get(name)
    if kind is None:
        raise Invalid.field("kind", "unknown_message", f"There is no message called {name!r}.")
    return kind


def check_facts(facts: MessageFacts) -> MessageKind:
    """The kind of these facts, once they are enough for it. Raises ``Invalid`` naming each missing or wrong fact."""
    kind = kind_of(facts.kind)
    faults = [
        FieldError(name, "required", f"A {kind.name} message needs {name}.")
        for name in kind.needs
        if not getattr(facts, name)
    ]
    faults.extend(
        FieldError(name, "not_a_link", f"{name} is not an http or https address.")
        for name in ("link", "label_link", "unsubscribe_url")
        if (value := getattr(facts, name)) and _LINK.fullmatch(value) is None
    )
    if faults:
        raise Invalid(faults[0].message, errors=faults)
    return kind


def one_line(text: str) -> str:
    """The text on one line: every run of white space and control characters becomes one space."""
    if text.isprintable():
        return " ".join(text.split())
    plain = "".join(" " if unicodedata.category(char) in {"Cc", "Zl", "Zp"} else char for char in text)
    return " ".join(plain.split())


def is_address(text: str) -> bool:
    """Whether this is one plain address (``local@domain``) that cannot carry anything else into a header."""
    return _ADDRESS.fullmatch(text) is not None and one_line(text) == text


def checked_address(path: str, text: str) -> str:
    """The same text. Raises ``Invalid`` unless it is one plain address."""
    if not is_address(text):
        raise Invalid.field(path, "not_an_address", f"{path} is not one plain address.")
    return text


def checked_header(path: str, text: str) -> str:
    """The same text. Raises ``Invalid`` if it could end its header: a line break, a control character, or too long."""
    if len(text) > _LONGEST_HEADER or one_line(text) != text:
        raise Invalid.field(path, "not_one_line", f"{path} is not one line of at most {_LONGEST_HEADER} characters.")
    return text
