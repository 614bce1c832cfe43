"""Declarations of withdrawal: what may be typed, what is the same, which units are meant; limits and the beat."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from rma.domain.texts import text, wishes
from rma.domain.verdict import Why
from rma.domain.withdrawals import (
    Declaration,
    DeclaredLine,
    Left,
    Room,
    Units,
    checked,
    fingerprint,
    order_number,
    plan,
)
from rma.errors import Invalid, RateLimited
from rma.services import pace
from rma.services.limits import Limiter, Rate, places

OVER = Why(rule="window", code="over", text=text(tr="Geçti", en="Over", de="Vorbei"))


def typed(**changes: Any) -> Declaration:
    """A declaration of Ayşe's."""
    base = {"name": "Ayşe Yılmaz", "order_number": "1001", "electronic_address": "ayse@example.com"}
    return Declaration(**{**base, **changes})


def some(*lines: tuple[str, int]) -> tuple[DeclaredLine, ...]:
    """Lines by article number and quantity."""
    return tuple(DeclaredLine(sku=sku, quantity=quantity) for sku, quantity in lines)


@pytest.mark.parametrize(
    ("changes", "path", "code"),
    [
        ({"name": " \t "}, "name", "required"),
        ({"name": "Ayşe\x00"}, "name", "character"),
        ({"name": "Ayşe\nBcc: x@example.com"}, "name", "character"),
        ({"name": "Ayşe\u202eemanon"}, "name", "character"),
        ({"name": "\ud800"}, "name", "character"),
        ({"order_number": "10\x07"}, "order_number", "character"),
        ({"electronic_address": "ayse@example.com\r\nBcc: x@example.com"}, "electronic_address", "character"),
        ({"electronic_address": "ayse@example.com, x@example.com"}, "electronic_address", "not_an_address"),
        ({"electronic_address": "Ayşe <ayse@example.com>"}, "electronic_address", "not_an_address"),
        ({"electronic_address": "0555 111 22 33"}, "electronic_address", "not_an_address"),
        ({"statement": "eski\x1bmetin"}, "statement", "character"),
        ({"lines": (DeclaredLine(quantity=1),)}, "lines[0]", "line_or_sku"),
        ({"lines": (DeclaredLine(quantity=1, line="1", sku="A"),)}, "lines[0]", "line_or_sku"),
        ({"lines": (*some(("A", 1)), *some(("B\x00", 1)))}, "lines[1]", "character"),
    ],
)
def test_what_cannot_be_right_is_named(changes: dict[str, Any], path: str, code: str) -> None:
    """Control characters, turned text, second addresses and lines that name nothing are refused at their field."""
    with pytest.raises(Invalid) as caught:
        checked(typed(**changes))
    assert [(error.path, error.code) for error in caught.value.errors] == [(path, code)]


def test_three_entries_are_enough() -> None:
    """Neither a reason nor a line is needed; what is blank is not there, and blanks around a text fall away."""
    found = checked(typed(name="  Ayşe ", statement=" \r\n ", lines=()))
    assert found == typed(name="Ayşe")
    assert checked(typed(statement="a\r\nb\tc")).statement == "a\nb\tc"


def test_the_same_content_has_one_fingerprint() -> None:
    """The order of lines, capitals in the address, the sign before the number and forms of accents change nothing."""
    one = typed(lines=some(("A", 1), ("B", 2)), name="Ayşe")
    same = typed(
        lines=some(("B", 2), ("A", 1)), name="Ays\u0327e", electronic_address="AYSE@example.com", order_number="#1001"
    )
    assert fingerprint(one) == fingerprint(same)
    others: list[dict[str, Any]] = [{"statement": "x"}, {"name": "Ayşe Y."}, {"order_number": "1002"}]
    others += [{"lines": some(("A", 1), *more)} for more in ((), (("C", 2),), (("B", 3),))]
    for changes in others:
        assert fingerprint(typed(**{"lines": one.lines, "name": "Ayşe", **changes})) != fingerprint(one)
    assert (order_number(typed(order_number="# 12")), order_number(typed(order_number="#"))) == ("12", "#")


def room(line: str, most: int, *, sku: str = "A", name: str = "", refused: bool = False) -> Room:
    """An order line with so many units that could be filed."""
    return Room(order_line_id=line, sku=sku, name=name, most=most, refused=(OVER,) if refused else ())


@pytest.mark.parametrize(
    ("lines", "rooms", "units", "left"),
    [
        (None, [room("1", 3), room("2", 0)], [("1", 3)], []),
        (None, [room("1", 3), room("2", 2, refused=True)], [("1", 3)], [("refused", 2)]),
        (None, [room("1", 3, refused=True)], [("1", 3)], []),
        (None, [room("1", 0)], [], []),
        (some(("A", 2)), [room("1", 3), room("2", 3, sku="B")], [("1", 2)], []),
        (some(("A", 4)), [room("1", 3), room("2", 3)], [("1", 3), ("2", 1)], []),
        (some(("A", 9)), [room("1", 3), room("2", 3)], [("1", 3), ("2", 3)], [("none_left", 3)]),
        (some(("A", 2), ("A", 2)), [room("1", 3)], [("1", 3)], [("none_left", 1)]),
        (some(("Z", 1), ("A", 1)), [room("1", 3)], [("1", 1)], [("unknown_line", 1)]),
        (some(("a", 1)), [room("1", 3), room("2", 3, sku="a")], [("2", 1)], []),
        (some(("kirmizi  İĞNE", 1)), [room("1", 3), room("2", 3, name="Kırmızı iğne")], [("2", 1)], []),
        ((DeclaredLine(line="2", quantity=1),), [room("1", 3), room("2", 3)], [("2", 1)], []),
    ],
)
def test_which_units_are_meant(
    lines: Any, rooms: list[Room], units: list[tuple[str, int]], left: list[tuple[str, int]]
) -> None:
    """The whole order or the named lines, as far as they go; the rest is kept with the reason, never lost."""
    filed, rest = plan(typed(lines=lines), rooms)
    assert list(filed) == [Units(order_line_id=line, quantity=quantity) for line, quantity in units]
    assert [(one.code, one.quantity) for one in rest] == left


def test_a_refused_line_keeps_its_reasons() -> None:
    """Staff sees why a line was not filed, in every language."""
    _, left = plan(typed(), [room("1", 1), room("2", 2, sku="B", refused=True)])
    assert left == (Left(code="refused", quantity=2, line="2", sku="B", reasons=(OVER,)),)


class _Clock:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_a_bucket_is_emptied_and_fills_again() -> None:
    """A burst is let through, then one each so many seconds; the refusal says when; the clock going back gives none."""
    clock = _Clock()
    limiter = Limiter({"address": Rate(2, 10)}, clock=clock)
    limiter.take(address="a")
    limiter.take(address="a")
    with pytest.raises(RateLimited) as caught:
        limiter.take(address="a")
    assert caught.value.retry_after == 10
    limiter.take(address="b")
    clock.now += 4
    with pytest.raises(RateLimited) as caught:
        limiter.take(address="a")
    assert caught.value.retry_after == 6
    clock.now += 6
    limiter.take(address="a")
    clock.now -= 50
    with pytest.raises(RateLimited):
        limiter.take(address="a")
    clock.now += 5000
    limiter.take(address="a")
    limiter.take(address="a")
    with pytest.raises(RateLimited):
        limiter.take(address="a")


def test_all_buckets_or_none() -> None:
    """Where one bucket is empty nothing is taken from the others."""
    limiter = Limiter({"address": Rate(1, 10), "network": Rate(2, 60)}, clock=_Clock())
    limiter.take(address="a", network="n")
    for _ in range(3):
        with pytest.raises(RateLimited):
            limiter.take(address="a", network="n")
    limiter.take(address="b", network="n")
    with pytest.raises(RateLimited) as caught:
        limiter.take(address="c", network="n")
    assert caught.value.retry_after == 60


def test_memory_is_bounded() -> None:
    """However many addresses come, so many buckets are kept: the one not used for longest is forgotten."""
    limiter = Limiter({"address": Rate(1, 10)}, clock=_Clock(), most=3)
    for name in "abcde":
        limiter.take(address=name)
    assert len(limiter) == 3
    limiter.take(address="a")
    with pytest.raises(RateLimited):
        limiter.take(address="e")


@pytest.mark.parametrize(
    ("client", "address", "network"),
    [
        ("203.0.113.77", "203.0.113.77", "203.0.113.0/24"),
        ("::ffff:203.0.113.77", "203.0.113.77", "203.0.113.0/24"),
        ("2001:db8:1:2:3::4", "2001:db8:1:2:3::4", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::1", "fe80::/64"),
        ("testclient", "testclient", "testclient"),
        ("", "", ""),
    ],
)
def test_an_address_and_its_network(client: str, address: str, network: str) -> None:
    """IPv4 counts by /24, IPv6 by /64 and /48, and one inside the other as itself."""
    found = places(client)
    sites = {"2001:db8:1:2:3::4": "2001:db8:1::/48", "fe80::1": "fe80::/48"}
    assert found.pop("site", None) == sites.get(address)
    assert found == {"address": address, "network": network}


@pytest.mark.parametrize(
    ("elapsed", "beat", "left"), [(0.0, 0.25, 0.25), (0.1, 0.25, 0.15), (0.25, 0.25, 0.0), (0.3, 0.25, 0.2), (9, 0, 0)]
)
def test_answers_leave_on_the_beat(elapsed: float, beat: float, left: float) -> None:
    """Whatever was done, the answer waits for the next whole beat."""
    assert pace.rest(elapsed, beat) == pytest.approx(left)


def test_a_refusal_waits_like_an_answer() -> None:
    """An act's answer and its error come through unchanged."""

    async def answers() -> int:
        return 7

    async def refuses() -> int:
        raise Invalid("no")

    assert asyncio.run(pace.evenly(answers(), 0.0)) == 7
    with pytest.raises(Invalid):
        asyncio.run(pace.evenly(refuses(), 0.0))


@pytest.mark.parametrize(
    ("header", "found"),
    [
        ("fr-CH, de;q=0.9, en;q=0.8, *;q=0.5", ("fr", "de", "en")),
        ("en;q=0.1,tr", ("tr", "en")),
        ("de-DE,de;q=0.9,en;q=0", ("de",)),
        (";;;,\x00,x" * 30, ()),
    ],
)
def test_which_languages_a_reader_likes(header: str, found: tuple[str, ...]) -> None:
    """By weight, then by place; what cannot be read is left out."""
    assert wishes(header) == found
