"""The receipt of a withdrawal: the whole content as it was typed, the date and the time, on as many pages as needed."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from zoneinfo import ZoneInfo

from babel.dates import format_date, format_datetime

from rma.domain.papers import WithdrawalReceipt
from rma.providers.labels import text
from rma.providers.labels.marks import MM, Page, Region, Style
from rma.providers.labels.sheet import CAPTION, RULE
from rma.providers.labels.words import both, english, local

_BODY = 10.5
_LINE = _BODY * text.LEADING
_GAP = 3 * MM
_HEAD = 30 * MM
_WHEN = 20 * MM
_FOOT = 14 * MM


def pages(width: float, height: float, receipt: WithdrawalReceipt) -> list[Page]:
    """The pages; a part that is too long for one goes on on the next, and nothing is shortened."""
    made: list[Page] = []
    area = _start(made, width, height, receipt)
    for key, value in _parts(receipt):
        if area.h < 2 * _LINE + _GAP:
            area = _start(made, width, height, receipt)
        caption, area = area.top(_LINE)
        made[-1].text(caption, both(key, receipt.locale), CAPTION)
        for line in _wrapped(value, width=area.w):
            if area.h < _LINE:
                area = _start(made, width, height, receipt)
            row, area = area.top(_LINE)
            made[-1].text(row, line, Style(largest=_BODY, smallest=_BODY))
        area = area.top(_GAP)[1]
    for number, page in enumerate(made, start=1):
        _foot(page, receipt, f"{local('page', receipt.locale)} {number} / {len(made)}")
    return made


def _start(made: list[Page], width: float, height: float, receipt: WithdrawalReceipt) -> Region:
    """A new page with its heading; the first one says when."""
    page = Page(width=width, height=height)
    made.append(page)
    area = page.region.inset(20 * MM, 18 * MM).bottom(height - 36 * MM)[0]
    area = area.bottom(_FOOT)[1]
    head, area = area.top(_HEAD)
    _heading(page, head, receipt)
    if len(made) == 1:
        when, area = area.top(_WHEN)
        _when(page, when, receipt)
    return area


def _heading(page: Page, head: Region, receipt: WithdrawalReceipt) -> None:
    row, rest = head.top(11 * MM)
    page.text(row, local("withdrawal_receipt", receipt.locale), Style(font=text.BOLD, largest=20, smallest=12))
    row, rest = rest.top(6 * MM)
    page.text(row, english("withdrawal_receipt", receipt.locale), Style(largest=10, smallest=7))
    row, rest = rest.top(7 * MM)
    page.text(row, receipt.store_name, Style(font=text.BOLD, largest=12, smallest=8))
    page.fill(rest.top(RULE)[0])


def _when(page: Page, row: Region, receipt: WithdrawalReceipt) -> None:
    caption, rest = row.top(_LINE)
    page.text(caption, both("declared_on", receipt.locale), CAPTION)
    words, rest = rest.top(8 * MM)
    page.text(words, _moment(receipt), Style(font=text.BOLD, largest=14, smallest=9))
    page.text(rest, _local(receipt).isoformat(timespec="seconds"), Style(largest=8.5, smallest=6))


def _foot(page: Page, receipt: WithdrawalReceipt, numbered: str) -> None:
    area = page.region.inset(20 * MM, 18 * MM).bottom(_FOOT)[0]
    page.fill(area.top(RULE)[0])
    area = area.top(2 * MM)[1]
    number, words = area.right(25 * MM)
    page.text(number, numbered, Style(largest=8, align="right"))
    took = page.text(words, local("receipt_note", receipt.locale), Style(largest=8, smallest=6, lines=2))
    page.text(words.top(took)[1], english("receipt_note", receipt.locale), Style(largest=7, smallest=5.5, lines=2))


def _parts(receipt: WithdrawalReceipt) -> Iterator[tuple[str, str]]:
    typed, locale = receipt.content, receipt.locale
    yield "name", typed.name
    yield "order", typed.order_number
    yield "electronic_address", typed.electronic_address
    named = ((one.quantity, one.sku or f"{local('line', locale)} {one.line}") for one in typed.lines or ())
    lines = [f"{quantity} × {name}" for quantity, name in named]
    yield "withdrawn", "\n".join(lines) or both("whole_order", locale)
    if typed.statement:
        yield "statement", typed.statement


def _wrapped(value: str, *, width: float) -> Iterator[str]:
    """Every line of the text in lines no wider than ``width``, broken within a word only where a word is wider."""
    for typed in value.split("\n"):
        line = ""
        for word in text.clean(typed).split():
            joined = f"{line} {word}" if line else word
            if _fits(joined, width):
                line = joined
                continue
            if line:
                yield line
            line = word
            while not _fits(line, width):
                head = next(n for n in range(len(line) - 1, 0, -1) if n == 1 or _fits(line[:n], width))
                yield line[:head]
                line = line[head:]
        yield line


def _fits(line: str, width: float) -> bool:
    return text.ems(line, text.REGULAR) * _BODY <= width


def _local(receipt: WithdrawalReceipt) -> datetime:
    return receipt.declared_at.astimezone(ZoneInfo(receipt.timezone))


def _moment(receipt: WithdrawalReceipt) -> str:
    at = _local(receipt)
    clock = format_datetime(at, "HH:mm:ss (ZZZZ)", tzinfo=at.tzinfo, locale=receipt.locale)
    return f"{format_date(at.date(), 'long', locale=receipt.locale)}, {clock}"
