"""The libvips side: read a header, decode small, orient, convert to sRGB, scale, encode.

Importing this module starts libvips, which does not survive a fork: ``vips.VipsImageCodec`` imports it in the
process that uses it. Every loader is blocked but the three we take.
"""

import hashlib
import os
from collections.abc import Iterable, Iterator
from itertools import accumulate

import pyvips

from resale.adapters.images.hashing import GREY_EDGE_PX, hash_grey
from resale.adapters.images.profiles import is_called_srgb
from resale.domain.media import (
    MAX_PIXELS,
    RENDITION_EDGES_PX,
    ImageRefused,
    RefusalReason,
    RenderedImage,
    RenderedRendition,
)

STARTED_IN_PROCESS = os.getpid()

_QUALITY = 80  # libvips' own default is 75; below 80 skin and textiles show blocks at 1600 px
# WebP effort, measured on the picture of bench/images.py: at 1600 px effort 2 takes 1.8 times the CPU of effort 0 and
# saves nothing; at 320 px it takes 4 ms more and saves 17 % of the bytes that lists load most.
_LARGE_EFFORT, _SMALL_EFFORT, _SMALL_PIXELS = 0, 2, 320 * 320
_KEEP = "none"  # no EXIF, GPS, XMP, IPTC or colour profile leaves
_PROFILE = "icc-profile-data"
_WHITE = [255, 255, 255]
_SIDEWAYS = (5, 6, 7, 8)  # EXIF 2.32, orientation 0x0112: the values that swap width and height
_JPEG_SHRINKS = (8, 4, 2)  # what the decoder can do while it decodes (libjpeg-turbo scaled IDCT)
_LOADERS = {
    "image/jpeg": pyvips.Image.jpegload_buffer,
    "image/png": pyvips.Image.pngload_buffer,
    "image/webp": pyvips.Image.webpload_buffer,
}

pyvips.operation_block_set("VipsForeignLoad", state=True)
for _loader in ("VipsForeignLoadJpeg", "VipsForeignLoadPng", "VipsForeignLoadWebp"):
    pyvips.operation_block_set(_loader, state=False)
pyvips.block_untrusted_set(state=True)
pyvips.concurrency_set(1)  # one image per process; parallelism is the worker pool's
pyvips.cache_set_max(0)  # no image is rendered twice, so kept operations are only memory


def render(data: bytes, content_type: str) -> RenderedImage:
    """Check the size by the header, decode once, and make every rendition from the next larger one.

    Raises:
        ImageRefused: ``not_an_image`` (no readable header), ``too_many_pixels``, ``truncated``.
    """
    header = _read_header(data, content_type)
    if header.width * header.height > _count_pixels_allowed(header):
        raise ImageRefused(RefusalReason.TOO_MANY_PIXELS)
    width_px, height_px = _measure_upright(header)
    largest = _decode(data, content_type, longest_px=max(width_px, height_px))
    steps = tuple(accumulate(RENDITION_EDGES_PX, _draw_smaller, initial=largest))[1:]
    return RenderedImage(
        content_type=content_type,
        width_px=width_px,
        height_px=height_px,
        sha256=hashlib.sha256(data).hexdigest(),
        perceptual_hash=_hash_perceptually(steps[-1]),
        renditions=tuple(_encode_all(steps)),
    )


def _read_header(data: bytes, content_type: str) -> pyvips.Image:
    try:
        return _LOADERS[content_type](data, access="sequential", fail_on="error")
    except pyvips.Error as error:
        raise ImageRefused(RefusalReason.NOT_AN_IMAGE) from error


def _count_pixels_allowed(header: pyvips.Image) -> int:
    # An interlaced PNG or progressive JPEG lies whole in memory while it is decoded; others pass through in strips.
    is_held_whole = header.get_typeof("interlaced") != 0
    return MAX_PIXELS // 2 if is_held_whole else MAX_PIXELS


def _measure_upright(header: pyvips.Image) -> tuple[int, int]:
    is_sideways = header.get_typeof("orientation") != 0 and header.get("orientation") in _SIDEWAYS
    return (header.height, header.width) if is_sideways else (header.width, header.height)


def _decode(data: bytes, content_type: str, *, longest_px: int) -> pyvips.Image:
    """Decode the first page upright, in 8-bit sRGB with or without alpha, no longer than the largest rendition."""
    hint = _shrink_on_load(content_type, longest_px=longest_px)
    image = _LOADERS[content_type](data, access="sequential", fail_on="error", **hint)
    planned = _scale_down(image, RENDITION_EDGES_PX[0])
    try:
        small = planned.copy_memory()  # alone in here: only now are pixels read, and any other error is ours
    except pyvips.Error as error:
        raise ImageRefused(RefusalReason.TRUNCATED) from error
    return _to_srgb(small.autorot()).copy_memory()


def _scale_down(image: pyvips.Image, edge_px: int) -> pyvips.Image:
    """Scale so that the longest edge is ``edge_px``; a smaller picture is returned as it is."""
    longest_px = max(image.width, image.height)
    if longest_px <= edge_px:
        return image
    width_px, height_px = (max(1, round(side * edge_px / longest_px)) for side in (image.width, image.height))
    return _resize(image, width_px, height_px)


def _draw_smaller(image: pyvips.Image, edge_px: int) -> pyvips.Image:
    smaller = _scale_down(image, edge_px)
    return image if smaller is image else smaller.copy_memory()


def _encode_all(steps: Iterable[pyvips.Image]) -> Iterator[RenderedRendition]:
    """Encode each step in each format; steps that are the same picture are encoded once."""
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


def _shrink_on_load(content_type: str, *, longest_px: int) -> dict[str, float]:
    edge_px = RENDITION_EDGES_PX[0]
    if content_type == "image/jpeg":
        return {"shrink": next((by for by in _JPEG_SHRINKS if longest_px >= edge_px * by), 1)}
    if content_type == "image/webp":
        return {"scale": min(1.0, edge_px / longest_px)}
    return {}


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
    return image.get_typeof(_PROFILE) != 0 and not is_called_srgb(image.get(_PROFILE))


def _flatten(image: pyvips.Image) -> pyvips.Image:
    return image.flatten(background=_WHITE) if image.hasalpha() else image
