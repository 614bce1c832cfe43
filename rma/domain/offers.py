"""What a line may become and how its goods come back: outcomes, ways back with their price, and the files asked for."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import msgspec

from rma.domain.claims import BY_CHOICE, LIABILITY, LineFacts, LineRequest, Method, Outcome
from rma.domain.law import LawProfile, Payer
from rma.domain.law_dates import reject_end
from rma.domain.law_rights import given, pays_way_back, told_by
from rma.domain.standing import Scene, Standing
from rma.domain.terms import CarrierReport, ReasonTerms

_OF_MONEY: frozenset[Outcome] = frozenset({"refund", "keep"})
_WITHOUT_GOODS: frozenset[Outcome] = frozenset({"keep", "price_reduction"})
_FOR_UNDELIVERED: frozenset[Outcome] = frozenset({"refund", "store_credit", "exchange"})


class Way(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One way back: what it costs the customer as a fee (minor units), and who pays the carrier.

    ``by_law``: the store's own terms do not offer it, but whoever withdraws by law may send the goods (CRD art. 14(1)).
    """

    name: Method
    fee: int = 0
    paid_by: Payer = "store"
    by_law: bool = False


class EvidenceWanted(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Files that are asked for and how many of them are there; a carrier's report may be asked for besides."""

    kinds: tuple[str, ...]
    at_least: int
    held: int
    carrier_report: CarrierReport

    @property
    def lacking(self) -> int:
        """How many files are still to come."""
        return max(0, self.at_least - self.held)


class Given(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """An outcome that the law gives, by which articles. ``added``: the store's own terms do not offer it."""

    outcome: Outcome
    article: str
    added: bool = False


class Offer(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What is offered for a line, and what it comes to: the outcome, and whether goods come back for it.

    ``by_law`` are those of the outcomes that no policy can take. ``if_failed`` are the next ones of the law, open once
    a replacement cannot be had or a person of the store says that nothing else helps (SGD art. 13(4), CRA s. 24).
    """

    outcome: Outcome
    outcomes: tuple[Outcome, ...]
    by_law: tuple[Given, ...]
    if_failed: tuple[Outcome, ...]
    ways: tuple[Way, ...]
    goods_come_back: bool
    restocking_percent: str = "0"


_NOTHING_COMES_BACK = (Way(name="none"),)


def offer(scene: Scene, line: LineFacts, asked: LineRequest, *, stand: Standing) -> Offer:
    """What the policy offers for the line, and what the law gives besides."""
    terms = scene.policy.terms(asked.reason, asked.kind)
    by_law = _by_law(scene, line, stand)
    outcomes = _outcomes(terms, stand, by_law)
    with_customer = stand.delivered and line.tangible and asked.kind != "missing_item"
    keeps = with_customer and _keeps(scene, line, asked)
    if keeps:
        outcomes = ("keep", *(one for one in outcomes if one != "keep"))
    outcome = asked.outcome or _unless_chosen(outcomes, stand)
    if keeps and outcome in _OF_MONEY:
        outcome = "keep"
    back = with_customer and not keeps and outcome not in _WITHOUT_GOODS
    later = _by_law(scene, line, stand, failed=1) if stand.kind in LIABILITY else {}
    return Offer(
        outcome=outcome,
        outcomes=outcomes,
        by_law=tuple(
            Given(outcome=one, article=article, added=one not in terms.offered) for one, article in by_law.items()
        ),
        if_failed=tuple(one for one in later if one not in outcomes),
        ways=_ways(scene, terms, asked, stand=stand) if back else _NOTHING_COMES_BACK,
        goods_come_back=back,
        restocking_percent=scene.policy.fees.restocking_percent if _bears_fees(scene, stand) else "0",
    )


def evidence_wanted(scene: Scene, asked: LineRequest, *, stand: Standing) -> EvidenceWanted | None:
    """The files that are asked for; None when none are. A withdrawal by law never needs any."""
    terms = scene.policy.terms(asked.reason, asked.kind).evidence
    if stand.kind == "withdrawal" or (not terms.at_least and terms.carrier_report == "not_asked"):
        return None
    held = sum(1 for kind in asked.evidence if kind in terms.kinds)
    return EvidenceWanted(kinds=terms.kinds, at_least=terms.at_least, held=held, carrier_report=terms.carrier_report)


def _by_law(scene: Scene, line: LineFacts, stand: Standing, *, failed: int = 0) -> dict[Outcome, str]:
    """What the law gives for the line where it stands by law; goods that fail again after a repair open the next."""
    if stand.basis != "statutory":
        return {}
    repaired = stand.kind in LIABILITY and "repaired" in line.attributes
    listed = repaired and "warranty_listed" in line.attributes
    end = reject_end(scene.law, stand.starts) if stand.starts and stand.kind in LIABILITY else None
    rejectable = end is not None and scene.arrivals.filed_on <= end.binding
    failed += repaired
    key = ("given", stand.kind, str(failed), str(rejectable), str(listed), str(stand.delivered))
    return scene.once(key, lambda: _given(scene, stand, failed, rejectable=rejectable, listed=listed))


def _given(scene: Scene, stand: Standing, failed: int, *, rejectable: bool, listed: bool) -> dict[Outcome, str]:
    found = given(scene.law, stand.kind, failed_rungs=failed, rejectable=rejectable, listed=listed)
    return {one: article for one, article in found.items() if stand.delivered or one in _FOR_UNDELIVERED}


def _outcomes(terms: ReasonTerms, stand: Standing, by_law: dict[Outcome, str]) -> tuple[Outcome, ...]:
    """The policy's outcomes that fit, and what the law gives besides: its money first."""
    fitting = terms.offered
    if not stand.delivered:
        fitting = tuple(one for one in fitting if one in _FOR_UNDELIVERED)
    if not fitting and not by_law:
        return ("refund",)
    missing = [one for one in by_law if one not in fitting]
    money = ("refund",) if "refund" in missing else ()
    return (*money, *fitting, *(one for one in missing if one != "refund"))


def _unless_chosen(outcomes: tuple[Outcome, ...], stand: Standing) -> Outcome:
    """What a line becomes where nothing was chosen: by law money or the goods put right, never credit unasked."""
    if stand.basis != "statutory" or outcomes[0] in _OF_MONEY:
        return outcomes[0]
    if stand.kind not in LIABILITY:
        return "refund"
    return next(one for one in outcomes if one != "store_credit")


def _bears_fees(scene: Scene, stand: Standing) -> bool:
    """Whether the store's fees are for this line: of a kind they name, and never of a right by law (law.md MON-11)."""
    return stand.basis == "contract" and stand.kind in scene.policy.fees.applies_to


def _keeps(scene: Scene, line: LineFacts, asked: LineRequest) -> bool:
    """Whether the goods are worth too little to be sent back; only for an outcome of money or credit."""
    limit = scene.policy.returns.keep_item_below
    by_money = asked.outcome is None or asked.outcome in {"refund", "keep", "store_credit"}
    same_currency = scene.facts.currency == scene.policy.currency
    return by_money and same_currency and line.worth(asked.quantity) < limit


def _ways(scene: Scene, terms: ReasonTerms, asked: LineRequest, *, stand: Standing) -> tuple[Way, ...]:
    key = ("ways", asked.reason or "", asked.kind, stand.kind, stand.basis)
    return scene.once(key, lambda: _ways_of(scene, terms, asked, stand=stand))


def _ways_of(scene: Scene, terms: ReasonTerms, asked: LineRequest, *, stand: Standing) -> tuple[Way, ...]:
    charged = _bears_fees(scene, stand) and scene.facts.currency == scene.policy.currency
    return tuple(
        Way(
            name=method,
            fee=scene.policy.fees.return_fee(method) if charged else 0,
            paid_by=_payer(scene, method, asked, stand=stand),
            by_law=method not in terms.methods,
        )
        for method in (*terms.methods, *ways_by_law(terms, stand))
    )


def ways_by_law(terms: ReasonTerms, stand: Standing) -> tuple[Method, ...]:
    """Ways that the terms leave out: a consumer who withdraws by law may send the goods (MSY art. 13/1, CRD 14(1))."""
    by_law = stand.basis == "statutory" and stand.kind == "withdrawal"
    return ("own_carrier",) if by_law and "own_carrier" not in terms.methods else ()


def _payer(scene: Scene, method: Method, asked: LineRequest, *, stand: Standing) -> Payer:
    """Who pays: the store for goods it answers for (Law 6502 art. 11, SGD art. 14), and whatever it agreed to pay.

    It agreed for a withdrawal, too, that was filed as voluntary (CRD art. 14(1)). Else whoever the law says.
    """
    kinds = {asked.kind, stand.kind} if stand.basis == "statutory" else {asked.kind}
    told = [scene.policy.terms(asked.reason, kind).way_back_paid_by for kind in kinds]
    if "store" in told or (stand.basis == "statutory" and asked.kind not in BY_CHOICE):
        return "store"
    own = scene.policy.terms(asked.reason, asked.kind).way_back_paid_by or "store"
    return (payer_by_law(scene, asked, method)(scene.law) or own) if stand.basis == "statutory" else own


def payer_by_law(scene: Scene, asked: LineRequest, method: Method) -> Callable[[LawProfile], Payer | None]:
    """What a law says on who pays this way back of a withdrawal in this scene; None leaves it to the store."""
    named = scene.policy.carrier_named(scene.policy.terms(asked.reason, asked.kind))
    told = told_by(scene.facts.told, scene.arrivals.ordered_on)
    return partial(pays_way_back, method=method, carrier_named=named, told=told)
