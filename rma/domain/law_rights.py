"""What the law gives besides dates: exceptions, who pays the way back, remedies, the withdrawal function, messages."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import date
from typing import Literal

from rma.domain.claims import LIABILITY, Kind, Outcome
from rma.domain.law import Exemption, Labels, LawProfile, Payer, Rate, Remedy, ServiceUsed, State, ValueLoss
from rma.domain.law_choice import compared
from rma.domain.law_dates import Told

_AS_OUTCOME: Mapping[Remedy, Outcome] = {
    "rescission": "refund",
    "termination": "refund",
    "rejection": "refund",
    "final_rejection": "refund",
    "price_cut": "price_reduction",
    "repair": "repair",
    "replacement": "exchange",
}
_IMPOSSIBLE: Mapping[Kind, frozenset[Remedy]] = {
    "wrong_item": frozenset({"repair"}),
    "missing_item": frozenset({"repair", "price_cut"}),
}
"""What cannot be: no repair makes another item of one, and nothing is kept for less that never came."""


@compared("exemption")
def exemption(law: LawProfile, *, attributes: frozenset[str], condition: frozenset[str]) -> Exemption | None:
    """The exception that takes the withdrawal right from a line with these attributes in this condition, or None."""
    if law.withdrawal is None or not attributes:
        return None
    known = attributes | condition
    for one in law.withdrawal.exceptions:
        if one.attribute in attributes and known.issuperset(one.needs) and known.isdisjoint(one.unless):
            return one
    return None


@compared("way_back")
def pays_way_back(law: LawProfile, *, method: str, carrier_named: bool, told: bool = True) -> Payer | None:
    """Who pays the way back of a withdrawal by law; None leaves it to the store's policy.

    A carrier of the customer's own choice costs the customer only when the store named one that could be used (MSY art.
    12/5); whether that one has a branch nearby is no fact we hold. ``told``: whether the consumer knew before the
    contract that the cost would be theirs (CRD art. 6(6)).
    """
    rule = law.way_back
    if rule is None:
        return None
    if method == "own_carrier" and carrier_named:
        found = rule.other
    else:
        found = rule.named if carrier_named else rule.none_named
    if not told and found != "store":
        found = rule.untold
    return None if found == "policy" else found


def told_by(told: Told, day: date) -> bool:
    """Whether the consumer was told of the right to withdraw by that day; where nothing says that it was late, yes.

    The day is the contract's (CRD art. 6(1), 6(6), 14(2)) or the one on which a service began (CRD art. 14(4)(a)).
    """
    return told is None or (told != "never" and told <= day)


@compared("cheapest_delivery")
def cheapest_delivery(law: LawProfile) -> bool:
    """Whether of the outbound delivery only what the cheapest standard way costs goes back (CRD art. 13(2))."""
    return law.refund is not None and law.refund.outbound_delivery == "cheapest_standard"


@compared("value_loss")
def value_loss(law: LawProfile) -> ValueLoss | None:
    """Whether handling beyond trying the goods may cost the consumer something; None where no law says."""
    return law.value_loss


@compared("service_share")
def service_share(law: LawProfile) -> ServiceUsed | None:
    """The rule by which a part is kept for a service that was begun; None where nothing is."""
    return law.service_used


def exceptions(law: LawProfile) -> tuple[Exemption, ...]:
    """What has no withdrawal right: of two laws with such a right only what both of them except."""
    known = [one for one in law.applicable if one.withdrawal is not None]
    listed = {(one.attribute, one.needs, one.unless): one for text in known for one in reversed(_listed(text))}
    both = [one for one in listed.values() if all(_excepts(text, one) for text in known)]
    order = [one for text in known for one in _listed(text)]
    return tuple(sorted(both, key=order.index))


def _listed(law: LawProfile) -> tuple[Exemption, ...]:
    return law.withdrawal.exceptions if law.withdrawal is not None else ()


def _excepts(law: LawProfile, other: Exemption) -> bool:
    """Whether this law, too, excepts all that another's exception does."""
    needs = frozenset(other.needs)
    found = exemption(law, attributes=needs | {other.attribute}, condition=needs)
    return found is not None and set(found.unless) <= set(other.unless)


@compared("remedies")
def remedies(
    law: LawProfile, *, failed_rungs: int = 0, minor: bool = False, rejectable: bool = True
) -> tuple[Remedy, ...]:
    """What the consumer of defective goods may choose, once so many rungs of the ladder failed or were refused.

    A minor defect does not end the contract where the law says so (SGD art. 13(5)). ``rejectable``: the short right to
    reject still runs, which stands beside the ladder (CRA s. 20, 22).
    """
    if law.defect is None:
        return ()
    rung = law.defect.ladder[min(failed_rungs, len(law.defect.ladder) - 1)]
    if rejectable and law.defect.reject is not None:
        rung = ("rejection", *rung)
    ends: tuple[Remedy, ...] = ("rescission", "termination")
    return tuple(one for one in rung if not (minor and not law.defect.minor_ends_contract and one in ends))


@compared("remedies")
def after_second_failure(law: LawProfile) -> tuple[Remedy, ...]:
    """What opens when goods under warranty fail again after a repair; the seller cannot refuse it (GBY art. 9)."""
    return law.after_sales.second_failure.remedies if law.after_sales else ()


@compared("remedies")
def given(
    law: LawProfile, kind: Kind, *, failed_rungs: int = 0, rejectable: bool = True, listed: bool = False
) -> dict[Outcome, str]:
    """What the law gives for a request of that kind which stands by it: each outcome with its articles.

    No policy can take any of it. ``failed_rungs`` counts the rungs that failed, each opens the next besides those
    before; ``listed``: goods of the list of statutory warranties, which a second failure opens for good.
    """
    if kind not in LIABILITY:
        article = _money_back(law, kind)
        return {"refund": article} if article else {}
    found: dict[Outcome, list[str]] = {}
    for remedy, article in _remedies_with_articles(law, failed_rungs, rejectable=rejectable, listed=listed):
        if remedy not in _IMPOSSIBLE.get(kind, ()):
            found.setdefault(_AS_OUTCOME[remedy], []).append(article)
    return {outcome: "; ".join(dict.fromkeys(articles)) for outcome, articles in found.items()}


def _money_back(law: LawProfile, kind: Kind) -> str | None:
    """The article on which the money comes back for a withdrawal, or for what was not delivered in time."""
    if kind == "withdrawal" and law.withdrawal is not None:
        return law.refund.article if law.refund is not None else law.withdrawal.article
    return law.delivery.article if kind != "voluntary" and law.delivery is not None else None


def _remedies_with_articles(
    law: LawProfile, failed_rungs: int, *, rejectable: bool, listed: bool
) -> list[tuple[Remedy, str]]:
    if law.defect is None:
        return []
    article, found = law.defect.article, list[tuple[Remedy, str]]()
    for failed in range(min(failed_rungs, len(law.defect.ladder) - 1) + 1):
        found += [(one, article) for one in remedies(law, failed_rungs=failed, rejectable=False)]
    if rejectable and law.defect.reject is not None:
        found.append(("rejection", law.defect.reject.article))
    if failed_rungs and listed and law.after_sales is not None:
        found += [(one, law.after_sales.second_failure.article) for one in after_second_failure(law)]
    return found


@compared("to_tell")
def to_tell_before_remedy(law: LawProfile, on: date) -> tuple[str, ...]:
    """What the consumer must be told before a remedy is chosen (SGD art. 13(2a))."""
    told = law.defect.tell if law.defect else None
    return told.what if told is not None and on >= told.since else ()


def function_required(law: LawProfile, *, online: bool, withdrawable: bool, on: date) -> bool:
    """Whether the seller must offer withdrawal by a function online on that day (CRD art. 11a)."""
    rule = law.function
    return rule is not None and rule.required and online and withdrawable and on >= rule.since


def labels(law: LawProfile, language: str | None = None) -> Labels | None:
    """The words of the two buttons: in that language, else the country's own, else English; None without a function."""
    if law.function is None or not law.function.labels:
        return None
    known = {one.language: one for one in law.function.labels}
    return known.get(language or "") or law.function.labels[0]


def message_class(law: LawProfile, contents: Collection[str]) -> Literal["service", "commercial"]:
    """The class of a message by everything that stands in it: one commercial or unknown part makes it commercial."""
    service = law.messages.service if law.messages else ()
    return "service" if contents and set(contents) <= set(service) else "commercial"


@compared("interest_rates")
def interest_rates(law: LawProfile) -> tuple[Rate, ...]:
    """The yearly rates of statutory interest, each from its day on; none where no file says one."""
    return law.interest


def interest_rate(law: LawProfile, on: date) -> Rate | None:
    """The yearly rate of statutory interest on that day, or None where no file says one."""
    return next((rate for rate in reversed(interest_rates(law)) if rate.since <= on), None)


def tax_rates(law: LawProfile, on: date) -> tuple[str, ...]:
    """The rates of sales tax on that day, in percent; a return takes the rate of the sale."""
    known = law.tax.rates if law.tax else ()
    return next((one.percent for one in reversed(known) if one.since <= on), ())


def state(law: LawProfile, code: str | None) -> State | None:
    """What a state says where the store did not show its policy before the sale."""
    return next((one for one in law.states if one.code == code), None)
