"""An account number as ISO 13616 writes it: letters and digits that prove themselves, before any money goes there."""

from __future__ import annotations

import re

from rma.errors import FieldError

_SHAPE = re.compile(r"[A-Z]{2}\d{2}[A-Z0-9]{11,30}")
_LENGTHS = {
    "AE": 23, "AT": 20, "AZ": 28, "BE": 16, "BG": 22, "CH": 21, "CY": 28, "CZ": 24, "DE": 22, "DK": 18, "EE": 20,
    "ES": 24, "FI": 18, "FR": 27, "GB": 22, "GR": 27, "HR": 21, "HU": 28, "IE": 22, "IT": 27, "KW": 30, "LT": 20,
    "LU": 20, "LV": 21, "MT": 31, "NL": 18, "NO": 15, "PL": 28, "PT": 25, "RO": 24, "SA": 24, "SE": 24, "SI": 19,
    "SK": 24, "TR": 26,
}  # fmt: skip
"""How long an IBAN of these countries is; for others the checksum alone decides."""


def written(text: str) -> str:
    """The IBAN as machines write it: capitals, no blanks."""
    return "".join(text.split()).upper()


def is_iban(text: str) -> bool:
    """Whether this is an IBAN of the right length whose checksum is right (ISO 7064 MOD 97-10); blanks do not count."""
    plain = written(text)
    if _SHAPE.fullmatch(plain) is None or len(plain) != _LENGTHS.get(plain[:2], len(plain)):
        return False
    digits = "".join(str(int(char, 36)) for char in plain[4:] + plain[:4])
    return int(digits) % 97 == 1


def faults(path: str, text: str) -> list[FieldError]:
    """What is wrong with an IBAN that somebody sent, named by its path; nothing where it is right."""
    if is_iban(text):
        return []
    return [FieldError(path, "iban", "This is no IBAN: its length or its check digits are wrong.")]
