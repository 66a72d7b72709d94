"""Decoding of a cleaned picture: libvips, or libheif with libde265 for HEIC.

Importing this module starts libvips. Every loader is blocked but the ones taken. The decoders get pixels and nothing
else; orientation and profile were read before and are put on the picture here.
"""

import re
from typing import BinaryIO

import pi_heif.options
import pyvips
from pi_heif import heif

from resale.adapters.images.cleaned import Cleaned
from resale.domain.image_formats import LIMITS
from resale.domain.media import ImageRefused, RefusalReason

PROFILE = "icc-profile-data"
_JPEG_SHRINKS = (8, 4, 2)  # what the decoder can do while it decodes (libjpeg-turbo scaled IDCT)
#: As libvips, libjpeg, libpng and libheif put it.
_OUT_OF_MEMORY = re.compile(r"out of memory|insufficient memory|memory allocation|allocating \d+ bytes failed")
_LOADERS = {
    "image/jpeg": pyvips.Image.jpegload_source,
    "image/png": pyvips.Image.pngload_source,
    "image/webp": pyvips.Image.webpload_source,
    "image/avif": pyvips.Image.heifload_source,
}

pyvips.operation_block_set("VipsForeignLoad", state=True)
for _loader in ("VipsForeignLoadJpeg", "VipsForeignLoadPng", "VipsForeignLoadWebp", "VipsForeignLoadHeif"):
    pyvips.operation_block_set(_loader, state=False)
pyvips.block_untrusted_set(state=True)
pyvips.concurrency_set(1)  # one image per process; parallelism is the worker pool's
pyvips.cache_set_max(0)  # no image is rendered twice, so kept operations are only memory
pi_heif.options.DECODE_THREADS = 1


def open_picture(cleaned: Cleaned, file: BinaryIO, *, edge_px: int | None = None) -> pyvips.Image:
    """Open the first page of a picture. HEIC is decoded here, other formats when their pixels are read.

    Args:
        cleaned: What was found in the upload.
        file: Its parts, at their start.
        edge_px: Shrink while decoding, as far as the decoder can and the longest edge stays above this; None: do not.

    Raises:
        ImageRefused: ``not_an_image``, ``truncated``, ``unprocessable``.
    """
    file.seek(0)
    if cleaned.content_type == "image/heic":
        image = _open_heic(file)
    else:
        image = _open_with_vips(cleaned, file, edge_px=edge_px)
    return _describe(image, cleaned)


def refusal_of(error: Exception, *, cleaned: Cleaned) -> ImageRefused:
    """Return the refusal for an error of a decoder, from its message."""
    message = str(error).lower()
    if _OUT_OF_MEMORY.search(message):  # within the limit of this process, although the header promised less
        return ImageRefused(RefusalReason.UNPROCESSABLE)
    is_heif = cleaned.content_type in {"image/heic", "image/avif"}
    is_cut = "end of file" in message or "beyond" in message or "outside" in message
    if is_heif and not is_cut:  # files of one bitstream a picture: a broken one is not a short one
        return ImageRefused(RefusalReason.UNPROCESSABLE)
    return ImageRefused(RefusalReason.TRUNCATED)


def _open_with_vips(cleaned: Cleaned, file: BinaryIO, *, edge_px: int | None) -> pyvips.Image:
    hint = {} if edge_px is None else _shrink_on_load(cleaned, edge_px)
    try:
        source = pyvips.Source.new_from_descriptor(file.fileno())
        return _LOADERS[cleaned.content_type](source, access="sequential", fail_on="error", **hint)
    except pyvips.Error as error:
        raise ImageRefused(RefusalReason.NOT_AN_IMAGE) from error


def _open_heic(file: BinaryIO) -> pyvips.Image:
    most = LIMITS["image/heic"].max_pixels
    try:
        picture = heif.open_heif(file, convert_hdr_to_8bit=True)
        width, height = picture.size
        if width * height > most:  # before its pixels are decoded
            raise ImageRefused(RefusalReason.TOO_MANY_PIXELS)
        bands = len(picture.mode)
        image = pyvips.Image.new_from_memory(picture.data, width, height, bands, "uchar")
    except (ValueError, RuntimeError, SyntaxError, EOFError, OSError) as error:
        raise refusal_of(error, cleaned=_HEIC) from error
    return image.copy(interpretation="b-w" if bands < 3 else "srgb")  # noqa: PLR2004 - grey, with or without alpha


def _describe(image: pyvips.Image, cleaned: Cleaned) -> pyvips.Image:
    described = image.copy()
    for name in [name for name in described.get_fields() if name in {PROFILE, "orientation"}]:
        described.remove(name)
    described.set_type(pyvips.GValue.gint_type, "orientation", cleaned.orientation)
    profile = cleaned.profile
    if profile is None and cleaned.profile_name is not None:
        profile = pyvips.Image.profile_load(cleaned.profile_name)
    if profile is not None:
        described.set_type(pyvips.GValue.blob_type, PROFILE, profile)
    return described


def _shrink_on_load(cleaned: Cleaned, edge_px: int) -> dict[str, float]:
    longest = max(cleaned.width_px, cleaned.height_px)
    shortest = min(cleaned.width_px, cleaned.height_px)
    if cleaned.content_type == "image/jpeg":
        # Never below one pixel: the decoder gives up on an edge that shrinks to nothing.
        fitting = (by for by in _JPEG_SHRINKS if longest >= edge_px * by and shortest >= by)
        return {"shrink": next(fitting, 1)}
    if cleaned.content_type == "image/webp" and shortest * edge_px >= longest:
        return {"scale": min(1.0, edge_px / longest)}
    return {}


_HEIC = Cleaned(content_type="image/heic", width_px=1, height_px=1, parts=())
