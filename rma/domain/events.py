"""The append-only log: names, canonical bodies, personal values kept out of the hash, and the chain.

Each stream (a return, an order, a store) has a chain of its own: ``hash(n) = sha256(hash(n-1) ‖ body(n))`` over
canonical JSON. A personal value stands in the body as ``{"personal": id, "sha256": sha256(salt ‖ value)}``: when value
and salt are erased, the chain still verifies.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import datetime
from typing import Any

import msgspec

Json = Any
"""Whatever JSON can say, and marks of personal values among it."""
_canonical = msgspec.json.Encoder(order="deterministic").encode

TYPES: frozenset[str] = frozenset(
    f"{subject}.{verb}"
    for subject, verbs in {
        "return": (
            "requested evidence_requested evidence_added reviewed approved declined cancelled expired reopened settled"
            " closed"
            " disputed awaiting_parcel in_transit arrived inspecting settling held outcome_changed offered"
            " feedback_requested payout_given"
        ),
        "withdrawal": "declared matched acknowledged",
        "order": "imported conflict consent_withdrawn",
        "parcel": "requested label_ready handed_over in_transit delivered counted expired lost void unknown matched",
        "line": "received missing unexpected graded dispositioned receipt_undone",
        "refund": (
            "proposed approved refused sending awaiting_payout succeeded partly_succeeded failed unknown retried"
            " tax_document overdue points_due"
        ),
        "credit": "issued",
        "replacement": "reserved awaiting_payment ordered shipped delivered out_of_stock released",
        "message": "sent received",
        "payment": "received",
        "deadline": "warned missed",
        "feedback": "requested received",
        "policy": "published",
        "workflow": "published",
        "key": "minted revoked",
        "privacy": "requested applied restricted erased",
    }.items()
    for verb in verbs.split()
)


class Personal:
    """A value about a person inside event data; it is taken out before hashing. No encoder knows it, on purpose."""

    __slots__ = ("value",)

    def __init__(self, value: str) -> None:
        self.value = value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Personal) and self.value == other.value

    def __hash__(self) -> int:
        return hash(self.value)

    def __repr__(self) -> str:
        return "Personal(...)"


class Draft(msgspec.Struct, frozen=True):
    """An event that is about to be written. ``data`` is JSON-able but for ``Personal`` marks; ``at`` is its instant."""

    type: str
    data: dict[str, Any]
    at: datetime


class Kept(msgspec.Struct, frozen=True):
    """A personal value taken out of a body: where it will be stored, and its salt (32 hex digits)."""

    id: str
    salt: str
    value: str

    @property
    def digest(self) -> str:
        """What the hashed body holds instead of the value."""
        return hashlib.sha256((self.salt + self.value).encode()).hexdigest()


def body(draft: Draft, *, event_id: str, stream: str, n: int, actor: str) -> str:
    """The canonical JSON text that is hashed and stored. ``TypeError`` while ``draft.data`` holds a personal mark."""
    return _canonical(
        {
            "id": event_id,
            "stream": stream,
            "n": n,
            "type": draft.type,
            "at": draft.at,
            "actor": actor,
            "data": draft.data,
        }
    ).decode()


def link(previous: str, body_text: str) -> str:
    """The hash of an event from the hash before it (empty for the first) and its own body: 64 hex digits."""
    return hashlib.sha256((previous + body_text).encode()).hexdigest()


def take_out(value: Json, kept: list[Kept], next_kept: Callable[[str], Kept]) -> Json:
    """The value with each mark replaced by its reference; ``next_kept(text) -> Kept`` names and salts it."""
    if isinstance(value, Personal):
        found = next_kept(value.value)
        kept.append(found)
        return {"personal": found.id, "sha256": found.digest}
    if isinstance(value, dict):
        return {key: take_out(v, kept, next_kept) for key, v in value.items()}
    if isinstance(value, list | tuple):
        return [take_out(v, kept, next_kept) for v in value]
    return value


def put_back(value: Json, known: dict[str, str | None]) -> Json:
    """The value with each reference replaced by what it points at, or by ``"erased"``."""
    if isinstance(value, dict):
        if value.keys() == {"personal", "sha256"}:
            stored = known.get(value["personal"])
            return "erased" if stored is None else stored
        return {key: put_back(v, known) for key, v in value.items()}
    if isinstance(value, list):
        return [put_back(v, known) for v in value]
    return value
