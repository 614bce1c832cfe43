"""Money as integers: currencies of ISO 4217, decimal text in and out, rounding, and fair spreading.

Every amount is a whole number of minor units of one currency. No float is ever made, and no rate of exchange is known.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

import msgspec

from rma.errors import FieldError, Invalid

LARGEST = 10**15
"""No amount of minor units may reach this: sums of many lines still fit a 64-bit column."""

_BY_PLACES = {
    0: "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF",
    2: """AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BGN BMD BND BOB BOV BRL BSD BTN BWP BYN BZD CAD CDF CHE CHF
    CHW CNY COP COU CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF
    IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN
    MXV MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS
    SRD SSP STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD USN UYU UZS VES VED WST XCD XCG YER ZAR ZMW
    ZWG""",
    3: "BHD IQD JOD KWD LYD OMR TND",
    4: "CLF UYW",
}
_PLACES = {code: places for places, codes in _BY_PLACES.items() for code in codes.split()}
_DECIMAL = re.compile(r"(-?)(0|[1-9][0-9]{0,14})(?:\.([0-9]{1,12}))?", re.ASCII)

Rate = tuple[int, int]
"""A share of one as ``(numerator, denominator)``: 20 % is ``(20, 100)``."""


class Money(msgspec.Struct, frozen=True, gc=False):
    """An amount in minor units of one currency: ``Money(9667, "TRY")`` is 96.67 lira."""

    amount: int
    currency: str

    def wire(self) -> dict[str, str]:
        """The form of the HTTP contract: a decimal text with the currency's own places."""
        return wire(self.amount, self.currency)


def is_currency(code: str) -> bool:
    """Whether the code is a currency of ISO 4217 that things can be sold in."""
    return code in _PLACES


def exponent(currency: str, *, path: str = "currency") -> int:
    """Decimal places of a currency by ISO 4217, not by locale display data (law.md MON-12). Unknown is ``Invalid``."""
    places = _PLACES.get(currency)
    if places is None:
        raise Invalid.field(path, "currency", f"{currency!r} is not a currency of ISO 4217")
    return places


def half_up(numerator: int, denominator: int) -> int:
    """The whole number nearest to ``numerator / denominator``; a half goes away from zero. The denominator is > 0."""
    if numerator < 0:
        return -((-2 * numerator + denominator) // (2 * denominator))
    return (2 * numerator + denominator) // (2 * denominator)


@lru_cache(maxsize=8192)
def decimal_parts(text: str) -> tuple[int, int] | None:
    """A decimal text as ``(digits, places)`` with the sign on the digits, or None when it is no plain decimal."""
    match = _DECIMAL.fullmatch(text)
    if match is None:
        return None
    sign, whole, fraction = match.group(1), match.group(2), match.group(3) or ""
    digits = int(whole + fraction)
    return (-digits if sign else digits, len(fraction))


def fault_of(text: str, currency: str, *, negative: bool = False, loose: bool = False) -> tuple[str, str] | None:
    """What is wrong with an amount, as ``(code, message)``; ``loose`` allows more places than the currency has."""
    parts = decimal_parts(text)
    if parts is None:
        return ("decimal", f"{text[:40]!r} is not a decimal text such as '96.67'")
    digits, places = parts
    wanted = exponent(currency)
    if places != wanted and not (loose and places > wanted):
        return ("decimals", f"{currency} has {wanted} decimal places, {text[:40]!r} has {places}")
    if digits < 0 and not negative:
        return ("negative", "an amount cannot be negative here")
    if abs(digits) >= LARGEST * 10 ** (places - wanted):
        return ("too_large", "the amount is too large")
    return None


def parse_amount(text: object, currency: str, *, path: str = "amount", negative: bool = False) -> int:
    """Minor units of a decimal text with exactly the currency's places. Anything else is ``Invalid`` at ``path``."""
    if not isinstance(text, str):
        raise Invalid.field(path, "type", "an amount is a decimal text such as '96.67'")
    fault = fault_of(text, currency, negative=negative)
    if fault:
        raise Invalid.field(path, *fault)
    return (decimal_parts(text) or (0, 0))[0]


def parse_money(value: object, currency: str, *, path: str, negative: bool = False) -> int:
    """Minor units of ``{"amount": "96.67", "currency": "TRY"}``. Another currency, field or form is ``Invalid``."""
    if not isinstance(value, dict) or set(value) != {"amount", "currency"}:
        raise Invalid.field(path, "type", 'money is {"amount": "96.67", "currency": "TRY"}')
    errors = []
    if value["currency"] != currency:
        errors.append(FieldError(f"{path}.currency", "currency", f"the currency must be {currency}"))
    amount = 0
    try:
        amount = parse_amount(value["amount"], currency, path=f"{path}.amount", negative=negative)
    except Invalid as fault:
        errors.extend(fault.errors)
    if errors:
        raise Invalid(errors[0].message, errors=errors)
    return amount


def rounded(text: str, currency: str) -> int:
    """Minor units of a decimal text that may carry more places, half up. The text was checked before."""
    digits, places = decimal_parts(text) or (0, 0)
    return half_up(digits * 10 ** exponent(currency), 10**places)


def format_amount(minor: int, currency: str) -> str:
    """The decimal text of minor units with the currency's own places: ``-5`` kuruş is ``-0.05``."""
    places = exponent(currency)
    if not places:
        return str(minor)
    digits = f"{minor:0{places + 1 + (minor < 0)}}"
    return f"{digits[:-places]}.{digits[-places:]}"


def wire(minor: int, currency: str) -> dict[str, str]:
    """The form of the HTTP contract for an amount of minor units."""
    return {"amount": format_amount(minor, currency), "currency": currency}


@lru_cache(maxsize=1024)
def rate(text: str) -> Rate:
    """A percentage text as a fraction of one: ``"8.875"`` is ``(8875, 100000)``. ``ValueError`` when it is none."""
    parts = decimal_parts(text)
    if parts is None or parts[0] < 0:
        message = f"{text[:40]!r} is not a percentage such as '20' or '8.875'"
        raise ValueError(message)
    return (parts[0], 100 * 10 ** parts[1])


def percent(text: object, *, path: str, most: int = 100) -> Rate:
    """A percentage from 0 to ``most`` as a fraction of one. Anything else is ``Invalid`` at ``path``."""
    if not isinstance(text, str):
        raise Invalid.field(path, "type", "a percentage is a decimal text such as '20'")
    try:
        found = rate(text)
    except ValueError as fault:
        raise Invalid.field(path, "percent", str(fault)) from None
    if found[0] * 100 > most * found[1]:
        raise Invalid.field(path, "percent", f"a percentage above {most} is not possible here")
    return found


def share(amount: int, percentage: str) -> int:
    """That percentage of an amount, half up."""
    numerator, denominator = rate(percentage)
    return half_up(amount * numerator, denominator)


def tax_inside(gross: int, percentage: str) -> int:
    """The tax that a tax-inclusive amount holds: ``gross × r / (100 + r)``, half up (law.md MON-3)."""
    numerator, denominator = rate(percentage)
    return half_up(gross * numerator, denominator + numerator)


def tax_on(net: int, percentage: str) -> int:
    """The tax that comes on top of a net amount, half up."""
    return share(net, percentage)


def spread(total: int, weights: Sequence[int], *, caps: Sequence[int] | None = None) -> list[int]:
    """Shares of a total (>= 0) by largest remainder, ties to the earlier; they add up to the total (law.md MON-1).

    With ``caps`` no share goes above its own; what a capped one cannot take is spread over the others again, and the
    shares add up to less only when every cap is reached. Weights that are all zero count as equal.
    """
    if caps is None:
        return _largest_remainder(total, weights)
    result = [0] * len(weights)
    rest, room = min(total, sum(caps)), list(range(len(weights)))
    while rest > 0:
        room = [i for i in room if result[i] < caps[i]]
        for i, part in zip(room, _largest_remainder(rest, [weights[i] for i in room]), strict=True):
            given = min(part, caps[i] - result[i])
            result[i] += given
            rest -= given
    return result


def _largest_remainder(total: int, weights: Sequence[int]) -> list[int]:
    """Whole shares by largest remainder; all-zero weights count as equal."""
    whole = sum(weights)
    if not whole:
        weights, whole = [1] * len(weights), len(weights)
    if not whole:
        return []
    shares = [total * weight // whole for weight in weights]
    order = sorted(range(len(weights)), key=lambda i: (-(total * weights[i] % whole), i))
    for i in order[: total - sum(shares)]:
        shares[i] += 1
    return shares
