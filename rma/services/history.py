"""The chains of events while they are recomputed: one end a stream, and the first place where one breaks."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import Any

import msgspec
import sqlalchemy as sa

from rma.db import tables
from rma.db.session import Work
from rma.domain import events

_CHILDREN = ("par_", "ref_", "rep_")
_RETURN = "ret_"
MISSING = "missing"
"""The code of an event that is not there: its place is between those around it."""
_IDS = 400
_personal = tables.table(tables.Personal)


class Fault(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A bad place: which store, which stream (the id of a return, an order or a store), which event or seal, and what.

    ``n`` is the event's place in its stream, ``sequence`` its number in the store's seal. ``code`` is stable.
    """

    code: str
    store: str
    message: str
    stream: str | None = None
    n: int | None = None
    sequence: int | None = None

    @property
    def place(self) -> str:
        """The place in words."""
        event = f", event {self.n}" if self.n is not None else ""
        sealed = f", seal {self.sequence}" if self.sequence is not None else ""
        return f"{self.store}: {self.stream or 'the whole store'}{event}{sealed}"


class _Data(msgspec.Struct, gc=False):
    """What a transition's event tells of the state."""

    trigger: Any = None
    to: Any = None
    id: Any = None


class _Body(msgspec.Struct, gc=False):
    """What a hashed body says of itself."""

    id: str
    stream: str
    n: int
    type: str
    at: datetime
    data: _Data


class _End(msgspec.Struct, gc=False):
    """Where a stream has come to."""

    store_id: str
    n: int = 0
    head: str = ""
    state: str | None = None
    whole: bool = True
    owned: bool = False


_decode = msgspec.json.Decoder(_Body).decode
_plain = msgspec.json.Decoder().decode


class Chains:
    """Every stream's chain, fed event by event in the order of insertion. One fault a stream is told: its first."""

    def __init__(self, slugs: dict[str, str], add: Callable[[Fault], None]) -> None:
        self.ends: dict[str, _End] = {}
        self._slugs = slugs
        self._add = add

    def take(self, work: Work, rows: Sequence[tuple[Any, ...]]) -> None:
        """The next events: ``seq id store_id stream n return_id type at body hash`` each."""
        for row in rows:
            self._event(row)
        pointing = [row for row in rows if '"personal"' in row[8]]
        if pointing:
            self._personal(work, pointing)

    def _event(self, row: tuple[Any, ...]) -> None:
        _, _, store_id, stream, n, _, _, _, body, stored = row
        end = self.ends.get(stream)
        if end is None:
            end = self.ends[stream] = _End(store_id)
        if end.whole:
            code, at, message = self._wrong(end, row)
            if code:
                end.whole = False
                self._say(code, end.store_id, stream, at, message)
            elif events.link(end.head, body) != stored:
                end.whole = False
                self._say("changed", end.store_id, stream, n, "the event does not fit its hash: it was changed")
        end.n, end.head = max(end.n, n), stored

    def _wrong(self, end: _End, row: tuple[Any, ...]) -> tuple[str, int, str]:
        """Whether this can be the stream's next event: code, place and message of what is wrong, or empty."""
        _, event_id, store_id, stream, n, return_id, kind, at, text, _ = row
        if n > end.n + 1:
            return MISSING, end.n + 1, f"the event is gone, {n} comes next"
        if n <= end.n:
            return "order", n, f"the event stands behind {end.n}: it was put in, or the order was changed"
        if store_id != end.store_id:
            return "foreign", n, "the event is of another store than those before it"
        try:
            body = _decode(text)
        except msgspec.DecodeError:
            return "changed", n, "the event's body cannot be read: it was changed"
        if (body.id, body.stream, body.n, body.type, body.at) != (event_id, stream, n, kind, at):
            return "changed", n, "the event's columns say something else than its body"
        if return_id != (stream if stream.startswith(_RETURN) else None):
            return "changed", n, "the event is not shown at the return that it belongs to, or at one that it does not"
        _note_state(end, body)
        return "", 0, ""

    def _personal(self, work: Work, rows: Sequence[tuple[Any, ...]]) -> None:
        """Personal values lie where erasure finds them, and those that were not erased are those that were hashed."""
        pointers = [(row, *pointer) for row in rows for pointer in _pointers(_or_nothing(row[8]))]
        known: dict[str, Any] = {}
        for start in range(0, len(pointers), _IDS):
            ids = [pointer[1] for pointer in pointers[start : start + _IDS]]
            known |= {row.id: row for row in work.conn.execute(sa.select(_personal).where(_personal.c.id.in_(ids)))}
        for row, personal_id, digest in pointers:
            wrong = _wrong_value(known.get(personal_id), row, digest)
            if wrong:
                self._say("personal_changed", row[2], row[3], row[4], f"the personal value {personal_id} {wrong}")

    def compare(self, row: Any) -> None:
        """A row that has a chain, against where its events ended."""
        end = self.ends.get(row.id) or _End(row.store_id)
        end.owned = True
        if not end.whole:
            return
        if not end.n and not row.events_n:
            self._say(MISSING, row.store_id, row.id, 1, "nothing tells how it came to be")
        elif end.n < row.events_n:
            end.whole = False
            self._say(MISSING, row.store_id, row.id, end.n + 1, f"its row counts {row.events_n} events")
        elif end.n > row.events_n:
            end.whole = False
            self._say("inserted", row.store_id, row.id, row.events_n + 1, f"its row counts {row.events_n} events")
        elif end.head != row.head or end.store_id != row.store_id:
            end.whole = False
            self._say("head", row.store_id, row.id, end.n, "the row's head is not the hash of its last event")
        elif end.state is not None and row.state is not None and end.state != row.state:
            message = f"the row says {row.state}, its events end in {end.state}"
            self._say("state", row.store_id, row.id, end.n, message)

    def orphans(self) -> None:
        """Streams whose row was not among those compared."""
        for stream, end in self.ends.items():
            if end.whole and not end.owned:
                self._say("row_missing", end.store_id, stream, end.n, "what these events tell of is gone")

    def _say(self, code: str, store_id: str, stream: str, n: int, message: str) -> None:
        slug = self._slugs.get(store_id, store_id)
        self._add(Fault(code=code, store=slug, stream=stream, n=n, message=message))


def _note_state(end: _End, body: _Body) -> None:
    """A return's first event and its transitions tell its state; those of its children tell theirs."""
    data = body.data
    told = data.to is not None and (body.n == 1 or data.trigger is not None)
    if told and not str(data.id).startswith(_CHILDREN):
        end.state = data.to


def _wrong_value(kept: Any, event: tuple[Any, ...], digest: str) -> str:
    """What is wrong with the row of a personal value that an event points at; empty for a right or an erased one."""
    if kept is None:
        return "is gone: erasure leaves its row"
    if (kept.store_id, kept.stream) != (event[2], event[3]):
        return "was moved to where an erasure does not find it"
    if kept.value is None:
        return "" if kept.salt is None else "was taken away without its salt: that was no erasure"
    right = hashlib.sha256(f"{kept.salt or ''}{kept.value}".encode()).hexdigest() == digest
    return "" if right else "was changed"


def _or_nothing(text: str) -> Any:
    try:
        return _plain(text)
    except msgspec.DecodeError:
        return None


def _pointers(value: Any) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        if value.keys() == {"personal", "sha256"}:
            yield str(value["personal"]), str(value["sha256"])
        else:
            yield from (found for part in value.values() for found in _pointers(part))
    elif isinstance(value, list):
        yield from (found for part in value for found in _pointers(part))
