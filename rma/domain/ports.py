"""What the engine asks of the outside, as protocols and plain values.

A provider is one file in ``rma.providers`` (or another package) that keeps one of these protocols; ``tests/contracts``
holds one shared suite per protocol that every provider must pass. The rules that hold for all of them:

- **The caller makes the key.** ``key`` is fixed before the first call, is the same for every repetition of the same
  act and another one for a new attempt. A provider that knows idempotency keys passes it on; one that does not writes
  it into its merchant reference field, so that ``lookup`` can find what was done.
- **What the provider or the network did is an answer, never an exception.** A time-out, a broken connection or an
  answer that makes no sense is ``unknown``: the act may or may not have happened. Only a call that cannot be right
  (an amount of zero, a broken address) raises ``Invalid``.
- **After ``unknown`` ask, do not send again**, unless ``idempotent`` is true.
- ``code`` of an answer is a word of the provider's list, and is shown; a sentence or an address is dropped, because
  it may name a person. Words for people go into ``message``.
- Amounts are integers of minor units with an ISO 4217 code; days are local calendar days; instants are aware.
- Everything here is safe to call from several threads and several processes at once.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Literal, Protocol, runtime_checkable

import msgspec

from rma.domain.messages import MessageClass, MessageFacts, Rendered, checked_address, checked_header

PaymentState = Literal["succeeded", "failed", "pending", "unknown"]
LabelState = Literal["issued", "refused", "void", "unknown"]
ReplacementState = Literal["ordered", "out_of_stock", "failed", "unknown"]
SendState = Literal["sent", "failed", "unknown"]
LabelMethod = Literal["printed_label", "drop_off_code", "pick_up"]


class Health(msgspec.Struct, frozen=True):
    """Whether a provider can work now; ``detail`` is a sentence for the owner's screen, without secrets."""

    ok: bool
    detail: str


@runtime_checkable
class Provider(Protocol):
    """What every provider has: a name that is stored with the act, and a check that changes nothing outside."""

    @property
    def name(self) -> str:
        """The name of its entry point: lower case, stable for ever, because rows refer to it."""
        ...

    def health(self) -> Health:
        """Whether it can work now. Never raises."""
        ...


# --- payments -------------------------------------------------------------------------------------------------------


class Payout(msgspec.Struct, frozen=True, kw_only=True):
    """A bank account that takes the money instead of the card it came from. Personal data: never log it."""

    iban: str
    holder: str


class RefundOrder(msgspec.Struct, frozen=True, kw_only=True):
    """One transfer to send. ``amount`` is in minor units and above zero; ``description`` is for the bank statement."""

    key: str
    payment_reference: str
    amount: int
    currency: str
    description: str = ""
    payout: Payout | None = None


class RefundQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Which transfer is meant: always by our ``key``, better by the provider's own ``reference`` where it is known."""

    key: str
    payment_reference: str
    reference: str | None = None


class PaymentAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """What the payment provider said about one transfer.

    ``succeeded`` and ``failed`` are final. ``pending`` was taken and will end later: ask again. ``unknown``: no answer
    that can be trusted; ask, do not send. ``retryable`` (with ``failed``) says that nothing moved and that the same
    order may work later. ``copies`` counts the transfers the provider holds under our key: above 1 money went out
    more than once and a person must know.
    """

    state: PaymentState
    reference: str | None = None
    code: str | None = None
    message: str | None = None
    retryable: bool = False
    copies: int = 1


@runtime_checkable
class PaymentProvider(Provider, Protocol):
    """Sends money back. One transfer for each key, as far as the provider can promise it (``idempotent``)."""

    @property
    def idempotent(self) -> bool:
        """Whether a repeated key is answered with the first result; if false, every call moves money again."""
        ...

    @property
    def can_lookup(self) -> bool:
        """Whether it can be asked; if false, ``unknown`` is left only by a person with proof."""
        ...

    @property
    def final_after(self) -> int:
        """Seconds after a call from when ``lookup`` answering ``None`` proves that nothing was done."""
        ...

    def refund(self, order: RefundOrder) -> PaymentAnswer:
        """Send money. Raises ``Invalid`` for an order that cannot be right, and for nothing else."""
        ...

    def lookup(self, query: RefundQuery) -> PaymentAnswer | None:
        """Ask what became of a transfer; moves nothing. ``None``: not known there (see ``final_after``)."""
        ...


# --- carriers -------------------------------------------------------------------------------------------------------


class Address(msgspec.Struct, frozen=True, kw_only=True):
    """A postal address; ``country`` is ISO 3166-1 alpha-2."""

    name: str
    line1: str
    city: str
    country: str
    line2: str = ""
    postcode: str = ""
    phone: str = ""
    email: str = ""


class LabelOrder(msgspec.Struct, frozen=True, kw_only=True):
    """One parcel that needs a label, a drop-off code or a courier. ``today`` is the store's local day."""

    key: str
    method: LabelMethod
    reference: str
    sender: Address
    recipient: Address
    today: date
    weight_g: int | None = None
    valid_days: int | None = None
    pick_up_on: date | None = None


class IssuedLabel(msgspec.Struct, frozen=True, kw_only=True):
    """What the carrier gave. ``code`` is what the sender shows at the counter, ``tracking`` what the parcel bears.

    ``expires_on`` is the last local day on which it is taken. ``payload`` is the carrier's own document, where it
    makes one; otherwise we draw the label ourselves.
    """

    carrier: str
    reference: str
    tracking: str | None = None
    code: str | None = None
    expires_on: date | None = None
    payload: bytes | None = None
    media_type: str | None = None


class LabelAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """What the carrier said. ``label`` is set with ``issued`` and ``void``; ``retryable`` as in ``PaymentAnswer``."""

    state: LabelState
    label: IssuedLabel | None = None
    code: str | None = None
    message: str | None = None
    retryable: bool = False


@runtime_checkable
class Carrier(Provider, Protocol):
    """Takes parcels. The same key always answers with the same label, as far as the carrier can promise it."""

    @property
    def idempotent(self) -> bool:
        """Whether a repeated key is answered with the first label."""
        ...

    @property
    def methods(self) -> frozenset[LabelMethod]:
        """The ways it offers; another one is ``refused`` with ``method_not_offered``."""
        ...

    def issue(self, order: LabelOrder) -> LabelAnswer:
        """Give out a label or a code. Raises ``Invalid`` for an order that cannot be right."""
        ...

    def void(self, key: str) -> LabelAnswer:
        """Take it back: ``void`` (also when it already was), or ``refused`` when it was used or never issued."""
        ...

    def lookup(self, key: str) -> LabelAnswer | None:
        """Ask what became of a key; changes nothing. ``None``: never issued."""
        ...


# --- replacements ---------------------------------------------------------------------------------------------------


class ReplacementOrder(msgspec.Struct, frozen=True, kw_only=True):
    """Goods to send to the customer. ``lines`` holds ``(sku, quantity)``."""

    key: str
    reference: str
    order_number: str
    lines: tuple[tuple[str, int], ...]
    ship_to: Address


class ReplacementAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """What the shop's stock system said; ``out_of_stock`` names the missing skus in ``missing``."""

    state: ReplacementState
    reference: str | None = None
    missing: tuple[str, ...] = ()
    code: str | None = None
    message: str | None = None
    retryable: bool = False


@runtime_checkable
class Fulfilment(Provider, Protocol):
    """Orders replacements where the shop keeps its stock. One order for each key (``idempotent``)."""

    @property
    def idempotent(self) -> bool:
        """Whether a repeated key is answered with the first order."""
        ...

    def order(self, order: ReplacementOrder) -> ReplacementAnswer:
        """Order the goods, all of them or none. Raises ``Invalid`` for an order that cannot be right."""
        ...

    def lookup(self, key: str) -> ReplacementAnswer | None:
        """Ask what became of a key; changes nothing. ``None``: never ordered."""
        ...


# --- messages -------------------------------------------------------------------------------------------------------


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """One mail, ready to go. Header values hold no line breaks and exactly one address each, or ``Invalid`` is raised.

    ``message_id`` is fixed before the first attempt, without angle brackets: ``msg_123@shop.example``. ``at`` is the
    instant written as the date of the mail. ``unsubscribe_url`` belongs to commercial mails.
    """

    message_id: str
    kind: str
    message_class: MessageClass
    sender_name: str
    sender_address: str
    to: str
    subject: str
    text: str
    html: str
    locale: str
    at: datetime
    reply_to: str | None = None
    unsubscribe_url: str | None = None

    def __post_init__(self) -> None:
        """Refuse anything that could add a header or a recipient."""
        checked_address("message_id", self.message_id)
        checked_address("sender_address", self.sender_address)
        checked_address("to", self.to)
        checked_header("sender_name", self.sender_name)
        checked_header("subject", self.subject)
        checked_header("kind", self.kind)
        checked_header("locale", self.locale)
        if self.reply_to is not None:
            checked_address("reply_to", self.reply_to)
        if self.unsubscribe_url is not None:
            checked_header("unsubscribe_url", self.unsubscribe_url)


class SendAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """What the channel said. ``sent``: taken over, also when it had been taken over before."""

    state: SendState
    code: str | None = None
    message: str | None = None
    retryable: bool = False


@runtime_checkable
class Channel(Provider, Protocol):
    """Takes messages to people. ``idempotent`` channels know a Message-ID they have already taken over."""

    @property
    def idempotent(self) -> bool:
        """Whether a repeated Message-ID reaches the reader once."""
        ...

    def send(self, message: Message) -> SendAnswer:
        """Take over one message."""
        ...

    def forget(self, message_id: str) -> bool:
        """Erase whatever copy the channel itself keeps of it; whether there was one. One that keeps none says no."""
        ...


@runtime_checkable
class MessageRenderer(Protocol):
    """Turns what happened into words, in the reader's language."""

    @property
    def languages(self) -> tuple[str, ...]:
        """The languages that hold every message."""
        ...

    def render(self, facts: MessageFacts, *, locale: str) -> Rendered:
        """Subject, plain text and HTML. ``locale`` is a language tag; an unknown one falls back to English.

        Raises ``Invalid`` naming each fact that this kind of message needs and lacks.
        """
        ...


# --- files ----------------------------------------------------------------------------------------------------------


@runtime_checkable
class FileStore(Provider, Protocol):
    """Keeps bytes under their content's hash. A key is ``<scope>/<sha256 in hex>``.

    The scope (a return's id) is the owner: the same photo in two returns is two files, so that erasing one case never
    takes the evidence of another.
    """

    def put(self, data: bytes, *, scope: str) -> str:
        """Keep the bytes for good before answering their key. The same bytes in the same scope are one file."""
        ...

    def get(self, key: str) -> bytes:
        """The bytes, checked against their hash. Raises ``NotFound``; ``Unavailable`` (``file_corrupt``)."""
        ...

    def exists(self, key: str) -> bool:
        """Whether the key is there. A key that cannot be right is not there."""
        ...

    def delete(self, key: str) -> bool:
        """Remove for good; whether there was something to remove."""
        ...

    def delete_scope(self, scope: str) -> int:
        """Remove everything of one owner; how many files went."""
        ...
