"""Detection of the end of a request in received bytes. Nothing here reads a socket.

This decides only *when* a request is given to a thread. What it says is decided by gunicorn's parser, which gets just
these bytes: where the two disagree, the connection is closed after the response.
"""

import re
from typing import Final

from apps.core.problems import HTTPError
from apps.core.serving.refusals import BodyTooLarge, HeadersTooLarge

MAX_HEAD_BYTES: Final = 64 * 1024
_MAX_LINE_BYTES: Final = 8190  # of a request line or a chunk's size line; gunicorn's own limits are not above it
_MAX_OVERHEAD_BYTES: Final = 64 * 1024  # what chunking may add to a body: some 13,000 chunks
_HEAD_END: Final = b"\r\n\r\n"
_LENGTH: Final = b"\ncontent-length:"
_CODING: Final = b"\ntransfer-encoding:"
_EXPECT: Final = b"\nexpect:"
_API_KEY: Final = b"\nx-api-key:"
_FORWARDED: Final = re.compile(rb"\nx-forwarded-for:([^\r\n]*)")
_LENGTH_VALUE: Final = re.compile(rb"\ncontent-length:[ \t]*([0-9]{1,1000})[ \t]*\r\n")
_CHUNKED: Final = re.compile(rb"\ntransfer-encoding:[ \t]*chunked[ \t]*\r\n")
_CHUNK_SIZE: Final = re.compile(rb"([0-9a-fA-F]{1,15})[ \t]*(?:;|\Z)")
_HEALTH: Final = re.compile(rb"(?:GET|HEAD) /healthz[ ?]")


class RequestBuffer:
    """The received bytes that do not form a request yet.

    ``whole``: a request can be taken. ``is_broken``: it can be taken, but its end is unknown, so that it is the
    connection's last. ``is_oversize``: its body is over the limit and is not read. ``refusal``: nothing can be taken.
    """

    __slots__ = (
        "_at",
        "_end",
        "_is_chunked",
        "_key_at",
        "_max_body_bytes",
        "_searched",
        "data",
        "expects_continue",
        "head_bytes",
        "is_broken",
        "is_oversize",
        "refusal",
        "whole",
    )

    def __init__(self, *, max_body_bytes: int) -> None:
        self._max_body_bytes = max_body_bytes
        self.data = bytearray()
        self._reset()

    def _reset(self) -> None:
        self.whole = False
        self.is_broken = False
        self.is_oversize = False
        self.expects_continue = False
        self.refusal: type[HTTPError] | None = None
        self.head_bytes = 0  # 0: the head is not whole
        self._end = 0
        self._searched = 0
        self._is_chunked = False
        self._key_at = -1
        self._at = 0

    def feed(self, data: bytes) -> None:
        """Append received bytes, then check whether a request is complete."""
        self.data += data
        self.scan()

    def scan(self) -> None:
        """Check whether the buffer contains a complete request."""
        if not self.head_bytes and not self._find_head():
            return
        if self._is_chunked:
            self._find_last_chunk()
        elif len(self.data) >= self._end:
            self.whole = True

    @property
    def is_health_check(self) -> bool:
        """Whether the request is the load balancer's health check."""
        return _HEALTH.match(self.data) is not None

    @property
    def is_clean(self) -> bool:
        """Whether the buffer contains exactly one complete request."""
        return self.whole and not self.is_broken and len(self.data) == self._end

    def request(self) -> bytes:
        """Return the complete request, or all bytes of a malformed one."""
        return bytes(self.data if self.is_broken else self.data[: self._end])

    def head(self) -> bytes:
        """Return the request without its body."""
        return bytes(self.data[: self.head_bytes])

    @property
    def api_key(self) -> bytes:
        """The API key as it was sent; empty without one, or while the headers are incomplete."""
        if self._key_at < 0:
            return b""
        start = self._key_at + len(_API_KEY)
        return bytes(self.data[start : self.data.find(b"\r\n", start)]).strip()

    def read_forwarded_for(self) -> str:
        """Return X-Forwarded-For, the nearest proxy's entry last; empty while the headers are incomplete."""
        return ",".join(line.strip().decode("latin-1") for line in _FORWARDED.findall(self.head().lower()))

    def next(self) -> None:
        """Remove the request that was handled and keep the bytes after it."""
        del self.data[: self._end]
        self._reset()

    def discard(self) -> None:
        """Discard all received bytes; the connection reads no more requests."""
        self.data = bytearray()

    def _find_head(self) -> bool:
        found = self.data.find(_HEAD_END, self._searched)
        if found < 0:
            self._searched = max(0, len(self.data) - 3)
            self._check_head_limits()
            return False
        self.head_bytes = found + len(_HEAD_END)
        self._end = self.head_bytes
        self._read_framing(self.data[: found + 2].lower())
        return not self.whole

    def _check_head_limits(self) -> None:
        data = self.data
        if data.count(b"\n") != data.count(b"\r\n"):
            self._give_up()  # a bare line feed: the head will never end as it is read here (RFC 9112 2.2)
        elif len(data) > _MAX_LINE_BYTES and data.find(b"\r\n", 2) < 0:
            self._give_up()  # the parser refuses the request line
        elif len(data) > MAX_HEAD_BYTES:
            self.refusal = HeadersTooLarge

    def _read_framing(self, head: bytearray) -> None:
        self.expects_continue = _EXPECT in head
        self._key_at = head.find(_API_KEY)
        lengths, codings = head.count(_LENGTH), head.count(_CODING)
        if lengths + codings > 1:
            self._give_up()
        elif codings:
            self._is_chunked = True
            self._at = self.head_bytes
            if _CHUNKED.search(head) is None:
                self._give_up()
        elif lengths:
            self._read_length(head)

    def _read_length(self, head: bytearray) -> None:
        value = _LENGTH_VALUE.search(head)
        if value is None:
            self._give_up()
            return
        length = int(value[1])
        self._end = self.head_bytes + length
        self.is_oversize = length > self._max_body_bytes

    def _find_last_chunk(self) -> None:
        data = self.data
        while True:
            line_end = data.find(b"\r\n", self._at)
            if line_end < 0:
                if len(data) - self._at > _MAX_LINE_BYTES or data.find(b"\n", self._at) >= 0:
                    self._give_up()
                break
            size = _CHUNK_SIZE.match(data, self._at, line_end)
            if size is None:
                self._give_up()
                return
            if not int(size[1], 16):
                self._find_trailers_end(line_end)
                break
            if not self._pass_chunk(line_end + 2 + int(size[1], 16)):
                break
        if not self.whole and self._at - self.head_bytes > self._max_body_bytes + _MAX_OVERHEAD_BYTES:
            self.refusal = BodyTooLarge

    def _pass_chunk(self, chunk_end: int) -> bool:
        """Skip a chunk that is complete; return whether it was."""
        if chunk_end - self.head_bytes > self._max_body_bytes + _MAX_OVERHEAD_BYTES:
            self.refusal = BodyTooLarge
            return False
        follows = self.data[chunk_end : chunk_end + 2]
        if follows != b"\r\n"[: len(follows)]:
            self._give_up()
            return False
        if len(follows) < 2:  # noqa: PLR2004 - a line end
            return False
        self._at = chunk_end + 2
        return True

    def _find_trailers_end(self, line_end: int) -> None:
        found = self.data.find(_HEAD_END, line_end)
        if found >= 0:
            self._end = found + len(_HEAD_END)
            self.whole = True
        elif len(self.data) - line_end > _MAX_LINE_BYTES:
            self._give_up()

    def _give_up(self) -> None:
        """Mark the buffer as complete, so that the parser reports what is wrong."""
        self.whole = True
        self.is_broken = True
