"""Text that always fits: it shrinks, then wraps, and is cut with an ellipsis only when both are used up.

Sizes and widths are in points. Widths are the font's own advance widths, which is what a PDF viewer uses too.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from functools import cache, lru_cache
from threading import Lock

import font_roboto
import msgspec
from reportlab.lib.rl_accel import fp_str
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont, TTFontFace

REGULAR = "Roboto"
BOLD = "Roboto-Bold"
ASCENT = 0.95
"""Height of the tallest letters (İ, Ğ, Ö) over the base line, in em."""
DESCENT = 0.24
"""Depth of the deepest (ş, ç, g) under it, in em."""
LEADING = ASCENT + DESCENT
ELLIPSIS = "…"
_STEP = 0.5
_MISSING = "\ufffd"
_ONE_LINE = 0.75
"""One line is better than several as long as it keeps this share of their size."""
_loading = Lock()


class Fitted(msgspec.Struct, frozen=True):
    """Lines of text and the size at which they fit."""

    size: float
    lines: tuple[str, ...]


class Face(msgspec.Struct, frozen=True):
    """What laying out needs of a font: advance widths in 1/1000 em by code point."""

    widths: dict[int, float]


@cache
def face(name: str) -> Face:
    """The font, loaded and registered once in a process. Only the letters used are embedded in a PDF."""
    with _loading:
        if name not in pdfmetrics.getRegisteredFontNames():
            path = font_roboto.font_files[name.replace("-", "")]
            pdfmetrics.registerFont(TTFont(name, path, asciiReadable=False))
        loaded = pdfmetrics.getFont(name).face
        loaded.getCharWidth = _written_widths(loaded)
    return Face(widths={code: loaded.charWidths.get(code, loaded.defaultWidth) for code in loaded.charToGlyph})


def _written_widths(loaded: TTFontFace) -> Callable[[int], bytes]:
    """What a PDF says of a letter's width. Only what embeds a font asks for it, each time for all of its letters."""
    widths, other = loaded.charWidths, loaded.defaultWidth
    return cache(lambda code: fp_str(widths.get(code, other)).encode())


@lru_cache(maxsize=4096)
def clean(text: str) -> str:
    """One line of composed letters; control characters are spaces, letters that the font lacks are shown as missing."""
    glyphs = face(REGULAR).widths
    composed = unicodedata.normalize("NFC", text)
    shown = (" " if not char.isprintable() else char if ord(char) in glyphs else _MISSING for char in composed)
    return " ".join("".join(shown).split())


@lru_cache(maxsize=16384)
def ems(text: str, font: str) -> float:
    """Width in em."""
    widths = face(font).widths
    return sum(widths[ord(char)] for char in text) / 1000


@lru_cache(maxsize=8192)
def fit(text: str, font: str, *, width: float, height: float, largest: float, smallest: float, lines: int) -> Fitted:
    """The largest size in steps of half a point at which the text takes at most ``lines`` lines in width and height.

    A little smaller on one line is better than large on several. At the smallest size what is too long is cut with an
    ellipsis. Cleans the text first; no text gives no lines.
    """
    text = clean(text)
    space = _Space(width=width, height=height, smallest=smallest)
    best = _largest(text, font, space=space, largest=largest, lines=lines)
    if best is None:
        rows = max(1, min(lines, int(height / (smallest * LEADING))))
        return Fitted(smallest, _cut(text, font, limit=width / smallest, rows=rows))
    if len(best.lines) > 1:
        single = _largest(text, font, space=space, largest=largest, lines=1)
        if single is not None and single.size >= _ONE_LINE * best.size:
            return single
    return best


class _Space(msgspec.Struct, frozen=True, kw_only=True):
    width: float
    height: float
    smallest: float


def _largest(text: str, font: str, *, space: _Space, largest: float, lines: int) -> Fitted | None:
    """Whole words at the largest size; nothing when even the smallest is too large."""
    size = largest
    if lines == 1:
        size = min(largest, int(space.width / max(ems(text, font), 0.01) / _STEP) * _STEP)
    while size >= space.smallest:
        rows = min(lines, int(space.height / (size * LEADING)))
        wrapped = _wrap(text, font, limit=space.width / size, most=rows)
        if wrapped is not None:
            return Fitted(size, wrapped)
        size -= _STEP
    return None


def _wrap(text: str, font: str, *, limit: float, most: int) -> tuple[str, ...] | None:
    """Lines of whole words no wider than ``limit`` em; nothing when that needs more than ``most``."""
    if most < 1:
        return None
    lines: list[str] = []
    for word in text.split():
        joined = f"{lines[-1]} {word}" if lines else word
        if lines and ems(joined, font) <= limit:
            lines[-1] = joined
        elif ems(word, font) <= limit and len(lines) < most:
            lines.append(word)
        else:
            return None
    return tuple(lines)


def _cut(text: str, font: str, *, limit: float, rows: int) -> tuple[str, ...]:
    """Exactly as much as ``rows`` lines hold: broken between words where possible, within a word where not."""
    lines: list[str] = []
    rest = text
    while rest and len(lines) < rows - 1:
        head = _head(rest, font, limit=limit)
        space = head.rfind(" ") if len(head) < len(rest) and rest[len(head)] != " " else -1
        head = head[:space] if space > 0 else head
        lines.append(head.rstrip())
        rest = rest[len(head) :].lstrip()
    if rest:
        lines.append(rest if ems(rest, font) <= limit else _shortened(rest, font, limit=limit))
    return tuple(lines)


def _shortened(text: str, font: str, *, limit: float) -> str:
    return _head(text, font, limit=limit - ems(ELLIPSIS, font)).rstrip() + ELLIPSIS


def _head(text: str, font: str, *, limit: float) -> str:
    """The longest beginning that is no wider than ``limit`` em; at least one letter."""
    used = 0.0
    for index, char in enumerate(text):
        used += ems(char, font)
        if used > limit:
            return text[: max(index, 1)]
    return text
