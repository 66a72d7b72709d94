"""EXIF: reads only the orientation. Pure; reads a few bytes and follows no pointers."""

import struct

UPRIGHT = 1
_MAX_ENTRIES = 512
_ORIENTATION_TAG = 0x0112  # EXIF 2.32, 4.6.4
_SHORT = 3
_HEADER_BYTES = 8


def read_orientation(block: bytes) -> int:
    """Return the orientation (1 to 8) of an EXIF block with or without its ``Exif`` prefix; 1 if unreadable."""
    tiff = block.removeprefix(b"Exif\0\0")
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(bytes(tiff[:4]))
    if order is None or len(tiff) < _HEADER_BYTES:
        return UPRIGHT
    (start,) = struct.unpack_from(f"{order}I", tiff, 4)
    if start + 2 > len(tiff):
        return UPRIGHT
    (count,) = struct.unpack_from(f"{order}H", tiff, start)
    entry = struct.Struct(f"{order}HHIHH")
    for position in range(min(count, _MAX_ENTRIES)):
        at = start + 2 + position * entry.size
        if at + entry.size > len(tiff):
            break
        tag, kind, _, value, _ = entry.unpack_from(tiff, at)
        if tag == _ORIENTATION_TAG:
            return value if kind == _SHORT and 1 <= value <= 8 else UPRIGHT  # noqa: PLR2004 - EXIF's own range
    return UPRIGHT
