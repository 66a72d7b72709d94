"""Formats of uploaded photos: content types, and limits on the memory of their decoding."""

from collections.abc import Mapping
from typing import Annotated, Final

import msgspec

from resale.domain.text import code

MAX_IMAGE_BYTES: Final = 40 * 1024 * 1024  # 108 megapixels of a telephone take 20 to 35 MiB
MAX_SIDE_PX: Final = 32_768  # decoders keep some hundred rows; libvips held 432 MiB of a picture 65,528 px wide
#: Of a JPEG with several scans, whose coefficients lie in memory at once: 50 megapixels without chroma subsampling.
MAX_COEFFICIENT_BYTES: Final = 300_000_000


class FormatLimit(msgspec.Struct, frozen=True, kw_only=True):
    """The pixel limit of a format; ``max_pixels_held_whole`` if it cannot be decoded in strips.

    Each was measured to stay below the renderer's memory limit (docs/images.md).
    """

    max_pixels: int
    max_pixels_held_whole: int


LIMITS: Final[Mapping[str, FormatLimit]] = {
    "image/jpeg": FormatLimit(max_pixels=120_000_000, max_pixels_held_whole=50_000_000),  # progressive
    "image/png": FormatLimit(max_pixels=50_000_000, max_pixels_held_whole=25_000_000),  # interlaced
    "image/webp": FormatLimit(max_pixels=50_000_000, max_pixels_held_whole=12_500_000),  # a frame within a canvas
    "image/heic": FormatLimit(max_pixels=50_000_000, max_pixels_held_whole=50_000_000),
    "image/avif": FormatLimit(max_pixels=16_000_000, max_pixels_held_whole=12_500_000),  # 10 or 12 bits
}

#: Other names of the same types, as browsers and telephones write them.
_ALIASES: Final[Mapping[str, str]] = {
    "image/jpg": "image/jpeg",
    "image/pjpeg": "image/jpeg",
    "image/x-png": "image/png",
    "image/heic-sequence": "image/heic",
    "image/heif-sequence": "image/heif",
    "image/avif-sequence": "image/avif",
}
#: What a slot can be made for. A HEIF file is HEIC or AVIF by what is inside.
CONTENT_TYPES: Final = (*LIMITS, "image/heif")


def _ignoring_case(name: str) -> str:
    return "".join(f"[{letter.upper()}{letter}]" if letter.isalpha() else letter for letter in name)


_NAMES: Final = "|".join(_ignoring_case(name.removeprefix("image/")) for name in (*CONTENT_TYPES, *_ALIASES))
_PATTERN: Final = rf"^{_ignoring_case('image/')}({_NAMES})[ \t]*(;[\t -~]*)?\Z"

ContentType = Annotated[
    str,
    code(
        _PATTERN,
        max_length=127,
        description=(
            f"One of {', '.join(CONTENT_TYPES)}. Upper case, parameters and image/jpg are accepted; the slot and its "
            "upload form carry the type in its plain form. The bytes decide: a good picture of another of these types "
            "is accepted."
        ),
    ),
]


def normalise_content_type(text: str) -> str:
    """Return the normalised content type: lower case, without parameters, ``image/jpeg`` for ``image/jpg``."""
    name = text.partition(";")[0].strip().lower()
    return _ALIASES.get(name, name)
