"""Code 128 and QR as PDF paths in units of one module, drawn once per value and kept.

Sources: ISO/IEC 15417 (Code 128: quiet zone of 10 modules), ISO/IEC 18004 (QR: quiet zone of 4 modules).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache

import msgspec
import segno
from reportlab.graphics.barcode.code128 import Code128

BAR_QUIET = 10
QR_QUIET = 4
_QR_MASK = 3
"""One fixed mask pattern: choosing the best of eight costs six times as much and readers undo any of them."""


class Path(msgspec.Struct, frozen=True):
    """PDF operators that fill a code's dark modules; ``modules`` wide (quiet zones not counted), y upwards."""

    modules: int
    operators: str


@lru_cache(maxsize=8192)
def bars(value: str) -> Path:
    """Code 128 of printable ASCII, one unit high; pairs of digits take one symbol (set C)."""
    code = Code128(value, quiet=False)
    code.validate()
    code.encode()
    rects: list[str] = []
    x = 0
    for mark in code.decompose():
        width = ord(mark.upper()) - 64
        if mark.isupper():
            rects.append(f"{x} 0 {width} 1 re")
        x += width
    return Path(modules=x, operators="\n".join((*rects, "f")))


@lru_cache(maxsize=2048)
def matrix(link: str) -> Path:
    """QR code of a link with error correction M (15 %), as few rectangles as runs allow."""
    symbol = segno.make_qr(link, error="m", mask=_QR_MASK, boost_error=False)
    rows = symbol.matrix
    size = len(rows)
    rects = (
        f"{start} {size - bottom} {end - start} {bottom - top} re" for start, end, top, bottom in _rectangles(rows)
    )
    return Path(modules=size, operators="\n".join((*rects, "f")))


def _runs(row: Sequence[int]) -> list[tuple[int, int]]:
    """Start and end of each run of dark modules in a row."""
    edges = [x for x, (left, right) in enumerate(zip((0, *row), (*row, 0), strict=True)) if bool(left) != bool(right)]
    return list(zip(edges[::2], edges[1::2], strict=True))


def _rectangles(rows: Sequence[Sequence[int]]) -> Iterator[tuple[int, int, int, int]]:
    """Dark rectangles (start, end, top, bottom); equal runs of neighbouring rows become one: no hairlines between."""
    begun: dict[tuple[int, int], int] = {}
    for y, row in enumerate((*rows, ())):
        now = _runs(row)
        for run in [run for run in begun if run not in now]:
            yield (*run, begun.pop(run), y)
        for run in now:
            begun.setdefault(run, y)
