"""The result of cleaning an upload, and the limits that apply to it."""

from collections.abc import Iterator
from typing import TypeAlias

import msgspec

from resale.domain.media import ImageRefused, RefusalReason

#: Chunks, segments or boxes of one file. Encoders write thousands at most; each costs about a microsecond to pass.
MAX_PARTS = 65_536
#: A colour profile, inflated. Printers' profiles reach 3 MiB; a larger one is left out, and the colours read as sRGB.
MAX_PROFILE_BYTES = 4 * 1024 * 1024

Buffer: TypeAlias = bytes | memoryview


class Cleaned(msgspec.Struct, frozen=True, kw_only=True):
    """A picture without metadata: ``parts`` in sequence are a complete file for decoders.

    ``width_px`` and ``height_px`` are as stored, before ``orientation`` (EXIF 2.32, 0x0112) is applied. ``profile`` is
    an ICC profile, ``profile_name`` one that libvips has built in. ``is_held_whole``: a decoder cannot pass it through
    in strips (interlaced, progressive) or needs twice the memory (AV1 of more than 8 bits): the lower limit holds.
    """

    content_type: str
    width_px: int
    height_px: int
    parts: tuple[Buffer, ...]
    orientation: int = 1
    profile: bytes | None = None
    profile_name: str | None = None
    is_held_whole: bool = False
    coefficient_bytes: int = 0


def count_parts() -> Iterator[int]:
    """Count the parts of a file, up to the limit.

    Raises:
        ImageRefused: ``unprocessable``: more parts than any encoder writes.
    """
    yield from range(MAX_PARTS)
    raise ImageRefused(RefusalReason.UNPROCESSABLE)
