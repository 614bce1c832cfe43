"""Words that call a person, and texts without them.

Papers of goods and money are no place for a person, but a shop may have written one there: a name on a mug. Such papers
stay when the person goes, and come again with a later snapshot of the order.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import TypeVar

import msgspec

from rma.domain.order import Order, Person

T = TypeVar("T")
ERASED = "erased"
_LEAST = 2
"""A single letter is nobody."""
_ADDRESS = re.compile(r"[^\s@<>()\[\],;:\"]+@[^\s@<>()\[\],;:\"]+")


def called(person: Person | None) -> Iterator[str | None]:
    """What an order calls its person, and how they say there that they can be reached."""
    if person is not None:
        yield from (person.email, person.name, person.phone)
        yield person.ship_to.name if person.ship_to else None


def pattern(known: Iterable[str | None]) -> re.Pattern[str] | None:
    """What finds these words where they stand as such, in capitals or not; None where there is no word."""
    words = {text for one in known if one and len(text := one.strip()) >= _LEAST}
    longest_first = sorted(sorted(words), key=len, reverse=True)
    found = "|".join(rf"(?<!\w){re.escape(one)}(?!\w)" for one in longest_first)
    return re.compile(found, re.IGNORECASE) if found else None


def without(value: T, words: re.Pattern[str]) -> T:
    """The same value, plain or a struct, with ``erased`` in place of these words in every text."""
    found: object = value
    if isinstance(value, str):
        found = words.sub(ERASED, value)
    elif isinstance(value, dict):
        found = {key: without(part, words) for key, part in value.items()}
    elif isinstance(value, list | tuple):
        found = type(value)(without(part, words) for part in value)
    elif isinstance(value, msgspec.Struct):
        names = value.__struct_fields__
        found = msgspec.structs.replace(value, **{name: without(getattr(value, name), words) for name in names})
    return found  # type: ignore[return-value] # it is of the same kind


def without_person(order: Order) -> Order:
    """A snapshot as it may be kept once its person was erased.

    Nobody knows any more who that was, so it goes by what the snapshot itself calls them, as the erasure went by what
    was kept then; and no name of goods holds an e-mail address, whosever it is.
    """
    words = pattern(called(order.person))
    clean = msgspec.structs.replace(order, person=None)
    clean = clean if words is None else without(clean, words)
    lines = tuple(msgspec.structs.replace(one, name=_ADDRESS.sub(ERASED, one.name)) for one in clean.lines)
    return msgspec.structs.replace(clean, lines=lines, person=order.person)
