"""Statutory interest on money that comes back late: on what, at which rate, from when on (law.md 2.4; case D13)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta

from rma.domain.asks import Ask, Extra, Settlement
from rma.domain.components import Accrual, signed
from rma.domain.law import LawProfile, Rate
from rma.domain.law_refund import RefundDue
from rma.domain.law_rights import interest_rates
from rma.domain.money import half_up, spread
from rma.domain.settlement import interest

Extras = tuple[Extra, ...]
_ONE_DAY = timedelta(days=1)


def principal(settlement: Settlement, statutory: Sequence[str]) -> dict[str, int]:
    """What bears interest, by the payment whose allowance it uses: money of lines that come back by right.

    What goes outside the cap bears none, interest least of all (TBK art. 121/3).
    """
    by_payment: dict[str, int] = {}
    for transfer in settlement.transfers:
        payment = transfer.payment_id or transfer.on_behalf_of
        if payment:
            by_payment[payment] = by_payment.get(payment, 0) + transfer.amount
    voluntary = sum(
        signed(one).gross for one in settlement.components if one.order_line_id and one.order_line_id not in statutory
    )
    capped = sum(by_payment.values())
    bearing = max(0, min(capped, capped - voluntary)) if statutory else 0
    shares = spread(bearing, list(by_payment.values()), caps=list(by_payment.values())) if bearing else []
    return {payment: share for payment, share in zip(by_payment, shares, strict=False) if share}


def owed(law: LawProfile, due: RefundDue, money: Mapping[str, int], *, paid_on: Mapping[str, date], on: date) -> Extras:
    """The interest on ``money`` (by payment) that is paid back ``on`` a day.

    Where the seller was in delay with the delivery it runs from the day of the payment, else from the day after the
    last day by law; nothing where the law knows no such interest or that day has not passed.
    """
    if due.interest == "payment":
        since: dict[date, int] = {}
        for payment, amount in money.items():
            since[paid_on[payment]] = since.get(paid_on[payment], 0) + amount
    elif due.interest == "due" and due.by is not None:
        since = {due.by: sum(money.values())}
    else:
        return ()
    return extras(law, since, until=on)


def extras(law: LawProfile, since: Mapping[date, int], *, until: date) -> Extras:
    """The same from stated days on: one part for each of them, and for each rate that held meanwhile."""
    found = [one for day, amount in sorted(since.items()) for one in _accruals(law, amount, since=day, until=until)]
    return tuple(
        Extra(kind="interest", amount=amount, why="interest", accrual=one) for one in found if (amount := worth(one))
    )


def worth(accrual: Accrual) -> int:
    """The interest of one stretch, half up."""
    return interest(accrual.principal, rate=accrual.percent, days=accrual.days)


def without_interest(ask: Ask) -> tuple[Extra, ...]:
    """What is asked outside the cap besides interest that was worked out."""
    return tuple(extra for extra in ask.extras if extra.accrual is None)


def _accruals(law: LawProfile, amount: int, *, since: date, until: date) -> list[Accrual]:
    """Stretches of one rate each: the day of the event is not counted, the day of payment is."""
    rates: Sequence[Rate] = interest_rates(law)
    found = []
    for index, rate in enumerate(rates):
        later = rates[index + 1].since - _ONE_DAY if index + 1 < len(rates) else until
        start, end = max(since, rate.since - _ONE_DAY), min(until, later)
        if amount and start < end:
            found.append(Accrual(principal=amount, percent=rate.percent, since=start, until=end, article=rate.article))
    return found


def share(amount: int, bearing: int, of: int) -> int:
    """The part of a transfer that bears interest, where ``bearing`` of ``of`` does."""
    return half_up(amount * bearing, of) if of else 0
