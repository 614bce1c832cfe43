"""The marks on a page and the regions they are set in.

A region is only ever split into parts that do not overlap, and text never leaves its region: nothing on a page
overlaps.
All lengths are points (1/72 inch), the origin is the lower left corner of the page.
"""

from __future__ import annotations

from math import ceil
from typing import Literal

import msgspec

from rma.providers.labels import codes, text

MM = 72 / 25.4
DOT = 72 / 203
"""One dot of a 203 dpi label printer; codes are made of whole dots and start on one."""
_BAR_DOTS = 2
_BAR_DOTS_MOST = 4
_QR_DOTS = 2
_QR_DOTS_MOST = 6
_HAIR = 1e-6

Align = Literal["left", "center", "right"]


class Region(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A rectangle. The four cuts answer the cut piece and what is left."""

    x: float
    y: float
    w: float
    h: float

    def top(self, h: float) -> tuple[Region, Region]:
        """Cut ``h`` off the top."""
        rest = self.h - h
        return Region(x=self.x, y=self.y + rest, w=self.w, h=h), Region(x=self.x, y=self.y, w=self.w, h=rest)

    def bottom(self, h: float) -> tuple[Region, Region]:
        """Cut ``h`` off the bottom."""
        rest, piece = self.top(self.h - h)
        return piece, rest

    def left(self, w: float) -> tuple[Region, Region]:
        """Cut ``w`` off the left."""
        rest = self.w - w
        return Region(x=self.x, y=self.y, w=w, h=self.h), Region(x=self.x + w, y=self.y, w=rest, h=self.h)

    def right(self, w: float) -> tuple[Region, Region]:
        """Cut ``w`` off the right."""
        rest, piece = self.left(self.w - w)
        return piece, rest

    def inset(self, dx: float, dy: float) -> Region:
        """The same with a margin left and right, above and below."""
        return Region(x=self.x + dx, y=self.y + dy, w=self.w - 2 * dx, h=self.h - 2 * dy)

    def overlaps(self, other: Region) -> bool:
        """Whether the two share more than an edge."""
        return (
            self.x + _HAIR < other.x + other.w
            and other.x + _HAIR < self.x + self.w
            and self.y + _HAIR < other.y + other.h
            and other.y + _HAIR < self.y + self.h
        )

    def holds(self, other: Region) -> bool:
        """Whether the other lies inside."""
        return (
            self.x - _HAIR <= other.x
            and self.y - _HAIR <= other.y
            and other.x + other.w <= self.x + self.w + _HAIR
            and other.y + other.h <= self.y + self.h + _HAIR
        )


class Style(msgspec.Struct, frozen=True, kw_only=True):
    """How a text is set: font, the sizes between which it may shrink, how many lines it may take, where it stands."""

    font: str = text.REGULAR
    largest: float = 8
    smallest: float = 6
    lines: int = 1
    align: Align = "left"
    middle: bool = False
    white: bool = False


class Text(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One line of text; ``y`` is its base line."""

    x: float
    y: float
    width: float
    size: float
    font: str
    white: bool
    value: str

    @property
    def ink(self) -> Region:
        """What the line can cover: from the deepest to the tallest letter of the font."""
        return Region(
            x=self.x, y=self.y - text.DESCENT * self.size, w=self.width, h=(text.DESCENT + text.ASCENT) * self.size
        )


class Code(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A Code 128 or QR code; the region is its dark part, without the quiet zone that is kept free around it."""

    kind: Literal["code128", "qr"]
    value: str
    region: Region
    free: Region
    path: codes.Path


class Picture(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A JPEG, set so that all of it is seen and nothing is stretched."""

    region: Region
    data: bytes


class Page:
    """Collects the marks of one page; each method sets something inside the region it is given."""

    def __init__(self, *, width: float, height: float) -> None:
        self.width = width
        self.height = height
        self.fills: list[Region] = []
        self.texts: list[Text] = []
        self.codes: list[Code] = []
        self.pictures: list[Picture] = []

    @property
    def region(self) -> Region:
        """The whole page."""
        return Region(x=0, y=0, w=self.width, h=self.height)

    def fill(self, region: Region) -> None:
        """Black."""
        self.fills.append(region)

    def frame(self, region: Region, thick: float) -> None:
        """A border inside the region."""
        inner = region.inset(0, thick)
        self.fills += (region.top(thick)[0], region.bottom(thick)[0], inner.left(thick)[0], inner.right(thick)[0])

    def text(self, region: Region, value: str, style: Style) -> float:
        """Set a text at the top (or in the middle) of the region; answers the height that it took."""
        font = style.font
        fitted = text.fit(
            value,
            font,
            width=region.w,
            height=region.h,
            largest=style.largest,
            smallest=style.smallest,
            lines=style.lines,
        )
        line_height = fitted.size * text.LEADING
        took = line_height * len(fitted.lines)
        y = region.y + region.h - text.ASCENT * fitted.size - (max(region.h - took, 0) / 2 if style.middle else 0)
        for line in fitted.lines:
            width = text.ems(line, font) * fitted.size
            x = region.x + {"left": 0.0, "center": 0.5, "right": 1.0}[style.align] * (region.w - width)
            self.texts.append(Text(x=x, y=y, width=width, size=fitted.size, font=font, white=style.white, value=line))
            y -= line_height
        return took

    def picture(self, region: Region, data: bytes) -> None:
        """Set a JPEG as large as the region holds it, in its middle."""
        self.pictures.append(Picture(region=region, data=data))

    def bars(self, region: Region, value: str, *, align: Align = "center", most: int = _BAR_DOTS_MOST) -> None:
        """Code 128 as high as the region, with the widest bars of whole dots (up to ``most``) that it holds."""
        path = codes.bars(value)
        total = path.modules + 2 * codes.BAR_QUIET
        module = _dots(region.w, modules=total, least=_BAR_DOTS, most=most) * DOT
        x = region.x + {"left": 0.0, "center": 0.5, "right": 1.0}[align] * max(region.w - total * module, 0)
        quiet = codes.BAR_QUIET * module
        dark = Region(x=_on_dot(x + quiet), y=region.y, w=path.modules * module, h=region.h)
        self.codes.append(Code(kind="code128", value=value, region=dark, free=dark.inset(-quiet, 0), path=path))

    def matrix(self, region: Region, value: str) -> None:
        """QR code in the middle of the region, with the largest modules of whole dots that it holds."""
        path = codes.matrix(value)
        total = path.modules + 2 * codes.QR_QUIET
        module = _dots(min(region.w, region.h), modules=total, least=_QR_DOTS, most=_QR_DOTS_MOST) * DOT
        side = path.modules * module
        x, y = _on_dot(region.x + (region.w - side) / 2), _on_dot(region.y + (region.h - side) / 2)
        dark = Region(x=x, y=y, w=side, h=side)
        quiet = codes.QR_QUIET * module
        self.codes.append(Code(kind="qr", value=value, region=dark, free=dark.inset(-quiet, -quiet), path=path))


def _dots(width: float, *, modules: int, least: int, most: int) -> int:
    """Whole dots a module; one dot of the width is kept for moving the code onto the printer's dots."""
    return max(least, min(most, int((width / DOT - 1) / modules)))


def _on_dot(length: float) -> float:
    return ceil(length / DOT - _HAIR) * DOT
