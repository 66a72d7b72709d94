"""HEIC and AVIF as telephones write them, and as strangers do."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
import pyvips

from resale.adapters.images.boxes import iter_boxes
from resale.adapters.images.cleaning import clean
from resale.adapters.images.heif_items import read_meta
from resale.adapters.images.isolated import IsolatedImageCodec
from resale.domain.media import ImageRefused, RenderedImage
from tests.fixtures.bombs import box, deflated_zeros, patched

SAMPLES = Path(__file__).parents[1] / "samples/photos"
UPRIGHT = {"red": (0.25, 0.25), "green": (0.75, 0.25), "blue": (0.25, 0.75), "white": (0.75, 0.75)}
TURNED = {"blue": (0.25, 0.25), "red": (0.75, 0.25), "white": (0.25, 0.75), "green": (0.75, 0.75)}
COLOURS = {"red": [254, 0, 0], "green": [0, 255, 0], "blue": [0, 0, 254], "white": [255, 255, 255]}


@pytest.fixture(scope="module")
def codec() -> Iterator[IsolatedImageCodec]:
    with closing(IsolatedImageCodec(wall_seconds=60)) as opened:
        yield opened


def sample(name: str) -> bytes:
    return (SAMPLES / name).read_bytes()


def refusal(codec: IsolatedImageCodec, data: bytes) -> str:
    with pytest.raises(ImageRefused) as refused:
        codec.render(data)
    return refused.value.reason.value


def colour_at(image: RenderedImage, content_type: str, x: float, y: float) -> list[float]:
    body = next(each.body for each in image.renditions if each.content_type == content_type)
    pixels = pyvips.Image.new_from_buffer(body, "")
    return list(pixels.getpoint(int(x * pixels.width), int(y * pixels.height)))


class TestTelephones:
    @pytest.mark.parametrize(
        ("name", "content_type", "size", "places"),
        [
            ("telephone.heic", "image/heic", (64, 96), TURNED),
            ("grid.heic", "image/heic", (128, 192), TURNED),
            ("burst.heic", "image/heic", (96, 64), UPRIGHT),
            ("still.avif", "image/avif", (64, 96), TURNED),
            ("film.avif", "image/avif", (96, 64), UPRIGHT),
        ],
    )
    def test_photos_are_rendered_upright_once(
        self,
        codec: IsolatedImageCodec,
        name: str,
        content_type: str,
        size: tuple[int, int],
        places: dict[str, tuple[float, float]],
    ) -> None:
        image = codec.render(sample(name))
        assert (image.content_type, image.width_px, image.height_px) == (content_type, *size)
        assert len(image.renditions) == 6
        for colour, place in places.items():
            assert colour_at(image, "image/jpeg", *place) == pytest.approx(COLOURS[colour], abs=6)

    def test_alpha_stays(self, codec: IsolatedImageCodec) -> None:
        image = codec.render(sample("cutout.heic"))
        assert colour_at(image, "image/webp", 0.5, 0.1)[3] < 60
        assert colour_at(image, "image/webp", 0.5, 0.9)[3] > 200

    def test_ten_bits_become_eight(self, codec: IsolatedImageCodec) -> None:
        image = codec.render(sample("ten-bit.heic"))
        assert colour_at(image, "image/jpeg", 0.5, 0.5) == pytest.approx([254, 0, 0], abs=4)

    def test_colours_of_a_wide_gamut_become_srgb(self) -> None:
        profile = pyvips.Image.profile_load("p3")
        assert clean(memoryview(sample("telephone.heic")), "image/heif").profile == profile

    @pytest.mark.parametrize("name", ["telephone.heic", "still.avif"])
    def test_nothing_is_left_that_could_be_read_as_metadata(self, codec: IsolatedImageCodec, name: str) -> None:
        data = sample(name)
        assert b"Exif" in data
        cleaned = clean(memoryview(data), "image/heif")
        joined = memoryview(b"".join(bytes(part) for part in cleaned.parts))
        meta = next(box for box in iter_boxes(joined, 0, len(joined)) if box.kind == b"meta")
        kinds = [item.kind for item in read_meta(joined, meta).items.values()]
        assert sorted(kinds)[1:] == [b"skip"] * 2
        assert kinds[0] in {b"hvc1", b"av01"}
        for rendition in codec.render(data).renditions:
            assert not [mark for mark in (b"Camera", b"Exif", b"xmpmeta") if mark in rendition.body]


class TestHostileFiles:
    @pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.99])
    @pytest.mark.parametrize("name", ["telephone.heic", "grid.heic", "still.avif"])
    def test_that_end_early(self, codec: IsolatedImageCodec, name: str, share: float) -> None:
        data = sample(name)
        assert refusal(codec, data[: int(len(data) * share)]) in {"truncated", "not_an_image", "unsupported_format"}

    @pytest.mark.parametrize(
        ("old", "new", "reason"),
        [
            (b"hvc1", b"vvc1", "unsupported_format"),
            (b"hvc1", b"skip", "unsupported_format"),
            (b"pitm\0\0\0\0\0\1", b"pitm\0\0\0\0\0\7", "not_an_image"),
            (b"ispe\0\0\0\0\0\0\0\x60", b"ispe\0\0\0\0\0\0\xff\x60", "too_many_pixels"),
            (b"ispe\0\0\0\0\0\0\0\x60", b"ispe\0\0\0\0\0\0\0\0", "not_an_image"),
            (b"iinf\0\0\0\0\0\3", b"iinf\0\0\0\0\xff\xff", "unprocessable"),
            (b"iprp", b"xxxx", "not_an_image"),
        ],
    )
    def test_whose_items_do_not_hold(self, codec: IsolatedImageCodec, old: bytes, new: bytes, reason: str) -> None:
        assert refusal(codec, patched(sample("telephone.heic"), old, new)) == reason

    def test_whose_tiles_are_made_of_themselves(self, codec: IsolatedImageCodec) -> None:
        data = sample("grid.heic")
        at = data.index(b"dimg") + 4
        looped = data[: at + 4] + data[at : at + 2] + data[at + 6 :]  # the first tile is the grid
        assert refusal(codec, looped) == "unprocessable"

    def test_of_noise_where_pixels_were(self, codec: IsolatedImageCodec) -> None:
        data = sample("telephone.heic")
        start = data.index(b"mdat") + 4
        assert refusal(codec, data[:start] + b"\xa5" * (len(data) - start)) in {"unprocessable", "truncated"}

    def test_films_alone_are_not_taken(self, codec: IsolatedImageCodec) -> None:
        film = box(b"ftyp", b"msf1\0\0\0\0hevc") + box(b"moov", b"")
        assert refusal(codec, film) == "unsupported_format"
        assert refusal(codec, box(b"ftyp", b"isom\0\0\0\0mp42") + box(b"moov", b"")) == "unsupported_format"

    @pytest.mark.parametrize("kind", [b"meta", b"ftyp"])
    def test_whose_boxes_come_twice_are_left_with_the_first(self, codec: IsolatedImageCodec, kind: bytes) -> None:
        data = sample("telephone.heic")
        view = memoryview(data)
        first = next(each for each in iter_boxes(view, 0, len(data)) if each.kind == kind)
        doubled = data + data[first.start : first.end].replace(b"hvc1", b"av01").replace(b"heic", b"avis")
        cleaned = clean(memoryview(doubled), "image/heif")
        joined = memoryview(b"".join(bytes(part) for part in cleaned.parts))
        assert [each.kind for each in iter_boxes(joined, 0, len(joined))].count(kind) == 1
        assert codec.render(doubled).renditions == codec.render(data).renditions

    @pytest.mark.parametrize("kind", [b"pitm", b"iinf", b"iprp", b"iloc"])
    def test_whose_meta_says_something_twice_are_left_with_the_first(self, kind: bytes) -> None:
        data = sample("telephone.heic")
        view = memoryview(data)
        meta = next(each for each in iter_boxes(view, 0, len(data)) if each.kind == b"meta")
        first = next(each for each in iter_boxes(view, meta.body + 4, meta.end) if each.kind == kind)
        again = data[first.start : first.end]
        length = (meta.end - meta.start + len(again)).to_bytes(4, "big")
        doubled = data[: meta.start] + length + data[meta.start + 4 : meta.end] + again + data[meta.end :]
        joined = memoryview(b"".join(bytes(part) for part in clean(memoryview(doubled), "image/heif").parts))
        kinds = [each.kind for each in iter_boxes(joined, meta.body + 4, meta.end + len(again))]
        assert kinds.count(kind) == 1

    def test_whose_items_share_a_number_are_refused(self, codec: IsolatedImageCodec) -> None:
        data = sample("telephone.heic")
        at = data.index(b"Exif", data.index(b"iinf")) - 4
        assert refusal(codec, data[:at] + b"\0\1" + data[at + 2 :]) == "unprocessable"

    def test_appended_boxes_and_bombs_change_nothing(self, codec: IsolatedImageCodec) -> None:
        data = sample("telephone.heic")
        assert codec.render(data + box(b"uuid", deflated_zeros(64)) * 9).renditions == codec.render(data).renditions
        assert refusal(codec, data + box(b"free", b"") * 70_000) == "unprocessable"
