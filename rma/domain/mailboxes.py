"""When two e-mail addresses are one: the rule by which a person is looked up, compared and told apart."""

from __future__ import annotations

import unicodedata


def search_form(address: str) -> str:
    """The spelling that is kept to look an address up: composed letters, no capitals, no space around it."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", address).strip().lower())


def spellings(address: str) -> tuple[str, ...]:
    """How rows may hold it, the newest way first: older ones kept the letters and their marks as they were sent."""
    plain = search_form(address)
    return tuple(dict.fromkeys((plain, unicodedata.normalize("NFD", plain), address.strip().lower())))


def same(one: str, other: str) -> bool:
    """Whether both are the same mailbox."""
    return search_form(one) == search_form(other)
