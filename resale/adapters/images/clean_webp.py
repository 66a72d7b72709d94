"""Cleaning of WebP by chunk: the first picture becomes a file; orientation and profile are read."""

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from resale.adapters.images.cleaned import MAX_PROFILE_BYTES, Cleaned, count_parts
from resale.adapters.images.exif import UPRIGHT, read_orientation
from resale.domain.media import ImageRefused, RefusalReason

_RIFF_BYTES = 12  # "RIFF", the length of all that follows, "WEBP" (RFC 9649, 2.3)
_CHUNK = struct.Struct("<4sI")
_EXTENDED_BYTES, _FRAME_BYTES = 10, 16
_ALPHA, _ANIMATION = 0x10, 0x02  # flags of VP8X (RFC 9649, 2.7.1)
_MAX_EXIF_BYTES = 64 * 1024


@dataclass
class _Picture:
    """The chunks of one picture: its pixels, and the alpha plane of lossy ones."""

    pixels: memoryview | None = None
    alpha: memoryview | None = None

    def take(self, kind: bytes, chunk: memoryview) -> None:
        """Store a chunk if it is the first of its kind."""
        if kind in {b"VP8 ", b"VP8L"}:
            self.pixels = self.pixels or chunk
        elif kind == b"ALPH":
            self.alpha = self.alpha or chunk


def clean_webp(data: memoryview) -> Cleaned:
    """Keep the picture, or the first frame of an animation.

    Raises:
        ImageRefused: ``not_an_image`` (no pixels, no readable size), ``unprocessable`` (too many chunks).
    """
    canvas, frame, picture = None, None, _Picture()
    orientation, profile = UPRIGHT, None
    for kind, chunk in _iter_chunks(data, _RIFF_BYTES):
        body = chunk[_CHUNK.size :]
        if kind == b"VP8X" and canvas is None and len(body) >= _EXTENDED_BYTES:
            canvas = _read_size(body, 4)
        elif kind == b"ANMF" and frame is None and len(body) >= _FRAME_BYTES:
            frame = chunk
        elif kind == b"ICCP" and profile is None and len(body) <= MAX_PROFILE_BYTES:
            profile = bytes(body)
        elif kind == b"EXIF":
            orientation = read_orientation(bytes(body[:_MAX_EXIF_BYTES]))
        else:
            picture.take(kind, chunk)
    is_patch = frame is not None and canvas is not None and not _covers(frame, canvas)
    parts, size = _build_patch(frame, canvas) if is_patch and frame and canvas else _build_still(picture, frame)
    return Cleaned(
        content_type="image/webp",
        width_px=size[0],
        height_px=size[1],
        parts=parts,
        orientation=orientation,
        profile=profile,
        is_held_whole=is_patch,
    )


def _iter_chunks(data: memoryview, at: int) -> Iterator[tuple[bytes, memoryview]]:
    for _ in count_parts():
        if at + _CHUNK.size > len(data):
            return
        kind, length = _CHUNK.unpack_from(data, at)
        end = at + _CHUNK.size + length
        yield kind, data[at : min(end, len(data))]
        at = end + length % 2


def _read_size(body: memoryview, at: int) -> tuple[int, int]:
    """Read two sizes of 24 bits, each stored minus one."""
    across, down = (int.from_bytes(body[at + n : at + n + 3], "little") + 1 for n in (0, 3))
    return across, down


def _covers(frame: memoryview, canvas: tuple[int, int]) -> bool:
    body = frame[_CHUNK.size :]
    return not any(body[:6]) and _read_size(body, 6) == canvas


def _build_still(picture: _Picture, frame: memoryview | None) -> tuple[tuple[bytes | memoryview, ...], tuple[int, int]]:
    """Build the file of one picture; the frame of an animation replaces the picture."""
    if frame is not None:
        picture = _Picture()
        for kind, chunk in _iter_chunks(frame, _CHUNK.size + _FRAME_BYTES):
            picture.take(kind, chunk)
    if picture.pixels is None:
        raise ImageRefused(RefusalReason.NOT_AN_IMAGE)
    size = _read_pixels_size(picture.pixels)
    is_lossless = bytes(picture.pixels[:4]) == b"VP8L"
    if picture.alpha is None or is_lossless:  # lossless pixels carry their own alpha
        return _riff([picture.pixels]), size
    return _riff([_build_header(size, _ALPHA), picture.alpha, picture.pixels]), size


def _build_patch(frame: memoryview, canvas: tuple[int, int]) -> tuple[tuple[bytes | memoryview, ...], tuple[int, int]]:
    """Build an animation of one frame at a position of its canvas."""
    anim = _CHUNK.pack(b"ANIM", 6) + bytes(6)
    return _riff([_build_header(canvas, _ALPHA | _ANIMATION), anim, frame]), canvas


def _read_pixels_size(chunk: memoryview) -> tuple[int, int]:
    body = chunk[_CHUNK.size : _CHUNK.size + 10]
    if bytes(chunk[:4]) == b"VP8L":
        if len(body) < 5 or body[0] != 0x2F:  # noqa: PLR2004 - RFC 9649, 3.4: signature, then two sizes of 14 bits
            raise ImageRefused(RefusalReason.NOT_AN_IMAGE)
        bits = int.from_bytes(body[1:5], "little")
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    if bytes(body[3:6]) != b"\x9d\x01\x2a" or len(body) < 10:  # noqa: PLR2004 - RFC 6386, 9.1: start code, two sizes
        raise ImageRefused(RefusalReason.NOT_AN_IMAGE)
    across, down = struct.unpack_from("<HH", body, 6)
    return across & 0x3FFF, down & 0x3FFF


def _build_header(size: tuple[int, int], flags: int) -> bytes:
    sizes = b"".join((side - 1).to_bytes(3, "little") for side in size)
    return _CHUNK.pack(b"VP8X", _EXTENDED_BYTES) + bytes([flags, 0, 0, 0]) + sizes


def _riff(chunks: list[bytes | memoryview]) -> tuple[bytes | memoryview, ...]:
    padded = [piece for chunk in chunks for piece in (chunk, b"\0" * (len(chunk) % 2))]
    return (b"RIFF" + struct.pack("<I", 4 + sum(map(len, padded))) + b"WEBP", *padded)
