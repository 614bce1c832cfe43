"""What the people of a shop do with one return: look at its state, do the one thing that is due, look again.

Each step looks at the return as the server shows it and answers in how many days the case should be looked at again
(0: at once), or None when there is nothing for it to do. What the server answers to a step is folded into the view, so
that the return is read again only where an answer does not say what came of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from pathlib import Path

from rma.demo import dates
from rma.demo.client import Api
from rma.demo.photo import photo
from rma.demo.plan import Filing, Json
from rma.demo.tally import Tally

ENDED = frozenset({"declined", "expired", "cancelled", "closed"})
_WAITING_FOR_GOODS = frozenset({"awaiting_parcel", "in_transit", "arrived", "inspecting", "settling"})
_FOLDED = ("state", "lines", "refunds")
_WITH_LABEL = frozenset({"drop_off_code", "printed_label", "pick_up"})
_REVIEWS = 3
_RETRIES = 2


@dataclass(slots=True)
class Case:
    """One filed return that the story follows.

    ``known`` is the return as it stands where nobody else has a hand in it until the next look, else None.
    """

    filing: Filing
    id: str
    rma_number: str
    link: str | None
    next_look: date
    evidence_sent: bool = False
    idle: int = 0
    reviews: int = 0
    retries: int = 0
    labelled: set[str] = field(default_factory=set)
    counted: set[str] = field(default_factory=set)
    blocked: set[str] = field(default_factory=set)
    known: Json | None = None
    settled_on: date | None = None


@dataclass(slots=True)
class Shop:
    """Where the steps work: one store on one evening."""

    api: Api
    tally: Tally
    zone: str
    folder: Path
    today: date

    def at(self, hour: int, *, days_ago: int = 0) -> datetime:
        """The instant of a full hour, today or some days ago."""
        return dates.local(self.today - timedelta(days=days_ago), time(hour), self.zone)


Step = Callable[[Shop, Case, Json], int | None]


def fold(view: Json, answer: Json) -> None:
    """Take over what an answer says about the whole return."""
    view.update({name: answer[name] for name in _FOLDED if name in answer})


def evidence(shop: Shop, case: Case, view: Json) -> int | None:
    """The customer sends the photo that was asked for."""
    if view["state"] != "awaiting_evidence" or case.evidence_sent:
        return None
    case.evidence_sent = True
    who = {"link": case.link} if case.link else {"role": "shop"}
    shop.api.evidence(case.id, photo(case.filing.key), who=who, key=f"{case.id}-photo")
    fold(view, shop.api.view(case.id))
    if view["state"] == "awaiting_evidence":
        fold(view, shop.api.act(case.id, "submit_evidence", who=who, key=f"{case.id}-evidence", reason="Photo added."))
    return 0


def review(shop: Shop, case: Case, view: Json) -> int | None:
    """Support says yes to what a rule left to a person."""
    if view["state"] != "in_review" or case.reviews >= _REVIEWS:
        return None
    case.reviews += 1
    shop.tally.count("reviewed")
    key = f"{case.id}-approve-{case.reviews}"
    fold(view, shop.api.act(case.id, "approve", who={"role": "support"}, key=key, reason="Looked at it: fine."))
    return 1


def announce(shop: Shop, case: Case, view: Json) -> int | None:
    """A parcel for the goods that are expected and not on their way."""
    if view["state"] not in _WAITING_FOR_GOODS or any(_open(case, p) for p in _parcels(view, "inbound")):
        return None
    waiting = {str(line["id"]): _missing(line) for line in view["lines"] if _missing(line)}
    if not waiting:
        return None
    if case.filing.manner.late_units and not case.counted:
        first = next(iter(waiting))
        waiting[first] = max(1, waiting[first] - case.filing.manner.late_units)
    method = view.get("method") or case.filing.manner.method
    body: Json = {
        "direction": "inbound",
        "method": method,
        "lines": [{"line_id": line_id, "quantity": quantity} for line_id, quantity in waiting.items()],
    }
    if method not in _WITH_LABEL:
        body |= {"carrier": "own", "tracking": f"OWN-{case.rma_number}"}
    shop.api.parcel(case.id, body, key=f"{case.id}-parcel-{len(view['parcels'])}")
    return 1


def label(shop: Shop, case: Case, view: Json) -> int | None:
    """The customer downloads the label or code sheet of each parcel."""
    fresh = [parcel for parcel in view["parcels"] if parcel["id"] not in case.labelled and _printable(parcel)]
    for parcel in fresh:
        case.labelled.add(parcel["id"])
        pdf = shop.api.label(case.id, parcel["id"], size="a6" if len(case.labelled) == 1 else "a4")
        number = "" if len(case.labelled) == 1 else f"-{len(case.labelled)}"
        shop.folder.mkdir(parents=True, exist_ok=True)
        (shop.folder / f"{case.rma_number}{number}.pdf").write_bytes(pdf)
        shop.tally.count("labels")
    return 0 if fresh else None


def carry(shop: Shop, _case: Case, view: Json) -> int | None:
    """The carrier takes a parcel over, and two days later has delivered it; labels are scanned on the way too."""
    for parcel in view["parcels"]:
        if _ready(parcel):
            parcel.update(shop.api.parcel_event(parcel["id"], "handed_over", at=shop.at(11)))
            return 2
        if parcel["state"] in {"handed_over", "in_transit"}:
            if parcel["state"] == "handed_over" and parcel["method"] == "printed_label":
                shop.api.parcel_event(parcel["id"], "in_transit", at=shop.at(3, days_ago=1))
            parcel.update(shop.api.parcel_event(parcel["id"], "delivered", at=shop.at(10)))
            shop.tally.count("sent_back", int(parcel["direction"] == "outbound"))
            return 0
    return None


def receive(shop: Shop, case: Case, view: Json) -> int | None:
    """The warehouse counts what a delivered parcel holds."""
    parcels = [p for p in _parcels(view, "inbound") if p["state"] == "delivered" and p["id"] not in case.counted]
    if not parcels:
        return None
    parcel = parcels[0]
    late = case.filing.manner.late_units if not case.counted else 0
    case.counted.add(parcel["id"])
    lines = [{"line_id": line["id"], "quantity": _missing(line)} for line in view["lines"] if _missing(line)]
    if late and lines:
        lines[0]["quantity"] = max(1, int(lines[0]["quantity"]) - late)
    seen = {"return_id": case.id, "parcel_id": parcel["id"], "lines": lines, "scan_id": f"scan-{parcel['id']}"}
    fold(view, shop.api.receipt({**seen, "finished": True}))
    return 0


def inspect(shop: Shop, case: Case, view: Json) -> int | None:
    """The warehouse judges what it received."""
    lines = [_judged(case, line) for line in view["lines"] if _unjudged(line)]
    if not lines or view["state"] not in {"inspecting", "settling"}:
        return None
    fold(view, shop.api.inspect(case.id, lines, key=f"{case.id}-inspect-{len(case.counted)}-{len(lines)}"))
    return 0


def approve(shop: Shop, _case: Case, view: Json) -> int | None:
    """Finance approves what is proposed; a large amount needs a second person, who is asked on the spot."""
    proposed = [refund for refund in view["refunds"] if refund["state"] == "proposed"]
    if not proposed:
        return None
    for refund in proposed:
        if not refund["approvals"]:
            refund.update(shop.api.approve(refund, role="finance"))
        if refund["state"] == "proposed":
            refund.update(shop.api.approve(refund, role="second"))
            shop.tally.count("paid_by_two")
    return 1


def retry(shop: Shop, case: Case, view: Json) -> int | None:
    """Finance sends a failed transfer once more."""
    stuck = [refund for refund in view["refunds"] if refund["state"] in {"failed", "partly_succeeded"}]
    failed = [(refund, t) for refund in stuck for t in refund["transfers"] if t["state"] == "failed"]
    if not failed or case.retries >= _RETRIES:
        return None
    case.retries += 1
    for refund, transfer in failed:
        shop.api.retry(refund["id"], transfer["id"], key=f"{transfer['id']}-retry-{case.retries}")
        shop.tally.count("retried")
    return 1


def replace(shop: Shop, case: Case, view: Json) -> int | None:
    """The goods that come instead: paid for where they cost more, shipped, and two days later delivered."""
    for replacement in view["replacements"]:
        key, state = f"{replacement['id']}-{replacement['state']}", replacement["state"]
        if state == "awaiting_payment":
            shop.api.pay(case.id, view["balance"]["due_from_customer"], key=key)
            return 1
        if state == "ordered":
            body = {"carrier": "Demo Express", "tracking": f"OUT-{case.rma_number}", "at": shop.at(9).isoformat()}
            replacement.update(shop.api.replacement(replacement["id"], "ship", body, key=key))
            return 2
        if state == "shipped":
            shop.api.replacement(replacement["id"], "deliver", {"at": shop.at(10).isoformat()}, key=key)
            shop.tally.count("exchanges")
            return 1
    return None


def feedback(shop: Shop, case: Case, view: Json) -> int | None:
    """Three days after the request the customer says how it was."""
    manner = case.filing.manner
    if view["state"] != "awaiting_feedback" or manner.score is None or case.link is None:
        return None
    if case.settled_on is None:
        case.settled_on = shop.today
        return 3
    fold(view, shop.api.feedback(case.id, link=case.link, score=manner.score, comment=manner.comment))
    shop.tally.scores.append(manner.score)
    return 0


STEPS: Mapping[str, Step] = {
    "evidence": evidence,
    "review": review,
    "label": label,
    "carrier": carry,
    "receipt": receive,
    "inspection": inspect,
    "approval": approve,
    "retry": retry,
    "replacement": replace,
    "parcel": announce,
    "feedback": feedback,
}


UNDISTURBED = frozenset({"carrier", "replacement", "feedback"})
"""Steps after which a return stays as it is until the next look: goods are on their way, or a customer makes up their
mind."""


def _parcels(view: Json, direction: str) -> Iterator[Json]:
    return (parcel for parcel in view["parcels"] if parcel["direction"] == direction)


def _open(case: Case, parcel: Json) -> bool:
    """Whether a parcel may still bring goods that nobody counted."""
    return parcel["id"] not in case.counted and parcel["state"] not in {"counted", "void", "lost", "expired"}


def _ready(parcel: Json) -> bool:
    bare = parcel["state"] == "requested" and parcel.get("method") not in _WITH_LABEL
    return parcel["state"] == "label_ready" or bare


def _printable(parcel: Json) -> bool:
    return parcel.get("method") in _WITH_LABEL and parcel["state"] not in {"requested", "void"}


def _missing(line: Json) -> int:
    """Units that are expected and not here yet."""
    return max(0, int(line["expected"]) - int(line["received"]) - int(line["missing"]))


def _unjudged(line: Json) -> int:
    """Units that came and were not looked at; units that need not come are accepted without having come."""
    return max(0, int(line["received"]) - int(line["accepted"]) - int(line["rejected"]))


def _judged(case: Case, line: Json) -> Json:
    """The finding for what arrived of one line; an exchange is never for less than the whole."""
    manner = case.filing.manner
    part = manner.verdict == "part" and line.get("outcome") == "refund"
    verdict = manner.verdict if part or manner.verdict == "reject" else "accept"
    found: Json = {
        "line_id": line["id"],
        "quantity": _unjudged(line),
        "grade": manner.grade,
        "disposition": manner.disposition,
        "verdict": verdict,
    }
    if verdict == "part":
        found["deduction"] = {"percent": manner.deduction, "reason": manner.finding}
    if verdict == "reject":
        found["reason"] = manner.finding
    return found
