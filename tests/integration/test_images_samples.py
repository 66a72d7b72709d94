"""The sample photographs: as their README says, and through the codec as an upload would go."""

from pathlib import Path

import pytest
import pyvips

from resale.adapters.images.vips import VipsImageCodec
from tests.fixtures.pictures import METADATA_MARKS

PHOTOS = Path(__file__).parents[2] / "deploy/local/photos"
SEEN_AS = {
    "jacket.jpg": ("image/jpeg", 1350, 1800),
    "jacket-detail.webp": ("image/webp", 1440, 1080),
    "shoes.jpg": ("image/jpeg", 1800, 1200),
    "bag.png": ("image/png", 720, 720),
}
MAX_BYTES = 1_500_000
# Entries of a little-endian EXIF directory: tag, kind, count and, where it fits, the value (EXIF 2.32, 4.6.2).
ORIENTATION_IS_6 = bytes.fromhex("1201 0300 01000000 0600")
GPS_DIRECTORY = bytes.fromhex("2588 0400 01000000")


class TestSamples:
    def test_are_all_listed_and_small_in_sum(self) -> None:
        shipped = [path for path in PHOTOS.iterdir() if path.suffix in {".jpg", ".png", ".webp"}]
        assert {path.name for path in shipped} == SEEN_AS.keys()
        assert sum(path.stat().st_size for path in shipped) < MAX_BYTES
        assert all(f"`{name}`" in (PHOTOS / "README.md").read_text() for name in SEEN_AS)

    @pytest.mark.parametrize("name", SEEN_AS)
    def test_render_upright_and_clean(self, name: str) -> None:
        content_type, width_px, height_px = SEEN_AS[name]
        image = VipsImageCodec().render((PHOTOS / name).read_bytes())
        assert (image.content_type, image.width_px, image.height_px) == (content_type, width_px, height_px)
        for rendition in image.renditions:
            assert (rendition.width_px > rendition.height_px) == (width_px > height_px)
            assert not [mark for mark in (*METADATA_MARKS, b"Rendered telephone") if mark in rendition.body]

    def test_of_the_telephone_carry_a_place_and_lie_on_their_side(self) -> None:
        data = (PHOTOS / "jacket.jpg").read_bytes()
        assert ORIENTATION_IS_6 in data
        assert GPS_DIRECTORY in data
        stored = pyvips.Image.jpegload_buffer(data)
        assert (stored.width, stored.height) == (1800, 1350)

    def test_of_the_cut_out_have_alpha(self) -> None:
        assert pyvips.Image.pngload_buffer((PHOTOS / "bag.png").read_bytes()).hasalpha()
