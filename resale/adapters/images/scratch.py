"""Anonymous files, in memory if the system supports it, that pass bytes to decoders and processes."""

import os
import sys
import tempfile
from collections.abc import Iterable
from typing import BinaryIO, cast

from resale.adapters.images.cleaned import Buffer


def write_scratch(parts: Iterable[Buffer]) -> BinaryIO:
    """Write parts to an anonymous file that is deleted when closed; its position is the start."""
    file = _open_scratch()
    for part in parts:
        file.write(part)
    file.seek(0)  # flushes, too
    return file


def _open_scratch() -> BinaryIO:
    if sys.platform == "linux":
        return os.fdopen(os.memfd_create("image"), "w+b")
    return cast("BinaryIO", tempfile.TemporaryFile())
