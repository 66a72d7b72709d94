"""Cleaning of JPEG by segment: tables, frame and scans remain; orientation and profile are read."""

import re
import struct
from dataclasses import dataclass, field

from resale.adapters.images.cleaned import MAX_PROFILE_BYTES, Buffer, Cleaned, count_parts
from resale.adapters.images.exif import UPRIGHT, read_orientation
from resale.domain.media import ImageRefused, RefusalReason

_FRAMES = frozenset({0xC0, 0xC1, 0xC2, 0xC9, 0xCA})  # ITU T.81, B.1.1.3: baseline, extended, progressive, both codings
_PROGRESSIVE = frozenset({0xC2, 0xCA})
_OTHER_FRAMES = frozenset(
    {0xC3, 0xC5, 0xC6, 0xC7, 0xCB, 0xCD, 0xCE, 0xCF}
)  # lossless and hierarchical: nobody's camera
_TABLES = frozenset({0xC4, 0xCC, 0xDB, 0xDC, 0xDD})  # DHT, DAC, DQT, DNL, DRI
_SCAN, _END, _APP0, _APP1, _APP2, _APP14 = 0xDA, 0xD9, 0xE0, 0xE1, 0xE2, 0xEE
_LENGTH_BYTES, _SCAN_HEADER_BYTES = 2, 6  # T.81, B.2.3: the least that a scan of no component takes
_WITHOUT_LENGTH = frozenset({0x01, *range(0xD0, 0xD9)})
_ICC, _ICC_HEADER_BYTES = b"ICC_PROFILE\0", 14  # ICC.1:2022, B.4: then a number and a count of one byte each
_MAX_SCANS = 100  # a progressive file has about ten; each is a pass over the whole picture
_COEFFICIENT_BYTES = 2
_MARKER = re.compile(rb"\xff([\x01-\xcf\xd8-\xfe])")  # within a scan: neither a stuffed 0xFF, nor a restart, nor fill


@dataclass
class _Reading:
    """The data of the segments read so far."""

    parts: list[Buffer] = field(default_factory=list)
    frame: int = 0
    size: tuple[int, int] = (0, 0)
    components: int = 0
    coefficient_bytes: int = 0
    orientation: int = UPRIGHT
    profile: dict[int, bytes] = field(default_factory=dict)
    profile_parts: int = 0


def clean_jpeg(data: memoryview) -> Cleaned:
    """Remove everything that does not draw the picture, and data appended to it.

    Raises:
        ImageRefused: ``not_an_image`` (no frame), ``unsupported_format`` (lossless, hierarchical), ``truncated`` (no
            scan), ``unprocessable`` (more segments or scans than encoders write).
    """
    reading = _Reading(parts=[data[:2]])
    scan_at = _read_until_scan(data, reading)
    if not reading.frame:
        raise ImageRefused(RefusalReason.NOT_AN_IMAGE)
    if scan_at is None:
        raise ImageRefused(RefusalReason.TRUNCATED)
    has_one_scan = reading.frame not in _PROGRESSIVE and data[scan_at + 4] == reading.components
    if has_one_scan:
        reading.parts.append(data[scan_at:])
    else:
        _keep_scans(data, scan_at, reading)
    return Cleaned(
        content_type="image/jpeg",
        width_px=reading.size[0],
        height_px=reading.size[1],
        parts=tuple(reading.parts),
        orientation=reading.orientation,
        profile=_join_profile(reading),
        is_held_whole=not has_one_scan,
        coefficient_bytes=0 if has_one_scan else reading.coefficient_bytes,
    )


def _read_until_scan(data: memoryview, reading: _Reading) -> int | None:
    """Read the segments before the pixels; return the position of the first scan, None if there is none."""
    at = 2
    for _ in count_parts():
        at = _skip_to_marker(data, at)
        if at + 4 > len(data) or data[at + 1] == _END:
            return None
        marker = data[at + 1]
        if marker in _WITHOUT_LENGTH:
            at += 2
            continue
        end = _find_end(data, at)
        if marker in _OTHER_FRAMES:
            raise ImageRefused(RefusalReason.UNSUPPORTED_FORMAT)
        if end + 1 > len(data):
            return None
        if marker == _SCAN:
            _find_end(data, at, _SCAN_HEADER_BYTES)
            return at
        _read_segment(marker, data[at:end], reading)
        at = end
    return None


def _find_end(data: memoryview, at: int, least: int = 0) -> int:
    """Return the end of the segment whose marker is at a position.

    Raises:
        ImageRefused: ``truncated``: it is shorter than ``least``, so that decoders would go on elsewhere.
    """
    length = int.from_bytes(data[at + 2 : at + 4], "big")
    if length < least:
        raise ImageRefused(RefusalReason.TRUNCATED)
    return at + 2 + length


def _skip_to_marker(data: memoryview, at: int) -> int:
    """Skip fill bytes, and garbage as decoders do, to the last 0xFF before a marker."""
    found = _MARKER.search(data, at)
    return len(data) if found is None else found.start(1) - 1


def _read_segment(marker: int, segment: memoryview, reading: _Reading) -> None:
    if marker in _TABLES or marker in _FRAMES:
        _find_end(segment, 0, _LENGTH_BYTES)
    body = bytes(segment[4:])
    is_kept = marker in _TABLES
    if marker in _FRAMES and not reading.frame:
        _read_frame(marker, body, reading)
        is_kept = True
    elif marker == _APP1 and body.startswith(b"Exif\0\0"):
        reading.orientation = read_orientation(body)
    elif marker == _APP2 and body.startswith(_ICC) and len(body) > _ICC_HEADER_BYTES:
        reading.profile_parts = body[13]
        reading.profile.setdefault(body[12], body[_ICC_HEADER_BYTES:])
    elif (marker == _APP0 and body.startswith(b"JFIF\0")) or (marker == _APP14 and body.startswith(b"Adobe")):
        is_kept = True  # they say which colours the components are
    if is_kept:
        reading.parts.append(segment)


def _read_frame(marker: int, body: bytes, reading: _Reading) -> None:
    if len(body) < 6 or len(body) < 6 + 3 * body[5]:  # noqa: PLR2004 - T.81, B.2.2: six bytes, three a component
        raise ImageRefused(RefusalReason.NOT_AN_IMAGE)
    height, width = struct.unpack_from(">HH", body, 1)
    samplings = [(body[7 + 3 * n] >> 4, body[7 + 3 * n] & 15) for n in range(body[5])]
    if not (height and width and samplings and all(across and down for across, down in samplings)):
        raise ImageRefused(RefusalReason.NOT_AN_IMAGE)
    most = max(across for across, _ in samplings) * max(down for _, down in samplings)
    shares = sum(across * down for across, down in samplings) / most
    reading.frame, reading.size, reading.components = marker, (width, height), body[5]
    reading.coefficient_bytes = int(width * height * shares * _COEFFICIENT_BYTES)


def _keep_scans(data: memoryview, scan_at: int, reading: _Reading) -> None:
    """Keep scans and the tables between them, up to the end of the picture."""
    run_start, at, scans = scan_at, scan_at, 0
    for _ in count_parts():
        found = _MARKER.search(data, at)
        if found is None:
            at = len(data)
            break
        marker, marker_at = found.group(1)[0], found.start(1) - 1
        if marker == _END:
            at = found.end()
            break
        is_bare = marker in _WITHOUT_LENGTH
        least = _SCAN_HEADER_BYTES if marker == _SCAN else _LENGTH_BYTES
        end = found.end() if is_bare else min(len(data), _find_end(data, marker_at, least))
        scans += marker == _SCAN
        if scans > _MAX_SCANS:
            raise ImageRefused(RefusalReason.UNPROCESSABLE)
        if marker != _SCAN and marker not in _TABLES and not is_bare:
            reading.parts.append(_without_fill(data[run_start:marker_at]))
            run_start = end
        at = end
    reading.parts.append(data[run_start:at])


def _without_fill(run: memoryview) -> memoryview:
    """Remove the fill bytes at the end of a run, which could form a marker with the next kept segment."""
    return run[: len(bytes(run).rstrip(b"\xff"))]


def _join_profile(reading: _Reading) -> bytes | None:
    """Return the colour profile if it is complete and within its limit; else None."""
    pieces = [reading.profile.get(number) for number in range(1, reading.profile_parts + 1)]
    found = [piece for piece in pieces if piece is not None]
    if not found or len(found) != len(pieces) or sum(map(len, found)) > MAX_PROFILE_BYTES:
        return None
    return b"".join(found)
