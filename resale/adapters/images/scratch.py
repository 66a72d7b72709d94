"""Files without a name, in memory where the system has that: how bytes get to a decoder and to another process."""

import os
import sys
import tempfile
from collections.abc import Iterable
from typing import BinaryIO, cast

from resale.adapters.images.cleaned import Buffer


def write_scratch(parts: Iterable[Buffer]) -> BinaryIO:
    """Write parts one after the other to a file that goes when it is closed; it is left at its start."""
    file = _open_scratch()
    for part in parts:
        file.write(part)
    file.seek(0)  # flushes, too
    return file


def _open_scratch() -> BinaryIO:
    if sys.platform == "linux":
        return os.fdopen(os.memfd_create("image"), "w+b")
    return cast("BinaryIO", tempfile.TemporaryFile())
