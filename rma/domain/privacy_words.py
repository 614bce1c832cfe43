"""What calls a person: their names, addresses and numbers, and texts without them.

Names are compared word by word, in capitals or not, by the Turkish and by the plain rule of i and I, without marks
(Ayse is Ayşe), German letters in both spellings (Mueller is Müller). A word of three letters is looked for by itself,
a shorter one next to another word of the names; digits are no name. An e-mail address is compared as it stands, in
capitals or not; a telephone number by its digits, with or without what leads from abroad or from another town.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from rma.domain.order import Person

ERASED = "erased"
_LEAST = 3
"""Letters of a word that is a name by itself."""
_LOCAL = 7
"""Digits of a telephone number without what leads to its town."""
_ABROAD = 3
"""Digits that lead to a country."""
_PARTS = 8
"""Groups of digits in which a telephone number is written at most."""
_MARKS = "\u0300-\u036f\u0591-\u05c7\u0610-\u061a\u064b-\u065f\u0670"
_MARK = re.compile(f"[{_MARKS}]+")
_WORD = re.compile(rf"(?:[^\W\d_][{_MARKS}]*)+")
_BETWEEN = re.compile(r"[\s,]*")
"""What may stand between two words of a name that go together."""
_ADDRESS = re.compile(r"[^\s@<>()\[\],;:\"]+@[^\s@<>()\[\],;:\"]+")
_PART = re.compile(r"[+(]*\d+")
_NUMBER = re.compile(r"[+(]*\d+(?:[\s().\-/\u2010-\u2015]{0,3}\d+)*")
_PLAIN = str.maketrans({"ı": "i", "ø": "o", "ł": "l", "đ": "d", "ð": "d", "æ": "ae", "œ": "oe", "þ": "th"})
_GERMAN = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue"})
Span = tuple[int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What calls one person: words of names, folded, ``short`` ones apart; addresses; digits of telephone numbers."""

    words: frozenset[str] = frozenset()
    short: frozenset[str] = frozenset()
    addresses: frozenset[str] = frozenset()
    numbers: frozenset[str] = frozenset()

    def out_of(self, text: str) -> str:
        """The text with ``erased`` in place of this person; the very same text where they are not in it."""
        plain = unicodedata.normalize("NFC", text)
        clean = self._unaddressed(plain)
        clean = _cut(clean, self._numbered(clean))
        clean = _cut(clean, self._named(clean))
        return text if clean == plain else clean

    def addresses_out_of(self, text: str) -> str:
        """The same for a code, where a word or a number means something else but an address is theirs."""
        plain = unicodedata.normalize("NFC", text)
        clean = self._unaddressed(plain)
        return text if clean == plain else clean

    def _unaddressed(self, text: str) -> str:
        if "@" not in text or not self.addresses:
            return text
        either = "|".join(re.escape(one) for one in sorted(self.addresses, key=len, reverse=True))
        return re.sub(rf"(?<![^\W_])(?:{either})(?![^\W_])", ERASED, text, flags=re.IGNORECASE)

    def _named(self, text: str) -> Iterator[Span]:
        """Where words of the names stand."""
        if not (self.words or self.short):
            return
        found = list(_WORD.finditer(text))
        folded = ["", *(_fold(one[0]) for one in found), ""]
        for at, one in enumerate(found):
            before, word, after = folded[at : at + 3]
            if word in self.words or (word in self.short and self._holds((before, after), but=word)):
                yield one.span()

    def _holds(self, words: Sequence[str], *, but: str) -> bool:
        return any(word != but and (word in self.words or word in self.short) for word in words)

    def _numbered(self, text: str) -> Iterator[Span]:
        """Where a number of theirs stands, in one group of digits or in several."""
        for run in _NUMBER.finditer(text) if self.numbers else ():
            parts = list(_PART.finditer(text, *run.span()))
            first = 0
            while first < len(parts):
                ends = range(min(first + _PARTS, len(parts)), first, -1)
                end = next((n for n in ends if self._is_number("".join(one[0] for one in parts[first:n]))), None)
                if end is not None:
                    yield parts[first].start(), parts[end - 1].end()
                first = end or first + 1

    def _is_number(self, text: str) -> bool:
        digits = _digits(text)
        return len(digits) >= _LOCAL and any(
            one.endswith(digits) or (digits.endswith(one) and len(digits) - len(one) <= _ABROAD) for one in self.numbers
        )


def known(names: Iterable[str | None], reached: Iterable[str | None]) -> Known:
    """What to look for: how the person is called, and the addresses and numbers by which they are reached."""
    texts = [unicodedata.normalize("NFC", one) for one in names if one]
    ways = [unicodedata.normalize("NFC", one).strip() for one in reached if one]
    words = {spelt for text in texts for word in _WORD.findall(_ADDRESS.sub(" ", text)) for spelt in _spellings(word)}
    addresses = {one for text in (*texts, *ways) for one in _ADDRESS.findall(text)} | {
        one for one in ways if "@" in one
    }
    numbers = {digits for one in ways if "@" not in one and len(digits := _digits(one)) >= _LOCAL}
    long = frozenset(word for word in words if len(word) >= _LEAST)
    return Known(words=long, short=frozenset(words - long), addresses=frozenset(addresses), numbers=frozenset(numbers))


def called(person: Person | None) -> Iterator[str | None]:
    """The names that an order has for its person."""
    if person is not None:
        yield from (person.name, person.ship_to.name if person.ship_to else None)


def reached(person: Person | None) -> Iterator[str | None]:
    """The addresses and numbers that an order has of its person."""
    if person is not None:
        yield from (person.email, person.phone, person.ship_to.phone if person.ship_to else None)


def without_addresses(text: str) -> str:
    """The text without any e-mail address, whosever it is."""
    return _ADDRESS.sub(ERASED, text) if "@" in text else text


def _fold(word: str) -> str:
    """The word as it is compared: small, plain letters without marks."""
    small = word.casefold()
    if small.isascii():
        return small
    return _MARK.sub("", unicodedata.normalize("NFKD", small.translate(_PLAIN)))


def _spellings(word: str) -> set[str]:
    return {_fold(word), _fold(word.casefold().translate(_GERMAN))}


def _cut(text: str, spans: Iterator[Span]) -> str:
    """The text with one ``erased`` for each run of these places."""
    parts: list[str] = []
    end = 0
    for start, stop in spans:
        if not (parts and _BETWEEN.fullmatch(text, end, start)):
            parts += [text[end:start], ERASED]
        end = stop
    return "".join((*parts, text[end:])) if parts else text


def _digits(text: str) -> str:
    """The digits of a number without zeros that only lead there."""
    return "".join(char for char in text if char.isdecimal()).lstrip("0")
