"""Where a request stands in time: as which kind it is judged, on which basis, and until which day.

The law comes first: a voluntary filing inside the statutory window is judged as a withdrawal; a business buyer or an
exempt item has no withdrawal right; what the store offers beyond the law is a matter of contract.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from typing import Any, Literal, TypeVar

import msgspec
from msgspec import structs

from rma.domain.arrivals import Arrivals, LineArrival
from rma.domain.calendar import add_days, local_date
from rma.domain.claims import DELAY, LIABILITY, Facts, Kind, LineFacts, LineRequest
from rma.domain.law import Exemption, LawProfile
from rma.domain.law_choice import best
from rma.domain.law_dates import delivery_due, liability_end, withdrawal_end
from rma.domain.law_rights import exemption
from rma.domain.sentences import SENTENCES
from rma.domain.terms import Policy, Rule
from rma.domain.texts import filled
from rma.domain.verdict import PASS, Verdict, ask, refuse

T = TypeVar("T")
Basis = Literal["statutory", "contract", "goodwill"]

_DELIVERY_DAYS = 30
_DOUBT_DAYS = 14
"""So long after an end that rests on a guess a person is asked: the parcel may have come that much later."""


class Standing(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What time says about one line.

    ``kind`` is the kind it is judged as, ``last_day`` the last day on which the same request could be filed (None
    while its period has not started), ``available`` how many units may be filed, ``delivered`` whether those units are
    with the customer; ``undelivered`` how many more may be that are not. ``verdict`` is the answer of the window rule,
    ``exempt`` why there is no withdrawal right.
    Where two laws apply ``law`` is the one whose answer counts and ``compared`` holds those of both.
    """

    kind: Kind
    basis: Basis
    available: int
    delivered: bool
    undelivered: int = 0
    verdict: Verdict = PASS
    last_day: date | None = None
    starts: date | None = None
    estimated: bool = False
    article: str | None = None
    exempt: Exemption | None = None
    law: str = ""
    compared: tuple[tuple[str, Standing], ...] = ()


class Scene(msgspec.Struct, frozen=True, kw_only=True):
    """All that is the same for every line of a request; ``rules`` are asked in that order.

    ``known`` remembers what was worked out for one line and is the same for the next: windows and ways back.
    ``each``: where two laws apply, the same under each of them alone.
    """

    policy: Policy
    rules: tuple[Rule, ...]
    law: LawProfile
    facts: Facts
    filed_at: datetime
    arrivals: Arrivals
    policy_label: str = ""
    law_version: str = ""
    known: dict[tuple[str, ...], Any] = {}
    each: tuple[Scene, ...] = ()

    def once(self, key: tuple[str, ...], work_out: Callable[[], T]) -> T:
        """What was worked out under this key, at its first call."""
        found: T | None = self.known.get(key)
        if found is None:
            found = self.known[key] = work_out()
        return found


def under_each(scene: Scene) -> Scene:
    """The scene of two laws with the same under each of them, named as in ``LawProfile.reference``."""
    named = zip(scene.law.together, scene.law.reference.split("+"), strict=True)
    alone = (structs.replace(scene, law=one, law_version=name, known={}) for one, name in named)
    return structs.replace(scene, each=tuple(alone))


class _Units(msgspec.Struct, frozen=True, gc=False):
    """Which units of a line a request is about, and how many more the customer does not have yet."""

    available: int
    delivered: bool
    undelivered: int = 0


class _Window(msgspec.Struct, frozen=True, gc=False):
    """A period until ``end``; without an end it has not started and is open."""

    starts: date | None
    end: date | None
    guessed: bool = False

    def open_on(self, day: date) -> bool:
        return self.end is None or day <= self.end


def standing(scene: Scene, line: LineFacts, asked: LineRequest) -> Standing:
    """Where this line stands; the answer of the window rule is in it. Of two laws the better for the consumer counts.

    A law answers whole: its exceptions are of its own right, its period of its own start.
    """
    if scene.each:
        return _of_each(scene, line, asked)
    if asked.kind in DELAY:
        return _delay(scene, line, asked)
    if asked.kind in LIABILITY:
        return _liability(scene, line, asked)
    return _by_choice(scene, line, asked)


def _of_each(scene: Scene, line: LineFacts, asked: LineRequest) -> Standing:
    """What counts of the answers of two laws, with both of them."""
    found = [standing(one, line, asked) for one in scene.each]
    counts = best("right", found)
    named = tuple(zip((one.law_version for one in scene.each), found, strict=True))
    return structs.replace(
        counts,
        law=next(name for name, one in named if one is counts),
        last_day=best("last_day", [one.last_day for one in found if one.exempt is counts.exempt]),
        compared=named,
    )


def _by_choice(scene: Scene, line: LineFacts, asked: LineRequest) -> Standing:
    """A withdrawal or a voluntary return; before delivery only the first is possible.

    Of a line that has come in part a withdrawal is from both: what is here, and what is still to come (MSY 9/1, CRD 9).
    """
    if not line.tangible or (asked.part and asked.kind == "withdrawal"):
        return _in_window(scene, line, asked, units=_Units(line.left, delivered=_is_here(scene, line, asked)))
    arrival = scene.arrivals.lines[line.id]
    goods = _goods_left(line, arrival)
    if goods or (not line.left and arrival.units):
        more = line.left - goods if asked.kind == "withdrawal" and _before_delivery(scene.law) else 0
        return _in_window(scene, line, asked, units=_Units(goods, delivered=True, undelivered=more))
    if asked.kind == "voluntary":
        return _not_delivered(asked, line, "contract")
    return _in_window(scene, line, asked, units=_Units(line.left, delivered=False))


def _is_here(scene: Scene, line: LineFacts, asked: LineRequest) -> bool:
    """Whether units of one part are with the customer: as it was parted, or because they have come since."""
    if not line.tangible:
        return False
    return asked.part == "delivered" or _goods_left(line, scene.arrivals.lines[line.id]) >= asked.quantity


def _in_window(scene: Scene, line: LineFacts, asked: LineRequest, *, units: _Units) -> Standing:
    """Statutory while the law's window is open or has not started, else by contract while the store's window is."""
    today = scene.arrivals.filed_on
    exempt = exemption(scene.law, attributes=line.attributes, condition=_condition(asked))
    early = line.tangible and not units.delivered and not _before_delivery(scene.law)
    right = None if exempt or early or scene.facts.is_business else _right(scene, line)
    offer = _offer(scene, line, asked.kind)
    last_day = _later(offer.end, right.end) if right else offer.end
    by_law = right is not None and right.open_on(today)
    late = not by_law and not offer.open_on(today)
    doubtful = late and right is not None and _in_doubt(scene, line, right.end)
    statutory = by_law or doubtful
    article = scene.law.withdrawal.article if right and scene.law.withdrawal else None
    return Standing(
        kind="withdrawal" if statutory else "voluntary",
        basis="statutory" if statutory else "contract",
        available=units.available,
        delivered=units.delivered,
        undelivered=units.undelivered,
        verdict=_over(scene, line, asked, last_day=last_day, article=article, doubtful=doubtful) if late else PASS,
        last_day=last_day,
        starts=right.starts if right and statutory else offer.starts,
        estimated=line.tangible and (scene.arrivals.estimated or (offer.guessed and not statutory)),
        article=article if statutory or late else None,
        exempt=exempt if not scene.facts.is_business else None,
    )


def _before_delivery(law: LawProfile) -> bool:
    return law.withdrawal is not None and law.withdrawal.before_delivery


def _right(scene: Scene, line: LineFacts) -> _Window | None:
    """The statutory right to withdraw: from the last delivery of the whole order, for services from the contract.

    What is delivered regularly over a set time starts with its own first delivery (CRD art. 9(2)(b)(iii), MSY art. 9).
    """
    law = scene.law.withdrawal
    if law is None:
        return None
    by_contract = line.kind in law.contract_start
    if not by_contract and "regular_delivery" in line.attributes and law.start.regular == "first_delivery":
        return _right_since(scene, scene.arrivals.lines[line.id].first)
    return scene.once(("right", "contract" if by_contract else "delivery"), lambda: _right_from(scene, by_contract))


def _right_from(scene: Scene, by_contract: bool) -> _Window:  # noqa: FBT001 - reads as a sentence
    starts = scene.arrivals.last if scene.arrivals.complete else None
    if by_contract:
        starts = scene.arrivals.ordered_on
    return _right_since(scene, starts)


def _right_since(scene: Scene, starts: date | None) -> _Window:
    end = withdrawal_end(scene.law, starts, informed=scene.facts.told) if starts else None
    return _Window(starts, end.binding if end else None)


def _offer(scene: Scene, line: LineFacts, kind: Kind) -> _Window:
    """The window that the store offers; it has not started before anything has come."""
    return scene.once(("offer", kind, line.kind), lambda: _offered(scene, line, kind))


def _offered(scene: Scene, line: LineFacts, kind: Kind) -> _Window:
    windows = scene.policy.windows
    days = windows.withdrawal_days
    if scene.law.withdrawal:
        days = max(days, scene.law.withdrawal.days)
    if kind == "voluntary":
        days = max(days, windows.voluntary_days)
    starts, guessed = _anchor(scene, line)
    return _Window(starts, add_days(starts, days) if starts else None, guessed)


def _anchor(scene: Scene, line: LineFacts) -> tuple[date | None, bool]:
    """The day from which the store counts, and whether it is a guess."""
    windows, facts = scene.policy.windows, scene.facts
    if windows.anchor == "ordered" or not line.tangible:
        return scene.arrivals.ordered_on, False
    if windows.anchor == "delivered":
        return scene.arrivals.last, scene.arrivals.estimated
    known = [delivery.shipped_at for delivery in facts.deliveries if delivery.shipped_at]
    shipped = facts.shipped_at or max(known, default=None)
    if shipped:
        return local_date(shipped, facts.timezone), False
    return add_days(scene.arrivals.ordered_on, windows.fallback_transit_days), True


def _over(
    scene: Scene, line: LineFacts, asked: LineRequest, *, last_day: date | None, article: str | None, doubtful: bool
) -> Verdict:
    """The refusal of a late request: it names the last day, and the voluntary window where that is still open.

    Of a right whose end rests on a guess a person is asked for a while: the seller has to prove the day of delivery.
    """
    if doubtful:
        words = filled(SENTENCES["window_in_doubt"], last_day=last_day or scene.arrivals.filed_on)
        return ask("window_in_doubt", words, article=article)
    if asked.kind == "withdrawal":
        other = _offer(scene, line, "voluntary").end
        if other and scene.arrivals.filed_on <= other:
            words = filled(SENTENCES["withdrawal_over"], last_day=last_day or other, other=other)
            return refuse("window_over", words, article=article)
    name = "window_over_estimated" if scene.arrivals.estimated else "window_over"
    return refuse("window_over", filled(SENTENCES[name], last_day=last_day or scene.arrivals.filed_on), article=article)


def _in_doubt(scene: Scene, line: LineFacts, end: date | None) -> bool:
    """Whether this end, which has passed, follows from a guessed delivery and passed not long ago."""
    guessed = line.tangible and scene.arrivals.estimated
    return guessed and end is not None and scene.arrivals.filed_on <= add_days(end, _DOUBT_DAYS)


def _liability(scene: Scene, line: LineFacts, asked: LineRequest) -> Standing:
    """Damaged, defective, wrong or missing: the seller answers for it long after the window has closed."""
    basis: Basis = "contract" if scene.facts.is_business or scene.law.defect is None else "statutory"
    arrival = scene.arrivals.lines[line.id]
    missing = asked.kind == "missing_item"
    available = line.left if missing else _goods_left(line, arrival)
    starts = arrival.last or (scene.arrivals.last if missing else None)
    if starts is None or asked.quantity > available:
        if arrival.under_way and asked.quantity <= line.left:
            return _under_way(asked, line, basis)
        if starts is None or (not available and line.left):
            return _not_delivered(asked, line, basis)
    agreed = scene.policy.windows.second_hand_months if "second_hand" in line.attributes else None
    end = liability_end(
        scene.law,
        starts,
        contract=scene.arrivals.ordered_on,
        second_hand=agreed is not None,
        agreed_months=agreed,
        repaired="repaired" in line.attributes,
    )
    last_day = end.binding if end else add_days(starts, scene.policy.windows.voluntary_days)
    late = scene.arrivals.filed_on > last_day
    words = filled(SENTENCES["liability_over"], last_day=last_day) if late else {}
    article = end.article if end else None
    return Standing(
        kind=asked.kind,
        basis=basis,
        available=available,
        delivered=not missing,
        verdict=(ask if _in_doubt(scene, line, last_day) else refuse)("liability_over", words, article=article)
        if late
        else PASS,
        last_day=last_day,
        starts=starts,
        estimated=arrival.estimated,
        article=article,
    )


def _delay(scene: Scene, line: LineFacts, asked: LineRequest) -> Standing:
    """Not delivered, or too late. A guessed delivery is none: the customer says that nothing came."""
    basis: Basis = "contract" if scene.facts.is_business or scene.law.delivery is None else "statutory"
    arrival = scene.arrivals.lines[line.id]
    goods = 0 if arrival.estimated else _goods_left(line, arrival)
    due = _due(scene, line)
    undelivered = line.left - goods
    if undelivered:
        early = scene.arrivals.filed_on <= due
        verdict = refuse("not_due_yet", filled(SENTENCES["not_due_yet"], last_day=due)) if early else PASS
    else:
        verdict = _delivered_verdict(scene, line, asked, came=arrival.last or due, due=due)
    return Standing(
        kind=asked.kind,
        basis=basis,
        available=undelivered or goods,
        delivered=not undelivered and asked.kind == "late_delivery",
        verdict=verdict,
        starts=due,
        article=scene.law.delivery.article if scene.law.delivery else None,
    )


def _delivered_verdict(scene: Scene, line: LineFacts, asked: LineRequest, *, came: date, due: date) -> Verdict:
    """A claim of delay about units that our records call delivered."""
    if asked.kind == "not_delivered":
        return ask("recorded_as_delivered", filled(SENTENCES["recorded_as_delivered"], day=came))
    if came <= due:
        return refuse("not_late", filled(SENTENCES["not_late"], day=came))
    right = _right(scene, line)
    if right is None or right.end is None or right.open_on(scene.arrivals.filed_on):
        return PASS
    return ask("delivered_late", filled(SENTENCES["delivered_late"], last_day=right.end))


def _due(scene: Scene, line: LineFacts) -> date:
    """The day by which delivery was due: promised, by law, or thirty days after the order."""
    ordered, promised = scene.arrivals.ordered_on, scene.facts.promised_by
    due = delivery_due(scene.law, ordered=ordered, promised=promised, attributes=line.attributes)
    return due.binding if due else promised or add_days(ordered, _DELIVERY_DAYS)


def _not_delivered(asked: LineRequest, line: LineFacts, basis: Basis) -> Standing:
    verdict = refuse("not_delivered_yet", SENTENCES["not_delivered_yet"])
    return Standing(kind=asked.kind, basis=basis, available=line.left, delivered=False, verdict=verdict)


def _under_way(asked: LineRequest, line: LineFacts, basis: Basis) -> Standing:
    """What our records call under way and the customer has, or could not complain of it: a person looks."""
    verdict = ask("recorded_as_under_way", SENTENCES["recorded_as_under_way"])
    there = asked.kind != "missing_item"
    return Standing(kind=asked.kind, basis=basis, available=line.left, delivered=there, verdict=verdict)


def _goods_left(line: LineFacts, arrival: LineArrival) -> int:
    """Units with the customer that no return holds."""
    in_returns = line.quantity - line.left - line.taken_undelivered
    return max(0, min(line.left, arrival.units - in_returns))


def _condition(asked: LineRequest) -> frozenset[str]:
    return frozenset(name for name in ("opened", "used", "installed") if getattr(asked, name))


def _later(one: date | None, other: date | None) -> date | None:
    """The later day; None stands for a period that has not started."""
    return None if one is None or other is None else max(one, other)
