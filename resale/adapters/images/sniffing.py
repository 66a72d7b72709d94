"""What kind of file some bytes are, by the bytes alone. Pure; never asks a name or a header of the sender."""

import re

from resale.domain.media import ImageRefused, RefusalReason

_TAKEN = (
    ("image/jpeg", re.compile(rb"\xff\xd8\xff")),
    ("image/png", re.compile(rb"\x89PNG\r\n\x1a\n")),
    ("image/webp", re.compile(rb"RIFF.{4}WEBP", re.DOTALL)),
)
# Known pictures we do not take, told apart from rubbish so that the seller reads the right reason.
# HEIC (ftyp) is here because the pinned pyvips-binary carries no HEVC decoder: it reads the header, not the pixels.
_NOT_TAKEN = re.compile(
    rb"""
      GIF8[79]a                                                 # GIF
    | BM.{4}\x00{4}                                             # Windows bitmap
    | II[*+]\x00 | MM\x00[*+]                                   # TIFF, BigTIFF, most camera raw files
    | .{4}ftyp                                                  # HEIC, AVIF and other ISO base media files
    | \x00{3}\x0cJXL\x20 | \xff\x0a | \x00{3}\x0cjP | \xff\x4f\xff\x51  # JPEG XL, JPEG 2000
    | \x00\x00\x01\x00 | 8BPS | %PDF-                           # icon, Photoshop, PDF
    """,
    re.VERBOSE | re.DOTALL,
)
_LOOKED_AT_BYTES = 1024


def sniff_content_type(data: bytes) -> str:
    """Name the real type of an upload.

    Returns:
        ``image/jpeg``, ``image/png`` or ``image/webp``.

    Raises:
        ImageRefused: ``unsupported_format`` for another known picture format, else ``not_an_image``.
    """
    start = data[:_LOOKED_AT_BYTES]
    for content_type, signature in _TAKEN:
        if signature.match(start):
            return content_type
    if _NOT_TAKEN.match(start) or _is_svg(start):
        raise ImageRefused(RefusalReason.UNSUPPORTED_FORMAT)
    raise ImageRefused(RefusalReason.NOT_AN_IMAGE)


def is_cut_short(data: bytes, content_type: str) -> bool:
    """Say whether a WebP ends before the length in its own header, where libwebp only says that it is unreadable.

    JPEG and PNG carry no such length: their decoders find the end missing.
    """
    riff_header_bytes = 8  # "RIFF" and the 32-bit length of all that follows (RFC 9649, 2.3)
    return (
        content_type == "image/webp"
        and int.from_bytes(data[4:riff_header_bytes], "little") > len(data) - riff_header_bytes
    )


def _is_svg(start: bytes) -> bool:
    is_markup = start.removeprefix(b"\xef\xbb\xbf").lstrip().startswith(b"<")
    return is_markup and b"<svg" in start
