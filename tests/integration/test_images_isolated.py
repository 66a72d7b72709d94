"""The process that renders: what ends it, what that means for the picture, and what it may use."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

import pytest

from resale.adapters.images.isolated import IsolatedImageCodec
from resale.adapters.images.rendering import MEMORY_BYTES
from resale.domain.media import ImageNotRendered, ImageRefused
from tests.fixtures.pictures import flat, jpeg, png_bomb, scene

GOOD = jpeg(flat([9, 9, 9]))


@pytest.fixture
def codec() -> Iterator[IsolatedImageCodec]:
    with closing(IsolatedImageCodec(wall_seconds=60)) as opened:
        yield opened


def pid_of(codec: IsolatedImageCodec) -> int:
    assert codec.process_id is not None
    return codec.process_id


class TestTheProcess:
    def test_serves_one_picture_after_the_other_and_ends_with_its_codec(self, codec: IsolatedImageCodec) -> None:
        first = codec.render(GOOD)
        pid = pid_of(codec)
        assert codec.render(GOOD) == first
        assert pid_of(codec) == pid
        codec.close()
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)

    def test_knows_no_credentials(self, codec: IsolatedImageCodec, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "planted")
        codec.render(GOOD)
        environment = Path(f"/proc/{pid_of(codec)}/environ").read_bytes()
        assert b"AWS_" not in environment
        assert b"SECRET" not in environment

    def test_is_replaced_when_it_is_ended_from_outside_and_the_picture_is_not_blamed(
        self, codec: IsolatedImageCodec
    ) -> None:
        codec.render(GOOD)
        os.kill(pid_of(codec), signal.SIGKILL)
        with pytest.raises(ImageNotRendered):
            codec.render(GOOD)
        assert codec.render(GOOD).width_px == 40

    def test_that_crashes_is_tried_anew_once_then_the_picture_is_refused(self, codec: IsolatedImageCodec) -> None:
        crashed: list[int] = []
        over = threading.Event()

        def crash() -> None:
            while not over.is_set():
                pid = codec.process_id
                if pid is not None and pid not in crashed:
                    crashed.append(pid)
                    os.kill(pid, signal.SIGSEGV)
                time.sleep(0.001)  # not to spin: the loop ends by the event

        thread = threading.Thread(target=crash)
        slow = png_bomb(7000)
        codec.render(GOOD)
        thread.start()
        try:
            with pytest.raises(ImageRefused, match="unprocessable"):
                codec.render(slow)
        finally:
            over.set()
            thread.join()
        assert len(crashed) == 2
        assert codec.render(slow).width_px == 7000

    def test_that_is_too_slow_is_ended(self) -> None:
        with closing(IsolatedImageCodec(wall_seconds=60)) as codec:
            codec.render(GOOD)
            pid = pid_of(codec)
            os.kill(pid, signal.SIGSTOP)
            codec._wall_seconds = 0.2
            with pytest.raises(ImageNotRendered):
                codec.render(GOOD)
            with pytest.raises(ProcessLookupError):
                os.kill(pid, 0)

    def test_of_a_worker_that_is_killed_ends_too(self) -> None:
        script = f"""
import os, time
from resale.adapters.images.isolated import IsolatedImageCodec
codec = IsolatedImageCodec()
codec.render(bytes.fromhex({GOOD.hex()!r}))
print(codec.process_id, flush=True)
time.sleep(60)
"""
        with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE) as worker:
            assert worker.stdout is not None
            pid = int(worker.stdout.readline())
            worker.kill()
        deadline = time.monotonic() + 10
        with suppress(ProcessLookupError):
            while time.monotonic() < deadline and Path(f"/proc/{pid}/stat").read_text().split()[2] != "Z":
                os.kill(pid, 0)
                time.sleep(0.01)
        assert time.monotonic() < deadline


class TestLimits:
    def test_of_memory_turn_a_swelling_picture_into_an_error(self) -> None:
        script = """
from resale.adapters.images import rendering
rendering._limit()
try:
    bytearray(rendering.MEMORY_BYTES)
except MemoryError:
    print("refused")
"""
        assert _run(script) == "refused"
        assert MEMORY_BYTES < 400 * 1024 * 1024

    def test_of_time_end_a_picture_that_spins(self) -> None:
        script = """
import resource
from resale.adapters.images import rendering
rendering._limit()
rendering.CPU_SECONDS = 1
rendering._grant_cpu_seconds()
while True:
    pass
"""
        done = subprocess.run([sys.executable, "-c", script], check=False, timeout=60)
        assert done.returncode == -signal.SIGXCPU

    def test_hold_a_picture_of_many_pixels(self, codec: IsolatedImageCodec) -> None:
        codec.render(jpeg(scene(1200, 900)))
        peak = next(
            int(line.split()[1])
            for line in Path(f"/proc/{pid_of(codec)}/status").read_text().splitlines()
            if "VmHWM" in line
        )
        assert peak < 100 * 1024


def _run(script: str) -> str:
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, timeout=60, check=True)
    return done.stdout.decode().strip()
