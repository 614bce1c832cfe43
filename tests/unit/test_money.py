"""Currencies, amounts as text, rounding and spreading."""

from __future__ import annotations

import pytest

from rma.domain.money import (
    Money,
    exponent,
    format_amount,
    half_up,
    is_currency,
    parse_amount,
    parse_money,
    percent,
    rate,
    share,
    spread,
    tax_on,
)
from rma.errors import Invalid


@pytest.mark.parametrize(
    ("text", "currency", "minor"),
    [
        ("96.67", "TRY", 9667),
        ("9899", "JPY", 9899),
        ("1.250", "KWD", 1250),
        ("0.00", "EUR", 0),
        ("1.2345", "CLF", 12345),
    ],
)
def test_amounts_have_the_places_of_their_currency(text: str, currency: str, minor: int) -> None:
    """A decimal text with exactly the currency's places is read and written without loss."""
    assert parse_amount(text, currency) == minor
    assert format_amount(minor, currency) == text
    assert parse_money(Money(minor, currency).wire(), currency, path="total") == minor


@pytest.mark.parametrize(
    ("text", "currency", "code"),
    [
        ("96.6", "TRY", "decimals"),
        ("96", "TRY", "decimals"),
        ("96.670", "TRY", "decimals"),
        ("98.99", "JPY", "decimals"),
        ("-1.00", "TRY", "negative"),
        ("1,00", "TRY", "decimal"),
        ("", "TRY", "decimal"),
        ("1e3", "TRY", "decimal"),
        ("+1.00", "TRY", "decimal"),
        (" 1.00", "TRY", "decimal"),
        ("01.00", "TRY", "decimal"),
        ("١.٠٠", "TRY", "decimal"),
        ("NaN", "TRY", "decimal"),
        ("99999999999999.00", "TRY", "too_large"),
        (1.0, "TRY", "type"),
        (None, "TRY", "type"),
        ("1.00", "QQQ", "currency"),
    ],
)
def test_anything_else_is_refused(text: object, currency: str, code: str) -> None:
    """Other places, signs, forms, types and currencies are refused with a code and the path."""
    with pytest.raises(Invalid) as fault:
        parse_amount(text, currency, path="total.amount")
    assert fault.value.errors[0].code == code


@pytest.mark.parametrize(
    ("value", "paths"),
    [
        ({"amount": "1.00", "currency": "EUR"}, ["fee.currency"]),
        ({"amount": "1", "currency": "EUR"}, ["fee.currency", "fee.amount"]),
        ({"amount": "1.00"}, ["fee"]),
        ({"amount": "1.00", "currency": "TRY", "more": 1}, ["fee"]),
        ("1.00", ["fee"]),
    ],
)
def test_every_fault_of_money_is_named(value: object, paths: list[str]) -> None:
    """Money in another form or currency names every wrong field."""
    with pytest.raises(Invalid) as fault:
        parse_money(value, "TRY", path="fee")
    assert [error.path for error in fault.value.errors] == paths


def test_negative_amounts_where_they_are_meant() -> None:
    """A negative amount is read and written where it is allowed."""
    assert parse_amount("-0.05", "TRY", negative=True) == -5
    assert format_amount(-5, "TRY") == "-0.05"


def test_halves_go_away_from_zero() -> None:
    """A half rounds away from zero on both sides."""
    assert [half_up(n, 2) for n in (-3, -1, 1, 3)] == [-2, -1, 1, 2]
    assert [half_up(n, 4) for n in (-1, 1)] == [0, 0]


def test_places_come_from_iso_4217() -> None:
    """Places are those of ISO 4217, and codes that are no currency are refused."""
    assert [exponent(code) for code in ("TRY", "JPY", "KWD", "IQD", "ISK", "HUF")] == [2, 0, 3, 3, 0, 2]
    assert [is_currency(code) for code in ("GBP", "XTS", "try", "")] == [True, False, False, False]


def test_percentages() -> None:
    """A percentage is exact, and out of bounds or out of form it is refused at its path."""
    assert rate("8.875") == (8875, 100000)
    assert (share(5997, "8.875"), tax_on(1000, "23")) == (532, 230)
    for text in ("105", "-1", "twenty", "", 20, None):
        with pytest.raises(Invalid) as fault:
            percent(text, path="params.percent")
        assert fault.value.errors[0].path == "params.percent"


def test_what_a_capped_share_cannot_take_goes_to_the_others() -> None:
    """With caps, what one share cannot take is spread again, and all caps reached is the end."""
    assert spread(100, [1, 1, 2], caps=[10, 100, 100]) == [10, 30, 60]
    assert spread(100, [1, 1], caps=[10, 20]) == [10, 20]
    assert spread(11, [1, 1, 1], caps=[1, 5, 9]) == [1, 5, 5]
    assert spread(7, [0, 5], caps=[3, 5]) == [2, 5]
