"""A payment provider without a network that behaves like a real one, on its good and on its bad days.

``offline`` honours idempotency keys. ``offline_plain`` has none, like many Turkish providers: each call is a new refund
and the key is only the merchant's reference, by which it can be asked. What it does is told by the payment reference
(see ``offline_script``); its ledger shows every refund it made, duplicates included.
"""

from __future__ import annotations

import sqlite3
import time
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import msgspec

from rma.domain.ports import PaymentAnswer, PaymentState, RefundOrder, RefundQuery
from rma.errors import FieldError, Invalid
from rma.providers.offline_book import Book, Offline, next_step, record
from rma.providers.offline_script import Script, Step, instructions, parse
from rma.providers.registry import Context, flag

_SCHEMA = """
CREATE TABLE refunds (
    id INTEGER PRIMARY KEY, key TEXT NOT NULL, payment_reference TEXT NOT NULL, amount INTEGER NOT NULL,
    currency TEXT NOT NULL, payout TEXT NOT NULL, state TEXT NOT NULL, code TEXT NOT NULL, becomes TEXT NOT NULL,
    lookups_left INTEGER NOT NULL, lands_at TEXT NOT NULL
);
CREATE INDEX refunds_by_key ON refunds (key);
CREATE INDEX refunds_by_payment ON refunds (payment_reference);
"""
_NEVER: Final = -1
_BLIND_SECONDS: Final = 60
_HELD_SECONDS: Final = 5
"""How long the first who asks about what is told ``twice`` waits for the answer: somebody else asks meanwhile."""
_SILENT = frozenset({"timeout-before", "timeout-after", "timeout-fail", "late"})
_TELL = "tell"
_NOTHING_DONE = frozenset({"busy", "timeout-before"})


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One refund in the provider's ledger. ``payout`` ends with the last four places of the account, or is empty."""

    reference: str
    key: str
    payment_reference: str
    amount: int
    currency: str
    payout: str
    state: PaymentState
    code: str


class OfflinePayments(Offline):
    """Keeps the payment port over a SQLite ledger of its own.

    ``final_after`` is how long a ``late`` refund may still land; ``sleep`` plays a slow answer.
    """

    READY = "The offline gateway is ready. No real money moves."

    def __init__(
        self,
        path: Path,
        *,
        name: str,
        idempotent: bool,
        clock: Callable[[], datetime],
        default: str = "succeed",
        final_after: int = _BLIND_SECONDS,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        parse(default)
        super().__init__(name, Book(path, _SCHEMA))
        self._idempotent = idempotent
        self._final_after = final_after
        self._default = default
        self._clock = clock
        self._sleep = sleep

    @property
    def idempotent(self) -> bool:
        """Whether a repeated key is answered with the first result."""
        return self._idempotent

    @property
    def can_lookup(self) -> bool:
        """It can always be asked."""
        return True

    @property
    def final_after(self) -> int:
        """Seconds after which a refund that is still not known will never land."""
        return self._final_after

    def refund(self, order: RefundOrder) -> PaymentAnswer:
        """Refund as instructed. Raises ``Invalid`` for an order that cannot be right."""
        _check(order)
        with self._book.transaction() as connection:
            answer, step = self._take(connection, order)
        if step.name == "slow":
            self._sleep(step.number / 1000)
        return answer

    def lookup(self, query: RefundQuery) -> PaymentAnswer | None:
        """What the ledger says under this key; a pending refund comes nearer to its end each time it is asked for."""
        with self._book.transaction() as connection:
            asked = connection.execute(
                "SELECT count(*) FROM calls WHERE topic = ? AND operation = 'lookup'", (query.payment_reference,)
            ).fetchone()[0]
            self._note(connection, "lookup", query.key, query.payment_reference, fresh=True, step="")
            if asked < _limits(query.payment_reference).get("blind", 0):
                return _silence()
            answer = self._find(connection, query)
            twice = _count(connection, "refund", query.key, "twice") > 0
            first = _count(connection, "lookup", query.key, "") == 1
        if answer is None or not twice:
            return answer
        if first:
            self._sleep(_HELD_SECONDS)
        return self._tell(query, answer)

    def ledger(self) -> tuple[Entry, ...]:
        """Every refund that has landed, oldest first, the failed ones too."""
        with self._book.transaction() as connection:
            rows = connection.execute(
                "SELECT * FROM refunds WHERE lands_at <= ? ORDER BY id", (self._now(),)
            ).fetchall()
        return tuple(_entry(row) for row in rows)

    def moved(self, currency: str) -> int:
        """Minor units of this currency that have gone out."""
        return sum(e.amount for e in self.ledger() if e.state == "succeeded" and e.currency == currency)

    def told_twice(self) -> int:
        """Of how many refunds it has said more than once how they ended."""
        told = Counter(call.key for call in self.calls() if call.operation == _TELL)
        return sum(times > 1 for times in told.values())

    def duplicates(self) -> dict[str, int]:
        """Keys under which money went out more than once, and how often."""
        counts: dict[str, int] = {}
        for entry in self.ledger():
            if entry.state != "failed":
                counts[entry.key] = counts.get(entry.key, 0) + 1
        return {key: count for key, count in counts.items() if count > 1}

    def _take(self, connection: sqlite3.Connection, order: RefundOrder) -> tuple[PaymentAnswer, Step]:
        known = self._known(connection, order)
        if known is not None:
            self._note(connection, "refund", order.key, order.payment_reference, fresh=False, step="replay")
            return known, Step("replay")
        try:
            step, script = next_step(
                connection, operation="refund", key=order.key, topic=order.payment_reference, default=self._default
            )
        except Invalid as error:
            return PaymentAnswer(state="failed", code="unknown_instruction", message=error.detail), Step("fail")
        if self._exceeds(connection, order, script):
            step = Step("fail", code="amount_exceeds_captured")
        self._note(connection, "refund", order.key, order.payment_reference, fresh=True, step=step.name)
        return self._play(connection, order, step), step

    def _known(self, connection: sqlite3.Connection, order: RefundOrder) -> PaymentAnswer | None:
        """What an idempotent gateway answers to a key it has seen; ``None`` if this call is new to it."""
        if not self._idempotent:
            return None
        row = connection.execute("SELECT * FROM refunds WHERE key = ? ORDER BY id", (order.key,)).fetchone()
        if row is None:
            return None
        if (row["payment_reference"], row["amount"], row["currency"], row["payout"]) != _fingerprint(order):
            return PaymentAnswer(state="failed", code="key_reused", message="This key belongs to another refund.")
        if row["lands_at"] > self._now():
            return PaymentAnswer(state="unknown", code="in_progress", message="The first call is still under way.")
        return _answer(row, copies=1)

    def _exceeds(self, connection: sqlite3.Connection, order: RefundOrder, script: Script) -> bool:
        captured = {**_limits(order.payment_reference), **script.limits}.get("captured")
        if captured is None:
            return False
        taken: int = connection.execute(
            "SELECT coalesce(sum(amount), 0) FROM refunds WHERE payment_reference = ? AND state != 'failed'",
            (order.payment_reference,),
        ).fetchone()[0]
        return taken + order.amount > captured

    def _play(self, connection: sqlite3.Connection, order: RefundOrder, step: Step) -> PaymentAnswer:
        if step.name == "busy":
            return PaymentAnswer(state="failed", code="busy", message="Try again later.", retryable=True)
        if step.name in _NOTHING_DONE:
            return _silence()
        identity = self._write(connection, order, step)
        if step.name in _SILENT:
            return _silence()
        row = connection.execute("SELECT * FROM refunds WHERE id = ?", (identity,)).fetchone()
        return _answer(row, copies=1)

    def _write(self, connection: sqlite3.Connection, order: RefundOrder, step: Step) -> int | None:
        state, becomes, left = _course(step)
        lands = self._clock() + timedelta(seconds=step.number if step.name == "late" else 0)
        return connection.execute(
            "INSERT INTO refunds (key, payment_reference, amount, currency, payout, state, code, becomes, lookups_left,"
            " lands_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (order.key, *_fingerprint(order), state, step.code, becomes, left, _stamp(lands)),
        ).lastrowid

    def _find(self, connection: sqlite3.Connection, query: RefundQuery) -> PaymentAnswer | None:
        rows = connection.execute(
            "SELECT * FROM refunds WHERE key = ? AND payment_reference = ? AND lands_at <= ? ORDER BY id",
            (query.key, query.payment_reference, self._now()),
        ).fetchall()
        rows = [_advance(connection, row) for row in rows]
        if not rows:
            return None
        named = [row for row in rows if _reference(row) == query.reference]
        best = min(named or rows, key=lambda row: ("succeeded", "pending", "failed").index(row["state"]))
        return _answer(best, copies=max(1, sum(row["state"] != "failed" for row in rows)))

    def _tell(self, query: RefundQuery, answer: PaymentAnswer) -> PaymentAnswer:
        """The end of what is told twice: first the truth, then what the instruction says."""
        with self._book.transaction() as connection:
            row = connection.execute("SELECT code FROM refunds WHERE key = ? ORDER BY id", (query.key,)).fetchone()
            again = _count(connection, _TELL, query.key, "twice") > 0
            self._note(connection, _TELL, query.key, query.payment_reference, fresh=True, step="twice")
        if not again or not row["code"]:
            return answer
        return msgspec.structs.replace(answer, state="failed", code=row["code"], message="It failed after all.")

    def _note(
        self, connection: sqlite3.Connection, operation: str, key: str, topic: str, *, fresh: bool, step: str
    ) -> None:
        record(connection, at=self._clock(), operation=operation, key=key, topic=topic, fresh=fresh, step=step)

    def _now(self) -> str:
        return _stamp(self._clock())


def create(context: Context) -> OfflinePayments:
    """The gateway that honours idempotency keys. Options: ``default``, ``final_after``."""
    return _create(context, name="offline", idempotent=True)


def create_plain(context: Context) -> OfflinePayments:
    """The gateway without idempotency keys. Options: ``default``, ``final_after``."""
    return _create(context, name="offline_plain", idempotent=False)


def _create(context: Context, *, name: str, idempotent: bool) -> OfflinePayments:
    options = context.options
    return OfflinePayments(
        context.data_dir / "offline" / f"payments-{name}.sqlite",
        name=name,
        idempotent=flag(options, "idempotent", default=idempotent),
        clock=context.clock,
        default=options.get("default", "succeed"),
        final_after=int(options.get("final_after", str(_BLIND_SECONDS))),
    )


def _check(order: RefundOrder) -> None:
    faults = [
        (not order.key, "key", "required", "A refund needs a key."),
        (not order.payment_reference, "payment_reference", "required", "A refund needs the payment it belongs to."),
        (order.amount <= 0, "amount", "not_positive", "A refund must be above zero."),
        (
            not (len(order.currency) == 3 and order.currency.isascii() and order.currency.isupper()),  # noqa: PLR2004  ISO 4217
            "currency",
            "not_a_currency",
            "A currency is three capital letters.",
        ),
    ]
    errors = [FieldError(path, code, message) for wrong, path, code, message in faults if wrong]
    if errors:
        raise Invalid(errors[0].message, errors=errors)


def _course(step: Step) -> tuple[str, str, int]:
    """How a refund starts, what it becomes, and after how many lookups."""
    if step.name in {"fail", "timeout-fail"}:
        return "failed", "failed", 0
    if step.name == "pending":
        return "pending", "succeeded", step.number
    if step.name == "pending-fail":
        return "pending", "failed", 0
    if step.name == "twice":
        return "pending", "succeeded", 0
    if step.name == "stay-pending":
        return "pending", "pending", _NEVER
    return "succeeded", "succeeded", 0


def _count(connection: sqlite3.Connection, operation: str, key: str, step: str) -> int:
    """How many calls of this kind there were under a key."""
    counted: int = connection.execute(
        "SELECT count(*) FROM calls WHERE key = ? AND operation = ? AND step = ?", (key, operation, step)
    ).fetchone()[0]
    return counted


def _advance(connection: sqlite3.Connection, row: sqlite3.Row) -> sqlite3.Row:
    """One lookup nearer to the end of a pending refund."""
    if row["state"] != "pending" or row["lookups_left"] == _NEVER:
        return row
    state = row["becomes"] if row["lookups_left"] == 0 else "pending"
    connection.execute(
        "UPDATE refunds SET state = ?, lookups_left = ? WHERE id = ?",
        (state, max(0, row["lookups_left"] - 1), row["id"]),
    )
    found: sqlite3.Row = connection.execute("SELECT * FROM refunds WHERE id = ?", (row["id"],)).fetchone()
    return found


def _answer(row: sqlite3.Row, *, copies: int) -> PaymentAnswer:
    failed = row["state"] == "failed"
    return PaymentAnswer(
        state=row["state"],
        reference=_reference(row),
        code=row["code"] or None if failed else None,
        message=f"The refund was refused: {row['code']}." if failed else None,
        copies=copies,
    )


def _entry(row: sqlite3.Row) -> Entry:
    return Entry(
        reference=_reference(row),
        key=row["key"],
        payment_reference=row["payment_reference"],
        amount=row["amount"],
        currency=row["currency"],
        payout=row["payout"],
        state=row["state"],
        code=row["code"] if row["state"] == "failed" else "",
    )


def _reference(row: sqlite3.Row) -> str:
    return f"rf_{row['id']:08d}"


def _fingerprint(order: RefundOrder) -> tuple[str, int, str, str]:
    account = f"…{order.payout.iban[-4:]}" if order.payout is not None else ""
    return order.payment_reference, order.amount, order.currency, account


def _limits(reference: str) -> dict[str, int]:
    try:
        return parse(instructions(reference)).limits
    except Invalid:
        return {}


def _silence() -> PaymentAnswer:
    return PaymentAnswer(state="unknown", code="timeout", message="The gateway did not answer in time.")


def _stamp(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="microseconds")
