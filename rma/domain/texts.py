"""Texts for people in the languages of the project, and dates as a reader of that language writes them."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from datetime import date

Text = dict[str, str]
"""One text in several languages: language code to words."""

LANGUAGES = ("tr", "en", "de")
"""The languages that every text of ours has."""

_UNSEEN = frozenset({"Cc", "Cf", "Cn", "Me", "Mn", "Zl", "Zp", "Zs"})
_FILLERS = frozenset("\u115f\u1160\u2800\u3164\uffa0")
"""Letters and signs by their category that are written as nothing."""
_MOST_WISHES = 20
_CODE = re.compile(r"[a-z]{2,3}")
_WEIGHT = re.compile(r"[01](\.\d{0,3})?")
_MONTHS = {
    "tr": "Ocak,Şubat,Mart,Nisan,Mayıs,Haziran,Temmuz,Ağustos,Eylül,Ekim,Kasım,Aralık",
    "en": "January,February,March,April,May,June,July,August,September,October,November,December",
    "de": "Januar,Februar,März,April,Mai,Juni,Juli,August,September,Oktober,November,Dezember",
}


def text(*, tr: str, en: str, de: str) -> Text:
    """One text in all our languages: leaving one out is an error before anything runs."""
    return {"tr": tr, "en": en, "de": de}


def say(words: Mapping[str, str], language: str, fallback: str = "en") -> str:
    """The words in that language (``tr-TR`` reads as ``tr``), else in the fallback, else in English, else in any.

    An empty mapping gives an empty string.
    """
    for wanted in (language, language.partition("-")[0].lower(), fallback, "en"):
        if wanted in words:
            return words[wanted]
    return next(iter(words.values()), "")


def is_blank(words: str) -> bool:
    """Whether a text shows nothing: spaces, breaks, fillers, and marks that belong to a letter which is not there."""
    return all(sign in _FILLERS or unicodedata.category(sign) in _UNSEEN for sign in words)


def capital(words: str, language: str) -> str:
    """The words with a capital first letter as that language writes it: ``istisna`` is ``İstisna`` in Turkish."""
    first = "İ" if language == "tr" and words.startswith("i") else words[:1].upper()
    return first + words[1:]


def long_date(day: date, language: str) -> str:
    """The day as a reader of the language writes it: ``5 Kasım 2026``, ``5 November 2026``, ``5. November 2026``.

    Another language reads as English.
    """
    months = _MONTHS.get(language, _MONTHS["en"]).split(",")
    dot = "." if language == "de" else ""
    return f"{day.day}{dot} {months[day.month - 1]} {day.year}"


def wishes(header: str) -> tuple[str, ...]:
    """The languages of an ``Accept-Language`` header, the best liked first; what cannot be read is left out."""
    found = []
    for place, part in enumerate(header.split(",")[:_MOST_WISHES]):
        tag, _, rest = part.strip().partition(";")
        weight = rest.partition("q=")[2].strip() or "1"
        code = tag.strip().partition("-")[0].lower()
        if _CODE.fullmatch(code) and _WEIGHT.fullmatch(weight) and float(weight) > 0:
            found.append((-float(weight), place, code))
    return tuple(dict.fromkeys(code for _, _, code in sorted(found)))


class _Number(int):
    """A number in a sentence: ``{count}`` as it is, ``{count:file|files}`` as the word that goes with it."""

    def __format__(self, spec: str) -> str:
        one, several, more = spec.partition("|")
        return (one if self == 1 else more) if several else super().__format__(spec)


def fill(sentence: str, language: str, values: Mapping[str, date | int | str | Text]) -> str:
    """The sentence with its ``{names}`` filled in: days and texts in that language, words after their number."""
    return sentence.format_map({name: _written(value, language) for name, value in values.items()})


def _written(value: date | int | str | Text, language: str) -> int | str:
    if isinstance(value, date):
        return long_date(value, language)
    if isinstance(value, dict):
        return say(value, language)
    return _Number(value) if isinstance(value, int) else value


def filled(words: Mapping[str, str], **values: date | int | str | Text) -> Text:
    """The text with its ``{names}`` filled in, in every language."""
    return {language: fill(sentence, language, values) for language, sentence in words.items()}
