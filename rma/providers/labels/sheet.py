"""What the papers on A4 share: the heading with the RMA number, numbered sections, boxes and squares to tick."""

from __future__ import annotations

from collections.abc import Sequence

from rma.providers.labels.marks import MM, Page, Region, Style
from rma.providers.labels.text import BOLD
from rma.providers.labels.words import both, english, local

RULE = 0.6
CAPTION = Style(largest=6.5, smallest=5)
_CODE = 75 * MM
_TITLE = 6.5 * MM
_GAP = 2 * MM
_SQUARE = 3.6 * MM


def heading(page: Page, head: Region, *, key: str, locale: str, rma_number: str) -> None:
    """The title on the left, the RMA number with its code on the right."""
    code, words = head.right(_CODE)
    title, rest = words.top(10 * MM)
    page.text(title, local(key, locale), Style(font=BOLD, largest=20, smallest=12, middle=True))
    page.text(rest.top(5 * MM)[0], english(key, locale), Style(largest=10, smallest=7))
    bars, number = code.top(11 * MM)
    page.bars(bars.inset(0, 1), rma_number)
    style = Style(font=BOLD, largest=11, smallest=7, align="center")
    page.text(number.top(5 * MM)[0], rma_number, style)
    page.text(number.top(8.2 * MM)[0].bottom(3 * MM)[0], both("rma", locale), _centred(CAPTION))


def section(page: Page, area: Region, *, number: int, key: str, locale: str, height: float) -> tuple[Region, Region]:
    """A numbered title and under it a body of this height; answers the body and what is left of the area."""
    title, rest = area.top(_GAP + _TITLE)
    title = title.bottom(_TITLE)[0]
    square, words = title.left(5 * MM)
    square = square.top(5 * MM)[0]
    page.fill(square)
    page.text(square, str(number), Style(font=BOLD, largest=10, align="center", middle=True, white=True))
    words = words.top(5 * MM)[0].right(words.w - 2 * MM)[0]
    page.text(words, local(key, locale), Style(font=BOLD, largest=11, smallest=7, middle=True))
    page.text(words, english(key, locale), Style(largest=8, smallest=6, align="right", middle=True))
    body, rest = rest.top(height)
    return body, rest


def box(page: Page, cell: Region, caption: str, value: str) -> None:
    """A framed cell with a small caption and its value, or room to write it."""
    page.frame(cell, RULE)
    inner = cell.inset(1.5 * MM, 1 * MM)
    small, inner = inner.top(2.8 * MM)
    page.text(small, caption, CAPTION)
    page.text(inner, value, Style(font=BOLD, largest=9.5, smallest=5.5, lines=1, middle=True))


def ticks(page: Page, body: Region, keys: Sequence[str], *, locale: str, columns: int) -> None:
    """Squares to tick, row by row, each with its words in the store's language and in English."""
    rows = -(-len(keys) // columns)
    for index, key in enumerate(keys):
        row = body.top(body.h * (index // columns + 1) / rows)[0].bottom(body.h / rows)[0]
        cell = row.left(body.w * (index % columns + 1) / columns)[0].right(body.w / columns)[0]
        square, words = cell.left(_SQUARE + 2 * MM)
        square = square.left(_SQUARE)[0]
        page.frame(square.inset(0, (square.h - _SQUARE) / 2), 0.8)
        second = english(key, locale)
        if second:
            lower, words = words.bottom(words.h * 0.42)
            page.text(lower, second, Style(largest=7, smallest=5))
            words = words.bottom(words.h * 0.92)[0]
        page.text(words, local(key, locale), Style(largest=9, smallest=6, middle=True))


def _centred(style: Style) -> Style:
    return Style(largest=style.largest, smallest=style.smallest, align="center")
