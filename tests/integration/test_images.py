"""What the codec makes of good uploads, read back from the encoded bytes."""

import hashlib
import itertools

import pytest
import pyvips

from resale.adapters.images.profiles import is_called_srgb
from resale.adapters.images.vips import VipsImageCodec
from resale.domain.media import RenderedImage, RenderedRendition
from tests.fixtures.pictures import (
    METADATA_MARKS,
    flat,
    jpeg,
    list_jpeg_markers,
    list_webp_chunks,
    png,
    quadrants,
    scene,
    tagged,
    webp,
)

KINDS = {"image/jpeg": jpeg, "image/png": png, "image/webp": webp}
# JFIF header, quantisation, frame, Huffman tables, restart interval: what a decoder needs and nothing else.
JPEG_MARKERS = {0xE0, 0xDB, 0xC0, 0xC4, 0xDD}
WEBP_CHUNKS = {b"VP8 ", b"VP8L", b"VP8X", b"ALPH"}


def render(data: bytes) -> RenderedImage:
    return VipsImageCodec().render(data)


def pick(image: RenderedImage, content_type: str, edge_px: int = 320) -> RenderedRendition:
    return next(r for r in image.renditions if (r.content_type, r.edge_px) == (content_type, edge_px))


def colour_at(rendition: RenderedRendition, x: float, y: float) -> list[float]:
    pixels = pyvips.Image.new_from_buffer(rendition.body, "")
    return list(pixels.getpoint(int(x * pixels.width), int(y * pixels.height)))


def distance(one: RenderedImage, other: RenderedImage) -> int:
    return (int(one.perceptual_hash, 16) ^ int(other.perceptual_hash, 16)).bit_count()


class TestRenditions:
    @pytest.mark.parametrize("content_type", KINDS)
    def test_are_six_of_the_asked_sizes(self, content_type: str) -> None:
        data = KINDS[content_type](scene(2400, 1800))
        image = render(data)
        assert (image.content_type, image.width_px, image.height_px) == (content_type, 2400, 1800)
        assert image.sha256 == hashlib.sha256(data).hexdigest()
        assert [(r.edge_px, r.content_type, r.width_px, r.height_px) for r in image.renditions] == [
            (1600, "image/webp", 1600, 1200),
            (1600, "image/jpeg", 1600, 1200),
            (800, "image/webp", 800, 600),
            (800, "image/jpeg", 800, 600),
            (320, "image/webp", 320, 240),
            (320, "image/jpeg", 320, 240),
        ]

    def test_are_what_they_say(self) -> None:
        for rendition in render(jpeg(scene(1000, 1500))).renditions:
            pixels = pyvips.Image.new_from_buffer(rendition.body, "", fail_on="error")
            assert (pixels.width, pixels.height) == (rendition.width_px, rendition.height_px)
            assert (
                pixels.get("vips-loader")
                == {"image/webp": "webpload_buffer", "image/jpeg": "jpegload_buffer"}[rendition.content_type]
            )
            assert hashlib.sha256(rendition.body).hexdigest() == rendition.sha256
            assert pixels.avg() > 0

    def test_are_the_same_bytes_for_the_same_upload(self) -> None:
        data = jpeg(scene(900, 900))
        assert render(data) == render(data)

    def test_are_never_larger_than_the_upload(self) -> None:
        image = render(jpeg(scene(500, 200)))
        sizes = [(r.edge_px, r.width_px, r.height_px) for r in image.renditions if r.content_type == "image/jpeg"]
        assert sizes == [(1600, 500, 200), (800, 500, 200), (320, 320, 128)]
        assert pick(image, "image/webp", 1600).sha256 == pick(image, "image/webp", 800).sha256

    @pytest.mark.parametrize(("width", "height"), [(9000, 3), (3, 9000), (1, 1), (1601, 1600)])
    def test_keep_at_least_a_pixel_of_extreme_shapes(self, width: int, height: int) -> None:
        image = render(png(flat([200, 100, 50], width=width, height=height)))
        assert (image.width_px, image.height_px) == (width, height)
        for rendition in image.renditions:
            assert min(rendition.width_px, rendition.height_px) >= 1
            assert max(rendition.width_px, rendition.height_px) == min(rendition.edge_px, max(width, height))

    def test_of_an_animation_are_of_its_first_page(self) -> None:
        pages = flat([255, 0, 0], height=60).join(flat([0, 0, 255], height=60), "vertical")
        image = render(webp(pages, page_height=60, keep="all"))
        assert (image.width_px, image.height_px) == (40, 60)
        assert colour_at(pick(image, "image/jpeg"), 0.5, 0.9) == pytest.approx([254, 0, 0], abs=3)

    def test_carry_nothing_that_was_appended_to_the_upload(self) -> None:
        payload = b"PK\x03\x04<script>alert(1)</script>" * 20
        image = render(jpeg(scene(400, 400)) + payload)
        assert all(b"<script>" not in r.body for r in image.renditions)


class TestMetadata:
    @pytest.mark.parametrize("content_type", KINDS)
    def test_is_gone_from_every_rendition(self, content_type: str) -> None:
        data = KINDS[content_type](tagged(scene(1000, 700)), keep="all", profile="p3")
        assert sum(mark in data for mark in METADATA_MARKS) >= 3, "the upload must carry EXIF, XMP and a profile"
        for rendition in render(data).renditions:
            assert not [mark for mark in (*METADATA_MARKS, b"GPS", b"Camera") if mark in rendition.body]

    def test_has_no_segment_to_be_in(self) -> None:
        for rendition in render(jpeg(tagged(scene(1000, 700)), keep="all", profile="p3")).renditions:
            if rendition.content_type == "image/jpeg":
                assert list_jpeg_markers(rendition.body) <= JPEG_MARKERS
            else:
                assert list_webp_chunks(rendition.body) <= WEBP_CHUNKS

    @pytest.mark.parametrize("orientation", range(1, 9))
    def test_orientation_is_applied_to_the_pixels(self, orientation: int) -> None:
        upright = quadrants()
        stored = tagged(_undo(upright, orientation), orientation=orientation)
        image = render(png(stored, keep="all"))
        assert (image.width_px, image.height_px) == (80, 40)
        for rendition in image.renditions:
            seen = [colour_at(rendition, x, y) for y, x in itertools.product((0.25, 0.75), repeat=2)]
            expected = [[255, 0, 0], [0, 255, 0], [0, 0, 255], [255, 255, 255]]
            assert seen == [pytest.approx(colour, abs=12) for colour in expected]

    def test_of_nonsense_is_ignored(self) -> None:
        odd = scene(300, 200)
        odd.set_type(pyvips.GValue.gint_type, "orientation", 77)
        assert render(jpeg(odd)).width_px == 300


class TestColours:
    def test_of_a_wide_gamut_profile_become_srgb(self) -> None:
        image = render(jpeg(flat([200, 100, 100]), profile="p3", subsample_mode="off"))
        # Display P3 to linear light, the published matrix (CSS Color 4, section 17), and back through sRGB's curve.
        assert colour_at(pick(image, "image/jpeg"), 0.5, 0.5) == pytest.approx([213, 96, 97], abs=4)

    def test_of_srgb_pass_untouched_and_are_known_by_the_profiles_name(self) -> None:
        picture = scene(640, 480)
        assert is_called_srgb(pyvips.Image.profile_load("srgb"))
        assert not is_called_srgb(pyvips.Image.profile_load("p3"))
        assert not is_called_srgb(b"")
        assert render(jpeg(picture, profile="srgb")).renditions == render(jpeg(picture, keep="none")).renditions

    def test_of_an_unreadable_profile_are_taken_as_srgb(self) -> None:
        broken = flat([200, 100, 100])
        broken.set_type(pyvips.GValue.blob_type, "icc-profile-data", b"no profile" * 30)
        image = render(png(broken, keep="all"))
        assert colour_at(pick(image, "image/jpeg"), 0.5, 0.5) == pytest.approx([200, 100, 100], abs=3)

    @pytest.mark.parametrize(
        ("ink", "expected"),
        [([0, 0, 0, 0], [255, 255, 255]), ([0, 255, 255, 0], [237, 28, 36]), ([0, 0, 0, 255], [35, 31, 32])],
    )
    def test_of_cmyk_become_srgb(self, ink: list[int], expected: list[int]) -> None:
        image = render(jpeg(flat(ink, kind="cmyk")))
        assert colour_at(pick(image, "image/webp"), 0.5, 0.5) == pytest.approx(expected, abs=12)

    def test_of_16_bits_become_8(self) -> None:
        image = render(png(flat([0x80FF, 0x2000, 0xFFFF], kind="rgb16"), bitdepth=16))
        assert colour_at(pick(image, "image/jpeg"), 0.5, 0.5) == pytest.approx([0x80, 0x20, 0xFF], abs=4)

    @pytest.mark.parametrize("profile", ["srgb", "p3"])
    def test_of_16_bits_with_alpha_and_profile_keep_their_alpha(self, profile: str) -> None:
        data = png(flat([0x8000, 0x8000, 0x8000, 0x4000], width=2000, kind="rgb16"), bitdepth=16, profile=profile)
        assert colour_at(pick(render(data), "image/webp"), 0.5, 0.5)[3] == pytest.approx(0x40, abs=1)

    @pytest.mark.parametrize("kind", ["b-w", "grey16"])
    def test_of_grey_stay_grey(self, kind: str) -> None:
        value = 0x60 if kind == "b-w" else 0x6060
        options = {} if kind == "b-w" else {"bitdepth": 16}
        image = render(png(flat([value], kind=kind), **options))
        assert colour_at(pick(image, "image/jpeg"), 0.5, 0.5) == pytest.approx([0x60] * 3, abs=2)

    def test_under_alpha_lie_on_white_in_jpeg_and_stay_clear_in_webp(self) -> None:
        clear = flat([0, 0, 0, 0], width=1000, height=500).join(
            flat([255, 0, 0, 255], width=1000, height=500), "vertical"
        )
        image = render(png(clear))
        assert colour_at(pick(image, "image/jpeg"), 0.5, 0.25) == pytest.approx([255, 255, 255], abs=2)
        assert colour_at(pick(image, "image/webp"), 0.5, 0.25)[3] == 0
        assert colour_at(pick(image, "image/webp"), 0.5, 0.75) == pytest.approx([254, 0, 0, 255], abs=3)

    def test_of_clear_pixels_do_not_bleed(self) -> None:
        stripes = flat([0, 0, 0, 0], width=1, height=2000).join(
            flat([255, 0, 0, 255], width=1, height=2000), "horizontal"
        )
        image = render(png(stripes.replicate(1000, 1)))
        assert colour_at(pick(image, "image/jpeg"), 0.5, 0.5) == pytest.approx([255, 128, 128], abs=8)


class TestPerceptualHash:
    @pytest.mark.parametrize("seed", range(1, 6))
    def test_is_near_for_the_same_picture_in_another_size_and_quality(self, seed: int) -> None:
        original = render(jpeg(scene(2000, 1500, seed=seed)))
        copy = render(webp(scene(640, 480, seed=seed), Q=50))
        assert distance(original, copy) <= 4

    def test_is_far_for_another_picture(self) -> None:
        hashed = [render(jpeg(scene(640, 480, seed=seed))) for seed in range(1, 7)]
        assert min(distance(one, other) for one, other in itertools.combinations(hashed, 2)) >= 16

    def test_is_taken_upright(self) -> None:
        upright = scene(640, 480)
        turned = tagged(_undo(upright, 6), orientation=6)
        assert distance(render(png(upright)), render(png(turned, keep="all"))) == 0

    def test_is_sixteen_hex_digits(self) -> None:
        assert len(bytes.fromhex(render(jpeg(flat([1, 2, 3]))).perceptual_hash)) == 8


def _undo(upright: pyvips.Image, orientation: int) -> pyvips.Image:
    """Store an upright picture so that a viewer that applies ``orientation`` (EXIF 2.32) sees it upright."""
    steps = {
        1: (),
        2: ("flip_h",),
        3: ("rot180",),
        4: ("flip_v",),
        5: ("rot90", "flip_h"),
        6: ("rot270",),
        7: ("rot270", "flip_h"),
        8: ("rot90",),
    }[orientation]
    image = upright
    for step in steps:
        image = {
            "flip_h": image.fliphor,
            "flip_v": image.flipver,
            "rot90": image.rot90,
            "rot180": image.rot180,
            "rot270": image.rot270,
        }[step]()
    return image
