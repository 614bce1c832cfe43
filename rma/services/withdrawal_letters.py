"""The two mails of a withdrawal: the receipt to whoever declared it, and word to the mailbox of the order."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec
import sqlalchemy as sa

from rma.db import tables
from rma.db.session import Work
from rma.domain import mailboxes
from rma.domain.events import Draft
from rma.domain.messages import MessageFacts, StoreCard, is_address
from rma.domain.texts import Text, say, text
from rma.domain.withdrawals import Declaration, DeclaredLine
from rma.services import log, withdrawal_filing
from rma.services.catalog import StoreInfo
from rma.services.letters import Letter, sender
from rma.services.message_scene import TOKEN

ACKNOWLEDGED, REPORTED = "withdrawal_acknowledged", "withdrawal_reported"
_rows = tables.table(tables.Withdrawal)
_orders = tables.table(tables.Order)
_read = msgspec.json.Decoder(Declaration).decode

FIELDS: dict[str, Text] = {
    "name": text(tr="Ad soyad", en="Name", de="Name"),
    "order_number": text(tr="Sipariş numarası", en="Order number", de="Bestellnummer"),
    "electronic_address": text(tr="E-posta adresi", en="E-mail address", de="E-Mail-Adresse"),
    "lines": text(tr="Cayılan ürünler", en="Items withdrawn from", de="Widerrufene Artikel"),
    "statement": text(tr="Açıklama", en="Statement", de="Erklärung"),
}
"""What the parts of a declaration are called."""
WHOLE: Text = text(tr="Siparişin tamamı", en="The whole order", de="Die gesamte Bestellung")
"""What a declaration without lines means."""
_LINE: Text = text(tr="satır", en="line", de="Position")


def subject(row: Any) -> str | None:
    """The id of the withdrawal that a message row is about, or None."""
    cause = str(row["dedupe"] if isinstance(row, dict) else row.dedupe).partition(":")[0].partition("@")[0]
    return cause if cause.startswith("wdr_") else None


def letter(work: Work, store: StoreInfo, row: Any, *, url: str) -> Letter:
    """The message of this row. ``obsolete`` once what was typed, or the order, was erased."""
    found = work.conn.execute(sa.select(_rows).where(_rows.c.id == subject(row))).first()
    page = f"{url}/{store.slug}"
    facts = MessageFacts(
        kind=row.kind,
        store=StoreCard(name=store.name, email=sender(row), timezone=store.timezone, url=page),
        at=None if found is None else found.declared_at,
    )
    told, to = (None, None) if found is None or found.content is None else _told(work, row, found, page)
    if told is not None:
        facts = msgspec.structs.replace(facts, **told)
    known = to if to and is_address(to) else None
    why_not = "obsolete" if told is None else None if known is not None else "no_address"
    return Letter(facts=facts, locale=row.locale, to=known, why_not=why_not)


def written(declared: Declaration, locale: str) -> list[tuple[str, str]]:
    """Everything that was typed, part by part, with what the part is called in this language."""
    lines = "\n".join(_line(line, locale) for line in declared.lines or ()) or say(WHOLE, locale)
    parts = {
        "name": declared.name,
        "order_number": declared.order_number,
        "electronic_address": declared.electronic_address,
        "lines": lines,
        "statement": declared.statement or "",
    }
    return [(say(FIELDS[key], locale), value) for key, value in parts.items() if value]


def note_sent(work: Work, row: Any, at: datetime) -> None:
    """Tell in the withdrawal's own chain that its receipt left."""
    data = {"message": row.id, "locale": row.locale}
    drafts = [Draft("withdrawal.acknowledged", data, at)]
    log.append_to(work, "withdrawals", subject(row) or "", drafts, store_id=row.store_id, actor="system")


def _told(work: Work, row: Any, found: Any, page: str) -> tuple[dict[str, Any] | None, str | None]:
    """The facts and whom they go to; nothing where the order has the same address, or is not there."""
    declared = _read(found.content)
    if row.kind == ACKNOWLEDGED:
        parts = [f"{label}: {_indented(value)}" for label, value in written(declared, row.locale)]
        return {"text": "\n".join(parts), "link": f"{page}/withdraw/{TOKEN}"}, row.recipient
    order = _order(work, row, declared)
    if order is None or not order.email or mailboxes.same(order.email, declared.electronic_address):
        return None, None
    return {"order_number": order.number, "link": f"{page}/withdraw"}, order.email


def _order(work: Work, row: Any, declared: Declaration) -> Any | None:
    """The order that staff matched, else the one whose number was typed."""
    matched = row.dedupe.rpartition(":")[2]
    if not matched.startswith("ord_"):
        return withdrawal_filing.find_order(work, row.store_id, declared.order_number)
    return work.conn.execute(sa.select(_orders.c.number, _orders.c.email).where(_orders.c.id == matched)).first()


def _indented(value: str) -> str:
    return f"\n{value}" if "\n" in value else value


def _line(line: DeclaredLine, locale: str) -> str:
    return f"{line.quantity} × {line.sku or f'{say(_LINE, locale)} {line.line}'}"
