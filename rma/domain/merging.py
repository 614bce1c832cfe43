"""Merging a later snapshot of an order into the one we hold (api.md, "Merging").

Until the first return is filed a new snapshot simply replaces prices. From then on unit values are frozen: a different
money value or quantity keeps the frozen one and is answered as a conflict, so that the store learns of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Protocol, TypeVar

import msgspec

from rma.domain.money import decimal_parts, half_up
from rma.domain.order import Delivery, Line, Order, Person, Promotion, write_line, write_order
from rma.domain.pricing import Priced
from rma.errors import Invalid, Reason, Refused

_MONEY_OF_LINE = ("quantity", "unit_price", "discount", "tax_rate", "tax")
_FROZEN = ("prices_include_tax", "ordered_at", "shipping", "fees")


class Conflict(msgspec.Struct, frozen=True):
    """A frozen value that a later snapshot gave differently: where, what stays, what was sent (both as on the wire)."""

    path: str
    kept: Any
    sent: Any


class _HasId(Protocol):
    @property
    def id(self) -> str: ...


M = TypeVar("M", bound=_HasId)


def merge(
    old: Order, new: Order, *, frozen: Priced | None, in_returns: Mapping[str, int]
) -> tuple[Order, tuple[Conflict, ...]]:
    """The merged order and what it kept against the new snapshot.

    ``in_returns``: units per line that open or finished returns hold. ``Refused`` (``line_in_return``) when such a line
    is removed or falls below them; ``Invalid`` when the currency of a frozen order changes.
    """
    informed = new.withdrawal_information_given_at or old.withdrawal_information_given_at
    merged = msgspec.structs.replace(
        new,
        **_people(old, new),
        payments=by_id(old.payments, new.payments),
        deliveries=by_id(old.deliveries, new.deliveries),
        promised_by=new.promised_by or old.promised_by,
        withdrawal_information_given_at=informed,
        never_informed=informed is None and (new.never_informed or old.never_informed),
    )
    _refuse_lost_units(old, new, in_returns)
    if frozen is None:
        return merged, ()
    if new.currency != old.currency:
        raise Invalid.field("currency", "currency", f"the order is in {old.currency} and has returns")
    conflicts = (*_line_conflicts(old, new, frozen), *_order_conflicts(old, new), *_promotion_conflicts(old, new))
    kept = {name: getattr(old, name) for name in (*_FROZEN, "points_earned")}
    lines, promotions = _merged_lines(old, new, frozen), _merged_promotions(old, new)
    return msgspec.structs.replace(merged, **kept, lines=lines, promotions=promotions), conflicts


def add_delivery(order: Order, delivery: Delivery) -> Order:
    """The order with one more delivery; the same id replaces what was known of it."""
    return msgspec.structs.replace(order, deliveries=by_id(order.deliveries, (delivery,)))


def by_id(old: Iterable[M], new: Iterable[M]) -> tuple[M, ...]:
    """Both, the newer of one id in the place of the older."""
    return tuple(({one.id: one for one in old} | {one.id: one for one in new}).values())


def _people(old: Order, new: Order) -> dict[str, Any]:
    """Contact data and what we know of the buyer; a snapshot that says nothing of them changes nothing."""
    if new.person not in (None, Person()):
        return {"country": new.country or old.country}
    return {name: getattr(old, name) for name in ("person", "country", "is_business", "groups", "locale")}


def _refuse_lost_units(old: Order, new: Order, in_returns: Mapping[str, int]) -> None:
    ours = {line.id: line.quantity for line in old.lines if line.origin == "replacement"}
    sent = ours | {line.id: line.quantity for line in new.lines}
    text = "line {}: {} units are in returns, {} were sent"
    reasons = [
        Reason("line_in_return", "line_in_return", text.format(line_id, held, sent.get(line_id, 0)))
        for line_id, held in in_returns.items()
        if held > sent.get(line_id, 0)
    ]
    if reasons:
        raise Refused("a line that is in a return was removed or made smaller", reasons=reasons, code="line_in_return")


def _merged_lines(old: Order, new: Order, frozen: Priced) -> tuple[Line, ...]:
    """Frozen lines with their money and the new words for them, then the new lines."""
    sent = {line.id: line for line in new.lines}
    kept = [_frozen_line(line, sent.get(line.id, line)) for line in old.lines if line.id in frozen.lines]
    return (*kept, *(line for line in new.lines if line.id not in frozen.lines))


def _frozen_line(old: Line, sent: Line) -> Line:
    words = {name: getattr(sent, name) for name in ("sku", "name", "category", "tags", "kind", "attributes", "service")}
    return msgspec.structs.replace(old, **words)


def _merged_promotions(old: Order, new: Order) -> tuple[Promotion, ...]:
    added = [one for one in new.promotions if _only_new_lines(one, old)]
    return (*old.promotions, *added)


def _only_new_lines(promotion: Promotion, old: Order) -> bool:
    """Whether a promotion is new and touches only lines that were not there."""
    known = {one.code for one in old.promotions}
    ids = {line.id for line in old.lines}
    return promotion.code not in known and bool(promotion.lines) and ids.isdisjoint(promotion.lines)


def _line_conflicts(old: Order, new: Order, frozen: Priced) -> Iterator[Conflict]:
    places = {line.id: index for index, line in enumerate(new.lines)}
    for line in old.lines:
        if line.id not in frozen.lines or (line.origin == "replacement" and line.id not in places):
            continue
        if line.id not in places:
            yield Conflict(f"lines[id={line.id}]", write_line(line, old.currency), None)
            continue
        kept, sent = write_line(line, old.currency), write_line(new.lines[places[line.id]], new.currency)
        for name in _MONEY_OF_LINE:
            yield from _differences(f"lines[{places[line.id]}].{name}", kept[name], sent[name])


def _order_conflicts(old: Order, new: Order) -> Iterator[Conflict]:
    kept, sent = write_order(old), write_order(new)
    for name in _FROZEN:
        yield from _differences(name, kept[name], sent[name])


def _promotion_conflicts(old: Order, new: Order) -> Iterator[Conflict]:
    kept = {one["code"]: one for one in write_order(old)["promotions"]}
    sent = {one["code"]: (index, one) for index, one in enumerate(write_order(new)["promotions"])}
    for code, promotion in kept.items():
        index, other = sent.get(code, (None, None))
        yield from _differences(f"promotions[{f'code={code}' if index is None else index}]", promotion, other)
    for code, (index, promotion) in sent.items():
        if code not in kept and not _only_new_lines(new.promotions[index], old):
            yield Conflict(f"promotions[{index}]", None, promotion)


def _differences(path: str, kept: object, sent: object) -> Iterator[Conflict]:
    """Where two wire values differ, down to single amounts."""
    if isinstance(kept, dict) and isinstance(sent, dict) and "currency" not in kept:
        for name in kept:
            yield from _differences(f"{path}.{name}", kept[name], sent.get(name))
    elif not _same(kept, sent):
        yield Conflict(path, kept, sent)


def _same(kept: object, sent: object) -> bool:
    """Whether they say the same: ``"20"`` is ``"20.0"``, and so in an amount."""
    if isinstance(kept, dict) and isinstance(sent, dict):
        return kept.keys() == sent.keys() and all(_same(kept[name], sent[name]) for name in kept)
    if isinstance(kept, list) and isinstance(sent, list):
        return len(kept) == len(sent) and all(map(_same, kept, sent))
    if isinstance(kept, str) and isinstance(sent, str):
        return kept == sent or _number(kept) == _number(sent) != None  # noqa: E711
    return kept == sent


def _number(text: str) -> int | None:
    """A decimal text in units of its twelfth place, so that two can be compared."""
    parts = decimal_parts(text)
    return None if parts is None else half_up(parts[0] * 10**12, 10 ** parts[1])
