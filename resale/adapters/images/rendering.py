"""The program that decodes uploads: a process with its own limits that runs one job after the other.

``python -m resale.adapters.images.rendering FD``, started by ``isolated.IsolatedImageCodec``. It is given no
credentials, opens no connection, and is killed by its own limits when a picture makes it swell or spin. What it says
when it ends badly is nothing: whoever started it sees how it ended.
"""

import contextlib
import ctypes
import gc
import math
import mmap
import os
import resource
import signal
import socket
import struct
import sys
from pathlib import Path
from typing import Final

import msgspec

from resale.adapters.images.vips import VipsImageCodec
from resale.domain.media import ImageRefused, RefusalReason, RenderedImage

MEMORY_BYTES: Final = 384 * 1024 * 1024  # of private writable memory; with code and twice the upload below 512 MiB
CPU_SECONDS: Final = 9  # of one picture; the largest that are taken need three
LENGTH: Final = struct.Struct("<I")
_RETIRE_AFTER: Final = 500  # pictures; whatever a library leaks goes with its process
_SWOLLEN_BYTES: Final = 128 * 1024 * 1024  # kept between pictures; one that lacks it is tried in a new process
_DIE_WITH_PARENT: Final = 1  # PR_SET_PDEATHSIG, prctl(2)


class Reply(msgspec.Struct, kw_only=True, omit_defaults=True):
    """The result of one picture.

    ``failure`` is an error that no refusal describes; ``is_first`` of this process; ``retires``: start another.
    """

    image: RenderedImage | None = None
    refusal: RefusalReason | None = None
    failure: str | None = None
    is_first: bool = False
    retires: bool = False

    @property
    def is_unforeseen(self) -> bool:
        """Whether a new process could have another result."""
        return self.failure is not None or self.refusal == RefusalReason.UNPROCESSABLE


def main() -> None:
    """Serve until the socket is closed or this process uses too much memory."""
    sys.setrecursionlimit(200)
    _limit()
    channel = socket.socket(fileno=int(sys.argv[1]))
    import resale.adapters.images.pipeline  # noqa: F401, PLC0415 - libvips starts here, within the limits

    codec = VipsImageCodec()
    encoder = msgspec.msgpack.Encoder()
    channel.sendall(LENGTH.pack(0))  # ready
    for done in range(1, _RETIRE_AFTER + 1):
        fd = _receive(channel)
        if fd is None:
            return
        _grant_cpu_seconds()
        reply = _render(codec, fd)
        if _is_swollen():
            _give_memory_back()
        reply.is_first = done == 1
        reply.retires = done == _RETIRE_AFTER or _is_swollen()
        body = encoder.encode(reply)
        channel.sendall(LENGTH.pack(len(body)) + body)
        if reply.retires:
            return


def _render(codec: VipsImageCodec, fd: int) -> Reply:
    try:
        length = os.fstat(fd).st_size
        if length == 0:
            return Reply(refusal=RefusalReason.EMPTY)
        data = mmap.mmap(fd, length, access=mmap.ACCESS_READ)
        return Reply(image=codec.render(memoryview(data)))
    except ImageRefused as refused:
        return Reply(refusal=refused.reason)
    except MemoryError:
        return Reply(refusal=RefusalReason.UNPROCESSABLE)
    except Exception as error:  # noqa: BLE001 - named to whoever started this; the picture is no reason to end
        return Reply(failure=f"{type(error).__name__}: {error}"[:500])
    finally:
        os.close(fd)


def _receive(channel: socket.socket) -> int | None:
    try:
        said, fds, *_ = socket.recv_fds(channel, 1, 1)
    except ConnectionError:
        return None
    return fds[0] if said and fds else None


def _limit() -> None:
    """Set the limits of this process; macOS has fewer of them."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGQUIT):
        signal.signal(number, signal.SIG_IGN)  # it ends with the worker that started it
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform == "linux":
        resource.setrlimit(resource.RLIMIT_DATA, (MEMORY_BYTES, MEMORY_BYTES))
        ctypes.CDLL(None).prctl(_DIE_WITH_PARENT, signal.SIGKILL)


def _grant_cpu_seconds() -> None:
    used = resource.getrusage(resource.RUSAGE_SELF)
    soft = math.ceil(used.ru_utime + used.ru_stime) + CPU_SECONDS
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    resource.setrlimit(resource.RLIMIT_CPU, (soft, hard))


def _give_memory_back() -> None:
    """Make the C library release free memory, because the limit counts it."""
    gc.collect()
    if sys.platform == "linux":
        with contextlib.suppress(AttributeError):  # glibc's own
            ctypes.CDLL(None).malloc_trim(0)


def _is_swollen() -> bool:
    if sys.platform != "linux":
        return False
    data_pages = int(Path("/proc/self/statm").read_text().split()[5])
    return data_pages * resource.getpagesize() > _SWOLLEN_BYTES


if __name__ == "__main__":
    main()
