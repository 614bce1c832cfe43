"""The dates that the law gives: each in three readings, with the one that binds and the articles it stands on.

``raw`` is the event and the period, ``strict`` what a court would most likely say of a last day that is no working day,
``lenient`` the mildest reading of what a consumer must do. In doubt the consumer has the latest and the seller the
earliest of them, so that every reading of the law is met (TBK 92-93, Regulation 1182/71 art. 3).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from datetime import date, timedelta
from typing import Literal

import msgspec
from msgspec import structs

from rma.domain.calendar import add_days, add_months, add_working_days, roll
from rma.domain.law import LawProfile, NotInformed, Record, Start
from rma.domain.law_choice import best, compared
from rma.domain.law_terms import Confidence, Counting, Period, Rule

Side = Literal["consumer", "seller"]
Told = date | Literal["never"] | None
"""The day on which a consumer was told; ``never``, or None where nothing speaks against that they were in time."""
LawOn = Callable[[date], LawProfile]
"""The law, or the laws, that protect one consumer on a day."""

_ONE_DAY = timedelta(days=1)
_SURE: tuple[Confidence, ...] = ("H", "M", "L")


class Deadline(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A day by which someone must act: as counted (``raw``), as a court would roll it, and as the mildest reading.

    ``starts`` is the day of the event. ``estimated`` says that the event's day is a guess, ``confidence`` how sure the
    weakest of the rules it stands on is.
    """

    name: str
    starts: date
    raw: date
    strict: date
    lenient: date
    side: Side
    articles: tuple[str, ...]
    confidence: Confidence = "H"
    estimated: bool = False

    @property
    def binding(self) -> date:
        """The day that holds: the latest reading for the consumer, the earliest for the seller."""
        if self.side == "seller":
            return self.raw
        return max(self.raw, self.strict, self.lenient)

    @property
    def article(self) -> str:
        """The articles in one line."""
        return "; ".join(self.articles)


def counted(period: Period, start: date, counting: Counting) -> date:
    """The last day of a period after ``start``, as counted: whole days, months with the same day number, else the last.

    ``inclusive`` counts the day of the event itself (CRA s.20(15): "beginning with the day").
    """
    if period.working_days:
        return add_working_days(start, period.working_days, counting.work)
    end = add_days(add_months(start, period.months) if period.months else start, period.days)
    return end - _ONE_DAY if period.inclusive and end > start else end


def withdrawal_start(
    law: LawProfile,
    *,
    kind: str = "goods",
    contract: date | None = None,
    deliveries: Sequence[date | None] = (),
    pieces: Sequence[date | None] = (),
    regular: Sequence[date | None] = (),
) -> date | None:
    """The day that starts the withdrawal period: of the contract, of a delivery, by what the law says of such goods.

    A None among the days is a parcel that has not come: until it has, the period has not started.
    """
    if law.withdrawal is None:
        return None
    rules = law.withdrawal.start
    rule: Start = getattr(rules, kind)
    if rule == "contract":
        return contract
    if regular:
        return _picked(rules.regular, regular)
    found = [_picked(how, days) for how, days in ((rule, deliveries), (rules.pieces, pieces)) if days]
    return _picked(rule, found) if found else None


@compared("withdrawal_end")
def withdrawal_end(
    law: LawProfile, start: date, *, informed: Told = None, function_informed: Told = None, estimated: bool = False
) -> Deadline | None:
    """The last day to declare a withdrawal, counted from ``start``; None where there is no such right.

    ``informed``: when the consumer was told of the right; ``function_informed`` of the function to withdraw online.
    """
    right = law.withdrawal
    if right is None:
        return None
    base = add_days(start, right.days)
    told = informed
    if law.function is not None and law.function.not_told and law.function.required:
        told = _later_told(informed, function_informed)
    raw, latest = _not_informed(right.not_informed, told, start=start, base=base)
    rules: list[Rule] = [right]
    if latest != base:
        rules.append(right.not_informed)
        if told != informed and law.function is not None:
            rules.append(law.function)
    made = _deadline(law, "withdrawal_end", start, raw, rules=rules, roll_by=right.roll, side="consumer")
    if latest != raw:
        made = structs.replace(made, lenient=max(made.lenient, _mild(latest, law.counting)), confidence="L")
    return structs.replace(made, estimated=estimated)


@compared("send_back")
def send_back_end(law: LawProfile, *, notice: date, seller_collects: bool = False) -> Deadline | None:
    """The last day to hand the goods over after the notice; None when the seller collects or no law says so."""
    if law.send_back is None or seller_collects:
        return None
    return _after(law, "send_back", notice, law.send_back, side="consumer")


def send_back_across(law_on: LawOn, *, notice: date, seller_collects: bool = False) -> Deadline | None:
    """The same where the law may change while the time runs: a text that begins before the end counts if it is longer.

    The procedure follows the day of the event, and where two texts apply the better one for the consumer holds.
    """
    found = send_back_end(law_on(notice), notice=notice, seller_collects=seller_collects)
    if found is None:
        return None
    later = send_back_end(law_on(found.binding), notice=notice, seller_collects=seller_collects)
    if later is None or best("send_back", [found, later]) is found:
        return found
    return structs.replace(later, articles=(*later.articles, *found.articles), confidence="L")


@compared("delivery_due")
def delivery_due(
    law: LawProfile, *, ordered: date, promised: date | None = None, attributes: Collection[str] = ()
) -> Deadline | None:
    """The day by which the seller must deliver: as promised, at the latest after the law's days where that is a cap.

    ``attributes`` are those of the line: the cap is not for goods that are made to order (Law 6502 art. 48/3).
    """
    if law.delivery is None:
        return None
    due = _after(law, "delivery_due", ordered, law.delivery, side="seller")
    capped = law.delivery.cap and not set(law.delivery.uncapped) & set(attributes)
    if promised is None or (capped and promised >= due.raw):
        return due
    return structs.replace(due, raw=promised, strict=promised, lenient=promised)


@compared("liability_end")
def liability_end(
    law: LawProfile,
    delivered: date,
    *,
    contract: date | None = None,
    second_hand: bool = False,
    agreed_months: int | None = None,
    repaired: bool = False,
    estimated: bool = False,
) -> Deadline | None:
    """The last day on which the seller answers for goods that were delivered on that day.

    A repair adds the law's months once, for contracts from its day on (SGD art. 10(2a)). ``second_hand`` takes the
    shorter time that the law lets be agreed, or ``agreed_months`` where that is longer.
    """
    defect = law.defect
    if defect is None:
        return None
    period: Period = defect.liability
    if second_hand:
        period = structs.replace(period, months=defect.liability.for_used(agreed_months))
    rules: list[Rule] = [period]
    longer = defect.extension
    if repaired and longer is not None and (contract or delivered) >= longer.contracts_from:
        period = structs.replace(period, months=period.months + longer.months)
        rules.append(longer)
    end = counted(period, delivered, law.counting)
    made = _deadline(law, "liability_end", delivered, end, rules=rules, roll_by=period.roll, side="consumer")
    return structs.replace(made, estimated=estimated)


@compared("presumption_end")
def presumption_end(law: LawProfile, delivered: date, *, second_hand: bool = False) -> Deadline | None:
    """The last day on which a defect that shows is presumed to have been there. It is no act: it never rolls."""
    if law.defect is None:
        return None
    period = law.defect.presumption
    if second_hand and period.second_hand_months is not None:
        period = structs.replace(period, months=period.second_hand_months)
    return _after(law, "presumption_end", delivered, period, side="consumer")


@compared("reject_end")
def reject_end(
    law: LawProfile, delivered: date, *, asked: date | None = None, back: date | None = None
) -> Deadline | None:
    """The last day of the short right to reject (CRA s.22); None without that right or while a repair stops it.

    The time of a repair, both days counted, is added, and at least the law's days remain after it.
    """
    rule = law.defect.reject if law.defect else None
    if rule is None:
        return None
    end = add_days(delivered, rule.days)
    if asked is not None and asked <= end:
        if back is None:
            return None
        end = max(add_days(end, waiting_days(asked, back)), add_days(back, rule.after_repair_days))
    return _deadline(law, "reject_end", delivered, end, rules=[rule], roll_by="none", side="consumer")


def waiting_days(asked: date, back: date) -> int:
    """How many days a repair took, from the day it was asked for to the day the goods were back, both counted."""
    return (back - asked).days + 1


@compared("repair_due")
def repair_due(law: LawProfile, notified: date, *, working_days: int | None = None) -> Deadline | None:
    """The working day by which a repair must be done; the shortest time of the law unless told."""
    times = [(law.after_sales, law.after_sales.repair_days)] if law.after_sales else []
    general = law.defect.repair if law.defect else None
    known: list[tuple[Rule, int]] = [*times, *([(general, general.working_days)] if general else [])]
    if not known:
        return None
    rule, days = min(known, key=lambda one: one[1])
    if working_days is not None and general is not None and working_days == general.working_days:
        rule = general
    return _working(law, "repair_due", notified, days if working_days is None else working_days, rule)


@compared("loaner_due")
def loaner_due(law: LawProfile, notified: date, *, working_days: int | None = None) -> Deadline | None:
    """The last working day before a similar item must be lent for an unfinished repair (SSHY)."""
    if law.after_sales is None:
        return None
    days = law.after_sales.loaner_days if working_days is None else working_days
    return _working(law, "loaner_due", notified, days, law.after_sales)


@compared("warranty_end")
def warranty_end(
    law: LawProfile,
    delivered: date,
    *,
    years: int | None = None,
    repairs: Sequence[tuple[date, date]] = (),
    replaced: date | None = None,
) -> Deadline | None:
    """The last day of a warranty: time in repair is added, and an item that was replaced keeps the rest of it."""
    rule = law.after_sales
    if rule is None:
        return None
    months = rule.warranty_months if years is None else max(years * 12, rule.warranty_months)
    end = add_months(delivered, months)
    if rule.repair_extends_warranty:
        end = add_days(end, _days_in(repairs))
    if replaced is not None and not rule.replacement_keeps_rest:
        end = add_months(replaced, months)
    return _deadline(law, "warranty_end", delivered, end, rules=[rule], roll_by="none", side="consumer")


def carrier_notice(law: LawProfile, delivered: date, damage: Literal["visible", "hidden", "late"]) -> Deadline | None:
    """The last day to tell the carrier, which keeps the claim against it. Never a condition of a consumer's right."""
    if law.carriage is None:
        return None
    rule = law.carriage
    days = {"visible": rule.visible_days, "hidden": rule.hidden_days, "late": rule.delay_days}[damage]
    return _deadline(
        law, "carrier_notice", delivered, add_days(delivered, days), rules=[rule], roll_by="law", side="seller"
    )


def lost_from(law: LawProfile, carriage_due: date, *, cross_border: bool = False) -> Deadline | None:
    """The first day on which goods that did not come count as lost."""
    if law.carriage is None:
        return None
    days = law.carriage.lost_days_abroad if cross_border else law.carriage.lost_days
    first = add_days(carriage_due, days) + _ONE_DAY
    return _deadline(law, "lost_from", carriage_due, first, rules=[law.carriage], roll_by="none", side="consumer")


def keep_until(law: LawProfile, record: Record, closed: date) -> Deadline | None:
    """The last day on which a class of record must be kept; None where no duty is known."""
    rule = next((one for one in law.retention if one.record == record), None)
    if rule is None:
        return None
    start = date(closed.year, 12, 31) if rule.counted_from == "year_end" else closed
    end = add_months(start, rule.months)
    return _deadline(law, "keep_until", closed, end, rules=[rule], roll_by="none", side="seller")


def answer_due(law: LawProfile, requested: date) -> Deadline | None:
    """The day by which a request about personal data must be answered."""
    if law.privacy is None:
        return None
    return _after(law, "answer_due", requested, law.privacy.answer, side="seller")


def destroy_by(law: LawProfile, ended: date) -> Deadline | None:
    """The day by which data without a purpose must be gone: the longest time between two runs."""
    if law.privacy is None or law.privacy.destruction is None:
        return None
    return _after(law, "destroy_by", ended, law.privacy.destruction, side="seller")


def message_stop(law: LawProfile, opted_out: date) -> Deadline | None:
    """The day from which no commercial message may go out to who opted out. We stop at once all the same."""
    if law.messages is None:
        return None
    return _after(law, "message_stop", opted_out, law.messages.stop, side="seller")


def rolled(law: LawProfile, day: date) -> date:
    """A seller's last day as a court would roll it; the earliest where two laws apply."""
    return min(roll(day, one.counting.rolled) for one in law.applicable)


def _after(law: LawProfile, name: str, start: date, period: Period, *, side: Side) -> Deadline:
    end = counted(period, start, law.counting)
    return _deadline(law, name, start, end, rules=[period], roll_by=period.roll, side=side)


def _deadline(
    law: LawProfile, name: str, start: date, raw: date, *, rules: Sequence[Rule], roll_by: str, side: Side
) -> Deadline:
    strict = raw if roll_by == "none" else roll(raw, law.counting.rolled)
    lenient = _mild(raw, law.counting) if roll_by == "act" else strict
    return Deadline(
        name=name,
        starts=start,
        raw=raw,
        strict=strict,
        lenient=lenient,
        side=side,
        articles=tuple(dict.fromkeys(rule.article for rule in rules)),
        confidence=max((rule.confidence for rule in rules), key=_SURE.index),
    )


def _mild(day: date, counting: Counting) -> date:
    return roll(day, counting.mild)


def _working(law: LawProfile, name: str, start: date, days: int, rule: Rule) -> Deadline:
    end = add_working_days(start, days, law.counting.repair)
    return _deadline(law, name, start, end, rules=[rule], roll_by="none", side="seller")


def _picked(rule: Start, days: Sequence[date | None]) -> date | None:
    known = [day for day in days if day is not None]
    if rule == "first_delivery":
        return min(known, default=None)
    return max(known) if known and len(known) == len(days) else None


def _later_told(one: Told, other: Told) -> Told:
    """Of two things that a consumer must be told, when the last was."""
    if "never" in (one, other):
        return "never"
    days = [day for day in (one, other) if isinstance(day, date)]
    return max(days, default=None)


def _not_informed(rule: NotInformed, told: Told, *, start: date, base: date) -> tuple[date, date]:
    """The end for who was told late or never, and the latest that any reading gives."""
    if told is None or (told != "never" and told <= start):
        return base, base
    cap = add_months(base, rule.months)
    within = add_months(start if rule.told_within == "start" else base, rule.months)
    if told == "never" or told > within:
        return cap, cap
    end = max(base, add_days(told, rule.cured_days))
    return (min(end, cap), end) if rule.capped else (end, end)


def _days_in(spans: Sequence[tuple[date, date]]) -> int:
    """How many days lie in these spans, each day once; the first day of a span is not counted."""
    total, reached = 0, date.min
    for start, end in sorted(spans):
        begin = max(start, reached)
        if end > begin:
            total += (end - begin).days
            reached = end
    return total
