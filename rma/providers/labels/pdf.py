"""Writes pages of marks as one PDF whose bytes depend on the marks alone."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from io import BytesIO
from itertools import groupby
from threading import Lock

from reportlab import rl_config
from reportlab.lib.utils import ImageReader
from reportlab.pdfgen.canvas import Canvas

from rma.providers.labels import text
from rma.providers.labels.marks import Code, Page, Region, Text

rl_config.useA85 = 0  # streams stay binary: the text armour of old takes a quarter of the time and of the bytes

_lock = Lock()
"""A font face keeps a reading position while it is embedded, so that two documents at once would mix their letters."""


def write(pages: Sequence[Page], *, title: str, lang: str) -> bytes:
    """The pages as a PDF 1.3 with its fonts embedded, fixed dates and no trace of machine or time."""
    for font in (text.REGULAR, text.BOLD):
        text.face(font)
    out = BytesIO()
    with _lock:
        canvas = Canvas(out, invariant=1, pageCompression=1, initialFontName=text.REGULAR, lang=lang)
        canvas.setTitle(title)
        canvas.setAuthor("RMA engine")
        canvas.setCreator("RMA engine")
        for page in pages:
            _page(canvas, page)
        canvas.save()
    return out.getvalue()


def _page(canvas: Canvas, page: Page) -> None:
    canvas.setPageSize((page.width, page.height))
    canvas.addLiteral("\n".join((*_fills(page.fills), *map(_code, page.codes))))
    for picture in page.pictures:
        at = picture.region
        canvas.drawImage(ImageReader(BytesIO(picture.data)), at.x, at.y, at.w, at.h, preserveAspectRatio=True)
    for white, texts in groupby(sorted(page.texts, key=_ink_first), key=lambda mark: mark.white):
        _texts(canvas, texts, gray=1 if white else 0)
    canvas.showPage()


def _ink_first(mark: Text) -> tuple[bool, str, float]:
    """Order in which colour, font and size change least."""
    return mark.white, mark.font, mark.size


def _texts(canvas: Canvas, texts: Iterable[Text], *, gray: int) -> None:
    writer = canvas.beginText()
    writer.setFillGray(gray)
    for mark in texts:
        writer.setFont(mark.font, mark.size)
        writer.setTextOrigin(mark.x, mark.y)
        writer._textOut(mark.value)  # noqa: SLF001 - without the width, to go on behind it: no mark does
    canvas.drawText(writer)


def _fills(regions: Sequence[Region]) -> list[str]:
    return [*(f"{r.x:.3f} {r.y:.3f} {r.w:.3f} {r.h:.3f} re" for r in regions), "f"] if regions else []


def _code(code: Code) -> str:
    """The code's path, scaled from modules to its region."""
    across = code.region.w / code.path.modules
    up = code.region.h / (code.path.modules if code.kind == "qr" else 1)
    return f"q {across:.6f} 0 0 {up:.6f} {code.region.x:.4f} {code.region.y:.4f} cm\n{code.path.operators}\nQ"
