"""Boxes of ISO base media files (ISO/IEC 14496-12, 4.2), each within its parent. Pure, without copies."""

import struct
from collections.abc import Iterator

import msgspec

from resale.adapters.images.cleaned import count_parts
from resale.domain.media import ImageRefused, RefusalReason

_HEAD = struct.Struct(">I4s")
_TO_THE_END, _WIDE = 0, 1


class Box(msgspec.Struct, frozen=True):
    """A box: its type, and the positions of its body and its end."""

    kind: bytes
    start: int
    body: int
    end: int


class Cursor:
    """Reads big-endian numbers of a box in sequence, never beyond its end."""

    def __init__(self, data: memoryview, box: Box) -> None:
        self._data, self._end = data, box.end
        self.at = box.body

    def number(self, size: int) -> int:
        """Read an unsigned number of ``size`` bytes; 0 if ``size`` is 0.

        Raises:
            ImageRefused: ``truncated``: the box ends before.
        """
        return int.from_bytes(self.take(size), "big")

    def take(self, size: int) -> bytes:
        """Read bytes."""
        end = self.at + size
        if end > self._end:
            raise ImageRefused(RefusalReason.TRUNCATED)
        taken = bytes(self._data[self.at : end])
        self.at = end
        return taken

    def version(self) -> int:
        """Read the version of a full box and skip its flags."""
        return self.number(4) >> 24


def iter_boxes(data: memoryview, start: int, end: int) -> Iterator[Box]:
    """Iterate over the sibling boxes between two positions.

    Raises:
        ImageRefused: ``truncated`` (a box is longer than what holds it), ``unprocessable`` (too many).
    """
    at = start
    for _ in count_parts():
        if at + _HEAD.size > end:
            return
        length, kind = _HEAD.unpack_from(data, at)
        body = at + _HEAD.size
        if length == _WIDE:
            length, body = int.from_bytes(data[body : body + 8], "big"), body + 8
        stop = end if length == _TO_THE_END else at + length
        if stop > end or stop < body:
            raise ImageRefused(RefusalReason.TRUNCATED)
        yield Box(kind, at, body, stop)
        at = stop
