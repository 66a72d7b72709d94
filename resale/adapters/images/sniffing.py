"""Detection of file types from the bytes alone, never from a name or a header."""

import re

from resale.domain.media import ImageRefused, RefusalReason

_TAKEN = (
    ("image/jpeg", re.compile(rb"\xff\xd8\xff")),
    ("image/png", re.compile(rb"\x89PNG\r\n\x1a\n")),
    ("image/webp", re.compile(rb"RIFF.{4}WEBP", re.DOTALL)),
)
# Brands of ISO/IEC 23008-12, annex B, and of AVIF 1.1, 6: still pictures and sequences that have one.
_HEIF_BRANDS = frozenset(
    (
        b"heic",
        b"heix",
        b"heim",
        b"heis",
        b"hevc",
        b"hevx",
        b"hevm",
        b"hevs",
        b"mif1",
        b"mif2",
        b"msf1",
        b"avif",
        b"avis",
    )
)
# Known pictures we do not take, told apart from rubbish so that the seller reads the right reason.
_NOT_TAKEN = re.compile(
    rb"""
      GIF8[79]a                                                 # GIF
    | BM.{4}\x00{4}                                             # Windows bitmap
    | II[*+]\x00 | MM\x00[*+]                                   # TIFF, BigTIFF, most camera raw files
    | .{4}ftyp                                                  # films and other ISO base media files
    | \x00{3}\x0cJXL\x20 | \xff\x0a | \x00{3}\x0cjP | \xff\x4f\xff\x51  # JPEG XL, JPEG 2000
    | \x00\x00\x01\x00 | 8BPS | %PDF-                           # icon, Photoshop, PDF
    """,
    re.VERBOSE | re.DOTALL,
)
SNIFFED_BYTES = 1024


def sniff_content_type(data: bytes) -> str:
    """Return the content type of an upload.

    Returns:
        ``image/jpeg``, ``image/png``, ``image/webp`` or ``image/heif``: which codec is inside shows further in.

    Raises:
        ImageRefused: ``unsupported_format`` for another known picture format, else ``not_an_image``.
    """
    start = data[:SNIFFED_BYTES]
    for content_type, signature in _TAKEN:
        if signature.match(start):
            return content_type
    if _is_heif(start):
        return "image/heif"
    if _NOT_TAKEN.match(start) or _is_svg(start):
        raise ImageRefused(RefusalReason.UNSUPPORTED_FORMAT)
    raise ImageRefused(RefusalReason.NOT_AN_IMAGE)


def is_cut_short(start: bytes, content_type: str, *, length: int) -> bool:
    """Return whether a WebP ends before the length in its header, which libwebp reports only as unreadable.

    JPEG and PNG carry no such length: their decoders find the end missing.
    """
    riff_header_bytes = 8  # "RIFF" and the 32-bit length of all that follows (RFC 9649, 2.3)
    return (
        content_type == "image/webp"
        and int.from_bytes(start[4:riff_header_bytes], "little") > length - riff_header_bytes
    )


def _is_heif(start: bytes) -> bool:
    if start[4:8] != b"ftyp":
        return False
    length = min(int.from_bytes(start[:4], "big"), len(start))
    return any(start[at : at + 4] in _HEIF_BRANDS for at in (8, *range(16, length - 3, 4)))


def _is_svg(start: bytes) -> bool:
    is_markup = start.removeprefix(b"\xef\xbb\xbf").lstrip().startswith(b"<")
    return is_markup and b"<svg" in start
