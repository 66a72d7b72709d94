"""Rendering with libvips: open, decode small, orient, convert to sRGB, scale, encode.

Importing this module starts libvips, which does not survive a fork: ``vips.VipsImageCodec`` imports it in the
process that uses it.
"""

import hashlib
import os
from collections.abc import Iterable, Iterator
from itertools import accumulate
from typing import BinaryIO

import pyvips

from resale.adapters.images.cleaned import Cleaned
from resale.adapters.images.cleaning import check_size, clean
from resale.adapters.images.hashing import GREY_EDGE_PX, hash_grey
from resale.adapters.images.opening import PROFILE, open_picture, refusal_of
from resale.adapters.images.profiles import is_called_srgb
from resale.adapters.images.scratch import write_scratch
from resale.domain.media import RENDITION_EDGES_PX, RenderedImage, RenderedRendition

STARTED_IN_PROCESS = os.getpid()

_QUALITY = 80  # libvips' own default is 75; below 80 skin and textiles show blocks at 1600 px
# WebP effort, measured on the picture of bench/images.py: at 1600 px effort 2 takes 1.8 times the CPU of effort 0 and
# saves nothing; at 320 px it takes 4 ms more and saves 17 % of the bytes that lists load most.
_LARGE_EFFORT, _SMALL_EFFORT, _SMALL_PIXELS = 0, 2, 320 * 320
_KEEP = "none"  # no EXIF, GPS, XMP, IPTC or colour profile leaves
_WHITE = [255, 255, 255]
_SIDEWAYS = (5, 6, 7, 8)  # EXIF 2.32, orientation 0x0112: the values that swap width and height


def render(data: memoryview, content_type: str, *, sha256: str) -> RenderedImage:
    """Clean the file, check its size, decode once, and scale every rendition from the next larger one.

    Raises:
        ImageRefused: ``not_an_image``, ``unsupported_format``, ``truncated``, ``unprocessable``, ``too_many_pixels``.
    """
    cleaned = clean(data, content_type)
    with write_scratch(cleaned.parts) as file:
        largest, width_px, height_px = _decode(cleaned, file)
    steps = tuple(accumulate(RENDITION_EDGES_PX, _draw_smaller, initial=largest))[1:]
    return RenderedImage(
        content_type=cleaned.content_type,
        width_px=width_px,
        height_px=height_px,
        sha256=sha256,
        perceptual_hash=_hash_perceptually(steps[-1]),
        renditions=tuple(_encode_all(steps)),
    )


def _decode(cleaned: Cleaned, file: BinaryIO) -> tuple[pyvips.Image, int, int]:
    """Decode upright in 8-bit sRGB with or without alpha, at most as large as the largest rendition.

    Returns:
        The picture, and the size it had, upright.
    """
    image = open_picture(cleaned, file)
    check_size(cleaned, image.width, image.height)  # as the decoder reads it, which is what it decodes
    width_px, height_px = _measure_upright(image)
    if cleaned.content_type != "image/heic":
        image = open_picture(cleaned, file, edge_px=RENDITION_EDGES_PX[0])
    planned = _scale_down(image, RENDITION_EDGES_PX[0])
    try:
        small = planned.copy_memory()  # alone in here: only now are pixels read, and any other error is ours
    except pyvips.Error as error:
        raise refusal_of(error, cleaned=cleaned) from error
    return _to_srgb(small.autorot()).copy_memory(), width_px, height_px


def _measure_upright(image: pyvips.Image) -> tuple[int, int]:
    is_sideways = image.get("orientation") in _SIDEWAYS
    return (image.height, image.width) if is_sideways else (image.width, image.height)


def _scale_down(image: pyvips.Image, edge_px: int) -> pyvips.Image:
    """Scale the longest edge to ``edge_px``; a smaller picture is returned unchanged."""
    longest_px = max(image.width, image.height)
    if longest_px <= edge_px:
        return image
    width_px, height_px = (max(1, round(side * edge_px / longest_px)) for side in (image.width, image.height))
    return _resize(image, width_px, height_px)


def _draw_smaller(image: pyvips.Image, edge_px: int) -> pyvips.Image:
    smaller = _scale_down(image, edge_px)
    return image if smaller is image else smaller.copy_memory()


def _encode_all(steps: Iterable[pyvips.Image]) -> Iterator[RenderedRendition]:
    """Encode each step in each format; identical steps are encoded once."""
    drawn, encoded = None, {}
    for edge_px, image in zip(RENDITION_EDGES_PX, steps, strict=True):
        if image is not drawn:
            drawn, encoded = image, {content_type: encode(image) for content_type, encode in _ENCODERS.items()}
        for content_type, body in encoded.items():
            yield RenderedRendition(
                edge_px=edge_px,
                width_px=image.width,
                height_px=image.height,
                content_type=content_type,
                sha256=hashlib.sha256(body).hexdigest(),
                body=body,
            )


def _encode_webp(image: pyvips.Image) -> bytes:
    effort = _SMALL_EFFORT if image.width * image.height <= _SMALL_PIXELS else _LARGE_EFFORT
    return bytes(image.webpsave_buffer(Q=_QUALITY, effort=effort, keep=_KEEP))


def _encode_jpeg(image: pyvips.Image) -> bytes:
    return bytes(_flatten(image).jpegsave_buffer(Q=_QUALITY, keep=_KEEP))


def _hash_perceptually(image: pyvips.Image) -> str:
    grey = _flatten(image).colourspace("b-w")
    return hash_grey(bytes(_resize(grey, GREY_EDGE_PX, GREY_EDGE_PX).write_to_memory()))


_ENCODERS = {"image/webp": _encode_webp, "image/jpeg": _encode_jpeg}


def _resize(image: pyvips.Image, width_px: int, height_px: int) -> pyvips.Image:
    across, down = width_px / image.width, height_px / image.height
    if not image.hasalpha():
        return image.resize(across, vscale=down)
    # Premultiplied, or the colour of transparent pixels would bleed into the edges.
    return image.premultiply().resize(across, vscale=down).unpremultiply().cast(image.format)


def _to_srgb(image: pyvips.Image) -> pyvips.Image:
    is_cmyk = image.interpretation == "cmyk"
    if not is_cmyk and not _has_foreign_profile(image):
        return image.colourspace("srgb")
    # An unreadable or unfitting profile is passed over by libvips for input_profile, with a warning in the log.
    return image.icc_transform("srgb", embedded=True, input_profile="cmyk" if is_cmyk else "srgb", depth=8)


def _has_foreign_profile(image: pyvips.Image) -> bool:
    return image.get_typeof(PROFILE) != 0 and not is_called_srgb(image.get(PROFILE))


def _flatten(image: pyvips.Image) -> pyvips.Image:
    return image.flatten(background=_WHITE) if image.hasalpha() else image
