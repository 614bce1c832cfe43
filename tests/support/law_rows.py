"""Rows of the worked cases on dates, read as questions to the calculator: what is given, what answer is wanted."""

from __future__ import annotations

import csv
import re
from datetime import UTC, date, datetime
from functools import cache
from typing import Any, NamedTuple

from rma.domain.law_facts import DeadlineQuestion
from rma.domain.law_questions import DeadlineAnswer, answer
from tests.support.cases import LAW, SHARED, SHIPPED, facts
from tests.support.laws import laws

DAY = re.compile(r"\d{4}-\d\d-\d\d")

RULES = {
    **dict.fromkeys(
        ("TR-W1", "TR-I1", "TR-I2", "EU-I2", "UK-I1", "EU-I3", "EU-W1", "EU-W2", "UK-W1"), "withdrawal_end"
    ),
    **dict.fromkeys(("TR-S1", "TR-S2", "EU-S1", "UK-S1"), "send_back"),
    **dict.fromkeys(("TR-R1", "TR-R3", "TR-R4", "TR-R9", "EU-R1", "UK-R1"), "refund_due"),
    "TR-D1": "liability_end",
    **dict.fromkeys(("TR-D4", "TR-D6"), "repair_due"),
    "TR-D5": "loaner_due",
    "UK-D1": "reject_end",
    "EU-K1": "answer_due",
}
"""The rules whose rows are ``key=value`` throughout, and the deadline that they are about."""

GIVEN = {
    "date": "delivered",
    "goods": "parcels",
    "parcels": "parcels",
    "pieces": "pieces",
    "withdrawal_info": "informed",
    "info_on_withdrawal_function": "function_informed",
    "accepted": "agreed",
    "proof_sent": "proof_of_sending",
    "erasure request": "requested",
}
"""What a row calls a fact, where the API calls it otherwise."""

WANTED = {
    "raw": "raw",
    "tbk93": "strict",
    "lenient": "lenient",
    "end": "binding",
    "due": "raw",
    "clock_start": "starts",
    "pay_by": "binding",
    "legal_latest_tbk93": "strict",
    "latest_1182": "strict",
    "withhold_until": "withhold_until",
    "last_instant_utc": "last_instant_utc",
    "liability_end": "binding",
    "repair_by": "binding",
    "car_repair_by": "binding",
    "replace_by": "binding",
    "loaner_from_after": "binding",
    "short_term_reject_end": "binding",
    "answer_by": "strict",
    "refund": "raw",
}
"""What a row calls an answer, and where it stands in ours."""

_LEFT_OUT = {"received_by", "carrier_chosen_by", "carrier_pickup", "country", "claim", "remedy"}
_CHOICES = {("carrier", "named"), ("kind", "service"), ("kind", "digital"), ("kind", "goods+service")}


class Row(NamedTuple):
    """One row of the file on law."""

    id: str
    jurisdiction: str
    rule: str
    given: dict[str, str]
    expected: dict[str, str]


@cache
def rows() -> dict[str, Row]:
    """Every row by its id."""
    path = (SHARED if SHARED.is_dir() else SHIPPED) / LAW
    with path.open(encoding="utf-8", newline="") as file:
        return {
            row["id"]: Row(row["id"], row["jurisdiction"], row["rule"], facts(row["given"]), facts(row["expected"]))
            for row in csv.DictReader(file)
        }


def asked(row: Row) -> DeadlineQuestion:
    """The row as a question."""
    jurisdiction, _, country = row.jurisdiction.partition("-")
    deadline = RULES[row.rule]
    return DeadlineQuestion(
        jurisdiction=jurisdiction,  # type: ignore[arg-type]
        deadline=deadline,  # type: ignore[arg-type]
        country=country or row.given.get("country"),
        facts=_facts(row, deadline),
    )


def answered(row: Row) -> DeadlineAnswer:
    """What we answer to the row."""
    return answer(laws(), asked(row), timezone="UTC")


def asks_for(row: Row) -> list[str]:
    """The names of the row's answers; a part in brackets says how somebody gets it wrong."""
    return [name for name in row.expected if not name.startswith("WRONG")]


def wanted(row: Row, name: str) -> date | datetime | None:
    """The day or instant that the row wants under this name; what stands in brackets beside it is another reading."""
    text = row.expected[name]
    if text.startswith("immediately"):
        return date.fromisoformat(row.given["accepted"])
    if "T" in text:
        return datetime.fromisoformat(text).astimezone(UTC)
    found = DAY.search(text)
    return date.fromisoformat(found[0]) if found else None


def _facts(row: Row, deadline: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in row.given.items():
        name = GIVEN.get(key, key)
        if key == "informed" and deadline in ("send_back", "refund_due"):
            name = "notice"
        if key == "seller_named_no_carrier":
            found["carrier"] = "none_named"
        elif key == "seller_offered_pickup":
            found |= {"notice": "2026-06-01", "seller_collects": True}
        elif key not in _LEFT_OUT and value not in ("none", "ok"):
            found[name] = _value(key, value)
    return found


def _value(key: str, value: str) -> Any:
    if (key, value) in _CHOICES:
        return value
    if key in ("parcels", "pieces", "goods"):
        return value.split(",")
    if value in ("never", "missing"):
        return "never"
    return int(value) if value.isdecimal() else value
