"""A stock system without a network: it takes orders for replacements and knows what it is told to be out of.

What it does is told after a ``#`` in the first sku (``TS-RED-L#out-of-stock``), or for each key with ``script``
(see ``offline_script``). It stores no address, only a fingerprint of the order.
"""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import msgspec

from rma.domain.ports import ReplacementAnswer, ReplacementOrder
from rma.errors import FieldError, Invalid
from rma.providers.offline_book import Book, Offline, next_step, record
from rma.providers.offline_script import Step
from rma.providers.registry import Context

_SCHEMA = """
CREATE TABLE orders (
    id INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE, fingerprint TEXT NOT NULL, reference TEXT NOT NULL
);
"""


class OfflineFulfilment(Offline):
    """Keeps the fulfilment port: one order for each key, all of its lines or none."""

    READY = "The offline stock system is ready. Nothing will be shipped."

    def __init__(
        self,
        path: Path,
        *,
        clock: Callable[[], datetime],
        name: str = "offline",
        out_of_stock: frozenset[str] = frozenset(),
    ) -> None:
        super().__init__(name, Book(path, _SCHEMA))
        self._clock = clock
        self._out_of_stock = out_of_stock

    @property
    def idempotent(self) -> bool:
        """The same key is the same order."""
        return True

    def order(self, order: ReplacementOrder) -> ReplacementAnswer:
        """Order the goods. Raises ``Invalid`` for an order that cannot be right."""
        _check(order)
        with self._book.transaction() as connection:
            return self._take(connection, order)

    def lookup(self, key: str) -> ReplacementAnswer | None:
        """The order of this key, if there is one."""
        with self._book.transaction() as connection:
            row = _row(connection, key)
        return None if row is None else _ordered(row)

    def _take(self, connection: sqlite3.Connection, order: ReplacementOrder) -> ReplacementAnswer:
        known = _row(connection, order.key)
        if known is not None:
            self._note(connection, order, fresh=False, step="replay")
            same = known["fingerprint"] == _fingerprint(order)
            return _ordered(known) if same else _failure("key_reused", "This key belongs to another order.")
        try:
            step, _ = next_step(
                connection, operation="order", key=order.key, topic=order.lines[0][0], default="succeed"
            )
        except Invalid as error:
            return _failure("unknown_instruction", error.detail)
        self._note(connection, order, fresh=True, step=step.name)
        return self._play(connection, order, step)

    def _play(self, connection: sqlite3.Connection, order: ReplacementOrder, step: Step) -> ReplacementAnswer:
        missing = tuple(sku for sku, _ in order.lines if sku in self._out_of_stock or step.name == "out-of-stock")
        if missing:
            return ReplacementAnswer(state="out_of_stock", missing=missing, code="out_of_stock")
        if step.name in {"busy", "fail"}:
            code = step.code or step.name
            return _failure(code, f"The stock system refused: {code}.", retryable=step.name == "busy")
        if step.name == "timeout-before":
            return _silence()
        connection.execute(
            "INSERT INTO orders (key, fingerprint, reference) VALUES (?, ?, ?)",
            (order.key, _fingerprint(order), order.reference),
        )
        row = _row(connection, order.key)
        return _silence() if row is None or step.name.startswith("timeout") else _ordered(row)

    def _note(self, connection: sqlite3.Connection, order: ReplacementOrder, *, fresh: bool, step: str) -> None:
        record(
            connection,
            at=self._clock(),
            operation="order",
            key=order.key,
            topic=order.lines[0][0],
            fresh=fresh,
            step=step,
        )


def create(context: Context) -> OfflineFulfilment:
    """The offline stock system. Option: ``out_of_stock``, skus with commas between them."""
    skus = (sku.strip() for sku in context.options.get("out_of_stock", "").split(","))
    return OfflineFulfilment(
        context.data_dir / "offline" / "fulfilment.sqlite",
        clock=context.clock,
        out_of_stock=frozenset(filter(None, skus)),
    )


def _check(order: ReplacementOrder) -> None:
    errors = [
        FieldError(f"lines[{index}].quantity", "not_positive", "A quantity must be above zero.")
        for index, (_, quantity) in enumerate(order.lines)
        if quantity <= 0
    ]
    if not order.lines:
        errors.append(FieldError("lines", "required", "A replacement needs goods."))
    if not order.key:
        errors.append(FieldError("key", "required", "A replacement needs a key."))
    if errors:
        raise Invalid(errors[0].message, errors=errors)


def _row(connection: sqlite3.Connection, key: str) -> sqlite3.Row | None:
    row: sqlite3.Row | None = connection.execute("SELECT * FROM orders WHERE key = ?", (key,)).fetchone()
    return row


def _ordered(row: sqlite3.Row) -> ReplacementAnswer:
    return ReplacementAnswer(state="ordered", reference=f"so_{row['id']:08d}")


def _fingerprint(order: ReplacementOrder) -> str:
    return hashlib.sha256(msgspec.json.encode(order)).hexdigest()


def _failure(code: str, message: str, *, retryable: bool = False) -> ReplacementAnswer:
    return ReplacementAnswer(state="failed", code=code, message=message, retryable=retryable)


def _silence() -> ReplacementAnswer:
    return ReplacementAnswer(state="unknown", code="timeout", message="The stock system did not answer in time.")
