"""Cleaning of PNG by chunk: pixel data remains, a colour profile is inflated within its limit."""

import struct
import zlib

from resale.adapters.images.cleaned import MAX_PROFILE_BYTES, Cleaned, count_parts
from resale.adapters.images.exif import UPRIGHT, read_orientation
from resale.domain.media import ImageRefused, RefusalReason

_SIGNATURE_BYTES = 8
_FRAME = struct.Struct(">I4s")  # length and type; then the data, then a CRC of 4 bytes
_CRC_BYTES = 4
_HEADER = struct.Struct(">IIBBBBB")
_KEPT = frozenset({b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND"})  # PNG 3rd edition, 5.6: what decoding pixels needs
_MAX_NAME_BYTES = 80  # 11.3.2.3: profile name of 1-79 bytes and its NUL
_MAX_EXIF_BYTES = 64 * 1024


def clean_png(data: memoryview) -> Cleaned:
    """Keep the chunks of the first image; APNG frames, texts, EXIF and times are removed.

    Raises:
        ImageRefused: ``not_an_image`` (no readable header), ``unprocessable`` (too many chunks).
    """
    width, height, is_interlaced = _read_header(data)
    parts, run_start, at = [], 0, _SIGNATURE_BYTES
    orientation, profile, is_profile_read = UPRIGHT, None, False
    for _ in count_parts():
        if at + _FRAME.size > len(data):
            break
        length, kind = _FRAME.unpack_from(data, at)
        end = at + _FRAME.size + length + _CRC_BYTES
        if kind == b"IEND":
            at = end
            break
        if kind not in _KEPT:
            parts.append(data[run_start:at])
            run_start = min(end, len(data))
            body = data[at + _FRAME.size : end - _CRC_BYTES]
            if kind == b"iCCP" and not is_profile_read:  # 11.3.2.3: there is one; a bomb is inflated no second time
                profile, is_profile_read = _inflate_profile(body), True
            elif kind == b"eXIf":
                orientation = read_orientation(bytes(body[:_MAX_EXIF_BYTES]))
        at = end
    parts.append(data[run_start:at])
    return Cleaned(
        content_type="image/png",
        width_px=width,
        height_px=height,
        parts=tuple(parts),
        orientation=orientation,
        profile=profile,
        is_held_whole=is_interlaced,
    )


def _read_header(data: memoryview) -> tuple[int, int, bool]:
    start = _SIGNATURE_BYTES + _FRAME.size
    if bytes(data[_SIGNATURE_BYTES + 4 : start]) != b"IHDR" or len(data) < start + _HEADER.size:
        raise ImageRefused(RefusalReason.NOT_AN_IMAGE)
    width, height, *_, interlace = _HEADER.unpack_from(data, start)
    return width, height, interlace != 0


def _inflate_profile(body: memoryview) -> bytes | None:
    """Inflate a profile; None if it is damaged or exceeds the limit, beyond which nothing is inflated."""
    name_end = bytes(body[:_MAX_NAME_BYTES]).find(b"\0")
    if name_end < 0:
        return None
    inflating = zlib.decompressobj()
    try:
        profile = inflating.decompress(body[name_end + 2 :], MAX_PROFILE_BYTES)
    except zlib.error:
        return None
    return profile if inflating.eof else None
