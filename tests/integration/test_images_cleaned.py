"""Metadata never reaches a decoder: bombs in it cost nothing, and the two things that matter are still read."""

import contextlib
import random
import resource
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
import pyvips

from resale.adapters.images.cleaned import MAX_PARTS, Cleaned
from resale.adapters.images.cleaning import clean
from resale.adapters.images.isolated import IsolatedImageCodec
from resale.adapters.images.sniffing import sniff_content_type
from resale.domain.media import ImageRefused, RefusalReason, RenderedImage
from tests.fixtures.bombs import (
    jpeg_of_size,
    jpeg_with_many_scans,
    jpeg_with_segments,
    png_chunk,
    png_of_size,
    png_with_many_chunks,
    png_with_texts,
    webp_of_chunks,
    webp_patch,
    webp_pixels,
)
from tests.fixtures.pictures import METADATA_MARKS, flat, jpeg, png, quadrants, scene, tagged, webp

SAMPLES = Path(__file__).parents[1] / "samples/photos"
KINDS = {"image/jpeg": jpeg, "image/png": png, "image/webp": webp}


@pytest.fixture(scope="module")
def codec() -> Iterator[IsolatedImageCodec]:
    with closing(IsolatedImageCodec(wall_seconds=60)) as opened:
        yield opened


def refusal(codec: IsolatedImageCodec, data: bytes) -> RefusalReason:
    with pytest.raises(ImageRefused) as refused:
        codec.render(data)
    return refused.value.reason


def render_apart(codec: IsolatedImageCodec, data: bytes) -> tuple[RenderedImage, float]:
    """Render in a process that ends; return the picture and the CPU seconds of the process, known when it has ended."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
    image = codec.render(data)
    codec.close()
    return image, resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - before


def cleaned(data: bytes) -> Cleaned:
    return clean(memoryview(data), sniff_content_type(data))


def joined(data: bytes) -> bytes:
    return b"".join(bytes(part) for part in cleaned(data).parts)


def corner(image: RenderedImage) -> list[float]:
    body = next(each.body for each in image.renditions if each.content_type == "image/jpeg")
    return list(pyvips.Image.new_from_buffer(body, "").getpoint(1, 1))


class TestMetadataBombs:
    @pytest.mark.parametrize("kind", [b"zTXt", b"iTXt", b"iCCP"])
    def test_in_png_inflate_nothing(self, codec: IsolatedImageCodec, kind: bytes) -> None:
        data = png_with_texts(png(flat([9, 200, 9], width=64, height=64)), kind=kind, count=40, mebibytes=32)
        assert len(data) < 4_000_000
        image, seconds = render_apart(codec, data)
        assert (image.width_px, image.height_px) == (64, 64)
        _, of_its_picture = render_apart(codec, png(flat([9, 200, 9], width=64, height=64)))
        assert seconds < 10 * of_its_picture, "1.3 GiB take longer to inflate"

    @pytest.mark.parametrize(
        "data",
        [
            png_with_many_chunks(png(flat([9, 9, 9])), MAX_PARTS + 1),
            jpeg_with_segments(jpeg(flat([9, 9, 9])), 0xFE, b"x", MAX_PARTS + 1),
            jpeg_with_segments(jpeg(scene(64, 64), interlace=True), 0xD0, b"", 0)[:-2] + b"\xff\xfe\0\2" * MAX_PARTS,
            webp_of_chunks(*[(b"JUNK", b"")] * MAX_PARTS, webp_pixels(webp(flat([9, 9, 9]), keep="none"))),
        ],
        ids=["png", "jpeg", "jpeg-between-scans", "webp"],
    )
    def test_of_endless_parts_are_refused(self, codec: IsolatedImageCodec, data: bytes) -> None:
        with pytest.raises(ImageRefused, match="unprocessable"):
            cleaned(data)
        assert refusal(codec, data) == "unprocessable"

    @pytest.mark.parametrize("tail", [b"\0", b""], ids=["stuffed", "at the end"])
    @pytest.mark.parametrize("is_progressive", [False, True])
    def test_of_fill_bytes_take_no_longer_than_their_length(self, *, tail: bytes, is_progressive: bool) -> None:
        picture = jpeg(scene(64, 64), interlace=is_progressive)
        at = picture.index(b"\xff\xda") + 20 if is_progressive else 2
        data = picture[:at] + b"\xff" * 4_000_000 + tail + (picture[at:] if tail else b"")
        with contextlib.suppress(ImageRefused):
            cleaned(data)  # hours, if the time grew with the square of their number

    def test_of_profiles_in_png_are_inflated_once(self) -> None:
        one, many = (
            png_with_texts(png(flat([9, 9, 9])), kind=b"iCCP", count=count, mebibytes=5) for count in (1, 2_000)
        )
        seconds = []
        for bomb in (one, many):
            began = time.thread_time()
            assert cleaned(bomb).profile is None
            seconds.append(time.thread_time() - began)
        assert seconds[1] < 200 * seconds[0]

    def test_of_large_segments_are_passed_over(self, codec: IsolatedImageCodec) -> None:
        for marker in (0xE1, 0xE2, 0xED, 0xFE):
            data = jpeg_with_segments(jpeg(scene(64, 64)), marker, b"ICC_PROFILE\0\1\xff" + bytes(65_000), 300)
            assert codec.render(data).width_px == 64
            assert len(joined(data)) < 100_000

    def test_of_scans_are_refused(self, codec: IsolatedImageCodec) -> None:
        data = jpeg_with_many_scans(jpeg(scene(640, 480), interlace=True), 200)
        assert refusal(codec, data) == "unprocessable"


class TestWhatIsKept:
    @pytest.mark.parametrize("content_type", KINDS)
    def test_is_the_picture_and_nothing_that_names_a_place(self, content_type: str) -> None:
        data = KINDS[content_type](tagged(scene(300, 200), orientation=6), keep="all", profile="p3")
        found = cleaned(data)
        assert found.orientation == 6
        assert found.profile == pyvips.Image.profile_load("p3")
        assert not [mark for mark in (*METADATA_MARKS, b"GPS", b"Camera") if mark in joined(data)]
        again = cleaned(joined(data))
        assert (again.width_px, again.height_px, again.orientation, again.profile) == (300, 200, 1, None)

    def test_of_progressive_jpeg_with_something_between_its_scans_too(self) -> None:
        good = jpeg(scene(300, 200), interlace=True)
        second = good.index(b"\xff\xda", good.index(b"\xff\xda") + 2)
        data = good[:second] + b"\xff\xe1\0\x0ahttp://h" + good[second:] + b"appended"
        assert b"http" not in joined(data)
        assert joined(data).endswith(b"\xff\xd9")
        assert len(joined(data)) < len(good)

    def test_of_apng_is_its_still_picture(self, codec: IsolatedImageCodec) -> None:
        picture = png(quadrants())
        end = len(picture) - 12
        control = png_chunk(b"acTL", bytes(8))
        data = picture[:33] + control + picture[33:end] + png_chunk(b"fdAT", bytes(8)) + picture[end:]
        assert b"acTL" not in joined(data)
        assert corner(codec.render(data)) == pytest.approx([254, 0, 0], abs=3)

    def test_of_an_animation_is_its_first_frame_where_it_lies_on_its_canvas(self, codec: IsolatedImageCodec) -> None:
        data = webp_patch(webp(flat([255, 0, 0]), keep="none"), canvas=(400, 300), at=(200, 100), size=(40, 30))
        image = codec.render(data)
        assert (image.width_px, image.height_px) == (400, 300)
        assert corner(image) == pytest.approx([255, 255, 255], abs=2)


class TestSegments:
    @pytest.mark.parametrize("length", [0, 1])
    @pytest.mark.parametrize("marker", [0xC4, 0xDB, 0xC0])
    def test_shorter_than_their_own_length_are_refused(self, marker: int, length: int) -> None:
        picture = jpeg(scene(64, 64))
        data = picture[:2] + bytes([0xFF, marker, 0, length]) + picture[2:]
        with pytest.raises(ImageRefused, match="truncated"):
            cleaned(data)

    @pytest.mark.parametrize("marker", [0xDB, 0xE1, 0xDA])
    def test_shorter_than_their_own_length_between_scans_are_refused(self, marker: int) -> None:
        picture = jpeg(scene(64, 64), interlace=True)
        second = picture.index(b"\xff\xda", picture.index(b"\xff\xda") + 2)
        with pytest.raises(ImageRefused, match="truncated"):
            cleaned(picture[:second] + bytes([0xFF, marker, 0, 1]) + picture[second:])

    @pytest.mark.parametrize("scan", [b"\0\0", b"\0\5\1\0\0", b"\0\0\0", b"\0"])
    def test_of_a_scan_without_components_are_refused(self, scan: bytes) -> None:
        picture = jpeg(scene(64, 64))
        head = picture[: picture.index(b"\xff\xda") + 2]
        with pytest.raises(ImageRefused, match="truncated"):
            cleaned(head + scan)

    def test_taken_out_behind_fill_bytes_leave_no_marker_behind(self) -> None:
        good = jpeg(scene(300, 200), interlace=True)
        second = good.index(b"\xff\xda", good.index(b"\xff\xda") + 2)
        hidden = b"\xe1\0\x0ahttp://h"
        data = good[:second] + b"\xff\xff\xfe\0\2" + hidden + good[second:]
        assert b"\xff" + hidden not in joined(data)


class TestSizes:
    @pytest.mark.parametrize("encode", [jpeg, webp, png], ids=["jpeg", "webp", "png"])
    @pytest.mark.parametrize(("width", "height"), [(3, 12_800), (12_800, 3), (1, 16_000), (7, 13_001)])
    def test_long_and_thin_are_rendered(
        self, codec: IsolatedImageCodec, encode: Callable[[pyvips.Image], bytes], width: int, height: int
    ) -> None:
        image = codec.render(encode(flat([200, 100, 50], width=width, height=height)))
        assert (image.width_px, image.height_px) == (width, height)
        for rendition in image.renditions:
            assert min(rendition.width_px, rendition.height_px) >= 1
            assert max(rendition.width_px, rendition.height_px) == min(rendition.edge_px, max(width, height))

    @pytest.mark.parametrize(
        ("data", "reason"),
        [
            (jpeg_of_size(jpeg(scene(64, 64)), 40_000, 64), "too_many_pixels"),
            (jpeg_of_size(jpeg(scene(64, 64)), 12_000, 12_000), "too_many_pixels"),
            (jpeg_of_size(jpeg(scene(64, 64)), 0, 64), "not_an_image"),
            (png_of_size(png(scene(64, 64)), 2**31 - 1, 2**31 - 1), "too_many_pixels"),
            (png_of_size(png(scene(64, 64)), 64, 0), "not_an_image"),
            (png_of_size(png(scene(64, 64)), 64, 6400), "truncated"),
            (
                webp_patch(webp(flat([9, 9, 9]), keep="none"), canvas=(16_384, 16_384), at=(2, 2), size=(40, 30)),
                "too_many_pixels",
            ),
        ],
    )
    def test_that_lie_are_refused(self, codec: IsolatedImageCodec, data: bytes, reason: str) -> None:
        assert refusal(codec, data) == reason


class TestDamage:
    @pytest.mark.parametrize("name", ["jpeg", "progressive", "png", "webp", "animation", "grid.heic", "still.avif"])
    def test_of_any_bytes_ends_in_a_clean_file_or_a_refusal(self, name: str) -> None:
        data = _files()[name]
        rng = random.Random(name)  # noqa: S311 - the same damage each time
        refused = 0
        for _ in range(400):
            damaged = bytearray(data)
            for _ in range(rng.choice((1, 3, 9))):
                damaged[rng.randrange(min(len(data), rng.choice((64, 512, 4096))))] = rng.choice(
                    (0, 255, rng.randrange(256))
                )
            try:
                cleaned(bytes(damaged[: rng.choice((len(data), rng.randrange(1, len(data))))]))
            except ImageRefused:
                refused += 1
        assert 0 < refused < 400


def _files() -> dict[str, bytes]:
    picture = scene(96, 64)
    frame = webp(flat([255, 0, 0]), keep="none")
    return {
        "jpeg": jpeg(tagged(picture), keep="all", profile="p3"),
        "progressive": jpeg(picture, interlace=True),
        "png": png(tagged(picture), keep="all", profile="p3"),
        "webp": webp(tagged(picture), keep="all", profile="p3"),
        "animation": webp_patch(frame, canvas=(400, 300), at=(200, 100), size=(40, 30)),
        **{path.name: path.read_bytes() for path in SAMPLES.iterdir()},
    }
