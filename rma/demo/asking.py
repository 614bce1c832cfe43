"""How a customer's wish becomes a filing: ask for a quote, leave out what is refused, take what is offered."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from rma.demo.plan import Filing, Json
from rma.demo.reasons import Why, whys

_NO_PARCEL = "none"


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """What the quote left of a filing: the body to file (None when every line is refused), and why not the rest."""

    body: Json | None
    refused: tuple[Why, ...]
    bases: tuple[str, ...]


def body(filing: Filing) -> Json:
    """The filing as the customer wants it, for a quote; the way back is chosen from what the quote offers."""
    manner = filing.manner
    sent: Json = {
        "order_number": filing.order_number,
        "kind": manner.kind,
        "lines": [_line(filing, index) for index in range(len(filing.lines))],
    }
    return sent


def _line(filing: Filing, index: int) -> Json:
    line, manner = filing.lines[index], filing.manner
    sent: Json = {
        "order_line_id": line.order_line_id,
        "quantity": line.quantity,
        "reason": manner.reason,
        "outcome": manner.outcome,
    }
    if manner.note:
        sent["note"] = manner.note
    if manner.kind == "damaged":
        sent["damage"] = "visible"
    if manner.outcome == "exchange" and line.replacement:
        sent["replacement"] = {"sku": line.replacement, "quantity": line.quantity}
    return sent


def choose(filing: Filing, quote: Json) -> Asked:
    """Leave refused lines out, fall back to an offered outcome, and take the wanted way back if it is offered."""
    wanted = body(filing)
    answers = {str(line["order_line_id"]): line for line in quote["lines"]}
    lines = [line for line in wanted["lines"] if answers[line["order_line_id"]]["decision"] != "refused"]
    refused = whys(why for line in quote["lines"] if line["decision"] == "refused" for why in line["reasons"])
    if not lines:
        return Asked(body=None, refused=refused, bases=())
    kept = [answers[line["order_line_id"]] for line in lines]
    wanted["lines"] = [_offered(line, answer) for line, answer in zip(lines, kept, strict=True)]
    wanted["method"] = _method(filing.manner.method, kept)
    bases = tuple(str(answer.get("basis") or "none") for answer in kept)
    return Asked(body=wanted, refused=refused, bases=bases)


def _offered(line: Json, answer: Json) -> Json:
    outcomes = _names(answer.get("outcomes") or (), "outcome")
    if not outcomes or line["outcome"] in outcomes:
        return line
    outcome = "refund" if "refund" in outcomes else outcomes[0]
    return {name: value for name, value in line.items() if name != "replacement"} | {"outcome": outcome}


def _method(wanted: str, answers: Sequence[Json]) -> str:
    """The wanted way back, or the first that every line offers, or none (nothing has to come back)."""
    offers = [_names(answer.get("methods") or (), "method") for answer in answers]
    common = [method for method in offers[0] if all(method in other for other in offers)]
    if not common:
        return _NO_PARCEL
    return wanted if wanted in common else common[0]


def _names(items: Sequence[Any], name: str) -> list[str]:
    return [str(item[name]) if isinstance(item, dict) else str(item) for item in items]
