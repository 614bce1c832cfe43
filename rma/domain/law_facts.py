"""The facts of a question for a legal deadline: which belong to which, each read strictly as what it is."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from functools import partial
from typing import Any, Literal, get_args

import msgspec

from rma.domain.calendar import local_date
from rma.domain.claims import KINDS
from rma.domain.law import LineKind, Record
from rma.domain.law_dates import Told
from rma.errors import FieldError, Invalid

Name = Literal[
    "withdrawal_end",
    "send_back",
    "refund_due",
    "delivery_due",
    "lost_from",
    "repair_due",
    "loaner_due",
    "liability_end",
    "presumption_end",
    "warranty_end",
    "reject_end",
    "carrier_notice",
    "keep_until",
    "answer_due",
    "message_stop",
]
LAST_DAY = date(2199, 12, 31)
"""The last day that a question may be about."""
_FIRST = date(1900, 1, 1)
_LONGEST = 3650
_PAIR = 2
_LINE_KINDS: tuple[str, ...] = (*get_args(LineKind), "goods+service")
_RECORDS: tuple[str, ...] = get_args(Record)


class DeadlineQuestion(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which deadline, where, and by which facts. ``country`` is ISO 3166-1, or 3166-2 for a part of it (``DE-BY``)."""

    jurisdiction: Literal["TR", "EU", "UK", "US"]
    deadline: Name
    facts: dict[str, Any]
    country: str | None = None


Reader = Callable[[Any, str], Any]


def _day(value: object, zone: str) -> date:
    """A local day, or the local day of an instant: never the offset that was sent."""
    if not isinstance(value, str):
        raise TypeError("a day is a text: YYYY-MM-DD")
    try:
        found = date.fromisoformat(value) if "T" not in value else _of_instant(value, zone)
    except (ValueError, OverflowError) as fault:
        raise ValueError(f"no day (YYYY-MM-DD) and no instant with an offset: {value[:40]!r}") from fault
    if not _FIRST <= found <= LAST_DAY:
        raise ValueError(f"a day lies between {_FIRST} and {LAST_DAY}")
    return found


def _of_instant(text: str, zone: str) -> date:
    return local_date(datetime.fromisoformat(text), zone)


def _days(value: object, zone: str) -> tuple[date | None, ...]:
    if not isinstance(value, list):
        raise TypeError("a list of days, null for what has not come")
    return tuple(None if one is None else _day(one, zone) for one in value)


def _told_on(value: object, zone: str) -> Told:
    if value is False or value == "never":
        return "never"
    return None if value is True else _day(value, zone)


def _day_or_flag(value: object, zone: str) -> bool:
    return value if isinstance(value, bool) else bool(_day(value, zone))


def _flag(value: object, _zone: str) -> bool:
    if not isinstance(value, bool):
        raise TypeError("true or false")
    return value


def _number(least: int, value: object, _zone: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= _LONGEST:
        raise TypeError(f"a whole number from {least} to {_LONGEST}")
    return value


def _choice(names: tuple[str, ...], value: object, _zone: str) -> str:
    if not isinstance(value, str) or value not in names:
        raise ValueError(f"one of {', '.join(names)}")
    return value


def _spans(value: object, zone: str) -> tuple[tuple[date, date], ...]:
    if not isinstance(value, list):
        raise TypeError("a list of [from, to]")
    spans = (_span(_PAIR, one, zone) for one in value)
    return tuple((start, end) for start, end in spans if end is not None)


def _span(least: int, value: object, zone: str) -> tuple[date, date | None]:
    if not isinstance(value, list) or not least <= len(value) <= _PAIR or None in value[:least]:
        raise TypeError("a list of two days: [from, to]")
    start, end = _day(value[0], zone), None
    if len(value) == _PAIR and value[1] is not None:
        end = _day(value[1], zone)
    if end is not None and end < start:
        raise ValueError("the second day lies before the first")
    return start, end


_DELIVERED: dict[str, Reader] = {"delivered": _day}
_COUNT = partial(_number, 1)
_FACTS: dict[Name, dict[str, Reader]] = {
    "withdrawal_end": {
        **_DELIVERED,
        "parcels": _days,
        "pieces": _days,
        "regular_deliveries": _days,
        "kind": partial(_choice, _LINE_KINDS),
        "contract": _day,
        "informed": _told_on,
        "function_informed": _told_on,
    },
    "send_back": {"notice": _day, "seller_collects": _flag},
    "refund_due": {
        "notice": _day,
        "kind": partial(_choice, (*_LINE_KINDS, *KINDS)),
        "delivered": _day_or_flag,
        "carrier": partial(_choice, ("named", "other", "none_named")),
        "handed_over": _day,
        "arrived": _day,
        "proof_of_sending": _day,
        "goods_back": _day,
        "seller_collects": _flag,
        "impossible_told": _day,
        "agreed": _day,
    },
    "delivery_due": {"ordered": _day, "promised_days": partial(_number, 0)},
    "lost_from": {"carriage_due": _day, "cross_border": _flag},
    "repair_due": {"notified": _day, "working_days": _COUNT},
    "loaner_due": {"notified": _day, "working_days": _COUNT},
    "liability_end": {**_DELIVERED, "contract": _day, "second_hand": _flag, "repaired": _day_or_flag},
    "presumption_end": {**_DELIVERED, "contract": _day, "second_hand": _flag, "repaired": _day_or_flag},
    "warranty_end": {**_DELIVERED, "years": _COUNT, "repairs": _spans, "replaced": _day},
    "reject_end": {**_DELIVERED, "repair": partial(_span, 1)},
    "carrier_notice": {**_DELIVERED, "damage": partial(_choice, ("visible", "hidden", "late"))},
    "keep_until": {"closed": _day, "record": partial(_choice, _RECORDS)},
    "answer_due": {"requested": _day},
    "message_stop": {"opted_out": _day},
}
_NEEDED: dict[Name, tuple[str, ...]] = {
    "send_back": ("notice",),
    "delivery_due": ("ordered",),
    "lost_from": ("carriage_due",),
    "repair_due": ("notified",),
    "loaner_due": ("notified",),
    "liability_end": ("delivered",),
    "presumption_end": ("delivered",),
    "warranty_end": ("delivered",),
    "reject_end": ("delivered",),
    "carrier_notice": ("delivered", "damage"),
    "keep_until": ("closed", "record"),
    "answer_due": ("requested",),
    "message_stop": ("opted_out",),
}


def read_facts(asked: DeadlineQuestion, zone: str) -> dict[str, Any]:
    """The facts, each as what it is. ``Invalid`` names all that do not belong, are missing or cannot be right."""
    readers = _FACTS[asked.deadline]
    errors: list[FieldError] = []
    facts: dict[str, Any] = {}
    for name, value in asked.facts.items():
        path = f"facts.{name[:80]}"
        if name not in readers:
            known = ", ".join(readers)
            message = f"{name[:80]} does not belong to {asked.deadline}; its facts are {known}."
            errors.append(FieldError(path, "unknown", message))
        elif value is not None:
            try:
                facts[name] = readers[name](value, zone)
            except TypeError as fault:
                errors.append(FieldError(path, "type", str(fault)))
            except ValueError as fault:
                errors.append(FieldError(path, "value", str(fault)))
    given = {name for name, value in asked.facts.items() if value is not None}
    errors += [FieldError(f"facts.{name}", "missing", "this fact is needed") for name in _missing(asked, given)]
    if errors:
        raise Invalid(f"{errors[0].path}: {errors[0].message}", errors=errors)
    return facts


def _missing(asked: DeadlineQuestion, given: set[str]) -> list[str]:
    if asked.deadline == "withdrawal_end":
        if asked.facts.get("kind") in ("service", "digital"):
            return [] if "contract" in given else ["contract"]
        started = {"delivered", "parcels", "pieces", "regular_deliveries", "contract"}
        return [] if given & started else ["delivered"]
    if asked.deadline == "refund_due":
        return [] if given & {"notice", "agreed", "impossible_told"} else ["notice"]
    return [name for name in _NEEDED[asked.deadline] if name not in given]
