"""Where two laws apply, which answer counts: per question the better one for the consumer, by one table.

A consumer keeps what the law of their country gives whatever law was chosen, and may rely on the chosen one, which we
take to be that of the store's country, where it gives more (Rome I, Regulation 593/2008, art. 6(2)). Two texts of one
law that apply to a running procedure are compared by the same table (law.md 7). Every answer names its own article, so
the one that counts says which law it is from. Where answers are equal the first counts: the consumer's own law.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from decimal import Decimal
from functools import wraps
from typing import TYPE_CHECKING, Any, Concatenate, Literal, ParamSpec, TypeVar, cast

import msgspec

from rma.domain.law import LawProfile, Rate

if TYPE_CHECKING:
    from rma.domain.law_dates import Deadline
    from rma.domain.law_refund import RefundDue
    from rma.domain.standing import Standing

Question = Literal[
    "right",
    "withdrawal_end",
    "last_day",
    "exemption",
    "send_back",
    "delivery_due",
    "refund_due",
    "cheapest_delivery",
    "way_back",
    "value_loss",
    "service_share",
    "interest",
    "interest_rates",
    "liability_end",
    "presumption_end",
    "reject_end",
    "repair_due",
    "loaner_due",
    "warranty_end",
    "remedies",
    "to_tell",
]
P = ParamSpec("P")
A = TypeVar("A")
CHOICE_OF_LAW = "Rome I art. 6(2)"
"""Why two laws apply."""
_NEVER = -1


class Comparison(msgspec.Struct, frozen=True, kw_only=True):
    """How answers to one question compare: ``better`` in words, and a rank that is higher the better an answer is.

    Without a rank nothing is chosen: the consumer has everything that any of the answers gives.
    """

    better: str
    rank: Callable[[Any], Any] | None = None


def _later(deadline: Deadline | None) -> int:
    """The later day; a law that gives none is worst."""
    return deadline.binding.toordinal() if deadline is not None else _NEVER


def _sooner(deadline: Deadline | None) -> int:
    """The sooner day; a law that gives none is worst."""
    return date.max.toordinal() - deadline.binding.toordinal() if deadline is not None else _NEVER


def _paid(due: RefundDue) -> tuple[int, int]:
    """The sooner day, then a clock that has not started, then none."""
    if due.by is None:
        return (int(due.article is not None), 0)
    return (2, -due.by.toordinal())


def _stands(standing: Standing) -> tuple[int, bool, bool, date]:
    """What is not refused, then what is no exception, then what stands by law, then what stands longer."""
    answer = ("refuse", "ask", "pass").index(standing.verdict.answer)
    return (answer, standing.exempt is None, standing.basis == "statutory", _day(standing.last_day))


def _day(day: date | None) -> date:
    """The later day; None has not begun to run."""
    return date.max if day is None else day


def _last_rate(rates: Sequence[Rate]) -> Decimal:
    return Decimal(rates[-1].percent) if rates else Decimal(0)


QUESTIONS: Mapping[Question, Comparison] = {
    "right": Comparison(better="accepted, no exception, by law, longer", rank=_stands),
    "withdrawal_end": Comparison(better="the later last day", rank=_later),
    "last_day": Comparison(better="the later day", rank=_day),
    "exemption": Comparison(better="no exception", rank=lambda found: found is None),
    "send_back": Comparison(better="the later last day", rank=_later),
    "delivery_due": Comparison(better="the earlier day", rank=_sooner),
    "refund_due": Comparison(better="the earlier day", rank=_paid),
    "cheapest_delivery": Comparison(better="the whole delivery charge", rank=lambda only: not only),
    "way_back": Comparison(better="the store pays", rank=("customer", None, "store").index),
    "value_loss": Comparison(
        better="no deduction",
        rank=lambda rule: (None, "if_informed", "never").index(rule.allowed if rule is not None else None),
    ),
    "service_share": Comparison(better="nothing is kept", rank=lambda rule: rule is None),
    "interest": Comparison(better="it runs from the payment", rank=("none", "due", "payment").index),
    "interest_rates": Comparison(better="the higher rate", rank=_last_rate),
    "liability_end": Comparison(better="the later last day", rank=_later),
    "presumption_end": Comparison(better="the later last day", rank=_later),
    "reject_end": Comparison(better="the later last day", rank=_later),
    "repair_due": Comparison(better="the earlier day", rank=_sooner),
    "loaner_due": Comparison(better="the earlier day", rank=_sooner),
    "warranty_end": Comparison(better="the later last day", rank=_later),
    "remedies": Comparison(better="every remedy that either gives"),
    "to_tell": Comparison(better="everything that either wants told"),
}
"""Every question that laws are compared by. Two are not here: no law knows a fee on a right that stands by it, and
what is kept of a person (privacy, retention) follows from duties, not from what a consumer may ask."""


def best(question: Question, answers: Sequence[A]) -> A:
    """The answer that is better for the consumer, the first of equal ones; where none is chosen, all of them in one."""
    rank = QUESTIONS[question].rank
    if rank is not None:
        return max(answers, key=rank)
    if isinstance(answers[0], Mapping):
        merged = {key: value for one in reversed(answers) for key, value in cast("Mapping[Any, Any]", one).items()}
        first = cast("Mapping[Any, Any]", answers[0])
        return cast("A", {key: merged[key] for key in (*first, *(key for key in merged if key not in first))})
    return cast("A", tuple(dict.fromkeys(value for one in answers for value in cast("tuple[Any, ...]", one))))


def compared(
    question: Question,
) -> Callable[[Callable[Concatenate[LawProfile, P], A]], Callable[Concatenate[LawProfile, P], A]]:
    """Make a function of one law answer for all that apply: one law answers alone, of several the better counts."""

    def of_all(answer: Callable[Concatenate[LawProfile, P], A]) -> Callable[Concatenate[LawProfile, P], A]:
        @wraps(answer)
        def chosen(law: LawProfile, /, *args: P.args, **kwargs: P.kwargs) -> A:
            if not law.together:
                return answer(law, *args, **kwargs)
            return best(question, [answer(one, *args, **kwargs) for one in law.together])

        return chosen

    return of_all


def whose(question: Question, law: LawProfile, answer: Callable[[LawProfile], Any]) -> LawProfile:
    """Of the laws that apply, the one whose answer counts."""
    if not law.together:
        return law
    answers = [answer(one) for one in law.together]
    counts = best(question, answers)
    return next(one for one, found in zip(law.together, answers, strict=True) if found is counts)
