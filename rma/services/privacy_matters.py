"""What is held of one matter: an order with its returns, a return on another's order, or a withdrawal without either.

A matter is read under the locks of its rows (order → returns), so that nothing of it is judged while it moves. It is
open while a return or a refund of it has not ended, or a message of service still waits to leave.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

import msgspec
import sqlalchemy as sa

from rma.db import tables
from rma.db.session import DRIVERS, WidenError, Work
from rma.domain import calendar, retention
from rma.domain.law import LawProfile
from rma.domain.order import Order, Person
from rma.domain.retention import End
from rma.errors import Busy, NotFound, Unavailable
from rma.services import assess, law
from rma.services.case import now_of
from rma.services.catalog import StoreInfo
from rma.services.context import Services
from rma.services.notify import TO_SEND
from rma.services.withdrawal_letters import REPORTED

ORDERS = tables.table(tables.Order)
RETURNS = tables.table(tables.Return)
LINES = tables.table(tables.ReturnLine)
REFUNDS = tables.table(tables.Refund)
TRANSFERS = tables.table(tables.Transfer)
PARCELS = tables.table(tables.Parcel)
REPLACEMENTS = tables.table(tables.Replacement)
MESSAGES = tables.table(tables.Message)
EVIDENCE = tables.table(tables.Evidence)
FEEDBACK = tables.table(tables.Feedback)
INSPECTIONS = tables.table(tables.Inspection)
UNEXPECTED = tables.table(tables.Unexpected)
WITHDRAWALS = tables.table(tables.Withdrawal)
PERSONAL = tables.table(tables.Personal)
ATTEMPTS = tables.table(tables.Attempt)
_OF_ALL = (*DRIVERS, Busy, Unavailable, WidenError)
"""Errors after which the transaction at hand is of no use; every other one is of the record that it was met at."""
_log = logging.getLogger(__name__)


class Failed(msgspec.Struct, frozen=True, kw_only=True):
    """What could not be erased, by its id (of an order, a return, a request …), and the class of the error.

    Nothing of it is lost, and every run tries it again.
    """

    id: str
    error: str


@dataclass(slots=True, kw_only=True)
class Matter:
    """One matter as it stands. ``closed`` is the local day on which the last of it ended; ``laws`` customer's, store's.

    ``order`` is the row that belongs to the person; None for a return on somebody else's order and for a withdrawal.
    """

    id: str
    store: StoreInfo
    now: datetime
    order: Any = None
    returns: Sequence[Any] = ()
    refunds: Sequence[Any] = ()
    withdrawals: Sequence[Any] = ()
    messages: Sequence[Any] = ()
    children: Sequence[str] = ()
    moved_money: frozenset[str] = frozenset()
    is_open: bool = False
    closed: date = date.min
    laws: tuple[LawProfile, LawProfile]
    finals: dict[str, date] = field(default_factory=dict)

    @property
    def today(self) -> date:
        """The store's own day."""
        return calendar.local_date(self.now, self.store.timezone)

    @property
    def ids(self) -> list[str]:
        """The ids of the returns."""
        return [row.id for row in self.returns]

    @property
    def streams(self) -> list[str]:
        """The streams whose events point at personal values."""
        own = [self.order.id] if self.order is not None else []
        return [*own, *self.ids, *(row.id for row in self.withdrawals)]

    def end(self, name: retention.Name) -> End:
        """When this class of record ends here."""
        mine, home = self.laws
        return retention.end(name, self.closed, law=mine, home=home, shortened=self.store.retention)


@contextmanager
def each(failed: dict[str, str], key: str) -> Iterator[None]:
    """Do one of several: what is wrong with this one is noted by its id and keeps no other one from being done."""
    try:
        yield
    except _OF_ALL:
        raise
    except Exception as error:  # noqa: BLE001 - one record never stops the others, and it is logged
        _log.exception("%s could not be read or erased", key)
        failed[key] = type(error).__name__


def load_all(
    work: Work, services: Services, store: StoreInfo, keys: Iterable[str], *, lock: bool
) -> tuple[list[Matter], dict[str, str]]:
    """Those of these matters that can be read, and the others with the class of the error."""
    found: list[Matter] = []
    failed: dict[str, str] = {}
    for key in keys:
        with each(failed, key):
            found.append(load(work, services, store, key, lock=lock))
    return found, failed


def named(failed: Mapping[str, str]) -> list[Failed]:
    """What failed, in the order of ids."""
    return [Failed(id=key, error=error) for key, error in sorted(failed.items())]


def load(work: Work, services: Services, store: StoreInfo, key: str, *, lock: bool) -> Matter:
    """The matter of this order, return or withdrawal; ``NotFound`` for one that the store does not have."""
    loader = {"ord": _of_order, "ret": _of_return, "wdr": _of_withdrawal}[key.partition("_")[0]]
    return loader(work, services, store, key, lock=lock)


def _of_order(work: Work, services: Services, store: StoreInfo, key: str, *, lock: bool) -> Matter:
    order = _one(work, ORDERS, store, key, lock=lock)
    query = sa.select(RETURNS).where(RETURNS.c.order_id == key).order_by(RETURNS.c.id)
    returns = work.conn.execute(_locked(query, lock=lock)).all()
    refunds = work.conn.execute(sa.select(REFUNDS).where(REFUNDS.c.order_id == key)).all()
    declared = work.conn.execute(sa.select(WITHDRAWALS).where(WITHDRAWALS.c.order_id == key)).all()
    return _whole(work, services, store, order, returns, refunds, declared, key=key, mine=True, lock=lock)


def _of_return(work: Work, services: Services, store: StoreInfo, key: str, *, lock: bool) -> Matter:
    order_id = work.conn.execute(
        sa.select(RETURNS.c.order_id).where(RETURNS.c.id == key, RETURNS.c.store_id == store.id)
    ).scalar()
    if order_id is None:
        raise NotFound("There is no such return.")
    order = _one(work, ORDERS, store, order_id, lock=lock)
    case = _one(work, RETURNS, store, key, lock=lock)
    refunds = work.conn.execute(sa.select(REFUNDS).where(REFUNDS.c.return_id == key)).all()
    declared = work.conn.execute(sa.select(WITHDRAWALS).where(WITHDRAWALS.c.return_id == key)).all()
    return _whole(work, services, store, order, [case], refunds, declared, key=key, mine=False, lock=lock)


def _of_withdrawal(work: Work, _services: Services, store: StoreInfo, key: str, *, lock: bool) -> Matter:
    row = _one(work, WITHDRAWALS, store, key, lock=lock)
    day = calendar.local_date(row.declared_at or row.created_at, store.timezone)
    home = law.on(store, None, day)
    messages = _messages(work, store.id, [], [row], lock=lock)
    at = now_of(work, store.id)
    waits = any(_leaves(work, one) for one in messages)
    return Matter(
        id=key,
        store=store,
        now=at,
        withdrawals=[row],
        messages=messages,
        closed=day,
        laws=(home, home),
        is_open=waits,
    )


def _whole(
    work: Work,
    services: Services,
    store: StoreInfo,
    order: Any,
    returns: Sequence[Any],
    refunds: Sequence[Any],
    declared: Sequence[Any],
    *,
    key: str,
    mine: bool,
    lock: bool,
) -> Matter:
    snapshot = assess.read_order_doc(order.doc)
    laws = _laws(store, snapshot, assess.read_person(order.person))
    address = order.email if mine else None
    messages = _messages(work, store.id, [row.id for row in returns], declared, told=address, lock=lock)
    finals = {row.id: calendar.local_date(row.updated_at, store.timezone) for row in returns}
    days = [*finals.values(), *(calendar.local_date(row.updated_at, store.timezone) for row in refunds)]
    days += _days(snapshot, store) if mine else []
    return Matter(
        id=key,
        store=store,
        now=now_of(work, store.id),
        order=order if mine else None,
        returns=returns,
        refunds=refunds,
        withdrawals=declared,
        messages=messages,
        children=_children(work, [row.id for row in returns], refunds),
        moved_money=_moved(work, refunds),
        is_open=_is_open(work, services, store, returns, refunds) or any(_leaves(work, row) for row in messages),
        closed=max(days),
        laws=laws,
        finals=finals,
    )


def _laws(store: StoreInfo, order: Order, person: Person | None) -> tuple[LawProfile, LawProfile]:
    """The law that was frozen with the order, and that of the store's country on the same day."""
    region = law.region_of(order.country, person.ship_to if person else None)
    day = calendar.local_date(order.ordered_at, law.timezone(store, order.country, region=region))
    return law.on(store, order.country, day, region=region), law.on(store, None, day)


def _days(order: Order, store: StoreInfo) -> list[date]:
    """Days on which the contract was made and fulfilled."""
    came = [one.delivered_at for one in order.deliveries if one.delivered_at is not None]
    return [calendar.local_date(at, store.timezone) for at in (order.ordered_at, *came)]


def _is_open(work: Work, services: Services, store: StoreInfo, returns: Sequence[Any], refunds: Sequence[Any]) -> bool:
    catalog = services.catalog
    for row in returns:
        definition = catalog.definition(work, store.id, row.workflow, row.workflow_version)
        if not definition.states[row.state].final:
            return True
    machine = catalog.current_definition(work, store.id, "refund")
    return any(not machine.states[row.state].final for row in refunds)


def _leaves(work: Work, row: Any) -> bool:
    """Whether this is a message of service that is due, or that was tried already."""
    due = row.attempts > 0 or (row.next_at is not None and row.next_at <= work.real_now)
    return bool(row.state == TO_SEND and row.message_class == "service" and due)


def _messages(
    work: Work, store_id: str, ids: Sequence[str], declared: Sequence[Any], *, lock: bool, told: str | None = None
) -> Sequence[Any]:
    """The messages about these; locked, so that none of them is taken up for sending meanwhile.

    ``told``: the mailbox of an order, which also had word of what somebody else declared for it.
    """
    wanted: list[sa.ColumnElement[bool]] = [MESSAGES.c.return_id.in_(ids)] if ids else []
    wanted += [MESSAGES.c.dedupe.startswith(f"{row.id}:", autoescape=True) for row in declared]
    wanted += [sa.and_(MESSAGES.c.kind == REPORTED, MESSAGES.c.recipient == told)] if told else []
    if not wanted:
        return []
    query = sa.select(MESSAGES).where(MESSAGES.c.store_id == store_id, sa.or_(*wanted))
    return work.conn.execute(_locked(query.order_by(MESSAGES.c.id), lock=lock)).all()


def _children(work: Work, ids: Sequence[str], refunds: Sequence[Any]) -> list[str]:
    """The ids of everything below the returns that an act or an answer may have been about."""
    found = [row.id for row in refunds]
    for table in (PARCELS, REPLACEMENTS, EVIDENCE, UNEXPECTED):
        found += work.conn.execute(sa.select(table.c.id).where(table.c.return_id.in_(ids))).scalars()
    return found


def _moved(work: Work, refunds: Sequence[Any]) -> frozenset[str]:
    """The refunds of which money went out: papers and books tell of them."""
    query = sa.select(TRANSFERS.c.refund_id).where(
        TRANSFERS.c.refund_id.in_([row.id for row in refunds]), TRANSFERS.c.state == "succeeded"
    )
    return frozenset(work.conn.execute(query).scalars())


def _one(work: Work, table: sa.Table, store: StoreInfo, key: str, *, lock: bool) -> Any:
    query = sa.select(table).where(table.c.id == key, table.c.store_id == store.id)
    found = work.conn.execute(_locked(query, lock=lock)).first()
    if found is None:
        raise NotFound("There is no such record.")
    return found


def _locked(query: sa.Select[Any], *, lock: bool) -> sa.Select[Any]:
    return query.with_for_update(key_share=True) if lock else query


def has_ended(work: Work, services: Services, store: StoreInfo, row: Any) -> bool:
    """Whether this return has come to an end of its machine."""
    return services.catalog.definition(work, store.id, row.workflow, row.workflow_version).states[row.state].final


def decoded(text: str | None) -> Any:
    """JSON text as plain values; None stays None."""
    return None if text is None else msgspec.json.decode(text)
