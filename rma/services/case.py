"""The aggregate of one return: loaded under its lock with few statements, changed in memory, written back once.

Locks are taken order → return → child. A child is only ever changed under the lock of its return (or, for money without
goods, of its order), so children need no lock of their own.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache
from operator import itemgetter
from typing import Any, NamedTuple

import msgspec
import sqlalchemy as sa

from rma.db import hot, tables
from rma.db.session import Work
from rma.domain.events import Draft
from rma.errors import NotFound
from rma.services import naming
from rma.services.naming import By, Name, OrderBy

_stores = tables.table(tables.Store)
_orders = tables.table(tables.Order)
_returns = tables.table(tables.Return)
_lines = tables.table(tables.ReturnLine)
_parcels = tables.table(tables.Parcel)
_refunds = tables.table(tables.Refund)
_replacements = tables.table(tables.Replacement)

LINE_CHANGES = (
    "expected",
    "received",
    "missing",
    "accepted",
    "rejected",
    "settled",
    "outcome",
    "reserved",
    "consumed",
    "doc",
)
HELD = ("reserved", "consumed")
TOLD = ("requested", "expected", "received", "missing", "accepted", "rejected", "settled", *HELD)
"""The columns of a line that the log accounts for: every act tells how it changed them (see ``replay``)."""
_OFTEN = ("state", "waits_for", "facts", "version", "head", "events_n", "updated_at")
_SELDOM = ("method", "statutory", "open_children", "email", "contact")
"""Written only where one of them changed."""
_seldom = itemgetter(*_SELDOM)


@dataclass(slots=True)
class Line:
    """A return line as it stands; ``saved`` is what the log has told of it, kept from before the first change."""

    row: dict[str, Any]
    dirty: bool = False
    saved: dict[str, Any] = field(default_factory=dict)

    def __getattr__(self, name: str) -> Any:
        """Columns read as attributes."""
        try:
            return self.row[name]
        except KeyError:
            raise AttributeError(name) from None

    def set(self, **values: Any) -> None:
        """Change columns; they are written with the case."""
        if not self.dirty:
            self.saved = {name: self.row[name] for name in TOLD}
        self.row.update(values)
        self.dirty = True

    def changes(self, *, new: bool) -> dict[str, Any]:
        """What is other than the log has told so far, by column."""
        before = dict.fromkeys(TOLD, 0) | dict.fromkeys(HELD, ()) if new else self.saved
        return {name: self.row[name] for name in before if self.row[name] != before[name]}


class Child(msgspec.Struct):
    """What the case needs to know of each child: its kind, state and, for parcels, the direction."""

    kind: str
    id: str
    state: str
    detail: str | None = None


@dataclass(slots=True)
class Case:
    """A return with its lines and a summary of its children, locked by the running transaction."""

    row: dict[str, Any]
    lines: list[Line]
    children: list[Child]
    clock_offset: float
    drafts: list[Draft] = field(default_factory=list)
    new: bool = False
    changed: bool = False
    written: tuple[Any, ...] = ()
    """The columns that seldom change, as the database has them."""
    name: Name | None = None
    """What it was asked for by; None for a new one."""
    quote: str | None = None
    """See ``read_quote``."""
    id: str = field(init=False)

    def __post_init__(self) -> None:
        """The id of a row never changes."""
        self.id = self.row["id"]

    @property
    def state(self) -> str:
        """The return's state."""
        return str(self.row["state"])

    def line(self, line_id: str) -> Line | None:
        """A line by its id."""
        for line in self.lines:
            if line.row["id"] == line_id:
                return line
        return None

    def changes(self) -> dict[str, dict[str, Any]]:
        """What became of the lines since the case was read, by line: numbers, and the units that they hold."""
        found = {line.row["id"]: line.changes(new=self.new) for line in self.lines}
        return {line_id: changed for line_id, changed in found.items() if changed}

    def set(self, **values: Any) -> None:
        """Change columns of the return."""
        self.row.update(values)
        self.changed = True

    @property
    def noticed_at(self) -> datetime:
        """When the customer gave the notice: with the filing, or before it where somebody filed it later."""
        told = self.fact("noticed_at")
        at: datetime = datetime.fromisoformat(told) if told else self.row["created_at"]
        return at

    def facts(self, **values: Any) -> None:
        """Change what the case remembers between requests (flags, consents, what was asked)."""
        self.row["facts"] = {**self.row["facts"], **values}
        self.changed = True

    def fixed_by(self, actor: str) -> None:
        """Somebody fixed what this case's money is, or where it goes: they approve nothing of it."""
        self.facts(fixers=[*self.fact("fixers", []), actor])

    def fact(self, name: str, default: Any = None) -> Any:
        """What the case remembers under this name."""
        return self.row["facts"].get(name, default)


_DETAILS = {"parcel": (_parcels, "direction"), "refund": (_refunds, "article"), "replacement": (_replacements, "sku")}


class _Statements(NamedTuple):
    """What is asked of a return, in this order: each lock is a statement of its own, before what it protects.

    After it has waited, PostgreSQL reads again only what the statement locks: a join with the lines would show them as
    they were before.
    """

    lock: hot.Hot
    read: hot.Hot
    lines: hot.Hot
    children: hot.Hot


@cache
def _of(by: By) -> _Statements:
    key = naming.return_id(by)
    mine = hot.found_by_id(_returns.c.store_id, naming.STORE)
    case = (
        sa.select(*_KEPT, _stores.c.clock_offset)
        .select_from(_returns.join(_stores, _stores.c.id == _returns.c.store_id))
        .where(mine, _returns.c.id == key)
    )
    children = sa.union_all(
        *(
            sa.select(
                sa.literal_column(f"'{kind}'").label("kind"), table.c.id, table.c.state, table.c[detail].label("detail")
            ).where(table.c.return_id == key)
            for kind, (table, detail) in _DETAILS.items()
        )
    )
    return _Statements(
        lock=hot.Hot(case.with_for_update(of=_returns, key_share=True)),
        read=hot.Hot(case),
        lines=hot.Hot(sa.select(*_lines.columns).where(_lines.c.return_id == key).order_by(_lines.c.position)),
        children=hot.Hot(children),
    )


@cache
def _quote(by: By) -> hot.Hot:
    mine = hot.found_by_id(_returns.c.store_id, naming.STORE)
    return hot.Hot(sa.select(_returns.c.quote).where(mine, _returns.c.id == naming.return_id(by)))


@cache
def _lock_of_order(by: OrderBy) -> hot.Hot:
    mine = hot.found_by_id(_orders.c.store_id, naming.STORE)
    order = sa.select(*(_orders.c[name] for name in _DECIDING), _stores.c.clock_offset).select_from(
        _orders.join(_stores, _stores.c.id == _orders.c.store_id)
    )
    return hot.Hot(order.where(mine, _orders.c.id == naming.order_id(by)).with_for_update(of=_orders, key_share=True))


_DECIDING = (
    *("id", "number", "customer_ref", "doc", "person", "frozen", "policy_version", "law"),
    *("version", "head", "events_n"),
)
"""What acts on an order's returns and refunds look at; the rest is for who shows the order, or changes it."""
_KEPT = [column for column in _returns.columns if column.name != "quote"]
_OFFSET = hot.Hot(sa.select(_stores.c.clock_offset).where(_stores.c.id == sa.bindparam("store")))
_ORDER = sa.select(*_orders.columns, _stores.c.clock_offset).select_from(
    _orders.join(_stores, _stores.c.id == _orders.c.store_id)
)
_NUMBERED = _ORDER.where(_orders.c.store_id == naming.STORE, _orders.c.number == naming.KEY)
_READ_ORDER = hot.Hot(_NUMBERED)
_LOCK_ORDER = hot.Hot(_NUMBERED.with_for_update(of=_orders, key_share=True))
_KEEP_QUOTE = hot.Hot(sa.update(_returns).where(_returns.c.id == naming.KEY).values(quote=sa.bindparam("quote")))
_ORDER_NAMES = [*(c.name for c in _orders.columns), "clock_offset"]
_RETURN_NAMES = [c.name for c in _KEPT]
_LINE_NAMES = [c.name for c in _lines.columns]
_INSERT_RETURN = hot.insert(_returns)
_INSERT_LINE = hot.insert(_lines)


def _update(columns: tuple[str, ...]) -> hot.Hot:
    values: dict[str, Any] = {name: sa.bindparam(name) for name in columns}
    return hot.Hot(sa.update(_returns).where(_returns.c.id == sa.bindparam("key")).values(values))


_MOVE_RETURN, _UPDATE_RETURN = _update(_OFTEN), _update(_OFTEN + _SELDOM)
_UPDATE_LINE = hot.Hot(
    sa.update(_lines).where(_lines.c.id == sa.bindparam("key")).values({c: sa.bindparam(c) for c in LINE_CHANGES})
)


def lock_order(work: Work, store_id: str, number: str) -> dict[str, Any]:
    """The order's row and the store's ``clock_offset``, locked. Raises ``NotFound``."""
    row = _LOCK_ORDER.one(work, {"store": store_id, "key": number})
    if row is None:
        raise NotFound(f"There is no order {number}.")
    return dict(zip(_ORDER_NAMES, row, strict=True))


def lock_order_of(work: Work, name: Name) -> dict[str, Any]:
    """What counts of the order of this name for acts on its returns, locked: before any of those is.

    That is ``_DECIDING`` and the store's ``clock_offset``. Raises ``NotFound``.
    """
    row = _lock_of_order(name.by).one(work, name.params)
    if row is None:
        missing = f"order {name.params['key']}" if name.by == "order_number" else "such return"
        raise NotFound(f"There is no {missing}.")
    return dict(zip((*_DECIDING, "clock_offset"), row, strict=True))


def lock_of_order(name: Name) -> hot.Read:
    """What ``lock_order_of`` asks for, for who reads it ahead with more."""
    return (_lock_of_order(name.by), name.params)


def read_order_row(work: Work, store_id: str, number: str) -> dict[str, Any]:
    """The order's row and the store's ``clock_offset`` without a lock, for reading only. Raises ``NotFound``."""
    row = _READ_ORDER.one(work, {"store": store_id, "key": number})
    if row is None:
        raise NotFound(f"There is no order {number}.")
    return dict(zip(_ORDER_NAMES, row, strict=True))


def load(work: Work, name: Name, *, lock: bool = True) -> Case:
    """The return of this name with its lines and children, locked unless told otherwise.

    ``NotFound`` also for another store's. Its quote is not read with it: ``read_quote``. Whoever wants all of it in one
    round trip reads ``reads`` ahead.
    """
    asked = _of(name.by)
    found = (asked.lock if lock else asked.read).one(work, name.params)
    if found is None:
        raise NotFound("There is no such return.")
    *cells, offset = found
    row = dict(zip(_RETURN_NAMES, cells, strict=True))
    lines = [Line(dict(zip(_LINE_NAMES, line, strict=True))) for line in asked.lines.rows(work, name.params)]
    children = [Child(*child) for child in asked.children.rows(work, name.params)]
    return Case(row=row, lines=lines, children=children, clock_offset=offset, written=_seldom(row), name=name)


def reads(name: Name, *, lock: bool = True, order: bool = False) -> list[hot.Read]:
    """What ``load`` asks for (after ``lock_order_of`` where ``order`` says so), for who reads it ahead with more."""
    asked, params = _of(name.by), name.params
    first = [lock_of_order(name)] if order else []
    return [*first, (asked.lock if lock else asked.read, params), (asked.lines, params), (asked.children, params)]


def read_quote(work: Work, case: Case) -> str:
    """What was decided with the filing, or anew since, as it is stored: most of a return's row, seldom asked for."""
    text = case.row.get("quote", case.quote)
    if text is None:
        found = _quote("id").one(work, {"store": case.row["store_id"], "key": case.id})
        text = case.quote = found[0] if found else None
    return str(text)


def save(work: Work, case: Case) -> None:
    """Write the return and the lines that changed; events, deadlines and acts are written by the door."""
    if case.new:
        _INSERT_RETURN.run(work, case.row)
        _INSERT_LINE.run_many(work, [line.row for line in case.lines])
    else:
        move = _MOVE_RETURN if _seldom(case.row) == case.written else _UPDATE_RETURN
        move.run(work, {**case.row, "key": case.id})
        if "quote" in case.row:
            _KEEP_QUOTE.run(work, {"key": case.id, "quote": case.row["quote"]})
        _UPDATE_LINE.run_many(work, [{**line.row, "key": line.row["id"]} for line in case.lines if line.dirty])
    case.quote = case.row.pop("quote", case.quote)
    case.new = case.changed = False
    case.written = _seldom(case.row)
    for line in case.lines:
        line.dirty, line.saved = False, {}


def store_now(work: Work, offset: float) -> datetime:
    """The store's own time: real time, moved by its test clock."""
    return work.real_now + timedelta(seconds=offset)


def now_of(work: Work, store_id: str) -> datetime:
    """The same, for who has not read the ``clock_offset`` with something else."""
    [(offset,)] = _OFFSET.rows(work, {"store": store_id})
    return store_now(work, offset)
