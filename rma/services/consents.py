"""Consents to messages that are no part of a return: a customer takes theirs back, and it holds at once."""

from __future__ import annotations

import msgspec
import sqlalchemy as sa

from rma.db import tables
from rma.db.session import Work
from rma.domain.events import Draft
from rma.domain.mailboxes import spellings
from rma.domain.order import Consent, Person
from rma.services import assess, log
from rma.services.caller import Caller
from rma.services.case import store_now
from rma.services.letters import CONSENT

_orders = tables.table(tables.Order)
_returns = tables.table(tables.Return)
_stores = tables.table(tables.Store)
_encode = msgspec.json.Encoder(order="deterministic").encode


def withdraw(work: Work, caller: Caller) -> int:
    """Record a no to commercial mail on every order of the customer whose link this is; how many orders had a yes.

    Law 6563 art. 8: taken back without a reason, on any channel; from then on no such mail leaves. Again changes
    nothing.
    """
    found = work.conn.execute(
        sa.select(_returns.c.order_id, _orders.c.email, _stores.c.clock_offset)
        .select_from(_returns.join(_orders).join(_stores, _stores.c.id == _returns.c.store_id))
        .where(_returns.c.id == caller.link_return_id, _returns.c.store_id == caller.store_id)
    ).first()
    if found is None:
        return 0
    mine = _orders.c.id == found.order_id if found.email is None else _orders.c.email.in_(spellings(found.email))
    wanted = sa.select(_orders).where(_orders.c.store_id == caller.store_id, mine).order_by(_orders.c.number)
    no = Consent(given=False, at=store_now(work, found.clock_offset), source="unsubscribe")
    return sum(_refuse(work, caller, row, no) for row in work.conn.execute(wanted.with_for_update(key_share=True)))


def _refuse(work: Work, caller: Caller, row: sa.Row[tuple[object, ...]], no: Consent) -> bool:
    person: Person | None = assess.read_person(row.person)
    known = None if person is None else person.consents.get(CONSENT)
    if person is None or known is None or not known.given:
        return False
    without = msgspec.structs.replace(person, consents={**person.consents, CONSENT: no})
    told = {"number": row.number, "version": row.version + 1, "consent": CONSENT}
    head, n = log.append(
        work,
        [Draft("order.consent_withdrawn", told, no.at)],
        store_id=caller.store_id,
        stream=row.id,
        actor=caller.actor,
        head=row.head,
        n=row.events_n,
    )
    values = {"person": _encode(without).decode(), "version": row.version + 1, "head": head, "events_n": n}
    work.conn.execute(sa.update(_orders).where(_orders.c.id == row.id).values(**values, updated_at=no.at))
    return True
