"""Every codec x odd sizes x damage x bombs x wrong types: files, and what has to become of each."""

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pyvips

from tests.fixtures.bombs import (
    box,
    deflated_zeros,
    jpeg_of_size,
    jpeg_with_many_scans,
    jpeg_with_segments,
    png_of_size,
    png_with_many_chunks,
    png_with_texts,
    webp_of_chunks,
    webp_patch,
    webp_pixels,
)
from tests.fixtures.pictures import flat, jpeg, png, png_bomb, scene, tagged, webp

SAMPLES = Path(__file__).parents[2] / "samples/photos"
TYPES = ("image/jpeg", "image/png", "image/webp", "image/heic", "image/avif")
READY, REJECTED, EITHER = frozenset({"ready"}), frozenset({"rejected"}), frozenset({"ready", "rejected"})
#: Sizes with an edge of one, around the edges of renditions and blocks, and long thin ones.
SIZES = ((1, 1), (2, 3), (31, 17), (319, 321), (640, 480), (1601, 1600), (3, 12_800), (12_800, 3))
_SHARES = (0.01, 0.2, 0.5, 0.8, 0.97)
_FLIPS = 12


@dataclass(frozen=True)
class Sample:
    """One file."""

    name: str
    data: bytes
    content_type: str
    outcomes: frozenset[str]


def avif(image: pyvips.Image, **options: object) -> bytes:
    return bytes(image.heifsave_buffer(**{"compression": "av1", "effort": 0, "Q": 60, **options}))


def _progressive(image: pyvips.Image) -> bytes:
    return jpeg(image, interlace=True, subsample_mode="off")


def _interlaced(image: pyvips.Image) -> bytes:
    return png(image, interlace=True)


def _lossless(image: pyvips.Image) -> bytes:
    return webp(image, lossless=True)


ENCODERS: dict[str, tuple[str, Callable[[pyvips.Image], bytes]]] = {
    "jpeg": ("image/jpeg", jpeg),
    "progressive": ("image/jpeg", _progressive),
    "png": ("image/png", png),
    "interlaced": ("image/png", _interlaced),
    "webp": ("image/webp", webp),
    "lossless": ("image/webp", _lossless),
    "avif": ("image/avif", avif),
}


def generate(seed: int = 1) -> list[Sample]:
    """Make all of them; the same ones for a seed."""
    return [*_sound(), *_damaged(random.Random(seed)), *_bombs(), *_large()]  # noqa: S311 - repeatable


def _sound() -> Iterator[Sample]:
    for kind, (content_type, encode) in ENCODERS.items():
        for width, height in SIZES:
            data = encode(tagged(scene(width, height), orientation=6))
            yield Sample(f"{kind} {width}x{height}", data, content_type, READY)
        data = encode(scene(320, 240))
        yield from (Sample(f"{kind} said to be {said}", data, said, READY) for said in TYPES if said != content_type)
    for path in sorted(SAMPLES.glob("*.[ah]*i[cf]")):
        yield Sample(path.name, path.read_bytes(), "image/heif", READY)
        yield Sample(f"{path.name} said to be PNG", path.read_bytes(), "image/png", READY)
    for kind in ("b-w", "cmyk", "rgb16", "grey16"):
        bands = {"b-w": 1, "grey16": 1, "cmyk": 4}.get(kind, 3)
        encode = jpeg if kind in {"b-w", "cmyk"} else png
        yield Sample(f"flat {kind}", encode(flat([90] * bands, kind=kind)), "image/jpeg", READY)
    yield Sample("alpha png", png(flat([9, 9, 9, 90])), "image/png", READY)
    yield Sample("alpha webp", webp(flat([9, 9, 9, 90])), "image/webp", READY)


def _damaged(rng: random.Random) -> Iterator[Sample]:
    files = {kind: (content_type, encode(scene(640, 480))) for kind, (content_type, encode) in ENCODERS.items()}
    files |= {path.name: ("image/heic", path.read_bytes()) for path in sorted(SAMPLES.glob("*.heic"))}
    for kind, (content_type, data) in files.items():
        for share in _SHARES:
            yield Sample(f"{kind} cut at {share}", data[: int(len(data) * share)], content_type, REJECTED)
        for number in range(_FLIPS):
            yield Sample(f"{kind} flipped {number}", _flipped(data, rng), content_type, EITHER)
        middle = len(data) // 2
        yield Sample(f"{kind} twice", data + data, content_type, EITHER)
        yield Sample(f"{kind} without its middle", data[: middle - 50] + data[middle + 50 :], content_type, EITHER)
        yield Sample(f"{kind} head only of zeros", data[:64] + bytes(5000), content_type, REJECTED)
    for length in (1, 11, 12, 100, 5000):
        yield Sample(f"noise of {length}", rng.randbytes(length), "image/jpeg", REJECTED)


def _flipped(data: bytes, rng: random.Random) -> bytes:
    """Change a few bytes, most of them where headers are."""
    changed = bytearray(data)
    for _ in range(rng.choice((1, 4, 16))):
        changed[rng.randrange(min(len(data), rng.choice((64, 512, len(data)))))] = rng.randrange(256)
    return bytes(changed)


def _bombs() -> Iterator[Sample]:
    small_png, small_jpeg, small_webp = png(scene(64, 64)), jpeg(scene(64, 64)), webp(scene(64, 64), keep="none")
    for kind in (b"zTXt", b"iTXt", b"iCCP"):
        bomb = png_with_texts(small_png, kind=kind, count=60, mebibytes=16)
        yield Sample(f"png of {kind.decode()}", bomb, "image/png", READY)
    yield Sample("png of many chunks", png_with_many_chunks(small_png, 100_000), "image/png", REJECTED)
    yield Sample("png bomb", png_bomb(50_000), "image/png", REJECTED)
    for marker in (0xE1, 0xE2, 0xED, 0xFE):
        bomb = jpeg_with_segments(small_jpeg, marker, b"ICC_PROFILE\0\1\xff" + bytes(65_000), 300)
        yield Sample(f"jpeg of segments {marker:x}", bomb, "image/jpeg", READY)
    yield Sample("jpeg of many segments", jpeg_with_segments(small_jpeg, 0xFE, b"", 100_000), "image/jpeg", REJECTED)
    scans = jpeg_with_many_scans(jpeg(scene(640, 480), interlace=True), 500)
    yield Sample("jpeg of many scans", scans, "image/jpeg", REJECTED)
    yield Sample("webp of junk", webp_of_chunks((b"JUNK", b""), webp_pixels(small_webp)), "image/webp", READY)
    bomb = webp_of_chunks(*[(b"JUNK", b"")] * 70_000, webp_pixels(small_webp))
    yield Sample("webp of many chunks", bomb, "image/webp", REJECTED)
    for canvas, outcomes in (((3_000, 3_000), READY), ((16_384, 16_384), REJECTED)):
        bomb = webp_patch(small_webp, canvas=canvas, at=(2, 2), size=(64, 64))
        yield Sample(f"webp on a canvas of {canvas}", bomb, "image/webp", outcomes)
    heic = (SAMPLES / "telephone.heic").read_bytes()
    yield Sample("heic and boxes", heic + box(b"uuid", deflated_zeros(256)), "image/heic", READY)
    yield Sample("heic and many boxes", heic + box(b"free", b"") * 70_000, "image/heic", REJECTED)
    for width, height in ((0, 5), (65_500, 65_500), (12_000, 12_000), (40_000, 4)):
        yield Sample(f"jpeg lies {width}x{height}", jpeg_of_size(small_jpeg, width, height), "image/jpeg", REJECTED)
        lie = jpeg_of_size(jpeg(scene(64, 64), interlace=True), width, height)
        yield Sample(f"progressive lies {width}x{height}", lie, "image/jpeg", REJECTED)
        yield Sample(f"png lies {width}x{height}", png_of_size(small_png, width, height), "image/png", REJECTED)


def _large() -> Iterator[Sample]:
    """The largest of each kind that are taken: flat, so that the files are small; decoders hold as much of them."""
    yield Sample("jpeg of 108 megapixels", jpeg(flat([9, 99, 9], width=12_000, height=9_000)), "image/jpeg", READY)
    large = flat([9, 99, 9], width=8_064, height=6_190)
    yield Sample("progressive of 50 megapixels", _progressive(large), "image/jpeg", READY)
    yield Sample("png of 50 megapixels", png(large), "image/png", READY)
    yield Sample("lossless webp of 50 megapixels", _lossless(large), "image/webp", READY)
    deep = flat([9, 99, 9, 999], width=5_000, height=5_000, kind="rgb16")
    yield Sample("interlaced png of 16 bits", png(deep, interlace=True, bitdepth=16), "image/png", READY)
    wide = flat([9, 99, 9, 999], width=32_768, height=1_500, kind="rgb16")
    yield Sample("wide png of 16 bits", png(wide, bitdepth=16), "image/png", READY)
    yield Sample("tall png", png(flat([9, 9, 9, 99], width=1_500, height=32_768)), "image/png", READY)
    square = flat([9, 99, 9], width=4_000, height=4_000)
    yield Sample("avif of 16 megapixels", avif(square), "image/avif", READY)
    for height, outcomes in ((3_024, READY), (4_000, REJECTED)):
        deep = flat([9, 999, 9], width=4_032, height=height, kind="rgb16")
        data = avif(deep, bitdepth=12, subsample_mode="off")
        yield Sample(f"avif of 12 bits, {height} px high", data, "image/avif", outcomes)
    yield Sample("avif over its limit", avif(flat([9, 9, 9], width=4_100, height=4_000)), "image/avif", REJECTED)
    beyond = jpeg(flat([9], width=12_000, height=10_001, kind="b-w"))
    yield Sample("jpeg over its limit", beyond, "image/jpeg", REJECTED)
