"""Rendering of the sample photos beside this file: ``python -m deploy.local.photos.render``.

What is in the pictures is drawn in ``drawings`` and given cloth, light and grain here, so they are ours to license
(``README.md``). No part of the platform: it runs by hand when a picture is to change, and its outputs are committed.
"""

from pathlib import Path

import pyvips

_HERE = Path(__file__).parent
_Size = tuple[int, int]
# A telephone's tags, with a place (Trafalgar Square): what a rendition must not carry.
_TELEPHONE = {
    "exif-ifd0-Make": "Sample",
    "exif-ifd0-Model": "Rendered telephone",
    "exif-ifd2-DateTimeOriginal": "2026:05:17 14:03:11",
    "exif-ifd3-GPSLatitudeRef": "N",
    "exif-ifd3-GPSLatitude": "51/1 30/1 29/1",
    "exif-ifd3-GPSLongitudeRef": "W",
    "exif-ifd3-GPSLongitude": "0/1 7/1 41/1",
}
_HELD_UPRIGHT = 6  # EXIF orientation: the sensor lies on its side, turn the picture 90 degrees clockwise


def main() -> None:
    """Render every photo; the same bytes each time with the same libvips."""
    jacket = render_jacket(1.5)
    _save_as_telephone(jacket, "jacket.jpg")
    _crop_detail(render_jacket(2.6)).webpsave(str(_HERE / "jacket-detail.webp"), Q=82, keep="none")
    render_shoes().jpegsave(str(_HERE / "shoes.jpg"), Q=82, keep="none")
    render_bag().pngsave(str(_HERE / "bag.png"), compression=9, keep="none")


def render_jacket(scale: float) -> pyvips.Image:
    """Render a denim jacket on linen; ``scale`` 1.5 is 1350 x 1800."""
    thing = _draw("jacket", scale).rotate(-3, background=[0, 0, 0, 0])
    thing = thing.gravity("centre", round(900 * scale), round(1200 * scale), extend="background", background=[0] * 4)
    size = (thing.width, thing.height)
    wash = _noise(size, grain_px=70 * scale, depth=0.13, seed=11) * _noise(
        size, grain_px=9 * scale, depth=0.07, seed=12
    )
    denim = _apply_textures(
        thing, wash, _twill(size, pitch_px=2.6 * scale, depth=0.09), _noise(size, grain_px=1.6, depth=0.07, seed=13)
    )
    return _expose(_lay(denim, _linen(size), shift=(round(15 * scale), round(22 * scale)), blur_px=14 * scale), seed=14)


def render_shoes() -> pyvips.Image:
    """Render a pair of white trainers on a wooden floor, 1800 x 1200."""
    size = (1800, 1200)
    far, near = (
        _apply_textures(_draw("shoe", scale), leather)
        for scale, leather in ((1.28, _leather(1280, 717)), (1.5, _leather(1500, 840)))
    )
    picture = _boards(size)
    for shoe, corner in ((far.rotate(-7, background=[0] * 4), (420, 40)), (near, (110, 310))):
        thing = shoe.embed(*corner, *size, extend="background", background=[0] * 4)
        picture = _lay(thing, picture, shift=(26, 40), blur_px=24)
    return _expose(picture, seed=24)


def render_bag() -> pyvips.Image:
    """Render a leather handbag without a background, with a soft shadow, 720 x 720."""
    thing = _draw("bag", 1.0)
    leather = _noise((720, 720), grain_px=4, depth=0.05, seed=31) * _noise((720, 720), grain_px=90, depth=0.08, seed=32)
    bag = _apply_textures(thing, leather)
    ellipse = b'<ellipse cx="360" cy="652" rx="290" ry="18"/>'
    drawing = b'<svg xmlns="http://www.w3.org/2000/svg" width="720" height="720">%b</svg>' % ellipse
    ground = pyvips.Image.svgload_buffer(drawing).gaussblur(12)
    return _as_rgba(ground.composite2(bag, "over"))


# ---------------------------------------------------------------- things and rooms
def _draw(name: str, scale: float) -> pyvips.Image:
    return pyvips.Image.svgload(str(_HERE / "drawings" / f"{name}.svg"), scale=scale)


def _room(name: str, size: _Size) -> pyvips.Image:
    drawn = _draw(name, 8)
    return drawn.resize(size[0] / drawn.width, vscale=size[1] / drawn.height)


def _linen(size: _Size) -> pyvips.Image:
    folds = _noise(size, grain_px=size[1] / 6, depth=0.05, seed=1, stretch=1.7)
    threads = _noise(size, grain_px=2, depth=0.05, seed=2, stretch=6) * _noise(
        size, grain_px=12, depth=0.03, seed=3, stretch=0.16
    )
    return _apply_textures(_room("linen", size), folds, threads)[:3]


def _boards(size: _Size) -> pyvips.Image:
    grain = _noise(size, grain_px=3, depth=0.12, seed=4, stretch=70) * _noise(
        size, grain_px=26, depth=0.1, seed=5, stretch=16
    )
    return _apply_textures(_room("boards", size), grain)[:3]


def _leather(width: int, height: int) -> pyvips.Image:
    return _noise((width, height), grain_px=5, depth=0.018, seed=6)


def _crop_detail(jacket: pyvips.Image) -> pyvips.Image:
    width, height = 1440, 1080
    return jacket.crop(round(jacket.width * 0.23), round(jacket.height * 0.2), width, height)


# ---------------------------------------------------------------- light and cloth
def _noise(size: _Size, *, grain_px: float, depth: float, seed: int, stretch: float = 1.0) -> pyvips.Image:
    """Return a one-band texture around 1.0 that multiplies colours; ``stretch`` makes the grains wide."""
    across, down = max(3, round(size[0] / grain_px / stretch)), max(3, round(size[1] / grain_px))
    small = pyvips.Image.gaussnoise(across, down, mean=1.0, sigma=depth, seed=seed)
    return small.resize(size[0] / across, vscale=size[1] / down, kernel="cubic")


def _twill(size: _Size, *, pitch_px: float, depth: float) -> pyvips.Image:
    xy = pyvips.Image.xyz(*size)
    return ((xy[0] + xy[1]) * (360 / pitch_px)).sin() * depth + 1


def _apply_textures(thing: pyvips.Image, *textures: pyvips.Image) -> pyvips.Image:
    """Multiply the colours of a cut-out with textures; its outline does not change."""
    colours = thing[:3]
    for texture in textures:
        colours = colours * texture
    return _as_rgba(_clip(colours).bandjoin(thing[3]))


def _lay(thing: pyvips.Image, ground: pyvips.Image, *, shift: _Size, blur_px: float) -> pyvips.Image:
    """Place a cut-out on a ground: a soft shadow, and a dark line where it touches."""
    window = _shadow(thing, shift=shift, blur_px=blur_px, strength=0.5)
    contact = _shadow(thing, shift=(shift[0] // 4, shift[1] // 4), blur_px=blur_px / 5, strength=0.5)
    return ground.composite([window, contact, thing], ["over", "over", "over"])[:3]


def _shadow(thing: pyvips.Image, *, shift: _Size, blur_px: float, strength: float) -> pyvips.Image:
    moved = thing[3].embed(*shift, thing.width, thing.height)
    black = pyvips.Image.black(thing.width, thing.height, bands=3)
    return _as_rgba(black.bandjoin(moved.gaussblur(blur_px) * strength))


def _expose(picture: pyvips.Image, *, seed: int) -> pyvips.Image:
    """Simulate a camera: vignetting, a slightly soft lens, sensor grain."""
    xy = pyvips.Image.xyz(picture.width, picture.height)
    from_centre = (xy[0] / picture.width - 0.5) ** 2 + (xy[1] / picture.height - 0.5) ** 2
    seen = (picture * (1.05 - from_centre * 0.55)).gaussblur(0.7)
    grain = pyvips.Image.gaussnoise(picture.width, picture.height, mean=0, sigma=2.0, seed=seed)
    return _clip(seen + grain).cast("uchar").copy(interpretation="srgb")


def _clip(image: pyvips.Image) -> pyvips.Image:
    return (image < 0).ifthenelse(0, (image > 255).ifthenelse(255, image))  # noqa: PLR2004 - eight bits


def _as_rgba(image: pyvips.Image) -> pyvips.Image:
    return image.cast("uchar").copy(interpretation="srgb")


def _save_as_telephone(picture: pyvips.Image, name: str) -> None:
    """Save like a telephone in portrait: rotated pixels, EXIF orientation and location."""
    stored = picture.rot270().copy()
    stored.set_type(pyvips.GValue.gint_type, "orientation", _HELD_UPRIGHT)
    for tag, value in _TELEPHONE.items():
        stored.set_type(pyvips.GValue.gstr_type, tag, value)
    stored.jpegsave(str(_HERE / name), Q=82, keep="exif")


if __name__ == "__main__":
    main()
