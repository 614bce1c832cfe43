"""The packing slip: what belongs in the parcel, with a code for the return and one for each line."""

from __future__ import annotations

import msgspec

from rma.domain.labels import LabelJob, PackLine
from rma.providers.labels.marks import MM, Page, Region, Style
from rma.providers.labels.text import BOLD
from rma.providers.labels.words import both, english, local

_RULE = 0.6
_HEAD = 30 * MM
_WIDE_ROW = 15 * MM
_TALL_ROW = 23 * MM
_WIDE = 150 * MM
_CODE = 60 * MM
_FACT = Style(largest=7, smallest=5)
_QUANTITY = Style(font=BOLD, largest=14, smallest=6, middle=True)


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """A page of a slip: the index of its first line, its number and of how many."""

    first: int
    number: int
    of: int


def room(area: Region) -> int:
    """How many lines a slip in this region holds."""
    return int((area.h - _HEAD) / _row_height(area))


def parts(area: Region, job: LabelJob) -> list[Part]:
    """The pages that a job's lines need; one even without lines."""
    each = room(area)
    starts = range(0, max(len(job.lines), 1), each)
    return [Part(first=first, number=number, of=len(starts)) for number, first in enumerate(starts, start=1)]


def page(page: Page, area: Region, job: LabelJob, *, part: Part) -> None:
    """One page of the slip. Where it is the only one and lines are left over, its last row says how many."""
    head, rest = area.top(_HEAD)
    _head(page, head, job, part=part)
    each = room(area)
    lines = job.lines[part.first : part.first + each]
    left_over = len(job.lines) - part.first - len(lines) if part.of == part.number else 0
    for line in lines[: each - 1] if left_over else lines:
        row, rest = rest.top(_row_height(area))
        rule, row = row.top(_RULE)
        page.fill(rule)
        _line(page, row.inset(0, 1.2 * MM), line)
    rule, rest = rest.top(_RULE)
    page.fill(rule)
    if left_over:
        _more(page, rest.inset(0, 1 * MM), count=left_over + 1, locale=job.locale)


def plain_lines(page: Page, area: Region, job: LabelJob) -> None:
    """Quantity, name and sku of each line without codes; what finds no room is counted in the last row."""
    tallest, lowest = 7 * MM, 4.6 * MM
    fits = int(area.h / lowest)
    shown = job.lines if len(job.lines) <= fits else job.lines[: fits - 1]
    rows = len(shown) + (len(shown) < len(job.lines))
    height = min(tallest, area.h / max(rows, 1))
    for line in shown:
        row, area = area.top(height)
        quantity, row = row.left(8 * MM)
        sku, name = row.right(row.w * 0.32)
        page.text(
            quantity.left(quantity.w - 3)[0],
            f"{line.quantity} ×",
            Style(font=BOLD, largest=10, smallest=5, middle=True),
        )
        page.text(name.left(name.w - 4)[0], line.name, Style(largest=9, smallest=6.5, lines=2, middle=True))
        page.text(sku, line.sku, Style(largest=7.5, smallest=5, align="right", middle=True))
    if len(shown) < len(job.lines):
        _more(page, area.top(height)[0], count=len(job.lines) - len(shown), locale=job.locale)


def _row_height(area: Region) -> float:
    return _WIDE_ROW if area.w >= _WIDE else _TALL_ROW


def _more(page: Page, region: Region, *, count: int, locale: str) -> None:
    page.text(region, f"+ {count} {both('more', locale)}", Style(font=BOLD, largest=8, smallest=6))


def _head(page: Page, head: Region, job: LabelJob, *, part: Part) -> None:
    """Store and title on the left, the RMA number with its code on the right."""
    code, who = head.right(max(head.w / 2, _CODE))
    who = who.left(who.w - 2 * MM)[0]
    title, rest = who.top(8 * MM)
    page.text(title, local("slip", job.locale), Style(font=BOLD, largest=15, smallest=8, middle=True))
    second, rest = rest.top(4 * MM)
    page.text(second, english("slip", job.locale), Style(largest=8, smallest=5))
    for value, style in (
        (job.store_name, Style(font=BOLD, largest=9, smallest=6)),
        (_fact("from", job.sender.name, job), _FACT),
        (_fact("order", job.order_number, job), _FACT),
        (_fact("page", f"{part.number} / {part.of}", job), _FACT),
    ):
        row, rest = rest.top(3.8 * MM)
        page.text(row, value, style)
    caption, code = code.top(3 * MM)
    page.text(caption, both("rma", job.locale), Style(largest=6.5, smallest=5, align="center"))
    bars, code = code.top(14 * MM)
    page.bars(bars.inset(0, 1), job.rma_number)
    number = code.top(7 * MM)[0]
    page.text(number, job.rma_number, Style(font=BOLD, largest=14, smallest=7, align="center", middle=True))


def _fact(key: str, value: str, job: LabelJob) -> str:
    return f"{both(key, job.locale)}: {value}" if value else ""


def _line(page: Page, row: Region, line: PackLine) -> None:
    """Wide paper shows words and code beside each other, narrow paper one above the other."""
    if row.w >= _WIDE:
        code, words = row.right(80 * MM)
    else:
        code, words = row.bottom(row.h * 0.53)
    quantity, words = words.left(13 * MM)
    page.text(quantity.left(quantity.w - 4)[0], f"{line.quantity} ×", _QUANTITY)
    sku, name = words.bottom(words.h * 0.38)
    page.text(name, line.name, Style(font=BOLD, largest=9.5, smallest=6, lines=2, middle=True))
    page.text(sku, line.sku, Style(largest=7.5, smallest=5, middle=True))
    number, bars = code.bottom(9)
    page.bars(bars.top(bars.h - 2)[0] if row.w >= _WIDE else bars.inset(0, 1), line.line_code, most=3)
    page.text(number, line.line_code, Style(largest=7, smallest=5, align="center", middle=True))
