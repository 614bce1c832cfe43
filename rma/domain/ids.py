"""Names of things: prefixed sortable ids, RMA numbers for people, secrets. Time and randomness are passed in."""

from __future__ import annotations

import hashlib

_CROCKFORD = "0123456789abcdefghjkmnpqrstvwxyz"
_PAIRS = [a + b for a in _CROCKFORD for b in _CROCKFORD]
_PEOPLE = "23456789ABCDEFGHJKMNPQRSTVWXYZ"  # no 0 O 1 I L U
RMA_BODY = 9
RANDOM_BYTES = 10
_HALF = 1 << 19


def new_id(prefix: str, at_ms: int, rand: bytes) -> str:
    """``ret_01jd…``: 48 bits of milliseconds, then 80 random bits, in Crockford's base 32; sorts by time.

    ``rand`` is ``RANDOM_BYTES`` long.
    """
    number = (at_ms << 80 | int.from_bytes(rand[:RANDOM_BYTES], "big")) & (1 << 130) - 1
    parts = [_PAIRS[number >> shift & 1023] for shift in range(120, -1, -10)]
    return f"{prefix}_{''.join(parts)}"


class Block:
    """Ids of one moment that sort in the order in which they are made: their last 20 bits count up.

    ``rand`` is ``RANDOM_BYTES`` long; 79 bits of it are used, so two blocks of one millisecond never meet.
    """

    def __init__(self, at_ms: int, rand: bytes) -> None:
        first = new_id("", at_ms, rand)[1:]
        self._head, self._next = first[:-4], int.from_bytes(rand[-3:], "big") & _HALF - 1

    @property
    def left(self) -> int:
        """How many ids are left: half a million at least in a new block."""
        return 2 * _HALF - self._next

    def new_id(self, prefix: str) -> str:
        """The next id, as ``new_id`` makes them. ``IndexError`` when none is left."""
        number = self._next
        self._next = number + 1
        return f"{prefix}_{self._head}{_PAIRS[number >> 10]}{_PAIRS[number & 1023]}"


def rma_number(rand: bytes) -> str:
    """An RMA number for people: nine random characters without look-alikes and a check character, ``K7QM-2XWB-9D``.

    30^9 values, so it cannot be guessed by counting; it never authenticates anybody. ``rand`` is at least 8 bytes.
    """
    number = int.from_bytes(rand[:8], "big")
    body = ""
    for _ in range(RMA_BODY):
        number, digit = divmod(number, len(_PEOPLE))
        body += _PEOPLE[digit]
    whole = body + _check(body)
    return f"{whole[:4]}-{whole[4:8]}-{whole[8:]}"


def read_rma_number(text: str) -> str | None:
    """The RMA number in its one spelling, or None if the text is none (length, letters or check character)."""
    plain = text.strip().upper().replace("-", "").replace(" ", "")
    if len(plain) != RMA_BODY + 1 or any(c not in _PEOPLE for c in plain) or _check(plain[:-1]) != plain[-1]:
        return None
    return f"{plain[:4]}-{plain[4:8]}-{plain[8:]}"


def secret_hash(secret: str) -> str:
    """What is stored of a secret of 128 random bits or more. Such secrets need no slow hash: they cannot be guessed."""
    return hashlib.sha256(secret.encode()).hexdigest()


def _check(body: str) -> str:
    """Luhn mod N over the alphabet: finds every single wrong character and most swaps of neighbours."""
    size, total, factor = len(_PEOPLE), 0, 2
    for char in reversed(body):
        addend = factor * _PEOPLE.index(char)
        total += addend // size + addend % size
        factor = 3 - factor
    return _PEOPLE[-total % size]
