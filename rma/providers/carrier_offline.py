"""A carrier without a network: tracking numbers for labels, codes for the counter, and a courier's visit.

Numbers come from one counter in its own book, so they are never given twice, also between processes. It stores no
address, only a fingerprint of the order. What it does is told after a ``#`` in the sender's second address line, or
for each key with ``script`` (see ``offline_script``).
"""

from __future__ import annotations

import hashlib
import sqlite3
import time
from collections.abc import Callable
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Final

import msgspec

from rma.domain.ports import IssuedLabel, LabelAnswer, LabelMethod, LabelOrder
from rma.errors import FieldError, Invalid
from rma.providers.offline_book import Book, Offline, next_step, record
from rma.providers.offline_script import Step, instructions, parse
from rma.providers.registry import Context

_SCHEMA = """
CREATE TABLE labels (
    id INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE, fingerprint TEXT NOT NULL, reference TEXT NOT NULL,
    method TEXT NOT NULL, expires_on TEXT NOT NULL, state TEXT NOT NULL
);
"""
_METHODS: Final[frozenset[LabelMethod]] = frozenset({"printed_label", "drop_off_code", "pick_up"})
_VALID_DAYS: Final = 14
_LONGEST_VALID: Final = 365


class OfflineCarrier(Offline):
    """Keeps the carrier port. A label is valid ``valid_days`` local days after the day it was given out."""

    READY = "The offline carrier is ready. Nobody will fetch anything."

    def __init__(
        self,
        path: Path,
        *,
        clock: Callable[[], datetime],
        name: str = "offline",
        valid_days: int = _VALID_DAYS,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        super().__init__(name, Book(path, _SCHEMA))
        self._clock = clock
        self._valid_days = valid_days
        self._sleep = sleep

    @property
    def idempotent(self) -> bool:
        """The same key is the same label."""
        return True

    @property
    def methods(self) -> frozenset[LabelMethod]:
        """It offers every way."""
        return _METHODS

    def issue(self, order: LabelOrder) -> LabelAnswer:
        """Give out a number or a code. Raises ``Invalid`` for an order that cannot be right."""
        _check(order)
        with self._book.transaction() as connection:
            answer, step = self._take(connection, order)
        if step.name == "slow":
            self._sleep(step.number / 1000)
        return answer

    def void(self, key: str) -> LabelAnswer:
        """Take a label back, once or again; not one that a parcel already bears on its way."""
        with self._book.transaction() as connection:
            row = _row(connection, key)
            if row is None:
                return _refusal("not_issued", "No label was given out under this key.")
            if row["state"] == "used":
                return _refusal("already_used", "A parcel with this label is already on its way.")
            connection.execute("UPDATE labels SET state = 'void' WHERE key = ?", (key,))
            return LabelAnswer(state="void", label=self._label(row))

    def lookup(self, key: str) -> LabelAnswer | None:
        """The label of this key, if one was given out."""
        with self._book.transaction() as connection:
            row = _row(connection, key)
        return None if row is None else self._answer(row)

    def hand_over(self, key: str) -> bool:
        """Play the parcel being handed in: from now on the label cannot be taken back. False if there is none."""
        with self._book.transaction() as connection:
            changed = connection.execute("UPDATE labels SET state = 'used' WHERE key = ? AND state = 'issued'", (key,))
            return changed.rowcount == 1

    def _take(self, connection: sqlite3.Connection, order: LabelOrder) -> tuple[LabelAnswer, Step]:
        topic = _instructed(order)
        known = _row(connection, order.key)
        if known is not None:
            self._note(connection, order.key, topic, fresh=False, step="replay")
            if known["fingerprint"] != _fingerprint(order):
                return _refusal("key_reused", "This key belongs to another label."), Step("replay")
            return self._answer(known), Step("replay")
        step, _ = next_step(connection, operation="issue", key=order.key, topic=topic, default="succeed")
        self._note(connection, order.key, topic, fresh=True, step=step.name)
        return self._play(connection, order, step), step

    def _play(self, connection: sqlite3.Connection, order: LabelOrder, step: Step) -> LabelAnswer:
        if step.name == "busy":
            return LabelAnswer(state="refused", code="busy", message="Try again later.", retryable=True)
        if step.name == "fail":
            return _refusal(step.code, f"The carrier refused: {step.code}.")
        if step.name == "timeout-before":
            return _silence()
        self._write(connection, order)
        if step.name.startswith("timeout"):
            return _silence()
        row = _row(connection, order.key)
        return self._answer(row) if row is not None else _silence()

    def _write(self, connection: sqlite3.Connection, order: LabelOrder) -> None:
        days = self._valid_days if order.valid_days is None else order.valid_days
        expires = order.today + timedelta(days=days)
        connection.execute(
            "INSERT INTO labels (key, fingerprint, reference, method, expires_on, state)"
            " VALUES (?, ?, ?, ?, ?, 'issued')",
            (order.key, _fingerprint(order), order.reference, order.method, expires.isoformat()),
        )

    def _note(self, connection: sqlite3.Connection, key: str, topic: str, *, fresh: bool, step: str) -> None:
        record(connection, at=self._clock(), operation="issue", key=key, topic=topic, fresh=fresh, step=step)

    def _answer(self, row: sqlite3.Row) -> LabelAnswer:
        return LabelAnswer(state="void" if row["state"] == "void" else "issued", label=self._label(row))

    def _label(self, row: sqlite3.Row) -> IssuedLabel:
        counter = with_check_digit(10_000_000 + row["id"])
        return IssuedLabel(
            carrier=self._name,
            reference=f"of_{row['id']:08d}",
            tracking=f"OF{counter}TR" if row["method"] != "drop_off_code" else None,
            code=counter if row["method"] == "drop_off_code" else None,
            expires_on=date.fromisoformat(row["expires_on"]),
        )


def create(context: Context) -> OfflineCarrier:
    """The offline carrier. Option: ``valid_days``."""
    return OfflineCarrier(
        context.data_dir / "offline" / "carrier.sqlite",
        clock=context.clock,
        valid_days=int(context.options.get("valid_days", str(_VALID_DAYS))),
    )


def with_check_digit(number: int) -> str:
    """The number with a Luhn check digit (ISO/IEC 7812-1, annex B) behind it: one wrong digit never passes."""
    digits = [int(char) for char in str(number)]
    doubled = [digit if index % 2 else sum(divmod(2 * digit, 10)) for index, digit in enumerate(reversed(digits))]
    return f"{number}{-sum(doubled) % 10}"


def _check(order: LabelOrder) -> None:
    days = order.valid_days
    weight = order.weight_g
    faults = [
        (not order.key, "key", "required", "A label needs a key."),
        (order.method not in _METHODS, "method", "unknown_method", f"{order.method!r} is not a way back."),
        (days is not None and not 0 <= days <= _LONGEST_VALID, "valid_days", "out_of_range", "0 to 365 days."),
        (weight is not None and weight <= 0, "weight_g", "not_positive", "A weight must be above zero."),
    ]
    errors = [FieldError(path, code, message) for wrong, path, code, message in faults if wrong]
    if errors:
        raise Invalid(errors[0].message, errors=errors)


def _row(connection: sqlite3.Connection, key: str) -> sqlite3.Row | None:
    row: sqlite3.Row | None = connection.execute("SELECT * FROM labels WHERE key = ?", (key,)).fetchone()
    return row


def _fingerprint(order: LabelOrder) -> str:
    """What makes it the same parcel; the day is left out, because an act may be repeated after midnight."""
    return hashlib.sha256(msgspec.json.encode(msgspec.structs.replace(order, today=date.min))).hexdigest()


def _instructed(order: LabelOrder) -> str:
    """The instructions in the address; people write flat numbers with the same sign, so other words are none."""
    text = instructions(order.sender.line2)
    try:
        parse(text)
    except Invalid:
        return ""
    return f"#{text}"


def _refusal(code: str, message: str) -> LabelAnswer:
    return LabelAnswer(state="refused", code=code, message=message)


def _silence() -> LabelAnswer:
    return LabelAnswer(state="unknown", code="timeout", message="The carrier did not answer in time.")
