"""What a stranger sent as a file, made safe to keep and to show: recognised by its bytes, never by what it is called.

Photos are decoded and written anew as JPEG, so that neither a place (GPS) nor anything else that hides in a photo is
kept; how the camera was held is turned into the picture itself. A PDF is kept as it is, byte for byte, with what it
says of its author: a signed invoice or a courier's report proves something only while nobody changed it. It is never
opened here, so nothing that is packed inside unpacks, and only ever sent as a download.
"""

from __future__ import annotations

import threading
from functools import cache
from io import BytesIO
from typing import IO, Any

import msgspec
from PIL import Image, ImageCms, ImageOps

from rma.errors import Invalid, TooLarge, UnsupportedMedia

MAX_BYTES = 15_000_000
"""One file of evidence (api.md)."""
MAX_PIXELS = 64_000_000
"""A decoded photo takes four bytes for each: no small file may claim more memory than this."""
MAX_SIDE = 4096
"""Longer sides are scaled down: every scratch is still seen."""
JPEG = "image/jpeg"
PDF = "application/pdf"

_QUALITY = 90
_TAIL = 2048
_DECODERS = threading.BoundedSemaphore(2)
_HEIC_BRANDS = frozenset({b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"})
_AVIF_BRANDS = frozenset({b"avif", b"avis"})


class Clean(msgspec.Struct, frozen=True):
    """Bytes that are safe to keep, and what they are."""

    data: bytes
    media_type: str


def read(file: IO[bytes]) -> Clean:
    """The file, recognised and made safe.

    ``TooLarge`` above ``MAX_BYTES``; ``UnsupportedMedia`` for what is neither a photo nor a PDF; ``Invalid`` for one
    that is broken or claims too many pixels.
    """
    data = file.read(MAX_BYTES + 1)
    if len(data) > MAX_BYTES:
        raise TooLarge(f"A file has at most {MAX_BYTES // 1_000_000} MB.")
    kind = recognise(data)
    return Clean(_checked_pdf(data), PDF) if kind == "PDF" else Clean(_photo(data, kind), JPEG)


def recognise(data: bytes) -> str:
    """What the first bytes say it is: ``PDF``, or the name by which Pillow knows the kind of picture."""
    if data.startswith(b"%PDF-"):
        return "PDF"
    for signature, kind in ((b"\xff\xd8\xff", "JPEG"), (b"\x89PNG\r\n\x1a\n", "PNG"), (b"GIF8", "GIF")):
        if data.startswith(signature):
            return kind
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "WEBP"
    if data[4:8] == b"ftyp" and data[8:12] in _AVIF_BRANDS:
        return "AVIF"
    if data[4:8] == b"ftyp" and data[8:12] in _HEIC_BRANDS:
        if not _reads_heic():
            text = "HEIC photos cannot be read on this server; send the photo as JPEG."
            raise UnsupportedMedia.field("file", "heic_not_supported", text)
        return "HEIF"
    text = f"Send a photo (JPEG, PNG, WebP,{' HEIC,' if _reads_heic() else ''} AVIF, GIF) or a PDF."
    raise UnsupportedMedia.field("file", "file_not_supported", text)


def thumbnail(data: bytes, side: int) -> bytes:
    """A photo that was kept, small enough for a page: JPEG, no side longer than ``side`` pixels."""
    return _rewritten(data, "JPEG", side=side)


@cache
def _reads_heic() -> bool:
    """Whether the library for HEIC is installed (the extra ``heic``); its reader is registered with the first photo."""
    try:
        from pillow_heif import register_heif_opener  # noqa: PLC0415 - an optional library with native code
    except ImportError:
        return False
    register_heif_opener()
    return True


def _checked_pdf(data: bytes) -> bytes:
    if b"%%EOF" not in data[-_TAIL:]:
        raise Invalid.field("file", "unreadable", "The PDF breaks off before its end.")
    return data


def _photo(data: bytes, kind: str) -> bytes:
    return _rewritten(data, kind, side=MAX_SIDE)


def _rewritten(data: bytes, kind: str, *, side: int) -> bytes:
    """The picture as a JPEG of nothing but pixels. Few at a time: decoding is what takes memory."""
    try:
        with _DECODERS, Image.open(BytesIO(data), formats=[kind]) as opened:
            _check_size(opened)
            picture = _upright(opened, side)
            out = BytesIO()
            sampling = 2 if kind == "JPEG" else 0  # text on a screenshot keeps its edges
            picture.save(out, "JPEG", quality=_QUALITY, subsampling=sampling)
            return out.getvalue()
    except Invalid:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise _too_many_pixels() from None
    except Exception:  # noqa: BLE001 - a decoder may fail in any way on bytes made to harm it
        raise Invalid.field("file", "unreadable", "The photo cannot be read; it may be damaged.") from None


def _check_size(picture: Image.Image) -> None:
    if picture.width * picture.height > MAX_PIXELS:
        raise _too_many_pixels()


def _too_many_pixels() -> Invalid:
    return Invalid.field("file", "too_many_pixels", f"A photo has at most {MAX_PIXELS // 1_000_000} megapixels.")


def _upright(opened: Any, side: int) -> Image.Image:
    """The pixels as they are meant to be seen: turned, in sRGB, on white where they were transparent."""
    opened.draft("RGB", (side, side))
    profile = opened.info.get("icc_profile")
    turned = ImageOps.exif_transpose(opened)
    plain = _in_srgb(_on_white(turned), profile)
    plain.thumbnail((side, side), Image.Resampling.LANCZOS)
    return Image.frombytes("RGB", plain.size, plain.tobytes())


def _on_white(picture: Image.Image) -> Image.Image:
    if picture.mode in ("RGB", "L", "CMYK", "YCbCr", "1") and "transparency" not in picture.info:
        return picture if picture.mode == "RGB" else picture.convert("RGB")
    layered = picture.convert("RGBA")
    ground = Image.new("RGB", layered.size, "white")
    ground.paste(layered, mask=layered.getchannel("A"))
    return ground


def _in_srgb(picture: Image.Image, profile: bytes | None) -> Image.Image:
    """Colours as every screen shows them; a profile that cannot be read is left aside."""
    if not profile:
        return picture
    try:
        source = ImageCms.ImageCmsProfile(BytesIO(profile))
        found = ImageCms.profileToProfile(picture, source, ImageCms.createProfile("sRGB"), outputMode="RGB")
    except (ImageCms.PyCMSError, OSError, ValueError):
        return picture
    return found or picture
