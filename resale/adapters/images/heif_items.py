"""The items of a HEIF file (ISO/IEC 23008-12): their types, their references, and the positions of their bytes."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from resale.adapters.images.boxes import Box, Cursor, iter_boxes
from resale.domain.media import ImageRefused, RefusalReason

MAX_ITEMS = 1_000  # libheif's own bound; 48 megapixels of a telephone are 192 tiles and some fifty more
_MAX_PROPERTIES = 4_096
_MAX_EXTENTS = 32  # of one item
_IN_FILE, _IN_IDAT = 0, 1  # construction methods of iloc


@dataclass
class Item:
    """An item: a coded tile, a grid of tiles, or an EXIF block."""

    kind: bytes = b""
    kind_at: int = 0
    made_of: list[int] = field(default_factory=list)
    alpha_of: list[int] = field(default_factory=list)
    properties: list[int] = field(default_factory=list)
    extents: list[tuple[int, int]] = field(default_factory=list)


@dataclass
class Meta:
    """The contents of a ``meta`` box."""

    primary: int = -1
    items: dict[int, Item] = field(default_factory=dict)
    properties: list[Box] = field(default_factory=list)
    other_boxes: list[Box] = field(default_factory=list)


def read_meta(data: memoryview, meta: Box) -> Meta:
    """Read the items of a file and their references.

    Raises:
        ImageRefused: ``not_an_image`` (no items), ``truncated``, ``unprocessable`` (more than cameras write).
    """
    boxes: dict[bytes, Box] = {}
    found = Meta()
    for box in iter_boxes(data, meta.body + 4, meta.end):
        if box.kind in _KNOWN and box.kind not in boxes:
            boxes[box.kind] = box
        else:
            found.other_boxes.append(box)
    if not boxes.keys() >= _NEEDED:
        raise ImageRefused(RefusalReason.NOT_AN_IMAGE)
    _read_infos(data, boxes[b"iinf"], found)
    found.primary = _read_id(Cursor(data, boxes[b"pitm"]))
    _read_properties(data, boxes[b"iprp"], found)
    _read_locations(data, boxes[b"iloc"], boxes.get(b"idat"), found)
    if b"iref" in boxes:
        _read_references(data, boxes[b"iref"], found)
    return found


_NEEDED = frozenset({b"pitm", b"iinf", b"iprp", b"iloc"})
_KNOWN = _NEEDED | {b"hdlr", b"iref", b"idat"}


def _read_id(cursor: Cursor) -> int:
    return cursor.number(2 if cursor.version() == 0 else 4)


def _read_infos(data: memoryview, box: Box, found: Meta) -> None:
    cursor = Cursor(data, box)
    count = cursor.number(2 if cursor.version() == 0 else 4)
    if count > MAX_ITEMS:
        raise ImageRefused(RefusalReason.UNPROCESSABLE)
    for info in iter_boxes(data, cursor.at, box.end):
        entry = Cursor(data, info)
        version = entry.version()
        if info.kind != b"infe" or version not in {2, 3}:
            continue
        item_id = entry.number(2 if version == 2 else 4)  # noqa: PLR2004 - the widths of versions 2 and 3
        entry.number(2)
        item = Item(kind_at=entry.at, kind=entry.take(4))
        if item_id in found.items:  # decoders differ in which of the two they take
            raise ImageRefused(RefusalReason.UNPROCESSABLE)
        found.items[item_id] = item
        if len(found.items) > MAX_ITEMS:
            raise ImageRefused(RefusalReason.UNPROCESSABLE)


def _read_properties(data: memoryview, box: Box, found: Meta) -> None:
    for part in iter_boxes(data, box.body, box.end):
        if part.kind == b"ipco":
            found.properties.extend(iter_boxes(data, part.body, part.end))
        elif part.kind == b"ipma":
            _read_associations(data, part, found)
    if len(found.properties) > _MAX_PROPERTIES:
        raise ImageRefused(RefusalReason.UNPROCESSABLE)


def _read_associations(data: memoryview, box: Box, found: Meta) -> None:
    cursor = Cursor(data, box)
    head = cursor.number(4)
    id_size = 2 if head >> 24 == 0 else 4
    index_size = 2 if head & 1 else 1
    mask = 0x7FFF if index_size == 2 else 0x7F  # noqa: PLR2004 - the top bit says that a property is essential
    for _ in range(_check_count(cursor.number(4))):
        item_id = cursor.number(id_size)
        indexes = [cursor.number(index_size) & mask for _ in range(cursor.number(1))]
        if item_id in found.items:
            found.items[item_id].properties.extend(index - 1 for index in indexes if index)


def _read_locations(data: memoryview, box: Box, idat: Box | None, found: Meta) -> None:
    cursor = Cursor(data, box)
    version = cursor.version()
    sizes = cursor.number(2)
    offset_size, length_size, base_size, index_size = (sizes >> shift & 15 for shift in (12, 8, 4, 0))
    id_size = 4 if version == 2 else 2  # noqa: PLR2004 - ISO/IEC 14496-12, 8.11.3
    for _ in range(_check_count(cursor.number(id_size))):
        item_id = cursor.number(id_size)
        method = cursor.number(2) & 15 if version in {1, 2} else _IN_FILE
        cursor.number(2)
        base = cursor.number(base_size)
        count = cursor.number(2)
        if count > _MAX_EXTENTS:
            raise ImageRefused(RefusalReason.UNPROCESSABLE)
        extents = []
        for _ in range(count):
            cursor.number(index_size if version in {1, 2} else 0)
            offset = base + cursor.number(offset_size)
            extents.append((offset, cursor.number(length_size)))
        if item_id in found.items:
            found.items[item_id].extents = list(_place(extents, method=method, idat=idat))


def _place(extents: list[tuple[int, int]], *, method: int, idat: Box | None) -> Iterator[tuple[int, int]]:
    if method not in {_IN_FILE, _IN_IDAT} or (method == _IN_IDAT and idat is None):
        raise ImageRefused(RefusalReason.UNPROCESSABLE)
    shift = idat.body if method == _IN_IDAT and idat is not None else 0
    for offset, length in extents:
        yield offset + shift, length


def _read_references(data: memoryview, box: Box, found: Meta) -> None:
    cursor = Cursor(data, box)
    id_size = 2 if cursor.version() == 0 else 4
    for reference in iter_boxes(data, cursor.at, box.end):
        entry = Cursor(data, reference)
        item_id = entry.number(id_size)
        referred = [entry.number(id_size) for _ in range(_check_count(entry.number(2)))]
        if item_id not in found.items:
            continue
        if reference.kind == b"dimg":
            found.items[item_id].made_of.extend(referred)
        elif reference.kind == b"auxl":
            found.items[item_id].alpha_of.extend(referred)


def _check_count(count: int) -> int:
    if count > MAX_ITEMS:
        raise ImageRefused(RefusalReason.UNPROCESSABLE)
    return count
