"""Where somebody may have written of a person in papers that stay: places of free text, and the papers without them.

Only what is named here is ever touched when a person goes. Everything else in these papers is a code, an amount or an
instant that other papers and programs go by: it means the same whatever its customer is called. Three kinds of place:

- ``typed``: somebody's words about this one case. They go as a whole; an amount keeps its ``why``, empty, and a ``why``
  that is a code of ours stays.
- ``texts``: what things are called, and what carriers said. The person is taken out of them, by every name and number.
- ``codes``: a shop's own codes, where a word means something else. Only an e-mail address is taken out.

A place is a path of names; lists on the way are gone through, and an empty path is the column itself.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import msgspec

from rma.domain.asks import Ask
from rma.domain.components import WHY, Component
from rma.domain.order import Order
from rma.domain.pricing import Priced
from rma.domain.privacy_words import Known, called, known, reached, without_addresses

Plain = Any
"""JSON as it is read without a type."""
Change = Callable[[Plain], Plain]
_WHY = "why"
_encode = msgspec.json.Encoder(order="deterministic").encode


class Paper(msgspec.Struct, frozen=True, kw_only=True):
    """A column that stays. ``form`` is what its value must be read as, before and after; JSON ``text`` by itself.

    ``unique``: what stands there tells its row from others, and what is left of it has to go on doing so.
    """

    typed: tuple[str, ...] = ()
    texts: tuple[str, ...] = ()
    codes: tuple[str, ...] = ()
    form: Any = Any
    text: bool = False
    unique: bool = False


class _RefundDoc(msgspec.Struct):
    """What is read of a refund's document by its type."""

    ask: Ask | None = None


_ITSELF = ("",)
PAPERS: dict[str, dict[str, Paper]] = {
    "orders": {
        "doc": Paper(
            texts=("lines.name", "promotions.terms.text", "deliveries.carrier", "deliveries.tracking"),
            codes=("groups", "lines.category", "lines.tags", "payments.reference"),
            form=Order,
            text=True,
        ),
        "frozen": Paper(texts=("promotions.terms.text",), form=Priced, text=True),
    },
    "returns": {"facts": Paper(typed=("pickup", "asked"))},
    "return_lines": {
        "note": Paper(typed=_ITSELF),
        "reason": Paper(codes=_ITSELF),
        "doc": Paper(typed=("deductions.why",), texts=("name",), codes=("scanned.serial",)),
    },
    "parcels": {
        "carrier": Paper(texts=_ITSELF),
        "tracking": Paper(texts=_ITSELF),
        "code": Paper(texts=_ITSELF),
        "doc": Paper(typed=("refusal.message",), codes=("cost.receipt",)),
    },
    "parcel_events": {"carrier_status": Paper(typed=_ITSELF), "source_id": Paper(codes=_ITSELF, unique=True)},
    "receipts": {"scan_id": Paper(codes=_ITSELF, unique=True), "doc": Paper(texts=("answer.lines.name",))},
    "payments": {"reference": Paper(codes=_ITSELF, unique=True)},
    "inspections": {
        "note": Paper(typed=_ITSELF),
        "doc": Paper(typed=("reason", "deduction.reason", "deduction.override.reason")),
    },
    "replacements": {"doc": Paper(texts=("carrier", "tracking"), codes=("payments.reference",))},
    "unexpected": {"doc": Paper(typed=("description", "sender"), codes=("sku", "skus", "shelf", "tracking"))},
    "refunds": {
        "components": Paper(typed=("why",), form=list[Component]),
        "doc": Paper(
            typed=(
                *("reason", "resolutions", "consent"),
                *("ask.deductions.why", "ask.reductions.why", "ask.extras.why"),
            ),
            form=_RefundDoc,
        ),
    },
    "withdrawals": {"doc": Paper(typed=("left",))},
}


def changed(table: str, row: Mapping[str, Any], person: Known) -> dict[str, Any]:
    """The columns of a row of a paper that are something else without this person.

    ``msgspec.ValidationError`` where one could not be read any more: such a row is left as it is.
    """
    found: dict[str, Any] = {}
    for name, paper in PAPERS[table].items():
        old = row[name]
        if old is not None and (new := _without(paper, old, person)) is not old:
            found[name] = new
    return found


def typed(table: str, column: str, value: Mapping[str, Any]) -> dict[str, Any]:
    """What somebody typed of this case at the top of such a document: what ``changed`` takes away from there."""
    return {name: value[name] for name in PAPERS[table][column].typed if value.get(name)}


def without_person(order: Order) -> Order:
    """A snapshot as it may be kept once its person was erased.

    Nobody knows any more who that was, so it goes by what the snapshot itself calls them, as the erasure went by what
    was kept then; and no free text of it holds an e-mail address, whosever it is.
    """
    paper, person = PAPERS["orders"]["doc"], known(called(order.person), reached(order.person))
    plain = msgspec.to_builtins(msgspec.structs.replace(order, person=None))
    clean = _rewritten(paper, plain, person)
    for place in paper.texts:
        clean = _at(clean, place, _texts(without_addresses))
    return order if clean is plain else msgspec.structs.replace(msgspec.convert(clean, Order), person=order.person)


def _without(paper: Paper, value: Plain, person: Known) -> Plain:
    """The value of a column; the very same where nothing of the person is in it."""
    plain = msgspec.json.decode(value) if paper.text else value
    clean = _rewritten(paper, plain, person)
    if clean is plain:
        return value
    read = msgspec.convert(clean, paper.form)
    return _encode(read).decode() if paper.text else clean


def _rewritten(paper: Paper, value: Plain, person: Known) -> Plain:
    for place in paper.typed:
        value = _at(value, place, _unsaid if place.rpartition(".")[2] == _WHY else _gone)
    for place in paper.texts:
        value = _at(value, place, _texts(person.out_of))
    for place in paper.codes:
        value = _at(value, place, _texts(person.addresses_out_of))
    return value


def _at(value: Plain, place: str, change: Change) -> Plain:
    """The value with what stands at a place changed; what becomes None is left out. What stays is the very same."""
    if not place:
        return change(value)
    if isinstance(value, list | tuple):
        return _each(value, partial(_at, place=place, change=change))
    name, _, rest = place.partition(".")
    old = value.get(name) if isinstance(value, dict) else None
    if old is None or (new := _at(old, rest, change)) is old:
        return value
    return {key: part for key, part in value.items() if key != name} if new is None else {**value, name: new}


def _each(values: Sequence[Plain], change: Change) -> Plain:
    parts = [change(one) for one in values]
    return values if all(new is old for new, old in zip(parts, values, strict=True)) else parts


def _texts(change: Callable[[str], str]) -> Change:
    """The change of a text, or of each text of a list."""
    return lambda value: change(value) if isinstance(value, str) else _each(value, change)


def _gone(_value: Plain) -> None:
    """Nothing."""


def _unsaid(why: str) -> str:
    return why if why in WHY or not why else ""
