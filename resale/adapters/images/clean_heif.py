"""Cleaning of HEIC and AVIF: only the primary picture and its parts remain readable.

Boxes refer to each other by their place in the file, so nothing is moved: what is not kept loses its name. EXIF and
XMP items go with the rest (libheif inflates them), so ``irot`` and ``imir`` alone say how the picture is turned.
"""

from collections.abc import Iterable

from resale.adapters.images.boxes import Box, Cursor, iter_boxes
from resale.adapters.images.cleaned import MAX_PROFILE_BYTES, Buffer, Cleaned
from resale.adapters.images.heif_items import Item, Meta, read_meta
from resale.domain.media import ImageRefused, RefusalReason

_CODED = {b"hvc1": "image/heic", b"av01": "image/avif"}
_DERIVED = frozenset({b"grid", b"iden"})
_BRANDS = {"image/heic": b"heic", "image/avif": b"avif"}
_ALPHA = (b"urn:mpeg:hevc:2015:auxid:1", b"urn:mpeg:mpegB:cicp:systems:auxiliary:alpha")
_DISPLAY_P3 = 12  # colour primaries of nclx, ITU-T H.273, table 2
_AV1C_DEPTH, _HIGH_BITDEPTH = 2, 0x40
_FREE, _SKIPPED = b"free", b"skip"
_MAX_DEPTH = 4  # grid of rotated tiles: two


def clean_heif(data: memoryview) -> Cleaned:
    """Remove everything except the primary picture.

    Raises:
        ImageRefused: ``not_an_image``, ``unsupported_format`` (a film, another codec inside), ``truncated``,
            ``unprocessable`` (more boxes, items or places than cameras write, or items made of each other).
    """
    top = list(iter_boxes(data, 0, len(data)))
    meta_box = next((box for box in top if box.kind == b"meta"), None)
    if meta_box is None:  # a film of pictures keeps them in ``moov``
        raise ImageRefused(RefusalReason.UNSUPPORTED_FORMAT)
    meta = read_meta(data, meta_box)
    if meta.primary not in meta.items:
        raise ImageRefused(RefusalReason.NOT_AN_IMAGE)
    kept = {meta.primary}
    _keep_referenced_items(meta, meta.primary, kept, depth=0)
    for item_id in [each for each in meta.items if _is_alpha(data, meta, each)]:
        kept.add(item_id)
        _keep_referenced_items(meta, item_id, kept, depth=0)
    content_type = _name_type(meta.items[item_id] for item_id in kept)
    _check_places(data, (meta.items[item_id] for item_id in kept))
    width, height = _measure(data, meta, kept)
    profile, profile_name = _find_profile(data, meta, kept)
    ftyp = next((box for box in top if box.kind == b"ftyp"), None)
    # Of two boxes of a kind libheif keeps the last: only those that were read keep their names.
    patches = [(box.start + 4, _FREE) for box in top if box not in (ftyp, meta_box) and box.kind != b"mdat"]
    patches += [(box.start + 4, _FREE) for box in meta.other_boxes]
    patches += [(item.kind_at, _SKIPPED) for item_id, item in meta.items.items() if item_id not in kept]
    patches += _rename_brands(ftyp, _BRANDS[content_type])
    return Cleaned(
        content_type=content_type,
        width_px=width,
        height_px=height,
        parts=tuple(_patch(data, sorted(patches))),
        profile=profile,
        profile_name=profile_name,
        is_held_whole=_is_deep(data, meta, kept),
    )


def _keep_referenced_items(meta: Meta, item_id: int, kept: set[int], *, depth: int) -> None:
    if depth > _MAX_DEPTH:
        raise ImageRefused(RefusalReason.UNPROCESSABLE)
    for part in meta.items[item_id].made_of:
        if part not in meta.items:
            raise ImageRefused(RefusalReason.UNPROCESSABLE)
        if part not in kept:
            kept.add(part)
            _keep_referenced_items(meta, part, kept, depth=depth + 1)


def _is_alpha(data: memoryview, meta: Meta, item_id: int) -> bool:
    """Return whether an item is the alpha plane of the primary picture; depth and gain maps are removed."""
    item = meta.items[item_id]
    if meta.primary not in item.alpha_of:
        return False
    return any(bytes(data[box.body + 4 : box.end]).startswith(_ALPHA) for box in _properties(meta, item, b"auxC"))


def _name_type(items: Iterable[Item]) -> str:
    kinds = {item.kind for item in items} - _DERIVED
    types = {_CODED.get(kind) for kind in kinds}
    named = types.pop() if len(types) == 1 else None
    if named is None:
        raise ImageRefused(RefusalReason.UNSUPPORTED_FORMAT)
    return named


def _check_places(data: memoryview, items: Iterable[Item]) -> None:
    """Refuse items outside the file, and items whose bytes are used repeatedly: each decode costs time."""
    lengths = 0
    for item in items:
        for offset, length in item.extents:
            if offset + length > len(data):
                raise ImageRefused(RefusalReason.TRUNCATED)
            lengths += length
    if lengths > len(data):
        raise ImageRefused(RefusalReason.UNPROCESSABLE)


def _measure(data: memoryview, meta: Meta, kept: set[int]) -> tuple[int, int]:
    """Return the size of the primary picture, or of a tile or canvas of a grid if that is larger."""
    sizes = [_read_size(data, meta, meta.items[item_id]) for item_id in kept]
    sizes += [_read_canvas(data, meta.items[item_id]) for item_id in kept if meta.items[item_id].kind == b"grid"]
    return max(sizes, key=lambda size: size[0] * size[1])


def _read_size(data: memoryview, meta: Meta, item: Item) -> tuple[int, int]:
    for box in _properties(meta, item, b"ispe"):
        cursor = Cursor(data, box)
        cursor.version()
        return cursor.number(4), cursor.number(4)
    raise ImageRefused(RefusalReason.NOT_AN_IMAGE)


def _read_canvas(data: memoryview, grid: Item) -> tuple[int, int]:
    if len(grid.extents) != 1:
        raise ImageRefused(RefusalReason.UNPROCESSABLE)
    offset, length = grid.extents[0]
    cursor = Cursor(data, Box(b"grid", offset, offset, offset + length))
    cursor.number(1)
    size = 4 if cursor.number(1) & 1 else 2
    rows, columns = cursor.number(1) + 1, cursor.number(1) + 1
    if rows * columns != len(grid.made_of):
        raise ImageRefused(RefusalReason.UNPROCESSABLE)
    return cursor.number(size), cursor.number(size)


def _find_profile(data: memoryview, meta: Meta, kept: set[int]) -> tuple[bytes | None, str | None]:
    """Return the colour profile or known colour space of the primary picture, or of its tiles."""
    for item_id in (meta.primary, *sorted(kept)):
        for box in _properties(meta, meta.items[item_id], b"colr"):
            kind, body = bytes(data[box.body : box.body + 4]), data[box.body + 4 : box.end]
            if kind in {b"prof", b"rICC"} and len(body) <= MAX_PROFILE_BYTES:
                return bytes(body), None
            if kind == b"nclx" and int.from_bytes(body[:2], "big") == _DISPLAY_P3:
                return None, "p3"
    return None, None


def _is_deep(data: memoryview, meta: Meta, kept: set[int]) -> bool:
    """Return whether AV1 has more than 8 bits, for which its decoder uses twice the memory (AV1-ISOBMFF, 2.3.3)."""
    boxes = [box for item_id in kept for box in _properties(meta, meta.items[item_id], b"av1C")]
    return any(box.end - box.body > _AV1C_DEPTH and data[box.body + _AV1C_DEPTH] & _HIGH_BITDEPTH for box in boxes)


def _properties(meta: Meta, item: Item, kind: bytes) -> list[Box]:
    boxes = [meta.properties[index] for index in item.properties if index < len(meta.properties)]
    return [box for box in boxes if box.kind == kind]


def _rename_brands(ftyp: Box | None, brand: bytes) -> list[tuple[int, bytes]]:
    """Set the brand to a still picture of one codec, so that decoders do not look for a sequence."""
    if ftyp is None:
        return []
    compatible = range(ftyp.body + 8, ftyp.end - 3, 4)
    return [(ftyp.body, brand), *((at, (b"mif1", brand)[n % 2]) for n, at in enumerate(compatible))]


def _patch(data: memoryview, patches: list[tuple[int, bytes]]) -> Iterable[Buffer]:
    done = 0
    for at, name in patches:
        yield data[done:at]
        yield name
        done = at + len(name)
    yield data[done:]
