"""Hostile and broken uploads: each is refused with its reason, cheaply, and the process lives on."""

import subprocess
import sys
from collections.abc import Callable

import pytest
import pyvips

from resale.adapters.images.vips import VipsImageCodec
from resale.domain.image_formats import MAX_IMAGE_BYTES
from resale.domain.media import ImageRefused, RefusalReason
from tests.fixtures.pictures import flat, gif, jpeg, list_jpeg_markers, png, png_bomb, scene, webp

SVG = b"""<?xml version="1.0"?><!-- a picture --><svg xmlns="http://www.w3.org/2000/svg" width="9" height="9">
<script>fetch("http://169.254.169.254/")</script><image href="file:///etc/passwd"/></svg>"""
PROGRESSIVE = 0xC2  # the frame marker of a progressive JPEG


def refusal(data: bytes) -> RefusalReason:
    with pytest.raises(ImageRefused) as refused:
        VipsImageCodec().render(data)
    return refused.value.reason


class TestWhatIsNotTaken:
    def test_nothing_at_all(self) -> None:
        assert refusal(b"") == "empty"

    def test_one_byte_too_many(self) -> None:
        picture = jpeg(flat([9, 9, 9]))
        assert refusal(picture.ljust(MAX_IMAGE_BYTES + 1, b"\0")) == "too_large"

    @pytest.mark.parametrize(
        "data",
        [
            b"just a text file, named .jpg by its sender\n" * 40,
            b"\0" * 5000,
            b"<html><script>alert(1)</script></html>",
            b"PK\x03\x04" + b"\0" * 400,
            b"\xff\xd8",
            b"\x89PNG\r\n",
            b"RIFF\x10\0\0\0WAVEfmt ",
        ],
    )
    def test_what_is_no_picture(self, data: bytes) -> None:
        assert refusal(data) == "not_an_image"

    @pytest.mark.parametrize(
        "data",
        [
            gif(),
            gif() + jpeg(flat([9, 9, 9])),
            SVG,
            b"\xef\xbb\xbf \n<svg onload='alert(1)'/>",
            b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + b"\0" * 400,
            b"\0\0\0\x1cftypavif\0\0\0\0mif1avif" + b"\0" * 400,
            b"II*\0\x08\0\0\0" + b"\0" * 400,
            b"BM\x36\0\0\0\0\0\0\0\x36\0\0\0" + b"\0" * 400,
            b"%PDF-1.7\n",
        ],
    )
    def test_other_formats(self, data: bytes) -> None:
        assert refusal(data) == "unsupported_format"

    def test_a_signature_with_nothing_readable_behind_it(self) -> None:
        assert refusal(b"\xff\xd8\xff\xe0" + b"rubbish" * 100) == "not_an_image"
        assert refusal(b"\x89PNG\r\n\x1a\n" + b"rubbish" * 100) == "not_an_image"
        assert refusal(b"RIFF\x10\0\0\0WEBPVP8 rubbish" * 9) == "not_an_image"


class TestBrokenPictures:
    @pytest.mark.parametrize("share", [0.3, 0.6, 0.9])
    @pytest.mark.parametrize(
        "encode",
        [jpeg, png, webp],
        ids=["jpeg", "png", "webp"],
    )
    def test_that_end_early(self, encode: Callable[[pyvips.Image], bytes], share: float) -> None:
        data = encode(scene(1200, 900))
        assert refusal(data[: int(len(data) * share)]) == "truncated"

    @pytest.mark.parametrize("width", [1200, 4000])
    def test_that_end_early_are_found_with_and_without_shrinking_on_load(self, width: int) -> None:
        data = jpeg(scene(width, width // 2))
        assert refusal(data[:-2000]) == "truncated"

    def test_whose_middle_is_overwritten(self) -> None:
        data = webp(scene(1200, 900))
        assert refusal(data[:40] + b"\xff" * 4000 + data[4040:]) in {"truncated", "not_an_image"}

    def test_whose_checksum_is_wrong(self) -> None:
        data = bytearray(png(scene(1200, 900)))
        data[len(data) // 2] ^= 0xFF
        assert refusal(bytes(data)) == "truncated"

    def test_leave_the_codec_working(self) -> None:
        codec, good = VipsImageCodec(), jpeg(scene(600, 400))
        before = codec.render(good)
        for share in range(1, 10):
            refusal(good[: len(good) * share // 10])
        assert codec.render(good) == before


class TestPixelBounds:
    def test_refuse_a_bomb_before_decoding_it(self) -> None:
        data = png_bomb(50_000)
        assert len(data) < MAX_IMAGE_BYTES
        reason, cpu_seconds, grown_mib = _refuse_in_a_child(data)
        assert reason == "too_many_pixels"
        assert float(cpu_seconds) < 1, "decoding 2.5 gigapixels would take longer"
        assert float(grown_mib) < 100, "the pixels would take 300 MiB at one bit each"

    def test_take_the_last_size_within_and_refuse_the_first_beyond(self) -> None:
        within, beyond = (png(flat([0], width=10_000, height=height, kind="b-w")) for height in (5000, 5001))
        assert VipsImageCodec().render(within).height_px == 5000
        assert refusal(beyond) == "too_many_pixels"

    def test_are_half_for_pictures_that_lie_whole_in_memory(self) -> None:
        grey = flat([90], width=7100, height=7100, kind="b-w")
        progressive = jpeg(grey, interlace=True)
        assert PROGRESSIVE in list_jpeg_markers(progressive)
        assert refusal(progressive) == "too_many_pixels"
        assert VipsImageCodec().render(jpeg(grey)).width_px == 7100
        assert refusal(png(flat([90], width=5100, height=5000, kind="b-w"), interlace=True)) == "too_many_pixels"

    def test_hold_for_an_animation_of_many_pages(self) -> None:
        pages = flat([9, 9, 9], width=2000, height=400 * 20)
        animation = webp(pages, page_height=400, lossless=True, keep="all")
        assert VipsImageCodec().render(animation).height_px == 400


class TestLoaders:
    def test_other_than_the_three_are_blocked_in_the_process_that_renders(self) -> None:
        script = f"""
import pyvips
from resale.adapters.images import pipeline
for data in ({SVG!r}, {gif()!r}):
    try:
        pyvips.Image.new_from_buffer(data, "").avg()
    except pyvips.Error:
        print("blocked")
"""
        assert _run(script).split() == ["blocked", "blocked"]


def _refuse_in_a_child(data: bytes) -> list[str]:
    """Render in a fresh process; answers the reason, the CPU seconds and the MiB its peak grew by."""
    script = """
import resource, sys
from resale.adapters.images import pipeline, vips
from resale.domain.media import ImageRefused
data = sys.stdin.buffer.read()
def peak_kib():
    return next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmHWM"))
before, cpu = peak_kib(), resource.getrusage(resource.RUSAGE_SELF).ru_utime
try:
    vips.VipsImageCodec().render(data)
except ImageRefused as refused:
    print(refused.reason, resource.getrusage(resource.RUSAGE_SELF).ru_utime - cpu, (peak_kib() - before) / 1024)
"""
    return _run(script, data).split()


def _run(script: str, data: bytes = b"") -> str:
    done = subprocess.run([sys.executable, "-c", script], input=data, capture_output=True, timeout=90, check=False)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout.decode().strip()
