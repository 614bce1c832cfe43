"""A small picture that stands for the customer's photo of the damage."""

from __future__ import annotations

import io
from functools import lru_cache

from PIL import Image, ImageDraw

from rma.demo import chance

_SIZE = (320, 240)
_COLOURS = ("#8d5524", "#35524a", "#5c415d", "#7d4e57")


@lru_cache(maxsize=64)
def photo(about: str) -> bytes:
    """A JPEG of a parcel with a crack; the same for the same ``about``."""
    image = Image.new("RGB", _SIZE, "#dddddd")
    draw = ImageDraw.Draw(image)
    draw.rectangle((40, 40, 280, 200), fill=chance.pick(_COLOURS, about), outline="#222222", width=3)
    left = 60 + chance.percent(about)
    draw.line(((left, 40), (left + 30, 100), (left + 10, 140), (left + 50, 200)), fill="#111111", width=4)
    out = io.BytesIO()
    image.save(out, "JPEG", quality=70)
    return out.getvalue()
