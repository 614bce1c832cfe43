"""Amounts and percentages as a reader writes them, by the data of the Unicode CLDR (Babel), in mails and on pages."""

from __future__ import annotations

import copy
import re
from decimal import Decimal
from typing import Final

from babel import Locale

from rma.domain.money import Money, exponent
from rma.domain.texts import LANGUAGES, Text

_REGION: Final = {"en": "en_GB"}
_BESIDE: Final = re.compile(r"(?<=[^\W\d_])(?=\d)|(?<=\d)(?=[^\W\d_])")
"""Between a letter and a digit: the CLDR wants a space where a currency is written in letters, Babel leaves it out."""


def reader(language: str) -> Locale:
    """The conventions by which a language of ours is written."""
    return Locale.parse(_REGION.get(language, language))


def write_money(amount: Money, locale: Locale) -> str:
    """The amount with its currency, in the places of ISO 4217: CLDR would show whole dinars (law.md MON-12)."""
    places = exponent(amount.currency)
    pattern = copy.copy(locale.currency_formats["standard"])
    pattern.frac_prec = (places, places)
    written: str = pattern.apply(
        Decimal(amount.amount).scaleb(-places), locale, currency=amount.currency, currency_digits=False
    )
    return _BESIDE.sub("\N{NO-BREAK SPACE}", written)


def told_money(amount: int, currency: str) -> Text:
    """An amount in minor units as a text in every language of ours."""
    return {language: write_money(Money(amount, currency), reader(language)) for language in LANGUAGES}


def write_percent(percent: str, locale: Locale) -> str:
    """A percentage such as ``"8.875"`` with all its places and the sign where the reader puts it: ``%10``, ``10 %``."""
    share = Decimal(percent).scaleb(-2)
    pattern = copy.copy(locale.percent_formats[None])
    pattern.frac_prec = (0, max(0, -int(Decimal(percent).as_tuple().exponent)))
    return str(pattern.apply(share, locale))
