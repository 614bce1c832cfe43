"""Files of strangers: recognised by their bytes, and kept without anything that hides in them."""

from __future__ import annotations

import sys
import zlib
from collections.abc import Iterator
from io import BytesIO
from typing import Any

import pytest
from PIL import Image, ImageCms

from rma.errors import Invalid, TooLarge, UnsupportedMedia
from rma.services import uploads
from tests.support.desk import photo

PDF = b"%PDF-1.7\n1 0 obj\n<</Author (Ada) /Producer (a courier)>>\nendobj\ntrailer<</Info 1 0 R>>\n%%EOF\n"
_ORIENTATION, _GPS = 0x0112, 0x8825


def _kept(data: bytes) -> Image.Image:
    clean = uploads.read(BytesIO(data))
    assert clean.media_type == "image/jpeg"
    return Image.open(BytesIO(clean.data))


def _from_a_phone(kind: str = "JPEG") -> bytes:
    """A photo held upright, 64 × 48 as the sensor saw it, with the place where it was taken."""
    exif = Image.Exif()
    exif[_ORIENTATION] = 6
    exif[_GPS] = {1: "N", 2: (41.0, 0.0, 0.0), 3: "E", 4: (29.0, 0.0, 0.0)}
    more: dict[str, Any] = {"comment": b"secret"} if kind == "JPEG" else {}
    return photo("red", kind, exif=exif.tobytes(), **more)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_a_photo_keeps_how_it_was_held_and_loses_where(kind: str) -> None:
    """The pixels are turned upright; place, comment and every other tag are gone."""
    kept = _kept(_from_a_phone(kind))
    assert kept.size == (48, 64)
    assert dict(kept.getexif()) == {}
    assert not {"exif", "comment", "icc_profile", "xmp"} & set(kept.info)


def test_a_photo_of_an_iphone_is_read() -> None:
    """HEIC becomes a JPEG, upright and without a place."""
    from pillow_heif import register_heif_opener  # noqa: PLC0415 - writing HEIC is asked of this test alone

    register_heif_opener()
    kept = _kept(_from_a_phone("HEIF"))
    assert (kept.size, dict(kept.getexif())) == ((48, 64), {})


@pytest.fixture
def without_heic(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An installation without the extra ``heic``."""
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    uploads._reads_heic.cache_clear()  # noqa: SLF001 - it remembers what is installed, which never changes elsewhere
    yield
    monkeypatch.undo()
    uploads._reads_heic.cache_clear()  # noqa: SLF001 - the same


@pytest.mark.usefixtures("without_heic")
def test_without_the_library_a_heic_photo_is_refused_clearly() -> None:
    """A server that cannot read HEIC says so at the field and asks for JPEG; nothing there promises HEIC."""
    for data, code in ((b"\x00\x00\x00\x18ftypheic" + bytes(20), "heic_not_supported"), (b"MZ", "file_not_supported")):
        with pytest.raises(UnsupportedMedia, match="JPEG") as caught:
            uploads.read(BytesIO(data))
        assert [(error.path, error.code) for error in caught.value.errors] == [("file", code)]
    assert "HEIC" not in caught.value.detail


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "GIF", "AVIF"])
def test_what_is_transparent_becomes_white(kind: str) -> None:
    """A picture with nothing in it is a white one."""
    out = BytesIO()
    Image.new("RGBA", (40, 30), (255, 0, 0, 0)).save(out, kind)
    assert _kept(out.getvalue()).getpixel((5, 5)) == (255, 255, 255)


def test_colours_of_another_space_become_those_of_screens() -> None:
    """A profile is applied and dropped; one that cannot be read is only dropped."""
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    for profile in (srgb, b"nonsense"):
        kept = _kept(photo("red", icc_profile=profile))
        assert kept.getpixel((5, 5)) in {(254, 0, 0), (255, 0, 0)}
        assert "icc_profile" not in kept.info


def test_a_photo_larger_than_anybody_needs_is_scaled_down() -> None:
    """No side of what is kept is longer than the limit; the picture is not stretched."""
    assert _kept(photo(size=(5000, 100))).size == (4096, 82)


def test_the_same_photo_gives_the_same_bytes() -> None:
    """What is kept depends on the file alone, so it can be known by its hash."""
    assert uploads.read(BytesIO(_from_a_phone())) == uploads.read(BytesIO(_from_a_phone()))


def test_a_pdf_is_kept_as_it_is() -> None:
    """Not one byte of a paper is changed, nor what it says of its author: it is a proof only as it was sent."""
    assert uploads.read(BytesIO(PDF)) == uploads.Clean(PDF, "application/pdf")


@pytest.mark.parametrize(
    "data",
    [
        b"", b"GIF", b"<html><script>alert(1)</script></html>", b"MZ\x90\x00", b"PK\x03\x04", b"<svg xmlns=''/>",
        b" %PDF-1.7 %%EOF", b"BM" + bytes(60), b"\x00\x00\x00\x18ftypmp42" + bytes(20),
    ],
)  # fmt: skip
def test_what_is_no_photo_and_no_pdf_is_not_taken(data: bytes) -> None:
    """Pages, programs, archives, drawings and films are refused, whatever they are called."""
    with pytest.raises(UnsupportedMedia) as caught:
        uploads.read(BytesIO(data))
    assert caught.value.code == "file_not_supported"


@pytest.mark.parametrize(
    "data",
    [photo()[:300], photo(kind="PNG")[:60], b"\xff\xd8\xff<script>", b"%PDF-1.7 and no end", b"GIF89a" + bytes(9)],
)
def test_a_broken_file_is_named_as_such(data: bytes) -> None:
    """A file that begins well and breaks off is refused at its field."""
    with pytest.raises(Invalid) as caught:
        uploads.read(BytesIO(data))
    assert [(error.path, error.code) for error in caught.value.errors] == [("file", "unreadable")]


@pytest.mark.parametrize("side", [8_001, 13_000, 40_000])
def test_a_small_file_cannot_claim_much_memory(side: int) -> None:
    """A picture of too many pixels is refused by its header, before it is decoded."""
    with pytest.raises(Invalid) as caught:
        uploads.read(BytesIO(_bomb(side)))
    assert caught.value.errors[0].code == "too_many_pixels"


def test_a_file_above_the_limit_is_too_large() -> None:
    """One byte above 15 MB is one too many."""
    with pytest.raises(TooLarge):
        uploads.read(BytesIO(bytes(uploads.MAX_BYTES + 1)))


def test_a_thumbnail_fits_its_side() -> None:
    """A kept photo is shown small, in its own proportions."""
    small = Image.open(BytesIO(uploads.thumbnail(photo(size=(900, 600)), 300)))
    assert small.size == (300, 200)


def _bomb(side: int) -> bytes:
    """A PNG that says it is this large, in a few bytes."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        body = kind + data
        return len(data).to_bytes(4) + body + zlib.crc32(body).to_bytes(4)

    header: Any = side.to_bytes(4) + side.to_bytes(4) + bytes([8, 2, 0, 0, 0])
    start = b"\x89PNG\r\n\x1a\n"
    return start + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(64))) + chunk(b"IEND", b"")
