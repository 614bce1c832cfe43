"""The policy page and its questions, made from the policy and the law that decide, and the calculator of last days.

Whatever a page says of methods, fees, outcomes, files and days is read off decisions on a plain item: page and
decisions cannot disagree. Nothing here is written by hand but the words.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from typing import Literal

import msgspec

from rma.domain import page_texts as words
from rma.domain.amounts import reader, write_money
from rma.domain.calendar import add_days, last_instant, zone
from rma.domain.claims import Delivery, Facts, Kind, LineFacts
from rma.domain.decision import LineDecision, options
from rma.domain.findings import listed, rights
from rma.domain.law import LawProfile
from rma.domain.law_choice import CHOICE_OF_LAW
from rma.domain.law_dates import withdrawal_end
from rma.domain.lint_texts import KIND_NAMES
from rma.domain.money import Money
from rma.domain.page_laws import second_hand, what_counts
from rma.domain.page_store import store_limits
from rma.domain.terms import Policy
from rma.domain.texts import LANGUAGES, Text, capital, filled

Basis = Literal["statutory", "contract"]
_LINE = "1"
_WORTH = 10**9
_ZERO = "0"
_TROUBLE: tuple[Kind, ...] = ("damaged", "defective", "wrong_item", "missing_item")


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One question with its answer, sentence by sentence, the basis it stands on and the article where there is one."""

    id: str
    question: Text
    answer: tuple[Text, ...]
    basis: Basis
    article: str | None = None


class Section(msgspec.Struct, frozen=True, kw_only=True):
    """Questions about one thing."""

    id: str
    title: Text
    entries: tuple[Entry, ...]


class Until(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the calculator: until which day what is possible, and whether it still is."""

    kind: Kind
    basis: Basis
    last_day: date
    last_instant: datetime
    open: bool
    estimated: bool
    article: str | None = None


def sections(policy: Policy, law: LawProfile, *, timezone: str, today: date) -> tuple[Section, ...]:
    """The page for an item that is received today. A part that says nothing is left out."""
    item = _Item(policy, law, timezone=timezone, received=today, ordered=None)
    told = law if not law.together else what_counts(policy, law, received=today)
    found = (
        ("time", (*_laws(law), *_time(policy, told))),
        ("way", _way(policy, told, item)),
        ("money", _money(policy, told, item)),
        ("trouble", _trouble(policy, told, item)),
        ("limits", store_limits(policy, told, _entry)),
    )
    made = ((name, tuple(entries)) for name, entries in found)
    return tuple(Section(id=name, title=words.TITLES[name], entries=entries) for name, entries in made if entries)


def until(
    policy: Policy, law: LawProfile, *, timezone: str, received: date, today: date, ordered: date | None = None
) -> tuple[Until, ...]:
    """Until when what is possible for an item received on that day. ``today`` tells which times still run.

    ``ordered`` matters where the store counts from the order or from shipping; without it the day of receipt counts.
    """
    item = _Item(policy, law, timezone=timezone, received=received, ordered=ordered)
    found: list[tuple[Kind, Basis, date, str | None, bool]] = []
    right = withdrawal_end(law, received)
    if right is not None:
        found.append(("withdrawal", "statutory", right.binding, right.article, False))
    offered = item.decision("voluntary")
    if offered.last_day is not None and (right is None or offered.last_day > right.binding):
        found.append(("voluntary", "contract", offered.last_day, None, offered.estimated))
    liable = item.decision("defective")
    if liable.last_day is not None:
        article = next((entry.article for entry in liable.trace if entry.rule == "window"), None)
        found.append(
            ("defective", "statutory" if liable.basis == "statutory" else "contract", liable.last_day, article, False)
        )
    return tuple(
        Until(
            kind=kind,
            basis=basis,
            last_day=last,
            last_instant=last_instant(last, timezone),
            open=today <= last,
            estimated=estimated,
            article=article,
        )
        for kind, basis, last, article, estimated in found
    )


class _Item:
    """A plain item of a plain order, received whole on one day: what would be decided about it."""

    def __init__(self, policy: Policy, law: LawProfile, *, timezone: str, received: date, ordered: date | None) -> None:
        self.policy, self.law, self.received = policy, law, received
        self._noon = _noon(received, timezone)
        self._timezone = timezone
        ordered_at = _noon(ordered, timezone) if ordered else self._noon - timedelta(hours=1)
        self._facts = Facts(
            now=self._noon,
            timezone=timezone,
            currency=policy.currency,
            ordered_at=min(ordered_at, self._noon - timedelta(hours=1)),
            country=law.country or "",
            order_value=_WORTH,
            lines=(LineFacts(id=_LINE, sku="", quantity=1, left=1, total=_WORTH),),
            deliveries=(Delivery(delivered_at=self._noon),),
        )

    def decision(self, kind: Kind, *, days_later: int = 0) -> LineDecision:
        """What would be decided about it so many days after it was received."""
        at = _noon(add_days(self.received, days_later), self._timezone)
        facts = msgspec.structs.replace(self._facts, now=at)
        return options(self.policy, self.law, facts, _LINE, at=at, kinds=(kind,))[0]

    def after_the_law(self) -> LineDecision | None:
        """The voluntary return once the law's time is over; None where the store offers none."""
        right = withdrawal_end(self.law, self.received)
        late = (right.binding - self.received).days + 1 if right is not None else 0
        found = self.decision("voluntary", days_later=late)
        return found if found.last_day is not None and add_days(self.received, late) <= found.last_day else None


def _noon(day: date, timezone: str) -> datetime:
    return datetime.combine(day, time(12), zone(timezone))


def _entry(
    name: str, *answer: Text, basis: Basis = "contract", article: str | None = None, question: str | None = None
) -> Entry:
    return Entry(id=name, question=words.QUESTIONS[question or name], answer=answer, basis=basis, article=article)


def _told(name: str, **values: str | int | Text) -> Text:
    """An answer with its names filled in, in every language."""
    return {code: capital(said, code) for code, said in filled(words.ANSWERS[name], **values).items()}


def _laws(law: LawProfile) -> Iterator[Entry]:
    """Which laws protect the reader, where there are two."""
    if law.together:
        own, home = (one.title for one in law.together)
        yield _entry("laws", _told("laws", own=own, home=home), basis="statutory", article=CHOICE_OF_LAW)


def _time(policy: Policy, law: LawProfile) -> Iterator[Entry]:
    windows, right = policy.windows, law.withdrawal
    days = max(windows.voluntary_days, windows.withdrawal_days)
    anchor = words.ANCHORS[windows.anchor]
    if right is None:
        yield _entry("voluntary", _told("store_time", days=days, anchor=anchor), question="withdrawal")
    else:
        rolls = bool(law.counting.strict or law.counting.lenient)
        told = _told("withdrawal" if rolls else "withdrawal_plain", days=right.days)
        yield _entry("withdrawal", told, basis="statutory", article=right.article)
        beyond = days > right.days
        yield _entry("voluntary", _told("voluntary", days=days, anchor=anchor) if beyond else _told("no_voluntary"))
    send_back = max(windows.ship_back_days, law.send_back.days if law.send_back else 0)
    basis: Basis = "statutory" if law.send_back else "contract"
    article = law.send_back.article if law.send_back else None
    yield _entry("send_back", _told("send_back", days=send_back), basis=basis, article=article)
    free = None if _reasons(policy, law) else right
    yield _entry(
        "needs", *_needs(policy, law), basis="statutory" if free else "contract", article=free.article if free else None
    )


def _reasons(policy: Policy, law: LawProfile) -> list[str]:
    """The kinds of return, none of them a right by law, for which the store asks a reason."""
    return [kind for kind in policy.returns.reason_required if kind not in rights(law)]


def _needs(policy: Policy, law: LawProfile) -> Iterator[Text]:
    asked = _reasons(policy, law)
    if policy.returns.login_required and law.withdrawal is None:
        yield _told("needs_login")
    if asked:
        yield _told("needs_reason", kinds=listed(KIND_NAMES, asked))
    elif law.withdrawal is not None or not policy.returns.login_required:
        yield _told("needs_nothing")


def _way(policy: Policy, law: LawProfile, item: _Item) -> Iterator[Entry]:
    by_law = item.decision("withdrawal")
    if by_law.basis == "statutory":
        article = law.way_back.article if law.way_back else None
        yield _entry("way_by_law", *_ways(by_law, policy), basis="statutory", article=article)
    later = item.after_the_law()
    if later is not None:
        kept = () if later.restocking_percent == _ZERO else (_told("restocking", percent=later.restocking_percent),)
        yield _entry("way_voluntary", *_ways(later, policy), *kept)


def _ways(found: LineDecision, policy: Policy) -> Iterator[Text]:
    for way in found.methods:
        method, payer = words.METHODS[way.name], words.PAYERS[way.paid_by]
        if way.fee:
            yield _told("way_fee", method=method, payer=payer, fee=_amount(way.fee, policy.currency))
        else:
            yield _told("way", method=method, payer=payer)


def _amount(minor: int, currency: str) -> Text:
    """An amount as a reader of each language writes it."""
    return {code: write_money(Money(minor, currency), reader(code)) for code in LANGUAGES}


def _money(policy: Policy, law: LawProfile, item: _Item) -> Iterator[Entry]:
    refund = law.refund
    basis: Basis = "statutory" if law.withdrawal and refund else "contract"
    article = refund.article if refund else None
    yield _entry("refund_when", _told("promise", days=policy.refunds.promise_days), basis=basis, article=article)
    yield _entry("refund_how", _told("original"), basis=basis, article=article)
    if refund is not None:
        yield _entry("shipping", _told(f"shipping_{refund.outbound_delivery}"), basis=basis, article=article)
    answers = []
    now, later = item.decision("withdrawal"), item.after_the_law()
    chosen = [one for one in now.outcomes if one != "refund"]
    if chosen:
        answers.append(_told("list", items=listed(words.OUTCOMES, chosen)))
    if later is not None and later.outcomes != now.outcomes:
        answers.append(_told("after_law", items=listed(words.OUTCOMES, later.outcomes)))
    if answers:
        yield _entry("instead", *answers)


def _trouble(policy: Policy, law: LawProfile, item: _Item) -> Iterator[Entry]:
    found = {kind: item.decision(kind) for kind in _TROUBLE}
    if law.defect is not None:
        months = law.defect.liability.months
        yield _entry(
            "liability", _told("liability", months=months), basis="statutory", article=law.defect.liability.article
        )
    used = second_hand(policy, item.law, received=item.received)
    if used is not None:
        yield _entry("second_hand", _told("liability", months=used[0]), basis="statutory", article=used[1])
    kinds = [
        _told("kind_items", kind=KIND_NAMES[kind], items=listed(words.OUTCOMES, one.outcomes))
        for kind, one in found.items()
    ]
    basis: Basis = "statutory" if law.defect else "contract"
    yield _entry("remedies", *kinds, basis=basis, article=law.defect.article if law.defect else None)
    yield _entry("evidence", *(_evidence(found) or (_told("no_evidence"),)))
    if law.delivery is not None and law.delivery.days:
        late = _told("late", days=law.delivery.days)
        yield _entry("late", late, basis="statutory", article=law.delivery.article)


def _evidence(found: dict[Kind, LineDecision]) -> tuple[Text, ...]:
    told = []
    for kind, one in found.items():
        wanted = one.evidence
        if wanted is not None and wanted.at_least:
            files = listed(words.FILES, wanted.kinds)
            name = "evidence" if one.basis == "statutory" else "evidence_needed"
            told.append(_told(name, kind=KIND_NAMES[kind], count=wanted.at_least, files=files))
        if wanted is not None and wanted.carrier_report == "asked":
            told.append(_told("report", kind=KIND_NAMES[kind]))
    return tuple(told)
