"""The image codec on libvips: refusals, and the order of the steps."""

import hashlib
import os
from typing import TypeAlias

from resale.adapters.images.sniffing import SNIFFED_BYTES, is_cut_short, sniff_content_type
from resale.domain.image_formats import MAX_IMAGE_BYTES
from resale.domain.media import ImageRefused, RefusalReason, RenderedImage

Upload: TypeAlias = bytes | memoryview


class VipsImageCodec:
    """Implements ``ImageCodec`` in this process. Creating it is cheap: libvips starts at the first ``render``.

    Native code is fed by strangers here: only a process of its own with limits does that (``rendering``, which
    ``isolated.IsolatedImageCodec`` starts), and tests.

    A process that forks workers (Celery's prefork pool) must not render itself: libvips' threads do not exist
    in the child, where it would wait for them for ever. Such a child raises instead.
    """

    def render(self, data: Upload) -> RenderedImage:
        """Return six renditions of an upload without metadata: 1600, 800 and 320 px in WebP and JPEG.

        Shape: no I/O; for 12 megapixels about 0.2 s CPU and 75 MiB (bench/images.py).

        Upright, sRGB, 8 bits, nothing but pixels (no EXIF, GPS, XMP, profile). Never scaled up: a picture smaller
        than an edge keeps its size, and the sizes that fall together carry the same bytes. Of an animation or
        another multi-page file the first or primary page counts. The perceptual hash is pHash, taken upright.

        Args:
            data: The whole upload. What it is, its bytes say.

        Returns:
            The upload's real type, size as seen (orientation applied), SHA-256 and the renditions, largest first.

        Raises:
            ImageRefused: ``empty``, ``too_large``, ``not_an_image``, ``unsupported_format``, ``too_many_pixels``,
                ``truncated`` or ``unprocessable``.
        """
        content_type = _check_bytes(data)
        # Imported here because importing it starts libvips, and a parent that forks must not have done that.
        from resale.adapters.images import pipeline  # noqa: PLC0415 - see the line above

        if os.getpid() != pipeline.STARTED_IN_PROCESS:
            raise RuntimeError("libvips was started before the fork; render only in the worker process itself")
        return pipeline.render(memoryview(data), content_type, sha256=hashlib.sha256(data).hexdigest())


def _check_bytes(data: Upload) -> str:
    if not data:
        raise ImageRefused(RefusalReason.EMPTY)
    if len(data) > MAX_IMAGE_BYTES:
        raise ImageRefused(RefusalReason.TOO_LARGE)
    start = bytes(data[:SNIFFED_BYTES])
    content_type = sniff_content_type(start)
    if is_cut_short(start, content_type, length=len(data)):
        raise ImageRefused(RefusalReason.TRUNCATED)
    return content_type
