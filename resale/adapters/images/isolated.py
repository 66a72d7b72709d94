"""The image codec of workers: pictures are rendered by another process with limits and without secrets.

A picture that makes its decoder crash, swell or spin ends that process and nothing else: it is refused, the next
picture gets a new process. An error that is not the picture's (a loaded machine, a process killed by somebody else)
is Unavailable, so the message comes again.
"""

import contextlib
import logging
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import weakref
from pathlib import Path
from typing import Final

import msgspec

import resale
from resale.adapters.images.rendering import LENGTH, Reply
from resale.adapters.images.scratch import write_scratch
from resale.domain.image_formats import MAX_IMAGE_BYTES
from resale.domain.media import ImageNotRendered, ImageRefused, RefusalReason, RenderedImage

logger = logging.getLogger(__name__)

WALL_SECONDS: Final = 11.0  # of one picture, both tries; below the shortest limit of a task (13 s)
_START_SECONDS: Final = 10.0
_MAX_REPLY_BYTES: Final = 64 * 1024 * 1024
_ROOT: Final = Path(resale.__file__).parents[1]
#: How a process ends that its picture ended: libraries that crash or find no memory, and the limit of CPU time.
_BY_THE_PICTURE: Final = frozenset(
    {signal.SIGSEGV, signal.SIGBUS, signal.SIGABRT, signal.SIGTRAP, signal.SIGILL, signal.SIGFPE, signal.SIGXCPU}
)


class IsolatedImageCodec:
    """Implements ``ImageCodec``. Creating it is cheap: the process starts with the first picture and renders many."""

    def __init__(self, *, wall_seconds: float = WALL_SECONDS) -> None:
        self._wall_seconds = wall_seconds
        self._lock = threading.Lock()
        self._renderer: _Renderer | None = None

    def render(self, data: bytes) -> RenderedImage:
        """Render in the other process (``vips.VipsImageCodec.render``).

        Shape: two copies of the upload between processes, about 2 ms and one start of 0.3 s.

        What no refusal describes is tried once more, in a new process: the one before may have been worn out.

        Raises:
            ImageRefused: As the codec says; ``unprocessable`` when the picture ends its process again.
            ImageNotRendered: No response in time, or the process ended for another reason.
        """
        if not data:
            raise ImageRefused(RefusalReason.EMPTY)
        if len(data) > MAX_IMAGE_BYTES:
            raise ImageRefused(RefusalReason.TOO_LARGE)
        deadline = time.monotonic() + self._wall_seconds
        with self._lock:
            reply = self._render_in_child(data, deadline)
            if reply is None or (reply.is_unforeseen and not reply.is_first):
                self._end()
                reply = self._render_in_child(data, deadline)
        if reply is None:
            raise ImageRefused(RefusalReason.UNPROCESSABLE)
        if reply.refusal is not None:
            raise ImageRefused(reply.refusal)
        if reply.image is None:
            # The codec is a pure function of the bytes: whatever it was will be again.
            logger.error("cannot process a picture: %s", reply.failure)
            raise ImageRefused(RefusalReason.UNPROCESSABLE)
        return reply.image

    @property
    def process_id(self) -> int | None:
        """Process id of the rendering process; None if there is none."""
        return None if self._renderer is None else self._renderer.process_id

    def close(self) -> None:
        """End the process."""
        with self._lock:
            self._end()

    def _render_in_child(self, data: bytes, deadline: float) -> Reply | None:
        """Render a picture in the process; None if the process ended."""
        renderer = self._start_renderer()
        try:
            reply = renderer.send_and_receive(data, deadline)
        except (OSError, EOFError) as error:
            return self._explain(error)
        except BaseException:
            self._end()  # a time limit of the task: what is under way is not waited for
            raise
        if reply.retires:
            self._end()
        return reply

    def _explain(self, error: Exception) -> Reply | None:
        """Return the reply for a missing response; None if the picture ended the process."""
        renderer, is_late = self._renderer, isinstance(error, TimeoutError)
        status = 0 if renderer is None else renderer.end(kill=is_late)
        self._renderer = None
        logger.warning("the rendering process ended", extra={"status": status, "late": is_late})
        if is_late or -status not in _BY_THE_PICTURE:
            raise ImageNotRendered(
                "Rendering the image took too long. It is retried automatically.", retry_after_seconds=10
            ) from error
        return Reply(refusal=RefusalReason.UNPROCESSABLE) if -status == signal.SIGXCPU else None

    def _start_renderer(self) -> "_Renderer":
        if self._renderer is not None and self._renderer.owner != os.getpid():
            self._renderer = None  # the parent's, inherited over a fork
        if self._renderer is None:
            self._renderer = _Renderer()
        return self._renderer

    def _end(self) -> None:
        renderer, self._renderer = self._renderer, None
        if renderer is not None and renderer.owner == os.getpid():
            renderer.end(kill=True)


class _Renderer:
    """A rendering process and the socket to it."""

    def __init__(self) -> None:
        """Start the process and wait until it is ready.

        Raises:
            ImageNotRendered: It does not start.
        """
        self.owner: Final = os.getpid()
        self._channel, theirs = socket.socketpair()
        with theirs:
            command = [sys.executable, "-m", "resale.adapters.images.rendering", str(theirs.fileno())]
            # No credentials, and few arenas: what each keeps for later counts against the limit.
            environment = {"PYTHONPATH": str(_ROOT), "PATH": os.defpath, "MALLOC_ARENA_MAX": "2"}
            self._process = subprocess.Popen(  # noqa: S603 - this project's own program
                command, env=environment, pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL
            )
        weakref.finalize(self, _end_process, self._process, self._channel, self.owner)
        try:
            self._receive(LENGTH.size, time.monotonic() + _START_SECONDS)
        except (OSError, EOFError) as error:
            self.end(kill=True)
            raise ImageNotRendered("The rendering process did not start.", retry_after_seconds=10) from error

    @property
    def process_id(self) -> int:
        """Process id."""
        return self._process.pid

    def send_and_receive(self, data: bytes, deadline: float) -> Reply:
        """Send a picture and return the reply.

        Raises:
            TimeoutError: Not by the deadline.
            OSError: The process has ended.
            EOFError: Same.
        """
        with write_scratch([data]) as file:
            self._channel.settimeout(_remaining_seconds(deadline))
            socket.send_fds(self._channel, [b"1"], [file.fileno()])
        (length,) = LENGTH.unpack(self._receive(LENGTH.size, deadline))
        if length > _MAX_REPLY_BYTES:
            raise EOFError("a reply that is too large")
        return msgspec.msgpack.decode(self._receive(length, deadline), type=Reply)

    def end(self, *, kill: bool) -> int:
        """End the process; return its exit status."""
        if kill:
            self._process.kill()
        self._channel.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            return self._process.wait(timeout=2)
        self._process.kill()
        return self._process.wait()

    def _receive(self, length: int, deadline: float) -> bytearray:
        received = bytearray()
        while len(received) < length:
            self._channel.settimeout(_remaining_seconds(deadline))
            piece = self._channel.recv(min(length - len(received), 1 << 20))
            if not piece:
                raise EOFError
            received += piece
        return received


def _end_process(process: "subprocess.Popen[bytes]", channel: socket.socket, owner: int) -> None:
    """End the process together with its starter; a fork of the starter leaves it running."""
    channel.close()
    if owner == os.getpid() and process.poll() is None:
        process.kill()
        process.wait()


def _remaining_seconds(deadline: float) -> float:
    """Return the remaining seconds, at least a small number: a socket would not time out at 0."""
    return max(0.001, deadline - time.monotonic())
