"""Classes of record: what belongs to each, why it is kept, and until when in one concrete case.

The law's own duties stand in its profiles (``[[retention]]``) and are never made shorter here. Where no law names a
time there is one of ours with its reason; a store may only shorten that. Tax papers and books follow the law of the
store's country, everything else the law that protects the customer, as it was frozen at the order.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import Literal

import msgspec

from rma.domain.calendar import add_months
from rma.domain.law import LawProfile, Record
from rma.domain.law_dates import keep_until
from rma.domain.texts import Text, long_date, say, text

Name = Literal[
    "evidence",
    "feedback",
    "messages",
    "withdrawal",
    "tax",
    "books",
    "unannounced",
    "unconfirmed",
    "answers",
    "links",
    "staff",
    "destruction_log",
]
Action = Literal["erased", "restricted", "open", "none"]


class RecordClass(msgspec.Struct, frozen=True, kw_only=True):
    """A class of record. ``holds`` names its tables' columns and its files; ``record`` the law's name for its duty.

    ``months`` and ``days`` are ours, counted from the end of the matter, where the law says nothing; ``reason`` says
    why. ``whose``: whose law names the duty. ``restricts``: something of it stays, locked away, while a duty runs.
    """

    name: Name
    label: Text
    holds: tuple[str, ...]
    reason: str
    record: Record | None = None
    whose: Literal["customer", "store"] = "customer"
    months: int = 0
    days: int = 0
    restricts: bool = False


CLASSES: tuple[RecordClass, ...] = (
    RecordClass(
        name="evidence",
        record="evidence",
        label=text(tr="Fotoğraflar ve belgeler", en="Photos and papers", de="Fotos und Belege"),
        holds=("files", "evidence.note", "evidence.filename"),
        reason="They prove one case and go with it; a declined case may be appealed with them for 30 days more.",
    ),
    RecordClass(
        name="feedback",
        label=text(tr="Değerlendirmeler", en="Feedback", de="Bewertungen"),
        holds=("feedback.comment", "feedback.lines"),
        months=12,
        reason="No law asks for it; a year lets a shop compare a season with the last one.",
    ),
    RecordClass(
        name="messages",
        record="messages",
        label=text(tr="Yazışmalar", en="Messages", de="Nachrichten"),
        holds=("messages.recipient", "messages.subject", "messages.text", "messages.html"),
        months=36,
        restricts=True,
        reason="Who was told what, for as long as claims from the contract are usually made.",
    ),
    RecordClass(
        name="withdrawal",
        record="withdrawal",
        label=text(tr="Cayma ve iade kayıtları", en="Records of the withdrawal", de="Unterlagen zum Widerruf"),
        holds=(
            *("orders.email", "orders.person", "orders.customer_ref", "orders.doc", "orders.frozen"),
            *(
                "returns.email",
                "returns.contact",
                "returns.customer_ref",
                "returns.facts",
                "return_lines.reason",
                "return_lines.note",
                "return_lines.doc",
            ),
            *("withdrawals.content", "withdrawals.doc", "personal.value", "personal.salt"),
            *("inspections.note", "inspections.doc", "attempts.error", "attempts.answer"),
            *("parcels.carrier", "parcels.tracking", "parcels.code", "parcels.doc"),
            *("parcel_events.carrier_status", "parcel_events.source_id"),
            *("receipts.doc", "receipts.scan_id", "replacements.doc"),
        ),
        months=36,
        restricts=True,
        reason="Proof of notice, information and delivery, for as long as claims from the contract are usually made.",
    ),
    RecordClass(
        name="tax",
        record="tax",
        whose="store",
        label=text(tr="Vergi belgeleri", en="Tax papers", de="Steuerunterlagen"),
        holds=("restricted.value",),
        months=120,
        restricts=True,
        reason="Name and address on the paper of a refund; ten years where the store's law is not held here.",
    ),
    RecordClass(
        name="books",
        record="books",
        whose="store",
        label=text(tr="Ticari defter kayıtları", en="Books of account", de="Handelsbücher"),
        holds=("refunds.payout", "refunds.approvals", "refunds.doc", "refunds.components", "payments.reference"),
        months=120,
        restricts=True,
        reason="Whom money was paid to and who approved it; ten years where the store's law is not held here.",
    ),
    RecordClass(
        name="unannounced",
        label=text(tr="Haber verilmeyen ürünler", en="Unannounced goods", de="Unangekündigte Ware"),
        holds=("unexpected.doc",),
        months=12,
        reason="Words on goods that nobody announced; after a year nobody comes for them.",
    ),
    RecordClass(
        name="unconfirmed",
        label=text(tr="Onaylanmayan cayma bildirimleri", en="Unconfirmed withdrawals", de="Unbestätigte Widerrufe"),
        holds=("withdrawals.content",),
        days=7,
        reason="Typed in the first step and never confirmed: nothing was declared.",
    ),
    RecordClass(
        name="answers",
        label=text(tr="Saklanan yanıtlar", en="Kept answers", de="Aufbewahrte Antworten"),
        holds=("idempotency.answer",),
        days=2,
        reason="An answer is kept for a repeated request: RMA_IDEMPOTENCY_HOURS, 48 hours unless set.",
    ),
    RecordClass(
        name="links",
        label=text(tr="Bağlantılar", en="Links", de="Links"),
        holds=("links.hash",),
        reason="The hash of a customer's link is of no use once the link has expired.",
    ),
    RecordClass(
        name="staff",
        record="books",
        whose="store",
        label=text(tr="Çalışan adresleri", en="Addresses of staff", de="Adressen der Beschäftigten"),
        holds=("keys.person", "personal.value", "personal.salt"),
        months=120,
        reason="Who could approve money, counted from the end of the key.",
    ),
    RecordClass(
        name="destruction_log",
        record="destruction_log",
        whose="store",
        label=text(tr="İmha kayıtları", en="Destruction log", de="Löschprotokoll"),
        holds=("destructions",),
        months=36,
        reason="Proof that what had to go went; it names nobody.",
    ),
)
"""Every class, in the order in which they go: photos first."""

BY_NAME: dict[str, RecordClass] = {one.name: one for one in CLASSES}
OF_A_MATTER: tuple[Name, ...] = ("evidence", "feedback", "messages", "withdrawal", "tax", "books")
"""The classes that one order, return or withdrawal has."""
APPEAL_DAYS = 30
"""So long after a decline its photos wait for an appeal (KVKK m.5/2-e, GDPR 17(3)(e)), unless erasure is asked for."""
OWN_RULE = "store's own rule"
LOOK_AGAIN = 30
"""Days after which a matter that has not ended is looked at again."""
EMPTY_AGAIN = 180
"""The same of an order of which nothing is left."""


class Shortened(msgspec.Struct, frozen=True, kw_only=True):
    """What a store has shortened of our own times."""

    feedback_months: int = 12
    appeal_days: int = APPEAL_DAYS


class End(msgspec.Struct, frozen=True, kw_only=True):
    """The last day of a class in one case, the article that says so, and whether that is a law's."""

    record: Name
    until: date
    article: str
    by_law: bool

    def over(self, today: date) -> bool:
        """Whether the last day has passed."""
        return self.until < today


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What becomes of one class of record when a person wants it erased. ``none``: there was nothing of it."""

    record: Name
    action: Action
    until: date | None = None
    article: str | None = None


def end(name: Name, closed: date, *, law: LawProfile, home: LawProfile, shortened: Shortened | None = None) -> End:
    """When a class ends in a matter that ended on ``closed``: by the law if it names a time, else by our own rule.

    ``law`` protects the customer, ``home`` is of the store's country. A store's shorter time never shortens a law's.
    """
    one, own = BY_NAME[name], shortened or Shortened()
    if one.record is not None:
        duty = keep_until(home if one.whose == "store" else law, one.record, closed)
        if duty is not None:
            return End(record=name, until=duty.raw, article="; ".join(duty.articles), by_law=True)
    months = min(one.months, own.feedback_months) if name == "feedback" else one.months
    until = add_months(closed, months) + timedelta(days=one.days)
    return End(record=name, until=until, article=OWN_RULE, by_law=False)


def photos_until(
    closed: date, *, declined: bool, law: LawProfile, home: LawProfile, shortened: Shortened | None = None
) -> date:
    """The last day of a case's photos: with the case, and while a decline may still be appealed."""
    last = end("evidence", closed, law=law, home=home).until
    wait = timedelta(days=(shortened or Shortened()).appeal_days)
    return max(last, closed + wait) if declined else last


def first_look(ordered: date, shortened: Shortened | None = None) -> date:
    """The first day on which something of an order may have to go."""
    return add_months(ordered, min((shortened or Shortened()).feedback_months, 12)) + timedelta(days=1)


_SENTENCES: dict[Action, Text] = {
    "erased": text(tr="{label}: silindi.", en="{label}: erased.", de="{label}: gelöscht."),
    "restricted": text(
        tr="{label}: {article} gereği {until} tarihine kadar saklanması zorunludur; o güne kadar erişime kapatıldı,"
        " sonra kendiliğinden silinecek.",
        en="{label}: {article} demands that it is kept until {until}; until then it is locked away, after that it is"
        " erased by itself.",
        de="{label}: {article} verlangt die Aufbewahrung bis zum {until}; bis dahin ist der Zugriff gesperrt, danach"
        " wird von selbst gelöscht.",
    ),
    "open": text(
        tr="{label}: henüz sonuçlanmamış bir iade var; iade sonuçlandığında silinecek ya da erişime kapatılacak.",
        en="{label}: a return is still open; it will be erased or locked away when the return ends.",
        de="{label}: Eine Rücksendung ist noch offen; mit ihrem Ende wird gelöscht oder gesperrt.",
    ),
    "none": text(tr="{label}: kayıt yok.", en="{label}: nothing is held.", de="{label}: nichts gespeichert."),
}
_OWN_RULE: Text = text(tr="mağazanın kendi saklama kuralı", en="the store's own rule", de="die eigene Regel des Shops")


def sentence(answer: Answer, language: str) -> str:
    """The answer for the person who asked, in their language."""
    article = say(_OWN_RULE, language) if answer.article == OWN_RULE else answer.article or ""
    return say(_SENTENCES[answer.action], language).format(
        label=say(BY_NAME[answer.record].label, language),
        article=article,
        until=long_date(answer.until, language) if answer.until else "",
    )


def together(answers: list[Answer]) -> list[Answer]:
    """One answer for each class over several matters: what binds most, until the latest day."""
    weight: dict[Action, int] = {"none": 0, "erased": 1, "restricted": 2, "open": 3}
    found: dict[str, Answer] = {}
    for one in answers:
        known = found.get(one.record)
        key = (weight[one.action], one.until or date.min)
        if known is None or key > (weight[known.action], known.until or date.min):
            found[one.record] = one
    return [found[name] for name in OF_A_MATTER if name in found]


def next_look(today: date, ends: list[date]) -> date:
    """The day after the next end, or in a month if that is sooner: a return may still come.

    Where nothing is left it is half a year (the longest time between two destructions, Silme Yönetmeliği m.11): an
    order whose person was erased may be returned all the same.
    """
    again = timedelta(days=LOOK_AGAIN if ends else EMPTY_AGAIN)
    return min([*(one + timedelta(days=1) for one in ends), today + again])


def row(one: RecordClass) -> str:
    """The class as a line of the table in the documentation."""
    whose = {"customer": "the customer's law", "store": "the law of the store's country"}[one.whose]
    ours = " and ".join(f"{n} {unit}" for n, unit in ((one.months, "months"), (one.days, "days")) if n)
    basis = f"{whose}, `{one.record}`" if one.record else "no law"
    return f"| `{one.name}` | {', '.join(f'`{x}`' for x in one.holds)} | {basis} | {ours or 'none'} | {one.reason} |"
