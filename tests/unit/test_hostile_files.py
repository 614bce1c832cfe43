"""Files made to harm: cut off, bent, two things at once, packed to burst."""

from __future__ import annotations

import random
import zlib
from io import BytesIO

import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from rma.errors import Invalid, UnsupportedMedia
from rma.services import uploads
from tests.support.desk import photo

KINDS = ("JPEG", "PNG", "WEBP", "GIF", "AVIF")


def _read(data: bytes) -> tuple[bytes | None, list[str]]:
    """What is kept of a file, or the fields that its refusal names; any other error is a failure."""
    try:
        return uploads.read(BytesIO(data)).data, []
    except (Invalid, UnsupportedMedia) as refusal:
        return None, [error.path for error in refusal.errors]


@pytest.mark.parametrize("kind", KINDS)
def test_a_bent_photo_is_a_photo_or_a_refusal(kind: str) -> None:
    """Whatever byte is changed or cut off, the file is kept as a clean JPEG or refused at its field, nothing else."""
    whole, dice = photo(kind=kind, size=(32, 24)), random.Random(f"bent {kind}")
    for _ in range(60):
        bent = bytearray(whole[: dice.randrange(1, len(whole) + 1)])
        for _ in range(dice.randrange(4)):
            bent[dice.randrange(len(bent))] = dice.randrange(256)
        kept, named = _read(bytes(bent))
        assert named in ([], ["file"])
        assert kept is None or dict(Image.open(BytesIO(kept)).getexif()) == {}


@pytest.mark.parametrize(
    "tail", [b"<script>alert(1)</script>", b"PK\x03\x04" + bytes(40), b"%PDF-1.4 %%EOF", b"<?php ?>"]
)
@pytest.mark.parametrize("kind", KINDS)
def test_nothing_rides_on_a_photo(kind: str, tail: bytes) -> None:
    """A photo that is a page, an archive or a paper besides is kept as a photo alone."""
    clean = uploads.read(BytesIO(photo(kind=kind) + tail))
    assert tail not in clean.data
    assert clean.data.endswith(b"\xff\xd9")


def test_a_text_in_a_photo_cannot_burst() -> None:
    """A text that unpacks to a hundred megabytes inside a small picture is refused, not unpacked."""
    said = PngInfo()
    said.add_text("Comment", "a" * 100_000_000, zip=True)
    packed = photo(kind="PNG", pnginfo=said)
    assert len(packed) < 200_000
    kept, named = _read(packed)
    assert named in ([], ["file"])
    assert len(kept or b"") < 10_000


def test_a_packed_paper_is_never_opened() -> None:
    """A PDF with two hundred megabytes packed inside is kept as the few bytes that it is."""
    packer = zlib.compressobj(9)
    packed = b"".join(packer.compress(bytes(1_000_000)) for _ in range(200)) + packer.flush()
    paper = b"%PDF-1.7\n1 0 obj<</Filter/FlateDecode>>stream\n" + packed + b"\nendstream endobj\n%%EOF\n"
    assert uploads.read(BytesIO(paper)).data == paper
