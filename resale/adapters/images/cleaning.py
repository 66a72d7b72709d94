"""Cleaning of uploads: everything that draws no pixel is removed before a decoder runs. Pure, bounded, one pass.

What inflates (texts and profiles of PNG, metadata of HEIF), repeats or hides behind sizes never reaches native code.
"""

from collections.abc import Callable, Mapping
from typing import Final

from resale.adapters.images.clean_heif import clean_heif
from resale.adapters.images.clean_jpeg import clean_jpeg
from resale.adapters.images.clean_png import clean_png
from resale.adapters.images.clean_webp import clean_webp
from resale.adapters.images.cleaned import Cleaned
from resale.domain.image_formats import LIMITS, MAX_COEFFICIENT_BYTES, MAX_SIDE_PX
from resale.domain.media import ImageRefused, RefusalReason

_CLEANERS: Final[Mapping[str, Callable[[memoryview], Cleaned]]] = {
    "image/jpeg": clean_jpeg,
    "image/png": clean_png,
    "image/webp": clean_webp,
    "image/heif": clean_heif,
}


def clean(data: memoryview, content_type: str) -> Cleaned:
    """Clean a file of a sniffed type, and check the size in its header against the limits.

    Raises:
        ImageRefused: ``not_an_image``, ``unsupported_format``, ``truncated``, ``unprocessable``, ``too_many_pixels``.
    """
    cleaned = _CLEANERS[content_type](data)
    check_size(cleaned, cleaned.width_px, cleaned.height_px)
    return cleaned


def check_size(cleaned: Cleaned, width_px: int, height_px: int) -> None:
    """Check a size against the limits of its format. Raises ImageRefused.

    Raises:
        ImageRefused: ``not_an_image`` (no pixel at all), ``too_many_pixels``.
    """
    if min(width_px, height_px) < 1:
        raise ImageRefused(RefusalReason.NOT_AN_IMAGE)
    limit = LIMITS[cleaned.content_type]
    most = limit.max_pixels_held_whole if cleaned.is_held_whole else limit.max_pixels
    is_too_large = width_px * height_px > most or max(width_px, height_px) > MAX_SIDE_PX
    if is_too_large or cleaned.coefficient_bytes > MAX_COEFFICIENT_BYTES:
        raise ImageRefused(RefusalReason.TOO_MANY_PIXELS)
